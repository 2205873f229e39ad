"""Owns a connection: what it may send that is no body, and that an answer leaves in one piece.

uvicorn's faster parser, httptools, bounds neither: a header without an end, or a trailer, would
fill the memory, and a header that comes slowly would hold its connection for ever.
"""

import asyncio
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.problems import PROBLEM_JSON, TYPES, describe

MOST_HEAD_BYTES = 64 << 10
_MOST_GATHERED_BYTES = 64 << 10
HEAD_SECONDS = 20.0
_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}


class _Gathering(asyncio.Transport):
    """A transport that sends what is written in one turn of the loop together.

    uvicorn writes head and body apart: two system calls, for which the client wakes up twice.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._gathered: list[bytes] = []
        self._bytes = 0

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        if not data:
            return
        if not self._gathered:
            self._loop.call_soon(self._flush)
        self._gathered.append(bytes(data))
        self._bytes += len(data)
        if self._bytes > _MOST_GATHERED_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def _flush(self) -> None:
        if self._gathered:
            gathered, self._gathered, self._bytes = self._gathered, [], 0
            self._transport.writelines(gathered)


class Protocol(HttpToolsProtocol):
    """One connection. A head may be ``MOST_HEAD_BYTES`` long and take ``HEAD_SECONDS``.

    More is answered 431, later 408, nonsense 400, each as problem+json, and the connection closed.
    A connection over which nothing came at all is closed without a word.
    """

    # Bytes since the parser last gave something away: they are in its memory.
    _held_bytes = 0
    _is_in_head = False
    _head_ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Gathering(transport, self.loop))
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._held_bytes += len(data)
        super().data_received(data)
        if self._held_bytes > MOST_HEAD_BYTES:
            self._refuse("headers-too-large", f"The head is longer than {MOST_HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        if self._head_ends is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._held_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._held_bytes = 0
        super().on_body(body)

    def on_header(self, name: bytes, value: bytes) -> None:
        # Nobody reads trailers; kept, a million short ones would fill the memory.
        if self._is_in_head:
            super().on_header(name, value)

    def on_message_complete(self) -> None:
        self._held_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse("invalid-request", msg)

    def _await_head(self) -> None:
        self._head_ends = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        self._is_in_head = False
        if self._head_ends is not None:
            self._head_ends.cancel()
            self._head_ends = None

    def _give_up(self) -> None:
        self._head_ends = None
        if self.flow.read_paused:
            # The answer before this request takes its time; nobody reads what the client sends.
            self._await_head()
        elif self._is_in_head:
            self._refuse("too-slow", f"The head took longer than {HEAD_SECONDS:.0f} seconds.")
        else:
            self.transport.close()

    def _refuse(self, code: str, detail: str) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        latest: RequestResponseCycle | None = self.cycle
        if latest is not None and not latest.response_complete:
            # Another request's answer is on its way; words in between would be taken for its own.
            self.transport.close()
            return
        status, _ = TYPES[code]
        body = msgspec.json.encode(describe(code, detail))
        head: list[tuple[str, Any]] = [
            ("content-type", PROBLEM_JSON),
            ("content-length", len(body)),
            ("cache-control", "no-store"),
            ("connection", "close"),
        ]
        lines = "".join(f"{name}: {value}\r\n" for name, value in head)
        self.transport.write(
            b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, _REASONS[status], lines.encode(), body)
        )
        self.transport.close()
