"""Owns how statements take turns on a few sessions of a pool.

More sessions at work than cores make each statement slower and none sooner. So the sessions are
few, and each is given the next statement before anybody looks at the rows of the last one: while
an answer is made of these, the server is at work already.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

from psycopg.rows import tuple_row
from psycopg_pool import PoolTimeout

from worker import db

# So often a session goes back to the pool, which sees that none grows too old.
_MOST_IN_A_ROW = 100
Rows = list[tuple[Any, ...]]


@dataclass(slots=True, eq=False)
class _Asked:
    statement: str
    arguments: tuple[object, ...]
    rows: asyncio.Future[Rows]


class Sessions:
    """Runs statements in the order asked, ``most`` at once, prepared; their rows are tuples."""

    def __init__(self, pool: db.Pool, most: int, timeout_seconds: float) -> None:
        self._pool = pool
        self._most = most
        self._timeout_seconds = timeout_seconds
        self._waiting: deque[_Asked] = deque()
        self._at_work = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def tuples(self, statement: str, arguments: tuple[object, ...]) -> Rows:
        """The rows of one statement; PoolTimeout where its turn does not come in time."""
        loop = asyncio.get_running_loop()
        asked = _Asked(statement, arguments, loop.create_future())
        self._waiting.append(asked)
        if self._at_work < self._most:
            self._at_work += 1
            task = loop.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        timer = loop.call_later(self._timeout_seconds, self._give_up, asked)
        try:
            return await asked.rows
        finally:
            timer.cancel()

    def _give_up(self, asked: _Asked) -> None:
        # What runs already may take its time.
        if asked in self._waiting:
            self._waiting.remove(asked)
            _fail(asked, PoolTimeout(f"no session was free for {self._timeout_seconds:g} s"))

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._work_on_one_session()
        except Exception as error:  # noqa: BLE001 - told to everyone who waits for it
            while self._waiting:
                _fail(self._waiting.popleft(), error)
        finally:
            # Nothing is awaited since nobody waited: whoever comes next starts anew.
            self._at_work -= 1

    async def _work_on_one_session(self) -> None:
        async with (
            self._pool.connection(timeout=self._timeout_seconds) as connection,
            connection.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            for _ in range(_MOST_IN_A_ROW):
                if not self._waiting:
                    return
                asked = self._waiting.popleft()
                try:
                    with db.query_errors():
                        await cursor.execute(asked.statement, asked.arguments, prepare=True)
                    rows = await cursor.fetchall()
                except Exception as error:  # noqa: BLE001 - told to who asked
                    _fail(asked, error)
                    # The pool looks at the session, and replaces one that broke.
                    return
                except BaseException:
                    asked.rows.cancel()
                    raise
                if not asked.rows.done():
                    asked.rows.set_result(rows)


def _fail(asked: _Asked, error: Exception) -> None:
    if not asked.rows.done():
        asked.rows.set_exception(error)
