"""Owns the fixtures that any test may ask for: a migrated database of its own, settings for it.

Each session migrates one template on each server; each test gets a clone of it, which costs
milliseconds, so that no test sees what another one wrote.
"""

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow
from psycopg.sql import SQL, Composed
from pytest_postgresql import factories
from pytest_postgresql.janitor import DatabaseJanitor

from tests import postgres_servers
from tests.browser_program import find_chromium
from tests.postgres_servers import Server
from tests.real_parts import MinioServer, PartMissing, find_minio, minio_server
from worker import db
from worker.migrate import migrate
from worker.settings import Settings

pytest_plugins = ["tests.components", "tests.loopback"]

# A developer's own settings must not reach a test.
for _name in [name for name in os.environ if name.startswith("LIKENESS_")]:
    if not _name.startswith("LIKENESS_TEST_"):
        del os.environ[_name]

# A shell that runs the tests in the background has them ignore SIGINT, and so would all programs
# that they start and mean to interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_numbers = itertools.count(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the SQL tests on the oldest and the newest Postgres, all others on the newest."""
    if "postgres" not in metafunc.fixturenames:
        return
    versions = ["newest"]
    if metafunc.definition.get_closest_marker("postgres15"):
        versions = ["oldest"]
    elif _runs_on_both(metafunc.definition) and postgres_servers.OLDEST_BIN.exists():
        versions.append("oldest")
    metafunc.parametrize("postgres", versions, indirect=True, scope="session")


def _runs_on_both(item: pytest.Item) -> bool:
    is_sql = Path(__file__).parent / "sql" in item.path.parents
    return is_sql and not item.get_closest_marker("newest_postgres")


@pytest.fixture(scope="session")
def newest_postgres() -> Iterator[Server]:
    with postgres_servers.newest() as server:
        yield server


@pytest.fixture(scope="session")
def oldest_postgres() -> Iterator[Server]:
    if not postgres_servers.OLDEST_BIN.exists():
        pytest.skip(
            f"no Postgres 15 in {postgres_servers.OLDEST_BIN};"
            " apt-get install postgresql-15 postgresql-15-plpgsql-check"
        )
    with postgres_servers.oldest() as server:
        yield server


def _migrate_template(**where: Any) -> None:
    migrate(make_conninfo(**{key: where[key] for key in ("host", "port", "user", "dbname")}))


newest_template = factories.postgresql_noproc(
    depends_on="newest_postgres", dbname="template_newest", load=[_migrate_template]
)
oldest_template = factories.postgresql_noproc(
    depends_on="oldest_postgres", dbname="template_oldest", load=[_migrate_template]
)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Server:
    """The server of this test; pytest_generate_tests chooses which."""
    server: Server = request.getfixturevalue(f"{request.param}_postgres")
    return server


class _Clone(DatabaseJanitor):
    """A database that copies the files of its template: half the time of copying by its log."""

    def _build_create_database_sql(self) -> Composed:
        return super()._build_create_database_sql() + SQL(" strategy file_copy")


def _clone(server: Server, template: str | None) -> DatabaseJanitor:
    return _Clone(
        user=server.user,
        host=server.host,
        port=server.port,
        dbname=f"test_{next(_numbers)}",
        template_dbname=template,
    )


@pytest.fixture
def database(request: pytest.FixtureRequest, postgres: Server) -> Iterator[str]:
    """Conninfo of a fresh, migrated database."""
    which = request.node.callspec.params["postgres"]
    template = request.getfixturevalue(f"{which}_template").template_dbname
    with _clone(postgres, template) as clone:
        yield postgres.conninfo(clone.dbname)


@pytest.fixture
def empty_database(postgres: Server) -> Iterator[str]:
    """Conninfo of a database that nobody has migrated."""
    with _clone(postgres, None) as clone:
        yield postgres.conninfo(clone.dbname)


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings of a program on ``database`` with a state folder of its own."""
    return Settings(database_url=database, state_dir=tmp_path / "state", worker_name="test")


@pytest.fixture
def connection(settings: Settings) -> Iterator[Connection[DictRow]]:
    """A session on ``database`` in autocommit, as the programs open it: rows are dicts."""
    with db.connect(settings, "test") as connection:
        yield connection


@pytest.fixture
def second_connection(settings: Settings) -> Iterator[Connection[DictRow]]:
    """Another session on the same database, for locks, leases and SKIP LOCKED."""
    with db.connect(settings, "second test") as connection:
        yield connection


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """A real S3 server, one a session: tests keep apart by buckets of their own."""
    try:
        find_minio()
    except PartMissing as missing:
        pytest.skip(str(missing))
    with minio_server(tmp_path_factory.mktemp("minio") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The program of a real browser."""
    found = find_chromium()
    if not found:
        pytest.skip("no Chromium on PATH: apt-get install chromium")
    return found


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real pictures and data beside the repository; skips where it is not there."""
    here = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("LIKENESS_TEST_SHARED", here))
    if not folder.is_dir():
        pytest.skip("no folder of real pictures beside the repository (LIKENESS_TEST_SHARED)")
    return folder
