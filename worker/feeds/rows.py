"""Owns what a record must be to become a row of the staging table, and what is wrong otherwise."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from worker.feeds.header import Layout
from worker.feeds.pictures import MAX_PICTURES, UNREAD, addresses_of, refusal_of
from worker.feeds.records import Flaw, Record
from worker.feeds.text import UNDECODABLE
from worker.feeds.values import parse_price, parse_status, parse_time

# The columns of likeness.feed_row, in the order of COPY.
COLUMNS = (
    "line", "sku", "product_status", "name", "brand", "gtin_raw", "mpn", "size", "price",
    "media_changed", "product_url", "picture_order", "pictures",
)  # fmt: skip

_MOST_CHARACTERS = {
    "sku": 200, "name": 1000, "brand": 200, "gtin": 100, "mpn": 200, "size": 200, "price": 100,
    "status": 100, "media_changed_at": 100, "product_url": 4000, "picture_order": 20,
}  # fmt: skip
_PARSED: dict[str, Callable[[str], str]] = {
    "price": parse_price,
    "status": parse_status,
    "media_changed_at": parse_time,
}
_UNFIT = re.compile(f"\0|{UNDECODABLE.pattern}")
# How text that looks like a number is kept from becoming one: ="0012".
_EXCEL_TEXT = re.compile(r'="([^"]*)"')
_SHOWN = 200  # characters of a bad value

Row = tuple[Any, ...]


class _Unfit(Exception):
    """A value cannot be used, and its row with it."""

    def __init__(self, column: str, reason: str, value: str) -> None:
        super().__init__(reason)
        self.flaw = (column, reason, value)


def build_rows(
    records: Iterator[Record | Flaw], layout: Layout | None, reject: Callable[[Flaw], None]
) -> Iterator[Row]:
    """Rows for COPY; what is unfit goes to ``reject`` with the line that it stands in."""
    has_rows_of_pictures = layout is not None and layout.has_rows_of_pictures
    for record in records:
        if isinstance(record, Flaw):
            reject(record)
            continue
        values = _of_pictures(record.values) if has_rows_of_pictures else record.values
        if values is not None:
            try:
                yield _build(record.line, values, reject)
            except _Unfit as error:
                reject(Flaw(record.line, *error.flaw))


def _of_pictures(values: dict[str, Any]) -> dict[str, Any] | None:
    """What a row without a title says of the product above: one more picture, or None (a
    variant)."""
    if values.get("name", "").strip() or "name" not in values:
        return values
    if not values.get("images"):
        return None
    return {key: values[key] for key in ("sku", "images", "picture_order") if key in values}


def _build(line: int, values: dict[str, Any], reject: Callable[[Flaw], None]) -> Row:
    sku = _text(values, "sku")
    if not sku:
        raise _Unfit("sku", "the row has no sku", "")
    order = _text(values, "picture_order")
    return (
        line,
        sku,
        _text(values, "status"),
        _text(values, "name"),
        _text(values, "brand"),
        _text(values, "gtin"),
        _text(values, "mpn"),
        _text(values, "size"),
        _text(values, "price"),
        _text(values, "media_changed_at"),
        _text(values, "product_url"),
        int(order) if order and order.isascii() and order.isdigit() and len(order) < 9 else None,
        _pictures(line, values["images"], reject) if "images" in values else None,
    )


def _text(values: dict[str, Any], field: str) -> str | None:
    """A field as text, parsed where it is a price, a time or a status; None: not in the feed."""
    value = values.get(field)
    if value is None:
        return None
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str):
        raise _Unfit(field, "not a text or a number", str(value))
    text = value.strip()
    if text.startswith('="') and (escaped := _EXCEL_TEXT.fullmatch(text)):
        text = escaped[1].strip()
    if reason := _unfit_characters(text):
        raise _Unfit(field, reason, text)
    if len(text) > _MOST_CHARACTERS[field]:
        raise _Unfit(field, f"longer than {_MOST_CHARACTERS[field]} characters", text)
    if text and field in _PARSED:
        try:
            return _PARSED[field](text)
        except ValueError as error:
            raise _Unfit(field, str(error), text) from error
    return text


def _unfit_characters(text: str) -> str | None:
    if text.isascii() and "\0" not in text:
        return None
    found = _UNFIT.search(text)
    if not found:
        return None
    return "a NUL byte" if found[0] == "\0" else "bytes that are not in the feed's encoding"


def _pictures(line: int, cells: list[Any], reject: Callable[[Flaw], None]) -> list[str] | None:
    """Addresses in order; one that is unfit is rejected alone, and the row lands.

    None where nothing could be read: the product keeps the pictures that it has.
    """
    pictures: list[str] = []
    unread: list[str] = []
    for cell in cells:
        for address in addresses_of(cell, unread):
            reason = _unfit_characters(address) or refusal_of(address)
            if not reason and len(pictures) >= MAX_PICTURES:
                reason = f"a row has at most {MAX_PICTURES} pictures"
            if reason:
                reject(Flaw(line, "images", reason, address))
            else:
                pictures.append(address)
    for value in unread:
        reject(Flaw(line, "images", UNREAD, value))
    return pictures if pictures or not unread else None


def shown(value: str) -> str:
    """A bad value as the rejects show it: short, printable, one line."""
    text = UNDECODABLE.sub("\ufffd", value.strip()[:_SHOWN])
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
