"""Owns the rules that the schema follows in the database, on the oldest and the newest Postgres.

Each query returns what breaks a rule, so that a failure names it.
"""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.sql.test_files import FUNCTIONS, INLINED, SQL, TRIGGERS, VIEWS

Connection = psycopg.Connection[dict[str, Any]]

# Every object of the schema as one list: kind, name, comment.
OBJECTS = """
select case c.relkind when 'i' then 'index' when 'v' then 'view' else 'table' end as kind,
       c.oid::regclass::text as name,
       obj_description(c.oid, 'pg_class') as comment
  from pg_class c
 where c.relnamespace = 'likeness'::regnamespace and c.relkind not in ('S', 't', 'c')
union all
select 'column', c.oid::regclass || '.' || a.attname, col_description(c.oid, a.attnum)
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relnamespace = 'likeness'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
union all
select 'function', p.oid::regprocedure::text, obj_description(p.oid, 'pg_proc')
  from pg_proc p
 where p.pronamespace = 'likeness'::regnamespace
union all
select 'trigger', t.tgname || ' on ' || c.oid::regclass, obj_description(t.oid, 'pg_trigger')
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
 where c.relnamespace = 'likeness'::regnamespace and not t.tgisinternal
union all
select 'type', t.oid::regtype::text, obj_description(t.oid, 'pg_type')
  from pg_type t
  left join pg_class c on c.oid = t.typrelid
 where t.typnamespace = 'likeness'::regnamespace
   and (t.typtype in ('d', 'e', 'r') or c.relkind = 'c')
union all
select 'policy', p.polname || ' on ' || p.polrelid::regclass, obj_description(p.oid, 'pg_policy')
  from pg_policy p
  join pg_class c on c.oid = p.polrelid
 where c.relnamespace = 'likeness'::regnamespace
union all
select 'schema', n.nspname, obj_description(n.oid, 'pg_namespace')
  from pg_namespace n
 where n.nspname = 'likeness'
"""


def offenders(connection: Connection, query: str) -> list[str]:
    """The column ``offender`` of each row of the query."""
    return sorted(str(row["offender"]) for row in connection.execute(query.encode()))


def test_everything_has_a_comment(connection: Connection) -> None:
    assert not offenders(
        connection,
        f"select kind || ' ' || name as offender from ({OBJECTS}) o"
        " where coalesce(btrim(comment), '') = ''",
    )


def test_a_comment_names_only_functions_that_exist(connection: Connection) -> None:
    names = {path.stem for path in FUNCTIONS}
    stale = [
        f"{row['kind']} {row['name']}: {called}()"
        for row in connection.execute(f"select * from ({OBJECTS}) o where comment is not null")
        for called in re.findall(r"\b([a-z_]+)\(\)", row["comment"])
        if called not in names
    ]
    assert not stale


def test_an_index_says_whom_it_serves(connection: Connection) -> None:
    assert not offenders(
        connection,
        f"select name as offender from ({OBJECTS}) o"
        " where kind = 'index' and comment !~ '^(Serves|Keeps) '",
    )


def test_no_two_functions_share_a_name(connection: Connection) -> None:
    assert not offenders(
        connection,
        """
        select proname || ': ' || string_agg(oid::regprocedure::text, ', ') as offender
          from pg_proc
         where pronamespace = 'likeness'::regnamespace
         group by proname
        having count(*) > 1
        """,
    )


def _names(connection: Connection, query: str) -> set[str]:
    return {row["name"] for row in connection.execute(query.encode())}


def test_the_functions_of_the_catalogue_are_those_of_the_files(connection: Connection) -> None:
    found = _names(
        connection,
        "select proname as name from pg_proc where pronamespace = 'likeness'::regnamespace",
    )
    assert found == {path.stem for path in [*FUNCTIONS, *TRIGGERS]}


def test_the_views_of_the_catalogue_are_those_of_the_files(connection: Connection) -> None:
    found = _names(
        connection,
        "select relname as name from pg_class"
        " where relnamespace = 'likeness'::regnamespace and relkind in ('v', 'm')",
    )
    assert found == {path.stem for path in VIEWS}


def test_the_triggers_of_the_catalogue_are_those_of_the_files(connection: Connection) -> None:
    found = _names(
        connection,
        """
        select distinct p.proname as name
          from pg_trigger t
          join pg_class c on c.oid = t.tgrelid
          join pg_proc p on p.oid = t.tgfoid
         where c.relnamespace = 'likeness'::regnamespace and not t.tgisinternal
        """,
    )
    assert found == {path.stem for path in TRIGGERS}


def test_every_function_says_how_names_resolve(connection: Connection) -> None:
    found = offenders(
        connection,
        """
        select p.proname as offender
          from pg_proc p
         where p.pronamespace = 'likeness'::regnamespace
           and p.prosqlbody is null
           and not exists (select from unnest(p.proconfig) c where c like 'search_path=%')
        """,
    )
    assert found == sorted(INLINED)


def test_every_foreign_key_is_indexed(connection: Connection) -> None:
    # An index that leaves out nulls serves as well: no key looks for null.
    assert not offenders(
        connection,
        """
        select c.conrelid::regclass || '.' || c.conname as offender
          from pg_constraint c
         where c.connamespace = 'likeness'::regnamespace
           and c.contype = 'f'
           and not exists (
             select
               from pg_index i
              where i.indrelid = c.conrelid
                and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
                and i.indisvalid
                and (i.indpred is null
                     or pg_get_expr(i.indpred, i.indrelid) in (
                       select format('(%I IS NOT NULL)', a.attname)
                         from pg_attribute a
                        where a.attrelid = c.conrelid and a.attnum = any(c.conkey)))
           )
        """,
    )


def test_every_foreign_key_says_what_a_deletion_does_where_rows_belong_to_another(
    connection: Connection,
) -> None:
    # Deleting a product or a supplier must never stop half-way at a forgotten table.
    assert not offenders(
        connection,
        """
        select c.conrelid::regclass || '.' || c.conname as offender
          from pg_constraint c
         where c.connamespace = 'likeness'::regnamespace
           and c.contype = 'f'
           and c.confdeltype = 'a'
           and c.confrelid = 'likeness.products'::regclass
        """,
    )


def test_every_time_has_a_zone_and_a_name_that_says_it_is_a_time(connection: Connection) -> None:
    assert not offenders(
        connection,
        """
        select c.oid::regclass || '.' || a.attname || ' ' || a.atttypid::regtype as offender
          from pg_class c
          join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         where c.relnamespace = 'likeness'::regnamespace
           and c.relkind in ('r', 'p', 'v', 'm', 'c')
           and (a.atttypid in ('timestamp'::regtype, 'timetz'::regtype, 'timestamp[]'::regtype)
                or (a.atttypid = 'timestamptz'::regtype)
                   <> (a.attname ~ '_(at|until)$'))
        """,
    )


def test_no_column_has_a_type_that_postgres_keeps_for_the_past(connection: Connection) -> None:
    assert not offenders(
        connection,
        """
        select c.oid::regclass || '.' || a.attname || ' ' || a.atttypid::regtype as offender
          from pg_class c
          join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         where c.relnamespace = 'likeness'::regnamespace
           and c.relkind in ('r', 'p', 'c')
           and a.atttypid::regtype::text in ('character varying', 'character', 'money', 'json')
        """,
    )


def test_every_key_is_an_identity_that_nobody_writes(connection: Connection) -> None:
    assert not offenders(
        connection,
        """
        select c.oid::regclass || '.id' as offender
          from pg_class c
          join pg_attribute a on a.attrelid = c.oid and a.attname = 'id'
         where c.relnamespace = 'likeness'::regnamespace
           and c.relkind in ('r', 'p')
           and (a.attidentity <> 'a' or a.atttypid <> 'bigint'::regtype)
        """,
    )


def test_every_table_has_a_primary_key(connection: Connection) -> None:
    assert not offenders(
        connection,
        """
        select c.oid::regclass::text as offender
          from pg_class c
         where c.relnamespace = 'likeness'::regnamespace
           and c.relkind in ('r', 'p')
           and c.relpersistence = 'p'
           and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')
        """,
    )


def test_every_rule_has_a_name_that_reads_as_a_sentence(connection: Connection) -> None:
    # Postgres' own names end in _check and a number; three words make a sentence.
    assert not offenders(
        connection,
        r"""
        select coalesce(nullif(c.conrelid, 0)::regclass::text || '.', '') || c.conname as offender
          from pg_constraint c
         where c.connamespace = 'likeness'::regnamespace
           and c.contype in ('c', 'x')
           and (c.conname !~ '^[a-z][a-z0-9]*(_[a-z0-9]+){2,}$' or c.conname ~ '_check\d*$')
        """,
    )


def test_every_index_is_named_after_its_table_and_purpose(connection: Connection) -> None:
    assert not offenders(
        connection,
        """
        select i.indexrelid::regclass::text as offender
          from pg_index i
          join pg_class c on c.oid = i.indexrelid
          join pg_class t on t.oid = i.indrelid
         where c.relnamespace = 'likeness'::regnamespace
           and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
           and c.relname !~ ('^' || t.relname || '_[a-z0-9_]+_(idx|key)$')
        """,
    )


def test_every_status_follows_the_key_and_names_its_values(connection: Connection) -> None:
    assert not offenders(
        connection,
        """
        select c.oid::regclass::text as offender
          from pg_class c
          join pg_attribute a on a.attrelid = c.oid and a.attname = 'status'
         where c.relnamespace = 'likeness'::regnamespace
           and c.relkind in ('r', 'p')
           and (a.attnum <> 2
                or a.atttypid <> 'text'::regtype
                or not exists (select from pg_constraint k
                                where k.conrelid = c.oid and k.contype = 'c'
                                  and k.conkey = array[a.attnum]))
        """,
    )


CHECKS = sorted((SQL / "checks").glob("*.sql"))


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.stem)
def test_a_health_check_finds_nothing_in_a_new_database_and_has_a_hint(
    connection: Connection, path: Path
) -> None:
    cursor = connection.execute(f"select * from likeness.{path.stem}")
    assert cursor.fetchall() == []
    assert cursor.description
    assert "hint" in [column.name for column in cursor.description]


PLPGSQL_CHECK = """
select concat_ws(': ', p.proname, 'line ' || r.lineno, r.level, r.message) as offender
  from pg_proc p
  join pg_language l on l.oid = p.prolang and l.lanname = 'plpgsql'
  left join pg_trigger t on t.tgfoid = p.oid and not t.tgisinternal
 cross join lateral public.plpgsql_check_function_tb(
   p.oid, coalesce(t.tgrelid, 0), fatal_errors => false, security_warnings => true,
   performance_warnings => false,
   newtable => t.tgnewtable, oldtable => t.tgoldtable) r
 where p.pronamespace = 'likeness'::regnamespace
   -- It takes each literal for a text that has to be cast.
   and not (r.sqlstate = '42804' and r.level = 'warning')
"""


@pytest.mark.postgres15
def test_plpgsql_check_has_nothing_to_say(connection: Connection) -> None:
    connection.execute("create extension plpgsql_check schema public")
    with connection.transaction():
        # The functions of a feed work in temporary tables, which it has to see.
        connection.execute("select likeness.open_feed()")
        found = offenders(connection, PLPGSQL_CHECK)
    assert found == []
