"""Tests of users' tokens, by a secret and by published keys, and of what users keep."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from pydantic import SecretStr, ValidationError

from api.tokens import FRESH_SECONDS, LEAST_SECONDS, BadToken, KeysMissing, TokenJudge
from tests.api.origin import Origin
from tests.api.serving import client_of, free_port, running
from tests.api.shop import Shop
from worker.settings import Settings

SECRET = "a secret of users' tokens, which is long enough"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PRIVATE: dict[str, Any] = {"RS256": RSA, "ES256": EC, "EdDSA": ED}


def claims(**changes: object) -> dict[str, object]:
    found = {"sub": "ann", "exp": int(time.time()) + 300, **changes}
    return {name: value for name, value in found.items() if value is not None}


def token(
    key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **changes: object
) -> str:
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid} if kid else None)


def jwks() -> dict[str, Any]:
    keys = [
        {**RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True), "kid": "RS256", "use": "sig"},
        {**ECAlgorithm.to_jwk(EC.public_key(), as_dict=True), "kid": "ES256"},
        {**OKPAlgorithm.to_jwk(ED.public_key(), as_dict=True), "kid": "EdDSA"},
        # What other issuers publish beside: an encryption key, a kind that nobody knows.
        {"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB", "kid": "enc"},
        {"kty": "NTRU", "kid": "future"},
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA"},
    ]
    return {"keys": keys}


def publish(origin: Origin, document: object = None) -> str:
    origin.put("jwks", json.dumps(jwks() if document is None else document).encode(), "text/json")
    return origin.prefix + "jwks"


def judge(**settings: Any) -> TokenJudge:
    return TokenJudge(Settings(**settings))


pytestmark = pytest.mark.anyio
BY_SECRET = {"user_jwt_secret": SecretStr(SECRET)}


async def test_a_token_says_whose_it_is() -> None:
    assert await judge(**BY_SECRET).judge(token()) == "ann"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "xpiration"),
        ({"exp": float("inf")}, "xpiration"),
        ({"nbf": int(time.time()) + 3600}, "not yet valid"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 17}, "ubject"),
        ({"sub": "x" * 201}, "sub"),
        ({"sub": "a\0b"}, "sub"),
        ({"sub": "\ud800"}, "sub"),
        ({"iat": float("nan")}, "iat"),
        ({"nbf": float("nan")}, "nbf"),
        ({"aud": "another"}, "udience"),
        ({"key": SECRET + "x"}, "ignature"),
        ({"algorithm": "HS384", "key": SECRET * 2}, "algorithm"),
    ],
)
async def test_a_token_that_does_not_hold_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(BadToken, match=why):
        await judge(**BY_SECRET).judge(token(**changes))


async def test_issuer_and_audience_are_what_the_settings_say() -> None:
    strict = judge(**BY_SECRET, user_token_issuer="https://id.example", user_token_audience="shop")
    assert await strict.judge(token(iss="https://id.example", aud=["other", "shop"])) == "ann"
    for wrong in (
        {"iss": "https://evil.example", "aud": "shop"},
        {"iss": "https://id.example", "aud": "other"},
        {"iss": "https://id.example"},
        {"aud": "shop"},
    ):
        with pytest.raises(BadToken):
            await strict.judge(token(**wrong))


def _unsigned(algorithm: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims())}."


@pytest.mark.parametrize(
    "text",
    [
        *(_unsigned(name) for name in ("none", "None", "nOnE", "", None, 17, ["HS256"])),
        "",
        "a.b.c",
        "...",
        "x" * 10_000,
        "\ud800.a.b",
        base64.urlsafe_b64encode(b"[1]").decode() + "..",
        base64.urlsafe_b64encode(b"[" * 6000).decode() + "..",
    ],
)
async def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(BadToken):
        await judge(**BY_SECRET, user_jwks_url="http://127.0.0.1:9/").judge(text)


@pytest.mark.parametrize("algorithm", PRIVATE)
@pytest.mark.parametrize("is_named", [True, False])
async def test_published_keys_of_three_kinds_verify(
    origin: Origin, algorithm: str, is_named: bool
) -> None:
    by_keys = judge(user_jwks_url=publish(origin))
    offered = token(PRIVATE[algorithm], algorithm, algorithm if is_named else None)
    assert await by_keys.judge(offered) == "ann"
    assert await by_keys.judge(offered) == "ann"
    assert origin.hits["/pictures/jwks"] == 1


async def test_a_public_key_is_no_secret(origin: Origin) -> None:
    # The oldest trick: sign by HS256 with what everybody can read.
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for known in (pem, json.dumps(jwks()["keys"][0]).encode()):
        head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": "RS256"}).encode())
        body = base64.urlsafe_b64encode(json.dumps(claims()).encode())
        signed = head.rstrip(b"=") + b"." + body.rstrip(b"=")
        mac = base64.urlsafe_b64encode(hmac.digest(known, signed, hashlib.sha256)).rstrip(b"=")
        for settings in ({}, BY_SECRET):
            with pytest.raises(BadToken):
                await judge(user_jwks_url=publish(origin), **settings).judge(
                    (signed + b"." + mac).decode()
                )


async def test_a_published_shared_key_verifies_nothing(origin: Origin) -> None:
    secret = base64.urlsafe_b64decode(jwks()["keys"][-1]["k"] + "==")
    with pytest.raises(BadToken):
        await judge(user_jwks_url=publish(origin)).judge(token(secret, "HS256", "shared"))


async def test_the_kind_of_a_key_is_the_keys_and_not_the_tokens(origin: Origin) -> None:
    with pytest.raises(BadToken):
        await judge(user_jwks_url=publish(origin)).judge(token(EC, "ES256", "RS256"))


async def test_an_unknown_key_is_looked_for_once_in_a_while(origin: Origin) -> None:
    now = 1000.0
    strict = TokenJudge(Settings(user_jwks_url=publish(origin)), now=lambda: now)
    assert await strict.judge(token(RSA, "RS256", "RS256"))
    for number in range(20):
        with pytest.raises(BadToken, match="no such key"):
            await strict.judge(token(RSA, "RS256", f"new{number}"))
    assert origin.hits["/pictures/jwks"] == 1
    rotated = {"keys": [{**jwks()["keys"][0], "kid": "new"}]}
    publish(origin, rotated)
    now += LEAST_SECONDS + 1
    assert await strict.judge(token(RSA, "RS256", "new")) == "ann"
    with pytest.raises(BadToken):
        await strict.judge(token(RSA, "RS256", "RS256"))


@pytest.mark.parametrize(
    "broken", [(500, b""), (200, b"<html>"), (200, b'{"keys": 1}'), (200, b" " * (1 << 20))]
)
async def test_keys_are_kept_while_the_issuer_is_away(
    origin: Origin, broken: tuple[int, bytes]
) -> None:
    now = 1000.0
    url = publish(origin)
    strict = TokenJudge(Settings(user_jwks_url=url), now=lambda: now)
    fresh = TokenJudge(Settings(user_jwks_url=url))
    offered = token(RSA, "RS256", "RS256")
    assert await strict.judge(offered)
    origin.put("jwks", broken[1], "text/json", broken[0])
    now += FRESH_SECONDS + 1
    assert await strict.judge(offered) == "ann"
    await until(lambda: origin.hits["/pictures/jwks"] == 2)
    assert await strict.judge(offered) == "ann"
    await strict.aclose()
    with pytest.raises(KeysMissing):
        await fresh.judge(offered)


async def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_keys_that_are_old_are_renewed_behind_the_requests(origin: Origin) -> None:
    now = 1000.0
    strict = TokenJudge(Settings(user_jwks_url=publish(origin)), now=lambda: now)
    offered = token(RSA, "RS256", "RS256")
    assert await strict.judge(offered)
    publish(origin, {"keys": [{**jwks()["keys"][0], "kid": "new"}]})
    now += FRESH_SECONDS + 1
    assert await strict.judge(offered) == "ann"
    await until(lambda: origin.hits["/pictures/jwks"] == 2)
    assert await strict.judge(token(RSA, "RS256", "new")) == "ann"
    with pytest.raises(BadToken, match="no such key"):
        await strict.judge(offered)


@asynccontextmanager
async def issuer_that_hangs_at_last() -> AsyncIterator[tuple[str, list[float]]]:
    """An issuer that gives its keys once and then no answer; when it was asked."""
    asked: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.append(time.monotonic())
        if len(asked) == 1:
            body = json.dumps(jwks()).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body))
            writer.write(b"Connection: close\r\n\r\n" + body)
            await writer.drain()
        else:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", asked
    finally:
        server.close()


async def test_nobody_with_a_known_key_waits_for_an_issuer_that_hangs() -> None:
    now = 1000.0
    async with issuer_that_hangs_at_last() as (url, asked):
        strict = TokenJudge(Settings(user_jwks_url=url), now=lambda: now)
        offered = token(RSA, "RS256", "RS256")
        assert await strict.judge(offered)
        now += FRESH_SECONDS + 1
        began = time.monotonic()
        assert [await strict.judge(offered) for _ in range(50)] == ["ann"] * 50
        assert time.monotonic() - began < 1
        # An unknown one waits for the fetch that is under way, and all of them for the same.
        unknown = [strict.judge(token(RSA, "RS256", f"new{number}")) for number in range(5)]
        refused = asyncio.gather(*unknown, return_exceptions=True)
        await until(lambda: len(asked) == 2)
        began = time.monotonic()
        assert await strict.judge(offered) == "ann"
        assert time.monotonic() - began < 1
        assert not refused.done()
        assert [type(error) for error in await refused] == [BadToken] * 5
        assert await strict.judge(offered) == "ann"
        assert len(asked) == 2
        now += LEAST_SECONDS + 1
        assert await strict.judge(offered) == "ann"
        await until(lambda: len(asked) == 3)
        await strict.aclose()


async def test_one_who_leaves_does_not_end_the_fetch_of_the_others() -> None:
    async with issuer_that_hangs_at_last() as (url, asked):
        asked.append(0.0)
        strict = TokenJudge(Settings(user_jwks_url=url))
        waiting = [asyncio.create_task(strict.judge(token(RSA, "RS256", "RS256"))) for _ in "ab"]
        await until(lambda: len(asked) == 2)
        waiting[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        assert not waiting[1].done()
        with pytest.raises(KeysMissing):
            await waiting[1]


def test_a_secret_that_is_too_short_is_refused_at_the_start() -> None:
    with pytest.raises(ValidationError, match="32"):
        Settings(user_jwt_secret=SecretStr("short"))


# Through the API.


@pytest.fixture
def users(shop: Shop, api_settings: Settings) -> Iterator[httpx.Client]:
    settings = api_settings.model_copy(update={**BY_SECRET, "api_port": free_port()})
    with running(settings), client_of(settings) as client:
        yield client


def bearer(offered: str) -> dict[str, str]:
    return {"authorization": f"Bearer {offered}"}


def picture(number: int) -> dict[str, object]:
    return {
        "client_key": f"key {number}",
        "url": f"https://pictures.example/{number}.png",
        "prompt": "a kettle",
        "model": "m",
        "seed": number,
        "steps": 20,
    }


def test_a_user_keeps_pictures_and_reads_them_by_a_cursor(users: httpx.Client) -> None:
    ann = bearer(token())
    for number in (1, 2, 3, 2):
        answer = users.post("/api/images", json=picture(number), headers=ann)
        assert answer.status_code == 201
    assert answer.json() == {"added": 0}
    page = users.get("/api/images?limit=2", headers=ann).json()
    assert [image["sequence_no"] for image in page["images"]] == [1, 2]
    assert page["has_more"] is True
    rest = users.get(f"/api/images?after={page['cursor']}", headers=ann).json()
    assert [image["prompt"] for image in rest["images"]] == ["a kettle"]
    assert (rest["cursor"], rest["has_more"]) == (3, False)


def test_two_devices_of_a_user_come_to_the_same_pictures(users: httpx.Client) -> None:
    ann = bearer(token())

    def sync(after: int, *numbers: int) -> dict[str, Any]:
        body = {"after": after, "images": [picture(number) for number in numbers]}
        found: dict[str, Any] = users.post("/api/images/sync", json=body, headers=ann).json()
        return found

    first = sync(0, 1, 2)
    second = sync(0, 2, 3)
    again = sync(first["cursor"])
    assert [image["seed"] for image in second["images"]] == [1, 2, 3]
    assert [image["seed"] for image in again["images"]] == [3]


def test_users_do_not_see_each_other(users: httpx.Client) -> None:
    users.post("/api/images", json=picture(1), headers=bearer(token()))
    assert users.get("/api/images", headers=bearer(token(sub="bob"))).json()["images"] == []
    assert users.get("/api/images", headers=bearer(token())).json()["images"]


@pytest.mark.parametrize("headers", [{}, bearer("x"), bearer(token(exp=1)), {"x-api-key": token()}])
def test_without_a_token_that_holds_there_is_nothing(
    users: httpx.Client, headers: dict[str, str]
) -> None:
    for method, path in (
        ("GET", "/api/images"),
        ("POST", "/api/images"),
        ("POST", "/api/images/sync"),
    ):
        answer = users.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_api_without_settings_takes_no_token_and_a_token_is_no_service_key(
    client: httpx.Client, users: httpx.Client
) -> None:
    answer = client.get("/api/images", headers=bearer(token()))
    assert answer.status_code == 401
    assert "LIKENESS_USER_JWT_SECRET" in answer.json()["detail"]
    assert users.post("/api/mirror", headers=bearer(token())).status_code == 401


def test_pages_of_named_origins_alone_may_send_a_token(shop: Shop, api_settings: Settings) -> None:
    settings = api_settings.model_copy(update={"cors_origins": ("https://shop.example",)})
    with running(settings), client_of(settings) as client:

        def preflight(origin: str) -> httpx.Response:
            return client.options(
                "/api/images",
                headers={
                    "origin": origin,
                    "access-control-request-method": "POST",
                    "access-control-request-headers": "authorization",
                },
            )

        allowed = preflight("https://shop.example")
        assert allowed.status_code == 204
        assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
        assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
        assert "access-control-allow-credentials" not in allowed.headers
        assert "access-control-allow-origin" not in preflight("https://evil.example").headers
