"""Owns what is made of a picture: one decode, then sizes, formats and fingerprints in one pass.

Sizes cascade downward, each from a larger one, so that a large source is read once and small sizes
cost next to nothing. Only this module and those it stands on (decode, colour, scale) import Pillow;
they run in the child processes of worker.pixels.children.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO

import numpy as np
from PIL import Image

from worker.pixels import fingerprint
from worker.pixels.decode import Picture
from worker.pixels.renditions import Limits, Preset, Rendered, Rendition, fit, recipe
from worker.pixels.scale import Size, flatten, shrink
from worker.sniff import CONTENT_TYPES

__all__ = ["Limits", "Preset", "Rendered", "Rendition", "recipe", "render"]

Admit = Callable[[int], AbstractContextManager[object]]

# A smaller size is made from one at least so many times larger, if there is one: sharper than from
# its next neighbour, cheaper than from the largest.
_CASCADE_STEP = 1.5


def render(
    data: bytes,
    presets: Sequence[Preset],
    limits: Limits,
    *,
    admit: Admit = lambda peak_bytes: nullcontext(),
) -> Rendered:
    """Make every preset in every format of it from the bytes of one untrusted file.

    ``admit`` is entered, with the bytes of memory that are about to be needed, around the decode.
    Raises RenderFault; its reason tells what is wrong with the file.
    """
    picture = Picture(data, limits)
    with admit(picture.peak_bytes):
        largest = picture.decode([(preset.width, preset.height) for preset in presets])
    sizes = [fit(picture.size, (preset.width, preset.height)) for preset in presets]
    images = _cascade(largest, set(sizes))
    phash, signature, thumbhash = _fingerprints(images[min(images)])
    return Rendered(
        format=picture.format,
        content_type=CONTENT_TYPES[picture.format],
        width=picture.size[0],
        height=picture.size[1],
        frames=picture.frames,
        phash=phash,
        signature=signature,
        thumbhash=thumbhash,
        renditions=tuple(_renditions(presets, sizes, images)),
    )


def _cascade(largest: Image.Image, sizes: set[Size]) -> dict[Size, Image.Image]:
    images = {largest.size: largest}
    for size in sorted(sizes, reverse=True):
        if size not in images:
            images[size] = shrink(_parent(images, size), size)
    return images


def _parent(images: dict[Size, Image.Image], size: Size) -> Image.Image:
    enough = [s for s in images if max(s) >= _CASCADE_STEP * max(size)]
    return images[min(enough) if enough else max(images)]


def _renditions(
    presets: Sequence[Preset], sizes: Sequence[Size], images: dict[Size, Image.Image]
) -> list[Rendition]:
    """Every preset in every format; equal pixels are encoded once."""
    made: dict[tuple[Size, str, int, int], bytes] = {}
    renditions = []
    for preset, size in zip(presets, sizes, strict=True):
        for format in preset.formats:
            key = (size, format, preset.quality, preset.effort)
            if key not in made:
                made[key] = encode(images[size], format, preset.quality, preset.effort)
            renditions.append(
                Rendition(preset.name, format, recipe(preset, format), *size, made[key])
            )
    return renditions


def encode(image: Image.Image, format: str, quality: int, effort: int) -> bytes:
    """The file of an L, LA, RGB or RGBA picture; ``quality`` and ``effort`` as in Preset."""
    file = BytesIO()
    if format == "webp":
        image.save(file, "WEBP", quality=quality, method=min(effort, 6))
    elif format == "avif":
        # Measured at equal SSIMULACRA2: AVIF 68 is WebP 85. Speed 8 is 3 times slower than 9 for
        # a tenth fewer bytes, so that only an effort above WebP's usual 2 asks for it.
        image.save(
            file,
            "AVIF",
            quality=round(quality * 0.8),
            speed=max(6, min(10, 11 - effort)),
            max_threads=1,
        )
    elif format == "jpeg":
        flatten(image).save(file, "JPEG", quality=quality, progressive=True)
    else:
        raise ValueError(f"no encoder writes {format!r}")
    return file.getvalue()


def _fingerprints(image: Image.Image) -> tuple[int, bytes, bytes]:
    """phash, signature and thumbhash, of the smallest size that exists."""
    seen = flatten(image).convert("RGB")
    luma = _averaged(seen.convert("L"), (fingerprint.PHASH_SIDE,) * 2)
    colours = _averaged(seen, (fingerprint.SIGNATURE_SIDE,) * 2)
    small = image.reduce(-(-max(image.size) // fingerprint.THUMBHASH_SIDE)).convert("RGBA")
    return (
        fingerprint.phash64(np.asarray(luma)),
        colours.tobytes(),
        fingerprint.thumbhash(np.asarray(small)),
    )


def _averaged(image: Image.Image, size: Size) -> Image.Image:
    """The picture at exactly ``size``, each pixel a mean of its surroundings.

    Parts that overlap (bilinear) find more crops and scaled copies again than parts side by side
    (box), whose edges jump with the size of the source.
    """
    return image.resize(size, Image.Resampling.BILINEAR)
