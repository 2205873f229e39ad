"""Rollback of a supplier's bad day: how long its one transaction takes, and whether it is right.

A Postgres of its own holds a supplier whose every picture was replaced on one day, and another one
of the same size that must not be touched. Beside `rollback_supplier()` runs the floor: the same
places updated and their history written by two bare statements, with nothing locked, checked or
remembered. Both in turn, several rounds, each undone by its own transaction; then the rollback is
done for good and every answer of the resolver is compared with that of the day before.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from psycopg.sql import SQL, Identifier

from worker.db import Connection, connect
from worker.embedded import EmbeddedPostgres
from worker.migrate import migrate
from worker.settings import Settings

SUPPLIERS = ("acme", "bystander")
_RENDITIONS = [
    {"preset": name, "format": "webp", "recipe": recipe, "width": width, "height": width * 3 // 4}
    for name, recipe, width in (("thumb", "aaaaaaaaaaaa", 200), ("medium", "bbbbbbbbbbbb", 800))
]
# What a trigger keeps beside the renditions.
_SIZES = {r["preset"]: [f"{r['recipe']}.webp", r["width"], r["height"]] for r in _RENDITIONS}

# {n} pictures of the supplier, a tenth of that of the other: good bytes ten days ago, other bytes
# two hours ago. Triggers and foreign keys are off while it is filled, and on when it is measured.
_FILL = """
set session_replication_role = replica;
insert into likeness.hosts (host, parked_for)
select s || '.test', 'empty' from unnest(%(suppliers)s::text[]) s;
insert into likeness.suppliers (name) select unnest(%(suppliers)s::text[]);
insert into likeness.datasets (supplier_id, name, status, activated_at, image_url_prefix)
select id, 'all', 'active', now(), 'http://' || name || '.test/' from likeness.suppliers;
insert into likeness.products (supplier_id, dataset_id, sku, name)
select s.id, d.id, 'K-' || n, 'Product ' || n
  from likeness.suppliers s
  join likeness.datasets d on d.supplier_id = s.id
 cross join generate_series(1, %(n)s) n
 where s.name = 'acme' or n %% 10 = 0
 order by n, s.id;
create temporary table place as
select p.id as product_id, p.supplier_id, h.id as host_id, s.name,
       encode(sha256(convert_to('good' || p.id, 'UTF8')), 'hex') as good,
       encode(sha256(convert_to('bad' || p.id, 'UTF8')), 'hex') as bad
  from likeness.products p
  join likeness.suppliers s on s.id = p.supplier_id
  join likeness.hosts h on h.host = s.name || '.test';
insert into likeness.blobs (
  sha256, status, format, width, height, bytes, has_original, stored_at, renditions, sizes)
select sha256, 'stored', 'jpeg', 800, 600, 100000, true, now(), %(renditions)s::jsonb,
       %(sizes)s::jsonb
  from (select good as sha256 from place union all select bad from place) b
 order by sha256;
insert into likeness.images (
  product_id, position, status, host_id, source_url, fetch_url, blob_sha256, mirrored_at,
  source_etag)
select product_id, 0, 'completed', host_id, product_id || '.jpg',
       'http://' || name || '.test/' || product_id || '.jpg', bad, now() - interval '2 hours',
       '"v2"'
  from place
 order by product_id;
insert into likeness.image_history (image_id, product_id, position, blob_sha256, shown_at, cause)
select i.id, i.product_id, 0, p.good, now() - interval '10 days', 'mirrored'
  from place p join likeness.images i using (product_id)
 order by i.id;
insert into likeness.image_history (image_id, product_id, position, blob_sha256, shown_at, cause)
select i.id, i.product_id, 0, p.bad, now() - interval '2 hours', 'mirrored'
  from place p join likeness.images i using (product_id)
 order by i.id;
set session_replication_role = origin;
"""

_FLOOR = (
    """
update likeness.images i set blob_sha256 = p.good, updated_at = now()
  from place p where p.product_id = i.product_id and p.name = 'acme'
""",
    """
insert into likeness.image_history (image_id, product_id, position, blob_sha256, shown_at, cause)
select i.id, i.product_id, i.position, i.blob_sha256, now(), 'rolled back'
  from place p join likeness.images i using (product_id) where p.name = 'acme'
""",
)


class Turn(NamedTuple):
    """One measurement: by the clock, and of the processor that the server's process took."""

    seconds: float
    cpu_seconds: float


class _Undone(Exception):
    """Ends a measured transaction without its effect."""


def fill(connection: Connection, images: int) -> None:
    """Two suppliers whose pictures were all replaced two hours ago."""
    for statement in _FILL.split(";\n"):
        if statement.strip():
            values = {
                "n": images,
                "sizes": json.dumps(_SIZES),
                "renditions": json.dumps(_RENDITIONS),
                "suppliers": list(SUPPLIERS),
            }
            used = {k: v for k, v in values.items() if f"%({k})s" in statement}
            connection.execute(statement.encode(), used)
    connection.execute(b"vacuum analyze")


def _undone(connection: Connection, work: Callable[[], object]) -> Turn:
    """One transaction up to and without its commit."""
    backend = psutil.Process(connection.info.backend_pid)
    before, began = backend.cpu_times(), time.perf_counter()
    try:
        with connection.transaction():
            work()
            seconds, after = time.perf_counter() - began, backend.cpu_times()
            raise _Undone
    except _Undone:
        # What it left behind would slow the next round.
        for table in ("images", "image_history", "change_reviews"):
            connection.execute(f"vacuum likeness.{table}".encode())
        return Turn(seconds, after.user + after.system - before.user - before.system)


def _rollback(connection: Connection, since: datetime, *, dry_run: bool = False) -> dict[str, Any]:
    row = connection.execute(
        b"select * from likeness.rollback_supplier('acme', %s, %s)", [since, dry_run]
    ).fetchone()
    assert row
    return row


def _answers(connection: Connection, supplier: str, as_of: datetime | None = None) -> list[Any]:
    """(product, url) of every product of a supplier, now or as of a time."""
    function = "resolve_display_urls_as_of" if as_of else "resolve_display_urls"
    moment = ", as_of => %s" if as_of else ""
    products = (
        "(select array_agg(p.id order by p.id) from likeness.products p"
        " join likeness.suppliers s on s.id = p.supplier_id where s.name = %s)"
    )
    query = f"select r.product_id, r.url from likeness.{function}({products}{moment}) r"  # noqa: S608
    arguments = [supplier, as_of] if as_of else [supplier]
    return [tuple(row.values()) for row in connection.execute(query.encode(), arguments)]


def _checks(connection: Connection) -> int:
    """Rows of all views check_*."""
    views = connection.execute(
        b"select viewname from pg_views where schemaname = 'likeness' and viewname like 'check\\_%'"
    ).fetchall()
    counts = 0
    for view in views:
        name = SQL("likeness.{}").format(Identifier(view["viewname"]))
        rows = connection.execute(SQL("select count(*) as n from {}").format(name)).fetchone()
        counts += rows["n"] if rows else 0
    return counts


def _ratio(ours: float, floor: float) -> float | None:
    """None where the floor took less than one tick of the CPU clock (10 ms), which reads as 0."""
    return round(ours / floor, 2) if floor else None


def measure(connection: Connection, rounds: int) -> dict[str, Any]:
    """All figures, on a database that was filled."""
    row = connection.execute(b"select now() - interval '1 day' as since").fetchone()
    assert row
    since: datetime = row["since"]
    before, bystander = _answers(connection, "acme"), _answers(connection, "bystander")
    good = _answers(connection, "acme", since)
    began = time.perf_counter()
    planned = _rollback(connection, since, dry_run=True)
    dry_run_seconds = time.perf_counter() - began

    def floor() -> None:
        for statement in _FLOOR:
            connection.execute(statement.encode())

    turns: dict[str, list[Turn]] = {"floor": [], "rollback": []}
    for number in range(rounds):
        turns["floor"].append(_undone(connection, floor))
        turns["rollback"].append(_undone(connection, lambda: _rollback(connection, since)))
        seconds = ", ".join(f"{name} {times[-1].seconds:.2f} s" for name, times in turns.items())
        print(f"round {number + 1}: {seconds}", file=sys.stderr)
    began = time.perf_counter()
    done = _rollback(connection, since)
    committed_seconds = time.perf_counter() - began
    after = _answers(connection, "acme")
    wrong = sum(a != b for a, b in zip(after, good, strict=True))
    medians = {
        name: Turn(
            statistics.median(t.seconds for t in times),
            statistics.median(t.cpu_seconds for t in times),
        )
        for name, times in turns.items()
    }
    rollback, bare = medians["rollback"], medians["floor"]
    return {
        "images": done["restored"],
        "planned_images": planned["restored"],
        "dry_run_seconds": round(dry_run_seconds, 2),
        "rollback_seconds": round(rollback.seconds, 2),
        "rollback_cpu_seconds": round(rollback.cpu_seconds, 2),
        "rollback_with_commit_seconds": round(committed_seconds, 2),
        "floor_seconds": round(bare.seconds, 2),
        "floor_cpu_seconds": round(bare.cpu_seconds, 2),
        "rollback_to_floor_cpu_ratio": _ratio(rollback.cpu_seconds, bare.cpu_seconds),
        "answers_changed_by_the_bad_day": sum(a != b for a, b in zip(before, good, strict=True)),
        "answers_wrong_after": wrong,
        "bystander_answers_changed": sum(
            a != b for a, b in zip(_answers(connection, "bystander"), bystander, strict=True)
        ),
        "check_rows": _checks(connection),
    }


def main() -> int:
    """Return 1 when an answer of the resolver or a check is wrong afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000, help="of the supplier  [100000]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="10,000 pictures, one round")
    parser.add_argument("--json", action="store_true", help="figures as one object, the last line")
    arguments = parser.parse_args()
    images = 10_000 if arguments.quick else arguments.images
    rounds = 1 if arguments.quick else arguments.rounds
    with tempfile.TemporaryDirectory(prefix="likeness-rollback-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        try:
            server.create_database("likeness")
            settings = Settings(
                database_url=server.conninfo("likeness"), state_dir=Path(folder) / "state"
            )
            migrate(server.conninfo("likeness"))
            with connect(settings, "bench") as connection:
                print(f"filling {2 * images:,} pictures ...", file=sys.stderr)
                fill(connection, images)
                figures = measure(connection, rounds)
        finally:
            server.stop()
    for name, value in figures.items():
        print(f"{name.replace('_', ' ')}: {value:,}")
    if arguments.json:
        print(json.dumps(figures))
    is_right = not (
        figures["answers_wrong_after"]
        or figures["bystander_answers_changed"]
        or figures["check_rows"]
    )
    return 0 if is_right and figures["images"] == images else 1


if __name__ == "__main__":
    sys.exit(main())
