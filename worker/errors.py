"""Owns every error that Likeness raises on purpose, so that a caller can tell what to do next.

LikenessError
├── SettingsError              a setting is missing or wrong
├── QueryError                 refused by SQL with an SQLSTATE of ours (mapped once, in worker.db)
│   ├── LostClaim   LK001      the claim was lost; nothing was changed
│   ├── NotFound    LK002      a row named by the caller does not exist
│   ├── Refused     LK003      the state does not allow it; the message says why
│   └── BadInput    LK004      an argument makes no sense; the message names it
├── CannotStart                a program of `likeness up` cannot run; the message says what to do
├── StaleSchema                the database is behind the program; carries the command that mends it
├── FeedError                  a feed cannot be read at all
├── StorageError               the object store failed; `retryable` tells whether to try again
└── SourceFault                a picture could not be had or used: `reason`, `retryable` ...
    ├── FetchFault             at its source
    └── RenderFault            in its pixels
"""

from datetime import timedelta


class LikenessError(Exception):
    """Base of all errors that Likeness raises on purpose."""


class SettingsError(LikenessError):
    """A setting is missing or wrong; the message names the variable."""


class QueryError(LikenessError):
    """The database refused a call with an SQLSTATE of ours; ``table``: whose row it is about."""

    sqlstate = "LK000"

    def __init__(self, message: str, *, table: str | None = None) -> None:
        super().__init__(message)
        self.table = table


class LostClaim(QueryError):
    """The claim was lost to another worker or to time; nothing was changed."""

    sqlstate = "LK001"


class NotFound(QueryError):
    """A row that the caller named does not exist."""

    sqlstate = "LK002"


class Refused(QueryError):
    """The state of the row does not allow the call."""

    sqlstate = "LK003"


class BadInput(QueryError):
    """An argument makes no sense; the message names it."""

    sqlstate = "LK004"


class CannotStart(LikenessError):
    """A server or program of `likeness up` cannot run; the message says what to do."""


class StaleSchema(LikenessError):
    """The database is not at the version of this program."""


class FeedError(LikenessError):
    """A feed cannot be read at all (single bad rows go to the rejects file instead)."""


class StorageError(LikenessError):
    """The object store failed.

    ``code`` is the store's own (``NoSuchBucket``, ``SlowDown``...); ``retryable`` says whether the
    same call may succeed later.
    """

    def __init__(self, message: str, *, code: str, retryable: bool) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class SourceFault(LikenessError):
    """A picture could not be had or used.

    ``reason`` is a code of the table ``likeness.failure_reasons``; ``retryable`` says whether the
    queue tries again; ``host_fault`` whether it counts against the host (the breaker);
    ``retry_after`` is the least wait that the source asked for; ``http_status`` what it answered.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        retryable: bool = False,
        host_fault: bool = False,
        retry_after: timedelta | None = None,
        http_status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retryable = retryable
        self.host_fault = host_fault
        self.retry_after = retry_after
        self.http_status = http_status


class FetchFault(SourceFault):
    """The picture could not be fetched."""


class RenderFault(SourceFault):
    """The fetched bytes cannot be made into pictures."""
