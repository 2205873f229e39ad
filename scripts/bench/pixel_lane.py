"""Owns the inside of one process of the pixel bench: one picture after another, on one core.

Imports nothing but the standard library, so that a peer's environment can run it. Requests and
answers are lines of JSON: the number of a picture, an engine's name and the files that are wanted;
then the milliseconds that it took (the process's CPU, and on the clock) and the files' bytes.
"""

import base64
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Output(NamedTuple):
    """One wanted file: its box's side in pixels, its format, and the format's own quality."""

    side: int
    format: str
    quality: int


# Gets a picture ready, untimed, and returns the work that is timed.
Engine = Callable[[bytes, Sequence[Output]], Callable[[], list[bytes]]]


def by_side(outputs: Sequence[Output]) -> dict[int, list[Output]]:
    """The outputs of each size, in the order of the outputs."""
    sides: dict[int, list[Output]] = {}
    for output in outputs:
        sides.setdefault(output.side, []).append(output)
    return sides


def serve(engines: Mapping[str, Engine], folder: Path) -> None:
    """Answer standard input, line by line, until it ends."""
    pictures = [path.read_bytes() for path in sorted(folder.iterdir())]
    for line in sys.stdin:
        request = json.loads(line)
        outputs = [Output(*output) for output in request["outputs"]]
        engine = engines[request["engine"]]
        print(
            json.dumps(_answer(engine, pictures[request["picture"]], outputs, request["keep"])),
            flush=True,
        )


def _answer(engine: Engine, data: bytes, outputs: list[Output], keep: bool) -> dict[str, object]:
    try:
        job = engine(data, outputs)
        clock, cpu = time.perf_counter(), time.process_time()
        files = job()
        cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    except Exception as error:  # noqa: BLE001 - a peer may fail in any way; it is reported
        return {"error": f"{type(error).__name__}: {error}"[:300]}
    answer: dict[str, object] = {
        "cpu_ms": cpu * 1000,
        "wall_ms": clock * 1000,
        "bytes": [len(file) for file in files],
    }
    if keep:
        answer["files"] = [base64.b64encode(file).decode() for file in files]
    return answer
