"""Owns who may do what: anyone reads, service keys change state, users see what is their own.

A service key opens the routes of its scopes. Without any key nobody holds one, so that an API that
was started carelessly is read-only.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.spec import Components, SecurityRequirement, SecurityScheme

from api.parameters import AnyRequest
from api.problems import problem, unavailable
from api.services import Services
from api.telemetry import add_header
from api.tokens import BadToken, KeysMissing
from worker.keys import SCOPES

SECURITY: list[SecurityRequirement] = [{"bearer": []}, {"api_key": []}]
USER_SECURITY: list[SecurityRequirement] = [{"user": []}]
COMPONENTS = Components(
    security_schemes={
        "bearer": SecurityScheme(
            type="http",
            scheme="bearer",
            description="A service key as a bearer token; `likeness key create` makes one.",
        ),
        "api_key": SecurityScheme(
            type="apiKey", name="X-Api-Key", security_scheme_in="header", description="The same."
        ),
        "user": SecurityScheme(
            type="http",
            scheme="bearer",
            bearer_format="JWT",
            description="A user's token; its `sub` says whose pictures are meant.",
        ),
    }
)
Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]
_REALM = 'Bearer realm="likeness"'


def requires(scope: str) -> Guard:
    """A guard: pass with a service key of this scope; else 401, or 403 with another key."""
    assert scope in SCOPES, scope

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        _keep_private(connection)
        services: Services = connection.app.state.services
        offered = _offered_key(connection)
        if not offered:
            raise _unauthorized(
                "Send a service key as `Authorization: Bearer …` or as `X-Api-Key`;"
                " `likeness key create` makes one, and LIKENESS_SERVICE_KEY is one."
            )
        key = await services.keys.judge(offered)
        if key is None:
            raise _unauthorized("This is not a service key that holds.", "invalid_token")
        if not key.opens(scope):
            raise problem(
                "forbidden",
                f"The key {key.name!r} does not open this: it needs the scope {scope}.",
                headers={
                    "www-authenticate": f'{_REALM}, error="insufficient_scope", scope="{scope}"'
                },
            )

    guard.__name__ = f"requires_{scope}"
    return guard


async def require_user(connection: Connection, _: BaseRouteHandler) -> None:
    """A guard: pass with a user's token, and keep whose it is for ``user_of``."""
    _keep_private(connection)
    services: Services = connection.app.state.services
    if not services.tokens.is_configured:
        raise _unauthorized(
            "This API takes no users' tokens: start it with LIKENESS_USER_JWT_SECRET or"
            " LIKENESS_USER_JWKS_URL set."
        )
    token = _bearer(connection)
    if not token:
        raise _unauthorized("Send a user's token as `Authorization: Bearer …`.")
    try:
        connection.state.user_id = await services.tokens.judge(token)
    except BadToken as error:
        raise _unauthorized(str(error), "invalid_token") from error
    except KeysMissing as error:
        raise unavailable("The keys of users' tokens cannot be had just now.", 30) from error


def _keep_private(connection: Connection) -> None:
    """No cache keeps what a key opened: of `X-Api-Key` HTTP knows nothing."""
    add_header(connection.scope, "cache-control", "private, no-store")


def user_of(request: AnyRequest) -> str:
    """Who ``require_user`` said it is."""
    user: str = request.state.user_id
    return user


def _unauthorized(detail: str, error: str | None = None) -> Exception:
    challenge = f'{_REALM}, error="{error}"' if error else _REALM
    return problem("unauthorized", detail, headers={"www-authenticate": challenge})


def _offered_key(connection: Connection) -> str | None:
    return _bearer(connection) or connection.headers.get("x-api-key")


def _bearer(connection: Connection) -> str | None:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
