"""Runs that are fetched a few pictures at a time."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.invariants import assert_checks_are_quiet
from tests.shop import Shop, fault

Db = Connection[DictRow]


@pytest.fixture
def shop(connection: Db) -> Shop:
    """Six products whose pictures nobody has queued."""
    shop = Shop(connection)
    for n in range(6):
        shop.add_product(f"p{n}", f"{n}.jpg")
    shop.execute("select likeness.unqueue_images(array(select id from likeness.images))")
    return shop


def start(shop: Shop, most: int | None = 2, **more: object) -> int:
    names = "".join(f", {name} => %s" for name in more)
    run: int = shop.value(
        f"select likeness.start_run(max_concurrent => %s{names})", most, *more.values()
    )
    return run


def feed(shop: Shop) -> None:
    while shop.value("select likeness.feed_runs()"):
        pass


def status(shop: Shop, run: int) -> dict[str, Any]:
    return shop.rows("select * from likeness.run_status where run_id = %s", run)[0]


def test_a_run_has_no_more_in_hand_than_its_cap_and_ends(shop: Shop, connection: Db) -> None:
    run = start(shop)
    seen: list[int] = []
    claims: list[dict[str, Any]] = []
    for number in range(6):
        claims += shop.claim()
        seen.append(len(claims))
        assert status(shop, run)["status"] == "running"
        assert shop.complete(claims.pop(0), f"{number}" * 64)
        feed(shop)
    assert seen == [2, 2, 2, 2, 2, 1]
    done = status(shop, run)
    assert (done["status"], done["wanted"], done["stored"]) == ("finished", 6, 6)
    assert_checks_are_quiet(connection)


def test_the_limit_of_a_run_holds_beside_its_cap(shop: Shop) -> None:
    run = start(shop, 2, image_limit=3)
    assert status(shop, run)["wanted"] == 3
    assert len(shop.claim()) == 2


def test_a_run_without_a_cap_is_queued_whole(shop: Shop) -> None:
    start(shop, None)
    assert len(shop.claim()) == 6


def test_a_finish_tells_workers_that_a_run_has_room(shop: Shop, second_connection: Db) -> None:
    start(shop, 1)
    [claim] = shop.claim()
    second_connection.execute("listen likeness_work")
    shop.complete(claim)
    assert next(second_connection.notifies(timeout=10)).channel == "likeness_work"


def test_a_picture_that_waits_for_another_attempt_leaves_its_place_to_the_next(
    shop: Shop,
) -> None:
    now = shop.now()
    shop.at(now)
    start(shop, 1)
    [claim] = shop.claim()
    shop.finish("w/1", fault(claim, "timeout", is_retryable=True))
    feed(shop)
    assert len(shop.claim()) == 1
    # Its time has come, and the run is full: it goes on waiting.
    shop.at(now + timedelta(minutes=2))
    assert shop.value("select likeness.promote_retries()") == 0
    assert shop.claim() == []


def test_what_was_fetched_meanwhile_counts_as_skipped(shop: Shop) -> None:
    run = start(shop, 1)
    last = shop.rows("select id from likeness.images order by id desc limit 1")[0]["id"]
    shop.value("select likeness.queue_images(array[%s::bigint], 3::smallint)", last)
    done = 0
    while claims := shop.claim():
        for claim in claims:
            shop.complete(claim, f"{done}" * 64)
            done += 1
        feed(shop)
    assert done == 6
    end = status(shop, run)
    assert (end["status"], end["wanted"], end["stored"], end["skipped"]) == ("finished", 5, 5, 1)


def test_a_run_ends_though_pictures_that_wait_for_it_are_gone(shop: Shop) -> None:
    run = start(shop, 1)
    [claim] = shop.claim()
    shop.execute("delete from likeness.products where sku <> 'p0'")
    shop.complete(claim)
    feed(shop)
    end = status(shop, run)
    assert (end["status"], end["wanted"]) == ("finished", 1)


def test_a_run_that_still_waits_for_itself_is_not_closed(shop: Shop) -> None:
    start(shop, 1)
    shop.execute("update likeness.images set queued_at = null where queued_at is not null")
    assert shop.value("select likeness.close_runs()") == 0


def test_a_picture_that_waits_for_its_run_is_explained(shop: Shop) -> None:
    run = start(shop, 1)
    last = shop.rows("select max(id) as id from likeness.images")[0]["id"]
    answer = shop.rows("select * from likeness.explain_image(image_id => %s)", last)[0]
    assert answer["answer"] == f"It waits for others of run {run}, which fetches 1 at once."


def test_a_cap_of_nothing_is_refused(shop: Shop) -> None:
    with pytest.raises(psycopg.Error, match="max_concurrent must be at least 1"):
        start(shop, 0)
