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
    def preflight(header: str) -> httpx.Response:
        return client.options(
            "/api/display-urls",
            headers={
                "origin": "https://shop.example",
                "access-control-request-method": "POST",
                "access-control-request-headers": header,
            },
        )

    assert preflight("content-type").headers["access-control-allow-origin"] == "*"
    assert preflight("authorization").status_code == 400
    answer = client.post(
        "/api/display-urls", json={"product_ids": []}, headers={"origin": "https://shop.example"}
    )
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
