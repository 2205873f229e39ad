"""Owns the probes: alive, and ready to be sent requests.

Ready turns false first when the program is told to stop, so that a load balancer looks away before
the last answers are given.
"""

import asyncio
from typing import Any

import msgspec
import psycopg
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec

from api.services import Services
from worker import db
from worker.errors import LikenessError
from worker.migrate import schema_problem

_CHECK_SECONDS = 5.0
_NO_STORE = {"cache-control": "no-store"}


class Check(msgspec.Struct):
    """One thing that has to work; ``problem`` says what does not and what to do."""

    name: str
    ok: bool
    problem: str | None = None


class Readiness(msgspec.Struct):
    """All of them."""

    ready: bool
    checks: list[Check]


@get("/healthz", tags=["operation"], summary="Whether the process answers", media_type="text/plain")
async def get_health() -> Response[str]:
    return Response("ok\n", headers=_NO_STORE)


@get(
    "/readyz",
    tags=["operation"],
    summary="Whether requests should be sent here",
    responses={503: ResponseSpec(Readiness, description="Not now.", generate_examples=False)},
)
async def get_readiness(services: NamedDependency[Services]) -> Response[Readiness]:
    checks = [_check_running(services)]
    checks += await asyncio.gather(_check_database(services), _check_store(services))
    ready = all(check.ok for check in checks)
    status: Any = 200 if ready else 503
    return Response(Readiness(ready, checks), status_code=status, headers=_NO_STORE)


def _check_running(services: Services) -> Check:
    stopping = services.is_stopping
    return Check("process", not stopping, "It is about to stop." if stopping else None)


async def _check_database(services: Services) -> Check:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            problem = await asyncio.to_thread(_look_at_schema, services)
    except (psycopg.Error, LikenessError, TimeoutError) as error:
        problem = f"The database does not answer ({type(error).__name__})."
    return Check("database", problem is None, problem)


def _look_at_schema(services: Services) -> str | None:
    # A connection of its own: a pool that is worn out is a fault of another kind.
    with db.connect(services.settings, "api probe") as connection:
        return schema_problem(connection)


async def _check_store(services: Services) -> Check:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            faults = await asyncio.to_thread(services.store.health)
    except (LikenessError, TimeoutError) as error:
        faults = [f"The store does not answer ({type(error).__name__})."]
    return Check("store", not faults, " ".join(faults) or None)


HANDLERS = [get_health, get_readiness]
