"""Our pixel path beside its peers and the codecs' floor: time, bytes and looks of the same files.

Every engine gets the same pictures, as bytes in memory, and gives the files of a task as bytes in
memory, in processes of one core each. Engines take turns in every round, so that a noisy machine
is noisy for all; ratios are taken within a round, then their median.
"""

import argparse
import base64
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.bench import picture_looks
from scripts.bench.peer_packages import PeerMissing
from scripts.bench.picture_origin import read_pictures
from scripts.bench.pillow_lane import LIMITS
from scripts.bench.pixel_figures import (
    JUDGED_SIDE,
    PARTS,
    TASK_WORDS,
    TASKS,
    WORDS,
    Results,
    Turn,
    figures_of,
    ratio,
)
from scripts.bench.pixel_peers import LANES, Lane, make_all, start
from worker.demo.pictures import draw_samples
from worker.errors import RenderFault
from worker.pixels.render import render
from worker.pixels.renditions import Preset


@dataclass(frozen=True)
class Plan:
    """How much is measured: rounds, pictures a round by task, engines that are left out."""

    rounds: int
    seconds: float
    pictures: dict[str, int]
    judged: int
    left_out: frozenset[str] = frozenset()


FULL = Plan(7, 200, {"a": 6, "b": 5, "c": 2}, judged=10)
QUICK = Plan(
    rounds=3,
    seconds=28,
    pictures={"a": 4, "b": 2, "c": 1},
    judged=2,
    left_out=frozenset({"sharp_tuned", "pyvips_tuned"}),
)


# An engine so many times slower than the floor takes part in a task's first round only: its
# seconds a picture would leave no time for rounds.
_FAR_SLOWER = 10


class Bench:
    """The pictures, the processes of all engines, and what they gave so far."""

    def __init__(self, pictures: list[bytes], cores: int, plan: Plan) -> None:
        self._pictures = pictures
        self._cores = cores
        self._plan = plan
        self._lanes: dict[str, list[Lane]] = {}
        self.results = Results()

    def open(self, stack: ExitStack, folder: Path) -> None:
        """Start every engine that can be had."""
        for number, data in enumerate(self._pictures):
            (folder / f"{number:05}").write_bytes(data)
        self.results.errors.update(dict.fromkeys(self._plan.left_out, "left out by --quick"))
        for kind, engines in LANES.items():
            try:
                lanes = start(kind, folder, self._cores)
            except PeerMissing as error:
                if kind == "pillow":
                    sys.exit(f"our own pixel path did not start: {error}")
                self._miss(engines, str(error))
                continue
            for lane in lanes:
                stack.callback(lane.close)
            wanted = [engine for engine in engines if engine not in self._plan.left_out]
            self._lanes.update(dict.fromkeys(wanted, lanes))

    def _miss(self, engines: Iterable[str], why: str) -> None:
        for engine in engines:
            self.results.errors[engine] = why
            print(f"{engine} is missing: {why}", file=sys.stderr)

    def run_rounds(self) -> None:
        """Rounds until there are enough of them or the time is up; one at the least."""
        began = time.monotonic()
        longest = 0.0
        while self.results.rounds < self._plan.rounds:
            start_of_round = time.monotonic()
            if self.results.rounds and start_of_round - began + longest > self._plan.seconds:
                break
            self._run_round(self.results.rounds)
            self.results.rounds += 1
            longest = max(longest, time.monotonic() - start_of_round)

    def _run_round(self, round_number: int) -> None:
        engines = list(self._lanes)
        first = round_number * 3 % len(engines)
        engines = engines[first:] + engines[:first]
        for task in TASKS:
            numbers = self._take(task, round_number)
            present = [engine for engine in engines if self._begin(task, engine)]
            # Every engine makes a picture before any makes the next: bursts of noise hit all.
            for number in numbers:
                for engine in present:
                    self._make(task, engine, 1, [number])
            if self._cores > 1 and len(numbers) > 1:
                for engine in present:
                    self._make(task, engine, self._cores, numbers)
        self._tell(round_number)

    def _take(self, task: str, round_number: int) -> list[int]:
        """Other pictures every round, as long as there are any."""
        count = self._plan.pictures[task]
        numbers = (round_number * count + i for i in range(count))
        return list(dict.fromkeys(number % len(self._pictures) for number in numbers))

    def _begin(self, task: str, engine: str) -> bool:
        """Open the engine's turns of a round; False where the first round has said enough."""
        turns = self.results.turns.setdefault((task, engine), {})
        for cores in range(1, self._cores + 1):
            turns.setdefault(cores, []).append({})
        first, floor = (self.results.turns[task, e][1][:1] for e in (engine, "floor"))
        return (ratio(first, floor) or 0) < _FAR_SLOWER

    def _make(self, task: str, engine: str, cores: int, numbers: Sequence[int]) -> None:
        try:
            samples, errors = make_all(self._lanes[engine][:cores], engine, TASKS[task], numbers)
        except PeerMissing as error:
            self.results.errors[engine] = f"it died: {error}"
            return
        self.results.turns[task, engine][cores][-1].update(samples)
        for reason in errors:
            self.results.errors[f"{engine}, task {task}"] = reason

    def _tell(self, round_number: int) -> None:
        told = [
            f"{task} {ratio([ours], [floor])}"
            for task in TASKS
            for ours, floor in [self._last(task, "ours", "floor")]
        ]
        print(f"round {round_number + 1}: ours / floor: {'  '.join(told)}", file=sys.stderr)

    def _last(self, task: str, *engines: str) -> list[Turn]:
        return [self.results.turns[task, engine][1][-1] for engine in engines]

    def judge(self) -> None:
        """Score the 800 px WebP of tasks a and b, and take its bytes, of pictures that all made."""
        engines = [engine for engine in self._lanes if engine not in (*PARTS, "floor")]
        jobs = []
        for task in ("a", "b"):
            for number in range(min(self._plan.judged, len(self._pictures))):
                files = {engine: self._file(task, engine, number) for engine in engines}
                if all(files.values()):
                    jobs += [(task, engine, number, file) for engine, file in files.items()]
        pairs = [(self._pictures[number], file or b"") for _, _, number, file in jobs]
        scores = picture_looks.score_all(pairs, self._cores)
        self._keep_scores(
            [(task, engine, len(file or b"")) for task, engine, _, file in jobs], scores
        )

    def _keep_scores(self, jobs: Sequence[tuple[str, str, int]], scores: Sequence[float]) -> None:
        for key in {job[:2] for job in jobs}:
            chosen = [i for i, job in enumerate(jobs) if job[:2] == key]
            self.results.scores[key] = round(statistics.fmean(scores[i] for i in chosen), 2)
            self.results.judged_bytes[key] = statistics.fmean(jobs[i][2] for i in chosen)

    def _file(self, task: str, engine: str, number: int) -> bytes | None:
        request = {"picture": number, "engine": engine, "outputs": TASKS[task], "keep": True}
        try:
            answer = self._lanes[engine][0].ask(request)
        except PeerMissing:
            return None
        at = [output.side for output in TASKS[task]].index(JUDGED_SIDE)
        return base64.b64decode(answer["files"][at]) if "files" in answer else None


def choose(candidates: Iterable[bytes], enough: int) -> list[bytes]:
    """The first ``enough`` files that are pictures to us; tells how many are not."""
    chosen: list[bytes] = []
    refused = 0
    for data in candidates:
        if len(chosen) == enough:
            break
        try:
            render(data, [Preset("", 200, 200, ("webp",), 85, 0)], LIMITS)
            chosen.append(data)
        except RenderFault:
            refused += 1
    if not chosen:
        sys.exit("none of the files is a picture that can be rendered")
    if refused:
        print(f"left out {refused} files that are no picture", file=sys.stderr)
    return chosen


def _read(options: argparse.Namespace, enough: int) -> list[bytes]:
    if options.photos:
        pictures = read_pictures(options.origin_folder / options.photos)
    else:
        pictures = [sample.body for sample in draw_samples() if not sample.sku.startswith("BAD")]
    # A few of a folder's neighbours, which are alike, would not stand for all of it.
    random.Random(4).shuffle(pictures)  # noqa: S311 - the same choice every time
    return choose(pictures, enough)


def run(pictures: list[bytes], plan: Plan) -> dict[str, Any]:
    """Measure, judge, and return the figures."""
    cores = min(2, os.cpu_count() or 1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="likeness-bench-")))
        bench = Bench(pictures, cores, plan)
        bench.open(stack, folder)
        bench.run_rounds()
        bench.judge()
    return {"pictures": len(pictures), **figures_of(bench.results, cores)}


def _print_table(figures: dict[str, Any]) -> None:
    columns = {
        "CPU ms": "cpu_ms_per_picture",
        "/ floor": "cpu_to_floor_ratio",
        "/ ours": "cpu_to_ours_ratio",
        "1 core/s": "one_core_pictures_per_second",
        "2 cores/s": "two_cores_pictures_per_second",
        "bytes": "output_bytes_per_picture",
        "/ naive": "bytes_to_naive_ratio",
        "SSIMU2": "ssimulacra2_800_px",
    }
    for task, engines in figures["tasks"].items():
        heading = f"Task {task.upper()}: {TASK_WORDS[task]}"
        print(f"\n{heading:<47}", end="")
        print("".join(f"{column:>11}" for column in columns))
        for engine, row in engines.items():
            cells = [(row or {}).get(key) for key in columns.values()]
            print(f"{WORDS[engine]:<47}" + "".join(f"{_cell(cell):>11}" for cell in cells))
    print(
        f"\nSSIMU2: {figures['quality_metric']} of the {JUDGED_SIDE} px WebP; 100 = no difference"
    )
    print(_REASONS)
    for engine, why in figures["missing"].items():
        print(f"Missing: {engine}: {why}")


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


_REASONS = """\
Medians of rounds; CPU on one core; pictures per second while the cores are at work. "/ ours" is
how many times our CPU an engine takes. "Our efforts" and naive write AVIF at our speed; by their
defaults the others take longer for fewer bytes. The two last lines of a task are parts of ours."""


def main() -> None:
    """Parse the command line, run, print a table and, last, one JSON object."""
    parser = argparse.ArgumentParser(prog="scripts/bench/pixels", description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of pictures; default: drawn ones")
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--rounds", type=int, help="at most so many rounds (default 7; quick 3)")
    parser.add_argument(
        "--from", dest="origin_folder", type=Path, default=Path(), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    if options.rounds:
        plan = replace(plan, rounds=options.rounds)
    figures = run(_read(options, plan.rounds * max(plan.pictures.values())), plan)
    _print_table(figures)
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
