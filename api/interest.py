"""Owns what clients look at right now: missing pictures rise in priority, off the read path.

Those that are there are noted as seen, once an hour, so that they are checked more often. A read
notes and goes on. A task hands the notes to SQL in batches; where the database is away they are
dropped, since the next read will note them again.
"""

import asyncio
import time
from collections.abc import Iterable

import psycopg

from worker.db import Pool
from worker.log import get_logger

VIEWED = 3
LISTED = 2
FLUSH_SECONDS = 0.2
_MOST_NOTED = 20_000
_MOST_PER_CALL = 1000
_FLUSH_TIMEOUT_SECONDS = 5.0
# A page that polls would otherwise raise the same pictures several times a second.
_REPEAT_SECONDS = 20.0
# What was seen is of interest by the hour; it is handed over every few seconds.
_SEEN_SECONDS = 3600.0
_SEE_SECONDS = 10.0
_MOST_SEEN = 200_000
_log = get_logger()


class Interest:
    """Products to be raised, by the best priority asked for."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._noted: dict[int, int] = {}
        self._raised: dict[int, tuple[int, float]] = {}
        self._seen: set[int] = set()
        self._seen_lately: set[int] = set()
        self._forgets_at = 0.0
        self._sees_at = 0.0

    def note(self, product_ids: Iterable[int], priority: int) -> None:
        """Remember products whose picture is missing or outdated. Never blocks, never fails."""
        now = time.monotonic()
        for product_id in product_ids:
            raised, until = self._raised.get(product_id, (-1, 0.0))
            if raised >= priority and now < until:
                continue
            if len(self._noted) < _MOST_NOTED or product_id in self._noted:
                self._noted[product_id] = max(priority, self._noted.get(product_id, 0))

    def see(self, product_ids: Iterable[int]) -> None:
        """Remember products that somebody is shown. Never blocks, never fails."""
        if len(self._seen) < _MOST_NOTED:
            self._seen.update(set(product_ids) - self._seen_lately)

    async def run(self) -> None:
        """Flush until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if self._noted or (self._seen and time.monotonic() >= self._sees_at):
                await self.flush()

    async def flush(self) -> None:
        """Hand over what is noted; what the database does not take is dropped with a log line."""
        noted, self._noted = self._noted, {}
        seen, self._seen = self._seen, set()
        self._sees_at = time.monotonic() + _SEE_SECONDS
        try:
            async with (
                asyncio.timeout(_FLUSH_TIMEOUT_SECONDS),
                self._pool.connection(timeout=1) as connection,
            ):
                for priority in sorted(set(noted.values()), reverse=True):
                    ids = sorted(i for i, noted_for in noted.items() if noted_for == priority)
                    for start in range(0, len(ids), _MOST_PER_CALL):
                        await connection.execute(
                            "select likeness.set_priority(%s::bigint[], %s)",
                            (ids[start : start + _MOST_PER_CALL], priority),
                        )
                ids = sorted(seen)
                for start in range(0, len(ids), _MOST_PER_CALL):
                    await connection.execute(
                        "select likeness.note_views(%s::bigint[])",
                        (ids[start : start + _MOST_PER_CALL],),
                    )
        except (psycopg.Error, TimeoutError) as error:
            _log.warning("interest dropped", products=len(noted) + len(seen), error=str(error))
            return
        self._remember(noted)
        self._remember_seen(seen)

    def _remember_seen(self, seen: set[int]) -> None:
        if time.monotonic() >= self._forgets_at or len(self._seen_lately) > _MOST_SEEN:
            self._seen_lately = set()
            self._forgets_at = time.monotonic() + _SEEN_SECONDS
        self._seen_lately |= seen

    def _remember(self, noted: dict[int, int]) -> None:
        now = time.monotonic()
        if len(self._raised) > _MOST_NOTED:
            self._raised = {k: v for k, v in self._raised.items() if v[1] > now}
        if len(self._raised) <= _MOST_NOTED:
            until = now + _REPEAT_SECONDS
            self._raised.update({key: (value, until) for key, value in noted.items()})
