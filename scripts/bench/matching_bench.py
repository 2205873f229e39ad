"""Products matched as `likeness match` would decide: how often right, how fast, beside peers.

Quality: a catalogue is loaded, a store's products are imported as a feed, and plan_matches(), the
function that match_products() carries out, decides about them 50 at a time. Predictions are
written before any truth is read. Without a folder the names are drawn by code.

Scale: catalogues of 10 k to 1 M names like those given; products a second on all cores, a batch of
50, single lookups, how long the index takes to build and how large it is; 10 M from the curve.
"""

import argparse
import csv
import json
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from pydantic import SecretStr

from scripts.bench.matching_data import (
    Names,
    Row,
    draw_names,
    multiply_names,
    read_kinds,
    read_names,
    read_truth,
    retell,
)
from scripts.bench.matching_figures import Predictions, figures_of
from scripts.bench.matching_peers import LANES, lane, trigrams
from scripts.bench.peer_packages import PeerMissing
from worker.embedded import EmbeddedPostgres
from worker.feeds import import_file
from worker.migrate import migrate
from worker.settings import Settings

CORES = os.cpu_count() or 1
BATCH = 50
# The peers compare all pairs: with a large catalogue they, and we beside them, get a sample.
_PEER_PAIRS = 20_000_000
_SERVER = {"shared_buffers": "512MB", "work_mem": "32MB", "maintenance_work_mem": "256MB"}


@contextmanager
def start_server() -> Iterator[EmbeddedPostgres]:
    """A Postgres of its own, thrown away afterwards."""
    with tempfile.TemporaryDirectory(prefix="likeness-bench-") as folder:
        server = EmbeddedPostgres(Path(folder), durable=False, extra_settings=_SERVER)
        server.start()
        try:
            yield server
        finally:
            server.stop(immediate=True)


def make_database(server: EmbeddedPostgres, name: str) -> str:
    """A database of this version; how to connect to it."""
    server.create_database(name)
    conninfo = server.conninfo(name)
    migrate(conninfo)
    return conninfo


def load_catalogue(conninfo: str, rows: Sequence[Row]) -> float:
    """Write the canonical products; seconds until they can be found."""
    with psycopg.connect(conninfo) as connection:
        connection.execute(
            "create temporary table given (id bigint, name text, brand text, gtin text, mpn text,"
            " size text, price text)"
        )
        with connection.cursor().copy("copy given from stdin") as copy:
            for number, row in enumerate(rows, 1):
                given = (row.brand, row.gtin, row.mpn, row.size, row.price)
                copy.write_row((number, row.name, *(value or None for value in given)))
        began = time.perf_counter()
        connection.execute(
            """
            insert into likeness.canonical_products (id, name, brand, gtin, mpn, size, price)
            overriding system value
            select g.id, g.name, g.brand,
                   case when row_number() over (partition by n.gtin order by g.id) = 1
                     then n.gtin end,
                   g.mpn, g.size,
                   case when regexp_replace(g.price, '[^0-9.]', '', 'g')
                             ~ '^[0-9]{1,9}([.][0-9]{1,4})?$'
                     then regexp_replace(g.price, '[^0-9.]', '', 'g')::numeric end
              from given g
             cross join lateral (select likeness.normalize_gtin(g.gtin) as gtin offset 0) n
            """
        )
        seconds = time.perf_counter() - began
        connection.execute(
            "select setval(pg_get_serial_sequence('likeness.canonical_products', 'id'), %s)",
            [len(rows) + 1],
        )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("analyze")
    return seconds


def import_products(conninfo: str, rows: Sequence[Row]) -> None:
    """Bring a store's products in as the product does: by a feed."""
    with tempfile.TemporaryDirectory() as folder:
        feed = Path(folder) / "feed.csv"
        with feed.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["sku", "name", "brand", "gtin", "mpn", "size", "price"])
            for row in rows:
                told = (row.name, row.brand, row.gtin, row.mpn, row.size, row.price)
                writer.writerow([row.id, *told])
        settings = Settings(state_dir=Path(folder), database_url=SecretStr(conninfo))
        import_file(settings, feed, supplier="bench")


def predict(conninfo: str, canonical: Sequence[Row]) -> tuple[dict[str, list[Any]], float]:
    """What matching says of every product: candidates with confidence; seconds of it."""
    found: dict[str, list[tuple[str, float]]] = {}
    with psycopg.connect(conninfo, autocommit=True) as connection:
        rows = connection.execute("select id, sku from likeness.products order by id").fetchall()
        skus: dict[int, str] = dict(rows)
        began = time.perf_counter()
        for ids in _batches(list(skus)):
            answers = connection.execute(
                "select product_id, candidates from likeness.plan_matches(%s::bigint[])", [ids]
            )
            for product, candidates in answers:
                found[skus[product]] = [
                    (canonical[c["canonical_product_id"] - 1].id, float(c["confidence"]))
                    for c in candidates
                ]
        return found, time.perf_counter() - began


def _batches(ids: Sequence[int]) -> Iterator[list[int]]:
    for begin in range(0, len(ids), BATCH):
        yield list(ids[begin : begin + BATCH])


def write_predictions(path: Path, products: Sequence[Row], found: Predictions) -> None:
    """As evaluate.py reads them: every candidate on a line, the best first."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["incoming_id", "canonical_id", "confidence"])
        for row in products:
            for other, confidence in found.get(row.id, ()):
                writer.writerow([row.id, other, f"{confidence:.4f}"])


def compare_peers(
    conninfo: str, names: Names, truth: Mapping[str, set[str]], *, quick: bool
) -> dict[str, Any]:
    """The figures of every peer on the same products; null, and the reason, for what is missing."""
    peers: dict[str, Any] = {
        "pg_trgm": lambda canonical, incoming: trigrams(conninfo, canonical, incoming),
        **{peer: lane(peer) for peer in LANES if not (quick and peer == "splink")},
    }
    step = max(1, math.ceil(len(names.canonical) * len(names.incoming) / _PEER_PAIRS))
    asked = names.incoming[::step]
    figures: dict[str, Any] = {"products": len(asked)}
    for name, peer in peers.items():
        try:
            began = time.perf_counter()
            found = peer(names.canonical, asked)
            seconds = time.perf_counter() - began
        except PeerMissing as missing:
            figures[name] = {"missing": str(missing)}
            continue
        figures[name] = figures_of([row.id for row in asked], found, truth)
        figures[name]["seconds"] = round(seconds, 1)
    return figures


def measure_quality(
    server: EmbeddedPostgres,
    names: Names,
    folder: Path | None,
    out: Path | None,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Predict, write, and only then look at the truth."""
    conninfo = make_database(server, "quality")
    load_catalogue(conninfo, names.canonical)
    import_products(conninfo, names.incoming)
    found, seconds = predict(conninfo, names.canonical)
    if out:
        write_predictions(out, names.incoming, found)
    report: dict[str, Any] = {
        "canonical_products": len(names.canonical),
        "products": len(names.incoming),
        "seconds": round(seconds, 2),
        "products_per_second": round(len(names.incoming) / seconds, 1),
    }
    truth = read_truth(folder) if folder else names.truth
    if truth is None:
        return report
    report["likeness"] = figures_of([row.id for row in names.incoming], found, truth)
    kinds = read_kinds(folder) if folder else {}
    if kinds:
        report["kinds"] = _by_kind(kinds, found, truth)
    if options.peers:
        report["peers"] = compare_peers(conninfo, names, truth, quick=options.quick)
    return report


def _by_kind(
    kinds: Mapping[str, str], found: Predictions, truth: Mapping[str, set[str]]
) -> dict[str, Any]:
    kept = ("products", "with_match", "auto_links", "auto_precision", "auto_recall")
    report = {}
    for kind in sorted(set(kinds.values())):
        figures = figures_of([key for key, k in kinds.items() if k == kind], found, truth)
        report[kind] = {name: figures[name] for name in kept}
    return report


def measure_scale(
    server: EmbeddedPostgres, names: Sequence[str], sizes: Sequence[int], *, quick: bool
) -> list[dict[str, Any]]:
    """One line a size of catalogue."""
    lines = []
    for size in sizes:
        lines.append(_measure_size(server, names, size, products=500 if quick else 2000))
        print(json.dumps(lines[-1]), flush=True)
    return lines


def _measure_size(
    server: EmbeddedPostgres, names: Sequence[str], size: int, products: int
) -> dict[str, Any]:
    conninfo = make_database(server, f"scale_{size}")
    catalogue = [Row(str(n), name) for n, name in enumerate(multiply_names(names, size), 1)]
    build_seconds = load_catalogue(conninfo, catalogue)
    rng = random.Random(3)  # noqa: S311 - names, not secrets
    asked = [Row(f"s{n}", retell(rng.choice(catalogue).name, rng)) for n in range(products)]
    import_products(conninfo, asked)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        ids = [row[0] for row in connection.execute("select id from likeness.products order by id")]
        score = "select count(*) from likeness.score_candidates(%s::bigint[])"
        _time(connection, score, ids[:BATCH])
        before = _cpu_of(connection)
        batches = [_time(connection, score, batch) for batch in _batches(ids[:1000])]
        cpu_seconds = (_cpu_of(connection) - before) / min(1000, len(ids))
        singles = [_time(connection, score, [product]) for product in ids[-500:]]
        index_bytes = connection.execute(
            "select sum(pg_total_relation_size(format('likeness.%I', t)::regclass))::bigint"
            " from unnest(array['match_names', 'match_tokens', 'match_recent_tokens']) t"
        ).fetchone()
        assert index_bytes
    per_second = _bulk(conninfo, ids, score)
    return {
        "canonical_products": size,
        "batch_of_50_ms": round(statistics.median(batches) * 1000, 1),
        "cpu_ms_per_product": round(cpu_seconds * 1000, 2),
        "single_p50_ms": round(statistics.median(singles) * 1000, 2),
        "single_p99_ms": round(statistics.quantiles(singles, n=100)[98] * 1000, 2),
        "products_per_second": round(per_second, 1),
        "connections": CORES,
        "load_and_index_seconds": round(build_seconds, 1),
        "index_mb": round(index_bytes[0] / 1e6, 1),
        "whole_match_products_per_second": round(_decide(conninfo, ids), 1),
    }


def _time(connection: psycopg.Connection[Any], query: str, ids: Sequence[int]) -> float:
    began = time.perf_counter()
    connection.execute(query.encode(), [list(ids)]).fetchall()
    return time.perf_counter() - began


def _cpu_of(connection: psycopg.Connection[Any]) -> float:
    """CPU seconds of the server process of a connection: what a busy machine does not change."""
    return float(sum(psutil.Process(connection.info.backend_pid).cpu_times()[:2]))


def _bulk(conninfo: str, ids: Sequence[int], query: str) -> float:
    """Products a second with a connection a core, batch after batch."""

    def work(part: Sequence[int]) -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for batch in _batches(part):
                _time(connection, query, batch)

    with ThreadPoolExecutor(CORES) as threads:
        list(threads.map(work, [ids[:BATCH]] * CORES))
        began = time.perf_counter()
        list(threads.map(work, [ids[core::CORES] for core in range(CORES)]))
        return len(ids) / (time.perf_counter() - began)


def _decide(conninfo: str, ids: Sequence[int]) -> float:
    """Products a second decided and written, by match_products()."""
    return _bulk(conninfo, ids, "select count(*) from likeness.match_products(%s::bigint[])")


def extrapolate(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """10 M names, by the power law through the two largest sizes."""
    if len(lines) < 2:
        return None
    small, large = lines[-2:]
    steps = math.log(large["canonical_products"] / small["canonical_products"])
    ahead = math.log(10_000_000 / large["canonical_products"]) / steps
    figures = (
        "batch_of_50_ms",
        "cpu_ms_per_product",
        "single_p99_ms",
        "load_and_index_seconds",
        "index_mb",
    )
    return {
        "canonical_products": 10_000_000,
        **{name: round(large[name] * (large[name] / small[name]) ** ahead, 1) for name in figures},
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with canonical.csv and incoming.csv")
    parser.add_argument("--out", type=Path, help="where predictions go, for evaluate.py")
    parser.add_argument(
        "--scale", help="sizes of catalogue, such as 10000,100000; none with --data, else to 1 M"
    )
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    parser.add_argument("--quick", action="store_true", help="less of everything, in a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--from", dest="folder", type=Path, default=Path.cwd())
    options = parser.parse_args()
    for name in ("data", "out"):
        if getattr(options, name):
            setattr(options, name, options.folder / getattr(options, name))
    if options.scale is None:
        options.scale = "" if options.data else "10000" if options.quick else "10000,100000,1000000"
    return options


def print_quality(report: Mapping[str, Any]) -> None:
    """The figures of us and of every peer, a line each."""
    columns = [
        "auto_precision",
        "auto_recall",
        "best_f1",
        "recall_at_5",
        "calibration_error",
        "absent_linked_ratio",
        "review_ratio",
    ]
    print(f"{'':12}" + "".join(f"{name:>21}" for name in columns))
    lines = {"likeness": report.get("likeness"), **report.get("peers", {})}
    for name, figures in lines.items():
        if not isinstance(figures, Mapping):
            continue
        if "missing" in figures:
            print(f"{name:12} {figures['missing']}")
            continue
        values = ["-" if figures[c] is None else f"{figures[c]:.4f}" for c in columns]
        print(f"{name:12}" + "".join(f"{value:>21}" for value in values))


def main() -> None:
    """Measure, print, and give all of it as JSON."""
    options = _arguments()
    names = read_names(options.data) if options.data else draw_names(800 if options.quick else 3000)
    report: dict[str, Any] = {}
    with start_server() as server:
        report["quality"] = measure_quality(server, names, options.data, options.out, options)
        print_quality(report["quality"])
        sizes = [int(size) for size in options.scale.split(",") if size]
        if sizes:
            given = [row.name for row in names.canonical]
            report["scale"] = measure_scale(server, given, sizes, quick=options.quick)
            report["scale_10m_extrapolated"] = extrapolate(report["scale"])
            print(json.dumps(report["scale_10m_extrapolated"]))
    if options.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
