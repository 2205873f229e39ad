"""Decisions about what is the same thing: links, review, undo, and whose pictures are shown."""

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from tests.invariants import assert_checks_are_quiet
from tests.shop import Shop, fault
from worker.db import query_errors
from worker.errors import BadInput, NotFound, Refused

Db = Connection[DictRow]
GTIN, OTHER_GTIN = "4006381333931", "5000157078865"
A, B, C = "a" * 64, "b" * 64, "c" * 64


class Catalogue:
    """Two stores and a catalogue, on a connection."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self.one, self.two = Shop(db, "one"), Shop(db, "two")

    def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        return self.one.rows(query, *arguments)

    def value(self, query: str, *arguments: object) -> Any:
        with query_errors():
            return self.one.value(query, *arguments)

    def canonical(self, name: str, gtin: str | None = None) -> int:
        made: int = self.value(
            "insert into likeness.canonical_products (name, gtin)"
            " values (%s, likeness.normalize_gtin(%s)) returning id",
            name,
            gtin,
        )
        return made

    def product(
        self, name: str, *pictures: str, gtin: str | None = None, store: Shop | None = None
    ) -> int:
        shop = store or self.two
        sku = f"s{self.value('select count(*) from likeness.products')}"
        product = shop.add_product(sku, *pictures, name=name)
        shop.execute(
            "update likeness.products set gtin_raw = %s, gtin = likeness.normalize_gtin(%s),"
            " gtin_note = likeness.note_gtin(%s) where id = %s",
            *[gtin] * 3,
            product,
        )
        return product

    def match(self, *products: int, create: bool = False) -> dict[int, dict[str, Any]]:
        rows = self.rows("select * from likeness.match_products(%s, %s)", [*products], create)
        return {row["product_id"]: row for row in rows}

    def queue(self, product: int, *candidates: tuple[int, float]) -> int:
        """A waiting item, as match_products() makes it."""
        listed = [
            {"canonical_product_id": c, "confidence": f, "method": "name", "reason": "alike"}
            for c, f in candidates
        ]
        item: int = self.value(
            "insert into likeness.match_queue (product_id, canonical_product_id, confidence,"
            " reason, candidates) values (%s, %s, %s, 'alike', %s) returning id",
            product,
            candidates[0][0] if candidates else None,
            candidates[0][1] if candidates else 0,
            Jsonb(listed),
        )
        return item

    def link(self, product: int) -> int | None:
        found: int | None = self.value(
            "select canonical_product_id from likeness.products where id = %s", product
        )
        return found

    def shown(self, *products: int) -> list[tuple[str, str | None]]:
        rows = self.rows(
            "select d.status, i.blob_sha256 from likeness.resolve_display_urls(%s) d"
            " left join likeness.images i on i.id = d.image_id",
            [*products],
        )
        return [(row["status"], row["blob_sha256"]) for row in rows]

    def queued(self) -> set[int]:
        rows = self.rows("select product_id from likeness.images where queued_at is not null")
        return {row["product_id"] for row in rows}

    def fetch(self, product: int, sha256: str) -> None:
        """The first picture of a product arrives."""
        is_there = False
        for claim in self.one.claim():
            image = claim["image_id"]
            owner = self.value("select product_id from likeness.images where id = %s", image)
            if owner == product and not is_there:
                is_there = self.one.complete(claim, sha256)
            else:
                self.value("select likeness.release_images('w/1', array[%s::bigint])", image)
        assert is_there, f"no picture of product {product} waited"

    def item(self, product: int) -> dict[str, Any] | None:
        rows = self.rows(
            "select * from likeness.match_queue where product_id = %s and status = 'waiting'",
            product,
        )
        return rows[0] if rows else None

    def log(self) -> list[tuple[str, int | None]]:
        rows = self.rows("select action, product_id from likeness.match_log order by id")
        return [(row["action"], row["product_id"]) for row in rows]


@pytest.fixture
def catalogue(connection: Db) -> Catalogue:
    return Catalogue(connection)


def test_a_proven_barcode_links_by_itself_and_keeps_its_evidence(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Stabilo pen 68 black", GTIN)
    product = catalogue.product("Stabilo Pen 68 schwarz", gtin='="4006381333931"')
    (decision,) = catalogue.match(product).values()
    assert (decision["action"], decision["canonical_product_id"]) == ("link", pen)
    assert decision["confidence"] == 1
    assert catalogue.link(product) == pen
    (row,) = catalogue.rows("select * from likeness.match_log")
    assert (row["action"], row["method"], row["is_automatic"]) == ("linked", "barcode", True)
    assert row["evidence"]["evidence"]["gtin"] == "04006381333931"
    assert_checks_are_quiet(catalogue.db)


def test_a_barcode_whose_names_contradict_each_other_waits_for_a_person(
    catalogue: Catalogue,
) -> None:
    catalogue.canonical("Organic strawberry spread", GTIN)
    product = catalogue.product("Cordless drill 18V", gtin=GTIN)
    (decision,) = catalogue.match(product).values()
    assert (decision["action"], round(decision["confidence"], 2)) == ("suggest", 0.8)
    assert "names have nothing in common" in decision["reason"]
    assert catalogue.link(product) is None
    item = catalogue.item(product)
    assert item
    assert item["reason"] == decision["reason"]


@pytest.mark.parametrize("gtin", [GTIN, GTIN[:-1]])
@pytest.mark.parametrize(
    ("canonical", "name", "action"),
    [
        ("Stabilo pen 68 set of 24", "Stabilo pen 68 set of 12", "suggest"),
        ("Stabilo Pen 68 24er-Set", "Stabilo Pen 68 12 Stück", "suggest"),
        ("Stabilo pen 68 set of 24", "Stabilo pen 68, 24 pcs", "link"),
        ("Stabilo pen 68 set of 24", "Stabilo pen 68", "link"),
    ],
)
def test_a_barcode_of_packs_of_different_numbers_waits_for_a_person(
    catalogue: Catalogue, canonical: str, name: str, action: str, gtin: str
) -> None:
    catalogue.canonical(canonical, GTIN)
    product = catalogue.product(name, gtin=gtin)
    (decision,) = catalogue.match(product).values()
    assert decision["action"] == action
    if action == "suggest":
        assert decision["confidence"] <= 0.8 + 1e-6


def test_packs_of_one_barcode_become_one_thing_unless_their_numbers_contradict(
    catalogue: Catalogue,
) -> None:
    many = catalogue.product("Stabilo pen 68 set of 24", gtin=GTIN)
    few = catalogue.product("Stabilo pen 68 set of 12", gtin=GTIN)
    made = catalogue.match(many, few, create=True)
    assert [made[p]["action"] for p in (many, few)] == ["create", "suggest"]
    assert "a pack of another number" in made[few]["reason"]


def test_products_of_one_barcode_become_one_thing_unless_their_names_contradict(
    catalogue: Catalogue,
) -> None:
    wine = catalogue.product("Chateau Merlot red wine 750 ml", gtin=GTIN)
    cable = catalogue.product("USB charging cable black 2 m", gtin=GTIN)
    same = catalogue.product("Chateau Merlot 0,75 l", gtin=GTIN)
    made = catalogue.match(wine, cable, same, create=True)
    assert [made[p]["action"] for p in (wine, cable, same)] == ["create", "suggest", "link"]
    assert catalogue.link(wine) == catalogue.link(same) is not None
    assert catalogue.link(cable) is None
    item = catalogue.item(cable)
    assert item
    assert "names have nothing in common" in item["reason"]
    assert item["canonical_product_id"] == catalogue.link(wine)
    assert catalogue.log() == [("created", wine), ("linked", same)]
    assert_checks_are_quiet(catalogue.db)


def test_after_five_rejections_the_next_candidates_are_proposed(catalogue: Catalogue) -> None:
    drills = [catalogue.canonical(f"Bosch drill GSR 18V-{n}0 C professional") for n in range(1, 9)]
    product = catalogue.product("Bosch drill GSR 18V professional set")
    proposed: list[int] = []
    for count in (5, 3):
        catalogue.match(product)
        item = catalogue.item(product)
        assert item
        proposed += [c["canonical_product_id"] for c in item["candidates"]]
        assert len(item["candidates"]) == count
        catalogue.value("select likeness.reject_match(%s, decided_by => 'anna')", item["id"])
    assert sorted(proposed) == drills
    assert catalogue.match(product)[product]["action"] == "leave"


def test_a_merge_proposes_nothing_that_was_rejected_of_either(catalogue: Catalogue) -> None:
    one, two = catalogue.canonical("Stabilo pen"), catalogue.canonical("Stabilo pens")
    product = catalogue.product("Stabilo pen 68")
    item = catalogue.queue(product, (one, 0.8), (two, 0.7))
    catalogue.value("select likeness.reject_match(%s, %s, 'anna')", item, one)
    assert catalogue.item(product)
    merge = catalogue.value("select likeness.merge_canonical_products(%s, %s, 'bea')", one, two)
    waiting = catalogue.item(product)
    assert waiting
    assert waiting["candidates"] == []
    assert_checks_are_quiet(catalogue.db)
    decision = catalogue.match(product)[product]
    assert (decision["action"], decision["candidates"]) == ("leave", [])
    assert decision["reason"].endswith("but what a person said it is not")
    # Two again: the second was never rejected.
    catalogue.value("select likeness.undo_match(%s, 'bea')", merge)
    catalogue.match(product)
    waiting = catalogue.item(product)
    assert waiting is None or waiting["canonical_product_id"] == two
    assert catalogue.link(product) != one
    assert_checks_are_quiet(catalogue.db)


def test_a_rejection_outlives_the_undoing_of_what_it_is_about(catalogue: Catalogue) -> None:
    first = catalogue.product("Bosch drill GSR 18V professional", store=catalogue.one)
    second = catalogue.product("Bosch drill GSR 18V blue professional tool")
    catalogue.match(first, create=True)
    catalogue.match(second)
    assert catalogue.link(second) == catalogue.link(first)
    catalogue.value("select likeness.unlink_match(%s, 'anna')", second)
    catalogue.value("select likeness.undo_match((select min(id) from likeness.match_log), 'anna')")
    assert catalogue.link(first) is None
    catalogue.match(first, second, create=True)
    catalogue.match(first, second)
    assert catalogue.link(first) is not None
    assert catalogue.link(second) != catalogue.link(first)
    assert_checks_are_quiet(catalogue.db)


def test_a_missing_check_digit_counts_only_with_the_name(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Stabilo pen 68 black", "036000291452")
    named = catalogue.product("Stabilo pen 68 black", gtin="03600029145")
    unnamed = catalogue.product("Garden hose 20 m", gtin="03600029145")
    decisions = catalogue.match(named, unnamed)
    assert (decisions[named]["action"], decisions[named]["canonical_product_id"]) == ("link", pen)
    assert decisions[unnamed]["action"] in ("review", "leave")


def test_eight_digits_may_be_either_of_two_codes(catalogue: Catalogue) -> None:
    """They are a right EAN-8, and UPC-E of another number, which the name then has to prove."""
    sauce = catalogue.canonical("Veracruzana sauce, medium", "180923000094")
    readings = catalogue.rows("select gtin, grade from likeness.read_gtin('18092394')")
    grades = {row["gtin"]: row["grade"] for row in readings}
    assert (grades["00000018092394"], grades["00180923000094"]) == (1, 2)
    product = catalogue.product("Veracruzana sauce, medium", gtin="18092394")
    (decision,) = catalogue.match(product).values()
    assert (decision["action"], decision["canonical_product_id"]) == ("link", sauce)


def test_a_case_is_not_its_unit(catalogue: Catalogue) -> None:
    unit = catalogue.canonical("Stabilo pen 68 black", "10614141000415"[1:13] + "8")
    assert catalogue.rows("select gtin from likeness.canonical_products") == [
        {"gtin": "00614141000418"}
    ]
    case = catalogue.product("Stabilo pen 68 black", gtin="10614141000415")
    (decision,) = catalogue.match(case).values()
    assert (decision["action"], decision["canonical_product_id"]) == ("suggest", unit)
    assert "case" in decision["reason"]


def test_a_barcode_that_a_linked_product_has_is_known(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Stabilo pen 68 black")
    known = catalogue.product("Stabilo pen 68 black", gtin=GTIN, store=catalogue.one)
    catalogue.value("select likeness.link_match(%s, %s, 'anna')", known, pen)
    product = catalogue.product("Pen 68 black", gtin=GTIN)
    (decision,) = catalogue.match(product).values()
    assert (decision["action"], decision["canonical_product_id"]) == ("link", pen)


def test_what_nothing_is_like_becomes_a_canonical_product_where_that_is_asked(
    catalogue: Catalogue,
) -> None:
    first = catalogue.product("Stabilo pen 68 black", gtin=GTIN, store=catalogue.one)
    twin = catalogue.product("Stabilo pen 68", gtin=GTIN, store=catalogue.one)
    assert catalogue.match(first)[first]["action"] == "leave"
    decisions = catalogue.match(first, twin, create=True)
    assert [d["action"] for d in decisions.values()] == ["create", "link"]
    assert catalogue.link(first) == catalogue.link(twin)
    elsewhere = catalogue.product("Pen 68 black by Stabilo", gtin=GTIN)
    assert catalogue.match(elsewhere, create=True)[elsewhere]["action"] == "link"
    assert catalogue.value("select count(*) from likeness.canonical_products") == 1


def test_a_plan_changes_nothing(catalogue: Catalogue) -> None:
    catalogue.canonical("Stabilo pen 68 black", GTIN)
    product = catalogue.product("Stabilo pen 68 black", gtin=GTIN)
    rows = catalogue.rows("select * from likeness.plan_matches(array[%s::bigint])", product)
    assert [row["action"] for row in rows] == ["link"]
    assert catalogue.link(product) is None
    assert catalogue.log() == []


def test_products_of_a_supplier_that_is_being_imported_are_left_for_later(
    catalogue: Catalogue, second_connection: Db
) -> None:
    catalogue.canonical("Stabilo pen 68 black", GTIN)
    ours = catalogue.product("Stabilo pen 68 black", gtin=GTIN, store=catalogue.one)
    theirs = catalogue.product("Stabilo pen 68 black", gtin=GTIN)
    with second_connection.transaction():
        second_connection.execute(
            "select 1 from likeness.suppliers where name = 'two' for no key update"
        )
        assert list(catalogue.match(ours, theirs)) == [ours]
    assert list(catalogue.match(ours, theirs)) == [theirs]


def test_a_link_costs_no_fetch_where_there_is_a_picture(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Pen", GTIN)
    first = catalogue.product("Pen", "a.jpg", gtin=GTIN, store=catalogue.one)
    catalogue.fetch(first, A)
    catalogue.match(first)
    second = catalogue.product("Pen", "b.jpg", "c.jpg", gtin=GTIN)
    bare = catalogue.product("Pen", gtin=GTIN)
    assert catalogue.queued() == {second}
    catalogue.match(second, bare)
    assert catalogue.queued() == set()
    assert catalogue.shown(first, second, bare) == [("cached", A)] * 3
    assert catalogue.value("select picture_product_id from likeness.canonical_products") == first
    (counts,) = catalogue.rows("select * from likeness.picture_sharing")
    assert counts["products"] == 3
    assert counts["fetches_saved"] == 2
    assert counts["bytes_saved"] > 0
    assert catalogue.link(bare) == pen
    assert_checks_are_quiet(catalogue.db)


def test_the_first_that_was_linked_is_fetched_for_all(catalogue: Catalogue) -> None:
    catalogue.canonical("Pen", GTIN)
    first = catalogue.product("Pen", "a.jpg", gtin=GTIN, store=catalogue.one)
    second = catalogue.product("Pen", "b.jpg", gtin=GTIN)
    catalogue.match(first, second)
    assert catalogue.queued() == {first}
    assert [status for status, _ in catalogue.shown(first, second)] == ["pending", "pending"]
    catalogue.fetch(first, A)
    assert catalogue.shown(first, second) == [("cached", A)] * 2


def test_a_run_does_not_wait_for_pictures_that_are_spared(catalogue: Catalogue) -> None:
    catalogue.canonical("Pen", GTIN)
    first = catalogue.product("Pen", "a.jpg", gtin=GTIN, store=catalogue.one)
    catalogue.fetch(first, A)
    catalogue.match(first)
    second = catalogue.product("Pen", "b.jpg", gtin=GTIN)
    unqueue = "update likeness.images set queued_at = null where product_id = %s"
    catalogue.db.execute(unqueue, [second])
    run = catalogue.value("select likeness.start_run(array[%s::bigint])", second)
    catalogue.match(second)
    (row,) = catalogue.rows("select * from likeness.runs where id = %s", run)
    assert (row["status"], row["wanted"], row["skipped"]) == ("finished", 0, 1)


def test_a_product_with_a_picture_of_its_own_keeps_it_where_the_store_says_so(
    catalogue: Catalogue,
) -> None:
    catalogue.canonical("Pen", GTIN)
    first = catalogue.product("Pen", "a.jpg", gtin=GTIN, store=catalogue.one)
    catalogue.fetch(first, A)
    second = catalogue.product("Pen", "b.jpg", gtin=GTIN)
    catalogue.match(first, second)
    custom = "update likeness.products set use_custom_image = %s where id = %s"
    catalogue.db.execute(custom, [True, second])
    assert catalogue.queued() == {second}
    assert catalogue.shown(second) == [("cached", A)]
    catalogue.fetch(second, B)
    assert catalogue.shown(first, second) == [("cached", A), ("cached", B)]
    catalogue.db.execute(custom, [False, second])
    assert catalogue.shown(second) == [("cached", A)]
    assert_checks_are_quiet(catalogue.db)


def test_unlinking_gives_a_product_its_own_pictures_back(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Pen", GTIN)
    first = catalogue.product("Pen", "a.jpg", gtin=GTIN, store=catalogue.one)
    catalogue.fetch(first, A)
    second = catalogue.product("Pen", "b.jpg", gtin=GTIN)
    catalogue.match(first, second)
    decision = catalogue.value("select likeness.unlink_match(%s, 'anna', 'another pen')", second)
    assert catalogue.queued() == {second}
    assert catalogue.shown(second) == [("pending", None)]
    # The pair is never proposed again.
    assert catalogue.match(second)[second]["candidates"] == []
    catalogue.value("select likeness.undo_match(%s, 'anna')", decision)
    assert catalogue.link(second) == pen
    assert catalogue.queued() == set()
    assert catalogue.shown(second) == [("cached", A)]
    assert_checks_are_quiet(catalogue.db)


def test_when_the_one_whose_pictures_are_shared_goes_another_gives_its_own(
    catalogue: Catalogue,
) -> None:
    catalogue.canonical("Pen", GTIN)
    first = catalogue.product("Pen", "a.jpg", gtin=GTIN, store=catalogue.one)
    second = catalogue.product("Pen", "b.jpg", gtin=GTIN)
    bare = catalogue.product("Pen", gtin=GTIN)
    catalogue.match(first, second, bare)
    assert catalogue.queued() == {first}
    catalogue.value("select likeness.unlink_match(%s, 'anna')", first)
    assert catalogue.queued() == {first, second}
    catalogue.fetch(second, B)
    assert catalogue.shown(second, bare) == [("cached", B)] * 2
    catalogue.db.execute("delete from likeness.products where id = %s", [second])
    assert catalogue.shown(bare) == [("no-image", None)]
    assert_checks_are_quiet(catalogue.db)


def test_pictures_that_cannot_be_had_are_shared_no_longer(catalogue: Catalogue) -> None:
    catalogue.canonical("Pen", GTIN)
    first = catalogue.product("Pen", "a.jpg", gtin=GTIN, store=catalogue.one)
    second = catalogue.product("Pen", "b.jpg", gtin=GTIN)
    catalogue.match(first, second)
    (claim,) = catalogue.one.claim()
    assert catalogue.one.finish("w/1", fault(claim, "not-found")) == [True]
    assert catalogue.value("select likeness.heal_shared_pictures()") == 1
    assert catalogue.queued() == {second}
    assert catalogue.value("select likeness.heal_shared_pictures()") == 0


def test_accepting_links_and_a_second_reviewer_hears_who_was_first(catalogue: Catalogue) -> None:
    pen, ink = catalogue.canonical("Pen"), catalogue.canonical("Ink")
    product = catalogue.product("Pen?")
    item = catalogue.queue(product, (pen, 0.8), (ink, 0.4))
    catalogue.value("select likeness.accept_match(%s, decided_by => 'anna')", item)
    assert catalogue.link(product) == pen
    for call in ("accept_match(%s, decided_by => 'ben')", "reject_match(%s)", "create_match(%s)"):
        with pytest.raises(Refused, match=f"accepted as canonical product {pen} by anna"):
            catalogue.value(f"select likeness.{call}", item)
    with pytest.raises(NotFound):
        catalogue.value("select likeness.accept_match(-1)")
    assert catalogue.log() == [("accepted", product)]


def test_a_rejected_pair_is_never_proposed_again(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Stabilo pen 68 black", GTIN)
    product = catalogue.product("Cordless drill 18V", gtin=GTIN)
    catalogue.match(product)
    item = catalogue.item(product)
    assert item
    decision = catalogue.value("select likeness.reject_match(%s)", item["id"])
    assert catalogue.item(product) is None
    assert catalogue.match(product)[product]["action"] == "leave"
    with pytest.raises(Refused, match=f"decision {decision} says"):
        catalogue.value("select likeness.link_match(%s, %s)", product, pen)
    catalogue.value("select likeness.undo_match(%s)", decision)
    assert catalogue.item(product)
    assert_checks_are_quiet(catalogue.db)


def test_one_candidate_may_be_rejected_and_the_others_wait(catalogue: Catalogue) -> None:
    pen, ink = catalogue.canonical("Pen"), catalogue.canonical("Ink")
    product = catalogue.product("Pen?")
    item = catalogue.queue(product, (pen, 0.8), (ink, 0.4))
    decision = catalogue.value("select likeness.reject_match(%s, %s)", item, pen)
    left = catalogue.item(product)
    assert left
    assert left["canonical_product_id"] == ink
    assert round(left["confidence"], 2) == 0.4
    catalogue.value("select likeness.undo_match(%s)", decision)
    again = catalogue.item(product)
    assert again
    assert [c["canonical_product_id"] for c in again["candidates"]] == [pen, ink]


def test_a_rejection_that_is_taken_back_leaves_a_later_link_as_it_is(catalogue: Catalogue) -> None:
    product = catalogue.product("lamp")
    one, other = catalogue.canonical("this lamp"), catalogue.canonical("that lamp")
    item = catalogue.queue(product, (one, 0.5), (other, 0.4))
    rejection = catalogue.value("select likeness.reject_match(%s, %s, 'ann')", item, one)
    catalogue.value("select likeness.link_match(%s, %s, 'ann')", product, other)
    catalogue.value("select likeness.undo_match(%s, 'ann')", rejection)
    linked = catalogue.rows(
        "select canonical_product_id as thing from likeness.products where id = %s", product
    )
    assert linked == [{"thing": other}]
    assert_checks_are_quiet(catalogue.db)


@pytest.mark.parametrize("gtin", [GTIN, None], ids=["a link", "a suggestion"])
def test_a_merge_that_commits_while_a_product_is_matched_brings_its_rejections(
    catalogue: Catalogue, second_connection: Db, gtin: str | None
) -> None:
    pen = catalogue.canonical("Stabilo pen 68 black", gtin)
    ink = catalogue.canonical("Ink that is no pen")
    product = catalogue.product("Stabilo pens 68 schwarz", gtin=gtin)
    catalogue.value(
        "select likeness.reject_match(%s, null, 'ann')", catalogue.queue(product, (ink, 0.5))
    )
    planned = catalogue.rows("select * from likeness.plan_matches(%s, false)", [product])
    assert planned[0]["canonical_product_id"] == pen
    decided: list[dict[str, Any]] = []

    def match() -> None:
        matching = second_connection.execute(
            "select * from likeness.match_products(%s)", [[product]]
        )
        decided.extend(matching.fetchall())

    other = threading.Thread(target=match)
    with catalogue.db.transaction():
        catalogue.value("select likeness.merge_canonical_products(%s, %s, 'bea')", ink, pen)
        other.start()
        while not catalogue.value("select count(*) from pg_locks where not granted"):
            assert other.is_alive()
    other.join()
    assert decided == []
    assert catalogue.link(product) is None
    assert catalogue.item(product) is None
    assert_checks_are_quiet(catalogue.db)


def test_creating_makes_a_canonical_product_of_the_product(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Pen")
    product = catalogue.product("Ball pen", gtin=GTIN)
    item = catalogue.queue(product, (pen, 0.5))
    decision = catalogue.value(
        "select likeness.create_match(%s, '{\"name\": \"Ball pen, blue\"}', 'anna')", item
    )
    made = catalogue.link(product)
    (row,) = catalogue.rows("select * from likeness.canonical_products where id = %s", made)
    assert (row["name"], row["gtin"]) == ("Ball pen, blue", "04006381333931")
    with pytest.raises(BadInput, match="colour"):
        catalogue.value(
            "select likeness.create_match(%s, '{\"colour\": 1}')",
            catalogue.queue(catalogue.product("x"), (pen, 0.5)),
        )
    catalogue.value("select likeness.undo_match(%s, 'ben')", decision)
    assert catalogue.link(product) is None
    assert catalogue.rows("select 1 from likeness.canonical_products where id = %s", made) == []
    assert catalogue.item(product)
    with pytest.raises(Refused, match="taken back already"):
        catalogue.value("select likeness.undo_match(%s)", decision)


def test_an_automatic_link_that_is_taken_back_waits_for_a_person(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Pen", GTIN)
    product = catalogue.product("Pen", "b.jpg", gtin=GTIN)
    catalogue.match(product)
    decision = catalogue.value("select id from likeness.match_log")
    catalogue.value("select likeness.undo_match(%s, 'anna')", decision)
    item = catalogue.item(product)
    assert item
    assert item["canonical_product_id"] == pen
    assert catalogue.queued() == {product}
    assert catalogue.rows("select * from likeness.next_unmatched()") == []


def test_merging_moves_products_pictures_and_waiting_items_and_can_be_undone(
    catalogue: Catalogue,
) -> None:
    pen = catalogue.canonical("Pen", GTIN)
    same = catalogue.canonical("Pen 68", OTHER_GTIN)
    first = catalogue.product("Pen", "a.jpg", gtin=GTIN, store=catalogue.one)
    catalogue.fetch(first, A)
    second = catalogue.product("Pen 68", "b.jpg", gtin=OTHER_GTIN)
    catalogue.match(first, second)
    waiting = catalogue.product("Pen 6")
    catalogue.queue(waiting, (same, 0.8), (pen, 0.75))
    assert catalogue.queued() == {second}
    decision = catalogue.value(
        "select likeness.merge_canonical_products(%s, %s, 'anna')", same, pen
    )
    assert (catalogue.link(first), catalogue.link(second)) == (pen, pen)
    assert catalogue.queued() == set()
    assert catalogue.shown(first, second) == [("cached", A)] * 2
    item = catalogue.item(waiting)
    assert item
    assert [c["canonical_product_id"] for c in item["candidates"]] == [pen]
    with pytest.raises(NotFound, match="merged already"):
        catalogue.value("select likeness.merge_canonical_products(%s, %s)", same, pen)
    with pytest.raises(Refused, match="merged"):
        catalogue.value("select likeness.undo_match(%s)", decision - 1)
    assert_checks_are_quiet(catalogue.db)
    catalogue.value("select likeness.undo_match(%s, 'ben')", decision)
    assert (catalogue.link(first), catalogue.link(second)) == (pen, same)
    assert catalogue.queued() == {second}
    assert catalogue.shown(first, second) == [("cached", A), ("pending", None)]
    gtins = catalogue.rows("select gtin from likeness.canonical_products order by id")
    assert [row["gtin"] for row in gtins] == ["04006381333931", "05000157078865"]
    assert_checks_are_quiet(catalogue.db)


def test_what_a_person_said_is_not_the_same_is_not_merged(catalogue: Catalogue) -> None:
    pen, ink = catalogue.canonical("Pen"), catalogue.canonical("Ink")
    product = catalogue.product("Pen")
    item = catalogue.queue(product, (ink, 0.8), (pen, 0.7))
    catalogue.value("select likeness.reject_match(%s, %s)", item, ink)
    catalogue.value("select likeness.accept_match(%s, %s)", item, pen)
    for pair in ((pen, ink), (ink, pen)):
        with pytest.raises(Refused, match=f"product {product} of the one is not the other"):
            catalogue.value("select likeness.merge_canonical_products(%s, %s)", *pair)


def test_decisions_are_taken_back_in_the_opposite_order(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Pen")
    product = catalogue.product("Pen")
    linked = catalogue.value("select likeness.link_match(%s, %s)", product, pen)
    unlinked = catalogue.value("select likeness.unlink_match(%s)", product)
    with pytest.raises(Refused, match=f"decision {unlinked} stands on decision {linked}"):
        catalogue.value("select likeness.undo_match(%s)", linked)
    undone = catalogue.value("select likeness.undo_match(%s)", unlinked)
    with pytest.raises(Refused, match="decide afresh"):
        catalogue.value("select likeness.undo_match(%s)", undone)
    catalogue.value("select likeness.undo_match(%s)", linked)
    assert catalogue.link(product) is None


def test_the_log_is_append_only(catalogue: Catalogue) -> None:
    catalogue.value(
        "select likeness.link_match(%s, %s)", catalogue.product("Pen"), catalogue.canonical("Pen")
    )
    for change in ("update likeness.match_log set reason = ''", "delete from likeness.match_log"):
        with pytest.raises(Refused), query_errors():
            catalogue.db.execute(change)


def test_match_quality_counts_what_people_said_of_automatic_links(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Pen", GTIN)
    products = [catalogue.product("Pen", gtin=GTIN) for _ in range(4)]
    catalogue.match(*products)
    catalogue.value("select likeness.link_match(%s, %s, 'anna')", products[0], pen)
    catalogue.value("select likeness.link_match(%s, %s, 'anna')", products[1], pen)
    catalogue.value("select likeness.unlink_match(%s, 'anna')", products[2])
    (row,) = catalogue.rows("select * from likeness.match_quality where method = 'barcode'")
    assert (row["supplier"], row["links"], row["confirmed"], row["taken_back"]) == ("two", 4, 2, 1)
    assert round(float(row["precision"]), 3) == 0.667


def test_two_connections_that_decide_the_same_item_do_it_once(
    catalogue: Catalogue, second_connection: Db
) -> None:
    pen = catalogue.canonical("Pen")
    item = catalogue.queue(catalogue.product("Pen"), (pen, 0.8))
    with catalogue.db.transaction():
        catalogue.value("select likeness.accept_match(%s, decided_by => 'anna')", item)
        second_connection.execute("set lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second_connection.execute("select likeness.accept_match(%s)", [item])
    with pytest.raises(Refused, match="by anna"), query_errors():
        second_connection.execute("select likeness.accept_match(%s)", [item])


def show(catalogue: Catalogue, product: int, sha256: str, shade: int, phash: int) -> None:
    """A product's picture is there: flat in colour, of these shapes."""
    catalogue.fetch(product, sha256)
    catalogue.db.execute(
        "update likeness.blobs set phash = %s, signature = decode(repeat(%s, 192), 'hex')"
        " where sha256 = %s",
        [phash, f"{shade:02x}", sha256],
    )


@pytest.mark.parametrize(
    ("before", "shade", "is_capped", "expected"),
    [
        (0.75, 100, False, 0.9),
        (0.75, 100, True, 0.75),
        (0.75, 250, False, 0.75),
        (0.6, 100, False, 0.6),
        (0.9, 250, False, 0.8),
        (0.9, 100, False, 0.9),
    ],
)
def test_pictures_tip_what_names_left_open(
    catalogue: Catalogue, before: float, shade: int, is_capped: bool, expected: float
) -> None:
    """The same picture lifts a suggestion that nothing speaks against; another one takes a link
    by name to review."""
    pen = catalogue.canonical("Pen")
    known = catalogue.product("Pen", "a.jpg", store=catalogue.one)
    show(catalogue, known, A, 100, 0)
    catalogue.value("select likeness.link_match(%s, %s, 'anna')", known, pen)
    product = catalogue.product("Pen", "b.jpg")
    show(catalogue, product, B, shade, 0 if shade == 100 else -1)
    weigh = (
        "select confidence from likeness.weigh_pictures"
        "(%s, %s, 'name', %s::real, 0.70::real, 0.85::real, %s)"
    )
    confidence = catalogue.value(weigh, product, pen, before, is_capped)
    assert confidence == pytest.approx(expected)


def test_an_equal_picture_lifts_nothing_that_contradicts(catalogue: Catalogue) -> None:
    """Shops show one picture for all sizes of a thing."""
    for thing in ("Desk Lamp", "Olive Oil", "Running Shoe", "Cordless Drill", "Ink Bottle"):
        catalogue.canonical(f"Ostrava {thing}")
    name = "Ostrava Galaxy S24 128GB Phantom Violet"
    known = catalogue.product(name, "a.jpg", store=catalogue.one)
    show(catalogue, known, A, 100, 0)
    catalogue.match(known, create=True)
    product = catalogue.product(name.replace("S24", "S24 Ultra"), "b.jpg")
    show(catalogue, product, B, 100, 0)
    (decision,) = catalogue.match(product).values()
    assert decision["canonical_product_id"] == catalogue.link(known)
    assert (decision["action"], decision["confidence"] <= 0.84 + 1e-6) == ("suggest", True)
    assert "ultra on one side only" in decision["reason"]
    assert catalogue.link(product) is None


def test_a_picture_that_stands_for_many_things_says_nothing(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Pen")
    products = [catalogue.product(f"Thing {n}", f"{n}.jpg") for n in range(5)]
    for product in products:
        catalogue.fetch(product, A)
    catalogue.value("select likeness.link_match(%s, %s, 'anna')", products[0], pen)
    assert catalogue.value("select likeness.is_generic_picture(%s)", A)
    weigh = (
        "select confidence from likeness.weigh_pictures"
        "(%s, %s, 'name', 0.75::real, 0.70::real, 0.85::real, false)"
    )
    assert catalogue.value(weigh, products[1], pen) == pytest.approx(0.75)


def test_pictures_are_no_evidence_against_a_barcode(catalogue: Catalogue) -> None:
    pen = catalogue.canonical("Pen", GTIN)
    known = catalogue.product("Pen", "a.jpg", gtin=GTIN, store=catalogue.one)
    show(catalogue, known, A, 100, 0)
    product = catalogue.product("Pen", "b.jpg", gtin=GTIN)
    show(catalogue, product, B, 250, -1)
    decisions = catalogue.match(known, product)
    assert [d["canonical_product_id"] for d in decisions.values()] == [pen, pen]


def test_an_old_catalogue_view_shows_the_shared_picture(catalogue: Catalogue) -> None:
    catalogue.canonical("Pen", GTIN)
    first = catalogue.product("Pen", "a.jpg", gtin=GTIN, store=catalogue.one)
    catalogue.fetch(first, A)
    second = catalogue.product("Pen", "b.jpg", gtin=GTIN)
    catalogue.match(first, second)
    (row,) = catalogue.rows(
        "select * from likeness.supplier_products where product_id = %s", second
    )
    assert row["image_processing_status"] == "completed"
    assert A in row["cached_image_urls"]["thumb"]
    (explained,) = catalogue.rows("select * from likeness.explain_image(product_id => %s)", second)
    assert "shows the pictures of canonical product" in explained["answer"]


def _two_stores(catalogue: Catalogue, *, is_fetched: bool = True) -> tuple[int, int, int]:
    """A canonical product, the product whose pictures it shares, and one of another store."""
    pen = catalogue.canonical("Stabilo pen 68 black")
    giver = catalogue.product("Stabilo pen 68 black", "a.jpg", store=catalogue.one)
    taker = catalogue.product("Stabilo pen 68 black", "b.jpg", store=catalogue.two)
    catalogue.value("select likeness.link_match(%s, %s, 'anna')", giver, pen)
    if is_fetched:
        catalogue.fetch(giver, A)
    catalogue.value("select likeness.link_match(%s, %s, 'anna')", taker, pen)
    return pen, giver, taker


def _set_status(catalogue: Catalogue, product: int, status: str) -> None:
    catalogue.one.execute(
        "update likeness.products set status = %s, status_changed_at = likeness.clock()"
        " where id = %s",
        status,
        product,
    )


def _clean_up(catalogue: Catalogue) -> tuple[int, int]:
    (row,) = catalogue.rows("select * from likeness.cleanup_products()")
    return row["products"], row["images"]


@pytest.mark.parametrize("status", ["inactive", "deleted"])
def test_a_cleanup_leaves_a_product_the_picture_that_it_shares(
    catalogue: Catalogue, status: str
) -> None:
    _, giver, taker = _two_stores(catalogue)
    _set_status(catalogue, giver, status)
    catalogue.one.at(catalogue.one.now() + timedelta(days=91))
    (plan,) = catalogue.rows("select * from likeness.plan_cleanup()")
    assert plan["products"] == 0
    assert _clean_up(catalogue) == (0, 0)
    assert catalogue.shown(taker) == [("cached", A)]
    # When the other one has left for as long, nobody needs it.
    _set_status(catalogue, taker, "inactive")
    catalogue.one.at(catalogue.one.now() + timedelta(days=89))
    assert _clean_up(catalogue) == (0, 0)
    catalogue.one.at(catalogue.one.now() + timedelta(days=2))
    assert _clean_up(catalogue) == (2, 1)
    assert_checks_are_quiet(catalogue.db)


def test_a_cleanup_hands_a_shared_picture_over_to_a_product_that_has_one(
    catalogue: Catalogue,
) -> None:
    pen, giver, taker = _two_stores(catalogue)
    third = catalogue.product("Stabilo pen 68 black", "c.jpg", store=catalogue.two)
    catalogue.fetch(third, C)
    catalogue.value("select likeness.link_match(%s, %s, 'anna')", third, pen)
    assert catalogue.shown(taker) == [("cached", A)]
    _set_status(catalogue, giver, "inactive")
    catalogue.one.at(catalogue.one.now() + timedelta(days=91))
    assert _clean_up(catalogue) == (1, 1)
    assert catalogue.shown(taker) == [("cached", C)]
    catalogue.one.at(catalogue.one.now() + timedelta(hours=1))
    assert_checks_are_quiet(catalogue.db)


def test_a_product_that_returns_where_all_had_left_is_fetched_for_all(
    catalogue: Catalogue,
) -> None:
    _, giver, taker = _two_stores(catalogue)
    for product in (giver, taker):
        _set_status(catalogue, product, "inactive")
    catalogue.one.at(catalogue.one.now() + timedelta(days=91))
    assert _clean_up(catalogue) == (2, 1)
    _set_status(catalogue, taker, "active")
    assert catalogue.queued() == {taker}
    catalogue.fetch(taker, B)
    _set_status(catalogue, giver, "active")
    assert catalogue.queued() == set()
    assert catalogue.shown(giver) == [("cached", B)]
    catalogue.one.at(catalogue.one.now() + timedelta(hours=1))
    assert_checks_are_quiet(catalogue.db)


@pytest.mark.parametrize("is_import", [False, True])
def test_who_leaves_before_its_picture_came_hands_over_to_another(
    catalogue: Catalogue, is_import: bool
) -> None:
    _, giver, taker = _two_stores(catalogue, is_fetched=False)
    assert catalogue.queued() == {giver}
    if is_import:
        # An import writes products of a draft; the sweep finds them.
        draft = catalogue.value(
            "insert into likeness.datasets (supplier_id, name) values (%s, 'draft') returning id",
            catalogue.one.supplier_id,
        )
        catalogue.one.execute(
            "update likeness.products set dataset_id = %s where id = %s", draft, giver
        )
    _set_status(catalogue, giver, "inactive")
    if is_import:
        assert catalogue.queued() == set()
        assert catalogue.value("select likeness.heal_shared_pictures()") == 1
        assert catalogue.value("select likeness.heal_shared_pictures()") == 0
    assert catalogue.queued() == {taker}
    catalogue.one.at(catalogue.one.now() + timedelta(hours=1))
    assert_checks_are_quiet(catalogue.db)


def test_a_backfill_fetches_nothing_for_products_that_share_a_picture(
    catalogue: Catalogue,
) -> None:
    _two_stores(catalogue)
    assert catalogue.rows("select * from likeness.backfill_images(dry_run => true)") == []


def test_a_prefetch_is_about_the_pictures_that_products_show(catalogue: Catalogue) -> None:
    _, giver, taker = _two_stores(catalogue)
    (row,) = catalogue.rows("select * from likeness.prefetch_images(array[%s]::bigint[])", taker)
    assert (row["products"], row["cached"], row["queued"]) == (1, 1, 0)
    assert catalogue.queued() == set()
    # One that has its own is asked for its own.
    catalogue.one.execute(
        "update likeness.products set use_custom_image = true where id = %s", taker
    )
    catalogue.one.execute(
        "update likeness.images set queued_at = null where product_id = %s", taker
    )
    (row,) = catalogue.rows(
        "select * from likeness.prefetch_images(array[%s, %s]::bigint[])", giver, taker
    )
    assert (row["cached"], row["queued"]) == (1, 1)


def test_a_refresh_by_the_name_of_whoever_shares_a_picture_fetches_that(
    catalogue: Catalogue,
) -> None:
    _, giver, taker = _two_stores(catalogue)
    (row,) = catalogue.rows("select * from likeness.refresh_images(array[%s]::bigint[])", taker)
    assert (row["queued"], catalogue.queued()) == (1, {giver})
    catalogue.fetch(giver, B)
    assert catalogue.shown(taker) == [("cached", B)]
    catalogue.value("select likeness.start_run(array[%s::bigint], force => true)", taker)
    assert catalogue.queued() == {giver}
    catalogue.fetch(giver, C)
    assert catalogue.shown(taker) == [("cached", C)]
    catalogue.value("select likeness.start_run(array[%s::bigint])", taker)
    assert catalogue.queued() == set()


def test_retries_leave_out_what_nobody_needs(catalogue: Catalogue) -> None:
    _, _, taker = _two_stores(catalogue)
    for reason in ("not-found", "placeholder"):
        catalogue.one.execute(
            "update likeness.images set status = 'failed', failure_reason = %s, failure_text = 'x'"
            " where product_id = %s",
            reason,
            taker,
        )
        assert catalogue.value("select likeness.retry_images(reason => %s)", reason) == 0
    assert catalogue.value("select likeness.retry_placeholders('-1 hour')") == 0
    image = catalogue.value("select id from likeness.images where product_id = %s", taker)
    assert catalogue.value("select likeness.retry_images(array[%s::bigint])", image) == 1


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_picture_is_checked_while_somebody_shows_it(
    catalogue: Catalogue, is_shared: bool
) -> None:
    _, giver, taker = _two_stores(catalogue)
    _set_status(catalogue, giver, "inactive")
    if not is_shared:
        catalogue.value("select likeness.unlink_match(%s, 'anna')", taker)
    catalogue.one.execute("update likeness.images set queued_at = null")
    catalogue.one.at(catalogue.one.now() + timedelta(days=60))
    catalogue.value("select likeness.queue_checks()")
    assert catalogue.queued() == ({giver} if is_shared else set())


@pytest.mark.parametrize("person", [None, "", "  "])
@pytest.mark.parametrize(
    "call",
    [
        *(f"{action}_match(4711, decided_by => %s)" for action in ("accept", "reject", "create")),
        *("unlink_match(4711, %s)", "undo_match(4711, %s)", "link_match(4711, 1, %s)"),
        *("merge_canonical_products(1, 2, %s)", "match_products('{}', decided_by => %s)"),
    ],
)
def test_nobody_decides_nothing(catalogue: Catalogue, call: str, person: str | None) -> None:
    # Said before anything is looked for: none of these is there.
    with pytest.raises(BadInput, match="name of who decided"):
        catalogue.value(f"select * from likeness.{call}", person)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        *((data, "must be an object") for data in (None, "null", "[]", '"Drill"', "1")),
        *((f'{{"name": {name}}}', "blanks alone") for name in ('" "', r'"\t\n"')),
        *((f'{{"{name}": 1}}', f"text for {name}") for name in ("name", "brand", "mpn", "size")),
        ('{"gtin": ["4006381333931"]}', "text for gtin"),
        *(
            (f'{{"price": {price}}}', "price must be a number from 0 to")
            for price in ("-1", '"NaN"', '"Infinity"', '"cheap"', "1e10", "true", "[1]")
        ),
        ('{"price": 9999999999.99995}', "price must be a number from 0 to"),
        ('{"price": "1e200000"}', "price must be a number from 0 to"),
    ],
)
def test_a_new_product_that_makes_no_sense_is_refused(
    catalogue: Catalogue, data: str | None, said: str
) -> None:
    item = catalogue.queue(catalogue.product("Pen"))
    with pytest.raises(BadInput, match=said):
        catalogue.value("select likeness.create_match(%s, %s::jsonb)", item, data)
    assert catalogue.rows("select * from likeness.canonical_products") == []


def test_a_new_product_has_a_price_as_the_column_holds_it(catalogue: Catalogue) -> None:
    item = catalogue.queue(catalogue.product("Pen"))
    catalogue.value(
        "select likeness.create_match(%s, %s::jsonb)", item, '{"price": 9999999999.99994}'
    )
    assert str(catalogue.value("select price from likeness.canonical_products")) == (
        "9999999999.9999"
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("of_supplier => 'nobody'", NotFound),
        *((f"min_confidence => {value}", BadInput) for value in ("-0.1", "1.1", "'NaN'", "null")),
        *((f"max_confidence => {value}", BadInput) for value in ("-0.1", "1.1", "'NaN'", "null")),
        ("min_confidence => 0.8, max_confidence => 0.7", BadInput),
        *((f"most => {value}", BadInput) for value in ("0", "-1", "null")),
        ("sort => null", BadInput),
        ("item_status => null", BadInput),
    ],
)
def test_a_filter_of_the_queue_that_makes_no_sense_is_refused(
    catalogue: Catalogue, arguments: str, error: type[Exception]
) -> None:
    with pytest.raises(error), query_errors():
        catalogue.rows(f"select * from likeness.list_match_queue({arguments})")
