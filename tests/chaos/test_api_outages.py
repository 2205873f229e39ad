"""The API, Postgres and the store go away under load and come back; nobody lends a hand.

Real processes throughout. Clients see errors that say "try again" only while a part is away,
readiness says which part, and every lazy request that was taken is done in the end.
``LIKENESS_TEST_OUTAGE_SECONDS`` is how long a part stays away; 30 for a full run.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from pydantic import SecretStr

from tests import real_parts
from tests.chaos import origins
from tests.chaos.load import Load, Seen
from tests.real_parts import MinioServer, PartMissing, find_minio, free_port, minio_server
from tests.shop import Shop
from tests.worker_process import worker_process
from worker.embedded import EmbeddedPostgres
from worker.migrate import APP_ROLE, let_programs_log_in, migrate
from worker.settings import Settings, child_environment

pytestmark = [pytest.mark.slow, pytest.mark.real_s3]

OUTAGE_SECONDS = float(os.environ.get("LIKENESS_TEST_OUTAGE_SECONDS", "4"))
DRAIN_SECONDS = 1.5
PRODUCTS = 400
ASKING = 4


@dataclass
class Stack:
    """Postgres, MinIO, one worker and the API, each a process that can be taken away."""

    settings: Settings
    folder: Path
    postgres: EmbeddedPostgres
    minio: MinioServer
    products: list[int]
    api: "subprocess.Popen[bytes] | None" = None

    @property
    def owner(self) -> str:
        return self.postgres.conninfo("likeness")

    def start_api(self) -> None:
        with (self.folder / "api.log").open("ab") as log:
            self.api = subprocess.Popen(
                [sys.executable, "-m", "worker", "api"],
                env=child_environment(self.settings),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def await_ready(self) -> None:
        deadline = time.monotonic() + 60
        while not self._is_ready():
            assert self.api
            assert self.api.poll() is None, (self.folder / "api.log").read_text()[-3000:]
            assert time.monotonic() < deadline, (self.folder / "api.log").read_text()[-3000:]
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            answer = httpx.get(f"{self.settings.api_url}/readyz", trust_env=False)
            return answer.status_code == 200
        except httpx.TransportError:
            return False

    def kill_postgres(self) -> None:
        """End it without a word to anybody: what was in its memory alone is gone."""
        pid = int((self.postgres.data_dir / "cluster/postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        while self.postgres.is_running:
            time.sleep(0.01)

    @contextmanager
    def second_api(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Another API beside, in the place of the first for as long as the block lasts."""
        first, settings = self.api, self.settings
        update = {"api_port": free_port(), "api_drain_seconds": DRAIN_SECONDS}
        self.settings = settings.model_copy(update=update)
        try:
            self.start_api()
            self.await_ready()
            assert self.api is not None
            yield self.api
        finally:
            if self.api is not None and self.api is not first:
                self.api.kill()
                self.api.wait()
            self.api, self.settings = first, settings


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything, running, with pictures that wait; each test leaves it as it found it."""
    try:
        find_minio()
    except PartMissing as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("outages")
    postgres = EmbeddedPostgres(folder / "postgres", durable=False)
    postgres.start()
    try:
        with (
            minio_server(folder / "minio") as minio,
            origins.running("good", "127.0.0.2") as good,
            _filled(folder, postgres, minio, good) as stack,
            worker_process(stack.settings, folder / "worker.log") as worker,
        ):
            stack.start_api()
            stack.await_ready()
            _await_first_picture(stack)
            yield stack
            worker.assert_alive()
            assert stack.api
            stack.api.terminate()
            stack.api.wait(30)
            real_parts.stop(stack.minio.process)
    finally:
        postgres.stop()


@contextmanager
def _filled(
    folder: Path, postgres: EmbeddedPostgres, minio: MinioServer, good: str
) -> Iterator[Stack]:
    postgres.create_database("likeness")
    owner = postgres.conninfo("likeness")
    migrate(owner)
    let_programs_log_in(owner)
    settings = Settings(
        database_url=SecretStr(make_conninfo(owner, user=APP_ROLE)),
        state_dir=folder / "state",
        api_port=free_port(),
        s3_endpoint=minio.endpoint,
        s3_access_key=minio.access_key,
        s3_secret_key=SecretStr(minio.secret_key),
        url_signing_keys="a key that outlives a process",
        trusted_proxies="127.0.0.0/8",
        allowed_private_networks="127.0.0.0/8",
        lease_seconds=3,
        second_wave=False,
        log_format="json",
    )
    with psycopg.connect(owner, autocommit=True, row_factory=dict_row) as connection:
        # Slow enough that most pictures are still waiting when somebody asks for them.
        shop = Shop(connection, prefix=good, is_active=False, max_in_flight=2)
        products = [
            shop.add_product(str(number), origins.good_path(number)) for number in range(PRODUCTS)
        ]
        shop.activate()
    yield Stack(settings, folder, postgres, minio, products)


def _await_first_picture(stack: Stack) -> None:
    deadline = time.monotonic() + 60
    while _shown(stack)["status"] != "cached":
        assert time.monotonic() < deadline, (stack.folder / "worker.log").read_text()[-3000:]
        time.sleep(0.1)


def _shown(stack: Stack) -> dict[str, str]:
    base = stack.settings.api_url
    path = f"{base}/api/products/{stack.products[0]}/display-url"
    found: dict[str, str] = httpx.get(path, trust_env=False).json()
    return found


@contextmanager
def under_load(stack: Stack, first: int) -> Iterator[Load]:
    """Clients that look, fetch bytes, ask for readiness, and ask for cold pictures."""
    load = Load(stack.settings.api_url)
    load.repeat("display", f"/api/products/{stack.products[0]}/display-url?context=grid")
    load.repeat("bytes", _shown(stack)["url"])
    load.repeat("ready", "/readyz")
    for number in range(ASKING):
        # From the end of the queue, which the worker comes to last.
        load.ask_for(stack.products[first + number :: ASKING][::-1])
    try:
        for kind in ("display", "bytes", "ready", "lazy"):
            load.wait_until_well(kind, 0)
        yield load
    finally:
        load.stop()


def judge(load: Load, down: float, up: float, allowed: dict[str, set[int | None]]) -> None:
    """Errors only of requests that were under way while the part was away, and only these."""
    for seen in load.seen:
        if seen.is_well:
            continue
        assert seen.was_under_way(down, up), f"{seen} outside {down:.2f} to {up:.2f}"
        assert seen.status in allowed.get(seen.kind, set()), seen
        if seen.status == 503 and seen.kind != "ready":
            assert int(seen.retry_after or 0) >= 1, seen
    print(
        f"away {up - down:.1f} s;",
        Counter((seen.kind, seen.status) for seen in load.seen).most_common(),
    )


def during(load: Load, kind: str, down: float, up: float) -> list[Seen]:
    return [
        seen for seen in load.seen if seen.kind == kind and seen.began > down and seen.ended < up
    ]


def assert_nothing_was_lost(stack: Stack, load: Load) -> None:
    """All that was asked for is there, without any help."""
    assert load.asked
    deadline = time.monotonic() + 60
    with psycopg.connect(stack.owner, autocommit=True) as connection:
        while True:
            open_ones = connection.execute(
                "select product_id, status, failure_reason, failure_text from likeness.images"
                " where product_id = any(%s) and status <> 'completed'",
                (list(load.asked),),
            ).fetchall()
            if not open_ones:
                return
            assert time.monotonic() < deadline, open_ones[:5]
            time.sleep(0.1)


def test_an_api_that_is_killed_and_started_again_loses_no_request(stack: Stack) -> None:
    with under_load(stack, 0) as load:
        assert stack.api
        down = time.monotonic()
        stack.api.kill()
        stack.api.wait()
        time.sleep(min(OUTAGE_SECONDS, 3.0))
        stack.start_api()
        up = load.wait_until_well("ready", down)
        after = time.monotonic()
        for kind in ("display", "bytes", "lazy"):
            load.wait_until_well(kind, after)
    judge(load, down, up, {kind: {None} for kind in ("display", "bytes", "ready", "lazy")})
    assert_nothing_was_lost(stack, load)


def test_a_postgres_that_crashes_and_comes_back_is_found_again(stack: Stack) -> None:
    with under_load(stack, 100) as load:
        down = time.monotonic()
        stack.kill_postgres()
        time.sleep(OUTAGE_SECONDS)
        stack.postgres.restart()
        up = load.wait_until_well("ready", time.monotonic())
        after = time.monotonic()
        for kind in ("display", "bytes", "lazy"):
            load.wait_until_well(kind, after)
    # Bytes have nothing to do with the database.
    judge(load, down, up, {"display": {503}, "ready": {503}, "lazy": {503}})
    told = [seen for seen in during(load, "ready", down, up) if seen.status == 503]
    assert told
    assert all("The database does not answer" in seen.text for seen in told), told[0]
    assert_nothing_was_lost(stack, load)


def test_a_store_that_stops_for_a_while_is_found_again(stack: Stack) -> None:
    with under_load(stack, 200) as load:
        down = time.monotonic()
        real_parts.stop(stack.minio.process)
        time.sleep(OUTAGE_SECONDS)
        stack.minio = real_parts.start_again(stack.minio, stack.folder / "minio")
        up = load.wait_until_well("ready", time.monotonic())
        after = time.monotonic()
        for kind in ("display", "bytes", "lazy"):
            load.wait_until_well(kind, after)
    # Which URL to show is a question to the database alone.
    judge(load, down, up, {"bytes": {503}, "ready": {503}})
    told = [seen for seen in during(load, "ready", down, up) if seen.status == 503]
    assert told
    assert all("store" in seen.text for seen in told), told[0]
    assert_nothing_was_lost(stack, load)


def test_an_api_that_is_told_to_stop_says_so_first_and_cuts_nobody_off(stack: Stack) -> None:
    with stack.second_api() as api, under_load(stack, 300) as load:
        down = time.monotonic()
        api.terminate()
        api.wait(60)
        gone = time.monotonic()
    ends = [seen for seen in load.seen if seen.ended > down]
    # Nobody who came before the end of the drain lost an answer; who comes later is refused.
    assert not [seen for seen in ends if seen.status is None and seen.began < down + DRAIN_SECONDS]
    refused = [seen for seen in ends if seen.status is None]
    assert refused
    unready = [seen for seen in ends if seen.kind == "ready" and seen.status == 503]
    assert unready
    assert "about to stop" in unready[0].text
    served = [seen for seen in ends if seen.kind in ("display", "bytes") and seen.is_well]
    assert max(seen.ended for seen in served) - unready[0].ended > 1
    assert {seen.status for seen in ends if seen.kind == "lazy"} <= {200, 202, None}
    print(f"stopped in {gone - down:.1f} s, {len(served)} answers after it was told")
    assert_nothing_was_lost(stack, load)
