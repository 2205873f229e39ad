"""Owns the real servers that tests talk to, other than Postgres: on loopback, and gone after.

A store that is mocked agrees with whatever its author believed; these disagree where S3 does.
"""

import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 30.0


class PartMissing(Exception):
    """A real component is not on this machine; the message says how to have it."""


@dataclass(frozen=True)
class MinioServer:
    """A running MinIO: ``endpoint`` is a URL, ``process`` may be stopped by a test that owns it."""

    endpoint: str
    access_key: str
    secret_key: str
    version: str
    process: subprocess.Popen[bytes]


def find_minio() -> Path:
    """The MinIO binary: LIKENESS_TEST_MINIO, else on PATH, else where CI keeps it."""
    named = os.environ.get("LIKENESS_TEST_MINIO")
    found = named or shutil.which("minio") or Path.home() / ".cache/likeness/bin/minio"
    if not os.access(found, os.X_OK):
        raise PartMissing(f"no MinIO at {found}: put it on PATH or name it in LIKENESS_TEST_MINIO")
    return Path(found)


@contextmanager
def minio_server(data_dir: Path) -> Iterator[MinioServer]:
    """A real MinIO with new keys and one drive, ``data_dir``, on a free port of loopback.

    Raises PartMissing where there is no binary, RuntimeError with its log when it does not start.
    """
    binary = find_minio()
    data_dir.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{free_port()}"
    server = _start(binary, data_dir, address, secrets.token_hex(8), secrets.token_hex(16))
    try:
        _wait_until_ready(server, data_dir)
        yield server
    finally:
        stop(server.process)


def start_again(server: MinioServer, data_dir: Path) -> MinioServer:
    """A server that was stopped, again: at its address, with its keys and its data."""
    address = server.endpoint.removeprefix("http://")
    again = _start(find_minio(), data_dir, address, server.access_key, server.secret_key)
    _wait_until_ready(again, data_dir)
    return again


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server, gently at first."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _start(
    binary: Path, data_dir: Path, address: str, access_key: str, secret_key: str
) -> MinioServer:
    environment = {
        "HOME": str(data_dir),
        "MINIO_ROOT_USER": access_key,
        "MINIO_ROOT_PASSWORD": secret_key,
        "MINIO_SITE_REGION": "us-east-1",  # without it, MinIO takes a signature for any region
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    with _log_path(data_dir).open("wb") as log:
        process = subprocess.Popen(
            [binary, "server", "--address", address, data_dir],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in a test run ends it through us alone
        )
    return MinioServer(f"http://{address}", access_key, secret_key, _version(binary), process)


def _wait_until_ready(server: MinioServer, data_dir: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _is_ready(server.endpoint):
        if server.process.poll() is not None or time.monotonic() > deadline:
            log = _log_path(data_dir).read_text(errors="replace")
            raise RuntimeError(f"MinIO did not start:\n{log[-2000:]}")
        time.sleep(0.05)


def _is_ready(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/minio/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _log_path(data_dir: Path) -> Path:
    return data_dir.with_name(data_dir.name + ".log")


def _version(binary: Path) -> str:
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.splitlines()[0].removeprefix("minio version ")
