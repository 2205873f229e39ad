"""The resolver bench: the resolver knows its catalogue, and its figures are what they say."""

import asyncio

from psycopg import Connection
from psycopg.rows import DictRow

from scripts.bench.resolver_bench import Catalogue, _figures
from scripts.bench.resolver_catalogue import fill
from scripts.bench.resolver_client import STATEMENT, Batches, HttpClient, Load


def test_most_products_of_the_catalogue_have_every_size_and_some_wait(
    connection: Connection[DictRow],
) -> None:
    assert fill(connection, 400) == 200
    rows = connection.execute(STATEMENT, [list(range(1, 201))]).fetchall()
    states = [row["status"] for row in rows]
    assert (states.count("cached"), states.count("pending")) == (190, 10)
    cached = next(row for row in rows if row["status"] == "cached")
    assert (cached["source"], cached["width"], cached["srcset"].count("w,")) == (
        "rendition",
        200,
        12,
    )
    sums = connection.execute(
        "select count(*) as wrong from likeness.blobs b, likeness.sum_up_renditions(b.renditions) s"
        " where (b.sizes, b.srcset) is distinct from (s.sizes, s.srcset)"
    ).fetchone()
    assert sums == {"wrong": 0}


def test_batches_are_the_same_in_every_run() -> None:
    one, other = Batches(1000, 50), Batches(1000, 50)
    assert [one.take() for _ in range(3)] == [other.take() for _ in range(3)]
    assert len(one.take()) == 50


def test_a_figure_is_the_median_of_its_rounds() -> None:
    loads = [Load(rate, [rate] * 99 + [rate * 2]) for rate in (10.0, 20.0, 90.0)]
    small = Catalogue(100, "", 0, Batches(1, 1), loads, [Load(40.0, [1.0])] * 3)
    large = Catalogue(900, "", 0, Batches(1, 1), loads, [Load(80.0, [1.0])] * 3)
    figures = _figures([small, large], loads, 7)
    assert figures["images_100_api_requests_per_second"] == 20.0
    assert figures["images_100_api_to_statement_ratio"] == 0.5
    assert figures["images_900_api_to_statement_ratio"] == 0.25
    assert figures["images_100_api_p99_ms"] == 40.0
    assert figures["p99_large_to_small_ratio"] == 1.0


def test_an_answer_in_pieces_is_one_answer() -> None:
    async def ask() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            for piece in (b"HTTP/1.1 200 OK\r\nContent-", b"Length: 6\r\n\r\nabc", b"def"):
                writer.write(piece)
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            client = await HttpClient.open(server.sockets[0].getsockname()[1])
            try:
                return await client.post([1, 2])
            finally:
                client.close()

    assert asyncio.run(ask()) == b"abcdef"
