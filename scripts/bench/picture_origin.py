"""Owns the benches' source of pictures: files of a folder, in as many versions as are asked for.

Run as a program it serves them over HTTP, in a process of its own so that its CPU is told apart.
A version differs from its file in trailing bytes that no decoder reads: another sha256, the same
work.
"""

import asyncio
import sys
from pathlib import Path

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif"}


def read_pictures(folder: Path) -> list[bytes]:
    """The picture files of a folder, by name. Raises SystemExit where there are none."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not files:
        sys.exit(f"no pictures ({', '.join(sorted(SUFFIXES))}) under {folder}")
    return [path.read_bytes() for path in files]


def version_of(pictures: list[bytes], number: int) -> bytes:
    """The ``number``-th picture of an endless series over ``pictures``."""
    return pictures[number % len(pictures)] + b"\0" + number.to_bytes(4, "big")


async def _serve(pictures: list[bytes]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            number = int(head.split(b" ", 2)[1].rsplit(b"/", 1)[1].split(b".")[0])
            body = version_of(pictures, number)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
                b'ETag: "%d"\r\nContent-Length: %d\r\n\r\n' % (number, len(body))
            )
            writer.write(body)
            await writer.drain()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(read_pictures(Path(sys.argv[1]))))
