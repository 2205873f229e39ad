"""Owns where bytes live: one interface over S3 and over local files.

An object is written whole under a key that never changes its meaning, so both stores promise the
same: a reader sees all of it or nothing, and what was stored is what was sent (each ``put`` is
compared with its sha256). Calls block; callers with an event loop run them in threads.
"""

from worker.settings import Settings
from worker.storage.files import FileStore
from worker.storage.objects import ObjectStore, StoredObject, original_key, rendition_key
from worker.storage.s3 import S3Store

__all__ = [
    "FileStore",
    "ObjectStore",
    "S3Store",
    "StoredObject",
    "open_public_store",
    "open_store",
    "original_key",
    "rendition_key",
]


def open_store(settings: Settings) -> ObjectStore:
    """The store that the settings name. Connects to nothing; SettingsError for a bad setting."""
    if settings.s3_endpoint is None:
        return FileStore(settings.state_dir / "objects")
    return S3Store(settings)


def open_public_store(settings: Settings) -> ObjectStore | None:
    """The same bucket as browsers reach it, to sign URLs for them; None where it has no such name.

    Connects to nothing; SettingsError for a bad setting.
    """
    if settings.s3_endpoint is None or settings.s3_public_endpoint is None:
        return None
    return S3Store(settings, "s3_public_endpoint")
