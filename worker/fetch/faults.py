"""Owns how each failure of a source is named: reason code, retryable or not, and a sentence."""

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from worker.errors import FetchFault

# A source that asks for more is believed this far, or a wrong clock would park its host for years.
_LONGEST_RETRY_AFTER = timedelta(days=1)

_PERMANENT = {401: "forbidden", 403: "forbidden", 404: "not-found", 410: "gone"}
_PHRASES = {
    401: "it wants credentials",
    403: "access is forbidden",
    404: "there is no such picture",
    410: "the picture was withdrawn",
    429: "it asks for fewer requests",
    503: "it is not available",
}


def host_fault(reason: str, message: str) -> FetchFault:
    """A failure of the host or the way to it: tried again, and counted by the breaker."""
    return FetchFault(reason, message, retryable=True, host_fault=True)


def connect_fault(host: str, port: int, error: OSError) -> FetchFault:
    """No address of a host could be connected to; ``error`` is what the last one said."""
    if isinstance(error, TimeoutError):
        return host_fault("timeout", f"Connect: {host} port {port} did not answer in time.")
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", "") or error.reason or str(error)
        return host_fault("connection-failed", f"TLS: {host} port {port}: {why}.")
    if isinstance(error, ConnectionRefusedError):
        return host_fault("connection-refused", f"Connect: {host} refused port {port}.")
    why = error.strerror or str(error) or type(error).__name__
    return host_fault("connection-failed", f"Connect: {host} port {port}: {why}.")


def status_fault(host: str, status: int, retry_after: str | None, now: datetime) -> FetchFault:
    """An HTTP status that brings no picture."""
    phrase = f" ({_PHRASES[status]})" if status in _PHRASES else ""
    message = f"Answer: {host} answered {status}{phrase}."
    is_busy = status in (408, 425, 429) or status >= 500
    reason = _PERMANENT.get(status, "http-error")
    if is_busy:
        reason = {408: "timeout", 425: "server-error", 429: "rate-limited"}.get(
            status, "server-error"
        )
    return FetchFault(
        reason,
        message,
        retryable=is_busy,
        host_fault=is_busy,
        retry_after=parse_retry_after(retry_after, now) if is_busy else None,
        http_status=status,
    )


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The wait that a Retry-After header asks for, in seconds or as a date; None if unclear."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=min(int(text[:12]), 10**8))
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return max(timedelta(0), min(wait, _LONGEST_RETRY_AFTER))


def after_redirect(fault: FetchFault, host: str) -> FetchFault:
    """The same failure, telling that a redirect led there."""
    return FetchFault(
        fault.reason,
        f"Redirected by {host}. {fault}",
        retryable=fault.retryable,
        host_fault=fault.host_fault,
        retry_after=fault.retry_after,
        http_status=fault.http_status,
    )
