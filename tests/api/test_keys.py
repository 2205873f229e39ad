"""Tests of service keys: made by the command line, good for their scopes, revoked at once."""

import json
import re
import subprocess
import sys
import time

import httpx
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from api.keys import REMEMBERED_SECONDS, KeyRing
from api.server import Server
from tests.api.conftest import KEY
from tests.api.shop import Shop
from tests.sources import ROOT
from worker import db
from worker.keys import make_key, take_apart
from worker.settings import Settings, child_environment

# A route of each scope that does nothing without a body.
ROUTES = {
    "feeds": ("POST", "/api/suppliers"),
    "mirror": ("GET", "/api/mirror/4711"),
    "pictures": ("GET", "/api/products/4711/images"),
}


def likeness(settings: Settings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "worker", *arguments],
        cwd=ROOT,
        env=child_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )


def create(settings: Settings, name: str, *options: str) -> str:
    answer = likeness(settings, "key", "create", name, *options)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


@pytest.mark.parametrize("scope", ROUTES)
def test_a_key_opens_the_routes_of_its_scope_and_no_others(
    client: httpx.Client, api_settings: Settings, scope: str
) -> None:
    key = create(api_settings, "shop", "--scope", scope)
    for needed, (method, path) in ROUTES.items():
        answer = client.request(method, path, headers={"authorization": f"Bearer {key}"})
        if needed == scope:
            assert answer.status_code in (400, 404)
            continue
        assert answer.status_code == 403
        assert answer.json()["type"] == "urn:likeness:problem:forbidden"
        assert f'scope="{needed}"' in answer.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_a_key_of_admin_opens_everything_in_either_header(
    client: httpx.Client, api_settings: Settings
) -> None:
    key = create(api_settings, "boss", "--scope", "admin")
    for method, path in ROUTES.values():
        for headers in ({"authorization": f"Bearer {key}"}, {"x-api-key": key}):
            assert client.request(method, path, headers=headers).status_code in (400, 404)


def test_a_key_is_shown_once_and_kept_as_a_hash(
    api_settings: Settings, connection: Connection[DictRow]
) -> None:
    key = create(api_settings, "shop", "--scope", "feeds", "--scope", "mirror", "--days", "30")
    parts = take_apart(key)
    assert parts
    dump = connection.execute("select to_jsonb(k)::text as row from likeness.service_keys k")
    text = str(dump.fetchall())
    assert key.split("_", 2)[2] not in text
    assert parts.digest.hex() in text
    (listed,) = likeness(api_settings, "key", "list", "--json").stdout.splitlines()
    row = json.loads(listed)
    assert (row["name"], row["state"], row["scopes"]) == ("shop", "living", ["feeds", "mirror"])
    assert "digest" not in row
    told = likeness(api_settings, "key", "list").stdout
    assert re.search(rf"shop  {parts.key_id}  living  feeds,mirror  used: never  until", told)


def test_a_revoked_key_is_refused_within_seconds(
    client: httpx.Client, api_settings: Settings
) -> None:
    key = create(api_settings, "shop", "--scope", "feeds")
    headers = {"authorization": f"Bearer {key}"}
    assert client.post("/api/suppliers", json={"name": "a"}, headers=headers).status_code == 201
    assert likeness(api_settings, "key", "revoke", "shop").returncode == 0
    # The API may remember it for a moment, and not for longer.
    assert REMEMBERED_SECONDS <= 5
    deadline = time.monotonic() + REMEMBERED_SECONDS + 5
    while client.post("/api/suppliers", json={"name": "b"}, headers=headers).status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    again = likeness(api_settings, "key", "revoke", "shop")
    assert again.returncode == 1
    assert "no living key shop" in again.stderr


def test_a_key_that_is_changed_in_one_place_is_no_key(
    client: httpx.Client, api_settings: Settings
) -> None:
    key = create(api_settings, "shop", "--scope", "feeds")
    for place in (3, 10, 17, len(key) - 10):
        other = "a" if key[place] != "a" else "b"
        wrong = key[:place] + other + key[place + 1 :]
        answer = client.post("/api/suppliers", headers={"x-api-key": wrong})
        assert answer.status_code == 401, place
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_the_key_of_the_settings_needs_no_database(client: httpx.Client, shop: Shop) -> None:
    shop.connection.execute("alter function likeness.find_service_key(text) rename to gone")
    headers = {"authorization": f"Bearer {KEY}"}
    assert client.post("/api/suppliers", json={"name": "a"}, headers=headers).status_code == 201


@pytest.mark.parametrize("name", ["", "  ", "a" * 201])
def test_a_key_without_a_name_is_refused_in_words(api_settings: Settings, name: str) -> None:
    with pytest.raises(AssertionError, match="a key needs a name"):
        create(api_settings, name, "--scope", "feeds")


def test_nothing_of_a_key_is_logged(
    client: httpx.Client, api_settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    key = create(api_settings, "shop", "--scope", "feeds")
    client.post("/api/suppliers", json={"name": "a"}, headers={"x-api-key": key})
    client.post("/api/suppliers", headers={"x-api-key": key + "x"})
    said = "".join(capfd.readouterr())
    assert "/api/suppliers" in said
    # The secret itself may hold the character that parts it from the rest.
    assert key.split("_", 2)[2] not in said


@pytest.mark.anyio
async def test_a_living_key_is_remembered_for_two_seconds_and_a_wrong_one_never(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    text, parts = make_key()
    connection.execute(
        "select likeness.create_service_key(%s, 'shop', '{feeds}', %s)",
        (parts.key_id, parts.digest),
    )
    now = 0.0
    async with db.open_pool(settings, "test", size=1) as pool:
        ring = KeyRing(pool, None, now=lambda: now)
        assert await ring.judge(text)
        connection.execute("select likeness.revoke_service_key('shop')")
        assert await ring.judge(text)
        now = REMEMBERED_SECONDS
        assert await ring.judge(text) is None
        for stranger in range(50):
            assert await ring.judge(f"lk_{stranger:08}_{'x' * 43}") is None
        assert not ring._known


def test_every_route_that_is_not_open_names_its_scope(server: Server) -> None:
    open_routes = {
        ("POST", "/api/display-urls"),
        ("POST", "/api/process-product-image-lazy"),
    }
    app = server.config.app
    for route in app.routes:  # type: ignore[union-attr]
        for handler in getattr(route, "route_handlers", []):
            for method in handler.http_methods - {"GET", "HEAD", "OPTIONS"}:
                guards = [guard.__name__ for guard in handler.resolve_guards()]
                is_open = (method, route.path_format) in open_routes
                closed = [name for name in guards if name.startswith("require")]
                assert bool(closed) != is_open, (method, route.path_format, guards)
