"""Owns the way from a picture's own colour space to sRGB.

A profile is an untrusted file inside an untrusted file: one that is broken, or that is meant for
another kind of pixels, is passed over, and the pixels are taken for sRGB as a browser would.
"""

from functools import lru_cache
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

# Colour space of an ICC profile → the mode of the pixels that it can describe.
_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
# What coated offset paper looks like under each of the sixteen overprints of cyan (bit 0), magenta
# (1), yellow (2) and black (3), in sRGB: fitted to a common press profile, a mean error of 6 steps
# of 255 where the plain formula 255 - ink has 14 and turns a printed blue into a neon one.
_OVERPRINTS = np.array(
    [
        (255, 255, 255), (0, 152, 226), (236, 27, 132), (21, 34, 127),
        (248, 230, 12), (0, 150, 60), (244, 36, 28), (35, 30, 36),
        (20, 23, 24), (0, 24, 26), (39, 6, 17), (0, 0, 9),
        (37, 30, 1), (0, 15, 0), (27, 0, 0), (0, 0, 0),
    ],
    np.float32,
)  # fmt: skip
# Nothing that anybody can see: at most one step of 255 at any of the colours tried.
_INVISIBLE = 1


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture as sRGB; ``image`` is L, LA, RGB, RGBA or CMYK, the result any but CMYK."""
    if image.mode in ("LA", "RGBA"):
        alpha = image.getchannel("A")
        colour = image.getchannel("L") if image.mode == "LA" else image.convert("RGB")
        colour = to_srgb(colour, profile)
        return Image.merge(f"{colour.mode}A", (*colour.split(), alpha))
    if profile and (found := _transform(profile)):
        mode, transform = found
        if image.mode == mode:
            return transform.apply(image)
        # A grey picture may carry the profile of the camera or the scanner that took it.
        if image.mode == "L" and mode == "RGB":
            return transform.apply(image.convert("RGB"))
    return _without_profile(image) if image.mode == "CMYK" else image


def _without_profile(image: Image.Image) -> Image.Image:
    """CMYK of unknown inks: the mean of the overprints, weighted by how much of each there is."""
    inks = np.asarray(image).astype(np.float32) / np.float32(255)
    colours: npt.NDArray[np.float32] = _OVERPRINTS[:, None, None]
    for ink in (3, 2, 1, 0):
        half = len(colours) // 2
        cover = inks[..., ink, None]
        colours = colours[:half] * (1 - cover) + colours[half:] * cover
    return Image.fromarray((colours[0] + 0.5).astype(np.uint8))


@lru_cache(maxsize=16)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform] | None:
    """(mode of its input, transform) of a profile; None if it is unusable or as good as sRGB.

    Kept, because a shop's pictures share a profile or two and building a transform costs more than
    applying it.
    """
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _MODES.get(source.profile.xcolor_space.strip())
        if mode is None:
            return None
        transform = ImageCms.buildTransform(source, _srgb(), mode, "RGB")
        return None if mode == "RGB" and _changes_nothing(transform) else (mode, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a transform leaves a grid of 6 x 6 x 6 colours as it is: most profiles are sRGB's."""
    steps = range(0, 256, 51)
    colours = bytes(
        c for red in steps for green in steps for blue in steps for c in (red, green, blue)
    )
    grid = Image.frombytes("RGB", (36, 6), colours)
    after = transform.apply(grid).tobytes()
    return all(abs(a - b) <= _INVISIBLE for a, b in zip(colours, after, strict=True))
