"""Owns the way from a file's untrusted bytes to upright sRGB pixels of a wanted size.

What a header promises is held against the limits before anything is decoded, and no more is
decoded than the wanted size needs. A file that gives one error gives no picture.
"""

import struct
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Protocol

import pi_heif.options
from pi_heif import HeifImageFile
from PIL import AvifImagePlugin, Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from worker.errors import RenderFault
from worker.pixels import libwebp
from worker.pixels.colour import to_srgb
from worker.pixels.renditions import Limits, fit
from worker.pixels.scale import Box, Size, shrink, without_idle_alpha
from worker.sniff import IMAGE_FORMATS, sniff

# A rendering process has one core; libavif would start as many threads as the machine has.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
pi_heif.options.DECODE_THREADS = 1
# What else a telephone puts into the file is not looked at.
pi_heif.options.THUMBNAILS = False
pi_heif.options.DEPTH_IMAGES = False
pi_heif.options.AUX_IMAGES = False

# Called by name and not through Image.open: what a file is has been decided by its content, and no
# other reader gets to see it.
_READERS: Mapping[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "avif": AvifImageFile,
    "gif": GifImageFile,
    "tiff": TiffImageFile,
    "bmp": BmpImageFile,
    "heic": HeifImageFile,
}

MAX_FRAMES = 1000
# Real photographs have at most 12; each scan is another pass over all pixels, however short it is.
MAX_SCANS = 100
# Formats that shrink while they are decoded may have so many times the budget of pixels.
_SHRINKING_BUDGET = 2
# Peak bytes per pixel of the source, measured at 24 to 98 megapixels, the file left out: a
# progressive JPEG keeps all its coefficients, a lossless WebP all its pixels; the others keep the
# decoder's output, some of them twice, and Pillow's copy of it.
_PEAK_BYTES_PER_PIXEL = {"jpeg": 0.5, "progressive": 3.2, "avif": 11.5, "webp": 16.0, "heic": 9.0}
_OTHER_PEAK_BYTES_PER_PIXEL = 5.0
_SCALED_WEBP_PEAK_BYTES_PER_PIXEL = 4.2

# Still WebPs of more pixels than this are scaled by libwebp while they are decoded.
_LARGE_WEBP_PIXELS = 2_000_000
# libwebp averages boxes; the better filter then does the last halving.
_SCALED_WEBP_GAP = 2

_ORIENTATION_TAG = 0x0112
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _Source(Protocol):
    """An opened file: what its header says, and how to get its pixels."""

    size: Size
    frames: int
    peak_bytes: int

    @property
    def info(self) -> Mapping[str | tuple[int, int], object]: ...

    @property
    def orientation(self) -> int: ...

    def load(self, size: Size) -> tuple[Image.Image, Box | None]:
        """Pixels, at least ``size`` where the file has them, and the part of them that counts."""


class Picture:
    """One untrusted file, opened and held against the limits. Raises RenderFault throughout."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.format = _accepted_format(data, limits)
        self._data = data
        with _faults(data, self.format):
            self._source = _open(data, self.format, limits)
        self.size = self._source.size
        self.frames = self._source.frames
        self.peak_bytes = self._source.peak_bytes

    def decode(self, boxes: Sequence[Size]) -> Image.Image:
        """The picture at the largest size that one of ``boxes`` asks for, upright.

        In sRGB and without metadata, as L, LA, RGB or RGBA. To be called once: the file's own
        pixels are let go of. ``size`` is upright from then on.
        """
        source = self._source
        del self._source
        with _faults(self._data, self.format):
            image, part = source.load(_stored_size(source, boxes))
            # Only now is a PNG's orientation known: it may stand behind the pixels.
            orientation = source.orientation
            image = shrink(image, _stored_size(source, boxes), part)
            if orientation in _TRANSPOSITIONS:
                image = image.transpose(_TRANSPOSITIONS[orientation])
            profile = source.info.get("icc_profile")
            image = to_srgb(
                without_idle_alpha(image), profile if isinstance(profile, bytes) else None
            )
        self.size = _turned(source.size, orientation)
        # Encoders write what they find here into the file.
        image.info = {}
        return image


def _turned(size: Size, orientation: int) -> Size:
    return (size[1], size[0]) if orientation >= 5 else size


def _stored_size(source: _Source, boxes: Sequence[Size]) -> Size:
    """The largest size that one of ``boxes`` asks for, before the picture is turned upright."""
    upright = _turned(source.size, source.orientation)
    return _turned(max(fit(upright, box) for box in boxes), source.orientation)


class _PillowSource:
    """A file read by one of Pillow's readers."""

    def __init__(self, data: bytes, format: str) -> None:
        self._image = _READERS[format](BytesIO(data))
        self._may_shrink = format == "jpeg"
        self.size = self._image.size
        # A JPEG may carry further ones behind the first (MPO): nobody looks at them.
        self.frames = 1 if format == "jpeg" else int(getattr(self._image, "n_frames", 1))
        kind = "progressive" if self._image.info.get("progressive") else format
        per_pixel = _PEAK_BYTES_PER_PIXEL.get(kind, _OTHER_PEAK_BYTES_PER_PIXEL)
        self.peak_bytes = int(self.size[0] * self.size[1] * per_pixel)

    @property
    def info(self) -> Mapping[str | tuple[int, int], object]:
        return self._image.info

    @property
    def orientation(self) -> int:
        # TIFF's reader obeys the tag itself.
        return 1 if self._image.format == "TIFF" else _orientation(self.info)

    def load(self, size: Size) -> tuple[Image.Image, Box | None]:
        drafted = self._image.draft(None, size) if self._may_shrink else None
        # Only here, and once: Pillow loads again on most calls, and after an error it would then
        # hand out the part that it got.
        self._image.load()
        return self._image, drafted[1] if drafted else None


class _ScaledWebp:
    """A large still WebP, scaled by libwebp."""

    frames = 1

    def __init__(self, data: bytes, header: libwebp.Header) -> None:
        self._data = data
        self._has_alpha = header.has_alpha
        self.size = (header.width, header.height)
        self.peak_bytes = int(header.width * header.height * _SCALED_WEBP_PEAK_BYTES_PER_PIXEL)
        named = {"icc_profile": b"ICCP", "exif": b"EXIF"}
        found: dict[str | tuple[int, int], object] = {
            name: libwebp.find_chunk(data, chunk) for name, chunk in named.items()
        }
        self.info: Mapping[str | tuple[int, int], object] = found
        self.orientation = _orientation(self.info)

    def load(self, size: Size) -> tuple[Image.Image, Box | None]:
        box = (size[0] * _SCALED_WEBP_GAP, size[1] * _SCALED_WEBP_GAP)
        scaled = fit(self.size, box)
        mode = "RGBA" if self._has_alpha else "RGB"
        pixels = libwebp.decode(self._data, scaled, alpha=self._has_alpha)
        return Image.frombuffer(mode, scaled, pixels, "raw", mode, 0, 1), None


def _accepted_format(data: bytes, limits: Limits) -> str:
    found = sniff(data)
    if found is not None and found in _READERS:
        if found in limits.allowed_formats:
            return found
        raise RenderFault(
            "unsupported-format",
            f"the file is a {found.upper()}, which its supplier is not set to send"
            f" (allowed: {', '.join(sorted(limits.allowed_formats))})",
        )
    if found is not None and found in IMAGE_FORMATS:
        raise RenderFault(
            "unsupported-format",
            f"the file is of the format {found.upper()}, which is not rendered;"
            " JPEG, PNG, WebP and AVIF are",
        )
    raise RenderFault("not-an-image", _not_an_image(data, found))


def _not_an_image(data: bytes, found: str | None) -> str:
    if not data:
        return "the file is empty"
    if found:
        article = "an" if found in ("html", "xml", "mp4") else "a"
        kind = "page" if found == "html" else "file"
        return f"{article} {found.upper()} {kind} came instead of a picture"
    return f"the content is no picture of a known format (it begins with {data[:8].hex(' ')})"


def _open(data: bytes, format: str, limits: Limits) -> _Source:
    # Pillow's own guard, at twice this, stays behind ours for what its readers allocate to open.
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    budget = limits.max_pixels
    if format == "webp" and libwebp.available():
        header = libwebp.read_header(data)
        size = (header.width, header.height)
        if not header.animated:
            budget *= _SHRINKING_BUDGET
        _check_budget(size, 1, budget)
        if not header.animated and size[0] * size[1] > _LARGE_WEBP_PIXELS:
            return _ScaledWebp(data, header)
    if format == "jpeg":
        _check_scans(data)
        budget *= _SHRINKING_BUDGET
    source = _PillowSource(data, format)
    _check_budget(source.size, source.frames, budget)
    return source


def _check_budget(size: Size, frames: int, budget: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise RenderFault("corrupt-image", f"its header says {width} x {height} pixels")
    pixels = width * height
    if pixels > budget:
        raise RenderFault(
            "too-many-pixels",
            f"{width} x {height} are {pixels / 1e6:,.1f} megapixels;"
            f" at most {budget / 1e6:,.1f} are decoded",
        )
    if frames > MAX_FRAMES or frames * pixels > budget:
        raise RenderFault(
            "too-many-frames",
            f"{frames} frames of {width} x {height} are {frames * pixels / 1e6:,.1f} megapixels;"
            f" at most {MAX_FRAMES} frames and {budget / 1e6:,.1f} megapixels are accepted",
        )


def _check_scans(data: bytes) -> None:
    """Refuse a JPEG of more scans than any honest one: each costs a pass over all its pixels.

    Within a scan FF is always stuffed, so FF DA can be nothing but a marker; what stands before
    the first scan (thumbnails in EXIF) is left out only where it could matter.
    """
    if data.count(b"\xff\xda") <= MAX_SCANS:
        return
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda":
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    scans = data.count(b"\xff\xda", at)
    if scans > MAX_SCANS:
        raise RenderFault("too-many-scans", f"{scans} scans; honest files have at most {MAX_SCANS}")


def _orientation(info: Mapping[str | tuple[int, int], object]) -> int:
    """EXIF's orientation, 1 to 8; 1 where there is none or nothing that can be read."""
    exif = info.get("exif")
    if exif is None and isinstance(text := info.get("Raw profile type exif"), str):
        exif = _unpack_profile(text)
    if not isinstance(exif, bytes):
        return 1
    body = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(body[:4])
    try:
        return _find_orientation(body, order) if order else 1
    except struct.error:
        return 1


def _find_orientation(body: bytes, order: str) -> int:
    (at,) = struct.unpack_from(f"{order}I", body, 4)
    (count,) = struct.unpack_from(f"{order}H", body, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, _type, _count, value = struct.unpack_from(f"{order}HHIH", body, entry)
        if tag == _ORIENTATION_TAG:
            return value if 1 <= value <= 8 else 1
    return 1


def _unpack_profile(text: str) -> bytes | None:
    """EXIF as ImageMagick writes it into a text block of a PNG: name, length, hex digits."""
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return None


@contextmanager
def _faults(data: bytes, format: str) -> Iterator[None]:
    """Turn whatever a decoder raises into a RenderFault that says what is wrong with the file."""
    try:
        with warnings.catch_warnings():
            # Readers warn of what does not matter here: broken metadata, sizes that we judge.
            warnings.simplefilter("ignore")
            yield
    except RenderFault:
        raise
    except MemoryError as error:
        raise _out_of_memory(format) from error
    except Image.DecompressionBombError as error:
        raise RenderFault("too-many-pixels", str(error)) from error
    except Exception as error:
        text = str(error) or type(error).__name__
        if "out of memory" in text.lower():
            raise _out_of_memory(format) from error
        raise RenderFault("corrupt-image", _in_words(text, format, data)) from error


def _out_of_memory(format: str) -> RenderFault:
    return RenderFault(
        "render-out-of-memory", f"decoding the {format.upper()} takes more memory than is allowed"
    )


def _in_words(text: str, format: str, data: bytes) -> str:
    early = _promises_more(data, format) or any(
        hint in text.lower() for hint in ("truncated", "ends early", "not enough data", "eof")
    )
    if early:
        return f"the {format.upper()} file ends early ({text})"
    return f"the {format.upper()} file is broken ({text})"


def _promises_more(data: bytes, format: str) -> bool:
    """Whether the lengths written in a WebP or an AVIF go beyond its end."""
    if format == "webp":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if format == "avif":
        at = 0
        while at + 8 <= len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            if length < 8:  # 0: to the end of the file; 1: a 64-bit length, which no picture needs
                return False
            at += length
        return at > len(data)
    return False
