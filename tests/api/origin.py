"""Owns a supplier's HTTP server for a test, which counts how often it is asked."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Origin:
    """Files by path: status, type and bytes; ``delay`` is in seconds."""

    port: int = 0
    delay: float = 0.0
    files: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)

    @property
    def prefix(self) -> str:
        return f"http://127.0.0.1:{self.port}/pictures/"

    def put(self, name: str, body: bytes, kind: str = "image/jpeg", status: int = 200) -> None:
        self.files[f"/pictures/{name}"] = (status, kind, body)


@contextmanager
def serving() -> Iterator[Origin]:
    """The server, until the block ends."""
    origin = Origin()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            origin.hits[self.path] += 1
            time.sleep(origin.delay)
            status, kind, body = origin.files.get(self.path, (404, "text/plain", b"no"))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    origin.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield origin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
