"""One replica, as Ray Serve sees it. Light on purpose: the head and the controller import this class, not the engine.

Serve holds a replica for running once its constructor returns, so the constructor returns after the first answer.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonnage_runtime.document import read_document
from tonnage_runtime.log_targets import log_targets_kept

if TYPE_CHECKING:
    from tonnage_runtime.engine import Server


class Replica:
    """A copy of the model behind vLLM's own OpenAI endpoints."""

    _server: "Server"

    async def __init__(self, document_path: str) -> None:  # type: ignore[misc] # Serve awaits it
        with log_targets_kept():
            from tonnage_runtime.engine import start_server  # noqa: PLC0415 # heavy, and only on workers

            self._server = await start_server(read_document(Path(document_path)))

    async def __serve_build_asgi_app__(self) -> Any:  # noqa: ANN401 # Serve's hook for a late-bound ASGI app
        return await self._server.__serve_build_asgi_app__()

    async def check_health(self) -> None:
        """Raise when the engine has died; Serve then replaces the replica."""
        await self._server.check_health()
