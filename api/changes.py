"""Owns the review of what sources changed: held changes of pictures, and placeholders."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from api.access import SECURITY, requires
from api.parameters import BIGGEST_ID, RowId
from api.problems import documented
from api.services import Services

_CHANGES = """
select review_id, product_id, canonical_product_id, supplier, sku, name, image_id, position,
       noticed_at, phash_distance, mean_difference, max_difference, old_sha256, new_sha256,
       (select likeness.rendition_url(c.old_sha256, r) from jsonb_array_elements(c.old_renditions) r
         order by (r ->> 'width')::int desc limit 1) as old_url,
       (select likeness.rendition_url(c.new_sha256, r) from jsonb_array_elements(c.new_renditions) r
         order by (r ->> 'width')::int desc limit 1) as new_url
  from likeness.pending_changes c
 where review_id > %s
 order by review_id
 limit %s
"""
_PLACEHOLDERS = """
select sha256, verdict, supplier, products, noticed_at, decided_by, decided_at, pictures_wanting,
       (select likeness.rendition_url(h.sha256, r) from jsonb_array_elements(h.renditions) r
         order by (r ->> 'width')::int limit 1) as url
  from likeness.placeholder_pictures h
 limit 1000
"""

After = Annotated[int, QueryParameter(ge=0, le=BIGGEST_ID, description="The last review_id seen.")]
Limit = Annotated[int, QueryParameter(ge=1, le=200)]
Sha256 = Annotated[str, PathParameter(pattern="^[0-9a-f]{64}$")]
Person = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Change(msgspec.Struct):
    """A big change that waits: what is shown, what came, and how unlike they are."""

    review_id: int
    image_id: int
    product_id: int | None
    canonical_product_id: int | None
    supplier: str | None
    sku: str | None
    name: str | None
    position: int
    noticed_at: datetime
    phash_distance: int | None
    mean_difference: float | None
    max_difference: int | None
    old_sha256: str
    new_sha256: str
    old_url: str | None
    new_url: str | None


class Changes(msgspec.Struct):
    """Changes in the order of their review_id; ``next_after`` continues, null: these are all."""

    changes: list[Change]
    next_after: int | None


class Decision(msgspec.Struct, forbid_unknown_fields=True):
    """approve: show what came; reject: keep what is shown, and never take those bytes for it."""

    action: Literal["approve", "reject"]
    decided_by: Person = "API"


class Decided(msgspec.Struct):
    """The picture that was decided about."""

    review_id: int
    image_id: int


class Placeholder(msgspec.Struct):
    """A picture that stands in for none, or (``verdict`` picture) that somebody said does not."""

    sha256: str
    verdict: str
    supplier: str | None
    products: int
    noticed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    pictures_wanting: int
    url: str | None


class Placeholders(msgspec.Struct):
    """The newest first, at most 1000."""

    placeholders: list[Placeholder]


class Verdict(msgspec.Struct, forbid_unknown_fields=True):
    """placeholder: show it no more, for one supplier or for all; picture: it was none."""

    verdict: Literal["placeholder", "picture"]
    supplier: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    decided_by: Person = "API"


class Judged(msgspec.Struct):
    """How many pictures changed, or are fetched again."""

    sha256: str
    verdict: str
    pictures: int


@get(
    "/api/changes",
    tags=["changes"],
    summary="Changed pictures that wait for a person",
    guards=[requires("pictures")],
    security=SECURITY,
    responses=documented(400, 401, 403),
)
async def get_changes(
    services: NamedDependency[Services], after: After = 0, limit: Limit = 50
) -> Changes:
    rows = await services.rows(_CHANGES, after, limit)
    changes = [Change(**_with_urls(services, row, "old_url", "new_url")) for row in rows]
    return Changes(changes, changes[-1].review_id if len(changes) == limit else None)


@put(
    "/api/changes/{review_id:int}",
    tags=["changes"],
    summary="Show the new picture, or keep the old one",
    guards=[requires("pictures")],
    security=SECURITY,
    responses=documented(400, 401, 403, 404, 409),
)
async def put_change(
    services: NamedDependency[Services], review_id: RowId, data: JSONBody[Decision]
) -> Decided:
    row = await services.row(
        "select likeness.approve_change(%s, %s) as image_id"
        if data.action == "approve"
        else "select likeness.reject_change(%s, %s) as image_id",
        review_id,
        data.decided_by,
    )
    assert row
    return Decided(review_id, row["image_id"])


@get(
    "/api/placeholders",
    tags=["changes"],
    summary="Pictures that stand in for none",
    guards=[requires("pictures")],
    security=SECURITY,
    responses=documented(400, 401, 403),
)
async def get_placeholders(services: NamedDependency[Services]) -> Placeholders:
    rows = await services.rows(_PLACEHOLDERS)
    return Placeholders([Placeholder(**_with_urls(services, row, "url")) for row in rows])


@put(
    "/api/placeholders/{sha256:str}",
    tags=["changes"],
    summary="Say that bytes are a placeholder, or are a picture",
    guards=[requires("pictures")],
    security=SECURITY,
    responses=documented(400, 401, 403, 404),
)
async def put_placeholder(
    services: NamedDependency[Services], sha256: Sha256, data: JSONBody[Verdict]
) -> Judged:
    if data.verdict == "placeholder":
        row = await services.row(
            "select likeness.mark_placeholder(%s, %s, %s) as pictures",
            sha256,
            data.supplier,
            data.decided_by,
        )
    else:
        row = await services.row(
            "select likeness.overrule_placeholder(%s, %s) as pictures", sha256, data.decided_by
        )
    assert row
    return Judged(sha256, data.verdict, row["pictures"])


def _with_urls(services: Services, row: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        if row[name] and row[name].startswith("/"):
            row[name] = services.settings.api_url + row[name]
    return row


HANDLERS = [get_changes, put_change, get_placeholders, put_placeholder]
