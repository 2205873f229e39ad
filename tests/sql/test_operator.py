"""What people ask and switch in psql: views that answer, functions that act and say so."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop, fault

Db = Connection[DictRow]


@pytest.fixture
def shop(connection: Db) -> Shop:
    return Shop(connection)


def register(shop: Shop, name: str = "w") -> str:
    worker: str = shop.value("select likeness.register_worker(%s)", name)
    return worker


def explain(shop: Shop, product: int) -> dict[str, Any]:
    [row] = shop.rows("select * from likeness.explain_image(product_id => %s)", product)
    return row


def row_of(shop: Shop, view: str, condition: str = "true") -> dict[str, Any]:
    [row] = shop.rows(f"select * from likeness.{view} where {condition}")
    return row


# The switch of the whole queue.


def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    shop.execute("select likeness.pause_queue('the store moves')")
    assert shop.claim() == []
    shop.execute("select likeness.resume_queue()")
    assert len(shop.claim()) == 1


def test_what_is_in_hand_is_finished_while_the_queue_is_paused(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    [claim] = shop.claim()
    shop.execute("select likeness.pause_queue()")
    assert shop.complete(claim)
    assert shop.image(product)["status"] == "completed"


def test_idle_workers_do_not_look_at_a_paused_queue_and_are_woken_by_its_resumption(
    shop: Shop, second_connection: Db
) -> None:
    shop.add_product("p", "p.jpg")
    assert shop.value("select likeness.next_claim_at()") is not None
    shop.execute("select likeness.pause_queue()")
    assert shop.value("select likeness.next_claim_at()") is None
    second_connection.execute("listen likeness_work")
    shop.execute("select likeness.resume_queue()")
    assert list(second_connection.notifies(timeout=5, stop_after=1))


def test_pausing_twice_keeps_the_first_time_and_a_reason(shop: Shop) -> None:
    shop.execute("select likeness.pause_queue('the store moves')")
    first = row_of(shop, "queue_control")
    shop.execute("select likeness.pause_queue()")
    assert row_of(shop, "queue_control") == first
    assert first["reason"] == "the store moves"


def test_the_queue_has_one_switch(shop: Shop) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        shop.execute("insert into likeness.queue_control default values")


# Hosts.


def test_a_raised_limit_lets_a_full_host_be_claimed_at_once(connection: Db) -> None:
    shop = Shop(connection, max_in_flight=1)
    for n in range(4):
        shop.add_product(f"p{n}", f"{n}.jpg")
    assert len(shop.claim()) == 1
    assert shop.claim() == []
    shop.execute("select likeness.set_host_limits('Pictures.test', max_in_flight => 3)")
    assert len(shop.claim()) == 2
    assert shop.claim() == []


def test_a_lowered_limit_holds_from_the_next_claim_on(shop: Shop) -> None:
    for n in range(6):
        shop.add_product(f"p{n}", f"{n}.jpg")
    claims = shop.claim(batch=3)
    shop.execute("select likeness.set_host_limits('pictures.test', max_in_flight => 2)")
    assert shop.claim() == []
    for claim in claims[:2]:
        shop.complete(claim)
    assert len(shop.claim()) == 1


def test_a_shorter_interval_holds_for_the_wait_that_has_begun(connection: Db) -> None:
    shop = Shop(connection, min_interval=timedelta(hours=1))
    for n in range(2):
        shop.add_product(f"p{n}", f"{n}.jpg")
    now = shop.now()
    shop.at(now)
    assert len(shop.claim()) == 1
    shop.execute("select likeness.set_host_limits('pictures.test', min_interval => '1 second')")
    assert shop.claim() == []
    shop.at(now + timedelta(seconds=1.1))
    assert len(shop.claim()) == 1


def test_new_limits_do_not_open_a_blocked_host(connection: Db) -> None:
    shop = Shop(connection, min_interval=timedelta(seconds=1))
    for n in range(2):
        shop.add_product(f"p{n}", f"{n}.jpg")
    now = shop.now()
    shop.at(now)
    busy = fault(shop.claim()[0], "rate-limited", is_retryable=True, retry_after_seconds=600)
    shop.finish("w/1", busy)
    shop.execute("select likeness.set_host_limits('pictures.test', 9, '0 seconds')")
    shop.at(now + timedelta(seconds=599))
    assert shop.claim() == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("'nobody.test', 2", "LK002"),
        ("'pictures.test', 0", "LK004"),
        ("'pictures.test', null, '-1 second'", "LK004"),
        ("'pictures.test', null, '25 hours'", "LK004"),
        ("'pictures.test', null, '1000 years'", "LK004"),
        ("'pictures.test'", "LK004"),
    ],
)
def test_limits_that_make_no_sense_are_refused(shop: Shop, arguments: str, code: str) -> None:
    shop.add_product("p", "p.jpg")
    with pytest.raises(psycopg.Error) as caught:
        shop.execute(f"select likeness.set_host_limits({arguments})")
    assert caught.value.sqlstate == code


def test_a_host_with_its_own_limits_can_follow_a_supplier_again(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    health = "select max_in_flight, limits_of from likeness.host_health"
    [before] = shop.rows(health)
    shop.execute("select likeness.set_host_limits('pictures.test', max_in_flight => 77)")
    assert shop.rows(health) == [{"max_in_flight": 77, "limits_of": None}]
    shop.execute("select likeness.follow_supplier('pictures.test', 'acme')")
    assert shop.rows(health) == [before]
    shop.execute("""select likeness.save_supplier('acme', '{"host_max_in_flight": 7}')""")
    assert shop.rows(health) == [{"max_in_flight": 7, "limits_of": "acme"}]
    for host, supplier in (("nobody.test", "acme"), ("pictures.test", "nobody")):
        with pytest.raises(psycopg.Error) as caught:
            shop.execute("select likeness.follow_supplier(%s, %s)", host, supplier)
        assert caught.value.sqlstate == "LK002"


def test_the_backlog_of_a_host_says_what_waits_and_how_long_that_takes_at_least(
    connection: Db,
) -> None:
    shop = Shop(connection, min_interval=timedelta(seconds=2))
    for n in range(5):
        shop.add_product(f"p{n}", f"{n}.jpg")
    now = shop.now()
    shop.at(now)
    shop.finish("w/1", fault(shop.claim()[0], "timeout", is_retryable=True))
    shop.at(now + timedelta(seconds=3))
    shop.claim()
    row = row_of(shop, "host_backlog")
    assert (row["waiting"], row["retry_later"], row["in_hand"]) == (3, 1, 1)
    assert row["least_duration"] == timedelta(seconds=6)
    assert row["status"] == "between calls"


def test_a_host_without_work_has_no_backlog(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    assert shop.rows("select * from likeness.host_backlog") == []


# Workers.


def test_a_draining_worker_claims_nothing_more_and_finishes_what_it_has(shop: Shop) -> None:
    for n in range(3):
        shop.add_product(f"p{n}", f"{n}.jpg")
    worker = register(shop)
    claims = shop.claim(worker, 2)
    assert shop.value("select likeness.drain(%s)", worker) == 2
    assert shop.claim(worker) == []
    assert row_of(shop, "worker_status")["status"] == "draining"
    for claim in claims:
        assert shop.complete(claim, worker=worker)
    status = row_of(shop, "worker_status")
    assert (status["status"], status["in_hand"], status["finished"]) == ("drained", 0, 2)
    assert shop.claim(worker) == []


def test_the_others_go_on_while_one_drains(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    first, second = register(shop, "a"), register(shop, "b")
    shop.execute("select likeness.drain(%s)", first)
    assert shop.claim(first) == []
    assert len(shop.claim(second)) == 1


def test_a_name_drains_every_process_of_that_name(shop: Shop) -> None:
    workers = [register(shop, "twin"), register(shop, "twin")]
    shop.execute("select likeness.drain('twin')")
    assert [shop.value("select likeness.is_draining(%s)", worker) for worker in workers] == [
        True,
        True,
    ]


def test_draining_a_worker_that_does_not_run_is_an_error(shop: Shop) -> None:
    worker = register(shop)
    shop.execute("select likeness.stop_worker(%s)", worker)
    with pytest.raises(psycopg.Error) as caught:
        shop.execute("select likeness.drain(%s)", worker)
    assert caught.value.sqlstate == "LK002"


def test_a_drain_wakes_the_worker_so_that_it_hears_of_it(shop: Shop, second_connection: Db) -> None:
    worker = register(shop)
    second_connection.execute("listen likeness_work")
    shop.execute("select likeness.drain(%s)", worker)
    assert list(second_connection.notifies(timeout=5, stop_after=1))


def test_a_worker_without_a_heartbeat_is_lost(shop: Shop) -> None:
    worker = register(shop)
    assert row_of(shop, "worker_status")["status"] == "running"
    shop.at(shop.now() + timedelta(minutes=3))
    assert row_of(shop, "worker_status")["status"] == "lost"
    shop.execute("select likeness.beat_worker(%s)", worker)
    assert row_of(shop, "worker_status")["status"] == "running"


def test_claims_say_who_holds_what_since_when_and_whether_it_was_lost(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    now = shop.now()
    shop.at(now)
    shop.claim("a/1", lease=timedelta(seconds=10))
    claim = row_of(shop, "claims")
    assert (claim["worker"], claim["product_id"], claim["sku"]) == ("a/1", product, "p")
    assert (claim["claimed_at"], claim["is_overdue"]) == (now, False)
    shop.at(now + timedelta(seconds=11))
    assert row_of(shop, "claims")["is_overdue"]
    shop.value("select likeness.requeue_expired()")
    assert shop.rows("select * from likeness.claims") == []


# Counts by the minute.


def test_throughput_counts_each_minute_over_all_workers(shop: Shop) -> None:
    for n in range(5):
        shop.add_product(f"p{n}", f"{n}.jpg")
    now = shop.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
    shop.at(now)
    stored, reused, retried, failed, later = shop.claim("a/1") + shop.claim("b/2")
    shop.complete(stored, worker="a/1")
    shop.complete(reused, worker="a/1", blob=None, is_reused=True)
    shop.finish("a/1", fault(retried, "timeout", is_retryable=True))
    shop.finish("a/1", fault(failed, "not-found"))
    shop.at(now + timedelta(seconds=60))
    shop.complete(later, "b" * 64, "a/1")
    columns = "minute_at, settled, stored, reused, failed, retried, workers"
    rows = shop.rows(f"select {columns} from likeness.throughput")
    assert [tuple(row.values()) for row in rows] == [
        (now + timedelta(seconds=60), 1, 1, 0, 0, 0, 1),
        (now, 3, 1, 1, 1, 1, 1),
    ]


def test_a_finish_whose_claim_was_lost_is_not_counted(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    [claim] = shop.claim()
    shop.complete(claim)
    shop.complete(claim)
    assert row_of(shop, "throughput")["settled"] == 1


def test_two_workers_that_finish_at_once_do_not_wait_for_each_other_to_count(
    connection: Db, second_connection: Db, shop: Shop
) -> None:
    for host in "ab":
        shop.add_product(host, f"http://{host}.test/p.jpg")
    claims = {claim["host"]: claim for claim in shop.claim("a/1", 1) + shop.claim("b/2", 1)}
    workers = dict(zip(claims, ("a/1", "b/2"), strict=True))
    second = Shop(second_connection, "other")
    second_connection.execute("set lock_timeout = '2s'")
    with connection.transaction():
        first_host, other_host = claims
        assert shop.finish(workers[first_host], fault(claims[first_host], "not-found")) == [True]
        # The first finish is not committed: the other one must not wait for its row.
        other = fault(claims[other_host], "not-found")
        assert second.finish(workers[other_host], other) == [True]
    assert row_of(shop, "throughput")["workers"] == 2


def test_old_minutes_and_workers_are_forgotten(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    worker = register(shop, "old")
    shop.complete(shop.claim(worker)[0], worker=worker)
    assert shop.value("select likeness.prune_history()") == 0
    shop.at(shop.now() + timedelta(days=15))
    young = shop.value("select likeness.beat_worker(likeness.register_worker('young'))")
    assert young == 0
    assert shop.value("select likeness.prune_history()") == 2
    assert [row["name"] for row in shop.rows("select name from likeness.workers")] == ["young"]


def test_a_worker_s_count_outlives_the_minutes_that_it_was_made_of(shop: Shop) -> None:
    for n in range(3):
        shop.add_product(f"p{n}", f"{n}.jpg")
    worker = register(shop)
    first, second, third = shop.claim(worker)
    count = "select finished from likeness.worker_status where worker = %s"
    shop.finish(worker, fault(first, "not-found"), fault(second, "timeout", is_retryable=True))
    assert shop.value(count, worker) == 2
    shop.at(shop.now() + timedelta(days=15))
    shop.execute("select likeness.beat_worker(%s)", worker)
    assert shop.value("select likeness.prune_history()") == 1
    assert shop.value("select count(*) from likeness.worker_minutes") == 0
    assert shop.value(count, worker) == 2
    shop.finish(worker, fault(third, "not-found"))
    assert shop.value(count, worker) == 3


def test_a_history_of_nothing_is_refused(shop: Shop) -> None:
    with pytest.raises(psycopg.Error) as caught:
        shop.execute("select likeness.prune_history('0')")
    assert caught.value.sqlstate == "LK004"


def test_the_eta_is_the_remaining_pictures_at_the_pace_of_the_last_minutes(
    connection: Db,
) -> None:
    shop = Shop(connection, is_active=False)
    for n in range(30):
        shop.add_product(f"p{n}", f"{n}.jpg")
    now = shop.now().replace(second=0, microsecond=0)
    shop.at(now)
    run = shop.activate()["run_id"]
    shop.execute("update likeness.runs set started_at = %s", now)
    for claim in shop.claim(batch=10):
        shop.complete(claim)
    shop.at(now + timedelta(minutes=2))
    queue, of_run = shop.rows("select * from likeness.eta")
    assert (queue["scope"], queue["remaining"], float(queue["per_minute"])) == ("queue", 20, 5.0)
    assert queue["done_at"] == now + timedelta(minutes=6)
    assert (of_run["run_id"], of_run["remaining"]) == (run, 20)


def test_the_eta_says_why_there_is_none(shop: Shop) -> None:
    assert row_of(shop, "eta")["hint"] == "Nothing waits."
    shop.add_product("p", "p.jpg")
    eta = row_of(shop, "eta")
    assert eta["done_at"] is None
    assert "worker_status" in eta["hint"]
    shop.execute("select likeness.pause_queue()")
    assert "resume_queue" in row_of(shop, "eta")["hint"]


def half_done(connection: Db) -> tuple[Shop, datetime, datetime]:
    """Of six pictures three came at noon and one is tried again much later; when each of these is.

    It is two minutes past noon.
    """
    shop = Shop(connection, is_active=False)
    for n in range(6):
        shop.add_product(f"p{n}", f"{n}.jpg")
    now = shop.now().replace(hour=12, minute=0, second=0, microsecond=0)
    shop.at(now)
    shop.activate()
    shop.execute("update likeness.runs set started_at = %s", now)
    first, *others = shop.claim(batch=4)
    for claim in others:
        shop.complete(claim)
    shop.finish("w/1", fault(first, "server-error", is_retryable=True))
    until = now + timedelta(hours=20)
    shop.execute("update likeness.images set retry_at = %s where retry_at is not null", until)
    shop.at(now + timedelta(minutes=2))
    return shop, now, until


def test_the_eta_waits_for_hosts_that_rest_and_for_retries(connection: Db) -> None:
    shop, now, until = half_done(connection)
    queue, _ = shop.rows("select * from likeness.eta")
    assert (queue["remaining"], queue["done_at"], queue["hint"]) == (3, until, None)

    shop.execute(
        "update likeness.hosts set blocked_until = %s, blocked_reason = 'slow down'",
        now + timedelta(minutes=30),
    )
    queue, _ = shop.rows("select * from likeness.eta")
    assert queue["hint"] == ("Nothing is due before 12:30:00: select * from likeness.host_backlog;")
    assert queue["done_at"] == until

    shop.at(now + timedelta(minutes=20))
    queue, _ = shop.rows("select * from likeness.eta")
    assert (queue["done_at"], queue["hint"][:26]) == (None, "Nothing is due before 12:3")
    shop.execute(
        "update likeness.hosts set blocked_until = null, blocked_reason = null, paused = true"
    )
    queue, _ = shop.rows("select * from likeness.eta")
    assert queue["done_at"] is None
    assert "likeness.resume_host(" in queue["hint"]


def test_the_eta_of_a_run_knows_of_the_hosts_and_retries_that_it_waits_for(
    connection: Db,
) -> None:
    shop, _, until = half_done(connection)
    _, run = shop.rows("select * from likeness.eta")
    assert run["done_at"] == until
    shop.execute("select likeness.pause_queue()")
    assert [row["done_at"] for row in shop.rows("select * from likeness.eta")] == [None, None]
    shop.execute("select likeness.resume_queue()")
    shop.execute("select likeness.pause_host('pictures.test')")
    _, run = shop.rows("select * from likeness.eta")
    assert run["done_at"] is None
    assert run["hint"].endswith("select likeness.resume_host('pictures.test');")


# What is stuck, and why is this picture not here?


def test_a_stuck_picture_says_that_the_queue_is_paused(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    shop.at(shop.now() + timedelta(hours=2))
    assert row_of(shop, "queue_stuck")["why"] == "it waits longer than an hour"
    shop.execute("select likeness.pause_queue('night')")
    stuck = row_of(shop, "queue_stuck")
    assert (stuck["why"], stuck["hint"]) == (
        "the whole queue is paused: night",
        "select likeness.resume_queue();",
    )


def test_a_picture_that_is_here_is_explained_as_such(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    assert explain(shop, product)["answer"].startswith("It is here, as of ")


def test_a_waiting_picture_is_explained_by_what_holds_it_up(connection: Db) -> None:
    shop = Shop(connection, max_in_flight=1)
    first, second = (shop.add_product(sku, f"{sku}.jpg") for sku in "ab")
    assert "no worker runs" in explain(shop, second)["answer"]
    worker = register(shop)
    assert "with 1 before it on pictures.test" in explain(shop, second)["answer"]
    assert "with 0 before it" in explain(shop, first)["answer"]
    shop.claim(worker)
    assert "its limit of 1 allows" in explain(shop, second)["answer"]
    shop.execute("select likeness.pause_host('pictures.test')")
    assert "host pictures.test is paused" in explain(shop, second)["answer"]
    shop.execute("select likeness.pause_queue('night')")
    assert explain(shop, second)["answer"] == "It waits: the whole queue is paused: night."


def test_a_picture_behind_a_blocked_host_is_explained_with_the_reason(shop: Shop) -> None:
    first, second = (shop.add_product(sku, f"{sku}.jpg") for sku in "ab")
    shop.at(shop.now())
    [claim] = shop.claim(batch=1)
    busy = fault(claim, "rate-limited", is_retryable=True, retry_after_seconds=600)
    shop.finish("w/1", busy)
    answers = {explain(shop, product)["answer"].split(":")[0] for product in (first, second)}
    assert "Attempt 1 failed" in answers
    assert "It waits" in answers
    assert "is blocked until" in explain(shop, second)["answer"]


def test_a_picture_in_hand_is_explained_by_who_has_it(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.claim("a/1", lease=timedelta(seconds=10))
    assert explain(shop, product)["answer"].startswith("Worker a/1 has it in hand since ")
    shop.at(shop.now() + timedelta(seconds=11))
    lost = explain(shop, product)
    assert "nobody took it back" in lost["answer"]
    assert "requeue_expired" in lost["hint"]


def test_a_failed_picture_is_explained_with_its_reason_and_how_to_retry_it(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    [claim] = shop.claim()
    shop.finish("w/1", fault(claim, "not-found"))
    row = explain(shop, product)
    assert "no such picture (404)" in row["answer"]
    retry = row["hint"].partition("Then: ")[2]
    assert shop.value(retry) == 1
    assert len(shop.claim()) == 1


def test_a_picture_that_is_shown_while_it_is_renewed_is_explained_as_both(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    shop.execute("select likeness.queue_images(array[%s]::bigint[])", shop.image(product)["id"])
    answer = explain(shop, product)["answer"]
    assert answer.startswith("It is shown, as of ")
    assert "Its renewal: It waits" in answer


def test_a_picture_that_nobody_queued_is_explained_by_its_product_or_dataset(
    connection: Db,
) -> None:
    draft = Shop(connection, is_active=False)
    product = draft.add_product("p", "p.jpg")
    assert "is a draft" in explain(draft, product)["answer"]
    shop = Shop(connection, "other")
    gone = shop.add_product("q", "q.jpg", status="inactive")
    assert explain(shop, gone)["answer"] == "Its product is inactive, so it is not fetched."


def test_a_time_of_another_day_is_told_with_its_date(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    now = shop.now().replace(hour=12, minute=0, second=0, microsecond=0)
    shop.at(now)
    [claim] = shop.claim()
    shop.finish("w/1", fault(claim, "server-error", is_retryable=True))
    shop.execute("update likeness.images set retry_at = %s", now + timedelta(minutes=5))
    assert explain(shop, product)["answer"].endswith("It is tried again at 12:05:00.")
    tomorrow = now + timedelta(days=1)
    shop.execute("update likeness.images set retry_at = %s", tomorrow)
    shop.execute(
        "update likeness.hosts set blocked_until = %s, blocked_reason = 'answered 503.'", tomorrow
    )
    told = explain(shop, product)
    assert told["answer"].endswith(f"It is tried again at {tomorrow:%Y-%m-%d} 12:00:00.")
    assert "resume_host" in told["hint"]
    for statement in told["hint"].removeprefix("Wait, or now: ").split("; "):
        shop.execute(statement)
    assert len(shop.claim()) == 1


def test_a_product_without_pictures_is_explained(shop: Shop) -> None:
    assert "names no picture" in explain(shop, shop.add_product("p"))["answer"]


def test_a_picture_can_be_explained_by_its_own_number(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg", "q.jpg")
    second = shop.image(product, 1)["id"]
    [row] = shop.rows("select * from likeness.explain_image(image_id => %s)", second)
    assert (row["image"], row["place"]) == (second, 1)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("", "LK004"),
        ("1, 1", "LK004"),
        ("product_id => 999", "LK002"),
        ("image_id => 999", "LK002"),
    ],
)
def test_a_question_about_nothing_is_refused(shop: Shop, arguments: str, code: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        shop.rows(f"select * from likeness.explain_image({arguments})")
    assert caught.value.sqlstate == code
    if code == "LK004":
        assert "give exactly one of product_id and image_id" in str(caught.value)


# What a person does by hand, and what it returns.


def test_expired_claims_are_taken_back_by_hand(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    shop.claim("dead/1", lease=timedelta(seconds=1))
    assert shop.value("select likeness.requeue_expired()") == 0
    shop.at(shop.now() + timedelta(seconds=2))
    assert shop.value("select likeness.requeue_expired()") == 1


def test_a_priority_is_raised_and_never_lowered(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    assert shop.value("select likeness.set_priority(array[%s], 3::smallint)", product) == 1
    assert shop.value("select likeness.set_priority(array[%s], 1::smallint)", product) == 0
    assert shop.image(product)["priority"] == 3


@pytest.mark.parametrize(
    ("which", "retried"),
    [
        ("reason => 'not-found'", 2),
        ("reason => 'forbidden'", 1),
        ("supplier => 'acme'", 3),
        ("host => 'Pictures.test', reason => 'not-found'", 2),
        ("", 3),
    ],
)
def test_failed_pictures_are_retried_by_any_filter(shop: Shop, which: str, retried: int) -> None:
    for sku in "abc":
        shop.add_product(sku, f"{sku}.jpg")
    one, two, three = shop.claim()
    shop.finish("w/1", *(fault(claim, "not-found") for claim in (one, two)))
    shop.finish("w/1", fault(three, "forbidden"))
    assert shop.value(f"select likeness.retry_images({which})") == retried


@pytest.mark.parametrize(
    ("which", "code"),
    [
        ("supplier => 'nobody'", "LK002"),
        ("host => 'nowhere.test'", "LK002"),
        ("reason => 'not-fuond'", "LK002"),
        ("priority => 4", "LK004"),
        ("priority => -1", "LK004"),
        ("priority => null", "LK004"),
    ],
)
def test_a_misspelt_filter_is_no_empty_one(shop: Shop, which: str, code: str) -> None:
    shop.add_product("p", "p.jpg")
    shop.finish("w/1", fault(shop.claim()[0], "not-found"))
    with pytest.raises(psycopg.Error) as caught:
        shop.execute(f"select likeness.retry_images({which})")
    assert caught.value.sqlstate == code
