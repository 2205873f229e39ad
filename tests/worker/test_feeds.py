"""Feeds: what a file's bytes become, whatever their encoding, dialect, columns and faults."""

import asyncio
import csv
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.sources import ROOT
from worker.errors import BadInput, FeedError
from worker.feeds import Flaw, ImportResult, import_feed, import_feed_stream, import_file
from worker.feeds.header import ALIASES, compact, picture_place, read_header
from worker.feeds.pictures import split_cell
from worker.feeds.records import open_records
from worker.feeds.rows import COLUMNS, build_rows
from worker.feeds.text import MAX_LINE, detect_encoding, read_text
from worker.feeds.values import STATUSES, parse_price, parse_status, parse_time
from worker.settings import Settings

Db = Connection[DictRow]


def rows_of(content: bytes | str, **options: Any) -> tuple[list[dict[str, Any]], list[Flaw]]:
    """What a feed becomes: rows by column (null ones left out), and what was rejected."""
    data = content.encode() if isinstance(content, str) else content
    flaws: list[Flaw] = []
    feed = open_records(read_text([data]), **options)
    rows = [
        {name: value for name, value in zip(COLUMNS, row, strict=True) if value is not None}
        for row in build_rows(feed.records, feed.layout, flaws.append)
    ]
    return rows, flaws


def good_rows(content: bytes | str) -> list[dict[str, Any]]:
    rows, flaws = rows_of(content)
    assert flaws == []
    return rows


def pictures_of(content: str) -> list[list[str]]:
    return [row["pictures"] for row in good_rows(content)]


# Encodings

WORDS = "sku;name\n1;Größe für Mädchen\n2;crème brûlée\n3;Año niño … señal\n4;€ “quoted”\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_an_encoding_is_found_out(encoding: str) -> None:
    names = [row["name"] for row in good_rows(WORDS.encode(encoding))]
    assert names == ["Größe für Mädchen", "crème brûlée", "Año niño … señal", "€ “quoted”"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Größe", "cp1252"),
        ("Sac à dos imperméable pour l'été", "cp1252"),
        ("Кроссовки мужские зимние, размер большой", "cp1251"),
        ("Παπούτσια ανδρικά χειμερινά μεγάλα", "cp1253"),
        ("メンズ スニーカー 冬用 大きいサイズ", "shift_jis"),
    ],
)
def test_an_encoding_without_a_mark_is_told_by_its_text(text: str, encoding: str) -> None:
    sample = "\n".join(f"{n};{text};{n}.jpg" for n in range(20)).encode(encoding)
    assert sample.decode(detect_encoding(sample)) == sample.decode(encoding)


def test_the_encoding_of_a_file_that_begins_in_ascii_is_found_out_later() -> None:
    lines = [f"{n};plain name {n}" for n in range(30_000)]
    content = ("sku;name\n" + "\n".join(lines) + "\nlast;Größe für Mädchen\n").encode("cp1252")
    assert len(content) > 1 << 19
    assert good_rows(content)[-1]["name"] == "Größe für Mädchen"


def test_a_row_with_broken_bytes_is_rejected_alone() -> None:
    content = "sku;name\n1;Größe\n2;Müll\n3;schön\n".encode().replace("Müll".encode(), b"M\xff")
    rows, flaws = rows_of(content)
    assert [row["sku"] for row in rows] == ["1", "3"]
    assert [(flaw.line, flaw.column) for flaw in flaws] == [(3, "name")]


def test_a_character_may_lie_across_two_pieces_of_the_file() -> None:
    data = WORDS.encode()
    pieces = [data[at : at + 1] for at in range(len(data))]
    assert "".join(read_text(pieces)) == WORDS


# Compression and limits


def test_a_gzipped_feed_is_read_also_when_it_has_several_members() -> None:
    data = gzip.compress(WORDS[:20].encode()) + gzip.compress(WORDS[20:].encode())
    assert "".join(read_text([data[:7], data[7:]])) == WORDS


def test_a_gzip_that_ends_too_early_is_an_error() -> None:
    with pytest.raises(FeedError, match="too early"):
        list(read_text([gzip.compress(WORDS.encode())[:-9]]))


def test_a_damaged_gzip_is_an_error() -> None:
    with pytest.raises(FeedError, match="damaged"):
        list(read_text([b"\x1f\x8b" + b"x" * 100]))


def test_a_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(b"sku,name\n" * 10_000_000)
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    with pytest.raises(FeedError, match="more than 5,000,000 bytes"):
        list(read_text([bomb], max_bytes=5_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_line_without_an_end_is_an_error_and_not_a_full_memory() -> None:
    with pytest.raises(FeedError, match=r"Line 2 has over"):
        rows_of(b"sku\n" + b"x" * (MAX_LINE + 300_000))


def test_a_json_array_without_an_end_is_an_error_and_not_a_full_memory() -> None:
    with pytest.raises(FeedError, match="line 1 on"):
        rows_of(b'[{"sku": "' + b"x" * (MAX_LINE + 600_000))


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"PK\x03\x04", "Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"BZh9", "bzip2"),
        (b"<?xml version='1.0'?><rss/>", "XML"),
        (b"", "empty"),
        (b" \r\n\n", "empty"),
        (b'{\n  "sku": 1\n}\n', "several lines"),
        (b"title;image\nx;y\n", "no column for the sku"),
    ],
)
def test_what_cannot_be_a_feed_is_refused_with_what_to_do(start: bytes, message: str) -> None:
    with pytest.raises(FeedError, match=message):
        rows_of(start)


# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_delimiter_and_line_ends_are_found_out(delimiter: str, end: str) -> None:
    lines = ["sku,name,price".replace(",", delimiter)]
    lines += [f'p{n}{delimiter}"a{delimiter} ""b"" {n}"{delimiter}{n}' for n in range(3)]
    rows = good_rows(end.join(lines))
    assert [row["name"] for row in rows] == [f'a{delimiter} "b" {n}' for n in range(3)]
    assert [row["line"] for row in rows] == [2, 3, 4]


def test_single_quotes_and_excels_first_line_are_understood() -> None:
    rows = good_rows("sep=;\n'sku';'name'\n'1';'a;b'\n")
    assert [(row["line"], row["name"]) for row in rows] == [(3, "a;b")]


def test_lines_within_quotes_count_as_lines_of_the_file() -> None:
    rows, flaws = rows_of('\nsku,name\n1,"two\r\nlines"\n2\n\n3,c\n')
    assert [(row["line"], row["name"]) for row in rows] == [(3, "two\r\nlines"), (7, "c")]
    assert [flaw.line for flaw in flaws] == [5]


def test_a_row_with_another_number_of_columns_is_rejected() -> None:
    rows, flaws = rows_of("sku,name\n1,a\n2\n3,c,d\n4,e,,\n,\n\n5,f\n")
    assert [row["sku"] for row in rows] == ["1", "4", "5"]
    assert [(flaw.line, flaw.reason) for flaw in flaws] == [
        (3, "the row has 1 columns and the header 2"),
        (4, "the row has 3 columns and the header 2"),
    ]


def test_a_header_that_ends_in_delimiters_does_not_count_them() -> None:
    assert [row["name"] for row in good_rows("sku;name;;\n1;a;;\n2;b\n")] == ["a", "b"]


@pytest.mark.parametrize("stray", ['2,"bad\n', '2,"bad,1,\n', 'x,"' + "y" * 140_000 + "\n"])
@pytest.mark.parametrize("rest", ["3,c,3\n4,d,4\n", "3,c,3\n" * 30_000 + "4,d,4\n"])
def test_a_quote_that_is_never_closed_costs_its_own_row_alone(stray: str, rest: str) -> None:
    rows, flaws = rows_of(f"sku,name,price\n1,a,1\n{stray}{rest}")
    assert [flaw.line for flaw in flaws] == [3]
    assert (rows[0]["sku"], rows[1]["line"], rows[-1]["sku"]) == ("1", 4, "4")


def test_a_stray_quote_that_a_later_one_closes_costs_its_own_row_alone() -> None:
    rows, flaws = rows_of('sku,name,price\n1,"a,1\n2,b,2\n3,"c",3\n4,d,4\n')
    assert [flaw.line for flaw in flaws] == [2]
    assert [row["sku"] for row in rows] == ["2", "3", "4"]


def test_a_row_with_sloppy_quotes_lands_where_its_columns_are_right() -> None:
    rows = good_rows('sku,price,name\n1,1,"19" monitor"\n2,2,"never closed\n3,3,c\n')
    assert [row["name"] for row in rows] == ['19 monitor"', "never closed", "c"]


# Rows


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        (",a,1,active,2026-01-01", "sku"),
        ("   ,a,1,active,2026-01-01", "sku"),
        (f"{'x' * 201},a,1,active,2026-01-01", "sku"),
        (f"1,{'x' * 1001},1,active,2026-01-01", "name"),
        ("1,a\0b,1,active,2026-01-01", "name"),
        ("1,a,on request,active,2026-01-01", "price"),
        ("1,a,-1,active,2026-01-01", "price"),
        ("1,a,1,perhaps,2026-01-01", "status"),
        ("1,a,1,active,yesterday", "media_changed_at"),
    ],
)
def test_a_bad_value_rejects_its_row_and_names_its_column(cells: str, column: str) -> None:
    header = "sku,name,price,status,media_changed_at"
    rows, flaws = rows_of(f"{header}\n0,a,1,active,2026-01-01\n{cells}\n2,b,,,\n")
    assert [row["sku"] for row in rows] == ["0", "2"]
    assert [(flaw.line, flaw.column) for flaw in flaws] == [(3, column)]


def test_a_column_that_is_not_there_is_kept_apart_from_an_empty_one() -> None:
    assert good_rows("sku,brand\n1,\n") == [{"line": 2, "sku": "1", "brand": ""}]


def test_pictures_that_cannot_be_fetched_are_rejected_and_their_row_lands() -> None:
    rows, flaws = rows_of(
        'sku;images\n1;a.jpg|javascript:alert(1)|b.jpg\n2;"data:image/png;base64,AAAA"\n'
        f"3;{'x' * 4001}\n4;#top\n5;file:///etc/passwd\n"
    )
    assert [row["pictures"] for row in rows] == [["a.jpg", "b.jpg"], [], [], [], []]
    assert [(flaw.line, flaw.column) for flaw in flaws] == [(n, "images") for n in range(2, 7)]


def test_text_that_excel_keeps_from_being_a_number_is_that_text() -> None:
    rows, flaws = rows_of('sku;mpn;name\n="0012";="007";Size ="M"\n')
    assert (rows[0]["sku"], rows[0]["mpn"], rows[0]["name"]) == ("0012", "007", 'Size ="M"')
    assert flaws == []


@pytest.mark.parametrize("others", ["photo", "picture", "image_url", "images", "gallery", "image1"])
def test_a_column_that_says_main_comes_before_all_others(others: str) -> None:
    rows, _ = rows_of(f"sku;{others};main_image\n1;b.jpg;a.jpg\n")
    assert rows[0]["pictures"] == ["a.jpg", "b.jpg"]


def test_an_address_with_a_password_is_rejected() -> None:
    rows, flaws = rows_of(
        "sku;images\n1;https://me:secret@h.test/a.jpg|https://h.test/@b.jpg|c@d.jpg\n"
    )
    assert rows[0]["pictures"] == ["https://h.test/@b.jpg", "c@d.jpg"]
    assert ["likeness credentials" in flaw.reason for flaw in flaws] == [True]


@pytest.mark.parametrize(
    ("pictures", "read"),
    [
        ({"main": "a.jpg"}, None),
        ([{"href": "a.jpg"}, {"large": "b.jpg"}], ["a.jpg"]),
        ([[{"large": "b.jpg"}]], None),
        ([], []),
        (None, []),
    ],
)
def test_what_names_no_picture_is_rejected_and_what_was_there_is_kept(
    pictures: object, read: list[str] | None
) -> None:
    rows, flaws = rows_of(json.dumps({"sku": "1", "images": pictures}))
    assert rows[0].get("pictures") == read
    assert [flaw.column for flaw in flaws] == ["images"] * (
        read != pictures and pictures is not None
    )


def test_a_row_has_a_bounded_number_of_pictures() -> None:
    rows, flaws = rows_of("sku;images\n1;" + "|".join(f"{n}.jpg" for n in range(300)) + "\n")
    assert (len(rows[0]["pictures"]), len(flaws)) == (250, 50)


# Pictures in cells


@pytest.mark.parametrize(
    ("cell", "pictures"),
    [
        ("", []),
        ("  a.jpg ", ["a.jpg"]),
        ("a.jpg|b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg;b.jpg; c.jpg", ["a.jpg", "b.jpg", "c.jpg"]),
        ("/m/a.jpg,/m/b.jpg", ["/m/a.jpg", "/m/b.jpg"]),
        ("a.jpg\nb.jpg\r\nc.jpg", ["a.jpg", "b.jpg", "c.jpg"]),
        ("a b.jpg c.jpg", ["a b.jpg", "c.jpg"]),
        ("my photo.jpg", ["my photo.jpg"]),
        ("one,two.jpg", ["one,two.jpg"]),
        (
            "http://h.test/a.jpg, http://h.test/b.jpg",
            ["http://h.test/a.jpg", "http://h.test/b.jpg"],
        ),
        ("http://h.test/a;http://h.test/b", ["http://h.test/a", "http://h.test/b"]),
        ("http://h.test/a //h.test/b", ["http://h.test/a", "//h.test/b"]),
        ("ftp://h.test/a.jpg FTP://h.test/b.jpg", ["ftp://h.test/a.jpg", "FTP://h.test/b.jpg"]),
        (
            "https://h.test/w_300,h_200,c_fill/a.jpg,https://h.test/w_1,h_2/b.jpg",
            ["https://h.test/w_300,h_200,c_fill/a.jpg", "https://h.test/w_1,h_2/b.jpg"],
        ),
        ("https://h.test/a.jpg?a=1;b=2", ["https://h.test/a.jpg?a=1;b=2"]),
        ("https://h.test/a.jpg,b.jpg", ["https://h.test/a.jpg,b.jpg"]),
        ("https://h.test/a.jpg?u=//x.test/b.jpg", ["https://h.test/a.jpg?u=//x.test/b.jpg"]),
        ("https://h.test/fit/https://x.test/b.jpg", ["https://h.test/fit/https://x.test/b.jpg"]),
        ('["a.jpg", "b, c.jpg"]', ["a.jpg", "b, c.jpg"]),
        ("['a.jpg', 'b.jpg']", ["a.jpg", "b.jpg"]),
        ('[{"src": "b.jpg", "position": 2}, {"src": "a.jpg", "position": 1}]', ["a.jpg", "b.jpg"]),
        ("https://h.test/a.php?id=1&amp;size=2", ["https://h.test/a.php?id=1&size=2"]),
        ("M&uuml;ller.jpg;a.php?b=1&#38;c=2", ["Müller.jpg", "a.php?b=1&c=2"]),
        ("https://h.test/a.jpg?a=1&copy=2", ["https://h.test/a.jpg?a=1&copy=2"]),
        *((nothing, []) for nothing in ("NULL", " n/a ", "-", "None", "#N/A")),
        ("a.jpg|", ["a.jpg"]),
        (",a.jpg,,b.jpg,", ["a.jpg", "b.jpg"]),
    ],
)
def test_a_cell_of_pictures_is_split_where_an_address_ends(cell: str, pictures: list[str]) -> None:
    assert split_cell(cell, []) == pictures


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("sku,image1,image2,image3", [0, 1, 2]),
        ("sku,Image 3,Image 1,Image 2", [1, 2, 0]),
        ("sku,picture_2,picture_10,picture_1", [2, 0, 1]),
        ("id,additional_image_link,image_link", [1, 0]),
        ("sku,additional_images,base_image", [1, 0]),
        ("Artikelnummer,Zusatzbild 1,Hauptbild,Zusatzbild 2", [1, 0, 2]),
        ("sku,images,image", [1, 0]),
        ("sku,Bild-URL 2,Bild-URL 1", [1, 0]),
        ("sku,image_2_url,image_1_url", [1, 0]),
        ("référence,URL de l'image 2,URL de l'image", [1, 0]),
        ("id,image_link,image_link", [0, 1]),
    ],
)
def test_columns_of_pictures_keep_hero_and_number(header: str, order: list[int]) -> None:
    names = header.split(",")
    assert [at - 1 for at in read_header(names).places["images"]] == order


@pytest.mark.parametrize(
    "name",
    ["image_alt_text", "Image Position", "small_image", "thumbnail_image_label", "image_width",
     "photographer", "imagery", "Variant Image", "media_changed_at", "picture count"],
)  # fmt: skip
def test_columns_about_pictures_are_not_taken_for_pictures(name: str) -> None:
    assert picture_place(name) is None


# Exports of shops

EXPORTS = {
    "shopify": (
        "Handle,Title,Vendor,Option1 Value,Variant SKU,Variant Price,Variant Barcode,"
        "Image Src,Image Position,Image Alt Text,Status\n"
        "shirt,A shirt,Acme,S,SH-S,19.90,4006381333931,https://cdn.test/1.jpg,1,front,active\n"
        "shirt,,,M,SH-M,21.90,4006381333948,https://cdn.test/2.jpg,2,back,\n"
        "shirt,,,L,SH-L,22.90,,,,,\n"
        "shirt,,,,,,,https://cdn.test/3.jpg,3,,\n"
        "hat,A hat,Acme,,HAT,9.90,,https://cdn.test/h.jpg,1,,draft\n",
        {"shirt": ["1.jpg", "2.jpg", "3.jpg"], "hat": ["h.jpg"]},
    ),
    "woocommerce": (
        'ID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,"Regular price",Images\n'
        "7,simple,shirt,4006381333931,A shirt,1,19.90,"
        '"https://cdn.test/1.jpg, https://cdn.test/2.jpg"\n'
        "8,simple,hat,,A hat,-1,,https://cdn.test/h.jpg\n",
        {"shirt": ["1.jpg", "2.jpg"], "hat": ["h.jpg"]},
    ),
    "magento": (
        "sku,name,price,product_online,url_key,base_image,base_image_label,small_image,"
        "thumbnail_image,additional_images\n"
        'shirt,A shirt,19.90,1,shirt,/1.jpg,front,/s.jpg,/t.jpg,"/1.jpg,/2.jpg"\n'
        "hat,A hat,9.90,2,hat,/h.jpg,,,,\n",
        {"shirt": ["1.jpg", "2.jpg"], "hat": ["h.jpg"]},
    ),
    "google": (
        "id\ttitle\tlink\timage_link\tadditional_image_link\tavailability\tprice\tbrand\tgtin\n"
        "shirt\tA shirt\thttps://shop.test/shirt\thttps://cdn.test/1.jpg\t"
        "https://cdn.test/2.jpg,https://cdn.test/3.jpg\tin_stock\t19.90 EUR\tAcme\t4006381333931\n"
        "hat\tA hat\thttps://shop.test/hat\thttps://cdn.test/h.jpg\t\tout of stock\t"
        "9.90 EUR\tAcme\t\n",
        {"shirt": ["1.jpg", "2.jpg", "3.jpg"], "hat": ["h.jpg"]},
    ),
    "lightspeed": (
        "Internal_ID;Visible;Brand;DE_Title_Short;Price;SKU;EAN;Article_Code;Images\n"
        "1;Y;Acme;A shirt;19,90;shirt;4006381333931;A1;https://cdn.test/1.jpg,"
        "https://cdn.test/2.jpg\n"
        "2;N;Acme;A hat;9,90;hat;;A2;https://cdn.test/h.jpg\n",
        {"shirt": ["1.jpg", "2.jpg"], "hat": ["h.jpg"]},
    ),
    "german": (
        "Artikelnummer;Bezeichnung;Hersteller;EAN;Preis;Größe;Bild 1;Bild 2\n"
        "shirt;A shirt;Acme;4006381333931;1.019,90 €;M;1.jpg;2.jpg\n"
        "hat;A hat;Acme;;9,90 €;;h.jpg;\n",
        {"shirt": ["1.jpg", "2.jpg"], "hat": ["h.jpg"]},
    ),
    "french": (
        "Référence;Désignation;Marque;Code-barres;Prix TTC;Taille;Images\n"
        "shirt;A shirt;Acme;4006381333931;19,90;M;1.jpg|2.jpg\nhat;A hat;;;;;h.jpg\n",
        {"shirt": ["1.jpg", "2.jpg"], "hat": ["h.jpg"]},
    ),
    "spanish": (
        "Referencia;Nombre;Marca;Código de barras;Precio;Talla;Imagen principal;Imágenes\n"
        "shirt;A shirt;Acme;4006381333931;19,90;M;1.jpg;2.jpg\nhat;A hat;;;;;h.jpg;\n",
        {"shirt": ["1.jpg", "2.jpg"], "hat": ["h.jpg"]},
    ),
    "dutch": (
        "Artikelcode;Naam;Merk;Streepjescode;Prijs;Maat;Afbeelding;Afbeelding 2\n"
        "shirt;A shirt;Acme;4006381333931;19,90;M;1.jpg;2.jpg\nhat;A hat;;;;;h.jpg;\n",
        {"shirt": ["1.jpg", "2.jpg"], "hat": ["h.jpg"]},
    ),
}


@pytest.mark.parametrize("shop", EXPORTS)
def test_the_export_of_a_shop_lands_as_it_is(connection: Db, shop: str) -> None:
    content, pictures = EXPORTS[shop]
    prefix = "https://cdn.test"
    result = import_feed(connection, [content.encode()], supplier=shop, prefix=prefix)
    assert (result.rejects, result.products_new) == ((), 2)
    assert _lists(connection) == pictures
    found = connection.execute("select * from likeness.products where sku = 'shirt'").fetchone()
    assert found
    assert (found["name"], found["status"]) == ("A shirt", "active")
    assert found["gtin"] == ("04006381333931" if "4006381333931" in content else None)
    assert found["price"] == Decimal("1019.9" if shop == "german" else "19.9")


def _lists(db: Db) -> dict[str, list[str]]:
    """File names of the pictures of each product, in order."""
    rows = db.execute(
        "select p.sku, i.source_url from likeness.products p"
        " join likeness.images i on i.product_id = p.id order by p.id, i.position"
    )
    lists: dict[str, list[str]] = {}
    for row in rows:
        lists.setdefault(row["sku"], []).append(row["source_url"].rpartition("/")[2])
    return lists


def test_states_of_shops_are_understood(connection: Db) -> None:
    for shop, (content, _) in EXPORTS.items():
        import_feed(connection, [content.encode()], supplier=shop, prefix="https://cdn.test")
    rows = connection.execute(
        "select s.name, p.status from likeness.products p"
        " join likeness.suppliers s on s.id = p.supplier_id where p.sku = 'hat'"
    )
    inactive = {row["name"] for row in rows if row["status"] == "inactive"}
    assert inactive == {"shopify", "woocommerce", "magento", "lightspeed"}


# JSON


def test_json_lines_name_their_fields_each_for_itself() -> None:
    rows, flaws = rows_of(
        '{"id": 1, "title": "a", "images": ["a.jpg", {"url": "b.jpg"}], "price": 1.10}\n'
        "\n"
        '{"sku": "2", "gtin": 4006381333931, "active": false, "image": null}\n'
        "[1]\n"
        "{broken\n"
        '{"name": "no sku"}\n'
        '{"sku": {"a": 1}}\n'
    )
    assert rows == [
        {"line": 1, "sku": "1", "name": "a", "price": "1.10", "pictures": ["a.jpg", "b.jpg"]},
        {
            "line": 3,
            "sku": "2",
            "gtin_raw": "4006381333931",
            "product_status": "inactive",
            "pictures": [],
        },
    ]
    assert [flaw.line for flaw in flaws] == [4, 5, 6, 7]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_is_read_as_it_arrives(indent: int | None) -> None:
    items = [{"sku": f"p{n}", "name": "x" * 100, "images": [f"{n}.jpg"]} for n in range(5000)]
    rows = good_rows("\n" + json.dumps(items, indent=indent))
    assert [row["sku"] for row in rows] == [item["sku"] for item in items]
    # Of products that share a line, each counts as a line further: it is known by that number.
    assert rows[1]["line"] == (3 if indent is None else 10)
    assert rows[-1]["line"] == (2 + 4999 if indent is None else 3 + 4999 * 7)


@pytest.mark.parametrize("mark", [", ", ",\n"])
def test_a_json_array_lands_however_it_is_broken_into_lines(connection: Db, mark: str) -> None:
    items = [{"sku": f"p{n % 3}", "name": f"n{n % 3}", "images": [f"{n}.jpg"]} for n in range(4)]
    content = "[" + mark.join(map(json.dumps, items)) + "]"
    for _ in range(2):
        result = import_feed(connection, [content.encode()], supplier="acme")
    assert (result.products_new, result.products_changed, result.rejected) == (0, 0, 0)
    found = connection.execute(
        "select p.sku, p.name, array_agg(i.source_url order by i.position) as pictures"
        " from likeness.products p join likeness.images i on i.product_id = p.id"
        " group by p.id order by p.sku"
    ).fetchall()
    assert found == [
        {"sku": "p0", "name": "n0", "pictures": ["0.jpg", "3.jpg"]},
        {"sku": "p1", "name": "n1", "pictures": ["1.jpg"]},
        {"sku": "p2", "name": "n2", "pictures": ["2.jpg"]},
    ]


def test_a_format_that_is_told_is_not_guessed() -> None:
    rows, _ = rows_of("[sku];[name]\n1;a\n".replace("[", "").replace("]", ""), format="csv")
    assert rows[0]["name"] == "a"


def test_json_nested_beyond_reason_is_a_bad_line() -> None:
    rows, flaws = rows_of('{"sku": "1"}\n{"sku": ' + "[" * 100_000 + "\n")
    assert (len(rows), [flaw.line for flaw in flaws]) == (1, [2])


# Values


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("12", "12.0"), ("12.5", "12.5"), ("12,50", "12.50"), ("1,234.56", "1234.56"),
        ("1.234,56", "1234.56"), ("1 234,56", "1234.56"), ("1'234.50", "1234.50"),
        ("1.234.567", "1234567.0"), ("1,234", "1234.0"), ("1.234", "1.234"), ("15.00 USD", "15.00"),
        ("EUR 12,50", "12.50"), ("€12.50", "12.50"), ("12,50 €", "12.50"), ("£5", "5.0"),
        (".99", "0.99"), ("kr 10", "10.0"),
    ],
)  # fmt: skip
def test_a_price_is_read_as_people_write_it(text: str, price: str) -> None:
    assert parse_price(text) == price


@pytest.mark.parametrize(
    "text", ["", "free", "-1", "1.2.3", "1,2,3", "12 - 15", "1e5", "99999999999", "1,23,4", "٣"]
)
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="price"):
        parse_price(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02 03:04:05+02:00", "2026-01-02T03:04:05+02:00"),
        ("2026-01-02", "2026-01-02T00:00:00+00:00"),
        ("2026/1/2", None),
        ("2026/01/02 03:04", "2026-01-02T03:04:00+00:00"),
        ("1767323045", "2026-01-02T03:04:05+00:00"),
        ("1767323045000", "2026-01-02T03:04:05+00:00"),
        ("02.01.2026 03:04", "2026-01-02T03:04:00+00:00"),
        ("Fri, 02 Jan 2026 03:04:05 GMT", "2026-01-02T03:04:05+00:00"),
        ("01/02/2026", None),
        ("31.02.2026", None),
        ("0001-01-01", None),
        ("soon", None),
    ],
)
def test_a_time_is_read_where_it_can_be_read_in_one_way(text: str, moment: str | None) -> None:
    if moment is None:
        with pytest.raises(ValueError, match="not a time"):
            parse_time(text)
    else:
        assert parse_time(text) == moment


def test_a_word_for_a_status_stands_for_one_alone() -> None:
    words = [word for words in STATUSES.values() for word in words]
    assert len(words) == len(set(words))
    assert parse_status(" In Stock ") == "active"


# The import as a whole

FEED = """sku;name;price;images
1;one;1,50;a.jpg|b.jpg
;no sku;;
2;two;cheap;c.jpg
3;three;;d.jpg|data:x
3;other;;e.jpg
4;four;;
"""


def test_good_rows_land_and_bad_ones_go_to_the_rejects_file(connection: Db, tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    result = import_feed(connection, [FEED.encode()], supplier="acme", rejects_path=path)
    assert (result.products_new, result.images_new) == (3, 3)
    assert (result.rejected, result.rejected_pictures) == (3, 1)
    with path.open(newline="") as file:
        rejects = list(csv.DictReader(file))
    assert [(r["line"], r["column"], r["value"]) for r in rejects] == [
        ("3", "sku", ""),
        ("4", "price", "cheap"),
        ("5", "images", "data:x"),
        ("6", "sku", "3"),
    ]
    assert "line 5" in rejects[3]["reason"]
    assert [flaw.line for flaw in result.rejects] == [3, 4, 5, 6]
    again = import_feed(connection, [FEED.encode()], supplier="acme")
    assert (again.dataset_id, again.products_unchanged) == (result.dataset_id, 3)


def test_a_rejects_file_that_cannot_be_there_is_told_before_the_import(
    connection: Db, tmp_path: Path
) -> None:
    for path in (tmp_path / "none" / "r.csv", tmp_path):
        with pytest.raises(FeedError, match="Cannot write rejects to"):
            import_feed(connection, [b"sku\n1\n"], supplier="acme", rejects_path=path)
    assert connection.execute("select from likeness.suppliers").fetchall() == []


def test_a_feed_without_rejects_leaves_no_rejects_file(connection: Db, tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    path.write_text("of the last import")
    import_feed(connection, [b"sku\n1\n"], supplier="acme", rejects_path=path)
    assert not path.exists()


def test_a_feed_that_breaks_off_changes_nothing(connection: Db) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"sku,name\n" + b"1,a\n" * 100_000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        import_feed(connection, chunks(), supplier="acme")
    assert connection.execute("select from likeness.suppliers").fetchall() == []
    # The session is as good as new.
    assert import_feed(connection, [b"sku\n1\n"], supplier="acme").products_new == 1


@pytest.mark.parametrize(
    "options", [{"supplier": " "}, {"supplier": "a\0"}, {"supplier": "a", "prefix": "cdn.test"}]
)
def test_a_bad_supplier_or_prefix_is_refused_before_the_feed_is_read(
    connection: Db, options: dict[str, Any]
) -> None:
    read: list[bytes] = []

    def unread() -> Iterator[bytes]:
        read.append(b"sku")
        yield b"sku"

    with pytest.raises(BadInput):
        import_feed(connection, unread(), **options)
    assert read == []


def test_progress_tells_the_bytes_read(connection: Db) -> None:
    seen: list[int] = []
    chunks = [b"sku\n", b"1\n", b"2\n"]
    import_feed(connection, chunks, supplier="acme", progress=seen.append)
    assert seen == [4, 6, 8]


def test_a_file_is_imported_under_its_name(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "autumn.csv.gz"
    path.write_bytes(gzip.compress(b"sku,image\n1,a.jpg\n"))
    result = import_file(settings, path, supplier="acme", prefix="http://pictures.test")
    assert result.images_new == 1
    assert settings.database_url
    with psycopg.connect(settings.database_url.get_secret_value()) as db:
        assert db.execute("select name, image_url_prefix from likeness.datasets").fetchall() == [
            ("autumn.csv.gz", "http://pictures.test")
        ]


def test_a_stream_is_imported_as_it_arrives(settings: Settings) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for n in range(50):
            await asyncio.sleep(0)
            yield b"sku,image\n" if n == 0 else f"{n},{n}.jpg\n".encode()

    async def run() -> ImportResult:
        return await import_feed_stream(settings, pieces(), supplier="acme")

    assert asyncio.run(run()).products_new == 49


def test_a_stream_that_is_cancelled_is_rolled_back(settings: Settings, connection: Db) -> None:
    async def run() -> None:
        began = asyncio.Event()
        go_on = asyncio.Event()

        async def pieces() -> AsyncIterator[bytes]:
            yield b"sku\n1\n"
            began.set()
            await go_on.wait()
            yield b"2\n"

        task = asyncio.create_task(import_feed_stream(settings, pieces(), supplier="acme"))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()

    asyncio.run(run())
    assert connection.execute("select from likeness.products").fetchall() == []


def test_a_large_feed_needs_little_memory_and_little_time(connection: Db) -> None:
    """20,000 rows here; scripts elsewhere measure 100,000."""

    def chunks() -> Iterator[bytes]:
        yield b"sku,name,gtin,price,image1,image2,image3\n"
        for n in range(20_000):
            row = f"s{n},Product {n} {'x' * 200},{n:013d},{n % 100}.99,{n}/1.jpg,{n}/2.jpg,\n"
            yield row.encode()

    tracemalloc.start()
    result = import_feed(connection, chunks(), supplier="acme")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (result.products_new, result.images_new) == (20_000, 40_000)
    assert peak < 10_000_000


# The page for people


def test_the_page_lists_every_name_of_a_column() -> None:
    page = {compact(name) for name in (ROOT / "docs/feeds.md").read_text().split("`")[1::2]}
    missing = {alias for names in ALIASES.values() for alias in names if compact(alias) not in page}
    assert not missing


def test_no_name_of_a_column_stands_for_two_fields() -> None:
    fields = [{compact(alias) for alias in aliases} for aliases in ALIASES.values()]
    assert sum(len(names) for names in fields) == len(set().union(*fields))
    assert [name for names in fields for name in names if picture_place(name)] == []
