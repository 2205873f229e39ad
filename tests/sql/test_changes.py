"""New pictures under old addresses: swapped in, held for a person, or seen for placeholders."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.invariants import assert_checks_are_quiet
from tests.shop import Shop, completed
from worker.db import query_errors
from worker.errors import BadInput, NotFound, Refused

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64
GREY, RED = bytes([128] * 192), bytes([200, 20, 20] * 64)


@pytest.fixture
def shop(connection: Connection[DictRow]) -> Shop:
    return Shop(connection)


def looks(sha256: str, phash: int, signature: bytes = GREY) -> dict[str, Any]:
    """What an outcome tells of bytes."""
    blob = completed({"image_id": 0, "claim_no": 0}, sha256)["blob"]
    told = {"phash": str(phash), "signature": base64.b64encode(signature).decode()}
    return {"blob": blob | told}


def mirror(shop: Shop, product: int, sha256: str, phash: int, signature: bytes = GREY) -> None:
    """Fetch the picture of a product (afresh, if it has one), with these looks."""
    image = shop.image(product)
    if image["queued_at"] is None:
        shop.value("select likeness.queue_images(array[%s::bigint])", image["id"])
    claim = next(c for c in shop.claim() if c["image_id"] == image["id"])
    assert shop.complete(claim, sha256, **looks(sha256, phash, signature))


def shows(shop: Shop, product: int) -> str | None:
    sha256: str | None = shop.image(product)["blob_sha256"]
    return sha256


def hold(shop: Shop) -> None:
    shop.execute("""select likeness.save_supplier('acme', '{"on_big_change": "hold"}')""")


def pending(shop: Shop) -> list[dict[str, Any]]:
    return shop.rows("select * from likeness.pending_changes")


def held_change(shop: Shop) -> tuple[int, int]:
    """A product that shows OLD while NEW, which looks unlike it, waits; and the review's id."""
    hold(shop)
    product = shop.add_product("p", "p.jpg")
    mirror(shop, product, OLD, 0)
    mirror(shop, product, NEW, -1, RED)
    return product, pending(shop)[0]["review_id"]


def alike(shop: Shop, *arguments: object) -> dict[str, Any]:
    return shop.rows("select * from likeness.compare_pictures(%s, %s, %s, %s)", *arguments)[0]


def test_equal_pictures_are_alike_and_unlike_ones_are_not(shop: Shop) -> None:
    same = alike(shop, 5, GREY, 5, GREY)
    assert (same["is_same"], same["similarity"], same["phash_distance"]) == (True, 1, 0)
    other = alike(shop, 0, GREY, -1, RED)
    assert (other["is_same"], other["similarity"], other["phash_distance"]) == (False, 0, 64)


def cap(*colour: int) -> bytes:
    """The signature of something small of that colour on white."""
    return bytes(([255] * 3 * 5 + [*colour] * 2 + [255] * 3) * 8)


@pytest.mark.parametrize("other", [(20, 20, 20), (20, 60, 200), (40, 130, 40)])
def test_a_red_cap_is_none_of_another_colour_though_their_shapes_agree(
    shop: Shop, other: tuple[int, int, int]
) -> None:
    assert not alike(shop, 7, cap(200, 20, 20), 7, cap(*other))["is_same"]
    assert alike(shop, 7, cap(200, 20, 20), 7, cap(190, 30, 25))["is_same"]


def test_another_exposure_of_the_whole_picture_is_the_same_picture(shop: Shop) -> None:
    brighter = bytes(value + 20 for value in GREY)
    assert alike(shop, 7, GREY, 7, brighter)["is_same"]
    assert not alike(shop, 7, GREY, 7, bytes(value + 60 for value in GREY))["is_same"]


def test_two_stored_pictures_are_compared_by_their_hashes(shop: Shop) -> None:
    for sku, sha256, phash in (("p", OLD, 0), ("q", NEW, 1)):
        mirror(shop, shop.add_product(sku, f"{sku}.jpg"), sha256, phash)
    query = "select phash_distance, is_same from likeness.compare_blobs(%s, %s)"
    assert shop.rows(query, OLD, NEW) == [{"phash_distance": 1, "is_same": True}]
    assert shop.rows(query, OLD, OTHER) == []


def test_a_held_change_is_explained_with_what_decides_it(shop: Shop) -> None:
    product, review = held_change(shop)
    [row] = shop.rows("select * from likeness.explain_image(%s)", product)
    assert row["answer"].startswith("It is here, as of ")
    assert "waits for a person" in row["answer"]
    assert row["hint"] == (
        f"select likeness.approve_change({review}); or select likeness.reject_change({review});"
    )
    shop.execute("select likeness.reject_change(%s)", review)
    [row] = shop.rows("select * from likeness.explain_image(%s)", product)
    assert row["hint"] == "Nothing to do."


def test_a_small_change_is_swapped_in_silently_even_where_changes_are_held(shop: Shop) -> None:
    hold(shop)
    product = shop.add_product("p", "p.jpg")
    mirror(shop, product, OLD, 0)
    mirror(shop, product, NEW, 0b11)
    assert shows(shop, product) == NEW
    assert not pending(shop)


def test_a_big_change_is_swapped_in_unless_the_supplier_holds_them(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    mirror(shop, product, OLD, 0)
    mirror(shop, product, NEW, -1, RED)
    assert shows(shop, product) == NEW


def test_a_held_change_leaves_the_old_picture_and_waits(shop: Shop) -> None:
    product, _ = held_change(shop)
    assert (shows(shop, product), shop.image(product)["status"]) == (OLD, "completed")
    assert [(r["old_sha256"], r["new_sha256"]) for r in pending(shop)] == [(OLD, NEW)]
    assert_checks_are_quiet(shop.connection)


def test_a_held_change_is_reviewed_once_however_often_it_is_fetched(shop: Shop) -> None:
    product, review = held_change(shop)
    mirror(shop, product, NEW, -1, RED)
    assert [row["review_id"] for row in pending(shop)] == [review]


def test_bytes_of_a_held_change_are_no_garbage(shop: Shop) -> None:
    _, review = held_change(shop)
    query = "select condemned from likeness.condemn_blobs(retention => interval '0')"
    assert shop.value(query) == 0
    shop.value("select likeness.reject_change(%s)", review)
    assert shop.value(query) == 1


def test_an_approved_change_is_shown_and_remembered(shop: Shop) -> None:
    product, review = held_change(shop)
    assert shop.value("select likeness.approve_change(%s, 'ann')", review)
    assert shows(shop, product) == NEW
    history = shop.rows("select blob_sha256, cause from likeness.image_history order by id")
    assert [tuple(row.values()) for row in history] == [
        (OLD, "mirrored"),
        (NEW, "change approved"),
    ]
    assert not pending(shop)
    assert_checks_are_quiet(shop.connection)


def test_a_rejected_change_is_not_taken_again_and_another_is_asked_about(shop: Shop) -> None:
    product, review = held_change(shop)
    shop.value("select likeness.reject_change(%s, 'ann')", review)
    mirror(shop, product, NEW, -1, RED)
    assert (shows(shop, product), pending(shop)) == (OLD, [])
    mirror(shop, product, OTHER, 0x0F0F0F0F, RED)
    assert [row["new_sha256"] for row in pending(shop)] == [OTHER]


def test_a_rejected_picture_is_refused_even_when_the_supplier_no_longer_holds(shop: Shop) -> None:
    product, review = held_change(shop)
    shop.value("select likeness.reject_change(%s)", review)
    shop.execute("""select likeness.save_supplier('acme', '{"on_big_change": "swap"}')""")
    mirror(shop, product, NEW, -1, RED)
    assert shows(shop, product) == OLD


def test_the_second_reviewer_hears_that_it_was_decided(shop: Shop) -> None:
    _, review = held_change(shop)
    shop.value("select likeness.reject_change(%s, 'ann')", review)
    with pytest.raises(Refused, match="rejected already by ann"), query_errors():
        shop.value("select likeness.approve_change(%s, 'bob')", review)
    with pytest.raises(NotFound, match="no change 999"), query_errors():
        shop.value("select likeness.approve_change(999)")


def test_a_review_ends_with_the_picture_that_it_is_about(shop: Shop) -> None:
    product, _ = held_change(shop)
    shop.execute("select likeness.mark_placeholder(%s)", OLD)
    assert shows(shop, product) is None
    assert pending(shop) == []
    other = shop.add_product("q", "q.jpg")
    mirror(shop, other, OTHER, 2**40 - 1)
    mirror(shop, other, NEW, -1, RED)
    assert len(pending(shop)) == 1
    shop.execute(
        "update likeness.products set status = 'inactive', status_changed_at = likeness.clock()"
    )
    shop.at(shop.now() + timedelta(days=91))
    shop.execute("select likeness.cleanup_products()")
    assert pending(shop) == []
    assert_checks_are_quiet(shop.connection)


def test_a_source_that_goes_back_ends_the_review(shop: Shop) -> None:
    product, review = held_change(shop)
    mirror(shop, product, OLD, 0)
    assert not pending(shop)
    with pytest.raises(Refused, match="superseded already"), query_errors():
        shop.value("select likeness.approve_change(%s)", review)


def many_with(shop: Shop, sha256: str, count: int, phash: int = 9, prefix: str = "n") -> list[int]:
    products = [shop.add_product(f"{prefix}{n}", f"{prefix}{n}.jpg") for n in range(count)]
    while claims := shop.claim():
        for claim in claims:
            assert shop.complete(claim, sha256, **looks(sha256, phash))
    return products


def detect(shop: Shop) -> list[dict[str, Any]]:
    return shop.rows("select * from likeness.detect_placeholders()")


def display(shop: Shop, product: int) -> dict[str, Any]:
    return shop.rows("select * from likeness.resolve_display_urls(array[%s::bigint])", product)[0]


def test_one_picture_on_many_products_is_a_placeholder(shop: Shop) -> None:
    products = many_with(shop, OLD, 21)
    photo = shop.add_product("p", "p.jpg")
    mirror(shop, photo, NEW, -1, RED)
    found = detect(shop)
    assert [(row["sha256"], row["products"], row["removed"]) for row in found] == [(OLD, 21, 21)]
    assert detect(shop) == []
    answer = display(shop, products[0])
    assert (answer["status"], answer["url"], answer["srcset"]) == ("no-image", None, {})
    assert shop.image(products[0])["failure_reason"] == "placeholder"
    assert display(shop, photo)["status"] == "cached"
    assert_checks_are_quiet(shop.connection)


def test_as_many_products_as_the_supplier_allows_may_share_a_picture(shop: Shop) -> None:
    many_with(shop, OLD, 20)
    assert detect(shop) == []
    shop.execute("""select likeness.save_supplier('acme', '{"placeholder_products": 5}')""")
    assert len(detect(shop)) == 1


def test_the_detector_can_be_switched_off_for_a_supplier(shop: Shop) -> None:
    shop.execute("""select likeness.save_supplier('acme', '{"placeholder_products": 0}')""")
    many_with(shop, OLD, 30)
    assert detect(shop) == []


def test_near_copies_of_a_placeholder_add_up(shop: Shop) -> None:
    many_with(shop, OLD, 12, phash=0)
    many_with(shop, NEW, 12, phash=1, prefix="m")
    (found,) = detect(shop)
    assert (found["products"], found["removed"]) == (24, 24)


def test_a_known_placeholder_is_refused_when_it_comes(shop: Shop) -> None:
    many_with(shop, OLD, 21)
    detect(shop)
    again = shop.add_product("p", "p.jpg")
    mirror(shop, again, OLD, 9)
    near = shop.add_product("q", "q.jpg")
    mirror(shop, near, OTHER, 8)
    for product in (again, near):
        assert shop.image(product)["failure_reason"] == "placeholder"
        assert shows(shop, product) is None
    assert_checks_are_quiet(shop.connection)


def test_a_placeholder_does_not_take_a_photo_away(shop: Shop) -> None:
    photo = shop.add_product("p", "p.jpg")
    mirror(shop, photo, NEW, -1, RED)
    many_with(shop, OLD, 21)
    detect(shop)
    mirror(shop, photo, OLD, 9)
    assert (shows(shop, photo), display(shop, photo)["status"]) == (NEW, "outdated")


def test_the_photo_that_a_placeholder_replaced_comes_back_when_it_is_found(shop: Shop) -> None:
    photo = shop.add_product("p", "p.jpg")
    mirror(shop, photo, NEW, -1, RED)
    mirror(shop, photo, OLD, 9)
    many_with(shop, OLD, 20)
    detect(shop)
    assert shows(shop, photo) == NEW
    causes = shop.rows(
        "select cause from likeness.image_history where image_id = %s order by id",
        shop.image(photo)["id"],
    )
    assert [row["cause"] for row in causes] == ["mirrored", "mirrored", "placeholder"]
    assert_checks_are_quiet(shop.connection)


def test_an_overruled_placeholder_is_fetched_again_and_never_suspected_again(shop: Shop) -> None:
    products = many_with(shop, OLD, 21)
    detect(shop)
    assert shop.value("select likeness.overrule_placeholder(%s, 'ann')", OLD) == 21
    while claims := shop.claim():
        for claim in claims:
            assert shop.complete(claim, OLD, **looks(OLD, 9))
    assert detect(shop) == []
    assert {shows(shop, product) for product in products} == {OLD}
    row = shop.rows("select verdict, decided_by from likeness.placeholder_pictures")[0]
    assert tuple(row.values()) == ("picture", "ann")


def test_a_person_can_name_a_placeholder(shop: Shop) -> None:
    product = many_with(shop, OLD, 1)[0]
    assert shop.value("select likeness.mark_placeholder(%s, 'acme')", OLD) == 1
    assert display(shop, product)["status"] == "no-image"
    with pytest.raises(NotFound, match="no bytes"), query_errors():
        shop.value("select likeness.mark_placeholder(%s)", OTHER)
    with pytest.raises(NotFound, match="no placeholder"), query_errors():
        shop.value("select likeness.overrule_placeholder(%s)", OTHER)


def test_what_was_said_of_one_supplier_counts_more_than_what_was_said_of_all(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    mirror(shop, product, OLD, 0)
    shop.execute("select likeness.mark_placeholder(%s)", OLD)
    shop.execute("select likeness.overrule_placeholder(%s)", OLD)
    mirror(shop, product, OLD, 0)
    assert shows(shop, product) == OLD
    assert shop.value("select likeness.mark_placeholder(%s, 'acme')", OLD) == 1
    mirror(shop, product, OLD, 0)
    assert shows(shop, product) is None
    other = Shop(shop.connection, "other", prefix="http://other.test/p")
    theirs = other.add_product("p", "p.jpg")
    mirror(other, theirs, OLD, 0)
    assert shows(other, theirs) == OLD
    # Said of all again, it is a picture for all.
    shop.execute("select likeness.overrule_placeholder(%s)", OLD)
    mirror(shop, product, OLD, 0)
    assert shows(shop, product) == OLD


def test_bytes_of_a_placeholder_are_kept_to_be_looked_at(shop: Shop) -> None:
    many_with(shop, OLD, 21)
    detect(shop)
    shop.at(shop.now() + timedelta(days=1000))
    assert shop.value("select condemned from likeness.condemn_blobs()") == 0


def test_a_placeholder_of_one_supplier_is_a_picture_of_another(shop: Shop) -> None:
    many_with(shop, OLD, 21)
    detect(shop)
    other = Shop(shop.connection, "other", prefix="http://elsewhere.test/p")
    product = other.add_product("p", "p.jpg")
    mirror(other, product, OLD, 9)
    assert shows(other, product) == OLD


@pytest.mark.parametrize("person", [None, "", " "])
@pytest.mark.parametrize(
    "call",
    [
        *("approve_change(4711, %s)", "reject_change(4711, %s)"),
        f"mark_placeholder('{OLD}', decided_by => %s)",
        f"overrule_placeholder('{OLD}', %s)",
    ],
)
def test_nobody_decides_nothing(shop: Shop, call: str, person: str | None) -> None:
    with pytest.raises(BadInput, match="name of who decided"), query_errors():
        shop.value(f"select likeness.{call}", person)


@pytest.mark.parametrize(
    "call",
    [
        *(f"retry_placeholders(most => {most})" for most in ("0", "-1", "null")),
        "retry_placeholders(null)",
        *(f"detect_placeholders({most})" for most in ("0", "-1", "null")),
    ],
)
def test_placeholders_are_not_counted_backwards(shop: Shop, call: str) -> None:
    with pytest.raises(BadInput, match="must be"), query_errors():
        shop.rows(f"select * from likeness.{call}")
