"""Owns doing what the Dockerfile says, without an engine: one stage's COPY and RUN, in a folder.

It reads the few instructions that our Dockerfile uses and knows no others, so that a Dockerfile
that outgrows it fails here instead of going unchecked.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = ROOT / "Dockerfile"
VENV = "/opt/likeness"

_MOUNT = re.compile(r"--mount=\S+\s+")
_ASSIGNMENT = re.compile(r"(\w+)=(\"[^\"]*\"|\S*)")


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, its continued lines joined."""

    word: str
    argument: str


def read_stage(name: str) -> list[Instruction]:
    """The instructions of the stage ``name``, its FROM first."""
    found: list[Instruction] = []
    for instruction in _instructions(DOCKERFILE.read_text()):
        if instruction.word == "FROM" and found:
            break
        if found or re.search(rf"\bAS {name}$", instruction.argument):
            found.append(instruction)
    return found


def read_environment(stage: Sequence[Instruction]) -> dict[str, str]:
    """The variables that a stage sets."""
    return {
        name: value.strip('"')
        for word, argument in stage
        if word == "ENV"
        for name, value in _ASSIGNMENT.findall(argument)
    }


def build(folder: Path, files: Sequence[Path]) -> Path:
    """Do the stage `build` in ``folder``; returns the environment that the image would hold.

    ``files`` are the repository's, relative to its root: those of the working tree that are no
    leftovers of a run. Raises subprocess.CalledProcessError.
    """
    stage = read_stage("build")
    context, venv, base = folder / "build", folder / "venv", folder / "base"
    context.mkdir(parents=True)
    # What is Python in the image is here an environment of its own, since pip installs into it.
    subprocess.run([sys.executable, "-m", "venv", base], check=True)
    # The rest of ours tells a package client how this machine reaches the packages.
    environment = {**os.environ, **_kept(stage), "PATH": f"{base}/bin:/usr/local/bin:/usr/bin:/bin"}
    for word, argument in stage[1:]:
        if word == "COPY":
            _copy(argument, context, files)
        elif word == "RUN":
            command = _MOUNT.sub("", argument).replace(VENV, str(venv))
            subprocess.run(["sh", "-ec", command], cwd=context, env=environment, check=True)
        elif word not in ("ENV", "WORKDIR"):
            raise ValueError(f"The stage `build` says {word}, which nobody can do by hand yet")
    return venv


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, argument = line.partition(" ")
        yield Instruction(word, argument.strip())


def _kept(stage: Sequence[Instruction]) -> Mapping[str, str]:
    # The caches are mounts of the engine's; here each program uses its own.
    environment = read_environment(stage)
    return {name: value for name, value in environment.items() if not name.endswith("CACHE_DIR")}


def _copy(argument: str, context: Path, files: Sequence[Path]) -> None:
    *sources, target = argument.split()
    for source in sources:
        wanted = [file for file in files if file.is_relative_to(source)]
        if not wanted:
            raise FileNotFoundError(f"COPY {source}: the repository has no such file")
        for file in wanted:
            place = context / target / file.relative_to(source if len(sources) == 1 else ".")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, place)
