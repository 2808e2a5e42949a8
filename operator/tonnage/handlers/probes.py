"""The operator's two little HTTP servers: `/healthz` for the kubelet, `/metrics` for Prometheus.

Not healthy means that a restart helps: the queue has stood still, or a watch is deaf. An API server that is away is no
such reason: a restart would only add to its load, and models go on serving without the operator.
"""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

# What is wrong, or None.
Complaint = Callable[[], str | None]


def health_application(complaint: Complaint) -> web.Application:
    """Answers 200 or 503 with one sentence."""

    async def healthz(_: web.Request) -> web.Response:  # aiohttp wants a coroutine
        wrong = complaint()
        return web.Response(status=503 if wrong else 200, text=wrong or "ok")

    application = web.Application()
    application.router.add_get("/healthz", healthz)
    return application


def metrics_application(registry: CollectorRegistry) -> web.Application:
    """Answers in Prometheus's text format."""

    async def metrics(_: web.Request) -> web.Response:  # aiohttp wants a coroutine
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    return application


async def served(application: web.Application, port: int) -> web.AppRunner:
    """The running server; stop it with `cleanup()`."""
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
