"""Owns what a feed's owner hears of the rows that did not land: counts, the first few, a file."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from worker.feeds.records import Flaw
from worker.feeds.rows import shown

_HEADER = ("line", "column", "reason", "value")


class Rejects:
    """Collects flaws; the file is written as they come, so that none is kept in memory."""

    def __init__(self, file: IO[str] | None, keep: int) -> None:
        self._writer = csv.writer(file, lineterminator="\n") if file else None
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
        if self._writer:
            if self.rows + self.pictures == 1:
                self._writer.writerow(_HEADER)
            self._writer.writerow((flaw.line, flaw.column, flaw.reason, flaw.value))


@contextmanager
def collect_rejects(path: Path | None, keep: int) -> Iterator[Rejects]:
    """Collect into ``path`` (made anew; gone again when nothing was rejected) and in memory."""
    if path is None:
        yield Rejects(None, keep)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        rejects = Rejects(file, keep)
        yield rejects
    if not (rejects.rows or rejects.pictures):
        path.unlink()
