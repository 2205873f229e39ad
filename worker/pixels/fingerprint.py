"""Owns the small numbers that stand for a picture: perceptual hash, colour signature, thumbhash.

They are plain arithmetic over small arrays of pixels, so that they can be tested against published
values, and know nothing of files, formats or decoders.
"""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

PHASH_SIDE = 32
SIGNATURE_SIDE = 8
# The published limit is 100; frequencies up to the seventh look the same at this size.
THUMBHASH_SIDE = 64


@lru_cache(maxsize=512)
def _cosines(length: int, count: int) -> Floats:
    """Rows of the cosine transform: ``count`` frequencies over ``length`` samples."""
    places = np.arange(length) + 0.5
    table: Floats = np.cos(np.pi / length * np.outer(np.arange(count), places))
    return table


def phash64(luma: Bytes) -> int:
    """Perceptual hash of a 32 x 32 luma picture, as the signed 64-bit number that Postgres stores.

    One bit for each of the 8 x 8 lowest frequencies: above their median or not. Pictures that
    differ by recompression or size alone are a few bits apart.
    """
    table = _cosines(PHASH_SIDE, 8)
    frequencies = table @ luma.astype(np.float64) @ table.T
    # Rounding lets the frequencies that a flat picture lacks be zero, not the noise of floats.
    coarse = np.round(frequencies, 3).ravel()
    bits = np.packbits(coarse > np.median(coarse))
    return int.from_bytes(bits.tobytes(), "big", signed=True)


def _waves(spectrum: Floats, nx: int, ny: int) -> tuple[float, list[float], float]:
    """Mean, scaled low frequencies (0 to 1, in the order they are stored) and their scale."""
    kept = [
        float(spectrum[cy, cx]) for cy in range(ny) for cx in range(nx) if cx * ny < nx * (ny - cy)
    ]
    scale = max(abs(wave) for wave in kept[1:])
    # A flat channel has the noise of floats for waves; scaled up, that would be a pattern.
    if scale < 1e-9:
        return kept[0], [0.0] * (len(kept) - 1), 0.0
    return kept[0], [0.5 + 0.5 / scale * wave for wave in kept[1:]], scale


def _whole(value: float) -> int:
    """Round half up, as the published encoder does (Python rounds half to even).

    A grey picture's colours lie exactly on a half; the noise of floats must not decide there.
    """
    return math.floor(value + 0.5 + 1e-9)


def _spectra(rgba: Bytes) -> tuple[Floats, bool]:
    """The 7 x 7 lowest frequencies of red, green, blue and alpha; whether anything shines through.

    Where it does, the mean colour of what is seen stands in for what is not.
    """
    height, width = rgba.shape[:2]
    planes = np.moveaxis(rgba, 2, 0).astype(np.float64) / 255.0
    translucent = bool(rgba[..., 3].min() < 255)
    if translucent:
        colour, alpha = planes[:3], planes[3]
        mean = (colour * alpha).sum(axis=(1, 2)) / (alpha.sum() or 1.0)
        planes[:3] = mean[:, None, None] * (1 - alpha) + colour * alpha
    else:
        planes = planes[:3]
    rows, columns = _cosines(height, 7), _cosines(width, 7)
    return rows @ planes @ columns.T / (width * height), translucent


def thumbhash(rgba: Bytes) -> bytes:
    """The ThumbHash placeholder of a picture of at most 100 x 100 pixels (height x width x 4).

    Written from the published algorithm (Evan Wallace, 2023); 5 to 25 bytes.
    """
    height, width = rgba.shape[:2]
    spectra, translucent = _spectra(rgba)
    red, green, blue = spectra[:3]
    most = 5 if translucent else 7  # Room for alpha is taken from luma.
    lx = max(1, _whole(most * width / max(width, height)))
    ly = max(1, _whole(most * height / max(width, height)))
    l_mean, l_waves, l_scale = _waves((red + green + blue) / 3, max(3, lx), max(3, ly))
    p_mean, p_waves, p_scale = _waves((red + green) / 2 - blue, 3, 3)
    q_mean, q_waves, q_scale = _waves(red - green, 3, 3)

    wide = width > height
    head = _whole(63 * l_mean) | _whole(31.5 + 31.5 * p_mean) << 6
    head |= _whole(31.5 + 31.5 * q_mean) << 12 | _whole(31 * l_scale) << 18 | translucent << 23
    shape = (ly if wide else lx) | _whole(63 * p_scale) << 3 | _whole(63 * q_scale) << 9
    packed: bytes = head.to_bytes(3, "little") + (shape | wide << 15).to_bytes(2, "little")
    waves = l_waves + p_waves + q_waves
    if translucent:
        a_mean, a_waves, a_scale = _waves(spectra[3], 5, 5)
        packed += bytes([_whole(15 * a_mean) | _whole(15 * a_scale) << 4])
        waves += a_waves
    return packed + _nibbles(waves)


def _nibbles(waves: list[float]) -> bytes:
    """Values of 0 to 1, four bits each, the low half of a byte first."""
    steps = [_whole(15 * wave) for wave in waves]
    if len(steps) % 2:
        steps.append(0)
    return bytes(low | high << 4 for low, high in zip(steps[::2], steps[1::2], strict=True))
