"""Owns bytes by their content: renditions for anyone and for ever, originals by signature.

What an address holds never changes, so its entity tag is its address, and a client that has it is
answered without looking.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Generator
from datetime import timedelta
from typing import Annotated, Any, Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.response import Redirect, Stream

from api import caching
from api.parameters import AnyRequest, Expires, Signature
from api.problems import documented, problem
from api.services import Services
from api.telemetry import is_head
from worker.errors import StorageError
from worker.fetch import SAFE_INLINE
from worker.sniff import CONTENT_TYPES, SNIFF_BYTES, sniff
from worker.storage import ObjectStore, original_key, rendition_key

_SHA256 = re.compile(r"[0-9a-f]{64}")
_RENDITION = re.compile(r"([0-9a-f]{1,64})\.(webp|avif|jpg)")
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_TYPES = {"webp": "image/webp", "avif": "image/avif", "jpg": "image/jpeg"}
# Read in one go below this; above, in steps of it, so that a large file is never in memory.
_STEP_BYTES = 256 << 10
# The longest that S3 signs for; caches keep the redirect for a part of it.
_SIGNED_FOR = timedelta(days=7)
_SIGNED_CACHE = "public, max-age=86400"
_SAFETY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'",
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
    "accept-ranges": "bytes",
}


@get(
    "/api/images/{sha256:str}/{file:str}",
    tags=["bytes"],
    summary="The bytes of a rendition, or of an original with a signature",
    description="`{recipe}.webp`, `.avif` or `.jpg`; or `original` with `sig` and `expires`."
    " Takes If-None-Match, Range and If-Range.",
    media_type="image/*",
    responses=documented(206, 302, 304, 400, 403, 404, 416),
)
async def get_bytes(
    request: AnyRequest,
    services: NamedDependency[Services],
    sha256: Annotated[str, PathParameter(description="64 hex digits")],
    file: Annotated[str, PathParameter(description="{recipe}.{webp|avif|jpg} or original")],
    sig: Signature = "",
    expires: Expires = 0,
) -> Response[Any]:
    if not _SHA256.fullmatch(sha256):
        raise _unknown()
    if file == "original":
        if not services.signer.is_valid(f"{sha256}/original", sig, expires):
            raise problem("bad-signature", "Ask the resolver for a new address.")
        headers = {"cache-control": "private, max-age=3600", "etag": f'"{sha256}"'}
        return await _answer(request, services.store, original_key(sha256), headers, None)
    match = _RENDITION.fullmatch(file)
    if match is None:
        raise _unknown()
    recipe, extension = match.groups()
    key = rendition_key(sha256, recipe, extension)
    if services.public_store is not None:
        return await _lead_to_bucket(request, services.public_store, key)
    headers = {"cache-control": caching.IMMUTABLE, "etag": f'"{sha256[:32]}-{recipe}-{extension}"'}
    return await _answer(request, services.store, key, headers, _TYPES[extension])


async def _lead_to_bucket(request: AnyRequest, store: ObjectStore, key: str) -> Response[Any]:
    """To the bucket itself, which browsers may read by signed URLs alone."""
    # A signature holds for one method, and what caches keep of this address is for GET.
    asks_head = is_head(request.scope)
    method: Literal["GET", "HEAD"] = "HEAD" if asks_head else "GET"
    url = await asyncio.to_thread(store.signed_url, key, _SIGNED_FOR, method)
    assert url
    headers = {
        "cache-control": "no-store" if asks_head else _SIGNED_CACHE,
        "access-control-allow-origin": "*",
    }
    return Redirect(path=url, status_code=302, media_type="text/plain", headers=headers)


async def _answer(
    request: AnyRequest,
    store: ObjectStore,
    key: str,
    headers: dict[str, str],
    content_type: str | None,
) -> Response[Any]:
    headers |= _SAFETY
    if caching.is_known(request, headers["etag"]):
        return caching.not_modified(headers)
    found = await asyncio.to_thread(store.stat, key)
    if found is None:
        raise _unknown()
    if content_type is None:
        content_type = await _judge(store, key, headers)
    span = _span(request, headers["etag"], found.size_bytes)
    start, length = span or (0, found.size_bytes)
    if span:
        headers["content-range"] = f"bytes {start}-{start + length - 1}/{found.size_bytes}"
    headers["content-length"] = str(length)
    # As a header, since a stream would take the type that the route declares.
    headers["content-type"] = content_type
    status = 206 if span else 200
    if is_head(request.scope) or length == 0:
        return Stream(iter(()), status_code=status, headers=headers)
    body = await _read(store, key, start, length)
    if isinstance(body, bytes):
        return Response(body, status_code=status, headers=headers)
    return Stream(body, status_code=status, headers=headers)


async def _judge(store: ObjectStore, key: str, headers: dict[str, str]) -> str:
    """The type of an original by its content; what is no plain picture is a file to save."""
    start = await asyncio.to_thread(lambda: b"".join(store.open_range(key, 0, SNIFF_BYTES)))
    kind = sniff(start)
    if kind in SAFE_INLINE:
        return CONTENT_TYPES[kind]
    headers["content-disposition"] = "attachment"
    return "application/octet-stream"


async def _read(
    store: ObjectStore, key: str, start: int, length: int
) -> bytes | AsyncIterator[bytes]:
    try:
        if length <= _STEP_BYTES:
            return await asyncio.to_thread(lambda: b"".join(store.open_range(key, start, length)))
        return _steps(await asyncio.to_thread(store.open_range, key, start, length))
    except StorageError as error:
        if error.code == "NoSuchKey":  # collected between the look and the read
            raise _unknown() from error
        raise


async def _steps(chunks: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """The chunks, a few at a time from a thread; closed also where the client leaves."""
    reading: asyncio.Task[bytes] | None = None
    try:
        while True:
            reading = asyncio.create_task(asyncio.to_thread(_take, chunks))
            step = await asyncio.shield(reading)
            if not step:
                return
            yield step
    finally:
        if reading is not None and not reading.done():
            await asyncio.wait([reading])
        chunks.close()


def _take(chunks: Generator[bytes, None, None]) -> bytes:
    taken, size = [], 0
    for chunk in chunks:
        taken.append(chunk)
        size += len(chunk)
        if size >= _STEP_BYTES:
            break
    return b"".join(taken)


def _span(request: AnyRequest, etag: str, size: int) -> tuple[int, int] | None:
    """Start and length of the one range asked for; None: all of it. Raises 416.

    Several ranges, or one that no grammar knows, are answered with the whole, as RFC 9110 allows.
    """
    header = request.headers.get("range")
    # RFC 9110 knows ranges of GET alone.
    if header is None or is_head(request.scope) or request.headers.get("if-range", etag) != etag:
        return None
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
        if int(last) == 0:
            raise _outside(size)
    else:
        start, end = int(first), min(int(last) if last else size - 1, size - 1)
        if last and int(last) < int(first):
            return None
    if start >= size:
        raise _outside(size)
    return start, end - start + 1


def _outside(size: int) -> Exception:
    return problem(
        "range-not-satisfiable",
        f"The file has {size} bytes.",
        headers={"content-range": f"bytes */{size}"},
    )


def _unknown() -> Exception:
    return problem(
        "not-found",
        "There are no such bytes.",
        headers={"cache-control": caching.NOTHING_THERE, "access-control-allow-origin": "*"},
    )


HANDLERS = [get_bytes]
