"""Owns what every store promises, and the form of keys.

A key is checked before it meets a bucket or a file system, so that no input of anybody can name a
place outside the store or differ between the two.
"""

import re
from collections.abc import Generator, Iterable, Iterator
from datetime import timedelta
from typing import Literal, NamedTuple, Protocol

from worker.errors import StorageError

_CONTENT_TYPES = {"webp": "image/webp", "avif": "image/avif", "jpg": "image/jpeg"}
_SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{0,15}}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

CHUNK_BYTES = 64 * 1024
Sentences = list[str]  # named, because the stores have a method called list


class StoredObject(NamedTuple):
    """What a store knows of an object without reading it; a listing of S3 tells no content type."""

    key: str
    size_bytes: int
    etag: str | None
    content_type: str | None


class ObjectStore(Protocol):
    """A place for bytes. Every method is thread-safe, blocks, and fails with StorageError."""

    def put(
        self,
        key: str,
        data: bytes | memoryview,
        *,
        content_type: str,
        cache_control: str,
        sha256: str | None = None,
    ) -> None:
        """Write an object whole, over an older one if need be; durable when this returns.

        ``sha256`` (hex) saves hashing what the caller has hashed; bytes that do not match it are
        refused with a retryable error and nothing is written.
        """

    def get(self, key: str) -> bytes:
        """All bytes of an object; code ``NoSuchKey`` where there is none."""

    def open_range(
        self, key: str, start: int = 0, length: int | None = None
    ) -> Generator[bytes, None, None]:
        """Chunks of ``length`` bytes from ``start`` (None: to the end); ``close()`` to stop early.

        A missing object (``NoSuchKey``) or a start behind its end (``InvalidRange``) is raised by
        this call, before the first chunk is asked for.
        """

    def stat(self, key: str) -> StoredObject | None:
        """Size, entity tag and type; None where there is no such object."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; absent ones are fine."""

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Objects whose key starts with ``prefix``, in the order of their keys."""

    def ensure_ready(self) -> None:
        """Make what is missing (bucket and its policy, or folders); safe to repeat and to race."""

    def health(self) -> Sentences:
        """Nothing when all is well, else sentences that say what is wrong and what to do."""

    def signed_url(
        self, key: str, expires: timedelta, method: Literal["GET", "HEAD"] = "GET"
    ) -> str | None:
        """A URL that reads one object for 1 second to 7 days; None where a store has no URLs.

        It holds for this method and no other: whoever asks with HEAD needs one of its own.
        """


def original_key(sha256: str) -> str:
    """Key of an original by the hash (hex) of its bytes."""
    return f"o/{checked_sha256(sha256)[:2]}/{sha256}"


def rendition_key(sha256: str, recipe: str, extension: str) -> str:
    """Key of a rendition: the hash of its original, the recipe's id, and webp, avif or jpg."""
    if extension not in _CONTENT_TYPES:
        raise _invalid_key(f"{extension!r} is not the extension of a rendition")
    return checked_key(f"v/{checked_sha256(sha256)[:2]}/{sha256}/{recipe}.{extension}")


def checked_sha256(sha256: str) -> str:
    """The hash, if it is one."""
    if not _SHA256.fullmatch(sha256):
        raise _invalid_key(f"{sha256!r} is not a sha256 in lower-case hex")
    return sha256


def checked_key(key: str) -> str:
    """The key, if no store could take it for anything but a name below its root."""
    if not _KEY.fullmatch(key):
        raise _invalid_key(f"{key!r} is not a key: segments of A-Z a-z 0-9 . _ - parted by /")
    return key


def content_type_of(key: str) -> str | None:
    """The type that the extension of a rendition stands for; None for an original."""
    return _CONTENT_TYPES.get(key.rpartition(".")[2])


def mismatch(key: str) -> StorageError:
    """The bytes in hand are not those that were hashed; fetching or rendering anew may help."""
    return StorageError(
        f"The bytes of {key} are not those that were hashed.", code="BadDigest", retryable=True
    )


def checked_range(key: str, start: int, length: int | None) -> None:
    """Refuse a range that no object can have."""
    if start < 0 or (length is not None and length < 0):
        raise invalid_range(f"{length} bytes from {start} are no range of {key}.")


def invalid_range(message: str) -> StorageError:
    """The object has no such bytes."""
    return StorageError(message, code="InvalidRange", retryable=False)


def _invalid_key(message: str) -> StorageError:
    return StorageError(message, code="InvalidKey", retryable=False)
