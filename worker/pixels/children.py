"""Owns the pool of rendering processes: who renders what, how long, and what if one dies.

Decoders are where hostile bytes meet C code, so each picture is decoded in a child that can be
killed and replaced without anybody else noticing. The pool is our own, small as it is, and not
multiprocessing's or pebble's, although pebble's overhead would do (0.3 ms of CPU a picture): there,
children share one pipe and its locks, so that one that dies while it holds them takes the pool
with it; the parent unpickles what a child sends, so that a decoder's hole would be the parent's;
and a spawned child imports the parent's main program and inherits its environment, secrets too.
Here each child has a socket of its own, plain JSON and bytes pass over it, and it starts with an
bare environment. Measured: 0.2 ms of the parent's CPU for 150 kB in and a refusal out, 0.5 ms for
a photograph in and its sizes out while two children keep both cores busy.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from worker.errors import LikenessError, RenderFault
from worker.pixels.child import FRAME, STARTED, WAITING, pack_job, unpack_result
from worker.pixels.renditions import Limits, Preset, Rendered
from worker.settings import Settings

# A fresh process every so often, whatever a codec may leak; a start costs 0.3 s of CPU.
PICTURES_PER_CHILD = 1000
_START_SECONDS = 60.0
# A child that closed its socket is about to end by itself; its own exit code says why.
_PATIENCE_SECONDS = 2.0
# No honest answer is larger; a child that was taken over could promise anything.
_MAX_HEAD_BYTES = 1 << 20
_MAX_BODY_BYTES = 1 << 28
_CLOSED = "the pool of rendering processes is closed"

_ROOT = Path(__file__).resolve().parent.parent


class _ChildDied(Exception):
    """The child closed its socket; how it ended is known once it was waited for."""


class _Child:
    """One rendering process and the socket to it; serves one picture at a time."""

    def __init__(self, memory_bytes: int, lock: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            arguments = (os.getpid(), theirs.fileno(), lock, memory_bytes)
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-m", "worker.pixels.child", *map(str, arguments)],
                env=_environment(),
                pass_fds=(theirs.fileno(), lock),
                stdin=subprocess.DEVNULL,
                # Ctrl-C in a terminal reaches the parent's group, not the pictures in hand.
                process_group=0,
            )
        ours.setblocking(False)
        self._socket = ours
        self._ready = False
        self.served = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    async def start(self) -> None:
        """Wait until the child has loaded its codecs. Raises _ChildDied or TimeoutError."""
        if not self._ready:
            async with asyncio.timeout(_START_SECONDS):
                await self._receive()
            self._ready = True

    async def serve(self, job: bytes, data: bytes, seconds: float, others: int) -> Rendered:
        """Render one picture within ``seconds``, not counting a wait for ``others`` to finish.

        Raises RenderFault from the picture, TimeoutError or _ChildDied; after the last two the
        child is of no more use.
        """
        self.served += 1
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds) as deadline:
            await self._send(job, data)
            head, body = await self._receive()
            for state in (WAITING, STARTED):
                if head.get("state") == state:
                    extra = seconds * others if state == WAITING else seconds
                    deadline.reschedule(loop.time() + extra)
                    head, body = await self._receive()
        if "fault" in head:
            reason, message = head["fault"]
            raise RenderFault(str(reason), str(message))
        try:
            return unpack_result(head["rendered"], memoryview(body))
        except (KeyError, TypeError, ValueError) as error:
            raise _ChildDied("it answered nonsense") from error

    def kill(self) -> None:
        """End the process, which keeps nothing that could be lost; whoever waits for it is told."""
        self._process.kill()

    def bury(self, patience: float = 0.0) -> int:
        """Close the socket and wait for the end, which is brought about after ``patience`` seconds.

        Returns the exit code, or the signal that ended it, negative.
        """
        self._socket.close()
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    async def _send(self, head: bytes, body: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._socket, FRAME.pack(len(head), len(body)) + head)
            await loop.sock_sendall(self._socket, body)
        except ConnectionError as error:
            raise _ChildDied from error

    async def _receive(self) -> tuple[dict[str, Any], bytearray]:
        head_length, body_length = FRAME.unpack(await self._read(FRAME.size))
        if head_length > _MAX_HEAD_BYTES or body_length > _MAX_BODY_BYTES:
            raise _ChildDied("it promised more than any answer holds")
        try:
            head = json.loads(await self._read(head_length))
        except ValueError as error:
            raise _ChildDied("it answered nonsense") from error
        return head, await self._read(body_length)

    async def _read(self, length: int) -> bytearray:
        loop = asyncio.get_running_loop()
        buffer = bytearray(length)
        view = memoryview(buffer)
        while view:
            try:
                count = await loop.sock_recv_into(self._socket, view)
            except ConnectionError as error:
                raise _ChildDied from error
            if not count:
                raise _ChildDied
            view = view[count:]
        return buffer


class RenderPool:
    """Renders pictures in child processes: at most ``render_processes`` at once.

    To be used from one event loop, whose thread starts the children: the kernel ends a child when
    the thread that started it ends. Children are started when they are first needed.
    """

    def __init__(self, settings: Settings) -> None:
        self._deadline_seconds = settings.render_deadline_seconds
        self._memory_bytes = settings.render_max_memory_bytes
        self._processes = settings.render_processes
        self._slots = asyncio.Semaphore(settings.render_processes)
        self._idle: list[_Child] = []
        self._children: set[_Child] = set()
        self._in_hand: set[asyncio.Task[Rendered]] = set()
        # Large pictures take turns by a lock on this file, which has no name and no content.
        self._lock = os.memfd_create("likeness-large-pictures")
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """Process ids of the children that live."""
        return [child.pid for child in self._children]

    async def render(self, data: bytes, presets: Sequence[Preset], limits: Limits) -> Rendered:
        """Render one picture in a child. Raises RenderFault.

        When the caller is cancelled, the picture is finished and dropped: that is cheaper than a
        new child, and the deadline bounds it.
        """
        await self._slots.acquire()
        task = asyncio.create_task(self._render(data, pack_job(presets, limits)))
        self._in_hand.add(task)
        task.add_done_callback(self._let_go)
        return await asyncio.shield(task)

    def close(self) -> None:
        """End all children at once; pictures that are still in hand end with a LikenessError."""
        if self._closed:
            return
        self._closed = True
        for child in self._children:
            child.kill()
        # The others are buried by those who still wait for their answers.
        for child in self._idle:
            self._abandon(child)
        self._idle.clear()
        os.close(self._lock)

    def _let_go(self, task: asyncio.Task[Rendered]) -> None:
        self._in_hand.discard(task)
        self._slots.release()
        if not task.cancelled():
            task.exception()  # Looked at, so that nothing complains when the caller was cancelled.

    async def _render(self, data: bytes, job: bytes) -> Rendered:
        child = await self._take()
        try:
            rendered = await child.serve(job, data, self._deadline_seconds, self._processes)
        except RenderFault:
            self._give_back(child)
            raise
        except TimeoutError:
            await self._replace(child, patience=0)
            raise RenderFault(
                "render-timeout",
                f"rendering took longer than {self._deadline_seconds:g} seconds",
            ) from None
        except _ChildDied as death:
            # One that talks nonsense lives on and is not waited for.
            code = await self._replace(child, 0 if death.args else _PATIENCE_SECONDS)
            raise self._crash(code, str(death)) from None
        except BaseException:
            self._abandon(child)
            raise
        self._give_back(child)
        return rendered

    async def _take(self) -> _Child:
        """A child that has loaded its codecs. Raises LikenessError if none can be had."""
        if self._closed:
            raise LikenessError(_CLOSED)
        child = self._idle_child() or self._new_child()
        try:
            await child.start()
        except (TimeoutError, _ChildDied) as error:
            code = await self._discard(child)
            if self._closed:
                raise LikenessError(_CLOSED) from None
            raise LikenessError(
                f"a rendering process does not start: {_how_it_ended(code)};"
                " it said why on standard error"
            ) from error
        except BaseException:
            self._abandon(child)
            raise
        return child

    def _idle_child(self) -> _Child | None:
        while self._idle:
            child = self._idle.pop()  # The one used last is the one whose memory is warm.
            if child.lives:
                return child
            self._abandon(child)
        return None

    def _abandon(self, child: _Child) -> None:
        """End a child without waiting: it is dead already, or the loop is being torn down."""
        self._children.discard(child)
        child.bury()

    def _new_child(self) -> _Child:
        child = _Child(self._memory_bytes, self._lock)
        self._children.add(child)
        return child

    def _give_back(self, child: _Child) -> None:
        if child.served < PICTURES_PER_CHILD or self._closed:
            self._idle.append(child)
            return
        self._children.discard(child)
        asyncio.get_running_loop().run_in_executor(None, child.bury, _PATIENCE_SECONDS)
        self._idle.insert(0, self._new_child())

    async def _replace(self, child: _Child, patience: float = _PATIENCE_SECONDS) -> int:
        """End a child that is of no more use and start another; the exit code of the old one."""
        if not self._closed:
            self._idle.insert(0, self._new_child())
        return await self._discard(child, patience)

    async def _discard(self, child: _Child, patience: float = _PATIENCE_SECONDS) -> int:
        self._children.discard(child)
        return await asyncio.to_thread(child.bury, patience)

    def _crash(self, code: int, words: str) -> LikenessError:
        if self._closed:
            return LikenessError(_CLOSED)
        how = words or _how_it_ended(code)
        # A codec that crashes on a picture does so every time; who was killed may be innocent.
        killed = code == -signal.SIGKILL and not words
        return RenderFault("render-crashed", f"the rendering process died: {how}", retryable=killed)


def _how_it_ended(code: int) -> str:
    if code == -signal.SIGKILL:
        return "killed from outside (SIGKILL), perhaps because the machine ran out of memory"
    if code < 0:
        return f"a codec crashed ({signal.Signals(-code).name})"
    return f"it ended with exit code {code}"


def _environment() -> dict[str, str]:
    """All that a child gets to know: nothing of its parent's environment, which holds secrets."""
    return {
        "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, sys.path)]),
        "PYTHONUTF8": "1",
        # One picture, one core: a second thread of BLAS would only take memory.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }
