"""Tests of what a connection may send before there is a request."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from api import protocol
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


def _answer(caller: socket.socket) -> tuple[int, dict[str, Any]]:
    """The status and body of an answer after which the connection is closed."""
    received = b""
    while data := caller.recv(65536):
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    return int(head.split(b" ", 2)[1]), json.loads(body)


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


def test_a_head_that_is_too_long_is_told_so(caller: socket.socket) -> None:
    caller.sendall(_GET + b"x-long: " + b"a" * protocol.MOST_HEAD_BYTES)
    status, problem = _answer(caller)
    assert status == problem["status"] == 431
    assert problem["type"] == "urn:likeness:problem:headers-too-large"


def test_a_long_head_within_the_bound_is_served(caller: socket.socket) -> None:
    for part in (_GET + b"x-long: ", b"a" * (protocol.MOST_HEAD_BYTES - 1000), b"\r\n\r\n"):
        caller.sendall(part)
        time.sleep(0.05)
    assert caller.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_long_body_is_no_long_head(client: httpx.Client) -> None:
    body = b'{"product_ids": [1], "context":' + b" " * 200_000 + b'"grid"}'
    answer = client.post(
        "/api/display-urls", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200


def test_nonsense_is_a_problem_as_any_other(caller: socket.socket) -> None:
    caller.sendall(b"NONSENSE\r\n\r\n")
    status, problem = _answer(caller)
    assert status == problem["status"] == 400
    assert problem["type"] == "urn:likeness:problem:invalid-request"


def test_a_head_that_comes_slowly_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caller: socket.socket, api_settings: Settings
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 1.0)
    with _connect(api_settings) as slow, _connect(api_settings) as silent:
        slow.sendall(_GET)
        began = time.monotonic()
        status, problem = _answer(slow)
        assert status == problem["status"] == 408
        assert silent.recv(1) == b""
        assert time.monotonic() - began < 10


def test_a_connection_that_is_kept_may_send_one_request_after_another(
    monkeypatch: pytest.MonkeyPatch, caller: socket.socket, api_settings: Settings
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 1.0)
    with _connect(api_settings) as kept:
        for _ in range(4):
            kept.sendall(_GET + b"\r\n")
            assert kept.recv(4096).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.5)


def test_requests_that_are_sent_at_once_are_answered_in_turn(caller: socket.socket) -> None:
    caller.sendall((_GET + b"\r\n") * 20)
    received = b""
    while received.count(b"HTTP/1.1 200 ") < 20:
        data = caller.recv(65536)
        assert data, received[-500:]
        received += data
