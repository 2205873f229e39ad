"""`likeness up`: what it leaves for other commands, how it keeps programs alive, how it stops."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.sources import ROOT
from worker.errors import CannotStart, SettingsError
from worker.running import Running, announce, find_running, locate_database, up_lock, withdraw
from worker.settings import Settings, child_environment
from worker.up import Interrupted, Program, Supervisor, ensure_service_key, read_service_key

FOREVER = [sys.executable, "-c", "import time; time.sleep(600)"]
FAILING = [sys.executable, "-c", "raise SystemExit(3)"]
STUBBORN = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""
PROGRAMS_USERS = """
select distinct usename from pg_stat_activity
 where application_name like 'likeness api%' or application_name like 'likeness worker%'
"""


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def supervise(*programs: Program, stop_seconds: float = 30.0) -> Supervisor:
    return Supervisor(programs, dict(os.environ), stop_seconds=stop_seconds)


def pid_of(program: Program) -> int:
    assert program.process
    return program.process.pid


# What it leaves for the commands beside it.


def test_a_database_url_wins_over_a_running_up(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, database_url=SecretStr("host=elsewhere"))
    assert locate_database(settings) == "host=elsewhere"


def test_without_a_running_up_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"likeness up.*LIKENESS_DATABASE_URL"):
        locate_database(Settings(state_dir=tmp_path / "none"))


def test_a_running_up_is_found_through_the_state_directory(tmp_path: Path) -> None:
    lock = up_lock(tmp_path)
    assert lock.acquire()
    announce(tmp_path, Running(os.getpid(), "http://127.0.0.1:1", "host=/x dbname=likeness"))
    assert locate_database(Settings(state_dir=tmp_path)) == "host=/x dbname=likeness"
    lock.release()


def test_the_state_file_of_an_up_that_was_killed_is_not_believed(tmp_path: Path) -> None:
    announce(tmp_path, Running(os.getpid(), "http://127.0.0.1:1", "host=/x"))
    up_lock(tmp_path).path.write_text(f"{os.getpid()}\n")
    assert find_running(tmp_path) is None
    with pytest.raises(SettingsError):
        locate_database(Settings(state_dir=tmp_path))


def test_beside_an_up_with_its_own_server_the_error_names_the_variable(tmp_path: Path) -> None:
    lock = up_lock(tmp_path)
    assert lock.acquire()
    announce(tmp_path, Running(os.getpid(), "http://127.0.0.1:1", None))
    with pytest.raises(SettingsError, match="Set the same variable here"):
        locate_database(Settings(state_dir=tmp_path))
    withdraw(tmp_path)
    assert find_running(tmp_path) is None
    lock.release()


def test_a_lock_has_one_holder_who_is_named(tmp_path: Path) -> None:
    first, second = up_lock(tmp_path), up_lock(tmp_path)
    assert first.holder() is None
    assert first.acquire()
    assert not second.acquire()
    assert second.holder() == os.getpid()
    first.release()
    assert second.acquire()
    second.release()


def test_the_service_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    key, path = ensure_service_key(settings)
    assert path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(key.get_secret_value()) >= 32
    assert ensure_service_key(settings) == (key, path)


def test_programs_beside_up_find_its_key_and_none_before_it_made_one(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    assert read_service_key(settings) is None
    key, _ = ensure_service_key(settings)
    assert read_service_key(settings) == key


def test_a_service_key_of_the_settings_wins_and_leaves_no_file(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, service_key=SecretStr("mine"))
    assert ensure_service_key(settings) == (SecretStr("mine"), None)
    assert not list(tmp_path.iterdir())


def test_a_child_gets_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIKENESS_ALLOWED_PRIVATE_NETWORKS", "127.0.0.0/8, 10.0.0.0/8")
    monkeypatch.setenv("LIKENESS_FETCH_CONCURRENCY", "3")
    settings = Settings(state_dir=tmp_path, service_key=SecretStr("mine"))
    for name, value in child_environment(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings.model_copy(update={"worker_name": Settings().worker_name})


# How it keeps programs alive.


def test_a_program_that_dies_is_started_again() -> None:
    program = Program("It", FOREVER)
    supervisor = supervise(program)
    supervisor.tick()
    supervisor.is_ready = True
    before = pid_of(program)
    os.kill(before, signal.SIGKILL)

    def is_another() -> bool:
        supervisor.tick()
        return program.process is not None and pid_of(program) != before

    wait_for(is_another)
    supervisor.stop()


def test_a_program_that_cannot_start_is_given_up_with_its_exit_code() -> None:
    supervisor = supervise(Program("The API", FAILING))

    def tick_until_it_gives_up() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            supervisor.tick()

    with pytest.raises(CannotStart, match=r"The API cannot start: it ended 3 times.*exit code 3"):
        tick_until_it_gives_up()


def test_a_ready_system_never_gives_up_but_waits_longer_each_time() -> None:
    program = Program("It", FAILING)
    delays = []
    for failures in range(1, 9):
        program.failures = failures
        delays.append(program.delay())
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_program_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    program = Program("It", [sys.executable, "-c", STUBBORN, str(tmp_path / "ready")])
    supervisor = supervise(program, stop_seconds=0.2)
    supervisor.tick()
    wait_for((tmp_path / "ready").exists)
    supervisor.stop()
    assert program.process
    assert program.process.returncode == -signal.SIGKILL


def test_a_second_ctrl_c_does_not_wait_for_the_grace_period(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Program("It", [sys.executable, "-c", STUBBORN, str(tmp_path / "ready")])
    supervisor = supervise(program, stop_seconds=600)
    supervisor.tick()
    wait_for((tmp_path / "ready").exists)

    def interrupt(number: int, frame: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        supervisor.stop()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert program.process
    assert program.process.returncode == -signal.SIGKILL


def test_programs_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import os, signal, pathlib
from worker.up import Program, Supervisor
program = Program("It", {FOREVER!r})
Supervisor([program], dict(os.environ)).tick()
pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(program.process.pid))
# The child asks for the signal within its first milliseconds.
while b"sleep" not in pathlib.Path(f"/proc/{{program.process.pid}}/cmdline").read_bytes() or \\
      b"launch.py" in pathlib.Path(f"/proc/{{program.process.pid}}/cmdline").read_bytes():
    pass
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], check=False, cwd=ROOT)
    status = Path("/proc") / (tmp_path / "pid").read_text() / "stat"
    wait_for(lambda: not status.exists() or status.read_text().split()[2] == "Z")


# The whole of it.


@contextmanager
def running_up(state_dir: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """`likeness up` in a process of its own on a port that the kernel chooses; ready or ended."""
    command = [sys.executable, "-m", "worker", "up", "--port", "0", "--state-dir", str(state_dir)]
    process = subprocess.Popen(
        [*command, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until_ready(process: "subprocess.Popen[str]", state_dir: Path) -> Running:
    assert process.stdout
    first = process.stdout.readline()
    if "is ready" not in first:
        assert process.stderr
        pytest.fail(f"up ended with {process.wait()}: {process.stderr.read()}")
    running = find_running(state_dir)
    assert running
    return running


def likeness(state_dir: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "worker", *arguments],
        cwd=ROOT,
        env={**os.environ, "LIKENESS_STATE_DIR": str(state_dir), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_taken_port_is_named_with_the_variable_to_change(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = likeness(tmp_path / "state", "up", "--port", str(port))
    assert answer.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in answer.stderr
    assert "LIKENESS_API_PORT" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_up_beside_another_one_names_it_and_ends(tmp_path: Path) -> None:
    lock = up_lock(tmp_path)
    assert lock.acquire()
    announce(tmp_path, Running(os.getpid(), "http://127.0.0.1:4242", None))
    answer = likeness(tmp_path, "up", "--port", "0")
    lock.release()
    assert answer.returncode == 1
    assert f"pid {os.getpid()}, at http://127.0.0.1:4242" in answer.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_runs_everything_until_a_signal_and_keeps_the_data(
    tmp_path: Path, number: signal.Signals
) -> None:
    state = tmp_path / "state"
    with running_up(state) as up:
        running = wait_until_ready(up, state)
        assert running.pid == up.pid
        likeness(state, "psql", "-c", "create table public.kept as select 7 as n")
        status = json.loads(likeness(state, "status", "--json").stdout)
        assert len(status["workers"]) == 1
        assert likeness(state, "psql", "-Atc", PROGRAMS_USERS).stdout.split() == ["likeness_app"]
        up.send_signal(number)
        assert up.wait(60) == 0
    assert find_running(state) is None
    assert "database system is shut down" in (state / "postgres" / "server.log").read_text()
    with running_up(state, "--workers", "2") as up:
        wait_until_ready(up, state)
        assert likeness(state, "psql", "-Atc", "select n from kept").stdout.strip() == "7"
        up.send_signal(number)
        assert up.wait(60) == 0


@pytest.mark.slow
def test_up_starts_again_after_it_and_all_its_programs_were_killed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_up(state) as up:
        wait_until_ready(up, state)
        likeness(state, "psql", "-c", "create table public.kept as select 7 as n")
        up.kill()
        up.wait()
    with running_up(state) as up:
        wait_until_ready(up, state)
        assert likeness(state, "psql", "-Atc", "select n from kept").stdout.strip() == "7"
        up.terminate()
        assert up.wait(60) == 0
