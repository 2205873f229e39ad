"""Merging a feed: what it changes in products and pictures, and above all what it leaves alone."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.invariants import assert_checks_are_quiet
from tests.shop import Shop, fault, wait_until_blocked

Db = Connection[DictRow]
PREFIX = "http://pictures.test/p"
SUPPLIER = "acme"


def feed(
    db: Db,
    *rows: dict[str, Any],
    supplier: str = SUPPLIER,
    prefix: str | None = PREFIX,
    and_activate: bool = False,
) -> dict[str, Any]:
    """Import rows of likeness.feed_row; returns what merge_feed() says, and the rejects."""
    with db.transaction():
        db.execute("select likeness.open_feed(%s)", [prefix])
        for number, row in enumerate(rows, 2):
            columns = {"line": number, **row}
            db.execute(
                f"insert into pg_temp.feed_rows ({', '.join(columns)})"
                f" values ({', '.join(['%s'] * len(columns))})",
                [*columns.values()],
            )
        rejects = db.execute("select * from likeness.fold_feed(%s)", [supplier]).fetchall()
        result = db.execute(
            "select * from likeness.merge_feed(%s, 'a feed', %s)", [supplier, prefix]
        ).fetchone()
    assert result
    if and_activate:
        db.execute("select * from likeness.activate_dataset(%s)", [result["dataset_id"]])
    return {**result, "rejects": [(r["line"], r["field"]) for r in rejects]}


def row(sku: str, *pictures: str, **more: object) -> dict[str, Any]:
    return {"sku": sku, "name": f"Product {sku}", "pictures": list(pictures), **more}


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    """products new, changed, unchanged; images new, changed, removed."""
    return tuple(result[f"products_{w}"] for w in ("new", "changed", "unchanged")) + tuple(
        result[f"images_{w}"] for w in ("new", "changed", "removed")
    )


def images(db: Db, sku: str) -> list[dict[str, Any]]:
    return db.execute(
        "select i.* from likeness.images i join likeness.products p on p.id = i.product_id"
        " where p.sku = %s order by i.position",
        [sku],
    ).fetchall()


def sources(db: Db, sku: str) -> list[str]:
    return [image["source_url"] for image in images(db, sku)]


def product(db: Db, sku: str) -> dict[str, Any]:
    found = db.execute("select * from likeness.products where sku = %s", [sku]).fetchone()
    assert found
    return found


def versions(db: Db) -> list[tuple[str, int, str, str]]:
    """Where each row of the tables that a merge writes lies: any write moves one."""
    found = []
    for table in ("suppliers", "datasets", "products", "images", "hosts", "runs", "image_history"):
        rows = db.execute(f"select id, xmin::text, ctid::text from likeness.{table}".encode())
        found += [(table, r["id"], r["xmin"], r["ctid"]) for r in rows]
    return sorted(found)


@pytest.fixture
def shop(connection: Db) -> Shop:
    return Shop(connection, SUPPLIER, prefix=PREFIX)


@pytest.fixture
def shown(connection: Db, shop: Shop) -> Shop:
    """A product p whose pictures a.jpg, b.jpg and c.jpg are all completed, each with bytes."""
    feed(connection, row("p", "a.jpg", "b.jpg", "c.jpg"), and_activate=True)
    for claim in shop.claim():
        shop.complete(claim, str(claim["image_id"] % 10) * 64, etag=f"of {claim['image_id']}")
    assert {image["status"] for image in images(connection, "p")} == {"completed"}
    return shop


def test_a_new_feed_makes_a_draft_with_products_and_pictures_in_order(connection: Db) -> None:
    result = feed(connection, row("p", "a.jpg", "b.jpg"), row("q"))
    assert counts(result) == (2, 0, 0, 2, 0, 0)
    assert [(i["source_url"], i["role"], i["status"]) for i in images(connection, "p")] == [
        ("a.jpg", "hero", "pending"),
        ("b.jpg", "gallery", "pending"),
    ]
    assert images(connection, "q") == []
    status = connection.execute("select status from likeness.datasets").fetchone()
    assert status == {"status": "draft"}


def test_an_identical_feed_writes_no_row_at_all(connection: Db) -> None:
    rows = [
        row("p", "a.jpg", "b.jpg", price="1.50", media_changed="2026-01-01T00:00:00+00:00"),
        row("q", gtin_raw="4006381333931", brand=""),
    ]
    first = feed(connection, *rows, and_activate=True)
    before = versions(connection)
    again = feed(connection, *rows)
    assert versions(connection) == before
    assert counts(again) == (0, 0, 2, 0, 0, 0)
    assert again["dataset_id"] == first["dataset_id"]


def test_a_feed_with_one_change_touches_the_age_of_that_product_alone(connection: Db) -> None:
    feed(connection, row("p", "a.jpg"), row("q", "b.jpg"))
    before = {sku: product(connection, sku) for sku in "pq"}
    result = feed(connection, row("p", "a.jpg", price="3"), row("q", "b.jpg"))
    assert counts(result) == (0, 1, 1, 0, 0, 0)
    assert product(connection, "p")["updated_at"] > before["p"]["updated_at"]
    assert product(connection, "q")["updated_at"] == before["q"]["updated_at"]
    # Both are told of by the new feed, so its prefix counts for both.
    assert {product(connection, sku)["dataset_id"] for sku in "pq"} == {result["dataset_id"]}


def test_what_the_feed_does_not_speak_of_is_kept_and_what_it_empties_is_cleared(
    connection: Db,
) -> None:
    feed(connection, row("p", "a.jpg", brand="B", mpn="M", gtin_raw="4006381333931"))
    feed(connection, {"sku": "p", "mpn": ""})
    found = product(connection, "p")
    assert (found["name"], found["brand"], found["mpn"]) == ("Product p", "B", None)
    assert found["gtin"] == "04006381333931"
    assert sources(connection, "p") == ["a.jpg"]


def test_the_same_sku_of_another_supplier_is_another_product(connection: Db) -> None:
    feed(connection, row("p", "a.jpg"))
    assert counts(feed(connection, row("p", "a.jpg"), supplier="other"))[:2] == (1, 0)


def test_reordered_pictures_keep_their_rows_their_bytes_and_their_claims(
    connection: Db, shown: Shop
) -> None:
    before = {image["source_url"]: image for image in images(connection, "p")}
    result = feed(connection, row("p", "c.jpg", "a.jpg", "b.jpg"))
    after = images(connection, "p")
    assert counts(result) == (0, 0, 1, 0, 3, 0)
    assert [image["source_url"] for image in after] == ["c.jpg", "a.jpg", "b.jpg"]
    assert [image["role"] for image in after] == ["hero", "gallery", "gallery"]
    for image in after:
        old = before[image["source_url"]]
        assert image["id"] == old["id"]
        assert (image["status"], image["blob_sha256"]) == ("completed", old["blob_sha256"])
    assert_checks_are_quiet(connection)


def test_a_new_address_takes_over_the_place_and_the_old_picture_is_shown_until_it_is_there(
    connection: Db, shown: Shop
) -> None:
    before = images(connection, "p")[1]
    result = feed(connection, row("p", "a.jpg", "new.jpg", "c.jpg"))
    after = images(connection, "p")[1]
    assert counts(result) == (0, 0, 1, 0, 1, 0)
    assert (after["id"], after["source_url"]) == (before["id"], "new.jpg")
    assert (after["status"], after["blob_sha256"]) == ("outdated", before["blob_sha256"])
    # Validators of the old address would make the new one look unchanged.
    assert (before["source_etag"], after["source_etag"]) == (f"of {before['id']}", None)
    assert after["queued_at"] is None
    activated = connection.execute(
        "select queued from likeness.activate_dataset(%s)", [result["dataset_id"]]
    ).fetchone()
    assert activated == {"queued": 1}
    [claim] = shown.claim()
    assert (claim["fetch_url"], claim["etag"]) == (f"{PREFIX}/new.jpg", None)
    assert shown.complete(claim, "f" * 64)
    assert_checks_are_quiet(connection)


def test_a_vanished_picture_is_deleted_and_its_history_ends(connection: Db, shown: Shop) -> None:
    before = images(connection, "p")
    result = feed(connection, row("p", "b.jpg"))
    assert counts(result) == (0, 0, 1, 0, 1, 2)
    assert sources(connection, "p") == ["b.jpg"]
    ends = connection.execute(
        "select image_id, position, cause from likeness.image_history where blob_sha256 is null"
    ).fetchall()
    assert [tuple(end.values()) for end in ends] == [
        (before[0]["id"], 0, "removed"),
        (before[2]["id"], 2, "removed"),
    ]
    assert_checks_are_quiet(connection)


def test_a_picture_that_never_showed_anything_leaves_no_history(connection: Db) -> None:
    feed(connection, row("p", "a.jpg", "b.jpg"))
    assert counts(feed(connection, row("p", "a.jpg")))[5] == 1
    history = connection.execute("select count(*) as n from likeness.image_history").fetchone()
    assert history == {"n": 0}


def test_every_kind_of_change_at_once_ends_with_the_list_of_the_feed(
    connection: Db, shown: Shop
) -> None:
    feed(connection, row("p", "x.jpg", "a.jpg", "y.jpg", "z.jpg", "b.jpg"))
    assert sources(connection, "p") == ["x.jpg", "a.jpg", "y.jpg", "z.jpg", "b.jpg"]
    assert [image["position"] for image in images(connection, "p")] == [0, 1, 2, 3, 4]
    assert [image["status"] for image in images(connection, "p")] == [
        "pending", "completed", "outdated", "pending", "completed",
    ]  # fmt: skip
    assert_checks_are_quiet(connection)


def test_an_empty_list_of_pictures_removes_all_and_a_missing_one_none(
    connection: Db, shown: Shop
) -> None:
    assert counts(feed(connection, {"sku": "p", "name": "new"}))[3:] == (0, 0, 0)
    assert counts(feed(connection, row("p")))[3:] == (0, 0, 3)


def test_an_address_that_differs_in_nothing_that_counts_is_the_same_picture(
    connection: Db,
) -> None:
    feed(connection, row("p", "HTTPS://CDN.test/A.jpg?v=1", "./d/b.jpg"))
    before = versions(connection)
    feed(connection, row("p", "https://cdn.test/A.jpg?v=1#top", "d\\b.jpg"))
    assert versions(connection) == before
    result = feed(connection, row("p", "https://cdn.test/a.jpg?v=1", "d/b.jpg"))
    assert result["images_changed"] == 1


def test_pictures_that_are_given_twice_count_once(connection: Db) -> None:
    feed(connection, row("p", "a.jpg", "/a.jpg", "b.jpg", "a.jpg#x"))
    assert sources(connection, "p") == ["a.jpg", "b.jpg"]


def test_a_claim_of_a_picture_that_got_another_source_is_refused_at_its_end(
    connection: Db, shop: Shop
) -> None:
    feed(connection, row("p", "a.jpg"), and_activate=True)
    [claim] = shop.claim()
    result = feed(connection, row("p", "new.jpg"), and_activate=True)
    assert result["images_changed"] == 1
    assert shop.complete(claim) is False
    [image] = images(connection, "p")
    assert (image["status"], image["source_url"]) == ("pending", "new.jpg")
    [claim] = shop.claim()
    assert claim["fetch_url"] == f"{PREFIX}/new.jpg"
    assert shop.complete(claim)
    assert_checks_are_quiet(connection)


def test_a_claim_of_a_deleted_picture_is_refused_at_its_end(connection: Db, shop: Shop) -> None:
    feed(connection, row("p", "a.jpg"), and_activate=True)
    [claim] = shop.claim()
    feed(connection, row("p"))
    assert shop.complete(claim) is False
    assert images(connection, "p") == []
    assert_checks_are_quiet(connection)


def test_a_claim_of_a_picture_that_only_moves_is_kept(connection: Db, shop: Shop) -> None:
    feed(connection, row("p", "a.jpg", "b.jpg"), and_activate=True)
    claims = shop.claim()
    feed(connection, row("p", "b.jpg", "a.jpg"))
    assert [shop.complete(claim, str(n) * 64) for n, claim in enumerate(claims)] == [True, True]
    assert_checks_are_quiet(connection)


def test_a_host_at_its_limit_is_claimable_again_after_a_feed_took_its_claims(
    connection: Db,
) -> None:
    shop = Shop(connection, SUPPLIER, max_in_flight=1)
    feed(connection, row("p", "a.jpg"), row("q", "b.jpg"), and_activate=True)
    assert len(shop.claim()) == 1
    assert shop.claim("w/2") == []
    feed(connection, row("p"), row("q", "b.jpg"))
    assert len(shop.claim("w/2")) == 1


def test_a_run_ends_without_the_pictures_that_a_feed_took_away(connection: Db, shop: Shop) -> None:
    feed(connection, row("p", "a.jpg", "b.jpg", "c.jpg"), and_activate=True)
    claims = shop.claim(batch=1)
    feed(connection, row("p", "a.jpg", "new.jpg"))
    shop.complete(claims[0])
    runs = connection.execute("select wanted, stored, status from likeness.runs where wanted > 0")
    assert runs.fetchall() == [{"wanted": 1, "stored": 1, "status": "finished"}]


def test_a_run_ends_without_the_pictures_of_products_that_a_feed_switched_off(
    connection: Db, shop: Shop
) -> None:
    feed(connection, row("p", "a.jpg"), row("q", "b.jpg"), and_activate=True)
    [claim] = shop.claim(batch=1)
    feed(connection, row("p", "a.jpg"), row("q", "b.jpg", product_status="inactive"))
    shop.complete(claim)
    runs = connection.execute("select wanted, stored, status from likeness.runs where wanted > 0")
    assert runs.fetchall() == [{"wanted": 1, "stored": 1, "status": "finished"}]


def test_another_prefix_outdates_relative_pictures_whose_address_changed(
    connection: Db, shop: Shop
) -> None:
    rows = [row("p", "a.jpg", "http://cdn.test/b.jpg")]
    feed(connection, *rows, and_activate=True)
    for n, claim in enumerate(shop.claim()):
        shop.complete(claim, str(n) * 64)
    result = feed(connection, *rows, prefix="http://new.test/q")
    assert counts(result) == (0, 0, 1, 0, 1, 0)
    assert [image["status"] for image in images(connection, "p")] == ["outdated", "completed"]
    connection.execute("select likeness.activate_dataset(%s)", [result["dataset_id"]])
    assert [claim["fetch_url"] for claim in shop.claim()] == ["http://new.test/q/a.jpg"]


def test_a_prefix_mends_pictures_that_failed_for_want_of_one(connection: Db, shop: Shop) -> None:
    feed(connection, row("p", "a.jpg"), prefix=None, and_activate=True)
    assert images(connection, "p")[0]["failure_reason"] == "relative-url-without-prefix"
    feed(connection, row("p", "a.jpg"), and_activate=True)
    assert [claim["fetch_url"] for claim in shop.claim()] == [f"{PREFIX}/a.jpg"]


def test_a_failed_picture_is_not_queued_again_by_the_same_feed(connection: Db, shop: Shop) -> None:
    feed(connection, row("p", "a.jpg"), and_activate=True)
    shop.finish("w/1", fault(shop.claim()[0], "not-found"))
    feed(connection, row("p", "a.jpg"), and_activate=True)
    assert images(connection, "p")[0]["status"] == "failed"


def test_media_that_changed_after_they_were_mirrored_are_outdated_once(
    connection: Db, shown: Shop
) -> None:
    older = datetime.now(UTC) - timedelta(days=1)
    newer = datetime.now(UTC) + timedelta(minutes=1)

    def states(changed: datetime) -> set[str]:
        feed(connection, row("p", "a.jpg", "b.jpg", "c.jpg", media_changed=changed.isoformat()))
        return {image["status"] for image in images(connection, "p")}

    assert states(older) == {"completed"}
    assert states(newer) == {"outdated"}
    before = versions(connection)
    assert states(newer) == {"outdated"}
    assert versions(connection) == before


def test_products_that_a_feed_switches_off_leave_the_queue_and_come_back(
    connection: Db, shop: Shop
) -> None:
    feed(connection, row("p", "a.jpg"), and_activate=True)
    feed(connection, row("p", "a.jpg", product_status="inactive"), and_activate=True)
    assert product(connection, "p")["status"] == "inactive"
    assert shop.claim() == []
    feed(connection, row("p", "a.jpg", product_status="active"), and_activate=True)
    assert len(shop.claim()) == 1


def test_further_rows_of_a_sku_bring_their_pictures_in_the_order_they_name(
    connection: Db,
) -> None:
    result = feed(
        connection,
        row("p", "a.jpg", picture_order=1),
        row("q", "z.jpg"),
        {"sku": "p", "name": "", "pictures": ["c.jpg"], "picture_order": 3},
        {"sku": "p", "name": "", "pictures": ["b.jpg"], "picture_order": 2},
    )
    assert counts(result)[:4] == (2, 0, 0, 4)
    assert sources(connection, "p") == ["a.jpg", "b.jpg", "c.jpg"]
    assert result["rejects"] == []


def test_of_rows_that_contradict_each_other_the_first_lands(connection: Db) -> None:
    result = feed(
        connection,
        row("p", "a.jpg", price="1"),
        row("p", "b.jpg", price="2"),
        row("p", "a.jpg", price="1"),
    )
    assert result["rejects"] == [(3, "sku"), (4, "sku")]
    assert sources(connection, "p") == ["a.jpg"]


def test_a_product_has_at_most_a_thousand_pictures(connection: Db) -> None:
    result = feed(connection, row("p", *(f"{n}.jpg" for n in range(1001))))
    assert result["images_new"] == 1000
    assert result["rejects"] == [(2, "images")]


def test_a_feed_without_a_fit_row_makes_no_dataset(connection: Db) -> None:
    assert feed(connection)["dataset_id"] is None
    assert connection.execute("select from likeness.datasets").fetchall() == []


@pytest.mark.parametrize("prefix", ["pictures.test/p", "javascript:alert(1)", "http://"])
def test_a_prefix_that_is_no_address_is_refused(connection: Db, prefix: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        feed(connection, row("p"), prefix=prefix)
    assert caught.value.sqlstate == "LK004"


def test_a_draft_supersedes_nothing_until_it_is_activated(connection: Db, shop: Shop) -> None:
    first = feed(connection, row("p", "a.jpg"), and_activate=True)
    second = feed(connection, row("p", "b.jpg"))

    def status_of(dataset_id: int) -> Any:
        query = "select status from likeness.datasets where id = %s"
        return connection.execute(query, [dataset_id]).fetchall()[0]["status"]

    assert status_of(first["dataset_id"]) == "active"
    assert shop.claim() == []
    connection.execute("select likeness.activate_dataset(%s)", [second["dataset_id"]])
    assert status_of(first["dataset_id"]) == "retired"
    assert len(shop.claim()) == 1


def test_two_imports_of_one_supplier_follow_each_other(
    connection: Db, second_connection: Db
) -> None:
    feed(connection, row("p", "a.jpg"))
    results: list[dict[str, Any]] = []

    def import_elsewhere() -> None:
        results.append(feed(second_connection, row("p", "b.jpg"), row("q", "q.jpg")))

    with connection.transaction():
        feed(connection, row("p", "c.jpg"), row("q", "q.jpg"))
        other = threading.Thread(target=import_elsewhere)
        other.start()
        wait_until_blocked(connection, second_connection)
    other.join(timeout=30)
    assert counts(results[0]) == (0, 0, 2, 0, 1, 0)
    assert sources(connection, "p") == ["b.jpg"]


@pytest.mark.parametrize(
    ("raw", "gtin"),
    [
        ("4006381333931", "04006381333931"),
        ("036000291452", "00036000291452"),
        ("96385074", "00000096385074"),
        ("10614141000415", "10614141000415"),
        (" 4 006381-333931 ", "04006381333931"),
        ("4006381333930", None),
        ("0000000000000", None),
        ("400638133393", None),
        ("4.00638E+12", None),
        ("\u0664006381333931", "04006381333931"),
        ("", None),
        (None, None),
    ],
)
def test_a_barcode_is_normalised_where_its_check_digit_is_right(
    connection: Db, raw: str | None, gtin: str | None
) -> None:
    found = connection.execute("select likeness.normalize_gtin(%s) as gtin", [raw]).fetchone()
    assert found == {"gtin": gtin}


@pytest.mark.parametrize(
    ("source", "key"),
    [
        (" HTTPS://User@CDN.Test:443/A.jpg?Q=1#f ", "https://user@cdn.test:443/A.jpg?Q=1"),
        ("//CDN.test/A.jpg", "https://cdn.test/A.jpg"),
        ("./a/B.jpg", "a/B.jpg"),
        ("/a/B.jpg", "a/B.jpg"),
        ("\\a\\B.jpg", "a/B.jpg"),
        ("../a.jpg", "../a.jpg"),
        ("a.jpg?v=2", "a.jpg?v=2"),
    ],
)
def test_a_key_keeps_what_may_choose_the_picture(connection: Db, source: str, key: str) -> None:
    found = connection.execute("select likeness.source_key(%s) as key", [source]).fetchone()
    assert found == {"key": key}
