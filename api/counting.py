"""Owns counting a client's requests in this process alone: for what is asked for too often to tell
the database of each.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

SPAN_SECONDS = 60
_MOST_CLIENTS = 10_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is let through, how many more are, and when one more will be."""

    is_allowed: bool
    remaining: int
    wait_seconds: int


class LocalLimit:
    """Lets ``most`` through at once and refills evenly; one time for each of the latest clients."""

    def __init__(
        self, most: int, *, span: float = SPAN_SECONDS, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.most = most
        self._span = span
        self._step = span / most
        self._now = now
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> Verdict:
        """Count one request of a client."""
        now = self._now()
        used = max(self._full_at.pop(client, now) - now, 0.0)
        is_allowed = used + self._step <= self._span * (1 + 1e-9)
        if is_allowed:
            used += self._step
        self._full_at[client] = now + used
        while len(self._full_at) > _MOST_CLIENTS:
            self._full_at.popitem(last=False)
        free = self._span - used
        wait = self._step if free >= self._step else self._step - free
        return Verdict(is_allowed, int(free / self._step + 1e-9), max(1, math.ceil(wait)))
