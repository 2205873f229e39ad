"""The benches' own arithmetic, and that the engines make what the pixel tasks ask for."""

from collections.abc import Callable, Sequence
from io import BytesIO

import pytest
from PIL import Image

from scripts.bench import pillow_lane, rollback_bench, vips_lane
from scripts.bench.changing_supplier import Picture, Shown, Tally, draw_suppliers
from scripts.bench.freshness_bench import Scenario, run_fixed
from scripts.bench.matching_data import draw_names, multiply_names
from scripts.bench.matching_figures import best_f1, calibration_error
from scripts.bench.matching_figures import figures_of as matching_figures
from scripts.bench.picture_looks import score
from scripts.bench.pixel_figures import TASKS, Results, bytes_ratio, figures_of, ratio
from scripts.bench.pixel_lane import Output
from scripts.bench.pixel_peers import Sample
from scripts.bench.queue_figures import Cell
from scripts.bench.queue_figures import Results as QueueResults
from scripts.bench.queue_figures import figures_of as queue_figures
from scripts.bench.queue_figures import ratio as queue_ratio
from scripts.bench.queue_figures import table_of as queue_table
from scripts.bench.queue_peers import Sample as QueueSample
from scripts.bench.queue_soak import p99_by_part
from worker.db import Connection

Engine = Callable[[bytes, Sequence[Output]], Callable[[], list[bytes]]]


@pytest.fixture(scope="module")
def photo() -> bytes:
    """A small JPEG lying on its side, 300 x 500 upright."""
    image = Image.radial_gradient("L").resize((500, 300)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    file = BytesIO()
    image.save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize(
    "engine",
    [
        pillow_lane.ours,
        pillow_lane.naive,
        pillow_lane.floor,
        vips_lane.default,
        vips_lane.tuned,
    ],
)
def test_every_engine_makes_the_same_sizes_and_formats(engine: Engine, photo: bytes) -> None:
    outputs = TASKS["c"]
    files = engine(photo, outputs)()
    made = [(Image.open(BytesIO(file)).format, Image.open(BytesIO(file)).size) for file in files]
    sizes = {150: (90, 150), 400: (240, 400), 800: (300, 500), 1200: (300, 500)}
    assert made == [(output.format.upper(), sizes[output.side]) for output in outputs]


def test_a_rendition_that_lost_detail_scores_below_one_that_did_not(photo: bytes) -> None:
    fine, coarse = (
        pillow_lane._naive(photo, [Output(400, "webp", quality)])[0] for quality in (95, 5)
    )
    assert score((photo, coarse)) < score((photo, fine)) - 10


def _turn(cpu_ms: dict[int, float], size: int = 100) -> dict[int, Sample]:
    return {number: Sample(ms, ms * 2, (size, size)) for number, ms in cpu_ms.items()}


def test_a_ratio_is_the_median_of_its_rounds_over_the_pictures_that_both_made() -> None:
    ours = [_turn({0: 30, 1: 10}), _turn({0: 20}), _turn({0: 400})]
    floor = [_turn({0: 10}), _turn({0: 10}), _turn({0: 10})]
    assert ratio(ours, floor) == 3.0
    assert ratio([{}], [_turn({0: 1})]) is None
    assert bytes_ratio([_turn({0: 1}, 103)], [_turn({0: 1, 1: 1}, 100)]) == 1.03


def test_a_peer_that_is_not_there_is_null_and_the_reason_is_told() -> None:
    results = Results(errors={"sharp": "sharp needs node"}, rounds=1)
    for task in TASKS:
        for engine, ms in (("floor", 10.0), ("ours", 15.0), ("naive", 45.0)):
            results.turns[task, engine] = {1: [_turn({0: ms})], 2: [_turn({0: ms})]}
    figures = figures_of(results, cores=2)
    assert figures["task_a_cpu_to_floor_ratio"] == 1.5
    assert figures["task_b_times_faster_than_naive_ratio"] == 3.0
    assert figures["task_a_times_faster_than_sharp_ratio"] is None
    assert figures["tasks"]["a"]["sharp"] is None
    assert figures["missing"] == {"sharp": "sharp needs node"}
    assert figures["tasks"]["a"]["floor"]["two_cores_pictures_per_second"] == 100.0


def _seconds(*per_job_ms: float) -> list[QueueSample]:
    return [QueueSample(1000, ms) for ms in per_job_ms]


def test_a_queue_is_compared_with_the_others_round_by_round() -> None:
    # In the second round the machine was three times as slow, for both.
    assert queue_ratio(_seconds(1.0, 3.0, 1.0), _seconds(2.0, 6.0, 2.0)) == 2.0


def test_a_queue_that_is_not_there_leaves_the_others_in_the_table() -> None:
    results = QueueResults(missing={"pgmq": "no network"})
    cell = Cell("turn", 10_000, 2, 10)
    results.add(cell, "likeness", QueueSample(1000, 0.5))
    results.add(cell, "plain", QueueSample(1000, 0.25))
    [figures] = queue_figures(results)["cells"]
    assert figures["jobs_per_second"] == {"likeness": 2000.0, "plain": 4000.0}
    assert figures["ours_to_peer_ratio"] == {"plain": 0.5}
    table = queue_table(results)
    assert "Missing: pgmq: no network" in table
    assert max(len(line) for line in table.splitlines()) <= 80


def test_claims_are_sorted_into_parts_of_the_soak_by_when_they_were() -> None:
    quick = [(100 + n / 100, 1.0) for n in range(1000)]
    slow = [(150 + n / 100, 9.0) for n in range(1000)]
    assert p99_by_part([*quick, *slow], 100, 10) == [1.0, None, None, None, None, 9.0]


def test_hours_are_wrong_while_the_source_has_another_picture_than_is_shown() -> None:
    picture = Picture(1, "a", 1000, times=[-10.0, 5.0, 8.0, 12.0], versions=[1, 2, 0, 3])
    tally, shown = Tally(), Shown(picture, 1)
    shown.settle(10.0, tally)
    assert (tally.wrong_hours, tally.placeholder_hours) == (3.0, 0.0), "a placeholder is no truth"
    shown.version = 0
    shown.settle(14.0, tally)
    assert (tally.wrong_hours, tally.placeholder_hours) == (3.0, 4.0)


def test_all_policies_meet_the_same_suppliers_and_the_daily_one_asks_each_day() -> None:
    once, again = (draw_suppliers(7, 200, 10, "shop") for _ in range(2))
    assert once == again
    assert sum(len(supplier.pictures) for supplier in once) == 200
    daily = run_fixed(Scenario(7, 200, 10, "shop", has_news=False), 1)
    weekly = run_fixed(Scenario(7, 200, 10, "shop", has_news=False), 7)
    assert daily.requests == 200 * 10
    assert weekly.requests < daily.requests / 5
    assert weekly.wrong_hours > daily.wrong_hours


def test_matches_are_counted_by_their_best_candidate_alone() -> None:
    found = {
        "a": [("1", 0.9), ("2", 0.8)],
        "b": [("1", 0.95), ("2", 0.9)],
        "c": [("3", 0.7)],
        "d": [("4", 0.2)],
    }
    figures = matching_figures(
        ["a", "b", "c", "d", "e"], found, {"a": {"1"}, "b": {"2"}, "c": {"3"}, "e": {"5"}}
    )
    assert figures["auto_links"] == 2
    assert figures["auto_precision"] == 0.5
    assert figures["auto_recall"] == 0.25
    assert figures["recall_at_5"] == 0.75
    assert figures["suggested_ratio"] == 0.2
    assert figures["absent_linked_ratio"] == 0.0


def test_the_best_f1_takes_ties_as_a_whole_and_calibration_compares_whole_bins() -> None:
    tops = [(0.9, True), (0.9, False), (0.3, True)]
    assert best_f1(tops, 2) == 0.8
    assert best_f1([(0.9, False)], 1) == 0.0
    assert calibration_error([(0.5, True), (0.5, False)]) == 0.0
    assert calibration_error([(1.0, False)]) == 1.0


def test_drawn_names_are_the_same_each_time_and_a_quarter_is_absent() -> None:
    names = draw_names(400)
    assert names == draw_names(400)
    assert names.truth is not None
    assert 0.15 < 1 - len(names.truth) / len(names.incoming) < 0.35
    multiplied = list(multiply_names([row.name for row in names.canonical], 500))
    assert len(multiplied) == 500
    assert len(set(multiplied)) > 400


def test_the_rollback_bench_compares_every_answer_with_that_of_the_day_before(
    connection: Connection,
) -> None:
    rollback_bench.fill(connection, 100)
    figures = rollback_bench.measure(connection, rounds=1)
    assert figures["images"] == figures["answers_changed_by_the_bad_day"] == 100
    assert figures["answers_wrong_after"] == figures["bystander_answers_changed"] == 0
    assert figures["check_rows"] == 0
