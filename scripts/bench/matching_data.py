"""Owns the names of the matching bench: a folder's, or drawn by code, and as many as it takes.

A folder has canonical.csv (canonical_id, name), incoming.csv (incoming_id, name), and where they
are known truth.csv (incoming_id, canonical_id); the optional columns are upc or gtin, brand, mpn
or model, size and price.
"""

import csv
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_FIELDS = {
    "gtin": ("gtin", "upc", "ean", "barcode"),
    "brand": ("brand",),
    "mpn": ("mpn", "model"),
    "size": ("size",),
    "price": ("price",),
}

_BRANDS = [
    "Norvik",
    "Halden",
    "Tessera",
    "Quilon",
    "Marbeth",
    "Ostrava",
    "Pellini",
    "Dunmore",
    "Ryoko",
    "Sable",
    "Kestrel",
    "Alderon",
    "Vantis",
    "Corvo",
    "Lumen",
    "Brixham",
]
_LINES = [
    "Aero",
    "Terra",
    "Nimbus",
    "Forte",
    "Classic",
    "Vega",
    "Orion",
    "Delta",
    "Pulse",
    "Echo",
    "Summit",
    "Harbor",
    "Cascade",
    "Metro",
    "Polar",
    "Ember",
]
_THINGS = {
    "Coffee": ("g", (250, 500, 1000)),
    "Shampoo": ("ml", (200, 250, 400)),
    "Headphones": ("", ()),
    "Toner Cartridge": ("pages", (1200, 2500, 5000)),
    "Cordless Drill": ("V", (12, 18, 20)),
    "Memory Card": ("GB", (32, 64, 128, 256)),
    "Running Shoes": ("", ()),
    "Olive Oil": ("ml", (250, 500, 750)),
    "LED Bulb": ("W", (5, 7, 9, 12)),
    "Bike Tire": ("", ()),
    "Dark Chocolate": ("g", (80, 100, 200)),
    "Desk Lamp": ("", ()),
}
_COLOURS = ("Black", "White", "Red", "Blue", "Green", "")
_TALK = ("New", "Original", "Genuine", "Free Shipping", "Best Price", "2026", "EU Stock", "")


@dataclass(frozen=True)
class Row:
    """A product as a feed tells it, all as text."""

    id: str
    name: str
    gtin: str = ""
    brand: str = ""
    mpn: str = ""
    size: str = ""
    price: str = ""


@dataclass(frozen=True)
class Names:
    """A catalogue, what a store sends, and what belongs together, where that is known."""

    canonical: Sequence[Row]
    incoming: Sequence[Row]
    truth: Mapping[str, set[str]] | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)


def read_names(folder: Path) -> Names:
    """The names of a folder, without its truth: that is read once predictions are written."""
    return Names(
        [_row(line, "canonical_id") for line in _lines(folder / "canonical.csv")],
        [_row(line, "incoming_id") for line in _lines(folder / "incoming.csv")],
    )


def read_truth(folder: Path) -> dict[str, set[str]] | None:
    """What belongs together, or None where the folder does not say."""
    if not (folder / "truth.csv").exists():
        return None
    truth: dict[str, set[str]] = {}
    for line in _lines(folder / "truth.csv"):
        truth.setdefault(line["incoming_id"], set()).add(line["canonical_id"])
    return truth


def read_kinds(folder: Path) -> dict[str, str]:
    """In what way each incoming barcode was mangled, where the folder says."""
    if not (folder / "kinds.csv").exists():
        return {}
    return {line["incoming_id"]: line["kind"] for line in _lines(folder / "kinds.csv")}


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _row(line: Mapping[str, str | None], key: str) -> Row:
    values = {
        name: next((value for column in columns if (value := line.get(column))), "")
        for name, columns in _FIELDS.items()
    }
    return Row(line[key] or "", line.get("name") or "", **values)


def draw_names(products: int, seed: int = 1) -> Names:
    """A catalogue of products that look alike, and a store's own words for them, a quarter absent.

    Every product of the catalogue has siblings that differ in one thing alone: amount or colour.
    """
    rng = random.Random(seed)  # noqa: S311 - names, not secrets
    made: dict[str, Row] = {}
    while len(made) < products:
        brand, line = rng.choice(_BRANDS), rng.choice(_LINES)
        thing = rng.choice(list(_THINGS))
        code = f"{rng.choice('ABCDEFGH')}{rng.choice('KLMNPRST')}{rng.randrange(100, 9999)}"
        for _ in range(rng.choice((1, 2, 3))):
            unit, amounts = _THINGS[thing]
            amount = f"{rng.choice(amounts)} {unit}" if amounts else ""
            words = [brand, line, thing, amount, rng.choice(_COLOURS), code]
            name = " ".join(word for word in words if word)
            made.setdefault(name.lower(), Row(str(len(made) + 1), name))
    rows = list(made.values())[:products]
    kept = [row for row in rows if rng.random() < 0.75]
    present = {row.id for row in kept}
    asked = rng.sample(rows, min(len(rows), 1000))
    incoming = [Row(f"s{row.id}", retell(row.name, rng)) for row in asked]
    truth = {f"s{row.id}": {row.id} for row in asked if row.id in present}
    return Names(kept, incoming, truth)


def retell(name: str, rng: random.Random) -> str:
    """The same product in the words of another shop."""
    words = name.split()
    if rng.random() < 0.5:
        words = [word for word in words if not re.search(r"[A-Za-z]\d{3}", word)] or words
    if rng.random() < 0.4 and len(words) > 3:
        words.pop(rng.randrange(1, len(words) - 1))
    if rng.random() < 0.3:
        place = rng.randrange(len(words))
        words.append(words.pop(place))
    if rng.random() < 0.2:
        place = rng.randrange(len(words))
        word = words[place]
        if len(word) > 5 and word.isalpha():
            cut = rng.randrange(2, len(word) - 1)
            words[place] = word[:cut] + word[cut + 1 :]
    if rng.random() < 0.3:
        words.append(rng.choice(_TALK))
    return " ".join(words).strip()


def multiply_names(names: Sequence[str], count: int, seed: int = 2) -> Iterator[str]:
    """As many names as asked for, like those given: half of the words of one, the rest of others.

    Numbers are drawn anew, so that a large catalogue has as many model numbers as real ones have.
    """
    rng = random.Random(seed)  # noqa: S311 - names, not secrets
    split = [name.split() for name in names if name.strip()]
    for _ in range(count):
        first, second = rng.choice(split), rng.choice(split)
        words = first[: (len(first) + 1) // 2] + second[len(second) // 2 :]
        yield " ".join(re.sub(r"\d", lambda _: rng.choice("0123456789"), word) for word in words)
