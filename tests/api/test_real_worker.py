"""The API beside a real worker process: lazy requests and uploads, down to the bytes."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from PIL import Image

from tests.api.origin import Origin
from tests.api.serving import client_of
from tests.api.shop import Shop
from tests.worker_process import WorkerProcess, worker_process
from worker.settings import Settings

LAZY = "/api/process-product-image-lazy"


def photo(format: str = "JPEG", shade: int = 128) -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").resize((900, 600)).point(
        lambda value: (value + shade) % 256
    ).convert("RGB").save(file, format)
    return file.getvalue()


@pytest.fixture
def api_settings(api_settings: Settings) -> Settings:
    """Behind a proxy that may say who asks."""
    networks = Settings(trusted_proxies="127.0.0.0/8").trusted_proxies
    return api_settings.model_copy(update={"trusted_proxies": networks})


@pytest.fixture
def worker(api_settings: Settings, shop: Shop) -> Iterator[WorkerProcess]:
    settings = api_settings.model_copy(
        update={"second_wave": False, "render_processes": 1, "log_format": "json"}
    )
    with worker_process(settings, settings.state_dir / "worker.log") as worker:
        worker.await_ready()
        yield worker


def cold(shop: Shop, origin: Origin, *skus: str) -> list[int]:
    """Products whose pictures nobody has asked for yet."""
    shop.supplier("acme", host_min_interval="0", host_max_in_flight=50)
    dataset = shop.dataset("acme", origin.prefix)
    for number, sku in enumerate(skus):
        origin.put(f"{sku}.jpg", photo(shade=number * 20))
    return [shop.product(dataset, sku, (f"{sku}.jpg",)) for sku in skus]


def test_fifty_clients_of_one_cold_product_cause_one_fetch_and_one_render(
    client: httpx.Client, api_settings: Settings, worker: WorkerProcess, shop: Shop, origin: Origin
) -> None:
    [product] = cold(shop, origin, "a")
    origin.delay = 0.3

    def ask(number: int) -> httpx.Response:
        with client_of(api_settings) as one:
            headers = {"x-forwarded-for": f"203.0.113.{number}"}
            return one.post(LAZY, json={"product_id": product}, headers=headers)

    with ThreadPoolExecutor(50) as clients:
        answers = list(clients.map(ask, range(50)))
    assert [answer.status_code for answer in answers] == [200] * 50
    assert {answer.json()["cached_urls"]["thumb"] for answer in answers} != {None}
    assert origin.hits == {"/pictures/a.jpg": 1}
    assert worker.log.read_text().count('"outcome": "stored"') == 1
    assert client.get(answers[0].json()["cached_urls"]["medium"]).status_code == 200


def test_a_lazy_request_fetches_its_own_picture_and_no_other(
    client: httpx.Client, worker: WorkerProcess, shop: Shop, origin: Origin
) -> None:
    first, second = cold(shop, origin, "a", "b")
    assert client.post(LAZY, json={"product_id": first}).json()["success"]
    assert origin.hits == {"/pictures/a.jpg": 1}
    inactive = shop.one(
        "update likeness.products set status = 'inactive' where id = %s returning id", second
    )
    answer = client.post(LAZY, json={"product_id": inactive}).json()
    assert (answer["success"], answer["retry_after"]) == (False, None)
    assert "not active" in answer["error"]


@pytest.mark.parametrize("keeps_originals", [True, False])
def test_an_upload_is_rendered_and_shown_and_its_original_kept(
    service: httpx.Client, api_settings: Settings, shop: Shop, keeps_originals: bool
) -> None:
    product = shop.product(shop.dataset_of_new("acme"), "A", ())
    settings = api_settings.model_copy(
        update={"second_wave": False, "render_processes": 1, "log_format": "json",
                "keep_originals": keeps_originals}
    )  # fmt: skip
    with worker_process(settings, settings.state_dir / "worker.log") as worker:
        worker.await_ready()
        body = photo("PNG")
        answer = service.post(
            "/api/images/upload", data={"product_id": str(product)}, files={"file": body}
        )
        assert answer.status_code == 202
        found = service.post(LAZY, json={"product_id": product}).json()
    assert found["success"]
    thumb = Image.open(io.BytesIO(service.get(found["cached_urls"]["thumb"]).content))
    assert thumb.size == (200, 133)
    zoom = service.get(f"/api/products/{product}/display-url", params={"context": "zoom"}).json()
    assert service.get(zoom["url"]).content == body
    assert shop.one("select has_original from likeness.blobs")


def test_a_file_that_only_looks_like_a_picture_fails_with_the_reason(
    service: httpx.Client, worker: WorkerProcess, shop: Shop
) -> None:
    product = shop.product(shop.dataset_of_new("acme"), "A", ())
    broken = photo()[:3000]
    answer = service.post(
        "/api/images/upload", data={"product_id": str(product)}, files={"file": broken}
    )
    assert answer.status_code == 202
    found = service.post(LAZY, json={"product_id": product}).json()
    assert (found["success"], found["status"]) == (False, "failed")
    assert found["reason"]
