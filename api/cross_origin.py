"""Owns which pages of other origins may read answers (CORS), for every answer alike.

It stands before Litestar and its errors. What an answer allows does not hang on whether the request
named an origin, since caches keep answers for those who come next; where it must, ``Vary`` says so.
"""

import re
from collections.abc import Iterable

from litestar.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = b"GET, HEAD, POST"
_EXPOSED = (
    b"access-control-expose-headers",
    b"content-range, etag, ratelimit, ratelimit-policy, retry-after, x-request-id",
)
_PREFLIGHT_SECONDS = b"600"
_ALLOW = b"access-control-allow-origin"
_ANYONE = (_ALLOW, b"*")
_VARY = (b"vary", b"Origin")
Header = tuple[bytes, bytes]


class CrossOrigin:
    """Anyone's page may read what anyone may read, and do nothing in the name of who looks at it.

    There are no cookies, and a header that carries a token is for origins that somebody named.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        named = list(origins)
        self._is_open = "*" in named
        patterns = (re.escape(origin.rstrip("/")).replace(r"\*", "[^/]*") for origin in named)
        self._named = re.compile("|".join(patterns) or r"(?!)")
        headers = b"content-type, if-none-match, x-request-id"
        self._headers = headers if self._is_open else headers + b", authorization"

    async def observe(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request, or answer what a browser asks before it sends one."""
        origin, is_preflight = _asked_by(scope)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                message["headers"] = [*given, *self._allowed(origin, given)]
            await send(message)

        if is_preflight:
            await self._answer_preflight(origin, send)
        else:
            await app(scope, receive, tell)

    def _allowed(self, origin: str | None, given: Iterable[Header]) -> list[Header]:
        if any(name.lower() == _ALLOW for name, _ in given):
            # Bytes by content are open to all.
            return [_EXPOSED]
        if self._is_open:
            return [_ANYONE, _EXPOSED]
        if origin is None or self._named.fullmatch(origin) is None:
            return [_VARY]
        return [_VARY, (_ALLOW, origin.encode("latin-1")), _EXPOSED]

    async def _answer_preflight(self, origin: str | None, send: Send) -> None:
        headers = [
            *(header for header in self._allowed(origin, ()) if header != _EXPOSED),
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", self._headers),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _asked_by(scope: Scope) -> tuple[str | None, bool]:
    """The origin of the page that asks, and whether its browser asks first."""
    origin, asks_first = None, False
    for name, value in scope["headers"]:
        if name == b"origin":
            origin = value.decode("latin-1")
        elif name == b"access-control-request-method":
            asks_first = True
    is_options = scope["method"] == "OPTIONS"  # type: ignore[typeddict-item]
    return origin, is_options and asks_first and origin is not None
