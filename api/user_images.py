"""Owns a user's own generated pictures: added, listed, and synchronised by a cursor.

Whose they are is what the token says, and the database's row-level security holds it.
"""

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from psycopg.types.json import Jsonb

from api.access import USER_SECURITY, require_user, user_of
from api.parameters import BIGGEST_ID, AnyRequest
from api.problems import documented
from api.services import Services

MOST_IMAGES = 200
_ADD = "select likeness.add_user_images(%s) as added"
_LIST = "select * from likeness.list_user_images(%s, %s)"
_LINE = r"^[^\x00-\x1f\x7f]*$"

Line = Annotated[str, msgspec.Meta(max_length=200, pattern=_LINE)]
Cursor = Annotated[int, msgspec.Meta(ge=0, le=BIGGEST_ID)]


class NewUserImage(msgspec.Struct, forbid_unknown_fields=True):
    """A picture to keep. ``client_key`` is the client's own: sent again, it adds nothing."""

    client_key: Annotated[
        str, msgspec.Meta(min_length=1, max_length=100, pattern=_LINE, examples=["2026-11-21/1"])
    ]
    url: Annotated[
        str,
        msgspec.Meta(
            max_length=4000,
            pattern=r"^https?://[^\s\x00-\x1f\x7f]+$",
            examples=["https://pictures.shop.example/kettle.png"],
        ),
    ]
    prompt: Annotated[str, msgspec.Meta(max_length=20_000, pattern=r"^[^\x00]*$")] = ""
    model: Line = ""
    seed: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    steps: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None


class UserImage(msgspec.Struct):
    """A kept picture; ``sequence_no`` counts a user's pictures without gaps."""

    sequence_no: int
    client_key: str
    created_at: str
    seed: int | None
    steps: int | None
    url: str
    prompt: str
    model: str


class UserImages(msgspec.Struct):
    """Pictures after a cursor, oldest first; ``cursor`` is what to send next."""

    images: list[UserImage]
    cursor: int
    has_more: bool


class Added(msgspec.Struct):
    """How many were new; 0 where the picture was known."""

    added: int


class SyncRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What the client has that may be new here, and up to where it knows what is here."""

    after: Cursor = 0
    images: Annotated[list[NewUserImage], msgspec.Meta(max_length=MOST_IMAGES)] = msgspec.field(
        default_factory=list
    )


@get(
    "/api/images",
    tags=["users"],
    summary="A user's own pictures after a cursor",
    guards=[require_user],
    security=USER_SECURITY,
    responses=documented(400, 401),
)
async def get_user_images(
    request: AnyRequest,
    services: NamedDependency[Services],
    after: Annotated[int, QueryParameter(ge=0, le=BIGGEST_ID)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST_IMAGES)] = MOST_IMAGES,
) -> UserImages:
    return await _list(services, user_of(request), after, limit)


@post(
    "/api/images",
    status_code=201,
    tags=["users"],
    summary="Keep one picture of a user",
    guards=[require_user],
    security=USER_SECURITY,
    responses=documented(400, 401, 413),
)
async def post_user_image(
    request: AnyRequest, services: NamedDependency[Services], data: JSONBody[NewUserImage]
) -> Added:
    return Added(await _add(services, user_of(request), [data]))


@post(
    "/api/images/sync",
    status_code=200,
    tags=["users"],
    summary="Send what is new here and get what is new there",
    guards=[require_user],
    security=USER_SECURITY,
    responses=documented(400, 401, 413),
)
async def post_sync(
    request: AnyRequest, services: NamedDependency[Services], data: JSONBody[SyncRequest]
) -> UserImages:
    user = user_of(request)
    if data.images:
        await _add(services, user, data.images)
    return await _list(services, user, data.after, MOST_IMAGES)


async def _add(services: Services, user: str, images: list[NewUserImage]) -> int:
    rows = await services.rows_of_user(user, _ADD, Jsonb(msgspec.to_builtins(images)))
    return int(rows[0]["added"])


async def _list(services: Services, user: str, after: int, limit: int) -> UserImages:
    rows = await services.rows_of_user(user, _LIST, after, limit + 1)
    images = [
        UserImage(**{**row, "created_at": row["created_at"].isoformat()}) for row in rows[:limit]
    ]
    cursor = images[-1].sequence_no if images else after
    return UserImages(images, cursor, has_more=len(rows) > limit)


HANDLERS = [get_user_images, post_user_image, post_sync]
