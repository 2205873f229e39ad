"""Owns the names of pictures: plain ``<img src>`` addresses that redirect to what shows now.

Names are mutable and cached for minutes; what they lead to is immutable. An alias asks for the
picture at one place; SQL chooses by the same rules as everywhere.
"""

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import unquote_to_bytes

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect

from api import caching
from api.display import Shown, checked_context, resolve, unknown_product
from api.parameters import AnyRequest, Context, ContextInPath, ContextInQuery, ProductId, RowId
from api.problems import documented, problem
from api.services import Services
from worker.db import Row
from worker.settings import Settings

BIGGEST_POSITION = 2**15 - 1
_PREFIX = "/i/"
_WEIGHT = re.compile(r"(?:^|;)q=([01](?:\.[0-9]*)?)(?:;|$)")
# In the order of preference among equals.
_TYPES = {"avif": "image/avif", "webp": "image/webp", "jpeg": "image/jpeg"}
# For those who name neither JPEG nor anything else that we have: everybody shows it.
_LAST_RESORT = 0.0001
_SIZES: dict[str, Context] = {"thumb.webp": "grid", "medium.webp": "detail"}


@get(
    "/api/products/{product_id:int}/image/{context:str}",
    status_code=302,
    tags=["names"],
    summary="Redirect to the picture of a product",
    responses=documented(400, 404),
)
async def get_product_image(
    request: AnyRequest,
    services: NamedDependency[Services],
    product_id: ProductId,
    context: ContextInPath,
) -> Redirect:
    (shown,) = await resolve(services, [product_id], checked_context(context))
    if not shown.is_known:
        raise unknown_product(product_id)
    return lead_to(request, shown)


@get(
    "/i/{name:path}",
    status_code=302,
    tags=["names"],
    summary="Stable alias: /i/{supplier}/{sku}/{position}/{context}",
    description="The supplier by name or id. The SKU may hold slashes, and any other character"
    " percent-encoded. Position 0 is the first picture.",
    responses=documented(400, 404),
)
async def get_alias(
    request: AnyRequest,
    services: NamedDependency[Services],
    name: Annotated[str, PathParameter(description="{supplier}/{sku}/{position}/{context}")],
) -> Redirect:
    supplier, sku, position, context = parse_alias(request)
    found = await services.reader.fresh(
        "select product_id from likeness.find_image(%s, %s, %s)", supplier, sku, position
    )
    if not found:
        raise nothing_there("No supplier has a product of this name.")
    [product] = found
    (shown,) = await resolve(services, [product["product_id"]], context, [position])
    return lead_to(request, shown)


@get(
    "/product-images/{supplier_id:int}/{product_id:int}/{size:str}",
    status_code=302,
    tags=["names"],
    summary="Alias of the old contract: thumb.webp or medium.webp",
    responses=documented(400, 404),
)
async def get_old_alias(
    request: AnyRequest,
    services: NamedDependency[Services],
    supplier_id: RowId,
    product_id: ProductId,
    size: Annotated[str, PathParameter(schema_extra={"enum": list(_SIZES)})],
) -> Redirect:
    if size not in _SIZES:
        raise nothing_there("A picture is called thumb.webp or medium.webp.")
    found = await services.reader.fresh(
        "select 1 from likeness.supplier_products where product_id = %s and supplier_id = %s",
        product_id,
        supplier_id,
    )
    if not found:
        raise unknown_product(product_id)
    (shown,) = await resolve(services, [product_id], _SIZES[size])
    return lead_to(request, shown)


@get(
    "/api/images/serve",
    status_code=302,
    tags=["names"],
    summary="Redirect from a known source URL to its picture",
    responses=documented(400, 404),
)
async def serve_by_url(
    request: AnyRequest,
    services: NamedDependency[Services],
    url: Annotated[str, QueryParameter(min_length=1, max_length=4000)],
    context: ContextInQuery = "detail",
) -> Redirect:
    wanted = checked_context(context)
    found: list[Row] = []
    if "\0" not in url:
        found = await services.reader.fresh(
            'select product_id, "position" from likeness.find_image_by_url(%s)', url
        )
    if not found:
        raise nothing_there("No picture has this source URL.")
    [place] = found
    (shown,) = await resolve(services, [place["product_id"]], wanted, [place["position"]])
    return lead_to(request, shown)


def lead_to(request: AnyRequest, shown: Shown) -> Redirect:
    """The redirect, cached as long as its target will stand; 404 where there is no target."""
    settings: Settings = request.app.state.settings
    if shown.url is None and settings.placeholder_url:
        headers = {"cache-control": _lifetime_of_none(shown), "vary": "Accept"}
        return lead_to_placeholder(settings.placeholder_url, headers)
    if shown.url is None:
        reason = "It failed." if shown.status == "failed" else "None is known yet."
        headers = {"cache-control": _lifetime_of_none(shown), "vary": "Accept"}
        raise problem("no-image", reason, headers=headers, image_status=shown.status)
    url = negotiate(shown, ",".join(request.headers.getall("accept", [])))
    settled = caching.SIGNED_REDIRECT if shown.is_signed else caching.REDIRECT
    lifetime = settled if shown.is_settled else caching.soon(shown.retry_after)
    return Redirect(
        path=url,
        status_code=302,
        media_type="text/plain",
        headers={
            "cache-control": lifetime,
            "vary": "Accept",
            "etag": caching.etag_of(url.encode()),
            "access-control-allow-origin": "*",
        },
    )


def lead_to_placeholder(path: str, headers: Mapping[str, str]) -> Redirect:
    """The redirect to what stands for a picture that cannot be shown."""
    return Redirect(path=path, status_code=302, media_type="text/plain", headers=dict(headers))


def _lifetime_of_none(shown: Shown) -> str:
    if shown.status in ("pending", "processing"):
        return caching.soon(shown.retry_after)
    return caching.NOTHING_THERE


def negotiate(shown: Shown, accept: str) -> str:
    """The URL in the best format that the client takes, of the size that was chosen.

    The format with the greatest weight; among equals AVIF where it is named, then WebP, then JPEG.
    """
    assert shown.url is not None
    if shown.source != "rendition":
        return shown.url
    weights = _weigh(accept)
    srcset = msgspec.json.decode(shown.srcset, type=dict[str, str])
    for name in sorted(weights, key=weights.__getitem__, reverse=True):
        if name == "webp" or not weights[name]:
            break
        for candidate in srcset.get(name, "").split(", "):
            url, _, width = candidate.rpartition(" ")
            if width == f"{shown.width}w":
                return url
    # WebP, which every size is made in.
    return shown.url


def _weigh(accept: str) -> dict[str, float]:
    """How much the client wants each format: as it is named itself, else by a wildcard."""
    weights = {}
    for part in accept.lower().replace(" ", "").split(","):
        kind, _, parameters = part.partition(";")
        found = _WEIGHT.search(parameters)
        weights[kind] = min(1.0, float(found[1])) if found else 1.0
    anything = weights.get("image/*", weights.get("*/*", weights.get("")))
    # Who takes AVIF names it: others send wildcards too.
    otherwise = {
        "avif": 0.0,
        "webp": anything or 0.0,
        "jpeg": _LAST_RESORT if anything is None else anything,
    }
    return {name: weights.get(kind, otherwise[name]) for name, kind in _TYPES.items()}


def parse_alias(request: AnyRequest) -> tuple[str, str, int, Context]:
    """Supplier, SKU, position and context from the path as it was sent.

    The decoded path would not tell a slash of the SKU from one between two parts.
    """
    path = sent_path(request)
    parts = path[path.index(_PREFIX) + len(_PREFIX) :].split("/")
    if len(parts) < 4:
        raise nothing_there("An alias is /i/{supplier}/{sku}/{position}/{context}.")
    supplier, sku = _decoded(parts[0]), _decoded("/".join(parts[1:-2]))
    position, context = _decoded(parts[-2]), _decoded(parts[-1])
    if not (position.isascii() and position.isdigit() and len(position) <= 5):
        raise nothing_there("The position of a picture is a number from 0.")
    if int(position) > BIGGEST_POSITION:
        raise nothing_there("No product has so many pictures.")
    return supplier, sku, int(position), checked_context(context)


def sent_path(request: AnyRequest) -> str:
    """The path as it was sent, percent signs and all; the decoded one where a server keeps none."""
    raw = request.scope.get("raw_path")
    return raw.partition(b"?")[0].decode("ascii", "replace") if raw else request.scope["path"]


def _decoded(part: str) -> str:
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError as error:
        raise nothing_there("The name is not UTF-8.") from error
    if "\0" in text:
        raise nothing_there("No name holds a null character.")
    return text


def nothing_there(detail: str) -> Exception:
    """404 that caches may keep for a minute."""
    return problem("not-found", detail, headers={"cache-control": caching.NOTHING_THERE})


HANDLERS = [get_product_image, get_alias, get_old_alias, serve_by_url]
