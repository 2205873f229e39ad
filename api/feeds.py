"""Owns what comes in: suppliers, datasets, products of feeds, and the word that queues them."""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated, Literal, cast, get_args

import msgspec
from litestar import Router, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET, UnsetType
from psycopg.types.json import Jsonb

from api.access import SECURITY, requires
from api.examples import FEED
from api.parameters import AnyRequest, RowId
from api.problems import documented, problem, unavailable
from api.services import Services
from worker import matching
from worker.db import connect
from worker.feeds import FeedFormat, ImportResult, import_feed_stream
from worker.settings import Settings

_FORMATS: tuple[str, ...] = get_args(FeedFormat)
_BUSY_SECONDS = 30
_ABSOLUTE = r"^(?i:https?|ftps?)://[^/?#\s\x00]+[^\x00]*$"
_PREFIX = "https://pictures.acme.example/large/"
_MATCH_SECONDS = 120.0

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Text = Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^[^\x00]*$")]


class SupplierRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A supplier by name; what is left out keeps its value, or the gentle default of a new one."""

    name: Annotated[Name, msgspec.Meta(examples=["acme"])]
    priority: Annotated[int, msgspec.Meta(ge=0, le=1)] | UnsetType = UNSET
    hide_origin: bool | UnsetType = UNSET
    while_pending: Literal["proxy", "direct", "none"] | UnsetType = UNSET
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=20)] | UnsetType = UNSET
    host_max_in_flight: Annotated[int, msgspec.Meta(ge=1, le=1000)] | UnsetType = UNSET
    host_min_interval: (
        Annotated[str, msgspec.Meta(max_length=100, examples=["250 milliseconds"])] | UnsetType
    ) = UNSET
    formats: (
        list[Literal["jpeg", "png", "webp", "avif", "gif", "tiff", "bmp", "heic"]] | UnsetType
    ) = UNSET
    allowed_hosts: list[Text] | UnsetType = UNSET
    allowed_ports: list[Annotated[int, msgspec.Meta(ge=1, le=65535)]] | UnsetType = UNSET
    allowed_schemes: (
        Annotated[list[Literal["http", "https", "ftp", "ftps"]], msgspec.Meta(min_length=1)]
        | UnsetType
    ) = UNSET
    request_headers: dict[str, Text] | UnsetType = UNSET
    on_big_change: Literal["swap", "hold"] | UnsetType = UNSET
    placeholder_products: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    match_feeds: bool | UnsetType = UNSET
    low_matches: Literal["review", "leave"] | UnsetType = UNSET


class Supplier(msgspec.Struct):
    """A supplier by its key."""

    supplier_id: int
    name: str


class DatasetRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A draft to be filled; relative picture paths are joined to the prefix."""

    supplier: Annotated[Name, msgspec.Meta(examples=["acme"])]
    name: Annotated[Name, msgspec.Meta(examples=["autumn"])]
    image_url_prefix: (
        Annotated[str, msgspec.Meta(max_length=2000, pattern=_ABSOLUTE, examples=[_PREFIX])] | None
    ) = None
    priority: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0


class Dataset(msgspec.Struct):
    """A dataset by its key."""

    dataset_id: int
    supplier: str
    name: str
    status: str


class Activation(msgspec.Struct):
    """How many pictures wait now, how many failed at once, and the run that counts them."""

    dataset_id: int
    run_id: int
    queued: int
    failed: int


class Matched(msgspec.Struct):
    """What became of the supplier's products that were not linked yet.

    ``linked`` to a canonical product, of which they inherit the pictures; ``queued`` for a person;
    ``created`` as canonical products; ``left`` unmatched; ``remaining`` were not looked at, for
    want of time: `likeness match --supplier` goes on.
    """

    linked: int
    queued: int
    created: int
    left: int
    remaining: int


class Reject(msgspec.Struct):
    """What a feed holds that was not taken: its line, the column (or empty), and why."""

    line: int
    column: str
    reason: str
    value: str


class Import(msgspec.Struct):
    """What became of a feed; ``rejects`` holds the first of what was rejected.

    ``dataset_id`` is null where no row was fit; ``activation`` is there where it was asked for.
    """

    dataset_id: int | None
    products_new: int
    products_changed: int
    products_unchanged: int
    images_new: int
    images_changed: int
    images_removed: int
    rejected: int
    rejected_pictures: int
    rejects: list[Reject]
    columns: dict[str, list[str]]
    activation: Activation | None = None
    matching: Matched | None = None


@dataclass
class _ImportOperation(Operation):
    """Tells of the body, which the handler streams and Litestar therefore does not know."""

    def __post_init__(self) -> None:
        text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        table = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, examples=[FEED]))
        self.request_body = RequestBody(
            description="The feed itself: CSV, JSON lines or a JSON array, also gzipped.",
            content={"text/csv": table, "application/x-ndjson": text, "application/json": text},
            required=True,
        )


@post(
    "/suppliers",
    status_code=201,
    summary="Make or change a supplier",
    responses=documented(400, 401, 403),
)
async def post_supplier(
    services: NamedDependency[Services], data: JSONBody[SupplierRequest]
) -> Supplier:
    options = msgspec.to_builtins(data)
    name = options.pop("name")
    row = await services.row(
        "select likeness.save_supplier(%s, %s) as supplier_id", name, Jsonb(options)
    )
    assert row
    return Supplier(row["supplier_id"], name)


@post(
    "/datasets",
    status_code=201,
    summary="Make an empty draft dataset",
    responses=documented(400, 401, 403, 404),
)
async def post_dataset(
    services: NamedDependency[Services], data: JSONBody[DatasetRequest]
) -> Dataset:
    row = await services.row(
        "select likeness.create_dataset(%s, %s, %s, %s::smallint) as dataset_id",
        data.supplier,
        data.name,
        data.image_url_prefix,
        data.priority,
    )
    assert row
    return Dataset(row["dataset_id"], data.supplier, data.name, "draft")


@post(
    "/datasets/{dataset_id:int}/activate",
    status_code=200,
    summary="Queue the pictures of a dataset's active products",
    responses=documented(400, 401, 403, 404, 409),
)
async def post_activation(services: NamedDependency[Services], dataset_id: RowId) -> Activation:
    return await activate(services, dataset_id)


async def activate(services: Services, dataset_id: int) -> Activation:
    """Queue what a dataset's products want; a second call queues only what is still wanted."""
    row = await services.row("select * from likeness.activate_dataset(%s)", dataset_id)
    assert row
    return Activation(dataset_id, **row)


@post(
    "/products/import",
    status_code=200,
    operation_class=_ImportOperation,
    summary="Import a feed",
    description="The body is the file itself, in any encoding, streamed into one transaction. Bad"
    " rows are rejected while good ones land. Importing the same feed again changes nothing.",
    responses=documented(400, 401, 403, 413, 422),
)
async def post_import(
    request: AnyRequest,
    services: NamedDependency[Services],
    supplier: Annotated[str, QueryParameter(min_length=1, max_length=200)],
    prefix: Annotated[
        str | None, QueryParameter(max_length=2000, description="Base of relative picture paths.")
    ] = None,
    name: Annotated[
        str | None, QueryParameter(max_length=200, description="Name of the dataset.")
    ] = None,
    format: Annotated[
        str | None,
        QueryParameter(
            description="csv, jsonl or json; detected where it is left out.",
            schema_extra={"enum": [*_FORMATS, None]},
        ),
    ] = None,
    activate: Annotated[
        bool, QueryParameter(description="Queue the pictures when the feed is in.")
    ] = False,
    match: Annotated[
        bool,
        QueryParameter(
            description="Match the supplier's products when the feed is in, before pictures are"
            " queued: what is linked to a product with pictures is not fetched."
        ),
    ] = False,
    create_missing: Annotated[
        bool,
        QueryParameter(
            description="With match: what the catalogue does not know becomes a canonical product."
        ),
    ] = True,
) -> Import:
    if format not in (None, *_FORMATS):
        raise problem("invalid-request", f"format must be one of {', '.join(_FORMATS)}.")
    if request.content_type[0].startswith("multipart/"):
        raise problem("invalid-request", "Send the file itself as the body, not a form.")
    if services.imports.locked():
        raise unavailable("Other imports are running.", _BUSY_SECONDS)
    async with services.imports:
        result = await import_feed_stream(
            services.settings,
            request.stream(),
            supplier=supplier,
            prefix=prefix or None,
            name=name or None,
            format=cast("FeedFormat | None", format),
            max_bytes=services.settings.max_request_bytes,
        )
    matched = None
    if match and result.dataset_id is not None:
        matched = await asyncio.to_thread(_match, services.settings, supplier, create_missing)
    return await _describe(services, result, matched, activate)


def _match(settings: Settings, supplier: str, create_missing: bool) -> Matched:
    """Match what the supplier has, for as long as a client can be expected to wait."""
    ends_at = time.monotonic() + _MATCH_SECONDS
    with connect(settings, "api match") as connection:
        done = matching.match(
            connection,
            supplier=supplier.strip(),
            create_missing=create_missing,
            is_over=lambda: time.monotonic() > ends_at,
        )
        remaining = matching.count_unmatched(connection, supplier.strip(), is_create=False)
    return Matched(done.linked, done.queued, done.created, done.left, remaining)


async def _describe(
    services: Services, result: ImportResult, matched: Matched | None, wants_activation: bool
) -> Import:
    activation = None
    if wants_activation and result.dataset_id is not None:
        activation = await activate(services, result.dataset_id)
    fields = {name: getattr(result, name) for name in _COPIED}
    rejects = [Reject(flaw.line, flaw.column, flaw.reason, flaw.value) for flaw in result.rejects]
    return Import(rejects=rejects, activation=activation, matching=matched, **fields)


_COPIED = tuple(set(Import.__struct_fields__) - {"rejects", "activation", "matching"})


def make_router(settings: Settings) -> Router:
    """All of it behind the service key; a feed may be as long as the settings allow."""
    return Router(
        "/api",
        route_handlers=[post_supplier, post_dataset, post_activation, post_import],
        guards=[requires("feeds")],
        security=SECURITY,
        tags=["feeds"],
        request_max_body_size=settings.max_request_bytes,
    )
