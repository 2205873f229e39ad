"""Owns one picture's way through the worker: claim, fetch, know or render, put, finish.

Bytes go first and truth last: objects are in the store before the one transaction that shows them,
so a crash at any instant leaves the old truth or the new. What is in hand is bounded: nothing is
claimed that cannot be started at once.
"""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakValueDictionary

import psycopg

from worker.batching import Batcher
from worker.errors import LostClaim, RenderFault, SourceFault, StorageError
from worker.fetch import Fetched, Fetcher, Source
from worker.log import get_logger
from worker.pixels.children import RenderPool
from worker.pixels.renditions import EXTENSIONS, Limits, Preset, Rendered, Rendition
from worker.presence import DATABASE
from worker.queue import Claim, Outcome, Queue
from worker.settings import Settings
from worker.slots import Permit, Slots
from worker.storage import ObjectStore, original_key, rendition_key
from worker.uploads import UPLOAD_FORMATS, is_upload, read_upload

_log = get_logger()

IMMUTABLE = "public, max-age=31536000, immutable"
PRIVATE = "private, max-age=31536000, immutable"
# A worker that waits less than this for its next picture keeps its order; longer, it gives it back.
_KEEP_ORDER_SECONDS = 1.0
# While more pictures are in hand than can be rendered, calls of several of them gather this long,
# so that one transaction serves many. A picture that is alone never waits.
_GATHER_SECONDS = 0.08
# Less than half of the slots is claimed for this seldom, and not never: a slow host may hold half.
_CLAIM_EVERY_SECONDS = 0.1
_BUSY_POLL_SECONDS = 0.2
_STORE_PAUSE_SECONDS = 5.0


@dataclass(slots=True)
class _Stages:
    """Milliseconds spent on one picture, by stage, in the order in which they came."""

    started: float = field(default_factory=time.perf_counter)
    ms: dict[str, float] = field(default_factory=dict)

    def end(self, stage: str) -> None:
        now = time.perf_counter()
        self.ms[f"{stage}_ms"] = round((now - self.started) * 1000, 1)
        self.started = now

    def take_out(self, part: str, *, of: str, seconds: float) -> None:
        """Count a part of a stage by itself."""
        ms = round(seconds * 1000, 1)
        self.ms[f"{of}_ms"] = round(max(0.0, self.ms[f"{of}_ms"] - ms), 1)
        self.ms[f"{part}_ms"] = ms


class Pipeline:
    """Works the queue until it is dry; one object a worker process."""

    def __init__(
        self,
        settings: Settings,
        queue: Queue,
        store: ObjectStore,
        fetcher: Fetcher,
        renderer: RenderPool,
        presets: Sequence[Preset],
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._store = store
        self._fetcher = fetcher
        self._renderer = renderer
        self._presets = tuple(presets)
        self._in_hand: dict[int, asyncio.Task[None]] = {}
        self._suspects: list[Claim] = []
        # Locks live as long as somebody holds or awaits them.
        self._storing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._nudged = asyncio.Event()
        self._stopping = False
        self._store_paused_until = 0.0
        self._claimed_at = 0.0
        self._putters = ThreadPoolExecutor(
            max(4, settings.render_processes * 2), thread_name_prefix="put"
        )
        # Rendering waits for the one and nothing for the other.
        self._begins = Batcher(queue.begin_blobs, linger=lambda: self._linger() / 4)
        self._finishes = Batcher(queue.finish, linger=self._linger)
        self._slots = Slots(queue.take_slots, lease_seconds=settings.lease_seconds)
        self.is_running = False

    @property
    def image_ids(self) -> list[int]:
        """The pictures in hand; what was claimed and is none of them was lost on its way here."""
        return [*self._in_hand, *(claim.image_id for claim in self._suspects)]

    @property
    def sha256s(self) -> list[str]:
        """The bytes that are being stored, or waited for."""
        return list(self._storing)

    def nudge(self) -> None:
        """Look at the queue again now: something was queued."""
        self._nudged.set()

    def stop(self) -> None:
        """Claim nothing more; what is in hand goes on."""
        self._stopping = True
        self._nudged.set()

    async def empty(self) -> None:
        """After stop(): finish what is in hand, and hand back what waits to be worked on alone."""
        while self.is_running:  # noqa: ASYNC110 - a claim may still be on its way
            await asyncio.sleep(0.05)
        if self._suspects:
            await self._queue.release(claim.image_id for claim in self._suspects)
            self._suspects.clear()
        if self._in_hand:
            await asyncio.wait(self._in_hand.values())

    async def drain(self, grace_seconds: float) -> None:
        """After stop(): finish what is in hand within the grace period, hand the rest back."""
        if self._in_hand:
            await asyncio.wait(self._in_hand.values(), timeout=grace_seconds)
        for task in list(self._in_hand.values()):
            task.cancel()
        await asyncio.gather(*self._in_hand.values(), return_exceptions=True)
        released = await self._queue.stop()
        if released:
            _log.info("handed back", images=released)
        self._putters.shutdown(wait=False, cancel_futures=True)

    async def run(self, on_backlog: Callable[[], Awaitable[object]]) -> int:
        """Work until the queue is dry or stop(); returns how many pictures were claimed.

        ``on_backlog`` is called once when there is more than this worker can hold at a time.
        """
        self.is_running = True
        claimed_in_all = 0
        has_called = False
        try:
            while not self._stopping:
                self._nudged.clear()
                room = self._room()
                claims = await self._claim(room) if room else []
                claimed_in_all += len(claims)
                for claim in claims:
                    self._take(claim)
                if claims and len(claims) == room and not has_called:
                    has_called = True
                    await on_backlog()
                await self._start_suspect()
                if not await self._wait(room=room, is_short=room > len(claims)):
                    break
        finally:
            self.is_running = False
        return claimed_in_all

    def _room(self) -> int:
        # A suspect is alone in hand, so nothing is claimed beside it; and nothing while the store
        # is away. Room is given in halves, so that a claim is a batch and not a call a picture.
        if self._suspects or self._store_pause() > 0:
            return 0
        room = self._free()
        is_much = not self._in_hand or room * 2 >= self._settings.fetch_concurrency
        return min(room, self._settings.claim_batch) if is_much or not self._claim_pause() else 0

    def _free(self) -> int:
        return self._settings.fetch_concurrency - len(self._in_hand)

    def _claim_pause(self) -> float:
        """Seconds until less than half of the slots is worth a claim."""
        return max(0.0, self._claimed_at + _CLAIM_EVERY_SECONDS - time.monotonic())

    async def _claim(self, room: int) -> list[Claim]:
        self._claimed_at = time.monotonic()
        return await self._queue.claim(room)

    def _linger(self) -> float:
        is_busy = len(self._in_hand) > 2 * self._settings.render_processes
        return _GATHER_SECONDS if is_busy else 0.0

    def _store_pause(self) -> float:
        """Seconds until the object store is tried again; 0 while it is well."""
        return max(0.0, self._store_paused_until - time.monotonic())

    async def _wait(self, *, room: int, is_short: bool) -> bool:
        """Wait until another look is worth it; False when the queue is dry."""
        timeout = self._store_pause() or None
        is_paused = timeout is not None
        if is_short and not is_paused:
            timeout = await self._queue.seconds_until_claimable()
        elif not room and self._free() and not self._suspects and not is_paused:
            timeout = self._claim_pause()
        is_dry = timeout is None or timeout > _KEEP_ORDER_SECONDS
        if is_dry and not self._in_hand and not is_paused:
            # Nothing was awaited since the look at the queue but the look at the clock, and a nudge
            # in between is seen here: no wake-up is lost.
            return self._nudged.is_set()
        nudge = asyncio.ensure_future(self._nudged.wait())
        try:
            await asyncio.wait(
                [nudge, *self._in_hand.values()],
                timeout=None if timeout is None else max(timeout, 0.001),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            nudge.cancel()
        return True

    def _take(self, claim: Claim) -> None:
        if claim.is_suspect:
            self._suspects.append(claim)
        else:
            self._start(claim)

    async def _start_suspect(self) -> None:
        # One whose claim was lost leaves the turn to the next, or that one would wait for nothing.
        while self._suspects and not self._in_hand:
            claim = self._suspects.pop(0)
            try:
                await self._queue.isolate(claim.image_id)
            except LostClaim:
                _log.warning("claim lost", image=claim.image_id)
            else:
                self._start(claim)

    def _start(self, claim: Claim) -> None:
        task = asyncio.create_task(self._mirror(claim), name=f"image {claim.image_id}")
        self._in_hand[claim.image_id] = task

        def let_go(done: asyncio.Task[None]) -> None:
            # Not of a later claim of the same picture, whose first one was held up past its lease.
            if self._in_hand.get(claim.image_id) is done:
                del self._in_hand[claim.image_id]

        task.add_done_callback(let_go)

    async def _mirror(self, claim: Claim) -> None:
        stages = _Stages()
        try:
            async with AsyncExitStack() as turn:
                outcome = await self._outcome_of(claim, stages, turn)
                outcome |= {"image_id": claim.image_id, "claim_no": claim.claim_no}
                is_accepted = await self._finish(outcome)
                if not is_accepted and "blob" in outcome:
                    # It was held up past its lease, and its row may be gone: no object is unknown.
                    await self._queue.abandon_blob(outcome["sha256"])
            stages.end("finish")
            self._log_picture(claim, outcome, stages, is_accepted)
        except LostClaim:
            # Found out before a request was sent.
            _log.warning("claim lost", image=claim.image_id)
        except StorageError as error:
            await self._wait_for_store(claim, error)
        except psycopg.OperationalError as error:
            # The database is away: the claim runs out there, and the picture is claimed again.
            DATABASE.away(error, part="pipeline")

    async def _outcome_of(self, claim: Claim, stages: _Stages, turn: AsyncExitStack) -> Outcome:
        sha256 = None
        asked: Outcome = {}
        try:
            permit = self._slots.permit(claim.image_id, claim.claim_no)
            try:
                if is_upload(claim.fetch_url):
                    fetched = await asyncio.to_thread(read_upload, self._store, claim.fetch_url)
                else:
                    fetched = await self._look(_source_of(claim, permit), claim.is_audit, asked)
            finally:
                permit.give_back()
                stages.end("fetch")
                stages.take_out("slot", of="fetch", seconds=permit.waited_seconds)
            sha256 = fetched.sha256 or None
            outcome = await self._keep(claim, fetched, stages, turn)
        except SourceFault as fault:
            outcome = _fault_outcome(fault) | {"sha256": sha256}
        except (LostClaim, StorageError, psycopg.OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - one picture's bug must not stop the others
            _log.exception("picture failed", image=claim.image_id)
            outcome = _fault_outcome(
                SourceFault("internal-error", f"{type(error).__name__}: {error}", retryable=True)
            )
        return asked | outcome | {"fetch_ms": stages.ms["fetch_ms"]}

    async def _look(self, source: Source, is_audit: bool, asked: Outcome) -> Fetched:
        """Fetch; where the claim is an audit, see whether "not modified" is true.

        ``asked`` learns how the source was asked and what it said, also where a fault ends it.
        """
        asked |= {"is_conditional": source.is_conditional, "said_unmodified": False}
        fetched = await self._fetcher.fetch(source)
        asked["said_unmodified"] = fetched.not_modified
        if fetched.not_modified and is_audit:
            bare = replace(source, etag=None, last_modified=None, head_first=False)
            return await self._fetcher.fetch(bare)
        return fetched

    async def _keep(
        self, claim: Claim, fetched: Fetched, stages: _Stages, turn: AsyncExitStack
    ) -> Outcome:
        facts: Outcome = {
            "is_completed": True,
            "etag": fetched.etag,
            "last_modified": fetched.last_modified,
        }
        if fetched.not_modified:
            return facts | {"is_reused": True}
        facts |= {"sha256": fetched.sha256, "source_bytes": len(fetched.data)}
        return facts | await self._know_or_store(claim, fetched, stages, turn)

    async def _know_or_store(
        self, claim: Claim, fetched: Fetched, stages: _Stages, turn: AsyncExitStack
    ) -> Outcome:
        # The same bytes under two addresses may be in hand at once: one renders and is shown, the
        # other waits for that and finds them stored.
        lock = self._storing.setdefault(fetched.sha256, asyncio.Lock())
        await turn.enter_async_context(lock)
        outcome = await self._store_once(claim, fetched, stages)
        if outcome["is_reused"]:
            await turn.aclose()
        return outcome

    async def _store_once(self, claim: Claim, fetched: Fetched, stages: _Stages) -> Outcome:
        limits = Limits(
            max_pixels=self._settings.max_pixels,
            allowed_formats=_formats_of(claim),
        )
        rendered: Rendered | None = None
        while True:
            begun_at = time.monotonic()
            if await self._begin(fetched.sha256, stages) == "stored":
                return {"is_reused": True}
            if rendered is None:
                rendered = await self._render(fetched, limits)
                stages.end("render")
            # Whoever was held up for long asks again whose these bytes are: they may be deleted.
            if time.monotonic() - begun_at < self._settings.lease_seconds / 2:
                break
        # Of an upload there is no other copy.
        has_original = self._settings.keep_originals or is_upload(claim.fetch_url)
        await asyncio.get_running_loop().run_in_executor(
            self._putters, self._put, fetched, rendered, has_original
        )
        stages.end("put")
        return {
            "is_reused": False,
            "blob": _describe(fetched, rendered, has_original),
        }

    async def _render(self, fetched: Fetched, limits: Limits) -> Rendered:
        try:
            return await self._renderer.render(fetched.data, self._presets, limits)
        except RenderFault as fault:
            if fault.reason == "corrupt-image" and fetched.is_close_delimited:
                raise RenderFault(
                    fault.reason,
                    f"{fault}; the server did not say where it ends: it may have been cut",
                    retryable=True,
                ) from fault
            raise

    async def _begin(self, sha256: str, stages: _Stages) -> str:
        """Say that these bytes are about to be stored: stored (they are already) or yours."""
        # Another process may be storing them; only the database can tell when it is done.
        while (answer := await self._begins.call(sha256)) == "busy":  # noqa: ASYNC110
            await asyncio.sleep(_BUSY_POLL_SECONDS)
        stages.end("begin")
        if answer == "purged":
            raise SourceFault(
                "purged", "the picture was taken down; likeness.purged_blobs says by whom and why"
            )
        return answer

    def _put(self, fetched: Fetched, rendered: Rendered, has_original: bool) -> None:
        sha256 = fetched.sha256
        if has_original:
            self._store.put(
                original_key(sha256),
                fetched.data,
                content_type=rendered.content_type,
                cache_control=PRIVATE,
                sha256=sha256,
            )
        put_renditions(self._store, sha256, rendered.renditions)

    async def _finish(self, outcome: Outcome) -> bool:
        """Show the result; tries again while the database is away and the claim may be ours."""
        deadline = time.monotonic() + self._settings.lease_seconds
        while True:
            try:
                return await self._finishes.call(outcome)
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    _log.warning("result dropped", image=outcome["image_id"], error=str(error))
                    return False
                await asyncio.sleep(0.5)

    async def _wait_for_store(self, claim: Claim, error: StorageError) -> None:
        # The source did nothing wrong: the picture goes back uncounted, and the worker pauses.
        if not self._store_pause():
            _log.error("object store failed; pausing", code=error.code, error=str(error))
        self._store_paused_until = time.monotonic() + _STORE_PAUSE_SECONDS
        try:
            await self._queue.release([claim.image_id])
        except psycopg.OperationalError as away:
            DATABASE.away(away, part="pipeline")

    def _log_picture(
        self, claim: Claim, outcome: Outcome, stages: _Stages, is_accepted: bool
    ) -> None:
        if not is_accepted:
            result = "claim lost"
        elif outcome["is_completed"]:
            result = "reused" if outcome["is_reused"] else "stored"
        else:
            result = "retry later" if outcome["is_retryable"] else "failed"
        _log.info(
            "picture",
            image=claim.image_id,
            host=claim.host,
            outcome=result,
            reason=outcome.get("reason"),
            detail=outcome.get("failure_text"),
            bytes=outcome.get("source_bytes"),
            **stages.ms,
        )


def _formats_of(claim: Claim) -> frozenset[str]:
    if is_upload(claim.fetch_url):
        return UPLOAD_FORMATS
    return frozenset(claim.formats or ("jpeg", "png", "webp", "avif", "gif"))


def _source_of(claim: Claim, permit: Permit) -> Source:
    return Source(
        url=claim.fetch_url,
        headers=claim.request_headers,
        allowed_hosts=tuple(claim.allowed_hosts or ()),
        allowed_ports=tuple(claim.allowed_ports or ()),
        etag=claim.etag,
        last_modified=claim.last_modified,
        allowed_schemes=tuple(claim.allowed_schemes or ()),
        username=claim.username,
        password=claim.password,
        credential_hosts=tuple(claim.credential_hosts or ()),
        head_first=claim.head_first,
        permit=permit,
    )


def _fault_outcome(fault: SourceFault) -> Outcome:
    retry_after = fault.retry_after
    return {
        "is_completed": False,
        "reason": fault.reason,
        "failure_text": str(fault)[:1000],
        "is_retryable": fault.retryable,
        "is_host_fault": fault.host_fault,
        "retry_after_seconds": retry_after.total_seconds() if retry_after else None,
    }


def _describe(fetched: Fetched, rendered: Rendered, has_original: bool) -> dict[str, Any]:
    """What likeness.store_blobs() keeps of new bytes."""
    return {
        "format": rendered.format,
        "width": rendered.width,
        "height": rendered.height,
        "bytes": len(fetched.data),
        "has_original": has_original,
        "phash": str(rendered.phash),
        "placeholder": base64.b64encode(rendered.thumbhash).decode(),
        "signature": base64.b64encode(rendered.signature).decode(),
        "renditions": describe_renditions(rendered.renditions),
    }


def put_renditions(store: ObjectStore, sha256: str, renditions: Sequence[Rendition]) -> None:
    """Put renditions of the bytes ``sha256``; blocks. Raises StorageError."""
    for rendition in renditions:
        store.put(
            rendition_key(sha256, rendition.recipe, EXTENSIONS[rendition.format]),
            rendition.data,
            content_type=f"image/{rendition.format}",
            cache_control=IMMUTABLE,
        )


def describe_renditions(renditions: Sequence[Rendition]) -> list[dict[str, Any]]:
    """Entries of blobs.renditions."""
    return [
        {
            "preset": rendition.preset,
            "format": rendition.format,
            "recipe": rendition.recipe,
            "width": rendition.width,
            "height": rendition.height,
            "bytes": len(rendition.data),
        }
        for rendition in renditions
    ]
