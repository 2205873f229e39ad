"""Owns objects as local files: what one machine needs to run without an S3 server.

A file is drafted aside, synced and renamed into place, so that a crash leaves the old object, the
new one, or a stray draft that no listing shows and ``ensure_ready`` sweeps.
"""

import errno
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from stat import S_ISREG
from typing import IO, Literal

from worker.errors import StorageError
from worker.storage.objects import (
    CHUNK_BYTES,
    Sentences,
    StoredObject,
    checked_key,
    checked_range,
    content_type_of,
    invalid_range,
    mismatch,
)

_INCOMING = ".incoming"  # no key starts with a dot, so that no object can be taken for a draft
_DRAFT_MAX_AGE_SECONDS = 3600.0
_LEAST_FREE_BYTES = 256 << 20
_PLACE_ATTEMPTS = 64
_PASSING_ERRNOS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
)


class FileStore:
    """Objects below one folder, named by their keys; any number of processes may share it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / _INCOMING

    def put(
        self,
        key: str,
        data: bytes | memoryview,
        *,
        content_type: str,
        cache_control: str,
        sha256: str | None = None,
    ) -> None:
        """Type and caching are not kept: the type follows from the key, caching is the API's."""
        target = self._path(key)
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise mismatch(key)
        with self._explained(f"take {key}"):
            self._incoming.mkdir(parents=True, exist_ok=True)
            draft = self._incoming / uuid.uuid4().hex
            try:
                _write_durably(draft, data)
                self._place(draft, target)
            finally:
                draft.unlink(missing_ok=True)

    def _place(self, draft: Path, target: Path) -> None:
        """Rename the draft into its folder; ``delete`` may prune that folder at the same moment."""
        for attempt in range(1, _PLACE_ATTEMPTS + 1):
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                draft.replace(target)
                break
            except (FileNotFoundError, FileExistsError):
                # mkdir says either of a folder that goes away under it.
                if attempt == _PLACE_ATTEMPTS:
                    raise
        # Any folder on the way may be new, by us or by another who has not synced it yet.
        for folder in _upward(target.parent, self._root):
            _sync_folder(folder)

    def get(self, key: str) -> bytes:
        with self._explained(f"read {key}"), self._open(key) as file:
            return file.read()

    def open_range(
        self, key: str, start: int = 0, length: int | None = None
    ) -> Generator[bytes, None, None]:
        checked_range(key, start, length)
        chunks = self._chunks(key, start, length)
        next(chunks)  # opens the file, so that its absence is raised here
        return chunks

    def _chunks(self, key: str, start: int, length: int | None) -> Generator[bytes, None, None]:
        """An empty chunk once the file is open, then the bytes."""
        with self._explained(f"read {key}"), self._open(key) as file:
            size = os.fstat(file.fileno()).st_size
            if start and start >= size:
                raise invalid_range(f"{key} has {size} bytes; there is none at {start}.")
            yield b""
            file.seek(start)
            left = size - start if length is None else length
            while left > 0 and (chunk := file.read(min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk

    def _open(self, key: str) -> IO[bytes]:
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise StorageError(
                f"There is no object {key}.", code="NoSuchKey", retryable=False
            ) from error

    def stat(self, key: str) -> StoredObject | None:
        path = self._path(key)
        with self._explained(f"look at {key}"):
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        if not S_ISREG(found.st_mode):
            return None
        etag = f"{found.st_mtime_ns:x}-{found.st_size:x}"
        return StoredObject(key, found.st_size, etag, content_type_of(key))

    def delete(self, keys: Iterable[str]) -> None:
        touched = set()
        with self._explained("delete objects"):
            for path in [self._path(key) for key in keys]:
                path.unlink(missing_ok=True)
                touched.add(path.parent)
            for folder in touched:
                self._prune(folder)

    def _prune(self, folder: Path) -> None:
        """Remove empty folders upward; sync the first that stays, so that deletions last."""
        for each in _upward(folder, self._root):
            if each == self._root or not _is_removed(each):
                _sync_folder(each)
                return

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        with self._explained(f"list {prefix}*"):
            yield from self._walk(self._root, "", prefix)

    def _walk(self, folder: Path, parent: str, prefix: str) -> Iterator[StoredObject]:
        for entry in _entries(folder):
            key = parent + entry.name
            if entry.is_dir(follow_symlinks=False):
                below = key + "/"
                if below.startswith(prefix) or prefix.startswith(below):
                    yield from self._walk(folder / entry.name, below, prefix)
            elif key.startswith(prefix) and (found := self.stat(key)):
                yield found

    def ensure_ready(self) -> None:
        with self._explained("make its folders"):
            self._incoming.mkdir(parents=True, exist_ok=True)
            self._sweep()

    def _sweep(self) -> None:
        """Remove drafts that a crash left; a young one may be another process's, still at work."""
        oldest = time.time() - _DRAFT_MAX_AGE_SECONDS
        for draft in self._incoming.iterdir():
            try:
                if draft.stat().st_mtime < oldest:
                    draft.unlink()
            except FileNotFoundError:
                continue  # placed by its process meanwhile

    def health(self) -> Sentences:
        if not self._incoming.is_dir():
            return [
                f"The folder {self._root} is not set up. Start a worker: it makes it, or correct"
                " LIKENESS_STATE_DIR."
            ]
        try:
            free = self._try_writing()
        except StorageError as error:
            return [str(error)]
        if free < _LEAST_FREE_BYTES:
            return [
                f"The disk of {self._root} has {free >> 20} MiB left. Free space, or move"
                " LIKENESS_STATE_DIR to a larger disk."
            ]
        return []

    def _try_writing(self) -> int:
        """Write a file as ``put`` does; the bytes that are free."""
        draft = self._incoming / uuid.uuid4().hex
        with self._explained("take a file"):
            try:
                _write_durably(draft, b"health")
            finally:
                draft.unlink(missing_ok=True)
            return shutil.disk_usage(self._root).free

    def signed_url(
        self, key: str, expires: timedelta, method: Literal["GET", "HEAD"] = "GET"
    ) -> str | None:
        return None

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)

    @contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        """Turn what the file system raises into StorageError; ``action`` was to be done."""
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"The folder {self._root} did not {action}: {_advice(error)}",
                code=errno.errorcode.get(error.errno or errno.EIO, "EIO"),
                retryable=error.errno in _PASSING_ERRNOS,
            ) from error


def _advice(error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full. Free space, or move LIKENESS_STATE_DIR to a larger disk."
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return (
                f"it is not writable ({error.strerror}). Give it to the user that runs Likeness,"
                " or correct LIKENESS_STATE_DIR."
            )
    return f"{error.strerror or error}. See that LIKENESS_STATE_DIR is a folder on a sound disk."


def _write_durably(path: Path, data: bytes | memoryview) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _upward(folder: Path, root: Path) -> Iterator[Path]:
    """The folder, its parent and so on, the root last."""
    while folder != root:
        yield folder
        folder = folder.parent
    yield root


def _sync_folder(folder: Path) -> None:
    """Make the folder's entries durable; one pruned meanwhile has none."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_removed(folder: Path) -> bool:
    """Remove the folder if it is empty; whether it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True  # never made, or pruned by another
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, in the order that its keys have (S3 lists ``a.b`` before ``a/b``)."""
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except FileNotFoundError:
        return []  # pruned since its parent was read
    return sorted(entries, key=lambda e: e.name + "/" * e.is_dir(follow_symlinks=False))
