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
from api.problems import documented
from api.services import Services
from worker.db import Row

WAIT_SECONDS = 25.0
_TAKEN = """
select i.product_id, i.status, f.code || ': ' || f.meaning as error,
       i.status = 'processing'
       or (i.queued_at is not null
           and (i.retry_at is null or i.retry_at < likeness.clock() + make_interval(secs => %s)))
       as is_moving
  from likeness.images i
  left join likeness.failure_reasons f on f.code = i.failure_reason
 where i.id = any(%s::bigint[])
"""


class BatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How many products, and whether failed ones are tried again."""

    batch_size: Annotated[int, msgspec.Meta(ge=1, le=200, examples=[10])] = 10
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
    description="Without a body: the next 10. What is not done within 25 s, or has failed and is"
    " tried again later, is skipped; the work goes on.",
    guards=[requires("mirror")],
    security=SECURITY,
    responses=documented(400, 401, 403),
)
async def post_batch(
    services: NamedDependency[Services], data: JSONBody[BatchRequest | None] = None
) -> BatchAnswer:
    wanted = data or BatchRequest()
    rows = await services.rows(
        "select * from likeness.next_products(%s, %s)", wanted.batch_size, wanted.force_retry
    )
    if not rows:
        return BatchAnswer(True, 0, 0, 0, [])
    image_ids = [row["image_id"] for row in rows]
    deadline = time.monotonic() + WAIT_SECONDS
    with services.finished.waiting([row["product_id"] for row in rows]) as event:
        await _raise(services, rows)
        while True:
            left = deadline - time.monotonic()
            found = await services.rows(_TAKEN, max(0.0, left), image_ids)
            if left <= 0 or not any(row["is_moving"] for row in found):
                return _count(len(rows), found)
            await happens(event, left)
            # News come one by one; a look at all of them can wait for a few more.
            await asyncio.sleep(0.05)


async def _raise(services: Services, rows: list[Row]) -> None:
    waiting = [row["product_id"] for row in rows if not row["is_failed"]]
    failed = [row["image_id"] for row in rows if row["is_failed"]]
    # Two transactions, since each locks hosts before images.
    if waiting:
        await services.rows("select likeness.set_priority(%s::bigint[], %s)", waiting, VIEWED)
    if failed:
        await services.rows(
            "select likeness.retry_images(image_ids => %s::bigint[], priority => %s)",
            failed,
            VIEWED,
        )


def _count(taken: int, found: list[Row]) -> BatchAnswer:
    failed = [row for row in found if row["status"] == "failed"]
    processed = sum(row["status"] == "completed" for row in found)
    return BatchAnswer(
        success=not failed,
        processed=processed,
        failed=len(failed),
        skipped=taken - processed - len(failed),
        errors=[BatchError(row["product_id"], row["error"]) for row in failed],
    )


HANDLERS = [post_batch]
