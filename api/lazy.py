"""Owns asking for one picture now: it jumps the queue, and the request waits a while for it.

The worker does the work. Pixels never enter this process; it waits for the news.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from api.display import Status, unknown_product
from api.finished import happens
from api.interest import VIEWED
from api.limits import lazy_limit
from api.parameters import BIGGEST_ID
from api.problems import documented
from api.services import Services

WAIT_SECONDS = 10.0
_RETRY_SECONDS = 5
_PROGRESS = "select * from likeness.product_progress(%s::bigint[])"


class CachedUrls(msgspec.Struct):
    """Addresses of the two sizes; null where one is not made."""

    thumb: str | None = None
    medium: str | None = None


class LazyAnswer(msgspec.Struct):
    """What became of the request. ``error`` is for people, ``reason`` is a code of a failure.

    ``status`` is that of the resolver. ``retry_after`` is in seconds where asking again may help.
    """

    success: bool
    status: Status
    cached_urls: CachedUrls
    error: str | None = None
    reason: str | None = None
    retry_after: int | None = None


class LazyRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The product that somebody looks at."""

    product_id: Annotated[int, msgspec.Meta(ge=1, le=BIGGEST_ID, examples=[17])]


@dataclass(frozen=True, slots=True)
class Progress:
    """A row of product_progress()."""

    product_id: int
    is_known: bool
    status: str
    image_id: int | None
    thumb: str | None
    medium: str | None
    is_queued: bool
    retry_after: int | None
    host_blocked_until: datetime | None
    is_host_paused: bool
    failure_reason: str | None
    failure_meaning: str | None

    @property
    def is_shown(self) -> bool:
        """Whether there is a picture, fresh or not."""
        return self.status in ("cached", "outdated")

    @property
    def is_moving(self) -> bool:
        """Whether a worker has it or will take it."""
        return self.status == "processing" or (self.status == "pending" and self.is_queued)

    @property
    def rests_seconds(self) -> int:
        """How long its host is not called; 0 where it is."""
        if self.is_host_paused:
            return 300
        if self.host_blocked_until is None:
            return 0
        return max(0, round((self.host_blocked_until - datetime.now(UTC)).total_seconds()))

    @property
    def waits_seconds(self) -> int:
        """How long it is left alone after a failed attempt; 0 where it is not."""
        is_left = self.status == "pending" and self.failure_reason is not None
        return self.retry_after or 0 if is_left else 0


async def read_progress(services: Services, product_ids: list[int]) -> list[Progress]:
    """How far the pictures of these products are."""
    return [Progress(**row) for row in await services.reader.fresh(_PROGRESS, product_ids)]


async def hurry(services: Services, progress: Progress) -> None:
    """Put the picture first, also where it had failed or nobody had queued it yet."""
    if progress.status == "failed":
        await services.rows(
            "select likeness.retry_images(image_ids => %s::bigint[], priority => %s)",
            [progress.image_id],
            VIEWED,
        )
    elif progress.status == "pending" and not progress.is_queued:
        await services.rows(
            "select likeness.want_images(%s::bigint[], %s)", [progress.image_id], VIEWED
        )
    else:
        await services.rows(
            "select likeness.set_priority(%s::bigint[], %s)",
            [progress.product_id],
            VIEWED,
        )


async def wait_for(services: Services, product_id: int, seconds: float) -> Progress:
    """Hurry one picture and wait until it is shown, failed, or the time is over."""
    deadline = time.monotonic() + seconds
    # Listening first: what is finished while we look is not missed.
    with services.finished.waiting([product_id]) as event:
        (progress,) = await read_progress(services, [product_id])
        if not progress.is_known or progress.status in ("cached", "no-image"):
            return progress
        await hurry(services, progress)
        while True:
            (progress,) = await read_progress(services, [product_id])
            left = deadline - time.monotonic()
            if not progress.is_moving or left <= 0:
                return progress
            if max(progress.rests_seconds, progress.waits_seconds) > left:
                return progress
            await happens(event, left)


async def wait_together(services: Services, product_id: int) -> Progress:
    """wait_for(), once for all who ask for the same product at the same time."""
    key = ("lazy", product_id)
    task = services.in_flight.get(key)
    if task is None:
        task = asyncio.create_task(wait_for(services, product_id, WAIT_SECONDS))
        services.in_flight[key] = task
        task.add_done_callback(lambda _: services.in_flight.pop(key, None))
    progress: Progress = await asyncio.shield(task)
    return progress


def describe(services: Services, progress: Progress) -> LazyAnswer:
    """The answer to what a wait came to."""
    urls = CachedUrls(_absolute(services, progress.thumb), _absolute(services, progress.medium))
    answer = LazyAnswer(progress.is_shown, progress.status, urls)
    if progress.is_shown:
        return answer
    if progress.status == "failed":
        answer.reason = progress.failure_reason
        answer.error = f"{progress.failure_reason}: {progress.failure_meaning}"
    elif progress.status == "no-image":
        answer.error = "The product has no picture."
    elif not progress.is_moving:
        answer.error = "Its pictures are not wanted: the product is not active."
    elif progress.rests_seconds:
        answer.error = "Its source rests after failures; the picture comes when it may be called."
        answer.retry_after = progress.rests_seconds
    elif progress.waits_seconds:
        answer.reason = progress.failure_reason
        answer.error = f"{progress.failure_reason}: {progress.failure_meaning} It is tried again."
        answer.retry_after = progress.waits_seconds
    else:
        answer.error = "Not done yet; the work goes on."
        answer.retry_after = max(_RETRY_SECONDS, progress.retry_after or 0)
    return answer


def _absolute(services: Services, url: str | None) -> str | None:
    return services.settings.api_url + url if url and url.startswith("/") else url


_NOT_YET = ResponseSpec(
    data_container=LazyAnswer,
    description="Not done yet; the work goes on.",
    generate_examples=False,
)


@post(
    "/api/process-product-image-lazy",
    status_code=200,
    tags=["lazy"],
    summary="Fetch a product's picture now and wait up to 10 s for it",
    description="200 when it is settled, well or not; 202 with `retry_after` while the work goes"
    " on. At most 10 a minute and client.",
    guards=[lazy_limit],
    responses={202: _NOT_YET, **documented(400, 404, 413, 429)},
)
async def post_lazy(
    services: NamedDependency[Services], data: JSONBody[LazyRequest]
) -> Response[LazyAnswer]:
    progress = await wait_together(services, data.product_id)
    if not progress.is_known:
        raise unknown_product(data.product_id)
    answer = describe(services, progress)
    headers: dict[str, Any] = {"cache-control": "no-store"}
    if answer.retry_after is None:
        return Response(answer, headers=headers)
    headers["retry-after"] = str(answer.retry_after)
    return Response(answer, status_code=202, headers=headers)


HANDLERS = [post_lazy]
