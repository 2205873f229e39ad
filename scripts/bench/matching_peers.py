"""Owns the peers of the matching bench: plain pg_trgm on our server, the others in their own place.

Each gets the names alone and answers with candidates and a score; none sees a truth.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg

from scripts.bench.matching_data import Row
from scripts.bench.peer_packages import PeerMissing, last_line, python_packages

PACKAGES = (
    "scikit-learn==1.9.1",
    "rapidfuzz==3.14.6",
    "splink==4.0.17",
    "duckdb==2.0.0",
    "pandas==3.1.1",
)
LANES = ("tfidf", "rapidfuzz", "splink")
_LANE_SECONDS = 900

Found = dict[str, list[tuple[str, float]]]


def trigrams(conninfo: str, canonical: Sequence[Row], incoming: Sequence[Row]) -> Found:
    """The five nearest names by pg_trgm's similarity, through its own index."""
    found: Found = {}
    with psycopg.connect(conninfo) as connection:
        connection.execute("create temporary table names (id text, name text)")
        with connection.cursor().copy("copy names from stdin") as copy:
            for row in canonical:
                copy.write_row((row.id, row.name))
        connection.execute("create index on names using gin (name gin_trgm_ops)")
        connection.execute("analyze names")
        connection.execute("set pg_trgm.similarity_threshold = 0.3")
        for row in incoming:
            found[row.id] = connection.execute(
                "select id, similarity(name, %(name)s)::float8 from names where name %% %(name)s"
                " order by 2 desc, 1 limit 5",
                {"name": row.name},
            ).fetchall()
    return found


def lane(peer: str) -> Callable[[Sequence[Row], Sequence[Row]], Found]:
    """A peer that runs in an environment of its own. Calling it raises PeerMissing."""

    def run(canonical: Sequence[Row], incoming: Sequence[Row]) -> Found:
        python = python_packages("matching-peers-1", *PACKAGES)
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "names.json", Path(folder) / "found.json"
            source.write_text(
                json.dumps(
                    {
                        "canonical": [(row.id, row.name) for row in canonical],
                        "incoming": [(row.id, row.name) for row in incoming],
                    }
                )
            )
            script = Path(__file__).with_name("matching_lane.py")
            argv = [str(python), "-W", "ignore", str(script), peer, str(source), str(target)]
            try:
                subprocess.run(
                    argv, check=True, capture_output=True, text=True, timeout=_LANE_SECONDS
                )
            except subprocess.CalledProcessError as error:
                raise PeerMissing(f"{peer}: {last_line(error.stderr)}") from error
            except subprocess.TimeoutExpired as error:
                raise PeerMissing(f"{peer} took longer than {_LANE_SECONDS} s") from error
            answer = json.loads(target.read_text())
        return {key: [(other, score) for other, score in best] for key, best in answer.items()}

    return run
