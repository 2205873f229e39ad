"""Owns what is told of each request: its id, one log line, and how long it took.

It stands before Litestar, so that requests which match no route are told of too.
"""

import re
import time
import uuid
from typing import Any, cast

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Histogram

from worker.log import get_logger

HEAD_MARK = "likeness_head"
_ADDED = "likeness_headers"
_LIFETIME = b"cache-control"
_SOUND_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_log = get_logger()


class Telemetry:
    """An ASGI layer around the whole application."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # Told to stop: each answer closes its connection, so that none is cut off in the end.
        self.is_closing = False
        self._seconds = Histogram(
            "likeness_http_request_seconds",
            "Time from a request to the end of its answer.",
            ["method", "route", "status"],
            registry=registry,
            buckets=_BUCKETS,
        )

    async def observe(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request; answers HEAD like GET, without the body."""
        request_id = _request_id(scope)
        answer: dict[str, Any] = {"status": 500, "bytes": 0}
        added: list[tuple[bytes, bytes]] = [(b"connection", b"close")] if self.is_closing else []
        scope[_ADDED] = added  # type: ignore[literal-required]
        method: str = scope["method"]  # type: ignore[typeddict-item]

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer["status"] = message["status"]
                given = message.get("headers", [])
                if any(name == _LIFETIME for name, _ in added):
                    given = [header for header in given if header[0] != _LIFETIME]
                message["headers"] = [
                    *given,
                    *added,
                    (b"x-request-id", request_id.encode()),
                ]
            elif message["type"] == "http.response.body":
                if method == "HEAD":
                    message["body"] = b""
                answer["bytes"] += len(message["body"])
            await send(message)

        if method == "HEAD":
            # A copy: the server looks at its own to know that a body is not to come.
            scope = cast(Scope, {**scope, "method": "GET", HEAD_MARK: True})
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await app(scope, receive, tell)
            finally:
                self._tell(scope, method, answer, time.perf_counter() - started)

    def _tell(self, scope: Scope, method: str, answer: dict[str, Any], seconds: float) -> None:
        route = scope.get("path_template") or "none"
        self._seconds.labels(method, route, str(answer["status"])).observe(seconds)
        path = scope["path"]
        log = _log.debug if path in _PROBES else _log.info
        # The query is left out: it holds signatures, and addresses of pictures.
        log("request", method=method, path=path, ms=round(seconds * 1000, 2), **answer)


def add_header(scope: Scope, name: str, value: str) -> None:
    """Have the answer carry a header whatever it turns out to be, an error too.

    A ``cache-control`` takes the place of the answer's own.
    """
    scope[_ADDED].append((name.encode(), value.encode()))  # type: ignore[literal-required]


def is_head(scope: Scope) -> bool:
    """Whether the client wants the headers alone: the body need not be read."""
    return HEAD_MARK in scope


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text = value.decode("latin-1")
            if _SOUND_ID.fullmatch(text):
                return text
    return uuid.uuid4().hex
