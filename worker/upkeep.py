"""Owns the periodic work that is a loop over an SQL function: cleanup, alerts, the store's size.

What is done and when it is enough is in SQL; here is only how a run is cut into short transactions.
"""

from datetime import timedelta
from typing import Any

from worker.periodic import Job, Turn
from worker.settings import Settings

CLEANUP = Job(
    "cleanup", lambda s: s.cleanup_cron, "Releases pictures of products that left long ago."
)
ALERTS = Job("alerts", "* * * * *", "Opens and closes alerts.", seconds=30.0)
STORAGE = Job("storage", "17 * * * *", "Adds up what the object store holds.")


async def clean_up(settings: Settings, turn: Turn) -> None:
    """Release what products left behind that are gone for ``cleanup_days``."""
    turn.resume_from = "cleanup_products()"  # which finds by itself what is left
    while not turn.is_over():
        done = await _row(
            turn,
            "select products, images from likeness.cleanup_products(%s)",
            timedelta(days=settings.cleanup_days),
        )
        if not done["products"]:
            turn.resume_from = None
            return
        turn.count(**done)


async def watch_alerts(settings: Settings, turn: Turn) -> None:
    """Measure, and open or close alerts."""
    await _row(
        turn,
        "select likeness.note_storage(quota_bytes => %s, garbage_grace => %s)",
        settings.storage_quota_bytes,
        timedelta(days=settings.garbage_grace_days),
    )
    turn.count(**await _row(turn, "select * from likeness.watch_alerts()"))


async def measure_storage(settings: Settings, turn: Turn) -> None:
    """Add up all bytes; a run that is cut off is gone on with, and told when it is whole."""
    seen = turn.resume_from or {"after": "", "blobs": 0, "bytes": 0}
    turn.resume_from = seen
    while not turn.is_over():
        batch = await _row(turn, "select * from likeness.measure_storage(%s)", seen["after"])
        if batch["scanned_to"] is None:
            await _row(
                turn,
                "select likeness.note_storage(%s, %s, %s, %s)",
                seen["bytes"],
                seen["blobs"],
                settings.storage_quota_bytes,
                timedelta(days=settings.garbage_grace_days),
            )
            turn.count(blobs=seen["blobs"], bytes=seen["bytes"])
            turn.resume_from = None
            return
        seen["after"] = batch["scanned_to"]
        seen["blobs"] += batch["blobs"]
        seen["bytes"] += batch["bytes"]


async def _row(turn: Turn, query: str, *arguments: object) -> dict[str, Any]:
    row = await (await turn.connection.execute(query.encode(), arguments)).fetchone()
    assert row
    return row
