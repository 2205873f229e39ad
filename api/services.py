"""Owns what the handlers share: pools, one store, one listener, opened and closed in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from litestar.datastructures import State

from api.counting import LocalLimit
from api.finished import Finished
from api.interest import Interest
from api.keys import KeyRing
from api.proxying import Proxy
from api.reading import Reader
from api.sessions import Rows
from api.signing import UrlSigner, make_signer
from api.tokens import TokenJudge
from worker import db, storage
from worker.settings import Settings

POOL_SIZE = 10
MOST_IMPORTS = 2
MOST_UPLOADS = 4
POOL_TIMEOUT_SECONDS = 5.0


@dataclass(slots=True)
class Services:
    """All that a handler may need besides its request."""

    settings: Settings
    pool: db.Pool
    reader: Reader
    store: storage.ObjectStore
    signer: UrlSigner
    interest: Interest
    finished: Finished
    proxy: Proxy
    keys: KeyRing
    tokens: TokenJudge
    proxy_limit: LocalLimit
    # Signs for browsers what they read of a private bucket.
    public_store: storage.ObjectStore | None = None
    is_stopping: bool = False
    # Each import holds a transaction open for as long as its sender takes.
    imports: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_IMPORTS))
    # Each upload is in memory once, while it is put.
    uploads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_UPLOADS))
    in_flight: dict[Any, asyncio.Task[Any]] = field(default_factory=dict)

    async def rows(self, statement: str, *arguments: object) -> list[db.Row]:
        """The rows of one statement, as dicts."""
        return await db.fetch_all(
            self.pool, statement, arguments, wait_seconds=POOL_TIMEOUT_SECONDS
        )

    async def row(self, statement: str, *arguments: object) -> db.Row | None:
        """The first row of one statement, or None."""
        found = await self.rows(statement, *arguments)
        return found[0] if found else None

    async def rows_of_user(self, user: str, statement: str, *arguments: object) -> list[db.Row]:
        """The rows of one statement in the eyes of a user, whom row-level security knows."""
        async with (
            self.pool.connection(timeout=POOL_TIMEOUT_SECONDS) as connection,
            connection.transaction(),
        ):
            await connection.execute("select set_config('likeness.user_id', %s, true)", (user,))
            with db.query_errors():
                return await (await connection.execute(statement, arguments)).fetchall()

    async def tuples(self, statement: str, *arguments: object) -> Rows:
        """The rows of a statement that only reads: for the path that has to be fast."""
        return await self.reader.tuples(statement, arguments)


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Open everything, run the background tasks, and close in the opposite order."""
    store = storage.open_store(settings)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(db.open_pool(settings, "api", size=POOL_SIZE))
        reading = await stack.enter_async_context(_open_reading(settings))
        replica = _open_replica(settings)
        if replica is not None:
            await stack.enter_async_context(replica)
        proxy = await stack.enter_async_context(Proxy(settings))
        tokens = TokenJudge(settings)
        stack.push_async_callback(tokens.aclose)
        services = Services(
            settings=settings,
            pool=pool,
            reader=Reader(reading, replica, settings.api_reads),
            store=store,
            public_store=storage.open_public_store(settings),
            signer=make_signer(settings),
            interest=Interest(pool),
            finished=Finished(settings),
            proxy=proxy,
            keys=KeyRing(pool, settings.service_key),
            tokens=tokens,
            proxy_limit=LocalLimit(settings.proxy_per_minute),
        )
        tasks = [
            asyncio.create_task(services.interest.run(), name="interest"),
            asyncio.create_task(services.finished.run(), name="finished"),
        ]
        try:
            yield services
        finally:
            services.is_stopping = True
            await _stop([*tasks, *services.in_flight.values()])


def _open_reading(settings: Settings, *, is_replica: bool = False) -> db.Pool:
    return db.open_pool(settings, "api reader", size=POOL_SIZE, is_replica=is_replica)


def _open_replica(settings: Settings) -> db.Pool | None:
    if settings.read_database_url is None:
        return None
    there = settings.model_copy(update={"database_url": settings.read_database_url})
    return _open_reading(there, is_replica=True)


async def _stop(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def provide_services(state: State) -> Services:
    """The dependency ``services`` of the handlers."""
    services: Services = state.services
    return services
