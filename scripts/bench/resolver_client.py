"""The clients of the resolver bench: HTTP and psycopg, each as lean as it can be in Python.

A closed loop: so many connections, each asks again as soon as it is answered. What the client
itself costs is paid on the same cores, by both sides alike.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import cast

import psycopg

STATEMENT = (
    "select product_id, status, source, url, width, height, retry_after, version, image_id, alt,"
    " placeholder, srcset::text, is_known"
    " from likeness.resolve_display_urls(%s::bigint[], 'grid')"
)
_HEAD = (
    "POST /api/display-urls HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    "Content-Length: %d\r\n\r\n"
)
Ask = Callable[[Sequence[int]], Awaitable[None]]


@dataclass(frozen=True)
class Load:
    """Answers a second, and how long each took in milliseconds, shortest first."""

    per_second: float
    ms: list[float]

    def percentile(self, share: float) -> float:
        """The time that this share of the answers did not exceed."""
        return self.ms[min(len(self.ms) - 1, int(len(self.ms) * share))]


class HttpClient(asyncio.Protocol):
    """One kept connection; an answer is over when its Content-Length is."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[bytes] | None = None
        self._parts = bytearray()
        self._begin = self._end = 0
        self._is_well = False

    @classmethod
    async def open(cls, port: int) -> "HttpClient":
        """Connect to a server of this machine."""
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(cls, "127.0.0.1", port)
        return client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Count, and tell who waits when all is there."""
        self._parts += data
        if not self._end:
            head_end = self._parts.find(b"\r\n\r\n")
            if head_end < 0:
                return
            head = bytes(self._parts[:head_end]).lower()
            self._is_well = head.startswith(b"http/1.1 200 ")
            self._begin = head_end + 4
            length = head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0]
            self._end = self._begin + int(length)
        if len(self._parts) >= self._end:
            self._answered(bytes(self._parts[self._begin : self._end]))

    def _answered(self, body: bytes) -> None:
        self._parts.clear()
        self._end = 0
        assert self._answer
        if self._is_well:
            self._answer.set_result(body)
        else:
            self._answer.set_exception(RuntimeError(f"not 200: {body[:500]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits for an answer waits in vain."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed"))

    async def post(self, product_ids: Sequence[int]) -> bytes:
        """The body of one answer."""
        body = b'{"product_ids":[%s],"context":"grid"}' % ",".join(map(str, product_ids)).encode()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write((_HEAD % len(body)).encode() + body)
        return await self._answer

    async def ask(self, product_ids: Sequence[int]) -> None:
        """post(), for the loop."""
        await self.post(product_ids)

    def close(self) -> None:
        """Let the connection go."""
        self._transport.close()


async def load_http(port: int, batches: "Batches", connections: int, seconds: float) -> Load:
    """A server under load."""
    clients = [await HttpClient.open(port) for _ in range(connections)]
    try:
        return await _load([client.ask for client in clients], batches, seconds)
    finally:
        for client in clients:
            client.close()


async def load_sql(conninfo: str, batches: "Batches", connections: int, seconds: float) -> Load:
    """The bare statement under load: prepared, its rows fetched as tuples."""
    open_ones = [
        await psycopg.AsyncConnection.connect(
            conninfo, autocommit=True, options="-c search_path=likeness", prepare_threshold=0
        )
        for _ in range(connections)
    ]

    def asking(connection: psycopg.AsyncConnection) -> Ask:
        async def ask(product_ids: Sequence[int]) -> None:
            await (await connection.execute(STATEMENT, [list(product_ids)])).fetchall()

        return ask

    try:
        return await _load([asking(connection) for connection in open_ones], batches, seconds)
    finally:
        for connection in open_ones:
            await connection.close()


class Batches:
    """Random products of a catalogue, the same in every run."""

    def __init__(self, products: int, size: int) -> None:
        self._products = products
        self._size = size
        self._random = random.Random(7)  # noqa: S311 - no secret

    def take(self) -> list[int]:
        """The next batch."""
        return [self._random.randint(1, self._products) for _ in range(self._size)]


async def _load(askers: Sequence[Ask], batches: Batches, seconds: float) -> Load:
    ms: list[float] = []
    began = time.perf_counter()
    end = began + seconds

    async def go_on(ask: Ask) -> None:
        while (start := time.perf_counter()) < end:
            await ask(batches.take())
            ms.append((time.perf_counter() - start) * 1000)

    await asyncio.gather(*map(go_on, askers))
    return Load(len(ms) / (time.perf_counter() - began), sorted(ms))
