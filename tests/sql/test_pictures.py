"""Pictures in the hands of staff: order, removal and uploads, and how feeds live with them."""

import threading
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.invariants import assert_checks_are_quiet
from tests.shop import RENDITIONS, Shop
from tests.sql.test_merge_feed import feed, images, product, row, sources

Db = Connection[DictRow]
SHA = "a" * 64
UPLOAD = f"upload:{SHA}"


def ids(db: Db, sku: str = "A") -> list[int]:
    return [image["id"] for image in images(db, sku)]


def product_id(db: Db, sku: str = "A") -> int:
    found: int = product(db, sku)["id"]
    return found


def call(db: Db, function: str, *arguments: object) -> Any:
    marks = ", ".join(["%s"] * len(arguments))
    found = db.execute(f"select * from likeness.{function}({marks})".encode(), arguments).fetchone()
    assert found
    return found


def remove(db: Db, *image_ids: int) -> None:
    call(db, "remove_images", product_id(db), list(image_ids))


def upload(db: Db, sku: str = "A", sha256: str = SHA, **more: object) -> dict[str, Any]:
    """What the API does, but for the bytes."""
    db.execute("select likeness.begin_blobs('upload', array[%s])", [sha256])
    names = "".join(f", {name} => %s" for name in more)
    found = db.execute(
        f"select * from likeness.add_upload(%s, %s{names})".encode(),
        [sha256, product_id(db, sku), *more.values()],
    ).fetchone()
    assert found
    return found


def finish(shop: Shop, claim: dict[str, Any], sha256: str = SHA) -> None:
    shop.complete(claim, sha256)


@pytest.fixture
def db(connection: Db) -> Db:
    """A product A with three pictures of a feed."""
    feed(connection, row("A", "a.jpg", "b.jpg", "c.jpg"), and_activate=True)
    return connection


def test_an_order_is_one_change_and_names_each_picture_once(db: Db) -> None:
    a, b, c = ids(db)
    db.execute("select likeness.arrange_images(%s, %s)", [product_id(db), [c, a, b]])
    assert sources(db, "A") == ["c.jpg", "a.jpg", "b.jpg"]
    assert [image["role"] for image in images(db, "A")] == ["hero", "gallery", "gallery"]
    for wrong in ([c, a], [c, a, a], [c, a, b, 999]):
        with pytest.raises(psycopg.Error) as caught:
            db.execute("select likeness.arrange_images(%s, %s)", [product_id(db), wrong])
        assert caught.value.sqlstate == "LK003"
    assert ids(db) == [c, a, b]


def test_the_primary_picture_comes_first_and_the_others_keep_their_order(db: Db) -> None:
    db.execute("select likeness.set_primary_image(%s, %s)", [product_id(db), ids(db)[2]])
    assert sources(db, "A") == ["c.jpg", "a.jpg", "b.jpg"]


def test_an_import_moves_nothing_that_staff_arranged(db: Db) -> None:
    db.execute("select likeness.set_primary_image(%s, %s)", [product_id(db), ids(db)[2]])
    again = feed(db, row("A", "a.jpg", "b.jpg", "c.jpg"))
    assert (again["images_changed"], again["images_removed"]) == (0, 0)
    feed(db, row("A", "new.jpg", "b.jpg", "c.jpg"))
    assert sources(db, "A") == ["c.jpg", "b.jpg", "new.jpg"]


def test_an_import_brings_nothing_back_that_staff_removed(db: Db) -> None:
    shop = Shop(db)
    for claim in shop.claim():
        shop.complete(claim, f"{claim['image_id']:064x}")
    gone = ids(db)[0]
    remove(db, gone)
    assert sources(db, "A") == ["b.jpg", "c.jpg"]
    feed(db, row("A", "./a.jpg", "b.jpg", "c.jpg"), and_activate=True)
    assert sources(db, "A") == ["b.jpg", "c.jpg"]
    history = shop.rows(
        "select * from likeness.image_history where image_id = %s order by id", gone
    )
    assert [entry["cause"] for entry in history] == ["mirrored", "removed by staff"]
    assert_checks_are_quiet(db)


def test_a_removed_picture_can_be_restored(db: Db) -> None:
    remove(db, ids(db)[0])
    call(db, "restore_image", product_id(db), "a.jpg")
    assert sources(db, "A") == ["b.jpg", "c.jpg", "a.jpg"]
    assert images(db, "A")[2]["queued_at"] is not None
    feed(db, row("A", "a.jpg", "b.jpg", "c.jpg"))
    assert sources(db, "A") == ["b.jpg", "c.jpg", "a.jpg"]
    with pytest.raises(psycopg.Error, match="was removed") as caught:
        call(db, "restore_image", product_id(db), "a.jpg")
    assert caught.value.sqlstate == "LK002"


def test_a_claimed_picture_that_is_removed_frees_its_host_and_its_run(db: Db) -> None:
    shop = Shop(db)
    claims = shop.claim()
    remove(db, *ids(db))
    assert ids(db) == []
    assert not shop.complete(claims[0])
    run = shop.rows("select status, wanted from likeness.runs")[0]
    assert run == {"status": "finished", "wanted": 0}
    assert_checks_are_quiet(db)


def test_an_upload_comes_first_and_is_rendered_before_all_else(db: Db) -> None:
    answer = upload(db)
    assert (answer["status"], answer["is_new"]) == ("pending", True)
    assert sources(db, "A") == [UPLOAD, "a.jpg", "b.jpg", "c.jpg"]
    assert product(db, "A")["use_custom_image"]
    shop = Shop(db)
    [claim] = shop.claim(batch=1)
    assert claim["fetch_url"] == UPLOAD
    finish(shop, claim)
    assert images(db, "A")[0]["status"] == "completed"
    assert_checks_are_quiet(db)


def test_the_same_upload_again_changes_nothing(db: Db) -> None:
    first = upload(db)
    again = upload(db)
    assert (again["image_id"], again["is_new"]) == (first["image_id"], False)
    assert len(ids(db)) == 4


def test_an_upload_of_known_bytes_is_shown_at_once(db: Db) -> None:
    shop = Shop(db)
    shop.complete(shop.claim()[0], SHA)
    feed(db, row("B"))
    assert upload(db, "B")["status"] == "completed"
    [shown] = shop.rows(
        "select * from likeness.resolve_display_urls(array[%s]::bigint[])", product_id(db, "B")
    )
    assert (shown["status"], shown["width"]) == ("cached", RENDITIONS[0]["width"])
    assert_checks_are_quiet(db)


def test_an_upload_that_waits_is_not_proxied(db: Db) -> None:
    feed(db, row("B"))
    image = upload(db, "B")["image_id"]
    shop = Shop(db)
    [shown] = shop.rows(
        "select * from likeness.resolve_display_urls(array[%s]::bigint[])", product_id(db, "B")
    )
    assert (shown["status"], shown["url"]) == ("pending", None)
    assert shop.rows("select * from likeness.image_source(%s)", image) == []


def test_imports_leave_uploads_where_they_are(db: Db) -> None:
    upload(db, place=1)
    feed(db, row("A", "a.jpg", "d.jpg", media_changed="2030-01-01T00:00:00Z"), and_activate=True)
    assert sources(db, "A") == ["a.jpg", UPLOAD, "d.jpg"]
    feed(db, row("A"))
    assert sources(db, "A") == [UPLOAD]
    again = feed(db, row("A"))
    assert (again["images_changed"], again["images_removed"]) == (0, 0)


def test_a_feed_cannot_name_an_upload(db: Db) -> None:
    upload(db)
    feed(db, row("B", UPLOAD), and_activate=True)
    [image] = images(db, "B")
    assert (image["status"], image["failure_reason"]) == ("failed", "bad-url")
    feed(db, row("A", "a.jpg", UPLOAD, "b.jpg", "c.jpg"))
    assert sources(db, "A") == [UPLOAD, "a.jpg", "b.jpg", "c.jpg"]


def test_an_upload_for_the_shared_product_serves_all_that_stand_for_it(db: Db) -> None:
    with pytest.raises(psycopg.Error, match="stands for no canonical product"):
        upload(db, is_shared=True)
    feed(db, row("B"))
    shop = Shop(db)
    canonical = shop.value(
        "insert into likeness.canonical_products (name) values ('Cap') returning id"
    )
    shop.execute("update likeness.products set canonical_product_id = %s", canonical)
    upload(db, is_shared=True)
    [claim] = shop.claim(batch=1)
    finish(shop, claim)
    shown = shop.rows(
        "select * from likeness.resolve_display_urls(array[%s, %s]::bigint[])",
        product_id(db, "A"),
        product_id(db, "B"),
    )
    assert [item["version"] for item in shown] == [SHA[:16]] * 2
    assert not product(db, "A")["use_custom_image"]
    assert_checks_are_quiet(db)


def test_garbage_collection_leaves_an_upload_that_waits(db: Db) -> None:
    upload(db)
    shop = Shop(db)
    shop.execute("update likeness.blobs set storing_expires_at = now() - interval '2 days'")
    assert shop.rows("select * from likeness.claim_condemned('0', 10)") == []
    assert shop.value("select likeness.is_referenced(%s, now())", SHA)
    remove(db, ids(db)[0])
    assert [g["sha256"] for g in shop.rows("select * from likeness.claim_condemned('0', 10)")] == [
        SHA
    ]
    with pytest.raises(psycopg.Error, match="gone again"):
        db.execute("select likeness.add_upload(%s, %s)", [SHA, product_id(db)])


def test_staff_waits_for_an_import_and_then_sees_it(db: Db, second_connection: Db) -> None:
    order = ids(db)[::-1]
    outcome: list[str] = []

    def arrange() -> None:
        try:
            second_connection.execute("select likeness.arrange_images(%s, %s)", [product, order])
        except psycopg.Error as error:
            outcome.append(error.sqlstate or "")

    product = product_id(db)
    with db.transaction():
        feed(db, row("A", "a.jpg", "b.jpg"))
        thread = threading.Thread(target=arrange)
        thread.start()
        while not db.execute("select 1 from pg_locks where not granted").fetchone():
            assert thread.is_alive()
    thread.join()
    assert outcome == ["LK003"]
    assert sources(db, "A") == ["a.jpg", "b.jpg"]


def test_own_pictures_are_shown_or_not(db: Db) -> None:
    with pytest.raises(psycopg.Error, match="true or false, not null") as caught:
        db.execute("select likeness.set_use_custom_image(id, null) from likeness.products")
    assert caught.value.sqlstate == "LK004"
