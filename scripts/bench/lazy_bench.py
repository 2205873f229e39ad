"""How long somebody waits for a picture that nobody has fetched yet, beside the work itself.

Two lanes in turn, medians: (a) the work alone, in a process that is warm: fetch, render the first
wave, put; (b) the same through everything: a lazy request over HTTP to the API, Postgres, an idle
worker of its own process, the same origin and MinIO, until the answer is there. One at a time.
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
from pathlib import Path
from typing import Any

import httpx

from scripts.bench.pipeline_bench import FIRST_WAVE, FORMATS, start_machine, start_origin
from scripts.bench.pipeline_bench import _draw_photos as draw_photos
from tests.real_parts import MinioServer, minio_server
from worker.db import connect
from worker.fetch import Fetcher, Source
from worker.pipeline import PRIVATE, put_renditions
from worker.pixels.children import RenderPool
from worker.pixels.renditions import Limits
from worker.settings import Settings, child_environment
from worker.storage import open_store, original_key

LAZY = "/api/process-product-image-lazy"
_START_SECONDS = 60.0
Lanes = dict[str, list[float]]


class Alone:
    """The work of one picture in this process, with the worker's own parts."""

    def __init__(self, settings: Settings) -> None:
        self._fetcher = Fetcher(settings)
        self._renderer = RenderPool(settings)
        self._store = open_store(settings)

    async def run(self, url: str) -> float:
        """Milliseconds of fetch, render and put."""
        began = time.perf_counter()
        fetched = await self._fetcher.fetch(Source(url=url, headers={}))
        rendered = await self._renderer.render(
            fetched.data, FIRST_WAVE, Limits(50_000_000, FORMATS)
        )
        await asyncio.to_thread(
            self._store.put,
            original_key(fetched.sha256),
            fetched.data,
            content_type=rendered.content_type,
            cache_control=PRIVATE,
            sha256=fetched.sha256,
        )
        await asyncio.to_thread(put_renditions, self._store, fetched.sha256, rendered.renditions)
        return (time.perf_counter() - began) * 1000

    async def close(self) -> None:
        """Let its processes and connections go."""
        self._renderer.close()
        await self._fetcher.aclose()


class Whole:
    """The system, whose products' pictures nobody has queued."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = httpx.Client(base_url=settings.api_url, trust_env=False, timeout=30)

    def add_product(self, number: int, origin: str) -> int:
        """A product of a draft."""
        with connect(self._settings, "bench") as connection:
            connection.execute(
                "insert into likeness.datasets (supplier_id, name)"
                " select 1, 'lazy' where not exists (select from likeness.datasets)"
            )
            row = connection.execute(
                "with product as (insert into likeness.products (supplier_id, dataset_id, sku)"
                " select 1, min(id), %s from likeness.datasets returning id)"
                " insert into likeness.images (product_id, source_url)"
                " select id, %s from product returning product_id",
                (f"p{number}", f"{origin}/{number}.jpg"),
            ).fetchone()
        assert row
        return int(row["product_id"])

    def run(self, product_id: int) -> float:
        """Milliseconds of one lazy request."""
        # Each request comes from another client, as far as the limit knows.
        client = f"198.51.{product_id // 250 % 250}.{product_id % 250}"
        began = time.perf_counter()
        answer = self._client.post(
            LAZY, json={"product_id": product_id}, headers={"x-forwarded-for": client}
        )
        ms = (time.perf_counter() - began) * 1000
        if answer.status_code != 200 or not answer.json()["success"]:
            sys.exit(f"no picture: {answer.status_code} {answer.text[:500]}")
        return ms


@contextmanager
def serving(settings: Settings) -> Iterator[None]:
    """The API in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "worker", "api"],
        env=child_environment(settings),
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not _is_ready(settings):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit("the API did not start")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


def _is_ready(settings: Settings) -> bool:
    try:
        answer = httpx.get(f"{settings.api_url}/readyz", trust_env=False)
    except httpx.TransportError:
        return False
    return answer.status_code == 200


def _api_settings(settings: Settings) -> Settings:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    update = {"api_port": port, "trusted_proxies": settings.allowed_private_networks}
    return settings.model_copy(update=update)


async def _measure(whole: Whole, alone: Alone, origin: str, requests: int) -> Lanes:
    lanes: Lanes = {"alone": [], "lazy": []}
    numbers = iter(range(1, 10**9))
    for turn in range(requests + 3):
        product = whole.add_product(next(numbers), origin)
        lazy = await asyncio.to_thread(whole.run, product)
        work = await alone.run(f"{origin}/{next(numbers)}.jpg")
        if turn >= 3:  # all is warm
            lanes["lazy"].append(lazy)
            lanes["alone"].append(work)
    return lanes


def run(photos: Path, requests: int) -> dict[str, Any]:
    """Everything; returns the figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="likeness-bench-")))
        minio: MinioServer = stack.enter_context(minio_server(folder / "minio"))
        origin_pid, origin = stack.enter_context(start_origin(photos))
        machine = stack.enter_context(start_machine(folder / "state", minio, origin_pid))
        settings = _api_settings(machine.settings)
        stack.enter_context(serving(settings))

        async def measure() -> Lanes:
            alone = Alone(settings)
            try:
                return await _measure(Whole(settings), alone, origin, requests)
            finally:
                await alone.close()

        lanes = asyncio.run(measure())
    work, lazy = (statistics.median(lanes[lane]) for lane in ("alone", "lazy"))
    return {
        "requests": requests,
        "cores": os.cpu_count(),
        "work_alone_median_ms": round(work, 1),
        "lazy_median_ms": round(lazy, 1),
        "lazy_p90_ms": round(sorted(lanes["lazy"])[int(requests * 0.9)], 1),
        "lazy_to_work_ratio": round(lazy / work, 3),
        "lazy_overhead_median_ms": round(lazy - work, 1),
    }


def main() -> None:
    """Parse the command line, run, print a table and, last, one JSON object."""
    parser = argparse.ArgumentParser(prog="scripts/bench/lazy", description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of pictures; default: drawn ones")
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--requests", type=int, help="requests of each lane (200; quick 40)")
    parser.add_argument(
        "--from", dest="origin_folder", type=Path, default=Path(), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    requests = options.requests or (40 if options.quick else 200)
    with tempfile.TemporaryDirectory(prefix="likeness-photos-") as drawn:
        photos = (
            options.origin_folder / options.photos if options.photos else draw_photos(Path(drawn))
        )
        figures = run(photos.resolve(), requests)
    for name, value in figures.items():
        print(f"{name:<32} {value:>10}")
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
