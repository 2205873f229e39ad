"""Owns the question whether this machine's worker is alive, asked by what restarts containers.

A process that exists may yet hang; a heartbeat in the database shows that it works and can reach
the one thing that it cannot work without.
"""

import socket

from worker.cli.session import open_session
from worker.errors import LikenessError
from worker.settings import Settings

# The newest worker of a machine is the one that counts: a restart leaves the rows of the dead.
_LATEST = """
  select status = 'running' and seen_at > likeness.clock() - make_interval(secs => %s) as is_alive,
         name, status, seen_at
    from likeness.workers
   where name = %s or not %s and starts_with(name, %s)
   order by id desc
   limit 1
"""


def require_heartbeat(settings: Settings) -> str:
    """The name of the latest worker of this machine, which gave a sign of life within its lease.

    Raises LikenessError that says since when there is none.
    """
    host = socket.gethostname()
    # Without a name of its own a worker is called after its machine.
    is_named = "worker_name" in settings.model_fields_set
    whose = settings.worker_name if is_named else host
    lookup = (settings.lease_seconds, settings.worker_name, is_named, f"{host}:")
    with open_session(settings, "heartbeat") as connection:
        row = connection.execute(_LATEST, lookup).fetchone()
    if row is None:
        raise LikenessError(f"No worker has registered as {whose}.")
    if not row["is_alive"]:
        state = "has given no sign of life" if row["status"] == "running" else row["status"]
        raise LikenessError(
            f"The worker {row['name']}: {state} since {row['seen_at']:%Y-%m-%d %H:%M:%S%z}"
            f" (LIKENESS_LEASE_SECONDS is {settings.lease_seconds:g})."
        )
    return str(row["name"])
