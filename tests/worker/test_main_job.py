"""The main job on real pictures: a folder behind a plain HTTP server, a CSV of its names, a worker.

Through local files and through a real S3 server; every rendition is decoded again and held against
its source.
"""

import csv
import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import SecretStr

from tests.invariants import (
    assert_checks_are_quiet,
    assert_history_is_single,
    assert_store_and_database_agree,
)
from tests.real_parts import MinioServer
from tests.worker_process import WorkerProcess, await_settled, worker_process
from worker.db import connect
from worker.feeds import import_file
from worker.settings import Settings
from worker.storage import ObjectStore, open_store, rendition_key

BOXES = {"thumb": (200, 200), "medium": (800, 800)}
MOST_MEMORY_BYTES = 600_000_000


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def plain_server(folder: Path) -> Iterator[str]:
    """The standard library's file server, as anybody would start it."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


class MemoryWatch(threading.Thread):
    """The most memory that a process and its children held together."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.most_bytes = 0
        self._process = psutil.Process(pid)
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(0.02):
            self.most_bytes = max(self.most_bytes, self._sum())

    def stop(self) -> None:
        self._done.set()
        self.join()

    def _sum(self) -> int:
        total = 0
        try:
            for process in (self._process, *self._process.children(recursive=True)):
                total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            return total
        return total


def write_feed(folder: Path, names: list[str]) -> Path:
    path = folder / "feed.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "name", "image"])
        writer.writerows((name, Path(name).stem, name) for name in names)
    return path


def mirror(settings: Settings, pictures: Path, feed: Path, log: Path) -> tuple[WorkerProcess, int]:
    """Import, activate, work until all is settled; returns the worker and its most memory."""
    with (
        plain_server(pictures) as base,
        connect(settings, "test") as connection,
        worker_process(settings, log) as worker,
    ):
        result = import_file(settings, feed, supplier="folder", prefix=base)
        connection.execute("select likeness.activate_dataset(%s)", [result.dataset_id])
        watch = MemoryWatch(worker.process.pid)
        watch.start()
        await_settled(connection, worker)
        watch.stop()
        assert worker.stop() == 0
        return worker, watch.most_bytes


def assert_renditions_are_right(
    connection: Connection[DictRow], store: ObjectStore, pictures: Path
) -> None:
    rows = connection.execute(
        "select p.sku, b.sha256, b.renditions from likeness.products p"
        " join likeness.images i on i.product_id = p.id join likeness.blobs b"
        " on b.sha256 = i.blob_sha256"
    ).fetchall()
    for row in rows:
        with Image.open(pictures / row["sku"]) as source:
            upright = on_white(ImageOps.exif_transpose(source))
        # The second wave may have begun to add to them.
        first_wave = [
            r for r in row["renditions"] if r["preset"] in BOXES and r["format"] == "webp"
        ]
        assert {r["preset"] for r in first_wave} == set(BOXES), row["sku"]
        for rendition in first_wave:
            data = store.get(rendition_key(row["sha256"], rendition["recipe"], "webp"))
            assert_fits(row["sku"], upright, data, BOXES[rendition["preset"]])


def on_white(picture: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")


def assert_fits(name: str, source: Image.Image, data: bytes, box: tuple[int, int]) -> None:
    with Image.open(io.BytesIO(data)) as shown:
        shown.load()
        size = shown.size
        seen = on_white(shown)
    scale = min(1, box[0] / source.width, box[1] / source.height)
    assert abs(size[0] - source.width * scale) <= 1, (name, size, source.size)
    assert abs(size[1] - source.height * scale) <= 1, (name, size, source.size)
    # Upright and not mirrored: nearer to the source than to any other way of laying it.
    small = (16, 16)
    wanted = seen.resize(small)
    distances = [
        sum(ImageStat.Stat(ImageChops.difference(wanted, turned.resize(small))).mean)
        for turned in (source, *(source.transpose(way) for way in Image.Transpose))
    ]
    assert distances[0] <= min(distances) + 1, (name, distances)


def settings_for(base: Settings, minio: MinioServer | None) -> Settings:
    more: dict[str, object] = {"allowed_private_networks": "127.0.0.0/8", "log_format": "json"}
    if minio:
        more |= {
            "s3_endpoint": minio.endpoint,
            "s3_bucket": f"main-{time.monotonic_ns()}",
            "s3_access_key": minio.access_key,
            "s3_secret_key": SecretStr(minio.secret_key),
        }
    return Settings.model_validate(base.model_dump(exclude_unset=True) | more)


@pytest.fixture(params=["files", pytest.param("minio", marks=pytest.mark.real_s3)])
def job_settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    is_s3 = request.param == "minio"
    return settings_for(settings, request.getfixturevalue("minio") if is_s3 else None)


@pytest.mark.shared
@pytest.mark.slow
def test_every_photo_of_a_shop_is_mirrored_upright_and_to_size(
    job_settings: Settings, shared: Path, tmp_path: Path
) -> None:
    photos = shared / "images/dev/photos"
    names = sorted(path.name for path in photos.iterdir())
    worker, most_bytes = mirror(
        job_settings, photos, write_feed(tmp_path, names), tmp_path / "worker.log"
    )
    store = open_store(job_settings)
    with connect(job_settings, "test") as connection:
        statuses = connection.execute(
            "select status, count(*) as n from likeness.images group by 1"
        ).fetchall()
        assert statuses == [{"status": "completed", "n": len(names)}]
        assert_renditions_are_right(connection, store, photos)
        assert_checks_are_quiet(connection)
        assert_history_is_single(connection)
        assert_store_and_database_agree(connection, store)
    print(f"most memory of the worker and its children: {most_bytes / 1e6:.0f} MB")
    assert most_bytes < MOST_MEMORY_BYTES, worker.log


@pytest.mark.shared
@pytest.mark.slow
def test_every_bad_file_fails_with_a_reason_that_a_person_understands(
    job_settings: Settings, shared: Path, tmp_path: Path
) -> None:
    bad = shared / "images/dev/bad"
    with (shared / "images/dev/manifest.csv").open(newline="") as file:
        expected = {
            row["file"].removeprefix("bad/"): row["expected"]
            for row in csv.DictReader(file)
            if row["file"].startswith("bad/")
        }
    _, most_bytes = mirror(
        job_settings, bad, write_feed(tmp_path, sorted(expected)), tmp_path / "worker.log"
    )
    with connect(job_settings, "test") as connection:
        rows = connection.execute(
            "select p.sku, i.status, i.failure_reason, i.failure_text, r.meaning"
            " from likeness.images i join likeness.products p on p.id = i.product_id"
            " left join likeness.failure_reasons r on r.code = i.failure_reason"
        ).fetchall()
        assert len(rows) == len(expected)
        wrong = [
            row for row in rows if row["status"] != "failed" and expected[row["sku"]] != "either"
        ]
        assert not wrong
        failed = [row for row in rows if row["status"] == "failed"]
        assert all(row["meaning"] and row["failure_text"] for row in failed)
        assert not [row for row in failed if row["failure_reason"] == "internal-error"]
        assert_checks_are_quiet(connection)
        assert_history_is_single(connection)
        assert_store_and_database_agree(connection, open_store(job_settings))
    print(f"most memory of the worker and its children: {most_bytes / 1e6:.0f} MB")
    assert most_bytes < MOST_MEMORY_BYTES
