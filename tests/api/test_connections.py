"""Tests of what clients send over a connection: heads without an end, offers, many requests."""

import socket
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from api.server import Server
from worker.settings import Settings

_GET = b"GET /healthz HTTP/1.1\r\nHost: likeness\r\n"


@pytest.fixture
def caller(server: Server, api_settings: Settings) -> Iterator[socket.socket]:
    """A connection to a running API."""
    with _connect(api_settings) as caller:
        yield caller


def _connect(settings: Settings) -> socket.socket:
    return socket.create_connection(("127.0.0.1", settings.api_port), timeout=30)


def _send_without_end(caller: socket.socket, data: bytes, most: int) -> int:
    """Send until the other side has had enough; how many bytes that took."""
    sent = 0
    try:
        while sent < most:
            caller.sendall(data)
            sent += len(data)
    except ConnectionError:
        pass
    return sent


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /",
        _GET + b"x-long: ",
        b"POST /api/display-urls HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx: ",
    ],
    ids=["path", "header", "trailer"],
)
def test_what_has_no_end_is_cut_off_before_it_fills_the_memory(
    caller: socket.socket, begun: bytes
) -> None:
    before = psutil.Process().memory_info().rss
    caller.sendall(begun)
    sent = _send_without_end(caller, b"a" * 65536, most=400 << 20)
    # What the kernel's buffers took is not yet in anybody's memory.
    assert sent < 32 << 20
    assert psutil.Process().memory_info().rss - before < 64 << 20


def test_many_trailers_are_not_kept(caller: socket.socket) -> None:
    caller.sendall(
        b"POST /api/display-urls HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
    )
    before = psutil.Process().memory_info().rss
    sent = _send_without_end(caller, b"a: b\r\n" * 10_000, most=400 << 20)
    assert sent < 32 << 20
    assert psutil.Process().memory_info().rss - before < 64 << 20


def test_a_long_body_is_no_long_head(client: httpx.Client) -> None:
    body = b'{"product_ids": [1], "context":' + b" " * 200_000 + b'"grid"}'
    answer = client.post(
        "/api/display-urls", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200


def test_requests_that_are_sent_at_once_are_answered_in_turn(caller: socket.socket) -> None:
    caller.sendall((_GET + b"\r\n") * 20)
    received = b""
    while received.count(b"HTTP/1.1 200 ") < 20:
        data = caller.recv(65536)
        assert data, received[-500:]
        received += data


@pytest.mark.parametrize("pause", [0.0, 0.2])
def test_an_upgrade_that_nobody_wants_loses_no_body(caller: socket.socket, pause: float) -> None:
    # Java's client offers HTTP/2 so with its first request, whatever that is.
    body = b'{"product_ids": [7], "context": "grid"}'
    caller.sendall(
        b"POST /api/display-urls HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    time.sleep(pause)
    caller.sendall(body)
    received = caller.recv(65536)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b'"product_id":7' in received
    caller.sendall(_GET + b"\r\n")
    assert caller.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_head_request_gets_the_headers_alone(caller: socket.socket) -> None:
    for _ in range(3):
        caller.sendall(_GET.replace(b"GET", b"HEAD", 1) + b"\r\n")
        received = caller.recv(65536)
        assert received.startswith(b"HTTP/1.1 200 ")
        assert b"content-length: 3" in received.lower()
        assert received.endswith(b"\r\n\r\n")
