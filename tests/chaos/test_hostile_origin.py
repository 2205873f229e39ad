"""A hostile origin beside a good one: whose share is whose, flat memory, the right reasons.

``LIKENESS_TEST_CHAOS_SECONDS`` is how long the hostile one is at it; 300 for a full run.
"""

import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from urllib.parse import urlsplit

import psutil
import pytest
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import SecretStr

from tests.chaos import origins
from tests.invariants import assert_checks_are_quiet
from tests.shop import Shop
from tests.worker_process import WorkerProcess, count_moving, worker_process
from worker import db
from worker.settings import Settings

HOSTILE_SECONDS = float(os.environ.get("LIKENESS_TEST_CHAOS_SECONDS", "20"))
QUIET_SECONDS = max(5.0, HOSTILE_SECONDS / 10)
SLOTS = 16
SETTLE_SECONDS = 60.0
GOOD_IMAGES = 400
# Those that hold a slot until the deadline are more than there are slots.
STALLING_IMAGES, OTHER_IMAGES = 10, 4
# One hostile host beside one good host: half of the slots are its share.
SHARE = 0.5
NOISE = 0.1

Db = Connection[DictRow]


@dataclass
class Watch:
    """What was seen in one stretch of the run."""

    seconds: float
    good: int
    pss_bytes: list[int] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.good / self.seconds

    def thirds(self) -> tuple[float, float]:
        """Mean memory of the first and of the last third, in MB."""
        third = len(self.pss_bytes) // 3
        return mean(self.pss_bytes[:third]) / 1e6, mean(self.pss_bytes[-third:]) / 1e6


class Run:
    """One worker with work from both origins, kept busy by queueing again what is done."""

    def __init__(self, connection: Db, worker: WorkerProcess, good: str, hostile: str) -> None:
        self._connection = connection
        self._worker = worker
        self._hosts = {"good": urlsplit(good).netloc, "hostile": urlsplit(hostile).netloc}
        self.kinds: dict[int, str] = {}
        self._good = self._add("good", good, [origins.good_path(n) for n in range(GOOD_IMAGES)])
        paths = [
            origins.hostile_path(kind, number)
            for number in range(STALLING_IMAGES)
            for kind, (_, reason) in origins.hostile().items()
            if reason == "deadline" or number < OTHER_IMAGES
        ]
        self._hostile = self._add("hostile", hostile, paths)
        self.kinds = {
            image: path.split("/")[1] for image, path in zip(self._hostile, paths, strict=True)
        }

    def _add(self, supplier: str, base: str, paths: Sequence[str]) -> list[int]:
        shop = Shop(self._connection, supplier, prefix=base, is_active=False, max_in_flight=SLOTS)
        shop.execute("update likeness.suppliers set max_attempts = 1")
        products = [shop.add_product(path, path) for path in paths]
        return [shop.image(product)["id"] for product in products]

    def _queue(self, images: list[int]) -> None:
        self._connection.execute(
            "select likeness.queue_images(array(select id from likeness.images"
            " where id = any(%s) and queued_at is null and claimed_by is null))",
            [images],
        )

    def watch(self, seconds: float, *, is_hostile: bool) -> Watch:
        """Keep the queue full for a while."""
        started, before = time.monotonic(), self._finished()
        watch = Watch(0, 0)
        while time.monotonic() - started < seconds:
            self._queue(self._good)
            if is_hostile:
                self._queue(self._hostile)
                self._close_breaker()
            watch.pss_bytes.append(_pss_of(self._worker.process.pid))
            self._worker.assert_alive()
            time.sleep(0.2)
        watch.good = self._finished() - before
        watch.seconds = time.monotonic() - started
        return watch

    def _close_breaker(self) -> None:
        # It would end the attack: a worse attacker has as many hosts as it likes.
        self._connection.execute(
            "select likeness.resume_host(host) from likeness.hosts"
            " where host = %s and blocked_until is not null",
            [self._hosts["hostile"]],
        )

    def settle(self) -> None:
        """Let everything that waits come to its end."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while (moving := count_moving(self._connection)) and time.monotonic() < deadline:
            self._close_breaker()
            self._worker.assert_alive()
            time.sleep(0.1)
        assert not moving, f"{moving} pictures did not settle"

    def _finished(self) -> int:
        row = self._connection.execute(
            "select coalesce(sum(fetches - faults), 0)::int as n from likeness.hosts"
            " where host = %s",
            [self._hosts["good"]],
        ).fetchone()
        assert row
        return int(row["n"])

    def outcomes(self) -> Iterator[tuple[str, str]]:
        """Kind and reason of each picture, good ones included, as the worker's log has them."""
        for line in self._worker.log.read_text().splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            if entry.get("event") == "picture":
                outcome = entry.get("reason") or entry["outcome"]
                yield self.kinds.get(entry["image"], "good"), outcome


def _pss_of(pid: int) -> int:
    total = 0
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue  # a renderer was just replaced
    return total


def _report(before: Watch, during: Watch, after: Watch, outcomes: Counter[tuple[str, str]]) -> None:
    first, last = during.thirds()
    print(
        f"\ngood alone {before.rate:.1f}/s, beside the hostile one {during.rate:.1f}/s for"
        f" {during.seconds:.0f} s, alone again {after.rate:.1f}/s;"
        f" memory {first:.0f} MB in the first third, {last:.0f} MB in the last"
    )
    for (kind, outcome), count in sorted(outcomes.items()):
        print(f"  {kind:<16} {outcome:<20} {count:>6}")


@pytest.mark.slow
def test_a_hostile_origin_takes_no_more_than_its_share(database: str, tmp_path: Path) -> None:
    settings = Settings(
        database_url=SecretStr(database),
        state_dir=tmp_path,
        allowed_private_networks="127.0.0.0/8",
        fetch_concurrency=SLOTS,
        claim_batch=SLOTS,
        fetch_deadline_seconds=2.5,
        fetch_max_bytes=origins.MAX_BYTES,
        log_format="json",
    )
    with (
        origins.running("good", "127.0.0.2") as good,
        origins.running("hostile", "127.0.0.3") as hostile,
        db.connect(settings, "test") as connection,
        worker_process(settings, tmp_path / "worker.log") as worker,
    ):
        run = Run(connection, worker, good, hostile)
        run.watch(3, is_hostile=False)  # the first pictures of each kind, and a warm worker
        before = run.watch(QUIET_SECONDS, is_hostile=False)
        during = run.watch(HOSTILE_SECONDS, is_hostile=True)
        run.settle()
        after = run.watch(QUIET_SECONDS, is_hostile=False)
        run.settle()
        assert worker.stop() == 0
        assert_checks_are_quiet(connection)

    outcomes = Counter(run.outcomes())
    _report(before, during, after, outcomes)
    found = defaultdict(set)
    for kind, outcome in outcomes:
        found[kind].add(outcome)
    assert found.pop("good") == {"stored", "reused"}
    assert found == {kind: {reason} for kind, (_, reason) in origins.hostile().items()}
    alone = mean([before.rate, after.rate])
    assert during.rate >= alone * (1 - SHARE) * (1 - NOISE)
    first, last = during.thirds()
    assert last <= first * 1.1 + 10
