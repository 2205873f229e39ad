"""Owns the rules that sql/ follows as text: how files parse, and what each may hold."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pglast
import psycopg
import pytest
from pglast import ast, enums
from pglast.stream import RawStream
from pglast.visitors import Visitor

from tests.sources import ROOT

SQL = ROOT / "sql"
MIGRATIONS = sorted((SQL / "migrations").glob("*.sql"))
FUNCTIONS = sorted((SQL / "functions").rglob("*.sql"))
TRIGGERS = sorted((SQL / "triggers").glob("*.sql"))
VIEWS = sorted([*(SQL / "views").glob("*.sql"), *(SQL / "checks").glob("*.sql")])
FILES = sorted(SQL.rglob("*.sql"))

# Functions that state no name resolution, so that the planner can put their body into the query.
INLINED: dict[str, str] = {}


def name_of(path: Path) -> str:
    return str(path.relative_to(SQL))


def statements(path: Path) -> list[Any]:
    """The parsed statements of a file, its psql commands left out."""
    text = re.sub(r"^\s*\\.*$|\\g.*$", ";", path.read_text(), flags=re.MULTILINE)
    text = re.sub(r":'(\w+)'", r"'\1'", text)
    return [raw.stmt for raw in pglast.parse_sql(text)]


def dotted(parts: Any) -> str:
    return ".".join(part.sval for part in parts)


def options_of(function: Any) -> dict[str, Any]:
    return {option.defname: option.arg for option in function.options}


def _created(path: Path, kind: type) -> list[Any]:
    return [statement for statement in statements(path) if isinstance(statement, kind)]


def _commented(path: Path) -> set[tuple[str, str]]:
    found = set()
    for comment in _created(path, ast.CommentStmt):
        parts = getattr(comment.object, "objname", comment.object)
        found.add((comment.objtype.name.removeprefix("OBJECT_").lower(), dotted(parts)))
    return found


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_parses(path: Path) -> None:
    assert statements(path)


def _bodies() -> Iterator[Any]:
    """Every plpgsql body: functions, trigger functions and `do` blocks."""
    for path in FILES:
        for number, statement in enumerate(statements(path), 1):
            if isinstance(statement, ast.DoStmt) or (
                isinstance(statement, ast.CreateFunctionStmt)
                and options_of(statement)["language"].sval == "plpgsql"
            ):
                yield pytest.param(statement, id=f"{name_of(path)}:{number}")


def _our_types() -> list[str]:
    made = [statement for path in MIGRATIONS for statement in _created(path, ast.CompositeTypeStmt)]
    return [statement.typevar.relname for statement in made]


@pytest.mark.parametrize("statement", list(_bodies()))
def test_a_plpgsql_body_parses(statement: Any) -> None:
    # This parser has no catalogue: it knows neither our types nor any schema but public.
    text = RawStream()(statement)
    for made in _our_types():
        text = re.sub(rf"\blikeness\.{made}\b", "text", text)
    parsed = pglast.parse_plpgsql(text.replace("likeness.", "public."))
    assert "PLpgSQL_function" in json.dumps(parsed)


@pytest.mark.parametrize("path", FUNCTIONS, ids=name_of)
def test_a_function_has_a_file_of_its_name_and_a_comment_beside_it(path: Path) -> None:
    functions = _created(path, ast.CreateFunctionStmt)
    assert [dotted(function.funcname) for function in functions] == [f"likeness.{path.stem}"]
    assert _commented(path) == {("function", f"likeness.{path.stem}")}


@pytest.mark.parametrize("path", VIEWS, ids=name_of)
def test_a_view_has_a_file_of_its_name_and_comments_beside_it(path: Path) -> None:
    views = _created(path, ast.ViewStmt)
    assert [f"{v.view.schemaname}.{v.view.relname}" for v in views] == [f"likeness.{path.stem}"]
    assert ("view", f"likeness.{path.stem}") in _commented(path)


@pytest.mark.parametrize("path", TRIGGERS, ids=name_of)
def test_a_trigger_and_its_function_share_a_file_and_its_name(path: Path) -> None:
    assert re.fullmatch(r"[a-z_]+__[a-z_]+", path.stem), "<table>__<task>"
    functions = _created(path, ast.CreateFunctionStmt)
    triggers = _created(path, ast.CreateTrigStmt)
    assert [dotted(function.funcname) for function in functions] == [f"likeness.{path.stem}"]
    assert triggers, "the file makes no trigger"
    for trigger in triggers:
        # One trigger for each kind of transition table has the event as a suffix.
        assert re.fullmatch(rf"{path.stem}(_(insert|update|delete))?", trigger.trigname)
        assert dotted(trigger.funcname) == f"likeness.{path.stem}"
        assert path.stem.startswith(f"{trigger.relation.relname}__")


@pytest.mark.parametrize("path", [*FUNCTIONS, *TRIGGERS], ids=name_of)
def test_a_function_states_language_volatility_parallel_safety_and_name_resolution(
    path: Path,
) -> None:
    for function in _created(path, ast.CreateFunctionStmt):
        stated = options_of(function)
        is_procedure = function.is_procedure
        assert "language" in stated
        assert is_procedure or "volatility" in stated, "immutable, stable or volatile?"
        assert is_procedure or "parallel" in stated, "parallel safe, restricted or unsafe?"
        sets_path = [
            option.arg.name
            for option in function.options
            if option.defname == "set" and option.arg.kind == enums.VariableSetKind.VAR_SET_VALUE
        ]
        resolved = function.sql_body is not None or "search_path" in sets_path
        assert resolved != (path.stem in INLINED), "begin atomic, or set search_path"


@pytest.mark.parametrize("path", [*FUNCTIONS, *TRIGGERS, *VIEWS], ids=name_of)
def test_a_file_of_current_state_makes_nothing_else(path: Path) -> None:
    allowed = (ast.CreateFunctionStmt, ast.CommentStmt, ast.ViewStmt, ast.CreateTrigStmt)
    assert [type(s).__name__ for s in statements(path) if not isinstance(s, allowed)] == []


def test_a_number_follows_a_number_and_says_what_changes() -> None:
    names = [path.stem for path in MIGRATIONS]
    assert all(re.fullmatch(r"\d{4}(_[a-z0-9]+)+", name) for name in names)
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


class _Calls(Visitor):
    """Collects the functions that a statement calls and those that triggers or defaults name."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def visit_FuncCall(self, _: Any, node: Any) -> None:
        self.names.add(node.funcname[-1].sval)


@pytest.mark.parametrize("path", MIGRATIONS, ids=name_of)
def test_a_migration_calls_nothing_that_is_made_anew(path: Path) -> None:
    calls = _Calls()
    for statement in statements(path):
        calls(statement)
    assert calls.names & {path.stem for path in [*FUNCTIONS, *TRIGGERS]} == set()


class _Constraints(Visitor):
    """Collects the constraints that were given no name, so that Postgres would make one up."""

    UNNAMED_IS_FINE = frozenset(
        {
            enums.ConstrType.CONSTR_NOTNULL,
            enums.ConstrType.CONSTR_NULL,
            enums.ConstrType.CONSTR_DEFAULT,
            enums.ConstrType.CONSTR_IDENTITY,
            enums.ConstrType.CONSTR_GENERATED,
            enums.ConstrType.CONSTR_ATTR_DEFERRABLE,
            enums.ConstrType.CONSTR_ATTR_NOT_DEFERRABLE,
            enums.ConstrType.CONSTR_ATTR_DEFERRED,
            enums.ConstrType.CONSTR_ATTR_IMMEDIATE,
        }
    )

    def __init__(self) -> None:
        super().__init__()
        self.unnamed: list[str] = []

    def visit_Constraint(self, ancestors: Any, node: Any) -> None:
        if node.contype not in self.UNNAMED_IS_FINE and not node.conname:
            self.unnamed.append(f"{node.contype.name} at {ancestors}")


@pytest.mark.parametrize("path", [SQL / "bootstrap.sql", *MIGRATIONS], ids=name_of)
def test_a_migration_names_every_constraint(path: Path) -> None:
    constraints = _Constraints()
    for statement in statements(path):
        constraints(statement)
    assert constraints.unnamed == []


def _listed() -> list[str]:
    text = (SQL / "apply.sql").read_text()
    found = []
    for migration, path in re.findall(r"^\\set migration (\S+)$|^\\ir (\S+)$", text, re.MULTILINE):
        if migration:
            found.append(f"migrations/{migration}.sql")
        elif path != "apply_migration.sql":
            found.append(path)
    return found


def test_the_list_names_every_file_once() -> None:
    own = {"apply.sql", "apply_migration.sql", "schema.sql"}
    files = [name_of(path) for path in FILES if name_of(path) not in own]
    assert sorted(_listed()) == sorted(files)


def test_the_list_puts_tables_before_code_and_grants_last() -> None:
    listed = _listed()
    migrations = [name for name in listed if name.startswith("migrations/")]
    assert listed[: len(migrations) + 2] == ["bootstrap.sql", *sorted(migrations), "drop_code.sql"]
    assert listed[-1] == "grants.sql"


def test_the_list_knows_each_migration_by_its_checksum() -> None:
    text = (SQL / "apply.sql").read_text()
    listed = dict(re.findall(r"^\\set migration (\S+)\n\\set checksum (\S+)$", text, re.MULTILINE))
    files = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in MIGRATIONS}
    assert listed == files, "run scripts/checksum_migrations"


def test_the_database_records_each_migration_by_its_checksum(
    connection: psycopg.Connection[dict[str, Any]],
) -> None:
    rows = connection.execute(
        "select name, checksum from likeness.schema_migrations"
        " where name not like 'procrastinate/%'"
    )
    recorded = {row["name"]: row["checksum"] for row in rows}
    files = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in MIGRATIONS}
    assert recorded == files
