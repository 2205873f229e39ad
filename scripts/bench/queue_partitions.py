"""Owns the trial of the partition plan of docs/scaling.md, beside the one table that there is.

The schema ``trial`` has the shapes of the plan: what waits and what is in hand in narrow tables of
their own (step 1), then ``images`` in 32 partitions by the hash of its id, its places apart (step
2). All shapes do the same by the same kind of statement, without functions, triggers and foreign
keys, so that what differs is the shape: a turn of the queue, the look-up of a page's pictures, a
vacuum.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from scripts.bench.queue_lanes import HOSTS, Connection

_PARTITIONS = 32
_TURNS = {10: 150, 100: 40}
_PAGES = 150
_PAGE_PRODUCTS = 50
_DEAD_SHARE = 0.02

_LAY = """
    create schema trial;
    create table trial.waiting (
      image_id bigint primary key, host_id bigint not null, priority smallint not null,
      queued_at timestamptz not null)
      with (fillfactor = 80);
    create table trial.in_hand (
      image_id bigint primary key, host_id bigint not null, worker text not null,
      claim_no int not null, expires_at timestamptz not null)
      with (fillfactor = 80);
    create table trial.images (
      like likeness.images including defaults including constraints, primary key (id))
      with (fillfactor = 80);
    create table trial.split_images (
      like likeness.images including defaults including constraints, primary key (id))
      partition by hash (id);
    create table trial.image_places (
      product_id bigint not null, position smallint not null, image_id bigint not null)"""
_PARTITION = (
    "create table trial.split_images_{n} partition of trial.split_images"
    f" for values with (modulus {_PARTITIONS}, remainder {{n}}) with (fillfactor = 80)"
)
_FILL = """
    insert into trial.waiting
    select id, host_id, priority, queued_at from likeness.images where queued_at is not null;
    insert into trial.images select * from likeness.images;
    insert into trial.split_images select * from likeness.images;
    insert into trial.image_places select product_id, position, id from likeness.images;
    create index on trial.waiting (host_id, priority desc, queued_at, image_id);
    create index on trial.in_hand (host_id);
    alter table trial.image_places add primary key (product_id, position)"""

# The plan leaves to images what does not serve the queue.
_INDEXES = """
    select format('create index on trial.%I ', t.name)
           || substring(pg_get_indexdef(indexrelid) from 'USING .*')
      from pg_index, (values ('images'), ('split_images')) t (name)
     where indrelid = 'likeness.images'::regclass and not indisunique
       and pg_get_indexdef(indexrelid) !~ 'queued_at|retry_at|claimed_by'"""


class _Shape(NamedTuple):
    """The statements of one shape: a claim, a finish, a page of products, what a vacuum reads."""

    claim: str
    finish: str
    page: str
    table: str


_ONE_TABLE = _Shape(
    claim="""
        update likeness.images i
           set status = 'processing', queued_at = null, claimed_by = 'w', claim_no = claim_no + 1,
               claim_expires_at = now() + interval '1 minute', updated_at = now()
          from (
            select d.id
              from unnest(%s::bigint[]) h (id)
             cross join lateral (
               select w.id
                 from likeness.images w
                where w.host_id = h.id and w.queued_at is not null and w.retry_at is null
                order by w.priority desc, w.queued_at, w.id
                limit 1
                  for update skip locked) d) t
         where i.id = t.id
        returning i.id""",
    finish="""
        update likeness.images i
           set status = 'completed', blob_sha256 = repeat('a', 64), mirrored_at = now(),
               claimed_by = null, claim_expires_at = null, updated_at = now()
          from unnest(%s::bigint[]) t (id)
         where i.id = t.id""",
    page="""
        select i.id, i.status, i.blob_sha256
          from unnest(%s::bigint[]) p (id)
          join likeness.images i on i.product_id = p.id""",
    table="likeness.images",
)
_FRONTIER = _Shape(
    claim="""
        with taken as (
          delete from trial.waiting t
           using (
             select d.image_id
               from unnest(%s::bigint[]) h (id)
              cross join lateral (
                select w.image_id
                  from trial.waiting w
                 where w.host_id = h.id
                 order by w.priority desc, w.queued_at, w.image_id
                 limit 1
                   for update skip locked) d) b
           where t.image_id = b.image_id
          returning t.image_id, t.host_id
        )
        insert into trial.in_hand
        select image_id, host_id, 'w', 1, now() + interval '1 minute' from taken
        returning image_id""",
    finish="""
        with done as (
          delete from trial.in_hand where image_id = any(%s::bigint[]) returning image_id
        )
        update trial.images i
           set status = 'completed', queued_at = null, blob_sha256 = repeat('a', 64),
               mirrored_at = now(), updated_at = now()
          from done t
         where i.id = t.image_id""",
    page="""
        select i.id, i.status, i.blob_sha256
          from unnest(%s::bigint[]) p (id)
          join trial.image_places a on a.product_id = p.id
          join trial.images i on i.id = a.image_id""",
    table="trial.images",
)
_SPLIT = _Shape(
    claim=_FRONTIER.claim,
    finish=_FRONTIER.finish.replace("trial.images", "trial.split_images"),
    page=_FRONTIER.page.replace("trial.images", "trial.split_images"),
    table="trial.split_images_7",
)
_SHAPES = {"one_table": _ONE_TABLE, "step_1": _FRONTIER, "step_2": _SPLIT}


def try_partitions(connection: Connection, rows: int) -> dict[str, Any]:
    """Lay the plan's shape beside what try_scale() laid, and measure both; the figures."""
    began = time.monotonic()
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        partitions = [_PARTITION.format(n=n) for n in range(_PARTITIONS)]
        for statement in [*_LAY.split(";"), *partitions, *_FILL.split(";")]:
            connection.execute(statement.encode())
        for (definition,) in connection.execute(_INDEXES.encode()).fetchall():
            connection.execute(definition.encode())
    connection.execute("vacuum (analyze)")
    figures: dict[str, Any] = {"partitions": _PARTITIONS, "lay_s": round(time.monotonic() - began)}
    connection.execute("set session_replication_role = replica")
    connection.execute("set plan_cache_mode = force_generic_plan")
    for batch, turns in _TURNS.items():
        figures |= _in_turn(f"turn_of_{batch}", turns, partial(_turn, connection, batch))
    figures |= _in_turn("page", _PAGES, partial(_page, connection, rows))
    for name, shape in _SHAPES.items():
        figures[f"vacuum_s_{name}"] = _vacuum(connection, shape)
    connection.execute("reset session_replication_role")
    _print(figures, rows)
    return figures


def _in_turn(
    what: str, turns: int, do: Callable[[_Shape, int], tuple[float, int]]
) -> dict[str, float]:
    """Medians of milliseconds and of bytes of WAL, both shapes by turns."""
    samples: dict[str, list[tuple[float, int]]] = {name: [] for name in _SHAPES}
    for number in range(turns + 5):
        for name, shape in _SHAPES.items():
            sample = do(shape, number)
            if number >= 5:  # all is planned and warm
                samples[name].append(sample)
    figures = {}
    for name, measured in samples.items():
        milliseconds, written = zip(*measured, strict=True)
        figures[f"{what}_ms_{name}"] = round(statistics.median(milliseconds), 3)
        figures[f"{what}_wal_bytes_{name}"] = round(statistics.median(written))
    return figures


def _turn(connection: Connection, batch: int, shape: _Shape, number: int) -> tuple[float, int]:
    """Claim one picture of each of so many hosts, and finish them."""
    hosts = [1 + (number * batch + n) % HOSTS for n in range(batch)]

    def work() -> None:
        taken = connection.execute(shape.claim.encode(), [hosts]).fetchall()
        assert len(taken) == batch, f"only {len(taken)} of {batch} hosts had a picture"
        connection.execute(shape.finish.encode(), [[row[0] for row in taken]])

    return _measure(connection, work)


def _page(connection: Connection, rows: int, shape: _Shape, number: int) -> tuple[float, int]:
    """Look up the pictures of a page of products."""
    step = rows // _PAGE_PRODUCTS
    products = [1 + (number * 7919 + n * step) % rows for n in range(_PAGE_PRODUCTS)]

    def look() -> None:
        found = connection.execute(shape.page.encode(), [products]).fetchall()
        assert len(found) == _PAGE_PRODUCTS

    return _measure(connection, look)


def _measure(connection: Connection, work: Callable[[], None]) -> tuple[float, int]:
    before = _wal(connection)
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000, _wal(connection) - before


def _wal(connection: Connection) -> int:
    [(position,)] = connection.execute(
        "select (pg_current_wal_insert_lsn() - '0/0')::bigint"
    ).fetchall()
    return int(position)


def _vacuum(connection: Connection, shape: _Shape) -> float:
    """Seconds of one vacuum of one table, when so many of its rows have died, evenly spread."""
    connection.execute(
        f"update {shape.table} set updated_at = now(), host_id = 1 + (host_id + 1) % {HOSTS}"  # noqa: S608 - our own words alone
        f" where hashint8(id) % {round(1 / _DEAD_SHARE)} = 0".encode()
    )
    began = time.monotonic()
    connection.execute(f"vacuum {shape.table}".encode())
    return round(time.monotonic() - began, 1)


def _print(figures: dict[str, Any], rows: int) -> None:
    print(f"\nThe partition plan at {rows:,} pictures, {_PARTITIONS} partitions")
    print(f"  {'':<22}" + "".join(f"{shape:>12}" for shape in _SHAPES))
    for name in [n.removesuffix("_one_table") for n in figures if n.endswith("_one_table")]:
        row = "".join(f"{figures[f'{name}_{shape}']:>12,}" for shape in _SHAPES)
        print(f"  {name:<22}{row}")
