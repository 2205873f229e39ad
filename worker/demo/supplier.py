"""Owns the sample supplier: a real HTTP server on loopback, and the feed that names its files."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from worker.demo.pictures import Sample


class _Handler(BaseHTTPRequestHandler):
    """Serves the samples; keeps connections open as a real server does."""

    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet, or the client waits 40 ms for the second one.
    wbufsize = -1
    disable_nagle_algorithm = True
    files: Mapping[str, Sample] = {}

    def do_GET(self) -> None:
        sample = self.files.get(self.path)
        body = sample.body if sample else b"not found"
        self.send_response(sample.status if sample else 404)
        self.send_header("Content-Type", sample.content_type if sample else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the worker's log has a line for each picture."""


@contextmanager
def serve_samples(samples: Sequence[Sample]) -> Iterator[str]:
    """Serve the files on a free port of loopback; gives the base address of their paths."""
    handler = type("_SampleHandler", (_Handler,), {"files": {s.path: s for s in samples}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, name="sample supplier", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def write_feed(samples: Sequence[Sample]) -> bytes:
    """The supplier's feed as CSV, with paths relative to a prefix."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["sku", "name", "images"])
    writer.writerows((s.sku, s.name, s.path.removeprefix("/pictures/")) for s in samples)
    return text.getvalue().encode()
