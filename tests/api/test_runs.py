"""Tests of mirror runs, suppliers, datasets and the list of a product's pictures."""

from typing import Any

import httpx
import pytest

from tests.api.shop import Shop


def test_a_run_counts_what_it_queued_and_what_became_of_it(
    service: httpx.Client, shop: Shop
) -> None:
    done = shop.pending(sku="done")
    shop.complete()
    failed = shop.product(1, "failed", ("b.jpg",))
    shop.fail()
    waits = shop.product(1, "waits", ("c.jpg",))
    answer = service.post("/api/mirror", json={"product_ids": [done, failed, waits, 4711]})
    run = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/mirror/{run['run_id']}"
    assert (run["status"], run["wanted"], run["skipped"]) == ("running", 1, 2)
    shop.complete()
    after = service.get(f"/api/mirror/{run['run_id']}").json()
    assert (after["status"], after["stored"], after["remaining"]) == ("finished", 1, 0)


def test_a_run_tells_why_pictures_failed(service: httpx.Client, shop: Shop) -> None:
    shop.pending(pictures=("a.jpg", "b.jpg", "c.jpg"))
    shop.fail("not-found")
    run = service.post("/api/mirror", json={}).json()
    assert run["failed_by_reason"] == {}
    first, *others = shop.claim()
    shop.finish(first, is_completed=False, is_retryable=False, reason="server-error")
    for claim in others:
        shop.finish(claim, is_completed=False, is_retryable=False, reason="not-found")
    after = service.get(f"/api/mirror/{run['run_id']}").json()
    assert (after["failed"], after["remaining"]) == (3, 0)
    assert after["failed_by_reason"] == {"not-found": 2, "server-error": 1}


def test_the_counts_of_a_run_that_is_over_stay(service: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    shop.fail()
    run = service.post("/api/mirror", json={}).json()["run_id"]
    shop.fail()
    shop.connection.execute("select likeness.retry_images(product_ids => %s)", ([product],))
    shop.fail()
    shop.connection.execute("select likeness.retry_images(product_ids => %s)", ([product],))
    shop.complete()
    after = service.get(f"/api/mirror/{run}").json()
    counts = [after[name] for name in ("wanted", "attempted", "failed", "stored", "remaining")]
    assert counts == [1, 1, 1, 0, 0]


def test_a_run_of_nothing_is_finished(service: httpx.Client) -> None:
    for body in (b"{}", b""):
        run = service.post("/api/mirror", content=body).json()
        assert (run["status"], run["wanted"]) == ("finished", 0)


def test_a_run_takes_no_more_than_its_limit(service: httpx.Client, shop: Shop) -> None:
    shop.pending(pictures=("a.jpg", "b.jpg", "c.jpg"))
    shop.fail()
    run = service.post("/api/mirror", json={"limit": 2, "max_concurrent": 5}).json()
    assert run["wanted"] == 2


def test_a_run_queues_no_more_at_once_than_it_may_fetch(service: httpx.Client, shop: Shop) -> None:
    shop.pending(pictures=("a.jpg", "b.jpg", "c.jpg"))
    shop.fail()
    run = service.post("/api/mirror", json={"max_concurrent": 2}).json()
    assert (run["wanted"], run["remaining"]) == (3, 3)
    row = shop.connection.execute(
        "select count(*) as n from likeness.images where queued_at is not null"
    ).fetchone()
    assert row
    assert row["n"] == 2


def test_an_unknown_run_is_404(service: httpx.Client) -> None:
    assert service.get("/api/mirror/4711").status_code == 404


@pytest.mark.parametrize("body", [{"limit": 0}, {"product_ids": [0]}, {"nope": 1}])
def test_a_bad_run_is_refused(service: httpx.Client, body: dict[str, Any]) -> None:
    assert service.post("/api/mirror", json=body).status_code == 400


def test_a_supplier_keeps_what_is_not_named(service: httpx.Client, shop: Shop) -> None:
    made = service.post(
        "/api/suppliers",
        json={"name": "acme", "hide_origin": True, "request_headers": {"X-Store-Id": "7"}},
    )
    changed = service.post(
        "/api/suppliers", json={"name": "acme", "host_min_interval": "1 second", "formats": ["png"]}
    )
    assert made.json() == changed.json() == {"supplier_id": 1, "name": "acme"}
    row = shop.connection.execute("select * from likeness.suppliers").fetchone()
    assert row
    assert (row["hide_origin"], row["formats"]) == (True, ["png"])
    assert row["request_headers"] == {"X-Store-Id": "7"}
    assert row["host_min_interval"].total_seconds() == 1


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "a\x00b"},
        {"name": "acme", "while_pending": "sometimes"},
        {"name": "acme", "hide_origin": True, "while_pending": "direct"},
        {"name": "acme", "host_min_interval": "soon"},
        {"name": "acme", "host_min_interval": "-1 second"},
        {"name": "acme", "allowed_ports": [0]},
        {"name": "acme", "id": 7},
    ],
)
def test_a_bad_supplier_is_refused_with_the_reason(
    service: httpx.Client, body: dict[str, Any]
) -> None:
    answer = service.post("/api/suppliers", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"]


def test_a_rule_of_the_database_is_told_in_words(service: httpx.Client) -> None:
    answer = service.post(
        "/api/suppliers", json={"name": "a", "hide_origin": True, "while_pending": "direct"}
    )
    assert "hidden origin is never direct" in answer.json()["detail"]


def test_a_dataset_is_made_and_activated(service: httpx.Client, shop: Shop) -> None:
    service.post("/api/suppliers", json={"name": "acme"})
    made = service.post(
        "/api/datasets",
        json={"supplier": "acme", "name": "autumn", "image_url_prefix": "https://origin.example/"},
    )
    dataset = made.json()["dataset_id"]
    assert (made.status_code, made.json()["status"]) == (201, "draft")
    shop.product(dataset, "A1", ("a.jpg", "mailto:x"))
    first = service.post(f"/api/datasets/{dataset}/activate").json()
    assert (first["queued"], first["failed"]) == (1, 1)
    again = service.post(f"/api/datasets/{dataset}/activate").json()
    assert (again["queued"], again["failed"]) == (0, 0)


def test_a_dataset_needs_a_supplier_and_an_absolute_prefix(service: httpx.Client) -> None:
    absent = service.post("/api/datasets", json={"supplier": "nobody", "name": "x"})
    assert absent.status_code == 404
    service.post("/api/suppliers", json={"name": "acme"})
    body = {"supplier": "acme", "name": "x", "image_url_prefix": "pictures/"}
    assert service.post("/api/datasets", json=body).status_code == 400
    assert service.post("/api/datasets/4711/activate").status_code == 404


def test_the_pictures_of_a_product_are_listed_in_their_order(
    service: httpx.Client, shop: Shop
) -> None:
    product = shop.pending(pictures=("a.jpg", "b.jpg"))
    shop.complete()
    images = service.get(f"/api/products/{product}/images").json()["images"]
    assert [image["position"] for image in images] == [0, 1]
    assert images[0]["source_url"] == "a.jpg"
    assert [rendition["preset"] for rendition in images[0]["renditions"]] == ["thumb", "medium"]
    assert service.get(images[0]["renditions"][0]["url"]).status_code == 200
    assert service.get("/api/products/4711/images").status_code == 404


def test_a_forced_run_fetches_what_is_there_again(service: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    shop.complete()
    assert service.post("/api/mirror", json={"product_ids": [product]}).json()["wanted"] == 0
    run = service.post("/api/mirror", json={"product_ids": [product], "force": True}).json()
    assert (run["status"], run["wanted"], run["skipped"]) == ("running", 1, 0)
    shown = service.get(f"/api/products/{product}/display-url").json()
    assert (shown["status"], shown["source"]) == ("outdated", "rendition")
    shop.complete()
    assert service.get(f"/api/mirror/{run['run_id']}").json()["status"] == "finished"


def test_prefetch_counts_what_it_found_and_raised(
    service: httpx.Client, client: httpx.Client, shop: Shop
) -> None:
    cached = shop.pending(sku="cached")
    shop.complete()
    waits = shop.product(1, "waits", ("w.jpg",))
    answer = service.post("/api/prefetch", json={"product_ids": [cached, waits, 4711]})
    assert answer.status_code == 202
    assert answer.json() == {
        "products": 3, "unknown": 1, "cached": 1, "queued": 0, "raised": 1, "failed": 0
    }  # fmt: skip
    row = shop.connection.execute(
        "select priority from likeness.images where product_id = %s", [waits]
    ).fetchone()
    assert row == {"priority": 2}
    assert client.post("/api/prefetch", json={"product_ids": [waits]}).status_code == 401
    assert service.post("/api/prefetch", json={"product_ids": []}).status_code == 400
