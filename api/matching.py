"""Owns the review of matches: what waits for a person, what it is like, and what people decide.

The database decides what is linked; see docs/matching.md.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import JSONBody, PathParameter, QueryParameter
from psycopg.types.json import Jsonb

from api.access import SECURITY, requires
from api.display import unknown_product
from api.parameters import BIGGEST_ID, ProductId
from api.problems import documented, problem, unavailable
from api.services import Services

_BUSY_SECONDS = 10
_STATE = (
    "select canonical_product_id, (select q.id from likeness.match_queue q"
    " where q.product_id = p.id and q.status = 'waiting') as queue_item_id"
    " from likeness.products p where p.id = %s and p.status <> 'deleted'"
)
_MATCH = (
    "select d.*, likeness.describe_candidates(d.candidates) as described"
    " from likeness.match_products(array[%s::bigint]) d"
)
_PLAN = (
    "select d.*, likeness.describe_candidates(d.candidates) as described"
    " from likeness.plan_matches(array[%s::bigint]) d"
)
_DECISION = (
    "select l.id as decision_id, l.action, l.product_id, l.canonical_product_id, l.queue_item_id"
    " from likeness.match_log l where l.id = %s"
)
_PAGE = (
    "select * from likeness.list_match_queue(%s, %s, %s::real, %s::real, %s::bigint, %s,"
    " %s::double precision, %s::bigint, %s)"
)

Id = Annotated[int, msgspec.Meta(ge=1, le=BIGGEST_ID)]
Text = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[^\x00]*$")]
Person = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")]
DecisionId = Annotated[
    int,
    PathParameter(
        ge=1, le=BIGGEST_ID, description="Key of a decision.", examples=[Example(value=4711)]
    ),
]


class MatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The product to be matched; ``dry_run`` only says what would happen."""

    product_id: Annotated[int, msgspec.Meta(ge=1, le=BIGGEST_ID, examples=[17])]
    dry_run: bool = False


class Candidate(msgspec.Struct):
    """A canonical product that a product may stand for, and what speaks for it.

    ``picture_product_id`` is the product whose pictures it shares.
    """

    canonical_product_id: int
    confidence: float
    method: str
    reason: str
    name: str
    brand: str | None
    gtin: str | None
    mpn: str | None
    size: str | None
    products: int
    picture_product_id: int | None
    evidence: dict[str, Any] = msgspec.field(default_factory=dict)


class Match(msgspec.Struct):
    """What matching makes of a product.

    ``action``: link (by itself), suggest or review (a person decides, under ``queue_item_id``),
    leave (nothing is like it), or linked (it was before).
    """

    product_id: int
    action: str
    canonical_product_id: int | None
    confidence: float | None
    method: str | None
    reason: str
    queue_item_id: int | None
    candidates: list[Candidate]


class NewProduct(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What the new canonical product is called; what is left out is taken from the product."""

    name: Text | None = None
    brand: Text | None = None
    gtin: Text | None = None
    mpn: Text | None = None
    size: Text | None = None
    price: Annotated[float, msgspec.Meta(ge=0, lt=10_000_000_000)] | None = None


class DecisionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """confirm the best candidate or the one named; reject all or the one named; or create."""

    queue_item_id: Annotated[int, msgspec.Meta(ge=1, le=BIGGEST_ID, examples=[5])]
    action: Literal["confirm", "reject", "create"]
    canonical_product_id: Id | None = None
    new_product_data: NewProduct | None = None
    decided_by: Person = "API"
    reason: Text = ""


class Decision(msgspec.Struct):
    """What was decided; ``decision_id`` takes it back at /api/match-decisions/{id}/undo."""

    decision_id: int
    action: str
    product_id: int | None
    canonical_product_id: int | None
    queue_item_id: int | None


class QueueItem(msgspec.Struct):
    """A product that waits for a person, or did. ``products_affected`` have its best candidate."""

    queue_item_id: int
    status: str
    product_id: int
    supplier: str
    sku: str
    name: str
    brand: str | None
    gtin: str | None
    gtin_raw: str | None
    gtin_note: str | None
    canonical_product_id: int | None
    confidence: float
    reason: str
    products_affected: int
    queued_at: datetime
    updated_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    candidates: list[Candidate]


class QueuePage(msgspec.Struct):
    """A page of the review list; ``next_after`` continues it, null: it is the last."""

    items: list[QueueItem]
    next_after: str | None


class Say(msgspec.Struct, forbid_unknown_fields=True):
    """Who decides, and why."""

    decided_by: Person = "API"
    reason: Text = ""


class LinkRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What the product is; said of a link that stands, it confirms it."""

    canonical_product_id: Id
    decided_by: Person = "API"
    reason: Text = ""


class MergeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Two canonical products that are one; the second stays."""

    canonical_product_id: Id
    into_canonical_product_id: Id
    decided_by: Person = "API"
    reason: Text = ""


@post(
    "/images/match",
    status_code=200,
    summary="Match a product now",
    description="By barcode, then by name. What is sure is linked, what is likely waits for a"
    " person.",
    responses=documented(400, 401, 403, 404, 503),
)
async def post_match(services: NamedDependency[Services], data: JSONBody[MatchRequest]) -> Match:
    product_id = data.product_id
    before = await services.row(_STATE, product_id)
    if before is None:
        raise unknown_product(product_id)
    if before["canonical_product_id"] is not None:
        return _linked(product_id, before["canonical_product_id"])
    row = await services.row(_PLAN if data.dry_run else _MATCH, product_id)
    after = await services.row(_STATE, product_id) or before
    if row is None and after["canonical_product_id"] is not None:
        return _linked(product_id, after["canonical_product_id"])
    if row is None:
        raise unavailable("An import or a reviewer has this product in hand.", _BUSY_SECONDS)
    return Match(
        product_id,
        row["action"],
        row["canonical_product_id"],
        row["confidence"],
        row["method"],
        row["reason"],
        after["queue_item_id"],
        msgspec.convert(row["described"], list[Candidate]),
    )


def _linked(product_id: int, canonical_product_id: int) -> Match:
    return Match(
        product_id, "linked", canonical_product_id, None, None, "it is linked already", None, []
    )


@put(
    "/images/match",
    summary="Decide about a product that waits",
    description="Of two people who decide the same item, the second gets a 409 that says what the"
    " first decided. A rejected pair is never proposed again.",
    responses=documented(400, 401, 403, 404, 409),
)
async def put_match(
    services: NamedDependency[Services], data: JSONBody[DecisionRequest]
) -> Decision:
    if data.action == "create":
        if data.canonical_product_id is not None:
            raise problem("invalid-request", "create takes new_product_data, no canonical product.")
        new = data.new_product_data or NewProduct()
        given = {
            name: value for name, value in msgspec.to_builtins(new).items() if value is not None
        }
        return await _decide(
            services,
            "select likeness.create_match(%s, %s, %s, %s) as id",
            data.queue_item_id,
            Jsonb(given),
            data.decided_by,
            data.reason,
        )
    if data.new_product_data is not None:
        raise problem("invalid-request", f"{data.action} takes no new_product_data.")
    return await _decide(
        services,
        "select likeness.accept_match(%s, %s, %s, %s) as id"
        if data.action == "confirm"
        else "select likeness.reject_match(%s, %s, %s, %s) as id",
        data.queue_item_id,
        data.canonical_product_id,
        data.decided_by,
        data.reason,
    )


@get(
    "/match-queue",
    summary="The products that wait for a person",
    responses=documented(400, 401, 403, 404),
)
async def get_match_queue(
    services: NamedDependency[Services],
    status: Annotated[
        Literal["waiting", "accepted", "rejected", "created", "closed"],
        QueryParameter(description="waiting, or what was decided."),
    ] = "waiting",
    supplier: Annotated[str | None, QueryParameter(max_length=200)] = None,
    min_confidence: Annotated[float, QueryParameter(ge=0, le=1)] = 0.0,
    max_confidence: Annotated[float, QueryParameter(ge=0, le=1)] = 1.0,
    canonical_product_id: Annotated[
        int | None,
        QueryParameter(ge=1, le=BIGGEST_ID, description="Only those with this best candidate."),
    ] = None,
    sort: Annotated[
        Literal["confidence", "affected", "oldest"],
        QueryParameter(description="Surest first, most products affected first, or oldest first."),
    ] = "confidence",
    after: Annotated[
        str | None,
        QueryParameter(
            max_length=100,
            pattern=r"^-?[0-9.e+-]{1,40}:[0-9]{1,18}$",
            description="next_after of the page before.",
        ),
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
) -> QueuePage:
    value, number = _place(after)
    rows = await services.rows(
        _PAGE,
        status,
        (supplier or "").replace("\0", "") or None,
        min_confidence,
        max_confidence,
        canonical_product_id,
        sort,
        value,
        number,
        limit + 1,
    )
    page = rows[:limit]
    following = None
    if len(rows) > limit:
        following = f"{page[-1]['sort_value']!r}:{page[-1]['queue_item_id']}"
    return QueuePage(msgspec.convert([_plain(row) for row in page], list[QueueItem]), following)


def _place(after: str | None) -> tuple[float | None, int | None]:
    if after is None:
        return None, None
    value, _, number = after.rpartition(":")
    try:
        return float(value), int(number)
    except ValueError as error:
        raise problem("invalid-request", "after must be the next_after of a page.") from error


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "sort_value"}


@post(
    "/match-decisions/{decision_id:int}/undo",
    status_code=200,
    summary="Take a decision back",
    description="Everything is as it was before, pictures too. 409 where later decisions stand on"
    " it.",
    responses=documented(400, 401, 403, 404, 409),
)
async def post_undo(
    services: NamedDependency[Services], decision_id: DecisionId, data: JSONBody[Say | None] = None
) -> Decision:
    said = data or Say()
    return await _decide(
        services,
        "select likeness.undo_match(%s, %s, %s) as id",
        decision_id,
        said.decided_by,
        said.reason,
    )


@put(
    "/products/{product_id:int}/match",
    summary="Say what a product is",
    responses=documented(400, 401, 403, 404, 409),
)
async def put_product_match(
    services: NamedDependency[Services], product_id: ProductId, data: JSONBody[LinkRequest]
) -> Decision:
    return await _decide(
        services,
        "select likeness.link_match(%s, %s, %s, %s) as id",
        product_id,
        data.canonical_product_id,
        data.decided_by,
        data.reason,
    )


@delete(
    "/products/{product_id:int}/match",
    status_code=200,
    summary="Say that a linked product is something else",
    description="It gets its own pictures back, and the pair is never proposed again.",
    responses=documented(400, 401, 403, 404, 409),
)
async def delete_product_match(
    services: NamedDependency[Services],
    product_id: ProductId,
    decided_by: Annotated[str, QueryParameter(min_length=1, max_length=200)] = "API",
    reason: Annotated[str, QueryParameter(max_length=1000)] = "",
) -> Decision:
    return await _decide(
        services,
        "select likeness.unlink_match(%s, %s, %s) as id",
        product_id,
        decided_by.replace("\0", ""),
        reason.replace("\0", ""),
    )


@post(
    "/canonical-products/merge",
    status_code=200,
    summary="Say that two canonical products are one",
    responses=documented(400, 401, 403, 404, 409),
)
async def post_merge(services: NamedDependency[Services], data: JSONBody[MergeRequest]) -> Decision:
    return await _decide(
        services,
        "select likeness.merge_canonical_products(%s, %s, %s, %s) as id",
        data.canonical_product_id,
        data.into_canonical_product_id,
        data.decided_by,
        data.reason,
    )


async def _decide(services: Services, statement: str, *arguments: object) -> Decision:
    made = await services.row(statement, *arguments)
    assert made
    row = await services.row(_DECISION, made["id"])
    assert row
    return Decision(**row)


HANDLERS = [
    Router(
        "/api",
        route_handlers=[
            post_match, put_match, get_match_queue, post_undo, put_product_match,
            delete_product_match, post_merge,
        ],
        guards=[requires("match")],
        security=SECURITY,
        tags=["matching"],
    )
]  # fmt: skip
