"""Owns making pixels fewer: modes that can be averaged, no halos, little memory.

Colours under transparency must not bleed into what is seen, so whatever has alpha is multiplied by
it before it is averaged and divided by it afterwards.
"""

import numpy as np
from PIL import Image

from worker.errors import RenderFault

Size = tuple[int, int]
Box = tuple[float, float, float, float]

# The resampling filter works on what is left once a whole-number reduction went as far as this
# times the wanted size. Measured: 2 costs more and shows no difference, 1 shows.
REDUCING_GAP = 1.5

_STRIP_PIXELS = 1 << 20
_PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
_UNSUPPORTED_MODES = {"LAB", "I", "F"}


def shrink(image: Image.Image, size: Size, box: Box | None = None) -> Image.Image:
    """The picture at ``size``, as L, LA, RGB, RGBA or CMYK.

    ``box`` is the part of it that counts; it may end between pixels.
    Raises RenderFault for pixels that no eye could see, such as 32-bit measurements.
    """
    mode = _working_mode(image)
    left, top, right, bottom = box or (0, 0, *image.size)
    factors = (_factor(right - left, size[0]), _factor(bottom - top, size[1]))
    if image.mode != mode and factors != (1, 1):
        image = _reduce_in_strips(image, mode, factors)
        box = (left / factors[0], top / factors[1], right / factors[0], bottom / factors[1])
    else:
        image = _convert(image, mode)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC, box, REDUCING_GAP)
    return image.convert(_PREMULTIPLIED[mode]) if mode in _PREMULTIPLIED else image


def without_idle_alpha(image: Image.Image) -> Image.Image:
    """The picture without its alpha if nothing shines through anywhere."""
    if image.mode in ("LA", "RGBA") and _is_opaque(image):
        return image.convert(image.mode[:-1])
    return image


def flatten(image: Image.Image) -> Image.Image:
    """The picture on white, as L or RGB."""
    if image.mode not in ("LA", "RGBA"):
        return image
    white = Image.new(image.mode[:-1], image.size, "white")
    white.paste(image.convert(image.mode[:-1]), mask=image.getchannel("A"))
    return white


def _factor(length: float, wanted: int) -> int:
    return int(length / wanted / REDUCING_GAP) or 1


def _is_opaque(image: Image.Image) -> bool:
    return image.getchannel("A").getextrema()[0] == 255


def _working_mode(image: Image.Image) -> str:
    """The mode that the picture's pixels can be averaged in."""
    if image.mode in _UNSUPPORTED_MODES:
        raise RenderFault(
            "unsupported-format", f"pixels of the kind {image.mode} are no picture for a screen"
        )
    if image.mode == "CMYK":
        return "CMYK"
    plain = "L" if image.mode in ("1", "L", "LA") or _is_16_bit(image) else "RGB"
    if not image.has_transparency_data or _is_16_bit(image):
        return plain
    if image.mode in ("LA", "PA", "RGBA") and _is_opaque(image):
        return plain
    return f"{plain}a" if plain == "RGB" else "La"


def _is_16_bit(image: Image.Image) -> bool:
    return image.mode.startswith("I;16")


def _convert(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == mode:
        return image
    if _is_16_bit(image):
        # Pillow would clip: everything above 255 would be white.
        deep = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    if mode in _PREMULTIPLIED:
        return image.convert(_PREMULTIPLIED[mode]).convert(mode)
    return image.convert(mode)


def _reduce_in_strips(image: Image.Image, mode: str, factors: Size) -> Image.Image:
    """Convert and average blocks of pixels, so that no whole converted copy ever exists."""
    across, down = factors
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width // down) * down
    reduced = Image.new(mode, (-(-width // across), -(-height // down)))
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        reduced.paste(_convert(strip, mode).reduce(factors), (0, top // down))
    return reduced
