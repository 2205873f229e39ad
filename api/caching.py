"""Owns what answers say to caches: entity tags, conditions, lifetimes.

Names redirect and live for minutes; content has its hash in its address and lives for ever.
"""

from collections.abc import Mapping
from typing import Any

import xxhash
from litestar import Response

from api.parameters import AnyRequest

IMMUTABLE = "public, max-age=31536000, immutable"
ANSWER = "public, max-age=30, stale-while-revalidate=300"
REDIRECT = "public, max-age=300, stale-while-revalidate=86400"
# A signature in the target holds for an hour at least.
SIGNED_REDIRECT = "public, max-age=300, stale-while-revalidate=3000"
NOTHING_THERE = "public, max-age=60"
_UNSETTLED_SECONDS = 30


def soon(retry_after: int | None) -> str:
    """For what is about to change: as long as the change is away, at most 30 s."""
    return f"public, max-age={max(1, min(_UNSETTLED_SECONDS, retry_after or _UNSETTLED_SECONDS))}"


def etag_of(body: bytes) -> str:
    """A strong entity tag of these bytes."""
    # Nobody gains by two answers with one tag, so that it need not be a hash against forgers.
    return f'"{xxhash.xxh3_128_hexdigest(body)}"'


def is_known(request: AnyRequest, etag: str) -> bool:
    """Whether If-None-Match names this tag; compared weakly, as RFC 9110 wants it."""
    header = request.headers.get("if-none-match")
    if header is None:
        return False
    offered = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in offered or etag.removeprefix("W/") in offered


def not_modified(headers: Mapping[str, str]) -> Response[Any]:
    """304 with the headers that a 200 would have had for the cache."""
    return Response(content=b"", status_code=304, headers=dict(headers))


def cached_json(request: AnyRequest, body: bytes, cache_control: str) -> Response[Any]:
    """The JSON with its entity tag, or 304 where the client has it already."""
    headers = {"etag": etag_of(body), "cache-control": cache_control}
    if is_known(request, headers["etag"]):
        return not_modified(headers)
    # Litestar passes bytes on as they are.
    return Response(content=body, headers=headers, media_type="application/json")
