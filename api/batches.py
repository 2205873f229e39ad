"""Owns the old contract of schedulers: work off the next few products and say how it went.

The worker does the work here too; the request raises what is next, waits a bounded time and counts.
"""

import asyncio
import time
from typing import Annotated

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.access import SECURITY, requires
from api.finished import happens
from api.interest import VIEWED
from api.lazy import Progress, read_progress
from api.problems import documented
from api.services import Services

WAIT_SECONDS = 25.0


class BatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How many products, and whether failed ones are tried again."""

    batch_size: Annotated[int, msgspec.Meta(ge=1, le=200)] = 10
    force_retry: bool = False


class BatchError(msgspec.Struct):
    """A product whose picture failed, and why."""

    product_id: int
    error: str


class BatchAnswer(msgspec.Struct):
    """How many products of the batch have their picture, failed, or are not done yet (skipped)."""

    success: bool
    processed: int
    failed: int
    skipped: int
    errors: list[BatchError]


@post(
    "/api/process-product-images",
    status_code=200,
    tags=["runs"],
    summary="Work off the next products of the queue (the old contract)",
    guards=[requires("mirror")],
    security=SECURITY,
    responses=documented(400, 401, 403),
)
async def post_batch(
    services: NamedDependency[Services], data: JSONBody[BatchRequest]
) -> BatchAnswer:
    rows = await services.rows(
        "select * from likeness.next_products(%s, %s)", data.batch_size, data.force_retry
    )
    ids = [row["product_id"] for row in rows]
    if not ids:
        return BatchAnswer(True, 0, 0, 0, [])
    deadline = time.monotonic() + WAIT_SECONDS
    with services.finished.waiting(ids) as event:
        await _raise(services, rows)
        while True:
            found = await read_progress(services, ids)
            left = deadline - time.monotonic()
            if left <= 0 or not any(progress.is_moving for progress in found):
                return _count(found)
            await happens(event, left)
            # News come one by one; a look at all of them can wait for a few more.
            await asyncio.sleep(0.05)


async def _raise(services: Services, rows: list[dict[str, object]]) -> None:
    waiting = [row["product_id"] for row in rows if not row["is_failed"]]
    failed = [row["image_id"] for row in rows if row["is_failed"]]
    # Two transactions, since each locks hosts before images.
    if waiting:
        await services.rows(
            "select likeness.set_priority(%s::bigint[], %s::smallint)", waiting, VIEWED
        )
    if failed:
        await services.rows(
            "select likeness.retry_images(image_ids => %s::bigint[], priority => %s::smallint)",
            failed,
            VIEWED,
        )


def _count(found: list[Progress]) -> BatchAnswer:
    failed = [progress for progress in found if progress.status == "failed"]
    processed = sum(progress.is_shown for progress in found)
    return BatchAnswer(
        success=not failed,
        processed=processed,
        failed=len(failed),
        skipped=len(found) - processed - len(failed),
        errors=[
            BatchError(p.product_id, f"{p.failure_reason}: {p.failure_meaning}") for p in failed
        ],
    )


HANDLERS = [post_batch]
