"""Owns a wire between a program and a server that a test can cut, stall and mend.

It stands before a TCP server or a Unix socket. Cut: connections are reset and new ones refused by
an immediate end. Stalled: bytes are taken and not passed on, as when a switch drops them.
"""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress


class Wire:
    """Listens on a port of loopback and passes bytes to ``target``: (host, port) or a socket."""

    def __init__(self, target: tuple[str, int] | str) -> None:
        self._target = target
        self._loop: asyncio.AbstractEventLoop
        self._flows: asyncio.Event
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._started: Future[int] = Future()
        self._stopped: asyncio.Event
        self.port = 0
        self.passed = 0

    @contextmanager
    def open(self) -> Iterator["Wire"]:
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        thread.start()
        self.port = self._started.result(timeout=10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stopped.set)
            thread.join(timeout=10)

    def cut(self) -> None:
        """Reset what is connected, and whoever comes, until mend()."""
        self._loop.call_soon_threadsafe(self._cut)

    def stall(self) -> None:
        """Pass nothing on until mend()."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def mend(self) -> None:
        self._loop.call_soon_threadsafe(self._mend)

    def _cut(self) -> None:
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def _mend(self) -> None:
        self._is_cut = False
        self._flows.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._flows = asyncio.Event()
        self._flows.set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self._started.set_result(server.sockets[0].getsockname()[1])
        await self._stopped.wait()
        server.close()
        self._cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        if self._is_cut:
            writer.transport.abort()
            self._tasks.discard(task)
            return
        try:
            there, back = await self._reach()
            ends = {writer, back}
            self._writers |= ends
            try:
                await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
            finally:
                self._writers -= ends
                for end in ends:
                    end.transport.abort()
        except OSError:
            writer.transport.abort()
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            self._tasks.discard(task)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, str):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection(*self._target)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flows.wait()
            self.passed += len(data)
            writer.write(data)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()
