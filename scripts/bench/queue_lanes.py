"""Owns what each queue of the bench is asked to do in SQL: its tables, its backlog, one turn.

A turn is what one job costs its queue: taken under a lease or lock, then marked as done, in two
transactions. Every queue does it in the batches and by the functions that it has for it; only
backlogs are laid in bulk, past its functions. All of this runs in a process a connection.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from worker.migrate import migrate

Connection = psycopg.Connection[tuple[Any, ...]]

HOSTS = 5_000
# What a finished picture shows: bytes that are in the store already.
_KNOWN_BYTES = "a" * 64


def connect(conninfo: str) -> Connection:
    """A session that plans each statement once, as all clients of the bench do."""
    connection = psycopg.connect(conninfo, autocommit=True)
    connection.prepare_threshold = 0
    return connection


class Lane(ABC):
    """One queue on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _all(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query.encode(), arguments).fetchall()

    def _do(self, query: str, *arguments: object) -> None:
        self._connection.execute(query.encode(), arguments)

    def begin(self) -> None:  # noqa: B027 - most need nothing
        """Make this connection ready to enqueue and to take jobs."""

    @abstractmethod
    def enqueue(self, batch: int) -> None:
        """Queue some jobs, in one transaction."""

    @abstractmethod
    def turn(self, batch: int) -> int:
        """Take some jobs and complete them; returns how many there were."""


class PlainLane(Lane):
    """What one would write by hand: SKIP LOCKED over a partial index, rows kept when done."""

    SETUP = """
        create table jobs (
          id bigint generated always as identity primary key,
          status text not null default 'waiting', priority smallint not null default 0,
          payload jsonb not null default '{}',
          claimed_by text, claim_expires_at timestamptz, finished_at timestamptz);
        create index jobs_waiting_idx on jobs (priority desc, id) where status = 'waiting'
        """

    def enqueue(self, batch: int) -> None:
        """Insert rows."""
        self._do("insert into jobs (payload) select '{}' from generate_series(1, %s)", batch)

    def turn(self, batch: int) -> int:
        """Take by SKIP LOCKED, then mark as done."""
        taken = self._all(
            "update jobs set status = 'running', claimed_by = 'w',"
            " claim_expires_at = now() + interval '1 minute'"
            " where id = any(array(select id from jobs where status = 'waiting'"
            " order by priority desc, id limit %s for update skip locked)) returning id, payload",
            batch,
        )
        self._end([row[0] for row in taken])
        return len(taken)

    def _end(self, jobs: list[int]) -> None:
        self._do(
            "update jobs set status = 'done', claimed_by = null, claim_expires_at = null,"
            " finished_at = now() where id = any(%s) and claimed_by = 'w'",
            jobs,
        )


class RecordedLane(PlainLane):
    """PlainLane where a job is a picture, and what comes of it is recorded as ours records it.

    The same rows of the same tables, in the least statements: the picture itself, its history, when
    it is looked at next, and the counts of its host and its worker. No limits, no fence, no retry.
    """

    # Pictures as they are while somebody has them in hand: they are moved once.
    TAKE_PICTURES = """
        update likeness.images
           set status = 'processing', claimed_by = 'w', claim_expires_at = 'infinity'
         where status = 'pending';
        insert into jobs (payload) select jsonb_build_object('image_id', i.id)
          from likeness.images i
         where i.id > coalesce((select max((payload ->> 'image_id')::bigint) from jobs), 0)
        """
    _RECORD = """
        with ended as (
          update jobs set status = 'done', claimed_by = null, claim_expires_at = null,
                 finished_at = now()
           where id = any(%(jobs)s) and claimed_by = 'w'
          returning (payload ->> 'image_id')::bigint as image_id),
        done as materialized (
          select i.id, i.product_id, i.canonical_product_id, i.position, i.host_id
            from ended e join likeness.images i on i.id = e.image_id),
        moved as (
          update likeness.images i
             set status = 'completed', claimed_by = null, claim_expires_at = null,
                 blob_sha256 = %(sha256)s, mirrored_at = now(), source_bytes = 1000,
                 source_etag = null, attempts = 0, priority = 0, updated_at = now()
            from done d where i.id = d.id),
        remembered as (
          insert into likeness.image_history (image_id, product_id, canonical_product_id, position,
                                              blob_sha256, shown_at, cause)
          select d.id, d.product_id, d.canonical_product_id, d.position, %(sha256)s, now(),
                 'mirrored' from done d),
        planned as (
          insert into likeness.image_freshness (image_id, next_check_at, checked_at, seen_at)
          select d.id, now() + interval '30 days', now(), now() from done d
          on conflict (image_id) do update
             set checked_at = excluded.checked_at, next_check_at = excluded.next_check_at),
        counted as (
          insert into likeness.worker_minutes as m
                 (minute_at, worker, stored, reused, failed, retried, bytes)
          select date_trunc('minute', now()), 'w', 0, count(*), 0, 0, 1000 * count(*) from done
          on conflict (minute_at, worker) do update
             set reused = m.reused + excluded.reused, bytes = m.bytes + excluded.bytes)
        update likeness.hosts h
           set fetches = h.fetches + c.fetches, bytes = h.bytes + 1000 * c.fetches,
               last_fetch_at = now(), latency_ms = coalesce(h.latency_ms * 0.9 + 0.5, 5)
          from (select host_id, count(*) as fetches from done group by host_id) c
         where h.id = c.host_id
        """

    def begin(self) -> None:
        """Plan once, as ours does."""
        self._do("set plan_cache_mode = force_generic_plan")

    def _end(self, jobs: list[int]) -> None:
        self._connection.execute(self._RECORD.encode(), {"jobs": jobs, "sha256": _KNOWN_BYTES})


class ProcrastinateLane(Lane):
    """procrastinate's own SQL functions; it has none that take more than one job."""

    def begin(self) -> None:
        """Register a worker."""
        [(self._worker,)] = self._all(
            "insert into procrastinate_workers default values returning id"
        )

    def enqueue(self, batch: int) -> None:
        """Defer by the function that takes many."""
        self._do(
            "select procrastinate_defer_jobs_v1(array(select row('bench', 'noop', 0, null, null,"
            " '{}', null)::procrastinate_job_to_defer_v1 from generate_series(1, %s)))",
            batch,
        )

    def turn(self, batch: int) -> int:
        """Fetch one and finish it."""
        [(job,)] = self._all("select id from procrastinate_fetch_job_v2(null, %s)", self._worker)
        self._do("select procrastinate_finish_job_v1(%s, 'succeeded', false)", job)
        return 1


class PgmqLane(Lane):
    """PGMQ's functions: read hides messages for a while, delete ends them."""

    def enqueue(self, batch: int) -> None:
        """Send a batch."""
        self._do("select pgmq.send_batch('bench', array_fill('{}'::jsonb, array[%s]))", batch)

    def turn(self, batch: int) -> int:
        """Read and delete."""
        rows = self._all("select msg_id, message from pgmq.read('bench', 60, %s)", batch)
        self._do("select pgmq.delete('bench', %s::bigint[])", [row[0] for row in rows])
        return len(rows)


class LikenessLane(Lane):
    """claim_images and finish_images as a worker calls them: pictures whose bytes are known."""

    # What a bench does not measure: feeds. Pictures of many hosts, with the limits of real ones.
    SETUP = f"""
        select likeness.ensure_supplier('bench');
        insert into likeness.datasets (supplier_id, name)
        select id, 'bench' from likeness.suppliers;
        select likeness.activate_dataset(id) from likeness.datasets;
        insert into likeness.blobs
          (sha256, status, format, width, height, bytes, has_original, stored_at)
        values ('{_KNOWN_BYTES}', 'stored', 'jpeg', 10, 10, 100, false, now());
        insert into likeness.hosts (host)
        select 'h' || n || '.test' from generate_series(1, {HOSTS}) n
        """  # noqa: S608 - our own words alone

    def begin(self) -> None:
        """Register a worker, whose sessions plan once (DECISIONS.md 28)."""
        self._do("set plan_cache_mode = force_generic_plan")
        [(self._worker,)] = self._all("select likeness.register_worker('bench')")
        self._unqueued: list[int] = []

    def enqueue(self, batch: int) -> None:
        """Queue pictures that are there and do not wait."""
        self._do("select likeness.queue_images(%s)", self._unqueued[:batch])
        del self._unqueued[:batch]

    def lay_out(self, jobs: int) -> None:
        """Pictures that do not wait yet: what enqueue() is to queue."""
        # Lanes that lay at the same time would number their products alike, and take each other's.
        self._do("select pg_advisory_lock(1)")
        fill_pictures(self._connection, jobs, is_queued=False)
        rows = self._all(
            "select id from likeness.images order by id desc limit %s",
            jobs,
        )
        self._do("select pg_advisory_unlock(1)")
        self._unqueued = [row[0] for row in rows]

    def turn(self, batch: int) -> int:
        """Claim and finish."""
        claims = self._all(
            "select * from likeness.claim_images(%s, %s, '60 seconds')", self._worker, batch
        )
        if claims:
            self._all(
                "select image_id, is_accepted from likeness.finish_images(%s, %s::jsonb)",
                self._worker,
                json.dumps([outcome(claim[0], claim[1]) for claim in claims]),
            )
        return len(claims)


def outcome(image_id: int, claim_no: int) -> dict[str, Any]:
    """A picture was fetched, and its bytes are known already."""
    return {
        "image_id": image_id,
        "claim_no": claim_no,
        "is_completed": True,
        "is_reused": True,
        "sha256": _KNOWN_BYTES,
        "source_bytes": 1000,
        "fetch_ms": 5,
    }


def fill_pictures(
    connection: Connection, count: int, *, is_queued: bool, top_host_share: float = 0.0
) -> None:
    """Add pictures over all hosts, past triggers and foreign keys; the first host may have more."""
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        [first] = _row(connection, "select coalesce(max(id), 0) from likeness.products")
        connection.execute(
            "insert into likeness.products (supplier_id, dataset_id, sku, name)"
            " select d.supplier_id, d.id, 's' || n, 'Product ' || n"
            " from likeness.datasets d, generate_series(%s::bigint + 1, %s) n",
            [first, first + count],
        )
        connection.execute(
            "insert into likeness.images"
            " (product_id, role, source_url, fetch_url, host_id, queued_at)"
            " select p.id, 'hero', u.url, u.url, h.id, case when %s then clock_timestamp() end"
            " from likeness.products p"
            " cross join lateral (select case when p.id %% 1000 < %s * 1000 then 1"
            "  else 1 + p.id %% %s end as id) h"
            " cross join lateral (select 'http://h' || h.id || '.test/' || p.id || '.jpg' as url) u"
            " where p.id > %s",
            [is_queued, top_host_share, HOSTS, first],
        )
    if is_queued:
        connection.execute("select likeness.wake_hosts(array(select id from likeness.hosts))")


def _row(connection: Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query.encode()).fetchone()
    assert row
    return row


# Where the jobs of each queue are, and which waits: its backlog is laid as copies of that one.
_JOB_TABLES = {
    "plain": ("public", "jobs", "id", "id desc"),
    "procrastinate_sql": ("public", "procrastinate_jobs", "id", "id desc"),
    "procrastinate_worker": ("public", "procrastinate_jobs", "id", "id desc"),
    "pgmq": ("pgmq", "q_bench", "msg_id", "msg_id desc"),
    "pgqueuer": ("public", "pgqueuer", "id", "id desc"),
    "graphile_worker": ("graphile_worker", "_private_jobs", "id", "id desc"),
    # Its keys are random: the last one may be done.
    "pg_boss": ("pgboss", "job_common", "id", "state = 'created' desc"),
}
LANES: dict[str, type[Lane]] = {
    "likeness": LikenessLane,
    "plain": PlainLane,
    "plain_recorded": RecordedLane,
    "procrastinate_sql": ProcrastinateLane,
    "pgmq": PgmqLane,
}


def fill(connection: Connection, lane: str, count: int) -> None:
    """Add waiting jobs in bulk: copies of a job that the queue's own client has queued."""
    if lane == "likeness":
        fill_pictures(connection, count, is_queued=True)
        return
    if lane == "plain_recorded":
        fill_pictures(connection, count, is_queued=False)
        connection.execute(RecordedLane.TAKE_PICTURES.encode(), prepare=False)
        return
    schema, table, key, waiting_first = _JOB_TABLES[lane]
    columns = connection.execute(
        "select column_name from information_schema.columns where table_schema = %s"
        " and table_name = %s and column_name <> %s and is_generated = 'NEVER'",
        [schema, table, key],
    ).fetchall()
    names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in columns)
    copies = sql.SQL(
        "insert into {table} ({names}) select {names}"
        " from (select * from {table} order by {order} limit 1) one, generate_series(1, %s)"
    ).format(table=sql.Identifier(schema, table), names=names, order=sql.SQL(waiting_first))
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute(copies, [count])


def set_up(conninfo: str, lane: str, sql_files: Sequence[Path]) -> None:
    """Make a queue's tables, where SQL is all that it takes."""
    if lane in ("likeness", "plain_recorded"):
        migrate(conninfo)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for file in sql_files:
            connection.execute(file.read_bytes())
        setup = {
            "plain": PlainLane.SETUP,
            "plain_recorded": LikenessLane.SETUP + ";" + PlainLane.SETUP,
            "likeness": LikenessLane.SETUP,
        }.get(lane, "")
        if lane == "pgmq":
            setup = "select pgmq.create('bench')"
        connection.execute(setup.encode())
