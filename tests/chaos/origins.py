"""Owns the two origins of the hostile run, each a process, so that neither slows the other.

``python -m tests.chaos.origins hostile 127.0.0.3`` prints its base URL and serves until its
standard input ends. A path is ``/<kind>/<number>.jpg``.
"""

import asyncio
import io
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from tests import origin as behave
from tests.origin import Behaviour, Origin, Request

MAX_BYTES = 300_000
GOOD_PICTURES = 20
# A supplier's server on a usual day: the wait is what makes throughput a matter of slots.
GOOD_SECONDS = 0.4


def picture(seed: int) -> bytes:
    """A small JPEG, other bytes for each seed."""
    noise = random.Random(seed).randbytes(12 * 12 * 3)
    image = Image.frombytes("RGB", (12, 12), noise).resize((320, 240))
    file = io.BytesIO()
    image.save(file, "JPEG")
    return file.getvalue()


def _too_many_pixels(whole: bytes) -> bytes:
    """The same JPEG, which says that it has 65535 x 65535 pixels."""
    frame = whole.index(b"\xff\xc0")
    return whole[: frame + 5] + b"\xff\xff\xff\xff" + whole[frame + 9 :]


def hostile() -> dict[str, tuple[Behaviour, str]]:
    """Behaviour and right reason by kind."""
    whole = picture(0)
    bomb = whole[:600] + bytes(50_000_000)
    page = b"<!doctype html><html><script>alert(1)</script></html>"
    chunk = bytes(60_000)
    return {
        "drip": (behave.drip(whole, 0.2), "deadline"),
        "slow-head": (behave.drip(whole, 0.2, head_too=True), "deadline"),
        "silent": (behave.silent(), "deadline"),
        "endless": (behave.endless(whole + chunk), "too-large"),
        "endless-short": (behave.endless(whole + chunk, with_length=600), "corrupt-image"),
        "announces-much": (behave.lying_length(whole, 10**9), "too-large"),
        "lying-long": (behave.lying_length(whole, len(whole) + 1), "truncated-body"),
        "lying-short": (behave.lying_length(whole, 600), "corrupt-image"),
        "chunked-over": (behave.chunked(whole, *[chunk] * 6), "too-large"),
        "chunked-cut": (behave.chunked(whole, end=False), "truncated-body"),
        "gzip-bomb": (behave.gzipped(bomb), "too-large"),
        "gzip-cut": (behave.gzipped(whole * 9, cut=900), "truncated-body"),
        "circle": (_turning, "too-many-redirects"),
        "inward": (behave.redirect("http://169.254.169.254/latest/"), "blocked-by-policy"),
        "early-close": (behave.raw(), "connection-failed"),
        "no-http": (behave.raw(b"\x16\x03\x01 what?\r\n\r\n"), "connection-failed"),
        "huge-head": (
            behave.raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 30_000),
            "connection-failed",
        ),
        "page": (behave.answer(page), "not-an-image"),
        "polyglot": (behave.answer(b"\xff\xd8\xff\xe0" + page * 20), "corrupt-image"),
        "empty": (behave.answer(b""), "empty-body"),
        "pixels": (behave.answer(_too_many_pixels(whole)), "too-many-pixels"),
    }


async def _turning(request: Request, writer: asyncio.StreamWriter) -> None:
    """Each path leads to the other one."""
    path = request.path
    other = path.removesuffix("?b") if path.endswith("?b") else f"{path}?b"
    await behave.redirect(other)(request, writer)


def _good(number: int) -> Behaviour:
    answer = behave.answer(picture(number % GOOD_PICTURES))

    async def behaviour(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(GOOD_SECONDS)
        await answer(request, writer)

    return behaviour


def good_path(number: int) -> str:
    return f"/good/{number}.jpg"


def hostile_path(kind: str, number: int) -> str:
    return f"/{kind}/{number}.jpg"


@contextmanager
def running(what: str, host: str) -> Iterator[str]:
    """An origin in a process of its own; yields its base URL."""
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.origins", what, host],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdin
    assert program.stdout
    try:
        yield program.stdout.readline().strip()
    finally:
        program.stdin.close()
        try:
            program.wait(timeout=10)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
        program.stdout.close()


def main() -> None:
    """Serve until standard input ends."""
    what, host = sys.argv[1:]
    routes = (
        {good_path(number): _good(number) for number in range(400)}
        if what == "good"
        else {
            hostile_path(kind, number): behaviour
            for kind, (behaviour, _) in hostile().items()
            for number in range(10)
        }
    )
    with Origin(routes, host=host) as origin:
        print(origin.url(""), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
