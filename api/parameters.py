"""Owns what the parameters of several routes may be: checked and described alike everywhere."""

from typing import Annotated, Any, Literal, get_args

from litestar import Request
from litestar.openapi.spec import Example
from litestar.params import PathParameter, QueryParameter

BIGGEST_ID = 2**63 - 1
AnyRequest = Request[Any, Any, Any]

Context = Literal["grid", "filmstrip", "detail", "zoom"]
CONTEXTS: tuple[Context, ...] = get_args(Context)
_CONTEXT: dict[str, Any] = {
    "description": "Where it is shown: grid, filmstrip, detail or zoom.",
    "examples": [Example(value="grid")],
    # Checked by a handler, which names all four.
    "schema_extra": {"enum": list(CONTEXTS)},
}
ContextInQuery = Annotated[str, QueryParameter(**_CONTEXT)]
ContextInPath = Annotated[str, PathParameter(**_CONTEXT)]

ProductId = Annotated[
    int,
    PathParameter(
        ge=1, le=BIGGEST_ID, description="Key of a product.", examples=[Example(value=17)]
    ),
]
RowId = Annotated[int, PathParameter(ge=1, le=BIGGEST_ID)]
Signature = Annotated[
    str, QueryParameter(max_length=200, description="Signature that the resolver gave out.")
]
Expires = Annotated[
    int, QueryParameter(ge=0, le=BIGGEST_ID, description="Until when, in seconds since 1970.")
]
