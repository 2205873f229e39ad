"""Owns pgqueuer in the queue bench: its queries on one connection of asyncpg, no pause between.

It runs in an environment of its own, without the repository's packages.
"""

import asyncio
import json
import sys
import time
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.ports.repository import EntrypointExecutionParameter

_UNLIMITED = {"bench": EntrypointExecutionParameter(concurrency_limit=0)}
_HEARTBEAT = timedelta(seconds=60)


class Pgqueuer:
    """One queue manager's calls."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._manager = uuid.uuid4()

    async def install(self, batch: int, jobs: int) -> None:
        """Make its tables."""
        await self._queries.install()

    async def enqueue(self, batch: int, jobs: int) -> None:
        """Queue so many jobs."""
        for _ in range(jobs // batch):
            await self._queries.enqueue(["bench"] * batch, [b"{}"] * batch, [0] * batch)

    async def turn(self, batch: int, jobs: int) -> None:
        """Dequeue so many jobs, and log them as done."""
        done = 0
        while done < jobs:
            taken = await self._queries.dequeue(
                batch_size=min(batch, jobs - done),
                entrypoints=_UNLIMITED,
                queue_manager_id=self._manager,
                global_concurrency_limit=None,
                heartbeat_timeout=_HEARTBEAT,
            )
            await self._queries.log_jobs([(job, "successful", None) for job in taken])
            done += len(taken)


async def _serve(arguments: dict[str, str]) -> None:
    connection = await asyncpg.connect(**arguments)
    pgqueuer = Pgqueuer(Queries.from_asyncpg_connection(connection))
    print(json.dumps({"ready": True}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        request = json.loads(line)
        began = time.perf_counter()
        answer: dict[str, Any]
        try:
            await getattr(pgqueuer, request["do"])(request["batch"], request["jobs"])
            answer = {"jobs": request["jobs"], "seconds": time.perf_counter() - began}
        except Exception as error:  # noqa: BLE001 - whatever it raises is the bench's to show
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
