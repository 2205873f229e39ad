"""The second wave: which sizes are missing, and that a real worker makes them of real bytes."""

import io
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from psycopg import Connection
from psycopg.rows import DictRow

from tests.invariants import assert_checks_are_quiet, assert_store_and_database_agree
from tests.shop import Shop
from tests.worker_process import WorkerProcess, await_settled, worker_process
from worker.demo.pictures import draw_samples
from worker.demo.supplier import serve_samples
from worker.pixels.renditions import EXTENSIONS, Preset, recipe
from worker.queue import RenditionClaim
from worker.second_wave import Sizes
from worker.settings import Settings
from worker.storage import ObjectStore, open_store, rendition_key

ALL = ("webp", "avif", "jpeg")


def preset(name: str, side: int, *formats: str) -> Preset:
    return Preset(name, side, side, formats, 85, 2)


SIZES = Sizes(
    (preset("medium", 800, "webp"), preset("thumb", 200, "webp")),
    (
        preset("thumbnail", 150, *ALL),
        preset("thumb", 200, "avif", "jpeg"),
        preset("small", 400, *ALL),
        preset("medium", 800, "avif", "jpeg"),
        preset("large", 1200, *ALL),
    ),
)


def blob(width: int, height: int, *there: Preset) -> RenditionClaim:
    listed = [
        {"preset": p.name, "format": format, "recipe": recipe(p, format)}
        for p in there
        for format in p.formats
    ]
    return RenditionClaim("a" * 64, "jpeg", width, height, listed)


def missing(claim: RenditionClaim) -> set[tuple[str, str]]:
    return {(p.name, format) for p in SIZES.missing_from(claim) for format in p.formats}


def test_a_large_picture_gets_every_size_in_every_format() -> None:
    found = missing(blob(3000, 2000, *SIZES.first))
    assert found == {(p.name, format) for p in SIZES.late for format in p.formats}


def test_a_small_picture_gets_no_size_twice() -> None:
    # 500 x 300 lies below medium and large, which would come out alike.
    found = missing(blob(500, 300, *SIZES.first))
    assert ("large", "webp") not in found
    assert [name for name, format in found if format == "avif" and name in ("medium", "large")] == [
        "medium"
    ]
    # At 90 x 60 nothing is smaller than the picture itself.
    assert missing(blob(90, 60, *SIZES.first)) == {("thumbnail", "avif"), ("thumbnail", "jpeg")}


def test_what_exists_is_not_made_again_but_for_a_new_recipe() -> None:
    assert missing(blob(3000, 2000, *SIZES.first, *SIZES.late)) == set()
    old = Preset("medium", 800, 800, ("webp",), 70, 2)
    assert missing(blob(3000, 2000, old, SIZES.first[1], *SIZES.late)) == {("medium", "webp")}


def await_second_wave(connection: Connection[DictRow], worker: WorkerProcess) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        worker.assert_alive()
        row = connection.execute(
            "select count(*) as n from likeness.rendition_queue where status = 'waiting'"
        ).fetchone()
        if row and row["n"] == 0:
            return
        time.sleep(0.2)
    raise AssertionError(f"the second wave does not end:\n{worker.log.read_text()[-3000:]}")


def assert_every_rendition_is_what_it_says(store: ObjectStore, blobs: list[dict[str, Any]]) -> None:
    for row in blobs:
        for listed in row["renditions"]:
            key = rendition_key(row["sha256"], listed["recipe"], EXTENSIONS[listed["format"]])
            data = store.get(key)
            assert len(data) == listed["bytes"]
            with Image.open(io.BytesIO(data)) as picture:
                assert picture.format == listed["format"].upper()
                assert picture.size == (listed["width"], listed["height"])


def test_an_idle_worker_makes_the_second_wave(
    settings: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    open_settings = Settings.model_validate(
        settings.model_dump(exclude_unset=True)
        | {"allowed_private_networks": "127.0.0.0/8", "log_format": "json"}
    )
    samples = [sample for sample in draw_samples() if not sample.sku.startswith("BAD")][:3]
    with (
        serve_samples(samples) as base,
        worker_process(open_settings, tmp_path / "worker.log") as worker,
    ):
        shop = Shop(connection, prefix=base, is_active=False)
        products = [shop.add_product(sample.sku, sample.path) for sample in samples]
        shop.activate()
        await_settled(connection, worker)
        await_second_wave(connection, worker)
        assert worker.stop() == 0
    blobs = shop.rows("select sha256, renditions from likeness.blobs")
    made = {(r["preset"], r["format"]) for row in blobs for r in row["renditions"]}
    assert made == {
        (name, format)
        for name in ("thumbnail", "thumb", "small", "medium", "large")
        for format in ALL
    }
    assert_every_rendition_is_what_it_says(open_store(open_settings), blobs)
    for shown in shop.rows("select srcset from likeness.resolve_display_urls(%s)", products):
        assert set(shown["srcset"]) == set(ALL)
        widths = [part.rsplit(" ", 1)[1] for part in shown["srcset"]["avif"].split(", ")]
        assert len(widths) == len(set(widths)) == 5
    assert_checks_are_quiet(connection)
    assert_store_and_database_agree(connection, open_store(open_settings))


def test_a_worker_whose_second_wave_is_off_leaves_it_to_others(
    settings: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    open_settings = Settings.model_validate(
        settings.model_dump(exclude_unset=True)
        | {"allowed_private_networks": "127.0.0.0/8", "second_wave": False}
    )
    sample = next(draw_samples())
    with (
        serve_samples([sample]) as base,
        worker_process(open_settings, tmp_path / "worker.log") as worker,
    ):
        shop = Shop(connection, prefix=base, is_active=False)
        shop.add_product(sample.sku, sample.path)
        shop.activate()
        await_settled(connection, worker)
        time.sleep(3)
        assert worker.stop() == 0
    row = shop.rows("select attempts, claimed_by from likeness.rendition_queue")
    assert row == [{"attempts": 0, "claimed_by": None}]


@pytest.mark.parametrize("size", [(1400, 1100), (90, 60)])
def test_the_first_wave_is_always_listed_first(size: tuple[int, int]) -> None:
    assert SIZES.missing_from(blob(*size))[:2] == SIZES.first
