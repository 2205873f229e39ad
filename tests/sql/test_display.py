"""The answer: which URL a frontend shows, for every state that a picture can be in."""

import json
import re
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from tests.shop import RENDITIONS, Shop, fault
from worker.fetch import SAFE_INLINE
from worker.sniff import IMAGE_FORMATS

Db = Connection[DictRow]
SHA = "a" * 64
THUMB = f"/api/images/{SHA}/aaaaaaaaaaaa.webp"
MEDIUM = f"/api/images/{SHA}/bbbbbbbbbbbb.webp"


@pytest.fixture
def shop(connection: Db) -> Shop:
    return Shop(connection)


def resolve(shop: Shop, *products: int, context: str = "grid") -> list[dict[str, Any]]:
    return shop.rows(
        "select * from likeness.resolve_display_urls(%s::bigint[], %s)", list(products), context
    )


def one(shop: Shop, product: int, context: str = "grid") -> dict[str, Any]:
    return resolve(shop, product, context=context)[0]


@pytest.mark.parametrize(
    ("context", "url"),
    [
        ("grid", THUMB),
        ("filmstrip", THUMB),
        ("detail", MEDIUM),
        ("zoom", f"/api/images/{SHA}/original"),
    ],
)
def test_each_context_gets_its_size_of_a_cached_picture(shop: Shop, context: str, url: str) -> None:
    product = shop.add_product("p", "p.jpg", name="Red cap")
    shop.complete(shop.claim()[0])
    answer = one(shop, product, context)
    assert (answer["status"], answer["url"]) == ("cached", url)
    assert answer["alt"] == "Red cap"
    assert answer["placeholder"] == "cA=="
    assert answer["srcset"] == {"webp": f"{THUMB} 200w, {MEDIUM} 800w"}
    assert answer["retry_after"] is None


@pytest.mark.parametrize("format", sorted(IMAGE_FORMATS))
def test_an_original_is_zoomed_where_browsers_show_its_format(shop: Shop, format: str) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    shop.execute("update likeness.blobs set format = %s", format)
    source = "original" if format in SAFE_INLINE else "rendition"
    assert one(shop, product, "zoom")["source"] == source


def test_where_a_name_is_the_key_of_another_supplier_the_first_keeps_its_aliases(
    shop: Shop,
) -> None:
    shop.add_product("p", "p.jpg")
    first = shop.value("select supplier_id from likeness.products")
    named = shop.value("select likeness.save_supplier(%s, '{}')", str(first))
    early = shop.value("select likeness.save_supplier(%s, '{}')", str(named + 2))
    late = shop.value("select likeness.save_supplier('late', '{}')")
    assert late == named + 2
    for supplier in (first, named, early, late):
        shop.execute(
            "insert into likeness.products (supplier_id, dataset_id, sku)"
            " select %s, d.id, 'same' from likeness.datasets d",
            supplier,
        )
    for key, owner in ((first, first), (late, early), ("late", late)):
        [found] = shop.rows("select * from likeness.find_image(%s, 'same')", str(key))
        of = "select supplier_id from likeness.products where id = %s"
        assert shop.value(of, found["product_id"]) == owner


def test_the_only_size_of_a_small_picture_is_both_to_who_waits_for_it(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    shop.execute("update likeness.blobs set renditions = %s", Jsonb(RENDITIONS[:1]))
    [row] = shop.rows("select thumb, medium from likeness.product_progress(%s)", [product])
    assert (row["thumb"], row["medium"]) == (THUMB, THUMB)
    urls = shop.value("select cached_image_urls from likeness.supplier_products")
    assert urls == {"thumb": THUMB, "medium": THUMB}


def test_width_and_height_are_those_of_what_is_served(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    assert [
        (answer["width"], answer["height"])
        for answer in (one(shop, product, context) for context in ("grid", "detail", "zoom"))
    ] == [(200, 150), (800, 600), (1000, 750)]


def test_an_unknown_context_is_refused_by_name(shop: Shop) -> None:
    with pytest.raises(psycopg.Error, match=r"grid, filmstrip, detail or zoom") as caught:
        resolve(shop, 1, context="poster")
    assert caught.value.sqlstate == "LK004"


def test_answers_come_in_the_order_asked_with_unknown_products_as_no_image(shop: Shop) -> None:
    first, second = shop.add_product("p", "p.jpg"), shop.add_product("q")
    answers = resolve(shop, second, 999_999, first, first)
    assert [(answer["product_id"], answer["status"]) for answer in answers] == [
        (second, "no-image"),
        (999_999, "no-image"),
        (first, "pending"),
        (first, "pending"),
    ]


def test_a_waiting_picture_is_shown_through_the_proxy_and_says_when_to_ask_again(
    shop: Shop,
) -> None:
    product = shop.add_product("p", "p.jpg")
    answer = one(shop, product)
    assert (answer["status"], answer["source"]) == ("pending", "proxy")
    assert answer["url"] == f"/api/images/proxy/{shop.image(product)['id']}"
    assert answer["retry_after"] == 2
    shop.claim()
    assert one(shop, product)["status"] == "processing"


@pytest.mark.parametrize(
    ("source", "while_pending", "hide_origin", "shown"),
    [
        ("https://a.test/x.jpg", "direct", False, "direct"),
        ("http://a.test/x.jpg", "direct", False, "proxy"),
        ("https://a.test/x@2.jpg", "direct", False, "direct"),
        ("https://a.test?x@2.jpg", "direct", False, "direct"),
        ("https://user:password@a.test/x.jpg", "direct", False, "proxy"),
        ("https://a.test\\@b.test/x.jpg", "direct", False, "proxy"),
        ("ftp://a.test/x.jpg", "direct", False, "proxy"),
        ("https://a.test/x.jpg", "proxy", True, "proxy"),
        ("https://a.test/x.jpg", "none", False, None),
    ],
)
def test_a_waiting_picture_is_shown_as_its_supplier_allows(
    shop: Shop, source: str, while_pending: str, hide_origin: bool, shown: str | None
) -> None:
    shop.execute(
        "update likeness.suppliers set while_pending = %s, hide_origin = %s",
        while_pending,
        hide_origin,
    )
    product = shop.add_product("p", source)
    answer = one(shop, product)
    assert answer["source"] == shown
    assert (answer["url"] == source) == (shown == "direct")


def test_a_hidden_origin_can_never_be_direct(shop: Shop) -> None:
    with pytest.raises(psycopg.Error, match="hidden_origin_is_never_direct"):
        shop.execute("update likeness.suppliers set while_pending = 'direct', hide_origin = true")


def test_a_failed_picture_has_no_url_but_a_status(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.finish("w/1", fault(shop.claim()[0], "not-found"))
    answer = one(shop, product)
    assert (answer["status"], answer["url"], answer["retry_after"]) == ("failed", None, None)


def test_an_outdated_picture_is_still_shown_while_and_after_its_refresh(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    shop.execute("select likeness.queue_images(array[%s]::bigint[])", shop.image(product)["id"])
    assert (one(shop, product)["status"], one(shop, product)["url"]) == ("outdated", THUMB)
    [claim] = shop.claim()
    assert (one(shop, product)["status"], one(shop, product)["url"]) == ("outdated", THUMB)
    shop.finish("w/1", fault(claim, "not-found"))
    assert (one(shop, product)["status"], one(shop, product)["url"]) == ("outdated", THUMB)


def test_the_first_picture_that_can_be_shown_stands_for_the_product(shop: Shop) -> None:
    product = shop.add_product("p", "hero.jpg", "second.jpg")
    hero, second = sorted(shop.claim(), key=lambda claim: claim["image_id"])
    shop.complete(second, "b" * 64)
    assert one(shop, product)["url"] == f"/api/images/{'b' * 64}/aaaaaaaaaaaa.webp"
    shop.complete(hero, SHA)
    assert one(shop, product)["url"] == THUMB


def test_a_shared_picture_serves_its_products_unless_one_wants_its_own(shop: Shop) -> None:
    own = shop.add_product("own", "own.jpg")
    other = shop.add_product("other")
    shop.complete(shop.claim()[0], "b" * 64)
    canonical = shop.value(
        "insert into likeness.canonical_products (name) values ('Cap') returning id"
    )
    shop.rows("select * from likeness.begin_blobs('w/1', array[%s])", SHA)
    shop.execute(
        "update likeness.blobs set status = 'stored', storing_expires_at = null, stored_at = now(),"
        " format = 'jpeg', width = 9, height = 9, bytes = 9, renditions = %s where sha256 = %s",
        Jsonb(RENDITIONS),
        SHA,
    )
    shop.execute(
        "insert into likeness.images (canonical_product_id, source_url, status, blob_sha256,"
        " mirrored_at) values (%s, 'http://a.test/shared.jpg', 'completed', %s, now())",
        canonical,
        SHA,
    )
    shop.execute("update likeness.products set canonical_product_id = %s", canonical)
    assert [answer["url"] for answer in resolve(shop, own, other)] == [THUMB, THUMB]
    shop.execute("update likeness.products set use_custom_image = true where id = %s", own)
    assert one(shop, own)["url"] == f"/api/images/{'b' * 64}/aaaaaaaaaaaa.webp"


def test_renditions_are_addressed_at_the_cdn_where_one_is_named(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    shop.execute("select set_config('likeness.rendition_base_url', 'https://cdn.test/x', false)")
    assert one(shop, product)["url"] == f"https://cdn.test/x/v/aa/{SHA}/aaaaaaaaaaaa.webp"


def test_the_version_changes_with_what_is_shown(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    versions = [one(shop, product)["version"]]
    [claim] = shop.claim()
    versions.append(one(shop, product)["version"])
    shop.complete(claim)
    versions.append(one(shop, product)["version"])
    assert len(set(versions)) == 3


def test_a_deleted_product_shows_nothing(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    shop.execute("update likeness.products set status = 'deleted' where id = %s", product)
    assert (one(shop, product)["status"], one(shop, product)["url"]) == ("no-image", None)


def test_supplier_products_speaks_the_old_contract(shop: Shop) -> None:
    done, failed = shop.add_product("a", "a.jpg"), shop.add_product("b", "b.jpg")
    good, bad = sorted(shop.claim(), key=lambda claim: claim["image_id"])
    shop.complete(good)
    shop.finish("w/1", fault(bad, "not-found"))
    rows = {row["product_id"]: row for row in shop.rows("select * from likeness.supplier_products")}
    assert rows[done]["cached_image_urls"] == {"thumb": THUMB, "medium": MEDIUM}
    assert rows[done]["image_processing_status"] == "completed"
    assert rows[done]["image_cached_at"] is not None
    assert rows[failed]["cached_image_urls"] == {"thumb": None, "medium": None}
    assert rows[failed]["image_processing_attempts"] == 1
    assert rows[failed]["image_processing_error"] == "not-found: not-found in a test"


ANSWERS = [
    "select * from likeness.resolve_display_urls(array[1,2,3], 'grid')",
    "select * from likeness.display_answer(array[1,2,3]::bigint[], 'grid')",
]


@pytest.mark.parametrize("statement", ANSWERS)
def test_the_resolver_reads_by_index_alone_where_there_are_many_pictures(
    shop: Shop, statement: str
) -> None:
    for n in range(50):
        shop.add_product(f"p{n}", f"{n}.jpg")
    shop.execute("analyze likeness.images, likeness.products")
    shop.execute("set enable_seqscan = off")
    text = str(shop.rows(f"explain (format json, verbose) {statement}")[0]["QUERY PLAN"])
    assert "Seq Scan" not in text
    assert {"one_image_a_position", "products_pkey", "blobs_pkey"} <= set(
        re.findall(r"'Index Name': '(\w+)'", text)
    )
    # The functions are part of the plan, and no rendition is looked at.
    assert "Function Name" not in text.replace("'Function Name': 'unnest'", "")
    assert "renditions" not in text


@pytest.mark.parametrize("statement", ANSWERS)
def test_an_answer_reads_as_much_however_many_pictures_there_are(
    shop: Shop, statement: str
) -> None:
    def pages() -> int:
        shop.execute("analyze likeness.images, likeness.products, likeness.blobs")
        plan = shop.rows(f"explain (analyze, buffers, format json) {statement}")[0]["QUERY PLAN"]
        found: int = plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
        return found

    for n in range(1, 4):
        shop.add_product(f"p{n}", f"{n}.jpg")
    few = pages()
    shop.execute(
        "insert into likeness.products (supplier_id, dataset_id, sku)"
        " select %s, %s, 'q' || n from generate_series(1, 3000) n",
        shop.supplier_id,
        shop.dataset_id,
    )
    shop.execute(
        "insert into likeness.images (product_id, source_url)"
        " select id, 'q.jpg' from likeness.products where sku like 'q%%'"
    )
    shop.execute("set enable_seqscan = off")
    # One more level of three trees, three times.
    assert pages() <= few + 30


@pytest.mark.parametrize("context", ["grid", "zoom"])
def test_the_answer_as_json_says_what_the_rows_say(shop: Shop, context: str) -> None:
    shown = shop.add_product("a", "a.jpg", name='A "red" cap\\\n')
    shop.complete(shop.claim()[0])
    asked = [shown, shop.add_product("b", "https://a.test/b.jpg"), shop.add_product("c"), 999]
    rows = resolve(shop, *asked, context=context)
    for row in rows:
        del row["image_id"]
    [answer] = shop.rows("select * from likeness.display_answer(%s::bigint[], %s)", asked, context)
    assert "\x01" in answer["items"], "no place for the signature of the proxy's address"
    assert json.loads(f"[{answer['items']}]".replace("\x01", "")) == rows
    assert answer["wanted"] == [asked[1]]
    assert answer["retry_after"] == 2
    assert answer["has_unknown"]


def test_addresses_are_below_the_api_where_it_names_itself(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    statement = "select * from likeness.display_rows(%s::bigint[], 'zoom', null, 'https://b.test')"
    url = shop.rows(statement, [product])[0]["url"]
    assert url == f"https://b.test/api/images/proxy/{shop.image(product)['id']}"
    shop.complete(shop.claim()[0])
    [row] = shop.rows(statement, [product])
    assert row["url"] == f"https://b.test/api/images/{SHA}/original"
    assert json.loads(row["srcset"])["webp"].startswith(f"https://b.test{THUMB} 200w")


def test_what_an_answer_is_made_of_follows_the_renditions(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.complete(shop.claim()[0])
    late = {"preset": "thumb", "format": "avif", "recipe": "c" * 12, "width": 200, "height": 150}
    shop.execute("update likeness.blobs set renditions = renditions || %s", Jsonb([late]))
    assert one(shop, product)["srcset"]["avif"] == f"/api/images/{SHA}/{'c' * 12}.avif 200w"
    shop.execute("update likeness.blobs set renditions = '[]', has_original = false")
    assert one(shop, product)["url"] == f"/api/images/proxy/{shop.image(product)['id']}"


def test_nobody_is_told_to_ask_again_for_a_product_that_is_not_active(shop: Shop) -> None:
    product = shop.add_product("p", "p.jpg")
    shop.execute("update likeness.images set queued_at = null")
    assert one(shop, product)["retry_after"] == 60
    shop.execute("update likeness.products set status = 'inactive'")
    assert (one(shop, product)["status"], one(shop, product)["retry_after"]) == ("pending", None)
