"""The hub of e2e on a port of its own, with a tiny model in place of the real one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.hub.repositories import TINY_LLAMA, repositories
from e2e.hub.server import Server
from e2e.hub.weights import data_bytes, header, llama_shapes


def fill_with_model(folder: Path, tokenizer_config: str = "{}") -> Path:
    """The folder, once the tiny model is in it."""
    shapes = llama_shapes(TINY_LLAMA)
    # Not zeros: a byte at the wrong place must be seen.
    data = bytes(index % 251 for index in range(data_bytes(shapes)))
    (folder / "model.safetensors").write_bytes(header(shapes) + data)
    (folder / "config.json").write_text(json.dumps(TINY_LLAMA))
    (folder / "tokenizer_config.json").write_text(tokenizer_config)
    (folder / "README.md").write_text("not needed")
    return folder


@contextmanager
def running_hub(model: Path) -> Iterator[Server]:
    """A server that answers while the block runs."""
    server = Server(repositories(model), 0, host="127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
