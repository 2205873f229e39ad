"""Owns the proxy's address: a picture by its id, before it is mirrored.

An address names an image that the database knows, never a URL from outside, and holds only with a
signature that the resolver gave out.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Any, BinaryIO

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.plugins.problem_details import ProblemDetailsException
from litestar.response import Stream

from api import caching
from api.display import resolve
from api.interest import VIEWED
from api.limits import proxy_limit
from api.parameters import AnyRequest, Expires, RowId, Signature
from api.problems import documented, problem, unavailable
from api.proxy_cache import Kept
from api.proxying import Crowded, Failure
from api.redirects import lead_to, lead_to_placeholder
from api.services import Services
from worker.log import get_logger

_SAFETY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'",
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
}
_STEP_BYTES = 256 << 10
_BROKEN_SECONDS = 30
_LIFETIME = "public, max-age=60"
_log = get_logger()


@get(
    "/api/images/proxy/{image_id:int}",
    tags=["bytes"],
    summary="A picture that is not mirrored yet, from its source",
    media_type="image/*",
    guards=[proxy_limit],
    responses=documented(302, 304, 400, 403, 404, 429, 502),
)
async def get_proxied(
    request: AnyRequest,
    services: NamedDependency[Services],
    image_id: RowId,
    sig: Signature = "",
    expires: Expires = 0,
) -> Response[Any]:
    if not services.signer.is_valid(f"proxy/{image_id}", sig, expires):
        raise problem("bad-signature", "Ask the resolver for a new address.")
    try:
        return await _show(request, services, image_id)
    except ProblemDetailsException as fault:
        # A page shows the placeholder sooner than a broken picture.
        path = services.settings.placeholder_url
        if not path:
            raise
        return lead_to_placeholder(path, fault.headers or {})


async def _show(request: AnyRequest, services: Services, image_id: int) -> Response[Any]:
    found = await services.reader.fresh("select * from likeness.image_source(%s)", image_id)
    if not found or found[0]["fetch_url"] is None:
        raise _nothing()
    [source] = found
    if source["is_mirrored"]:
        (shown,) = await resolve(services, [source["product_id"]], "detail", [source["position"]])
        return lead_to(request, shown)
    if source["status"] == "failed":
        raise _nothing(source["failure_reason"])
    if source["host_rests_seconds"]:
        raise unavailable("The picture's source rests.", source["host_rests_seconds"])
    services.interest.note([source["product_id"]], VIEWED)
    try:
        result = await services.proxy.get(source)
    except Crowded as error:
        raise unavailable("Too many pictures are being fetched.") from error
    except OSError as error:
        _log.error("proxy cannot keep pictures", error=str(error))
        raise unavailable("Pictures cannot be kept just now.", _BROKEN_SECONDS) from error
    return _answer(request, result)


def _answer(request: AnyRequest, result: Kept | Failure) -> Response[Any]:
    if isinstance(result, Failure):
        raise _failure(result)
    headers = {"etag": result.etag, "cache-control": _LIFETIME, **_SAFETY}
    if caching.is_known(request, result.etag):
        result.file.close()
        return caching.not_modified(headers)
    headers["content-type"] = result.content_type
    headers["content-length"] = str(result.size_bytes)
    return Stream(_steps(result.file), headers=headers)


async def _steps(file: BinaryIO) -> AsyncIterator[bytes]:
    """The rest of a file, a few pages at a time."""
    try:
        while step := await asyncio.to_thread(file.read, _STEP_BYTES):
            yield step
    finally:
        file.close()


def _failure(failure: Failure) -> Exception:
    if failure.is_permanent:
        return _nothing(failure.reason)
    seconds = max(1, math.ceil(failure.until - time.monotonic()))
    return problem(
        "source-failed",
        f"The source failed: {failure.reason}.",
        headers={
            "cache-control": f"public, max-age={min(15, seconds)}",
            "retry-after": str(seconds),
        },
        reason=failure.reason,
    )


def _nothing(reason: str | None = None) -> Exception:
    # Not for longer: the address stays the same where its source is put right.
    headers = {"cache-control": caching.NOTHING_THERE}
    if reason is None:
        return problem("no-image", headers=headers)
    detail = f"The source has no picture to show: {reason}."
    return problem("no-image", detail, headers=headers, reason=reason)


HANDLERS = [get_proxied]
