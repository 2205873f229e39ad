"""The second wave's queue: who gets which bytes, what is added to them, what is given up."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import RENDITIONS, Shop, completed

SHA256 = "a" * 64
LARGE = {"preset": "large", "format": "avif", "recipe": "c" * 12, "width": 1000, "height": 750}


@pytest.fixture
def shop(connection: Connection[DictRow]) -> Shop:
    return Shop(connection)


def store(shop: Shop, sha256: str = SHA256) -> int:
    product = shop.add_product(sha256[:4], f"{sha256}.jpg")
    assert shop.complete(shop.claim()[0], sha256)
    return product


def claim(shop: Shop, worker: str = "w/1", batch: int = 10) -> list[str]:
    rows = shop.rows("select * from likeness.claim_renditions(%s, %s)", worker, batch)
    return [row["sha256"] for row in rows]


def finish(shop: Shop, outcome: Mapping[str, Any], worker: str = "w/1") -> bool:
    rows = shop.rows(
        "select * from likeness.finish_renditions(%s, %s::jsonb)",
        worker,
        json.dumps([{"sha256": SHA256, **outcome}]),
    )
    return bool(rows[0]["is_accepted"])


def state(shop: Shop) -> dict[str, Any] | None:
    rows = shop.rows("select * from likeness.rendition_queue where sha256 = %s", SHA256)
    return rows[0] if rows else None


def renditions(shop: Shop) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = shop.value(
        "select renditions from likeness.blobs where sha256 = %s", SHA256
    )
    return listed


def test_stored_bytes_wait_for_their_second_wave_with_what_there_is(shop: Shop) -> None:
    store(shop)
    row = shop.rows("select * from likeness.claim_renditions('w/1')")[0]
    assert (row["sha256"], row["format"], row["width"], row["height"]) == (
        SHA256, "jpeg", 1000, 750,
    )  # fmt: skip
    assert row["renditions"] == RENDITIONS


def test_bytes_without_an_original_have_no_second_wave(shop: Shop) -> None:
    shop.add_product("p", "p.jpg")
    taken = shop.claim()[0]
    blob = completed(taken, SHA256)["blob"] | {"has_original": False}
    assert shop.complete(taken, SHA256, blob=blob)
    assert claim(shop) == []
    assert shop.value("select likeness.refresh_renditions()") == 0


def test_two_workers_never_have_the_same_bytes(
    shop: Shop, second_connection: Connection[DictRow]
) -> None:
    store(shop)
    store(shop, "b" * 64)
    with shop.connection.transaction():
        first = claim(shop, batch=1)
        row = second_connection.execute(
            "select sha256 from likeness.claim_renditions('w/2', 10)"
        ).fetchall()
    assert [*first, *(r["sha256"] for r in row)] == [SHA256, "b" * 64]


def test_new_renditions_join_the_old_ones_and_the_bytes_leave_the_queue(shop: Shop) -> None:
    product = store(shop)
    claim(shop)
    assert finish(shop, {"renditions": [LARGE]})
    assert renditions(shop) == [*RENDITIONS, LARGE]
    assert state(shop) is None
    shown = shop.rows("select * from likeness.resolve_display_urls(array[%s::bigint])", product)[0]
    assert shown["srcset"]["avif"].endswith(".avif 1000w")


def test_a_rendition_of_a_new_recipe_takes_the_place_of_the_old_one(shop: Shop) -> None:
    store(shop)
    claim(shop)
    new = RENDITIONS[0] | {"recipe": "d" * 12}
    assert finish(shop, {"renditions": [new]})
    assert renditions(shop) == [RENDITIONS[1], new]


def test_a_result_that_comes_after_the_claim_was_lost_changes_nothing(shop: Shop) -> None:
    store(shop)
    start = shop.now()
    claim(shop)
    shop.at(start + timedelta(seconds=61))
    assert claim(shop, "w/2") == [SHA256]
    assert not finish(shop, {"renditions": [LARGE]})
    assert renditions(shop) == RENDITIONS
    assert finish(shop, {"renditions": [LARGE]}, "w/2")


def test_a_heartbeat_keeps_a_claim(shop: Shop) -> None:
    store(shop)
    start = shop.now()
    claim(shop)
    shop.at(start + timedelta(seconds=40))
    shop.value("select likeness.beat_worker('w/1')")
    shop.at(start + timedelta(seconds=70))
    assert claim(shop, "w/2") == []
    assert finish(shop, {"renditions": []})


def test_bytes_that_cannot_be_rendered_are_not_tried_for_ever(shop: Shop) -> None:
    store(shop)
    claim(shop)
    assert finish(shop, {"reason": "corrupt-image", "failure_text": "broken", "renditions": []})
    assert (state(shop) or {})["status"] == "failed"
    shop.at(shop.now() + timedelta(days=30))
    assert claim(shop) == []
    assert shop.value("select likeness.refresh_renditions(array[%s])", SHA256) == 1
    assert claim(shop) == [SHA256]


def test_a_passing_fault_is_tried_again_later_and_given_up_after_the_fifth(shop: Shop) -> None:
    store(shop)
    passing = {"reason": "render-crashed", "failure_text": "killed", "is_retryable": True}
    for _ in range(5):
        assert claim(shop) == [SHA256]
        assert finish(shop, passing)
        assert claim(shop) == []
        shop.at(shop.now() + timedelta(days=1))
    assert (state(shop) or {})["status"] == "failed"


def test_bytes_over_which_ten_workers_died_are_given_up(shop: Shop) -> None:
    store(shop)
    for number in range(10):
        assert claim(shop, f"w/{number}") == [SHA256]
        shop.at(shop.now() + timedelta(minutes=2))
    assert claim(shop) == []
    assert (state(shop) or {})["failure_reason"] == "poison"


def test_a_worker_that_stops_hands_back_uncounted(shop: Shop) -> None:
    store(shop)
    claim(shop)
    shop.value("select likeness.stop_worker('w/1')")
    assert claim(shop, "w/2") == [SHA256]
    assert (state(shop) or {})["attempts"] == 1
