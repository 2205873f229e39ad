"""The queue: what a claim takes and leaves, what a finish changes, what time does."""

import itertools
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop, completed, fault, wait_until_blocked

Db = Connection[DictRow]


@pytest.fixture
def shop(connection: Db) -> Shop:
    return Shop(connection)


def test_claim_takes_the_oldest_of_the_best_priority_first(shop: Shop) -> None:
    ordinary = [shop.add_product(f"o{n}", f"o{n}.jpg") for n in range(3)]
    viewed = shop.add_product("v", "v.jpg")
    shop.execute("select likeness.set_priority(array[%s], 3::smallint)", viewed)
    claims = shop.claim(batch=2)
    wanted = {shop.image(viewed)["id"], shop.image(ordinary[0])["id"]}
    assert {claim["image_id"] for claim in claims} == wanted


def test_two_workers_never_claim_the_same_picture(
    connection: Db, second_connection: Db, shop: Shop
) -> None:
    for n in range(10):
        shop.add_product(f"p{n}", f"http://h{n}.test/a.jpg")
    with connection.transaction():
        first = {claim["image_id"] for claim in shop.claim("a/1", 5)}
        # The first claim is not committed yet: its hosts are locked and must be skipped.
        rows = second_connection.execute(
            "select image_id from likeness.claim_images('b/2', 10)"
        ).fetchall()
    second = {row["image_id"] for row in rows}
    assert len(first) == 5
    assert len(second) == 5
    assert not first & second


def test_claim_goes_breadth_first_over_hosts(shop: Shop) -> None:
    for host, n in itertools.product("abcd", range(10)):
        shop.add_product(f"{host}{n}", f"http://{host}.test/{n}.jpg")
    hosts = [claim["host"] for claim in shop.claim(batch=8)]
    assert sorted(hosts) == [f"{host}.test" for host in "aabbccdd"]


@pytest.mark.parametrize(
    ("scheme", "port"), [("http", 80), ("https", 443), ("ftp", 21), ("ftps", 21)]
)
def test_a_host_is_the_same_with_and_without_the_port_of_its_scheme(
    shop: Shop, scheme: str, port: int
) -> None:
    for host in ("a.test", f"A.test:{port}", "a.test:2121"):
        shop.add_product(host, f"{scheme}://{host}/a.jpg")
    assert Counter(claim["host"] for claim in shop.claim()) == {"a.test": 2, "a.test:2121": 1}


def test_claim_never_exceeds_the_limit_of_a_host(connection: Db) -> None:
    shop = Shop(connection, max_in_flight=3)
    for n in range(10):
        shop.add_product(f"p{n}", f"{n}.jpg")
    assert len(shop.claim()) == 3
    assert shop.claim("w/2") == []


def hosts_of(claims: list[dict[str, Any]]) -> Counter[str]:
    return Counter(claim["host"].removesuffix(".test") for claim in claims)


def test_a_host_that_finishes_nothing_holds_no_more_than_its_share_of_a_worker(shop: Shop) -> None:
    for host, n in itertools.product(["slow", "good"], range(40)):
        shop.add_product(f"{host}{n}", f"http://{host}.test/{n}.jpg")
    claims = shop.claim(batch=16)
    assert hosts_of(claims) == {"slow": 8, "good": 8}
    for _ in range(3):
        good = [claim for claim in claims if claim["host"] == "good.test"]
        for claim in good:
            shop.complete(claim)
        claims = shop.claim(batch=len(good))
        assert hosts_of(claims) == {"good": 8}
    # It is a share of each worker; another one has nothing of either in hand.
    shop.at(shop.now() + timedelta(seconds=1))
    assert hosts_of(shop.claim("other/2", batch=16)) == {"slow": 8, "good": 8}


def test_one_free_slot_goes_past_a_host_that_has_its_share(shop: Shop) -> None:
    for host, n in itertools.product(["slow", "good"], range(10)):
        shop.add_product(f"{host}{n}", f"http://{host}.test/{n}.jpg")
    claims = shop.claim(batch=4)
    [first, _] = [claim for claim in claims if claim["host"] == "good.test"]
    shop.complete(first)
    found = shop.claim(batch=1) or shop.claim(batch=1)
    assert hosts_of(found) == {"good": 1}


def test_a_host_with_a_low_limit_leaves_its_share_to_others(shop: Shop) -> None:
    for host, n in itertools.product(["shy", "fast"], range(40)):
        shop.add_product(f"{host}{n}", f"http://{host}.test/{n}.jpg")
    shop.execute("update likeness.hosts set max_in_flight = 2 where host = 'shy.test'")
    assert hosts_of(shop.claim(batch=16)) == {"shy": 2, "fast": 14}


def test_a_host_that_is_alone_has_every_slot(shop: Shop) -> None:
    for n in range(40):
        shop.add_product(f"p{n}", f"{n}.jpg")
    assert len(shop.claim(batch=16)) == 16
    assert len(shop.claim(batch=8)) == 8


def test_a_finish_lets_the_next_picture_of_a_full_host_be_claimed(connection: Db) -> None:
    shop = Shop(connection, max_in_flight=1)
    for n in range(2):
        shop.add_product(f"p{n}", f"{n}.jpg")
    [claim] = shop.claim()
    assert shop.claim() == []
    assert shop.complete(claim)
    assert len(shop.claim()) == 1


def test_claims_of_one_host_keep_its_interval(connection: Db) -> None:
    shop = Shop(connection, min_interval=timedelta(seconds=10))
    for n in range(3):
        shop.add_product(f"p{n}", f"{n}.jpg")
    now = shop.now()
    shop.at(now)
    assert len(shop.claim()) == 1
    shop.at(now + timedelta(seconds=9))
    assert shop.claim() == []
    shop.at(now + timedelta(seconds=10.1))
    assert len(shop.claim()) == 1


def test_a_paused_host_is_not_claimed_until_it_is_resumed(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    shop.execute("select likeness.pause_host('pictures.test')")
    assert shop.claim() == []
    shop.execute("select likeness.resume_host('pictures.test')")
    assert len(shop.claim()) == 1


def test_pausing_an_unknown_host_is_an_error(shop: Shop) -> None:
    with pytest.raises(psycopg.Error) as caught:
        shop.execute("select likeness.pause_host('nobody.test')")
    assert caught.value.sqlstate == "LK002"


def test_pictures_of_a_draft_dataset_wait_for_its_activation(connection: Db) -> None:
    shop = Shop(connection, is_active=False)
    shop.add_product("p", "p.jpg")
    assert shop.claim() == []
    assert shop.activate()["queued"] == 1
    assert len(shop.claim()) == 1


def test_activating_twice_queues_only_what_is_still_wanted(connection: Db) -> None:
    shop = Shop(connection, is_active=False)
    shop.add_product("p", "p.jpg")
    shop.activate()
    shop.complete(shop.claim()[0])
    assert shop.activate()["queued"] == 0


def test_a_relative_address_without_a_prefix_fails_with_that_reason(connection: Db) -> None:
    shop = Shop(connection, prefix=None, is_active=False)
    product = shop.add_product("p", "pictures/p.jpg")
    assert shop.activate() | {"run_id": 0} == {"run_id": 0, "queued": 0, "failed": 1}
    image = shop.image(product)
    assert (image["status"], image["failure_reason"]) == ("failed", "relative-url-without-prefix")


@pytest.mark.parametrize(
    ("source", "prefix", "url"),
    [
        ("http://a.test/x.jpg", "http://b.test/", "http://a.test/x.jpg"),
        ("HTTPS://A.test/x.jpg", None, "HTTPS://A.test/x.jpg"),
        ("ftp://a.test/x.jpg", None, "ftp://a.test/x.jpg"),
        ("//a.test/x.jpg", None, "https://a.test/x.jpg"),
        ("x.jpg", "http://b.test/p", "http://b.test/p/x.jpg"),
        ("/x.jpg", "http://b.test/p/", "http://b.test/p/x.jpg"),
        ("./a/x.jpg", "http://b.test/p//", "http://b.test/p/a/x.jpg"),
        ("a\\x.jpg", "http://b.test/p", "http://b.test/p/a/x.jpg"),
        (" x y.jpg ", "http://b.test", "http://b.test/x y.jpg"),
        ("x.jpg", None, None),
        ("javascript:alert(1)", "http://b.test", None),
        ("file:///etc/passwd", "http://b.test", None),
    ],
)
def test_addresses_are_built_from_path_and_prefix(
    shop: Shop, source: str, prefix: str | None, url: str | None
) -> None:
    assert shop.value("select likeness.build_source_url(%s, %s)", source, prefix) == url


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://A.Test/x", "a.test"),
        ("http://a.test:80/x", "a.test"),
        ("https://a.test:443", "a.test"),
        ("https://a.test:8443/x", "a.test:8443"),
        ("ftp://user:pw@a.test/x", "a.test"),
        ("http://a.test?x", "a.test"),
        ("http:///x", None),
    ],
)
def test_the_host_of_an_address_is_lower_case_without_its_own_port(
    shop: Shop, url: str, host: str | None
) -> None:
    assert shop.value("select likeness.host_of_url(%s)", url) == host


def test_a_completed_picture_shows_its_bytes_and_has_one_row_of_history(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    assert shop.complete(shop.claim()[0], "b" * 64)
    image = shop.image(product)
    assert (image["status"], image["blob_sha256"]) == ("completed", "b" * 64)
    assert image["claimed_by"] is None
    history = shop.rows("select * from likeness.image_history where image_id = %s", image["id"])
    assert [row["blob_sha256"] for row in history] == ["b" * 64]


def test_a_finish_with_a_lost_claim_is_refused_and_changes_nothing(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    [claim] = shop.claim("a/1", lease=timedelta(seconds=10))
    shop.at(shop.now() + timedelta(seconds=11))
    assert shop.value("select likeness.requeue_expired()") == 1
    [again] = shop.claim("b/2")
    assert shop.finish("a/1", completed(claim, "c" * 64)) == [False]
    with pytest.raises(psycopg.Error) as caught:
        shop.execute(
            "select likeness.finish_image('a/1', jsonb_build_object('image_id', %s::bigint,"
            " 'claim_no', %s::int, 'is_completed', true))",
            claim["image_id"],
            claim["claim_no"],
        )
    assert caught.value.sqlstate == "LK001"
    image = shop.image(product)
    assert (image["status"], image["claimed_by"]) == ("processing", "b/2")
    assert image["blob_sha256"] is None
    assert again["claim_no"] == claim["claim_no"] + 1


def test_a_repeated_finish_is_refused_and_leaves_one_row_of_history(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    [claim] = shop.claim()
    assert shop.complete(claim)
    assert shop.finish("w/1", completed(claim, "a" * 64)) == [False]
    assert shop.value("select count(*) from likeness.image_history") == 1


def test_a_retryable_fault_is_tried_again_after_about_1_and_5_minutes_then_fails(
    shop: Shop,
) -> None:
    product = shop.add_product("p", "p.jpg")
    now = shop.now()
    for attempt, minutes in ((1, 1), (2, 5)):
        shop.at(now)
        [claim] = shop.claim()
        assert shop.finish("w/1", fault(claim, "timeout", is_retryable=True)) == [True]
        image = shop.image(product)
        assert (image["status"], image["attempts"]) == ("pending", attempt)
        delay = image["retry_at"] - now
        assert timedelta(minutes=minutes * 0.5) <= delay <= timedelta(minutes=minutes * 1.5)
        assert shop.claim() == []
        now = image["retry_at"]
        shop.at(now)
        assert shop.value("select likeness.promote_retries()") == 1
    [claim] = shop.claim()
    shop.finish("w/1", fault(claim, "timeout", is_retryable=True))
    image = shop.image(product)
    assert (image["status"], image["attempts"]) == ("failed", 3)
    assert image["failure_reason"] == "timeout"


def test_a_permanent_fault_fails_at_once(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.finish("w/1", fault(shop.claim()[0], "not-found"))
    assert shop.image(product)["status"] == "failed"


def test_retry_after_is_the_least_wait(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.at(shop.now())
    [claim] = shop.claim()
    busy = fault(claim, "rate-limited", is_retryable=True, retry_after_seconds=3600)
    shop.finish("w/1", busy)
    assert shop.image(product)["retry_at"] >= shop.now() + timedelta(hours=1)


def test_the_breaker_opens_after_5_faults_in_a_row_and_lets_one_probe_through(
    connection: Db,
) -> None:
    shop = Shop(connection, max_in_flight=8)
    for n in range(12):
        shop.add_product(f"p{n}", f"{n}.jpg")
    now = shop.now()
    shop.at(now)
    for claim in shop.claim(batch=5):
        shop.finish("w/1", fault(claim, "timeout", is_retryable=True, is_host_fault=True))
    assert shop.claim() == []
    host = shop.rows("select * from likeness.host_health")[0]
    assert (host["status"], host["consecutive_faults"]) == ("blocked", 5)
    shop.at(now + timedelta(seconds=61))
    [probe] = shop.claim()
    assert shop.complete(probe)
    assert len(shop.claim()) == 6


def test_a_missing_picture_does_not_count_against_its_host(shop: Shop) -> None:
    for n in range(8):
        shop.add_product(f"p{n}", f"{n}.jpg")
    for claim in shop.claim(batch=6):
        shop.finish("w/1", fault(claim, "not-found"))
    assert len(shop.claim()) == 2


def test_an_expired_claim_makes_a_suspect_that_is_tried_after_all_others(shop: Shop) -> None:
    first = shop.add_product("p", "p.jpg")
    shop.claim("dead/1", lease=timedelta(seconds=1))
    second = shop.add_product("q", "q.jpg")
    shop.at(shop.now() + timedelta(seconds=2))
    shop.value("select likeness.requeue_expired()")
    claims = shop.claim("w/2", 1) + shop.claim("w/2", 1)
    assert [claim["image_id"] for claim in claims] == [
        shop.image(second)["id"],
        shop.image(first)["id"],
    ]
    assert [claim["is_suspect"] for claim in claims] == [False, True]


def test_a_picture_that_three_workers_died_over_alone_is_failed_as_poison(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    now = shop.now()
    for death in range(4):
        shop.at(now)
        [claim] = shop.claim(f"w/{death}", lease=timedelta(seconds=1))
        if claim["is_suspect"]:
            shop.execute("select likeness.isolate_image(%s, %s)", f"w/{death}", claim["image_id"])
        now += timedelta(seconds=2)
        shop.at(now)
        assert shop.value("select likeness.requeue_expired()") == 1
    image = shop.image(product)
    assert (image["status"], image["failure_reason"]) == ("failed", "poison")
    assert image["worker_deaths"] == 3


def test_deaths_in_company_do_not_poison_a_picture(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    now = shop.now()
    for death in range(10):
        shop.at(now)
        shop.claim(f"w/{death}", lease=timedelta(seconds=1))
        now += timedelta(seconds=2)
        shop.at(now)
        shop.value("select likeness.requeue_expired()")
    image = shop.image(product)
    assert (image["status"], image["worker_deaths"]) == ("pending", 0)


def test_a_heartbeat_renews_claims_that_are_past_half_their_lease(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    worker = shop.value("select likeness.register_worker('w')")
    now = shop.now()
    shop.at(now)
    shop.claim(worker, lease=timedelta(seconds=60))
    assert shop.value("select likeness.beat_worker(%s)", worker) == 0
    shop.at(now + timedelta(seconds=31))
    assert shop.value("select likeness.beat_worker(%s)", worker) == 1
    assert shop.image(product)["claim_expires_at"] == now + timedelta(seconds=91)


def test_a_heartbeat_lets_run_out_what_its_worker_does_not_have_in_hand(shop: Shop) -> None:
    products = [shop.add_product(sku, f"{sku}.jpg") for sku in "ab"]
    worker = shop.value("select likeness.register_worker('w')")
    now = shop.now()
    shop.at(now)
    shop.claim(worker, lease=timedelta(seconds=60))
    shop.rows("select * from likeness.begin_blobs(%s, %s)", worker, ["a" * 64, "b" * 64])
    held, lost = (shop.image(product)["id"] for product in products)
    shop.at(now + timedelta(seconds=31))
    beat = "select likeness.beat_worker(%s, '60 seconds', %s, %s)"
    assert shop.value(beat, worker, [held], ["a" * 64]) == 1
    shop.at(now + timedelta(seconds=61))
    assert shop.value("select likeness.requeue_expired()") == 1
    assert shop.value("select status from likeness.images where id = %s", lost) == "pending"
    assert shop.value("select status from likeness.images where id = %s", held) == "processing"
    other = shop.value("select likeness.register_worker('other')")
    answers = shop.rows("select * from likeness.begin_blobs(%s, %s)", other, ["a" * 64, "b" * 64])
    assert {row["sha256"][0]: row["answer"] for row in answers} == {"a": "busy", "b": "yours"}


def test_a_stopping_worker_hands_back_what_it_has_uncounted(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    worker = shop.value("select likeness.register_worker('w')")
    shop.claim(worker)
    assert shop.value("select likeness.stop_worker(%s)", worker) == 1
    image = shop.image(product)
    assert (image["status"], image["attempts"], image["is_suspect"]) == ("pending", 0, False)
    assert len(shop.claim("w/2")) == 1


def test_known_bytes_are_stored_once(shop: Shop) -> None:
    sha256 = "d" * 64
    begin = "select answer from likeness.begin_blobs(%s, array[%s])"
    assert shop.value(begin, "a/1", sha256) == "yours"
    assert shop.value(begin, "a/1", sha256) == "yours"
    assert shop.value(begin, "b/2", sha256) == "busy"
    shop.add_product("p", "p.jpg")
    shop.complete(shop.claim("a/1")[0], sha256, "a/1")
    assert shop.value(begin, "b/2", sha256) == "stored"


def test_half_stored_bytes_of_a_dead_worker_are_taken_over(shop: Shop) -> None:
    begin = "select answer from likeness.begin_blobs(%s, array[%s], '10 seconds')"
    shop.value(begin, "dead/1", "e" * 64)
    shop.at(shop.now() + timedelta(seconds=11))
    assert shop.value(begin, "w/2", "e" * 64) == "yours"


def test_bytes_that_could_not_be_rendered_leave_no_row(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    [claim] = shop.claim()
    shop.rows("select * from likeness.begin_blobs('w/1', array[%s])", "f" * 64)
    shop.finish("w/1", fault(claim, "corrupt-image", sha256="f" * 64))
    assert shop.rows("select * from likeness.blobs") == []


def test_a_run_counts_what_became_of_its_pictures_and_ends(connection: Db) -> None:
    shop = Shop(connection, is_active=False)
    for sku, source in (("a", "a.jpg"), ("b", "b.jpg"), ("c", "c.jpg"), ("d", "mailto:x")):
        shop.add_product(sku, source)
    run = shop.activate()["run_id"]
    stored, reused, failed = shop.claim()
    shop.complete(stored)
    shop.complete(reused, blob=None, is_reused=True)
    shop.finish("w/1", fault(failed, "not-found"))
    row = shop.rows("select * from likeness.run_status where run_id = %s", run)[0]
    counts = {key: row[key] for key in ("wanted", "stored", "reused", "failed", "remaining")}
    assert counts == {"wanted": 4, "stored": 1, "reused": 1, "failed": 2, "remaining": 0}
    assert row["status"] == "finished"


def test_failed_pictures_are_queued_afresh_by_reason(shop: Shop) -> None:
    for sku in "ab":
        shop.add_product(sku, f"{sku}.jpg")
    one, other = shop.claim()
    shop.finish("w/1", fault(one, "not-found"), fault(other, "forbidden"))
    assert shop.value("select likeness.retry_images(reason => 'forbidden')") == 1
    [claim] = shop.claim()
    assert (claim["image_id"], claim["attempts"]) == (other["image_id"], 0)


def test_queueing_wakes_idle_workers(shop: Shop, second_connection: Db) -> None:
    second_connection.execute("listen likeness_work")
    shop.add_product("p", "p.jpg")
    assert list(second_connection.notifies(timeout=5, stop_after=1))


def test_finishing_tells_those_who_wait_for_the_product(shop: Shop, second_connection: Db) -> None:
    second_connection.execute("listen likeness_finished")
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    [notify] = second_connection.notifies(timeout=5, stop_after=1)
    assert notify.payload == str(product)


def test_pictures_of_a_product_that_left_are_not_fetched_until_it_returns(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.execute("update likeness.products set status = 'inactive' where id = %s", product)
    assert shop.claim() == []
    shop.execute("update likeness.products set status = 'active' where id = %s", product)
    assert len(shop.claim()) == 1


def test_a_run_ends_though_its_last_product_left(connection: Db) -> None:
    shop = Shop(connection, is_active=False)
    stays, leaves = shop.add_product("a", "a.jpg"), shop.add_product("b", "b.jpg")
    run = shop.activate()["run_id"]
    shop.execute("update likeness.products set status = 'inactive' where id = %s", leaves)
    shop.complete(shop.claim()[0])
    assert shop.image(stays)["status"] == "completed"
    assert shop.value("select likeness.close_runs()") == 1
    row = shop.rows("select * from likeness.run_status where run_id = %s", run)[0]
    assert (row["status"], row["stored"], row["remaining"]) == ("finished", 1, 0)


def test_a_run_that_still_waits_is_not_closed(connection: Db) -> None:
    shop = Shop(connection, is_active=False)
    shop.add_product("a", "a.jpg")
    shop.activate()
    assert shop.value("select likeness.close_runs()") == 0


def test_a_refreshed_picture_keeps_its_bytes_while_it_is_fetched_and_when_that_fails(
    shop: Shop,
) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    image_id = shop.image(product)["id"]
    shop.execute("select likeness.queue_images(array[%s]::bigint[])", image_id)
    assert shop.image(product)["status"] == "outdated"
    [claim] = shop.claim()
    shop.finish("w/1", fault(claim, "not-found"))
    image = shop.image(product)
    assert (image["status"], image["blob_sha256"]) == ("failed", "a" * 64)


def test_the_old_contract_hands_out_the_next_pictures_once(shop: Shop) -> None:
    products = [shop.add_product(f"p{n}", f"{n}.jpg") for n in range(3)]
    first = shop.rows("select * from likeness.get_next_processing_batch(2)")
    second = shop.rows("select * from likeness.get_next_processing_batch(2)")
    assert sorted(row["product_id"] for row in first + second) == products
    assert first[0]["image_url"].startswith("http://pictures.test/p/")


def test_tending_the_queue_heals_a_host_that_was_parked_by_mistake(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    shop.execute("update likeness.hosts set ready_at = null, parked_for = 'empty'")
    assert shop.claim() == []
    assert shop.rows("select * from likeness.check_hosts_parked_wrongly")
    shop.execute("select * from likeness.tend_queue()")
    assert len(shop.claim()) == 1


def test_a_finish_that_had_to_wait_for_its_host_still_settles_it(
    connection: Db, second_connection: Db
) -> None:
    # It addresses the host by its place, and while it waits the host moves to another.
    shop = Shop(connection, max_in_flight=1)
    for n in range(2):
        shop.add_product(f"p{n}", f"{n}.jpg")
    [claim] = shop.claim()
    finished: list[bool] = []

    def finish() -> None:
        finished.extend(Shop(second_connection).finish("w/1", fault(claim, "not-found")))

    with connection.transaction():
        shop.execute("update likeness.hosts set request_no = request_no + 1")
        other = threading.Thread(target=finish)
        other.start()
        wait_until_blocked(connection, second_connection)
    other.join(timeout=30)
    assert finished == [True]
    assert shop.rows("select fetches, request_no, parked_for from likeness.hosts") == [
        {"fetches": 1, "request_no": 1, "parked_for": None}
    ]
    assert len(shop.claim()) == 1


STATUSES = ("pending", "processing", "completed", "failed", "outdated")


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(STATUSES, 2)))
def test_only_the_listed_moves_are_allowed(shop: Shop, before: str, after: str) -> None:
    shop.rows("select * from likeness.begin_blobs('w/1', array[%s])", "a" * 64)
    product = shop.add_product("p", status="inactive")
    # Every column that some status needs is set, so that only the move itself can be refused.
    shop.execute(
        "insert into likeness.images (product_id, source_url, status, blob_sha256, mirrored_at,"
        " failure_reason, claimed_by, claim_expires_at)"
        " values (%s, 'x', %s, %s, now(), %s, %s, %s)",
        product,
        before,
        "a" * 64,
        None if before == "completed" else "timeout",
        "w/1" if before == "processing" else None,
        shop.now() if before == "processing" else None,
    )
    is_listed = bool(
        shop.rows(
            "select from likeness.image_moves where from_status = %s and to_status = %s",
            before,
            after,
        )
    )
    move = (
        "update likeness.images set status = %s, failure_reason = %s, claimed_by = %s,"
        " claim_expires_at = %s where product_id = %s"
    )
    is_claimed = after == "processing"
    arguments = (
        after,
        None if after == "completed" else "timeout",
        "w/1" if is_claimed else None,
        shop.now() if is_claimed else None,
        product,
    )
    if is_listed:
        shop.execute(move, *arguments)
        assert shop.image(product)["status"] == after
    else:
        with pytest.raises(psycopg.Error) as caught:
            shop.execute(move, *arguments)
        assert caught.value.sqlstate == "LK003"


def test_a_fault_that_does_not_say_whether_it_may_be_tried_again_is_final(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.finish("w/1", fault(shop.claim()[0], "not-found", is_retryable=None))
    assert shop.image(product)["status"] == "failed"


@pytest.mark.parametrize(
    "call",
    [
        *(f"requeue_expired({most})" for most in ("0", "-1", "null")),
        *(f"promote_retries({most})" for most in ("0", "-1", "null")),
        *(f"next_products({batch})" for batch in ("0", "-1", "null")),
        *(f"claim_images('w/1', {batch})" for batch in ("0", "-1", "null")),
        *(f"claim_images('w/1', 1, {lease})" for lease in ("'0'", "'-1 s'", "'2 days'", "null")),
        *(f"claim_images('w/1', 1, '1 s', {most})" for most in ("0", "null")),
        *(f"queue_images('{{}}', {priority})" for priority in ("-1", "4", "null")),
        *(f"start_run(priority => {priority})" for priority in ("-1", "4", "null", "70000")),
        "start_run(label => null)",
    ],
)
def test_an_argument_that_makes_no_sense_is_refused(shop: Shop, call: str) -> None:
    before = shop.rows("select * from likeness.runs")
    with pytest.raises(psycopg.Error) as caught:
        shop.rows(f"select * from likeness.{call}")
    assert caught.value.sqlstate == "LK004"
    assert shop.rows("select * from likeness.runs") == before


def test_a_claim_is_for_a_day_at_most(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    assert len(shop.claim(lease=timedelta(days=1))) == 1
    # Before 17, Postgres knows no endless interval.
    with pytest.raises(psycopg.Error) as caught:
        shop.rows("select * from likeness.claim_images('w/2', 1, 'infinity')")
    assert caught.value.sqlstate in ("LK004", "22007")


def test_pictures_are_queued_under_a_run_that_is_there(shop: Shop) -> None:
    image = shop.image(shop.add_product("p", "p.jpg"))["id"]
    with pytest.raises(psycopg.Error, match="there is no run 4711") as caught:
        shop.execute("select likeness.queue_images(array[%s], run_id => 4711)", image)
    assert caught.value.sqlstate == "LK002"
