"""Owns what a feed's owner hears of the rows that did not land: counts, the first few, a file."""

import csv
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from worker.errors import FeedError
from worker.feeds.records import Flaw
from worker.feeds.rows import shown

_HEADER = ("line", "column", "reason", "value")


class Rejects:
    """Collects flaws; the file is written as they come, so that none is kept in memory."""

    def __init__(self, open_file: Callable[[], IO[str]] | None, keep: int) -> None:
        self._open_file = open_file
        self._writer: Any = None
        self._keep = keep
        self.first: list[Flaw] = []
        self.rows = 0
        self.pictures = 0

    def add(self, flaw: Flaw) -> None:
        """Count a flaw and write it down. A flaw of a picture is not one of its row."""
        if flaw.column == "images":
            self.pictures += 1
        else:
            self.rows += 1
        flaw = Flaw(flaw.line, flaw.column, flaw.reason, shown(flaw.value))
        if len(self.first) < self._keep:
            self.first.append(flaw)
        if self._writer is None and self._open_file:
            self._writer = csv.writer(self._open_file(), lineterminator="\n")
            self._writer.writerow(_HEADER)
        if self._writer:
            self._writer.writerow((flaw.line, flaw.column, flaw.reason, flaw.value))


@contextmanager
def collect_rejects(path: Path | None, keep: int) -> Iterator[Rejects]:
    """Collect in memory, and into ``path``, which is made when there is something to write.

    Raises FeedError where no file can be there.
    """
    if path is None:
        yield Rejects(None, keep)
        return
    try:
        path.unlink(missing_ok=True)
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, "no folder that may be written to")
    except OSError as error:
        raise FeedError(f"Cannot write rejects to {path}: {error.strerror}.") from error
    with ExitStack() as stack:
        yield Rejects(
            lambda: stack.enter_context(path.open("w", encoding="utf-8", newline="")), keep
        )
