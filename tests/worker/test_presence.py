"""Tests of what the log says while servers are away: that they went, that they are back, once."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from psycopg import errors
from psycopg_pool import PoolTimeout
from pydantic import SecretStr
from structlog.testing import capture_logs

from tests import postgres_servers
from tests.real_parts import free_port
from tests.worker_process import worker_process
from worker.embedded import EmbeddedPostgres
from worker.log import is_absence
from worker.migrate import migrate
from worker.presence import Presence
from worker.settings import Settings, child_environment

GONE = psycopg.OperationalError("connection refused")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_absence_is_said_once_and_its_end_once() -> None:
    clock = Clock()
    presence = Presence(clock)
    with capture_logs() as said:
        presence.back()
        for _ in range(30):
            presence.away(GONE, part="look")
            clock.now += 10
        presence.back()
        presence.back()
        presence.away(GONE, part="an echo")
        presence.away(GONE, is_opening=True)
    assert [entry["event"] for entry in said] == ["database away", "database back", "database away"]
    assert (said[0]["error"], said[0]["part"]) == ("connection refused", "look")
    assert said[1]["seconds"] == 300


def test_an_absence_that_nobody_saw_end_does_not_hide_the_next_one() -> None:
    clock = Clock()
    presence = Presence(clock)
    with capture_logs() as said:
        presence.away(GONE)
        clock.now += 3600
        presence.away(GONE)
        clock.now += 1
        presence.back()
    assert [entry["event"] for entry in said] == ["database away"] * 2 + ["database back"]
    assert said[2]["seconds"] == 1


def test_a_wait_for_a_session_is_news_only_while_nobody_told_of_an_absence() -> None:
    clock = Clock()
    presence = Presence(clock)
    with capture_logs() as said:
        presence.away(PoolTimeout("all are busy"))
        presence.away(GONE)
        clock.now += 30
        waited = ConnectorException()
        waited.__cause__ = PoolTimeout("not in 30 s")
        presence.away(waited)
        presence.back()
        presence.away(PoolTimeout("not in 30 s"))
    assert [entry.get("error") for entry in said] == ["all are busy", "connection refused", None]


def test_what_a_database_says_is_no_absence() -> None:
    presence = Presence()
    refused = errors.LockNotAvailable("canceling statement due to lock timeout")
    with capture_logs() as said:
        presence.away(refused)
        presence.away(refused)
    assert len(said) == 2
    assert not is_absence(refused)
    assert not is_absence(ValueError())
    assert not is_absence(None)
    assert is_absence(errors.AdminShutdown("terminating connection"))
    wrapped = ConnectorException()
    wrapped.__cause__ = GONE
    assert is_absence(wrapped)


@pytest.fixture
def own_postgres() -> Iterator[EmbeddedPostgres]:
    with postgres_servers.short_folder() as folder:
        postgres = EmbeddedPostgres(folder / "data", durable=False)
        postgres.start()
        try:
            postgres.create_database("likeness")
            migrate(postgres.conninfo("likeness"))
            yield postgres
        finally:
            postgres.stop(immediate=True)


@contextmanager
def api_process(settings: Settings, log: Path) -> Iterator[None]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "worker", "api"],
            env=child_environment(settings),
            stdout=output,
            stderr=output,
        )
    try:
        await_ready(settings)
        yield
    finally:
        process.terminate()
        process.wait(30)


def await_ready(settings: Settings) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if ask(settings, "/readyz") == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)


def ask(settings: Settings, path: str) -> int:
    return httpx.get(settings.api_url + path, trust_env=False, timeout=30).status_code


def entries_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_programs_say_once_that_their_database_went_and_once_that_it_is_back(
    own_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    settings = Settings(
        database_url=SecretStr(own_postgres.conninfo("likeness")),
        state_dir=tmp_path / "state",
        worker_name="test",
        api_port=free_port(),
        log_format="json",
        render_processes=1,
    )
    logs = [tmp_path / "worker", tmp_path / "api"]
    with worker_process(settings, logs[0]) as worker, api_process(settings, logs[1]):
        worker.await_ready()
        before = [len(entries_of(log)) for log in logs]
        own_postgres.stop(immediate=True)
        for _ in range(2):
            assert ask(settings, "/api/products/1/display-url") == 503
        own_postgres.start()
        await_ready(settings)
        deadline = time.monotonic() + 30
        for log in logs:
            while "database back" not in log.read_text():
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
        time.sleep(12)  # the longest pause of a part of a worker
        after = [entries_of(log)[n:] for log, n in zip(logs, before, strict=True)]
        worker.stop()
    for entries in after:
        events = Counter(entry["event"] for entry in entries)
        assert (events["database away"], events["database back"]) == (1, 1), entries
        assert not [entry for entry in entries if "exception" in entry]
    theirs = {"database away", "database back", "periodic work done"}
    assert {entry["event"] for entry in after[0]} <= theirs
    # Beside those two, the API tells of each request, as ever.
    theirs = {"database away", "database back", "database not available", "request"}
    assert {entry["event"] for entry in after[1]} == theirs
