"""Owns the fixtures of a running API with a catalogue behind it."""

from collections.abc import Iterator

import httpx
import pytest
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import SecretStr

from api.server import Server
from tests.api import origin as origins
from tests.api.origin import Origin
from tests.api.serving import client_of, free_port, running
from tests.api.shop import Shop
from worker.settings import Settings
from worker.storage import open_store

KEY = "a-service-key-for-tests"


@pytest.fixture
def api_settings(settings: Settings, origin: Origin) -> Settings:
    """Settings with a service key, a port, and leave to call the test's own origin."""
    return settings.model_copy(
        update={
            "service_key": SecretStr(KEY),
            "api_port": free_port(),
            "allowed_private_networks": Settings(
                allowed_private_networks="127.0.0.0/8"
            ).allowed_private_networks,
            "allowed_ports": (80, 443, origin.port),
        }
    )


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A supplier's server."""
    with origins.serving() as server:
        yield server


@pytest.fixture
def shop(api_settings: Settings, connection: Connection[DictRow]) -> Shop:
    """An empty catalogue and its store."""
    store = open_store(api_settings)
    store.ensure_ready()
    return Shop(connection, store)


@pytest.fixture
def server(api_settings: Settings, shop: Shop) -> Iterator[Server]:
    """The API, running."""
    with running(api_settings) as server:
        yield server


@pytest.fixture
def client(server: Server, api_settings: Settings) -> Iterator[httpx.Client]:
    """Anybody."""
    with client_of(api_settings) as client:
        yield client


@pytest.fixture
def service(server: Server, api_settings: Settings) -> Iterator[httpx.Client]:
    """The holder of the service key."""
    with client_of(api_settings) as client:
        client.headers["authorization"] = f"Bearer {KEY}"
        yield client
