"""Which changes of a picture are swapped in silently and which are held, and where the line lies.

Pairs are made of real or drawn pictures: the same one recompressed, resized, slightly cropped or
exposed otherwise, which should be swapped in silently; and another photo, or the same thing in
another colour, which should be held. Fingerprints come from worker.pixels.render, as in the worker,
and the decision from likeness.compare_pictures() in a real Postgres. The curve shows other lines.
"""

import argparse
import itertools
import json
import random
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance
from pydantic import SecretStr

from scripts.bench.picture_origin import read_pictures
from worker.db import Connection, connect
from worker.demo.pictures import draw_samples
from worker.embedded import EmbeddedPostgres
from worker.errors import RenderFault
from worker.migrate import migrate
from worker.pixels.render import render
from worker.pixels.renditions import Limits, Preset
from worker.settings import Settings

THUMB = (Preset("thumb", 200, 200, ("webp",), 85, 0),)
LIMITS = Limits(50_000_000, frozenset({"jpeg", "png", "webp", "avif", "gif"}))
SIDE = 800
MOST_OTHER_PAIRS = 20_000
# Less than this and nobody sees that the colour is another (grey things have no hue to turn).
VISIBLE_RECOLOURING = 30
CURVE = tuple(step / 20 for step in range(4, 20))
AT = 0.5

Picture = Image.Image
Change = Callable[[Picture], bytes]
Looks = tuple[int, bytes]


@dataclass(frozen=True)
class Pair:
    """Two pictures as compare_pictures() takes them, and what was done to the second."""

    kind: str
    is_small: bool
    one: Looks
    other: Looks


def _encode(picture: Picture, format: str = "JPEG", quality: int = 85) -> bytes:
    file = BytesIO()
    picture.save(file, format, quality=quality)
    return file.getvalue()


def _scaled(picture: Picture, by: float) -> Picture:
    size = (max(1, round(picture.width * by)), max(1, round(picture.height * by)))
    return picture.resize(size, Image.Resampling.BICUBIC)


def _cropped(picture: Picture, share: float) -> Picture:
    """Without so much of each side."""
    x, y = picture.width * share, picture.height * share
    return picture.crop((round(x), round(y), round(picture.width - x), round(picture.height - y)))


def _balanced(picture: Picture, red: float, blue: float) -> Picture:
    pixels = np.asarray(picture).astype(np.float64) * (red, 1, blue)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _recoloured(picture: Picture, turn: int) -> Picture:
    pixels = np.array(picture.convert("HSV"))
    pixels[..., 0] = (pixels[..., 0].astype(np.int64) + turn) % 256
    return Image.fromarray(pixels, "HSV").convert("RGB")


SMALL: Mapping[str, Change] = {
    "recompressed_jpeg_60": lambda p: _encode(p, quality=60),
    "recompressed_jpeg_30": lambda p: _encode(p, quality=30),
    "recompressed_webp_50": lambda p: _encode(p, "WEBP", 50),
    "resized_to_half": lambda p: _encode(_scaled(p, 0.5)),
    "resized_to_quarter": lambda p: _encode(_scaled(p, 0.25)),
    "cropped_1_percent_a_side": lambda p: _encode(_cropped(p, 0.01)),
    "cropped_2_percent_a_side": lambda p: _encode(_cropped(p, 0.02)),
    "cropped_3_percent_a_side": lambda p: _encode(_cropped(p, 0.03)),
    "exposed_5_percent_more": lambda p: _encode(ImageEnhance.Brightness(p).enhance(1.05)),
    "exposed_10_percent_less": lambda p: _encode(ImageEnhance.Brightness(p).enhance(0.9)),
    "white_balance_5_percent": lambda p: _encode(_balanced(p, 1.05, 0.95)),
    "saturation_20_percent_less": lambda p: _encode(ImageEnhance.Color(p).enhance(0.8)),
}
RECOLOURED: Mapping[str, Change] = {
    "recoloured_quarter_turn": lambda p: _encode(_recoloured(p, 64)),
    "recoloured_half_turn": lambda p: _encode(_recoloured(p, 128)),
}
OTHER = "another_photo"


def _looks(data: bytes) -> Looks:
    rendered = render(data, THUMB, LIMITS)
    return rendered.phash, rendered.signature


def _opened(data: bytes) -> Picture:
    file = Image.open(BytesIO(data))
    file.draft("RGB", (SIDE, SIDE))
    picture: Picture = file
    if picture.mode in ("RGBA", "LA", "P", "PA"):
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    rgb = picture.convert("RGB")
    rgb.thumbnail((SIDE, SIDE))
    return rgb


def _is_visible(one: Looks, other: Looks) -> bool:
    before, after = (np.frombuffer(looks[1], np.uint8).astype(np.int64) for looks in (one, other))
    changes = np.sort(np.abs(before - after).reshape(-1, 3).max(axis=1))
    return bool(changes[-6:].mean() >= VISIBLE_RECOLOURING)


def make_pairs(pictures: Sequence[bytes]) -> list[Pair]:
    """All changes of each picture, and each picture beside others (a sample of so many pairs)."""
    pairs, originals = [], []
    for data in pictures:
        try:
            picture = _opened(data)
            one = _looks(_encode(picture, "PNG"))
        except (OSError, RenderFault):
            continue  # The folder may hold what is no picture.
        originals.append(one)
        for kind, change in SMALL.items():
            pairs.append(Pair(kind, True, one, _looks(change(picture))))
        for kind, change in RECOLOURED.items():
            other = _looks(change(picture))
            if _is_visible(one, other):
                pairs.append(Pair(kind, False, one, other))
    others = [pair for pair in itertools.combinations(originals, 2) if pair[0] != pair[1]]
    random.Random(1).shuffle(others)  # noqa: S311  (the same sample each time, of no secret)
    return pairs + [Pair(OTHER, False, *pair) for pair in others[:MOST_OTHER_PAIRS]]


def compare(connection: Connection, pairs: Sequence[Pair]) -> list[tuple[bool, float]]:
    """What likeness.compare_pictures() says of each pair: is_same, similarity."""
    rows = connection.execute(
        "select c.is_same, c.similarity"
        " from unnest(%s::bigint[], %s::bytea[], %s::bigint[], %s::bytea[]) with ordinality"
        "   p (one, one_signature, other, other_signature, turn)"
        " cross join lateral"
        "   likeness.compare_pictures(one, one_signature, other, other_signature) c"
        " order by p.turn",
        [
            [pair.one[0] for pair in pairs],
            [pair.one[1] for pair in pairs],
            [pair.other[0] for pair in pairs],
            [pair.other[1] for pair in pairs],
        ],
    ).fetchall()
    return [(row["is_same"], row["similarity"]) for row in rows]


def figures(pairs: Sequence[Pair], answers: Sequence[tuple[bool, float]]) -> dict[str, Any]:
    """Share swapped silently by kind; precision and recall of that decision, and of other lines."""
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for pair, (is_same, _) in zip(pairs, answers, strict=True):
        by_kind[pair.kind].append(is_same)
    return {
        "swapped_silently_ratio": {
            kind: round(sum(same) / len(same), 4) for kind, same in by_kind.items()
        },
        "pairs": {kind: len(same) for kind, same in by_kind.items()},
        "at_the_line": _quality(pairs, [is_same for is_same, _ in answers]),
        "curve": [
            {
                "similarity": line,
                **_quality(pairs, [similarity >= line for _, similarity in answers]),
            }
            for line in CURVE
        ],
    }


def _quality(pairs: Sequence[Pair], swapped: Sequence[bool]) -> dict[str, float]:
    small = [same for pair, same in zip(pairs, swapped, strict=True) if pair.is_small]
    other = [s for pair, s in zip(pairs, swapped, strict=True) if pair.kind == OTHER]
    colour = [s for pair, s in zip(pairs, swapped, strict=True) if pair.kind in RECOLOURED]
    right, wrong = sum(small), sum(other) + sum(colour)
    return {
        "precision_ratio": round(right / max(1, right + wrong), 4),
        "recall_ratio": round(right / max(1, len(small)), 4),
        "other_photos_swapped_ratio": round(sum(other) / max(1, len(other)), 6),
        "recoloured_swapped_ratio": round(sum(colour) / max(1, len(colour)), 4),
    }


@contextmanager
def database() -> Iterator[Connection]:
    """A migrated database on a Postgres of its own."""
    with tempfile.TemporaryDirectory(prefix="likeness-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            postgres.create_database("likeness")
            conninfo = postgres.conninfo("likeness")
            migrate(conninfo)
            with connect(Settings(database_url=SecretStr(conninfo)), "bench") as connection:
                yield connection
        finally:
            postgres.stop()


def show(result: Mapping[str, Any]) -> None:
    """The figures in 80 columns."""
    print(f"{'change':<30}{'pairs':>8}{'swapped in silently':>22}")
    for kind, share in result["swapped_silently_ratio"].items():
        print(f"{kind.replace('_', ' '):<30}{result['pairs'][kind]:>8}{share:>22.1%}")
    print(f"\n{'line':<10}{'precision':>11}{'recall':>9}{'other photos':>15}{'recoloured':>13}")
    for row in result["curve"]:
        mark = "  <- is_same" if row["similarity"] == AT else ""
        print(
            f"{row['similarity']:<10.2f}{row['precision_ratio']:>11.4f}{row['recall_ratio']:>9.4f}"
            f"{row['other_photos_swapped_ratio']:>15.4%}{row['recoloured_swapped_ratio']:>13.1%}"
            f"{mark}"
        )


def main() -> None:
    """Make the pairs, ask the database, print the curve."""
    parser = argparse.ArgumentParser(prog="scripts/bench/changes", description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of pictures; default: drawn ones")
    parser.add_argument("--quick", action="store_true", help="at most 24 pictures")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--from", dest="here", type=Path, default=Path(), help=argparse.SUPPRESS)
    options = parser.parse_args()
    # What libraries say of broken metadata does not matter here.
    warnings.simplefilter("ignore")
    if options.photos:
        pictures = read_pictures(options.here / options.photos)
    else:
        pictures = [sample.body for sample in draw_samples() if not sample.sku.startswith("BAD")]
    if options.quick:
        pictures = pictures[:24]
    pairs = make_pairs(pictures)
    if not pairs:
        parser.error("no picture could be read")
    with database() as connection:
        result = figures(pairs, compare(connection, pairs))
    show(result)
    if options.json:
        print(json.dumps({"pictures": len(pictures), **result}))


if __name__ == "__main__":
    main()
