"""Owns where the resolver reads: a replica where there is one and it is well, else the database.

The sessions are for reading alone, and plan each statement once (worker.db).
What it answers is as old as the replica is behind, which caches make of it anyway. While the
replica is away one request in a while tries it again, and all others are not held up by that.
"""

import time

import psycopg

from api.sessions import Rows, Sessions
from worker import db
from worker.log import get_logger

_TIMEOUT_SECONDS = 5.0
_REPLICA_TIMEOUT_SECONDS = 1.0
_AWAY_SECONDS = 5.0
_log = get_logger()


class Reader:
    """Runs statements that only read, prepared, and hands their rows out as tuples."""

    def __init__(self, database: db.Pool, replica: db.Pool | None, most: int) -> None:
        self._pool = database
        self._database = Sessions(database, most, _TIMEOUT_SECONDS)
        self._replica = (
            None if replica is None else Sessions(replica, most, _REPLICA_TIMEOUT_SECONDS)
        )
        self._away_until: float | None = None

    async def fresh(self, statement: str, *arguments: object) -> list[db.Row]:
        """The rows of one statement of the database itself, as dicts."""
        return await db.fetch_all(
            self._pool, statement, arguments, wait_seconds=_TIMEOUT_SECONDS, prepare=True
        )

    async def tuples(self, statement: str, arguments: tuple[object, ...]) -> Rows:
        """The rows of one statement."""
        if self._replica is not None and self._is_worth_a_try():
            try:
                rows = await self._replica.tuples(statement, arguments)
            except psycopg.OperationalError as error:
                if self._away_until is None:
                    _log.warning(
                        "replica away; reading the database itself", error=str(error).strip()
                    )
                self._away_until = time.monotonic() + _AWAY_SECONDS
            else:
                if self._away_until is not None:
                    _log.info("replica back")
                self._away_until = None
                return rows
        return await self._database.tuples(statement, arguments)

    def _is_worth_a_try(self) -> bool:
        if self._away_until is None:
            return True
        now = time.monotonic()
        if now < self._away_until:
            return False
        # Whoever comes meanwhile does not try too.
        self._away_until = now + _AWAY_SECONDS
        return True
