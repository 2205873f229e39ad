"""Garbage collection beside imports that want the same bytes again, all of them killed at will.

Places change their pictures all the time among a few, so that bytes are condemned, saved, deleted
and stored anew at the same moments. Afterwards no object that is referred to may be missing, and
none may be left that nothing refers to.
"""

import os
import random
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.invariants import (
    assert_checks_are_quiet,
    assert_store_and_database_agree,
    count_states,
)
from tests.shop import Shop
from tests.worker_process import WorkerProcess, await_settled, worker_process
from worker.db import connect
from worker.demo.pictures import draw_samples
from worker.demo.supplier import serve_samples
from worker.garbage import collect, compare
from worker.settings import Settings, child_environment
from worker.storage import open_store

SECONDS = float(os.environ.get("LIKENESS_TEST_CHAOS_SECONDS", "40"))
PRODUCTS = 8
GRACE_DAYS = 0.3 / 86400


class Chaos:
    """The moving parts, and the dice that move them."""

    def __init__(self, settings: Settings, shop: Shop, paths: list[str], seed: int) -> None:
        self.settings = settings
        self.shop = shop
        self.paths = paths
        self.dice = random.Random(seed)
        self.log = settings.state_dir / "worker.log"
        self.collector: subprocess.Popen[bytes] | None = None
        self.worker: WorkerProcess | None = None
        self.kills = {"worker": 0, "collector": 0}
        self.runs = 0

    def change_a_picture(self) -> None:
        """Some place wants another picture, perhaps one that is being deleted."""
        with self.shop.connection.transaction():
            image = self.shop.rows(
                "select id from likeness.images where status <> 'processing'"
                " order by random() limit 1 for update skip locked"
            )
            if image:
                self.shop.execute(
                    "update likeness.images set source_url = %s, source_etag = null,"
                    " source_last_modified = null where id = %s",
                    self.dice.choice(self.paths),
                    image[0]["id"],
                )
                self.shop.value("select likeness.queue_images(array[%s::bigint])", image[0]["id"])

    def turn_collector(self) -> None:
        """Keep a collector running; sometimes kill it, at whatever it is doing."""
        if self.collector and self.collector.poll() is None:
            if self.dice.random() < 0.015:
                self.collector.kill()
                self.collector.wait()
                self.kills["collector"] += 1
            return
        self.runs += 1
        with (self.settings.state_dir / "gc.log").open("ab") as output:
            self.collector = subprocess.Popen(
                [sys.executable, "-c", _COLLECT],
                env=child_environment(self.settings),
                stdout=output,
                stderr=output,
            )

    def turn_worker(self, stack: ExitStack) -> None:
        """Keep a worker running; sometimes kill it."""
        if self.worker is None or self.worker.process.poll() is not None:
            self.worker = stack.enter_context(worker_process(self.settings, self.log))
        elif self.dice.random() < 0.02:
            self.worker.kill()
            self.kills["worker"] += 1

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with ExitStack() as stack:
            steady = stack.enter_context(worker_process(self.settings, self.log))
            while time.monotonic() < end:
                self.change_a_picture()
                self.turn_collector()
                self.turn_worker(stack)
                time.sleep(self.dice.uniform(0.01, 0.1))
            if self.collector:
                self.collector.kill()
                self.collector.wait()
            await_settled(self.shop.connection, steady)
            assert steady.stop() == 0


# A start of Python takes longer than a collection: one process collects again and again.
_COLLECT = """
from worker import db, garbage
from worker.errors import Refused
from worker.settings import load_settings
from worker.storage import open_store
settings = load_settings()
with db.connect(settings, "gc") as connection, db.query_errors():
    for _ in range(200):
        try:
            garbage.collect(settings, connection, open_store(settings))
        except Refused:
            pass  # the session of one that was killed still ends
"""


def _deleted(settings: Settings) -> int:
    return (settings.state_dir / "gc.log").read_text().count("bytes deleted")


def _await_nothing_in_hand(connection: Connection[DictRow], settings: Settings) -> None:
    """Until leases of the dead and the grace period have run out, and all garbage is gone."""
    deadline = time.monotonic() + 60
    store = open_store(settings)
    while time.monotonic() < deadline:
        collect(settings, connection, store)
        left = connection.execute(
            "select count(*) as n from likeness.blobs where status <> 'stored'"
        ).fetchone()
        if left and left["n"] == 0:
            return
        time.sleep(0.5)
    raise AssertionError("garbage is left")


@pytest.mark.slow
def test_collection_and_import_of_the_same_bytes_leave_all_that_is_shown_and_nothing_else(
    settings: Settings, tmp_path: Path
) -> None:
    chaotic = Settings.model_validate(
        settings.model_dump(exclude_unset=True)
        | {
            "allowed_private_networks": "127.0.0.0/8",
            "log_format": "json",
            "lease_seconds": 5,
            "render_processes": 2,
            "history_days": 0,
            "garbage_grace_days": GRACE_DAYS,
        }
    )
    chaotic.state_dir.mkdir(parents=True, exist_ok=True)
    samples = [sample for sample in draw_samples() if not sample.sku.startswith("BAD")]
    seed = random.SystemRandom().randrange(10**6)
    with serve_samples(samples) as base, connect(chaotic, "test") as connection:
        shop = Shop(connection, prefix=base, is_active=False, max_in_flight=16)
        for number in range(PRODUCTS):
            shop.add_product(f"p{number}", samples[number].path)
        shop.activate()
        chaos = Chaos(chaotic, shop, [sample.path for sample in samples], seed)
        chaos.run(SECONDS)
        deleted = _deleted(chaotic)
        print(f"seed {seed}: killed {chaos.kills}, {chaos.runs} collectors, {deleted} deletions")
        assert deleted > 5, "hardly anything was ever deleted: the test shows nothing"
        assert all(chaos.kills.values())
        assert count_states(connection) == {"completed": PRODUCTS}
        _await_nothing_in_hand(connection, chaotic)
        store = open_store(chaotic)
        assert_checks_are_quiet(connection)
        assert_store_and_database_agree(connection, store)
        found = compare(connection, store)
        assert (found.missing, found.unknown) == ([], [])
        shown = {
            r["sha256"] for r in shop.rows("select blob_sha256 as sha256 from likeness.images")
        }
        assert shown == {r["sha256"] for r in shop.rows("select sha256 from likeness.blobs")}
