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
   where name = %s or starts_with(name, %s)
   order by id desc
   limit 1
"""


def require_heartbeat(settings: Settings) -> str:
    """The name of the latest worker of this machine, which gave a sign of life within its lease.

    Raises LikenessError that says since when there is none.
    """
    host = socket.gethostname()
    lookup = (settings.lease_seconds, settings.worker_name, f"{host}:")
    with open_session(settings, "heartbeat") as connection:
        row = connection.execute(_LATEST, lookup).fetchone()
    if row is None:
        raise LikenessError(f"No worker has registered from {host}.")
    if not row["is_alive"]:
        raise LikenessError(f"The worker {row['name']} is {row['status']}, seen {row['seen_at']}.")
    return str(row["name"])
