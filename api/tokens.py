"""Owns judging users' tokens (JWT): by a shared secret (HS256), or by published keys (JWKS).

The algorithm that a token names chooses between the two and never how a key is used: HS256 is
compared with the secret alone, the others with published keys of their own kind alone.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import msgspec
from jwt.exceptions import PyJWTError

from worker.log import get_logger
from worker.settings import Settings

LONGEST_TOKEN = 8192
LONGEST_SUBJECT = 200
FRESH_SECONDS = 600.0
# A stranger may name keys that do not exist; that must not become a storm on the issuer.
LEAST_SECONDS = 30.0
_MOST_BYTES = 256 << 10
_MOST_KEYS = 100
_FETCH_SECONDS = 5.0
_LEEWAY_SECONDS = 30
_PUBLISHED = frozenset({"RS256", "ES256", "EdDSA"})
_log = get_logger()


class BadToken(Exception):
    """The token does not hold; the message says why, for who sent it."""


class KeysMissing(Exception):
    """The issuer's keys cannot be had just now."""


class TokenJudge:
    """Tells whose a token is."""

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time.monotonic) -> None:
        self._secret = settings.user_jwt_secret
        self._keys = PublishedKeys(settings.user_jwks_url, now) if settings.user_jwks_url else None
        self._issuer = settings.user_token_issuer
        self._audience = settings.user_token_audience

    @property
    def is_configured(self) -> bool:
        """Whether any token can hold."""
        return self._secret is not None or self._keys is not None

    async def aclose(self) -> None:
        """Ask the issuer no more."""
        if self._keys is not None:
            await self._keys.aclose()

    async def judge(self, token: str) -> str:
        """The user of a token. Raises BadToken, and KeysMissing where nobody can tell."""
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise BadToken("This is not a token (JWT).")
        try:
            header = jwt.get_unverified_header(token)
        except (PyJWTError, RecursionError) as error:
            # Brackets within brackets by the thousand are JSON too.
            raise BadToken("This is not a token (JWT).") from error
        algorithm = str(header.get("alg"))
        claims = self._decode(token, await self._key(algorithm, header.get("kid")), algorithm)
        subject = claims["sub"]
        if not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
            raise BadToken(f"The token's `sub` has 1 to {LONGEST_SUBJECT} printable characters.")
        return str(subject)

    async def _key(self, algorithm: str, kid: Any) -> Any:
        if algorithm == "HS256" and self._secret is not None:
            return self._secret.get_secret_value()
        if algorithm in _PUBLISHED and self._keys is not None:
            return await self._keys.find(algorithm, kid)
        raise BadToken("Tokens of this algorithm are not taken here.")

    def _decode(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "sub"]},
            )
        except PyJWTError as error:
            # The library's sentences name the claim and nothing of the key.
            raise BadToken(f"The token does not hold: {str(error).rstrip('.')}.") from error


class PublishedKeys:
    """An issuer's keys, fetched at most once in a while, kept while the issuer is away.

    Whoever names a key that is known does not wait for its issuer: one fetch at a time renews them
    behind the requests.
    """

    def __init__(self, url: str, now: Callable[[], float]) -> None:
        self._url = url
        self._now = now
        self._keys: dict[tuple[str, str | None], jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, algorithm: str, kid: Any) -> jwt.PyJWK:
        """The key that a token names. Raises BadToken and KeysMissing."""
        key = self._known(algorithm, kid)
        if key is not None:
            if self._now() - self._fetched_at > FRESH_SECONDS:
                self._fetch_soon()
            return key
        fetching = self._fetch_soon()
        if fetching is not None:
            # Others wait for the same fetch, whoever leaves.
            await asyncio.shield(fetching)
            key = self._known(algorithm, kid)
        if key is None:
            if not self._keys:
                raise KeysMissing
            raise BadToken("The issuer publishes no such key.")
        return key

    async def aclose(self) -> None:
        """Fetch no more."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    def _fetch_soon(self) -> "asyncio.Task[None] | None":
        """The fetch that is under way, or a new one; None where the last one is too recent."""
        if self._fetching is None or self._fetching.done():
            if self._now() - self._tried_at <= LEAST_SECONDS:
                return None
            self._fetching = asyncio.create_task(self._refresh(), name="keys of users' tokens")
        return self._fetching

    def _known(self, algorithm: str, kid: Any) -> jwt.PyJWK | None:
        if kid is not None:
            return self._keys.get((algorithm, kid)) if isinstance(kid, str) else None
        alike = [key for (name, _), key in self._keys.items() if name == algorithm]
        return alike[0] if len(alike) == 1 else None

    async def _refresh(self) -> None:
        self._tried_at = self._now()
        try:
            self._keys = _read_keys(await _fetch(self._url))
            self._fetched_at = self._now()
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            _log.warning("no keys of users' tokens", url=self._url, error=str(error) or repr(error))


async def _fetch(url: str) -> bytes:
    async with (
        asyncio.timeout(_FETCH_SECONDS),
        httpx.AsyncClient(trust_env=False, timeout=_FETCH_SECONDS) as client,
        client.stream("GET", url, headers={"accept": "application/json"}) as answer,
    ):
        if answer.status_code != 200:
            raise ValueError(f"status {answer.status_code}")
        body = b""
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise ValueError(f"more than {_MOST_BYTES} bytes")
        return body


def _read_keys(body: bytes) -> dict[tuple[str, str | None], jwt.PyJWK]:
    """Keys that verify, by algorithm and id. A key of another kind is nobody's mistake."""
    document = msgspec.json.decode(body, type=dict[str, Any])
    found: dict[tuple[str, str | None], jwt.PyJWK] = {}
    listed = document.get("keys")
    for entry in listed[:_MOST_KEYS] if isinstance(listed, list) else []:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK(entry)
        except (PyJWTError, ValueError, TypeError) as error:
            _log.info("a key of users' tokens is left out", error=str(error))
            continue
        if key.algorithm_name in _PUBLISHED:
            kid = entry.get("kid")
            found[key.algorithm_name, kid if isinstance(kid, str) else None] = key
    if not found:
        raise ValueError("it holds no key of RS256, ES256 or EdDSA")
    return found
