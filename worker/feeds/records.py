"""Owns how a feed's text falls into records: CSV of any dialect, JSON lines, a JSON array.

Each record knows the line that it begins in. What cannot be read is one bad record, not the end:
a quote that is never closed costs its own line alone.
"""

import csv
import itertools
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from worker.errors import FeedError
from worker.feeds.header import Layout, read_header, recognised
from worker.feeds.text import MAX_LINE, split_lines

FeedFormat = Literal["csv", "jsonl", "json"]

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50
_QUOTE_FLAW = "a quote is never closed, or a cell is too long"


@dataclass(frozen=True, slots=True)
class Record:
    """The values of one record by field; ``images`` is a list of cells, or what JSON held."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Flaw:
    """A record or picture that is left out, and why. ``column`` is a field of ours, or empty."""

    line: int
    column: str
    reason: str
    value: str = ""


@dataclass(frozen=True)
class Feed:
    """A feed opened for reading; ``layout`` is None for JSON, whose objects name their fields."""

    format: FeedFormat
    layout: Layout | None
    records: Iterator[Record | Flaw]


def open_records(texts: Iterator[str], format: FeedFormat | None = None) -> Feed:
    """Find out the format (unless it is told) and begin to read. Raises FeedError."""
    start = ""
    while not start.strip():
        text = next(texts, None)
        if text is None:
            raise FeedError("The feed is empty.")
        start += text
    texts = itertools.chain([start], texts)
    format = format or _format_of(start.lstrip())
    if format == "csv":
        return _open_csv(split_lines(texts))
    if format == "json":
        return Feed(format, None, _read_array(texts))
    return Feed(format, None, _read_json_lines(split_lines(texts)))


def _format_of(start: str) -> FeedFormat:
    if start[0] == "<":
        raise FeedError("The feed is XML or HTML: export it as CSV or JSON lines.")
    if start[0] == "[" and re.match(r"\[\s*[{\]]", start):
        return "json"
    return "jsonl" if start[0] == "{" else "csv"


# CSV


class _Lines:
    """Lines that can be given back, counted as a person counts them."""

    def __init__(self, lines: Iterator[str], number: int) -> None:
        self._lines = lines
        self._given_back: deque[str] = deque()
        self.number = number
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._given_back.popleft() if self._given_back else next(self._lines)
        self.number += 1
        self.taken.append(line)
        return line

    def keep_first(self) -> None:
        """Give back all lines of the record but its first."""
        again = self.taken[1:]
        self._given_back.extendleft(reversed(again))
        self.number -= len(again)
        del self.taken[1:]


def _open_csv(lines: Iterator[str]) -> Feed:
    sample = list(itertools.islice(lines, _SAMPLE_LINES))
    skipped = 0
    delimiter = None
    if hint := re.match(r'"?sep=(.)"?\s*$', sample[0], re.IGNORECASE):  # Excel's own first line
        delimiter, skipped = hint[1], 1
    while skipped < len(sample) and not sample[skipped].strip():
        skipped += 1
    dialect = _dialect_of(sample[skipped:], delimiter)
    source = _Lines(itertools.chain(sample[skipped:], lines), skipped)
    names = next(csv.reader(source, **dialect), None)
    if names is None:
        raise FeedError("The feed is empty.")
    while len(names) > 1 and not names[-1].strip():  # a delimiter at the end of each line
        names.pop()
    layout = read_header(names)
    return Feed("csv", layout, _read_csv(source, layout, dialect))


def _dialect_of(sample: list[str], delimiter: str | None) -> dict[str, Any]:
    """The delimiter and quote under which the header says most to us."""

    def known(dialect: dict[str, Any]) -> tuple[int, int, int]:
        try:
            names = next(csv.reader(iter(sample), **dialect))
        except (csv.Error, StopIteration):
            return (-1, 0, 0)
        stray = sum(name.strip()[:1] in ("'", '"') for name in names)
        return (recognised(names), -stray, len(names))

    # Listed in order of likelihood: the first of equals wins.
    choices = [
        {"delimiter": mark, "quotechar": quote}
        for quote in "\"'"
        for mark in (delimiter or _DELIMITERS)
    ]
    return max(choices, key=known)


def _read_csv(source: _Lines, layout: Layout, dialect: dict[str, Any]) -> Iterator[Record | Flaw]:
    rows = csv.reader(source, strict=True, **dialect)
    places = [(field, at) for field, at in layout.places.items() if field != "images"]
    pictures = layout.places.get("images", ())
    while True:
        source.taken.clear()
        line = source.number + 1
        try:
            cells = next(rows)
            flaw = "" if len(cells) == layout.width else _straighten(cells, layout.width)
        except StopIteration:
            return
        except csv.Error:
            cells, flaw = [], _QUOTE_FLAW
        if flaw and (len(source.taken) > 1 or not cells):
            # A stray quote may have swallowed the next lines: each is read by itself.
            source.keep_first()
            rows = csv.reader(source, strict=True, **dialect)
            cells, flaw = _read_alone(source.taken[0], layout.width, dialect)
        if flaw:
            yield Flaw(line, "", flaw, source.taken[0])
        elif any(cells):
            yield Record(line, _values_of(cells, places, pictures))


def _read_alone(line: str, width: int, dialect: dict[str, Any]) -> tuple[list[str], str]:
    """A line whose quotes are wrong, taken as it stands: its cells where their number is right."""
    try:
        cells = next(csv.reader([line], **dialect))
    except csv.Error:
        return [], _QUOTE_FLAW
    flaw = "" if len(cells) == width else _straighten(cells, width)
    return cells, flaw and f"{flaw}, or a quote is never closed"


def _values_of(
    cells: list[str], places: list[tuple[str, tuple[int, ...]]], pictures: tuple[int, ...]
) -> dict[str, Any]:
    values: dict[str, Any] = {
        field: cells[at[0]] if len(at) == 1 else _first_filled(cells, at) for field, at in places
    }
    if pictures:
        values["images"] = [cells[at] for at in pictures if cells[at]]
    return values


def _straighten(cells: list[str], width: int) -> str:
    """Forgive empty cells at the end; say what is wrong with all others."""
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        del cells[width:]
        return ""
    return f"the row has {len(cells)} columns and the header {width}" if any(cells) else ""


def _first_filled(cells: list[str], places: tuple[int, ...]) -> str:
    return next((cells[at] for at in places if cells[at].strip()), "")


# JSON

_OBJECTS = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def _named(line: int, item: object, source: str) -> Record | Flaw:
    if not isinstance(item, dict):
        return Flaw(line, "", "not a JSON object", source)
    layout = read_names(tuple(item))
    values = {
        field: next((item[name] for name in names if item[name] not in (None, "")), "")
        for field, names in layout.items()
        if field != "images"
    }
    if "images" in layout:
        values["images"] = [item[name] for name in layout["images"]]
    return Record(line, values)


def read_names(names: tuple[str, ...]) -> dict[str, list[str]]:
    """The names of an object by the field that each stands for; no sku is for the row to tell."""
    layout = _NAMES.get(names)
    if layout is None:
        try:
            layout = read_header(names).columns
        except FeedError:
            layout = {}
        if len(_NAMES) < 1000:  # objects of one feed have few shapes, unless somebody plays with us
            _NAMES[names] = layout
    return layout


_NAMES: dict[tuple[str, ...], dict[str, list[str]]] = {}


def _read_json_lines(lines: Iterable[str]) -> Iterator[Record | Flaw]:
    has_records = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = _named(number, _OBJECTS.decode(line.strip()), line)
        except (ValueError, RecursionError):
            if not has_records and line.strip() == "{":
                raise FeedError(
                    "The feed is one JSON object over several lines: write one product a line,"
                    " or an array of products."
                ) from None
            record = Flaw(number, "", "not JSON", line)
        has_records = has_records or isinstance(record, Record)
        yield record


def _read_array(texts: Iterator[str]) -> Iterator[Record | Flaw]:
    """Objects of one array, decoded as their text arrives.

    A record is known by its line: of objects that share one, each counts as a line further.
    """
    text = next(texts)
    buffer = text.lstrip()
    line = 1 + text.count("\n", 0, len(text) - len(buffer))
    number = 0
    at = 1  # behind the bracket
    while True:
        begin = _skip(buffer, at)
        if begin < len(buffer) and buffer[begin] == "]":
            return
        try:
            item, end = _OBJECTS.raw_decode(buffer, begin)
        except (ValueError, RecursionError) as error:
            line += buffer.count("\n", at, begin)
            buffer, at = buffer[begin:], 0
            more = next(texts, None)
            if more is None or len(buffer) > MAX_LINE:
                raise FeedError(
                    f"The JSON array cannot be read from line {line} on: {error}"
                ) from None
            buffer += more
            continue
        line += buffer.count("\n", at, begin)
        number = max(number + 1, line)
        yield _named(number, item, buffer[begin:end])
        line += buffer.count("\n", begin, end)
        at = end


_BETWEEN_ITEMS = re.compile(r"[\s,]*")


def _skip(buffer: str, at: int) -> int:
    match = _BETWEEN_ITEMS.match(buffer, at)
    return match.end() if match else at
