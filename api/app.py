"""Owns the application: what it is made of, and in which order it comes up and goes down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from litestar import Litestar, Router, get
from litestar.datastructures import CacheControlHeader, State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Redirect
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig
from litestar.types import LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send
from prometheus_client import CollectorRegistry

from api import (
    batches,
    changes,
    display,
    feeds,
    gallery,
    health,
    lazy,
    matching,
    metrics,
    products,
    proxy,
    redirects,
    renditions,
    runs,
    uploads,
    user_images,
)
from api.cross_origin import CrossOrigin
from api.metrics import ViewCollector
from api.parameters import AnyRequest
from api.problems import answer_too_large, problem, problem_plugin
from api.reference import openapi_config
from api.services import Services, open_services, provide_services
from api.telemetry import Telemetry
from worker import db, storage
from worker.errors import LikenessError
from worker.log import configure_logging, get_logger, warn_of_unknown_variables
from worker.migrate import APP_ROLE, require_current_schema
from worker.settings import Settings, load_settings

MOST_BODY_BYTES = 4_000_000
_HERE = Path(__file__).parent
_MODULES = (
    display, redirects, renditions, proxy, lazy, batches, runs, products, changes,
    matching, user_images, health, metrics, gallery,
)  # fmt: skip
_FORGET_SECONDS = 60.0
_OWNS = """
select current_user as name, pg_has_role(c.relowner, 'usage') as owns
  from pg_class c
 where c.oid = 'likeness.images'::regclass
"""
_log = get_logger()


class Api(Litestar):
    """Litestar, told of from outside, so that no request goes untold."""

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        if scope["type"] != ScopeType.HTTP:
            await super().__call__(scope, receive, send)
            return
        telemetry: Telemetry = self.state.telemetry
        await telemetry.observe(self._answer, scope, receive, send)  # type: ignore[arg-type]

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        cross_origin: CrossOrigin = self.state.cross_origin
        await cross_origin.observe(super().__call__, scope, receive, send)


def create_app(settings: Settings | None = None) -> Litestar:
    """The API of these settings, or of the environment's (as `uvicorn --factory` starts it).

    Raises LikenessError where it could not work: no database, an old one, no store.
    """
    if settings is None:
        settings = load_settings()
        configure_logging(settings, "api")
        warn_of_unknown_variables()
    # Before there is a server: to uvicorn, what is raised while it comes up is a traceback.
    _require_startable(settings)
    registry, collector = CollectorRegistry(), ViewCollector()
    registry.register(collector)
    state = {
        "settings": settings,
        "registry": registry,
        "collector": collector,
        "telemetry": Telemetry(registry),
        "cross_origin": CrossOrigin(settings.cors_origins),
    }
    return Api(
        route_handlers=[
            *(handler for module in _MODULES for handler in module.HANDLERS),
            feeds.make_router(settings),
            uploads.make_router(settings),
            _static_files(),
            get_docs,
        ],
        lifespan=[_run],
        dependencies={"services": Provide(provide_services, sync_to_thread=False)},
        before_request=_refuse_odd_ids,
        exception_handlers={RequestEntityTooLarge: answer_too_large},
        plugins=[problem_plugin()],
        openapi_config=openapi_config(settings),
        request_max_body_size=MOST_BODY_BYTES,
        template_config=TemplateConfig(directory=_HERE / "templates", engine=JinjaTemplateEngine),
        state=State(state, deep_copy=False),
        # Ours is configured for the whole program.
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )


def _static_files() -> Router:
    return create_static_files_router(
        path="/static",
        directories=[_HERE / "static"],
        cache_control=CacheControlHeader(max_age=300, public=True),
        include_in_schema=False,
        before_request=_refuse_null,
    )


async def _refuse_odd_ids(request: AnyRequest) -> None:
    # One address a thing: int() reads 007, +7, 1_0 and the digits of other scripts too.
    for value in request.path_params.values():
        if isinstance(value, int) and str(value) not in request.scope["path"].split("/"):
            raise problem("not-found")


async def _refuse_null(request: AnyRequest) -> None:
    # No file has such a name, and asking the system for one is an error.
    if "\0" in request.scope["path"]:
        raise problem("not-found")


@get("/docs", include_in_schema=False, status_code=302)
async def get_docs() -> Redirect:
    return Redirect("/openapi")


@asynccontextmanager
async def _run(app: Litestar) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    async with open_services(settings) as services:
        app.state.services = services
        forget = asyncio.create_task(_forget(services), name="forget permits")
        try:
            yield
        finally:
            forget.cancel()


def _require_startable(settings: Settings) -> None:
    """Say in one line of the log why the API cannot start, and raise that as a LikenessError."""
    try:
        storage.open_store(settings)
        storage.open_public_store(settings)
        with db.reach(settings, "api") as connection:
            require_current_schema(connection)
            _tell_of_rights(connection)
    except LikenessError as error:
        _log.error("cannot start", reason=str(error))
        raise


def _tell_of_rights(connection: db.Connection) -> None:
    row = connection.execute(_OWNS).fetchone()
    if row and row["owns"]:
        _log.warning(
            "the API may alter tables",
            why=f"it logs in as {row['name']}",
            hint=f"let LIKENESS_DATABASE_URL name {APP_ROLE}, see docs/operations.md",
        )


async def _forget(services: Services) -> None:
    """Forget clients whose minute is over, now and then; a database that is away can wait."""
    while True:
        await asyncio.sleep(_FORGET_SECONDS)
        try:
            await services.rows("select likeness.forget_permits()")
        except psycopg.OperationalError as error:
            _log.warning("permits not forgotten", error=str(error))
