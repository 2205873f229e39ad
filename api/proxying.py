"""Owns the fetching of pictures that are not mirrored yet, for people who look at them now.

A page of fifty pending pictures must not become a storm on a supplier's server: one fetch a
picture however many ask, few at once, and failures are remembered like successes. Pictures go
through files, so that no size of theirs is ever held in memory.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from api.proxy_cache import Kept, ProxyCache
from worker.db import Row
from worker.errors import SourceFault
from worker.fetch import SAFE_INLINE, Fetcher, Source
from worker.log import get_logger
from worker.settings import Settings
from worker.sniff import CONTENT_TYPES

MOST_BYTES = 25_000_000
KEPT_FAILURES = 4096
KEPT_SECONDS = 3600.0
PERMANENT_SECONDS = 3600.0
PASSING_SECONDS = 15.0
_DEADLINE_SECONDS = 20.0
_MOST_AT_ONCE = 8
_MOST_WAITING = 200
_log = get_logger()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is none, without a word about where."""

    reason: str
    is_permanent: bool
    until: float


class Crowded(Exception):
    """So many pictures are being fetched that one more would only wait."""


class Proxy(AbstractAsyncContextManager["Proxy"]):
    """Fetches by image: pictures to the cache, failures to a bounded memory."""

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings.model_copy(
            update={
                "fetch_max_bytes": min(settings.fetch_max_bytes, MOST_BYTES),
                "fetch_deadline_seconds": min(settings.fetch_deadline_seconds, _DEADLINE_SECONDS),
            }
        )
        self._now = now
        folder = settings.proxy_cache_dir or settings.state_dir / "proxy"
        self._cache = ProxyCache(folder, settings.proxy_cache_bytes, KEPT_SECONDS)
        self._failures: OrderedDict[str, Failure] = OrderedDict()
        self._flights: dict[str, asyncio.Task[Failure | None]] = {}
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

    async def get(self, source: Row) -> Kept | Failure:
        """The picture of a row of image_source(), kept or from its source. Raises Crowded."""
        # With its address: what another address gave is another picture.
        key = f"{source['image_id']} {source['fetch_url']}"
        for _ in range(2):
            known = self._recall(key)
            if known is not None:
                return known
            kept = await asyncio.to_thread(self._cache.find, key)
            if kept is not None:
                return kept
            failure = await self._fly_once(key, source)
            if failure is not None:
                return failure
        # Thrown out twice before it could be opened: so much else comes in.
        raise Crowded

    async def _fly_once(self, key: str, source: Row) -> Failure | None:
        flight = self._flights.get(key)
        if flight is None:
            if len(self._flights) >= _MOST_WAITING:
                raise Crowded
            flight = asyncio.create_task(self._fly(key, source))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        # A client that leaves does not take the picture from the others.
        return await asyncio.shield(flight)

    async def _fly(self, key: str, source: Row) -> Failure | None:
        async with self._host(source["host_id"], source["host_max_in_flight"] or 1), self._slots:
            failure = await self._fetch(key, source)
        if failure is not None:
            self._failures[key] = failure
            while len(self._failures) > KEPT_FAILURES:
                self._failures.popitem(last=False)
        return failure

    def _host(self, host_id: int, most: int) -> asyncio.Semaphore:
        semaphore, size = self._hosts.get(host_id, (None, 0))
        if semaphore is None or size != most:
            semaphore = asyncio.Semaphore(most)
            self._hosts[host_id] = (semaphore, most)
        return semaphore

    async def _fetch(self, key: str, source: Row) -> Failure | None:
        """Bring the picture into the cache; why not, otherwise."""
        formats = SAFE_INLINE & set(source["formats"] or SAFE_INLINE)
        draft = await asyncio.to_thread(self._cache.draft, key)
        try:
            async with self._fetcher.stream(_source_of(source), formats) as streamed:
                async for chunk in streamed.chunks:
                    await asyncio.to_thread(draft.write, chunk)
            await asyncio.to_thread(draft.keep, CONTENT_TYPES[streamed.format or ""])
            await asyncio.to_thread(self._cache.count, draft.size_bytes)
            return None
        except SourceFault as fault:
            # For the operator; what the client gets names no host.
            _log.info(
                "proxy failed", image_id=source["image_id"], reason=fault.reason, why=str(fault)
            )
            seconds = PASSING_SECONDS if fault.retryable else PERMANENT_SECONDS
            if fault.retry_after:
                seconds = max(seconds, fault.retry_after.total_seconds())
            return Failure(fault.reason, not fault.retryable, self._now() + seconds)
        finally:
            await asyncio.to_thread(draft.drop)

    def _recall(self, key: str) -> Failure | None:
        failure = self._failures.get(key)
        if failure is not None and failure.until <= self._now():
            del self._failures[key]
            return None
        return failure


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
