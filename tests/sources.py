"""Owns the reading of the repository's own files by the tests that hold its rules."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that is or would be committed, relative to the root."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others"]
    answer = subprocess.run(
        [*command, "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    names = {Path(name) for name in answer.stdout.split("\0") if name}
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def is_python(path: Path) -> bool:
    """Whether a file is Python by its name or, as the programs of scripts/, by its first line."""
    if path.suffix:
        return path.suffix == ".py"
    with (ROOT / path).open("rb") as file:
        first = file.readline()
    return first.startswith(b"#!") and b"python" in first


def python_files(*folders: str) -> list[Path]:
    return [path for path in tracked_files() if path.parts[0] in folders and is_python(path)]


@cache
def syntax_tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), filename=str(path))


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each string of a module that is not a docstring; f-strings as one text."""
    tree = syntax_tree(path)
    passed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            passed.update(id(part) for part in node.values)
            yield node.lineno, "".join(_text(part) for part in node.values)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in passed
        ):
            yield node.lineno, node.value


def _text(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else "{}"
