"""Tests over real pictures, valid, hard and hostile: each ends as its manifest says.

The pictures lie in the folder ``shared`` beside the repository. What comes out is compared with an
independent decoder, libvips, and not with ourselves.
"""

import asyncio
import csv
import os
import threading
import time
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import psutil
import pytest
import uvloop
from PIL import Image

from worker.errors import RenderFault
from worker.pixels.children import RenderPool
from worker.pixels.renditions import Limits, Preset, Rendered
from worker.settings import Settings

IMAGES = Path(__file__).parents[3] / "shared" / "images" / "dev"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not IMAGES.is_dir(), reason=f"no pictures in {IMAGES}"),
]

LIMITS = Limits(
    50_000_000, frozenset({"jpeg", "png", "webp", "avif", "gif", "tiff", "bmp", "heic"})
)
PRESETS = [
    Preset("thumb", 200, 200, ("webp",), 85, 2),
    Preset("medium", 800, 800, ("webp", "avif", "jpeg"), 85, 2),
]
UNSUPPORTED = "reject-unsupported"
MOST_BYTES = 600_000_000
MOST_SECONDS = 10

# What libvips cannot read, reads wrongly, or may well show in another way.
NOT_COMPARED = {
    "edge/anim-avif__colors-animated-8bpc.avif": "libvips reads no animated AVIF",
    "edge/avif__fox.profile0.8bpc.yuv420.monochrome.avif": "it takes limited range for full range",
    "edge/cmyk__cmyk.jpg": "inks without a profile: it lifts their black",
    "edge/tiff__tiff_strip_cmyk_jpeg.tif": "inks without a profile: it lifts their black",
}

Pixels = npt.NDArray[np.float64]


class Ended(NamedTuple):
    """How one file of the manifest ended."""

    row: dict[str, str]
    outcome: Rendered | RenderFault | Exception
    seconds: float


class Run(NamedTuple):
    """All files, rendered by one pool, and the most memory that it took meanwhile, in bytes."""

    ended: dict[str, Ended]
    together: int
    alone: dict[int, int]


def resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


class Watch(threading.Thread):
    """Looks at the memory of the pool's processes, many times a second."""

    def __init__(self, pool: RenderPool) -> None:
        super().__init__(daemon=True)
        self._pool = pool
        self._over = threading.Event()
        self.together = 0
        self.alone: dict[int, int] = {}
        # What the test program itself holds (numpy, libvips, pytest) is not the pool's.
        self._own = resident(os.getpid())

    def run(self) -> None:
        while not self._over.wait(0.01):
            sizes = {pid: resident(pid) for pid in tuple(self._pool.pids)}
            sizes[os.getpid()] = max(0, resident(os.getpid()) - self._own)
            self.together = max(self.together, sum(sizes.values()))
            for pid, size in sizes.items():
                self.alone[pid] = max(self.alone.get(pid, 0), size)

    def end(self) -> None:
        self._over.set()
        self.join()


async def render_all(rows: list[dict[str, str]]) -> Run:
    pool = RenderPool(Settings(render_processes=2))
    watch = Watch(pool)
    watch.start()
    hands = asyncio.Semaphore(4)

    async def render_one(row: dict[str, str]) -> Ended:
        async with hands:
            data = await asyncio.to_thread((IMAGES / row["file"]).read_bytes)
            begun = time.monotonic()
            outcome: Rendered | RenderFault
            try:
                outcome = await pool.render(data, PRESETS, LIMITS)
            except RenderFault as error:
                outcome = error
            return Ended(row, outcome, time.monotonic() - begun)

    try:
        ended = await asyncio.gather(*map(render_one, rows))
    finally:
        watch.end()
        pool.close()
    return Run({one.row["file"]: one for one in ended}, watch.together, watch.alone)


@cache
def manifest() -> tuple[dict[str, str], ...]:
    if not IMAGES.is_dir():
        return ()
    with (IMAGES / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


@pytest.fixture(scope="module")
def run() -> Run:
    return uvloop.run(render_all(list(manifest())))


def files(*expected: str) -> list[str]:
    return [row["file"] for row in manifest() if row["expected"] in expected]


def files_of(category: str) -> list[str]:
    return [row["file"] for row in manifest() if row["category"] == category]


@pytest.mark.parametrize("file", files("ok"))
def test_a_good_picture_is_rendered_as_its_manifest_describes_it(run: Run, file: str) -> None:
    row, rendered, _seconds = run.ended[file]
    assert isinstance(rendered, Rendered), rendered
    size = (int(row["width"]), int(row["height"]))
    assert (rendered.width, rendered.height) in (size, size[::-1])
    # Further pictures behind a JPEG are none of its frames.
    if row["format"] != "MPO":
        assert rendered.format == row["format"].lower()
        assert rendered.frames == int(row["frames"] or 1)
    assert [(r.preset, r.format) for r in rendered.renditions] == [
        (preset.name, format) for preset in PRESETS for format in preset.formats
    ]
    for rendition in rendered.renditions:
        image = Image.open(BytesIO(rendition.data))
        image.load()
        assert image.size == (rendition.width, rendition.height)
        box = next(preset.width for preset in PRESETS if preset.name == rendition.preset)
        scale = min(box / rendered.width, box / rendered.height, 1)
        assert abs(image.width - max(1, rendered.width * scale)) <= 0.5
        assert abs(image.height - max(1, rendered.height * scale)) <= 0.5


@pytest.mark.parametrize("file", files("reject", UNSUPPORTED))
def test_a_bad_file_is_refused_with_a_reason_that_a_person_understands(run: Run, file: str) -> None:
    row, error, _seconds = run.ended[file]
    assert isinstance(error, RenderFault)
    assert error.reason in {
        "not-an-image",
        "unsupported-format",
        "corrupt-image",
        "too-many-pixels",
        "too-many-scans",
        "too-many-frames",
    }
    assert len(str(error)) > 10
    if row["expected"] == UNSUPPORTED:
        assert error.reason == "unsupported-format"
    if row["category"] == "bomb":
        assert "broken" not in str(error) or "too large" in str(error)


@pytest.mark.parametrize("file", files("either"))
def test_a_doubtful_file_is_rendered_or_refused_and_nothing_worse(run: Run, file: str) -> None:
    outcome = run.ended[file].outcome
    if isinstance(outcome, RenderFault):
        assert outcome.reason not in {"render-crashed", "render-timeout", "internal-error"}


@pytest.mark.parametrize("file", files_of("heic"))
def test_heic_is_rendered_for_suppliers_that_may_send_it(run: Run, file: str) -> None:
    rendered = run.ended[file].outcome
    assert isinstance(rendered, Rendered), rendered
    assert rendered.format == "heic"
    assert rendered.frames == 1


def test_no_file_takes_long_and_none_costs_a_child(run: Run) -> None:
    slow = {
        file: ended.seconds for file, ended in run.ended.items() if ended.seconds > MOST_SECONDS
    }
    assert not slow
    assert len(run.alone) == 3, "two children and their parent saw all files to the end"


def test_memory_stays_within_what_a_worker_may_take(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        alone = ", ".join(f"{size / 1e6:.0f}" for size in sorted(run.alone.values()))
        print(f"\npeak memory: {run.together / 1e6:.0f} MB together; of each: {alone} MB")
    assert run.together < MOST_BYTES


# An independent decoder.


def on_white(file: Path, width: int, height: int) -> Pixels:
    """The picture as libvips shows it, upright, in sRGB, on white, at exactly that size."""
    pyvips: Any = pytest.importorskip("pyvips")
    size = {"height": height, "size": "force"}
    image = pyvips.Image.thumbnail(
        str(file), width, **size, output_profile="srgb", intent="perceptual"
    )
    image = image.colourspace("srgb").cast("uchar")
    if image.hasalpha():
        image = image.flatten(background=255)
    array: Pixels = image.numpy().astype(np.float64)
    return array if array.ndim == 3 else np.repeat(array[..., None], 3, axis=2)


def comparable() -> list[str]:
    readable = (file for file in files("ok") if not file.endswith(".bmp"))
    return [file for file in readable if file not in NOT_COMPARED]


@pytest.mark.parametrize("file", comparable())
def test_pictures_look_as_an_independent_decoder_shows_them(run: Run, file: str) -> None:
    rendered = run.ended[file].outcome
    assert isinstance(rendered, Rendered)
    jpeg = rendered.renditions[-1]
    ours = np.asarray(Image.open(BytesIO(jpeg.data)).convert("RGB")).astype(np.float64)
    theirs = on_white(IMAGES / file, jpeg.width, jpeg.height)
    # Lossy encoding and another filter move single pixels, and whole parts only of tiny pictures.
    everywhere = float(np.abs(ours - theirs).mean())
    anywhere = float(np.abs(parts(ours) - parts(theirs)).max())
    is_tiny = jpeg.width * jpeg.height < 30_000
    assert everywhere < (16 if is_tiny else 6)
    assert anywhere < (16 if is_tiny else 8)


def parts(pixels: Pixels) -> Pixels:
    """Mean colours of 6 x 6 parts."""
    image = Image.fromarray(pixels.astype(np.uint8))
    return np.asarray(image.resize((6, 6), Image.Resampling.BILINEAR)).astype(np.float64)
