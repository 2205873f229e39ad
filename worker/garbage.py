"""Owns the deletion of bytes that nobody shows any more, and the comparison of store and database.

SQL decides what is garbage and when (sql/functions/garbage); this deletes objects. Bytes are marked
first (committed, so that from then on they count as gone), then their objects are deleted while
their row is locked, then the row. A process that dies in between leaves marked bytes, which come
again; whoever fetches them meanwhile puts all their objects anew. Objects go by their prefix and
not by what the database lists, so that what a dead worker put goes too.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain, islice
from typing import Any

from worker.db import Connection
from worker.errors import Refused
from worker.log import get_logger
from worker.pixels.renditions import EXTENSIONS
from worker.settings import Settings
from worker.storage import ObjectStore, StoredObject, original_key, rendition_key

_log = get_logger()

# What one transaction looks at or marks; short, so that no lock is held for long.
_SCAN_BATCH = 1000
_DELETE_BATCH = 100
_SHA256 = re.compile(r"[0-9a-f]{64}")
# The folders that keys begin with, after o/ and v/.
SHARDS = tuple(f"{number:02x}" for number in range(256))


@dataclass
class Collected:
    """What one run did; ``is_complete`` says that nothing was left for want of time."""

    condemned: int = 0
    deleted: int = 0
    deleted_bytes: int = 0
    is_complete: bool = True


@dataclass
class Comparison:
    """Where store and database differ: keys, and the bytes of objects that nobody knows."""

    objects: int = 0
    missing: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unknown_bytes: int = 0
    superseded: list[str] = field(default_factory=list)


def collect(
    settings: Settings,
    connection: Connection,
    store: ObjectStore,
    *,
    is_over: Callable[[], bool] = lambda: False,
) -> Collected:
    """Condemn what nobody shows, delete what was condemned long enough ago.

    Ends early when ``is_over``; the next run goes on. Raises Refused when another process is at it,
    StorageError when the store does not delete.
    """
    collected = Collected()
    with _only_one(connection):
        # Deleting first: a run that has little time must not condemn for ever.
        _delete(settings, connection, store, collected, is_over)
        _condemn(settings, connection, collected, is_over)
        _delete(settings, connection, store, collected, is_over)
    collected.is_complete = not is_over()
    return collected


@contextmanager
def _only_one(connection: Connection) -> Iterator[None]:
    """One collector a database; the lock goes with the session, however that ends."""
    lock = "hashtext('likeness.garbage')"
    if not _value(connection, f"select pg_try_advisory_lock({lock})"):
        raise Refused("Another process is collecting garbage; wait until it is done.")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(f"select pg_advisory_unlock({lock})".encode())


def _condemn(
    settings: Settings,
    connection: Connection,
    collected: Collected,
    is_over: Callable[[], bool],
) -> None:
    after: str | None = ""
    retention = timedelta(days=settings.history_days)
    while after is not None and not is_over():
        row = connection.execute(
            "select scanned_to, condemned from likeness.condemn_blobs(%s, %s, %s)",
            [after, _SCAN_BATCH, retention],
        ).fetchone()
        assert row
        after = row["scanned_to"]
        collected.condemned += row["condemned"]


def _delete(
    settings: Settings,
    connection: Connection,
    store: ObjectStore,
    collected: Collected,
    is_over: Callable[[], bool],
) -> None:
    grace = timedelta(days=settings.garbage_grace_days)
    seen: set[str] = set()
    while not is_over():
        rows = connection.execute(
            "select sha256, bytes from likeness.claim_condemned(%s, %s)", [grace, _DELETE_BATCH]
        ).fetchall()
        fresh = [row for row in rows if row["sha256"] not in seen]
        if not fresh:
            return
        for row in fresh:
            if is_over():
                return
            seen.add(row["sha256"])
            if delete_bytes(connection, store, row["sha256"]):
                collected.deleted += 1
                collected.deleted_bytes += row["bytes"]


def delete_bytes(connection: Connection, store: ObjectStore, sha256: str) -> bool:
    """Delete all objects of bytes that are marked, then their row; False: they are wanted again.

    Raises StorageError; the row stays then, and with it the mark.
    """
    with connection.transaction():
        if not _value(connection, "select likeness.hold_condemned(%s)", sha256):
            return False
        delete_objects(store, sha256)
        is_gone = bool(_value(connection, "select likeness.forget_blob(%s)", sha256))
    _log.info("bytes deleted", sha256=sha256)
    return is_gone


def delete_objects(store: ObjectStore, sha256: str) -> None:
    """Delete the original and every rendition there is. Raises StorageError."""
    renditions = [found.key for found in store.list(f"v/{sha256[:2]}/{sha256}/")]
    store.delete([original_key(sha256), *renditions])


def compare(connection: Connection, store: ObjectStore, shard: str = "") -> Comparison:
    """Hold the store against the database, both ways, as both go on working.

    ``shard`` is one of SHARDS, for a part of both; by default all, also objects of other names.

    Both are read in the order of their keys, side by side, so that memory does not grow with them
    and no transaction stays open. Each difference is looked at again before it is told, since what
    was stored or deleted meanwhile is none.
    """
    result = Comparison()
    listed = store.list()
    if shard:
        listed = chain(store.list(f"o/{shard}/"), store.list(f"v/{shard}/"))
    for key, found in _side_by_side(_expected_keys(connection, shard), listed):
        result.objects += found is not None
        if found is None:
            if _is_missing(connection, store, key):
                result.missing.append(key)
        elif found.is_expected:
            continue
        elif (status := _status(connection, _sha256_of(key))) is None:
            if store.stat(key) is not None:
                result.unknown.append(key)
                result.unknown_bytes += found.size_bytes
        elif status == "stored" and _is_superseded(connection, store, key):
            result.superseded.append(key)
    return result


@dataclass(frozen=True)
class _Found:
    size_bytes: int
    is_expected: bool


def _side_by_side(
    expected: Iterator[str], listed: Iterator[StoredObject]
) -> Iterator[tuple[str, _Found | None]]:
    """Every key of either side once; both come in the order of their keys."""
    wanted = next(expected, None)
    for found in listed:
        while wanted is not None and wanted < found.key:
            yield wanted, None
            wanted = next(expected, None)
        is_expected = wanted == found.key
        yield found.key, _Found(found.size_bytes, is_expected)
        if is_expected:
            wanted = next(expected, None)
    while wanted is not None:
        yield wanted, None
        wanted = next(expected, None)


def adopt(connection: Connection, keys: list[str]) -> int:
    """Make unknown objects known as half stored, so that they are deleted in good order."""
    sha256s = iter(sorted({s for s in map(_sha256_of, keys) if _SHA256.fullmatch(s)}))
    adopted = 0
    while batch := list(islice(sha256s, _SCAN_BATCH)):
        adopted += int(_value(connection, "select likeness.adopt_objects(%s)", batch))
    return adopted


_KEYS = (
    "select b.sha256, b.has_original,"
    " coalesce((select jsonb_agg(jsonb_build_array(r ->> 'recipe', r ->> 'format'))"
    " from jsonb_array_elements(b.renditions) r), '[]') as recipes"
    " from likeness.blobs b where b.status = 'stored'"
)


def _expected_keys(connection: Connection, shard: str) -> Iterator[str]:
    """The keys that the database names, in order: originals (o/), then renditions (v/)."""
    for folder in ("o/", "v/"):
        for row in _stored_rows(connection, shard):
            yield from sorted(key for key in _keys_of_row(row) if key.startswith(folder))


def _stored_rows(connection: Connection, shard: str) -> Iterator[dict[str, Any]]:
    last = shard
    query = (
        f"{_KEYS} and b.sha256 > %s and starts_with(b.sha256, %s)"
        f" order by b.sha256 limit {_SCAN_BATCH}"
    ).encode()
    while rows := connection.execute(query, [last, shard]).fetchall():
        yield from rows
        last = rows[-1]["sha256"]


def _keys_of(connection: Connection, sha256: str) -> set[str]:
    row = connection.execute(f"{_KEYS} and b.sha256 = %s".encode(), [sha256]).fetchone()
    return _keys_of_row(row) if row else set()


def _keys_of_row(row: dict[str, object]) -> set[str]:
    sha256, recipes = str(row["sha256"]), row["recipes"]
    assert isinstance(recipes, list)
    keys = {rendition_key(sha256, recipe, EXTENSIONS[format]) for recipe, format in recipes}
    return keys | {original_key(sha256)} if row["has_original"] else keys


def _is_missing(connection: Connection, store: ObjectStore, key: str) -> bool:
    return store.stat(key) is None and key in _keys_of(connection, _sha256_of(key))


def _is_superseded(connection: Connection, store: ObjectStore, key: str) -> bool:
    return store.stat(key) is not None and key not in _keys_of(connection, _sha256_of(key))


def _status(connection: Connection, sha256: str) -> str | None:
    row = connection.execute(
        "select status from likeness.blobs where sha256 = %s", [sha256]
    ).fetchone()
    return str(row["status"]) if row else None


def _sha256_of(key: str) -> str:
    """The third segment of our keys; whatever else lies in the store belongs to no bytes."""
    return next(islice(key.split("/"), 2, None), "")


def _value(connection: Connection, query: str, *arguments: object) -> Any:
    row = connection.execute(query.encode(), arguments).fetchone()
    assert row
    return next(iter(row.values()))
