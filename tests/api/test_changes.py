"""Tests of the review of changed pictures and of placeholders, as the holder of the key sees it."""

import httpx
import pytest

from tests.api.shop import Shop


def hold_change(shop: Shop) -> int:
    """A product of a supplier that holds big changes, whose source gave another picture."""
    product = shop.pending(on_big_change="hold")
    shop.complete()
    refetch(shop, product, b"another")
    return product


def refetch(shop: Shop, product: int, more: bytes) -> None:
    shop.one("select likeness.queue_images(array[%s::bigint])", shop.image(product))
    (claim,) = shop.claim()
    original = b"\xff\xd8\xff\xe0" + more
    sha256 = shop.one("select encode(sha256(%s::bytea), 'hex')", original)
    shop.finish(claim, is_completed=True, sha256=sha256, blob=shop.store_blob(original, ("webp",)))


def only(service: httpx.Client) -> dict[str, object]:
    changes: list[dict[str, object]] = service.get("/api/changes").json()["changes"]
    assert len(changes) == 1
    return changes[0]


@pytest.mark.parametrize(("action", "shown"), [("approve", "new_sha256"), ("reject", "old_sha256")])
def test_a_held_change_is_listed_with_both_pictures_and_decided(
    service: httpx.Client, shop: Shop, action: str, shown: str
) -> None:
    product = hold_change(shop)
    change = only(service)
    assert change["product_id"] == product
    for url in (change["old_url"], change["new_url"]):
        assert service.get(str(url)).status_code == 200
    path = f"/api/changes/{change['review_id']}"
    answer = service.put(path, json={"action": action, "decided_by": "ann"})
    assert (answer.status_code, answer.json()["image_id"]) == (200, change["image_id"])
    assert service.get("/api/changes").json()["changes"] == []
    sha256 = shop.one("select blob_sha256 from likeness.images where product_id = %s", product)
    assert sha256 == change[shown]


def test_the_second_of_two_reviewers_gets_a_conflict(service: httpx.Client, shop: Shop) -> None:
    hold_change(shop)
    path = f"/api/changes/{only(service)['review_id']}"
    assert service.put(path, json={"action": "reject", "decided_by": "ann"}).status_code == 200
    late = service.put(path, json={"action": "approve"})
    assert late.status_code == 409
    assert "by ann" in late.json()["detail"]
    assert service.put("/api/changes/4711", json={"action": "reject"}).status_code == 404


def test_changes_are_paged_by_their_id(service: httpx.Client, shop: Shop) -> None:
    hold_change(shop)
    page = service.get("/api/changes", params={"limit": 1}).json()
    assert page["next_after"] == page["changes"][0]["review_id"]
    rest = service.get("/api/changes", params={"after": page["next_after"]}).json()
    assert rest == {"changes": [], "next_after": None}


def test_a_placeholder_is_named_listed_and_overruled(service: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    shop.complete()
    sha256 = shop.one("select blob_sha256 from likeness.images where product_id = %s", product)
    path = f"/api/placeholders/{sha256}"
    named = service.put(path, json={"verdict": "placeholder", "supplier": "acme"})
    assert named.json() == {"sha256": sha256, "verdict": "placeholder", "pictures": 1}
    answer = service.get(f"/api/products/{product}/display-url").json()
    assert (answer["status"], answer["url"]) == ("no-image", None)
    (listed,) = service.get("/api/placeholders").json()["placeholders"]
    assert (listed["supplier"], listed["pictures_wanting"]) == ("acme", 1)
    assert service.get(listed["url"]).status_code == 200
    assert service.put(path, json={"verdict": "picture"}).json()["pictures"] == 1
    assert service.get("/api/placeholders").json()["placeholders"][0]["verdict"] == "picture"


def test_bytes_that_nobody_knows_are_404(service: httpx.Client) -> None:
    path = f"/api/placeholders/{'0' * 64}"
    for verdict in ("placeholder", "picture"):
        assert service.put(path, json={"verdict": verdict}).status_code == 404
    assert service.put("/api/placeholders/nope", json={"verdict": "picture"}).status_code == 400


@pytest.mark.parametrize("path", ["/api/changes", "/api/placeholders"])
def test_only_the_holder_of_the_key_reviews(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 401
