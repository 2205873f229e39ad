"""Tests of how often one client may ask, and of who a client is."""

import ipaddress
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from api.counting import LocalLimit
from api.limits import LAZY_PER_MINUTE, name_client
from tests.api.serving import client_of, free_port, running
from tests.api.shop import Shop
from worker.settings import Settings

URL = "/api/process-product-image-lazy"
TRUSTED = tuple(ipaddress.ip_network(text) for text in ("127.0.0.0/8", "10.0.0.0/8", "fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        # Nobody whom we trust says it, so it is a client's own word.
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
        ("127.0.0.1", "10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("127.0.0.1", "rubbish, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "198.51.100.7, rubbish", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7:4242", "198.51.100.7"),
        ("127.0.0.1", "[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.1", "", "192.0.2.1"),
        ("::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("fd00::1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", ", ".join(["198.51.100.7"] + ["10.0.0.1"] * 500), "10.0.0.1"),
    ],
)
def test_a_client_is_the_last_address_that_no_trusted_proxy_has(
    peer: str, forwarded: str, client: str
) -> None:
    assert name_client(peer, forwarded, TRUSTED) == client


def test_the_limit_holds_over_two_apis_and_at_the_same_instant(
    shop: Shop, api_settings: Settings
) -> None:
    other = api_settings.model_copy(update={"api_port": free_port()})
    with (
        running(api_settings),
        running(other),
        client_of(api_settings) as one,
        client_of(other) as two,
        ThreadPoolExecutor(16) as pool,
    ):
        answers = list(
            pool.map(lambda n: (one, two)[n % 2].post(URL, json={"product_id": 4711}), range(40))
        )
    allowed = [answer for answer in answers if answer.status_code == 404]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(allowed), len(refused)) == (LAZY_PER_MINUTE, 40 - LAZY_PER_MINUTE)
    for answer in refused:
        assert answer.json()["type"] == "urn:likeness:problem:rate-limited"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.headers["ratelimit-policy"] == '"lazy";q=10;w=60'
        assert answer.headers["ratelimit"].startswith('"lazy";r=0;t=')
    left = {answer.headers["ratelimit"].split(";")[1] for answer in allowed}
    assert left == {f"r={n}" for n in range(LAZY_PER_MINUTE)}


def test_a_clients_own_word_of_who_it_is_counts_for_nothing(client: httpx.Client) -> None:
    statuses = [
        client.post(
            URL, json={"product_id": 4711}, headers={"x-forwarded-for": f"198.51.100.{n}"}
        ).status_code
        for n in range(LAZY_PER_MINUTE + 1)
    ]
    assert statuses == [404] * LAZY_PER_MINUTE + [429]


def test_behind_a_trusted_proxy_clients_are_counted_apart(
    shop: Shop, api_settings: Settings
) -> None:
    settings = api_settings.model_copy(update={"trusted_proxies": TRUSTED})
    with running(settings), client_of(settings) as client:

        def ask(forwarded: str) -> int:
            headers = {"x-forwarded-for": forwarded}
            return client.post(URL, json={"product_id": 4711}, headers=headers).status_code

        # Addresses of one /64 are one client.
        assert [ask(f"2001:db8::{n:x}") for n in range(11)] == [404] * 10 + [429]
        assert ask("198.51.100.1") == 404


def test_the_proxy_has_a_limit_of_its_own(shop: Shop, api_settings: Settings) -> None:
    settings = api_settings.model_copy(update={"proxy_per_minute": 3})
    with running(settings), client_of(settings) as client:
        answers = [client.get("/api/images/proxy/1?sig=x&expires=1") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [403, 403, 403, 429]
        assert answers[-1].headers["ratelimit-policy"] == '"proxy";q=3;w=60'
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 20


def test_a_local_limit_lets_a_burst_through_and_refills_evenly() -> None:
    now = 0.0
    limit = LocalLimit(6, now=lambda: now)
    assert [limit.take("a").remaining for _ in range(6)] == [5, 4, 3, 2, 1, 0]
    refused = limit.take("a")
    assert (refused.is_allowed, refused.wait_seconds) == (False, 10)
    assert limit.take("b").is_allowed
    now = 10.0
    assert limit.take("a").is_allowed
    assert not limit.take("a").is_allowed
    now = 10_000.0
    assert limit.take("a").remaining == 5


def test_a_local_limit_remembers_a_bounded_number_of_clients() -> None:
    limit = LocalLimit(1, now=lambda: 0.0)
    for number in range(12_000):
        limit.take(str(number))
    assert len(limit._full_at) == 10_000
    assert not limit.take("11999").is_allowed
