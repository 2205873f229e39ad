"""Owns uploads: a picture of somebody's own for a product, or for all that share its canonical one.

The file is judged by its first bytes, kept as an original and queued. Nothing is decoded here: a
worker makes its sizes, and the picture is shown when they exist. The answer does not wait for that.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO, Literal, cast

import msgspec
from litestar import Response, Router, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import MultipartBody

from api.access import SECURITY, requires
from api.parameters import BIGGEST_ID
from api.problems import documented, problem, unavailable
from api.services import Services
from worker.settings import Settings
from worker.sniff import SNIFF_BYTES, sniff
from worker.uploads import UPLOAD_FORMATS, put_upload

# What stands around the file in a form.
_FORM_BYTES = 64 << 10
_CHUNK_BYTES = 1 << 20
_LEASE = "1 hour"
_BUSY_SECONDS = 5
_BEGIN = """
select g.answer, coalesce(b.has_original and b.status = 'stored', false) as is_kept
  from likeness.begin_blobs('upload', array[%s], %s::interval) g
  left join likeness.blobs b on b.sha256 = g.sha256
"""
_ADD = "select * from likeness.add_upload(%s, %s, %s, %s)"


@dataclass
class UploadForm:
    """A form with one file. ``position`` 0 is the place of the picture that stands for the product.

    ``target`` product: the product shows its own pictures from then on; canonical: the picture is
    shared by all products that stand for the same one.
    """

    file: UploadFile
    product_id: Annotated[int, msgspec.Meta(ge=1, le=BIGGEST_ID)]
    position: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0
    target: Literal["product", "canonical"] = "product"


class Upload(msgspec.Struct):
    """What became of a file. ``is_new`` is false where the product has it already."""

    image_id: int
    product_id: int
    sha256: str
    format: str
    status: str
    is_new: bool


_KNOWN = ResponseSpec(
    data_container=Upload, description="Known bytes, shown already.", generate_examples=False
)


@dataclass(frozen=True, slots=True)
class _File:
    sha256: str
    format: str | None


@post(
    "/upload",
    status_code=202,
    tags=["products"],
    summary="Upload a picture of a product",
    description="202: kept and queued, a worker makes its sizes. 200: these bytes were known and"
    " are shown already. The type is judged by content: JPEG, PNG, WebP, AVIF or GIF.",
    responses={200: _KNOWN, **documented(400, 401, 403, 404, 409, 413, 415)},
)
async def post_upload(
    services: NamedDependency[Services], data: MultipartBody[UploadForm]
) -> Response[Upload]:
    if services.uploads.locked():
        raise unavailable("Other uploads are being kept.", _BUSY_SECONDS)
    async with services.uploads:
        content = cast(BinaryIO, data.file.file)
        file = await asyncio.to_thread(_examine, content)
        if file.format not in UPLOAD_FORMATS:
            raise problem(
                "not-a-picture", f"The file is not one of {', '.join(sorted(UPLOAD_FORMATS))}."
            )
        row = await _keep(services, file, content, data)
    answer = Upload(
        row["image_id"], data.product_id, file.sha256, file.format, row["status"], row["is_new"]
    )
    status: Any = 202 if row["status"] in ("pending", "processing") else 200
    headers = {"location": f"/api/products/{data.product_id}/images", "cache-control": "no-store"}
    return Response(answer, status_code=status, headers=headers)


async def _keep(
    services: Services, file: _File, content: BinaryIO, form: UploadForm
) -> dict[str, Any]:
    """Announced first, then put, then true: a crash leaves garbage that the database knows."""
    known = await services.row(
        "select 1 from likeness.products where id = %s and status <> 'deleted'", form.product_id
    )
    if known is None:
        raise problem("unknown-product", f"There is no product {form.product_id}.")
    begun = await services.row(_BEGIN, file.sha256, _LEASE)
    assert begun
    if begun["answer"] == "purged":
        raise problem("conflict", "This picture was taken down and may not come back.")
    if not begun["is_kept"]:
        await asyncio.to_thread(put_upload, services.store, file.sha256, content)
    row = await services.row(
        _ADD, file.sha256, form.product_id, form.position, form.target == "canonical"
    )
    assert row
    return row


def _examine(content: BinaryIO) -> _File:
    content.seek(0)
    digest, start = hashlib.sha256(), content.read(SNIFF_BYTES)
    chunk = start
    while chunk:
        digest.update(chunk)
        chunk = content.read(_CHUNK_BYTES)
    return _File(digest.hexdigest(), sniff(start))


def make_router(settings: Settings) -> Router:
    """A file may be as long as one from a supplier."""
    return Router(
        "/api/images",
        route_handlers=[post_upload],
        guards=[requires("pictures")],
        security=SECURITY,
        request_max_body_size=settings.fetch_max_bytes + _FORM_BYTES,
    )
