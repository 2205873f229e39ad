"""Owns the fetching of a picture from its supplier, over HTTP, HTTPS, FTP and FTPS.

One object for the worker, which wants whole files, and for the API's proxy, which passes bytes on:
the same gate, limits and judgement hold for both. Nothing that a source says can move the
deadline, the byte cap or the kind of file that comes out.
"""

import asyncio
import contextlib
import hashlib
import ssl
import time
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

from worker.fetch.body import Body
from worker.fetch.faults import host_fault
from worker.fetch.ftp import FtpFetch
from worker.fetch.http import HttpFetch
from worker.fetch.source import Answer, Fetched, Permit, Source, Streamed
from worker.fetch.transport import GuardedTransport
from worker.gate import Gate, Resolver, Target, resolve_by_system
from worker.settings import Settings
from worker.sniff import CONTENT_TYPES

__all__ = ["SAFE_INLINE", "Fetched", "Fetcher", "Source", "Streamed"]

# What a browser may be handed as it came: pictures that can hold no script.
SAFE_INLINE = frozenset({"jpeg", "png", "webp", "avif", "gif", "bmp"})

_SILENCE_SECONDS = 30.0


class Fetcher:
    """Fetches pictures. Belongs to one event loop; close it with ``aclose``."""

    def __init__(
        self,
        settings: Settings,
        *,
        resolve: Resolver = resolve_by_system,
        tls: ssl.SSLContext | None = None,
        silence_seconds: float = _SILENCE_SECONDS,
    ) -> None:
        self._gate = Gate(settings, resolve)
        self._max_bytes = settings.fetch_max_bytes
        self._deadline_seconds = settings.fetch_deadline_seconds
        self._transport = GuardedTransport(
            self._gate,
            connect_seconds=settings.connect_timeout_seconds,
            silence_seconds=silence_seconds,
            tls=tls,
        )
        self._http = HttpFetch(self._gate, self._transport, self._max_bytes)
        self._ftp = FtpFetch(
            self._gate,
            connect_seconds=settings.connect_timeout_seconds,
            silence_seconds=silence_seconds,
            threads=settings.fetch_concurrency,
            tls=tls,
        )

    async def fetch(self, source: Source) -> Fetched:
        """The whole file, or the news that it has not changed. Raises FetchFault."""
        started = time.perf_counter()
        target = self._gate.check_url(source.url, source.rules)
        source = source.told_to(target.host)
        limit = asyncio.timeout(self._deadline_seconds)
        if source.permit is not None:
            source = replace(source, permit=_Unhurried(source.permit, limit))
        async with self._limited(target, limit):
            answer = await self._open(source, target)
            try:
                found, data, sha256 = await self._collect(answer, target.host)
            finally:
                await answer.aclose()
        return Fetched(
            data=data,
            sha256=sha256,
            format=found,
            content_type=answer.content_type,
            etag=answer.etag,
            last_modified=answer.last_modified,
            not_modified=answer.not_modified,
            final_url=answer.final_url,
            http_status=answer.http_status,
            milliseconds=(time.perf_counter() - started) * 1000,
            is_close_delimited=answer.is_close_delimited,
        )

    async def _collect(self, answer: Answer, host: str) -> tuple[str | None, bytes, str]:
        """Format, bytes and sha256, which is computed as they arrive."""
        if answer.not_modified:
            return None, b"", ""
        body = Body(answer, host, self._max_bytes)
        found = await body.open()
        digest = hashlib.sha256()
        pieces = []
        async for piece in body.chunks():
            digest.update(piece)
            pieces.append(piece)
        return found, b"".join(pieces), digest.hexdigest()

    @contextlib.asynccontextmanager
    async def stream(
        self, source: Source, formats: Collection[str] = SAFE_INLINE
    ) -> AsyncIterator[Streamed]:
        """A picture on its way: what it is first, then its bytes. Raises FetchFault.

        The deadline holds from the beginning to the last byte; a caller that stops asking for
        chunks holds its connection until it leaves the block.
        """
        target = self._gate.check_url(source.url, source.rules)
        source = source.told_to(target.host)
        ends_at = asyncio.get_running_loop().time() + self._deadline_seconds
        async with self._limited(target, asyncio.timeout_at(ends_at)):
            answer = await self._open(source, target)
        try:
            async with self._limited(target, asyncio.timeout_at(ends_at)):
                streamed = await self._begin(answer, target, formats, ends_at)
            yield streamed
        finally:
            await answer.aclose()

    async def _begin(
        self, answer: Answer, target: Target, formats: Collection[str], ends_at: float
    ) -> Streamed:
        found: str | None = None
        body = None
        if not answer.not_modified:
            body = Body(answer, target.host, self._max_bytes, formats)
            found = await body.open()
        return Streamed(
            format=found,
            content_type=CONTENT_TYPES[found] if found else None,
            length=answer.length,
            etag=answer.etag,
            last_modified=answer.last_modified,
            not_modified=answer.not_modified,
            chunks=self._timed(body, target, ends_at),
        )

    async def _timed(
        self, body: Body | None, target: Target, ends_at: float
    ) -> AsyncIterator[bytes]:
        """The chunks, each awaited under the deadline of the whole."""
        chunks = body.chunks() if body else None
        while chunks is not None:
            async with self._limited(target, asyncio.timeout_at(ends_at)):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield chunk

    async def _open(self, source: Source, target: Target) -> Answer:
        if target.scheme in ("ftp", "ftps"):
            if source.permit is not None:
                await source.permit.wait(source.url)
                source.permit.use()
            try:
                return await self._ftp.open(source, target)
            finally:
                if source.permit is not None:
                    source.permit.heard()
        return await self._http.open(source, target)

    @contextlib.asynccontextmanager
    async def _limited(self, target: Target, limit: asyncio.Timeout) -> AsyncIterator[None]:
        try:
            async with limit:
                yield
        except TimeoutError as error:
            raise host_fault(
                "deadline",
                f"Deadline: {target.host} did not finish within {self._deadline_seconds:g} s.",
            ) from error

    def keep_connections(self, keeps: bool) -> None:
        """Whether connections wait for another request: to a host, each one counts as a guest."""
        self._transport.keep_connections(keeps)
        self._ftp.keep_sessions(keeps)

    async def aclose(self) -> None:
        """Close all connections that wait for another request."""
        await self._transport.aclose()
        self._ftp.close()


class _Unhurried:
    """A permit whose wait does not count as the source's time."""

    def __init__(self, permit: Permit, limit: asyncio.Timeout) -> None:
        self._permit = permit
        self._limit = limit

    async def wait(self, url: str) -> None:
        loop = asyncio.get_running_loop()
        ends_at = self._limit.when()
        assert ends_at is not None
        left = ends_at - loop.time()
        self._limit.reschedule(None)
        try:
            await self._permit.wait(url)
        finally:
            self._limit.reschedule(loop.time() + left)

    def use(self) -> None:
        self._permit.use()

    def heard(self) -> None:
        self._permit.heard()
