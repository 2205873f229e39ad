"""Owns the moment at which a request of a claimed picture may be sent: a slot of its host.

A claim alone cannot keep a host's interval, since between it and the request lie a queue of tasks,
a name server and a handshake. So each request takes its slot when its connection is open. A slot
has a beginning and a window; both are counted from around the question, by this machine's
monotonic clock, so that no two clocks need to agree, and a worker that was held up asks again.
"""

import asyncio
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
class Slot:
    """What likeness.take_slots() answered; the times are of time.monotonic().

    ``answer`` is go, full, blocked or lost. A request may be sent from ``opens_at`` on; after
    ``closes_at`` it may not.
    """

    answer: str
    opens_at: float
    closes_at: float


class Lag:
    """How late this process is of late: its sleeps and its questions, by the worst of the last."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque([0.0], maxlen=50)

    def add(self, seconds: float) -> None:
        self._samples.append(seconds)

    @property
    def seconds(self) -> float:
        return max(self._samples)


class Permit:
    """Lets the requests of one claimed picture go out, each at its time."""

    def __init__(
        self,
        take: Batcher[SlotRequest, Slot],
        image_id: int,
        claim_no: int,
        *,
        lease_seconds: float,
        lag: Lag,
    ) -> None:
        self._take = take
        self._lag = lag
        self._image_id = image_id
        self._claim_no = claim_no
        self._lease_seconds = lease_seconds
        self._slot: Slot | None = None
        self._url = ""
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
            slot = await self._ask(url)
            if slot.answer == "lost":
                raise LostClaim(f"image {self._image_id} is no longer ours")
            if slot.answer != "go" and time.monotonic() > patience:
                raise FetchFault(
                    "host-busy",
                    f"Redirect: {url[:200]} is on a host that is {_STATE[slot.answer]}.",
                    retryable=True,
                )
            await asyncio.sleep(max(0.0, slot.opens_at - time.monotonic()))
            self._lag.add(time.monotonic() - slot.opens_at)
            if slot.answer == "go":
                self._slot, self._url = slot, url

    def use(self) -> None:
        """The request is being written: the next one needs a slot of its own."""
        self._slot = None

    def _may_send(self, url: str) -> bool:
        slot = self._slot
        return (
            slot is not None
            and self._url == url
            and slot.opens_at <= time.monotonic() <= slot.closes_at
        )

    async def _ask(self, url: str) -> Slot:
        """Ask for a slot; again while the database is away and the claim may be ours."""
        deadline = time.monotonic() + self._lease_seconds
        while True:
            try:
                return await self._take.call(SlotRequest(self._image_id, self._claim_no, url))
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_DATABASE_AWAY_SECONDS)


_STATE = {"full": "at its limit", "blocked": "paused or blocked"}


class Slots:
    """Gives a permit to each claim; those that ask together ask in one call."""

    def __init__(
        self,
        take: Callable[[Sequence[SlotRequest], float], Awaitable[Sequence[Slot]]],
        *,
        lease_seconds: float,
    ) -> None:
        self._take = take
        self._batcher = Batcher(self._ask)
        self._lease_seconds = lease_seconds
        self._lag = Lag()

    def permit(self, image_id: int, claim_no: int) -> Permit:
        return Permit(
            self._batcher, image_id, claim_no, lease_seconds=self._lease_seconds, lag=self._lag
        )

    async def _ask(self, requests: Sequence[SlotRequest]) -> Sequence[Slot]:
        asked_at = time.monotonic()
        slots = await self._take(requests, self._lag.seconds)
        self._lag.add((time.monotonic() - asked_at) / 2)
        return slots
