"""Owns how failures look to a client: RFC 9457 problem+json with a stable ``type``, everywhere.

The ``type`` is a URN, so that it stays the same wherever the API runs. Nothing of a message that
was made for logs (hosts, paths, statements) leaves; the request id leads to it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import psycopg
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.plugins.problem_details import (
    ProblemDetailsConfig,
    ProblemDetailsException,
    ProblemDetailsPlugin,
)

from api.parameters import AnyRequest
from worker import errors
from worker.log import get_logger

PROBLEM_JSON = "application/problem+json"
_URN = "urn:likeness:problem:"
_RETRY_SECONDS = 2
_log = get_logger()

# Code: status, title. docs/api.md lists the same; a test compares the two.
TYPES: Mapping[str, tuple[int, str]] = {
    "invalid-request": (400, "The request makes no sense"),
    "unauthorized": (401, "A key or a token is needed"),
    "forbidden": (403, "The key does not open this"),
    "bad-signature": (403, "The signature does not fit or has expired"),
    "not-found": (404, "There is no such thing"),
    "unknown-product": (404, "There is no such product"),
    "no-image": (404, "There is no picture to show"),
    "method-not-allowed": (405, "The method is not allowed here"),
    "conflict": (409, "The state does not allow it"),
    "too-large": (413, "The body is too large"),
    "not-a-picture": (415, "The file is no picture that can be used"),
    "bad-feed": (422, "The feed cannot be read"),
    "range-not-satisfiable": (416, "The range lies outside the file"),
    "rate-limited": (429, "Too many requests"),
    "internal-error": (500, "Something went wrong here"),
    "source-failed": (502, "The picture's source failed"),
    "unavailable": (503, "Not available for the moment"),
}
_BY_STATUS = {
    400: "invalid-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    429: "rate-limited",
    503: "unavailable",
}

# What is no failure and still no answer of the usual kind.
_PLAIN = {
    206: "The part that Range asked for.",
    302: "Elsewhere by now.",
    304: "The client has it already.",
}


class Fault(msgspec.Struct, omit_defaults=True):
    """One part of a request that is wrong."""

    message: str
    key: str | None = None
    source: str | None = None


class Problem(msgspec.Struct, omit_defaults=True):
    """What went wrong, after RFC 9457; ``type`` is stable, ``detail`` is for people."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[Fault] | None = None
    reason: str | None = None
    image_status: str | None = None


def problem(
    code: str,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> ProblemDetailsException:
    """An exception to raise: ``code`` is a key of TYPES, ``members`` are added to the body."""
    status, title = TYPES[code]
    return ProblemDetailsException(
        # What came in undecoded cannot go out: JSON holds no lone surrogates.
        detail=(detail or title).encode("utf-8", "replace").decode(),
        status_code=status,
        title=title,
        type_=_URN + code,
        headers={"cache-control": "no-store", **(headers or {})},
        extra=members or None,
    )


def unavailable(detail: str, retry_after: int = _RETRY_SECONDS) -> ProblemDetailsException:
    """A 503 that says when to come back."""
    return problem("unavailable", detail, headers={"retry-after": str(retry_after)})


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """The further answers of a route, problems most of them, for its OpenAPI description."""
    titles: dict[int, list[str]] = {}
    for status, title in TYPES.values():
        titles.setdefault(status, []).append(title)
    plain = {
        status: ResponseSpec(None, description=_PLAIN[status], generate_examples=False)
        for status in statuses
        if status in _PLAIN
    }
    return plain | {
        status: ResponseSpec(
            data_container=Problem,
            media_type=PROBLEM_JSON,
            description="; ".join(titles[status]) + ".",
            generate_examples=False,
        )
        for status in (*statuses, 500, 503)
        if status not in _PLAIN
    }


def _from_http(error: HTTPException) -> ProblemDetailsException:
    if isinstance(error, ProblemDetailsException):
        return error
    code = _BY_STATUS.get(error.status_code)
    if code is None:
        code = "invalid-request" if error.status_code < 500 else "internal-error"
    if code == "internal-error":
        return _from_anything(error)
    members: dict[str, Any] = {}
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        members["errors"] = [_in_words(fault) for fault in error.extra]
    headers = dict(error.headers or {})
    if "GET" in headers.get("allow", ""):
        # HEAD is answered as GET before the framework sees it.
        headers["allow"] = headers["allow"].replace("GET", "GET, HEAD")
    return problem(code, error.detail, headers=headers, **members)


def _in_words(fault: dict[str, Any]) -> dict[str, Any]:
    """The fault, where the framework speaks of its own insides, in words for who sent it."""
    message = str(fault.get("message", ""))
    if message == "'data'":
        return fault | {"message": "A body is needed"}
    if message.startswith("Unsupported type: <class "):
        return fault | {"message": "Expected one file"}
    return fault


def _from_ours(error: errors.LikenessError) -> ProblemDetailsException:
    match error:
        case errors.NotFound(table="products"):
            return problem("unknown-product", str(error))
        case errors.NotFound():
            return problem("not-found", str(error))
        case errors.BadInput():
            return problem("invalid-request", str(error))
        case errors.QueryError():
            return problem("conflict", str(error))
        case errors.FeedError():
            return problem("bad-feed", str(error))
        case errors.SourceFault():
            # Its message names the host, which may be hidden; the reason does not.
            return problem(
                "source-failed", f"The source failed: {error.reason}.", reason=error.reason
            )
        case errors.StorageError() if error.retryable:
            _log.warning("store failed", error=str(error))
            return unavailable("The object store does not answer.")
    return _from_anything(error)


def _from_constraint(error: psycopg.IntegrityError) -> ProblemDetailsException:
    rule = (error.diag.constraint_name or "a rule of the table").replace("_", " ")
    if isinstance(error, psycopg.errors.CheckViolation | psycopg.errors.NotNullViolation):
        return problem("invalid-request", f"The database refuses this: {rule}.")
    return problem("conflict", f"The database refuses this: {rule}.")


def _from_recursion(error: RecursionError) -> ProblemDetailsException:
    # Brackets within brackets by the thousand are JSON too.
    _log.warning("request nested too deeply", exc_info=error)
    return problem("invalid-request", "The body is nested too deeply.")


def _from_bytes(error: UnicodeDecodeError) -> ProblemDetailsException:
    _log.warning("request is no text", exc_info=error)
    return problem("invalid-request", "The request holds bytes that are no UTF-8.")


def _from_lookup(error: LookupError) -> ProblemDetailsException:
    # Of all of them only a charset that nobody knows is the sender's.
    if str(error).startswith("unknown encoding"):
        return problem("invalid-request", "The request names a charset that is not known.")
    return _from_anything(error)


def _from_data(error: psycopg.DataError) -> ProblemDetailsException:
    _log.warning("data refused", error=str(error))
    return problem("invalid-request", "A value does not fit its type.")


def _from_database(error: Exception) -> ProblemDetailsException:
    _log.warning("database not available", error=str(error), kind=type(error).__name__)
    return unavailable("The database does not answer.")


def _from_anything(error: Exception) -> ProblemDetailsException:
    _log.error("request failed", exc_info=error)
    return problem("internal-error", "The log has the particulars, under the id of this request.")


def answer_too_large(request: AnyRequest, _: Exception) -> Response[Any]:
    """The answer to a body that is longer than its route takes, which tells how long it may be."""
    handler = request.route_handler
    assert isinstance(handler, HTTPRouteHandler)
    most = handler.resolve_request_max_body_size()
    return problem("too-large", f"A body may have {most:,} bytes here.").to_response(request)


def problem_plugin() -> ProblemDetailsPlugin:
    """Maps every exception that a handler can raise to a problem."""
    return ProblemDetailsPlugin(
        ProblemDetailsConfig(
            exception_to_problem_detail_map={
                HTTPException: _from_http,
                errors.LikenessError: _from_ours,
                psycopg.IntegrityError: _from_constraint,
                psycopg.DataError: _from_data,
                psycopg.OperationalError: _from_database,
                RecursionError: _from_recursion,
                UnicodeDecodeError: _from_bytes,
                LookupError: _from_lookup,
                Exception: _from_anything,
            }
        )
    )
