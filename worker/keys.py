"""Owns what a service key looks like: ``lk_<id>_<secret>``, of which the database keeps a hash.

The secret has 256 random bits, so that a plain sha256 keeps it; the id is no secret and finds it.
"""

import hashlib
import re
import secrets
from typing import NamedTuple

SCOPES = ("feeds", "mirror", "pictures", "match", "admin")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_KEY = re.compile(r"lk_([a-z0-9]{8,32})_([A-Za-z0-9_-]{43})")


class KeyParts(NamedTuple):
    """What is looked up and what is compared."""

    key_id: str
    digest: bytes


def make_key() -> tuple[str, KeyParts]:
    """A new key: its text, which is shown once, and what is kept of it."""
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    secret = secrets.token_urlsafe(32)
    return f"lk_{key_id}_{secret}", KeyParts(key_id, _digest(secret))


def take_apart(key: str) -> KeyParts | None:
    """The parts of a key; None for what is no key of ours."""
    match = _KEY.fullmatch(key)
    return KeyParts(match[1], _digest(match[2])) if match else None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
