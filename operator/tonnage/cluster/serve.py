"""Ray Serve's REST API on a revision's head, and what workers tell of themselves.

Pods are addressed by IP, not by the Service's name: a head that came back has a new address, and a cached DNS answer
would point to the old one for a while. Who holds the token may run code on the head, so it goes into the header of
exactly these calls and nowhere else: no log line and no error carries headers.
"""

from typing import Any

from tonnage.cluster.errors import ClusterError, error_of
from tonnage.cluster.transport import Answer, Request, Transport
from tonnage.contract.serve_document import DASHBOARD_PORT, REPORT_PORT

_READ_SECONDS = 5.0
# The first deployment starts Serve's controller before it answers.
_DEPLOY_SECONDS = 60.0
_REPORT_SECONDS = 1.0


class Serve:
    """The heads and workers as the operator sees them. All methods raise ClusterError unless they say otherwise."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def applications(self, pod_ip: str, token: str) -> dict[str, Any]:
        """What Serve has been told to run and what it runs: the body of `GET /api/serve/applications/`."""
        return _object(await self._send("GET", pod_ip, token, None, _READ_SECONDS))

    async def deploy(self, pod_ip: str, token: str, applications: dict[str, Any]) -> None:
        """Tell Serve what to run. The answer says that it was understood, not that it runs."""
        await self._send("PUT", pod_ip, token, applications, _DEPLOY_SECONDS)

    async def progress(self, pod_ip: str) -> dict[str, Any] | None:
        """How far a worker's download is, or None: a worker that does not download answers nothing. Never raises."""
        return await self._told(pod_ip, "/progress")

    async def engine_report(self, pod_ip: str) -> dict[str, Any] | None:
        """What a worker's engine said of its memory, or None: it has not answered yet. Never raises."""
        return await self._told(pod_ip, "/engine")

    async def _told(self, pod_ip: str, path: str) -> dict[str, Any] | None:
        request = Request("GET", f"http://{_host(pod_ip)}:{REPORT_PORT}{path}", timeout_seconds=_REPORT_SECONDS)
        try:
            answer = await self._transport.send(request)
        except ClusterError:
            return None
        return answer.body if answer.is_success and isinstance(answer.body, dict) else None

    async def _send(self, method: str, pod_ip: str, token: str, body: Any, timeout_seconds: float) -> Answer:  # noqa: ANN401 # any JSON
        request = Request(
            method,
            f"http://{_host(pod_ip)}:{DASHBOARD_PORT}/api/serve/applications/",
            headers={"Authorization": f"Bearer {token}"},
            body=body,
            timeout_seconds=timeout_seconds,
        )
        answer = await self._transport.send(request)
        if not answer.is_success:
            raise error_of(answer.status, answer.body, answer.headers, str(request))
        return answer


def _object(answer: Answer) -> dict[str, Any]:
    return answer.body if isinstance(answer.body, dict) else {}


def _host(pod_ip: str) -> str:
    return f"[{pod_ip}]" if ":" in pod_ip else pod_ip
