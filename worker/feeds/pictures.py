"""Owns how a cell of a feed becomes addresses of pictures: separators, lists, what is refused.

A comma, a semicolon and even a space may belong to an address, so each is a separator only where
what stands around it says so.
"""

import json
import re
from collections.abc import Iterable

MAX_PICTURES = 250
MAX_ADDRESS = 4000

_SCHEME = r"(?:[a-z][a-z0-9+.\-]*:)?//"
_SUFFIXES = ("jpg", "jpeg", "jpe", "png", "webp", "avif", "gif", "tif", "tiff", "bmp", "heic")
_AFTER_SUFFIX = "(?:" + "|".join(rf"(?<=\.{suffix})" for suffix in _SUFFIXES) + ")"

# Never part of an address; or followed by the beginning of one; or between a file's name and more.
_BETWEEN = re.compile(
    rf"\s*[|\r\n\t]+\s*|\s*[,;\s]\s*(?={_SCHEME})|{_AFTER_SUFFIX}\s*[,;]?\s+",
    re.IGNORECASE,
)
# A path has neither scheme nor, as a rule, a semicolon; its comma separates behind a file's name.
_BETWEEN_PATHS = re.compile(rf"\s*;\s*|{_AFTER_SUFFIX}\s*,\s*", re.IGNORECASE)
_SUSPECT = re.compile(r"[|,;\s\[\"']")
_ABSOLUTE = re.compile(_SCHEME, re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"(?!(?:https?|ftps?)://)[a-z][a-z0-9+.\-]*:", re.IGNORECASE)
_ADDRESS_KEYS = ("src", "url", "href", "link", "image", "image_url", "source_url")


def split_cell(cell: str) -> list[str]:
    """The addresses and paths in one cell, in their order."""
    text = cell.strip()
    if not _SUSPECT.search(text):
        return [text] if text else []
    if text[0] == "[" and text[-1] == "]":
        listed = _listed(text)
        if listed is not None:
            return listed
    if text.lower().startswith("data:"):
        return [text]
    pieces: list[str] = []
    for piece in _BETWEEN.split(text):
        pieces += [piece] if _ABSOLUTE.match(piece) else _BETWEEN_PATHS.split(piece)
    return [piece for raw in pieces if (piece := raw.strip(" \t\r\n,;|\"'"))]


def _listed(text: str) -> list[str] | None:
    """A JSON array (or one with single quotes, as Python prints it), or None where it is none."""
    for attempt in (text, text.replace("'", '"')):
        try:
            return addresses_of(json.loads(attempt))
        except ValueError:
            continue
    return None


def addresses_of(value: object) -> list[str]:
    """The addresses in a JSON value: a text, a list of texts, or of objects with src or url."""
    if value is None:
        return []
    if isinstance(value, str):
        return split_cell(value)
    if isinstance(value, dict):
        found = [value[key] for key in _ADDRESS_KEYS if isinstance(value.get(key), str)]
        return [found[0].strip()] if found else []
    if isinstance(value, list):
        return [
            address
            for item in _in_order(value)
            for address in ([item.strip()] if isinstance(item, str) else addresses_of(item))
            if address
        ]
    raise ValueError("not a text, a list or an object")


def _in_order(items: list[object]) -> Iterable[object]:
    if all(isinstance(item, dict) and isinstance(item.get("position"), int) for item in items):
        return sorted(items, key=lambda item: int(item["position"]))  # type: ignore[index]
    return items


def refusal_of(address: str) -> str | None:
    """Why an address cannot be a picture's, or None where it can."""
    if len(address) > MAX_ADDRESS:
        return f"an address has at most {MAX_ADDRESS} characters"
    if _OTHER_SCHEME.match(address):
        return "only http, https and ftp addresses and paths can be fetched"
    if address.startswith("#") or not address.strip("./\\"):
        return "this names no file"
    return None
