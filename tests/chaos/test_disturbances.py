"""Whatever breaks around the workers, every picture ends as in an undisturbed run.

A run is a few dozen good pictures, each of whose end is known beforehand: its own bytes, shown
once. ``LIKENESS_TEST_CHAOS_KILLS`` is how many workers are killed in all (500 for a full run).
"""

import hashlib
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from tests import postgres_servers
from tests.chaos.wire import Wire
from tests.invariants import (
    assert_checks_are_quiet,
    assert_history_is_single,
    assert_store_and_database_agree,
    count_states,
    states,
)
from tests.real_parts import MinioServer
from tests.shop import Shop
from tests.worker_process import WorkerProcess, worker_process
from worker import db
from worker.demo.pictures import Sample, draw_samples
from worker.demo.supplier import serve_samples
from worker.embedded import EmbeddedPostgres
from worker.garbage import collect, compare
from worker.migrate import migrate
from worker.settings import Settings
from worker.storage import open_store

KILLS = int(os.environ.get("LIKENESS_TEST_CHAOS_KILLS", "6"))
COPIES = 1
LEASE_SECONDS = 3.0
SETTLE_SECONDS = 120.0


def draw_good(copies: int) -> list[Sample]:
    """Pictures of which no two are the same bytes."""
    return [
        replace(
            sample,
            path=f"/{n}{sample.path}",
            body=sample.body + f" copy {n}".encode(),
            sku=f"{sample.sku}-{n}",
        )
        for n in range(copies)
        for sample in draw_samples()
        if not sample.sku.startswith("BAD")
    ]


@dataclass
class Run:
    """A run that is disturbed: its parts, and what must hold at its end."""

    settings: Settings
    shop: Shop
    samples: Sequence[Sample]
    folder: Path
    stack: ExitStack
    dice: random.Random
    workers: list[WorkerProcess] = field(default_factory=list)
    at_work: int = 0

    def start_worker(self, **changes: object) -> WorkerProcess:
        settings = Settings.model_validate(
            self.settings.model_dump(exclude_unset=True) | {"log_format": "json", **changes}
        )
        log = self.folder / f"worker{len(self.workers)}.log"
        worker = self.stack.enter_context(worker_process(settings, log))
        self.workers.append(worker)
        return worker

    def done(self) -> int:
        return count_states(self.shop.connection)["completed"]

    def await_done(self, wanted: int) -> None:
        """Until so many pictures are completed."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while (n := self.done()) < wanted:
            assert time.monotonic() < deadline, f"{n} of {wanted}\n{self._tail()}"
            time.sleep(0.05)

    def pause(self, most: float) -> None:
        """An instant that nobody chose."""
        time.sleep(self.dice.uniform(0, most))

    def finish(self) -> None:
        """Let all end, and look at everything."""
        self.await_done(len(self.samples))
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.await_ready()
                assert worker.stop() == 0, worker.log.read_text()[-2000:]
        self.assert_undisturbed()

    def assert_undisturbed(self) -> None:
        connection, store = self.shop.connection, open_store(self.settings)
        assert states(connection) == {
            sample.sku: ("completed", None, hashlib.sha256(sample.body).hexdigest())
            for sample in self.samples
        }
        assert_checks_are_quiet(connection)
        assert_history_is_single(connection)
        assert_store_and_database_agree(connection, store)
        found = compare(connection, store)
        assert (found.missing, found.unknown) == ([], [])

    def events(self) -> list[str]:
        return [
            json.loads(line)["event"]
            for worker in self.workers
            for line in worker.log.read_text().splitlines()
            if line.startswith("{")
        ]

    def _tail(self) -> str:
        return "\n".join(worker.log.read_text()[-1500:] for worker in self.workers)


@contextmanager
def disturbed(settings: Settings, folder: Path, copies: int = COPIES) -> Iterator[Run]:
    """Pictures are queued, no worker runs yet."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    folder.mkdir(exist_ok=True)
    samples = draw_good(copies)
    with ExitStack() as stack:
        base = stack.enter_context(serve_samples(samples))
        connection = stack.enter_context(db.connect(settings, "test"))
        shop = Shop(connection, prefix=base, is_active=False, max_in_flight=8)
        for sample in samples:
            shop.add_product(sample.sku, sample.path)
        shop.activate()
        yield Run(settings, shop, samples, folder, stack, random.Random(seed))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    changes = {
        "allowed_private_networks": "127.0.0.0/8",
        "lease_seconds": LEASE_SECONDS,
        "render_processes": 1,
        "second_wave": False,
    }
    return Settings.model_validate(settings.model_dump(exclude_unset=True) | changes)


@pytest.mark.slow
def test_killed_workers_lose_nothing(settings: Settings, tmp_path: Path) -> None:
    crowd = 4 if KILLS > 20 else 2
    with disturbed(settings, tmp_path, copies=2) as run:
        living = [run.start_worker() for _ in range(crowd)]
        for _ in range(KILLS):
            run.pause(1.6 if KILLS > 20 else 2.5)
            victim = run.dice.randrange(crowd)
            name = f"{settings.worker_name}/%"
            run.at_work += run.shop.value(IN_HAND_OF, name) > 0
            living[victim].kill()
            living[victim] = run.start_worker()
            # Fetched afresh and found to be known: history must not grow.
            run.shop.value(AGAIN)
        run.finish()
        print(f"{KILLS} workers killed, {run.at_work} while pictures were in hand")


IN_HAND_OF = "select count(*) from likeness.images where claimed_by like %s"
AGAIN = (
    "select likeness.queue_images(array("
    "select id from likeness.images where status = 'completed' order by random() limit 20))"
)


@pytest.mark.slow
def test_two_workers_of_one_name_lose_nothing_when_one_is_killed(
    settings: Settings, tmp_path: Path
) -> None:
    with disturbed(settings, tmp_path) as run:
        twins = [run.start_worker(worker_name="twin") for _ in range(2)]
        run.await_done(2)
        twins[0].kill()
        run.finish()
        names = {r["worker"] for r in run.shop.rows("select worker from likeness.worker_status")}
        assert names == {"twin/1", "twin/2"}


@pytest.mark.slow
def test_a_claim_whose_answer_was_lost_runs_out_under_its_living_worker(
    settings: Settings, tmp_path: Path
) -> None:
    with disturbed(settings, tmp_path) as run:
        # As when a connection breaks after the commit: claimed, and nobody knows.
        worker = run.start_worker()
        worker.await_ready()
        [row] = run.shop.rows("select worker from likeness.worker_status")
        run.await_done(len(run.samples))
        with run.shop.connection.transaction():
            run.shop.execute(
                "select likeness.queue_images(array(select id from likeness.images limit 3))"
            )
            assert len(run.shop.claim(row["worker"], lease="3 seconds")) == 3
        assert run.done() == len(run.samples) - 3
        run.finish()


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that may be broken: it keeps its data, as one in production does."""
    with postgres_servers.short_folder() as folder:
        postgres = EmbeddedPostgres(folder / "data")
        postgres.start()
        try:
            postgres.create_database("likeness")
            migrate(postgres.conninfo("likeness"))
            yield postgres
        finally:
            postgres.stop(immediate=True)


def _on(settings: Settings, conninfo: str) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(conninfo)})


@pytest.mark.slow
def test_a_database_that_crashes_loses_nothing(
    settings: Settings, own_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    here = _on(settings, own_postgres.conninfo("likeness"))
    with disturbed(here, tmp_path / "run") as run:
        run.start_worker()
        for share in (0.1, 0.5):
            run.await_done(int(len(run.samples) * share))
            run.pause(0.3)
            own_postgres.stop(immediate=True)
            run.pause(0.5)
            own_postgres.start()
            # The test's own session went with it.
            run.shop.connection = run.stack.enter_context(db.connect(here, "test"))
        run.finish()
        assert "database away" in run.events()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cut", "stall"])
def test_a_network_that_fails_between_worker_and_database_loses_nothing(
    settings: Settings, tmp_path: Path, how: str
) -> None:
    assert settings.database_url
    settings_url = settings.database_url.get_secret_value()
    server = conninfo_to_dict(settings_url)
    with (
        Wire(f"{server['host']}/.s.PGSQL.{server['port']}").open() as wire,
        disturbed(settings, tmp_path) as run,
    ):
        through = make_conninfo(settings_url, host="127.0.0.1", port=wire.port)
        run.start_worker(database_url=through)
        for share in (0.1, 0.5):
            run.await_done(int(len(run.samples) * share))
            run.pause(0.2)
            getattr(wire, how)()
            # Longer than a lease: what was in hand is another's by then.
            time.sleep(LEASE_SECONDS * 1.2)
            run.shop.rows("select * from likeness.tend_queue()")
            wire.mend()
        run.finish()


@pytest.mark.slow
@pytest.mark.real_s3
def test_a_store_that_goes_away_fails_no_picture(
    settings: Settings, tmp_path: Path, minio: MinioServer
) -> None:
    host, port = minio.endpoint.removeprefix("http://").split(":")
    bucket = {"s3_bucket": f"chaos-{time.monotonic_ns()}"}
    keys = {"s3_access_key": minio.access_key, "s3_secret_key": minio.secret_key}
    direct = Settings.model_validate(
        settings.model_dump(exclude_unset=True) | bucket | keys | {"s3_endpoint": minio.endpoint}
    )
    open_store(direct).ensure_ready()
    with Wire((host, int(port))).open() as wire, disturbed(direct, tmp_path) as run:
        run.start_worker(s3_endpoint=f"http://127.0.0.1:{wire.port}")
        run.await_done(3)
        wire.cut()
        _await(lambda: "object store failed; pausing" in run.events(), "it noticed nothing")
        wire.mend()
        run.finish()


_JUMPING_CLOCK = """
create or replace function likeness.clock() returns timestamptz language sql stable parallel safe
begin atomic
  select clock_timestamp() + (select max(by) from public.clock_jump);
end
"""


@pytest.mark.slow
def test_a_clock_that_jumps_loses_nothing(settings: Settings, tmp_path: Path) -> None:
    with disturbed(settings, tmp_path) as run:
        run.shop.execute("create table public.clock_jump as select interval '0' as by")
        run.shop.execute(_JUMPING_CLOCK)
        run.start_worker()
        run.start_worker()
        for hours in (2, -1, 3):
            run.await_done(min(len(run.samples), run.done() + 5))
            run.shop.execute(
                "update public.clock_jump set by = by + make_interval(hours => %s)", hours
            )
        run.finish()


def _freeze(worker: WorkerProcess) -> None:
    os.killpg(worker.process.pid, signal.SIGSTOP)


def _thaw(worker: WorkerProcess) -> None:
    os.killpg(worker.process.pid, signal.SIGCONT)


def _await(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.slow
def test_a_worker_that_stops_for_longer_than_its_lease_changes_nothing_afterwards(
    settings: Settings, tmp_path: Path
) -> None:
    with disturbed(settings, tmp_path) as run:
        frozen = run.start_worker()
        run.await_done(3)
        in_hand = "select count(*) from likeness.images where claimed_by = 'test/1'"
        _await(lambda: run.shop.value(in_hand), "the worker has nothing in hand")
        _freeze(frozen)
        held = run.shop.value(in_hand)
        run.start_worker()
        run.await_done(len(run.samples))
        run.assert_undisturbed()
        before = run.shop.rows("select * from likeness.images order by id")
        history = run.shop.value("select count(*) from likeness.image_history")
        _thaw(frozen)
        if held:
            _await(lambda: "claim lost" in run.events() or _outcomes(frozen, "claim lost"), "lost")
        run.finish()
        assert run.shop.rows("select * from likeness.images order by id") == before
        assert run.shop.value("select count(*) from likeness.image_history") == history


def _outcomes(worker: WorkerProcess, outcome: str) -> bool:
    return f'"outcome": "{outcome}"' in worker.log.read_text()


@pytest.mark.slow
def test_objects_that_a_stopped_worker_puts_after_its_bytes_were_deleted_are_known(
    settings: Settings, tmp_path: Path
) -> None:
    # The picture is gone, garbage collection has deleted what was half stored, and only then does
    # the worker go on and put its objects.
    garbage = settings.model_copy(update={"garbage_grace_days": 0.0, "history_days": 0.0})
    with disturbed(garbage, tmp_path) as run:
        frozen = run.start_worker()
        storing = "select count(*) from likeness.blobs where status = 'storing'"
        _await(lambda: run.shop.value(storing), "nothing is being stored")
        _freeze(frozen)
        now = "likeness.clock()"
        run.shop.execute(
            f"update likeness.blobs set storing_expires_at = {now} where status = 'storing'"
        )
        run.shop.execute(
            f"update likeness.images set claim_expires_at = {now} where claimed_by is not null"
        )
        run.shop.value("select likeness.requeue_expired()")
        run.shop.execute("delete from likeness.products")
        collect(garbage, run.shop.connection, open_store(garbage))
        assert run.shop.value(storing) == 0
        _thaw(frozen)
        assert frozen.stop() == 0
        found = compare(run.shop.connection, open_store(garbage))
        assert (found.missing, found.unknown) == ([], [])
