"""Owns the list of a product's pictures, for those who look after them: see, order, remove.

Each change is one function of the database, whole or not at all; imports keep to what was done.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import delete, get, patch
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from api.access import SECURITY, requires
from api.display import unknown_product
from api.parameters import BIGGEST_ID, ProductId
from api.problems import documented, problem
from api.services import Services

_PICTURES = (
    "select * from likeness.product_images where product_id = %s order by position, image_id"
)
_PRODUCT = """
select use_custom_image, canonical_product_id, is_curated
  from likeness.products
 where id = %s and status <> 'deleted'
"""
_REMOVED = """
select source_url, removed_at from likeness.removed_images where product_id = %s
 order by removed_at, source_url
"""


class ProductImage(msgspec.Struct):
    """A picture at its place; with its source, since only the holder of the key sees it."""

    image_id: int
    position: int
    role: str
    status: str
    attempts: int
    priority: int
    failure_reason: str | None
    failure_text: str | None
    queued_at: datetime | None
    retry_at: datetime | None
    mirrored_at: datetime | None
    sha256: str | None
    format: str | None
    width: int | None
    height: int | None
    bytes: int | None
    renditions: list[dict[str, Any]]
    source_url: str
    fetch_url: str | None


class RemovedImage(msgspec.Struct):
    """A picture of a feed that was removed by hand: imports leave it out until it is restored."""

    source_url: str
    removed_at: datetime


class ProductImages(msgspec.Struct):
    """All pictures of a product in their order, and what was removed by hand.

    ``is_curated``: its pictures were arranged by hand, so that imports move none of them.
    """

    product_id: int
    use_custom_image: bool
    canonical_product_id: int | None
    is_curated: bool
    images: list[ProductImage]
    removed: list[RemovedImage]


Id = Annotated[int, msgspec.Meta(ge=1, le=BIGGEST_ID)]


class Arrangement(msgspec.Struct, forbid_unknown_fields=True):
    """One change of a product's list: a whole new order, another first picture, or one restored."""

    order: Annotated[list[Id], msgspec.Meta(min_length=1, max_length=1000)] | None = None
    primary_image_id: Id | None = None
    restore_source_url: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)] | None = None


class ProductChange(msgspec.Struct, forbid_unknown_fields=True):
    """Whether a store shows its own pictures even where its product shares others."""

    use_custom_image: bool


@get(
    "/api/products/{product_id:int}/images",
    tags=["products"],
    summary="The pictures of a product",
    guards=[requires("pictures")],
    security=SECURITY,
    responses=documented(400, 401, 403, 404),
)
async def get_product_images(
    services: NamedDependency[Services], product_id: ProductId
) -> ProductImages:
    return await _read(services, product_id)


@patch(
    "/api/products/{product_id:int}/images",
    tags=["products"],
    summary="Order a product's pictures, or restore a removed one",
    description="One of the three. `order` names each picture once; 409 where the list has changed"
    " meanwhile. Later imports move no picture of the product, and add theirs behind.",
    guards=[requires("pictures")],
    security=SECURITY,
    responses=documented(400, 401, 403, 404, 409),
)
async def patch_product_images(
    services: NamedDependency[Services], product_id: ProductId, data: JSONBody[Arrangement]
) -> ProductImages:
    wanted = (data.order, data.primary_image_id, data.restore_source_url)
    if sum(part is not None for part in wanted) != 1:
        raise problem(
            "invalid-request", "Give one of order, primary_image_id and restore_source_url."
        )
    if data.order is not None:
        await services.row(
            "select likeness.arrange_images(%s, %s::bigint[])", product_id, data.order
        )
    elif data.primary_image_id is not None:
        await services.row(
            "select likeness.set_primary_image(%s, %s)", product_id, data.primary_image_id
        )
    else:
        source = (data.restore_source_url or "").replace("\0", "")
        await services.row("select likeness.restore_image(%s, %s)", product_id, source)
    return await _read(services, product_id)


@delete(
    "/api/products/{product_id:int}/images",
    status_code=200,
    tags=["products"],
    summary="Remove pictures from a product",
    description="All or none. The history keeps what was shown; no import brings them back.",
    guards=[requires("pictures")],
    security=SECURITY,
    responses=documented(400, 401, 403, 404, 409),
)
async def delete_product_images(
    services: NamedDependency[Services],
    product_id: ProductId,
    image_id: Annotated[
        list[Id], QueryParameter(description="Key of a picture; several by repeating it.")
    ],
) -> ProductImages:
    await services.row("select likeness.remove_images(%s, %s::bigint[])", product_id, image_id)
    return await _read(services, product_id)


@patch(
    "/api/products/{product_id:int}",
    tags=["products"],
    summary="Have a product show its own pictures, or the shared ones",
    guards=[requires("pictures")],
    security=SECURITY,
    responses=documented(400, 401, 403, 404),
)
async def patch_product(
    services: NamedDependency[Services], product_id: ProductId, data: JSONBody[ProductChange]
) -> ProductImages:
    await services.row(
        "select likeness.set_use_custom_image(%s, %s)", product_id, data.use_custom_image
    )
    return await _read(services, product_id)


async def _read(services: Services, product_id: int) -> ProductImages:
    product = await services.row(_PRODUCT, product_id)
    if product is None:
        raise unknown_product(product_id)
    rows = await services.rows(_PICTURES, product_id)
    removed = await services.rows(_REMOVED, product_id)
    return ProductImages(
        product_id=product_id,
        use_custom_image=product["use_custom_image"],
        canonical_product_id=product["canonical_product_id"],
        is_curated=product["is_curated"],
        images=[_as_image(services.settings.api_url, row) for row in rows],
        removed=[RemovedImage(**row) for row in removed],
    )


def _as_image(base: str, row: dict[str, Any]) -> ProductImage:
    renditions = row["renditions"] or []
    for rendition in renditions:
        if rendition["url"].startswith("/"):
            rendition["url"] = base + rendition["url"]
    fields = {name: row[name] for name in ProductImage.__struct_fields__}
    return ProductImage(**{**fields, "renditions": renditions})


HANDLERS = [get_product_images, patch_product_images, delete_product_images, patch_product]
