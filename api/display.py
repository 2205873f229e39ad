"""Owns the resolver's HTTP face: which URL shows a product right now.

SQL chooses; this module makes addresses absolute, signs what needs it and lets caches know how long
the answer holds.
"""

from collections.abc import Sequence
from typing import Annotated, NamedTuple, cast

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api import caching
from api.interest import LISTED, VIEWED
from api.parameters import BIGGEST_ID, CONTEXTS, AnyRequest, Context, ContextInQuery, ProductId
from api.problems import documented, problem
from api.services import Services
from api.signing import UrlSigner

MOST_PRODUCTS = 200
_STATEMENT = """
select product_id, status, source, url, width, height, retry_after, version, image_id, alt,
       placeholder, srcset::text, is_known
  from likeness.resolve_display_urls(%s::bigint[], %s, %s::int[])
"""
_LOCAL = "/api/images/"
_MISSING = frozenset({"pending", "processing", "failed"})


class Shown(NamedTuple):
    """A row of resolve_display_urls(), its addresses absolute and signed."""

    product_id: int
    status: str
    source: str | None
    url: str | None
    width: int | None
    height: int | None
    retry_after: int | None
    version: str | None
    image_id: int | None
    alt: str | None
    placeholder: str | None
    srcset: str
    is_known: bool

    @property
    def is_settled(self) -> bool:
        """Whether the answer will still be the same in five minutes, as far as anybody knows."""
        return self.status == "cached"


class DisplayUrl(msgspec.Struct):
    """What to show for one product now; ``url`` is null where there is nothing to show.

    ``status`` is cached, outdated, pending, processing, failed or no-image; ``source`` tells what
    the URL leads to: rendition, original, direct or proxy. ``srcset`` is by format (webp, avif,
    jpeg). ``placeholder`` is a thumbhash in base64. ``retry_after`` is in seconds. ``version``
    changes with the picture. ``is_known`` is false for an id that no product has.
    """

    product_id: int
    status: str
    source: str | None
    url: str | None
    srcset: dict[str, str]
    width: int | None
    height: int | None
    alt: str | None
    placeholder: str | None
    retry_after: int | None
    version: str | None
    is_known: bool


class DisplayUrls(msgspec.Struct):
    """The answers to a batch, in the order asked."""

    context: str
    items: list[DisplayUrl]


_CONTEXT = msgspec.Meta(examples=["grid"], extra_json_schema={"enum": CONTEXTS})


class DisplayUrlsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """At most 200 products and the context in which they are shown."""

    product_ids: Annotated[
        list[Annotated[int, msgspec.Meta(ge=1, le=BIGGEST_ID)]],
        msgspec.Meta(max_length=MOST_PRODUCTS, examples=[[17, 18, 19]]),
    ]
    context: Annotated[str, _CONTEXT] = "grid"


def checked_context(context: str) -> Context:
    """The context, if it is one of the four."""
    if context not in CONTEXTS:
        raise problem(
            "invalid-request",
            f"context must be one of {', '.join(CONTEXTS)}, not {context[:40]!r}.",
        )
    return context


async def resolve(
    services: Services,
    product_ids: Sequence[int],
    context: Context,
    positions: Sequence[int] | None = None,
) -> list[Shown]:
    """One statement; notes what is missing or outdated, so that it is fetched sooner."""
    ids, places = list(product_ids), None if positions is None else list(positions)
    base, signer = services.settings.api_url, services.signer
    serves = services.settings.rendition_base_url is None
    rows = [
        _presented(Shown._make(row), base, signer, serves)
        for row in await services.tuples(_STATEMENT, ids, context, places)
    ]
    wanted = [row.product_id for row in rows if row.status in ("pending", "outdated")]
    if wanted:
        services.interest.note(wanted, VIEWED if context in ("detail", "zoom") else LISTED)
    return rows


def _presented(shown: Shown, base: str, signer: UrlSigner, serves_renditions: bool) -> Shown:
    """The row with what is ours under ``base``; what is not starts with no slash."""
    url, srcset = shown.url, shown.srcset
    if url is None or not url.startswith("/"):
        return shown
    if shown.source in ("proxy", "original"):
        url = f"{url}?{signer.query(url.removeprefix(_LOCAL))}"
    if serves_renditions and srcset != "{}":
        srcset = srcset.replace(_LOCAL, base + _LOCAL)
    return shown._replace(url=base + url, srcset=srcset)


def _as_item(row: Shown) -> DisplayUrl:
    return DisplayUrl(
        product_id=row.product_id,
        status=row.status,
        source=row.source,
        url=row.url,
        # JSON already: it goes through as it came.
        srcset=cast("dict[str, str]", msgspec.Raw(row.srcset.encode())),
        width=row.width,
        height=row.height,
        alt=row.alt,
        placeholder=row.placeholder,
        retry_after=row.retry_after,
        version=row.version,
        is_known=row.is_known,
    )


def lifetime_of(rows: Sequence[Shown]) -> str:
    """How long caches may keep an answer over these rows."""
    waits = [row.retry_after for row in rows if row.status in _MISSING and row.retry_after]
    return caching.soon(min(waits)) if waits else caching.ANSWER


@get(
    "/api/products/{product_id:int}/display-url",
    tags=["display"],
    summary="The URL that shows a product now",
    responses=documented(400, 404),
)
async def get_display_url(
    request: AnyRequest,
    services: NamedDependency[Services],
    product_id: ProductId,
    context: ContextInQuery = "grid",
) -> Response[DisplayUrl]:
    rows = await resolve(services, [product_id], checked_context(context))
    if not rows[0].is_known:
        raise unknown_product(product_id)
    return caching.cached_json(request, _as_item(rows[0]), lifetime_of(rows))


@post(
    "/api/display-urls",
    status_code=200,
    tags=["display"],
    summary="The URLs that show up to 200 products now",
    responses=documented(400, 413),
)
async def post_display_urls(
    request: AnyRequest, services: NamedDependency[Services], data: JSONBody[DisplayUrlsRequest]
) -> Response[DisplayUrls]:
    context = checked_context(data.context)
    rows = await resolve(services, data.product_ids, context)
    answer = DisplayUrls(context, [_as_item(row) for row in rows])
    return caching.cached_json(request, answer, lifetime_of(rows))


def unknown_product(product_id: int) -> Exception:
    """404 for a product; caches may keep it for a minute."""
    return problem(
        "unknown-product",
        f"There is no product {product_id}.",
        headers={"cache-control": caching.NOTHING_THERE},
    )


HANDLERS = [get_display_url, post_display_urls]
