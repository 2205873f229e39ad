"""Tests of pictures that come through the proxy before they are mirrored."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from api.signing import make_signer
from tests.api.origin import Origin
from tests.api.shop import JPEG, RECIPES, Shop
from worker.settings import Settings


def _proxied(client: httpx.Client, product: int) -> str:
    item = client.get(f"/api/products/{product}/display-url").json()
    assert item["source"] == "proxy"
    return str(item["url"])


def test_a_pending_picture_comes_through_with_a_safe_type(
    client: httpx.Client, shop: Shop, origin: Origin
) -> None:
    origin.put("a.jpg", JPEG, kind="text/html")
    product = shop.pending(prefix=origin.prefix, request_headers={"X-Store-Id": "7"})
    answer = client.get(_proxied(client, product))
    assert (answer.status_code, answer.content) == (200, JPEG)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert answer.headers["cache-control"] == "public, max-age=60"
    known = {"if-none-match": answer.headers["etag"]}
    assert client.get(_proxied(client, product), headers=known).status_code == 304


def test_a_picture_that_failed_says_why(client: httpx.Client, shop: Shop, origin: Origin) -> None:
    product = shop.pending(prefix=origin.prefix)
    url = _proxied(client, product)
    shop.fail("not-found")
    answer = client.get(url)
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:likeness:problem:no-image"
    assert answer.json()["reason"] == "not-found"
    assert not origin.hits


def test_fifty_who_ask_at_once_cause_one_fetch(
    client: httpx.Client, shop: Shop, origin: Origin
) -> None:
    origin.put("a.jpg", JPEG)
    origin.delay = 0.5
    product = shop.pending(prefix=origin.prefix)
    url = _proxied(client, product)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: httpx.get(url, trust_env=False, timeout=30), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert origin.hits["/pictures/a.jpg"] == 1


@pytest.mark.parametrize(
    "query", ["", "?sig=x&expires=9999999999", "?expires=9999999999", "?sig=%00&expires=9999999999"]
)
def test_nothing_comes_without_a_signature(
    client: httpx.Client, shop: Shop, origin: Origin, query: str
) -> None:
    product = shop.pending(prefix=origin.prefix)
    answer = client.get(f"/api/images/proxy/{shop.image(product)}{query}")
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:likeness:problem:bad-signature"
    assert not origin.hits


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("image/jpeg", b"<!doctype html><title>404</title>"),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("image/jpeg", b""),
        ("image/png", b"MZ\x90\x00" + bytes(100)),
    ],
)
def test_what_is_no_plain_picture_does_not_pass(
    client: httpx.Client, shop: Shop, origin: Origin, kind: str, body: bytes
) -> None:
    origin.put("a.jpg", body, kind=kind)
    product = shop.pending(prefix=origin.prefix)
    answer = client.get(_proxied(client, product))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"<" not in answer.content


def test_a_missing_picture_is_remembered_and_names_no_origin(
    client: httpx.Client, shop: Shop, origin: Origin
) -> None:
    product = shop.pending(prefix=origin.prefix, hide_origin=True)
    url = _proxied(client, product)
    for _ in range(3):
        answer = client.get(url)
        assert answer.status_code == 404
        assert answer.json()["reason"] == "not-found"
        assert str(origin.port).encode() not in answer.content
        assert b"pictures/" not in answer.content
    assert origin.hits["/pictures/a.jpg"] == 1


def test_a_failing_source_is_asked_again_only_after_a_while(
    client: httpx.Client, shop: Shop, origin: Origin
) -> None:
    origin.put("a.jpg", b"no", status=503)
    product = shop.pending(prefix=origin.prefix)
    url = _proxied(client, product)
    first, second = client.get(url), client.get(url)
    assert (first.status_code, second.status_code) == (502, 502)
    assert first.json()["type"] == "urn:likeness:problem:source-failed"
    assert int(first.headers["retry-after"]) >= 1
    assert origin.hits["/pictures/a.jpg"] == 1


def test_instead_of_a_broken_picture_the_placeholder_is_shown(
    shop: Shop, origin: Origin, api_settings: Settings
) -> None:
    from tests.api.serving import client_of, running

    origin.put("a.jpg", b"no", status=503)
    product = shop.pending(prefix=origin.prefix)
    settings = api_settings.model_copy(update={"placeholder_url": "/static/picture.svg"})
    with running(settings), client_of(settings) as client:
        answer = client.get(_proxied(client, product))
        assert answer.status_code == 302
        assert answer.headers["location"] == "/static/picture.svg"
        assert answer.headers["cache-control"] == "public, max-age=15"
        assert client.get("/api/images/proxy/1?sig=no&expires=0").status_code == 403


def test_a_source_in_a_private_network_is_not_called(
    shop: Shop, origin: Origin, api_settings: Settings
) -> None:
    from tests.api.serving import client_of, running

    origin.put("a.jpg", JPEG)
    product = shop.pending(prefix=origin.prefix)
    settings = api_settings.model_copy(update={"allowed_private_networks": ()})
    with running(settings), client_of(settings) as client:
        answer = client.get(_proxied(client, product))
    assert answer.status_code == 404
    assert answer.json()["reason"] == "blocked-by-policy"
    assert not origin.hits


def test_a_host_that_rests_is_not_called(client: httpx.Client, shop: Shop, origin: Origin) -> None:
    origin.put("a.jpg", JPEG)
    product = shop.pending(prefix=origin.prefix)
    shop.connection.execute("select likeness.pause_host(%s)", (f"127.0.0.1:{origin.port}",))
    answer = client.get(_proxied(client, product))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 60
    assert not origin.hits


def test_a_picture_that_was_mirrored_meanwhile_leads_to_its_rendition(
    client: httpx.Client, shop: Shop, origin: Origin
) -> None:
    product = shop.pending(prefix=origin.prefix)
    url = _proxied(client, product)
    shop.complete()
    answer = client.get(url)
    assert answer.status_code == 302
    assert answer.headers["location"].endswith(f"{RECIPES['medium']}.webp")
    assert not origin.hits


def test_a_supplier_that_wants_nothing_shown_before_is_obeyed(
    client: httpx.Client, shop: Shop, api_settings: Settings, origin: Origin
) -> None:
    product = shop.pending(prefix=origin.prefix, while_pending="none")
    image = shop.image(product)
    query = make_signer(api_settings).query(f"proxy/{image}")
    assert client.get(f"/api/images/proxy/{image}?{query}").status_code == 404
    assert client.get(f"/api/products/{product}/image/grid").status_code == 404
    assert not origin.hits


def test_a_page_that_is_loaded_again_does_not_call_the_supplier(
    shop: Shop, origin: Origin, api_settings: Settings
) -> None:
    from tests.api.serving import client_of, running

    body = JPEG + bytes(3_000_000)
    origin.put("a.jpg", body)
    product = shop.pending(prefix=origin.prefix)
    for _ in range(2):  # also not after a restart
        with running(api_settings), client_of(api_settings) as client:
            url = _proxied(client, product)
            assert [client.get(url).content for _ in range(2)] == [body, body]
            assert client.head(url).headers["content-length"] == str(len(body))
    assert origin.hits["/pictures/a.jpg"] == 1


def test_a_picture_with_another_address_is_fetched_anew(
    client: httpx.Client, shop: Shop, origin: Origin
) -> None:
    origin.put("a.jpg", JPEG)
    origin.put("b.jpg", JPEG + b"b")
    product = shop.pending(prefix=origin.prefix)
    assert client.get(_proxied(client, product)).content == JPEG
    shop.connection.execute("update likeness.images set fetch_url = %s", (f"{origin.prefix}b.jpg",))
    assert client.get(_proxied(client, product)).content == JPEG + b"b"


def test_a_picture_that_breaks_off_is_not_kept(
    client: httpx.Client, shop: Shop, origin: Origin, api_settings: Settings
) -> None:
    origin.put("a.jpg", b"no", status=503)
    product = shop.pending(prefix=origin.prefix)
    assert client.get(_proxied(client, product)).status_code == 502
    assert not list((api_settings.state_dir / "proxy").glob("*/*"))
