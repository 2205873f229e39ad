"""Tests of what a log collector sees: one shape, whoever wrote the line."""

import json
import subprocess
import sys
from typing import Any

_PROGRAM = """
import logging
import sys

import psycopg

from worker.log import configure_logging, get_logger
from worker.settings import Settings

ours = get_logger()  # as modules do, before anything is configured
configure_logging(Settings(log_format=sys.argv[1], log_level=sys.argv[2]), "test")
ours.debug("small", n=1)
ours.info("plain", path="/a", n=2)
logging.getLogger("library").warning("of a %s", "library")
logging.getLogger("httpx").info("chatty")
logging.getLogger("urllib3.connectionpool").warning("Retrying (%r)", 3)
logging.getLogger("psycopg.pool").warning("error connecting in %r", "likeness api")
try:
    raise psycopg.OperationalError("the connection is lost")
except psycopg.OperationalError as error:
    logging.getLogger("procrastinate.worker.Worker").error("Side task failed", exc_info=error)
try:
    1 / 0
except ZeroDivisionError:
    ours.exception("it failed", image=3)
    logging.getLogger("library").exception("it failed too")
"""
_QUEUE_FAILS = """
import logging

import psycopg

from worker.log import configure_logging
from worker.settings import Settings

configure_logging(Settings(log_format="json"), "test")
for cls in (psycopg.errors.DeadlockDetected, psycopg.errors.AdminShutdown, ValueError):
    try:
        raise cls("it failed")
    except Exception:
        logging.getLogger("procrastinate.worker").exception(cls.__name__)
"""


def _lines(log_format: str, level: str = "info") -> list[str]:
    program = subprocess.run(
        [sys.executable, "-c", _PROGRAM, log_format, level],
        capture_output=True,
        text=True,
        check=True,
    )
    assert program.stdout == ""
    return program.stderr.splitlines()


def _entries(level: str = "info") -> list[dict[str, Any]]:
    return [json.loads(line) for line in _lines("json", level)]


def test_our_lines_and_those_of_libraries_have_one_shape() -> None:
    plain, library, ours, theirs = _entries()
    assert plain["event"] == "plain"
    assert (plain["path"], plain["n"]) == ("/a", 2)
    assert library["event"] == "of a library"
    for entry in (plain, library, ours, theirs):
        assert {"event", "level", "timestamp", "program"} <= entry.keys()
        assert entry["program"] == "test"
        assert entry["timestamp"].endswith("Z")
    assert [e["level"] for e in (plain, library, ours, theirs)] == [
        "info",
        "warning",
        "error",
        "error",
    ]


def test_an_exception_comes_with_its_traceback_on_the_same_line() -> None:
    for entry in _entries()[2:]:
        assert "ZeroDivisionError: division by zero" in entry["exception"]


def test_what_the_queue_library_fails_of_is_told_but_for_an_absent_database() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _QUEUE_FAILS], capture_output=True, text=True, check=True
    ).stderr
    events = [json.loads(line)["event"] for line in told.splitlines()]
    assert events == ["DeadlockDetected", "ValueError"]


def test_the_level_decides_for_both() -> None:
    assert _entries("debug")[0]["event"] == "small"
    assert [entry["event"] for entry in _entries("error")] == ["it failed", "it failed too"]


def test_people_get_columns() -> None:
    lines = _lines("console")
    assert "plain" in lines[0]
    assert "path" in lines[0]
    assert not lines[0].startswith("{")
    assert any("ZeroDivisionError: division by zero" in line for line in lines)
    assert not any("Warning" in line for line in lines)
