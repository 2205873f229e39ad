"""Owns uploaded files between the API, which keeps them, and the worker, which makes their sizes.

An upload is a picture whose source is our own store: the queue hands it out like any other, under
an address that no feed can name.
"""

import hashlib
import time
from typing import BinaryIO

from worker.errors import SourceFault, StorageError
from worker.fetch import Fetched
from worker.sniff import CONTENT_TYPES, SNIFF_BYTES, sniff
from worker.storage import ObjectStore, original_key

PRIVATE = "private, max-age=31536000, immutable"
UPLOAD_FORMATS = frozenset({"jpeg", "png", "webp", "avif", "gif"})
_SCHEME = "upload:"


def is_upload(fetch_url: str) -> bool:
    """Whether this is the address of an uploaded file."""
    return fetch_url.startswith(_SCHEME)


def put_upload(store: ObjectStore, sha256: str, content: BinaryIO) -> None:
    """Keep a file as the original of these bytes; blocks. Raises StorageError."""
    content.seek(0)
    data = content.read()
    content_type = CONTENT_TYPES.get(sniff(data[:SNIFF_BYTES]) or "", "application/octet-stream")
    store.put(
        original_key(sha256), data, content_type=content_type, cache_control=PRIVATE, sha256=sha256
    )


def read_upload(store: ObjectStore, fetch_url: str) -> Fetched:
    """The file as if it had been fetched; blocks. Raises SourceFault where it is gone."""
    began = time.perf_counter()
    sha256 = fetch_url.removeprefix(_SCHEME)
    try:
        data = store.get(original_key(sha256))
    except StorageError as error:
        if error.code != "NoSuchKey":
            raise
        raise SourceFault("original-missing", "the uploaded file is not in the store") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SourceFault("original-missing", "the uploaded file is not what it was")
    kind = sniff(data[:SNIFF_BYTES])
    return Fetched(
        data=data,
        sha256=sha256,
        format=kind,
        content_type=CONTENT_TYPES.get(kind or ""),
        etag=None,
        last_modified=None,
        not_modified=False,
        final_url=fetch_url,
        http_status=None,
        milliseconds=(time.perf_counter() - began) * 1000,
    )
