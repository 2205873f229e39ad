"""Owns FTP and FTPS sources: ftplib in threads of its own, passive, with TLS asked for explicitly.

Threads of its own, since a slow server holds one for as long as a transfer takes, and the event
loop's are needed elsewhere.
"""

import asyncio
import ftplib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import format_datetime
from typing import TypeVar

import httpx

from worker.errors import FetchFault
from worker.fetch.faults import host_fault
from worker.fetch.ftp_session import Session
from worker.fetch.source import Source
from worker.gate import Gate, Target, ftp_path

_T = TypeVar("_T")
# Origin, user name and password: what a session may be used again for.
_Key = tuple[tuple[str, str, int], str, str]

_IDLE_SECONDS = 15.0
_MAX_IDLE = 32


class FtpAnswer:
    """A file on an FTP server, whose transfer begins when its pieces are asked for."""

    http_status: int | None = None
    content_type: str | None = None
    is_close_delimited = False  # the server says "226" after a whole file

    def __init__(
        self, fetch: "FtpFetch", session: Session, key: _Key, target: Target, source: Source
    ) -> None:
        self.final_url = target.url
        self.etag: str | None = None
        self.last_modified: str | None = None
        self.length: int | None = None
        self.not_modified = False
        self._fetch = fetch
        self._session = session
        self._key = key
        self._path = ftp_path(target)
        self._source = source

    async def look(self) -> None:
        """Learn size and time, which tell whether the file has changed."""
        size, changed = await self._fetch.call(
            self._session, self._session.size_and_time, self._path
        )
        self.length = size
        if changed is None:
            return  # a size alone does not tell two pictures apart
        self.last_modified = format_datetime(changed, usegmt=True)
        self.etag = f'"{changed:%Y%m%d%H%M%S}-{size}"'
        known = (
            self._source.etag == self.etag
            if self._source.etag
            else (self._source.last_modified == self.last_modified)
        )
        self.not_modified = known

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file as it arrives. Raises FetchFault."""
        session, arrived = self._session, 0
        await self._fetch.call(session, session.retrieve, self._path)
        while piece := await self._fetch.call(session, session.read):
            arrived += len(piece)
            yield piece
        if self.length is not None and arrived != self.length:
            raise host_fault(
                "truncated-body",
                f"Body: {session.host} announced {self.length} bytes and sent {arrived}.",
            )

    async def aclose(self) -> None:
        self._fetch.give_back(self._session, self._key)


class FtpFetch:
    """Asks FTP servers for pictures; logged-in sessions are used again for a while."""

    def __init__(
        self,
        gate: Gate,
        *,
        connect_seconds: float,
        silence_seconds: float,
        threads: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._gate = gate
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ftp")
        self._tls = tls
        self._idle: list[tuple[_Key, Session]] = []
        self._keeps = True

    async def open(self, source: Source, target: Target) -> FtpAnswer:
        """The file that a source names. Raises FetchFault."""
        key = (target.origin, source.username or "anonymous", source.password or "anonymous@")
        waiting = self._take(key)
        if waiting is not None:
            try:
                return await self._look(waiting, key, target, source)
            except FetchFault as fault:
                if not fault.host_fault:
                    raise
                # The server has let go of the session meanwhile.
        return await self._look(await self._log_in(key, target), key, target, source)

    async def _look(self, session: Session, key: _Key, target: Target, source: Source) -> FtpAnswer:
        answer = FtpAnswer(self, session, key, target, source)
        try:
            await answer.look()
        except FetchFault:
            session.close()
            raise
        return answer

    async def _log_in(self, key: _Key, target: Target) -> Session:
        addresses = await self._gate.resolve(target.host, target.port)
        tls = self._tls_context() if target.scheme == "ftps" else _no_tls()
        session = Session(target, tls, self._silence_seconds)
        try:
            await self.call(session, session.open, addresses, self._connect_seconds, *key[1:])
        except FetchFault:
            session.close()
            raise
        return session

    async def call(self, session: Session, blocking: Callable[..., _T], *arguments: object) -> _T:
        """Run a blocking method of a session; when this is cancelled, so is the method."""
        running = self._threads.submit(blocking, *arguments)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            session.abort()
            running.add_done_callback(lambda _: session.close())
            raise
        except (OSError, EOFError, ValueError, ftplib.Error, FetchFault) as error:
            fault = session.fault_of(error)
            if fault.host_fault or fault.reason == "blocked-by-policy":
                session.close()
            raise fault from None  # the error may hold a password that the server repeated

    def give_back(self, session: Session, key: _Key) -> None:
        """Keep a session for the next file, or close it where a transfer was left halfway."""
        now = session.idle_since = time.monotonic()
        for other in [pair for pair in self._idle if now - pair[1].idle_since > _IDLE_SECONDS]:
            self._idle.remove(other)
            other[1].close()
        if session.is_between_files and len(self._idle) < _MAX_IDLE and self._keeps:
            self._idle.append((key, session))
        else:
            session.close()

    def keep_sessions(self, keeps: bool) -> None:
        """Whether sessions wait for another file; if not, none does any more."""
        self._keeps = keeps
        if not keeps:
            for _, session in self._idle:
                session.close()
            self._idle.clear()

    def _take(self, key: _Key) -> Session | None:
        now = time.monotonic()
        for pair in reversed(self._idle):
            if pair[0] == key and now - pair[1].idle_since < _IDLE_SECONDS:
                self._idle.remove(pair)
                return pair[1]
        return None

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpx.create_ssl_context(trust_env=False)
        return self._tls

    def close(self) -> None:
        """Close the sessions that wait; calls under way end by themselves or by their deadline."""
        for _, session in self._idle:
            session.close()
        self._idle.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)


def _no_tls() -> ssl.SSLContext:
    """A context that is never used: ftplib's client wants one."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
