"""Owns the names that feeds give to their columns: which field of ours each one is.

docs/feeds.md lists them for people; a test compares the two.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from worker.errors import FeedError
from worker.feeds.text import UNDECODABLE

# Each name in the order of preference, compared without case, accents, spaces and punctuation.
ALIASES: dict[str, tuple[str, ...]] = {
    "sku": (
        "sku", "handle", "variant sku", "product sku", "item sku", "system id", "custom sku",
        "article code", "article number", "article no", "item number", "item no", "item code",
        "product code", "product number", "product no", "order number", "supplier sku",
        "stock code", "artikelnummer", "artikelnr", "artikel nr", "art nr", "artikelcode",
        "produktnummer", "bestellnummer", "référence", "référence produit", "réf", "reference",
        "code article", "code produit", "referencia", "ref", "código", "código de producto",
        "código de artículo", "productcode", "productnummer", "product id", "item id",
        "produkt id", "artikel id", "internal variant id", "internal id", "id",
    ),
    "name": (
        "name", "title", "product name", "product title", "item name", "item",
        "us title short", "en title short", "nl title short", "de title short", "fr title short",
        "produktname", "artikelname", "artikelbezeichnung", "produktbezeichnung", "bezeichnung",
        "produkttitel", "titel", "nom", "nom du produit", "nom produit", "titre", "libellé",
        "désignation", "nombre", "nombre del producto", "nombre producto", "título", "naam",
        "productnaam", "artikelnaam",
    ),
    "brand": (
        "brand", "brand name", "manufacturer", "manufacturer name", "vendor", "brands", "marke",
        "markenname", "hersteller", "herstellername", "marque", "fabricant", "marca",
        "fabricante", "merk", "merknaam", "fabrikant",
    ),
    "gtin": (
        "gtin", "gtin14", "gtin13", "gtin12", "gtin8", "ean", "ean13", "ean code", "ean nummer",
        "gtin ean", "ean upc", "upc ean", "upc", "upc code", "gtin upc ean or isbn", "barcode",
        "variant barcode", "bar code", "isbn", "strichcode", "code barres", "code barre",
        "code à barres", "code ean", "código de barras", "código ean", "streepjescode",
    ),
    "mpn": (
        "mpn", "manufacturer part number", "manufacturer number", "manufacturer sku",
        "manufact sku", "part number", "model number", "model", "herstellernummer",
        "herstellerartikelnummer", "hersteller artikelnummer", "han", "modellnummer", "modell",
        "référence fabricant", "modèle", "referencia fabricante", "referencia del fabricante",
        "modelo", "modelnummer", "fabrikantcode",
    ),
    "size": (
        "size", "größe", "groesse", "inhalt", "taille", "contenance", "talla", "tamaño",
        "contenido", "maat", "inhoud", "net content",
    ),
    "price": (
        "price", "variant price", "selling price", "retail price", "regular price", "sale price",
        "unit price", "preis", "verkaufspreis", "bruttopreis", "prix", "prix ttc",
        "prix de vente", "precio", "precio de venta", "precio venta", "prijs", "verkoopprijs",
    ),
    "status": (
        "status", "product status", "product online", "active", "is active", "enabled",
        "published", "visible", "aktiv", "veröffentlicht", "statut", "actif", "publié", "estado",
        "activo", "publicado", "actief", "zichtbaar", "gepubliceerd", "availability",
        "verfügbarkeit", "disponibilité", "disponibilidad", "beschikbaarheid",
    ),
    "product_url": (
        "product url", "link", "product link", "url", "deeplink", "product page", "canonical url",
        "permalink", "produkt url", "produktlink", "produktseite", "url produit", "lien",
        "lien produit", "url producto", "url del producto", "enlace", "producturl",
        "productpagina",
    ),
    "media_changed_at": (
        "media changed at", "media changed", "media change timestamp", "image changed at",
        "image updated at", "images updated at", "images changed at", "picture changed at",
        "photo updated at", "bild geändert am", "bilder geändert am", "image modifiée le",
        "imagen modificada el", "afbeelding gewijzigd op",
    ),
    "picture_order": ("image position", "picture position", "bildposition"),
}  # fmt: skip

# What a column of pictures may be called; its parts say where its pictures stand.
_PICTURES = re.compile(
    r"(?P<hero>main|primary|base|hero|cover|default|featured|haupt|principale?|hoofd)?"
    r"(?P<more>additional|extra|other|more|further|zusatz|weitere|autres?|adicional(es)?|gallery"
    r"|galerie)?"
    r"(product|produkt|produit|producto|item|artikel)?(url|link|lien|enlace)?(dela|del|de|s)?"
    r"(image|picture|photo|img|pic|bild|bilder|abbildung|foto|imagen|imagenes|afbeelding)"
    r"(?P<plural>s|en)?(principale?|gallery|galerie|adicional(es)?)?(?P<number>\d{0,3})"
    r"(urls?|links?|src|source|path|file|filename|datei|pfad|adresse|href)?(?P<last>\d{0,3})"
    r"|(?P<gallery>gallery|galerie|galeria)"
)


@lru_cache(maxsize=4096)
def compact(name: str) -> str:
    """A column's name without case, accents, spaces, punctuation and Google's ``g:``."""
    plain = unicodedata.normalize("NFKD", name.strip().removeprefix("g:").casefold())
    return "".join(letter for letter in plain if letter.isalnum())


_FIELD_OF = {
    compact(alias): (field, rank)
    for field, aliases in ALIASES.items()
    for rank, alias in enumerate(aliases)
}


@lru_cache(maxsize=4096)
def field_of(name: str) -> tuple[str, int] | None:
    """The field that a column's name stands for, and how much it is preferred (0: most)."""
    found = _FIELD_OF.get(compact(name))
    if found:
        return found
    place = picture_place(name)
    return ("images", place[0] * 1000 + place[1]) if place else None


def picture_place(name: str) -> tuple[int, int] | None:
    """Where a column's pictures stand: (0, …) heroes, those that say so before single pictures,
    then (1, …) by number; None: it holds none."""
    match = _PICTURES.fullmatch(compact(name))
    if not match:
        return None
    number = int(match["number"] or match["last"] or 0)
    if match["hero"]:
        return (0, number)
    is_one = not (match["more"] or match["plural"] or number or match["gallery"])
    return (0, 999) if is_one else (1, number)


@dataclass(frozen=True)
class Layout:
    """Where in a row each field is; ``columns`` are the header's own names by field, for people."""

    width: int
    places: dict[str, tuple[int, ...]]
    columns: dict[str, list[str]]

    @property
    def has_rows_of_pictures(self) -> bool:
        """Whether further rows of a product hold its pictures and variants (Shopify's exports)."""
        return [compact(name) for name in self.columns["sku"]] == ["handle"]


# Fields that take the first column that says something; of all others the preferred one counts.
_FIRST_FILLED = ("gtin", "price")


def read_header(names: Sequence[str]) -> Layout:
    """Find the fields in a header. Raises FeedError where no column can be the sku."""
    # They are shown to people, who may read them as JSON.
    names = [UNDECODABLE.sub("\ufffd", name) for name in names]
    found: dict[str, list[tuple[int, int]]] = {}
    for index, name in enumerate(names):
        field = field_of(name)
        if field:
            found.setdefault(field[0], []).append((field[1], index))
    if "sku" not in found:
        raise FeedError(
            "The feed's header has no column for the sku (sku, id, Handle, Artikelnummer,"
            f" Référence …; docs/feeds.md lists all). Its columns are: {', '.join(names)[:500]}"
        )
    places: dict[str, tuple[int, ...]] = {}
    for field_name, ranked in found.items():
        indices = tuple(index for _, index in sorted(ranked))
        keeps_all = field_name == "images" or field_name in _FIRST_FILLED
        places[field_name] = indices if keeps_all else indices[:1]
    columns = {field: [names[index] for index in indices] for field, indices in places.items()}
    return Layout(len(names), places, columns)


def recognised(names: Sequence[str]) -> int:
    """How many names of a header we know: what tells its delimiter."""
    return len({field[0] for name in names if (field := field_of(name))})
