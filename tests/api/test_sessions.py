"""Statements that take turns on a few sessions: order, errors, time-outs, sessions that break."""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg_pool import PoolTimeout
from pydantic import SecretStr

from api.sessions import Rows, Sessions
from tests.api.serving import free_port
from worker import db
from worker.settings import Settings

_BUSY = """
select count(*) as busy
  from pg_stat_activity
 where application_name = 'likeness api reader' and datname = current_database()
   and state = 'active'
"""


def _run(
    settings: Settings,
    story: Callable[[Sessions], Awaitable[None]],
    *,
    most: int = 1,
    timeout_seconds: float = 5.0,
) -> None:
    async def tell() -> None:
        async with db.open_pool(settings, "api reader", size=most + 1) as pool:
            await story(Sessions(pool, most, timeout_seconds))

    asyncio.run(tell())


def _asking(sessions: Sessions, statement: str, *arguments: object) -> asyncio.Task[Rows]:
    return asyncio.create_task(sessions.tuples(statement, arguments))


def test_each_gets_its_own_rows(settings: Settings) -> None:
    async def story(sessions: Sessions) -> None:
        found = await asyncio.gather(
            *[sessions.tuples("select %s::int, 'x'", (n,)) for n in range(500)]
        )
        assert found == [[(n, "x")] for n in range(500)]

    _run(settings, story, most=3)


def test_no_more_are_at_work_than_may_be(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    async def story(sessions: Sessions) -> None:
        asked = [_asking(sessions, "select pg_sleep(0.3)") for _ in range(4)]
        await asyncio.sleep(0.15)
        assert connection.execute(_BUSY.encode()).fetchall() == [{"busy": 2}]
        await asyncio.gather(*asked)

    _run(settings, story, most=2)


def test_a_statement_that_fails_fails_alone(settings: Settings) -> None:
    async def story(sessions: Sessions) -> None:
        asked = [_asking(sessions, "select 6 / %s::int", n) for n in (1, 0, 2, 0, 3)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [found[n] for n in (0, 2, 4)] == [[(6,)], [(3,)], [(2,)]]
        assert all(isinstance(found[n], psycopg.errors.DivisionByZero) for n in (1, 3))

    _run(settings, story)


def test_who_waits_too_long_is_told_and_what_runs_may_take_its_time(settings: Settings) -> None:
    async def story(sessions: Sessions) -> None:
        slow = _asking(sessions, "select 'slow' from pg_sleep(0.5)")
        late = _asking(sessions, "select 'late'")
        with pytest.raises(PoolTimeout, match="no session was free"):
            await late
        assert await slow == [("slow",)]
        assert await sessions.tuples("select 'next'", ()) == [("next",)]

    _run(settings, story, timeout_seconds=0.2)


@pytest.mark.parametrize("is_at_work", [True, False], ids=["at work", "waiting"])
def test_who_goes_away_is_in_nobodys_way(settings: Settings, is_at_work: bool) -> None:
    async def story(sessions: Sessions) -> None:
        first = _asking(sessions, "select 1 from pg_sleep(0.3)")
        second = _asking(sessions, "select 2")
        third = _asking(sessions, "select 3")
        await asyncio.sleep(0.1)
        gone = first if is_at_work else second
        gone.cancel()
        stayed = [second if is_at_work else first, third]
        assert await asyncio.gather(*stayed) == [[(2 if is_at_work else 1,)], [(3,)]]
        assert gone.cancelled()

    _run(settings, story)


def test_a_session_that_breaks_is_replaced(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    async def story(sessions: Sessions) -> None:
        asked = [_asking(sessions, "select pg_sleep(0.3)")] + [
            _asking(sessions, "select %s::int", n) for n in range(3)
        ]
        await asyncio.sleep(0.1)
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'likeness api reader' and datname = current_database()"
            "   and state = 'active'"
        )
        broken, *others = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(broken, psycopg.OperationalError)
        assert others == [[(n,)] for n in range(3)]

    _run(settings, story)


def test_all_who_wait_are_told_that_the_database_is_away(settings: Settings) -> None:
    nobody = f"postgresql://127.0.0.1:{free_port()}/nothing"
    away = settings.model_copy(update={"database_url": SecretStr(nobody)})

    async def story(sessions: Sessions) -> None:
        asked = [_asking(sessions, "select 1") for _ in range(3)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(error, PoolTimeout) for error in found)

    _run(away, story, timeout_seconds=0.2)
