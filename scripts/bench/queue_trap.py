"""Owns the trap of the queue bench: half of all pictures wait for one host, and that is blocked.

Blocked and not blocked are measured in turn on the same rows. Then a transaction is held open,
which keeps every dead row and index entry, and the load goes on under it.
"""

import statistics
import sys
import time
from typing import Any

from scripts.bench.queue_lanes import Connection, LikenessLane, connect, fill_pictures, set_up
from worker.embedded import EmbeddedPostgres

_ROUNDS = 7
_JOBS = {10: 2_000, 100: 4_000}
_PINNED_BATCH = 10
_TOP_HOST = "h1.test"
_REFILL = 50_000
_PATIENCE_SECONDS = 60


def spring(server: EmbeddedPostgres, rows: int, pinned_seconds: int) -> dict[str, Any]:
    """Measure it; the figures."""
    server.create_database("trap")
    conninfo = server.conninfo("trap")
    set_up(conninfo, "likeness", [])
    with connect(conninfo) as connection, connect(conninfo) as other:
        fill_pictures(connection, rows, is_queued=True, top_host_share=0.5)
        connection.execute("vacuum (analyze)")
        # It alone could take whole batches: what is measured is the claim, not its limit.
        connection.execute("select likeness.set_host_limits(%s, 8, '0')", [_TOP_HOST])
        load = _Load(connection, rows)
        figures: dict[str, Any] = {"rows": rows, "hosts": 5_000, "top_host_share": 0.5}
        for batch in _JOBS:
            figures |= _block_in_turn(connection, load, batch)
        figures |= _pin(other, load, pinned_seconds)
    _print(figures)
    return figures


def _block_in_turn(connection: Connection, load: "_Load", batch: int) -> dict[str, float]:
    speeds: dict[bool, list[float]] = {True: [], False: []}
    for number in range(_ROUNDS * 2 + 2):
        is_blocked = number % 2 == 0
        _set_blocked(connection, is_blocked=is_blocked)
        speed = load.per_second(batch)
        # The first two warm.
        if number >= 2:
            speeds[is_blocked].append(speed)
    ratios = [a / b for a, b in zip(speeds[True], speeds[False], strict=True)]
    return {
        f"batch_{batch}_blocked_claims_per_second": round(statistics.median(speeds[True]), 1),
        f"batch_{batch}_unblocked_claims_per_second": round(statistics.median(speeds[False]), 1),
        f"batch_{batch}_blocked_to_unblocked_ratio": round(statistics.median(ratios), 3),
    }


def _set_blocked(connection: Connection, *, is_blocked: bool) -> None:
    """As settle_hosts() does when the breaker opens, and resume_host() when a person closes it."""
    if is_blocked:
        connection.execute(
            "update likeness.hosts set blocked_until = now() + interval '1 day',"
            " blocked_reason = 'a bench', ready_at = case when ready_at is not null"
            " then now() + interval '1 day' end where host = %s",
            [_TOP_HOST],
        )
    else:
        connection.execute("select likeness.resume_host(%s)", [_TOP_HOST])


class _Load:
    """A worker at full speed on a backlog that is kept up."""

    def __init__(self, connection: Connection, rows: int) -> None:
        self._connection = connection
        self._lane = LikenessLane(connection)
        self._lane.begin()
        # Of the host that may be blocked none is counted on.
        self._left = rows // 2

    def per_second(self, batch: int) -> float:
        """Claims per second, each finished, over some thousands."""
        jobs = _JOBS[batch]
        if self._left < jobs:
            fill_pictures(self._connection, _REFILL, is_queued=True)
            self._left += _REFILL
        began = time.perf_counter()
        done = 0
        while done < jobs:
            taken = self._lane.turn(batch)
            if not taken and time.perf_counter() - began > _PATIENCE_SECONDS:
                sys.exit(f"only {done} of {jobs} pictures could be claimed")
            done += taken
        self._left -= done
        return done / (time.perf_counter() - began)


def _pin(other: Connection, load: _Load, seconds: int) -> dict[str, float]:
    """Load before, and under, a transaction that stays open and keeps its snapshot."""

    def some() -> list[float]:
        return [load.per_second(_PINNED_BATCH) for _ in range(_ROUNDS)]

    before = statistics.median(some())
    pinned: list[float] = []
    with other.transaction():
        other.execute("set transaction isolation level repeatable read")
        other.execute("select count(*) from likeness.hosts")
        until = time.monotonic() + seconds
        while time.monotonic() < until or len(pinned) < _ROUNDS:
            pinned.append(load.per_second(_PINNED_BATCH))
    # Afterwards too: a machine that others use is not the same after minutes.
    after = statistics.median(some())
    last = statistics.median(pinned[-_ROUNDS:])
    return {
        "pinned_seconds": seconds,
        "before_claims_per_second": round(before, 1),
        "pinned_last_claims_per_second": round(last, 1),
        "after_claims_per_second": round(after, 1),
        "pinned_to_before_ratio": round(last / before, 3),
        "pinned_pictures": len(pinned) * _JOBS[_PINNED_BATCH],
    }


def _print(figures: dict[str, Any]) -> None:
    print(f"\nThe trap: {figures['rows']:,} pictures over 5,000 hosts, half of them for one")
    for batch in _JOBS:
        blocked = figures[f"batch_{batch}_blocked_claims_per_second"]
        free = figures[f"batch_{batch}_unblocked_claims_per_second"]
        part = figures[f"batch_{batch}_blocked_to_unblocked_ratio"]
        print(f"  batch {batch:>3}: {blocked:,.0f}/s while it is blocked, {free:,.0f}/s: {part}")
    print(
        f"  a transaction open for {figures['pinned_seconds']} s of load:"
        f" {figures['before_claims_per_second']:,.0f}/s before,"
        f" {figures['pinned_last_claims_per_second']:,.0f}/s at its end:"
        f" {figures['pinned_to_before_ratio']}"
    )
