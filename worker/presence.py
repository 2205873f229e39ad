"""Owns saying that the database went away, once, and once that it is back.

A dozen parts of a program notice it, each in its own time and again with each try: an operator
needs one line. Sessions that open, or cannot, tell for sure; what else is noticed may be an echo.
"""

import time
from collections.abc import Callable

from psycopg_pool import PoolTimeout

from worker.log import get_logger, is_absence

# Parts try again more often than that; after such a silence it is a new absence.
_SILENCE_SECONDS = 60.0
_log = get_logger()


class Presence:
    """Whether a database is there, as far as the parts of this process have told."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._went_at: float | None = None
        self._noticed_at = float("-inf")

    def away(self, error: Exception, *, is_opening: bool = False, **where: object) -> None:
        """Note that a part lost it, or could not open a session (``is_opening``).

        An error of another kind is said each time.
        """
        if not is_absence(error) or self._is_news(error, is_opening):
            _log.warning("database away", error=str(error).strip(), **where)

    def back(self) -> None:
        """Note that a session was opened."""
        if self._went_at is not None:
            _log.info("database back", seconds=round(self._now() - self._went_at, 1))
            self._went_at = None

    def _is_news(self, error: Exception, is_opening: bool) -> bool:
        now = self._now()
        is_known = now - self._noticed_at <= _SILENCE_SECONDS
        if isinstance(error, PoolTimeout) or isinstance(error.__cause__, PoolTimeout):
            # Perhaps all sessions are in use; those that open none tell of the rest.
            return not is_known
        if is_known and self._went_at is None and not is_opening:
            return False  # an echo of the last absence
        is_news = not is_known or self._went_at is None
        self._noticed_at = now
        if is_news:
            self._went_at = now
        return is_news


# Of the one database of this process; who reads a replica tells of that.
DATABASE = Presence()
