"""Owns the moment at which a request of a claimed picture may be sent: a slot of its host.

A claim alone cannot keep a host's interval, since between it and the request lie a queue of tasks,
a name server and a handshake. So each request takes its slot when its connection is open. A slot
may be used within a window that is counted from the question on, by this machine's monotonic
clock, so that no two clocks need to agree, and a worker that was held up gives it back and asks
again. The answer's head is reported: it proves that the request has arrived, however busy its host
is.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import psycopg

from worker.batching import Batcher
from worker.errors import FetchFault, LostClaim

# How long a picture waits for a host that a redirect leads to, before it is tried again later.
_REDIRECT_SECONDS = 10.0
_DATABASE_AWAY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """A request that is about to be sent for a claimed picture."""

    image_id: int
    claim_no: int
    url: str


@dataclass(frozen=True, slots=True)
class Heard:
    """The answer to a request began to arrive; ``latency_ms`` None: it was never sent."""

    host_id: int
    request_no: int
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class Slot:
    """What likeness.take_slots() answered.

    ``answer`` is go (until ``closes_at`` of time.monotonic()), wait (ask again after
    ``wait_seconds``), full, blocked or lost. ``request_no`` is None where no interval holds.
    """

    answer: str
    wait_seconds: float = 0.0
    closes_at: float = 0.0
    host_id: int | None = None
    request_no: int | None = None


class Permit:
    """Lets the requests of one claimed picture go out, each at its time."""

    def __init__(self, slots: "Slots", image_id: int, claim_no: int) -> None:
        self._slots = slots
        self._image_id = image_id
        self._claim_no = claim_no
        self._slot: Slot | None = None
        self._url = ""
        self._used: Slot | None = None
        self._used_at = 0.0
        self.waited_seconds = 0.0

    async def wait(self, url: str) -> None:
        """Return when a request for ``url`` may be written, and not after.

        Raises LostClaim when the picture is another worker's by now, FetchFault when a redirect
        leads to a host that may not be called.
        """
        began = time.monotonic()
        try:
            await self._wait(url)
        finally:
            self.waited_seconds += time.monotonic() - began

    async def _wait(self, url: str) -> None:
        patience = time.monotonic() + _REDIRECT_SECONDS
        while not self._may_send(url):
            self.give_back()
            slot = await self._slots.ask(SlotRequest(self._image_id, self._claim_no, url))
            if slot.answer == "lost":
                raise LostClaim(f"image {self._image_id} is no longer ours")
            if slot.answer in _STATES and time.monotonic() > patience:
                raise FetchFault(
                    "host-busy",
                    f"Redirect: {url[:200]} is on a host that is {_STATES[slot.answer]}.",
                    retryable=True,
                )
            if slot.answer == "go":
                self._slot, self._url = slot, url
            else:
                await asyncio.sleep(slot.wait_seconds)

    def give_back(self) -> None:
        """Let others have a slot that was not used: it is too late, or there is nothing to send."""
        slot, self._slot = self._slot, None
        if slot is not None and slot.host_id is not None and slot.request_no is not None:
            self._slots.report(Heard(slot.host_id, slot.request_no, None))

    def use(self) -> None:
        """The request is being written: the next one needs a slot of its own."""
        self._used, self._used_at, self._slot = self._slot, time.monotonic(), None

    def heard(self) -> None:
        """The request was answered, or its connection broke."""
        used, self._used = self._used, None
        if used is not None and used.host_id is not None and used.request_no is not None:
            latency_ms = (time.monotonic() - self._used_at) * 1000
            self._slots.report(Heard(used.host_id, used.request_no, round(latency_ms, 1)))

    def _may_send(self, url: str) -> bool:
        slot = self._slot
        return slot is not None and self._url == url and time.monotonic() <= slot.closes_at


_STATES = {"full": "at its limit", "blocked": "paused or blocked"}

Take = Callable[[Sequence[SlotRequest], Sequence[Heard], float], Awaitable[Sequence[Slot]]]


class Slots:
    """Gives a permit to each claim; what they ask and report together goes in one call."""

    def __init__(self, take: Take, *, lease_seconds: float) -> None:
        self._take = take
        self._lease_seconds = lease_seconds
        self._batcher: Batcher[SlotRequest | Heard, Slot | None] = Batcher(self._send)
        self._reports: set[asyncio.Task[None]] = set()
        # How long questions took of late; the worst of them tells how late this process may be.
        self._seconds: deque[float] = deque([0.0], maxlen=50)

    def permit(self, image_id: int, claim_no: int) -> Permit:
        return Permit(self, image_id, claim_no)

    async def ask(self, request: SlotRequest) -> Slot:
        """Ask for a slot; again while the database is away and the claim may be ours."""
        deadline = time.monotonic() + self._lease_seconds
        while True:
            try:
                slot = await self._batcher.call(request)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_DATABASE_AWAY_SECONDS)
            else:
                assert slot is not None
                return slot

    def report(self, heard: Heard) -> None:
        """Say that a request was answered, without waiting for it to be known."""
        task = asyncio.create_task(self._report(heard))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _report(self, heard: Heard) -> None:
        # Where it is lost with the database, the host's next request waits a second longer.
        with contextlib.suppress(psycopg.OperationalError):
            await self._batcher.call(heard)

    async def _send(self, items: Sequence[SlotRequest | Heard]) -> Sequence[Slot | None]:
        requests = [item for item in items if isinstance(item, SlotRequest)]
        heard = [item for item in items if isinstance(item, Heard)]
        asked_at = time.monotonic()
        slots = iter(await self._take(requests, heard, max(self._seconds)))
        self._seconds.append((time.monotonic() - asked_at) / 2)
        return [next(slots) if isinstance(item, SlotRequest) else None for item in items]
