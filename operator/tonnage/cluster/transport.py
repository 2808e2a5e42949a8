"""The sockets: the only module that opens one to the API server or to a pod.

Everything above speaks to a `Transport`, which is a function from a request to an answer; tests put an in-memory API
server there. A transport raises only `UnreachableError`; any answer of the other side, an error too, is returned.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from tonnage.cluster.errors import UnreachableError

_NOBODY = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True)
class Request:
    """One call. `address` is a path for the API server and a whole URL for a pod."""

    method: str
    address: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    timeout_seconds: float = 10.0

    def __str__(self) -> str:
        return f"{self.method} {self.address}"


@dataclass(frozen=True)
class Answer:
    """What came back. `body` is the parsed JSON, or the text where it is none."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        """Whether the other side did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 # the class of HTTP's successes


class Transport(Protocol):
    """Carries requests."""

    async def send(self, request: Request) -> Answer:
        """The answer to `request`. Raises UnreachableError."""

    async def close(self) -> None:
        """Close all connections."""


class ApiServerTransport:
    """To the API server, with the credentials of the pod's service account or of KUBECONFIG."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def send(self, request: Request) -> Answer:
        """See Transport."""
        try:
            method, url, headers, body, _ = await self._client.param_serialize(
                request.method,
                request.address,
                query_params=list(request.query.items()),
                header_params={"Accept": "application/json", **request.headers},
                body=request.body,
                # The client reads the token file again when it is a minute old.
                auth_settings=["BearerToken"],
            )
            # Not through the generated classes: they would turn each object into models and back, for nothing.
            response = await self._client.call_api(
                method, url, headers, body, _request_timeout=aiohttp.ClientTimeout(total=request.timeout_seconds)
            )
            content: bytes = await response.read()  # type: ignore[no-untyped-call]
        except _NOBODY as error:
            raise UnreachableError(f"{request}: {_text(error)}") from error
        return Answer(response.status, _parsed(content), dict(response.headers))

    async def close(self) -> None:
        """See Transport."""
        await self._client.close()  # type: ignore[no-untyped-call]


class PodTransport:
    """To pods, by plain HTTP inside the cluster."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Answer:
        """See Transport."""
        if self._session is None:
            # Here, because a session belongs to the loop it is made in. No environment: pods are never behind a proxy.
            self._session = aiohttp.ClientSession(trust_env=False)
        try:
            async with self._session.request(
                request.method,
                request.address,
                params=request.query,
                headers=request.headers,
                json=request.body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=request.timeout_seconds, connect=2.0),
            ) as response:
                return Answer(response.status, _parsed(await response.read()), dict(response.headers))
        except _NOBODY as error:
            raise UnreachableError(f"{request}: {_text(error)}") from error

    async def close(self) -> None:
        """See Transport."""
        if self._session is not None:
            await self._session.close()


async def api_server_transport() -> ApiServerTransport:
    """The transport for where this process runs: KUBECONFIG if it is set, else the pod's service account."""
    configuration = Configuration()
    if os.environ.get("KUBECONFIG"):
        await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    return _transport(configuration, "tonnage-operator")


async def kubeconfig_transport(path: Path | None = None) -> ApiServerTransport:
    """The transport for a person: with this kubeconfig, or with the one that kubectl takes. Raises UnreachableError."""
    configuration = Configuration()
    try:
        # Not persisted: a person's file is only read.
        await config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(path) if path else None, client_configuration=configuration, persist_config=False
        )
    # The client reads a file of another kind as if it were one of its own.
    except (config.ConfigException, yaml.YAMLError, OSError, TypeError, KeyError, AttributeError, ValueError) as error:
        where = f"kubeconfig {path}" if path else "kubectl's kubeconfig"
        raise UnreachableError(f"{where} cannot be used: {' '.join(_text(error).split())}") from error
    return _transport(configuration, "tonnage")


def _transport(configuration: Configuration, user_agent: str) -> ApiServerTransport:
    # The queue decides when to try again; a client that does so too would multiply the attempts.
    configuration.retries = 0
    client = ApiClient(configuration)
    client.user_agent = user_agent
    return ApiServerTransport(client)


def _parsed(content: bytes) -> Any:  # noqa: ANN401 # any JSON
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode(errors="replace")


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__
