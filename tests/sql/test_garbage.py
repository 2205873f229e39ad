"""Garbage: what is condemned, who saves it, what is deleted, and what a purge takes down."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.invariants import assert_checks_are_quiet
from tests.shop import Shop, completed, wait_until_blocked
from worker.db import query_errors
from worker.errors import BadInput

OLD, NEW = "a" * 64, "b" * 64
DAY = timedelta(days=1)


@pytest.fixture
def shop(connection: Connection[DictRow]) -> Shop:
    return Shop(connection)


def replace_picture(shop: Shop) -> int:
    """A place that showed OLD and shows NEW."""
    product = shop.add_product("p", "p.jpg")
    assert shop.complete(shop.claim()[0], OLD)
    shop.value("select likeness.queue_images(array[%s::bigint])", shop.image(product)["id"])
    assert shop.complete(shop.claim()[0], NEW)
    return product


def condemn(shop: Shop, retention: timedelta = timedelta(0)) -> int:
    condemned: int = shop.value(
        "select condemned from likeness.condemn_blobs(retention => %s)", retention
    )
    return condemned


def mark(shop: Shop, grace: timedelta = timedelta(0)) -> list[str]:
    rows = shop.rows("select sha256 from likeness.claim_condemned(%s)", grace)
    return [row["sha256"] for row in rows]


def begin(shop: Shop, sha256: str = OLD, worker: str = "w/1") -> str:
    answer: str = shop.value(
        "select answer from likeness.begin_blobs(%s, array[%s])", worker, sha256
    )
    return answer


def status(shop: Shop, sha256: str = OLD) -> str | None:
    rows = shop.rows("select status from likeness.blobs where sha256 = %s", sha256)
    return rows[0]["status"] if rows else None


def finish(shop: Shop, claim: dict[str, Any], **more: Any) -> bool:
    return shop.finish("w/1", completed(claim, OLD) | more)[0]


def another_claim(shop: Shop) -> dict[str, Any]:
    """A picture in hand that will turn out to be OLD."""
    shop.add_product("q", "q.jpg")
    return shop.claim()[0]


def test_only_bytes_that_no_place_shows_or_showed_within_the_retention_are_condemned(
    shop: Shop,
) -> None:
    replace_picture(shop)
    start = shop.now()
    assert condemn(shop, 30 * DAY) == 0
    shop.at(start + 31 * DAY)
    assert condemn(shop, 30 * DAY) == 1
    assert (status(shop), status(shop, NEW)) == ("condemned", "stored")
    assert_checks_are_quiet(shop.connection)


def test_bytes_that_are_shown_for_long_are_kept_however_old(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0], OLD)
    shop.at(shop.now() + 4000 * DAY)
    assert condemn(shop) == 0


def test_bytes_of_products_that_are_gone_are_condemned(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0], OLD)
    shop.execute("delete from likeness.products where id = %s", product)
    assert condemn(shop, DAY) == 0
    shop.at(shop.now() + 2 * DAY)
    assert condemn(shop, DAY) == 1


def test_a_canonical_picture_keeps_its_bytes(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0], OLD)
    canonical = shop.value(
        "insert into likeness.canonical_products (name) values ('c') returning id"
    )
    shop.execute(
        "update likeness.images set product_id = null, canonical_product_id = %s"
        " where product_id = %s",
        canonical,
        product,
    )
    assert condemn(shop) == 0


def test_the_scan_goes_on_where_it_was(shop: Shop) -> None:
    replace_picture(shop)
    query = "select * from likeness.condemn_blobs(%s, 1, interval '0')"
    first = shop.rows(query, "")[0]
    assert first == {"scanned_to": OLD, "condemned": 1}
    assert shop.rows(query, OLD)[0] == {"scanned_to": NEW, "condemned": 0}
    assert shop.rows(query, NEW)[0]["scanned_to"] is None


def test_condemned_bytes_wait_for_the_grace_period(shop: Shop) -> None:
    replace_picture(shop)
    condemn(shop)
    assert mark(shop, 30 * DAY) == []
    shop.at(shop.now() + 31 * DAY)
    assert mark(shop, 30 * DAY) == [OLD]
    # Begun and not ended: it comes again.
    assert mark(shop, 60 * DAY) == [OLD]


def test_a_picture_that_shows_condemned_bytes_again_saves_them(shop: Shop) -> None:
    replace_picture(shop)
    claim = another_claim(shop)
    condemn(shop)
    assert begin(shop) == "stored"
    assert finish(shop, claim, is_reused=True, blob=None)
    assert status(shop) == "stored"
    assert condemn(shop) == 0
    assert_checks_are_quiet(shop.connection)


def test_bytes_whose_deletion_began_are_put_anew(shop: Shop) -> None:
    replace_picture(shop)
    claim = another_claim(shop)
    condemn(shop)
    assert mark(shop) == [OLD]
    assert begin(shop) == "yours"
    with shop.connection.transaction():
        assert not shop.value("select likeness.hold_condemned(%s)", OLD)
    assert not shop.value("select likeness.forget_blob(%s)", OLD)
    assert finish(shop, claim)
    assert status(shop) == "stored"


def test_a_picture_whose_bytes_were_deleted_while_it_was_in_hand_is_fetched_again(
    shop: Shop,
) -> None:
    replace_picture(shop)
    claim = another_claim(shop)
    condemn(shop)
    assert begin(shop) == "stored"
    mark(shop)
    assert shop.value("select likeness.hold_condemned(%s)", OLD)
    assert shop.value("select likeness.forget_blob(%s)", OLD)
    assert not finish(shop, claim, is_reused=True, blob=None)
    again = shop.claim()[0]
    assert (again["image_id"], again["attempts"]) == (claim["image_id"], 0)
    assert shop.complete(again, OLD)


def test_who_lost_its_hold_on_bytes_cannot_call_them_stored(shop: Shop) -> None:
    claim = another_claim(shop)
    assert begin(shop) == "yours"
    shop.execute("update likeness.images set claim_expires_at = '2100-01-01'")
    shop.at(shop.now() + DAY)
    assert mark(shop) == [OLD]
    assert not finish(shop, claim)


def test_bytes_that_somebody_is_about_to_show_are_not_condemned(
    shop: Shop, second_connection: Connection[DictRow]
) -> None:
    replace_picture(shop)
    with second_connection.transaction():
        second_connection.execute("select 1 from likeness.blobs for key share")
        assert condemn(shop) == 0
    assert condemn(shop) == 1


def test_storing_waits_while_the_objects_are_being_deleted(
    shop: Shop, second_connection: Connection[DictRow]
) -> None:
    replace_picture(shop)
    condemn(shop)
    mark(shop)
    second_connection.execute("set lock_timeout = '200ms'")
    with shop.connection.transaction():
        assert shop.value("select likeness.hold_condemned(%s)", OLD)
        with pytest.raises(Exception, match="lock timeout"):
            second_connection.execute("select likeness.begin_blobs('w/2', array[%s])", [OLD])
        assert shop.value("select likeness.forget_blob(%s)", OLD)
    assert begin(shop) == "yours"


def test_bytes_half_stored_by_a_dead_worker_are_cleared(shop: Shop) -> None:
    assert begin(shop) == "yours"
    assert mark(shop) == []
    shop.at(shop.now() + timedelta(minutes=30))
    assert mark(shop, 30 * DAY) == []
    shop.at(shop.now() + timedelta(minutes=32))
    assert mark(shop, 30 * DAY) == [OLD]
    assert shop.value("select likeness.hold_condemned(%s)", OLD)
    assert shop.value("select likeness.forget_blob(%s)", OLD)
    assert status(shop) is None


def test_bytes_that_two_workers_began_leave_their_row_when_they_cannot_be_rendered(
    shop: Shop,
) -> None:
    # The first one may have put some objects before it died.
    begin(shop, worker="w/9")
    shop.at(shop.now() + timedelta(minutes=2))
    claim = another_claim(shop)
    assert begin(shop) == "yours"
    failed = {"is_completed": False, "reason": "corrupt-image", "is_retryable": False, "blob": None}
    assert finish(shop, claim, **failed)
    assert status(shop) == "storing"


def test_bytes_whose_second_wave_is_in_hand_are_not_deleted(shop: Shop) -> None:
    replace_picture(shop)
    assert len(shop.rows("select * from likeness.claim_renditions('w/1', 9)")) == 2
    condemn(shop)
    assert mark(shop) == []
    shop.at(shop.now() + timedelta(minutes=2))
    assert mark(shop) == [OLD]


def purge(shop: Shop, sha256: str = OLD) -> dict[str, Any]:
    return shop.rows("select * from likeness.purge_blob(%s, 'court order', 'ann')", sha256)[0]


def test_a_purge_takes_a_picture_down_everywhere(shop: Shop) -> None:
    showing = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0], OLD)
    shop.complete(another_claim(shop), OLD)
    assert purge(shop) == {"images": 2, "history_rows": 2, "is_known": True}
    image = shop.image(showing)
    assert (image["status"], image["failure_reason"]) == ("failed", "purged")
    shown = shop.rows("select url from likeness.resolve_display_urls(array[%s::bigint])", showing)
    assert shown == [{"url": None}]
    assert not shop.rows("select from likeness.image_history where blob_sha256 = %s", OLD)
    audit = shop.rows("select purged_by, reason, images from likeness.purged_blobs")
    assert audit == [{"purged_by": "ann", "reason": "court order", "images": 2}]
    assert mark(shop, 30 * DAY) == [OLD]
    assert_checks_are_quiet(shop.connection)


def test_purged_bytes_never_come_back(shop: Shop) -> None:
    claim = another_claim(shop)
    assert begin(shop) == "yours"
    purge(shop)
    # Begun before the purge, finished after it: it fails, and its objects are garbage.
    assert finish(shop, claim)
    row = shop.rows("select status, failure_reason from likeness.images")
    assert row == [{"status": "failed", "failure_reason": "purged"}]
    assert mark(shop, 30 * DAY) == [OLD]
    assert begin(shop) == "purged"


def test_a_purge_is_seen_that_commits_while_a_finish_waits_for_its_bytes(
    connection: Connection[DictRow], second_connection: Connection[DictRow]
) -> None:
    shop = Shop(connection)
    claim = another_claim(shop)
    assert begin(shop) == "yours"
    finished: list[bool] = []
    other = threading.Thread(target=lambda: finished.append(finish(Shop(second_connection), claim)))
    with connection.transaction():
        purge(shop)
        other.start()
        wait_until_blocked(connection, second_connection)
    other.join(timeout=30)
    assert finished == [True]
    row = shop.rows("select status, failure_reason from likeness.images")
    assert row == [{"status": "failed", "failure_reason": "purged"}]


def test_a_picture_in_hand_is_taken_from_its_worker_by_a_purge(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0], OLD)
    shop.value("select likeness.queue_images(array[%s::bigint])", shop.image(product)["id"])
    claim = shop.claim()[0]
    purge(shop)
    assert not finish(shop, claim, sha256=None, blob=None, is_reused=True)
    assert shop.image(product)["failure_reason"] == "purged"
    assert_checks_are_quiet(shop.connection)


def test_a_purge_needs_a_hash_and_a_reason(shop: Shop) -> None:
    with query_errors(), pytest.raises(Exception, match="64 hex digits") as raised:
        shop.rows("select * from likeness.purge_blob('abc', 'why')")
    assert getattr(raised.value, "sqlstate", None) == BadInput.sqlstate
    assert json.dumps(shop.rows("select * from likeness.purged_blobs")) == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("null, 'why'", "64 hex digits"),
        (f"'{OLD.upper()}', 'why'", "64 hex digits"),
        (f"'{OLD}', null", "reason must have"),
        (f"'{OLD}', ' '", "reason must have"),
        (f"'{OLD}', 'why', null", "purged_by must have"),
        (f"'{OLD}', 'why', ''", "purged_by must have"),
    ],
)
def test_a_purge_by_nobody_or_for_nothing_is_refused(shop: Shop, arguments: str, said: str) -> None:
    with pytest.raises(BadInput, match=said), query_errors():
        shop.rows(f"select * from likeness.purge_blob({arguments})")
    assert shop.rows("select * from likeness.purged_blobs") == []


def test_another_reason_for_a_purge_is_kept_behind_the_first(shop: Shop) -> None:
    for reason, person in (("a face", "ann"), ("court order", "bob"), ("court order", "bob")):
        shop.rows("select * from likeness.purge_blob(%s, %s, %s)", OLD, reason, person)
    assert shop.rows("select purged_by, reason from likeness.purged_blobs") == [
        {"purged_by": "ann", "reason": "a face; then bob: court order"}
    ]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("condemn_blobs(most => 0)", "most must be at least 1, not 0"),
        ("condemn_blobs(most => null)", "most must be at least 1, not null"),
        ("condemn_blobs(retention => '-1 day')", "retention must be a time of 0 or more"),
        ("condemn_blobs(retention => null)", "retention must be a time of 0 or more"),
        ("claim_condemned(most => -1)", "most must be at least 1, not -1"),
        ("claim_condemned(most => null)", "most must be at least 1, not null"),
        ("claim_condemned(grace => '-1 day')", "grace must be a time of 0 or more"),
        ("claim_condemned(grace => null)", "grace must be a time of 0 or more, not null"),
    ],
)
def test_garbage_is_not_counted_backwards(shop: Shop, call: str, said: str) -> None:
    with pytest.raises(BadInput, match=said), query_errors():
        shop.rows(f"select * from likeness.{call}")
