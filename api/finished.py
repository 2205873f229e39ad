"""Owns hearing that pictures are done: one LISTEN connection for all requests that wait.

A notification may be lost with its connection, so whoever waits also looks now and then itself.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import psycopg

from worker import db
from worker.presence import DATABASE
from worker.settings import Settings

CHANNEL = "likeness_finished"
LOOK_SECONDS = 2.0
_RECONNECT_SECONDS = 1.0


class Finished:
    """Wakes those who wait for a product when a picture of it was finished, well or not."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: dict[int, set[asyncio.Event]] = {}
        self.is_listening = asyncio.Event()

    @contextmanager
    def waiting(self, product_ids: Collection[int]) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of the products may have changed. Ask, then look."""
        event = asyncio.Event()
        for product_id in product_ids:
            self._waiting.setdefault(product_id, set()).add(event)
        try:
            yield event
        finally:
            for product_id in product_ids:
                events = self._waiting.get(product_id, set())
                events.discard(event)
                if not events:
                    self._waiting.pop(product_id, None)

    async def run(self) -> None:
        """Listen until cancelled, over as many connections as it takes."""
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                DATABASE.away(error, part="notifications")
            self.is_listening.clear()
            self._wake(self._waiting)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self) -> None:
        async with await db.connect_async(self._settings, "api listener") as connection:
            await connection.execute(f"listen {CHANNEL}")
            self.is_listening.set()
            # What was finished before we listened was told to nobody.
            self._wake(self._waiting)
            async for notice in connection.notifies():
                self._tell(notice.payload)

    def _tell(self, payload: str) -> None:
        if not payload:  # too many to name
            self._wake(self._waiting)
            return
        self._wake({int(part) for part in payload.split(",")} & self._waiting.keys())

    def _wake(self, product_ids: Collection[int]) -> None:
        for product_id in product_ids:
            for event in self._waiting.get(product_id, ()):
                event.set()


async def happens(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event or for the time to look anyway; the event can happen again afterwards."""
    try:
        async with asyncio.timeout(min(seconds, LOOK_SECONDS)):
            await event.wait()
    except TimeoutError:
        pass
    event.clear()
