"""Owns what a file is, judged by its first bytes alone: a header, a name or an extension may lie.

It needs no Pillow, so that the API can tell a picture from a web page without touching pixels.
"""

import re

# So many bytes decide: pictures need 32 at most, an SVG may begin with a comment and a prolog.
SNIFF_BYTES = 1024

CONTENT_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "heic": "image/heic",
    "ico": "image/x-icon",
    "jp2": "image/jp2",
    "jxl": "image/jxl",
    "psd": "image/vnd.adobe.photoshop",
    "svg": "image/svg+xml",
}
IMAGE_FORMATS = frozenset(CONTENT_TYPES)

_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\0\0\1\0", "ico"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (b"8BPS\0\1", "psd"),
    (b"%PDF-", "pdf"),
    (b"PK\3\4", "zip"),
    (b"\x1f\x8b\x08", "gzip"),
)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
# Lengths of the headers that may follow the 14 bytes of a BMP file header.
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}

_PROLOG = re.compile(
    r"(?:\s|<\?.*?\?>|<!--.*?-->|<!doctype\b[^>\[]*(?:\[.*?\]\s*)?>)*", re.S | re.I
)
_TEXT_START = (
    (re.compile(r"<(?:\w+:)?svg[\s>/]", re.I), "svg"),
    (re.compile(r"<(?:html|head|body|title|meta|script|style|div|p|h1|center)\b", re.I), "html"),
    (re.compile(r"<[a-z_][\w:.-]*[\s>/]", re.I), "xml"),
    (re.compile(r"\{\s*[\"}]|\[\s*[\[{\"\]]"), "json"),
)


def sniff(data: bytes | bytearray | memoryview) -> str | None:
    """The format of a file by its first SNIFF_BYTES bytes; None when they are of no known kind.

    Pictures are the keys of CONTENT_TYPES; others are html, xml, json, pdf, zip, gzip and mp4.
    """
    head = bytes(data[:SNIFF_BYTES])
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    return _sniff_text(head)


def _sniff_brands(head: bytes) -> str:
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[at : at + 4] for at in (8, *range(16, length - 3, 4))}
    if brands & _AVIF_BRANDS:
        return "avif"
    return "heic" if brands & _HEIC_BRANDS else "mp4"


def _sniff_text(head: bytes) -> str | None:
    text = _decode(head)
    prolog = _PROLOG.match(text)
    start = prolog.end() if prolog else 0
    for pattern, name in _TEXT_START:
        if pattern.match(text, start):
            return name
    if "<!doctype html" in text[:start].lower():
        return "html"
    return "xml" if text.lstrip().startswith("<?xml") else None


def _decode(head: bytes) -> str:
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return head.decode(encoding, "replace").lstrip("\ufeff")
