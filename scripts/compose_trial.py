"""Owns the trial of docker-compose.yml without an engine, told step by step.

Everything that it starts listens on loopback and is gone when it ends.
"""

import secrets
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.compose_by_hand import ServiceFailed, Stack, stack
from scripts.compose_file import ComposeFailed, start_order
from scripts.image_by_hand import build
from tests.real_parts import PartMissing, find_minio
from tests.sources import tracked_files

WORKERS = 2
# uvicorn ends by the signal that it was sent, after it has closed everything.
CLEAN_ENDS = {0, -signal.SIGTERM}


def secrets_of_a_person() -> Mapping[str, str]:
    """What a person puts into .env, with the characters that break a URL."""
    names = ("POSTGRES_PASSWORD", "MINIO_ROOT_PASSWORD", "LIKENESS_SERVICE_KEY")
    return {name: f"{secrets.token_hex(12)}:/@%20 $'x" for name in names}


def try_out(folder: Path, minio: Path) -> Iterator[str]:
    """Build, start, look and stop; yields what was done. Raises ServiceFailed."""
    venv = build(folder / "image", tracked_files())
    yield f"image made as the Dockerfile says: {_megabytes(venv):.0f} MB of Python"
    with stack(folder / "run", venv, minio, secrets_of_a_person(), {"worker": WORKERS}) as services:
        began = time.monotonic()
        services.start()
        yield f"started in order: {', '.join(start_order(services.services))}"
        for name in services.services:
            if "healthcheck" in services.services[name]:
                services.await_condition(name, "service_healthy")
                yield f"{name} is healthy"
        yield f"all of it after {time.monotonic() - began:.1f} s"
        yield f"GET /readyz: {_get(services, '/readyz')}"
        yield services.run("worker", str(venv / "bin" / "likeness"), "status").strip()
        for name, codes in services.stop().items():
            if not set(codes) <= CLEAN_ENDS:
                raise ServiceFailed(f"{name} ended with {codes}")
        yield "stopped in reverse order, each cleanly and within its time"


def _get(services: Stack, path: str) -> str:
    with urllib.request.urlopen(services.api_url + path, timeout=10) as answer:
        return f"{answer.status} {answer.read(500).decode()}"


def _megabytes(folder: Path) -> float:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder for the trial: Postgres, which is another user where we are root, gets through."""
    with tempfile.TemporaryDirectory(prefix="likeness-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def main() -> None:
    """Say each step; exit code 1 and the reason when one fails."""
    try:
        with open_folder() as folder:
            for line in try_out(folder, find_minio()):
                print(line, flush=True)
    except (ServiceFailed, ComposeFailed, PartMissing) as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
