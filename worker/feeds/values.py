"""Owns how the words of a feed become values: prices, times and states, or a reason why not.

Strict on purpose: a price that is guessed wrong does more harm than a row in the rejects file.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime

_AMOUNT = re.compile(r"[+]?\d[\d.,'\u2019 ]*|[.,]\d+")
_CURRENCY = re.compile(
    r"^(?:[A-Za-z]{2,3}\.?|[^\w\s.,+'-]{1,2})?\s*(.*?)\s*(?:[A-Za-z]{2,3}\.?|[^\w\s.,+'-]{1,2})?$"
)
_GERMAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")

STATUSES: dict[str, tuple[str, ...]] = {
    "active": (
        "active", "enabled", "published", "visible", "online", "live", "true", "yes", "y", "on",
        "1", "in stock", "in_stock", "instock", "available", "available for order", "out of stock",
        "out_of_stock", "outofstock", "preorder", "pre-order", "backorder", "limited availability",
        "aktiv", "ja", "wahr", "verfügbar", "auf lager", "lieferbar", "nicht auf lager", "actif",
        "oui", "vrai", "en stock", "publié", "activo", "sí", "si", "verdadero", "publicado",
        "actief", "waar", "op voorraad",
    ),
    "inactive": (
        "inactive", "disabled", "draft", "archived", "unpublished", "hidden", "private", "offline",
        "false", "no", "n", "off", "0", "-1", "2", "discontinued", "inaktiv", "nein", "falsch",
        "entwurf", "ausgelaufen", "inactif", "non", "faux", "brouillon", "inactivo", "falso",
        "borrador", "inactief", "nee", "onwaar",
    ),
    "deleted": ("deleted", "removed", "gelöscht", "supprimé", "eliminado", "verwijderd"),
}  # fmt: skip
_STATUS_OF = {word: status for status, words in STATUSES.items() for word in words}


def parse_status(text: str) -> str:
    """active, inactive or deleted. A product out of stock is active: its pictures are shown."""
    status = _STATUS_OF.get(text.casefold().replace("https://schema.org/", "").strip())
    if status is None:
        raise ValueError("not a known status; docs/feeds.md lists them")
    return status


def parse_price(text: str) -> str:
    """A price as a plain decimal number; currency signs and codes around it are left out.

    The last of two different marks is the decimal one. One comma before exactly three digits
    separates thousands; one dot is always decimal.
    """
    match = _CURRENCY.match(text)
    amount = match[1] if match else text
    if not _AMOUNT.fullmatch(amount):
        raise ValueError("not a price")
    digits = re.sub(r"[\s'\u2019+]", "", amount)
    mark = _decimal_mark(digits)
    whole, _, fraction = digits.rpartition(mark) if mark else (digits, "", "")
    whole = re.sub(r"[.,]", "", whole) or "0"
    if not (whole + fraction).isdigit() or not (whole + fraction).isascii():
        raise ValueError("not a price")
    price = Decimal(f"{whole}.{fraction or 0}")
    if price >= 10**10:
        raise ValueError("a price has at most ten digits before the decimal mark")
    return f"{price:f}"


def _decimal_mark(digits: str) -> str | None:
    dots, commas = digits.count("."), digits.count(",")
    if dots and commas:
        last = max(".,", key=digits.rfind)
        if digits.count(last) > 1:
            raise ValueError("not a price")
        return last
    if dots + commas > 1 or (commas and re.search(r"\d,\d{3}$", digits)):
        if not re.fullmatch(r"\d{1,3}([.,]\d{3})+", digits):
            raise ValueError("not a price")
        return None
    return "." if dots else "," if commas else None


def parse_time(text: str) -> str:
    """A time as ISO 8601 with its zone; without one it is taken as UTC.

    Read are ISO 8601, seconds or milliseconds since 1970, the form of HTTP and mail headers, and
    31.12.2025 13:45; 12/31/2025 is refused, as it may be read in two ways.
    """
    moment = _moment(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if not 1970 <= moment.year <= 2200:
        raise ValueError("not a time between 1970 and 2200")
    return moment.isoformat()


def _moment(text: str) -> datetime:
    try:
        if text.isascii() and text.isdigit() and len(text) in (9, 10, 13):
            return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), UTC)
        if german := _GERMAN_DATE.fullmatch(text):
            day, month, year, hour, minute, second = (int(part or 0) for part in german.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        if "/" in text:
            text = re.sub(r"^(\d{4})/(\d{1,2})/(\d{1,2})", r"\1-\2-\3", text)
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError) as error:
        raise ValueError("not a time; write it as 2025-12-31T13:45:00Z") from error
