"""Owns thumbor's engine in the pixel bench: its PIL engine by its defaults, a size a request.

It runs in an environment of thumbor's own, whose Pillow is an older one.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from thumbor.config import Config
from thumbor.context import Context
from thumbor.engines.pil import Engine

from scripts.bench.pixel_lane import Output, serve
from worker.pixels.renditions import fit

_CONTEXT = Context(config=Config())
_EXTENSIONS = {"webp": ".webp", "avif": ".avif", "jpeg": ".jpg"}


def thumbor(data: bytes, outputs: Sequence[Output]) -> Callable[[], list[bytes]]:
    """Every file from the start, as every URL of thumbor is a request of its own."""
    return lambda: [_request(data, output) for output in outputs]


def _request(data: bytes, output: Output) -> bytes:
    engine = Engine(_CONTEXT)
    engine.load(data, None)
    engine.reorientate()
    engine.resize(*fit(engine.size, (output.side, output.side)))
    return bytes(engine.read(_EXTENSIONS[output.format], output.quality))


if __name__ == "__main__":
    serve({"thumbor": thumbor}, Path(sys.argv[1]))
