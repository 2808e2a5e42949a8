import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry

from tonnage.handlers.probes import health_application, metrics_application, served
from tonnage.metrics import Metrics


async def answer(application: web.Application, path: str) -> tuple[int, str]:
    runner = await served(application, 0)
    try:
        port = next(address[1] for address in runner.addresses if address[0] == "0.0.0.0")  # noqa: S104 # all addresses
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
            return response.status, await response.text()
    finally:
        await runner.cleanup()


async def test_an_operator_without_complaint_is_healthy() -> None:
    assert (200, "ok") == await answer(health_application(lambda: None), "/healthz")


async def test_an_operator_with_a_complaint_says_what_is_wrong() -> None:
    assert (503, "the queue stands") == await answer(health_application(lambda: "the queue stands"), "/healthz")


async def test_the_metrics_have_the_names_that_dashboards_know() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.visited("success", 0.1)
    metrics.retried()
    metrics.written("apply", "Service")
    _, text = await answer(metrics_application(registry), "/metrics")
    for line in (
        'controller_runtime_reconcile_total{controller="modeldeployment",result="success"} 1.0',
        'controller_runtime_reconcile_time_seconds_count{controller="modeldeployment"} 1.0',
        'workqueue_depth{name="modeldeployment"} 0.0',
        'workqueue_retries_total{name="modeldeployment"} 1.0',
        'tonnage_api_writes_total{kind="Service",verb="apply"} 1.0',
    ):
        assert line in text
    assert "_created" not in text
