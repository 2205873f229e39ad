"""Owns the engines of the pixel bench that are pyvips: by its defaults, and with our settings."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyvips

from scripts.bench.pixel_lane import Output, by_side, serve


def default(data: bytes, outputs: Sequence[Output]) -> Callable[[], list[bytes]]:
    """As its documentation does it: a thumbnail straight from the file for every size."""
    return partial(_default, data, outputs)


def _default(data: bytes, outputs: Sequence[Output]) -> list[bytes]:
    files = []
    for side, wanted in by_side(outputs).items():
        image = _thumbnail(data, side)
        if len(wanted) > 1:
            image = image.copy_memory()
        files += [_save(image, output, {}, {}) for output in wanted]
    return files


def tuned(data: bytes, outputs: Sequence[Output]) -> Callable[[], list[bytes]]:
    """One decode, each size from the next larger one, our encoders' efforts."""
    return partial(_tuned, data, outputs)


def _tuned(data: bytes, outputs: Sequence[Output]) -> list[bytes]:
    sides = by_side(outputs)
    image = _thumbnail(data, max(sides)).copy_memory()
    made = {}
    for side in sorted(sides, reverse=True):
        if side < max(image.width, image.height):
            image = image.thumbnail_image(side, height=side, size="down").copy_memory()
        for output in sides[side]:
            made[output] = _save(image, output, {"effort": 2}, {"effort": 0})
    return [made[output] for output in outputs]


def _thumbnail(data: bytes, side: int) -> Any:
    image = pyvips.Image.thumbnail_buffer(data, side, height=side, size="down")
    # Asked of the thumbnail itself it would transform pictures without a profile as well.
    if "icc-profile-data" in image.get_fields():
        return image.icc_transform("srgb")
    return image


def _save(image: Any, output: Output, webp: dict[str, int], avif: dict[str, int]) -> bytes:
    quality = {"Q": output.quality, "keep": "none"}
    if output.format == "jpeg":
        return bytes(image.jpegsave_buffer(**quality, interlace=True, background=[255]))
    if output.format == "avif":
        return bytes(image.heifsave_buffer(**quality, compression="av1", **avif))
    return bytes(image.webpsave_buffer(**quality, **webp))


if __name__ == "__main__":
    # It would remember a picture that it has seen; a mirror sees each once.
    pyvips.cache_set_max(0)
    serve({"pyvips": default, "pyvips_tuned": tuned}, Path(sys.argv[1]))
