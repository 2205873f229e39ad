"""How much of the machine's pixel work the whole pipeline keeps: pictures per second, end to end.

Two figures in turn, several rounds, medians: (a) the pixel work alone: the same pictures, in
memory, rendered by as many processes as there are cores, with the same settings; (b) the pipeline:
a real origin over HTTP, Postgres, MinIO, one worker, all on the same cores. The ratio b / a is the
result, beside the CPU seconds of each process, which say where the rest goes.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
from pydantic import SecretStr

from scripts.bench.picture_origin import read_pictures, version_of
from tests.real_parts import MinioServer, minio_server
from worker.db import Connection, connect
from worker.demo.pictures import draw_samples
from worker.embedded import EmbeddedPostgres
from worker.feeds import import_file
from worker.migrate import migrate
from worker.pixels.render import render
from worker.pixels.renditions import Limits, Preset
from worker.settings import Settings, child_environment

CORES = os.cpu_count() or 1
FORMATS = frozenset({"jpeg", "png", "webp", "avif", "gif"})
FIRST_WAVE = (
    Preset("medium", 800, 800, ("webp",), 85, 2),
    Preset("thumb", 200, 200, ("webp",), 85, 2),
)

_pictures: list[bytes] = []


@dataclass(frozen=True)
class Round:
    """One measurement: pictures per second, and CPU milliseconds a picture by process."""

    per_second: float
    cpu_ms: dict[str, float]


def _load(folder: str) -> None:
    _pictures.extend(read_pictures(Path(folder)))


def _render_one(number: int) -> float:
    before = time.process_time()
    render(version_of(_pictures, number), FIRST_WAVE, Limits(50_000_000, FORMATS))
    return time.process_time() - before


def measure_pixels(pool: ProcessPoolExecutor, numbers: Sequence[int]) -> Round:
    """The pixel work alone, on all cores, in processes that are warm."""
    began = time.perf_counter()
    cpu_seconds = sum(pool.map(_render_one, numbers))
    seconds = time.perf_counter() - began
    return Round(len(numbers) / seconds, {"render": cpu_seconds / len(numbers) * 1000})


class Machine:
    """The whole system on this machine, with one worker, on servers of its own."""

    def __init__(self, settings: Settings, connection: Connection, processes: dict[str, int]):
        self.settings = settings
        self._connection = connection
        self._processes = processes

    def measure(self, origin: str, numbers: Sequence[int]) -> Round:
        """Queue pictures, wait until all are settled; count from activation to the last one."""
        dataset = self._import(origin, numbers)
        before = self._cpu()
        run = self._value("select run_id from likeness.activate_dataset(%s)", dataset)
        # The database knows to the microsecond when the run ended: asking seldom costs no accuracy.
        while self._value("select status from likeness.runs where id = %s", run) != "finished":
            time.sleep(0.2)
        seconds = self._value(
            "select extract(epoch from finished_at - started_at)::float8"
            " from likeness.runs where id = %s",
            run,
        )
        spent = {name: after - before[name] for name, after in self._cpu().items()}
        stored = self._value("select stored from likeness.runs where id = %s", run)
        if stored != len(numbers):
            sys.exit(f"only {stored} of {len(numbers)} were stored; see failures_by_reason")
        ms = {name: cpu / len(numbers) * 1000 for name, cpu in spent.items()}
        return Round(len(numbers) / seconds, ms)

    def _import(self, origin: str, numbers: Sequence[int]) -> int:
        with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as feed:
            writer = csv.writer(feed)
            writer.writerow(["sku", "name", "image"])
            writer.writerows((f"p{n}", f"Product {n}", f"{origin}/{n}.jpg") for n in numbers)
            feed.flush()
            result = import_file(self.settings, Path(feed.name), supplier="bench")
        if result.dataset_id is None:
            sys.exit("the feed was refused")
        return result.dataset_id

    def _cpu(self) -> dict[str, float]:
        """CPU seconds so far of each server with all its children, living or reaped."""
        totals = {name: _cpu_of(psutil.Process(pid)) for name, pid in self._processes.items()}
        worker = psutil.Process(self._processes["worker"])
        totals["worker_main"] = sum(worker.cpu_times()[:2])
        return totals

    def _value(self, query: str, *arguments: object) -> Any:
        row = self._connection.execute(query.encode(), arguments).fetchone()
        assert row
        return next(iter(row.values()))


def _cpu_of(process: psutil.Process) -> float:
    total = sum(process.cpu_times()[:4])
    for child in process.children(recursive=True):
        try:
            total += sum(child.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return float(total)


@contextmanager
def start_machine(folder: Path, minio: MinioServer, origin_pid: int) -> Iterator[Machine]:
    """Postgres from the wheel, durable as in production; a worker process; the given MinIO."""
    postgres = EmbeddedPostgres(folder / "postgres")
    postgres.start()
    worker = None
    try:
        postgres.create_database("likeness")
        conninfo = postgres.conninfo("likeness")
        migrate(conninfo)
        settings = Settings(
            state_dir=folder,
            database_url=SecretStr(conninfo),
            s3_endpoint=minio.endpoint,
            s3_access_key=minio.access_key,
            s3_secret_key=SecretStr(minio.secret_key),
            allowed_private_networks="127.0.0.0/8",
            second_wave=False,
            log_level="warning",
            log_format="json",
        )
        with connect(settings, "bench") as connection:
            # Politeness is not what is measured: the origin is ours, and asked for all it gives.
            connection.execute("select likeness.ensure_supplier('bench')")
            connection.execute(
                "update likeness.suppliers set host_max_in_flight = 64, host_min_interval = '0'"
            )
            worker = subprocess.Popen(
                [sys.executable, "-m", "worker", "worker"], env=child_environment(settings)
            )
            _await_worker(connection, worker)
            pids = {"worker": worker.pid, "minio": minio.process.pid, "origin": origin_pid}
            postmaster = psutil.Process(connection.info.backend_pid).parent()
            assert postmaster
            pids["postgres"] = postmaster.pid
            yield Machine(settings, connection, pids)
    finally:
        if worker is not None:
            worker.terminate()
            worker.wait()
        postgres.stop()


def _await_worker(connection: Connection, worker: "subprocess.Popen[bytes]") -> None:
    while not connection.execute("select id from likeness.workers").fetchone():
        if worker.poll() is not None:
            sys.exit("the worker did not start")
        time.sleep(0.05)


@contextmanager
def start_origin(folder: Path) -> Iterator[tuple[int, str]]:
    """The origin's pid and address."""
    argv = [sys.executable, "-m", "scripts.bench.picture_origin", str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.pid, f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def run(photos: Path, rounds: int, pictures_a_round: int) -> dict[str, Any]:
    """All rounds, interleaved; returns the figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="likeness-bench-")))
        pool = stack.enter_context(
            ProcessPoolExecutor(CORES, get_context("spawn"), _load, (str(photos),))
        )
        minio = stack.enter_context(minio_server(folder / "minio"))
        origin_pid, origin = stack.enter_context(start_origin(photos))
        machine = stack.enter_context(start_machine(folder / "state", minio, origin_pid))
        numbers = iter(range(1, 10**9))

        def take() -> list[int]:
            return [next(numbers) for _ in range(pictures_a_round)]

        warm_up = take()[: CORES * 8]
        measure_pixels(pool, warm_up)
        machine.measure(origin, warm_up)
        alone, whole = [], []
        for _ in range(rounds):
            batch = take()
            alone.append(measure_pixels(pool, batch))
            whole.append(machine.measure(origin, batch))
            print(
                f"pixels alone {alone[-1].per_second:6.1f}/s   pipeline"
                f" {whole[-1].per_second:6.1f}/s   ratio"
                f" {whole[-1].per_second / alone[-1].per_second:.2f}",
                file=sys.stderr,
            )
        return _figures(alone, whole, pictures_a_round)


def _figures(alone: list[Round], whole: list[Round], pictures: int) -> dict[str, Any]:
    def median_ms(rounds: list[Round], name: str) -> float:
        return round(statistics.median(r.cpu_ms[name] for r in rounds), 2)

    pairs = zip(whole, alone, strict=True)
    pixel_ms = median_ms(alone, "render")
    worker_ms = median_ms(whole, "worker")
    return {
        "pictures_a_round": pictures,
        "rounds": len(alone),
        "cores": CORES,
        "pixels_alone_pictures_per_second": round(
            statistics.median(r.per_second for r in alone), 1
        ),
        "pipeline_pictures_per_second": round(statistics.median(r.per_second for r in whole), 1),
        "pipeline_to_pixels_ratio": round(
            statistics.median(b.per_second / a.per_second for b, a in pairs), 3
        ),
        "pixels_alone_cpu_ms_per_picture": pixel_ms,
        "worker_cpu_ms_per_picture": worker_ms,
        "worker_to_pixels_cpu_ratio": round(worker_ms / pixel_ms, 3),
        "worker_main_cpu_ms_per_picture": median_ms(whole, "worker_main"),
        "minio_cpu_ms_per_picture": median_ms(whole, "minio"),
        "postgres_cpu_ms_per_picture": median_ms(whole, "postgres"),
        "origin_cpu_ms_per_picture": median_ms(whole, "origin"),
    }


def _draw_photos(folder: Path) -> Path:
    for number, sample in enumerate(draw_samples()):
        if sample.sku.startswith("BAD"):
            continue
        (folder / f"{number:03}{Path(sample.path).suffix}").write_bytes(sample.body)
    return folder


def main() -> None:
    """Parse the command line, run, print a table and, last, one JSON object."""
    parser = argparse.ArgumentParser(prog="scripts/bench/pipeline", description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of pictures; default: drawn ones")
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--rounds", type=int, help="rounds of both (default 5; quick 3)")
    parser.add_argument("--pictures", type=int, help="pictures a round (default 400; quick 150)")
    parser.add_argument(
        "--from", dest="origin_folder", type=Path, default=Path(), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    rounds = options.rounds or (3 if options.quick else 5)
    pictures = options.pictures or (150 if options.quick else 400)
    with tempfile.TemporaryDirectory(prefix="likeness-photos-") as drawn:
        photos = (
            options.origin_folder / options.photos if options.photos else _draw_photos(Path(drawn))
        )
        figures = run(photos.resolve(), rounds, pictures)
    for name, value in figures.items():
        print(f"{name:<40} {value:>10}")
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
