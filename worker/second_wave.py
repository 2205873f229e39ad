"""Owns the second wave: further sizes and formats of stored bytes, made while no picture waits.

A product has a picture as early as possible, so a worker turns to this only while its pipeline
rests and nothing can be claimed, and looks again before each bytes. One rendering process is left
free, so that the first picture of a new import finds one at once. What is to be made follows from
the presets and from what exists: a new preset or recipe is made of old bytes by the same way, once
likeness.refresh_renditions() has queued them.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import psycopg

from worker.errors import RenderFault, StorageError
from worker.log import get_logger
from worker.pipeline import describe_renditions, put_renditions
from worker.pixels.children import RenderPool
from worker.pixels.renditions import Limits, Preset, Rendition, fit, recipe
from worker.presence import DATABASE
from worker.queue import Outcome, Queue, RenditionClaim
from worker.settings import Settings
from worker.storage import ObjectStore, original_key

_log = get_logger()

_IDLE_SECONDS = 2.0
_GIVE_WAY_SECONDS = 0.5
_STORE_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class Sizes:
    """Presets of the first wave, and what comes after it, smallest first."""

    first: tuple[Preset, ...]
    late: tuple[Preset, ...]

    def missing_from(self, claim: RenditionClaim) -> tuple[Preset, ...]:
        """What is to be made of these bytes: each preset in the formats that do not exist yet.

        The first wave's presets always exist; a later one that comes out at the size of another
        (a source smaller than its box) would be the same picture twice, and is left out.
        """
        size = (claim.width, claim.height)
        there = {(r["preset"], r["format"], r["recipe"]) for r in claim.renditions}
        taken = {(f, _fitted(size, preset)) for preset in self.first for f in preset.formats}
        wanted = list(self.first)
        for preset in self.late:
            formats = tuple(f for f in preset.formats if (f, _fitted(size, preset)) not in taken)
            taken.update((format, _fitted(size, preset)) for format in formats)
            wanted.append(replace(preset, formats=formats))
        left = [
            replace(
                preset,
                formats=tuple(
                    f for f in preset.formats if (preset.name, f, recipe(preset, f)) not in there
                ),
            )
            for preset in wanted
        ]
        return tuple(preset for preset in left if preset.formats)


def _fitted(size: tuple[int, int], preset: Preset) -> tuple[int, int]:
    return fit(size, (preset.width, preset.height))


class SecondWave:
    """Makes what is missing, a few bytes at a time; one object a worker process."""

    def __init__(
        self,
        settings: Settings,
        queue: Queue,
        store: ObjectStore,
        renderer: RenderPool,
        sizes: Sizes,
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._store = store
        self._renderer = renderer
        self._sizes = sizes
        self._is_first_wave_busy: Callable[[], bool] = lambda: False
        self._stopping = False
        self.sha256s: set[str] = set()  # the bytes in hand

    def gives_way_to(self, is_busy: Callable[[], bool]) -> None:
        """Make nothing while ``is_busy`` says that pictures of the first wave are in hand."""
        self._is_first_wave_busy = is_busy

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping = True

    async def serve(self) -> None:
        """Work until stop(); never, where the settings switch the second wave off."""
        if not self._settings.second_wave:
            return
        makers = max(1, self._settings.render_processes - 1)
        await asyncio.gather(*(self._serve_one() for _ in range(makers)))

    async def _serve_one(self) -> None:
        while not self._stopping:
            try:
                pause = await self._make_next()
            except psycopg.OperationalError as error:
                # What was in hand is claimed again when its lease has run out.
                DATABASE.away(error, part="second wave")
                pause = _STORE_PAUSE_SECONDS
            await asyncio.sleep(pause)

    async def _make_next(self) -> float:
        """Make what is missing of one bytes; returns the seconds to wait before the next."""
        if await self._must_give_way():
            return _GIVE_WAY_SECONDS
        claims = await self._queue.claim_renditions(1)
        if not claims:
            return _IDLE_SECONDS
        sha256 = claims[0].sha256
        self.sha256s.add(sha256)
        try:
            await self._make(claims[0])
        except StorageError as error:
            # The bytes did nothing wrong: they go back uncounted.
            _log.error("object store failed; second wave pauses", code=error.code, error=str(error))
            await self._queue.release_renditions()
            return _STORE_PAUSE_SECONDS
        finally:
            self.sha256s.discard(sha256)
        return 0.0

    async def _must_give_way(self) -> bool:
        if self._is_first_wave_busy():
            return True
        wait = await self._queue.seconds_until_claimable()
        return (wait is not None and wait <= 0) or self._is_first_wave_busy()

    async def _make(self, claim: RenditionClaim) -> None:
        began = time.perf_counter()
        outcome = await self._outcome_of(claim)
        is_accepted = await self._queue.finish_renditions({"sha256": claim.sha256, **outcome})
        if not is_accepted and outcome["renditions"]:
            await self._queue.abandon_blob(claim.sha256)
        _log.info(
            "second wave",
            sha256=claim.sha256,
            made=len(outcome["renditions"]),
            reason=outcome.get("reason"),
            detail=outcome.get("failure_text"),
            is_accepted=is_accepted,
            ms=round((time.perf_counter() - began) * 1000, 1),
        )

    async def _outcome_of(self, claim: RenditionClaim) -> Outcome:
        missing = self._sizes.missing_from(claim)
        if not missing:
            return {"renditions": []}
        try:
            return {"renditions": describe_renditions(await self._render(claim, missing))}
        except RenderFault as fault:
            return _failed(fault.reason, str(fault), is_retryable=fault.retryable)
        except StorageError as error:
            if error.code != "NoSuchKey":
                raise
            return _failed("original-missing", str(error), is_retryable=False)
        except psycopg.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - one picture's bug must not stop the others
            _log.exception("second wave failed", sha256=claim.sha256)
            return _failed("internal-error", f"{type(error).__name__}: {error}", is_retryable=True)

    async def _render(
        self, claim: RenditionClaim, presets: Sequence[Preset]
    ) -> Sequence[Rendition]:
        data = await asyncio.to_thread(self._store.get, original_key(claim.sha256))
        # Its supplier's formats were asked about when it was fetched.
        limits = Limits(self._settings.max_pixels, frozenset({claim.format}))
        rendered = await self._renderer.render(data, presets, limits)
        await asyncio.to_thread(put_renditions, self._store, claim.sha256, rendered.renditions)
        return rendered.renditions


def _failed(reason: str, text: str, *, is_retryable: bool) -> Outcome:
    return {
        "renditions": [],
        "reason": reason,
        "failure_text": text[:1000],
        "is_retryable": is_retryable,
    }
