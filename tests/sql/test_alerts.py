"""Alerts: what is measured, when an alert opens and closes, and who is told of it."""

import re
from datetime import timedelta
from typing import Any

import click
import pytest
from psycopg import Connection
from psycopg.errors import InvalidDatetimeFormat
from psycopg.rows import DictRow

from tests.shop import Shop, fault
from worker.cli import likeness
from worker.db import query_errors
from worker.errors import BadInput, NotFound

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def shop(connection: Connection[DictRow]) -> Shop:
    shop = Shop(connection)
    shop.at(shop.now())
    return shop


def watch(shop: Shop, *, after: timedelta = timedelta(0)) -> dict[str, Any]:
    shop.at(shop.now() + after)
    return shop.rows("select * from likeness.watch_alerts()")[0]


def state(shop: Shop, rule: str) -> str:
    value: str = shop.value("select state from likeness.alert_status where rule = %s", rule)
    return value


def open_rules(shop: Shop) -> list[str]:
    return [row["rule"] for row in shop.rows("select rule from likeness.alerts")]


def wait(shop: Shop, pictures: int) -> None:
    """So many pictures wait."""
    product = shop.add_product("waiting")
    shop.execute(
        "insert into likeness.images (product_id, position, source_url)"
        " select %s, n, n || '.jpg' from generate_series(0, %s) n",
        product,
        pictures - 1,
    )


def give_up(shop: Shop, failed: int, of: int) -> None:
    for number in range(of):
        shop.add_product(f"p{number}", f"{number}.jpg")
    for claim in shop.claim(batch=failed, per_host=100):
        shop.finish("w/1", fault(claim, "not-found"))


def test_a_new_system_has_no_alert(shop: Shop) -> None:
    assert watch(shop) == {"opened": 0, "closed": 0, "open": 0}
    assert open_rules(shop) == []


def test_pending_opens_when_too_many_wait_for_an_hour_and_closes_once(shop: Shop) -> None:
    shop.execute("select likeness.set_alert('pending', threshold => 5)")
    wait(shop, 6)
    assert watch(shop)["open"] == 0
    assert state(shop, "pending") == "rising"
    assert watch(shop, after=59 * MINUTE)["open"] == 0
    assert watch(shop, after=2 * MINUTE)["opened"] == 1
    # No second time while it lasts.
    assert watch(shop, after=HOUR) == {"opened": 0, "closed": 0, "open": 1}
    assert open_rules(shop) == ["pending"]
    shop.execute("delete from likeness.products")
    assert watch(shop)["closed"] == 1
    assert open_rules(shop) == []
    event = shop.rows("select * from likeness.alert_events")
    assert [(row["status"], row["worst"]) for row in event] == [("closed", 6)]


def test_a_break_in_between_starts_the_hour_anew(shop: Shop) -> None:
    shop.execute("select likeness.set_alert('pending', threshold => 5)")
    wait(shop, 6)
    watch(shop)
    shop.execute("delete from likeness.products")
    watch(shop, after=30 * MINUTE)
    wait(shop, 6)
    assert watch(shop, after=40 * MINUTE)["open"] == 0


def test_what_has_evidently_waited_for_an_hour_needs_no_watching(shop: Shop) -> None:
    shop.execute("select likeness.set_alert('pending', threshold => 5)")
    wait(shop, 6)
    shop.at(shop.now() + HOUR + MINUTE)
    assert open_rules(shop) == ["pending"]
    assert watch(shop)["opened"] == 1


def test_the_failed_share_counts_when_there_is_enough_to_count(shop: Shop) -> None:
    give_up(shop, 2, of=5)
    assert "failed-share" not in open_rules(shop)
    give_up_more = Shop(shop.connection, "more", prefix="http://more.test/p")
    for number in range(15):
        give_up_more.add_product(f"q{number}", f"{number}.jpg")
    assert "failed-share" not in open_rules(shop)
    for claim in shop.claim(batch=4, per_host=100):
        shop.finish("w/1", fault(claim, "not-found"))
    assert open_rules(shop) == ["failed-share"]
    [alert] = shop.rows("select * from likeness.alerts")
    assert (alert["value"], alert["threshold"]) == (0.3, 0.2)
    assert "failures_by_reason" in alert["hint"]


def test_a_picture_in_hand_for_longer_than_a_quarter_of_an_hour_is_told_of(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    shop.claim(lease=HOUR)
    shop.at(shop.now() + 14 * MINUTE)
    assert open_rules(shop) == []
    shop.at(shop.now() + 2 * MINUTE)
    assert open_rules(shop) == ["processing"]


def test_storage_is_compared_with_its_quota(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    used = shop.rows("select * from likeness.measure_storage()")[0]
    assert used["blobs"] == 1
    assert shop.value("select scanned_to from likeness.measure_storage(%s)", "f" * 64) is None
    shop.execute("select likeness.note_storage(bytes => 81, blobs => 1)")
    assert open_rules(shop) == []
    shop.execute("select likeness.note_storage(quota_bytes => 100)")
    assert open_rules(shop) == ["storage"]


def test_a_host_whose_breaker_stays_open_for_an_hour_is_named(shop: Shop) -> None:
    for number in range(5):
        shop.add_product(f"p{number}", f"{number}.jpg")
    for claim in shop.claim(per_host=5):
        shop.finish("w/1", fault(claim, "timeout", is_host_fault=True, is_retryable=True))
    assert watch(shop)["open"] == 0
    assert watch(shop, after=61 * MINUTE)["opened"] == 1
    [alert] = shop.rows("select * from likeness.alerts where rule = 'breaker'")
    assert alert["subject"] == "pictures.test"


def test_garbage_that_nobody_deletes_is_told_of(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    shop.execute("delete from likeness.products")
    shop.execute("select likeness.condemn_blobs(retention => interval '0')")
    shop.at(shop.now() + timedelta(days=36))
    assert "garbage" not in open_rules(shop)
    shop.at(shop.now() + timedelta(days=2))
    assert "garbage" in open_rules(shop)


def test_checks_of_sources_that_are_overdue_are_told_of(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    shop.execute(
        "update likeness.image_freshness set next_check_at = likeness.clock() where image_id = %s",
        shop.image(product)["id"],
    )
    shop.at(shop.now() + 23 * HOUR)
    assert "freshness" not in open_rules(shop)
    shop.at(shop.now() + 2 * HOUR)
    assert "freshness" in open_rules(shop)


def test_periodic_work_that_is_overdue_or_fails_again_and_again_is_named(shop: Shop) -> None:
    shop.execute("select likeness.register_periodic('tidy', '* * * * *', likeness.clock(), '')")
    for _ in range(3):
        run = shop.value("select run_id from likeness.begin_periodic('tidy', 'w/1')")
        shop.execute("select likeness.end_periodic(%s, '{}', error => 'no')", run)
    assert shop.rows("select rule, subject from likeness.alerts") == [
        {"rule": "periodic-failing", "subject": "tidy"}
    ]
    shop.at(shop.now() + 16 * MINUTE)
    assert set(open_rules(shop)) == {"periodic-failing", "periodic-overdue"}


def test_an_alert_that_is_switched_off_closes_and_stays_closed(shop: Shop) -> None:
    shop.execute("select likeness.note_storage(81, 1, 100)")
    assert watch(shop)["opened"] == 1
    shop.execute("select likeness.set_alert('storage', is_enabled => false)")
    assert watch(shop)["closed"] == 1
    assert watch(shop)["open"] == 0
    with pytest.raises(NotFound), query_errors():
        shop.value("select likeness.set_alert('no such thing')")


def test_an_open_alert_does_not_flicker_at_its_threshold(shop: Shop) -> None:
    shop.execute("select likeness.note_storage(81, 1, 100)")
    watch(shop)
    shop.execute("select likeness.note_storage(79, 1, 100)")
    assert watch(shop) == {"opened": 0, "closed": 0, "open": 1}
    shop.execute("select likeness.note_storage(70, 1, 100)")
    assert watch(shop) == {"opened": 0, "closed": 1, "open": 0}


def test_counts_that_are_cheap_agree_with_those_that_are_exact(shop: Shop) -> None:
    give_up(shop, 3, of=10)
    for claim in shop.claim(batch=4, per_host=100)[:2]:
        shop.complete(claim)
    shop.add_product("inactive", "i.jpg", status="inactive")
    exact = {r["state"]: r["images"] for r in shop.rows("select * from likeness.queue_status")}
    cheap = {r["state"]: r["images"] for r in shop.rows("select * from likeness.queue_counts")}
    assert {name: count for name, count in cheap.items() if count} == exact


@pytest.mark.parametrize("view", ["alert_measures", "queue_counts"])
def test_no_measure_reads_all_pictures_where_there_are_many(shop: Shop, view: str) -> None:
    shop.execute("set enable_seqscan = off")
    plan = shop.rows(f"explain select * from likeness.{view}")
    # Where the table is small it is counted; where it is large its statistics are taken.
    whole = [line for row in plan for line in row.values() if "Seq Scan on images" in line]
    assert not whole


def test_webhooks_hear_of_an_alert_when_it_opens_and_when_it_closes(shop: Shop) -> None:
    shop.execute("select likeness.save_webhook('http://hook.test/', '{alert.*}')")
    shop.execute("select likeness.save_webhook('http://other.test/', is_active => false)")
    shop.execute("select likeness.note_storage(81, 1, 100)")
    watch(shop)
    watch(shop, after=HOUR)
    shop.execute("select likeness.note_storage(1, 1, 100)")
    watch(shop)
    events = shop.rows("select event, payload from likeness.webhook_deliveries order by id")
    assert [row["event"] for row in events] == ["alert.opened", "alert.closed"]
    assert events[0]["payload"]["rule"] == "storage"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("threshold => -1", "threshold must be a number of 0 or more"),
        ("threshold => 'NaN'", "threshold must be a number of 0 or more"),
        ("threshold => 'Infinity'", "threshold must be a number of 0 or more"),
        ("lasting => '-1 hour'", "lasting must be a time of 0 or more"),
    ],
)
def test_an_alert_that_could_never_open_is_refused(shop: Shop, arguments: str, said: str) -> None:
    with pytest.raises(BadInput, match=said), query_errors():
        shop.value(f"select likeness.set_alert('pending', {arguments})")


def test_an_alert_does_not_wait_for_ever(shop: Shop) -> None:
    # Before 17, Postgres knows no endless interval.
    with pytest.raises((BadInput, InvalidDatetimeFormat)), query_errors():
        shop.value("select likeness.set_alert('pending', lasting => 'infinity')")


@pytest.mark.parametrize(
    "arguments",
    [
        "bytes => -1",
        "blobs => -1",
        "quota_bytes => -1",
        "quota_bytes => 0",
        "garbage_grace => '-1 s'",
    ],
)
def test_the_store_holds_no_less_than_nothing(shop: Shop, arguments: str) -> None:
    with pytest.raises(BadInput, match="must be"), query_errors():
        shop.execute(f"select likeness.note_storage({arguments})")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("null", "begins with http:// or https://"),
        ("'ftp://hook.test/'", "begins with http:// or https://"),
        ("'http://'", "begins with http:// or https://"),
        ("'https://ann:topsecret@hook.test/'", "cannot hold a user and password"),
        ("'ftp://ann:topsecret@hook.test/'", "begins with http:// or https://"),
        ("'http://a.test/', null", "at least one event"),
        ("'http://a.test/', '{}'", "at least one event"),
        ("'http://a.test/', '{alert.*,null}'", "none that is null"),
        ("'http://a.test/', '{alert.done}'", "there is no event alert.done"),
        ("'http://a.test/', secret => 'short'", "16 characters or more, or be null, not 5"),
        ("'http://a.test/', is_active => null", "is_active must be true or false"),
    ],
)
def test_a_webhook_that_makes_no_sense_is_refused_for_its_own_reason(
    shop: Shop, arguments: str, said: str
) -> None:
    with pytest.raises(BadInput, match=said) as caught, query_errors():
        shop.rows(f"select * from likeness.save_webhook({arguments})")
    assert "topsecret" not in str(caught.value)
    assert shop.rows("select * from likeness.webhooks") == []


def test_what_a_hint_names_is_there(shop: Shop) -> None:
    hints = [row["hint"] for row in shop.rows("select hint from likeness.alert_rules")]
    queries = [query for hint in hints for query in re.findall(r"select [^;]+ from [^;]+", hint)]
    for query in queries:
        shop.execute(query.rstrip("."))
    commands = [line for hint in hints for line in re.findall(r"\blikeness ([a-z ]+)", hint)]
    for line in commands:
        command: click.Command = likeness
        words = line.split()
        while words and isinstance(command, click.Group):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
    assert len(queries) > 5
    assert len(commands) > 2
