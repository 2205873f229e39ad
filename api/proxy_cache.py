"""Owns the proxy's files: pictures that were fetched once, bounded in bytes and in age.

One folder for all API processes of a machine. A file is written under a name of its own and takes
its place by a rename, so that no reader meets half a picture; what is being read stays readable
when it is thrown out. The folder can be deleted at any time.
"""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_HEADER_BYTES = 256
_STALE_SECONDS = 600.0
# Looked through after so much was written: above the bound by no more than this a process.
_SLACK = 0.05


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture in an open file that stands at its first byte; whoever got it closes it."""

    file: BinaryIO
    content_type: str
    etag: str
    size_bytes: int


class Draft:
    """A picture on its way into the cache: write, then keep; or drop."""

    def __init__(self, path: Path, place: Path) -> None:
        self._path = path
        self._place = place
        self._file = path.open("wb")
        self._file.write(bytes(_HEADER_BYTES))
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """The next bytes."""
        self._file.write(chunk)
        self._digest.update(chunk)
        self.size_bytes += len(chunk)

    def keep(self, content_type: str) -> None:
        """It is whole: show it."""
        header = {"type": content_type, "etag": f'"{self._digest.hexdigest()[:32]}"'}
        self._file.seek(0)
        self._file.write(json.dumps(header).encode().ljust(_HEADER_BYTES))
        self._file.close()
        self._path.replace(self._place)

    def drop(self) -> None:
        """It is not whole and never will be; nothing happens to one that was kept."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class ProxyCache:
    """The folder. Every method blocks and may raise OSError."""

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        max_age_seconds: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_age_seconds = max_age_seconds
        self._now = now
        self._written_bytes = max_bytes  # look through it at the first chance

    def find(self, key: str) -> Kept | None:
        """The picture of a key, unless it is too old."""
        try:
            file = self._place(key).open("rb")
        except FileNotFoundError:
            return None
        try:
            about = os.fstat(file.fileno())
            if about.st_mtime < self._now() - self._max_age_seconds:
                file.close()
                return None
            header = json.loads(file.read(_HEADER_BYTES))
            return Kept(file, header["type"], header["etag"], about.st_size - _HEADER_BYTES)
        except (ValueError, KeyError):
            # Cut short by a crash of the machine: as good as not there.
            file.close()
            return None

    def draft(self, key: str) -> Draft:
        """A file to be written for a key."""
        place = self._place(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        return Draft(place.with_name(f"{secrets.token_hex(8)}.part"), place)

    def count(self, size_bytes: int) -> None:
        """So much was added: throw the oldest out where it is time to look."""
        self._written_bytes += size_bytes
        if self._written_bytes > self._max_bytes * _SLACK:
            self._written_bytes = 0
            self.trim()

    def trim(self) -> None:
        """Throw out what is too old or unfinished, and then the oldest beyond the bound."""
        kept, total = [], 0
        for path in self._folder.glob("*/*"):
            try:
                about = path.stat()
            except FileNotFoundError:
                continue
            age = self._now() - about.st_mtime
            if age > (_STALE_SECONDS if path.suffix else self._max_age_seconds):
                path.unlink(missing_ok=True)
                continue
            kept.append((about.st_mtime, about.st_size, path))
            total += about.st_size
        for _, size, path in sorted(kept):
            if total <= self._max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size

    def _place(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / name[:2] / name
