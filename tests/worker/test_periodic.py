"""Periodic work: alone, bounded, resumed, recorded, and its failures seen."""

import asyncio
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop
from tests.worker_process import worker_process
from worker import periodic
from worker.errors import NotFound
from worker.periodic import Counts, Job, Turn
from worker.settings import Settings, child_environment

pytestmark = pytest.mark.anyio
JOB = Job("tidy", "0 2 * * *", "Tidies up.")


@pytest.fixture
async def job(settings: Settings) -> Job:
    await periodic.register(settings, [JOB])
    return JOB


async def run(settings: Settings, job: Job, body: periodic.Body, **more: Any) -> Counts | None:
    return await periodic.run(settings, job, body, worker="w/1", **more)


def work(connection: Connection[DictRow]) -> dict[str, Any]:
    [row] = connection.execute("select * from likeness.periodic_work").fetchall()
    return row


async def nothing(turn: Turn) -> None:
    turn.count(seen=3)


async def test_a_run_is_recorded_with_its_counts_and_the_next_one_is_due_by_the_schedule(
    settings: Settings, job: Job, connection: Connection[DictRow]
) -> None:
    assert work(connection)["status"] == "never ran"
    assert await run(settings, job, nothing) == {"seen": 3}
    row = work(connection)
    assert (row["status"], row["counts"], row["worker"]) == ("finished", {"seen": 3}, "w/1")
    assert row["next_run_at"] > row["started_at"]
    assert (row["next_run_at"].hour, row["next_run_at"].minute) == (2, 0)
    assert (row["runs_today"], row["failed_today"], row["is_overdue"]) == (1, 0, False)


async def test_two_workers_never_do_it_at_once(
    settings: Settings, job: Job, connection: Connection[DictRow]
) -> None:
    async def meet(turn: Turn) -> None:
        assert await run(settings, job, nothing) is None

    assert await run(settings, job, meet) == {}
    assert await run(settings, job, nothing) == {"seen": 3}
    assert work(connection)["runs_today"] == 2


async def test_a_failure_is_seen_and_the_next_run_is_not_hindered(
    settings: Settings, job: Job, connection: Connection[DictRow]
) -> None:
    async def fail(turn: Turn) -> None:
        turn.count(seen=1)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        await run(settings, job, fail)
    row = work(connection)
    assert (row["status"], row["error"]) == ("failed", "OSError: the disk is full")
    assert (row["counts"], row["failed_today"]) == ({"seen": 1}, 1)
    await run(settings, job, nothing)
    assert work(connection)["status"] == "finished"


async def test_a_run_that_cannot_end_in_time_is_gone_on_with(
    settings: Settings, job: Job, connection: Connection[DictRow]
) -> None:
    seen: list[int] = []

    async def step(turn: Turn) -> None:
        for number in range(turn.resume_from or 0, 5):
            if turn.is_over():
                turn.resume_from = number
                return
            seen.append(number)
            turn.resume_from = number + 1
            if number == 2:
                turn.ends_at = 0.0
        turn.resume_from = None

    await run(settings, job, step)
    row = work(connection)
    assert (seen, row["status"], row["is_resumed_next"]) == ([0, 1, 2], "partial", True)
    await run(settings, job, step)
    row = work(connection)
    assert (seen, row["status"], row["is_resumed_next"]) == ([0, 1, 2, 3, 4], "finished", False)


async def test_a_worker_that_stops_ends_the_run_early(settings: Settings, job: Job) -> None:
    async def is_asked(turn: Turn) -> None:
        turn.count(over=int(turn.is_over()))

    assert await run(settings, job, is_asked, is_stopping=lambda: True) == {"over": 1}
    assert await run(settings, job, is_asked) == {"over": 0}


async def test_a_run_by_hand_leaves_the_schedule_as_it_is(
    settings: Settings, job: Job, connection: Connection[DictRow]
) -> None:
    connection.execute("update likeness.periodic_tasks set next_run_at = '2020-01-01'")
    await run(settings, job, nothing, is_scheduled=False)
    assert work(connection)["next_run_at"].year == 2020
    assert work(connection)["is_overdue"]


async def test_work_that_nobody_announced_is_refused(settings: Settings) -> None:
    with pytest.raises(NotFound, match="tidy"):
        await run(settings, JOB, nothing)


_KILLED = """
import asyncio, os, signal
from worker import periodic
from worker.settings import load_settings
async def die(turn):
    turn.resume_from = 7
    turn.count(seen=7)
    await turn.save()
    os.kill(os.getpid(), signal.SIGKILL)
job = periodic.Job("tidy", "0 2 * * *", "Tidies up.")
asyncio.run(periodic.run(load_settings(), job, die, worker="dead/1"))
"""


async def test_what_a_killed_process_left_is_lost_and_resumed_at_once(
    settings: Settings, job: Job, connection: Connection[DictRow]
) -> None:
    command = [sys.executable, "-c", _KILLED]
    killed = await asyncio.to_thread(
        subprocess.run, command, env=child_environment(settings), check=False
    )
    assert killed.returncode == -9
    resumed: list[Any] = []

    async def go_on(turn: Turn) -> None:
        resumed.append(turn.resume_from)
        turn.resume_from = None

    # The server may take a moment to notice that the session is gone.
    for _ in range(1000):
        if await run(settings, job, go_on) is not None:
            break
    assert resumed == [7]
    runs = connection.execute(
        "select status, counts from likeness.periodic_runs order by id"
    ).fetchall()
    assert runs[0] == {"status": "lost", "counts": {"seen": 7}}
    assert runs[1]["status"] == "finished"


async def test_old_runs_are_forgotten_but_for_the_last_of_each_task(
    settings: Settings, job: Job, connection: Connection[DictRow]
) -> None:
    await run(settings, job, nothing)
    await run(settings, job, nothing)
    shop = Shop(connection, is_active=False)
    shop.at(shop.now() + timedelta(days=40))
    connection.execute("select likeness.register_periodic('tidy', '0 2 * * *', now(), 'Tidies.')")
    connection.execute("select likeness.prune_history()")
    assert shop.value("select count(*) from likeness.periodic_runs") == 1


async def test_what_no_worker_does_any_more_is_forgotten_and_what_one_does_is_not(
    settings: Settings, job: Job, connection: Connection[DictRow]
) -> None:
    await run(settings, job, nothing)
    shop = Shop(connection, is_active=False)
    shop.at(work(connection)["next_run_at"] + timedelta(days=2))
    # A worker starts after all were away for long.
    connection.execute("select likeness.register_periodic('tidy', '0 2 * * *', now(), 'Tidies.')")
    connection.execute("select likeness.prune_history()")
    assert work(connection)["is_overdue"]
    shop.at(shop.now() + timedelta(days=2))
    connection.execute("select likeness.prune_history()")
    assert connection.execute("select * from likeness.periodic_work").fetchall() == []


def test_the_sweep_orders_again_what_was_cut_off(
    settings: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    # Its own schedule brings it once a month.
    connection.execute("select likeness.register_periodic('cleanup', '0 4 1 * *', now(), '')")
    connection.execute("update likeness.periodic_tasks set resume_from = '1'")
    with worker_process(settings, tmp_path / "worker.log") as worker:
        query = "select status, is_resumed_next from likeness.periodic_work where task = 'cleanup'"
        while connection.execute(query).fetchall() != [
            {"status": "finished", "is_resumed_next": False}
        ]:
            worker.assert_alive()
            time.sleep(0.1)


def test_a_worker_announces_what_it_does(
    settings: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    with worker_process(settings, tmp_path / "worker.log") as worker:
        while not (
            found := {
                row["task"]: row
                for row in connection.execute("select * from likeness.periodic_work").fetchall()
            }
        ).keys() >= {"sweep", "garbage"}:
            worker.assert_alive()
        assert found["sweep"]["cron"] == "*/5 * * * *"
