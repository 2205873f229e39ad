"""Owns real worker processes for tests: started from settings, watched, killed."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import Connection
from psycopg.rows import DictRow

from worker.settings import Settings, child_environment

_SETTLE_SECONDS = 180.0
_READY_SECONDS = 180.0


class WorkerProcess:
    """One `likeness worker`, its log in a file."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker", "worker"],
                env=child_environment(settings),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def await_ready(self) -> None:
        """Until it says that it listens for work."""
        deadline = time.monotonic() + _READY_SECONDS
        while '"worker ready"' not in self.log.read_text():
            self.assert_alive()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def assert_alive(self) -> None:
        assert self.process.poll() is None, self.log.read_text()[-3000:]


@contextmanager
def worker_process(settings: Settings, log: Path) -> Iterator[WorkerProcess]:
    """A worker that is gone afterwards, whatever the test did."""
    worker = WorkerProcess(settings, log)
    try:
        yield worker
    finally:
        if worker.process.poll() is None:
            worker.kill()


def count_moving(connection: Connection[DictRow]) -> int:
    """Pictures that are waiting (due) or in hand."""
    row = connection.execute(
        "select count(*) as n from likeness.images"
        " where claimed_by is not null or (queued_at is not null and retry_at is null)"
    ).fetchone()
    assert row
    return int(row["n"])


def await_settled(connection: Connection[DictRow], worker: WorkerProcess) -> None:
    """Wait until no picture is waiting or in hand."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (moving := count_moving(connection)) and time.monotonic() < deadline:
        worker.assert_alive()
        time.sleep(0.1)
    assert moving == 0, f"{moving} pictures did not settle:\n{worker.log.read_text()[-3000:]}"
