"""Owns the page that shows products with their pictures in every state.

Server-rendered and readable without script; the script only swaps the cards that changed.
"""

import base64
import binascii
from typing import Annotated, Any, NamedTuple

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template

from api.display import Shown, resolve
from api.lazy import Progress, read_progress
from api.parameters import BIGGEST_ID, AnyRequest
from api.services import Services

PAGE = 48
_PRODUCTS = """
select product_id, sku, supplier, name, image_processing_attempts as attempts
  from likeness.supplier_products
 where product_status = 'active' and product_id > %s and (%s::text is null or supplier = %s)
 order by product_id
 limit %s
"""
_SUPPLIERS = "select name from likeness.suppliers order by name limit 50"
_TYPES = {"avif": "image/avif", "webp": "image/webp"}
_WORDS = {
    "cached": "Mirrored",
    "outdated": "Being refreshed",
    "pending": "Waiting",
    "processing": "In work",
    "failed": "Failed",
    "no-image": "No picture",
}
# Pages of ours hold no foreign script or style; a picture may come straight from its source.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: http: data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Card(NamedTuple):
    """One product as the page shows it."""

    product_id: int
    sku: str
    supplier: str
    name: str
    shown: Shown
    words: str
    why: str | None
    sources: list[tuple[str, str]]
    colour: str | None


@get(["/", "/gallery"], include_in_schema=False)
async def get_gallery(
    request: AnyRequest,
    services: NamedDependency[Services],
    supplier: Annotated[str | None, QueryParameter(max_length=200)] = None,
    after: Annotated[int, QueryParameter(ge=0, le=BIGGEST_ID)] = 0,
) -> Template:
    wanted = (supplier or "").replace("\0", "") or None
    products = await services.rows(_PRODUCTS, after, wanted, wanted, PAGE + 1)
    cards = await _cards(services, products[:PAGE])
    return Template(
        template_name="gallery.html",
        context={
            "cards": cards,
            "counts": _counts(cards),
            "words": _WORDS,
            "suppliers": [row["name"] for row in await services.rows(_SUPPLIERS)],
            "supplier": wanted,
            "after": after,
            "next_after": cards[-1].product_id if len(products) > PAGE else None,
            "is_settled": all(card.shown.is_settled or _is_final(card.shown) for card in cards),
        },
        headers={
            "content-security-policy": POLICY,
            "cache-control": "no-cache",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        },
    )


async def _cards(services: Services, products: list[dict[str, Any]]) -> list[Card]:
    if not products:
        return []
    rows = await resolve(services, [row["product_id"] for row in products], "grid")
    failed = [row.product_id for row in rows if row.status == "failed"]
    found = await read_progress(services, failed) if failed else []
    whys = {progress.product_id: _why(progress) for progress in found}
    return [
        Card(
            product["product_id"],
            product["sku"],
            product["supplier"],
            product["name"] or product["sku"],
            shown,
            _WORDS[shown.status],
            whys.get(shown.product_id),
            _sources(shown),
            average_colour(shown.placeholder),
        )
        for product, shown in zip(products, rows, strict=True)
    ]


def _why(progress: Progress) -> str:
    return progress.failure_meaning or progress.failure_reason or ""


def _counts(cards: list[Card]) -> list[tuple[str, str, int]]:
    statuses = [card.shown.status for card in cards]
    return [
        (status, words, statuses.count(status))
        for status, words in _WORDS.items()
        if status in statuses
    ]


def _is_final(shown: Shown) -> bool:
    return shown.status in ("failed", "no-image") or (
        shown.status == "pending" and shown.retry_after is None
    )


def _sources(shown: Shown) -> list[tuple[str, str]]:
    """Type and srcset of each format, best first."""
    if shown.source != "rendition":
        return []
    srcset = msgspec.json.decode(shown.srcset, type=dict[str, str])
    return [(kind, srcset[name]) for name, kind in _TYPES.items() if name in srcset]


def average_colour(placeholder: str | None) -> str | None:
    """The mean colour that a thumbhash begins with, as #rrggbb; None where it holds none.

    Its first 18 bits are luminance and two colour differences, 6 bits each.
    """
    try:
        head = int.from_bytes(base64.b64decode(placeholder or "", validate=True)[:3], "little")
    except (binascii.Error, ValueError):
        return None
    if not placeholder or len(placeholder) < 4:
        return None
    light = (head & 63) / 63
    yellow = (head >> 6 & 63) / 31.5 - 1
    red_green = (head >> 12 & 63) / 31.5 - 1
    blue = light - 2 / 3 * yellow
    red = (3 * light - blue + red_green) / 2
    channels = (red, red - red_green, blue)
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, value))):02x}" for value in channels)


HANDLERS = [get_gallery]
