"""What a pod tells the operator: one path on one port, answered with one JSON body, as the moment has it."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def tell(path: str, body: Callable[[], bytes], port: int) -> ThreadingHTTPServer:
    """Answer `GET path` on `port` (0: a free one) until the server is shut down or the process ends. Raises OSError."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the base class calls
            answer = body() if self.path == path else b""
            self.send_response(HTTPStatus.OK if answer else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """The operator asks every few seconds; the log is for people."""

    server = ThreadingHTTPServer(("", port), Handler)
    server.daemon_threads = True
    # Whoever ends it waits for one interval, and a download ends at every start.
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, name=f"tell {path}", daemon=True
    ).start()
    return server
