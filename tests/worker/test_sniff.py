"""Owns the tests of sniffing: what a file is by its first bytes, whatever it is called."""

import csv
from pathlib import Path

import pytest

from worker.sniff import CONTENT_TYPES, IMAGE_FORMATS, sniff

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "jpeg"),
        (b"\xff\xd8\xff\xdb", "jpeg"),
        (PNG, "png"),
        (b"GIF89a\1\0\1\0", "gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "webp"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "avif"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "avif"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "heic"),
        (b"II*\0\x08\0\0\0", "tiff"),
        (b"MM\0*\0\0\0\x08", "tiff"),
        (b"II+\0\x08\0\0\0", "tiff"),
        (b"BM\x9a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "bmp"),
        (b"<svg xmlns='x'>", "svg"),
        (b"<?xml version='1.0'?>\n<!-- drawn --><svg:svg>", "svg"),
        (b"\xef\xbb\xbf  <!DOCTYPE svg PUBLIC 'a' 'b'><svg >", "svg"),
    ],
)
def test_a_picture_is_known_by_its_first_bytes(start: bytes, expected: str) -> None:
    assert sniff(start) == expected
    assert expected in IMAGE_FORMATS


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"<!DOCTYPE html><p>404</p>", "html"),
        (b"\n\n  <HTML><head>", "html"),
        (b"<!-- built by x --><html lang=en>", "html"),
        (b"<script>alert(1)</script>", "html"),
        ("\ufeff<html>".encode("utf-16"), "html"),
        (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "xml"),
        (b'{"error": "no such picture"}', "json"),
        (b"[{}]", "json"),
        (b"%PDF-1.7\n", "pdf"),
        (b"PK\3\4\x14\0", "zip"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "mp4"),
        (b"BM says hello to you", None),
        (b"RIFF\x24\0\0\0WAVEfmt ", None),
        (b"no such picture", None),
        (bytes(2000), None),
        (b"\xff\xd8", None),
        (b"", None),
    ],
)
def test_what_is_no_picture_is_told_apart(start: bytes, expected: str | None) -> None:
    assert sniff(start) == expected
    assert expected not in IMAGE_FORMATS


def test_a_web_page_after_a_picture_stays_a_picture() -> None:
    assert sniff(b"\xff\xd8\xff\xe0" + b"<html><script>alert(1)</script>") == "jpeg"


def test_a_picture_deep_in_a_text_stays_a_text() -> None:
    assert sniff(b"<html>" + PNG) == "html"


def test_any_kind_of_buffer_can_be_judged() -> None:
    assert sniff(memoryview(PNG)) == sniff(bytearray(PNG)) == "png"


def test_only_the_first_bytes_count() -> None:
    assert sniff(b" " * 2000 + b"<html>") is None


@pytest.mark.shared
def test_every_valid_picture_of_the_collection_is_known(shared: Path) -> None:
    folder = shared / "images/dev"
    names = {"jpeg2000": "jp2", "mpo": "jpeg"}
    wrong = []
    with (folder / "manifest.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            expected = row["format"].lower()
            if row["expected"] != "ok" or not expected:
                continue
            found = sniff((folder / row["file"]).read_bytes())
            if found != names.get(expected, expected):
                wrong.append((row["file"], expected, found))
    assert wrong == []


def test_every_picture_format_has_a_content_type() -> None:
    assert all(kind.startswith("image/") for kind in CONTENT_TYPES.values())
