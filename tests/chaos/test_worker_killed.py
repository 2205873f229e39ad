"""A worker that is killed at any instant leaves the old truth or the new, and no litter."""

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from tests.invariants import (
    assert_checks_are_quiet,
    assert_history_is_single,
    assert_store_and_database_agree,
    states,
)
from tests.real_parts import MinioServer
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


def _compare(quiet: Settings, killed: Settings, samples: Sequence[Sample]) -> None:
    for settings in (quiet, killed):
        settings.state_dir.mkdir()
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    with serve_samples(samples) as base:
        expected = _run_undisturbed(quiet, base, samples)
        found = _run_with_kills(killed, base, samples, seed)
    assert found == expected


@pytest.mark.slow
def test_twenty_killed_workers_leave_every_picture_as_an_undisturbed_run_does(
    database: str, empty_database: str, tmp_path: Path
) -> None:
    migrate(empty_database)
    drawn = list(draw_samples())
    # Enough versions of the good ones that no run is over before its workers are killed.
    more = [
        replace(
            sample,
            path=f"/more/{n}{sample.path}",
            body=sample.body + bytes([n]),
            sku=f"{sample.sku}-{n}",
        )
        for n in range(1, 12)
        for sample in drawn
        if not sample.sku.startswith("BAD")
    ]
    quiet = _settings(database, tmp_path / "quiet")
    killed = _settings(empty_database, tmp_path / "killed")
    _compare(quiet, killed, drawn + more)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.real_s3
def test_the_same_holds_for_real_photos_and_broken_files_through_a_real_store(
    database: str, empty_database: str, tmp_path: Path, shared: Path, minio: MinioServer
) -> None:
    migrate(empty_database)
    samples = [
        Sample(f"/{quote(path.name)}", path.read_bytes(), "image/jpeg", path.name, path.name)
        for kind in ("photos", "bad")
        for path in sorted((shared / "images/dev" / kind).iterdir())
    ]
    quiet, killed = (
        Settings.model_validate(
            _settings(where, tmp_path / name).model_dump(exclude_unset=True)
            | {
                "s3_endpoint": minio.endpoint,
                "s3_bucket": f"{name}-{time.monotonic_ns()}",
                "s3_access_key": minio.access_key,
                "s3_secret_key": minio.secret_key,
            }
        )
        for where, name in ((database, "quiet"), (empty_database, "killed"))
    )
    _compare(quiet, killed, samples)
