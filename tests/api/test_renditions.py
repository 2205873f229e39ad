"""Tests of bytes by their content."""

import hashlib
import re

import httpx
import pytest
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import SecretStr

from tests.api.serving import client_of, running
from tests.api.shop import JPEG, RECIPES, Shop, rendition_body
from tests.real_parts import MinioServer
from worker.settings import Settings
from worker.storage import open_store

ORIGINAL = JPEG + b"x" * 700_000
SHA256 = hashlib.sha256(ORIGINAL).hexdigest()
BODY = rendition_body(ORIGINAL, "thumb", "webp")
URL = f"/api/images/{SHA256}/{RECIPES['thumb']}.webp"


@pytest.fixture(autouse=True)
def _stored(shop: Shop) -> None:
    shop.store_blob(ORIGINAL, ("webp", "avif", "jpeg"))


def test_a_rendition_is_immutable_typed_and_open_to_all_origins(client: httpx.Client) -> None:
    answer = client.get(URL)
    assert (answer.status_code, answer.content) == (200, BODY)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["content-length"] == str(len(BODY))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert re.fullmatch(r'"[\w-]+"', answer.headers["etag"])


@pytest.mark.parametrize(("extension", "kind"), [("avif", "image/avif"), ("jpg", "image/jpeg")])
def test_each_format_has_its_type(client: httpx.Client, extension: str, kind: str) -> None:
    assert client.get(URL.replace("webp", extension)).headers["content-type"] == kind


def test_who_has_it_gets_304_without_a_body(client: httpx.Client) -> None:
    tag = client.get(URL).headers["etag"]
    for known in (tag, "*", f'W/{tag}, "x"'):
        answer = client.get(URL, headers={"if-none-match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
        assert "immutable" in answer.headers["cache-control"]


def test_a_head_request_tells_the_length_without_the_bytes(client: httpx.Client) -> None:
    answer = client.head(URL)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(BODY))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("0-0", 0, 1),
        ("10-19", 10, 20),
        ("100-", 100, None),
        ("-7", -7, None),
        ("5-99999999", 5, None),
    ],
)
def test_a_range_is_served_alone(
    client: httpx.Client, asked: str, start: int, end: int | None
) -> None:
    answer = client.get(URL, headers={"range": f"bytes={asked}"})
    expected = BODY[start:end]
    first = start if start >= 0 else len(BODY) + start
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["content-range"] == (
        f"bytes {first}-{first + len(expected) - 1}/{len(BODY)}"
    )


@pytest.mark.parametrize("asked", ["0-9", "99999999-"])
def test_a_head_request_has_no_ranges(client: httpx.Client, asked: str) -> None:
    answer = client.head(URL, headers={"range": f"bytes={asked}"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(BODY))


@pytest.mark.parametrize("asked", ["99999999-", "-0", "1280-"])
def test_a_range_outside_is_416_with_the_size(client: httpx.Client, asked: str) -> None:
    answer = client.get(URL, headers={"range": f"bytes={asked}"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(BODY)}"
    assert answer.json()["type"] == "urn:likeness:problem:range-not-satisfiable"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,4-5", "bytes=5-2", "bytes=-", "lines=1-2", "bytes=a-b"]
)
def test_a_range_that_cannot_be_served_alone_gets_the_whole(
    client: httpx.Client, asked: str
) -> None:
    answer = client.get(URL, headers={"range": asked})
    assert (answer.status_code, answer.content) == (200, BODY)


def test_a_range_of_other_bytes_than_the_client_has_gets_the_whole(client: httpx.Client) -> None:
    tag = client.get(URL).headers["etag"]
    fits = client.get(URL, headers={"range": "bytes=0-3", "if-range": tag})
    other = client.get(URL, headers={"range": "bytes=0-3", "if-range": '"other"'})
    assert (fits.status_code, other.status_code) == (206, 200)


@pytest.mark.parametrize(
    "path",
    [
        f"/api/images/{SHA256}/ffffffffffff.webp",
        f"/api/images/{'0' * 64}/{RECIPES['thumb']}.webp",
        f"/api/images/{SHA256}/{RECIPES['thumb']}.exe",
        f"/api/images/{SHA256}/{RECIPES['thumb']}",
        f"/api/images/{SHA256}/..%2F..%2Fup.json",
        f"/api/images/{SHA256}/%2e%2e",
        f"/api/images/..%2f..%2f..%2fetc/{RECIPES['thumb']}.webp",
        f"/api/images/{SHA256.upper()}/{RECIPES['thumb']}.webp",
        f"/api/images/{SHA256}%00/{RECIPES['thumb']}.webp",
    ],
)
def test_what_is_no_address_of_bytes_is_404(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_original_needs_the_signature_of_the_resolver(client: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    (claim,) = shop.claim()
    blob = shop.store_blob(ORIGINAL, ("webp",))
    shop.finish(claim, is_completed=True, sha256=SHA256, source_bytes=len(ORIGINAL), blob=blob)
    bare = f"/api/images/{SHA256}/original"
    for query in ("", "?sig=x&expires=9999999999", "?sig=&expires=0", "?expires=9999999999"):
        assert client.get(bare + query).status_code == 403
    zoom = client.get(f"/api/products/{product}/display-url?context=zoom").json()
    answer = client.get(zoom["url"])
    assert (answer.status_code, answer.content) == (200, ORIGINAL)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"].startswith("private")
    tail = client.get(zoom["url"], headers={"range": "bytes=-400000"})
    assert (tail.status_code, tail.content) == (206, ORIGINAL[-400_000:])


def test_an_original_that_is_no_picture_is_a_file_to_save(
    client: httpx.Client, shop: Shop, api_settings: object
) -> None:
    script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    digest = hashlib.sha256(script).hexdigest()
    shop.store_blob(script, ())
    from api.signing import make_signer

    query = make_signer(api_settings).query(f"{digest}/original")  # type: ignore[arg-type]
    answer = client.get(f"/api/images/{digest}/original?{query}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["content-security-policy"] == "default-src 'none'"


def test_a_client_that_leaves_in_the_middle_harms_nobody(client: httpx.Client, shop: Shop) -> None:
    product = shop.pending()
    (claim,) = shop.claim()
    blob = shop.store_blob(ORIGINAL, ("webp",))
    shop.finish(claim, is_completed=True, sha256=SHA256, source_bytes=len(ORIGINAL), blob=blob)
    url = client.get(f"/api/products/{product}/display-url?context=zoom").json()["url"]
    for _ in range(5):
        with client.stream("GET", url) as answer:
            next(answer.iter_bytes(1000))
    assert client.get(url).content == ORIGINAL


def test_a_private_bucket_is_read_by_urls_that_are_signed_for_a_week(
    connection: Connection[DictRow], api_settings: Settings, minio: MinioServer
) -> None:
    settings = api_settings.model_copy(
        update={
            "s3_endpoint": minio.endpoint,
            "s3_access_key": minio.access_key,
            "s3_secret_key": SecretStr(minio.secret_key),
            "s3_bucket": f"private-{api_settings.api_port}",
            # Another name of the same server: the signature holds for the one that browsers use.
            "s3_public_endpoint": minio.endpoint.replace("127.0.0.1", "localhost"),
        }
    )
    store = open_store(settings)
    store.ensure_ready()
    shop = Shop(connection, store)
    product = shop.pending()
    shop.complete()
    with running(settings), client_of(settings) as client:
        item = client.get(f"/api/products/{product}/display-url").json()
        answer = client.get(item["url"])
        assert answer.status_code == 302
        assert answer.headers["cache-control"] == "public, max-age=86400"
        url = httpx.URL(answer.headers["location"])
        assert (url.host, url.params["X-Amz-Expires"]) == ("localhost", str(7 * 86400))
        assert client.get(url.copy_with(query=None)).status_code == 403
        found = client.get(url)
        assert found.status_code == 200
        assert found.headers["content-type"] == "image/webp"
        head = client.head(item["url"])
        assert (head.status_code, head.headers["cache-control"]) == (302, "no-store")
        seen = client.head(head.headers["location"])
        assert seen.status_code == 200
        assert seen.headers["content-length"] == found.headers["content-length"]
