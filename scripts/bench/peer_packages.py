"""Owns the packages of the benches' peers: installed once, from package registries, into a cache.

A peer that cannot be had is reported with the reason; the bench goes on without it.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CACHE = Path.home() / ".cache" / "likeness"
_INSTALL_SECONDS = 180


class PeerMissing(Exception):
    """A peer cannot be had; the message says why, and what to do."""


def npm_packages(folder: str, *packages: str) -> Path:
    """A folder of the cache that holds node_modules with these. Raises PeerMissing."""
    home = CACHE / folder
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise PeerMissing(f"{folder} needs node and npm on PATH: install Node.js 20 or later")
    if not (home / "complete").exists():
        npm = ["npm", "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts"]
        _install([*npm, "--prefix", str(home), *packages], home)
        (home / "complete").touch()
    return home


def python_packages(folder: str, *packages: str) -> Path:
    """The Python of an environment of the cache with these packages. Raises PeerMissing."""
    home = CACHE / folder
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        uv = str(Path(sys.executable).with_name("uv"))
        _install([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)], home)
        _install([uv, "pip", "install", "--quiet", "--python", str(python), *packages], home)
        (home / "complete").touch()
    return python


def _install(argv: Sequence[str], home: Path) -> None:
    """Run an installer once. Raises PeerMissing with what it said last."""
    print(f"Installing into {home} (once)", file=sys.stderr)
    home.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True, timeout=_INSTALL_SECONDS)
    except subprocess.CalledProcessError as error:
        raise PeerMissing(
            f"{Path(argv[0]).name} failed ({last_line(error.stderr)});"
            f" with a network, run this again, or: {' '.join(argv)}"
        ) from error
    except (subprocess.TimeoutExpired, OSError) as error:
        raise PeerMissing(f"{error}; run this again, or: {' '.join(argv)}") from error


def last_line(text: str) -> str:
    """What a program said last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it ended without a word"
