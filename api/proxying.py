"""Owns the fetching of pictures that are not mirrored yet, for people who look at them now.

A page of fifty pending pictures must not become a storm on a supplier's server: one fetch a
picture however many ask, few at once, and failures are remembered like successes.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from worker.db import Row
from worker.errors import SourceFault
from worker.fetch import SAFE_INLINE, Fetcher, Source
from worker.log import get_logger
from worker.settings import Settings
from worker.sniff import CONTENT_TYPES

MOST_BYTES = 25_000_000
KEPT_BYTES = 64 << 20
KEPT_ENTRIES = 4096
KEPT_SECONDS = 300.0
PERMANENT_SECONDS = 3600.0
PASSING_SECONDS = 15.0
_DEADLINE_SECONDS = 20.0
_MOST_AT_ONCE = 8
_MOST_WAITING = 200
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes of a kind that a browser may be handed, judged by content."""

    body: bytes
    content_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is none, without a word about where."""

    reason: str
    is_permanent: bool
    until: float


class Crowded(Exception):
    """So many pictures are being fetched that one more would only wait."""


class Proxy(AbstractAsyncContextManager["Proxy"]):
    """Fetches by image, with a memory that is bounded in bytes and entries."""

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings.model_copy(
            update={
                "fetch_max_bytes": min(settings.fetch_max_bytes, MOST_BYTES),
                "fetch_deadline_seconds": min(settings.fetch_deadline_seconds, _DEADLINE_SECONDS),
            }
        )
        self._now = now
        self._kept: OrderedDict[int, tuple[Picture | Failure, float]] = OrderedDict()
        self._kept_bytes = 0
        self._flights: dict[int, asyncio.Task[Picture | Failure]] = {}
        self._slots = asyncio.Semaphore(_MOST_AT_ONCE)
        self._hosts: dict[int, tuple[asyncio.Semaphore, int]] = {}

    async def __aenter__(self) -> Self:
        # Here and not before, since it belongs to one event loop.
        self._fetcher = Fetcher(self._settings)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in list(self._flights.values()):
            task.cancel()
        await asyncio.gather(*self._flights.values(), return_exceptions=True)
        await self._fetcher.aclose()

    async def get(self, source: Row) -> Picture | Failure:
        """The picture of a row of image_source(), from memory or its source. Raises Crowded."""
        image_id = source["image_id"]
        kept = self._recall(image_id)
        if kept is not None:
            return kept
        flight = self._flights.get(image_id)
        if flight is None:
            if len(self._flights) >= _MOST_WAITING:
                raise Crowded
            flight = asyncio.create_task(self._fly(source))
            self._flights[image_id] = flight
            flight.add_done_callback(lambda _: self._flights.pop(image_id, None))
        # A client that leaves does not take the picture from the others.
        return await asyncio.shield(flight)

    async def _fly(self, source: Row) -> Picture | Failure:
        async with self._host(source["host_id"], source["host_max_in_flight"] or 1), self._slots:
            result = await self._fetch(source)
        self._keep(source["image_id"], result)
        return result

    def _host(self, host_id: int, most: int) -> asyncio.Semaphore:
        semaphore, size = self._hosts.get(host_id, (None, 0))
        if semaphore is None or size != most:
            semaphore = asyncio.Semaphore(most)
            self._hosts[host_id] = (semaphore, most)
        return semaphore

    async def _fetch(self, source: Row) -> Picture | Failure:
        formats = SAFE_INLINE & set(source["formats"] or SAFE_INLINE)
        try:
            async with self._fetcher.stream(_source_of(source), formats) as streamed:
                body = b"".join([chunk async for chunk in streamed.chunks])
        except SourceFault as fault:
            # For the operator; what the client gets names no host.
            _log.info(
                "proxy failed", image_id=source["image_id"], reason=fault.reason, why=str(fault)
            )
            seconds = PASSING_SECONDS if fault.retryable else PERMANENT_SECONDS
            if fault.retry_after:
                seconds = max(seconds, fault.retry_after.total_seconds())
            return Failure(fault.reason, not fault.retryable, self._now() + seconds)
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        return Picture(body, CONTENT_TYPES[streamed.format or ""], etag)

    def _recall(self, image_id: int) -> Picture | Failure | None:
        found = self._kept.get(image_id)
        if found is None:
            return None
        if found[1] <= self._now():
            self._forget(image_id)
            return None
        self._kept.move_to_end(image_id)
        return found[0]

    def _keep(self, image_id: int, result: Picture | Failure) -> None:
        self._forget(image_id)
        until = result.until if isinstance(result, Failure) else self._now() + KEPT_SECONDS
        self._kept[image_id] = (result, until)
        self._kept_bytes += _size_of(result)
        while self._kept_bytes > KEPT_BYTES or len(self._kept) > KEPT_ENTRIES:
            self._forget(next(iter(self._kept)))

    def _forget(self, image_id: int) -> None:
        found = self._kept.pop(image_id, None)
        if found is not None:
            self._kept_bytes -= _size_of(found[0])


def _size_of(result: Picture | Failure) -> int:
    return len(result.body) if isinstance(result, Picture) else 0


def _source_of(row: Row) -> Source:
    return Source(
        url=row["fetch_url"],
        headers=row["request_headers"] or {},
        allowed_hosts=tuple(row["allowed_hosts"] or ()),
        allowed_ports=tuple(row["allowed_ports"] or ()),
        allowed_schemes=tuple(row["allowed_schemes"] or ()),
        username=row["username"],
        password=row["password"],
        credential_hosts=tuple(row["credential_hosts"] or ()),
    )
