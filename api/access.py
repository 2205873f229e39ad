"""Owns who may do what: anyone reads, the holder of the service key changes state.

Without a configured key nobody holds it, so that an API that was started carelessly is read-only.
"""

import hashlib
import hmac
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.spec import Components, SecurityRequirement, SecurityScheme

from api.problems import problem
from worker.settings import Settings

SECURITY: list[SecurityRequirement] = [{"bearer": []}, {"api_key": []}]
COMPONENTS = Components(
    security_schemes={
        "bearer": SecurityScheme(
            type="http", scheme="bearer", description="The service key as a bearer token."
        ),
        "api_key": SecurityScheme(
            type="apiKey", name="X-Api-Key", security_scheme_in="header", description="The same."
        ),
    }
)
Connection = ASGIConnection[Any, Any, Any, Any]
_CHALLENGE = {"www-authenticate": 'Bearer realm="likeness"'}


def require_service_key(connection: Connection, _: BaseRouteHandler) -> None:
    """A guard: pass with the service key, else 401 with what to do."""
    settings: Settings = connection.app.state.settings
    if settings.service_key is None:
        raise problem(
            "unauthorized",
            "This API has no service key, so that nobody may change its state: start it with"
            " LIKENESS_SERVICE_KEY set.",
            headers=_CHALLENGE,
        )
    offered = _offered_key(connection)
    if offered is None:
        raise problem(
            "unauthorized",
            "Send the service key as `Authorization: Bearer …` or as `X-Api-Key`.",
            headers=_CHALLENGE,
        )
    if not _is_same(offered, settings.service_key.get_secret_value()):
        raise problem("unauthorized", "This is not the service key.", headers=_CHALLENGE)


def _offered_key(
    connection: Connection,
) -> str | None:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return connection.headers.get("x-api-key")


def _is_same(one: str, other: str) -> bool:
    # Of equal length whatever was offered, so that the time tells nothing of the key's.
    return hmac.compare_digest(_digest(one), _digest(other))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
