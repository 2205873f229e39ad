"""Owns the pixel bench's figures: tasks, engines by name, and what samples come to.

Ratios are taken within a round, of the pictures that both engines made; the median of the rounds
is the figure.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from scripts.bench.pixel_lane import Output
from scripts.bench.pixel_peers import Sample

WEBP = (("webp", 85),)
# AVIF 68 is WebP 85 by SSIMULACRA2; it is what our recipe asks for.
ALL_FORMATS = (("webp", 85), ("avif", 68), ("jpeg", 85))


def _outputs(sides: Iterable[int], formats: Iterable[tuple[str, int]]) -> list[Output]:
    return [Output(side, *format) for side in sides for format in formats]


TASKS = {
    "a": _outputs((200, 800), WEBP),
    "b": _outputs((150, 400, 800, 1200), WEBP),
    "c": _outputs((150, 400, 800, 1200), ALL_FORMATS),
}
TASK_WORDS = {
    "a": "200 and 800 px WebP",
    "b": "150, 400, 800 and 1200 px WebP",
    "c": "the sizes of b in WebP, AVIF and JPEG",
}
JUDGED_SIDE = 800
QUALITY_METRIC = "SSIMULACRA2 (PyPI ssimulacra2)"
PARTS = ("resizing", "fingerprints")
PEERS = ("naive", "sharp", "sharp_tuned", "pyvips", "pyvips_tuned", "thumbor")
WORDS = {
    "floor": "codec floor: scaled decode + encode",
    "ours": "ours (worker.pixels.render)",
    "naive": "Pillow naive",
    "sharp": "sharp, its defaults",
    "sharp_tuned": "sharp, our efforts",
    "pyvips": "pyvips, its defaults",
    "pyvips_tuned": "pyvips, cascade, our efforts",
    "thumbor": "thumbor's PIL engine",
    "resizing": "  ours beyond the floor: resizing",
    "fingerprints": "  ours beyond the floor: fingerprints",
}

# One engine's turn: its samples by picture.
Turn = dict[int, Sample]
# Of one task and engine, by how many cores: a turn a round.
Turns = dict[int, list[Turn]]


@dataclass
class Results:
    """All that was measured, by (task, engine), and why an engine is not there."""

    turns: dict[tuple[str, str], Turns] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    scores: dict[tuple[str, str], float] = field(default_factory=dict)
    judged_bytes: dict[tuple[str, str], float] = field(default_factory=dict)
    rounds: int = 0


def ratio(turns: Sequence[Turn], others: Sequence[Turn]) -> float | None:
    """How many times the CPU of ``others``: within each round, of the pictures that both made."""
    ratios = []
    for mine, theirs in zip(turns, others, strict=True):
        both = mine.keys() & theirs.keys()
        if both:
            cpu = sum(mine[number].cpu_ms for number in both)
            ratios.append(cpu / sum(theirs[number].cpu_ms for number in both))
    return round(statistics.median(ratios), 3) if ratios else None


def bytes_ratio(turns: Sequence[Turn], others: Sequence[Turn]) -> float | None:
    """How many times the bytes of ``others``, over all pictures that both made."""
    mine, theirs = (
        {number: sum(sample.file_bytes) for turn in side for number, sample in turn.items()}
        for side in (turns, others)
    )
    both = mine.keys() & theirs.keys()
    divisor = sum(theirs[number] for number in both)
    return round(sum(mine[number] for number in both) / divisor, 4) if divisor else None


def _median_of(turns: Sequence[Turn], of: Callable[[list[Sample]], float]) -> float | None:
    figures = [of(list(turn.values())) for turn in turns if turn]
    return round(statistics.median(figures), 2) if figures else None


def _mean_cpu(samples: list[Sample]) -> float:
    return statistics.fmean(sample.cpu_ms for sample in samples)


def _mean_bytes(turns: Sequence[Turn]) -> float:
    made = {number: sample for turn in turns for number, sample in turn.items()}
    return round(statistics.fmean(sum(sample.file_bytes) for sample in made.values()))


def _per_second(cores: int, samples: list[Sample]) -> float:
    return cores * 1000 / statistics.fmean(sample.wall_ms for sample in samples)


def figures_of(results: Results, cores: int) -> dict[str, Any]:
    """All figures; an engine that is not there is null, and ``missing`` says why."""
    tasks = {task: {e: _engine_figures(results, task, e) for e in WORDS} for task in TASKS}
    return {
        "rounds": results.rounds,
        "cores": cores,
        "quality_metric": QUALITY_METRIC,
        **_summary(tasks),
        "tasks": tasks,
        "missing": results.errors,
    }


def _engine_figures(results: Results, task: str, engine: str) -> dict[str, float | None] | None:
    turns = results.turns.get((task, engine), {})
    alone = turns.get(1, [])
    if not any(alone):
        return None
    floor, ours, naive = (results.turns[task, e][1] for e in ("floor", "ours", "naive"))
    figures = {
        "cpu_ms_per_picture": _median_of(alone, _mean_cpu),
        "cpu_to_floor_ratio": ratio(alone, floor),
        "cpu_to_ours_ratio": ratio(alone, ours),
        "output_bytes_per_picture": _mean_bytes(alone) or None,
        "bytes_to_naive_ratio": bytes_ratio(alone, naive) or None,
        "ssimulacra2_800_px": results.scores.get((task, engine)),
        "bytes_800_px": results.judged_bytes.get((task, engine)),
    }
    for cores, name in ((1, "one_core"), (2, "two_cores")):
        per_second = _median_of(turns.get(cores, []), partial(_per_second, cores))
        figures[f"{name}_pictures_per_second"] = per_second
    return figures


def _summary(tasks: dict[str, dict[str, dict[str, float | None] | None]]) -> dict[str, Any]:
    """What is aimed at, in flat keys."""
    summary: dict[str, Any] = {}
    for task, engines in tasks.items():
        ours, naive = engines["ours"] or {}, engines["naive"] or {}
        summary[f"task_{task}_cpu_to_floor_ratio"] = ours.get("cpu_to_floor_ratio")
        for peer in PEERS:
            faster = (engines[peer] or {}).get("cpu_to_ours_ratio")
            summary[f"task_{task}_times_faster_than_{peer}_ratio"] = faster
        summary[f"task_{task}_bytes_to_naive_ratio"] = ours.get("bytes_to_naive_ratio")
        mine, theirs = (side.get("ssimulacra2_800_px") for side in (ours, naive))
        if mine is not None and theirs is not None:
            summary[f"task_{task}_ssimulacra2_above_naive_points"] = round(mine - theirs, 2)
    return summary
