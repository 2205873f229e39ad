"""Owns what a rendition is: presets, the recipe that names their outcome, and the outcome.

It is apart from render so that the programs that only plan, store or name renditions hold these
values without loading a decoder.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import import_module

# Goes up when the same pixels, preset and encoder would give other bytes than before.
PIXEL_PATH_VERSION = 1

EXTENSIONS = {"webp": "webp", "avif": "avif", "jpeg": "jpg"}


@dataclass(frozen=True)
class Preset:
    """A size: a box in pixels, the formats it is made in, and how.

    ``quality`` is on JPEG's and WebP's scale of 0 to 100; other encoders get the figure that looks
    alike. ``effort`` is WebP's method of 0 (fast) to 6 (small); other encoders follow it.
    """

    name: str
    width: int
    height: int
    formats: tuple[str, ...]
    quality: int
    effort: int


@dataclass(frozen=True)
class Limits:
    """What a picture may be: its budget of pixels, and the formats that its source may send."""

    max_pixels: int
    allowed_formats: frozenset[str]


@dataclass(frozen=True)
class Rendition:
    """One encoded picture: the outcome of one preset in one format."""

    preset: str
    format: str
    recipe: str
    width: int
    height: int
    data: bytes


@dataclass(frozen=True)
class Rendered:
    """All that one decode gave.

    ``width`` and ``height`` are the source's, upright. ``phash`` is a signed 64-bit number,
    ``signature`` 8 x 8 RGB pixels (192 bytes), ``thumbhash`` 5 to 25 bytes.
    """

    format: str
    content_type: str
    width: int
    height: int
    frames: int
    phash: int
    signature: bytes
    thumbhash: bytes
    renditions: tuple[Rendition, ...]


def fit(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """The largest size within ``box`` that keeps the aspect of ``size``; never larger than it."""
    (width, height), (most_wide, most_high) = size, box
    # Whole numbers keep 3:2 at 800 x 533 whatever the rounding of a float.
    if width <= most_wide and height <= most_high:
        return size
    if width * most_high >= height * most_wide:
        return most_wide, max(1, (2 * height * most_wide + width) // (2 * width))
    return max(1, (2 * width * most_high + height) // (2 * height)), most_high


def recipe(preset: Preset, format: str) -> str:
    """12 hex digits that name how a rendition is made: equal recipes give equal pictures.

    The preset's name is no part of it: a renamed preset keeps its objects and their URLs.
    """
    text = (
        f"box={preset.width}x{preset.height} fit=inside format={format} quality={preset.quality}"
        f" effort={preset.effort} encoder={_encoder(format)} pixels={PIXEL_PATH_VERSION}"
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def _encoder(format: str) -> str:
    """Name and version of the library that writes ``format``.

    Asked of Pillow's compiled parts alone: PIL.features would load PIL.Image with all of it.
    """
    if format == "webp":
        return f"libwebp-{import_module('PIL._webp').webpdecoder_version}"
    if format == "avif":
        avif = import_module("PIL._avif")
        codecs = [codec for codec in avif.codec_versions().split(", ") if "enc" in codec]
        return f"libavif-{avif.libavif_version} {' '.join(codecs)}"
    if format == "jpeg":
        core = import_module("PIL._imaging")
        return f"libjpeg-turbo-{getattr(core, 'libjpeg_turbo_version', core.jpeglib_version)}"
    raise ValueError(f"no encoder writes {format!r}; known: {', '.join(sorted(EXTENSIONS))}")
