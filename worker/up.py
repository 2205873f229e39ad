"""Owns `likeness up`: the whole system on one machine, started, kept alive and stopped in order.

It is a plain loop that looks after a handful of child processes. A signal interrupts whatever it
does by an exception, so that Ctrl-C works in the middle of a recovery of Postgres as well.
"""

import contextlib
import errno
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psycopg
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from worker import db
from worker.embedded import EmbeddedPostgres
from worker.errors import CannotStart, SettingsError
from worker.launch import launch
from worker.log import get_logger
from worker.migrate import (
    APP_ROLE,
    has_no_schema,
    let_programs_log_in,
    migrate,
    require_current_schema,
)
from worker.running import FolderLock, Running, announce, find_running, up_lock, withdraw
from worker.settings import Settings, as_owner, child_environment

DATABASE = "likeness"

_TICK_SECONDS = 0.1
_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 30.0
# A program that lived this long was well, and its next failure is a new story.
_WELL_AFTER_SECONDS = 60.0
_TRIES_BEFORE_READY = 3
_READY_SECONDS = 120.0
# What a program may take beyond its own grace period before it is killed.
_EXTRA_GRACE_SECONDS = 5.0
# Wrappers (uv, tini) pass on a Ctrl-C that the terminal has sent to us already.
_SAME_SIGNAL_SECONDS = 0.5

_log = get_logger()


class Interrupted(KeyboardInterrupt):
    """SIGINT, SIGTERM or SIGHUP came."""


@dataclass
class Program:
    """A child process that should be running, and how its starts went."""

    name: str
    argv: Sequence[str]
    pass_fds: tuple[int, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    failures: int = 0
    next_start: float = 0.0

    def delay(self) -> float:
        """Seconds until it is started again after its latest failure."""
        return float(min(_FIRST_DELAY_SECONDS * 2 ** (self.failures - 1), _LONGEST_DELAY_SECONDS))


class Supervisor:
    """Keeps programs and their Postgres running; the programs stop before it does."""

    def __init__(
        self,
        programs: Sequence[Program],
        env: Mapping[str, str],
        *,
        postgres: EmbeddedPostgres | None = None,
        stop_seconds: float = 25.0,
    ) -> None:
        self.programs = programs
        self.is_ready = False
        self._env = env
        self._postgres = postgres
        self._stop_seconds = stop_seconds

    def tick(self) -> None:
        """Start what should run and does not. Raises CannotStart before ``is_ready`` is set."""
        if self._postgres and not self._postgres.is_running:
            _log.error("postgres died; starting it again", log=str(self._postgres.log_file))
            _revive(self._postgres)
        now = time.monotonic()
        for program in self.programs:
            if program.process is not None and program.process.poll() is not None:
                self._bury(program, now)
            if program.process is None and now >= program.next_start:
                self._start(program, now)

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that outlast their grace or a second Ctrl-C."""
        living = [program.process for program in self.programs if program.process]
        for process in living:
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + self._stop_seconds
        try:
            while any(p.poll() is None for p in living) and time.monotonic() < deadline:
                time.sleep(_TICK_SECONDS / 2)
        except Interrupted:
            _log.warning("forced to stop")
        finally:
            # Also those whose leader is gone: its children share its group.
            for process in living:
                _signal_group(process, signal.SIGKILL)
                process.wait()

    def _start(self, program: Program, now: float) -> None:
        program.started = now
        program.process = launch(
            program.argv,
            # An orphan would work on without anybody to stop it; its leases run out by themselves.
            death_signal=signal.SIGKILL,
            env=self._env,
            pass_fds=program.pass_fds,
        )

    def _bury(self, program: Program, now: float) -> None:
        assert program.process is not None
        code = program.process.returncode
        _signal_group(program.process, signal.SIGKILL)
        program.process = None
        program.failures = (
            1 if now - program.started > _WELL_AFTER_SECONDS else program.failures + 1
        )
        if not self.is_ready and program.failures >= _TRIES_BEFORE_READY:
            raise CannotStart(
                f"{program.name} cannot start: it ended {program.failures} times,"
                f" {_describe_exit(code)}. What it said is above."
            )
        program.next_start = now + program.delay()
        _log.error(
            "program died; starting it again",
            name=program.name,
            how=_describe_exit(code),
            in_seconds=program.delay(),
        )


@dataclass(frozen=True)
class Started:
    """What a person wants to know about a system that is ready."""

    settings: Settings
    conninfo: str
    seconds: float
    postgres: EmbeddedPostgres | None
    key_file: Path | None


def ensure_service_key(settings: Settings) -> tuple[SecretStr, Path | None]:
    """The service key and the file that holds it, made on first use; a set key has no file."""
    if settings.service_key:
        return settings.service_key, None
    path = key_file(settings)
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(32) + "\n")
        draft.rename(path)
    return SecretStr(path.read_text().strip()), path


def read_service_key(settings: Settings) -> SecretStr | None:
    """The service key for a program beside `up`: of the settings, or of the file that `up` made."""
    path = key_file(settings)
    if settings.service_key or not path.exists():
        return settings.service_key
    return SecretStr(path.read_text().strip())


def key_file(settings: Settings) -> Path:
    """Where `up` keeps the service key that it made."""
    return settings.state_dir.absolute() / "service_key"


def run_up(settings: Settings, *, workers: int, say: Callable[[Started], None]) -> None:
    """Run everything until a signal; ``say`` is called once, when it is ready.

    Raises CannotStart, SettingsError or StaleSchema when it cannot run, after stopping what ran.
    """
    began = time.monotonic()
    settings = settings.model_copy(update={"state_dir": settings.state_dir.absolute()})
    with contextlib.ExitStack() as stack:
        stack.enter_context(_interrupting_signals())
        try:
            stack.enter_context(_only_one(settings.state_dir))
            listener = stack.enter_context(_bind(settings))
            settings = settings.model_copy(update={"api_port": listener.getsockname()[1]})
            postgres = stack.enter_context(_postgres(settings))
            conninfo = _prepare_database(settings, postgres)
            settings = _for_programs(settings, conninfo, postgres)
            key, path = ensure_service_key(settings)
            settings = settings.model_copy(update={"service_key": key})
            announce(
                settings.state_dir,
                Running(os.getpid(), settings.api_url, conninfo if postgres else None),
            )
            supervisor = stack.enter_context(
                _supervised(settings, _programs(listener, workers), postgres)
            )
            _await_ready(supervisor, settings, workers)
            say(Started(settings, conninfo, time.monotonic() - began, postgres, path))
            while True:
                time.sleep(_TICK_SECONDS)
                supervisor.tick()
        except Interrupted:
            _log.info("stopping")


def _revive(postgres: EmbeddedPostgres) -> None:
    # Sessions of the dead server notice its end only after a moment, and until then it is refused.
    for _ in range(_TRIES_BEFORE_READY):
        try:
            return postgres.restart()
        except CannotStart:
            time.sleep(1)
    return postgres.restart()


def _programs(listener: socket.socket, workers: int) -> list[Program]:
    python = [sys.executable, "-m", "worker"]
    number = listener.fileno()
    api = Program("The API", [*python, "api", "--fd", str(number)], (number,))
    return [api, *(Program(f"Worker {i + 1}", [*python, "worker"]) for i in range(workers))]


@contextlib.contextmanager
def _only_one(state_dir: Path) -> Iterator[None]:
    lock = up_lock(state_dir)
    _make_state_dir(lock, state_dir)
    try:
        withdraw(state_dir)
        yield
    finally:
        withdraw(state_dir)
        lock.release()


def _make_state_dir(lock: FolderLock, state_dir: Path) -> None:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_ours = lock.acquire()
    except OSError as error:
        raise CannotStart(
            f"Cannot use the state directory {state_dir}: {error.strerror}. Name one that you may"
            " write, by --state-dir or LIKENESS_STATE_DIR."
        ) from error
    if not is_ours:
        running = find_running(state_dir)
        where = f"at {running.url}" if running else "and is still starting"
        raise CannotStart(
            f"`likeness up` already runs on {state_dir}: pid {lock.holder()}, {where}."
            " Stop it, or name another directory by --state-dir."
        )


def _bind(settings: Settings) -> socket.socket:
    """Listen here, not in the API: a taken port shows at once, and a restart refuses nobody."""
    host, port = settings.api_host, settings.api_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"Port {port} on {host} is in use by another program."
                " Choose another one by --port or LIKENESS_API_PORT."
            ) from error
        raise CannotStart(
            f"Cannot listen on {host} port {port}: {error.strerror}."
            " See --host (LIKENESS_API_HOST) and --port (LIKENESS_API_PORT)."
        ) from error


@contextlib.contextmanager
def _postgres(settings: Settings) -> Iterator[EmbeddedPostgres | None]:
    if settings.database_url:
        yield None
        return
    postgres = EmbeddedPostgres(settings.state_dir / "postgres")
    postgres.start()
    try:
        yield postgres
    finally:
        try:
            postgres.stop()
        except Interrupted:
            postgres.stop(immediate=True)


def _prepare_database(settings: Settings, postgres: EmbeddedPostgres | None) -> str:
    if postgres:
        postgres.create_database(DATABASE)
        conninfo = postgres.conninfo(DATABASE)
        migrate(conninfo)
        let_programs_log_in(conninfo)
        return conninfo
    # A server that others use as well is not changed by a start; the error names the command. A
    # database that never had a schema of ours is nobody's, and gets it.
    owner = as_owner(settings)
    assert owner.database_url
    conninfo = owner.database_url.get_secret_value()
    try:
        with db.connect(owner, "up") as connection:
            is_new = has_no_schema(connection)
            if not is_new:
                require_current_schema(connection)
    except psycopg.OperationalError as error:
        raise SettingsError(f"Cannot reach LIKENESS_DATABASE_URL: {error}") from error
    if is_new:
        migrate(conninfo)
        if settings.app_password:
            let_programs_log_in(conninfo, settings.app_password.get_secret_value())
    return conninfo


def _for_programs(settings: Settings, conninfo: str, postgres: EmbeddedPostgres | None) -> Settings:
    """What the API and the workers are told: the database as a role that alters no table."""
    told: dict[str, object] = {"owner_database_url": None, "app_password": None}
    if postgres:
        told["database_url"] = SecretStr(make_conninfo(conninfo, user=APP_ROLE))
    return settings.model_copy(update=told)


@contextlib.contextmanager
def _supervised(
    settings: Settings, programs: Sequence[Program], postgres: EmbeddedPostgres | None
) -> Iterator[Supervisor]:
    supervisor = Supervisor(
        programs,
        child_environment(settings),
        postgres=postgres,
        stop_seconds=settings.grace_seconds + _EXTRA_GRACE_SECONDS,
    )
    try:
        yield supervisor
    finally:
        supervisor.stop()


def _await_ready(supervisor: Supervisor, settings: Settings, workers: int) -> None:
    """Start the programs and wait until the API says that it is ready and all workers are there."""
    deadline = time.monotonic() + _READY_SECONDS
    with db.connect(settings, "up") as connection:
        before = _latest_worker(connection)
        while True:
            supervisor.tick()
            missing = _api_problem(settings) or _worker_problem(connection, before, workers)
            if not missing:
                supervisor.is_ready = True
                return
            if time.monotonic() > deadline:
                raise CannotStart(f"Not ready after {_READY_SECONDS:.0f} s: {missing}")
            time.sleep(_TICK_SECONDS)


def _latest_worker(connection: db.Connection) -> int:
    row = connection.execute("select coalesce(max(id), 0) as id from likeness.workers").fetchone()
    assert row
    return int(row["id"])


def _worker_problem(connection: db.Connection, before: int, workers: int) -> str | None:
    row = connection.execute(
        "select count(*) as n from likeness.workers where id > %s and status = 'running'", [before]
    ).fetchone()
    assert row
    missing = workers - int(row["n"])
    return f"{missing} of {workers} workers have not registered" if missing > 0 else None


def _api_problem(settings: Settings) -> str | None:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.api_host, settings.api_host)  # noqa: S104
    connection = http.client.HTTPConnection(host, settings.api_port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"the API does not answer ({type(error).__name__}: {error})"
    finally:
        connection.close()
    return None if response.status == 200 else f"the API is not ready: {body}"


@contextlib.contextmanager
def _interrupting_signals() -> Iterator[None]:
    latest = 0.0

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal latest
        before, latest = latest, time.monotonic()
        if latest - before > _SAME_SIGNAL_SECONDS:
            raise Interrupted

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        numbers.append(signal.SIGHUP)
    previous = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"the last time with exit code {code}"
    return f"the last time by {signal.Signals(-code).name}"
