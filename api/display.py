"""Owns the resolver's HTTP face: which URL shows a product right now.

SQL chooses, and writes the JSON of the answers; this module signs what needs it and lets caches
know how long an answer holds.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, NamedTuple

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
       placeholder, srcset, is_known
  from likeness.display_rows(%s::bigint[], %s, %s::int[], %s)
"""
# No row becomes a Python object on the way: for fifty products that would cost as much as asking.
# Nor does the text: what comes as bytes goes out as bytes.
_ANSWER = """
select convert_to(items, 'UTF8'), wanted, retry_after, has_unknown
  from likeness.display_answer(%s::bigint[], %s, %s)
"""
# What display_answer() leaves open, as a character that no JSON text holds.
_SIGNATURE = b"\x01"
_LOCAL = "/api/images/"
_LOCAL_BYTES = _LOCAL.encode()


class Shown(NamedTuple):
    """A row of display_rows(), its addresses absolute and signed."""

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

    @property
    def is_signed(self) -> bool:
        """Whether the URL holds for an hour or two and then no more."""
        return self.source in ("proxy", "original")


_STATUSES = ["cached", "outdated", "pending", "processing", "failed", "no-image"]
_SOURCES = ["rendition", "original", "direct", "proxy"]
Status = Annotated[str, msgspec.Meta(extra_json_schema={"enum": _STATUSES})]


class DisplayUrl(msgspec.Struct):
    """What to show for one product now; ``url`` is null where there is nothing to show.

    ``status`` is cached, outdated, pending, processing, failed or no-image; ``source`` tells what
    the URL leads to: rendition, original, direct or proxy. ``srcset`` is by format (webp, avif,
    jpeg). ``placeholder`` is a thumbhash in base64. ``retry_after`` is in seconds. ``version``
    changes with the picture. ``is_known`` is false for an id that no product has.
    """

    product_id: int
    status: Status
    source: Annotated[str, msgspec.Meta(extra_json_schema={"enum": _SOURCES})] | None
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
    places = None if positions is None else _array(positions)
    rows = [
        _signed(Shown._make(row), services.signer)
        for row in await services.tuples(
            _STATEMENT, _array(product_ids), context, places, services.settings.api_url
        )
    ]
    services.interest.see(r.product_id for r in rows)
    _note(services, [r.product_id for r in rows if r.status in ("pending", "outdated")], context)
    return rows


def _array(ids: Iterable[int]) -> str:
    # psycopg dumps a list item by item, which takes ten times as long.
    return f"{{{','.join(map(str, ids))}}}"


def _signed(shown: Shown, signer: UrlSigner) -> Shown:
    if shown.url is None or not shown.is_signed:
        return shown
    subject = shown.url.partition(_LOCAL)[2]
    return shown._replace(url=f"{shown.url}?{signer.query(subject)}")


def _note(services: Services, wanted: Sequence[int] | None, context: Context) -> None:
    if wanted:
        services.interest.note(wanted, VIEWED if context in ("detail", "zoom") else LISTED)


class Answer(NamedTuple):
    """A row of display_answer(), its addresses signed: the items' JSON in pieces, in UTF-8."""

    items: list[memoryview | bytes]
    lifetime: str
    has_unknown: bool


async def answer(services: Services, product_ids: Sequence[int], context: Context) -> Answer:
    """resolve() as JSON: the items, parted by commas, and how long caches may keep them."""
    (row,) = await services.tuples(_ANSWER, _array(product_ids), context, services.settings.api_url)
    items, wanted, retry_after, has_unknown = row
    services.interest.see(product_ids)
    _note(services, wanted, context)
    lifetime = caching.soon(retry_after) if retry_after else caching.ANSWER
    return Answer(list(_signed_pieces(services.signer, items)), lifetime, has_unknown)


def _signed_pieces(signer: UrlSigner, items: bytes) -> Iterator[memoryview | bytes]:
    """The items, and in between what each address lacks that has to be signed."""
    # An answer may have a hundred kilobytes: they are not copied before all are joined.
    whole, begin = memoryview(items), 0
    while (end := items.find(_SIGNATURE, begin)) >= 0:
        yield whole[begin:end]
        subject = items[items.rindex(_LOCAL_BYTES, begin, end) + len(_LOCAL_BYTES) : end]
        yield b"?" + signer.query(subject.decode()).encode()
        begin = end + len(_SIGNATURE)
    yield whole[begin:]


@get(
    "/api/products/{product_id:int}/display-url",
    tags=["display"],
    summary="The URL that shows a product now",
    responses=documented(304, 400, 404),
)
async def get_display_url(
    request: AnyRequest,
    services: NamedDependency[Services],
    product_id: ProductId,
    context: ContextInQuery = "grid",
) -> Response[DisplayUrl]:
    found = await answer(services, [product_id], checked_context(context))
    if found.has_unknown:
        raise unknown_product(product_id)
    return caching.cached_json(request, b"".join(found.items), found.lifetime)


@post(
    "/api/display-urls",
    status_code=200,
    tags=["display"],
    summary="The URLs that show up to 200 products now",
    responses=documented(304, 400, 413),
)
async def post_display_urls(
    request: AnyRequest, services: NamedDependency[Services], data: JSONBody[DisplayUrlsRequest]
) -> Response[DisplayUrls]:
    context = checked_context(data.context)
    found = await answer(services, data.product_ids, context)
    body = b"".join([b'{"context":"', context.encode(), b'","items":[', *found.items, b"]}"])
    return caching.cached_json(request, body, found.lifetime)


def unknown_product(product_id: int) -> Exception:
    """404 for a product; caches may keep it for a minute."""
    return problem(
        "unknown-product",
        f"There is no product {product_id}.",
        headers={"cache-control": caching.NOTHING_THERE},
    )


HANDLERS = [get_display_url, post_display_urls]
