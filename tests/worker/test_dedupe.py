"""The same picture under many addresses is decoded and stored once, whoever meets it."""

import json
from collections import Counter
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.invariants import (
    assert_checks_are_quiet,
    assert_history_is_single,
    assert_store_and_database_agree,
    count_states,
)
from tests.shop import Shop
from tests.worker_process import await_settled, worker_process
from worker.demo.pictures import Sample, draw_samples
from worker.demo.supplier import serve_samples
from worker.settings import Settings
from worker.storage import open_store

PRODUCTS, PICTURES = 1000, 100


def copies() -> list[Sample]:
    """One address a product; the pictures come round in turn, so that two workers meet each."""
    drawn = [sample for sample in draw_samples() if not sample.sku.startswith("BAD")]
    return [
        Sample(
            f"/{number}.jpg",
            drawn[which % len(drawn)].body + which.to_bytes(2, "big"),
            drawn[which % len(drawn)].content_type,
            f"P{number}",
            "Copy",
        )
        for number in range(PRODUCTS)
        for which in [number % PICTURES]
    ]


def outcomes(*logs: Path) -> Counter[str]:
    """How many pictures the workers stored (rendered), reused and so on, by their logs."""
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    return Counter(line["outcome"] for line in lines if line.get("event") == "picture")


@pytest.mark.slow
def test_a_thousand_products_over_a_hundred_pictures_are_a_hundred_renders(
    settings: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    open_settings = Settings.model_validate(
        settings.model_dump(exclude_unset=True)
        | {"allowed_private_networks": "127.0.0.0/8", "log_format": "json", "second_wave": False}
    )
    logs = (tmp_path / "one.log", tmp_path / "two.log")
    samples = copies()
    with (
        serve_samples(samples) as base,
        worker_process(open_settings, logs[0]) as one,
        worker_process(open_settings, logs[1]) as two,
    ):
        shop = Shop(connection, prefix=base, is_active=False, max_in_flight=64)
        for sample in samples:
            shop.add_product(sample.sku, sample.path)
        shop.activate()
        await_settled(connection, one)
        assert (one.stop(), two.stop()) == (0, 0)
    assert count_states(connection) == {"completed": PRODUCTS}
    assert outcomes(*logs) == {"stored": PICTURES, "reused": PRODUCTS - PICTURES}
    assert all(outcomes(log)["stored"] for log in logs), "one worker did it all"
    assert shop.value("select count(*) from likeness.blobs where status = 'stored'") == PICTURES
    assert_checks_are_quiet(connection)
    assert_history_is_single(connection)
    assert_store_and_database_agree(connection, open_store(open_settings))
