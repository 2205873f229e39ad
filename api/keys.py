"""Owns judging service keys: those of the database, and the one of the settings.

The one of the settings opens everything and needs no database. Those of the database are
remembered for two seconds, which is how long a revoked one may still work.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

from worker.db import Pool
from worker.keys import take_apart

REMEMBERED_SECONDS = 2.0
_FIND = "select name, scopes, digest from likeness.find_service_key(%s)"
_POOL_TIMEOUT_SECONDS = 5.0
# Compared with where there is none, so that a known id and an unknown one cost the same.
_NOTHING = bytes(32)


@dataclass(frozen=True, slots=True)
class Key:
    """A key that holds: what it is called and what it opens."""

    name: str
    scopes: frozenset[str]

    def opens(self, scope: str) -> bool:
        """Whether it is good for routes of this scope."""
        return scope in self.scopes or "admin" in self.scopes


_OF_THE_SETTINGS = Key("LIKENESS_SERVICE_KEY", frozenset({"admin"}))


class KeyRing:
    """Tells which key was offered."""

    def __init__(
        self,
        pool: Pool,
        own: SecretStr | None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._own = own
        self._now = now
        # Living keys alone, so that what strangers offer takes no memory.
        self._known: dict[str, tuple[Key, bytes, float]] = {}

    async def judge(self, offered: str) -> Key | None:
        """The key that this is; None for one that does not hold."""
        if self._own is not None and _is_same(offered, self._own.get_secret_value()):
            return _OF_THE_SETTINGS
        parts = take_apart(offered)
        if parts is None:
            return None
        key, digest = await self._find(parts.key_id)
        return key if hmac.compare_digest(digest, parts.digest) else None

    async def _find(self, key_id: str) -> tuple[Key | None, bytes]:
        known = self._known.get(key_id)
        if known is not None and self._now() < known[2]:
            return known[:2]
        async with self._pool.connection(timeout=_POOL_TIMEOUT_SECONDS) as connection:
            row = await (await connection.execute(_FIND, (key_id,))).fetchone()
        if row is None:
            self._known.pop(key_id, None)
            return None, _NOTHING
        key = Key(row["name"], frozenset(row["scopes"]))
        self._known[key_id] = (key, row["digest"], self._now() + REMEMBERED_SECONDS)
        return key, row["digest"]


def _is_same(one: str, other: str) -> bool:
    # Of equal length whatever was offered, so that the time tells nothing of the key's.
    return hmac.compare_digest(_digest(one), _digest(other))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
