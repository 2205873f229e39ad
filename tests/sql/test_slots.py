"""When a request may be sent: the limits of a host between the claim and the wire."""

import json
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop, fault

Db = Connection[DictRow]
HOST = "pictures.test"


def ask(shop: Shop, *claims: dict[str, Any], url: str = "", **more: object) -> list[dict[str, Any]]:
    """Ask for a slot for each claim; its own address where no other is named."""
    requests = [
        {"image_id": c["image_id"], "claim_no": c["claim_no"], "url": url or c["fetch_url"]}
        for c in claims
    ]
    names = "".join(f", {name} => %s" for name in more)
    return shop.rows(
        f"select * from likeness.take_slots('w/1', %s::jsonb{names})",
        json.dumps(requests),
        *more.values(),
    )


def hear(shop: Shop, slot: dict[str, Any], latency_ms: float | None = 20) -> None:
    heard = {
        "host_id": slot["host_id"],
        "request_no": slot["request_no"],
        "latency_ms": latency_ms,
    }
    shop.rows("select * from likeness.take_slots('w/1', '[]', %s::jsonb)", json.dumps([heard]))


def claimed(
    connection: Db, count: int = 2, interval: timedelta = timedelta(seconds=1)
) -> tuple[Shop, list[dict[str, Any]]]:
    """A shop, its clock stopped, with so many pictures of one host in hand."""
    shop = Shop(connection, max_in_flight=count, min_interval=timedelta(0))
    for n in range(count):
        shop.add_product(f"p{n}", f"{n}.jpg")
    shop.at(shop.now())
    claims = shop.claim(batch=count)
    shop.execute("update likeness.hosts set min_interval = %s", interval)
    return shop, claims


def test_a_second_request_waits_for_the_answer_to_the_first_and_then_for_the_interval(
    connection: Db,
) -> None:
    shop, claims = claimed(connection)
    now = shop.now()
    [first] = ask(shop, claims[0])
    assert first["answer"] == "go"
    shop.at(now + timedelta(seconds=1.5))
    assert ask(shop, claims[1])[0]["answer"] == "wait"
    hear(shop, first)
    [second] = ask(shop, claims[1])
    assert second["answer"] == "wait"
    assert 1 <= second["wait_seconds"] <= 1.1
    shop.at(now + timedelta(seconds=2.61))
    assert ask(shop, claims[1])[0]["answer"] == "go"


def test_an_answer_that_never_comes_holds_the_host_up_for_5_seconds_only(connection: Db) -> None:
    shop, claims = claimed(connection)
    ask(shop, claims[0])
    shop.at(shop.now() + timedelta(seconds=6.01))
    assert ask(shop, claims[1])[0]["answer"] == "go"


def test_a_host_that_is_slow_by_nature_is_not_waited_for(connection: Db) -> None:
    shop, claims = claimed(connection)
    shop.execute("update likeness.hosts set least_latency_ms = 1500")
    ask(shop, claims[0])
    shop.at(shop.now() + timedelta(seconds=1.5))
    assert ask(shop, claims[1])[0]["answer"] == "go"


def test_an_answer_to_an_earlier_request_frees_nothing(connection: Db) -> None:
    shop, claims = claimed(connection, 3)
    now = shop.now()
    [first] = ask(shop, claims[0])
    shop.at(now + timedelta(seconds=6.01))
    [second] = ask(shop, claims[1])
    assert second["answer"] == "go"
    hear(shop, first)
    shop.at(now + timedelta(seconds=7.5))
    assert ask(shop, claims[2])[0]["answer"] == "wait"


def test_a_slot_that_was_not_used_is_the_next_one_s_at_once(connection: Db) -> None:
    shop, claims = claimed(connection)
    shop.execute("update likeness.hosts set least_latency_ms = 7")
    [first] = ask(shop, claims[0])
    hear(shop, first, latency_ms=None)
    [second] = ask(shop, claims[1])
    assert second["answer"] == "go"
    assert shop.value("select least_latency_ms from likeness.hosts") == 7
    # Said twice, or too late, it takes nothing from whoever has the slot now.
    hear(shop, first, latency_ms=None)
    assert ask(shop, claims[0])[0]["answer"] == "wait"


def test_requests_that_ask_together_get_one_slot(connection: Db) -> None:
    shop, claims = claimed(connection, 3)
    assert [slot["answer"] for slot in ask(shop, *claims)] == ["go", "wait", "wait"]


def test_a_late_worker_leaves_more_room_behind_its_requests(connection: Db) -> None:
    shop, claims = claimed(connection)
    shop.execute("update likeness.hosts set least_latency_ms = 1500")
    ask(shop, claims[0], lag_seconds=0.2)
    shop.at(shop.now() + timedelta(seconds=1.2))
    assert ask(shop, claims[1])[0]["answer"] == "wait"
    shop.at(shop.now() + timedelta(seconds=0.8))
    assert ask(shop, claims[1])[0]["answer"] == "go"


def test_a_host_without_an_interval_is_asked_at_once(connection: Db) -> None:
    shop, claims = claimed(connection, interval=timedelta(0))
    slots = ask(shop, *claims)
    assert [(s["answer"], s["window_seconds"]) for s in slots] == [("go", None)] * 2


def test_a_request_for_a_lost_claim_is_not_sent(connection: Db) -> None:
    shop, [claim, _] = claimed(connection)
    shop.execute(
        "update likeness.images set claim_expires_at = likeness.clock() where id = %s",
        claim["image_id"],
    )
    shop.value("select likeness.requeue_expired()")
    assert ask(shop, claim)[0]["answer"] == "lost"


def test_a_clock_that_was_set_back_holds_no_host_up(connection: Db) -> None:
    shop, claims = claimed(connection)
    ask(shop, claims[0])
    shop.at(shop.now() - timedelta(hours=1))
    assert ask(shop, claims[1])[0]["answer"] == "go"


def test_tending_heals_a_host_that_a_clock_which_was_set_back_keeps_waiting(
    connection: Db,
) -> None:
    shop = Shop(connection, min_interval=timedelta(seconds=1))
    for n in range(2):
        shop.add_product(f"p{n}", f"{n}.jpg")
    shop.at(shop.now())
    assert len(shop.claim()) == 1
    shop.at(shop.now() - timedelta(hours=1))
    assert shop.claim() == []
    shop.rows("select * from likeness.tend_queue()")
    assert len(shop.claim()) == 1


def test_a_redirected_picture_leaves_one_hosts_limit_and_enters_the_others(
    connection: Db,
) -> None:
    shop = Shop(connection, max_in_flight=1)
    for n in range(2):
        shop.add_product(f"here{n}", f"{n}.jpg")
    shop.add_product("there", "http://cdn.test/there.jpg")
    here, there = sorted(shop.claim(), key=lambda claim: str(claim["host"]), reverse=True)
    assert (here["host"], there["host"]) == (HOST, "cdn.test")
    moved = "http://cdn.test/moved.jpg"
    assert ask(shop, here, url=moved)[0]["answer"] == "full"
    shop.complete(there)
    assert ask(shop, here, url=moved)[0]["answer"] == "go"
    assert [claim["host"] for claim in shop.claim()] == [HOST]


def test_a_redirect_to_an_unknown_host_makes_it_known_with_the_suppliers_limits(
    connection: Db,
) -> None:
    shop = Shop(connection, max_in_flight=7)
    shop.add_product("p", "p.jpg")
    ask(shop, shop.claim()[0], url="https://CDN.test:443/p.jpg")
    host = shop.rows("select * from likeness.hosts where host = 'cdn.test'")[0]
    assert (host["max_in_flight"], host["limits_of"]) == (7, shop.supplier_id)


@pytest.mark.parametrize(
    "state", ["paused = true", "blocked_until = 'infinity', blocked_reason = 'it is ill'"]
)
def test_a_redirect_to_a_host_that_may_not_be_called_is_not_followed(
    connection: Db, state: str
) -> None:
    shop = Shop(connection)
    shop.add_product("p", "p.jpg")
    shop.add_product("q", "http://cdn.test/q.jpg")
    [claim] = [claim for claim in shop.claim() if claim["host"] == HOST]
    shop.execute(f"update likeness.hosts set {state} where host = 'cdn.test'")
    assert ask(shop, claim, url="http://cdn.test/p.jpg")[0]["answer"] == "blocked"


def test_a_probe_that_fails_shuts_a_half_open_host_for_twice_as_long(connection: Db) -> None:
    shop = Shop(connection, max_in_flight=8)
    for n in range(12):
        shop.add_product(f"p{n}", f"{n}.jpg")
    now = shop.now()
    shop.at(now)
    ill = {"is_retryable": True, "is_host_fault": True}
    shop.finish("w/1", *(fault(claim, "timeout", **ill) for claim in shop.claim(batch=5)))
    shop.at(now + timedelta(seconds=61))
    [probe] = shop.claim()
    assert shop.claim("w/2") == []
    shop.finish("w/1", fault(probe, "timeout", **ill))
    shop.at(now + timedelta(seconds=61 + 119))
    assert shop.claim() == []
    shop.at(now + timedelta(seconds=61 + 121))
    assert len(shop.claim()) == 1


def test_retry_after_holds_up_the_whole_host(connection: Db) -> None:
    shop = Shop(connection)
    for n in range(3):
        shop.add_product(f"p{n}", f"{n}.jpg")
    now = shop.now()
    shop.at(now)
    [claim] = shop.claim(batch=1)
    busy = fault(claim, "rate-limited", is_retryable=True, retry_after_seconds=30)
    shop.finish("w/1", busy)
    shop.at(now + timedelta(seconds=29))
    assert shop.claim() == []
    shop.at(now + timedelta(seconds=31))
    assert len(shop.claim()) == 2


def test_retries_of_one_bad_minute_are_spread_over_a_minute(connection: Db) -> None:
    rows = connection.execute(
        "select extract(epoch from likeness.retry_delay(1))::float as s"
        " from generate_series(1, 500)"
    ).fetchall()
    seconds = sorted(row["s"] for row in rows)
    assert 30 <= seconds[0] < 35
    assert 85 < seconds[-1] <= 90
    # As many in each sixth of the minute, give or take.
    for sixth in range(6):
        low = 30 + 10 * sixth
        assert 40 <= sum(low <= s < low + 10 for s in seconds) <= 130


def test_the_hosts_of_a_supplier_follow_its_limits_until_they_are_set_by_hand(
    connection: Db,
) -> None:
    shop = Shop(connection, max_in_flight=2)
    shop.add_product("p", "p.jpg")
    shop.add_product("q", "http://cdn.test/q.jpg")
    shop.value("select likeness.set_host_limits('cdn.test', max_in_flight => 3)")
    options = {"host_max_in_flight": 9, "host_min_interval": "250 ms"}
    shop.value("select likeness.save_supplier('acme', %s::jsonb)", json.dumps(options))
    hosts = shop.rows("select host, max_in_flight, min_interval from likeness.hosts order by host")
    assert [(h["host"], h["max_in_flight"]) for h in hosts] == [("cdn.test", 3), (HOST, 9)]
    assert hosts[1]["min_interval"] == timedelta(seconds=0.25)


def test_a_raised_limit_of_a_supplier_lets_a_full_host_be_claimed_at_once(connection: Db) -> None:
    shop = Shop(connection, max_in_flight=1)
    for n in range(3):
        shop.add_product(f"p{n}", f"{n}.jpg")
    assert len(shop.claim()) == 1
    shop.value("""select likeness.save_supplier('acme', '{"host_max_in_flight": 3}')""")
    assert len(shop.claim()) == 2
