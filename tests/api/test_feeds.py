"""Tests of feeds that come over HTTP."""

import gzip
from collections.abc import Iterator

import httpx
import pytest
from psycopg.rows import DictRow

from tests.api.serving import client_of, running
from tests.api.shop import Shop
from worker.settings import Settings

URL = "/api/products/import"
CSV = b"sku;name;image_1;image_2\nA1;Kettle;a.jpg;b.jpg\nA2;Table;c.jpg;\n;No number;d.jpg;\n"
JSON_LINES = b'{"sku": "A1", "name": "Kettle", "images": ["a.jpg", "b.jpg"]}\n{"sku": "A2"}\n'
PREFIX = "https://origin.example/p/"


def test_a_csv_feed_lands_and_bad_rows_are_told(service: httpx.Client, shop: Shop) -> None:
    answer = service.post(
        URL, params={"supplier": "acme", "prefix": PREFIX, "name": "autumn"}, content=CSV
    )
    body = answer.json()
    assert answer.status_code == 200, answer.text
    assert (body["products_new"], body["images_new"], body["rejected"]) == (2, 3, 1)
    assert body["rejects"][0]["line"] == 4
    assert body["activation"] is None
    assert [row["sku"] for row in _products(shop)] == ["A1", "A2"]


def test_json_lines_land_too_in_any_packing(service: httpx.Client, shop: Shop) -> None:
    body = service.post(URL, params={"supplier": "acme"}, content=gzip.compress(JSON_LINES)).json()
    assert (body["products_new"], body["images_new"]) == (2, 2)


def test_a_feed_is_activated_where_that_is_asked_for(service: httpx.Client, shop: Shop) -> None:
    asked = {"supplier": "acme", "prefix": PREFIX, "activate": "true"}
    first = service.post(URL, params=asked, content=CSV).json()
    assert first["activation"]["queued"] == 3
    assert len(shop.claim()) > 0


def test_the_same_feed_again_changes_nothing(service: httpx.Client, shop: Shop) -> None:
    asked = {"supplier": "acme", "prefix": PREFIX}
    first = service.post(URL, params=asked, content=CSV).json()
    again = service.post(URL, params=asked, content=CSV).json()
    assert again["dataset_id"] == first["dataset_id"]
    assert (again["products_unchanged"], again["products_new"]) == (2, 0)


def test_a_body_in_pieces_lands(service: httpx.Client, shop: Shop) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"sku,name,image\n"
        for number in range(5000):
            yield f"S{number},Name {number},{number}.jpg\n".encode()

    body = service.post(URL, params={"supplier": "acme"}, content=pieces()).json()
    assert body["products_new"] == 5000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\1\2\3" * 100,
        b"no,header\nthat,we know\n",
        b"nom,\x81\x98\x9d,name\n1,2,\x81\x98\x9d\n\x81\x98\x9d,2,3\n",
    ],
)
def test_what_is_no_feed_is_told_and_leaves_nothing(
    service: httpx.Client, shop: Shop, body: bytes
) -> None:
    answer = service.post(URL, params={"supplier": "acme"}, content=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == "urn:likeness:problem:bad-feed"
    assert _products(shop) == []


def test_a_header_in_an_old_encoding_is_shown_as_it_is_read(service: httpx.Client) -> None:
    body = b"sku\x81,images\n1,1.jpg\n2,\x81\x98\x9d.jpg\n"
    answer = service.post(URL, params={"supplier": "acme"}, content=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["x-request-id"]
    assert answer.json()["detail"].endswith("Its columns are: sku\u00fc, images")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"request_headers": {"X-Store-Id": "a\r\nX-More: b"}}, "X-Store-Id"),
        ({"request_headers": {"X Store": "a"}}, "X Store"),
        ({"request_headers": {"": "a"}}, "header"),
        ({"allowed_hosts": ["pictures.example", "bad host/"]}, "bad host/"),
        ({"allowed_hosts": ["http://pictures.example"]}, "http://pictures.example"),
        ({"allowed_hosts": [""]}, "allowed_hosts"),
    ],
)
def test_what_no_request_could_carry_is_no_option_of_a_supplier(
    service: httpx.Client, shop: Shop, options: dict[str, object], said: str
) -> None:
    answer = service.post("/api/suppliers", json={"name": "acme", **options})
    assert answer.status_code == 400, answer.text
    assert said in answer.json()["detail"]
    made = shop.connection.execute(b"select from likeness.suppliers where name = 'acme'")
    assert made.fetchall() == []


def test_the_options_of_a_supplier_may_be_what_requests_carry(service: httpx.Client) -> None:
    options = {
        "request_headers": {"Accept-Language": "de, en;q=0.5", "Referer": "{product_url}"},
        "allowed_hosts": ["pictures.example", "*.cdn.example", ".img.example", "10.0.0.1", "[::1]"],
    }
    answer = service.post("/api/suppliers", json={"name": "acme", **options})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"supplier": ""},
        {"supplier": "a\0b"},
        {"supplier": "acme", "prefix": "pictures/"},
        {"supplier": "acme", "format": "xml"},
    ],
)
def test_bad_parameters_are_refused(
    service: httpx.Client, shop: Shop, asked: dict[str, str]
) -> None:
    answer = service.post(URL, params=asked, content=CSV)
    assert answer.status_code == 400, answer.text
    assert _products(shop) == []


def test_a_form_is_refused_with_what_to_send(service: httpx.Client) -> None:
    answer = service.post(URL, params={"supplier": "acme"}, files={"file": CSV})
    assert answer.status_code == 400
    assert "as the body" in answer.json()["detail"]


def test_a_feed_over_the_limit_is_refused_whether_it_says_its_length_or_not(
    shop: Shop, api_settings: Settings
) -> None:
    settings = api_settings.model_copy(update={"max_request_bytes": 1000})
    key = settings.service_key
    assert key
    rows = [b"sku,name\n"] + [b"S%d,Name\n" % number for number in range(500)]
    with running(settings), client_of(settings) as client:
        client.headers["x-api-key"] = key.get_secret_value()
        for content in (b"".join(rows), iter(rows)):
            answer = client.post(URL, params={"supplier": "acme"}, content=content)
            assert answer.status_code == 413
    assert _products(shop) == []


def _products(shop: Shop) -> list[DictRow]:
    return shop.connection.execute("select sku from likeness.products order by sku").fetchall()
