"""Tests of what staff does with the pictures of a product."""

import io

import httpx
import pytest

from tests.api.shop import JPEG, Shop
from worker.storage import original_key

UPLOAD = "/api/images/upload"


def url(product: int) -> str:
    return f"/api/products/{product}/images"


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [image["source_url"] for image in answer.json()["images"]]


def ids(answer: httpx.Response) -> list[int]:
    return [image["image_id"] for image in answer.json()["images"]]


@pytest.fixture
def product(shop: Shop) -> int:
    return shop.pending(pictures=("a.jpg", "b.jpg", "c.jpg"))


def test_an_order_is_whole_or_refused(service: httpx.Client, product: int) -> None:
    a, b, c = ids(service.get(url(product)))
    assert names(service.patch(url(product), json={"order": [c, a, b]})) == [
        "c.jpg", "a.jpg", "b.jpg",
    ]  # fmt: skip
    refused = service.patch(url(product), json={"order": [c, a]})
    assert refused.status_code == 409
    assert "each picture" in refused.json()["detail"]
    assert names(service.patch(url(product), json={"primary_image_id": b})) == [
        "b.jpg", "c.jpg", "a.jpg",
    ]  # fmt: skip


@pytest.mark.parametrize("body", [{}, {"order": [1], "primary_image_id": 1}, {"order": []}])
def test_a_change_is_one_of_three(
    service: httpx.Client, product: int, body: dict[str, object]
) -> None:
    assert service.patch(url(product), json=body).status_code == 400


def test_what_was_removed_is_listed_and_can_be_restored(
    service: httpx.Client, product: int
) -> None:
    a, _, c = ids(service.get(url(product)))
    left = service.request("DELETE", url(product), params={"image_id": [a, c]})
    assert names(left) == ["b.jpg"]
    assert [gone["source_url"] for gone in left.json()["removed"]] == ["a.jpg", "c.jpg"]
    assert left.json()["is_curated"]
    again = service.request("DELETE", url(product), params={"image_id": a})
    assert again.status_code == 404
    back = service.patch(url(product), json={"restore_source_url": "a.jpg"})
    assert names(back) == ["b.jpg", "a.jpg"]


def test_a_store_may_prefer_its_own_pictures(service: httpx.Client, product: int) -> None:
    answer = service.patch(f"/api/products/{product}", json={"use_custom_image": True})
    assert answer.json()["use_custom_image"]
    unknown = service.patch("/api/products/999", json={"use_custom_image": True})
    assert unknown.status_code == 404
    assert unknown.json()["type"] == "urn:likeness:problem:unknown-product"


def test_an_upload_is_kept_and_queued_before_all_else(
    service: httpx.Client, shop: Shop, product: int
) -> None:
    answer = service.post(UPLOAD, data={"product_id": str(product)}, files={"file": JPEG})
    assert answer.status_code == 202
    body = answer.json()
    assert (body["status"], body["format"], body["is_new"]) == ("pending", "jpeg", True)
    assert shop.store.get(original_key(body["sha256"])) == JPEG
    listed = service.get(answer.headers["location"])
    assert names(listed)[0] == f"upload:{body['sha256']}"
    assert listed.json()["use_custom_image"]
    assert shop.one("select priority from likeness.images where id = %s", body["image_id"]) == 3
    again = service.post(UPLOAD, data={"product_id": str(product)}, files={"file": JPEG})
    assert again.json()["image_id"] == body["image_id"]
    assert not again.json()["is_new"]


def test_an_upload_of_known_bytes_is_shown_at_once(
    service: httpx.Client, shop: Shop, product: int
) -> None:
    shop.complete()
    sha256 = shop.one("select min(blob_sha256) from likeness.images")
    other = shop.product(shop.dataset_of_new("other"), "B", ())
    original = shop.store.get(original_key(sha256))
    answer = service.post(
        UPLOAD, data={"product_id": str(other), "position": "3"}, files={"file": original}
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    shown = service.get(f"/api/products/{other}/display-url").json()
    assert (shown["status"], shown["version"]) == ("cached", sha256[:16])


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"<html>", b"II*\0" + JPEG],
)
def test_what_is_no_picture_by_content_is_refused(
    service: httpx.Client, product: int, content: bytes
) -> None:
    file = ("a.jpg", io.BytesIO(content), "image/jpeg")
    answer = service.post(UPLOAD, data={"product_id": str(product)}, files={"file": file})
    assert answer.status_code == 415
    assert answer.json()["type"] == "urn:likeness:problem:not-a-picture"


def test_a_bad_form_is_refused(service: httpx.Client, shop: Shop, product: int) -> None:
    assert service.post(UPLOAD, data={"product_id": str(product)}).status_code == 400
    assert service.post(UPLOAD, files={"file": JPEG}).status_code == 400
    for wrong in ({"position": "-1"}, {"target": "poster"}, {"product_id": "0"}):
        form = {"product_id": str(product), **wrong}
        assert service.post(UPLOAD, data=form, files={"file": JPEG}).status_code == 400
    unknown = service.post(UPLOAD, data={"product_id": "99999"}, files={"file": JPEG})
    assert unknown.status_code == 404
    shared = service.post(
        UPLOAD, data={"product_id": str(product), "target": "canonical"}, files={"file": JPEG}
    )
    assert shared.status_code == 409


@pytest.mark.parametrize(
    "part",
    [
        b'form-data; name="product_id"\r\nContent-Type: text/plain; charset=bogus\r\n\r\n2',
        b'form-data; name="product_id"\r\n\r\n\xff',
        b'form-data; name="prod\xff"\r\n\r\n2',
    ],
    ids=["charset", "value", "name"],
)
def test_a_form_that_is_no_text_is_refused(service: httpx.Client, part: bytes) -> None:
    file = b'form-data; name="file"; filename="x"\r\nContent-Type: image/jpeg\r\n\r\nabc'
    parts = [b"--a\r\nContent-Disposition: " + each + b"\r\n" for each in (part, file)]
    answer = service.post(
        UPLOAD,
        content=b"".join([*parts, b"--a--\r\n"]),
        headers={"content-type": "multipart/form-data; boundary=a"},
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "urn:likeness:problem:invalid-request"


def test_a_picture_that_was_taken_down_cannot_be_uploaded(
    service: httpx.Client, shop: Shop, product: int
) -> None:
    form = {"product_id": str(product)}
    sha256 = service.post(UPLOAD, data=form, files={"file": JPEG}).json()["sha256"]
    shop.one("select images from likeness.purge_blob(%s, 'a test')", sha256)
    answer = service.post(UPLOAD, data=form, files={"file": JPEG})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:likeness:problem:conflict")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_nobody_changes_pictures_without_a_key(
    client: httpx.Client, product: int, method: str
) -> None:
    assert client.request(method, url(product), params={"image_id": 1}).status_code == 401
    assert client.post(UPLOAD, data={"product_id": "1"}, files={"file": JPEG}).status_code == 401
