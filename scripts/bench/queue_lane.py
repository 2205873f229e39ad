"""Owns the process of one connection in the queue bench: it does as it is told, and tells the time.

Requests and answers are lines of JSON. Peers that are workers themselves run until so many jobs
are done; their time is that from the first job to the last.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import procrastinate

from scripts.bench.queue_lanes import LANES, Lane, LikenessLane, connect

Answer = dict[str, Any]


class SqlWork:
    """A queue that is SQL, asked by statements."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        lane.begin()

    def enqueue(self, batch: int, jobs: int) -> Answer:
        """Queue so many jobs."""
        if isinstance(self._lane, LikenessLane):
            self._lane.lay_out(jobs)
        began = time.perf_counter()
        for _ in range(jobs // batch):
            self._lane.enqueue(batch)
        return {"jobs": jobs // batch * batch, "seconds": time.perf_counter() - began}

    def turn(self, batch: int, jobs: int) -> Answer:
        """Take and complete so many jobs."""
        began = time.perf_counter()
        done = 0
        while done < jobs:
            done += self._lane.turn(min(batch, jobs - done))
        return {"jobs": done, "seconds": time.perf_counter() - began}


class ProcrastinateWorker:
    """procrastinate's worker, one job at a time."""

    def __init__(self, conninfo: str) -> None:
        connector = procrastinate.PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4)
        self._app = procrastinate.App(connector=connector)
        self._times: list[float] = []
        self._wanted = 0
        self._enough = asyncio.Event()

        @self._app.task(name="noop", queue="bench")
        async def noop() -> None:
            self._times.append(time.perf_counter())
            if len(self._times) == self._wanted:
                self._enough.set()

        self._task = noop

    def enqueue(self, batch: int, jobs: int) -> Answer:
        """Defer so many jobs."""
        return asyncio.run(self._enqueue(batch, jobs))

    async def _enqueue(self, batch: int, jobs: int) -> Answer:
        async with self._app.open_async():
            began = time.perf_counter()
            for _ in range(jobs // batch):
                if batch == 1:
                    await self._task.defer_async()
                else:
                    await self._task.batch_defer_async(*({} for _ in range(batch)))
            return {"jobs": jobs // batch * batch, "seconds": time.perf_counter() - began}

    def turn(self, batch: int, jobs: int) -> Answer:
        """Run a worker until so many jobs are done."""
        return asyncio.run(self._turn(jobs))

    async def _turn(self, jobs: int) -> Answer:
        self._times.clear()
        self._wanted = jobs
        self._enough = asyncio.Event()
        async with self._app.open_async():
            worker = asyncio.create_task(
                self._app.run_worker_async(
                    queues=["bench"], concurrency=1, install_signal_handlers=False
                )
            )
            await self._enough.wait()
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        return {"jobs": jobs - 1, "seconds": self._times[jobs - 1] - self._times[0]}


def serve(answer: Callable[[dict[str, Any]], Answer]) -> None:
    """Answer each request in turn; what goes wrong is told, and ends nothing."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is the bench's to show
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


def main() -> None:
    """Serve one queue: its name, and where its database is."""
    name, conninfo = sys.argv[1:]
    work: SqlWork | ProcrastinateWorker
    if name == "procrastinate_worker":
        work = ProcrastinateWorker(conninfo)
    else:
        work = SqlWork(LANES[name](connect(conninfo)))
    acts = {"enqueue": work.enqueue, "turn": work.turn}
    serve(lambda request: acts[request["do"]](request["batch"], request["jobs"]))


if __name__ == "__main__":
    main()
