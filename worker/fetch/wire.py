"""Owns one TCP or TLS connection, read as it comes and with a limit on silence.

It is an asyncio protocol and no stream of a library, since a picture is a few large reads and each
layer between the socket and the hash costs as much as the hash.
"""

import asyncio
import ssl
from collections import deque
from typing import cast

# Reading stops above the first and goes on below the second, so that a slow reader holds no more.
_FULL_BYTES = 1 << 20
_LOW_BYTES = 1 << 18


class Wire(asyncio.Protocol):
    """A connection. Never reads more than about a megabyte ahead of its reader."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._is_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self.is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by shape alone

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._held += len(data)
        if self._held > _FULL_BYTES and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self.is_over = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        self._error = exc
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def is_quiet(self) -> bool:
        """Open, with nothing waiting to be read: a state in which a new request may be sent."""
        return not self.is_over and not self._pieces

    async def read(self, silence_seconds: float) -> bytes:
        """The next bytes; empty at the end.

        Raises TimeoutError after ``silence_seconds`` without any, OSError when the connection
        broke.
        """
        if not self._pieces and not self.is_over:
            await self._wait(silence_seconds)
        if self._pieces:
            return self._take()
        if self._error is not None:
            raise self._error
        return b""

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = loop.call_later(seconds, _expire, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _take(self) -> bytes:
        piece = self._pieces.popleft()
        self._held -= len(piece)
        if self._is_paused and self._held < _LOW_BYTES and not self.is_over:
            self._is_paused = False
            self._transport.resume_reading()
        return piece

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def close(self) -> None:
        """Close at once, without the farewell of TLS, which a hostile peer could drag out."""
        self.is_over = True
        self._transport.abort()


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())


async def connect(address: str, port: int, tls: ssl.SSLContext | None, host: str) -> Wire:
    """Connect to an address, which was checked; ``host`` is what TLS asks for and verifies.

    Raises OSError (ssl.SSLError among them).
    """
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(
        Wire, address, port, ssl=tls, server_hostname=host if tls else None
    )
    return wire
