"""Owns fuzzing the API by its own description: no answer is a fault of ours or undocumented.

Starts a database, a catalogue with pictures in every state and the API, logged in as the role that
production has, and lets Schemathesis (pinned, in an environment of its own) make requests for as
long as it is told. Exit code 1 and its report when it finds something.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from pydantic import SecretStr

from api import batches, lazy, limits
from tests import postgres_servers
from tests.api.serving import free_port, running
from tests.api.shop import Shop
from worker.log import configure_logging
from worker.migrate import APP_ROLE, let_programs_log_in, migrate
from worker.settings import Settings
from worker.storage import open_store

PACKAGE = "schemathesis==4.32.5"
FOLDER = Path.home() / ".cache/likeness" / PACKAGE.replace("==", "-")
KEY = "the-key-of-the-fuzzer"
SECRET = "the secret of users' tokens that the fuzzer signs with"  # noqa: S105
# Left out is what judges a description and not an answer: whether odd requests are refused or
# taken (`negative_data_rejection`, `positive_data_acceptance`: a body may be right and the database
# still know better) and what `unsupported_method` makes of routes that share a path.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,ignored_auth,unsupported_method"
)
_CONFIGURATION = """
[auth.openapi.bearer]
bearer = "{key}"

[auth.openapi.api_key]
api_key = "{key}"

[auth.openapi.user]
bearer = "{token}"
"""


def find_program() -> Path:
    """Schemathesis, installed on first use."""
    program = FOLDER / "bin" / "schemathesis"
    if not program.exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", str(FOLDER)], check=True)
        where = ["--python", str(FOLDER / "bin" / "python")]
        subprocess.run([*uv, "pip", "install", "--quiet", *where, PACKAGE], check=True)
    return program


def fill(shop: Shop) -> None:
    """Products 1 to 20 and their pictures: shown, failed, waiting, resting, drafts, none."""
    shop.pending(sku="shown", pictures=("a.jpg", "b.jpg"))
    for number in range(2, 18):
        shop.product(1, f"shown {number}", (f"{number}.jpg",))
    shop.complete(formats=("webp", "jpeg"))
    shop.product(1, "failed", ("c.jpg",))
    shop.fail()
    shop.product(1, "none", ())
    shop.product(1, "waits", ("d.jpg",))
    shop.pending(supplier="hidden", sku="waits too", hide_origin=True, prefix="https://h.example/")
    shop.supplier("draft")
    shop.product(shop.dataset("draft"), "draft")
    # Nothing is fetched here: no worker runs, and the hosts are nobody's.
    shop.connection.execute("select likeness.pause_host('h.example')")


@contextmanager
def serving() -> Iterator[Settings]:
    """The API with its catalogue, until the block ends."""
    with tempfile.TemporaryDirectory() as folder, postgres_servers.newest() as postgres:
        conninfo = postgres.conninfo("fuzz")
        with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
            connection.execute("create database fuzz")
        migrate(conninfo)
        let_programs_log_in(conninfo)
        settings = Settings(
            database_url=SecretStr(make_conninfo(conninfo, user=APP_ROLE)),
            state_dir=Path(folder),
            api_port=free_port(),
            service_key=SecretStr(KEY),
            user_jwt_secret=SecretStr(SECRET),
            proxy_per_minute=100_000,
            log_format="json",
            log_level="error",
        )
        configure_logging(settings, "fuzz")
        store = open_store(settings)
        store.ensure_ready()
        with psycopg.connect(conninfo, autocommit=True, row_factory=dict_row) as connection:
            fill(Shop(connection, store))
        # Nobody works here, so waiting for a picture only takes time from the fuzzer.
        lazy.WAIT_SECONDS = batches.WAIT_SECONDS = 0.2
        limits.LAZY_PER_MINUTE = 1000
        with running(settings):
            yield settings


def fuzz(settings: Settings, minutes: float, seed: int | None, arguments: list[str]) -> int:
    """Run the fuzzer; its exit code."""
    claims = {"sub": "ann", "exp": int(time.time() + minutes * 60 + 3600)}
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as configuration:
        token = jwt.encode(claims, SECRET, "HS256")
        configuration.write(_CONFIGURATION.format(key=KEY, token=token))
        configuration.flush()
        command = [
            str(find_program()),
            f"--config-file={configuration.name}",
            *("run", f"{settings.api_url}/openapi/openapi.json"),
            f"--checks={CHECKS}",
            f"--max-time={round(minutes * 60)}",
            "--continue-on-failure",
            "--request-timeout=30",
            "--suppress-health-check=all",
            *([f"--seed={seed}"] if seed is not None else []),
            *arguments,
        ]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LIKENESS_")}
        # It keeps what it needs to replay a failure in the folder where it runs.
        return subprocess.run(command, check=False, env=environment, cwd=FOLDER).returncode


def main() -> int:
    """Fuzz for so many minutes; further arguments go to Schemathesis."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int)
    options, arguments = parser.parse_known_args()
    with serving() as settings:
        return fuzz(settings, options.minutes, options.seed, arguments)


if __name__ == "__main__":
    sys.exit(main())
