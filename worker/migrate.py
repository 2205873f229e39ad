"""Owns bringing a database to this version: migrations once, all other objects as they are now.

sql/apply.sql is the one ordered list; psql runs it as it stands, and this module reads it, so that
the two cannot differ. The queue library's schema is its own and comes from the installed library.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors
from psycopg.sql import SQL, Identifier, Literal

from worker.db import CLIENT_ENCODING, PINNED, as_options
from worker.errors import SettingsError, StaleSchema
from worker.log import get_logger

SQL_FOLDER = Path(__file__).resolve().parent.parent / "sql"
APP_ROLE = "likeness_app"

_LOCK_KEY = 7235421901  # the same as in sql/apply.sql
_LOCK_TIMEOUT = "10s"
_MEND = "run: likeness migrate"
_QUEUE_SCHEMA = "procrastinate"
_STEP = re.compile(r"^\\set migration (\S+)\n\\set checksum (\S+)$|^\\ir (\S+)$", re.MULTILINE)
_log = get_logger()


@dataclass(frozen=True)
class Migration:
    """One append-only file: its name as recorded, its text, and where its names are looked up."""

    name: str
    text: str
    search_path: str = ""

    @property
    def checksum(self) -> str:
        """sha256 of the text, as recorded beside the name."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """What this program's version consists of."""

    migrations: tuple[Migration, ...]
    # The text of each repeatable file, read once: a process keeps to what it started with.
    code: tuple[bytes, ...]

    @cached_property
    def code_checksum(self) -> str:
        """sha256 over all repeatable files in their order."""
        return hashlib.sha256(b"\0".join(self.code)).hexdigest()


@cache
def read_plan() -> Plan:
    """Read sql/apply.sql; raises StaleSchema when a listed migration was edited."""
    migrations, code = [], []
    for name, checksum, path in _STEP.findall((SQL_FOLDER / "apply.sql").read_text()):
        if name:
            migration = Migration(name, (SQL_FOLDER / "migrations" / f"{name}.sql").read_text())
            if migration.checksum != checksum:
                raise StaleSchema(
                    f"sql/migrations/{name}.sql is not the file that sql/apply.sql lists:"
                    " restore it, and put the change into a new migration"
                )
            migrations.append(migration)
        elif path not in ("bootstrap.sql", "apply_migration.sql"):
            code.append((SQL_FOLDER / path).read_bytes())
    return Plan(tuple(migrations), tuple(code))


def queue_migrations() -> Iterator[Migration]:
    """The queue library's migrations in their order; they need their schema as search_path."""
    folder = resources.files("procrastinate.sql") / "migrations"
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".sql"):
            yield Migration(f"procrastinate/{entry.name}", entry.read_text(), _QUEUE_SCHEMA)


def migrate(conninfo: str) -> list[str]:
    """Bring the database to this version; returns the names of what was applied.

    Waits for whoever else is migrating. Raises psycopg.errors.LockNotAvailable when another session
    holds a table for longer than 10 s, and StaleSchema when the database has a migration that
    differs from ours or that we do not know.
    """
    plan = read_plan()
    with _connect(conninfo) as conn:
        conn.add_notice_handler(_tell)
        conn.execute("set client_min_messages = warning")
        _take_turn(conn)
        conn.execute("select set_config('lock_timeout', %s, false)", (_LOCK_TIMEOUT,))
        try:
            conn.execute((SQL_FOLDER / "bootstrap.sql").read_bytes())
            _refuse_newer(conn, plan)
            applied = [*_apply_queue_schema(conn), *_apply_migrations(conn, plan.migrations)]
            # A new table may be what the code is about, so code follows every migration.
            if applied or _code_of(conn) != plan.code_checksum:
                _apply_code(conn, plan)
                applied.append("functions, views, triggers and grants")
            else:
                # A restore may have left them out, and roles may be new.
                conn.execute((SQL_FOLDER / "grants.sql").read_bytes())
        finally:
            conn.execute("select pg_advisory_unlock(%s)", (_LOCK_KEY,))
    return applied


def _connect(conninfo: str) -> psycopg.Connection[Any]:
    return psycopg.connect(
        conninfo,
        autocommit=True,
        application_name="likeness migrate",
        client_encoding=CLIENT_ENCODING,
        options=as_options(PINNED),
    )


def _tell(notice: psycopg.errors.Diagnostic) -> None:
    _log.warning("the database says", notice=notice.message_primary)


def _take_turn(conn: psycopg.Connection[Any]) -> None:
    row = conn.execute("select pg_try_advisory_lock(%s)", (_LOCK_KEY,)).fetchone()
    if not (row and row[0]):
        _log.info("another session is migrating; waiting for it")
        conn.execute("set lock_timeout = 0")
        conn.execute("select pg_advisory_lock(%s)", (_LOCK_KEY,))


def _refuse_newer(conn: psycopg.Connection[Any], plan: Plan) -> None:
    # Its functions would be replaced by older ones, which may not fit its tables.
    if unknown := _unknown(_recorded(conn), plan):
        raise StaleSchema(_newer(unknown))


def let_programs_log_in(conninfo: str, password: str | None = None) -> None:
    """Let the role likeness_app log in, which may write rows and alter nothing.

    Raises SettingsError where the session may not say so.
    """
    with _connect(conninfo) as conn:
        command = SQL("alter role {} login").format(Identifier(APP_ROLE))
        if password is not None:
            # Hashed here: a statement may end up in the server's log.
            scram = conn.pgconn.encrypt_password(
                password.encode(), APP_ROLE.encode(), b"scram-sha-256"
            )
            command += SQL(" password {}").format(Literal(scram.decode()))
        try:
            conn.execute(command)
        except (errors.InsufficientPrivilege, errors.UndefinedObject) as error:
            raise SettingsError(
                f"Cannot let {APP_ROLE} log in ({str(error).strip()}): do it as a role that may, or"
                " leave LIKENESS_APP_PASSWORD empty."
            ) from error


def require_current_schema(conn: psycopg.Connection[Any]) -> None:
    """Raise StaleSchema, saying what mends it, unless the schema is this version's."""
    problem = schema_problem(conn)
    if problem:
        raise StaleSchema(problem)


def has_no_schema(conn: psycopg.Connection[Any]) -> bool:
    """Whether the database was never migrated."""
    with conn.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        row = cursor.execute("select to_regclass('likeness.schema_code') is null").fetchone()
    return bool(row and row[0])


def schema_problem(conn: psycopg.Connection[Any]) -> str | None:
    """Say how the database differs from this version and what mends it; None: it does not."""
    try:
        if has_no_schema(conn):
            return f"the database has no schema of Likeness yet; {_MEND}"
        recorded = _recorded(conn)
        code = _code_of(conn)
    except errors.InsufficientPrivilege as error:
        return f"{str(error).strip()}: the role has no grants; {_MEND} as the owner"
    plan = read_plan()
    if unknown := _unknown(recorded, plan):
        return _newer(unknown)
    missing = [m.name for m in _known(plan) if m.name not in recorded]
    if missing:
        return f"the database lacks {len(missing)} migrations, first {missing[0]}; {_MEND}"
    if code != plan.code_checksum:
        return f"the database's functions and views are not this program's; {_MEND}"
    return None


def _known(plan: Plan) -> list[Migration]:
    return [*plan.migrations, *queue_migrations()]


def _unknown(recorded: Mapping[str, str], plan: Plan) -> list[str]:
    return sorted(recorded.keys() - {m.name for m in _known(plan)})


def _newer(unknown: Sequence[str]) -> str:
    return (
        f"the database is newer than this program: it has {', '.join(unknown)};"
        " install the program of its version, or restore a backup from before"
    )


def _recorded(conn: psycopg.Connection[Any]) -> dict[str, str]:
    with conn.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        return dict(cursor.execute("select name, checksum from likeness.schema_migrations"))


def _code_of(conn: psycopg.Connection[Any]) -> str | None:
    with conn.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        row = cursor.execute("select checksum from likeness.schema_code").fetchone()
    return row[0] if row else None


def _apply_queue_schema(conn: psycopg.Connection[Any]) -> Iterator[str]:
    migrations = list(queue_migrations())
    recorded = _recorded(conn)
    if any(m.name in recorded for m in migrations):
        yield from _apply_migrations(conn, migrations)
        return
    # A new database gets the library's current schema at once, which stands for all its migrations.
    schema = (resources.files("procrastinate.sql") / "schema.sql").read_text()
    with conn.transaction():
        conn.execute(SQL("create schema if not exists {}").format(Identifier(_QUEUE_SCHEMA)))
        _execute_in(conn, _QUEUE_SCHEMA, schema)
        for migration in migrations:
            _record(conn, migration)
    yield "procrastinate/schema.sql"


def _apply_migrations(
    conn: psycopg.Connection[Any], migrations: list[Migration] | tuple[Migration, ...]
) -> Iterator[str]:
    recorded = _recorded(conn)
    for migration in migrations:
        if migration.name in recorded:
            if recorded[migration.name] != migration.checksum:
                raise StaleSchema(
                    f"the database has another {migration.name} than this program: it was"
                    " applied from a file that was changed since; restore that file"
                )
            continue
        with conn.transaction():
            _execute_in(conn, migration.search_path, migration.text)
            _record(conn, migration)
        _log.info("migration applied", migration=migration.name)
        yield migration.name


def _execute_in(conn: psycopg.Connection[Any], search_path: str, text: str) -> None:
    conn.execute("select set_config('search_path', %s, true)", (search_path or "pg_catalog",))
    conn.execute(text.encode())


def _record(conn: psycopg.Connection[Any], migration: Migration) -> None:
    conn.execute(
        "insert into likeness.schema_migrations (name, checksum) values (%s, %s)",
        (migration.name, migration.checksum),
    )


def _apply_code(conn: psycopg.Connection[Any], plan: Plan) -> None:
    with conn.transaction():
        conn.execute("select set_config('search_path', 'pg_catalog', true)")
        for text in plan.code:
            conn.execute(text)
        conn.execute(
            "insert into likeness.schema_code (checksum) values (%s)"
            " on conflict (is_current) do update"
            " set checksum = excluded.checksum, applied_at = now()",
            (plan.code_checksum,),
        )
