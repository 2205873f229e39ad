"""Owns WebP's shrink-on-load, through the libwebp that Pillow brings.

Pillow decodes every WebP at full size through the animation API, at 16 bytes per pixel: a gigabyte
for 65 megapixels. libwebp itself scales row by row while it decodes, in a few megabytes. Only large
still pictures take this way; where the library cannot be found, Pillow's own way serves all.
"""

import ctypes
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

# The ABI of decode.h that these structures mirror (libwebp 0.5 and later). The library compares
# the major part with its own and refuses a caller that differs.
_ABI_VERSION = 0x0209
_RGB, _RGBA = 0, 1
_STATUS = (
    "no error", "out of memory", "invalid parameter", "broken bitstream", "unsupported feature",
    "suspended", "aborted", "the file ends early",
)  # fmt: skip


class _Features(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("has_alpha", ctypes.c_int),
        ("has_animation", ctypes.c_int),
        ("format", ctypes.c_int),
        ("pad", ctypes.c_uint32 * 5),
    )


class _Rgba(ctypes.Structure):
    _fields_ = (("rgba", ctypes.c_void_p), ("stride", ctypes.c_int), ("size", ctypes.c_size_t))


class _Yuva(ctypes.Structure):
    _fields_ = (
        ("planes", ctypes.c_void_p * 4),
        ("strides", ctypes.c_int * 4),
        ("sizes", ctypes.c_size_t * 4),
    )


class _Samples(ctypes.Union):
    _fields_ = (("rgba", _Rgba), ("yuva", _Yuva))


class _Output(ctypes.Structure):
    _fields_ = (
        ("colorspace", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("is_external_memory", ctypes.c_int),
        ("samples", _Samples),
        ("pad", ctypes.c_uint32 * 4),
        ("private_memory", ctypes.c_void_p),
    )


class _Options(ctypes.Structure):
    _fields_ = (
        ("bypass_filtering", ctypes.c_int),
        ("no_fancy_upsampling", ctypes.c_int),
        ("use_cropping", ctypes.c_int),
        ("crop", ctypes.c_int * 4),
        ("use_scaling", ctypes.c_int),
        ("scaled_width", ctypes.c_int),
        ("scaled_height", ctypes.c_int),
        ("use_threads", ctypes.c_int),
        ("dithering_strength", ctypes.c_int),
        ("flip", ctypes.c_int),
        ("alpha_dithering_strength", ctypes.c_int),
        ("pad", ctypes.c_uint32 * 5),
    )


class _Config(ctypes.Structure):
    _fields_ = (("input", _Features), ("output", _Output), ("options", _Options))


class Header(NamedTuple):
    """What the first bytes of a WebP file promise."""

    width: int
    height: int
    has_alpha: bool
    animated: bool


@cache
def _library() -> ctypes.CDLL | None:
    """The libwebp that Pillow's WebP support is linked with, already loaded by importing it."""
    try:
        import_module("PIL._webp")
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except (ImportError, OSError):
        return None
    paths = {line.split(maxsplit=5)[5] for line in maps.splitlines() if "/libwebp" in line}
    for path in paths:
        if Path(path).name.startswith(("libwebp-", "libwebp.so")):
            library = ctypes.CDLL(path)
            return library if _speaks_our_abi(library) else None
    return None


def _speaks_our_abi(library: ctypes.CDLL) -> bool:
    config = _Config()
    return bool(library.WebPInitDecoderConfigInternal(ctypes.byref(config), _ABI_VERSION))


def available() -> bool:
    """Whether this module can decode; if not, its other functions must not be called."""
    return _library() is not None


def read_header(data: bytes) -> Header:
    """Size, alpha and animation of a WebP file, without decoding. Raises OSError."""
    library = _library()
    assert library is not None
    features = _Features()
    status = library.WebPGetFeaturesInternal(
        data, ctypes.c_size_t(len(data)), ctypes.byref(features), _ABI_VERSION
    )
    if status:
        raise OSError(f"libwebp: {_STATUS[status]}")
    return Header(
        features.width, features.height, bool(features.has_alpha), bool(features.has_animation)
    )


def find_chunk(data: bytes, name: bytes) -> bytes | None:
    """Content of the first chunk of that name in the file, such as ICCP or EXIF."""
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == name:
            return data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return None


def decode(data: bytes, size: tuple[int, int], *, alpha: bool) -> bytearray:
    """Pixels of a still WebP scaled to ``size``, as RGB or RGBA rows without padding.

    Raises OSError for a broken file and MemoryError.
    """
    library = _library()
    assert library is not None
    width, height = size
    stride = width * (4 if alpha else 3)
    pixels = bytearray(stride * height)
    config = _Config()
    if not library.WebPInitDecoderConfigInternal(ctypes.byref(config), _ABI_VERSION):
        raise OSError("libwebp: another ABI than at start")
    config.options.use_scaling = 1
    config.options.scaled_width, config.options.scaled_height = size
    config.output.colorspace = _RGBA if alpha else _RGB
    config.output.width, config.output.height = size
    # The pixels land in memory that Python owns, so that nothing has to be freed by hand.
    config.output.is_external_memory = 1
    target = (ctypes.c_char * len(pixels)).from_buffer(pixels)
    config.output.samples.rgba = _Rgba(ctypes.addressof(target), stride, len(pixels))
    status = library.WebPDecode(data, ctypes.c_size_t(len(data)), ctypes.byref(config))
    if status == 1:
        raise MemoryError("libwebp: out of memory")
    if status:
        raise OSError(f"libwebp: {_STATUS[status]}")
    return pixels
