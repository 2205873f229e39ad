"""Owns the delivery of events to webhooks: signed, at least once, and only where the gate allows.

The outbox is in SQL (sql/functions/webhooks): an event is put there by the transaction that it
tells of. A delivery is claimed, posted, and its end told; a process that dies in between leaves a
claim that runs out, so a receiver may get an event twice and knows that by its number.
"""

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import httpx

from worker.errors import FetchFault
from worker.fetch.transport import GuardedTransport
from worker.gate import Gate
from worker.log import get_logger
from worker.periodic import Job, Turn
from worker.settings import Settings

_log = get_logger()

WEBHOOKS = Job("webhooks", "* * * * *", "Delivers events to webhooks.", seconds=50.0)

_BATCH = 20
_SECONDS = 10.0
_ERROR_LENGTH = 300


@dataclass(frozen=True)
class Delivery:
    """One event for one webhook."""

    delivery_id: int
    attempt: int
    url: str
    secret: str
    event: str
    created_at: Any
    payload: dict[str, Any]

    def body(self) -> bytes:
        """What is posted."""
        return json.dumps(
            {
                "id": self.delivery_id,
                "event": self.event,
                "created_at": self.created_at.isoformat(),
                "data": self.payload,
            },
            separators=(",", ":"),
        ).encode()


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The header Likeness-Signature: HMAC-SHA256 in hex over "timestamp.body"."""
    digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


async def deliver(settings: Settings, turn: Turn) -> None:
    """Post what is due until nothing is, or the turn is over."""
    gate = Gate(settings)
    transport = GuardedTransport(
        gate, connect_seconds=settings.connect_timeout_seconds, silence_seconds=_SECONDS
    )
    try:
        while not turn.is_over():
            claimed = await turn.connection.execute(
                b"select * from likeness.claim_deliveries(%s)", [_BATCH]
            )
            deliveries = [Delivery(**row) for row in await claimed.fetchall()]
            if not deliveries:
                return
            answers = await asyncio.gather(*(_post(gate, transport, d) for d in deliveries))
            for delivery, (status, error) in zip(deliveries, answers, strict=True):
                await _finish(turn, delivery, status, error)
    finally:
        await transport.aclose()


async def _finish(turn: Turn, delivery: Delivery, status: int | None, error: str | None) -> None:
    await turn.connection.execute(
        b"select likeness.finish_delivery(%s, %s, %s, %s)",
        [delivery.delivery_id, delivery.attempt, status, error],
    )
    turn.count(delivered=int(error is None), not_taken=int(error is not None))
    if error:
        _log.warning("event not taken", webhook=delivery.url, event_name=delivery.event, why=error)


async def _post(
    gate: Gate, transport: GuardedTransport, delivery: Delivery
) -> tuple[int | None, str | None]:
    """The receiver's status, and why that is a failure; redirects are one."""
    try:
        gate.check_url(delivery.url, schemes=("https", "http"))
        async with asyncio.timeout(_SECONDS):
            answer = await transport.handle_async_request(_request(delivery))
            await answer.stream.aclose()  # type: ignore[union-attr]  # ours is asynchronous
    except FetchFault as fault:
        return None, f"{fault.reason}: {fault}"[:_ERROR_LENGTH]
    except TimeoutError:
        return None, f"timeout: no answer in {_SECONDS:.0f} s"
    if 200 <= answer.status_code < 300:
        return answer.status_code, None
    return answer.status_code, f"it answered {answer.status_code}"


def _request(delivery: Delivery) -> httpx.Request:
    body = delivery.body()
    return httpx.Request(
        "POST",
        delivery.url,
        content=body,
        headers={
            "user-agent": "Likeness/0.1",
            "content-type": "application/json",
            "likeness-event": delivery.event,
            "likeness-delivery": str(delivery.delivery_id),
            "likeness-signature": sign(delivery.secret, int(time.time()), body),
        },
    )
