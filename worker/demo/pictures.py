"""Owns the sample supplier's pictures, drawn at demo time: the repository holds no pictures.

Twenty-odd products, and one of each kind of trouble that real feeds bring.
"""

import colorsys
import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

SIZE = (1400, 1100)
KINDS = ("Mug", "Cap", "Lamp", "Bottle", "Crate", "Ball")
COLOURS = {"red": 0.0, "amber": 0.11, "green": 0.38, "blue": 0.6}


@dataclass(frozen=True)
class Sample:
    """One file of the supplier: its path, its answer, and the product row that names it."""

    path: str
    body: bytes
    content_type: str
    sku: str
    name: str
    status: int = 200


def draw_samples() -> Iterator[Sample]:
    """Draw all files, good ones first."""
    number = 0
    for kind in KINDS:
        for colour, hue in COLOURS.items():
            number += 1
            picture = _draw(kind, hue)
            extension, content_type, body = _encode(picture, number)
            sku = f"{kind.upper()}-{number:03}"
            path = f"/pictures/{kind.lower()}-{colour}.{extension}"
            yield Sample(path, body, content_type, sku, f"{kind}, {colour}")
    yield from _troubles(_jpeg(_draw("Mug", 0.8)))


def _troubles(good: bytes) -> Iterator[Sample]:
    jpeg = "image/jpeg"
    yield Sample("/pictures/mug-violet.jpg", good, jpeg, "MUG-100", "Mug, violet")
    yield Sample("/pictures/copy/of-mug.jpg", good, jpeg, "MUG-101", "Mug, violet (same picture)")
    page = b"<!doctype html><title>Moved</title><p>This picture has moved.</p>"
    yield Sample("/pictures/lost.jpg", b"no such picture", "text/plain", "BAD-404", "Lost", 404)
    yield Sample("/pictures/page.jpg", page, jpeg, "BAD-HTML", "Web page as JPEG")
    half = good[: len(good) // 2]
    yield Sample("/pictures/half.jpg", half, jpeg, "BAD-HALF", "Truncated file")
    yield Sample("/pictures/huge.png", _huge_png(), "image/png", "BAD-HUGE", "30000 x 30000 px")


def _encode(picture: Image.Image, number: int) -> tuple[str, str, bytes]:
    """JPEG, PNG and WebP in turn, and every fifth JPEG lying on its side as cameras write it."""
    if number % 3 == 0:
        return "png", "image/png", _save(picture.quantize(64), "PNG")
    if number % 3 == 1:
        return "webp", "image/webp", _save(picture, "WEBP", quality=90)
    if number % 5 == 0:
        exif = Image.Exif()
        exif[0x0112] = 6  # rotate 90 degrees clockwise to see it upright
        return "jpg", "image/jpeg", _save(picture.rotate(90, expand=True), "JPEG", exif=exif)
    return "jpg", "image/jpeg", _jpeg(picture)


def _jpeg(picture: Image.Image) -> bytes:
    return _save(picture, "JPEG", quality=90)


def _save(picture: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return int(red * 255), int(green * 255), int(blue * 255)


def _draw(kind: str, hue: float) -> Image.Image:
    """A product on a soft background, lit from the left."""
    width, height = SIZE
    ground = Image.linear_gradient("L").resize(SIZE)
    picture = Image.composite(
        Image.new("RGB", SIZE, (214, 216, 222)), Image.new("RGB", SIZE, (250, 250, 252)), ground
    )
    shadow = Image.new("L", SIZE, 0)
    ImageDraw.Draw(shadow).ellipse((350, 840, 1090, 960), fill=150)
    picture.paste((90, 92, 100), mask=shadow.filter(ImageFilter.GaussianBlur(30)))
    mask = Image.new("L", SIZE, 0)
    _shape(ImageDraw.Draw(mask), kind)
    light = Image.linear_gradient("L").rotate(90).resize(SIZE)
    body = Image.composite(
        Image.new("RGB", SIZE, _rgb(hue, 0.55, 0.98)),
        Image.new("RGB", SIZE, _rgb(hue, 0.85, 0.55)),
        light,
    )
    picture.paste(body, mask=mask)
    pen = ImageDraw.Draw(picture)
    pen.text(
        (width // 2, height - 90),
        "L I K E N E S S",
        fill=(120, 122, 130),
        anchor="mm",
        font_size=44,
    )
    return picture


def _shape(pen: ImageDraw.ImageDraw, kind: str) -> None:
    match kind:
        case "Mug":
            pen.rounded_rectangle((430, 300, 900, 900), 60, fill=255)
            pen.ellipse((820, 420, 1080, 760), outline=255, width=60)
        case "Cap":
            pen.pieslice((400, 330, 960, 1150), 180, 360, fill=255)
            pen.rounded_rectangle((620, 700, 1180, 780), 40, fill=255)
        case "Lamp":
            pen.polygon([(560, 250), (840, 250), (1000, 600), (400, 600)], fill=255)
            pen.rectangle((680, 600, 720, 860), fill=255)
            pen.rounded_rectangle((540, 850, 860, 910), 30, fill=255)
        case "Bottle":
            pen.rounded_rectangle((540, 430, 860, 920), 70, fill=255)
            pen.rounded_rectangle((635, 210, 765, 470), 30, fill=255)
        case "Crate":
            pen.rectangle((400, 480, 1000, 910), fill=255)
            for top in (560, 690, 820):
                pen.rectangle((400, top, 1000, top + 18), fill=0)
        case _:
            pen.ellipse((400, 300, 1000, 900), fill=255)
            pen.arc((250, 300, 850, 900), 290, 70, fill=0, width=16)


def _huge_png() -> bytes:
    """A valid PNG of 30000 x 30000 pixels in about 110 kB: the bomb that small files can be."""
    side = 30_000

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    packer = zlib.compressobj(9)
    row = b"\0" * (side // 8 + 1)
    pixels = b"".join(packer.compress(row * 1000) for _ in range(side // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
