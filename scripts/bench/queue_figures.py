"""Owns the queue bench's figures: which cells there are, and what their samples come to.

Ratios are taken within a round, in which all queues are measured one after the other; the median
of the rounds is the figure.
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.bench.queue_peers import NAMES, Sample

WORDS = {
    "likeness": "ours, with host limits",
    "plain": "plain SKIP LOCKED SQL",
    "plain_recorded": "the same, results kept",
    "procrastinate_sql": "procrastinate, SQL",
    "procrastinate_worker": "procrastinate, worker",
    "pgmq": "PGMQ functions",
    "pgqueuer": "pgqueuer",
    "graphile_worker": "graphile-worker",
    "pg_boss": "pg-boss",
}


@dataclass(frozen=True)
class Cell:
    """What is measured: enqueue or turn, at a backlog, in batches, on so many connections."""

    do: str
    backlog: int
    connections: int
    batch: int


@dataclass
class Results:
    """All samples, by cell and queue, a sample a round; and why a queue is not there."""

    samples: dict[Cell, dict[str, list[Sample]]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, cell: Cell, name: str, sample: Sample) -> None:
        """Keep a sample of a round."""
        self.samples.setdefault(cell, {}).setdefault(name, []).append(sample)


def per_second(samples: Iterable[Sample]) -> float:
    """Median of jobs per second."""
    return round(statistics.median(sample.per_second for sample in samples), 1)


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample]) -> float:
    """How many times their speed is ours: the median of the rounds."""
    rounds = zip(ours, theirs, strict=True)
    return round(statistics.median(a.per_second / b.per_second for a, b in rounds), 3)


def figures_of(results: Results) -> dict[str, Any]:
    """The JSON of the comparison."""
    cells = []
    for cell, by_name in results.samples.items():
        ours = by_name["likeness"]
        cells.append(
            {
                "what": {"turn": "claim and complete"}.get(cell.do, cell.do),
                "backlog_jobs": cell.backlog,
                "connections": cell.connections,
                "batch_jobs": cell.batch,
                "jobs_per_second": {name: per_second(found) for name, found in by_name.items()},
                "ours_to_peer_ratio": {
                    name: ratio(ours, found)
                    for name, found in by_name.items()
                    if name != "likeness"
                },
            }
        )
    return {"cells": cells, "missing": results.missing}


def table_of(results: Results) -> str:
    """Jobs per second in 80 columns: a block for each thing done and backlog."""
    lines: list[str] = []
    blocks = dict.fromkeys((cell.do, cell.backlog) for cell in results.samples)
    for do, backlog in blocks:
        cells = [cell for cell in results.samples if (cell.do, cell.backlog) == (do, backlog)]
        what = "Claim and complete" if do == "turn" else "Enqueue"
        lines.append(f"\n{what}, jobs per second, backlog {backlog:,}")
        lines.append(" " * 24 + "".join(f"{f'{c.connections}x{c.batch}':>9}" for c in cells))
        for name in NAMES:
            found = [results.samples[cell].get(name) for cell in cells]
            if any(found):
                row = "".join(f"{f'{per_second(s):,.0f}' if s else '-':>9}" for s in found)
                lines.append(f"{WORDS[name]:<24}{row}")
    lines.append("\n2x10: two connections, batches of ten.")
    lines += [f"Missing: {name}: {why}" for name, why in results.missing.items()]
    return "\n".join(lines)
