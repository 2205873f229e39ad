"""Owns the worker's calls to the queue's SQL functions: one method a function, typed.

Everything that decides is in sql/functions; this is its Python face.
"""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from worker.db import Pool, fetch_all, query_errors
from worker.pixels.renditions import Preset
from worker.slots import Heard, Slot, SlotRequest


@dataclass(frozen=True, slots=True)
class Claim:
    """One leased picture, with all that is needed to fetch it."""

    image_id: int
    claim_no: int
    is_suspect: bool
    attempts: int
    host: str
    fetch_url: str
    supplier_id: int | None
    sku: str | None
    request_headers: dict[str, str]
    allowed_hosts: list[str] | None
    allowed_ports: list[int] | None
    formats: list[str] | None
    etag: str | None
    last_modified: str | None
    source_bytes: int | None
    allowed_schemes: list[str] | None
    username: str | None = field(repr=False)
    password: str | None = field(repr=False)
    credential_hosts: list[str] | None
    head_first: bool
    is_audit: bool


@dataclass(frozen=True, slots=True)
class RenditionClaim:
    """Leased bytes of which further renditions may have to be made, and those that there are."""

    sha256: str
    format: str
    width: int
    height: int
    renditions: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Look:
    """What likeness.look_at_queue() says; ``wait_seconds`` None: until something is queued."""

    is_draining: bool
    may_order: bool
    wait_seconds: float | None
    has_company: bool
    has_waiting_runs: bool


_TAKE_SLOTS = b"select * from likeness.take_slots(%s, %s::jsonb, %s::jsonb, %s)"

# The keys of the composite type likeness.outcome.
Outcome = dict[str, Any]


class Queue:
    """The queue as one worker sees it."""

    def __init__(self, pool: Pool, *, lease: timedelta) -> None:
        self._pool = pool
        self._lease = lease
        self.worker = ""

    async def register(self, name: str, version: str) -> None:
        """Announce this process; claims are made under the unique name that comes back."""
        self.worker = await self._value("select likeness.register_worker(%s, %s)", name, version)

    async def presets(self, wave: int) -> tuple[Preset, ...]:
        """The sizes of a wave, largest first."""
        rows = await self._rows(
            "select name, width, height, formats, quality, effort from likeness.presets"
            " where wave = %s order by width * height desc, name",
            wave,
        )
        return tuple(Preset(**{**row, "formats": tuple(row["formats"])}) for row in rows)

    async def late_presets(self) -> tuple[Preset, ...]:
        """What the second wave makes, smallest first: its own sizes, late formats of the first."""
        rows = await self._rows(
            "select name, width, height, quality, effort,"
            " case wave when 1 then late_formats else formats || late_formats end as formats"
            " from likeness.presets where wave = 2 or late_formats <> '{}'"
            " order by width * height, name"
        )
        return tuple(Preset(**{**row, "formats": tuple(row["formats"])}) for row in rows)

    async def claim_renditions(self, batch: int) -> list[RenditionClaim]:
        """Lease up to ``batch`` stored bytes that wait for further renditions."""
        rows = await self._rows(
            "select * from likeness.claim_renditions(%s, %s, %s)", self.worker, batch, self._lease
        )
        return [RenditionClaim(**row) for row in rows]

    async def finish_renditions(self, outcome: Outcome) -> bool:
        """Make further renditions of some bytes known, or why there are none; False: not ours."""
        return bool(
            await self._value(
                "select is_accepted from likeness.finish_renditions(%s, %s::jsonb)",
                self.worker,
                json.dumps([outcome]),
            )
        )

    async def release_renditions(self) -> int:
        """Hand back, uncounted, all bytes that wait for our further renditions."""
        return int(await self._value("select likeness.release_renditions(%s)", self.worker))

    async def claim(self, batch: int) -> list[Claim]:
        """Lease up to ``batch`` pictures."""
        rows = await self._rows(
            "select * from likeness.claim_images(%s, %s, %s)", self.worker, batch, self._lease
        )
        return [Claim(**row) for row in rows]

    async def take_slots(
        self, requests: Sequence[SlotRequest], heard: Sequence[Heard], lag_seconds: float
    ) -> list[Slot]:
        """May each of these requests be sent, and until when; ``heard`` were answered since."""
        arguments = [json.dumps([asdict(one) for one in several]) for several in (requests, heard)]
        with query_errors():
            async with self._pool.connection() as connection:
                asked_at = time.monotonic()
                cursor = await connection.execute(
                    _TAKE_SLOTS, (self.worker, *arguments, lag_seconds)
                )
                rows = await cursor.fetchall()
        unlimited = self._lease.total_seconds() / 2
        return [
            Slot(
                row["answer"],
                row["wait_seconds"],
                # Granted after it was asked for, so this is not too late.
                asked_at + (unlimited if row["window_seconds"] is None else row["window_seconds"]),
                row["host_id"],
                row["request_no"],
            )
            for row in rows
        ]

    async def look(self, *, is_idle: bool) -> Look:
        """Tend the queue and learn what there is to do."""
        [row] = await self._rows(
            "select * from likeness.look_at_queue(%s, %s)", self.worker, is_idle
        )
        return Look(**row)

    async def feed_runs(self) -> int:
        """Queue the next pictures of a run with max_concurrent; 0: nothing to do."""
        return int(await self._value("select likeness.feed_runs()"))

    async def begin_blobs(self, sha256s: Sequence[str]) -> list[str]:
        """Say that these bytes are about to be stored; per sha256: stored, yours or busy."""
        rows = await self._rows(
            "select sha256, answer from likeness.begin_blobs(%s, %s, %s)",
            self.worker,
            list(sha256s),
            self._lease,
        )
        answers = {row["sha256"]: row["answer"] for row in rows}
        return [answers[sha256] for sha256 in sha256s]

    async def abandon_blob(self, sha256: str) -> None:
        """Make objects known that were put under a lost lease: garbage collection looks."""
        await self._value("select likeness.abandon_blob(%s, %s)", self.worker, sha256)

    async def finish(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Make results visible in one transaction; per outcome: was its claim still ours?"""
        rows = await self._rows(
            "select image_id, is_accepted from likeness.finish_images(%s, %s::jsonb)",
            self.worker,
            json.dumps(outcomes),
        )
        accepted = {row["image_id"]: row["is_accepted"] for row in rows}
        return [accepted[outcome["image_id"]] for outcome in outcomes]

    async def release(self, image_ids: Iterable[int]) -> int:
        """Hand pictures back uncounted."""
        return int(
            await self._value(
                "select likeness.release_images(%s, %s)", self.worker, list(image_ids)
            )
        )

    async def isolate(self, image_id: int) -> None:
        """Say that this suspect is now all that we have in hand. Raises LostClaim."""
        await self._value("select likeness.isolate_image(%s, %s)", self.worker, image_id)

    async def beat(self, image_ids: Iterable[int], sha256s: Iterable[str]) -> int:
        """Heartbeat over the pictures and bytes in hand; returns how many claims it renewed."""
        return int(
            await self._value(
                "select likeness.beat_worker(%s, %s, %s::bigint[], %s::text[])",
                self.worker,
                self._lease,
                list(image_ids),
                list(sha256s),
            )
        )

    async def tend(self) -> None:
        """Expired claims, due retries, hosts parked by mistake."""
        await self._rows("select * from likeness.tend_queue()")

    async def close_runs(self) -> int:
        """End runs that wait for nothing any more; returns how many."""
        return int(await self._value("select likeness.close_runs()"))

    async def prune(self) -> int:
        """Forget counts of minutes and workers of long ago; returns how many rows."""
        return int(await self._value("select likeness.prune_history()"))

    async def is_draining(self) -> bool:
        """Were we asked to claim nothing more (likeness.drain)?"""
        return bool(await self._value("select likeness.is_draining(%s)", self.worker))

    async def seconds_until_claimable(self) -> float | None:
        """How long until a claim may find something; None: until somebody queues something."""
        seconds = await self._value(
            "select extract(epoch from likeness.next_claim_at() - likeness.clock())"
        )
        return None if seconds is None else max(0.0, float(seconds))

    async def stop(self) -> int:
        """Goodbye: hands back all that is in hand; returns how many."""
        return int(await self._value("select likeness.stop_worker(%s)", self.worker))

    async def _rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        return await fetch_all(self._pool, query, arguments)

    async def _value(self, query: str, *arguments: object) -> Any:
        rows = await self._rows(query, *arguments)
        return next(iter(rows[0].values()))
