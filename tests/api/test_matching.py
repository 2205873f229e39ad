"""Tests of the review of matches over HTTP, and of an inventory that is matched as it comes."""

from typing import Any

import httpx
import pytest

from tests.api.shop import Shop

GTINS = ("4006381333931", "5000157078865", "036000291452", "075912041731")
HEADER = "sku,name,gtin,image\n"


def feed(*rows: tuple[str, str, str, str]) -> bytes:
    return (HEADER + "".join(",".join(row) + "\n" for row in rows)).encode()


def load(service: httpx.Client, supplier: str, body: bytes, **asked: Any) -> dict[str, Any]:
    answer = service.post(
        "/api/products/import",
        params={"supplier": supplier, "prefix": "https://origin.example/p/", **asked},
        content=body,
    )
    assert answer.status_code == 200, answer.text
    loaded: dict[str, Any] = answer.json()
    return loaded


def product_of(shop: Shop, sku: str) -> int:
    found: int = shop.one("select id from likeness.products where sku = %s", sku)
    return found


def canonical(shop: Shop, name: str, gtin: str) -> int:
    made: int = shop.one(
        "insert into likeness.canonical_products (name, gtin)"
        " values (%s, likeness.normalize_gtin(%s)) returning id",
        name,
        gtin,
    )
    return made


@pytest.fixture
def waiting(service: httpx.Client, shop: Shop) -> list[dict[str, Any]]:
    """Three products whose barcodes contradict their names."""
    for number in range(3):
        canonical(shop, f"Organic strawberry spread {number}", GTINS[number])
    rows = [(f"A{n}", "Cordless drill 18V", GTINS[n], f"{n}.jpg") for n in range(3)]
    load(service, "acme", feed(*rows), match="true", create_missing="false")
    items: list[dict[str, Any]] = service.get("/api/match-queue").json()["items"]
    assert len(items) == 3
    return items


def test_a_store_inherits_the_pictures_of_what_another_one_has(
    service: httpx.Client, shop: Shop
) -> None:
    first = load(
        service,
        "one",
        feed(
            ("A1", "Stabilo pen 68 black", GTINS[0], "a.jpg"), ("A2", "Mustard", GTINS[1], "b.jpg")
        ),
        match="true",
        activate="true",
    )
    assert first["matching"] == {
        "linked": 0, "queued": 0, "created": 2, "left": 0, "remaining": 0,
    }  # fmt: skip
    assert first["activation"]["queued"] == 2
    second = load(
        service,
        "two",
        feed(
            ("B1", "Pen 68 black Stabilo", f"{GTINS[0]}.0", "x.jpg"),
            ("B2", "Garden hose", GTINS[1], "y.jpg"),
            ("B3", "Oatmeal", GTINS[2], "z.jpg"),
        ),
        match="true",
        activate="true",
    )
    assert second["matching"] == {
        "linked": 1, "queued": 1, "created": 1, "left": 0, "remaining": 0,
    }  # fmt: skip
    # The picture of the one that is linked is not fetched a second time.
    assert second["activation"]["queued"] == 2
    ids = [product_of(shop, sku) for sku in ("A1", "B1")]
    shown = shop.connection.execute(
        "select distinct image_id from likeness.resolve_display_urls(%s)", [ids]
    ).fetchall()
    assert len(shown) == 1


def test_a_product_is_matched_on_demand(service: httpx.Client, shop: Shop) -> None:
    pen = canonical(shop, "Stabilo pen 68 black", GTINS[0])
    load(service, "acme", feed(("A1", "Stabilo pen 68", GTINS[0], "a.jpg")))
    product = product_of(shop, "A1")
    planned = service.post("/api/images/match", json={"product_id": product, "dry_run": True})
    assert planned.json()["action"] == "link"
    matched = service.post("/api/images/match", json={"product_id": product}).json()
    assert (matched["action"], matched["canonical_product_id"]) == ("link", pen)
    assert matched["candidates"][0]["name"] == "Stabilo pen 68 black"
    assert matched["candidates"][0]["evidence"]["gtin"] == "04006381333931"
    again = service.post("/api/images/match", json={"product_id": product}).json()
    assert (again["action"], again["canonical_product_id"]) == ("linked", pen)
    assert service.post("/api/images/match", json={"product_id": 10**9}).status_code == 404


def test_the_queue_is_paged_by_keys_and_filtered(
    service: httpx.Client, waiting: list[dict[str, Any]]
) -> None:
    for sort in ("confidence", "affected", "oldest"):
        seen: list[int] = []
        after: str | None = None
        while True:
            asked: dict[str, Any] = {"limit": 2, "sort": sort}
            page = service.get(
                "/api/match-queue", params=asked | ({"after": after} if after else {})
            ).json()
            seen += [item["queue_item_id"] for item in page["items"]]
            after = page["next_after"]
            if after is None:
                break
        assert sorted(seen) == sorted(item["queue_item_id"] for item in waiting)
    unknown = service.get("/api/match-queue", params={"supplier": "nobody"})
    assert (unknown.status_code, unknown.json()["detail"]) == (404, 'there is no supplier "nobody"')
    assert service.get("/api/match-queue", params={"min_confidence": 0.9}).json()["items"] == []
    best = waiting[0]["canonical_product_id"]
    only = service.get("/api/match-queue", params={"canonical_product_id": best}).json()["items"]
    assert [item["queue_item_id"] for item in only] == [waiting[0]["queue_item_id"]]
    assert service.get("/api/match-queue", params={"after": "x"}).status_code == 400
    assert service.get("/api/match-queue", params={"sort": "x"}).status_code == 400


def test_an_item_is_confirmed_once(service: httpx.Client, waiting: list[dict[str, Any]]) -> None:
    item = waiting[0]["queue_item_id"]
    body = {"queue_item_id": item, "action": "confirm", "decided_by": "anna"}
    decision = service.put("/api/images/match", json=body)
    assert decision.status_code == 200, decision.text
    assert decision.json()["canonical_product_id"] == waiting[0]["canonical_product_id"]
    second = service.put("/api/images/match", json=body | {"decided_by": "ben"})
    assert second.status_code == 409
    assert second.headers["content-type"].startswith("application/problem+json")
    assert second.json()["type"] == "urn:likeness:problem:conflict"
    assert "by anna" in second.json()["detail"]
    done = service.get("/api/match-queue", params={"status": "accepted"}).json()["items"]
    assert [entry["decided_by"] for entry in done] == ["anna"]
    undo = f"/api/match-decisions/{decision.json()['decision_id']}/undo"
    assert service.post(undo, json={"decided_by": "ben"}).status_code == 200
    assert service.post(undo, json={}).status_code == 409
    assert len(service.get("/api/match-queue").json()["items"]) == 3


def test_an_item_is_rejected_or_becomes_a_product_of_its_own(
    service: httpx.Client, waiting: list[dict[str, Any]], shop: Shop
) -> None:
    rejected = service.put(
        "/api/images/match",
        json={"queue_item_id": waiting[0]["queue_item_id"], "action": "reject"},
    )
    assert rejected.status_code == 200
    created = service.put(
        "/api/images/match",
        json={
            "queue_item_id": waiting[1]["queue_item_id"],
            "action": "create",
            "new_product_data": {"name": "Drill", "gtin": GTINS[3]},
        },
    )
    assert created.status_code == 200, created.text
    made = created.json()["canonical_product_id"]
    assert shop.one("select name from likeness.canonical_products where id = %s", made) == "Drill"
    again = service.post("/api/images/match", json={"product_id": waiting[0]["product_id"]}).json()
    assert waiting[0]["canonical_product_id"] not in [
        candidate["canonical_product_id"] for candidate in again["candidates"]
    ]
    wrong = service.put(
        "/api/images/match",
        json={
            "queue_item_id": waiting[2]["queue_item_id"],
            "action": "create",
            "new_product_data": {"gtin": "4006381333930"},
        },
    )
    assert wrong.status_code == 400
    assert "check digit" in wrong.json()["detail"]


def test_links_are_made_and_taken_by_hand_and_canonical_products_merged(
    service: httpx.Client, waiting: list[dict[str, Any]]
) -> None:
    one, two = (item["canonical_product_id"] for item in waiting[:2])
    link = f"/api/products/{waiting[0]['product_id']}/match"
    assert service.put(link, json={"canonical_product_id": one}).status_code == 200
    merged = service.post(
        "/api/canonical-products/merge",
        json={"canonical_product_id": one, "into_canonical_product_id": two},
    )
    assert merged.status_code == 200
    assert service.put(link, json={"canonical_product_id": one}).status_code == 404
    unlinked = service.delete(link, params={"decided_by": "anna"})
    assert unlinked.json()["action"] == "unlinked"
    assert service.delete(link).status_code == 409
    undone = service.post(f"/api/match-decisions/{unlinked.json()['decision_id']}/undo")
    assert undone.json()["action"] == "undone"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/images/match"),
        ("PUT", "/api/images/match"),
        ("GET", "/api/match-queue"),
        ("POST", "/api/match-decisions/1/undo"),
        ("PUT", "/api/products/1/match"),
        ("DELETE", "/api/products/1/match"),
        ("POST", "/api/canonical-products/merge"),
    ],
)
def test_matches_are_for_holders_of_a_key(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, path, json={}).status_code == 401
