"""Owns a real HTTP origin on loopback that behaves as told, path by path, and counts who came.

The worst servers are written as bytes on a socket, since no server library would say what they say.
``python -m tests.origin --folder DIR`` serves a folder as a process of its own, for benches.
"""

import argparse
import asyncio
import contextlib
import gzip
import mimetypes
import ssl
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote


@dataclass(frozen=True)
class Request:
    """A request as it arrived; names of headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]


Behaviour = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


class Hangup(Exception):
    """A behaviour has said all it had to say; the connection is closed."""


class Origin:
    """An HTTP/1.1 server in a thread; ``routes`` maps a path, without its query, to a behaviour."""

    def __init__(
        self,
        routes: dict[str, Behaviour] | None = None,
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        folder: Path | None = None,
    ) -> None:
        self.routes = routes or {}
        self.host = host
        self.port = 0
        self.connections = 0
        self.requests: list[Request] = []
        self._tls = tls
        self._folder = folder
        self._tasks: set[asyncio.Task[None]] = set()
        self._started: Future[int] = Future()
        self._stop: Callable[[], object]
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._started.result(timeout=10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
        self._thread.join(timeout=10)

    def url(self, path: str, host: str | None = None) -> str:
        """The URL of a path; ``host`` in place of the address for tests of names."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{host or self.host}:{self.port}{path}"

    async def serve(self, port: int = 0) -> None:
        """Serve until stopped."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        server = await asyncio.start_server(self._connected, self.host, port, ssl=self._tls)
        self._started.set_result(server.sockets[0].getsockname()[1])
        await stopped.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while request := await _read_request(reader):
                self.requests.append(request)
                await self._behaviour(request)(request, writer)
                await writer.drain()
        except (Hangup, OSError):
            pass  # either side had enough
        except asyncio.CancelledError:
            writer.transport.abort()  # the test is over
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self._tasks.discard(task)

    def _behaviour(self, request: Request) -> Behaviour:
        path = request.path.partition("?")[0]
        if path in self.routes:
            return self.routes[path]
        if self._folder is not None:
            file = self._folder / unquote(path).lstrip("/")
            if file.is_file() and file.resolve().is_relative_to(self._folder.resolve()):
                kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                return answer(file.read_bytes(), content_type=kind)
        return answer(b"no such thing", status=404, content_type="text/plain")


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines if line)
    return Request(method, path, {name.lower(): value.strip() for name, _, value in pairs})


def head(status: int = 200, **headers: str | int) -> bytes:
    """Status line and headers; an underscore in a name is a hyphen."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer(
    body: bytes = b"",
    *,
    status: int = 200,
    content_type: str = "image/jpeg",
    headers: dict[str, str] | None = None,
) -> Behaviour:
    """An honest answer; HEAD gets the same headers."""
    start = head(status, content_type=content_type, content_length=len(body), **(headers or {}))

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(start if request.method == "HEAD" or status == 304 else start + body)

    return behave


def conditional(body: bytes, *, etag: str, last_modified: str) -> Behaviour:
    """An answer that is 304 for whoever has the picture."""
    validators = {"etag": etag, "last-modified": last_modified}

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        has_it = request.headers.get("if-none-match") == etag or (
            "if-none-match" not in request.headers
            and request.headers.get("if-modified-since") == last_modified
        )
        if has_it:
            writer.write(head(304, **validators))
        else:
            await answer(body, headers=validators)(request, writer)

    return behave


def redirect(to: str, status: int = 302) -> Behaviour:
    """A redirect, with a cookie on the way."""
    return answer(b"moved", status=status, headers={"location": to, "set-cookie": "session=1"})


def chunked(*pieces: bytes, end: bool = True) -> Behaviour:
    """A body without a length."""

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(content_type="image/jpeg", transfer_encoding="chunked"))
        for piece in pieces:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if not end:
            raise Hangup
        writer.write(b"0\r\n\r\n")

    return behave


def endless(piece: bytes, *, with_length: int | None = None) -> Behaviour:
    """A body that never ends, chunked or after a length that lies."""

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        if with_length is None:
            writer.write(head(content_type="image/jpeg", transfer_encoding="chunked"))
            wrapped = b"%x\r\n%s\r\n" % (len(piece), piece)
        else:
            writer.write(head(content_type="image/jpeg", content_length=with_length))
            wrapped = piece
        while True:
            writer.write(wrapped)
            await writer.drain()

    return behave


def drip(body: bytes, seconds: float, *, head_too: bool = False) -> Behaviour:
    """One byte at a time, each so late that a time-out per read never strikes."""

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        start = head(content_type="image/jpeg", content_length=len(body))
        if not head_too:
            writer.write(start)
        for byte in start + body if head_too else body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(seconds)

    return behave


def lying_length(body: bytes, announced: int) -> Behaviour:
    """A Content-Length that is not the body's; the connection closes after a body too short."""

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(content_type="image/jpeg", content_length=announced) + body)
        if announced > len(body):
            await writer.drain()
            raise Hangup

    return behave


def gzipped(body: bytes, *, cut: int | None = None) -> Behaviour:
    """A compressed body, whole or cut, although nobody asked for it."""
    data = gzip.compress(body, compresslevel=9)[:cut]
    return answer(data, headers={"content-encoding": "gzip"})


def raw(*pieces: bytes, hang_up: bool = True) -> Behaviour:
    """These bytes and nothing else."""

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if hang_up:
            raise Hangup

    return behave


def silent() -> Behaviour:
    """Takes the request and never answers."""

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first behaviour at the first request, and so on; the last one ever after."""
    waiting = list(behaviours)

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        await (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request, writer)

    return behave


def main() -> None:
    """Serve a folder until interrupted; the first line printed is the base URL."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    origin = Origin(folder=options.folder)
    with origin, contextlib.suppress(KeyboardInterrupt):
        print(origin.url("/"), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
