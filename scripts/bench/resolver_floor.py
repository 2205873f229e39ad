"""The floor of the resolver bench: the API's own server answering one batch's bytes from memory.

The same uvicorn and the same framework parse the same request; nothing is asked, chosen or encoded.
"""

import sys
from pathlib import Path

import msgspec
import uvicorn
from litestar import Litestar, Response, post
from litestar.params import JSONBody


class Request(msgspec.Struct):
    """What the resolver is asked."""

    product_ids: list[int]
    context: str


def make_app(body: bytes) -> Litestar:
    """An application that knows one answer."""

    @post("/api/display-urls", status_code=200)
    async def answer(data: JSONBody[Request]) -> Response[bytes]:
        return Response(body, media_type="application/json")

    return Litestar([answer], openapi_config=None, logging_config=None)


def main() -> None:
    """Serve the bytes of a file on a port."""
    port, file = int(sys.argv[1]), Path(sys.argv[2])
    uvicorn.run(make_app(file.read_bytes()), port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
