"""Owns reading docker-compose.yml as Compose reads it: merged, interpolated, in order of start.

Compose itself does the reading (its program needs no engine for that), so that nothing here can
understand the file better than it does.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yml"

Service = Mapping[str, Any]


class ComposeFailed(Exception):
    """Compose is missing, or refused the file; the message is its own."""


def find_compose() -> str:
    """The program of Compose: of the development packages, beside our Python, or on PATH."""
    beside = Path(sys.executable).with_name("docker-compose")
    found = shutil.which(beside) or shutil.which("docker-compose")
    if not found:
        raise ComposeFailed("no docker-compose: it is one of the development packages")
    return found


def read_services(variables: Mapping[str, str]) -> dict[str, Service]:
    """The services, resolved with ``variables`` in the place of .env.

    Raises ComposeFailed with what Compose says, which names each variable that is missing.
    """
    command = [find_compose(), "--file", str(COMPOSE_FILE), "--env-file", os.devnull, "config"]
    answer = subprocess.run(
        [*command, "--format", "json"],
        env={"PATH": os.defpath, "HOME": os.devnull, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise ComposeFailed(answer.stderr.strip())
    services: dict[str, Service] = json.loads(answer.stdout, object_hook=_unescaped)["services"]
    return services


def start_order(services: Mapping[str, Service]) -> list[str]:
    """Names of the services, each after all that it depends on."""
    return list(
        TopologicalSorter(
            {name: service.get("depends_on", {}) for name, service in services.items()}
        ).static_order()
    )


def _unescaped(found: dict[str, Any]) -> dict[str, Any]:
    # The output is a compose file again, in which a dollar is written twice.
    return {key: _plain(value) for key, value in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value
