"""Tests of the names of pictures: plain addresses that redirect."""

import re
from urllib.parse import quote

import httpx
import pytest

from api.display import Shown
from api.redirects import negotiate
from api.signing import LIFETIME_SECONDS
from tests.api.serving import client_of, running
from tests.api.shop import RECIPES, Shop
from worker.settings import Settings

REDIRECT = "public, max-age=300, stale-while-revalidate=86400"


def test_an_img_address_leads_to_the_rendition_and_may_be_kept(
    client: httpx.Client, shop: Shop
) -> None:
    product = shop.pending()
    shop.complete()
    answer = client.get(f"/api/products/{product}/image/grid")
    assert answer.status_code == 302
    assert answer.headers["location"].endswith(f"{RECIPES['thumb']}.webp")
    assert answer.headers["cache-control"] == REDIRECT
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["etag"].startswith('"')
    assert client.get(answer.headers["location"]).status_code == 200


def test_a_pending_picture_leads_to_the_proxy_for_a_short_time(
    client: httpx.Client, shop: Shop
) -> None:
    product = shop.pending()
    answer = client.get(f"/api/products/{product}/image/grid")
    assert "/api/images/proxy/" in answer.headers["location"]
    assert int(answer.headers["cache-control"].removeprefix("public, max-age=")) <= 30


def test_a_redirect_to_a_signed_address_is_not_kept_longer_than_the_signature(
    client: httpx.Client, shop: Shop
) -> None:
    product = shop.pending()
    shop.complete()
    answer = client.get(f"/api/products/{product}/image/zoom")
    assert "/original?sig=" in answer.headers["location"]
    ages = re.findall(r"(?:max-age|stale-while-revalidate)=(\d+)", answer.headers["cache-control"])
    assert 0 < sum(map(int, ages)) < LIFETIME_SECONDS


def test_no_picture_at_all_is_a_problem_that_may_be_kept_shortly(
    client: httpx.Client, shop: Shop
) -> None:
    product = shop.pending(pictures=())
    answer = client.get(f"/api/products/{product}/image/grid")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:likeness:problem:no-image"
    assert answer.headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize("url", ["https://shop.example/none.svg", "/pictures/none.svg"])
def test_no_picture_leads_to_a_placeholder_where_one_is_set(
    shop: Shop, api_settings: Settings, url: str
) -> None:
    settings = api_settings.model_copy(update={"placeholder_url": url})
    empty = shop.pending(pictures=())
    hidden = shop.pending("other", while_pending="none")
    with running(settings), client_of(settings) as client:
        none = client.get(f"/api/products/{empty}/image/grid")
        waiting = client.get("/i/other/A1/0/grid")
        unknown = client.get("/api/products/999/image/grid")
    assert (none.status_code, none.headers["location"]) == (302, url)
    assert none.headers["cache-control"] == "public, max-age=60"
    assert waiting.headers["location"] == url
    assert int(waiting.headers["cache-control"].removeprefix("public, max-age=")) <= 30
    assert unknown.status_code == 404
    assert hidden


def test_a_failed_picture_is_a_problem(client: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    shop.fail()
    answer = client.get(f"/api/products/{product}/image/grid")
    assert answer.status_code == 404
    assert answer.json()["image_status"] == "failed"


@pytest.mark.parametrize(
    "sku",
    ["plain", "with/slash", "a//b", "/lead", "ünïcode 漢字", "50%", "a?b#c", "..", "x+y&z", "%2F"],
)
def test_an_alias_finds_any_sku(client: httpx.Client, shop: Shop, sku: str) -> None:
    shop.pending(supplier="Käse & Co/Ltd", sku=sku)
    shop.complete()
    supplier = quote("Käse & Co/Ltd", safe="")
    name = quote(sku, safe="").replace(".", "%2E")
    answer = client.get(f"/i/{supplier}/{name}/0/grid")
    assert answer.status_code == 302, answer.text
    assert answer.headers["location"].endswith(f"{RECIPES['thumb']}.webp")


def test_an_alias_takes_slashes_of_a_sku_as_they_are(client: httpx.Client, shop: Shop) -> None:
    shop.pending(sku="with/two/slashes")
    shop.complete()
    assert client.get("/i/acme/with/two/slashes/0/grid").status_code == 302


def test_an_alias_wants_the_picture_at_its_place(client: httpx.Client, shop: Shop) -> None:
    shop.pending(sku="many", pictures=("a.jpg", "b.jpg"))
    shop.complete()
    places = [client.get(f"/i/acme/many/{n}/detail").headers.get("location") for n in (0, 1)]
    assert places[0] != places[1]
    assert client.get("/i/acme/many/2/detail").status_code == 404


def test_an_alias_takes_the_key_of_the_supplier_for_its_name(
    client: httpx.Client, shop: Shop
) -> None:
    shop.pending(sku="S1")
    shop.complete()
    number = shop.one("select id from likeness.suppliers")
    assert client.get(f"/i/{number}/S1/0/zoom").status_code == 302


@pytest.mark.parametrize(
    "path",
    ["/i/acme", "/i/acme/A1", "/i/acme/A1/0", "/i/acme/A1/x/grid", "/i/acme/A1/-1/grid",
     "/i/acme/A1/99999/grid", "/i/acme/%00/0/grid", "/i/%ff/A1/0/grid", "/i/nobody/A1/0/grid"],
)  # fmt: skip
def test_an_alias_that_names_nothing_is_404(client: httpx.Client, shop: Shop, path: str) -> None:
    shop.pending()
    answer = client.get(path)
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_alias_in_an_unknown_context_is_refused(client: httpx.Client, shop: Shop) -> None:
    shop.pending()
    assert client.get("/i/acme/A1/0/huge").status_code == 400


def test_the_old_alias_names_two_sizes(client: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    shop.complete()
    supplier = shop.one("select id from likeness.suppliers")
    for name, preset in (("thumb.webp", "thumb"), ("medium.webp", "medium")):
        answer = client.get(f"/product-images/{supplier}/{product}/{name}")
        assert answer.headers["location"].endswith(f"{RECIPES[preset]}.webp")
    assert client.get(f"/product-images/{supplier + 1}/{product}/thumb.webp").status_code == 404
    assert client.get(f"/product-images/{supplier}/{product}/huge.webp").status_code == 404


def test_a_known_source_url_leads_to_its_picture(client: httpx.Client, shop: Shop) -> None:
    shop.pending()
    shop.complete()
    known = client.get("/api/images/serve", params={"url": "https://origin.example/a/a.jpg"})
    assert known.headers["location"].endswith(f"{RECIPES['medium']}.webp")


@pytest.mark.parametrize(
    "url", ["https://origin.example/a/other.jpg", "file:///etc/passwd", "http://127.0.0.1/", "\0"]
)
def test_any_other_url_is_not_served(client: httpx.Client, shop: Shop, url: str) -> None:
    shop.pending()
    shop.complete()
    assert client.get("/api/images/serve", params={"url": url}).status_code == 404


def test_a_hidden_origin_is_not_confirmed(client: httpx.Client, shop: Shop) -> None:
    shop.pending(hide_origin=True)
    shop.complete()
    answer = client.get("/api/images/serve", params={"url": "https://origin.example/a/a.jpg"})
    assert answer.status_code == 404


def test_a_head_request_gets_the_headers_alone(client: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    shop.complete()
    answer = client.head(f"/api/products/{product}/image/grid")
    assert (answer.status_code, answer.content) == (302, b"")
    assert client.head(f"/api/products/{product}/display-url").status_code == 200


@pytest.mark.parametrize(
    ("accept", "ending"),
    [
        ("*/*", "t.webp"),
        ("", "t.webp"),
        ("image/avif,image/webp,*/*;q=0.8", "t.avif"),
        ("image/webp", "t.webp"),
        ("image/png,image/jpeg", "t.jpg"),
        ("text/html", "t.jpg"),
        ("image/avif;q=0, image/webp", ".webp"),
        ("image/webp; q=0.0, image/jpeg", ".jpg"),
        ("image/avif;q=0.5", ".avif"),
        ("image/avif;q=0.5, image/webp", ".webp"),
        ("image/avif;q=0.5, image/webp;q=0.6, image/jpeg;q=0.7", ".jpg"),
        ("image/webp;q=0, */*", ".jpg"),
        ("image/webp;q=0, image/*;q=0.8", ".jpg"),
        ("image/jpeg, */*;q=0.8", ".jpg"),
        ("image/png,image/*;q=0.8,*/*;q=0.5", ".webp"),
        ("image/avif;q=much, */*", ".avif"),
    ],
)
def test_the_format_is_the_best_that_the_client_takes(accept: str, ending: str) -> None:
    assert negotiate(_shown('{"avif": "/t.avif 200w", "jpeg": "/t.jpg 200w"}'), accept).endswith(
        ending
    )


def test_a_format_that_was_not_made_in_that_size_is_not_chosen() -> None:
    shown = _shown('{"avif": "/m.avif 800w"}')
    assert negotiate(shown, "image/avif") == "/t.webp"


def _shown(srcset: str) -> Shown:
    return Shown(
        1, "cached", "rendition", "/t.webp", 200, 150, None, "v", 1, None, None, srcset, True
    )
