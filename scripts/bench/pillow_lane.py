"""Owns the engines of the pixel bench that are Pillow: ours, the naive way, the codecs' floor.

The floor is what no pixel path on these codecs gets below: the decoder, told of the largest size
that is wanted, and the encoders with our settings, on pictures of the right size that were made
before the clock runs. ``resizing`` and ``fingerprints`` are what ours does besides.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from scripts.bench.pixel_lane import Engine, Output, by_side, serve
from worker.pixels import render as pixel_path
from worker.pixels.decode import Picture
from worker.pixels.renditions import Limits, Preset, fit
from worker.pixels.scale import shrink

LIMITS = Limits(50_000_000, frozenset({"jpeg", "png", "webp", "avif", "gif"}))
QUALITY, EFFORT = 85, 2

Images = dict[tuple[int, int], Image.Image]


def ours(data: bytes, outputs: Sequence[Output]) -> Callable[[], list[bytes]]:
    """worker.pixels.render as the workers call it, fingerprints and all checks included."""
    presets = [
        Preset(str(side), side, side, tuple(output.format for output in wanted), QUALITY, EFFORT)
        for side, wanted in by_side(outputs).items()
    ]
    return lambda: [r.data for r in pixel_path.render(data, presets, LIMITS).renditions]


def naive(data: bytes, outputs: Sequence[Output]) -> Callable[[], list[bytes]]:
    """What one writes first: decode everything, every size by LANCZOS from the whole picture."""
    return partial(_naive, data, outputs)


def _naive(data: bytes, outputs: Sequence[Output]) -> list[bytes]:
    image = ImageOps.exif_transpose(Image.open(BytesIO(data)))
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    files = []
    for side, wanted in by_side(outputs).items():
        small = image.resize(fit(image.size, (side, side)), Image.Resampling.LANCZOS)
        files += [_save(small, output) for output in wanted]
    return files


def _save(image: Image.Image, output: Output) -> bytes:
    """Pillow's own settings, but for AVIF, whose default speed would be no comparison."""
    file = BytesIO()
    if output.format == "jpeg":
        image.convert("RGB").save(file, "JPEG", quality=output.quality, progressive=True)
    elif output.format == "avif":
        image.save(file, "AVIF", quality=output.quality, speed=9, max_threads=1)
    else:
        image.save(file, "WEBP", quality=output.quality)
    return file.getvalue()


def floor(data: bytes, outputs: Sequence[Output]) -> Callable[[], list[bytes]]:
    """Scaled decode and encoding alone; equal pixels are encoded once, as ours does it."""
    sizes, images = _images(data, outputs)
    return partial(_floor, data, [(images[sizes[o.side]], o) for o in outputs], max(images))


def _floor(
    data: bytes, wanted: Sequence[tuple[Image.Image, Output]], largest: tuple[int, int]
) -> list[bytes]:
    _load(data, largest)
    made: dict[tuple[int, str], bytes] = {}
    for image, output in wanted:
        key = (id(image), output.format)
        if key not in made:
            made[key] = pixel_path.encode(image, output.format, QUALITY, EFFORT)
    return [made[id(image), output.format] for image, output in wanted]


def resizing(data: bytes, outputs: Sequence[Output]) -> Callable[[], list[bytes]]:
    """From the decoder's pixels to every size, as ours does it; no files come of it."""
    stored = Image.open(BytesIO(data)).size
    # As the picture lies in the file: turning it upright is not what is timed.
    sizes = {fit(stored, (output.side, output.side)) for output in outputs}
    loaded = _load(data, max(sizes))

    def resize() -> list[bytes]:
        pixel_path._cascade(shrink(loaded, max(sizes)), sizes)
        return []

    return resize


def fingerprints(data: bytes, outputs: Sequence[Output]) -> Callable[[], list[bytes]]:
    """The hashes and the placeholder, of the smallest size."""
    _, images = _images(data, outputs)

    def fingerprint() -> list[bytes]:
        pixel_path._fingerprints(images[min(images)])
        return []

    return fingerprint


def _images(data: bytes, outputs: Sequence[Output]) -> tuple[dict[int, tuple[int, int]], Images]:
    picture = Picture(data, LIMITS)
    largest = picture.decode([(output.side, output.side) for output in outputs])
    sizes = {output.side: fit(picture.size, (output.side,) * 2) for output in outputs}
    images = pixel_path._cascade(largest, set(sizes.values()))
    return sizes, {size: images[size] for size in sizes.values()}


def _load(data: bytes, size: tuple[int, int]) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.draft(None, size)
    image.load()
    return image


ENGINES: dict[str, Engine] = {
    "ours": ours,
    "floor": floor,
    "resizing": resizing,
    "fingerprints": fingerprints,
    "naive": naive,
}

if __name__ == "__main__":
    serve(ENGINES, Path(sys.argv[1]))
