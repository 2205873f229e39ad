"""Owns an import: a feed's bytes through COPY into staging, merged by SQL, in one transaction.

Nothing is kept but what COPY sends: a feed of any length needs the memory of a few blocks. Until
the last statement a failure leaves the database as it was.
"""

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from worker.db import Connection, connect, query_errors
from worker.errors import BadInput, FeedError
from worker.feeds.records import FeedFormat, Flaw, open_records
from worker.feeds.rejects import Rejects, collect_rejects
from worker.feeds.rows import COLUMNS, build_rows
from worker.feeds.text import BLOCK_BYTES, read_text
from worker.settings import Settings

_COPY = f"copy pg_temp.feed_rows ({', '.join(COLUMNS)}) from stdin".encode()


@dataclass(frozen=True)
class ImportResult:
    """What became of a feed.

    ``dataset_id`` is the new draft, or the dataset that the feed repeats without any change, or
    None where no row was fit. ``rejected`` counts rows, ``rejected_pictures`` pictures of rows that
    landed; ``rejects`` holds the first of both. ``columns`` says which of the header's columns were
    read, by field (empty for JSON).
    """

    dataset_id: int | None
    products_new: int
    products_changed: int
    products_unchanged: int
    images_new: int
    images_changed: int
    images_removed: int
    rejected: int
    rejected_pictures: int
    rejects: tuple[Flaw, ...]
    columns: dict[str, list[str]]


def import_feed(
    connection: Connection,
    chunks: Iterable[bytes],
    *,
    supplier: str,
    prefix: str | None = None,
    name: str | None = None,
    format: FeedFormat | None = None,
    rejects_path: Path | None = None,
    keep_rejects: int = 100,
    progress: Callable[[int], None] | None = None,
    max_bytes: int | None = None,
) -> ImportResult:
    """Import a feed in one transaction; bad rows are rejected while good ones land.

    ``chunks`` are the file's bytes in pieces of any size: CSV, JSON lines or a JSON array, also
    gzipped. ``prefix`` is what relative paths are joined to, ``name`` what people call the dataset.
    ``progress`` is called with the bytes read so far. ``max_bytes`` bounds the unpacked feed.
    Raises FeedError for a feed that cannot be read at all, BadInput for a bad supplier or prefix.
    """
    prefix = (prefix or "").strip() or None
    name = name or f"import of {datetime.now(UTC):%Y-%m-%d %H:%M}"
    for what, text in (("supplier", supplier), ("prefix", prefix or "-"), ("name", name)):
        if not text.strip() or "\0" in text:
            raise BadInput(f"The {what} of an import cannot be {text!r}.")
    with (
        query_errors(),
        collect_rejects(rejects_path, keep_rejects) as rejects,
        connection.transaction(),
    ):
        connection.execute("select likeness.open_feed(%s)", [prefix])
        feed = open_records(read_text(chunks, progress=progress, max_bytes=max_bytes), format)
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in build_rows(feed.records, feed.layout, rejects.add):
                copy.write_row(row)
        counts = _merge(connection, supplier.strip(), name.strip(), prefix, rejects)
    return ImportResult(
        **counts,
        rejected=rejects.rows,
        rejected_pictures=rejects.pictures,
        rejects=tuple(rejects.first),
        columns=feed.layout.columns if feed.layout else {},
    )


def _merge(
    connection: Connection, supplier: str, name: str, prefix: str | None, rejects: Rejects
) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("select * from likeness.fold_feed(%s)", [supplier])
        for left_out in cursor:
            rejects.add(
                Flaw(left_out["line"], left_out["field"], left_out["reason"], left_out["value"])
            )
        cursor.execute("select * from likeness.merge_feed(%s, %s, %s)", [supplier, name, prefix])
        counts = cursor.fetchone()
    assert counts, "merge_feed returns one row"
    return counts


def import_file(settings: Settings, path: Path, **options: Any) -> ImportResult:
    """Import a file; ``options`` are import_feed()'s, and ``name`` is the file's by default."""
    options.setdefault("name", path.name)
    with path.open("rb") as file, connect(settings, "import") as connection:
        return import_feed(connection, iter(lambda: file.read(BLOCK_BYTES), b""), **options)


async def import_feed_stream(
    settings: Settings, chunks: AsyncIterable[bytes], *, program: str = "api", **options: Any
) -> ImportResult:
    """Import a feed that arrives piece by piece, in a thread with a connection of its own.

    ``options`` are those of import_feed(). A piece is asked for when the last one is read, so that
    a fast sender waits. Cancelling rolls everything back.
    """
    loop = asyncio.get_running_loop()
    pieces = aiter(chunks)
    is_cancelled = threading.Event()

    def pull() -> Iterator[bytes]:
        while True:
            if is_cancelled.is_set():
                raise FeedError("The import was cancelled.")
            piece = asyncio.run_coroutine_threadsafe(_next(pieces), loop).result()
            if piece is None:
                return
            yield piece

    def run() -> ImportResult:
        with connect(settings, program) as connection:
            return import_feed(connection, pull(), **options)

    try:
        return await asyncio.to_thread(run)
    except asyncio.CancelledError:
        is_cancelled.set()
        raise


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)
