"""The hub's connections: HTTP with the standard library, and what tests do to a hub under `/admin/`.

    POST /admin/away?seconds=60                       all but /healthz and /admin fails; 0 ends it
    POST /admin/branch?repo=..&branch=main&commit=..  moves a branch
    GET  /admin/requests                              requests and bytes sent so far, by repository and file

Downloads that are under way when the hub goes away break off, as in a real outage.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from e2e.hub.answers import Answer
from e2e.hub.protocols import answer
from e2e.hub.repositories import Repository


class Server(ThreadingHTTPServer):
    """A hub; port 0 is any free one."""

    # Pods that all start at once must not be refused.
    request_queue_size = 64

    def __init__(self, repositories: Mapping[str, Repository], port: int, host: str = "") -> None:
        super().__init__((host, port), Handler)
        self.repositories = repositories
        self.away_until = 0.0
        self.requests = Counter[str]()
        self.sent_bytes = Counter[str]()
        self.lock = threading.Lock()

    @property
    def is_away(self) -> bool:
        """Whether it fails whatever it is asked."""
        return time.monotonic() < self.away_until

    def administer(self, path: str, query: Mapping[str, str]) -> object:
        """Do what a test wants. Raises LookupError, ValueError."""
        with self.lock:
            match path:
                case "/admin/away":
                    self.away_until = time.monotonic() + float(query["seconds"])
                case "/admin/branch":
                    self.repositories[query["repo"]].move(query["branch"], query["commit"])
                case "/admin/requests":
                    return {"requests": dict(self.requests), "sent_bytes": dict(self.sent_bytes)}
                case _:
                    raise LookupError(path)
        return {}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    # Nagle's algorithm and delayed acknowledgements would make every small answer take 40 ms.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Read something."""
        path = urlsplit(self.path).path
        if path == "/healthz":
            self._send_document(200, {})
        elif path.startswith("/admin/"):
            self._administer()
        elif self.server.is_away:
            self._send_document(503, {"error": "The hub is away."})
        else:
            # Clients differ in how they spell a header's name.
            headers = {name.title(): value for name, value in self.headers.items()}
            self._send(answer(self.server.repositories, self.command, self.path, headers))

    def do_HEAD(self) -> None:
        """What GET would send, without its body."""
        self.do_GET()

    def do_POST(self) -> None:
        """Do something to the hub."""
        self._administer()

    def _administer(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        try:
            self._send_document(200, self.server.administer(url.path, query))
        except (LookupError, ValueError) as error:
            self._send_document(400, {"error": repr(error)})

    def _send(self, found: Answer) -> None:
        # Counted before it is sent: who has an answer can read that it was counted.
        with self.server.lock:
            self.server.requests[found.subject] += 1
        self.send_response(found.status)
        for name, value in {**found.headers, "Content-Length": str(found.length)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_content(found)

    def _send_content(self, found: Answer) -> None:
        started, sent = time.monotonic(), 0
        for chunk in found.file.chunks(found.begin, found.end):
            sent += len(chunk)
            if found.bytes_per_second:
                time.sleep(max(0.0, started + sent / found.bytes_per_second - time.monotonic()))
            if self.server.is_away:
                self.close_connection = True
                return
            with self.server.lock:
                self.server.sent_bytes[found.subject] += len(chunk)
            self.wfile.write(chunk)

    def _send_document(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle(self) -> None:
        """Serve the connection; a client may leave whenever it likes."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line for each request, but not for the kubelet's, one a second."""
        if self.path != "/healthz":
            super().log_request(code, size)
