"""Owns what a rendition looks like: SSIMULACRA2 beside the whole picture, scaled with care.

The reference is made apart from our pixel path: everything decoded, upright, in sRGB, on white,
LANCZOS from the full size. 100 is no difference, 80 is none that is seen, 70 is hard to notice.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from multiprocessing import get_context

from PIL import Image, ImageCms, ImageOps
from ssimulacra2 import compute_ssimulacra2


def score_all(pairs: Sequence[tuple[bytes, bytes]], processes: int) -> list[float]:
    """The score of each (source, rendition)."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        return list(pool.map(score, pairs))


def score(pair: tuple[bytes, bytes]) -> float:
    """The SSIMULACRA2 of a rendition; ``pair`` is the source's file and the rendition's."""
    source, rendition = (_seen(file) for file in pair)
    reference = source.resize(rendition.size, Image.Resampling.LANCZOS)
    return float(compute_ssimulacra2(_file(reference), _file(rendition)))


def _seen(data: bytes) -> Image.Image:
    """A file's picture as a browser shows it on white."""
    image = ImageOps.exif_transpose(Image.open(BytesIO(data)))
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(
                image, ImageCms.ImageCmsProfile(BytesIO(profile)), srgb, outputMode="RGB"
            )
        except ImageCms.PyCMSError:
            converted = None  # a profile that does not fit its pixels is no profile
        image = converted or image
    return image.convert("RGB")


def _file(image: Image.Image) -> BytesIO:
    file = BytesIO()
    image.save(file, "PPM")
    file.seek(0)
    return file
