"""Owns starting the services of docker-compose.yml by hand, on machines without an engine.

Each service's own command runs with each service's own variables, in the order and under the
conditions that the file states, against a real Postgres and a real MinIO. What an engine adds is
stood in for: its names and ports become addresses of loopback, and the two images of others become
the programs that are here.
"""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.compose_file import Service, read_services, start_order
from scripts.image_by_hand import read_environment, read_stage
from worker.account import choose_account, give, reachable_programs
from worker.embedded import find_programs
from worker.launch import launch

_POLL_SECONDS = 0.2
_READY_SECONDS = 90.0
_INIT_SCRIPTS = "/docker-entrypoint-initdb.d/"
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


class ServiceFailed(Exception):
    """A service did not do what the file waits for; the message ends with its log."""


@dataclass
class Running:
    """One process of a service."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def fail(self, what: str) -> ServiceFailed:
        """The error that says ``what`` and what the process said last."""
        return ServiceFailed(f"{self.name} {what}:\n{self.log.read_text(errors='replace')[-3000:]}")


@dataclass
class Stack:
    """All services, with their processes once they are started. ``venv`` is the image's."""

    folder: Path
    venv: Path
    minio: Path
    services: Mapping[str, Service]
    scale: Mapping[str, int] = field(default_factory=dict)
    running: dict[str, list[Running]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.api, self.postgres, self.store = _free_ports(3)
        # As the services know each other, and where that is here.
        self._places = {
            "postgres:5432": f"127.0.0.1:{self.postgres}",
            "--port=5432": f"--port={self.postgres}",
            "minio:9000": f"127.0.0.1:{self.store}",
            "127.0.0.1:9000": f"127.0.0.1:{self.store}",
            ":9000": f"127.0.0.1:{self.store}",
            "0.0.0.0": "127.0.0.1",  # noqa: S104 - what the file says, not what we do
            "127.0.0.1:8000": f"127.0.0.1:{self.api}",
            "localhost:8000": f"127.0.0.1:{self.api}",
            "8000": str(self.api),
        }
        self._account = choose_account(self.folder / "none")
        self._postgres_bin = reachable_programs(find_programs(), self._account)

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.api}"

    def start(self) -> None:
        """Start everything in order. Raises ServiceFailed."""
        for name in start_order(self.services):
            for needed, how in self.services[name].get("depends_on", {}).items():
                self.await_condition(needed, how["condition"])
            if name == "postgres":
                self._make_cluster(self.services[name])
            for _ in range(self.scale.get(name, 1)):
                self.start_one(name)

    def start_one(self, name: str) -> Running:
        """Start one process of a service."""
        processes = self.running.setdefault(name, [])
        log = self.folder / f"{name}-{len(processes) + 1}.log"
        with log.open("wb") as output:
            process = launch(
                self._command(name),
                death_signal=signal.SIGKILL,
                account=self._account if name == "postgres" else None,
                cwd=self.folder,
                env=self.environment(name),
                output=output,
            )
        processes.append(Running(name, process, log))
        return processes[-1]

    def await_condition(self, name: str, condition: str) -> None:
        """Wait for what a dependency is waited for. Raises ServiceFailed."""
        deadline = time.monotonic() + _READY_SECONDS
        for running in self.running[name]:
            if condition == "service_completed_successfully":
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.process.wait(_READY_SECONDS)
                if running.process.poll() != 0:
                    raise running.fail(f"ended with {running.process.returncode}")
                continue
            while (said := self.check_health(name)) is not None:
                if running.process.poll() is not None or time.monotonic() > deadline:
                    raise running.fail(f"is not healthy ({said})")
                time.sleep(_POLL_SECONDS)

    def check_health(self, name: str) -> str | None:
        """Run the service's own health check: None when it passes, else what it said."""
        kind, *command = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD", "a check without a shell works in an image without one"
        answer = subprocess.run(
            [self._here(word) for word in command],
            env=self.environment(name),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return None if answer.returncode == 0 else (answer.stderr or answer.stdout).strip()[-500:]

    def run(self, name: str, *command: str) -> str:
        """`docker compose run`: another command with a service's variables; returns its output."""
        return subprocess.run(
            command,
            env=self.environment(name),
            cwd=self.folder,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    def stop(self) -> dict[str, list[int]]:
        """End all in reverse order; returns the exit codes.

        Raises ServiceFailed when a process outlasts the time that the file gives it.
        """
        codes = {}
        for name in reversed(start_order(self.services)):
            seconds = _seconds(self.services[name].get("stop_grace_period", "10s"))
            # The image of Postgres asks for a SIGINT, which ends sessions and not only waits.
            number = signal.SIGINT if name == "postgres" else signal.SIGTERM
            codes[name] = [
                _stop(running, number, seconds) for running in self.running.pop(name, [])
            ]
        return codes

    def kill(self) -> None:
        """End what is left, at once."""
        for running in [one for processes in self.running.values() for one in processes]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.process.pid, signal.SIGKILL)
            running.process.wait()

    def environment(self, name: str) -> dict[str, str]:
        """The variables of a service, and nothing of ours but where the programs are."""
        image = read_environment(read_stage("minio" if name == "minio" else "likeness"))
        image.pop("HOME", None)
        image["PATH"] = f"{self.venv / 'bin'}:{self._postgres_bin}:{_SYSTEM_PATH}"
        image["HOME"] = str(self.folder)
        declared: Mapping[str, Any] = self.services[name].get("environment") or {}
        given = {
            key: self._here(str(value)) for key, value in declared.items() if value is not None
        }
        return image | given

    def _here(self, text: str) -> str:
        for there, here in self._places.items():
            if text == there or (there in text and there[0].isalnum() and ":" in there):
                return text.replace(there, here)
        return text

    def _command(self, name: str) -> list[str]:
        program, *arguments = map(str, self.services[name]["command"])
        if name == "minio":
            data = self.folder / "minio-data"
            return [str(self.minio), *(str(data) if a == "/data" else a for a in arguments)]
        if name == "postgres":
            return [str(self._postgres_bin / program), *arguments, *self._postgres_place()]
        return [str(self.venv / "bin" / program), *arguments]

    def _postgres_place(self, *, address: str = "127.0.0.1") -> list[str]:
        sockets = str(self.folder / "sockets")
        options = {"listen_addresses": address, "unix_socket_directories": sockets}
        words = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        return ["-D", str(self.folder / "postgres-data"), "-p", str(self.postgres), *words]

    def _make_cluster(self, service: Service) -> None:
        """Do what the image does with an empty volume: initdb, then the mounted scripts."""
        for name in ("postgres-data", "sockets"):
            place = self.folder / name
            place.mkdir(mode=0o700)
            give(place, self._account)
        password = self.folder / "password"
        password.write_text(service["environment"]["POSTGRES_PASSWORD"])
        give(password, self._account)
        self._as_server(
            "initdb", "-D", str(self.folder / "postgres-data"), "-U", "postgres", "--no-sync",
            f"--pwfile={password}", "--auth-local=trust", "--auth-host=scram-sha-256",
            *shlex.split(service["environment"]["POSTGRES_INITDB_ARGS"]),
        )  # fmt: skip
        password.unlink()
        options = shlex.join(self._postgres_place(address="")[2:])
        data = str(self.folder / "postgres-data")
        self._as_server(
            "pg_ctl", "-D", data, "-l", f"{data}/init.log", "-w", "-o", options, "start"
        )
        try:
            for script in _init_scripts(service):
                self._fill(script, service)
        finally:
            self._as_server("pg_ctl", "-D", data, "-m", "fast", "-w", "stop")

    def _fill(self, script: Path, service: Service) -> None:
        where = {"PGHOST": str(self.folder / "sockets"), "PGPORT": str(self.postgres)}
        subprocess.run(
            [self._postgres_bin / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-U", "postgres",
             "-d", "postgres", "-f", script],
            env={**service["environment"], **where},
            stdout=subprocess.DEVNULL,
            check=True,
        )  # fmt: skip

    def _as_server(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("wb") as output:
            process = launch(
                [self._postgres_bin / program, *arguments],
                death_signal=signal.SIGKILL,
                account=self._account,
                cwd=self.folder,
                output=output,
            )
        if process.wait():
            raise ServiceFailed(f"{program}:\n{(self.folder / f'{program}.log').read_text()}")


@contextlib.contextmanager
def stack(
    folder: Path,
    venv: Path,
    minio: Path,
    variables: Mapping[str, str],
    scale: Mapping[str, int],
) -> Iterator[Stack]:
    """The services, not started yet; nothing of them is left afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "minio-data").mkdir()
    found = Stack(folder, venv, minio, read_services(variables), scale)
    try:
        yield found
    finally:
        found.kill()


def _init_scripts(service: Service) -> list[Path]:
    mounts = service.get("volumes", [])
    found = {m["target"]: m["source"] for m in mounts if m["target"].startswith(_INIT_SCRIPTS)}
    return [Path(found[target]) for target in sorted(found)]


def _stop(running: Running, number: signal.Signals, seconds: float) -> int:
    if running.process.poll() is None:
        running.process.send_signal(number)
    try:
        return running.process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
        raise running.fail(f"did not stop in {seconds:.0f} s") from None


def _seconds(duration: str) -> float:
    minutes, found, rest = duration.rpartition("m")
    return (60 * float(minutes) if found else 0.0) + float(rest.removesuffix("s") or 0)


def _free_ports(count: int) -> Sequence[int]:
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]
