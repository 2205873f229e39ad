"""Owns the signatures of URLs that must not be guessed: the proxy's and the originals'.

An expiry is rounded up to the hour, so that a URL stays the same for an hour and caches hit.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence

from worker.log import get_logger
from worker.settings import Settings

LIFETIME_SECONDS = 3600
_GRAIN_SECONDS = 3600
_INFO = b"likeness url signing 1"
_log = get_logger()


class UrlSigner:
    """Signs with the newest key, accepts all of them."""

    def __init__(self, keys: Sequence[bytes], now: Callable[[], float] = time.time) -> None:
        self._keys = [_derive(key) for key in keys]
        self._now = now

    def query(self, subject: str) -> str:
        """``sig=…&expires=…`` for a subject such as ``proxy/17``; valid for one to two hours."""
        soonest = int(self._now()) + LIFETIME_SECONDS
        expires = -(-soonest // _GRAIN_SECONDS) * _GRAIN_SECONDS
        return f"sig={_sign(self._keys[0], subject, expires)}&expires={expires}"

    def is_valid(self, subject: str, signature: str, expires: int) -> bool:
        """Whether one of the keys made this signature and it has not expired."""
        offered = signature.encode("utf-8", "surrogateescape")
        # Every key is tried, so that the time does not tell which one it was.
        matches = [
            hmac.compare_digest(offered, _sign(key, subject, expires).encode())
            for key in self._keys
        ]
        return any(matches) and expires >= self._now()


def make_signer(settings: Settings) -> UrlSigner:
    """The signer that the settings name."""
    if settings.url_signing_keys:
        return UrlSigner([key.get_secret_value().encode() for key in settings.url_signing_keys])
    if settings.service_key is not None:
        return UrlSigner([settings.service_key.get_secret_value().encode()])
    _log.warning(
        "no key to sign URLs",
        effect="signed URLs hold for this process and its life only",
        hint="set LIKENESS_URL_SIGNING_KEYS or LIKENESS_SERVICE_KEY",
    )
    return UrlSigner([secrets.token_bytes(32)])


def _derive(secret: bytes) -> bytes:
    """HKDF with SHA-256 (RFC 5869) for one block: the service key itself signs nothing."""
    extracted = hmac.digest(bytes(32), secret, hashlib.sha256)
    return hmac.digest(extracted, _INFO + b"\x01", hashlib.sha256)


def _sign(key: bytes, subject: str, expires: int) -> str:
    digest = hmac.digest(key, f"{subject}\n{expires}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
