"""Owns the trial of docker-compose.yml without an engine, told step by step.

Everything that it starts listens on loopback and is gone when it ends.
"""

import functools
import http.server
import json
import secrets
import signal
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from scripts.compose_by_hand import ServiceFailed, Stack, stack
from scripts.compose_file import ComposeFailed, start_order
from scripts.image_by_hand import build
from tests.real_parts import PartMissing, find_minio
from tests.sources import tracked_files

WORKERS = 2
_PICTURE_SECONDS = 30.0
# uvicorn ends by the signal that it was sent, after it has closed everything.
CLEAN_ENDS = {0, -signal.SIGTERM}


def variables_of_a_person() -> Mapping[str, str]:
    """What a person puts into .env: secrets with characters that break a URL, and one setting."""
    names = (
        "POSTGRES_PASSWORD",
        "LIKENESS_APP_PASSWORD",
        "MINIO_ROOT_PASSWORD",
        "LIKENESS_SERVICE_KEY",
    )
    passwords = {name: f"{secrets.token_hex(12)}:/@%20 $'x" for name in names}
    return passwords | {"LIKENESS_ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8"}


def try_out(folder: Path, venv: Path, minio: Path) -> Iterator[str]:
    """Start, look, show a picture and stop; yields what was done. Raises ServiceFailed."""
    with stack(
        folder / "run", venv, minio, variables_of_a_person(), {"worker": WORKERS}
    ) as services:
        began = time.monotonic()
        services.start()
        yield f"started in order: {', '.join(start_order(services.services))}"
        for name in services.services:
            if "healthcheck" in services.services[name]:
                services.await_condition(name, "service_healthy")
                yield f"{name} is healthy"
        yield f"all of it after {time.monotonic() - began:.1f} s"
        yield f"GET /readyz: {_get(services, '/readyz')}"
        with _shop(folder / "shop") as feed:
            yield services.run("worker", str(venv / "bin" / "likeness"), "import", str(feed),
                               "--supplier", "trial", "--activate").strip()  # fmt: skip
            yield _first_picture(services)
        yield services.run("worker", str(venv / "bin" / "likeness"), "status").strip()
        for name, codes in services.stop().items():
            if not set(codes) <= CLEAN_ENDS:
                raise ServiceFailed(f"{name} ended with {codes}")
        yield "stopped in reverse order, each cleanly and within its time"


@contextmanager
def _shop(folder: Path) -> Iterator[Path]:
    """A supplier on loopback with one picture; yields its feed."""
    folder.mkdir()
    Image.radial_gradient("L").resize((1000, 600)).save(folder / "lamp.jpg")
    handler = functools.partial(_Silent, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        feed = folder / "feed.csv"
        feed.write_text(f"sku,name,image\nA1,Lamp,http://127.0.0.1:{server.server_port}/lamp.jpg\n")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield feed
        server.shutdown()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Leave the output to the trial."""


def _first_picture(services: Stack) -> str:
    """Wait until the resolver shows the first product from the store, and fetch what it shows."""
    deadline = time.monotonic() + _PICTURE_SECONDS
    where = f"{services.api_url}/api/products/1/display-url?context=grid"
    while (shown := _read_json(where))["status"] != "cached":
        if time.monotonic() > deadline:
            raise ServiceFailed(f"No picture after {_PICTURE_SECONDS:.0f} s: {shown}")
        time.sleep(0.2)
    with urllib.request.urlopen(shown["url"], timeout=10) as answer:
        kind, size = answer.headers["content-type"], len(answer.read())
    return f"the picture is shown: {kind}, {shown['width']}x{shown['height']}, {size} bytes"


def _read_json(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


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
            minio = find_minio()
            venv = build(folder / "image", tracked_files())
            print(f"image made as the Dockerfile says: {_megabytes(venv):.0f} MB of Python")
            for line in try_out(folder, venv, minio):
                print(line, flush=True)
    except (ServiceFailed, ComposeFailed, PartMissing) as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
