"""Freshness: checks disturb nothing that is shown, follow what was learned, and keep a budget."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop, completed, fault

Db = Connection[DictRow]
DAY = timedelta(days=1)


@pytest.fixture
def shop(connection: Db) -> Shop:
    shop = Shop(connection)
    shop.at(datetime.fromisoformat("2030-03-01T12:00:00+00:00"))
    return shop


def mirror(shop: Shop, sku: str = "a", sha256: str = "a" * 64, **more: Any) -> int:
    """A product with a completed picture; returns its id."""
    product = shop.add_product(sku, f"{sku}.jpg")
    (claim,) = shop.claim()
    assert shop.complete(claim, sha256, **more)
    return product


def look(shop: Shop, product: int, **result: Any) -> dict[str, Any]:
    """Queue a check of a product's picture whatever its time, claim it and finish it; the claim."""
    image = shop.image(product)["id"]
    shop.execute(
        "update likeness.image_freshness set next_check_at = likeness.clock() where image_id = %s",
        image,
    )
    shop.execute("update likeness.check_plan set planned_at = likeness.clock(), planned_to = 0")
    shop.execute("update likeness.check_plan set requests_a_day = 100000, bytes_a_day = 10^12")
    shop.execute("update likeness.check_plan set request_tokens = 100, byte_tokens = 10^9")
    assert shop.value("select likeness.queue_checks()") >= 1
    (claim,) = [c for c in shop.claim() if c["image_id"] == image]
    sha256 = result.pop("sha256", None)
    if sha256:
        assert shop.complete(claim, sha256, **result)
    else:
        outcome = {k: v for k, v in completed(claim, "").items() if k not in ("sha256", "blob")}
        shop.finish("w/1", outcome | {"source_bytes": None, "is_reused": True} | result)
    return claim


def unmodified(shop: Shop, product: int) -> dict[str, Any]:
    return look(shop, product, is_conditional=True, said_unmodified=True)


def known(shop: Shop, product: int) -> dict[str, Any]:
    return shop.rows(
        "select f.* from likeness.image_freshness f join likeness.images i on i.id = f.image_id"
        " where i.product_id = %s",
        product,
    )[0]


def shown(shop: Shop, product: int) -> str:
    status: str = shop.value(
        "select status from likeness.resolve_display_urls(array[%s::bigint])", product
    )
    return status


def test_a_check_that_is_queued_or_in_hand_shows_the_picture_as_cached(shop: Shop) -> None:
    product = mirror(shop)
    shop.at(shop.now() + 90 * DAY)
    assert shop.value("select likeness.queue_checks()") == 1
    assert (shop.image(product)["status"], shown(shop, product)) == ("completed", "cached")
    (claim,) = shop.claim()
    assert (shop.image(product)["status"], shown(shop, product)) == ("processing", "cached")
    states = {r["state"] for r in shop.rows("select state from likeness.queue_status")}
    assert states == {"completed"}
    assert shop.value("select likeness.release_images('w/1', array[%s::bigint])", claim["image_id"])
    assert (shop.image(product)["status"], shown(shop, product)) == ("completed", "cached")


def test_not_modified_touches_and_shows_the_same(shop: Shop) -> None:
    product = mirror(shop, etag='"1"')
    before = shop.image(product)
    shop.at(shop.now() + DAY)
    unmodified(shop, product)
    after = shop.image(product)
    assert after["mirrored_at"] == shop.now()
    assert after["blob_sha256"] == before["blob_sha256"]
    assert (after["status"], after["is_check"], after["queued_at"]) == ("completed", False, None)
    assert known(shop, product)["checks"] == 1
    assert known(shop, product)["quiet_days"] == pytest.approx(1, abs=0.01)


def test_other_bytes_are_shown_and_remembered_as_a_change(shop: Shop) -> None:
    product = mirror(shop)
    shop.at(shop.now() + DAY)
    look(shop, product, sha256="b" * 64)
    assert shop.image(product)["blob_sha256"] == "b" * 64
    assert (known(shop, product)["changes"], shown(shop, product)) == (1, "cached")
    assert known(shop, product)["shape"] > 0.5


def test_a_failed_check_takes_nothing_away_and_is_made_again_later(shop: Shop) -> None:
    product = mirror(shop)
    shop.at(shop.now() + DAY)
    down = {"is_completed": False, "reason": "timeout", "is_retryable": True, "failure_text": "x"}
    look(shop, product, **down)
    image = shop.image(product)
    assert (image["status"], image["queued_at"], image["failure_reason"]) == (
        "completed",
        None,
        None,
    )
    assert shown(shop, product) == "cached"
    state = known(shop, product)
    assert (state["failed_checks"], state["failure_text"]) == (1, "x")
    assert state["next_check_at"] == shop.now() + timedelta(hours=1)


def test_a_source_that_is_gone_for_days_fails_the_picture_which_stays_shown(shop: Shop) -> None:
    product = mirror(shop)
    for day in range(3):
        assert shop.image(product)["status"] == "completed", day
        shop.at(shop.now() + DAY)
        gone = {"is_completed": False, "reason": "not-found", "failure_text": "404"}
        look(shop, product, **gone)
    image = shop.image(product)
    assert (image["status"], image["failure_reason"]) == ("failed", "not-found")
    assert image["blob_sha256"] == "a" * 64
    assert shown(shop, product) == "outdated"


def test_a_dead_worker_leaves_a_checked_picture_completed(shop: Shop) -> None:
    product = mirror(shop)
    shop.at(shop.now() + 90 * DAY)
    shop.value("select likeness.queue_checks()")
    shop.claim()
    shop.at(shop.now() + timedelta(minutes=5))
    assert shop.value("select likeness.requeue_expired()") == 1
    assert (shop.image(product)["status"], shown(shop, product)) == ("completed", "cached")
    assert shop.image(product)["is_check"]


@pytest.mark.parametrize(
    "ending",
    [
        "select likeness.unqueue_images(array[%s::bigint])",
        "select likeness.queue_images(array[%s::bigint])",
        "update likeness.images set status = 'outdated' where id = %s",
    ],
)
def test_whoever_changes_a_picture_ends_its_check(shop: Shop, ending: str) -> None:
    product = mirror(shop)
    shop.at(shop.now() + 90 * DAY)
    shop.value("select likeness.queue_checks()")
    assert shop.image(product)["is_check"]
    shop.execute(ending, shop.image(product)["id"])
    assert not shop.image(product)["is_check"]


def test_a_check_of_something_that_is_not_shown_is_refused(shop: Shop) -> None:
    product = shop.add_product("a", "a.jpg")
    shop.claim()
    with pytest.raises(psycopg.errors.CheckViolation, match="check_is_of_something_shown"):
        shop.execute(
            "insert into likeness.images (product_id, position, source_url, status, is_check)"
            " values (%s, 5, 'x', 'failed', true)",
            product,
        )


def test_what_changes_often_is_checked_often(shop: Shop) -> None:
    quiet, lively = mirror(shop, "quiet"), mirror(shop, "lively")
    for day in range(6):
        shop.at(shop.now() + DAY)
        look(shop, quiet, sha256="a" * 64)
        look(shop, lively, sha256=f"{day + 1:064x}")
    waits = {
        product: known(shop, product)["next_check_at"] - known(shop, product)["checked_at"]
        for product in (quiet, lively)
    }
    assert waits[lively] * 3 < waits[quiet]


def test_hidden_changes_count_for_more_than_one(shop: Shop) -> None:
    """Found changed at each of three looks: the rarer the looks, the more they may have hidden."""
    rates = []
    for elapsed in (0.1, 10.0):
        shape, days = 0.2, 10.0
        for _ in range(3):
            row = shop.rows(
                "select * from likeness.learn_change(%s::float8, %s::float8, %s::float8)",
                shape,
                days,
                elapsed,
            )[0]
            shape, days = row["shape"], row["days"]
        rates.append((shape - 0.2, shape / days))
    assert rates[0][0] == pytest.approx(3, abs=0.1), "no interval hides anything"
    naive = (0.2 + 3) / (10 + 3 * 10)
    assert rates[1][1] > 1.15 * naive


def test_the_worth_of_a_look_is_its_integral(shop: Shop) -> None:
    shape, days, elapsed, steps = 0.7, 6.0, 9.0, 20_000
    width = elapsed / steps
    expected = sum(
        s * shape * days**shape / (days + s) ** (shape + 1) * width
        for s in ((k + 0.5) * width for k in range(steps))
    )
    worth = shop.value("select likeness.check_value(%s, %s, %s)", shape, days, elapsed)
    assert worth == pytest.approx(expected, rel=1e-4)
    for other in (1.0, 2.5):
        assert shop.value("select likeness.check_value(%s, 5, 3)", other) > 0


def test_no_picture_is_taken_to_change_less_than_once_a_year(shop: Shop) -> None:
    quiet, yearly = (
        shop.value("select likeness.check_value(%s, 100, 30)", shape) for shape in (1e-4, 100 / 365)
    )
    assert quiet == yearly
    intervals = [shop.value("select likeness.check_interval(%s, 100, 0.5)", s) for s in (1e-4, 0.1)]
    assert intervals[0] == intervals[1] < 30


def test_the_interval_is_where_a_look_is_worth_its_price(shop: Shop) -> None:
    for shape, days, price in ((0.2, 10.0, 0.5), (3.0, 60.0, 0.2), (5.0, 4.0, 0.05)):
        interval = shop.value("select likeness.check_interval(%s, %s, %s)", shape, days, price)
        worth = shop.value("select likeness.check_value(%s, %s, %s)", shape, days, interval)
        assert worth == pytest.approx(price, rel=0.06)
    assert shop.value("select likeness.check_interval(0.01, 5000, 5)") == 60
    assert shop.value("select likeness.check_interval(500, 1, 5)") == 1, "hopeless: once a day"


def test_a_dated_change_tells_how_long_it_has_been_quiet(shop: Shop) -> None:
    dated, undated = mirror(shop, "dated"), mirror(shop, "undated")
    shop.at(shop.now() + 4 * DAY)
    when = (shop.now() - timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    look(shop, dated, sha256="b" * 64, last_modified=when)
    look(shop, undated, sha256="c" * 64)
    assert known(shop, dated)["quiet_days"] == pytest.approx(1 / 24, abs=0.01)
    assert known(shop, dated)["shape"] == pytest.approx(1, abs=0.01)
    assert known(shop, undated)["quiet_days"] > 1


@pytest.mark.parametrize(
    "value", ["", "yesterday", "Thu, 31 Feb 2030 10:00:00 GMT", "Thu, 01 Foo 2030 10:00:00 GMT"]
)
def test_a_date_that_is_none_breaks_nothing(shop: Shop, value: str) -> None:
    shop.value("select likeness.http_date(%s)", value)
    assert shop.value("select likeness.http_date('Fri, 01 Mar 2030 12:00:00 GMT')") == shop.now()


def test_same_validators_and_other_bytes_are_a_lie_that_ends_conditions(shop: Shop) -> None:
    product, other = mirror(shop, "a", etag='"x"'), mirror(shop, "b", "b" * 64, etag='"y"')
    for _ in range(2):
        shop.at(shop.now() + DAY)
        unmodified(shop, other)
    assert known(shop, other)["quiet_days"] > 1.9
    shop.at(shop.now() + DAY)
    look(shop, product, sha256="c" * 64, etag='"x"', is_conditional=False)
    host = shop.rows("select * from likeness.host_validators")[0]
    assert (host["trust"], host["lies"]) == ("lying", 1)
    shop.at(shop.now() + timedelta(minutes=10))
    # What was believed of the host's other pictures is void: they are due, and asked without.
    shop.value("select likeness.queue_checks()")
    assert known(shop, other)["quiet_days"] == 0
    (claim,) = shop.claim()
    assert claim["image_id"] == shop.image(other)["id"]
    assert (claim["etag"], claim["is_audit"]) == (None, False)


def test_not_modified_that_an_audit_refutes_is_a_lie(shop: Shop) -> None:
    product = mirror(shop, etag='"1"')
    shop.at(shop.now() + DAY)
    look(shop, product, sha256="b" * 64, etag='"2"', is_conditional=True, said_unmodified=True)
    host = shop.rows("select * from likeness.host_validators")[0]
    assert (host["trust"], host["lies"], host["audits"]) == ("lying", 1, 1)
    assert shop.image(product)["blob_sha256"] == "b" * 64


def test_changes_that_validators_tell_of_make_a_host_honest(shop: Shop) -> None:
    product = mirror(shop, etag='"0"')
    for n in range(3):
        shop.at(shop.now() + DAY)
        look(shop, product, sha256=f"{n:064x}", etag=f'"{n + 1}"', is_conditional=True)
    host = shop.rows("select * from likeness.host_validators")[0]
    assert (host["trust"], host["proofs"], host["lies"]) == ("honest", 3, 0)
    view = shop.rows("select validators, changes from likeness.supplier_freshness")[0]
    assert view == {"validators": "honest", "changes": 3}


def test_other_validators_for_the_same_bytes_are_noise(shop: Shop) -> None:
    product = mirror(shop, etag='"0"')
    for n in range(12):
        shop.at(shop.now() + DAY)
        look(shop, product, sha256="a" * 64, etag=f'"{n + 1}"', is_conditional=True)
    assert shop.value("select trust from likeness.host_validators") == "noisy"


def test_validators_of_old_bytes_do_not_stay_with_new_ones(shop: Shop) -> None:
    product = mirror(shop, etag='"1"')
    shop.at(shop.now() + DAY)
    look(shop, product, sha256="b" * 64)
    assert shop.image(product)["source_etag"] is None


def test_a_day_spends_its_budget_and_no_more_and_evenly(shop: Shop) -> None:
    for n in range(500):
        shop.add_product(f"p{n}", f"{n}.jpg")
    while claims := shop.claim(batch=500, per_host=500):
        shop.value("select count(*) from likeness.begin_blobs('w/1', array[%s])", "a" * 64)
        shop.finish("w/1", *(completed(claim, "a" * 64) for claim in claims))
    shop.at(shop.now() + DAY)
    spent = []
    for _ in range(48):
        shop.at(shop.now() + timedelta(minutes=30))
        # 20 %, which of 500 is 100 a day.
        shop.value("select likeness.queue_checks(20)")
        claims = shop.claim(batch=500, per_host=500)
        spent.append(len(claims))
        shop.finish("w/1", *(completed(claim, "a" * 64) for claim in claims))
    assert 90 <= sum(spent) <= 110
    assert max(spent) <= 10
    status = shop.rows("select * from likeness.freshness_status")[0]
    assert status["requests_a_day"] == 100
    assert status["checks_a_day"] == pytest.approx(100, abs=12)


def test_bytes_have_a_budget_of_their_own(shop: Shop) -> None:
    for n in range(20):
        mirror(shop, f"p{n}", source_bytes=1_000_000)
    shop.at(shop.now() + 60 * DAY)
    spent = 0
    for _ in range(48):
        shop.at(shop.now() + timedelta(minutes=30))
        spent += shop.value("select likeness.queue_checks(100, 5000000)")
        for claim in shop.claim(batch=100):
            shop.complete(claim, "a" * 64, source_bytes=1_000_000)
    assert 1 <= spent <= 6


def test_viewed_pictures_are_looked_at_first(shop: Shop) -> None:
    plain, viewed = mirror(shop, "plain"), mirror(shop, "viewed")
    assert shop.value("select likeness.note_views(array[%s::bigint])", viewed) == 1
    assert shop.value("select likeness.note_views(array[%s::bigint])", viewed) == 0, "by the hour"
    shop.value("select count(*) from likeness.plan_checks()")
    for product in (plain, viewed):
        shop.execute(
            "update likeness.image_freshness set next_check_at = likeness.clock()"
            " where image_id = %s",
            shop.image(product)["id"],
        )
    shop.at(shop.now() + DAY)
    shop.execute("update likeness.check_plan set paced_at = likeness.clock(), byte_tokens = 10^9")
    shop.execute("update likeness.check_plan set requests_a_day = 24, request_tokens = 1.3")
    assert shop.value("select likeness.queue_checks()") == 1
    (claim,) = shop.claim()
    assert claim["image_id"] == shop.image(viewed)["id"]


def test_pictures_of_inactive_products_and_paused_hosts_are_not_checked(shop: Shop) -> None:
    product = mirror(shop)
    shop.at(shop.now() + 90 * DAY)
    shop.value("select likeness.pause_host('pictures.test')")
    assert shop.value("select likeness.queue_checks()") == 0
    shop.value("select likeness.resume_host('pictures.test')")
    shop.execute("update likeness.products set status = 'inactive' where id = %s", product)
    shop.at(shop.now() + DAY)
    assert shop.value("select likeness.queue_checks()") == 0
    shop.execute("update likeness.products set status = 'active' where id = %s", product)
    shop.at(shop.now() + DAY)
    assert shop.value("select likeness.queue_checks()") == 1


def test_the_neighbours_of_a_changed_picture_are_looked_at_next(shop: Shop) -> None:
    product = shop.add_product("a", "1.jpg", "2.jpg")
    for n, claim in enumerate(shop.claim()):
        shop.complete(claim, f"{n:064x}")
    shop.at(shop.now() + 2 * DAY)
    shop.execute(
        "update likeness.image_freshness set next_check_at = likeness.clock() + interval '20 days'"
    )
    look(shop, product, sha256="b" * 64)
    mate = shop.rows(
        "select * from likeness.image_freshness where image_id = %s", shop.image(product, 1)["id"]
    )[0]
    assert (mate["next_check_at"], mate["suspected_with"]) == (shop.now(), "product")


def test_a_second_change_in_a_row_makes_the_whole_row_suspect(shop: Shop) -> None:
    products = [mirror(shop, f"p{n:02}", f"{n:064x}") for n in range(14)]
    shop.execute(
        "insert into likeness.supplier_rates (supplier_id, shape, days, row_checks)"
        " values (%s, 0.05, 1, 1000)",
        shop.supplier_id,
    )

    def suspected() -> dict[int, float]:
        rows = shop.rows(
            "select i.product_id, f.suspicion from likeness.image_freshness f"
            " join likeness.images i on i.id = f.image_id where f.suspected_with = 'row'"
        )
        return {row["product_id"]: row["suspicion"] for row in rows}

    shop.at(shop.now() + 2 * DAY)
    shop.execute(
        "update likeness.image_freshness set next_check_at = likeness.clock() + interval '9 days'"
    )
    look(shop, products[0], sha256="b" * 64)
    # A thousand times it was chance, so one change is hardly worth a look at the next.
    assert all(suspicion < 0.002 for suspicion in suspected().values())
    shop.at(shop.now() + timedelta(hours=2))
    look(shop, products[3], sha256="c" * 64)
    assert set(suspected()) == set(products[:16]) - {products[0], products[3]}
    assert set(suspected().values()) == {0.5}


def test_a_feed_that_tells_of_changes_saves_looks(shop: Shop) -> None:
    product = mirror(shop)
    shop.execute(
        "update likeness.products set media_changed_at = likeness.clock() - interval '9 days'"
    )
    shop.at(shop.now() + 30 * DAY)
    shop.execute(
        "insert into likeness.supplier_rates"
        " (supplier_id, shape, days, news_days, news_hits, news_at)"
        " values (%s, 0.2, 10, 1, 100, likeness.clock() - interval '1 hour')",
        shop.supplier_id,
    )
    row = shop.rows(
        "select n.* from likeness.image_freshness f, likeness.supplier_rates r,"
        " lateral likeness.news_look(f.checked_at, r, likeness.clock(), likeness.clock()) n"
    )[0]
    assert row["silent_days"] == pytest.approx(30, abs=1)
    assert row["elapsed_days"] < 1
    shop.execute("update likeness.products set media_changed_at = null")
    assert known(shop, product)["checked_at"] < shop.now() - 29 * DAY, "nothing is written for it"


def test_a_refresh_fetches_without_validators_and_shows_the_old_meanwhile(shop: Shop) -> None:
    product = mirror(shop, etag='"1"')
    row = shop.rows("select * from likeness.refresh_images(array[%s::bigint])", product)[0]
    assert (row["queued"], row["in_hand"], row["failed"]) == (1, 0, 0)
    assert shown(shop, product) == "outdated"
    (claim,) = shop.claim()
    assert (claim["etag"], claim["is_audit"]) == (None, False)
    shop.complete(claim, "b" * 64)
    assert shop.image(product)["is_forced"] is False
    run = shop.rows("select * from likeness.run_status where run_id = %s", row["run_id"])[0]
    assert (run["status"], run["stored"]) == ("finished", 1)


def test_a_forced_fetch_that_is_tried_again_is_still_forced(shop: Shop) -> None:
    product = mirror(shop, etag='"1"')
    shop.rows("select * from likeness.refresh_images(supplier => 'acme')")
    (claim,) = shop.claim()
    shop.finish("w/1", fault(claim, "timeout", is_retryable=True))
    shop.at(shop.now() + timedelta(hours=1))
    shop.value("select likeness.promote_retries()")
    (claim,) = shop.claim()
    assert (shop.image(product)["is_forced"], claim["etag"]) == (True, None)


@pytest.mark.parametrize(
    ("arguments", "state"),
    [("", "LK004"), ("supplier => 'none'", "LK002"), ("dataset_id => 4711", "LK002"),
     ("array[4711::bigint]", "LK002")],
)  # fmt: skip
def test_a_refresh_of_nothing_or_of_unknown_things_is_refused(
    shop: Shop, arguments: str, state: str
) -> None:
    with pytest.raises(psycopg.Error) as refused:
        shop.rows(f"select * from likeness.refresh_images({arguments})")
    assert refused.value.sqlstate == state


def test_prefetch_raises_what_waits_and_counts_the_rest(shop: Shop) -> None:
    cached = mirror(shop, "cached")
    failed = shop.add_product("failed", "f.jpg")
    (claim,) = shop.claim()
    shop.finish("w/1", fault(claim, "not-found"))
    waits = shop.add_product("waits", "w.jpg")
    row = shop.rows(
        "select * from likeness.prefetch_images(array[%s, %s, %s, 4711]::bigint[])",
        cached, failed, waits,
    )[0]  # fmt: skip
    assert row == {"products": 4, "unknown": 1, "cached": 1, "queued": 0, "raised": 1, "failed": 1}
    assert shop.image(waits)["priority"] == 2
    assert known(shop, cached)["viewed_at"] is not None


def test_asking_for_an_outdated_picture_raises_its_refresh(shop: Shop) -> None:
    product = mirror(shop)
    shop.value("select likeness.queue_images(array[%s::bigint])", shop.image(product)["id"])
    assert (shown(shop, product), shop.image(product)["priority"]) == ("outdated", 0)
    assert shop.value("select likeness.set_priority(array[%s::bigint], 3::smallint)", product) == 1
    assert shop.image(product)["priority"] == 3


def test_planning_goes_in_steps_and_resumes(shop: Shop) -> None:
    for n in range(5):
        mirror(shop, f"p{n}")
    steps: list[dict[str, Any]] = []
    while not steps or not steps[-1]["is_done"]:
        steps += shop.rows("select * from likeness.plan_checks(25, 1000000, 2)")
    assert len(steps) == 4, "two, two, one, none left"
    assert shop.value("select planned_to from likeness.check_plan") == 0


def test_one_session_queues_checks_at_a_time(shop: Shop, second_connection: Db) -> None:
    mirror(shop)
    shop.at(shop.now() + 90 * DAY)
    shop.execute("begin")
    assert shop.value("select likeness.queue_checks()") == 1
    row = second_connection.execute("select likeness.queue_checks() as queued").fetchone()
    assert row == {"queued": 0}
    shop.execute("commit")


@pytest.mark.parametrize(
    "arguments", ["label => null", "priority => -1", "priority => 4", "priority => null"]
)
def test_a_refresh_has_a_label_and_a_priority(shop: Shop, arguments: str) -> None:
    before = shop.rows("select * from likeness.runs")
    with pytest.raises(psycopg.Error) as caught:
        shop.rows(f"select * from likeness.refresh_images(supplier => 'acme', {arguments})")
    assert caught.value.sqlstate == "LK004"
    assert shop.rows("select * from likeness.runs") == before


@pytest.mark.parametrize("function", ["plan_checks", "queue_checks"])
@pytest.mark.parametrize(
    "arguments",
    [
        *("'NaN'", "'Infinity'", "-1", "null"),
        *("25, -1", "25, null", "25, 1, 0", "25, 1, -1", "25, 1, null"),
    ],
)
def test_a_budget_of_checks_is_a_number(shop: Shop, function: str, arguments: str) -> None:
    with pytest.raises(psycopg.Error, match=r"requests_percent|bytes_a_day|most") as caught:
        shop.rows(f"select * from likeness.{function}({arguments})")
    assert caught.value.sqlstate == "LK004"
    assert shop.value("select planned_at from likeness.check_plan") is None
