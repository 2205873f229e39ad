"""Owns the list of a product's pictures, as those see it who look after them."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import get
from litestar.di import NamedDependency

from api.access import SECURITY, requires
from api.display import unknown_product
from api.parameters import ProductId
from api.problems import documented
from api.services import Services

_PICTURES = (
    "select * from likeness.product_images where product_id = %s order by position, image_id"
)


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


class ProductImages(msgspec.Struct):
    """All pictures of a product in their order."""

    product_id: int
    images: list[ProductImage]


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
    rows = await services.rows(_PICTURES, product_id)
    if not rows:
        known = await services.row(
            "select 1 from likeness.supplier_products where product_id = %s", product_id
        )
        if known is None:
            raise unknown_product(product_id)
    return ProductImages(product_id, [_as_image(services.settings.api_url, row) for row in rows])


def _as_image(base: str, row: dict[str, Any]) -> ProductImage:
    renditions = row["renditions"] or []
    for rendition in renditions:
        if rendition["url"].startswith("/"):
            rendition["url"] = base + rendition["url"]
    fields = {name: row[name] for name in ProductImage.__struct_fields__}
    return ProductImage(**{**fields, "renditions": renditions})


HANDLERS = [get_product_images]
