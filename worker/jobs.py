"""Owns the procrastinate app and the names of its tasks, without importing what the tasks do.

Jobs are work orders, few and short: "look at the queue", "sweep". The queue itself is the table
likeness.images; nothing is lost when every job is deleted.
"""

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Status

MIRROR_QUEUE = "mirror"
UPKEEP_QUEUE = "upkeep"
MIRROR_TASK = "likeness.mirror_images"

app = procrastinate.App(connector=procrastinate.PsycopgConnector())


async def order_mirroring(*, is_chosen: bool = False) -> bool:
    """Ask for one worker to look at the queue; returns False when that is ordered already.

    At most one order waits at a time, so that fifty idle workers woken together make one job; the
    worker that takes it orders the next one where there is more than it can do alone. Who was
    chosen for it among the idle ones (look_at_queue()) need not ask whether an order waits: an
    idle worker would have taken it.
    """
    # Others ask first, since a refusal is an error in the server's log.
    if not is_chosen and await app.job_manager.list_jobs_async(
        queue=MIRROR_QUEUE, status=Status.TODO.value, queueing_lock=MIRROR_TASK
    ):
        return False
    task = app.configure_task(MIRROR_TASK, queue=MIRROR_QUEUE, queueing_lock=MIRROR_TASK)
    try:
        await task.defer_async()
    except AlreadyEnqueued:
        return False
    return True
