"""A stranger with a word list: nothing changes but what anyone may change, and no origin is told.

Every byte of every answer is searched, headers too, for what must stay inside, also in the
encodings in which it might slip out.
"""

import base64
import hashlib
import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from api import lazy
from api.signing import UrlSigner
from tests.api.conftest import KEY
from tests.api.origin import Origin
from tests.api.shop import JPEG, Shop
from worker.keys import make_key
from worker.settings import Settings

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FROB")
IDS = ("1", "2", "3", "4", "5", "0", "-1", "9223372036854775807", "9223372036854775808", "1e3", "x",
       "%00", "..", "1%2f..%2f2", "1'--", "%ff")  # fmt: skip
WORDS = ("hidden", "open", "grid", "zoom", "thumb.webp", "original", "0", "%2e%2e%2f", "%00")
LAZY = "/api/process-product-image-lazy"
# What a look may change: how soon a picture is fetched. Not what is fetched, nor what is shown.
_MAY_CHANGE = {
    "images": ["priority", "updated_at"],
    "image_freshness": ["viewed_at", "next_check_at"],
    "hosts": ["best_priority", "ready_at", "parked_for", "next_request_at"],
}
# Counts of limits, and statistics of what was looked at.
_NOT_COMPARED = {"permits"}


@dataclass
class Stranger:
    """Sends requests without a key, and keeps every answer whole."""

    client: httpx.Client
    received: list[tuple[str, bytes]] = field(default_factory=list)

    def send(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        request = self.client.build_request(method, path, **options)
        try:
            answer = self.client.send(request)
        except httpx.RemoteProtocolError:
            # The server hung up on what is not HTTP.
            return None
        head = b"".join(name + b": " + value + b"\n" for name, value in answer.headers.raw)
        self.received.append((f"{method} {path} {answer.status_code}", head + answer.content))
        assert answer.status_code < 500 or answer.status_code in (502, 503), self.received[-1]
        return answer


@dataclass
class Secrets:
    """What must stay inside, by its name."""

    texts: dict[str, str]

    def patterns(self) -> dict[str, bytes]:
        """Each secret in every form in which it is looked for."""
        found = {}
        for name, text in self.texts.items():
            raw = text.encode()
            found[name] = raw
            found[f"{name} in hex"] = raw.hex().encode()
            found[f"{name} quoted"] = quote(text, safe="").encode()
            for shift in range(3):
                # The middle of its base64, wherever it stands in a longer text.
                coded = base64.b64encode(b"\0" * shift + raw)
                found[f"{name} in base64/{shift}"] = coded[4 : len(coded) // 4 * 4 - 4]
        return found


def _fill(shop: Shop, origin: Origin) -> None:
    """Products of a supplier that hides its origin, in every state, and one that does not."""
    secretive = {
        "hide_origin": True,
        "request_headers": {"X-Store-Id": "store-id-that-nobody-knows"},
        "allowed_hosts": ["127.0.0.1"],
    }
    files = ("shown-in-secret.jpg", "gallery-in-secret.jpg")
    shop.pending(supplier="hidden", sku="shown", prefix=origin.prefix, pictures=files, **secretive)
    for number, claim in enumerate(shop.claim()):
        # Not the bytes that Shop makes up, which hold the address.
        original = JPEG + bytes([number])
        shop.finish(
            claim,
            is_completed=True,
            sha256=hashlib.sha256(original).hexdigest(),
            source_bytes=len(original),
            blob=shop.store_blob(original, ("webp", "jpeg")),
        )
    dataset = shop.one("select max(id) from likeness.datasets")
    shop.product(dataset, "failed", ("failed-in-secret.jpg",))
    shop.fail("server-error")
    for kind in ("waits", "missing", "page", "breaks", "turns"):
        shop.product(dataset, kind, (f"{kind}-in-secret.jpg",))
    shop.product(dataset, "none", ())
    shop.connection.execute(
        "select likeness.set_supplier_credentials('hidden', 'user-in-secret', 'password-in-secret',"
        " '{127.0.0.1}')"
    )
    origin.put("waits-in-secret.jpg", JPEG)
    origin.put("page-in-secret.jpg", b"<html>in-secret, says the origin", "text/html")
    origin.put("breaks-in-secret.jpg", b"in-secret", "text/html", 500)
    origin.put("turns-in-secret.jpg", b"", "text/html", 302)
    shop.pending(supplier="open", sku="A1", prefix="https://open.example/a/")


@pytest.fixture
def secrets(shop: Shop, origin: Origin, api_settings: Settings) -> Secrets:
    _fill(shop, origin)
    key, parts = make_key()
    shop.connection.execute(
        "select likeness.create_service_key(%s, 'shop', '{admin}', %s)",
        (parts.key_id, parts.digest),
    )
    assert api_settings.database_url
    return Secrets(
        {
            "the origin's address": f"127.0.0.1:{origin.port}",
            "a path at the origin": "in-secret",
            "a header for the origin": "store-id-that-nobody-knows",
            "the service key": KEY,
            "a key": key,
            "a key's digest": parts.digest.hex(),
            "the state folder": str(api_settings.state_dir),
            "the database": api_settings.database_url.get_secret_value(),
            "a stack trace": "Traceback (most recent",
        }
    )


def _state(connection: Connection[DictRow]) -> dict[str, object]:
    """All rows of all tables, without what a look may change."""
    tables = connection.execute(
        "select relname as name from pg_class where relnamespace = 'likeness'::regnamespace"
        " and relkind in ('r', 'p') order by 1"
    ).fetchall()
    found: dict[str, object] = {}
    for name in (row["name"] for row in tables):
        if name in _NOT_COMPARED:
            continue
        rows = connection.execute(
            f"select (to_jsonb(t) - %s::text[])::text as row from likeness.{name} t order by 1",
            (_MAY_CHANGE.get(name, []),),
        ).fetchall()
        found[name] = [row["row"] for row in rows]
    return found


def _paths(client: httpx.Client, origin: Origin) -> Iterator[str]:
    """Every route of the description filled with words, and what no description names."""
    for template in client.get("/openapi/openapi.json").json()["paths"]:
        names = re.findall(r"\{(\w+)\}", template)
        words = [IDS if name.endswith("id") else WORDS + IDS[:2] for name in names]
        for values in itertools.islice(itertools.product(*words), 40):
            path = template
            for name, value in zip(names, values, strict=True):
                path = path.replace("{" + name + "}", value)
            yield path
    for product in IDS:
        yield f"/i/hidden/{product}/0/grid"
    for name in ("shown", "failed", "waits", "missing", "page", "breaks", "turns", "none"):
        for context in ("grid", "filmstrip", "detail", "zoom"):
            yield f"/i/hidden/{name}/0/{context}"
        source = f"{origin.prefix}{name}-in-secret.jpg"
        yield f"/api/images/serve?url={quote(source, safe='')}"
        yield f"/api/images/serve?url={source}"
    yield from ("/", "/gallery", "/gallery?supplier=hidden", "/metrics", "/healthz", "/readyz")
    yield from ("/docs", "/openapi", "/openapi/openapi.yaml", "/.env", "/.git/config", "/admin")
    yield from ("/static/", "/static/../app.py", "/static/%2e%2e/access.py", "//", "/api", "/api/")


def _signatures(signed: str) -> Iterator[str]:
    """Queries that a proxy must not take, made of one that it gave out for another picture."""
    expires = int(time.time()) + 3600
    yield from ("", "?sig=&expires=", "?sig=x&expires=0", f"?sig=%00&expires={expires}")
    yield f"?{signed}"
    yield f"?{signed.replace('expires=', 'expires=9')}"
    yield f"?{signed}&sig=x"
    for guess in ("", "key", "secret", "likeness", KEY[:-1]):
        yield f"?{UrlSigner([guess.encode()]).query('proxy/3')}"


HEADERS: list[dict[str, str]] = [
    {},
    {"authorization": "Bearer"},
    {"authorization": "Bearer null"},
    {"authorization": "Basic YWRtaW46YWRtaW4="},
    {"authorization": "Bearer lk_aaaaaaaaaaaa_" + "a" * 43},
    {"authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ."},
    {"x-api-key": "' or 1=1 --"},
    {"x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", "forwarded": "for=127.0.0.1"},
    {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "gopher"},
    {"x-http-method-override": "DELETE", "x-original-url": "/api/mirror", "x-rewrite-url": "/x"},
    {"origin": "https://evil.example", "referer": "https://evil.example/"},
    {"x-request-id": "a" * 5000},
    {"accept": "image/avif,*/*", "range": "bytes=0-0,5-9", "if-none-match": "*"},
    {"content-type": "application/xml"},
    {"cookie": "session=admin", "te": "trailers", "upgrade": "websocket"},
]
BODIES: list[dict[str, Any]] = [
    {},
    {"content": b""},
    {"content": b"{"},
    {"content": b"\xff\xfe\x00"},
    {"json": {"product_ids": [1, 2, 3, 4, 5, 6, 7, 8], "context": "zoom"}},
    {"json": {"name": "stranger", "hide_origin": False}},
    {"json": {"product_id": 1, "images": [{"image_id": 1}]}},
    {"json": [[[[[[]]]]]]},
    {"content": b"sku,image_url\nA1,https://evil.example/a.jpg\n"},
]


def _tour(stranger: Stranger, origin: Origin) -> None:
    """Every path by GET, by other methods, with odd headers and bodies; the lazy route apart."""
    paths = [path for path in _paths(stranger.client, origin) if not path.startswith(LAZY)]
    others, headers = itertools.cycle(METHODS[1:]), itertools.cycle(HEADERS)
    bodies = itertools.cycle(BODIES)
    for path in paths:
        stranger.send("GET", path, headers=next(headers))
        for _ in range(3):
            stranger.send(next(others), path, headers=next(headers), **next(bodies))
    for header in HEADERS:
        for product in range(1, 9):
            stranger.send("GET", f"/api/products/{product}/image/zoom", headers=header)
    for product, context in itertools.product(range(1, 9), ("grid", "detail", "zoom")):
        stranger.send("GET", f"/api/products/{product}/display-url?context={context}")
    for body in BODIES:
        stranger.send("POST", "/api/display-urls", **body)


def _follow(stranger: Stranger) -> int:
    """Everything that the answers themselves lead to, with the signatures that they carry."""
    base = str(stranger.client.base_url).rstrip("/")
    found = {
        match.decode()
        for _, answer in stranger.received
        for match in re.findall(re.escape(base).encode() + rb"(/api/images/[^\s\"',;<>]+)", answer)
    }
    signed = sorted(path for path in found if "sig=" in path)
    for path in sorted(found):
        stranger.send("GET", path.replace("&amp;", "&"))
    for image, query in itertools.product(range(1, 12), _signatures(signed[0].partition("?")[2])):
        answer = stranger.send("GET", f"/api/images/proxy/{image}{query}")
        own = signed[0].startswith(f"/api/images/proxy/{image}?")
        assert answer is not None
        assert own or answer.status_code in (400, 403), (image, query)
    return len(found)


def test_a_stranger_changes_nothing_and_learns_nothing(
    client: httpx.Client,
    shop: Shop,
    origin: Origin,
    secrets: Secrets,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lazy, "WAIT_SECONDS", 0.2)
    before = _state(shop.connection)
    stranger = Stranger(client)
    _tour(stranger, origin)
    assert _follow(stranger) > 5
    # The proxy has fetched for the stranger, so there was something to leak.
    assert sum(origin.hits.values()) >= 4
    after = _state(shop.connection)
    for table, rows in before.items():
        assert after[table] == rows, table
    # The one thing that a stranger may start.
    for product in range(1, 9):
        stranger.send("POST", LAZY, json={"product_id": product})
    assert len(stranger.received) > 1500
    patterns = secrets.patterns()
    leaks = {
        (what, name)
        for what, answer in stranger.received
        for name, pattern in patterns.items()
        if pattern in answer
    }
    assert not leaks


def test_the_search_would_find_a_leak(secrets: Secrets) -> None:
    patterns = secrets.patterns()
    for name, text in secrets.texts.items():
        for shape in (
            text.encode(),
            base64.b64encode(b"ab" + text.encode() + b"yz"),
            base64.b64encode(b"a" + text.encode() + b"yz"),
            text.encode().hex().encode(),
            json.dumps({"x": text}).encode(),
        ):
            assert any(pattern in shape for pattern in patterns.values()), (name, shape)
