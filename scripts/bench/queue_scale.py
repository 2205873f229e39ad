"""Owns the trial of the queue at a size: what ten million pictures cost claims, imports and views.

Nearly all pictures are completed, as in a shop that has run for long, and some wait. Indexes are
built after the rows, as a restore would; what is measured afterwards goes through all of them.
"""

import statistics
import time
from typing import Any

from scripts.bench.queue_lanes import HOSTS, Connection, LikenessLane, connect, set_up
from scripts.bench.queue_partitions import try_partitions
from worker.embedded import EmbeddedPostgres

_WAITING_SHARE = 0.02
_VIEWS = ("queue_status", "host_backlog", "failures_by_reason", "throughput", "eta", "queue_stuck")
_TURNS = 60
_IMPORTED = 20_000

_LAY = """
    insert into likeness.products (supplier_id, dataset_id, sku, name)
    select d.supplier_id, d.id, 's' || n, 'Product ' || n
      from likeness.datasets d, generate_series(1, {rows}) n;
    insert into likeness.images (
      product_id, role, source_url, fetch_url, host_id, status, blob_sha256, mirrored_at, queued_at)
    select p.id, 'hero', u.url, u.url, h.id, k.status,
           case when k.status = 'completed' then repeat('a', 64) end,
           case when k.status = 'completed' then now() end,
           case when k.status = 'pending' then now() end
      from likeness.products p
     cross join lateral (select 1 + p.id % {hosts} as id) h
     cross join lateral (select 'http://h' || h.id || '.test/' || p.id || '.jpg' as url) u
     cross join lateral (
       select case when (p.id / {hosts}) % 1000 < {waiting} then 'pending' else 'completed' end
                as status) k"""

_SIZES = """
    select relname, round(pg_relation_size(oid) / 1e6)::float8
      from pg_class
     where relnamespace = 'likeness'::regnamespace and relkind in ('r', 'i')
       and (relname ~ '^(images|products)(_|$)' or relname ~ 'position$')
     order by 2 desc"""


def try_scale(server: EmbeddedPostgres, rows: int, *, with_partitions: bool) -> dict[str, Any]:
    """Lay so many pictures, and measure, also in the shape of the partition plan; the figures."""
    server.create_database("scale")
    conninfo = server.conninfo("scale")
    set_up(conninfo, "likeness", [])
    with connect(conninfo) as connection:
        figures: dict[str, Any] = {"rows": rows} | _lay(connection, rows)
        sizes: dict[str, float] = dict(connection.execute(_SIZES.encode()).fetchall())
        figures["sizes_mb"] = {name: size for name, size in sizes.items() if size >= 1}
        figures |= _turns(connection)
        figures["view_ms"] = {view: _milliseconds(connection, view) for view in _VIEWS}
        figures["import_pictures_per_second"] = _import(connection)
        _print(figures)
        if with_partitions:
            figures["partitions"] = try_partitions(connection, rows)
    return figures


def _lay(connection: Connection, rows: int) -> dict[str, float]:
    lay = _LAY.format(rows=rows, hosts=HOSTS, waiting=int(1000 * _WAITING_SHARE))
    indexes = connection.execute(
        "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index"
        " where indrelid = 'likeness.images'::regclass and not indisunique"
    ).fetchall()
    began = time.monotonic()
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        for name, _ in indexes:
            connection.execute(f"drop index {name}".encode())
        for statement in lay.split(";"):
            connection.execute(statement.encode())
        laid = time.monotonic()
        for _, definition in indexes:
            connection.execute(definition.encode())
    connection.execute("vacuum (analyze)")
    connection.execute("select likeness.wake_hosts(array(select id from likeness.hosts))")
    return {
        "lay_seconds": round(laid - began, 1),
        "index_seconds": round(time.monotonic() - laid, 1),
    }


def _turns(connection: Connection) -> dict[str, float]:
    lane = LikenessLane(connection)
    lane.begin()
    figures = {}
    for batch in (10, 100):
        lane.turn(batch)
        speeds = []
        for _ in range(_TURNS):
            began = time.perf_counter()
            done = lane.turn(batch)
            speeds.append(done / (time.perf_counter() - began))
        figures[f"batch_{batch}_jobs_per_second"] = round(statistics.median(speeds), 1)
    return figures


def _milliseconds(connection: Connection, view: str) -> float:
    began = time.perf_counter()
    connection.execute(f"select * from likeness.{view}".encode()).fetchall()  # noqa: S608 - ours
    return round((time.perf_counter() - began) * 1000, 1)


def _import(connection: Connection) -> float:
    """New pictures through all triggers, keys and indexes, as merge_feed() adds them."""
    connection.execute(
        "insert into likeness.products (supplier_id, dataset_id, sku, name)"
        " select d.supplier_id, d.id, 'new' || n, 'New'"
        " from likeness.datasets d, generate_series(1, %s) n",
        [_IMPORTED],
    )
    began = time.perf_counter()
    connection.execute(
        "insert into likeness.images (product_id, role, source_url)"
        " select p.id, 'hero', 'http://h' || (1 + p.id %% 5000) || '.test/' || p.id || '.jpg'"
        " from likeness.products p order by p.id desc limit %s",
        [_IMPORTED],
    )
    return round(_IMPORTED / (time.perf_counter() - began), 1)


def _print(figures: dict[str, Any]) -> None:
    print(f"\nAt {figures['rows']:,} pictures, 2 in 100 of them waiting")
    print(
        f"  laid in {figures['lay_seconds']:,} s, indexed and vacuumed in"
        f" {figures['index_seconds']:,} s; import {figures['import_pictures_per_second']:,}/s"
    )
    for batch in (10, 100):
        print(f"  claim and finish, batch {batch}: {figures[f'batch_{batch}_jobs_per_second']:,}/s")
    print("  views, ms: " + ", ".join(f"{view} {ms:g}" for view, ms in figures["view_ms"].items()))
    for name, size in figures["sizes_mb"].items():
        print(f"  {name:<40}{size:>10,.0f} MB")
