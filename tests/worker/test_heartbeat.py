"""Whether a machine's worker is alive, as `likeness worker --check` tells it."""

import socket
from datetime import timedelta

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop
from worker.cli.heartbeat import require_heartbeat
from worker.errors import LikenessError
from worker.settings import Settings


def test_a_worker_is_alive_until_its_lease_is_over(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    shop = Shop(connection)
    given = settings.model_fields_set - {"worker_name"}
    settings = Settings(**{name: getattr(settings, name) for name in given})
    with pytest.raises(LikenessError, match=f"No worker has registered as {socket.gethostname()}"):
        require_heartbeat(settings)
    here = f"{socket.gethostname()}:17"
    shop.value("select likeness.register_worker(%s)", here)
    assert require_heartbeat(settings) == here
    shop.execute(
        "update likeness.workers set seen_at = seen_at - %s",
        timedelta(seconds=settings.lease_seconds + 1),
    )
    with pytest.raises(LikenessError, match=f"{here}: has given no sign of life since 20"):
        require_heartbeat(settings)


def test_a_worker_with_a_name_is_not_taken_for_another_of_its_machine(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    Shop(connection).value("select likeness.register_worker(%s)", f"{socket.gethostname()}:17")
    named = settings.model_copy(update={"worker_name": "pictures"})
    with pytest.raises(LikenessError, match="No worker has registered as pictures"):
        require_heartbeat(named)
    Shop(connection).value("select likeness.register_worker('pictures')")
    assert require_heartbeat(named) == "pictures"
