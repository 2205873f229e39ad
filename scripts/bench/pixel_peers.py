"""Owns the processes of the pixel bench: which there are, how they are had, one to a core.

What the repository's environment does not hold (sharp, thumbor) is installed once into a cache
folder. A peer that cannot be had is reported with the reason; the bench goes on without it.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.bench.peer_packages import PeerMissing, last_line, npm_packages, python_packages

SHARP_VERSION = "0.35.5"
# The newest Pillow that this thumbor takes.
THUMBOR_PACKAGES = ("thumbor==7.8.0", "pillow==12.3.0")

ROOT = Path(__file__).parents[2]

# Engines by the process that they share; the floor is first, all others are measured against it.
LANES = {
    "pillow": ("floor", "ours", "resizing", "fingerprints", "naive"),
    "sharp": ("sharp", "sharp_tuned"),
    "pyvips": ("pyvips", "pyvips_tuned"),
    "thumbor": ("thumbor",),
}


@dataclass(frozen=True)
class Sample:
    """One picture by one engine: milliseconds, and the bytes of each file."""

    cpu_ms: float
    wall_ms: float
    file_bytes: tuple[int, ...]


class Lane:
    """One process on one core, which makes pictures when it is told to."""

    def __init__(self, argv: Sequence[str], core: int) -> None:
        # A file and no pipe, which a talkative library would fill, and stop.
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - until close()
        with _pinned(core):
            self._process = subprocess.Popen(
                argv,
                cwd=ROOT,
                # One core a process: what a library's own threads do is not the question.
                env={**os.environ, "VIPS_CONCURRENCY": "1", "OMP_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                text=True,
            )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request. Raises PeerMissing where the process has died."""
        process = self._process
        assert process.stdin
        assert process.stdout
        try:
            print(json.dumps(request), file=process.stdin, flush=True)
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._said.seek(0)
            raise PeerMissing(last_line(self._said.read()))
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._said.close()


@contextmanager
def _pinned(core: int) -> Iterator[None]:
    """What is started here runs on one core, with all its threads (where the system can)."""
    if sys.platform != "linux":
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[core % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def make_all(
    lanes: Sequence[Lane], engine: str, outputs: Sequence[Any], numbers: Sequence[int]
) -> tuple[dict[int, Sample], list[str]]:
    """Every picture once, shared out among the lanes; samples by picture, and what went wrong."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in numbers:
        waiting.put(number)
    samples: dict[int, Sample] = {}
    errors: list[str] = []

    def work(lane: Lane) -> None:
        while not waiting.empty():
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            answer = lane.ask(
                {"picture": number, "engine": engine, "outputs": outputs, "keep": False}
            )
            if "error" in answer:
                errors.append(answer["error"])
            else:
                files = tuple(answer["bytes"])
                samples[number] = Sample(answer["cpu_ms"], answer["wall_ms"], files)

    with ThreadPoolExecutor(len(lanes)) as threads:
        list(threads.map(work, lanes))
    return samples, errors


def start(name: str, folder: Path, cores: int) -> list[Lane]:
    """The processes of one kind, one to a core, warm. Raises PeerMissing."""
    argv = _COMMANDS[name](str(folder))
    lanes = [Lane(argv, core) for core in range(cores)]
    try:
        for lane in lanes:
            lane.ask(
                {"picture": 0, "engine": LANES[name][0], "outputs": [(200, "webp", 85)], "keep": 0}
            )
    except PeerMissing:
        for lane in lanes:
            lane.close()
        raise
    return lanes


def _pillow(folder: str) -> list[str]:
    return [sys.executable, "-m", "scripts.bench.pillow_lane", folder]


def _vips(folder: str) -> list[str]:
    return [sys.executable, "-m", "scripts.bench.vips_lane", folder]


def _sharp(folder: str) -> list[str]:
    packages = npm_packages(f"sharp-{SHARP_VERSION}", f"sharp@{SHARP_VERSION}")
    return ["node", str(ROOT / "scripts/bench/sharp_lane.mjs"), folder, str(packages)]


def _thumbor(folder: str) -> list[str]:
    python = python_packages(THUMBOR_PACKAGES[0].replace("==", "-"), *THUMBOR_PACKAGES)
    return [str(python), "-W", "ignore", "-m", "scripts.bench.thumbor_lane", folder]


_COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "pillow": _pillow,
    "sharp": _sharp,
    "pyvips": _vips,
    "thumbor": _thumbor,
}
