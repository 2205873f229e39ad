"""What a claim reads: no row of a host that may not be called, no dead entry twice, and yet all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop, fault

Db = Connection[DictRow]


@pytest.fixture
def shop(connection: Db) -> Shop:
    return Shop(connection)


def entries_read(shop: Shop, index: str, act: Callable[[], object]) -> int:
    """Index entries, dead ones too, that this session reads while it acts."""
    query = "select idx_tup_read from pg_stat_user_indexes where indexrelname = %s"
    shop.execute("select pg_stat_force_next_flush()")
    before = shop.value(query, index)
    act()
    shop.execute("select pg_stat_force_next_flush()")
    return int(shop.value(query, index)) - int(before)


def fill(shop: Shop, host: str, pictures: int) -> None:
    shop.add_product(host, *(f"http://{host}/{n}.jpg" for n in range(pictures)))


HELD = {
    "paused": "paused = true",
    "blocked": "blocked_until = now() + interval '1 hour', blocked_reason = 'a test',"
    " ready_at = now() + interval '1 hour'",
    "delayed": "ready_at = now() + interval '1 hour'",
    "full": "ready_at = null, parked_for = 'limit'",
}


@pytest.mark.parametrize("held", HELD)
def test_a_claim_reads_no_row_of_a_host_that_may_not_be_called(shop: Shop, held: str) -> None:
    fill(shop, "held.test", 300)
    fill(shop, "free.test", 3)
    shop.execute(f"update likeness.hosts set {HELD[held]} where host = 'held.test'")
    claims: list[dict[str, object]] = []
    read = entries_read(shop, "images_claimable_idx", lambda: claims.extend(shop.claim(batch=16)))
    assert {claim["host"] for claim in claims} == {"free.test"}
    assert len(claims) == 3
    assert read < 20


def test_the_measure_of_what_is_read_sees_a_backlog(shop: Shop) -> None:
    # Or the test above could not fail.
    fill(shop, "free.test", 300)
    count = "select count(*) from likeness.images where queued_at is not null and retry_at is null"
    shop.execute("set enable_seqscan = off")
    shop.execute("set enable_bitmapscan = off")
    assert entries_read(shop, "images_claimable_idx", lambda: shop.value(count)) >= 300


@contextmanager
def pinned(connection: Db) -> Iterator[None]:
    """Keep whatever dies meanwhile, as a backup does."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        connection.execute("select count(*) from likeness.hosts")
        yield


def churn(shop: Shop, cycles: int) -> None:
    """Claims and finishes: each leaves dead entries of its host in the index."""
    for _ in range(cycles):
        [claim] = shop.claim(batch=1)
        shop.finish("w/1", fault(claim, "not-found"))


def test_a_claim_does_not_walk_the_dead_entries_that_a_long_transaction_keeps(
    connection: Db, second_connection: Db
) -> None:
    shop = Shop(connection, min_interval=timedelta(seconds=1))
    fill(shop, "a.test", 210)
    start = shop.now()
    with pinned(second_connection):
        for second in range(200):
            shop.at(start + timedelta(seconds=second * 2))
            churn(shop, 1)
        shop.at(start + timedelta(seconds=402))
        churn(shop, 1)
        shop.at(start + timedelta(seconds=404))
        read = entries_read(shop, "hosts_ready_idx", lambda: churn(shop, 1))
        shop.execute("select set_config('likeness.low_water', '', false)")
        shop.at(start + timedelta(seconds=406))
        read_afresh = entries_read(shop, "hosts_ready_idx", lambda: churn(shop, 1))
    assert read_afresh > 200
    assert read < read_afresh / 5


def test_a_host_that_was_made_ready_in_a_long_transaction_is_found_by_an_idle_worker_at_once(
    connection: Db, second_connection: Db
) -> None:
    shop = Shop(connection)
    fill(shop, "a.test", 1)
    churn(shop, 1)
    with second_connection.transaction():
        # Long ago by the time of its commit, and in between the first worker looked and found none.
        slow = Shop(second_connection, "slow")
        slow.at(shop.now() - timedelta(minutes=10))
        fill(slow, "b.test", 1)
        slow.at(None)
        assert shop.claim() == []
    assert [claim["host"] for claim in shop.claim()] == ["b.test"]


def test_a_busy_worker_finds_a_host_that_was_made_ready_late_after_30_seconds_at_most(
    connection: Db,
) -> None:
    shop = Shop(connection)
    now = shop.now()
    shop.at(now)
    fill(shop, "busy.test", 40)
    churn(shop, 1)
    fill(shop, "late.test", 1)
    # As if its transaction had begun long before: a time that the session has passed already.
    shop.execute(
        "update likeness.hosts set ready_at = %s where host = 'late.test'",
        now - timedelta(minutes=10),
    )
    found: dict[str, int] = {}
    for second in range(40):
        shop.at(now + timedelta(seconds=second))
        [claim] = shop.claim(batch=1)
        found.setdefault(claim["host"], second)
        shop.finish("w/1", fault(claim, "not-found"))
    assert found["late.test"] <= 31


def test_a_host_joins_a_line_behind_those_who_stand_in_it(shop: Shop) -> None:
    # Its class rises: with the time at which it joined the other line, a session that remembers
    # the line of this class would not see it.
    fill(shop, "a.test", 1)
    now = shop.now() + timedelta(minutes=1)
    shop.at(now)
    product = shop.value("select id from likeness.products")
    shop.execute("select likeness.set_priority(array[%s], 3::smallint)", product)
    [host] = shop.rows("select best_priority, ready_at from likeness.hosts")
    assert host == {"best_priority": 3, "ready_at": now}


def test_a_clock_that_jumps_back_loses_nothing(shop: Shop) -> None:
    fill(shop, "a.test", 3)
    now = shop.now()
    shop.at(now + timedelta(days=1))
    assert len(shop.claim(batch=1)) == 1
    shop.at(now)
    shop.execute("update likeness.hosts set ready_at = %s", now)
    assert len(shop.claim(batch=1)) == 1


# What a host remembers of its pictures.


def read_by_index(shop: Shop) -> None:
    """Plan as for a large table."""
    for scan in ("seqscan", "bitmapscan"):
        shop.execute(f"set enable_{scan} = off")
    # Where that is done by a price, every plan is dear enough to be compiled.
    shop.execute("set jit = off")
    shop.execute("drop index likeness.images_host_idx, likeness.images_lease_idx")


@pytest.mark.parametrize("index", ["images_claimable_idx", "images_in_flight_idx"])
def test_a_claim_does_not_walk_the_dead_entries_of_a_host_s_pictures(
    connection: Db, second_connection: Db, index: str
) -> None:
    shop = Shop(connection)
    fill(shop, "a.test", 230)
    read_by_index(shop)
    start = shop.now()
    with pinned(second_connection):
        for n in range(200):
            shop.at(start + timedelta(seconds=n / 10))
            churn(shop, 1)
        read = entries_read(shop, index, lambda: churn(shop, 1))
        shop.execute("update likeness.hosts set low_known_at = null")
        read_afresh = entries_read(shop, index, lambda: churn(shop, 1))
    assert read_afresh > 200
    assert read < 20


def queue_late(shop: Shop) -> int:
    """A picture that was queued long ago, in a transaction that ends now."""
    shop.at(shop.now() - timedelta(minutes=10))
    late = shop.add_product("late", "http://a.test/late.jpg")
    shop.at(None)
    return late


def raise_last(shop: Shop) -> int:
    """A picture of a class in which nothing waited."""
    last = shop.value("select max(id) from likeness.products")
    shop.execute("select likeness.set_priority(array[%s], 2::smallint)", last)
    return int(last)


def retry_first(shop: Shop) -> int:
    """A picture that failed for good."""
    failed = shop.value("select min(product_id) from likeness.images where status = 'failed'")
    assert shop.value("select likeness.retry_images(reason => 'not-found')") > 0
    shop.execute("select likeness.set_priority(array[%s], 1::smallint)", failed)
    return int(failed)


@pytest.mark.parametrize("act", [queue_late, raise_last, retry_first])
def test_what_becomes_due_behind_the_memory_is_claimed_next(
    shop: Shop, act: Callable[[Shop], int]
) -> None:
    for n in range(20):
        shop.add_product(f"a{n}", f"http://a.test/{n}.jpg")
    churn(shop, 5)
    product = act(shop)
    [claim] = shop.claim(batch=1)
    assert claim["image_id"] == shop.image(product)["id"]


def test_what_somebody_changed_by_hand_is_found_after_30_seconds(shop: Shop) -> None:
    for n in range(80):
        shop.add_product(f"a{n}", f"http://a.test/{n}.jpg")
    start = shop.now()
    shop.at(start)
    churn(shop, 3)
    by_hand = shop.value("select max(id) from likeness.images")
    shop.execute(
        "update likeness.images set queued_at = now() - interval '1 day', priority = 3"
        " where id = %s",
        by_hand,
    )
    found = None
    for second in range(40):
        shop.at(start + timedelta(seconds=second))
        [claim] = shop.claim(batch=1)
        shop.finish("w/1", fault(claim, "not-found"))
        if claim["image_id"] == by_hand:
            found = second
    assert found is not None
    assert found <= 32


def test_a_limit_holds_whatever_leases_workers_take(connection: Db) -> None:
    shop = Shop(connection, max_in_flight=2)
    fill(shop, "a.test", 12)
    start = shop.now()
    shop.at(start)
    churn(shop, 2)
    held = 0
    for second, lease in enumerate((60, 1, 300, 1)):
        shop.at(start + timedelta(seconds=second / 10))
        held += len(shop.claim(f"w/{second}", 1, lease=timedelta(seconds=lease)))
        in_hand = shop.value("select count(*) from likeness.images where claimed_by is not null")
        assert in_hand == held <= 2
    assert held == 2


def test_a_limit_holds_when_the_clock_jumps_back(connection: Db) -> None:
    shop = Shop(connection, max_in_flight=2)
    fill(shop, "a.test", 12)
    start = shop.now()
    shop.at(start + timedelta(days=1))
    churn(shop, 2)
    assert len(shop.claim(batch=1)) == 1
    shop.at(start)
    shop.execute("update likeness.hosts set ready_at = %s", start)
    assert len(shop.claim(batch=5)) == 1


def test_a_claim_goes_on_to_lower_classes(shop: Shop) -> None:
    ids = [shop.add_product(f"a{n}", f"http://a.test/{n}.jpg") for n in range(6)]
    shop.execute("select likeness.set_priority(array[%s], 3::smallint)", ids[4])
    shop.execute("select likeness.set_priority(array[%s], 1::smallint)", ids[5])
    wanted = [shop.image(product)["id"] for product in (ids[4], ids[5], ids[0], ids[1])]
    assert [claim["image_id"] for claim in shop.claim(batch=4)] == wanted


# What keeps rows and indexes small.

HOT_TABLES = {
    "hosts": (
        "fillfactor=50",
        "autovacuum_vacuum_scale_factor=0",
        "autovacuum_vacuum_cost_delay=0",
    ),
    "images": ("fillfactor=80", "autovacuum_vacuum_scale_factor=0.02"),
    "worker_minutes": ("fillfactor=50",),
    "rendition_queue": ("fillfactor=80", "autovacuum_vacuum_scale_factor=0.02"),
}


@pytest.mark.parametrize("table", HOT_TABLES)
def test_a_hot_table_leaves_room_in_its_pages_and_is_vacuumed_early(shop: Shop, table: str) -> None:
    options = shop.value(
        "select reloptions from pg_class where oid = ('likeness.' || %s)::regclass", table
    )
    assert set(HOT_TABLES[table]) <= set(options)


def hot_share(shop: Shop, table: str, act: Callable[[], object]) -> tuple[int, int]:
    """Rows updated, and how many of them without a new index entry, while this session acts."""
    query = "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = %s"
    shop.execute("select pg_stat_force_next_flush()")
    [before] = shop.rows(query, table)
    act()
    shop.execute("select pg_stat_force_next_flush()")
    [after] = shop.rows(query, table)
    return (
        after["n_tup_upd"] - before["n_tup_upd"],
        after["n_tup_hot_upd"] - before["n_tup_hot_upd"],
    )


def test_counts_by_the_minute_and_heartbeats_write_no_index_entries(shop: Shop) -> None:
    worker = shop.value("select likeness.register_worker('w')")
    fill(shop, "a.test", 21)
    shop.at(shop.now().replace(second=0) + timedelta(minutes=1))

    def work() -> None:
        for _ in range(20):
            [claim] = shop.claim(worker, 1)
            shop.finish(worker, fault(claim, "not-found"))
            shop.execute("select likeness.beat_worker(%s)", worker)

    assert hot_share(shop, "worker_minutes", work) == (19, 19)


def test_a_finish_of_a_host_that_is_in_line_writes_no_index_entry_of_it(shop: Shop) -> None:
    fill(shop, "a.test", 20)
    claims = shop.claim(batch=10)

    def finish() -> None:
        for claim in claims:
            shop.finish("w/1", fault(claim, "not-found"))

    assert hot_share(shop, "hosts", finish) == (10, 10)


def test_a_picture_is_found_by_its_url_without_reading_others(shop: Shop) -> None:
    fill(shop, "a.test", 50)
    shop.execute("set enable_seqscan = off")
    read = entries_read(
        shop,
        "images_fetch_url_idx",
        lambda: shop.value(
            "select image_id from likeness.find_image_by_url(%s)", "http://a.test/7.jpg"
        ),
    )
    assert read == 1


def test_to_tell_when_the_queue_will_be_done_reads_nothing_that_is_done(shop: Shop) -> None:
    fill(shop, "a.test", 20)
    churn(shop, 10)
    scans = "select seq_scan from pg_stat_user_tables where relname = 'images'"
    shop.execute("set enable_seqscan = off")
    shop.execute("select pg_stat_force_next_flush()")
    before = shop.value(scans)
    assert shop.value("select remaining from likeness.eta where scope = 'queue'") == 10
    shop.execute("select pg_stat_force_next_flush()")
    assert shop.value(scans) == before
