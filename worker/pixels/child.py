"""Owns the inside of a rendering process: its limits, its loop, and the frames to its parent.

What runs here has read hostile bytes, so it gets nothing it could misuse: no secrets in its
environment, no way to hand its parent anything but numbers and bytes (JSON and plain bytes, never
pickle), a bounded address space, and no life beyond its parent's.
"""

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from worker.errors import RenderFault
from worker.pixels.renditions import Limits, Preset, Rendered, Rendition

# A frame: lengths of its two parts, then a JSON object, then bytes.
FRAME = struct.Struct("!IQ")
WAITING, STARTED = "waiting", "started"

# Pictures that need more than this are decoded one at a time on the machine, whatever the number of
# processes, so that memory does not grow with it.
LARGE_BYTES = 100_000_000
# A photograph of 12 megapixels in the format that takes most.
_LEAST_WORKING_BYTES = 150_000_000
_PR_SET_PDEATHSIG = 1


class Render(Protocol):
    """worker.pixels.render.render, or what a test puts in its place."""

    def __call__(
        self,
        data: bytes,
        presets: Sequence[Preset],
        limits: Limits,
        *,
        admit: Callable[[int], AbstractContextManager[object]],
    ) -> Rendered: ...


def pack_job(presets: Sequence[Preset], limits: Limits) -> bytes:
    """The first part of a job's frame; the picture's bytes are the second."""
    return json.dumps(
        {
            "presets": [asdict(preset) for preset in presets],
            "max_pixels": limits.max_pixels,
            "allowed_formats": sorted(limits.allowed_formats),
        }
    ).encode()


def unpack_job(head: bytes) -> tuple[list[Preset], Limits]:
    """What ``pack_job`` was given."""
    job = json.loads(head)
    presets = [Preset(**{**p, "formats": tuple(p["formats"])}) for p in job["presets"]]
    return presets, Limits(job["max_pixels"], frozenset(job["allowed_formats"]))


def pack_result(rendered: Rendered) -> tuple[bytes, list[bytes]]:
    """Both parts of a result's frame, the second in pieces, to be sent without joining them."""
    pieces = list(dict.fromkeys(rendition.data for rendition in rendered.renditions))
    head = {
        "format": rendered.format,
        "content_type": rendered.content_type,
        "width": rendered.width,
        "height": rendered.height,
        "frames": rendered.frames,
        "phash": rendered.phash,
        "signature": rendered.signature.hex(),
        "thumbhash": rendered.thumbhash.hex(),
        "pieces": [len(piece) for piece in pieces],
        "renditions": [
            [r.preset, r.format, r.recipe, r.width, r.height, pieces.index(r.data)]
            for r in rendered.renditions
        ],
    }
    return json.dumps({"rendered": head}).encode(), pieces


def unpack_result(head: dict[str, Any], body: memoryview) -> Rendered:
    """What ``pack_result`` was given. Raises KeyError, TypeError or ValueError for others."""
    pieces = []
    for length in head.pop("pieces"):
        pieces.append(bytes(body[:length]))
        body = body[length:]
    renditions = tuple(
        Rendition(preset, format, recipe, width, height, pieces[at])
        for preset, format, recipe, width, height, at in head.pop("renditions")
    )
    signature, thumbhash = (bytes.fromhex(head.pop(name)) for name in ("signature", "thumbhash"))
    return Rendered(**head, signature=signature, thumbhash=thumbhash, renditions=renditions)


def main(arguments: Sequence[str]) -> None:
    """Serve jobs until the parent closes the socket.

    ``arguments`` are the parent's pid, the numbers of the socket and of the lock file, and bytes of
    memory.
    """
    parent, descriptor, lock, memory = (int(argument) for argument in arguments)
    _live_no_longer_than(parent)
    # A worker that is asked to stop still wants the pictures in hand; it closes the socket then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Pillow and numpy: after the parent's death is taken care of.
    from worker.pixels.render import render

    _limit_memory(memory)
    _silence_codecs()
    with socket.socket(fileno=descriptor) as parent_socket:
        _send(parent_socket, {"ready": os.getpid()})
        serve(parent_socket, lock, render)


def serve(parent: socket.socket, lock: int, render: Render) -> None:
    """Answer each job with a result or a fault, until the other side closes."""

    @contextmanager
    def admit(peak_bytes: int) -> Iterator[None]:
        if peak_bytes < LARGE_BYTES:
            yield
            return
        with _alone(parent, lock):
            yield
            _give_memory_back()

    # Each job lives in a call of its own, so that its bytes are gone while the next is awaited.
    while _serve_one(parent, lambda *job: render(*job, admit=admit)):
        pass


def _serve_one(
    parent: socket.socket, render: Callable[[bytes, list[Preset], Limits], Rendered]
) -> bool:
    job = _receive(parent)
    if job is None:
        return False
    try:
        rendered = render(job[1], *unpack_job(job[0]))
    except RenderFault as fault:
        _send(parent, {"fault": [fault.reason, str(fault)]})
    except MemoryError:
        _send(parent, {"fault": ["render-out-of-memory", "rendering takes too much memory"]})
    except Exception as error:  # noqa: BLE001 - one picture's bug must not end the process
        text = f"{type(error).__name__}: {error}"
        _send(parent, {"fault": ["internal-error", f"rendering failed ({text})"]})
    else:
        _send_parts(parent, *pack_result(rendered))
    return True


def _live_no_longer_than(parent: int) -> None:
    """Die when the parent dies, however it dies: SIGKILL leaves it no time to tell."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # It died before the kernel was told.
        os._exit(1)


def _limit_memory(limit: int) -> None:
    """Bound the address space, unless so tightly that no picture could ever be rendered."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    least = pages * resource.getpagesize() + _LEAST_WORKING_BYTES
    if limit < least:
        sys.exit(
            f"LIKENESS_RENDER_MAX_MEMORY_BYTES is {limit}; a rendering process needs {least} to"
            " load its codecs and one photograph"
        )
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _silence_codecs() -> None:
    """Send what codecs print about broken files (libtiff does) nowhere; faults tell it in words."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


@contextmanager
def _alone(parent: socket.socket, lock: int) -> Iterator[None]:
    """Hold the lock that all children of a pool share; a process that dies lets go of it."""
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _send(parent, {"state": WAITING})
        fcntl.lockf(lock, fcntl.LOCK_EX)
        _send(parent, {"state": STARTED})
    try:
        yield
    finally:
        fcntl.lockf(lock, fcntl.LOCK_UN)


def _give_memory_back() -> None:
    """Return freed memory to the system; the allocator would keep it for the next large one."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # glibc's alone has it
        trim(0)


def _send(parent: socket.socket, head: dict[str, Any]) -> None:
    _send_parts(parent, json.dumps(head).encode(), [])


def _send_parts(parent: socket.socket, head: bytes, pieces: Sequence[bytes]) -> None:
    parent.sendall(FRAME.pack(len(head), sum(map(len, pieces))) + head)
    for piece in pieces:
        parent.sendall(piece)


def _receive(parent: socket.socket) -> tuple[bytes, bytes] | None:
    lengths = _read(parent, FRAME.size)
    if lengths is None:
        return None
    head_length, body_length = FRAME.unpack(lengths)
    head, body = _read(parent, head_length), _read(parent, body_length)
    return None if head is None or body is None else (head, body)


def _read(parent: socket.socket, length: int) -> bytes | None:
    """Exactly so many bytes; None when the other side closed."""
    pieces = []
    while length:  # More than once only when a signal interrupts.
        piece = parent.recv(length, socket.MSG_WAITALL)
        if not piece:
            return None
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


if __name__ == "__main__":
    main(sys.argv[1:])
