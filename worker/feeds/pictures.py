"""Owns how a cell of a feed becomes addresses of pictures: separators, lists, what is refused.

A comma, a semicolon and even a space may belong to an address, so each is a separator only where
what stands around it says so.
"""

import html
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
# Whole ones alone: of ?a=1&copy=2 nothing is meant.
_ENTITY = re.compile(r"&(?:[a-z][a-z0-9]*|#[0-9]+|#x[0-9a-f]+);", re.IGNORECASE)
# What spreadsheets, databases and programs write where there is nothing.
_NOTHING = frozenset({"-", "--", "null", "none", "nil", "nan", "n/a", "#n/a", "#n/v"})
_CREDENTIALS = re.compile(rf"{_SCHEME}[^/?#]*@", re.IGNORECASE)


UNREAD = f"a picture is a text or an object with one of {', '.join(_ADDRESS_KEYS)}"


def split_cell(cell: str, unread: list[str]) -> list[str]:
    """The addresses and paths in one cell, in their order; what names none goes to ``unread``."""
    text = cell.strip()
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if text.lower() in _NOTHING:
        return []
    if not _SUSPECT.search(text):
        return [text] if text else []
    if text[0] == "[" and text[-1] == "]":
        listed = _listed(text, unread)
        if listed is not None:
            return listed
    if text.lower().startswith("data:"):
        return [text]
    pieces: list[str] = []
    for piece in _BETWEEN.split(text):
        pieces += [piece] if _ABSOLUTE.match(piece) else _BETWEEN_PATHS.split(piece)
    return [piece for raw in pieces if (piece := raw.strip(" \t\r\n,;|\"'"))]


def _listed(text: str, unread: list[str]) -> list[str] | None:
    """A JSON array (or one with single quotes, as Python prints it), or None where it is none."""
    for attempt in (text, text.replace("'", '"')):
        try:
            value = json.loads(attempt)
        except ValueError:
            continue
        return addresses_of(value, unread)
    return None


def addresses_of(value: object, unread: list[str]) -> list[str]:
    """The addresses in a JSON value: a text, a list of texts, or of objects with src or url.

    What names no address goes to ``unread`` as JSON.
    """
    if value is None:
        return []
    if isinstance(value, str):
        return split_cell(value, unread)
    if isinstance(value, list):
        return [
            address
            for item in _in_order(value)
            for address in ([item.strip()] if isinstance(item, str) else addresses_of(item, unread))
            if address
        ]
    found = [value.get(key) for key in _ADDRESS_KEYS] if isinstance(value, dict) else []
    named = [text.strip() for text in found if isinstance(text, str)]
    if not named:
        unread.append(json.dumps(value, default=str))
    return [address for address in named[:1] if address]


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
    if _CREDENTIALS.match(address):
        return "an address holds no password; `likeness credentials` keeps it apart"
    if address.startswith("#") or not address.strip("./\\"):
        return "this names no file"
    return None
