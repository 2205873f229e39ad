"""Owns the judgement on a body while it arrives: how long it is, and what it is.

Both are taken from the bytes themselves; what the headers promise only ever shortens the work.
"""

import zlib
from collections.abc import AsyncIterator, Collection

from worker.errors import FetchFault
from worker.fetch.faults import host_fault
from worker.fetch.source import Answer
from worker.sniff import IMAGE_FORMATS, SNIFF_BYTES, sniff

_INFLATED_AT_ONCE = 1 << 18
_KINDS = {
    "html": "a web page (HTML)",
    "xml": "an XML document",
    "json": "a JSON document",
    "pdf": "a PDF document",
    "zip": "a ZIP archive",
    "gzip": "a gzip archive",
    "mp4": "a video",
}


class Body:
    """The body of an answer, no longer than ``max_bytes`` and of one of ``formats``."""

    def __init__(
        self, answer: Answer, host: str, max_bytes: int, formats: Collection[str] = IMAGE_FORMATS
    ) -> None:
        if answer.length is not None and answer.length > max_bytes:
            raise _too_large(host, f"announced {answer.length} bytes", max_bytes)
        self._pieces = answer.pieces()
        self._host = host
        self._max_bytes = max_bytes
        self._formats = formats
        self._head: list[bytes] = []
        self._size = 0

    async def open(self) -> str:
        """Read as far as it takes to know the format. Raises FetchFault."""
        async for piece in self._pieces:
            self._count(piece)
            self._head.append(piece)
            if self._size >= SNIFF_BYTES:
                break
        if not self._size:
            raise FetchFault("empty-body", f"Body: {self._host} sent an empty file.")
        return self._judge()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The whole body, after ``open``. Raises FetchFault."""
        for piece in self._head:
            yield piece
        async for piece in self._pieces:
            self._count(piece)
            yield piece

    def _count(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max_bytes:
            raise _too_large(self._host, "sends more", self._max_bytes)

    def _judge(self) -> str:
        found = sniff(b"".join(self._head))
        if found in self._formats:
            assert found is not None
            return found
        if found in IMAGE_FORMATS:
            raise FetchFault(
                "unsupported-format", f"Content: {self._host} sent {found}, which is not allowed."
            )
        kind = _KINDS.get(found or "", "nothing of a known kind")
        raise FetchFault("not-an-image", f"Content: {self._host} sent {kind} and no picture.")


def _too_large(host: str, what: str, max_bytes: int) -> FetchFault:
    return FetchFault("too-large", f"Body: {host} {what}; the limit is {max_bytes} bytes.")


async def inflate(pieces: AsyncIterator[bytes], host: str, max_bytes: int) -> AsyncIterator[bytes]:
    """Undo gzip or deflate, which some servers apply unasked, a bounded step at a time."""
    inflater = zlib.decompressobj(wbits=47)  # either of the two, told apart by its header
    arrived = 0
    async for piece in pieces:
        arrived += len(piece)
        if arrived > max_bytes:
            raise _too_large(host, "sends more", max_bytes)
        waiting = piece
        while waiting and not inflater.eof:
            try:
                out = inflater.decompress(waiting, _INFLATED_AT_ONCE)
            except zlib.error as error:
                raise FetchFault(
                    "http-error", f"Body: what {host} compressed is broken ({error})."
                ) from error
            waiting = inflater.unconsumed_tail
            if out:
                yield out
    if arrived and not inflater.eof:
        raise host_fault("truncated-body", f"Body: what {host} compressed ends too early.")
