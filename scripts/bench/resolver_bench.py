"""How much of the bare statement's rate the resolver keeps over HTTP, and whether size matters.

Batches of 50 random products, `POST /api/display-urls`, on catalogues of 100,000 and 5,000,000
pictures. Three lanes in turn, several rounds, medians: the API; the bare statement by psycopg; the
same server (uvicorn, Litestar) answering the same bytes from memory. All run on the same cores.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import uvloop
from pydantic import SecretStr

from scripts.bench.resolver_catalogue import fill
from scripts.bench.resolver_client import Batches, HttpClient, Load, load_http, load_sql
from worker.db import connect
from worker.embedded import EmbeddedPostgres
from worker.migrate import migrate
from worker.settings import Settings, child_environment

BATCH = 50
SMALL, LARGE = 100_000, 5_000_000
CONNECTIONS = 8
_START_SECONDS = 30.0


@dataclass
class Catalogue:
    """A database of its own, an API over it, and what was measured there."""

    images: int
    conninfo: str
    port: int
    batches: Batches
    api: list[Load] = field(default_factory=list)
    statement: list[Load] = field(default_factory=list)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def _serving(argv: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    """A server process, once it takes connections."""
    with subprocess.Popen(
        argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            deadline = time.monotonic() + _START_SECONDS
            while True:
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{' '.join(argv[1:4])} did not start")
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield
        finally:
            process.terminate()


def _open(stack: ExitStack, postgres: EmbeddedPostgres, images: int, state: Path) -> Catalogue:
    name = f"catalogue_{images}"
    postgres.create_database(name)
    conninfo, port = postgres.conninfo(name), _free_port()
    migrate(conninfo)
    settings = Settings(
        database_url=SecretStr(conninfo),
        state_dir=state / name,
        api_port=port,
        log_format="json",
    )
    began = time.perf_counter()
    with connect(settings, "bench") as connection:
        products = fill(connection, images)
    _tell(f"{images:,} pictures of {products:,} products in {time.perf_counter() - began:.0f} s")
    stack.enter_context(
        _serving([sys.executable, "-m", "worker", "api"], port, child_environment(settings))
    )
    return Catalogue(images, conninfo, port, Batches(products, BATCH))


async def _one_answer(catalogue: Catalogue) -> bytes:
    client = await HttpClient.open(catalogue.port)
    try:
        return await client.post(catalogue.batches.take())
    finally:
        client.close()


def _measure(
    catalogues: list[Catalogue], floor_port: int, rounds: int, seconds: float
) -> list[Load]:
    """All lanes in turn; returns the floor's loads, the others are kept by their catalogue."""
    floor: list[Load] = []
    for number in range(rounds + 1):
        for catalogue in catalogues:
            batches = catalogue.batches
            api = uvloop.run(load_http(catalogue.port, batches, CONNECTIONS, seconds))
            bare = uvloop.run(load_sql(catalogue.conninfo, batches, CONNECTIONS, seconds))
            if number:  # the first round only warms up
                catalogue.api.append(api)
                catalogue.statement.append(bare)
            _tell(
                f"{catalogue.images:>9,} pictures: API {api.per_second:6.0f}/s  p50"
                f" {api.percentile(0.5):5.1f} ms  p99 {api.percentile(0.99):5.1f} ms;  statement"
                f" {bare.per_second:6.0f}/s"
            )
        memory = uvloop.run(load_http(floor_port, catalogues[0].batches, CONNECTIONS, seconds))
        if number:
            floor.append(memory)
        _tell(f"{'':>9} bytes from memory {memory.per_second:6.0f}/s")
    return floor


def run(sizes: list[int], rounds: int, seconds: float) -> dict[str, Any]:
    """Everything; returns the figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="likeness-bench-")))
        # As a server of its own is set up: a quarter of the memory for pages. Nothing is written
        # while it is measured, so that durability makes no difference but to the filling.
        pages_mb = max(128, psutil.virtual_memory().total // 4 >> 20)
        postgres = EmbeddedPostgres(
            folder / "postgres",
            durable=False,
            extra_settings={"shared_buffers": f"{pages_mb}MB", "maintenance_work_mem": "512MB"},
        )
        postgres.start()
        stack.callback(postgres.stop)
        catalogues = [_open(stack, postgres, images, folder) for images in sizes]
        answer, port = folder / "answer.json", _free_port()
        answer.write_bytes(asyncio.run(_one_answer(catalogues[0])))
        argv = [sys.executable, "-m", "scripts.bench.resolver_floor", str(port), str(answer)]
        stack.enter_context(_serving(argv, port, dict(os.environ)))
        floor = _measure(catalogues, port, rounds, seconds)
        return _figures(catalogues, floor, answer.stat().st_size)


def _median(loads: list[Load], share: float | None = None) -> float:
    """The median round: of its rate, or of its time that a share did not exceed."""
    return statistics.median(
        load.per_second if share is None else load.percentile(share) for load in loads
    )


def _figures(catalogues: list[Catalogue], floor: list[Load], answer_bytes: int) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "batch_products": BATCH,
        "connections": CONNECTIONS,
        "rounds": len(floor),
        "cores": os.cpu_count(),
        "answer_bytes": answer_bytes,
        "from_memory_requests_per_second": round(_median(floor), 1),
        "from_memory_p50_ms": round(_median(floor, 0.5), 2),
        "from_memory_p99_ms": round(_median(floor, 0.99), 2),
    }
    for catalogue in catalogues:
        name = f"images_{catalogue.images}"
        pairs = zip(catalogue.api, catalogue.statement, strict=True)
        figures |= {
            f"{name}_api_requests_per_second": round(_median(catalogue.api), 1),
            f"{name}_api_p50_ms": round(_median(catalogue.api, 0.5), 2),
            f"{name}_api_p99_ms": round(_median(catalogue.api, 0.99), 2),
            f"{name}_statement_per_second": round(_median(catalogue.statement), 1),
            f"{name}_statement_p50_ms": round(_median(catalogue.statement, 0.5), 2),
            f"{name}_statement_p99_ms": round(_median(catalogue.statement, 0.99), 2),
            f"{name}_api_to_statement_ratio": round(
                statistics.median(api.per_second / bare.per_second for api, bare in pairs), 3
            ),
        }
    if len(catalogues) > 1:
        pairs = zip(catalogues[-1].api, catalogues[0].api, strict=True)
        figures["p99_large_to_small_ratio"] = round(
            statistics.median(
                large.percentile(0.99) / small.percentile(0.99) for large, small in pairs
            ),
            3,
        )
    return figures


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Parse the command line, run, print a table and, last, one JSON object."""
    parser = argparse.ArgumentParser(prog="scripts/bench/resolver", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 pictures, under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--images", type=int, help=f"pictures of the large catalogue ({LARGE:,})")
    parser.add_argument("--rounds", type=int, help="rounds of all lanes (default 7; quick 3)")
    parser.add_argument("--seconds", type=float, help="seconds a lane (default 5; quick 2)")
    options = parser.parse_args()
    sizes = [SMALL]
    if options.images or not options.quick:
        sizes.append(options.images or LARGE)
    figures = run(
        sizes,
        options.rounds or (3 if options.quick else 7),
        options.seconds or (2.0 if options.quick else 5.0),
    )
    for name, value in figures.items():
        print(f"{name:<44} {value:>10}")
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
