"""Cleanup, rollback, forced refresh, garbage collection and workers at once, all killed at will.

Products leave and return, pictures change, and whoever works on them dies at any instant. Whatever
was going on, afterwards every check of the schema is quiet and the store holds what is shown.
"""

import os
import random
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.invariants import assert_checks_are_quiet, assert_store_and_database_agree
from tests.shop import Shop
from tests.worker_process import WorkerProcess, await_settled, worker_process
from worker.db import connect
from worker.demo.pictures import draw_samples
from worker.demo.supplier import serve_samples
from worker.garbage import compare
from worker.settings import Settings, child_environment
from worker.storage import open_store

SECONDS = float(os.environ.get("LIKENESS_TEST_CHAOS_SECONDS", "25"))
PRODUCTS = 12
# On a busy machine a start takes long, and all of it must have happened.
_PATIENCE_SECONDS = 120.0

# A start of Python takes longer than what it does here: each process does it again and again.
_LOOPS = {
    "cleanup": """
import asyncio
from worker import periodic, upkeep
from worker.settings import load_settings
settings = load_settings()
async def clean_up():
    await periodic.register(settings, [upkeep.CLEANUP])
    while True:
        body = lambda turn: upkeep.clean_up(settings, turn)
        await periodic.run(settings, upkeep.CLEANUP, body, worker="chaos", is_scheduled=False)
asyncio.run(clean_up())
""",
    "rollback": """
from worker import db
from worker.settings import load_settings
with db.connect(load_settings(), "rollback") as connection:
    while True:
        row = connection.execute(
            "select restored from likeness.rollback_supplier("
            "'acme', likeness.clock() - random() * interval '15 seconds', dry_run => false)"
        ).fetchone()
        if row["restored"]:
            print("rolled back", row["restored"], flush=True)
""",
    "refresh": """
from worker import db
from worker.settings import load_settings
with db.connect(load_settings(), "refresh") as connection:
    while True:
        connection.execute(
            "select likeness.refresh_images(product_ids => array(select id from"
            " likeness.products where status = 'active' order by random() limit 3))"
        )
        connection.execute("select pg_sleep(0.1)")
""",
    "garbage": """
from worker import db, garbage
from worker.errors import Refused
from worker.settings import load_settings
from worker.storage import open_store
settings = load_settings()
with db.connect(settings, "gc") as connection, db.query_errors():
    while True:
        try:
            garbage.collect(settings, connection, open_store(settings))
        except Refused:
            pass  # the session of one that was killed still ends
""",
}


class Chaos:
    """The moving parts, and the dice that move them."""

    def __init__(self, settings: Settings, shop: Shop, paths: list[str], seed: int) -> None:
        self.settings = settings
        self.shop = shop
        self.paths = paths
        self.dice = random.Random(seed)
        self.log = settings.state_dir / "worker.log"
        self.loops: dict[str, subprocess.Popen[bytes]] = {}
        self.kills = dict.fromkeys([*_LOOPS, "worker"], 0)
        self.worker: WorkerProcess | None = None

    def change_something(self) -> None:
        """A product leaves or returns; some place has another source."""
        product = self.dice.randrange(PRODUCTS)
        status = self.dice.choice(["active", "active", "inactive", "deleted"])
        self.shop.execute(
            "update likeness.products set status = %s, status_changed_at = likeness.clock()"
            " where sku = %s and status <> %s",
            status,
            f"p{product}",
            status,
        )
        with self.shop.connection.transaction():
            image = self.shop.rows(
                "select i.id from likeness.images i join likeness.products p on p.id = i.product_id"
                " where i.status <> 'processing' and p.status = 'active'"
                " order by random() limit 1 for update of i skip locked"
            )
            if image:
                self.shop.execute(
                    "update likeness.images set source_url = %s, source_etag = null,"
                    " source_last_modified = null where id = %s",
                    self.dice.choice(self.paths),
                    image[0]["id"],
                )

    def turn(self, stack: ExitStack) -> None:
        """Keep everything running; kill some of it, at whatever it is doing."""
        for name, program in _LOOPS.items():
            process = self.loops.get(name)
            if process is None or process.poll() is not None:
                assert process is None or process.returncode == -9, self.output(name)
                with (self.settings.state_dir / f"{name}.log").open("ab") as output:
                    self.loops[name] = subprocess.Popen(
                        [sys.executable, "-c", program],
                        env=child_environment(self.settings),
                        stdout=output,
                        stderr=output,
                    )
            elif self.dice.random() < 0.01:
                self.kill(name)
                self.kills[name] += 1
        if self.worker is None or self.worker.process.poll() is not None:
            self.worker = stack.enter_context(worker_process(self.settings, self.log))
        elif self.dice.random() < 0.01:
            self.worker.kill()
            self.kills["worker"] += 1

    def kill(self, name: str) -> None:
        self.loops[name].kill()
        self.loops[name].wait()

    def output(self, name: str) -> str:
        return (self.settings.state_dir / f"{name}.log").read_text()[-3000:]

    def done(self) -> tuple[int, int]:
        """Pictures that were released, by runs that lived to say so, and rollbacks."""
        released = self.shop.value(
            "select coalesce(sum((counts ->> 'images')::int), 0)::int from likeness.periodic_runs"
            " where task = 'cleanup'"
        )
        return released, self.output("rollback").count("rolled back")

    def shows_something(self) -> bool:
        """Whether each was killed, and did something."""
        return all(self.kills.values()) and all(self.done())

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with ExitStack() as stack:
            steady = stack.enter_context(worker_process(self.settings, self.log))
            try:
                while time.monotonic() < end or not self.shows_something():
                    assert time.monotonic() < end + _PATIENCE_SECONDS, (self.kills, self.done())
                    self.change_something()
                    self.turn(stack)
                    time.sleep(self.dice.uniform(0.01, 0.1))
            finally:
                for name in self.loops:
                    self.kill(name)
            self.shop.execute("update likeness.products set status = 'active'")
            await_settled(self.shop.connection, steady)
            assert steady.stop() == 0


@pytest.mark.slow
def test_whoever_is_killed_during_upkeep_leaves_every_invariant_true(
    settings: Settings, tmp_path: Path
) -> None:
    chaotic = Settings.model_validate(
        settings.model_dump(exclude_unset=True)
        | {
            "allowed_private_networks": "127.0.0.0/8",
            "log_format": "json",
            "lease_seconds": 5,
            "render_processes": 1,
            "cleanup_days": 0,
            "history_days": 30 / 86400,
            "garbage_grace_days": 0.3 / 86400,
        }
    )
    chaotic.state_dir.mkdir(parents=True, exist_ok=True)
    samples = [sample for sample in draw_samples() if not sample.sku.startswith("BAD")]
    seed = random.SystemRandom().randrange(10**6)
    with serve_samples(samples) as base, connect(chaotic, "test") as connection:
        shop = Shop(connection, prefix=base, is_active=False, max_in_flight=16)
        for number in range(PRODUCTS):
            shop.add_product(f"p{number}", samples[number % len(samples)].path)
        shop.activate()
        chaos = Chaos(chaotic, shop, [sample.path for sample in samples], seed)
        chaos.run(SECONDS)
        released, rolled_back = chaos.done()
        print(f"seed {seed}: killed {chaos.kills}, {released} released, {rolled_back} rollbacks")
        assert_checks_are_quiet(connection)
        shown = shop.rows(
            "select p.sku, i.status, i.failure_reason, i.blob_sha256 from likeness.images i"
            " join likeness.products p on p.id = i.product_id"
        )
        assert {row["status"] for row in shown} == {"completed"}, shown
        store = open_store(chaotic)
        assert_store_and_database_agree(connection, store)
        assert compare(connection, store).missing == []
