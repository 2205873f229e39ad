"""Tests of asking for one picture now."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest

from api import batches, lazy
from api.limits import LAZY_PER_MINUTE
from tests.api.shop import RECIPES, Shop

URL = "/api/process-product-image-lazy"


@contextmanager
def _worker(
    shop: Shop, failing: tuple[str, ...] = (), is_retryable: bool = False
) -> Iterator[None]:
    """Somebody who takes what waits and finishes it, until the block ends."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            for claim in shop.claim():
                if claim["fetch_url"].endswith(failing or ("\0",)):
                    text = f"{claim['fetch_url']} is not there"
                    shop.finish(
                        claim,
                        is_completed=False,
                        is_retryable=is_retryable,
                        reason="not-found",
                        failure_text=text,
                    )
                else:
                    shop.complete([claim])

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_waiting_picture_is_there_when_the_answer_comes(client: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    with _worker(shop):
        answer = client.post(URL, json={"product_id": product})
    body = answer.json()
    assert (answer.status_code, body["success"], body["error"]) == (200, True, None)
    assert body["cached_urls"]["thumb"].endswith(f"{RECIPES['thumb']}.webp")
    assert client.get(body["cached_urls"]["medium"]).status_code == 200
    assert answer.headers["cache-control"] == "no-store"


def test_the_news_come_by_notification_and_not_by_the_slow_look(
    client: httpx.Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.finished.LOOK_SECONDS", 8.0)
    product = shop.pending()
    with _worker(shop):
        started = time.monotonic()
        assert client.post(URL, json={"product_id": product}).json()["success"]
        assert time.monotonic() - started < 6


def test_it_jumps_the_queue(
    client: httpx.Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lazy, "WAIT_SECONDS", 0.2)
    product = shop.pending()
    answer = client.post(URL, json={"product_id": product})
    assert answer.status_code == 202
    assert int(answer.headers["retry-after"]) == answer.json()["retry_after"]
    assert shop.one("select priority from likeness.images") == 3


def test_a_failed_picture_is_tried_again(client: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    shop.fail("server-error")
    with _worker(shop):
        assert client.post(URL, json={"product_id": product}).json()["success"]


def test_a_failure_is_told_with_its_reason_and_without_its_source(
    client: httpx.Client, shop: Shop
) -> None:
    product = shop.pending()
    with _worker(shop, failing=("a.jpg",)):
        answer = client.post(URL, json={"product_id": product})
    body = answer.json()
    assert (answer.status_code, body["success"], body["status"]) == (200, False, "failed")
    assert body["reason"] == "not-found"
    assert "origin.example" not in answer.text


def test_a_product_without_a_picture_is_told_so(client: httpx.Client, shop: Shop) -> None:
    product = shop.pending(pictures=())
    body = client.post(URL, json={"product_id": product}).json()
    assert (body["success"], body["status"]) == (False, "no-image")


def test_a_picture_of_a_product_that_is_not_sold_is_not_waited_for(
    client: httpx.Client, shop: Shop
) -> None:
    product = shop.pending()
    shop.connection.execute("update likeness.products set status = 'inactive'")
    started = time.monotonic()
    body = client.post(URL, json={"product_id": product}).json()
    assert not body["success"]
    assert "not active" in body["error"]
    assert time.monotonic() - started < 5


def test_a_picture_of_a_draft_comes_when_somebody_looks_at_it(
    client: httpx.Client, shop: Shop
) -> None:
    shop.supplier("acme", host_min_interval="0")
    product = shop.product(shop.dataset("acme"), "A1", ("a.jpg", "b.jpg"))
    with _worker(shop):
        assert client.post(URL, json={"product_id": product}).json()["success"]
    assert shop.one("select count(*) from likeness.images where status = 'completed'") == 1


def test_a_host_that_rests_is_told_with_the_time(client: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    shop.connection.execute("select likeness.pause_host('origin.example')")
    answer = client.post(URL, json={"product_id": product})
    assert answer.status_code == 202
    assert int(answer.headers["retry-after"]) == 300


def test_a_picture_that_is_tried_again_later_is_not_waited_for(
    client: httpx.Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lazy, "WAIT_SECONDS", 20.0)
    product = shop.pending()
    shop.finish(
        shop.claim()[0],
        is_completed=False,
        is_retryable=True,
        reason="server-error",
    )
    answer = client.post(URL, json={"product_id": product}, timeout=10)
    body = answer.json()
    assert (answer.status_code, body["status"], body["reason"]) == (202, "pending", "server-error")
    assert body["error"].startswith("server-error: ")
    assert 20 < body["retry_after"] == int(answer.headers["retry-after"])


def test_an_unknown_product_is_404(client: httpx.Client) -> None:
    assert client.post(URL, json={"product_id": 4711}).status_code == 404


def test_the_eleventh_request_of_a_minute_is_refused_with_the_time(client: httpx.Client) -> None:
    for _ in range(LAZY_PER_MINUTE):
        assert client.post(URL, json={"product_id": 4711}).status_code == 404
    answer = client.post(URL, json={"product_id": 4711})
    assert answer.status_code == 429
    assert answer.json()["type"] == "urn:likeness:problem:rate-limited"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert client.get("/healthz").status_code == 200


def test_a_lost_listener_comes_back(
    client: httpx.Client, shop: Shop, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        ended = connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'likeness api listener' and datname = current_database()"
        ).fetchall()
    assert ended == [(True,)]
    product = shop.pending()
    with _worker(shop):
        assert client.post(URL, json={"product_id": product}).json()["success"]


def test_the_old_batch_counts_what_became_of_the_next_products(
    service: httpx.Client, shop: Shop
) -> None:
    good = shop.pending(sku="good", pictures=("good.jpg",))
    bad = shop.product(1, "bad", ("bad.jpg",))
    with _worker(shop, failing=("bad.jpg",)):
        answer = service.post("/api/process-product-images", json={"batch_size": 10})
    body = answer.json()
    assert answer.status_code == 200
    assert (body["processed"], body["failed"], body["skipped"]) in ((1, 1, 0), (1, 0, 0), (0, 1, 0))
    for error in body["errors"]:
        assert error["product_id"] == bad
    assert good != bad


def test_the_old_batch_waits_for_what_it_took_and_not_for_what_shows_already(
    service: httpx.Client, shop: Shop
) -> None:
    product = shop.pending()
    shop.complete()
    shop.connection.execute(
        "select likeness.queue_images(array[%s]::bigint[])", (shop.image(product),)
    )
    with _worker(shop):
        body = service.post("/api/process-product-images").json()
    assert body == {"success": True, "processed": 1, "failed": 0, "skipped": 0, "errors": []}
    assert shop.one("select status from likeness.images") == "completed"


def test_the_old_batch_skips_what_is_tried_again_later(service: httpx.Client, shop: Shop) -> None:
    shop.pending()
    with _worker(shop, failing=("a.jpg",), is_retryable=True):
        body = service.post("/api/process-product-images", json={}, timeout=15).json()
    assert (body["processed"], body["failed"], body["skipped"]) == (0, 0, 1)


def test_the_old_batch_skips_what_is_not_done_in_time(
    service: httpx.Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "WAIT_SECONDS", 0.2)
    shop.pending()
    shop.product(1, "B", ("b.jpg",))
    body = service.post("/api/process-product-images", json={"batch_size": 1}).json()
    assert body == {"success": True, "processed": 0, "failed": 0, "skipped": 1, "errors": []}


def test_the_old_batch_tries_failed_ones_only_when_told(service: httpx.Client, shop: Shop) -> None:
    shop.pending()
    shop.fail()
    empty = {"success": True, "processed": 0, "failed": 0, "skipped": 0, "errors": []}
    assert service.post("/api/process-product-images", json={}).json() == empty
    with _worker(shop):
        body = service.post("/api/process-product-images", json={"force_retry": True}).json()
    assert (body["success"], body["processed"]) == (True, 1)
