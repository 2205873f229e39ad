"""Owns connections to Postgres: pools and single ones, each session named for pg_stat_activity.

Our own SQLSTATEs (class LK) become Python errors here and nowhere else.
"""

import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from worker import errors
from worker.presence import DATABASE
from worker.running import locate_database
from worker.settings import Settings

# procrastinate's statements name their tables without a schema; ours are always qualified.
SEARCH_PATH = "likeness, procrastinate, public"
# Databases and roles may have other defaults. SQL, psycopg and procrastinate count on these.
PINNED = {
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read committed",
}
CLIENT_ENCODING = "utf8"

Row = dict[str, Any]
Connection = psycopg.Connection[Row]
AsyncConnection = psycopg.AsyncConnection[Row]
Pool = AsyncConnectionPool[AsyncConnection]

# They call the same few functions thousands of times over (DECISIONS.md 28). By itself Postgres
# plans the resolver anew for each single product: an array of one looks cheaper than any array.
_PLANS_ONCE = frozenset({"worker", "api reader"})

# The pool waits longer after each attempt, up to minutes; whoever asks for a connection begins anew
# once it has given up, so that nobody waits for long after the database is back.
_RECONNECT_SECONDS = 3.0

_BY_SQLSTATE: dict[str, type[errors.QueryError]] = {
    cls.sqlstate: cls
    for cls in (errors.LostClaim, errors.NotFound, errors.Refused, errors.BadInput)
}


@contextmanager
def query_errors() -> Iterator[None]:
    """Turn an SQLSTATE of ours into its class of worker.errors; pass every other error on."""
    try:
        yield
    except psycopg.Error as error:
        cls = _BY_SQLSTATE.get(error.sqlstate or "")
        if cls is None:
            raise
        raise cls(error.diag.message_primary or str(error), table=error.diag.table_name) from error


def session_options(settings: Settings, program: str) -> str:
    """The `options` of a session: name resolution, and the settings that SQL functions read."""
    options = {"search_path": SEARCH_PATH.replace(" ", ""), **PINNED}
    if program in _PLANS_ONCE:
        options["plan_cache_mode"] = "force_generic_plan"
    if settings.rendition_base_url:
        options["likeness.rendition_base_url"] = settings.rendition_base_url.rstrip("/")
    return as_options(options)


def as_options(settings: Mapping[str, str]) -> str:
    """Settings of a session as libpq's `options` take them."""
    return " ".join(f"-c {key}={_escape(value)}" for key, value in settings.items())


def _escape(value: str) -> str:
    # libpq splits `options` at spaces; a backslash keeps one.
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def connection_arguments(settings: Settings, program: str) -> dict[str, Any]:
    """Keyword arguments of every connection of ``program`` (as psycopg.connect takes them)."""
    return {
        "application_name": f"likeness {program}",
        "options": session_options(settings, program),
        "client_encoding": CLIENT_ENCODING,
        "row_factory": dict_row,
        # A peer that vanishes without a word is noticed in seconds, not in two hours.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "connect_timeout": 10,
    }


def connect(settings: Settings, program: str) -> Connection:
    """Open one synchronous connection in autocommit, for commands and scripts."""
    connection: Connection = psycopg.connect(
        locate_database(settings), autocommit=True, **connection_arguments(settings, program)
    )
    return connection


def reach(settings: Settings, program: str) -> Connection:
    """As ``connect``, for what cannot go on without: LikenessError where no server answers."""
    try:
        return connect(settings, program)
    except psycopg.OperationalError as error:
        raise errors.LikenessError(f"Cannot reach the database: {str(error).strip()}") from error


class _Noted(AsyncConnection):
    """A session whose opening tells whether the database is there."""

    @classmethod
    async def connect(cls, conninfo: str = "", **arguments: Any) -> Self:
        try:
            connection = await super().connect(conninfo, **arguments)
        except psycopg.OperationalError as error:
            DATABASE.away(error, is_opening=True, part=arguments.get("application_name"))
            raise
        DATABASE.back()
        return connection


async def connect_async(settings: Settings, program: str) -> AsyncConnection:
    """Open one asynchronous connection in autocommit, outside the pool: for LISTEN."""
    return await _Noted.connect(
        locate_database(settings), autocommit=True, **connection_arguments(settings, program)
    )


async def _autocommit(connection: AsyncConnection) -> None:
    # Each of our statements is a transaction of its own: the functions are the transactions.
    await connection.set_autocommit(True)


async def _check(connection: AsyncConnection) -> None:
    """Refuse a connection that the server has closed, without asking the server each time.

    A healthy idle session has nothing to say; one whose server went away has an end of file.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await AsyncConnectionPool.check_connection(connection)


def open_pool(settings: Settings, program: str, *, size: int = 8, is_replica: bool = False) -> Pool:
    """Make the pool of a program, still closed: use it with ``async with``.

    Whoever reads a replica tells when that is away.
    """
    return AsyncConnectionPool(
        locate_database(settings),
        kwargs=connection_arguments(settings, program),
        connection_class=AsyncConnection if is_replica else _Noted,
        min_size=1,
        max_size=size,
        open=False,
        configure=_autocommit,
        check=_check,
        reconnect_timeout=_RECONNECT_SECONDS,
        name=f"likeness {program}",
    )


async def fetch_all(
    pool: Pool,
    statement: str,
    arguments: Sequence[object],
    *,
    wait_seconds: float | None = None,
    prepare: bool | None = None,
) -> list[Row]:
    """The rows of one statement, on a connection of the pool (``wait_seconds`` None: its timeout).

    ``prepare`` is psycopg's: True at once, None when it was asked a few times.
    """
    async with pool.connection(timeout=wait_seconds) as connection:
        with query_errors():
            cursor = await connection.execute(statement, arguments, prepare=prepare)
            return await cursor.fetchall()
