"""A worker that is killed at any instant leaves the old truth or the new, and no litter."""

import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.invariants import (
    assert_checks_are_quiet,
    assert_history_is_single,
    assert_store_and_database_agree,
    states,
)
from tests.shop import Shop
from tests.worker_process import await_settled, worker_process
from worker import db
from worker.demo.pictures import Sample, draw_samples
from worker.demo.supplier import serve_samples
from worker.migrate import migrate
from worker.settings import Settings
from worker.storage import open_store

KILLS = 20


def _settings(database: str, folder: Path) -> Settings:
    return Settings(
        database_url=SecretStr(database),
        state_dir=folder,
        # Short, so that what a killed worker had in hand comes back while the test looks on.
        lease_seconds=3,
        allowed_private_networks="127.0.0.0/8",
        log_format="json",
    )


def _queue(connection: db.Connection, base: str, samples: Sequence[Sample]) -> None:
    shop = Shop(connection, prefix=base, is_active=False, max_in_flight=8)
    for sample in samples:
        shop.add_product(sample.sku, sample.path)
    shop.activate()


def _run_undisturbed(settings: Settings, base: str, samples: Sequence[Sample]) -> dict[str, object]:
    with (
        db.connect(settings, "test") as connection,
        worker_process(settings, settings.state_dir / "worker.log") as worker,
    ):
        _queue(connection, base, samples)
        await_settled(connection, worker)
        assert worker.stop() == 0
        return dict(states(connection))


def _run_with_kills(
    settings: Settings, base: str, samples: Sequence[Sample], seed: int
) -> dict[str, object]:
    dice = random.Random(seed)
    log = settings.state_dir / "worker.log"
    with db.connect(settings, "test") as connection:
        _queue(connection, base, samples)
        for _ in range(KILLS):
            with worker_process(settings, log) as worker:
                # From "not even started" to well into the run.
                time.sleep(dice.uniform(0.3, 2.5))
                worker.assert_alive()
                worker.kill()
        with worker_process(settings, log) as worker:
            await_settled(connection, worker)
            assert worker.stop() == 0
        assert_checks_are_quiet(connection)
        assert_history_is_single(connection)
        assert_store_and_database_agree(connection, open_store(settings))
        return dict(states(connection))


@pytest.mark.slow
def test_twenty_killed_workers_leave_every_picture_as_an_undisturbed_run_does(
    database: str, empty_database: str, tmp_path: Path
) -> None:
    migrate(empty_database)
    quiet, killed = tmp_path / "quiet", tmp_path / "killed"
    quiet.mkdir()
    killed.mkdir()
    samples = list(draw_samples())
    # Enough versions of the good ones that no run is over before its workers are killed.
    samples += [
        Sample(
            f"/more/{n}{sample.path}",
            sample.body + bytes([n]),
            sample.content_type,
            f"{sample.sku}-{n}",
            sample.name,
        )
        for n in range(1, 12)
        for sample in samples
        if not sample.sku.startswith("BAD")
    ]
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    with serve_samples(samples) as base:
        expected = _run_undisturbed(_settings(database, quiet), base, samples)
        found = _run_with_kills(_settings(empty_database, killed), base, samples, seed)
    assert found == expected
