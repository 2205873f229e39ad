"""Migrating: what is refused, what is repaired, and what a database may set without harm."""

import threading
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr

from tests.shop import Shop
from worker import db
from worker.cli import likeness
from worker.errors import StaleSchema
from worker.migrate import migrate, require_current_schema, schema_problem
from worker.settings import Settings


def run(database: str, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(likeness, arguments, env={"LIKENESS_DATABASE_URL": database})
    return result.exit_code, f"{result.output}{result.exception}"


def test_a_newer_database_is_left_alone(connection: Connection[DictRow], database: str) -> None:
    connection.execute(
        "insert into likeness.schema_migrations (name, checksum)"
        " values ('9999_of_tomorrow', repeat('a', 64))"
    )
    connection.execute("update likeness.schema_code set checksum = repeat('b', 64)")
    with pytest.raises(StaleSchema, match="9999_of_tomorrow"):
        migrate(database)
    with pytest.raises(StaleSchema, match="is newer than this program") as raised:
        require_current_schema(connection)
    assert "likeness migrate" not in str(raised.value)
    row = connection.execute("select checksum from likeness.schema_code").fetchone()
    assert row == {"checksum": "b" * 64}


def test_rights_that_a_restore_left_out_are_given_again(
    connection: Connection[DictRow], database: str
) -> None:
    connection.execute("revoke all on schema likeness from likeness_app")
    connection.execute("revoke all on all tables in schema likeness from likeness_app")
    connection.execute("set role likeness_app")
    problem = schema_problem(connection)
    assert problem is not None
    assert "run: likeness migrate as the owner" in problem
    connection.execute("reset role")
    assert migrate(database) == []
    connection.execute("set role likeness_app")
    assert schema_problem(connection) is None


def test_who_migrates_second_waits_for_the_first(
    connection: Connection[DictRow], database: str
) -> None:
    connection.execute("select pg_advisory_lock(7235421901)")
    done: list[list[str]] = []
    second = threading.Thread(target=lambda: done.append(migrate(database)))
    second.start()
    second.join(1)
    assert second.is_alive()
    connection.execute("select pg_advisory_unlock(7235421901)")
    second.join(30)
    assert done == [[]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("create schema other; create extension pg_trgm schema other", "set schema public"),
        ("drop schema public", "create schema public"),
    ],
)
def test_a_database_that_is_not_fit_is_refused_with_a_remedy(
    empty_database: str, change: str, says: str
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as owner:
        owner.execute(change)
    code, output = run(empty_database, "migrate")
    assert code == 1
    assert "Cannot migrate" in output
    assert says in output


def test_a_database_of_another_encoding_is_refused(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as owner:
        name = Identifier(f"{owner.info.dbname}_latin")
        options = SQL("template template0 encoding 'LATIN1' locale_provider libc locale 'C'")
        owner.execute(SQL("create database {} {}").format(name, options))
        try:
            other = make_conninfo(empty_database, dbname=name.as_string().strip('"'))
            code, output = run(other, "migrate")
        finally:
            owner.execute(SQL("drop database {}").format(name))
    assert code == 1
    assert "encoded in LATIN1" in output
    assert "create database" in output


def test_settings_of_a_database_do_not_reach_the_programs(
    connection: Connection[DictRow], database: str, tmp_path: Path
) -> None:
    odd = {
        "datestyle": "German",
        "intervalstyle": "sql_standard",
        "standard_conforming_strings": "off",
        "default_transaction_isolation": "serializable",
        "client_encoding": "LATIN1",
        "timezone": "Pacific/Auckland",
    }
    name = Identifier(connection.info.dbname)
    for key, value in odd.items():
        connection.execute(
            SQL("alter database {} set {} = {}").format(name, Identifier(key), value)
        )
    connection.execute("update likeness.schema_code set checksum = repeat('b', 64)")
    assert migrate(database) == ["functions, views, triggers and grants"]
    settings = Settings(database_url=SecretStr(database), state_dir=tmp_path)
    with db.connect(settings, "test") as session:
        shop = Shop(session)
        shop.add_product("1", "1.jpg", name="Größe € 大")
        row = shop.rows(
            "select now() as at, interval '1 day 2 hours' as lasting, '\\d' as text,"
            " current_setting('transaction_isolation') as isolation,"
            " (select name from likeness.products) as name,"
            " (select prosrc from pg_proc where proname = 'compare_names') as code"
        )[0]
    assert row["at"].utcoffset().total_seconds() == 0
    assert row["lasting"].total_seconds() == 26 * 3600
    assert row["text"] == "\\d"
    assert row["isolation"] == "read committed"
    assert row["name"] == "Größe € 大"
    assert "≠" in row["code"]
    code, output = run(database, "status")
    assert code == 0, output
