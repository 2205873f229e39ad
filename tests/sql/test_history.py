"""History: every change of what a place shows, the resolver as of a time, and rollback."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.invariants import assert_checks_are_quiet
from tests.shop import Shop, wait_until_blocked
from worker.db import query_errors
from worker.errors import BadInput, NotFound

GOOD, BAD, OTHER = "a" * 64, "b" * 64, "c" * 64
HOUR = timedelta(hours=1)


class Days(Shop):
    """A shop in which time passes: pictures are good at first, and bad since a moment."""

    in_hand: dict[int, dict[str, Any]]

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.in_hand = {}

    def show(self, product: int, sha256: str, position: int = 0, etag: str = "") -> bool:
        """The source gives these bytes for a place."""
        image = self.image(product, position)["id"]
        self.execute("select likeness.queue_images(array[%s::bigint])", image)
        self.in_hand |= {claim["image_id"]: claim for claim in self.claim()}
        return self.complete(self.in_hand.pop(image), sha256, etag=etag)

    def shows(self, product: int, position: int = 0) -> str | None:
        sha256: str | None = self.image(product, position)["blob_sha256"]
        return sha256

    def later(self, by: timedelta = HOUR) -> datetime:
        self.at(self.now() + by)
        return self.now()

    def as_of(self, product: int, moment: datetime | None, **more: object) -> dict[str, Any]:
        names = "".join(f", {name} => %s" for name in more)
        return self.rows(
            "select * from likeness.resolve_display_urls_as_of(array[%s::bigint],"
            f" as_of => %s{names})",
            product,
            moment,
            *more.values(),
        )[0]

    def url(self, product: int) -> str | None:
        url: str | None = self.value(
            "select url from likeness.resolve_display_urls(array[%s::bigint])", product
        )
        return url

    def rollback(self, since: datetime, *, dry_run: bool = False) -> dict[str, Any]:
        with query_errors():
            return self.rows(
                "select * from likeness.rollback_supplier('acme', %s, %s)", since, dry_run
            )[0]


@pytest.fixture
def shop(connection: Connection[DictRow]) -> Days:
    days = Days(connection)
    days.at(days.now())
    return days


def bad_day(shop: Days) -> tuple[int, datetime]:
    """A product that showed GOOD and, from a moment on, shows BAD; that moment."""
    product = shop.add_product("p", "p.jpg")
    shop.show(product, GOOD)
    begins = shop.later()
    shop.show(product, BAD)
    shop.later()
    return product, begins


# What was shown when.


def test_intervals_follow_each_other_and_the_last_one_is_open(shop: Days) -> None:
    product, begins = bad_day(shop)
    intervals = shop.rows(
        "select sha256, shown_at, shown_until from likeness.image_intervals"
        " where product_id = %s order by shown_at",
        product,
    )
    assert [row["sha256"] for row in intervals] == [GOOD, BAD]
    assert intervals[0]["shown_until"] == intervals[1]["shown_at"] == begins
    assert intervals[1]["shown_until"] is None


def test_a_picture_that_is_moved_or_removed_is_a_change_of_its_place(shop: Days) -> None:
    product = shop.add_product("p", "0.jpg", "1.jpg")
    shop.show(product, GOOD, 0)
    shop.show(product, OTHER, 1)
    start = shop.later()
    moved, other = shop.image(product, 0)["id"], shop.image(product, 1)["id"]
    shop.execute("delete from likeness.images where id = %s", other)
    shop.execute("update likeness.images set position = 1 where id = %s", moved)
    after = shop.later()
    causes = shop.rows("select image_id, cause from likeness.image_history order by id")
    assert [(row["image_id"], row["cause"]) for row in causes[2:]] == [
        (other, "removed"),
        (moved, "moved"),
    ]
    assert shop.as_of(product, start - timedelta(seconds=1))["position"] == 0
    assert shop.as_of(product, after)["position"] == 1
    assert shop.as_of(product, after, positions=[0])["status"] == "no-image"
    assert_checks_are_quiet(shop.connection)


def test_the_history_of_a_product_that_is_deleted_ends(shop: Days) -> None:
    product, _ = bad_day(shop)
    before = shop.now() - timedelta(seconds=1)
    shop.execute("delete from likeness.products where id = %s", product)
    assert shop.as_of(product, None)["status"] == "no-image"
    assert shop.as_of(product, before)["sha256"] == BAD
    assert not shop.as_of(product, before)["is_known"]


def test_as_of_now_shows_what_the_resolver_shows(shop: Days) -> None:
    product, _ = bad_day(shop)
    for context in ("grid", "detail", "zoom"):
        now = shop.rows(
            "select url, width, height, image_id"
            " from likeness.resolve_display_urls(array[%s::bigint], %s)",
            product,
            context,
        )[0]
        then = shop.as_of(product, None, context=context)
        assert {name: then[name] for name in now} == now


def test_as_of_a_time_shows_what_was_shown_then(shop: Days) -> None:
    product, begins = bad_day(shop)
    second = timedelta(seconds=1)
    assert shop.as_of(product, begins - 2 * HOUR)["status"] == "no-image"
    assert shop.as_of(product, begins - second)["sha256"] == GOOD
    # An interval begins at its first instant and ends before the first of the next.
    assert shop.as_of(product, begins)["sha256"] == BAD
    assert shop.as_of(product, begins - second)["shown_until"] == begins


def test_as_of_says_so_where_bytes_were_deleted_since(shop: Days) -> None:
    product, begins = bad_day(shop)
    shop.execute("update likeness.image_history set blob_sha256 = null where cause = 'never'")
    shop.execute(
        "update likeness.blobs set status = 'condemned', condemned_at = now(), is_deleting = true"
        " where sha256 = %s",
        GOOD,
    )
    gone = shop.as_of(product, begins - timedelta(seconds=1))
    assert (gone["status"], gone["url"], gone["sha256"]) == ("gone", None, GOOD)


def test_a_shared_picture_stands_behind_or_before_the_own_one_as_the_product_says(
    shop: Days,
) -> None:
    product, _ = bad_day(shop)
    shared = shop.add_product("q", "q.jpg")
    shop.show(shared, OTHER)
    canonical = shop.value(
        "insert into likeness.canonical_products (name) values ('c') returning id"
    )
    shop.execute(
        "update likeness.images set product_id = null, canonical_product_id = %s"
        " where product_id = %s",
        canonical,
        shared,
    )
    shop.execute("update likeness.products set canonical_product_id = %s", canonical)
    for is_custom, shown in ((False, OTHER), (True, BAD)):
        shop.execute("update likeness.products set use_custom_image = %s", is_custom)
        assert shop.as_of(product, None)["sha256"] == shown
        assert shop.as_of(product, None)["url"] == shop.url(product)


def test_a_picture_that_another_product_shares_is_shown_as_of_a_time(shop: Days) -> None:
    giver, begins = bad_day(shop)
    taker = shop.add_product("q", "q.jpg")
    canonical = shop.value(
        "insert into likeness.canonical_products (name) values ('c') returning id"
    )
    shop.execute("update likeness.products set canonical_product_id = %s", canonical)
    assert shop.url(taker) == shop.url(giver) is not None
    assert shop.as_of(taker, None)["url"] == shop.url(taker)
    assert shop.as_of(taker, begins - HOUR / 2)["sha256"] == GOOD
    # Its own comes first where it has one and says so.
    shop.execute("update likeness.products set use_custom_image = true where id = %s", taker)
    assert shop.as_of(taker, None)["sha256"] == BAD
    shop.show(taker, OTHER)
    assert shop.as_of(taker, None)["sha256"] == OTHER
    assert shop.as_of(taker, None)["url"] == shop.url(taker)


# Rollback.


def test_a_rollback_shows_again_what_was_shown_before_the_bad_day(shop: Days) -> None:
    product, begins = bad_day(shop)
    good_url = shop.as_of(product, begins - timedelta(seconds=1))["url"]
    assert shop.url(product) != good_url
    done = shop.rollback(begins)
    assert (done["restored"], done["new"], done["gone"], done["removed"]) == (1, 0, 0, 0)
    assert shop.shows(product) == GOOD
    assert shop.url(product) == good_url
    # What was shown on the bad day stays known.
    assert shop.as_of(product, begins)["sha256"] == BAD
    assert_checks_are_quiet(shop.connection)


def test_a_dry_run_counts_and_changes_nothing(shop: Days) -> None:
    product, begins = bad_day(shop)
    counted = shop.rollback(begins, dry_run=True)
    assert (counted["rollback_id"], counted["restored"]) == (None, 1)
    assert shop.shows(product) == BAD
    assert shop.value("select count(*) from likeness.rollbacks") == 0


def test_a_rollback_leaves_other_suppliers_and_other_times_alone(shop: Days) -> None:
    product, begins = bad_day(shop)
    new = shop.add_product("new", "n.jpg")
    shop.show(new, OTHER)
    other = Days(shop.connection, "other", prefix="http://other.test/p")
    theirs = other.add_product("p", "p.jpg")
    for sha256 in (GOOD, BAD):
        other.show(theirs, sha256)
    done = shop.rollback(begins)
    assert (done["restored"], done["new"]) == (1, 1)
    assert [shop.shows(p) for p in (product, theirs, new)] == [GOOD, BAD, OTHER]


def test_a_second_rollback_finds_nothing_left_to_do(shop: Days) -> None:
    _, begins = bad_day(shop)
    shop.rollback(begins)
    shop.later()
    assert shop.rollback(begins)["restored"] == 0
    assert_checks_are_quiet(shop.connection)


def test_what_was_rolled_back_is_not_taken_again_though_validators_lie(shop: Days) -> None:
    product, begins = bad_day(shop)
    shop.rollback(begins)
    shop.later()
    assert shop.show(product, BAD, etag='"another"')
    assert shop.shows(product) == GOOD
    assert shop.image(product)["status"] == "completed"
    assert_checks_are_quiet(shop.connection)


def test_a_source_that_says_not_modified_keeps_the_rollback(shop: Days) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.show(product, GOOD, etag='"good"')
    begins = shop.later()
    shop.show(product, BAD, etag='"bad"')
    shop.later()
    shop.rollback(begins)
    shop.execute("select likeness.queue_images(array[%s::bigint])", shop.image(product)["id"])
    [claim] = shop.claim()
    # The validators are those of what the source has, not of what is shown.
    assert claim["etag"] == '"bad"'
    assert shop.finish(
        "w/1",
        {
            "image_id": claim["image_id"],
            "claim_no": claim["claim_no"],
            "is_completed": True,
            "is_reused": True,
        },
    ) == [True]
    assert shop.shows(product) == GOOD


def test_a_worker_that_has_the_bad_bytes_in_hand_does_not_undo_the_rollback(shop: Days) -> None:
    product, begins = bad_day(shop)
    shop.execute("select likeness.queue_images(array[%s::bigint])", shop.image(product)["id"])
    [claim] = shop.claim()
    assert shop.rollback(begins)["restored"] == 1
    assert shop.complete(claim, BAD)
    assert shop.shows(product) == GOOD


def test_a_cleanup_that_comes_between_plan_and_rollback_has_the_last_word(
    shop: Days, second_connection: Connection[DictRow]
) -> None:
    product, begins = bad_day(shop)
    shop.execute(
        "update likeness.products set status = 'inactive', status_changed_at = likeness.clock()"
    )
    second_connection.execute(
        "select set_config('likeness.clock', %s, false)", [shop.now().isoformat()]
    )
    restored: list[int] = []

    def roll_back() -> None:
        [row] = second_connection.execute(
            "select restored from likeness.rollback_supplier('acme', %s, false)", [begins]
        )
        restored.append(row["restored"])

    with shop.connection.transaction():
        shop.execute("select likeness.cleanup_products(interval '0')")
        other = threading.Thread(target=roll_back)
        other.start()
        wait_until_blocked(shop.connection, second_connection)
    other.join(timeout=30)
    assert restored == [0]
    assert (shop.shows(product), shop.image(product)["status"]) == (None, "pending")
    assert_checks_are_quiet(shop.connection)


def test_a_rollback_that_waited_for_a_worker_comes_after_it_in_history(
    connection: Connection[DictRow], second_connection: Connection[DictRow]
) -> None:
    shop = Days(connection)
    product = shop.add_product("p", "p.jpg")
    shop.show(product, GOOD)
    begins = shop.now()
    shop.show(product, BAD)
    shop.execute("select likeness.queue_images(array[%s::bigint])", shop.image(product)["id"])
    [claim] = shop.claim()

    def roll_back() -> None:
        second_connection.execute("select likeness.rollback_supplier('acme', %s, false)", [begins])

    with connection.transaction():
        shop.execute("select from likeness.hosts for no key update")
        other = threading.Thread(target=roll_back)
        other.start()
        wait_until_blocked(connection, second_connection)
        assert shop.complete(claim, OTHER)
    other.join(timeout=30)
    assert shop.shows(product) == GOOD
    assert shop.as_of(product, shop.now())["sha256"] == GOOD
    assert_checks_are_quiet(connection)


def test_what_the_source_has_later_is_taken(shop: Days) -> None:
    product, begins = bad_day(shop)
    shop.rollback(begins)
    shop.later()
    assert shop.show(product, OTHER)
    assert shop.shows(product) == OTHER


def test_a_released_rollback_lets_the_bytes_come_again(shop: Days) -> None:
    product, begins = bad_day(shop)
    done = shop.rollback(begins)
    shop.later()
    assert shop.value("select likeness.release_rollback(%s)", done["rollback_id"]) == 1
    [claim] = shop.claim()
    assert (claim["etag"], claim["last_modified"]) == (None, None)
    assert shop.complete(claim, BAD)
    assert shop.shows(product) == BAD
    with pytest.raises(NotFound), query_errors():
        shop.value("select likeness.release_rollback(%s)", done["rollback_id"])
    assert_checks_are_quiet(shop.connection)


def test_a_rollback_is_undone_by_going_back_to_just_before_it(shop: Days) -> None:
    product, begins = bad_day(shop)
    done_at = shop.now()
    shop.rollback(begins)
    shop.later()
    assert shop.rollback(done_at)["restored"] == 1
    assert shop.shows(product) == BAD
    # And the source may give them again.
    shop.later()
    shop.show(product, OTHER)
    shop.later()
    assert shop.show(product, BAD)
    assert shop.shows(product) == BAD


def test_bytes_that_were_condemned_come_back_and_deleted_ones_are_told_of(shop: Days) -> None:
    product, lost = shop.add_product("p", "p.jpg"), shop.add_product("lost", "l.jpg")
    shop.show(product, GOOD)
    shop.show(lost, OTHER)
    begins = shop.later()
    for bad in (product, lost):
        shop.show(bad, BAD)
    shop.later()
    shop.execute(
        "update likeness.blobs set status = 'condemned', condemned_at = now(),"
        " is_deleting = (sha256 = %s) where sha256 in (%s, %s)",
        OTHER,
        GOOD,
        OTHER,
    )
    done = shop.rollback(begins)
    assert (done["restored"], done["gone"]) == (1, 1)
    assert shop.shows(product) == GOOD
    assert shop.value("select status from likeness.blobs where sha256 = %s", GOOD) == "stored"
    assert shop.shows(lost) == BAD


def test_pictures_that_a_feed_removed_are_told_of(shop: Days) -> None:
    product, begins = bad_day(shop)
    shop.execute("delete from likeness.images where product_id = %s", product)
    assert shop.rollback(begins)["removed"] == 1


def test_a_picture_whose_refresh_failed_is_put_back_too(shop: Days) -> None:
    product, begins = bad_day(shop)
    image = shop.image(product)["id"]
    shop.execute("select likeness.queue_images(array[%s::bigint])", image)
    [claim] = shop.claim()
    failed = {"image_id": image, "claim_no": claim["claim_no"], "is_completed": False}
    shop.finish("w/1", failed | {"reason": "not-found", "failure_text": "404"})
    assert shop.rollback(begins)["restored"] == 1
    assert shop.shows(product) == GOOD
    assert_checks_are_quiet(shop.connection)


def test_a_placeholder_is_nothing_to_go_back_to(shop: Days) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.show(product, BAD)
    begins = shop.later()
    shop.show(product, GOOD)
    shop.later()
    shop.execute("select likeness.mark_placeholder(%s)", BAD)
    for dry_run in (True, False):
        counted = shop.rollback(begins, dry_run=dry_run)
        assert (counted["restored"], counted["new"]) == (0, 1)
    assert shop.shows(product) == GOOD
    # One that somebody said is a picture is one.
    shop.execute("select likeness.overrule_placeholder(%s)", BAD)
    assert shop.rollback(begins)["restored"] == 1


def test_bytes_in_history_are_no_garbage_and_a_rollback_finds_them(shop: Days) -> None:
    product, begins = bad_day(shop)
    shop.execute("select likeness.condemn_blobs(retention => interval '30 days')")
    shop.rollback(begins)
    shop.execute("select likeness.condemn_blobs(retention => interval '30 days')")
    states = shop.rows("select sha256, status from likeness.blobs order by sha256")
    assert [row["status"] for row in states] == ["stored", "stored"]
    assert shop.shows(product) == GOOD


def test_a_rollback_waits_for_nobody_who_only_reads_and_refuses_what_makes_no_sense(
    shop: Days,
) -> None:
    with pytest.raises(NotFound), query_errors():
        shop.value("select restored from likeness.rollback_supplier('nobody', now())")
    with pytest.raises(BadInput):
        shop.rollback(shop.now() + HOUR)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ("null, false", "since"),
        ("%(since)s, null", "dry_run"),
        ("%(since)s, false, null", "done_by"),
        ("%(since)s, false, ' '", "done_by"),
    ],
)
def test_a_rollback_with_a_missing_argument_does_nothing(
    shop: Days, arguments: str, name: str
) -> None:
    product, begins = bad_day(shop)
    with pytest.raises(BadInput, match=f"^{name} must "), query_errors():
        shop.connection.execute(
            f"select likeness.rollback_supplier('acme', {arguments})".encode(), {"since": begins}
        )
    assert shop.shows(product) == BAD


def test_what_a_rollback_keeps_out_is_explained_with_how_to_let_it_in(shop: Days) -> None:
    product, begins = bad_day(shop)
    number = shop.rollback(begins)["rollback_id"]
    [row] = shop.rows("select * from likeness.explain_image(%s)", product)
    assert f"A later one of its source is kept out by rollback {number}." in row["answer"]
    shop.execute(row["hint"].partition("or: ")[2])
    [row] = shop.rows("select * from likeness.explain_image(%s)", product)
    assert "kept out" not in row["answer"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("4711, '2030-01-01'", NotFound),
        ("null, '2030-01-01'", NotFound),
        ("id, null", BadInput),
        ("id, 'infinity'", BadInput),
    ],
)
def test_a_plan_is_of_a_supplier_and_a_time(
    shop: Days, arguments: str, error: type[Exception]
) -> None:
    with pytest.raises(error), query_errors():
        shop.rows(f"select r.* from likeness.suppliers, likeness.plan_rollback({arguments}) r")
