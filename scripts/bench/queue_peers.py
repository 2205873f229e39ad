"""Owns the queues of the bench: which there are, how they are had, a process a connection.

What the repository's environment does not hold is installed once from its package registry. Each
queue has a database of its own on the one server.
"""

import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import procrastinate
import psycopg

from scripts.bench.peer_packages import PeerMissing, last_line, npm_packages, python_packages
from scripts.bench.queue_lanes import connect, fill, set_up
from worker.embedded import EmbeddedPostgres

PGQUEUER = ("pgqueuer==1.6.0", "asyncpg==0.32.0")
# Its SQL, an extension of SQL alone, comes in this client's wheel.
PGMQ = ("pgmq==1.1.4",)
NODE = ("graphile-worker@0.18.0", "pg-boss@12.35.0")

_PATIENCE_SECONDS = 300
ROOT = Path(__file__).parents[2]
# Ours first: all others are compared with it.
NAMES = (
    "likeness",
    "plain",
    "plain_recorded",
    "procrastinate_sql",
    "procrastinate_worker",
    "pgmq",
    "pgqueuer",
    "graphile_worker",
    "pg_boss",
)
# Its jobs are pictures that are there: nothing is enqueued. Millions of them are ours to measure.
RECORDED = "plain_recorded"
MOST_RECORDED = 200_000
# procrastinate fetches one job at a time.
ONE_AT_A_TIME = frozenset({"procrastinate_sql", "procrastinate_worker"})


@dataclass(frozen=True)
class Sample:
    """Jobs that were done, and in what time."""

    jobs: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Jobs per second."""
        return self.jobs / self.seconds


class _Process:
    """One connection of a queue, in a process of its own."""

    def __init__(self, argv: Sequence[str]) -> None:
        # A file and no pipe, which a talkative library would fill, and stop.
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - until close()
        self._process = subprocess.Popen(
            argv,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self._answer()

    def ask(self, do: str, batch: int = 1, jobs: int = 1) -> Sample:
        """What came of one request. Raises PeerMissing where that went wrong."""
        assert self._process.stdin
        try:
            request = {"do": do, "batch": batch, "jobs": jobs}
            print(json.dumps(request), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            pass  # _answer() finds out what it said last.
        answer = self._answer()
        return Sample(answer["jobs"], answer["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        # A queue that finds no more jobs would be waited for for ever.
        patience = threading.Timer(_PATIENCE_SECONDS, self._process.kill)
        patience.start()
        line = self._process.stdout.readline()
        patience.cancel()
        if not line:
            if self._process.wait() == -signal.SIGKILL:
                raise PeerMissing(f"no answer within {_PATIENCE_SECONDS} seconds")
            self._said.seek(0)
            raise PeerMissing(last_line(self._said.read()))
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerMissing(answer["error"])
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._said.close()


class Queue:
    """One queue with its database, its connections, and the backlog that it is kept at."""

    def __init__(self, name: str, conninfo: str, connections: int) -> None:
        self.name = name
        self._conninfo = conninfo
        self._waiting = 0
        argv = _prepare(name, conninfo)
        self._processes = [_Process(argv)]
        try:
            if name in ("pgqueuer", "graphile_worker", "pg_boss"):
                self._processes[0].ask("install")
            self._processes += [_Process(argv) for _ in range(connections - 1)]
            if name != RECORDED:
                self._processes[0].ask("enqueue")
                self._waiting = 1
        except PeerMissing:
            self.close()
            raise

    def hold_backlog(self, jobs: int) -> None:
        """Lay as many jobs as are missing, and let the planner know."""
        if self._waiting < jobs:
            with connect(self._conninfo) as connection:
                fill(connection, self.name, jobs - self._waiting)
                connection.execute(
                    "vacuum (analyze)" if jobs - self._waiting > 50_000 else "analyze"
                )
            self._waiting = jobs

    def measure(self, do: str, batch: int, jobs: int, connections: int) -> Sample:
        """Enqueue, or take and complete, so many jobs on all connections together."""
        share = max(batch, jobs // connections // batch * batch)
        processes = self._processes[:connections]
        for process in processes:
            # New statistics make every statement be planned again: that is no part of the speed.
            process.ask(do, batch, max(batch, 2))
        with ThreadPoolExecutor(connections) as threads:
            samples = list(threads.map(lambda process: process.ask(do, batch, share), processes))
        done = (share + max(batch, 2)) * connections
        self._waiting += done if do == "enqueue" else -done
        return Sample(sum(s.jobs for s in samples), max(s.seconds for s in samples))

    def close(self) -> None:
        """End its processes."""
        for process in self._processes:
            process.close()


def _prepare(name: str, conninfo: str) -> list[str]:
    """Make the tables where SQL does it; the command of a process. Raises PeerMissing."""
    parameters = psycopg.conninfo.conninfo_to_dict(conninfo)
    if name in ("graphile_worker", "pg_boss"):
        packages = npm_packages("queue-peers-" + "-".join(NODE).replace("@", "-"), *NODE)
        names = {"host": "host", "port": "port", "user": "user", "dbname": "database"}
        options = {names[key]: value for key, value in parameters.items()}
        lane = str(ROOT / "scripts/bench/queue_lane.mjs")
        return ["node", lane, name, json.dumps(options), str(packages)]
    if name == "pgqueuer":
        python = python_packages(PGQUEUER[0].replace("==", "-"), *PGQUEUER)
        options = {**parameters, "database": parameters["dbname"]}
        del options["dbname"]
        module = "scripts.bench.queue_pgqueuer_lane"
        return [str(python), "-W", "ignore", "-m", module, json.dumps(options)]
    set_up(conninfo, name, _sql_files(name))
    return [sys.executable, "-m", "scripts.bench.queue_lane", name, conninfo]


def _sql_files(name: str) -> list[Path]:
    if name in ONE_AT_A_TIME:
        return [Path(procrastinate.__file__).parent / "sql" / "schema.sql"]
    if name == "pgmq":
        python = python_packages(PGMQ[0].replace("==", "-"), *PGMQ)
        return [next(python.parents[1].glob("lib/*/site-packages/pgmq/sql/pgmq.sql"))]
    return []


@contextmanager
def start_queues(
    server: EmbeddedPostgres, names: Sequence[str], connections: int, suffix: str = ""
) -> Iterator[tuple[list[Queue], dict[str, str]]]:
    """The queues that can be had, each in a database of its name and suffix; why others cannot."""
    queues: list[Queue] = []
    missing: dict[str, str] = {}
    try:
        for name in names:
            server.create_database(name + suffix)
            try:
                queues.append(Queue(name, server.conninfo(name + suffix), connections))
            except PeerMissing as error:
                missing[name] = str(error)
        yield queues, missing
    finally:
        for queue in queues:
            queue.close()
