"""Owns the HTTP/1.1 connections: an httpx transport whose every connection passed the gate.

The gate sits inside the opening of a connection, so that the address that was checked is the one
that is connected to, redirects or not; Host and SNI keep the name. It drives h11 itself: beside
httpcore's pool this halves the CPU time of a fetch, and it lets a connection whose server sent
more than it announced be dropped instead of mistaking the rest for the next answer.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator

import h11
import httpx

from worker.errors import FetchFault
from worker.fetch import wire
from worker.fetch.faults import connect_fault, host_fault
from worker.fetch.source import Permit
from worker.gate import Gate

_Origin = tuple[str, str, int]

_MAX_HEAD_BYTES = 64 * 1024
_MAX_ADDRESSES = 4
_IDLE_SECONDS = 30.0
_MAX_IDLE = 64
_PORTS = {"http": 80, "https": 443}


class Connection:
    """One HTTP/1.1 connection to one origin; one request at a time."""

    def __init__(self, opened: wire.Wire, origin: _Origin, silence_seconds: float) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self.is_unheard = True
        self._is_read = False
        self._wire = opened
        self._silence_seconds = silence_seconds
        self._machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)

    @property
    def is_quiet(self) -> bool:
        return self._wire.is_quiet

    async def ask(self, request: httpx.Request) -> h11.Response:
        """Send a request; the head of the answer. Raises OSError, h11's errors."""
        self.is_unheard, self._is_read = True, False
        asked = h11.Request(
            method=request.method, target=request.url.raw_path, headers=request.headers.raw
        )
        self._wire.write(self._machine.send(asked) or b"")
        if request.method == "POST":
            self._wire.write(self._machine.send(h11.Data(data=request.content)) or b"")
        self._machine.send(h11.EndOfMessage())
        while True:
            event = await self._next_event()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("it ended before an answer")

    async def skip_body(self) -> None:
        """Take in the end of an answer that cannot have a body."""
        await self._next_event()
        self._is_read = True

    async def body(self) -> AsyncGenerator[bytes]:
        """The body of the answer, as it arrives. Raises FetchFault."""
        host = self.origin[1]
        try:
            while not self._is_read and isinstance(event := await self._next_event(), h11.Data):
                yield event.data
        except TimeoutError:
            raise host_fault("timeout", f"Body: {host} fell silent halfway.") from None
        except h11.RemoteProtocolError as error:
            if not self._wire.is_over:
                raise host_fault("connection-failed", f"Body: {host}: {error}.") from error
            counts = str(error).partition("(")[2].rstrip(")")
            raise host_fault(
                "truncated-body", f"Body: {host} closed the connection halfway: {counts}."
            ) from error
        except OSError as error:
            raise host_fault(
                "connection-failed", f"Body: the connection to {host} broke halfway ({error})."
            ) from error

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._machine.next_event()) is h11.NEED_DATA:
            data = await self._wire.read(self._silence_seconds)
            if data:
                self.is_unheard = False
            self._machine.receive_data(data)
        return event  # type: ignore[return-value]  # mypy does not narrow by identity of a class

    def renew(self) -> bool:
        """Make ready for another request; False when this connection cannot take one."""
        done = self._machine.our_state is h11.DONE and self._machine.their_state is h11.DONE
        if not (done and self._wire.is_quiet) or self._machine.trailing_data[0]:
            return False
        self._machine.start_next_cycle()
        return True

    def close(self) -> None:
        self._wire.close()


class _Idle:
    """Connections that wait for another request to their origin."""

    def __init__(self) -> None:
        self._by_origin: dict[_Origin, list[Connection]] = {}
        self._count = 0
        self._swept_at = 0.0
        self.keeps = True

    def take(self, origin: _Origin) -> Connection | None:
        waiting = self._by_origin.get(origin)
        while waiting:
            connection = waiting.pop()
            self._count -= 1
            if connection.is_quiet and time.monotonic() - connection.idle_since < _IDLE_SECONDS:
                return connection
            connection.close()
        return None

    def put(self, connection: Connection) -> None:
        now = connection.idle_since = time.monotonic()
        if self._count >= _MAX_IDLE or now - self._swept_at > _IDLE_SECONDS:
            self._sweep(now)
        if self._count >= _MAX_IDLE or not self.keeps:
            connection.close()
            return
        self._by_origin.setdefault(connection.origin, []).append(connection)
        self._count += 1

    def _sweep(self, now: float) -> None:
        """Close all that have waited too long or that their server closed."""
        self._swept_at = now
        for connection in self.clear():
            if connection.is_quiet and now - connection.idle_since < _IDLE_SECONDS:
                self._by_origin.setdefault(connection.origin, []).append(connection)
                self._count += 1
            else:
                connection.close()

    def clear(self) -> list[Connection]:
        """Forget all connections and return them, those idle longest first within an origin."""
        waiting = [one for several in self._by_origin.values() for one in several]
        self._by_origin.clear()
        self._count = 0
        return waiting


class _Body(httpx.AsyncByteStream):
    """The body of one answer; gives its connection back when it was read to its end."""

    def __init__(self, connection: Connection, idle: _Idle) -> None:
        self._connection: Connection | None = connection
        self._pieces = connection.body()
        self._idle = idle

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.renew():
            self._idle.put(connection)
            return
        connection.close()
        await self._pieces.aclose()


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends requests over connections that the gate allowed. Raises FetchFault."""

    def __init__(
        self,
        gate: Gate,
        *,
        connect_seconds: float,
        silence_seconds: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._gate = gate
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds
        self._tls = tls
        self._idle = _Idle()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; redirects are the caller's. Raises FetchFault."""
        url = request.url
        host = url.raw_host.decode("ascii")
        origin = (url.scheme, host, url.port or _PORTS[url.scheme])
        permit: Permit | None = request.extensions.get("permit")
        has_reopened = False
        while True:
            waiting = self._idle.take(origin)
            connection = waiting or await self._open(origin)
            try:
                if permit is not None:
                    await permit.wait(request.extensions["permit_url"])
                    if not (connection.is_quiet or has_reopened):
                        # Its server did not wait as long.
                        has_reopened = waiting is None
                        connection.close()
                        continue
                head = await _ask(connection, request, permit)
                if request.method == "HEAD" or head.status_code in (204, 304):
                    await connection.skip_body()
            except (OSError, h11.RemoteProtocolError) as error:
                connection.close()
                # A server may close a waiting connection at the moment of our request.
                if waiting and connection.is_unheard and not isinstance(error, TimeoutError):
                    continue
                raise _answer_fault(host, connection, error) from error
            except BaseException:
                connection.close()
                raise
            return httpx.Response(
                head.status_code,
                headers=list(head.headers),
                stream=_Body(connection, self._idle),
            )

    async def _open(self, origin: _Origin) -> Connection:
        scheme, host, port = origin
        try:
            async with asyncio.timeout(self._connect_seconds):
                addresses = await self._gate.resolve(host, port)
        except TimeoutError:
            raise host_fault("timeout", f"Resolve: no answer about {host} in time.") from None
        tls = self._tls_context() if scheme == "https" else None
        opened = await self._connect_to_any(addresses[:_MAX_ADDRESSES], port, tls, host)
        return Connection(opened, origin, self._silence_seconds)

    async def _connect_to_any(
        self, addresses: list[str], port: int, tls: ssl.SSLContext | None, host: str
    ) -> wire.Wire:
        """Fail over from address to address; each has an equal share of the time."""
        last = OSError("no address")
        for address in addresses:
            try:
                async with asyncio.timeout(self._connect_seconds / len(addresses)):
                    return await wire.connect(address, port, tls, host)
            except OSError as error:
                last = error
        raise connect_fault(host, port, last) from last

    def keep_connections(self, keeps: bool) -> None:
        """Whether connections wait for another request; if not, none does any more."""
        self._idle.keeps = keeps
        if not keeps:
            for connection in self._idle.clear():
                connection.close()

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            # Reading the certificates of the authorities costs 20 ms, so once and when needed.
            self._tls = httpx.create_ssl_context(trust_env=False)
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    async def aclose(self) -> None:
        for connection in self._idle.clear():
            connection.close()


async def _ask(
    connection: Connection, request: httpx.Request, permit: Permit | None
) -> h11.Response:
    if permit is None:
        return await connection.ask(request)
    permit.use()
    try:
        return await connection.ask(request)
    finally:
        permit.heard()


def _answer_fault(
    host: str, connection: Connection, error: OSError | h11.RemoteProtocolError
) -> FetchFault:
    if isinstance(error, TimeoutError):
        return host_fault("timeout", f"Answer: {host} was silent for too long.")
    if connection.is_unheard:
        return host_fault("connection-failed", f"Answer: {host} closed the connection without one.")
    if isinstance(error, OSError):
        return host_fault("connection-failed", f"Answer: the connection to {host} broke ({error}).")
    return host_fault("connection-failed", f"Answer: {host} does not speak HTTP ({error}).")
