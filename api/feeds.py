"""Owns what comes in: suppliers, datasets, products of feeds, and the word that queues them."""

from typing import Annotated, Literal

import msgspec
from litestar import Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import UNSET, UnsetType
from psycopg.types.json import Jsonb

from api.access import SECURITY, require_service_key
from api.parameters import RowId
from api.problems import documented
from api.services import Services
from worker.settings import Settings

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
    formats: list[Literal["jpeg", "png", "webp", "avif", "gif", "tiff", "bmp"]] | UnsetType = UNSET
    allowed_hosts: list[Text] | UnsetType = UNSET
    allowed_ports: list[Annotated[int, msgspec.Meta(ge=1, le=65535)]] | UnsetType = UNSET
    request_headers: dict[str, Text] | UnsetType = UNSET


class Supplier(msgspec.Struct):
    """A supplier by its key."""

    supplier_id: int
    name: str


class DatasetRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A draft to be filled; relative picture paths are joined to the prefix."""

    supplier: Annotated[Name, msgspec.Meta(examples=["acme"])]
    name: Annotated[Name, msgspec.Meta(examples=["autumn"])]
    image_url_prefix: Text | None = None
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


@post(
    "/suppliers",
    status_code=201,
    summary="Make or change a supplier",
    responses=documented(400, 401),
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
    responses=documented(400, 401, 404),
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
    responses=documented(400, 401, 404, 409),
)
async def post_activation(services: NamedDependency[Services], dataset_id: RowId) -> Activation:
    return await activate(services, dataset_id)


async def activate(services: Services, dataset_id: int) -> Activation:
    """Queue what a dataset's products want; a second call queues only what is still wanted."""
    row = await services.row("select * from likeness.activate_dataset(%s)", dataset_id)
    assert row
    return Activation(dataset_id, **row)


def make_router(settings: Settings) -> Router:
    """All of it behind the service key; a feed may be as long as the settings allow."""
    return Router(
        "/api",
        route_handlers=[post_supplier, post_dataset, post_activation],
        guards=[require_service_key],
        security=SECURITY,
        tags=["feeds"],
        request_max_body_size=settings.max_request_bytes,
    )
