"""Webhooks: events are posted, signed, at least once, and only where the gate allows."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop
from worker import periodic
from worker.settings import Settings
from worker.webhooks import WEBHOOKS, deliver

pytestmark = pytest.mark.anyio
SECRET = "a secret of the test"


@dataclass
class Receiver:
    """A server that takes events, or answers something else."""

    url: str = ""
    answer: int = 204
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def serve() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(receiver.answer)
            self.send_header("location", "http://127.0.0.1:1/")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the test looks at what was heard."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serve() as receiver:
        yield receiver


@pytest.fixture
def open_settings(settings: Settings) -> Settings:
    return Settings.model_validate(
        settings.model_dump(exclude_unset=True) | {"allowed_private_networks": "127.0.0.0/8"}
    )


@pytest.fixture
def shop(connection: Connection[DictRow]) -> Shop:
    return Shop(connection, is_active=False)


def emit(shop: Shop, url: str) -> None:
    shop.execute("select likeness.save_webhook(%s, secret => %s)", url, SECRET)
    shop.execute("""select likeness.emit_event('alert.opened', '{"rule": "storage"}')""")


async def run(settings: Settings) -> Any:
    await periodic.register(settings, [WEBHOOKS])
    return await periodic.run(
        settings, WEBHOOKS, lambda turn: deliver(settings, turn), worker="w/1"
    )


def delivery(shop: Shop) -> dict[str, Any]:
    return shop.rows("select * from likeness.webhook_deliveries")[0]


async def test_an_event_is_posted_once_and_its_signature_can_be_verified(
    open_settings: Settings, shop: Shop, receiver: Receiver
) -> None:
    emit(shop, receiver.url)
    assert await run(open_settings) == {"delivered": 1, "not_taken": 0}
    assert await run(open_settings) == {}
    [(headers, body)] = receiver.heard
    event = json.loads(body)
    assert (event["event"], event["data"]) == ("alert.opened", {"rule": "storage"})
    assert headers["likeness-delivery"] == str(event["id"]) == str(delivery(shop)["id"])
    parts = dict(part.split("=", 1) for part in headers["likeness-signature"].split(","))
    signed = f"{parts['t']}.".encode() + body
    assert parts["v1"] == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert (delivery(shop)["status"], delivery(shop)["http_status"]) == ("delivered", 204)


@pytest.mark.parametrize("answer", [500, 302, 404])
async def test_an_event_that_was_not_taken_is_tried_again_later(
    open_settings: Settings, shop: Shop, receiver: Receiver, answer: int
) -> None:
    receiver.answer = answer
    emit(shop, receiver.url)
    await run(open_settings)
    row = delivery(shop)
    assert (row["status"], row["attempts"], row["http_status"]) == ("waiting", 1, answer)
    assert row["error"] == f"it answered {answer}"
    await run(open_settings)
    assert len(receiver.heard) == 1, "not before its time"
    shop.execute("update likeness.webhook_deliveries set next_attempt_at = now()")
    receiver.answer = 200
    await run(open_settings)
    assert delivery(shop)["status"] == "delivered"
    assert receiver.heard[0][0]["likeness-delivery"] == receiver.heard[1][0]["likeness-delivery"]


async def test_a_private_address_is_never_posted_to_unless_it_was_opened(
    settings: Settings, shop: Shop, receiver: Receiver
) -> None:
    emit(shop, receiver.url)
    await run(settings)
    assert receiver.heard == []
    assert delivery(shop)["error"].startswith("blocked-by-policy")


async def test_a_receiver_that_is_down_does_not_keep_others_from_hearing(
    open_settings: Settings, shop: Shop, receiver: Receiver
) -> None:
    shop.execute("select likeness.save_webhook('http://127.0.0.1:9999/')")
    emit(shop, receiver.url)
    assert await run(open_settings) == {"delivered": 1, "not_taken": 1}


def test_a_delivery_whose_process_died_is_due_again(shop: Shop) -> None:
    emit(shop, "http://hook.test/")
    claim = "select delivery_id, attempt from likeness.claim_deliveries()"
    [first] = shop.rows(claim)
    assert shop.rows(claim) == []
    shop.at(shop.now() + timedelta(minutes=3))
    [second] = shop.rows(claim)
    assert (second["delivery_id"], second["attempt"]) == (first["delivery_id"], 2)
    # The first one wakes up late.
    late = shop.value("select likeness.finish_delivery(%s, 1, 200)", first["delivery_id"])
    assert late is None
    assert delivery(shop)["status"] == "waiting"


def test_a_delivery_is_given_up_after_eight_attempts_and_can_be_tried_again(shop: Shop) -> None:
    emit(shop, "http://hook.test/")
    start = shop.now()
    for attempt in range(1, 9):
        shop.at(start + timedelta(days=attempt))
        [claim] = shop.rows("select * from likeness.claim_deliveries()")
        status = shop.value(
            "select likeness.finish_delivery(%s, %s, error => 'down')",
            claim["delivery_id"],
            attempt,
        )
        assert status == ("failed" if attempt == 8 else "waiting")
    assert shop.rows("select rule from likeness.alerts") == [{"rule": "webhooks"}]
    with pytest.raises(psycopg.DatabaseError, match="there is no webhook"):
        shop.value("select likeness.retry_deliveries('http://hok.test/')")
    assert shop.value("select likeness.retry_deliveries('http://hook.test/')") == 1
    assert len(shop.rows("select * from likeness.claim_deliveries()")) == 1


def test_only_who_wants_an_event_gets_it(shop: Shop) -> None:
    for url, events in (("a", ["alert.opened"]), ("b", ["alert.*"]), ("c", ["alert.closed"])):
        shop.execute("select likeness.save_webhook(%s, %s)", f"http://{url}.test/", events)
    shop.execute("select likeness.save_webhook('http://d.test/', is_active => false)")
    assert shop.value("select likeness.emit_event('alert.opened', '{}')") == 2


@pytest.mark.parametrize("event", ["alerts.opened", "alert.", "picture.*", ""])
def test_an_event_that_never_comes_is_refused(shop: Shop, event: str) -> None:
    with pytest.raises(psycopg.Error, match="there is no event") as caught:
        shop.execute("select likeness.save_webhook('http://a.test/', array[%s])", event)
    assert caught.value.sqlstate == "LK004"


def test_a_secret_is_made_kept_and_out_of_a_readers_reach(shop: Shop) -> None:
    secret = shop.value("select signing_secret from likeness.save_webhook('http://a.test/')")
    assert len(secret) == 64
    again = shop.value(
        "select signing_secret from likeness.save_webhook('http://a.test/', '{alert.*}')"
    )
    assert again == secret
    allowed = shop.value(
        "select has_table_privilege('likeness_reader', 'likeness.webhook_secrets', 'select')"
    )
    assert not allowed
