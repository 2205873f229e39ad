"""Owns HTTP and HTTPS sources: requests, redirects, conditional answers and statuses.

No cookie is kept and no proxy of the environment is used; redirects are followed here, since each
one passes the whole gate and decides anew which headers may travel.
"""

import base64
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urljoin

import httpx

from worker.errors import FetchFault
from worker.fetch.body import inflate
from worker.fetch.faults import after_redirect, status_fault
from worker.fetch.source import Permit, Source
from worker.fetch.transport import GuardedTransport
from worker.gate import Gate, Target, bad_url, blocked

MAX_REDIRECTS = 3
USER_AGENT = "Likeness/0.1"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_INFLATED = frozenset({"gzip", "x-gzip", "deflate"})
_CODINGS = _INFLATED | {"br", "zstd", "compress", "x-compress", "dcb", "dcz"}
# What a HEAD may settle; other errors may only mean that the server knows no HEAD.
_FINAL_FOR_HEAD = frozenset({404, 410, 429, 503})
_NO_BODY = httpx.ByteStream(b"")
# A body up to this length is read to its end, so that its connection can be used again.
_WORTH_READING_BYTES = 16 * 1024

# These belong to the connection and to the length of a message; a supplier's settings cannot.
_OURS = {
    *("host", "connection", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade"),
    *("content-length", "transfer-encoding", "te", "trailer", "expect"),
    *("accept-encoding", "range", "if-range"),
}
# All that another origin may see: what we are, and what we have.
_TRAVELLING = {
    *("user-agent", "accept", "accept-language", "accept-encoding"),
    *("if-none-match", "if-modified-since"),
}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_Headers = list[tuple[bytes, bytes]]


class HttpAnswer:
    """The answer of an HTTP server that brings a picture or says that it has not changed."""

    def __init__(self, response: httpx.Response, target: Target, max_bytes: int) -> None:
        self.final_url = target.url
        self.http_status: int | None = response.status_code
        self.not_modified = response.status_code == 304
        self._response = response
        self._host = target.host
        self._max_bytes = max_bytes
        headers = response.headers
        self.content_type: str | None = headers.get("content-type")
        self.etag: str | None = headers.get("etag")
        self.last_modified: str | None = headers.get("last-modified")
        self._encoding = headers.get("content-encoding", "").strip().lower()
        length = headers.get("content-length", "")
        self.length = int(length) if not self._encoding and length.isdigit() else None
        # RFC 9112, 6.3: then a connection that was cut looks like the end. Compression has its own.
        self.is_close_delimited = not (
            length or "transfer-encoding" in headers or self._encoding in _INFLATED
        )

    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives, without Content-Encoding. Raises FetchFault."""
        pieces = aiter(_stream_of(self._response))
        codings = [coding.strip() for coding in self._encoding.split(",")]
        if len(codings) == 1 and codings[0] in _INFLATED:
            return inflate(pieces, self._host, self._max_bytes)
        if _CODINGS.isdisjoint(codings):
            # "none", "utf-8" and the like: browsers take the bytes as they are, and so do we.
            return pieces
        raise FetchFault(
            "http-error",
            f"Answer: {self._host} encodes with {self._encoding[:40]}, though asked not to.",
        )

    async def aclose(self) -> None:
        await _finish(self._response)


class HttpFetch:
    """Asks HTTP servers for pictures."""

    def __init__(self, gate: Gate, transport: GuardedTransport, max_bytes: int) -> None:
        self._gate = gate
        self._transport = transport
        self._max_bytes = max_bytes

    async def open(self, source: Source, target: Target) -> HttpAnswer:
        """The answer that a source ends at. Raises FetchFault."""
        if source.head_first:
            answer = await self._head(source, target)
            if answer is not None:
                return answer
        response, final = await self._follow("GET", source, target)
        try:
            return self._judge(response, final, source)
        except BaseException:
            await _finish(response)
            raise

    async def _head(self, source: Source, target: Target) -> HttpAnswer | None:
        """Ask for the head alone; None when only the whole can tell."""
        response, final = await self._follow("HEAD", source, target)
        await _finish(response)
        if response.status_code in _FINAL_FOR_HEAD:
            self._judge(response, final, source)
        answer = HttpAnswer(response, final, self._max_bytes)
        if response.status_code == 200 and answer.length and answer.length > self._max_bytes:
            return answer  # its length alone condemns it, before any body was asked for
        if response.status_code == 200 and _is_known(source, answer):
            answer.not_modified = True
        return answer if answer.not_modified and source.is_conditional else None

    async def _follow(
        self, method: str, source: Source, target: Target
    ) -> tuple[httpx.Response, Target]:
        """Send a request and go where redirects lead, each through the whole gate."""
        headers = request_headers(source)
        first = target.host
        visited = {target.url}
        while True:
            try:
                # A name of other alphabets is known to the queue as the feed wrote it.
                url = source.url if len(visited) == 1 else target.url
                response = await self._send(method, target, headers, source.permit, url)
            except FetchFault as fault:
                if len(visited) == 1:
                    raise
                raise after_redirect(fault, first) from fault
            if response.status_code not in _REDIRECTS:
                return response, target
            await _finish(response)
            following = self._next_target(response, target, source)
            if following.url in visited or len(visited) > MAX_REDIRECTS:
                raise _too_many(first, following.url in visited)
            visited.add(following.url)
            if source.permit is not None and target.origin != following.origin:
                # It may be full, so it is asked about before a connection is opened.
                await source.permit.wait(following.url)
            if not _same_origin(target, following):
                headers = [pair for pair in headers if pair[0].decode() in _TRAVELLING]
            target = following

    async def _send(
        self, method: str, target: Target, headers: _Headers, permit: Permit | None, url: str
    ) -> httpx.Response:
        host = (b"host", target.authority.encode("ascii"))
        try:
            request = httpx.Request(
                method,
                target.url,
                headers=[host, *headers],
                stream=_NO_BODY,
                extensions={"permit": permit, "permit_url": url},
            )
        except httpx.InvalidURL as error:
            raise bad_url(str(error)) from error
        return await self._transport.handle_async_request(request)

    def _next_target(self, response: httpx.Response, target: Target, source: Source) -> Target:
        location = response.headers.get("location", "").strip(" ")
        if not location:
            raise FetchFault(
                "http-error",
                f"Answer: {target.host} redirects ({response.status_code}) to nowhere.",
                http_status=response.status_code,
            )
        try:
            if re.search(r"[\x00-\x1f\x7f\\]", location):
                raise bad_url("the Location holds a character that no URL may hold")
            following = self._gate.check_url(
                _join(target.url, location), source.rules, ("http", "https")
            )
            if target.scheme == "https" and following.scheme == "http":
                raise blocked(f"from https back to plain http at {following.host}")
        except FetchFault as fault:
            raise after_redirect(fault, target.host) from fault
        return following

    def _judge(self, response: httpx.Response, target: Target, source: Source) -> HttpAnswer:
        status = response.status_code
        if status in (200, 203) or (status == 304 and source.is_conditional):
            return HttpAnswer(response, target, self._max_bytes)
        if status == 204:
            raise FetchFault(
                "empty-body", f"Answer: {target.host} answered 204 (no content).", http_status=204
            )
        raise status_fault(
            target.host, status, response.headers.get("retry-after"), datetime.now(UTC)
        )


def _join(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:
        raise bad_url("the Location is no URL") from None


def request_headers(source: Source) -> _Headers:
    """Our headers and the supplier's, names in lower case. Raises FetchFault for a line break."""
    headers = {"user-agent": USER_AGENT, "accept": "image/*,*/*;q=0.5"}
    for name, value in source.headers.items():
        if name.lower() not in _OURS:
            headers[name.lower()] = value.strip()
    if source.username is not None:
        pair = f"{source.username}:{source.password or ''}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    headers["accept-encoding"] = "identity"
    if source.etag is not None:
        headers["if-none-match"] = source.etag
    if source.last_modified is not None:
        headers["if-modified-since"] = source.last_modified
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or _FORBIDDEN_IN_VALUE.search(value):
            raise blocked(f"the header {name[:40]!r} holds a character that none may hold")
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _is_known(source: Source, answer: HttpAnswer) -> bool:
    if source.etag is not None and answer.etag is not None:
        return source.etag == answer.etag
    return source.last_modified is not None and source.last_modified == answer.last_modified


def _same_origin(before: Target, after: Target) -> bool:
    """Whether credentials may travel: the same origin, or the same host moved up to HTTPS."""
    upgrade = (("http", before.host, 80), ("https", before.host, 443))
    return before.origin == after.origin or (before.origin, after.origin) == upgrade


def _too_many(host: str, is_loop: bool) -> FetchFault:
    what = "in a circle" if is_loop else f"more than {MAX_REDIRECTS} times"
    return FetchFault("too-many-redirects", f"Answer: {host} redirects {what}.")


def _stream_of(response: httpx.Response) -> httpx.AsyncByteStream:
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return response.stream


async def _finish(response: httpx.Response) -> None:
    """Be done with an answer; a short rest is read, so that the connection can be kept."""
    stream = _stream_of(response)
    announced = response.headers.get("content-length", "")
    is_short = announced.isdigit() and int(announced) <= _WORTH_READING_BYTES
    try:
        if is_short and response.status_code != 200:
            async for _ in stream:
                pass
    except FetchFault:
        pass  # the answer was judged already; its rest is of no interest
    finally:
        await stream.aclose()
