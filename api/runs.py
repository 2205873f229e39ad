"""Owns mirror runs: what was asked for together, and its counts while it goes on."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.access import SECURITY, requires
from api.parameters import BIGGEST_ID, RowId
from api.problems import documented, problem
from api.services import Services

_STATUS = "select * from likeness.run_status where run_id = %s"
Id = Annotated[int, msgspec.Meta(ge=1, le=BIGGEST_ID)]


class RunRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which products, all where none are named; at most ``limit`` pictures.

    No more than ``max_concurrent`` of them are fetched at once, beside what hosts' limits allow.
    ``force`` fetches also those that are there, whatever their sources' validators say.
    """

    product_ids: Annotated[list[Id], msgspec.Meta(max_length=100_000)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None
    max_concurrent: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    label: Annotated[str, msgspec.Meta(max_length=200)] = "mirror"
    force: bool = False


class Run(msgspec.Struct):
    """A run and its counts; ``remaining`` pictures are not settled yet.

    ``failed_by_reason`` counts the failed ones by codes of `likeness.failure_reasons`.
    """

    run_id: int
    status: str
    label: str
    wanted: int
    stored: int
    reused: int
    failed: int
    failed_by_reason: dict[str, int]
    remaining: int
    attempted: int
    skipped: int
    per_second: float | None
    started_at: datetime
    finished_at: datetime | None


@post(
    "/api/mirror",
    status_code=202,
    tags=["runs"],
    summary="Start a mirror run",
    guards=[requires("mirror")],
    security=SECURITY,
    responses=documented(400, 401, 403),
)
async def post_run(
    services: NamedDependency[Services], data: JSONBody[RunRequest | None] = None
) -> Response[Run]:
    wanted = data or RunRequest()
    started = await services.row(
        "select likeness.start_run(%s::bigint[], %s, %s, max_concurrent => %s, force => %s)"
        " as run_id",
        wanted.product_ids,
        wanted.limit,
        wanted.label,
        wanted.max_concurrent,
        wanted.force,
    )
    assert started
    run = await _read(services, started["run_id"])
    return Response(run, headers={"location": f"/api/mirror/{run.run_id}"})


@get(
    "/api/mirror/{run_id:int}",
    tags=["runs"],
    summary="How far a run is",
    guards=[requires("mirror")],
    security=SECURITY,
    responses=documented(400, 401, 403, 404),
)
async def get_run(services: NamedDependency[Services], run_id: RowId) -> Run:
    return await _read(services, run_id)


async def _read(services: Services, run_id: int) -> Run:
    row = await services.row(_STATUS, run_id)
    if row is None:
        raise problem("not-found", f"There is no run {run_id}.")
    rate = row["per_second"]
    return Run(**{**row, "per_second": float(rate) if isinstance(rate, Decimal) else rate})


class PrefetchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Products that somebody is about to show."""

    product_ids: Annotated[list[Id], msgspec.Meta(min_length=1, max_length=10_000)]


class Prefetch(msgspec.Struct):
    """What there was to do: counts of products, and of their pictures by what became of them.

    ``queued`` were not waiting before, ``raised`` waited behind others; ``failed`` stay failed.
    """

    products: int
    unknown: int
    cached: int
    queued: int
    raised: int
    failed: int


@post(
    "/api/prefetch",
    status_code=202,
    tags=["runs"],
    summary="Fetch the pictures of these products before others",
    guards=[requires("mirror")],
    security=SECURITY,
    responses=documented(400, 401, 403),
)
async def post_prefetch(
    services: NamedDependency[Services], data: JSONBody[PrefetchRequest]
) -> Prefetch:
    row = await services.row(
        "select * from likeness.prefetch_images(%s::bigint[])", data.product_ids
    )
    assert row
    return Prefetch(**row)


HANDLERS = [post_run, get_run, post_prefetch]
