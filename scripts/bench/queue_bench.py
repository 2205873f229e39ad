"""How fast our queue is beside others: enqueue, claim and complete, at several backlogs.

All queues are measured in turn, round by round, on one Postgres that is durable (fsync and
synchronous commit, unless ``--relaxed``); medians are printed. Ours holds the limits of 5,000 hosts
and does all that claim_images() and finish_images() do: state machine, history, what is learned
for refreshes, host and worker counts. The peers only mark jobs as done; what it costs to keep the
results too, in the same tables and the least statements, is one more lane beside them. ``--trap``
measures what half a backlog on one blocked host, and an old transaction, cost; ``--soak-minutes``
what time does; ``--scale`` what ten million pictures do.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.bench.peer_packages import PeerMissing
from scripts.bench.queue_figures import Cell, Results, figures_of, ratio, table_of
from scripts.bench.queue_peers import (
    MOST_RECORDED,
    NAMES,
    ONE_AT_A_TIME,
    RECORDED,
    Queue,
    Sample,
    start_queues,
)
from scripts.bench.queue_scale import try_scale
from scripts.bench.queue_soak import soak
from scripts.bench.queue_trap import spring
from worker.embedded import EmbeddedPostgres

BATCHES = (1, 10, 100)
# The same for all: room for the largest backlog, no checkpoint in the middle of a sample. Nothing
# of durability is traded away.
_SERVER = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "max_connections": "100",
}


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    backlogs: tuple[int, ...]
    connections: tuple[int, ...]
    rounds: int
    # Jobs a sample, by batch.
    jobs: dict[int, int]


FULL = Plan((10_000, 200_000), (1, 2), 5, {1: 600, 10: 3_000, 100: 6_000})
QUICK = Plan((10_000,), (1,), 1, {1: 100, 10: 600, 100: 1_500})
LARGEST = 5_000_000


@contextmanager
def start_server(*, is_relaxed: bool) -> Iterator[EmbeddedPostgres]:
    """A Postgres of the bench's own, from the wheel, durable as in production unless told."""
    settings = _SERVER | ({"synchronous_commit": "off"} if is_relaxed else {})
    with tempfile.TemporaryDirectory(prefix="likeness-bench-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres", extra_settings=settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def compare(server: EmbeddedPostgres, names: Sequence[str], plan: Plan) -> Results:
    """Measure all queues in turn, cell by cell."""
    results = Results()
    with start_queues(server, names, max(plan.connections)) as (queues, missing):
        results.missing = missing
        for queue in queues:
            queue.hold_backlog(min(plan.backlogs))
            queue.measure("turn", 1, 20, max(plan.connections))
        for cell in _cells(plan):
            _say(f"{cell.do}, backlog {cell.backlog:,}, {cell.connections} x {cell.batch}")
            for number in range(plan.rounds):
                # Nobody is always first.
                for queue in queues[number % len(queues) :] + queues[: number % len(queues)]:
                    if queue.name not in missing and _can(queue, cell):
                        _measure(queue, cell, plan, results)
    for name in results.missing:
        for by_name in results.samples.values():
            by_name.pop(name, None)
    return results


def _cells(plan: Plan) -> Iterator[Cell]:
    for backlog in plan.backlogs:
        for connections in plan.connections:
            for batch in BATCHES:
                yield Cell("turn", backlog, connections, batch)
        # At the smallest backlog only: what waits matters little to what is added.
        if backlog == min(plan.backlogs):
            for connections in plan.connections:
                for batch in BATCHES:
                    yield Cell("enqueue", backlog, connections, batch)


def _can(queue: Queue, cell: Cell) -> bool:
    if queue.name == RECORDED:
        return cell.do == "turn" and cell.backlog <= MOST_RECORDED
    return cell.do == "enqueue" or cell.batch == 1 or queue.name not in ONE_AT_A_TIME


def _measure(queue: Queue, cell: Cell, plan: Plan, results: Results) -> None:
    try:
        queue.hold_backlog(cell.backlog)
        sample = queue.measure(cell.do, cell.batch, plan.jobs[cell.batch], cell.connections)
    except PeerMissing as error:
        if queue.name == "likeness":
            sys.exit(f"our own queue failed: {error}")
        results.missing[queue.name] = str(error)
    else:
        results.add(cell, queue.name, sample)


def degradation(server: EmbeddedPostgres, plan: Plan) -> dict[str, Any]:
    """Our speed at the smallest backlog over that at the largest, both there at the same time."""
    figures: dict[str, Any] = {"from_jobs": min(plan.backlogs), "to_jobs": max(plan.backlogs)}
    if figures["from_jobs"] == figures["to_jobs"]:
        return figures
    with (
        start_queues(server, ["likeness"], 1, "_small") as ([small], _),
        start_queues(server, ["likeness"], 1, "_large") as ([large], _),
    ):
        _say(f"laying {max(plan.backlogs):,} pictures")
        large.hold_backlog(max(plan.backlogs))
        for batch in BATCHES:
            pairs: list[tuple[Sample, Sample]] = []
            for _ in range(plan.rounds + 1):
                small.hold_backlog(min(plan.backlogs))
                pairs.append(
                    (
                        small.measure("turn", batch, plan.jobs[batch], 1),
                        large.measure("turn", batch, plan.jobs[batch], 1),
                    )
                )
            # The first round warms.
            figures[f"batch_{batch}_ratio"] = ratio(*zip(*pairs[1:], strict=True))
    return figures


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All that was asked for; figures by part."""
    plan = QUICK if options.quick else FULL
    if options.rounds:
        plan = replace(plan, rounds=options.rounds)
    if options.largest:
        plan = replace(plan, backlogs=(*plan.backlogs, LARGEST))
    figures: dict[str, Any] = {}
    with start_server(is_relaxed=options.relaxed) as server:
        figures["postgres_version"] = server.version
        figures["synchronous_commit"] = "off" if options.relaxed else "on"
        if not options.skip_peers:
            results = compare(server, NAMES, plan)
            print(table_of(results))
            figures |= figures_of(results)
        if not (options.quick or options.skip_degradation):
            figures["degradation"] = degradation(server, plan)
            print(f"\nDegradation of ours: {figures['degradation']}")
        if options.trap:
            figures["trap"] = spring(server, options.trap_rows, options.pinned_seconds)
        if options.soak_minutes:
            figures["soak"] = soak(server, options.soak_minutes)
        if options.scale:
            figures["scale"] = try_scale(server, options.scale, with_partitions=options.partitions)
    return figures


def main() -> None:
    """Parse the command line, run, print tables and, last, one JSON object."""
    parser = argparse.ArgumentParser(prog="scripts/bench/queue", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--rounds", type=int, help="rounds (default 5; quick 1)")
    parser.add_argument(
        "--relaxed",
        action="store_true",
        help="synchronous_commit off for all: what is left is the queues' own work, not the disk's",
    )
    parser.add_argument("--largest", action="store_true", help="a backlog of 5,000,000 too")
    parser.add_argument("--skip-peers", action="store_true", help="leave the comparison out")
    parser.add_argument("--trap", action="store_true", help="a blocked host, an old transaction")
    parser.add_argument("--trap-rows", type=int, default=1_000_000, help="default 1,000,000")
    parser.add_argument("--pinned-seconds", type=int, default=300, help="default 300")
    parser.add_argument("--soak-minutes", type=float, default=0, help="full speed for so long")
    parser.add_argument("--scale", type=int, help="try so many pictures: 10000000")
    parser.add_argument(
        "--partitions", action="store_true", help="with --scale: in the partition plan's shape too"
    )
    parser.add_argument("--skip-degradation", action="store_true", help="leave that out")
    parser.add_argument("--from", dest="origin_folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    figures = run(options)
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
