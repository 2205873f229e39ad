"""Tests of who may change state."""

import httpx
import pytest

from tests.api.conftest import KEY
from tests.api.serving import client_of, running
from tests.api.shop import Shop
from worker.settings import Settings

SERVICE_ROUTES = [
    ("POST", "/api/process-product-images"),
    ("POST", "/api/mirror"),
    ("GET", "/api/mirror/1"),
    ("POST", "/api/suppliers"),
    ("POST", "/api/datasets"),
    ("POST", "/api/datasets/1/activate"),
    ("POST", "/api/products/import"),
    ("GET", "/api/products/1/images"),
]


@pytest.mark.parametrize(("method", "path"), SERVICE_ROUTES)
def test_a_service_route_is_closed_without_the_key(
    client: httpx.Client, method: str, path: str
) -> None:
    for headers in (
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": "Bearer"},
        {"x-api-key": "wrong"},
        {"x-api-key": KEY + " "[:0] + "x"},
    ):
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == 401, headers
        assert answer.json()["type"] == "urn:likeness:problem:unauthorized"
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [{"authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {KEY}"}, {"x-api-key": KEY}],
)
def test_the_key_opens_in_either_header(client: httpx.Client, headers: dict[str, str]) -> None:
    answer = client.post("/api/suppliers", json={"name": "acme"}, headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "/api/products/{}/images",
        "/api/products/99999/images",
        "/api/match-queue",
        "/api/changes",
        "/api/placeholders",
    ],
)
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_no_cache_keeps_what_a_key_opened(
    client: httpx.Client, shop: Shop, path: str, header: str
) -> None:
    key = f"Bearer {KEY}" if header == "authorization" else KEY
    answer = client.get(path.format(shop.pending()), headers={header: key})
    assert answer.status_code == (404 if "99999" in path else 200)
    assert answer.headers.get_list("cache-control") == ["private, no-store"]


def test_without_a_configured_key_nobody_may_change_state(
    shop: Shop, api_settings: Settings
) -> None:
    settings = api_settings.model_copy(update={"service_key": None})
    with running(settings), client_of(settings) as client:
        answer = client.post("/api/suppliers", json={"name": "x"}, headers={"x-api-key": ""})
        assert answer.status_code == 401
        assert "LIKENESS_SERVICE_KEY" in answer.json()["detail"]
        assert client.get("/api/products/1/display-url").status_code == 404
    assert shop.one("select count(*) from likeness.suppliers") == 0


def test_a_foreign_page_may_read_but_not_send_a_key(client: httpx.Client) -> None:
    def preflight(header: str, method: str = "POST") -> httpx.Headers:
        answer = client.options(
            "/api/display-urls",
            headers={
                "origin": "https://shop.example",
                "access-control-request-method": method,
                "access-control-request-headers": header,
            },
        )
        assert (answer.status_code, answer.content) == (204, b"")
        return answer.headers

    assert preflight("content-type")["access-control-allow-origin"] == "*"
    assert "content-type" in preflight("content-type")["access-control-allow-headers"]
    assert "authorization" not in preflight("authorization")["access-control-allow-headers"]
    assert "DELETE" not in preflight("", "DELETE")["access-control-allow-methods"]
    answer = client.post(
        "/api/display-urls", json={"product_ids": []}, headers={"origin": "https://shop.example"}
    )
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/api/products/{}/display-url", "/api/products/0/image/x", "/no"])
def test_what_a_cache_kept_of_one_page_serves_all_others(
    client: httpx.Client, shop: Shop, path: str
) -> None:
    answer = client.get(path.format(shop.pending()))
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]


def test_pages_of_named_origins_alone_may_read(shop: Shop, api_settings: Settings) -> None:
    product = shop.pending()
    shop.complete()
    named = ("https://shop.example", "https://*.brand.example")
    settings = api_settings.model_copy(update={"cors_origins": named})
    with running(settings), client_of(settings) as client:

        def ask(origin: str | None, path: str = f"/api/products/{product}/display-url") -> str:
            answer = client.get(path, headers={"origin": origin} if origin else {})
            assert "Origin" in answer.headers["vary"]
            return str(answer.headers.get("access-control-allow-origin", "nobody"))

        assert ask("https://shop.example") == "https://shop.example"
        assert ask("https://de.brand.example") == "https://de.brand.example"
        assert ask("https://shop.example", "/no") == "https://shop.example"
        for other in (None, "https://shop-example", "https://shop.example.evil", "null",
                      "https://evil.example/.brand.example"):  # fmt: skip
            assert ask(other) == "nobody"
        # Pictures are everybody's, and their redirect still depends on Accept.
        picture = client.get(
            f"/api/products/{product}/image/grid", headers={"origin": "https://shop.example"}
        )
        assert picture.headers.get_list("access-control-allow-origin") == ["*"]
        assert picture.headers["vary"] == "Accept"
