"""Checks by a real worker against servers that are honest, that lie, that fail, and over FTP."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from psycopg import Connection
from psycopg.rows import DictRow

from tests.ftp_origin import ftp_server
from tests.invariants import assert_checks_are_quiet
from tests.origin import Behaviour, Origin, answer, conditional, head
from tests.shop import Shop
from tests.worker_process import WorkerProcess, await_settled, worker_process
from worker import periodic, tasks
from worker.settings import Settings, child_environment

Db = Connection[DictRow]
MARCH = "Fri, 01 Mar 2024 12:00:00 GMT"


def draw(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (400, 300), colour).save(file, "JPEG")
    return file.getvalue()


def liar(body: bytes) -> Behaviour:
    """The same validators whatever it shows, and "not modified" to whoever has them."""
    return conditional(body, etag='"always"', last_modified=MARCH)


def denier(body: bytes, etag: str) -> Behaviour:
    """New validators with new bytes, and yet "not modified" to any condition."""

    async def behave(request: Any, writer: Any) -> None:
        if "if-none-match" in request.headers:
            writer.write(head(304, etag=etag))
        else:
            await answer(body, headers={"etag": etag})(request, writer)

    return behave


@pytest.fixture
def settings(settings: Settings) -> Settings:
    opened = {"allowed_private_networks": "127.0.0.0/8", "log_format": "json"}
    return Settings(
        **settings.model_dump(exclude_unset=True),
        **opened,  # type: ignore[arg-type]
        second_wave=False,
    )


@pytest.fixture
def worker(settings: Settings, connection: Db, tmp_path: Path) -> Iterator[WorkerProcess]:
    with worker_process(settings, tmp_path / "worker.log") as process:
        yield process
        assert process.stop() == 0
    assert_checks_are_quiet(connection)


def mirror(connection: Db, worker: WorkerProcess, prefix: str, *names: str) -> Shop:
    shop = Shop(connection, prefix=prefix, is_active=False)
    for name in names:
        shop.add_product(name, name)
    shop.activate()
    await_settled(connection, worker)
    return shop


def check_all(shop: Shop, worker: WorkerProcess) -> None:
    """Have the worker look at all pictures now."""
    shop.execute("update likeness.image_freshness set next_check_at = likeness.clock()")
    shop.execute(
        "update likeness.check_plan set planned_at = likeness.clock(), paced_at = likeness.clock(),"
        " requests_a_day = 10000, request_tokens = 500, bytes_a_day = 10^10, byte_tokens = 10^9"
    )
    assert shop.value("select likeness.queue_checks()") > 0
    await_settled(shop.connection, worker)


def trust_host(shop: Shop) -> None:
    shop.execute(
        "insert into likeness.host_validators"
        " (host_id, trust, audits, proofs, proofs_since_lie, updated_at)"
        " select id, 'honest', 5000, 5000, 5000, now() from likeness.hosts"
    )


def shown(shop: Shop) -> list[str]:
    rows = shop.rows(
        "select b.sha256, i.status from likeness.images i"
        " join likeness.blobs b on b.sha256 = i.blob_sha256 order by i.id"
    )
    assert {row["status"] for row in rows} == {"completed"}
    return [row["sha256"] for row in rows]


def sums(shop: Shop) -> dict[str, Any]:
    return shop.rows(
        "select sum(unmodified)::int as unmodified, sum(same)::int as same,"
        " sum(changed)::int as changed, sum(failed)::int as failed from likeness.check_hours"
    )[0]


def test_an_honest_server_is_asked_by_condition_and_its_changes_are_shown(
    worker: WorkerProcess, connection: Db
) -> None:
    old, new = draw("crimson"), draw("teal")
    routes = {
        f"/{name}": conditional(old + name.encode(), etag=f'"{name}"', last_modified=MARCH)
        for name in ("a.jpg", "b.jpg")
    }
    with Origin(routes) as origin:
        shop = mirror(connection, worker, origin.url("/"), "a.jpg", "b.jpg")
        trust_host(shop)
        before, touched = shown(shop), shop.image(1)["mirrored_at"]
        origin.requests.clear()
        check_all(shop, worker)
        assert [r.headers.get("if-none-match") for r in origin.requests] == ['"a.jpg"', '"b.jpg"']
        assert (shown(shop), sums(shop)["unmodified"]) == (before, 2)
        assert shop.image(1)["mirrored_at"] > touched
        origin.routes["/a.jpg"] = conditional(new, etag='"new"', last_modified=MARCH)
        check_all(shop, worker)
    assert (shown(shop)[0] != before[0], shown(shop)[1]) == (True, before[1])
    assert sums(shop) == {"unmodified": 3, "same": 0, "changed": 1, "failed": 0}
    host = shop.rows("select proofs, lies from likeness.host_validators")[0]
    assert host == {"proofs": 5001, "lies": 0}


@pytest.mark.parametrize("kind", ["liar", "denier"])
def test_a_server_that_lies_is_found_out_and_asked_without_conditions(
    kind: str, worker: WorkerProcess, connection: Db
) -> None:
    names = [f"{n}.jpg" for n in range(8)]

    def routes(colour: str) -> dict[str, Behaviour]:
        bodies = {name: draw(colour) + name.encode() for name in names}
        return {
            f"/{name}": liar(body) if kind == "liar" else denier(body, f'"{colour}"')
            for name, body in bodies.items()
        }

    with Origin(routes("crimson")) as origin:
        shop = mirror(connection, worker, origin.url("/"), *names)
        before = shown(shop)
        origin.routes.update(routes("teal"))
        # Of a host that nobody knows yet most checks look at the bytes.
        for _ in range(6):
            check_all(shop, worker)
            if shop.value("select trust from likeness.host_validators") == "lying":
                break
            origin.routes.update(routes("gold"))
        assert shop.value("select trust from likeness.host_validators") == "lying"
        origin.routes.update(routes("navy"))
        origin.requests.clear()
        check_all(shop, worker)
    assert not any("if-none-match" in r.headers for r in origin.requests)
    assert len(origin.requests) == len(names)
    assert not set(shown(shop)) & set(before)


def test_a_server_that_fails_takes_nothing_away(worker: WorkerProcess, connection: Db) -> None:
    with Origin({"/a.jpg": answer(draw("crimson")), "/b.jpg": answer(draw("teal"))}) as origin:
        shop = mirror(connection, worker, origin.url("/"), "a.jpg", "b.jpg")
        before = shown(shop)
        origin.routes |= {"/a.jpg": answer(b"", status=500), "/b.jpg": answer(b"", status=404)}
        check_all(shop, worker)
        assert (shown(shop), sums(shop)["failed"]) == (before, 2)
        rows = shop.rows("select failed_checks, failure_text from likeness.image_freshness")
        assert all(row["failed_checks"] == 1 and row["failure_text"] for row in rows)
        queued = shop.value("select count(*) from likeness.images where queued_at is not null")
        assert queued == 0


@pytest.mark.ftp
def test_a_file_on_ftp_is_fetched_again_only_when_its_time_or_size_changed(
    worker: WorkerProcess, connection: Db, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(draw("crimson"))
    with ftp_server(folder) as server:
        shop = mirror(connection, worker, server.url(""), "a.jpg")
        trust_host(shop)
        before = shown(shop)
        server.commands.clear()
        check_all(shop, worker)
        assert server.commands == ["SIZE a.jpg", "MDTM a.jpg"]
        assert shown(shop) == before
        (folder / "a.jpg").write_bytes(draw("teal") + b"longer")
        check_all(shop, worker)
    assert shown(shop) != before
    assert sums(shop) == {"unmodified": 1, "same": 0, "changed": 1, "failed": 0}


def test_the_command_refreshes_a_supplier_without_conditions(
    settings: Settings, worker: WorkerProcess, connection: Db
) -> None:
    with Origin({"/a.jpg": liar(draw("crimson"))}) as origin:
        shop = mirror(connection, worker, origin.url("/"), "a.jpg")
        before = shown(shop)
        origin.routes["/a.jpg"] = liar(draw("teal"))
        done = subprocess.run(
            [sys.executable, "-m", "worker", "refresh", "--supplier", "acme", "--json"],
            env=child_environment(settings), capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout)["queued"] == 1
        await_settled(connection, worker)
    assert shown(shop) != before
    refused = subprocess.run(
        [sys.executable, "-m", "worker", "refresh"],
        env=child_environment(settings), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "--supplier" in refused.stderr


@pytest.mark.anyio
async def test_the_periodic_work_plans_by_the_settings_and_queues_what_is_due(
    settings: Settings, connection: Db
) -> None:
    shop = Shop(connection)
    for n in range(3):
        shop.add_product(f"p{n}", f"{n}.jpg")
    for claim in shop.claim():
        shop.complete(claim, "a" * 64)
    chosen = settings.model_copy(
        update={"freshness_cron": "30 3 * * *", "freshness_requests_percent": 10_000.0}
    )
    runtime: Any = SimpleNamespace(settings=chosen)
    jobs = {job.name: job for job, _ in tasks._JOBS}
    await periodic.register(chosen, list(jobs.values()))
    counts = {}
    for name, body in (("freshness_plan", tasks.plan_checks), ("freshness", tasks.queue_checks)):
        shop.execute(
            "update likeness.image_freshness set next_check_at = likeness.clock()"
            " where next_check_at is not null"
        )
        work = partial(body, runtime)
        counts[name] = await periodic.run(chosen, jobs[name], work, worker="w/1")
    assert counts["freshness"] == {"queued": 3}
    plan = shop.rows("select requests_a_day, bytes_a_day, images from likeness.check_plan")[0]
    assert plan == {"requests_a_day": 300, "bytes_a_day": 20_000_000_000, "images": 3}
    cron = shop.value("select cron from likeness.periodic_tasks where task = 'freshness_plan'")
    assert cron == "30 3 * * *"
