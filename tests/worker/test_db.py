"""Pools of connections, and a database that was away for a while."""

import asyncio
import contextlib
import time

import psycopg
from pydantic import SecretStr

from tests import postgres_servers
from worker import db
from worker.embedded import EmbeddedPostgres
from worker.settings import Settings

# A pool that doubles its pauses by itself tries after 7 and then after 15 seconds.
_AWAY_SECONDS = 8.0


def test_a_pool_is_of_use_again_soon_after_the_database_is(settings: Settings) -> None:
    async def ask(pool: db.Pool, wait_seconds: float) -> None:
        assert await db.fetch_all(pool, "select 1 as n", [], wait_seconds=wait_seconds)

    async def story(postgres: EmbeddedPostgres) -> None:
        here = settings.model_copy(
            update={"database_url": SecretStr(postgres.conninfo("postgres"))}
        )
        async with db.open_pool(here, "test", size=4) as pool:
            await asyncio.gather(*[ask(pool, 5) for _ in range(4)])
            await asyncio.to_thread(postgres.stop, immediate=True)
            back_at = time.monotonic() + _AWAY_SECONDS
            while time.monotonic() < back_at:
                with contextlib.suppress(psycopg.OperationalError):
                    await ask(pool, 0.5)
                await asyncio.sleep(0.2)
            await asyncio.to_thread(postgres.start)
            await ask(pool, 4)

    with postgres_servers.short_folder() as folder:
        postgres = EmbeddedPostgres(folder / "data")
        postgres.start()
        try:
            asyncio.run(story(postgres))
        finally:
            postgres.stop(immediate=True)
