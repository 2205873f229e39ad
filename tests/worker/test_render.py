"""Tests of what becomes of a picture's bytes; every picture is drawn here."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms, ImageDraw

from worker.errors import RenderFault
from worker.pixels import decode, libwebp
from worker.pixels.fingerprint import thumbhash
from worker.pixels.render import render
from worker.pixels.renditions import Limits, Preset, Rendered, Rendition, fit, recipe

Pixels = npt.NDArray[np.int_]

LIMITS = Limits(50_000_000, frozenset({"jpeg", "png", "webp", "avif", "gif", "tiff", "bmp"}))
THUMB = Preset("thumb", 200, 200, ("webp",), 85, 2)
MEDIUM = Preset("medium", 800, 800, ("webp",), 85, 2)
ALL_FORMATS = replace(MEDIUM, formats=("webp", "avif", "jpeg"))
# Lossy encoders move a colour by a few steps, never by this many.
CLOSE = 12


def save(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def drawn(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """A picture of which no two corners are alike."""
    width, height = size
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 2, height // 3), fill=(200, 30, 30))
    draw.rectangle((width // 2, 0, width, height // 4), fill=(30, 160, 60))
    draw.ellipse((width // 4, height // 3, width - 1, height - 1), fill=(40, 60, 200))
    return image.convert(mode)


def only(rendered: Rendered) -> Rendition:
    (rendition,) = rendered.renditions
    return rendition


def opened(rendition: Rendition) -> Image.Image:
    image = Image.open(BytesIO(rendition.data))
    image.load()
    return image


def pixels(rendition: Rendition, mode: str = "RGB") -> Pixels:
    return np.asarray(opened(rendition).convert(mode)).astype(np.int_)


def fault(data: bytes, limits: Limits = LIMITS) -> RenderFault:
    with pytest.raises(RenderFault) as caught:
        render(data, [THUMB], limits)
    return caught.value


@pytest.mark.parametrize(
    ("source", "box", "expected"),
    [
        ((1600, 1200), (800, 800), (800, 600)),
        ((1200, 1600), (800, 800), (600, 800)),
        ((1080, 1340), (800, 800), (645, 800)),
        ((640, 480), (800, 800), (640, 480)),
        ((800, 800), (800, 800), (800, 800)),
        ((801, 800), (800, 800), (800, 799)),
        ((10_000, 1), (200, 200), (200, 1)),
        ((3, 20_000), (800, 800), (1, 800)),
        ((1000, 1000), (300, 200), (200, 200)),
    ],
)
def test_a_picture_fits_its_box_and_is_never_enlarged(
    source: tuple[int, int], box: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert fit(source, box) == expected


def test_fitting_keeps_the_aspect_within_a_pixel() -> None:
    for width in range(1, 3000, 37):
        for height in range(1, 3000, 41):
            new_width, new_height = fit((width, height), (800, 500))
            assert 1 <= new_width <= min(800, width)
            assert 1 <= new_height <= min(500, height)
            scale = min(800 / width, 500 / height, 1)
            assert abs(new_width - max(1, width * scale)) <= 0.5
            assert abs(new_height - max(1, height * scale)) <= 0.5


def test_every_preset_is_made_in_every_format() -> None:
    rendered = render(save(drawn((1000, 700)), "JPEG"), [THUMB, ALL_FORMATS], LIMITS)
    made = [(r.preset, r.format, r.width, r.height) for r in rendered.renditions]
    assert made == [
        ("thumb", "webp", 200, 140),
        ("medium", "webp", 800, 560),
        ("medium", "avif", 800, 560),
        ("medium", "jpeg", 800, 560),
    ]
    for rendition in rendered.renditions:
        image = opened(rendition)
        assert (image.format or "").lower() == rendition.format
        assert image.size == (rendition.width, rendition.height)


def test_presets_that_come_out_alike_are_both_listed() -> None:
    rendered = render(save(drawn((150, 100))), [THUMB, MEDIUM], LIMITS)
    thumb, medium = rendered.renditions
    assert (thumb.preset, medium.preset) == ("thumb", "medium")
    assert thumb.recipe != medium.recipe
    assert thumb.data == medium.data
    assert opened(thumb).size == (150, 100)


def test_presets_of_different_aspect_get_their_own_sizes() -> None:
    wide = Preset("wide", 900, 100, ("webp",), 85, 2)
    high = Preset("high", 300, 600, ("webp",), 85, 2)
    rendered = render(save(drawn((1200, 800))), [wide, high], LIMITS)
    assert [opened(r).size for r in rendered.renditions] == [(150, 100), (300, 200)]


def test_the_source_is_described_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    rendered = render(save(drawn((300, 200)), "JPEG", exif=exif), [THUMB], LIMITS)
    assert (rendered.width, rendered.height, rendered.frames) == (200, 300, 1)
    assert (rendered.format, rendered.content_type) == ("jpeg", "image/jpeg")


# What a camera does to an upright picture so that a viewer that obeys the tag shows it upright.
STORED_AS: dict[int, Callable[[Image.Image], Image.Image]] = {
    1: lambda image: image,
    2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda image: image.transpose(Image.Transpose.ROTATE_180),
    4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    6: lambda image: image.transpose(Image.Transpose.ROTATE_90),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    8: lambda image: image.transpose(Image.Transpose.ROTATE_270),
}


@pytest.mark.parametrize("orientation", STORED_AS)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_comes_out_upright(format: str, orientation: int) -> None:
    upright = drawn((600, 400))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = save(STORED_AS[orientation](upright), format, exif=exif)
    rendered = render(data, [THUMB], LIMITS)
    assert (rendered.width, rendered.height) == (600, 400)
    expected = np.asarray(upright.resize((200, 133), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(pixels(only(rendered)) - expected).mean() < 4


def test_a_tall_box_is_measured_on_the_upright_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    box = Preset("tall", 100, 400, ("webp",), 85, 2)
    for format in ("JPEG", "PNG"):
        data = save(drawn((2000, 1000)), format, exif=exif)
        assert opened(only(render(data, [box], LIMITS))).size == (100, 200)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0MM\0*",
        b"Exif\0\0MM\0*\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\x01\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0",
        b"Exif\0\0garbage and more",
    ],
)
def test_broken_exif_never_breaks_a_good_picture(exif: bytes) -> None:
    rendered = render(save(drawn((60, 40)), "JPEG", exif=exif), [THUMB], LIMITS)
    assert (rendered.width, rendered.height) == (60, 40)


def swapped_profile() -> bytes:
    """An sRGB profile in which red and green have changed places: nobody can miss it at work."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"____").replace(b"gXYZ", b"rXYZ").replace(b"____", b"gXYZ")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_an_embedded_profile_is_applied(mode: str) -> None:
    red = Image.new("RGB", (50, 50), (255, 0, 0)).convert(mode)
    if mode == "RGBA":
        red.putpixel((0, 0), (255, 0, 0, 0))
    data = save(red, icc_profile=swapped_profile())
    middle = pixels(only(render(data, [THUMB], LIMITS)))[25, 25]
    assert np.abs(middle - (0, 255, 0)).max() <= CLOSE


def test_a_grey_picture_may_carry_a_profile_for_colours() -> None:
    grey = Image.new("L", (50, 50), 128)
    data = save(grey, "JPEG", icc_profile=swapped_profile())
    assert np.abs(pixels(only(render(data, [THUMB], LIMITS)))[25, 25] - 128).max() <= CLOSE


@pytest.mark.parametrize("profile", [b"nonsense", swapped_profile()[:200], b"\0" * 128])
def test_a_broken_profile_is_passed_over(profile: bytes) -> None:
    red = Image.new("RGB", (50, 50), (255, 0, 0))
    data = save(red, "JPEG", icc_profile=profile)
    assert np.abs(pixels(only(render(data, [THUMB], LIMITS)))[25, 25] - (255, 0, 0)).max() <= CLOSE


def test_inks_without_a_profile_look_as_printed() -> None:
    for inks, colour in [
        ((0, 0, 0, 0), (255, 255, 255)),
        ((255, 0, 0, 0), (0, 152, 226)),
        ((0, 255, 255, 0), (244, 36, 28)),
        ((0, 0, 0, 255), (20, 23, 24)),
    ]:
        # Pillow writes CMYK JPEGs as Adobe does, inverted and marked so.
        for format in ("JPEG", "TIFF"):
            data = save(Image.new("CMYK", (64, 64), inks), format)
            shown = pixels(only(render(data, [THUMB], LIMITS)))[32, 32]
            assert np.abs(shown - colour).max() <= CLOSE


def test_sixteen_bit_grey_keeps_its_range() -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (64, 1))
    data = save(Image.fromarray(ramp))
    assert Image.open(BytesIO(data)).mode == "I;16"
    shown = pixels(only(render(data, [MEDIUM], LIMITS)), "L")[32]
    assert np.abs(shown - np.arange(256)).max() <= CLOSE


def disc(colour: tuple[int, int, int], hidden: tuple[int, int, int], size: int) -> Image.Image:
    """An opaque disc; ``hidden`` is the colour of the pixels around it, which nobody should see."""
    image = Image.new("RGBA", (size, size), (*hidden, 0))
    ImageDraw.Draw(image).ellipse((size // 8,) * 2 + (size * 7 // 8,) * 2, fill=(*colour, 255))
    return image


@pytest.mark.parametrize("size", [500, 3000])
def test_colours_under_transparency_leave_no_halo(size: int) -> None:
    data = save(disc((255, 255, 255), (0, 0, 0), size))
    rendered = render(data, [replace(THUMB, formats=("webp", "avif", "jpeg"))], LIMITS)
    webp, avif, jpeg = rendered.renditions
    for rendition in (webp, avif):
        shown = pixels(rendition, "RGBA")
        assert shown[0, 0, 3] == 0
        assert shown[100, 100, 3] == 255
        seen = shown[shown[..., 3] > 40][:, :3]
        assert seen.min() > 255 - 2 * CLOSE, "the white disc got a dark rim"
    assert pixels(jpeg).min() > 255 - CLOSE, "a white disc on white shows nothing at all"


def test_transparency_is_kept_in_grey_and_palette_pictures() -> None:
    grey = Image.new("LA", (40, 40), (90, 0))
    grey.paste((90, 255), (10, 10, 30, 30))
    palette = disc((200, 30, 30), (30, 200, 30), 40).quantize(16)
    for image in (grey, palette):
        shown = pixels(only(render(save(image), [THUMB], LIMITS)), "RGBA")
        assert shown[0, 0, 3] == 0
        assert shown[20, 20, 3] == 255


def test_alpha_that_hides_nothing_is_not_encoded() -> None:
    image = drawn((300, 200)).convert("RGBA")
    assert opened(only(render(save(image), [MEDIUM], LIMITS))).mode == "RGB"


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "I;16"])
def test_large_pictures_are_reduced_in_strips_to_what_they_would_be_whole(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "I;16":
        grey = np.asarray(drawn((2600, 1900), "L")).astype(np.uint16) * 257
        image = Image.fromarray(grey)
    else:
        image = drawn((2600, 1900), mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(drawn((2600, 1900), "L"))
    in_strips = only(render(save(image), [THUMB], LIMITS))
    monkeypatch.setattr("worker.pixels.scale._STRIP_PIXELS", 1 << 40)
    whole = only(render(save(image), [THUMB], LIMITS))
    assert in_strips.data == whole.data


def test_nothing_of_the_metadata_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret words"
    data = save(
        drawn((300, 200)),
        "JPEG",
        exif=exif,
        icc_profile=swapped_profile(),
        comment=b"secret words",
        xmp=b"<x:xmpmeta>secret words</x:xmpmeta>",
    )
    for rendition in render(data, [ALL_FORMATS], LIMITS).renditions:
        assert b"secret" not in rendition.data
        info = opened(rendition).info
        assert not {"exif", "icc_profile", "xmp", "comment"} & info.keys()


def test_the_first_frame_of_an_animation_is_shown() -> None:
    red, blue = Image.new("RGB", (60, 40), (220, 20, 20)), Image.new("RGB", (60, 40), (20, 20, 220))
    for format in ("GIF", "PNG", "WEBP", "AVIF"):
        data = save(red, format, save_all=True, append_images=[blue, red])
        rendered = render(data, [THUMB], LIMITS)
        assert rendered.frames == 3
        shown = pixels(only(rendered))[20, 30]
        assert np.abs(shown - (220, 20, 20)).max() <= 2 * CLOSE


def test_progressive_jpeg_is_what_is_written() -> None:
    data = save(drawn((1000, 700)))
    (jpeg,) = render(data, [replace(MEDIUM, formats=("jpeg",))], LIMITS).renditions
    assert opened(jpeg).info["progressive"] == 1


# Refusals.


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"", "not-an-image", "empty"),
        (b"<!doctype html><html>sign in", "not-an-image", "an HTML page came instead"),
        (b'{"error": "gone"}', "not-an-image", "a JSON file came instead"),
        (b"\0" * 5000, "not-an-image", "no picture of a known format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported-format", "SVG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported-format", "HEIC"),
        (b"\xff\x0a\0\0", "unsupported-format", "JXL"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(data: bytes, reason: str, words: str) -> None:
    error = fault(data)
    assert error.reason == reason
    assert words in str(error)
    assert not error.retryable


def test_a_format_that_the_supplier_may_not_send_is_refused() -> None:
    error = fault(save(drawn((20, 20)), "BMP"), Limits(50_000_000, frozenset({"jpeg", "png"})))
    assert error.reason == "unsupported-format"
    assert "BMP" in str(error)
    assert "jpeg, png" in str(error)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.97])
@pytest.mark.parametrize("format", ["JPEG", "progressive", "PNG", "WEBP", "AVIF", "GIF"])
def test_a_file_that_ends_early_gives_no_picture(format: str, kept: float) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    options = {"progressive": True} if format == "progressive" else {}
    data = save(Image.fromarray(noise), "JPEG" if format == "progressive" else format, **options)
    error = fault(data[: int(len(data) * kept)])
    assert error.reason == "corrupt-image"
    assert "ends early" in str(error)


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels and has none."""

    def chunk(name: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(name + body)
        return struct.pack("!I", len(body)) + name + body + struct.pack("!I", crc)

    header = struct.pack("!IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


def test_a_bomb_is_refused_by_its_header() -> None:
    error = fault(png_header(50_000, 50_000))
    assert error.reason == "too-many-pixels"
    assert "2,500.0 megapixels" in str(error)
    assert "at most 50.0" in str(error)


def test_formats_that_shrink_while_decoding_have_twice_the_budget() -> None:
    limits = replace(LIMITS, max_pixels=10_000)
    image = drawn((120, 150))
    for format in ("JPEG", "WEBP"):
        assert render(save(image, format), [THUMB], limits).width == 120
    for format in ("PNG", "GIF", "AVIF", "TIFF", "BMP"):
        assert fault(save(image, format), limits).reason == "too-many-pixels"
    for format in ("JPEG", "WEBP"):
        assert fault(save(drawn((151, 150)), format), limits).reason == "too-many-pixels"


def test_the_frames_of_an_animation_share_the_budget() -> None:
    frames = [Image.new("L", (100, 100), shade) for shade in range(8, 240, 8)]
    limits = replace(LIMITS, max_pixels=250_000)
    for format in ("GIF", "PNG", "WEBP"):
        data = save(frames[0], format, save_all=True, append_images=frames[1:])
        error = fault(data, limits)
        assert error.reason == "too-many-frames"
        assert "29 frames of 100 x 100" in str(error)


def with_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes back until there are ``count`` of them."""
    data = save(drawn((64, 64)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    scan = data[last:-2]
    return data[:-2] + scan * (count - data.count(b"\xff\xda")) + data[-2:]


def test_a_scan_bomb_is_refused_before_it_is_decoded() -> None:
    assert render(with_scans(decode.MAX_SCANS), [THUMB], LIMITS).width == 64
    error = fault(with_scans(decode.MAX_SCANS + 1))
    assert error.reason == "too-many-scans"
    assert "101 scans" in str(error)


def test_scan_markers_within_metadata_are_not_scans() -> None:
    data = save(drawn((64, 64)), "JPEG", comment=b"\xff\xda" * 500)
    assert render(data, [THUMB], LIMITS).width == 64


def test_a_text_bomb_in_a_png_is_refused() -> None:
    bomb = zlib.compress(b"\0" * 50_000_000)
    chunk = b"zTXtbomb"[4:] + b"\0\0" + bomb
    whole = struct.pack("!I", len(chunk)) + b"zTXt" + chunk
    whole += struct.pack("!I", zlib.crc32(b"zTXt" + chunk))
    data = save(drawn((20, 20)))
    assert fault(data[:33] + whole + data[33:]).reason == "corrupt-image"


def test_measurements_are_no_picture() -> None:
    heights = Image.fromarray(np.zeros((20, 20), np.float32))
    assert fault(save(heights, "TIFF")).reason == "unsupported-format"


# WebP's shrink-on-load.


@pytest.mark.parametrize("alpha", [False, True])
def test_a_large_webp_is_scaled_by_its_decoder_to_the_same_picture(
    alpha: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert libwebp.available()
    image = disc((200, 30, 30), (0, 0, 0), 1800) if alpha else drawn((2200, 1500))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = save(image, "WEBP", quality=90, exif=exif, icc_profile=swapped_profile())
    scaled = render(data, [THUMB], LIMITS)
    monkeypatch.setattr(decode, "_LARGE_WEBP_PIXELS", 1 << 40)
    whole = render(data, [THUMB], LIMITS)
    assert (scaled.width, scaled.height) == (whole.width, whole.height)
    mode = "RGBA" if alpha else "RGB"
    difference = np.abs(pixels(only(scaled), mode) - pixels(only(whole), mode))
    if alpha:
        difference = difference[pixels(only(whole), mode)[..., 3] > 200]
    assert difference.mean() < 2


def test_a_large_webp_that_ends_early_gives_no_picture() -> None:
    data = save(drawn((2200, 1500)), "WEBP")
    error = fault(data[: len(data) // 2])
    assert error.reason == "corrupt-image"
    assert "ends early" in str(error)


# Recipes and fingerprints.


def test_a_recipe_names_all_that_shapes_the_bytes_and_nothing_else() -> None:
    same = recipe(MEDIUM, "webp")
    assert same == recipe(replace(MEDIUM, name="other", formats=("webp", "jpeg")), "webp")
    assert len(same) == 12
    assert int(same, 16) >= 0
    changed = [
        recipe(replace(MEDIUM, width=801), "webp"),
        recipe(replace(MEDIUM, height=801), "webp"),
        recipe(replace(MEDIUM, quality=86), "webp"),
        recipe(replace(MEDIUM, effort=3), "webp"),
        recipe(MEDIUM, "avif"),
        recipe(MEDIUM, "jpeg"),
    ]
    assert len({same, *changed}) == 7


def bits_apart(one: int, other: int) -> int:
    return ((one ^ other) & (1 << 64) - 1).bit_count()


def test_fingerprints_survive_recompression_and_scaling() -> None:
    image = drawn((900, 700))
    original = render(save(image), [THUMB, MEDIUM], LIMITS)
    for copy in (
        save(image, "JPEG", quality=40),
        save(image, "WEBP", quality=50),
        save(image.resize((270, 210), Image.Resampling.BICUBIC)),
    ):
        again = render(copy, [THUMB, MEDIUM], LIMITS)
        assert bits_apart(original.phash, again.phash) <= 4
        assert colours_apart(original, again) <= 6
    assert -(1 << 63) <= original.phash < 1 << 63


def colours_apart(one: Rendered, other: Rendered) -> float:
    arrays = [np.frombuffer(r.signature, np.uint8).astype(int) for r in (one, other)]
    assert arrays[0].shape == (192,)
    return float(np.abs(arrays[0] - arrays[1]).mean())


def test_different_pictures_have_different_hashes() -> None:
    one = render(save(drawn((600, 400))), [THUMB], LIMITS)
    other = render(save(drawn((600, 400)).rotate(180)), [THUMB], LIMITS)
    assert bits_apart(one.phash, other.phash) > 16


def test_the_signature_tells_the_red_cap_from_the_black_one() -> None:
    caps = [
        render(save(disc(colour, (0, 0, 0), 400)), [THUMB], LIMITS)
        for colour in ((150, 0, 0), (45, 45, 45))
    ]
    assert bits_apart(caps[0].phash, caps[1].phash) <= 4
    assert colours_apart(caps[0], caps[1]) > 6


def ramps(width: int, height: int, *, alpha: bool) -> npt.NDArray[np.uint8]:
    y, x = np.mgrid[0:height, 0:width]
    see_through = np.minimum(255, (x + y) * 4) if alpha else np.full_like(x, 255)
    red, green = x * 255 // (width - 1), y * 255 // (height - 1)
    return np.stack([red, green, x * y % 256, see_through], axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("width", "height", "alpha", "expected"),
    [
        (60, 40, False, "5ef80d259a7076777077877788688777b0900bf878"),
        (40, 64, True, "a2e8851b142b80a1987888b0b10be96873776078867877"),
    ],
)
def test_thumbhash_is_what_the_reference_makes(
    width: int, height: int, alpha: bool, expected: str
) -> None:
    """The expected values come from the Rust implementation by the format's author."""
    assert thumbhash(ramps(width, height, alpha=alpha)).hex() == expected


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (900, 2), (64, 64)])
def test_flat_and_tiny_pictures_have_fingerprints_too(size: tuple[int, int]) -> None:
    rendered = render(save(Image.new("RGB", size, (250, 250, 250))), [THUMB, MEDIUM], LIMITS)
    assert len(rendered.signature) == 192
    assert 5 <= len(rendered.thumbhash) <= 25
    assert rendered.phash in (0, -(1 << 63))
