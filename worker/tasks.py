"""Owns the worker program: the procrastinate tasks, and what keeps them going in one process.

Two procrastinate workers share the process and its pool: one takes orders to mirror, one at a time;
the other the periodic upkeep, which therefore never waits behind a backlog.
"""

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import psycopg
import uvloop
from procrastinate import JobContext
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from procrastinate.tasks import Task
from procrastinate.worker import Worker

from worker import garbage, periodic, upkeep, webhooks
from worker.db import Pool, connect, connect_async, open_pool, query_errors, reach
from worker.errors import Refused
from worker.fetch import Fetcher
from worker.jobs import (
    MIRROR_QUEUE,
    MIRROR_TASK,
    UPKEEP_QUEUE,
    app,
    order_mirroring,
)
from worker.log import get_logger
from worker.matching import Matching, match
from worker.migrate import require_current_schema
from worker.periodic import Job, Turn
from worker.pipeline import Pipeline
from worker.pixels.children import RenderPool
from worker.presence import DATABASE
from worker.queue import Look, Queue
from worker.second_wave import SecondWave, Sizes
from worker.settings import Settings
from worker.storage import ObjectStore, open_store

_log = get_logger()

# An idle worker looks at the queue this often though nobody wakes it.
_IDLE_LOOK_SECONDS = 5.0
# Idle workers that are woken together look within this time of each other.
_SPREAD_SECONDS = 0.02
_JOB_HISTORY_HOURS = 24
# A long collection of garbage must not keep the sweep waiting.
_UPKEEP_CONCURRENCY = 3
_AWAY = (psycopg.OperationalError, ConnectorException, OSError)


@dataclass(frozen=True)
class Runtime:
    """What the tasks of one worker process share."""

    settings: Settings
    pool: Pool
    store: ObjectStore
    queue: Queue
    fetcher: Fetcher
    pipeline: Pipeline
    second_wave: SecondWave
    stopping: asyncio.Event
    woken: asyncio.Event
    draining: asyncio.Event = field(default_factory=asyncio.Event)


Work = Callable[[Runtime, Turn], Awaitable[None]]


def _runtime(context: JobContext) -> Runtime:
    runtime = context.additional_context["runtime"]
    assert isinstance(runtime, Runtime)
    return runtime


@app.task(name=MIRROR_TASK, queue=MIRROR_QUEUE, pass_context=True)
async def mirror_images(context: JobContext) -> int:
    """Work the queue until it is dry; returns how many pictures were claimed."""
    runtime = _runtime(context)
    try:
        return await runtime.pipeline.run(on_backlog=order_mirroring)
    finally:
        # What the queue holds for later sets the next look.
        runtime.woken.set()


# What every worker does again and again; sql: periodic_work.
_JOBS: list[tuple[Job, Task[Any, Any, Any]]] = []


def _periodic(job: Job) -> Callable[[Work], Work]:
    """Have workers do this when it is due: one of them at a time (see worker.periodic)."""

    def add(work: Work) -> Work:
        name = f"likeness.{job.name}"

        @app.task(name=name, queue=UPKEEP_QUEUE, queueing_lock=name, pass_context=True)
        async def run_periodic(context: JobContext, timestamp: int) -> None:
            runtime = _runtime(context)
            await periodic.run(
                runtime.settings,
                job,
                lambda turn: work(runtime, turn),
                worker=runtime.queue.worker,
                is_stopping=runtime.stopping.is_set,
            )

        _JOBS.append((job, run_periodic))
        return work

    return add


async def _schedule(settings: Settings) -> None:
    """Announce the jobs, at the times that the settings say, to procrastinate and to people."""
    for job, task in _JOBS:
        app.periodic(cron=job.cron_of(settings))(task)
    await periodic.register(settings, [job for job, _ in _JOBS])


@_periodic(Job("sweep", "*/5 * * * *", "The safety net: tends the queue, forgets what is over."))
async def sweep(runtime: Runtime, turn: Turn) -> None:
    await runtime.queue.tend()
    await _order_unfinished(turn)
    turn.count(runs_closed=await runtime.queue.close_runs())
    for job in await app.job_manager.get_stalled_jobs():
        # An order holds no work of its own; the pictures' claims run out by themselves.
        await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
        turn.count(orders_of_the_dead=1)
    await app.job_manager.delete_old_jobs(nb_hours=_JOB_HISTORY_HOURS, include_failed=True)
    turn.count(rows_forgotten=await runtime.queue.prune())
    healed = await turn.connection.execute(b"select likeness.heal_shared_pictures() as n")
    turn.count(pictures_shared_anew=(await healed.fetchone() or {"n": 0})["n"])
    await order_mirroring()


@_periodic(
    Job("placeholders", "40 4 * * *", "Looks for pictures that stand in for none, and asks again.")
)
async def find_placeholders(runtime: Runtime, turn: Turn) -> None:
    found = await turn.connection.execute(
        b"select count(*) as found, coalesce(sum(removed), 0)::int as removed"
        b" from likeness.detect_placeholders()"
    )
    turn.count(**(await found.fetchone() or {}))
    retried = await turn.connection.execute(b"select likeness.retry_placeholders() as retried")
    turn.count(**(await retried.fetchone() or {}))


@_periodic(Job("matching", "* * * * *", "Matches what feeds brought, where suppliers want that."))
async def match_feeds(runtime: Runtime, turn: Turn) -> None:
    found = await turn.connection.execute(b"select * from likeness.suppliers_to_match()")
    for row in await found.fetchall():
        if not turn.is_over():
            matched = await asyncio.to_thread(_match, runtime, turn, row["supplier"])
            turn.count(linked=matched.linked, queued=matched.queued, left=matched.left)


def _match(runtime: Runtime, turn: Turn, supplier: str) -> Matching:
    with connect(runtime.settings, "worker match") as connection:
        return match(connection, supplier=supplier, is_over=turn.is_over)


@_periodic(
    Job("freshness_plan", lambda s: s.freshness_cron, "Plans when pictures are looked at again.")
)
async def plan_checks(runtime: Runtime, turn: Turn) -> None:
    settings = runtime.settings
    while not turn.is_over():
        planned = await turn.connection.execute(
            b"select planned, is_done from likeness.plan_checks(%s, %s)",
            [settings.freshness_requests_percent, settings.freshness_bytes_a_day],
        )
        row = await planned.fetchone()
        assert row
        turn.count(planned=row["planned"])
        if row["is_done"]:
            return
    # The plan itself remembers how far it came.
    turn.resume_from = "plan_checks()"


@_periodic(Job("freshness", "*/5 * * * *", "Queues the checks of pictures that are due."))
async def queue_checks(runtime: Runtime, turn: Turn) -> None:
    settings = runtime.settings
    queued = await turn.connection.execute(
        b"select likeness.queue_checks(%s, %s) as queued",
        [settings.freshness_requests_percent, settings.freshness_bytes_a_day],
    )
    turn.count(**(await queued.fetchone() or {}))


async def _order_unfinished(turn: Turn) -> None:
    """What its schedule will not bring soon enough: missed, or cut off for want of time."""
    found = await turn.connection.execute(
        b"select task from likeness.periodic_work where status <> 'running'"
        b" and (is_overdue or is_resumed_next)"
    )
    names = {row["task"] for row in await found.fetchall()}
    for task in [task for job, task in _JOBS if job.name in names]:
        try:
            await task.defer_async(timestamp=int(time.time()))
        except AlreadyEnqueued:
            continue  # it waits for a worker already
        turn.count(ordered_again=1)


@_periodic(upkeep.CLEANUP)
async def clean_up(runtime: Runtime, turn: Turn) -> None:
    await upkeep.clean_up(runtime.settings, turn)


@_periodic(upkeep.ALERTS)
async def watch_alerts(runtime: Runtime, turn: Turn) -> None:
    await upkeep.watch_alerts(runtime.settings, turn)


@_periodic(upkeep.STORAGE)
async def measure_storage(runtime: Runtime, turn: Turn) -> None:
    await upkeep.measure_storage(runtime.settings, turn)


@_periodic(webhooks.WEBHOOKS)
async def deliver_events(runtime: Runtime, turn: Turn) -> None:
    await webhooks.deliver(runtime.settings, turn)


@_periodic(Job("garbage", "23 3 * * *", "Deletes bytes that nobody shows any more."))
async def collect_garbage(runtime: Runtime, turn: Turn) -> None:
    await asyncio.to_thread(_collect, runtime, turn)


def _collect(runtime: Runtime, turn: Turn) -> None:
    with connect(runtime.settings, "worker gc") as connection, query_errors():
        try:
            collected = garbage.collect(
                runtime.settings, connection, runtime.store, is_over=turn.is_over
            )
        except Refused as refused:
            # `likeness gc`, run by a person.
            _log.info("garbage left to another", reason=str(refused))
        else:
            turn.counts |= asdict(collected)


@_periodic(
    Job(
        "compare_store",
        "17 5 * * 0",
        "Holds the store against the database; hands unknown objects to the collection of garbage.",
        seconds=1800.0,
    )
)
async def compare_store(runtime: Runtime, turn: Turn) -> None:
    done = int(turn.resume_from or 0)
    for number in range(done, len(garbage.SHARDS)):
        turn.resume_from = number
        if turn.is_over():
            return
        await turn.save()
        turn.count(**await asyncio.to_thread(_compare, runtime, garbage.SHARDS[number]))
    turn.resume_from = None


def _compare(runtime: Runtime, shard: str) -> dict[str, int]:
    with connect(runtime.settings, "worker sweep") as connection, query_errors():
        found = garbage.compare(connection, runtime.store, shard)
        adopted = garbage.adopt(connection, found.unknown)
    if found.missing:
        _log.error(
            "objects missing in the store",
            count=len(found.missing),
            first=found.missing[0],
            hint="likeness gc --sweep lists them",
        )
    return {"objects": found.objects, "missing": len(found.missing), "adopted": adopted}


def run_worker(settings: Settings) -> None:
    """Run one worker process until SIGTERM or SIGINT.

    Raises a LikenessError where it cannot start: no database, an old one, no store.
    """
    with reach(settings, "worker") as connection:
        require_current_schema(connection)
    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    store = open_store(settings)
    await asyncio.to_thread(store.ensure_ready)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings, "worker"))
        await stack.enter_async_context(app.open_async(pool=pool))
        queue = Queue(pool, lease=timedelta(seconds=settings.lease_seconds))
        await queue.register(settings.worker_name, version("likeness"))
        await _schedule(settings)
        fetcher = Fetcher(settings)
        stack.push_async_callback(fetcher.aclose)
        renderer = RenderPool(settings)
        stack.callback(renderer.close)
        presets = await queue.presets(wave=1)
        pipeline = Pipeline(settings, queue, store, fetcher, renderer, presets)
        second_wave = SecondWave(
            settings, queue, store, renderer, Sizes(presets, await queue.late_presets())
        )
        second_wave.gives_way_to(lambda: pipeline.is_running)
        runtime = Runtime(
            settings,
            pool,
            store,
            queue,
            fetcher,
            pipeline,
            second_wave,
            asyncio.Event(),
            asyncio.Event(),
        )
        _log.info("worker ready", worker=queue.worker, renderers=settings.render_processes)
        await _serve(runtime)
        _log.info("worker stopped", worker=queue.worker)


async def _serve(runtime: Runtime) -> None:
    """Run until a signal asks to stop; then finish or hand back what is in hand."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runtime.stopping.set)
    jobs = [
        _procrastinate_worker(runtime, MIRROR_QUEUE, concurrency=1),
        _procrastinate_worker(runtime, UPKEEP_QUEUE, concurrency=_UPKEEP_CONCURRENCY),
    ]
    sides = [
        asyncio.create_task(_supervise(name, coroutine))
        for name, coroutine in (
            ("jobs", lambda: _run_job_workers(runtime, jobs)),
            ("listen", lambda: _listen(runtime)),
            ("look", lambda: _look(runtime)),
            ("beat", lambda: _beat(runtime)),
            ("drain", lambda: _drain(runtime, jobs[0])),
            ("second wave", runtime.second_wave.serve),
        )
    ]
    await runtime.stopping.wait()
    _log.info("stopping", grace_seconds=runtime.settings.grace_seconds)
    deadline = time.monotonic() + runtime.settings.grace_seconds
    runtime.pipeline.stop()
    runtime.second_wave.stop()
    for job in jobs:
        job.stop()  # type: ignore[no-untyped-call]
    await runtime.pipeline.drain(max(0.0, deadline - time.monotonic()))
    await asyncio.wait(sides[:1], timeout=max(1.0, deadline - time.monotonic()))
    for side in sides:
        side.cancel()
    await asyncio.gather(*sides, return_exceptions=True)


def _procrastinate_worker(runtime: Runtime, queue: str, *, concurrency: int) -> Worker:
    return Worker(
        app,
        queues=[queue],
        name=f"{runtime.queue.worker} {queue}",
        concurrency=concurrency,
        delete_jobs="successful",
        install_signal_handlers=False,
        shutdown_graceful_timeout=runtime.settings.grace_seconds,
        additional_context={"runtime": runtime},
    )


async def _run_job_workers(runtime: Runtime, workers: list[Worker]) -> None:
    # An order that a draining worker took would be lost on it.
    taking = workers[1:] if runtime.draining.is_set() else workers
    await asyncio.gather(*(worker.run() for worker in taking))  # type: ignore[no-untyped-call]
    if not runtime.stopping.is_set():
        raise psycopg.OperationalError("a procrastinate worker stopped by itself")


async def _supervise(name: str, serve: Callable[[], Awaitable[None]]) -> None:
    """Keep ``serve`` going through every absence of the database."""
    wait_seconds = 0.5
    while True:
        started = time.monotonic()
        try:
            await serve()
            return
        except _AWAY as error:
            DATABASE.away(error, part=name)
        wait_seconds = 0.5 if time.monotonic() - started > 30 else min(wait_seconds * 2, 10.0)
        await asyncio.sleep(wait_seconds)


async def _listen(runtime: Runtime) -> None:
    """Turn NOTIFY likeness_work into a look at the queue."""
    connection = await connect_async(runtime.settings, "worker listen")
    async with connection:
        await connection.execute("listen likeness_work")
        runtime.woken.set()  # what was queued before we listened
        async for _ in connection.notifies():
            runtime.woken.set()


async def _look(runtime: Runtime) -> None:
    """Order mirroring when there is something to claim: woken, at the next due time, or in a while.

    The order goes through the database, so that of all idle workers one takes it.
    """
    while not (look := await _see(runtime)).is_draining:
        is_running = runtime.pipeline.is_running
        if is_running:
            runtime.pipeline.nudge()
        elif look.may_order:
            await order_mirroring(is_chosen=True)
        # A pipeline that runs looks for itself.
        timeout = _IDLE_LOOK_SECONDS
        if look.wait_seconds is not None and not is_running:
            timeout = min(max(look.wait_seconds, 0.25), _IDLE_LOOK_SECONDS)
        with contextlib.suppress(TimeoutError):
            # Not wait_for(): up to Python 3.11 it forgets to be cancelled where both come at once,
            # as when what a stopping worker hands back wakes it.
            async with asyncio.timeout(timeout):
                await runtime.woken.wait()
            if look.has_company and not is_running:
                # All idle workers were woken: the first one orders, the others find that done.
                await asyncio.sleep(random.uniform(0, _SPREAD_SECONDS))  # noqa: S311 - no secret
    runtime.draining.set()


async def _see(runtime: Runtime) -> Look:
    runtime.woken.clear()
    look = await runtime.queue.look(is_idle=not runtime.pipeline.is_running)
    runtime.fetcher.keep_connections(not look.has_company)
    while look.has_waiting_runs and await runtime.queue.feed_runs():
        pass  # one run a call
    return look


async def _drain(runtime: Runtime, orders: Worker) -> None:
    """Asked to drain: take no more orders, finish what is in hand, say so: for good."""
    await runtime.draining.wait()
    _log.info("draining", worker=runtime.queue.worker)
    orders.stop()  # type: ignore[no-untyped-call]
    runtime.pipeline.stop()
    runtime.second_wave.stop()
    await runtime.pipeline.empty()
    _log.info("drained", worker=runtime.queue.worker)


async def _beat(runtime: Runtime) -> None:
    while True:
        await asyncio.sleep(runtime.settings.lease_seconds / 4)
        pipeline, second_wave = runtime.pipeline, runtime.second_wave
        await runtime.queue.beat(pipeline.image_ids, [*pipeline.sha256s, *second_wave.sha256s])
