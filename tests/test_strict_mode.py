"""Owns the rule that CI cannot turn green by skipping what it is there for."""

import os
import subprocess
import sys
from pathlib import Path

from tests.sources import ROOT

SKIPPING = {
    "test_itself.py": "import pytest\n\ndef test_it():\n    pytest.skip('no moon tonight')\n",
    "test_fixture.py": """
import pytest

@pytest.fixture
def moon():
    pytest.skip('no moon tonight')

def test_it(moon):
    pass
""",
    "test_module.py": "import pytest\n\npytest.skip('no moon tonight', allow_module_level=True)\n",
}


def _run(folder: Path, files: dict[str, str], *, strict: bool) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.components"]
    command.append("--continue-on-collection-errors")
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "LIKENESS_TEST_STRICT": "1" if strict else "0",
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_skip_fails_in_strict_mode(tmp_path: Path) -> None:
    answer = _run(tmp_path, SKIPPING, strict=True)
    assert answer.returncode == 1
    assert "skipped in strict mode: " in answer.stdout
    assert "1 failed, 2 errors" in answer.stdout.splitlines()[-1]


def test_a_skip_is_told_at_the_end_of_a_run(tmp_path: Path) -> None:
    answer = _run(tmp_path, SKIPPING, strict=False)
    assert answer.returncode == 0, answer.stdout
    assert "skipped 3: no moon tonight" in answer.stdout


def test_a_run_without_skips_passes_in_strict_mode(tmp_path: Path) -> None:
    answer = _run(tmp_path, {"test_it.py": "def test_it():\n    pass\n"}, strict=True)
    assert answer.returncode == 0, answer.stdout
    assert "skipped: nothing" in answer.stdout
