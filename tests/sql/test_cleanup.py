"""Products that left give their pictures back; products without pictures are filled up in waves."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.invariants import assert_checks_are_quiet
from tests.shop import Shop, completed, fault
from worker.db import query_errors
from worker.errors import BadInput, NotFound

DAY = timedelta(days=1)
SHARED, OWN = "a" * 64, "b" * 64


@pytest.fixture
def shop(connection: Connection[DictRow]) -> Shop:
    return Shop(connection)


def leave(shop: Shop, product: int, status: str = "inactive") -> None:
    shop.execute(
        "update likeness.products set status = %s, status_changed_at = likeness.clock()"
        " where id = %s",
        status,
        product,
    )


def come_back(shop: Shop, product: int) -> None:
    leave(shop, product, "active")


def clean_up(shop: Shop, **more: object) -> tuple[int, int]:
    names = "".join(f", {name} => %s" for name in more)
    row = shop.rows(
        f"select * from likeness.cleanup_products(interval '90 days'{names})", *more.values()
    )[0]
    return row["products"], row["images"]


def shown(shop: Shop, sku: str, sha256: str) -> int:
    product = shop.add_product(sku, f"{sku}.jpg")
    [claim] = shop.claim()
    assert shop.complete(claim, sha256, etag=f'"{sku}"')
    return product


def test_only_those_who_left_long_enough_ago_release_their_pictures(shop: Shop) -> None:
    stays, leaves = shown(shop, "stays", SHARED), shown(shop, "leaves", OWN)
    deleted = shown(shop, "deleted", SHARED)
    leave(shop, leaves)
    leave(shop, deleted, "deleted")
    start = shop.now()
    shop.at(start + 89 * DAY)
    assert clean_up(shop) == (0, 0)
    shop.at(start + 91 * DAY)
    assert clean_up(shop) == (2, 2)
    image = shop.image(leaves)
    assert (image["status"], image["blob_sha256"], image["source_etag"]) == ("pending", None, None)
    assert image["source_url"] == "leaves.jpg"
    assert shop.image(stays)["blob_sha256"] == SHARED
    assert clean_up(shop) == (0, 0)
    assert_checks_are_quiet(shop.connection)


def test_bytes_that_another_product_shows_never_go(shop: Shop) -> None:
    stays = shown(shop, "stays", SHARED)
    for sku, sha256 in (("p", SHARED), ("q", OWN)):
        leave(shop, shown(shop, sku, sha256))
    shop.at(shop.now() + 91 * DAY)
    plan = shop.rows("select * from likeness.plan_cleanup()")[0]
    assert (plan["products"], plan["images"], plan["blobs"]) == (2, 2, 1)
    clean_up(shop)
    shop.at(shop.now() + 400 * DAY)
    shop.execute("select likeness.condemn_blobs()")
    blobs = shop.rows("select sha256, status from likeness.blobs order by sha256")
    assert [tuple(b.values()) for b in blobs] == [(SHARED, "stored"), (OWN, "condemned")]
    assert shop.image(stays)["blob_sha256"] == SHARED
    assert_checks_are_quiet(shop.connection)


def test_a_product_that_returns_is_queued_again(shop: Shop) -> None:
    product = shown(shop, "p", OWN)
    leave(shop, product)
    shop.at(shop.now() + 91 * DAY)
    clean_up(shop)
    shop.at(shop.now() + DAY)
    come_back(shop, product)
    [claim] = shop.claim()
    assert shop.complete(claim, OWN)
    # It may leave once more.
    leave(shop, product)
    shop.at(shop.now() + 91 * DAY)
    assert clean_up(shop) == (1, 1)
    assert_checks_are_quiet(shop.connection)


def test_a_failed_picture_of_a_product_that_returns_gets_another_chance(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.finish("w/1", fault(shop.claim()[0], "not-found"))
    leave(shop, product)
    shop.at(shop.now() + 91 * DAY)
    assert clean_up(shop) == (1, 1)
    come_back(shop, product)
    assert len(shop.claim()) == 1


def test_the_batch_is_bounded_and_those_who_left_first_come_first(shop: Shop) -> None:
    first, second = shown(shop, "p", OWN), shown(shop, "q", OWN)
    leave(shop, second)
    shop.at(shop.now() - DAY)
    leave(shop, first)
    shop.at(shop.now() + 100 * DAY)
    assert clean_up(shop, most=1) == (1, 1)
    assert shop.image(first)["blob_sha256"] is None
    assert shop.image(second)["blob_sha256"] == OWN
    with pytest.raises(BadInput), query_errors():
        clean_up(shop, most=0)


def test_what_a_worker_has_in_hand_is_left_to_it(shop: Shop) -> None:
    product = shown(shop, "p", OWN)
    shop.execute("select likeness.queue_images(array[%s::bigint])", shop.image(product)["id"])
    [claim] = shop.claim()
    leave(shop, product)
    shop.at(shop.now() + 91 * DAY)
    shop.execute("update likeness.images set claim_expires_at = %s", shop.now() + DAY)
    assert clean_up(shop) == (0, 0)
    assert shop.finish("w/1", completed(claim, OWN)) == [True]
    assert clean_up(shop) == (1, 1)


def test_history_says_that_a_picture_was_released(shop: Shop) -> None:
    product = shown(shop, "p", OWN)
    leave(shop, product)
    shop.at(shop.now() + 91 * DAY)
    clean_up(shop)
    last = shop.rows("select cause, sha256, shown_until from likeness.image_intervals")[-1]
    assert tuple(last.values()) == ("released", None, None)


# Backfill.


def draft(connection: Connection[DictRow], products: int) -> Shop:
    """A shop whose pictures wait for nobody: they were given up."""
    shop = Shop(connection)
    for number in range(products):
        shop.add_product(f"p{number}", f"{number}.jpg", f"{number}-2.jpg")
    claims = shop.claim(batch=100, per_host=100)
    assert len(claims) == 2 * products
    shop.finish("w/1", *(fault(claim, "not-found") for claim in claims))
    return shop


def backfill(shop: Shop, **more: object) -> list[dict[str, Any]]:
    names = ", ".join(f"{name} => %s" for name in more)
    with query_errors():
        return shop.rows(f"select * from likeness.backfill_images({names})", *more.values())


def test_products_without_pictures_are_queued_in_dated_waves(
    connection: Connection[DictRow],
) -> None:
    shop = draft(connection, 3)
    start = shop.now()
    shop.at(start)
    waves = backfill(shop, per_wave=4)
    assert [(wave["wave"], wave["images"], wave["products"]) for wave in waves] == [
        (1, 4, 3),
        (2, 2, 2),
    ]
    assert [wave["starts_at"] - start for wave in waves] == [0 * DAY, DAY]
    # First pictures before further ones.
    claimed = shop.claim(batch=10, per_host=10)
    positions = [
        shop.value("select position from likeness.images where id = %s", claim["image_id"])
        for claim in claimed
    ]
    assert sorted(positions) == [0, 0, 0, 1]
    shop.at(start + DAY)
    shop.execute("select likeness.promote_retries()")
    assert len(shop.claim(batch=10, per_host=10)) == 2
    label = shop.value("select label from likeness.runs where id = %s", waves[1]["run_id"])
    assert label == f"backfill {start:%Y-%m-%d}, wave 2 of 2"


def test_a_dry_run_of_a_backfill_queues_nothing_and_says_how_long_it_would_take(
    connection: Connection[DictRow],
) -> None:
    shop = draft(connection, 2)
    [wave] = backfill(shop, dry_run=True)
    assert (wave["images"], wave["run_id"]) == (4, None)
    assert shop.claim() == []
    # It was measured that four pictures were settled in one minute.
    assert (wave["basis"], wave["per_minute"]) == ("measured rate", 4)
    assert wave["done_at"] - wave["starts_at"] == timedelta(minutes=1)


def test_the_estimate_follows_the_limits_of_the_slowest_host(
    connection: Connection[DictRow],
) -> None:
    shop = draft(connection, 2)
    shop.execute("update likeness.hosts set min_interval = interval '1 hour'")
    [wave] = backfill(shop, dry_run=True)
    assert wave["basis"] == "the slowest host"
    assert wave["done_at"] - wave["starts_at"] == timedelta(hours=4)


def test_best_priority_comes_first_and_what_waits_already_is_left_out(
    connection: Connection[DictRow],
) -> None:
    shop = draft(connection, 2)
    popular = Shop(connection, "popular", prefix="http://popular.test/p")
    popular.execute("update likeness.suppliers set priority = 1 where name = 'popular'")
    product = popular.add_product("p", "p.jpg")
    popular.finish("w/1", fault(popular.claim()[0], "not-found"))
    waves = backfill(shop, per_wave=1, most_waves=2)
    assert [wave["best_priority"] for wave in waves] == [1, 0]
    assert popular.image(product)["retry_at"] is None
    assert sum(wave["images"] for wave in backfill(shop)) == 3
    assert backfill(shop) == []


def test_products_that_show_something_or_are_not_sold_are_left_out(
    connection: Connection[DictRow],
) -> None:
    shop = draft(connection, 2)
    shows = shown(shop, "shows", OWN)
    gone = shop.value("select id from likeness.products where sku = 'p1'")
    leave(shop, gone)
    shop.execute(
        "insert into likeness.images (product_id, position, role, source_url)"
        " values (%s, 1, 'gallery', '2.jpg')",
        shows,
    )
    shop.finish("w/1", fault(shop.claim()[0], "not-found"))
    assert [wave["products"] for wave in backfill(shop, dry_run=True)] == [1]


def test_a_backfill_is_of_one_supplier_where_that_is_asked_for(
    connection: Connection[DictRow],
) -> None:
    shop = draft(connection, 1)
    assert backfill(shop, dry_run=True, supplier="acme")
    with pytest.raises(NotFound):
        backfill(shop, supplier="nobody")
    with pytest.raises(BadInput):
        backfill(shop, per_wave=0)


def test_whoever_looks_at_a_product_of_a_later_wave_gets_its_picture_at_once(
    connection: Connection[DictRow],
) -> None:
    shop = draft(connection, 2)
    backfill(shop, per_wave=1)
    last = shop.value("select id from likeness.images order by retry_at desc nulls last limit 1")
    shop.claim()
    shop.execute("select likeness.queue_images(array[%s::bigint], 3::smallint)", last)
    assert [claim["image_id"] for claim in shop.claim()] == [last]


@pytest.mark.parametrize(
    "call",
    [
        *("plan_cleanup('-1 day')", "plan_cleanup(null)"),
        *("cleanup_products('-1 day')", "cleanup_products(null)", "cleanup_products(most => null)"),
    ],
)
def test_nobody_left_before_now(shop: Shop, call: str) -> None:
    with pytest.raises(BadInput, match="must be"), query_errors():
        shop.rows(f"select * from likeness.{call}")
