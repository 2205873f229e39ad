"""Owns a running API for a test: uvicorn on a free port of loopback, in a thread."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from api.server import Server, make_server
from worker.settings import Settings


@contextmanager
def running(settings: Settings) -> Iterator[Server]:
    """Serve on the port of the settings until the block ends."""
    server = make_server(settings)
    with socket.create_server(("127.0.0.1", settings.api_port), backlog=256) as listener:
        yield from _run(server, listener)


def _run(server: Server, listener: socket.socket) -> Iterator[Server]:
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the API did not start"
            assert time.monotonic() < deadline, "the API took too long to start"
            time.sleep(0.01)
        yield server
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the API did not stop"


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def client_of(settings: Settings) -> httpx.Client:
    """A client that follows no redirect and trusts no proxy variable."""
    return httpx.Client(base_url=settings.api_url, trust_env=False, timeout=30)
