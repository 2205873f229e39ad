"""Owns the soak of the queue bench: full speed for minutes, what the claim's p99 and the sizes do.

Two workers claim and finish; what is finished is queued again, so that the number of rows stays
and whatever grows is bloat. Autovacuum runs as it does in production.
"""

import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.bench.queue_lanes import Connection, LikenessLane, connect, fill_pictures, set_up
from worker.embedded import EmbeddedPostgres

_PICTURES = 200_000
_LEAST_WAITING = 150_000
_BATCH = 16
_PARTS = 6

_SIZES = """
    select c.relname, pg_relation_size(c.oid) / 1e6, pg_indexes_size(c.oid) / 1e6, s.n_dead_tup,
           s.n_tup_upd, round(100.0 * s.n_tup_hot_upd / nullif(s.n_tup_upd, 0)), s.autovacuum_count
      from pg_class c
      join pg_stat_user_tables s on s.relid = c.oid
     where c.relname in ('images', 'hosts', 'image_freshness', 'image_history', 'worker_minutes')
       and c.relnamespace = 'likeness'::regnamespace
     order by 2 desc"""


@dataclass
class _Worker:
    """One worker's claims: when each was, and how long it took."""

    connection: Connection
    claims: list[tuple[float, float]] = field(default_factory=list)
    done: int = 0

    def work(self, until: float) -> None:
        """Claim and finish until then."""
        lane = TimedLane(self.connection)
        lane.begin()
        while time.monotonic() < until:
            self.done += lane.turn(_BATCH)
            self.claims.append((lane.claimed_at, lane.claim_ms))


class TimedLane(LikenessLane):
    """Our queue, with a watch on its claim."""

    claimed_at = 0.0
    claim_ms = 0.0

    def _all(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        began = time.monotonic()
        rows = super()._all(query, *arguments)
        if "claim_images" in query:
            self.claimed_at, self.claim_ms = began, (time.monotonic() - began) * 1000
        return rows


def soak(server: EmbeddedPostgres, minutes: float) -> dict[str, Any]:
    """Run it; the figures."""
    server.create_database("soak")
    conninfo = server.conninfo("soak")
    set_up(conninfo, "likeness", [])
    with connect(conninfo) as connection, connect(conninfo) as a, connect(conninfo) as b:
        fill_pictures(connection, _PICTURES, is_queued=True)
        connection.execute("vacuum (analyze)")
        workers = [_Worker(a), _Worker(b)]
        began = time.monotonic()
        until = began + minutes * 60
        threads = [threading.Thread(target=w.work, args=(until,)) for w in workers]
        for thread in threads:
            thread.start()
        sizes = [_sizes(connection)]
        for part in range(1, _PARTS + 1):
            while time.monotonic() < min(until, began + part * minutes * 60 / _PARTS):
                _queue_again(connection)
                time.sleep(0.2)
            sizes.append(_sizes(connection))
        for thread in threads:
            thread.join()
    claims = [claim for worker in workers for claim in worker.claims]
    p99 = p99_by_part(claims, began, minutes * 60 / _PARTS)
    figures = {
        "minutes": minutes,
        "pictures_per_second": round(sum(w.done for w in workers) / minutes / 60, 1),
        "claim_p99_ms_by_part": p99,
        "last_to_first_p99_ratio": round(p99[-1] / p99[0], 3) if p99[0] and p99[-1] else None,
        "tables_by_part": sizes,
    }
    _print(figures)
    return figures


def _queue_again(connection: Connection) -> None:
    """A refresh of what is completed, as long as too little waits; in the pieces of an import."""
    connection.execute(
        "select likeness.queue_images(array("
        "select id from likeness.images where status = 'completed' limit 5000))"
        " where (select count(*) from likeness.images where queued_at is not null) < %s",
        [_LEAST_WAITING],
    )


def _sizes(connection: Connection) -> dict[str, dict[str, float]]:
    names = ("table_mb", "indexes_mb", "dead_rows", "updates", "hot_percent", "autovacuums")
    return {
        row[0]: {
            name: round(float(value or 0), 1) for name, value in zip(names, row[1:], strict=True)
        }
        for row in connection.execute(_SIZES.encode()).fetchall()
    }


def p99_by_part(
    claims: Sequence[tuple[float, float]], began: float, seconds: float
) -> list[float | None]:
    """The p99 of claims (when, milliseconds) in each part of so many seconds; null: too few."""
    parts: list[list[float]] = [[] for _ in range(_PARTS)]
    for claimed_at, claim_ms in claims:
        parts[min(_PARTS - 1, int((claimed_at - began) / seconds))].append(claim_ms)
    return [
        round(statistics.quantiles(part, n=100)[98], 2) if len(part) >= 100 else None
        for part in parts
    ]


def _print(figures: dict[str, Any]) -> None:
    print(
        f"\nSoak: {figures['minutes']:g} minutes, {figures['pictures_per_second']:,.0f} pictures/s"
    )
    print(f"  claim p99 by part, ms: {figures['claim_p99_ms_by_part']}")
    print(f"  last part over first: {figures['last_to_first_p99_ratio']}")
    print(f"  {'':<16}{'MB, indexes MB: first':>24}{'last':>18}{'dead rows':>12}{'HOT':>6}")
    first, last = figures["tables_by_part"][0], figures["tables_by_part"][-1]
    for name, now in last.items():
        before = first[name]
        print(
            f"  {name:<16}{before['table_mb']:>13g}{before['indexes_mb']:>11g}"
            f"{now['table_mb']:>9g}{now['indexes_mb']:>9g}{now['dead_rows']:>12,.0f}"
            f"{now['hot_percent']:>5g}%"
        )
