"""The limits of a host as the host itself sees them, whatever the number of workers.

``LIKENESS_TEST_POLITE_IMAGES`` is how many pictures are fetched; 50000 for the full run, which has
20 workers and 200 hosts.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.chaos.polite_origin import PICTURES, Running, address, polite_origin
from tests.invariants import assert_checks_are_quiet
from tests.shop import Shop
from tests.worker_process import WorkerProcess, worker_process
from worker.settings import Settings

IMAGES = int(os.environ.get("LIKENESS_TEST_POLITE_IMAGES", "300"))
IS_FULL = IMAGES >= 10_000
WORKERS, HOSTS = (20, 200) if IS_FULL else (3, 6)
IN_FLIGHT, INTERVAL = 2, timedelta(milliseconds=100)
# Of hosts that all have work, none gets much less than another; a few pictures tell little.
FAIR = 1.5 if IS_FULL else 2.5
SETTLE_SECONDS = 120 + IMAGES / 20


@pytest.fixture
def settings(settings: Settings) -> Settings:
    values = settings.model_dump(exclude_unset=True) | {
        "allowed_private_networks": "127.0.0.0/8",
        "log_format": "json",
        "render_processes": 1,
        "second_wave": False,
    }
    return Settings.model_validate(values)


@contextmanager
def _workers(settings: Settings, folder: Path, count: int) -> Iterator[list[WorkerProcess]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(worker_process(settings, folder / f"worker{n}.log"))
            for n in range(count)
        ]


def _queue(connection: Connection[DictRow], running: Running, paths: list[tuple[int, str]]) -> Shop:
    shop = Shop(
        connection,
        prefix=None,
        is_active=False,
        max_in_flight=IN_FLIGHT,
        min_interval=INTERVAL,
    )
    shop.execute(
        "update likeness.suppliers set allowed_ports = %s where id = %s",
        [running.port],
        shop.supplier_id,
    )
    with connection.cursor().copy(
        "copy likeness.products (supplier_id, dataset_id, sku) from stdin"
    ) as copy:
        for number in range(len(paths)):
            copy.write_row((shop.supplier_id, shop.dataset_id, f"p{number}"))
    first = shop.value("select min(id) from likeness.products")
    with connection.cursor().copy(
        "copy likeness.images (product_id, position, role, source_url) from stdin"
    ) as copy:
        for number, (host, path) in enumerate(paths):
            url = f"http://{address(host)}:{running.port}{path}"
            copy.write_row((first + number, 0, "hero", url))
    return shop


def _done(shop: Shop) -> Counter[str]:
    rows = shop.rows(
        "select h.host, count(*) filter (where i.status = 'completed') as n"
        " from likeness.images i join likeness.hosts h on h.id = i.host_id group by h.host"
    )
    return Counter({row["host"]: row["n"] for row in rows})


def _await_done(shop: Shop, workers: list[WorkerProcess], wanted: int) -> Counter[str]:
    """Until all are completed; returns what each host had done midway."""
    deadline = time.monotonic() + SETTLE_SECONDS
    midway: Counter[str] = Counter()
    while (n := _done(shop).total()) < wanted:
        assert time.monotonic() < deadline, f"{n} of {wanted} are done"
        if not midway and n >= wanted / 2:
            midway = _done(shop)
        for worker in workers:
            worker.assert_alive()
        time.sleep(0.25)
    return midway


def _assert_polite(running: Running, interval: timedelta = INTERVAL) -> None:
    for where, host in running.hosts.items():
        assert host["most_in_flight"] <= IN_FLIGHT, where
        assert host["most_connections"] <= IN_FLIGHT, where
        gap = host["least_gap_seconds"]
        assert gap is None or gap >= interval.total_seconds(), (where, gap)


def _describe(running: Running, midway: Counter[str], seconds: float) -> str:
    gaps = sorted(h["least_gap_seconds"] for h in running.hosts.values() if h["least_gap_seconds"])
    counts = sorted(midway.values())
    return (
        f"{IMAGES} pictures, {WORKERS} workers, {HOSTS} hosts in {seconds:.0f} s"
        f" ({IMAGES / seconds:.0f}/s): least gap {gaps[0] * 1000:.1f} ms,"
        f" most in flight {max(h['most_in_flight'] for h in running.hosts.values())},"
        f" most connections {max(h['most_connections'] for h in running.hosts.values())},"
        f" done midway {counts[0]} to {counts[-1]} a host"
    )


@pytest.mark.slow
def test_no_host_sees_more_requests_or_shorter_gaps_than_its_limits_allow(
    settings: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    paths = [(n % HOSTS, f"/p/{n % PICTURES}") for n in range(IMAGES)]
    with polite_origin(HOSTS, tmp_path) as running:
        shop = _queue(connection, running, paths)
        with _workers(settings, tmp_path, WORKERS) as workers:
            for worker in workers:
                worker.await_ready()
            shop.activate()
            began = time.monotonic()
            midway = _await_done(shop, workers, IMAGES)
            seconds = time.monotonic() - began
            assert [worker.stop() for worker in workers] == [0] * WORKERS
    print(_describe(running, midway, seconds))
    _assert_polite(running)
    assert sum(host["requests"] for host in running.hosts.values()) == IMAGES
    assert max(midway.values()) <= FAIR * min(midway.values())
    assert_checks_are_quiet(connection)


@pytest.mark.slow
def test_a_redirect_counts_at_the_host_that_it_leads_to(
    settings: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    # Three hosts send all their pictures to the fourth, which has some of its own.
    wanted = 36
    paths = [(n % 4, "/p/1" if n % 4 == 3 else "/hop/3/x") for n in range(wanted)]
    with polite_origin(4, tmp_path) as running:
        shop = _queue(connection, running, paths)
        with _workers(settings, tmp_path, 2) as workers:
            for worker in workers:
                worker.await_ready()
            shop.activate()
            _await_done(shop, workers, wanted)
    _assert_polite(running)
    assert running.hosts[address(3)]["requests"] == wanted
    assert_checks_are_quiet(connection)
