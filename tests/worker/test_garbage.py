"""`likeness gc` and `likeness purge` on real stores, and the comparison of store and database."""

import json
import subprocess
import sys
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import RENDITIONS, Shop
from tests.worker.test_main_job import settings_for
from worker.garbage import SHARDS, compare
from worker.settings import Settings, child_environment
from worker.storage import ObjectStore, open_store, original_key, rendition_key

OLD, NEW, STRANGE = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture(params=["files", pytest.param("minio", marks=pytest.mark.real_s3)])
def place(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    is_s3 = request.param == "minio"
    place = settings_for(settings, request.getfixturevalue("minio") if is_s3 else None)
    open_store(place).ensure_ready()
    return place


def run(settings: Settings, *arguments: str, code: int = 0) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-m", "worker", *arguments, "--json"],
        env=child_environment(settings),
        capture_output=True,
        check=False,
        text=True,
    )
    assert answer.returncode == code, answer.stderr
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return result


def with_days(settings: Settings, **days: float) -> Settings:
    return Settings.model_validate(settings.model_dump(exclude_unset=True) | days)


def put(store: ObjectStore, sha256: str) -> None:
    keys = [rendition_key(sha256, r["recipe"], "webp") for r in RENDITIONS]  # type: ignore[arg-type]
    for key in [original_key(sha256), *keys]:
        store.put(key, b"bytes", content_type="image/webp", cache_control="private")


def keys_of(store: ObjectStore, sha256: str) -> list[str]:
    return [found.key for found in store.list() if sha256 in found.key]


def replace_picture(connection: Connection[DictRow], store: ObjectStore) -> Shop:
    """A place that showed OLD and shows NEW, both in the store."""
    shop = Shop(connection)
    product = shop.add_product("p", "p.jpg")
    for sha256 in (OLD, NEW):
        put(store, sha256)
        assert shop.complete(shop.claim()[0], sha256)
        shop.value("select likeness.queue_images(array[%s::bigint])", shop.image(product)["id"])
    return shop


def test_gc_condemns_waits_and_deletes_every_object_of_what_nobody_shows(
    place: Settings, connection: Connection[DictRow]
) -> None:
    store = open_store(place)
    shop = replace_picture(connection, store)
    # What a dead worker left under the same bytes goes with them.
    store.put(
        rendition_key(OLD, "dead", "avif"), b"x", content_type="image/avif", cache_control="private"
    )
    dry = run(with_days(place, history_days=0), "gc", "--dry-run")
    assert dry["unreferenced"] == {"blobs": 1, "bytes": 1000}
    first = run(with_days(place, history_days=0), "gc")
    assert (first["condemned"], first["deleted"]) == (1, 0)
    assert first["backlog_condemned"]["blobs"] == 1
    assert len(keys_of(store, OLD)) == 4
    second = run(with_days(place, history_days=0, garbage_grace_days=0), "gc")
    assert second["deleted"] == 1
    assert keys_of(store, OLD) == []
    assert len(keys_of(store, NEW)) == 3
    assert shop.rows("select sha256 from likeness.blobs") == [{"sha256": NEW}]


def test_a_deletion_that_broke_off_is_ended_by_the_next_run(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    store = open_store(settings)
    shop = replace_picture(connection, store)
    shop.value("select condemned from likeness.condemn_blobs(retention => '0')")
    shop.rows("select * from likeness.claim_condemned('0')")
    store.delete([original_key(OLD)])
    assert run(with_days(settings, history_days=0), "gc")["deleted"] == 1
    assert keys_of(store, OLD) == []


def test_two_collectors_do_not_work_at_once(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    connection.execute("select pg_advisory_lock(hashtext('likeness.garbage'))")
    answer = subprocess.run(
        [sys.executable, "-m", "worker", "gc"],
        env=child_environment(settings),
        capture_output=True,
        check=False,
        text=True,
    )
    assert answer.returncode == 1
    assert "Another process is collecting garbage" in answer.stderr


def test_a_sweep_finds_what_is_missing_and_what_is_unknown(
    place: Settings, connection: Connection[DictRow]
) -> None:
    store = open_store(place)
    replace_picture(connection, store)
    assert run(place, "gc", "--sweep")["missing"] == []
    put(store, STRANGE)
    store.delete([original_key(NEW)])
    found = run(place, "gc", "--sweep", "--adopt", code=1)
    assert found["missing"] == [original_key(NEW)]
    assert sorted(found["unknown"]) == keys_of(store, STRANGE)
    assert found["unknown_bytes"] == 15
    # Adopted, they are deleted like anything half stored.
    run(with_days(place, garbage_grace_days=0), "gc")
    assert keys_of(store, STRANGE) == []
    assert run(place, "gc", "--sweep", code=1)["unknown"] == []


def test_the_shards_together_are_the_whole_store(
    place: Settings, connection: Connection[DictRow]
) -> None:
    store = open_store(place)
    replace_picture(connection, store)
    put(store, STRANGE)
    store.delete([original_key(NEW)])
    whole = compare(connection, store)
    parts = [compare(connection, store, shard) for shard in SHARDS]
    assert sum(part.objects for part in parts) == whole.objects > 0
    for name in ("missing", "unknown", "superseded"):
        found = sorted(key for part in parts for key in getattr(part, name))
        assert found == sorted(getattr(whole, name))
    assert whole.missing
    assert whole.unknown


def test_a_purge_deletes_every_object_and_keeps_the_reason(
    place: Settings, connection: Connection[DictRow]
) -> None:
    store = open_store(place)
    shop = replace_picture(connection, store)
    done = run(place, "purge", NEW, "--reason", "court order", "--by", "ann")
    assert (done["images"], done["is_done"]) == (1, True)
    assert keys_of(store, NEW) == []
    assert len(keys_of(store, OLD)) == 3
    assert shop.rows("select purged_by, reason from likeness.purged_blobs") == [
        {"purged_by": "ann", "reason": "court order"}
    ]
    assert shop.value("select answer from likeness.begin_blobs('w/1', array[%s])", NEW) == "purged"


def test_a_purge_of_unknown_bytes_says_so_and_refuses_them(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    sha256 = "f" * 64
    answer = subprocess.run(
        [sys.executable, "-m", "worker", "purge", sha256, "--reason", "court order"],
        env=child_environment(settings),
        capture_output=True,
        check=True,
        text=True,
    )
    assert "Nothing here has these bytes" in answer.stdout
    assert connection.execute("select sha256 from likeness.purged_blobs").fetchall() == [
        {"sha256": sha256}
    ]


def test_a_purge_deletes_at_once_what_a_worker_has_in_hand(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    store = open_store(settings)
    shop = replace_picture(connection, store)
    shop.rows("select * from likeness.claim_renditions('w/1', 9)")
    assert not run(settings, "purge", NEW, "--reason", "court order")["is_done"]
    assert keys_of(store, NEW) == []
    assert shop.value("select status from likeness.blobs where sha256 = %s", NEW) == "condemned"
