"""Owns how periodic work is run: alone among all workers, bounded in time, resumable, recorded.

A body gets a `Turn` and does its work in small steps until `turn.is_over()`. Who is alone is said
by a lock of a database session, which ends with the process: nothing has to expire, and what a dead
process left is marked as lost by the next run. The register is sql/functions/periodic; the view
`periodic_work` shows it.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from croniter import croniter

from worker.db import AsyncConnection, connect_async, query_errors
from worker.log import get_logger
from worker.settings import Settings

_log = get_logger()

Counts = Mapping[str, int | float | str | bool | None]
_ERROR_LENGTH = 500


@dataclass(frozen=True)
class Job:
    """Something that is done again and again.

    ``cron`` is in UTC, or found in the settings. ``seconds`` bounds one run: its body is told that
    the time is over, and goes on in the next run.
    """

    name: str
    cron: str | Callable[[Settings], str]
    says: str
    seconds: float = 300.0

    def cron_of(self, settings: Settings) -> str:
        return self.cron if isinstance(self.cron, str) else self.cron(settings)


@dataclass
class Turn:
    """One run of a job, as its body sees it.

    ``resume_from`` is what the last run left there, or None. Whoever cannot finish leaves in it
    where to go on (anything that JSON can say); None means that all is done. ``counts`` is shown.
    """

    run_id: int
    resume_from: Any
    connection: AsyncConnection
    ends_at: float
    is_stopping: Callable[[], bool]
    counts: dict[str, Any] = field(default_factory=dict)

    def is_over(self) -> bool:
        """Whether to stop here: the time is used up, or the worker stops. Thread-safe."""
        return self.is_stopping() or time.monotonic() >= self.ends_at

    def count(self, **more: int) -> None:
        """Add to the counts."""
        for name, number in more.items():
            self.counts[name] = self.counts.get(name, 0) + number

    async def save(self) -> None:
        """Record ``resume_from`` and ``counts`` now, so that a killed run is resumed from here."""
        await self.connection.execute(
            b"select likeness.save_periodic(%s, %s::jsonb, %s::jsonb)",
            [self.run_id, json.dumps(self.resume_from), json.dumps(self.counts)],
        )


Body = Callable[[Turn], Awaitable[None]]


async def register(settings: Settings, jobs: list[Job]) -> None:
    """Make the jobs and their schedules known to the database."""
    async with await connect_async(settings, "worker periodic") as connection:
        for job in jobs:
            cron = job.cron_of(settings)
            await connection.execute(
                b"select likeness.register_periodic(%s, %s, %s, %s)",
                [job.name, cron, await _next_run_at(connection, cron), job.says],
            )


async def run(
    settings: Settings,
    job: Job,
    body: Body,
    *,
    worker: str,
    is_stopping: Callable[[], bool] = lambda: False,
    is_scheduled: bool = True,
    seconds: float | None = None,
) -> Counts | None:
    """Run ``body`` as ``job`` and return its counts; None: another process is at it.

    Whatever the body raises is recorded and raised again. Not ``is_scheduled`` is a run by hand,
    which leaves the schedule as it is; ``seconds`` is the time it may take, instead of the job's.
    """
    async with await connect_async(settings, f"worker {job.name}") as connection, _errors():
        begun = await connection.execute(
            b"select run_id, resume_from from likeness.begin_periodic(%s, %s)", [job.name, worker]
        )
        row = await begun.fetchone()
        if row is None:
            _log.info("periodic work left to another", task=job.name)
            return None
        ends_at = time.monotonic() + (seconds or job.seconds)
        turn = Turn(row["run_id"], row["resume_from"], connection, ends_at, is_stopping)
        next_run_at = None
        if is_scheduled:
            next_run_at = await _next_run_at(connection, job.cron_of(settings))
        try:
            await body(turn)
        except BaseException as error:
            await _record_failure(turn, error, next_run_at)
            raise
        await _end(turn, None, next_run_at)
        _log.info(
            "periodic work done", task=job.name, partial=bool(turn.resume_from), **turn.counts
        )
        return turn.counts


async def _record_failure(turn: Turn, error: BaseException, next_run_at: datetime | None) -> None:
    """Say in the register why a run failed; where the database is away, the next run will say."""
    said = str(error).strip() or "it was stopped halfway"
    text = f"{type(error).__name__}: {said}"[:_ERROR_LENGTH]
    try:
        await asyncio.shield(_end(turn, text, next_run_at))
    except (psycopg.OperationalError, psycopg.InterfaceError) as absence:
        _log.warning("periodic work not recorded", error=text, reason=str(absence).strip())


async def _end(turn: Turn, error: str | None, next_run_at: datetime | None) -> None:
    await turn.connection.execute(
        b"select likeness.end_periodic(%s, %s::jsonb, %s::jsonb, %s, %s)",
        [
            turn.run_id,
            json.dumps(turn.counts),
            json.dumps(turn.resume_from),
            error,
            next_run_at,
        ],
    )


async def _next_run_at(connection: AsyncConnection, cron: str) -> datetime:
    """By the database's clock, which all workers share."""
    row = await (await connection.execute(b"select likeness.clock() as now")).fetchone()
    assert row
    following: datetime = croniter(cron, row["now"]).get_next(datetime)
    return following


@asynccontextmanager
async def _errors() -> AsyncIterator[None]:
    with query_errors():
        yield
