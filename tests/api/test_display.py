"""Tests of the resolver's HTTP face."""

import time

import httpx
import psycopg
import pytest

from tests.api.serving import client_of, running
from tests.api.shop import RECIPES, Shop
from worker.settings import Settings


def test_a_mirrored_picture_is_shown_by_absolute_urls(
    client: httpx.Client, shop: Shop, api_settings: Settings
) -> None:
    product = shop.pending()
    shop.complete()
    answer = client.get(f"/api/products/{product}/display-url?context=detail")
    item = answer.json()
    assert answer.headers["cache-control"] == "public, max-age=30, stale-while-revalidate=300"
    assert (item["status"], item["source"], item["is_known"]) == ("cached", "rendition", True)
    assert item["url"].startswith(f"{api_settings.api_url}/api/images/")
    assert item["url"].endswith(f"/{RECIPES['medium']}.webp")
    assert (item["width"], item["height"], item["alt"]) == (800, 600, "The A1")
    thumb, medium = item["srcset"]["webp"].split(", ")
    assert thumb.startswith(api_settings.api_url)
    assert thumb.endswith(" 200w")
    assert medium == f"{item['url']} 800w"


def test_a_batch_keeps_the_order_asked_and_tells_unknown_ids_apart(
    client: httpx.Client, shop: Shop
) -> None:
    product = shop.pending()
    shop.complete()
    asked = [10**15, product, 10**15 + 1, product]
    answer = client.post("/api/display-urls", json={"product_ids": asked, "context": "grid"})
    items = answer.json()["items"]
    assert [item["product_id"] for item in items] == asked
    assert [item["is_known"] for item in items] == [False, True, False, True]
    assert [item["status"] for item in items] == ["no-image", "cached", "no-image", "cached"]


def test_a_batch_of_a_replica_base_keeps_foreign_urls_as_they_are(
    shop: Shop, api_settings: Settings
) -> None:
    settings = api_settings.model_copy(
        update={"rendition_base_url": "https://cdn.example/api/images"}
    )
    product = shop.pending()
    shop.complete()
    with running(settings), client_of(settings) as client:
        item = client.get(f"/api/products/{product}/display-url").json()
    assert item["url"].startswith("https://cdn.example/api/images/v/")
    assert all(
        part.startswith("https://cdn.example/api/images/v/")
        for part in item["srcset"]["webp"].split(", ")
    )


def test_an_address_of_a_supplier_that_looks_like_ours_is_not_signed(
    client: httpx.Client, shop: Shop
) -> None:
    product = shop.pending(
        while_pending="direct", prefix="https://evil.example/api/images/", pictures=("proxy/1",)
    )
    item = client.get(f"/api/products/{product}/display-url").json()
    assert (item["source"], item["url"]) == ("direct", "https://evil.example/api/images/proxy/1")


def test_what_is_pending_is_kept_shortly_and_led_through_the_signed_proxy(
    client: httpx.Client, shop: Shop
) -> None:
    product = shop.pending()
    answer = client.get(f"/api/products/{product}/display-url")
    item = answer.json()
    assert (item["status"], item["source"]) == ("pending", "proxy")
    assert "sig=" in item["url"]
    assert "expires=" in item["url"]
    assert item["retry_after"] >= 1
    max_age = int(answer.headers["cache-control"].removeprefix("public, max-age="))
    assert 1 <= max_age <= 30


def test_an_outdated_answer_is_kept_no_longer_than_it_says(
    client: httpx.Client, shop: Shop
) -> None:
    product = shop.pending()
    shop.complete()
    shop.connection.execute("select likeness.queue_images(%s)", ([shop.image(product)],))
    answer = client.get(f"/api/products/{product}/display-url")
    assert answer.json()["status"] == "outdated"
    assert answer.headers["cache-control"] == f"public, max-age={answer.json()['retry_after']}"


def test_an_answer_is_not_sent_again_to_who_has_it(client: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    shop.complete()
    url = f"/api/products/{product}/display-url"
    tag = client.get(url).headers["etag"]
    again = client.get(url, headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert client.get(url, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("context", ["huge", "", "GRID", "grid\x00"])
def test_an_unknown_context_is_refused_with_all_four_named(
    client: httpx.Client, shop: Shop, context: str
) -> None:
    for answer in (
        client.get("/api/products/1/display-url", params={"context": context}),
        client.post("/api/display-urls", json={"product_ids": [1], "context": context}),
    ):
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:likeness:problem:invalid-request"
        assert "grid, filmstrip, detail, zoom" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"product_ids": list(range(1, 202)), "context": "grid"},
        {"product_ids": [0]},
        {"product_ids": [2**63]},
        {"product_ids": ["x"]},
        {"product_ids": [1.5]},
        {"product_id": [1]},
        {},
        [],
        None,
    ],
)
def test_a_bad_batch_is_a_problem_and_no_failure(client: httpx.Client, body: object) -> None:
    answer = client.post("/api/display-urls", json=body)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


def test_a_body_of_endless_brackets_is_refused(client: httpx.Client) -> None:
    answer = client.post("/api/display-urls", content=b'{"product_ids":' + b"[" * 100_000)
    assert (answer.status_code, answer.json()["type"]) == (
        400,
        "urn:likeness:problem:invalid-request",
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"product_ids": [1], "context": "gr\xff"}',
        b'{"product_ids": [1], "conte\xffxt": "grid"}',
        b'\xff{"product_ids": [1]}',
    ],
    ids=["value", "name", "all"],
)
def test_a_body_that_is_no_text_is_refused(client: httpx.Client, body: bytes) -> None:
    answer = client.post(
        "/api/display-urls", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:likeness:problem:invalid-request"


def test_a_missing_body_is_told_in_words(client: httpx.Client) -> None:
    errors = client.post("/api/display-urls").json()["errors"]
    assert [fault["message"] for fault in errors] == ["A body is needed"]


def test_an_empty_batch_has_an_empty_answer(client: httpx.Client) -> None:
    answer = client.post("/api/display-urls", json={"product_ids": []})
    assert answer.json() == {"context": "grid", "items": []}


def test_an_unknown_product_is_404_that_may_be_kept_a_minute(client: httpx.Client) -> None:
    answer = client.get("/api/products/4711/display-url")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:likeness:problem:unknown-product"
    assert answer.headers["cache-control"] == "public, max-age=60"


def test_asking_raises_the_priority_of_what_is_missing(client: httpx.Client, shop: Shop) -> None:
    listed = shop.pending(sku="listed")
    viewed = shop.product(1, "viewed", ("b.jpg",))
    client.post("/api/display-urls", json={"product_ids": [listed], "context": "grid"})
    client.get(f"/api/products/{viewed}/display-url?context=detail")
    deadline = time.monotonic() + 10
    while _priorities(shop) != {listed: 2, viewed: 3}:
        assert time.monotonic() < deadline, _priorities(shop)
        time.sleep(0.05)


def _priorities(shop: Shop) -> dict[int, int]:
    rows = shop.connection.execute("select product_id, priority from likeness.images").fetchall()
    return {row["product_id"]: row["priority"] for row in rows}


def test_reading_does_not_wait_for_the_write_it_asks_for(
    client: httpx.Client, shop: Shop, database: str
) -> None:
    product = shop.pending()
    with psycopg.connect(database) as blocker:
        blocker.execute("select 1 from likeness.hosts for update")
        for _ in range(5):
            started = time.monotonic()
            assert client.get(f"/api/products/{product}/display-url").status_code == 200
            assert time.monotonic() - started < 2


def test_a_hidden_origin_is_in_no_byte_of_an_answer(
    client: httpx.Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.lazy.WAIT_SECONDS", 0.2)
    product = shop.pending(hide_origin=True, prefix="https://secret-origin.example/a/")
    shop.fail()
    second = shop.product(1, "A2", ("b.jpg",))
    image = shop.image(second)
    for answer in (
        client.get(f"/api/products/{product}/display-url"),
        client.get(f"/api/products/{second}/display-url?context=zoom"),
        client.get(f"/api/products/{second}/image/grid"),
        client.get("/api/images/serve?url=https://secret-origin.example/a/b.jpg"),
        client.get(f"/api/images/proxy/{image}?sig=x&expires=9999999999"),
        client.post("/api/process-product-image-lazy", json={"product_id": product}),
        client.get("/gallery"),
        client.get("/metrics"),
        client.get("/readyz"),
    ):
        sent = answer.content + repr(answer.headers.multi_items()).encode()
        assert b"secret-origin" not in sent, answer.url
