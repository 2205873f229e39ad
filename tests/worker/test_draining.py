"""A worker that is asked to drain finishes what it has, says so, and leaves the rest to others."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop
from tests.worker_process import await_settled, worker_process
from worker.settings import Settings


class SlowSupplier:
    """An HTTP server that says when it was asked and answers (404) when it is told to."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_answer = threading.Event()

    @contextmanager
    def serve(self) -> Iterator[str]:
        supplier = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                supplier.asked.set()
                supplier.may_answer.wait(30)
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                self.may_answer.set()
                server.shutdown()
                thread.join()


def await_true(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def events(log: Path) -> list[str]:
    return [json.loads(line)["event"] for line in log.read_text().splitlines() if line[:1] == "{"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    changes = {"allowed_private_networks": "127.0.0.0/8", "log_format": "json"}
    values = {name: getattr(settings, name) for name in settings.model_fields_set}
    return Settings(**(values | changes))


def test_a_draining_worker_finishes_what_it_has_and_another_one_takes_the_rest(
    settings: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    supplier = SlowSupplier()
    log = tmp_path / "first.log"
    with supplier.serve() as base, worker_process(settings, log) as first:
        shop = Shop(connection, prefix=base, max_in_flight=1)
        for n in range(4):
            shop.add_product(f"p{n}", f"{n}.jpg")
        assert supplier.asked.wait(30)
        name = shop.value("select worker from likeness.worker_status")
        assert shop.value("select likeness.drain(%s)", name) == 1
        await_true(lambda: "draining" in events(log))
        assert "drained" not in events(log)
        supplier.may_answer.set()
        await_true(lambda: "drained" in events(log))
        statuses = shop.rows("select status, in_hand, finished from likeness.worker_status")
        assert statuses == [{"status": "drained", "in_hand": 0, "finished": 1}]
        with worker_process(settings, tmp_path / "second.log") as second:
            await_settled(connection, second)
            assert second.stop() == 0
        first.assert_alive()
        assert first.stop() == 0
    assert shop.value("select finished from likeness.worker_status where worker = %s", name) == 1
    assert shop.value("select count(*) from likeness.images where status = 'failed'") == 4


def test_a_stopping_worker_hands_back_what_does_not_end_in_time_and_ends_itself(
    settings: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    supplier = SlowSupplier()
    hasty = settings.model_copy(update={"grace_seconds": 1.0})
    with supplier.serve() as base:
        shop = Shop(connection, prefix=base, max_in_flight=4)
        for n in range(4):
            shop.add_product(f"p{n}", f"{n}.jpg")
        # What it hands back wakes it at the moment in which it is to end: so more than once.
        for attempt in range(3):
            supplier.asked.clear()
            log = tmp_path / f"{attempt}.log"
            with worker_process(hasty, log) as worker:
                assert supplier.asked.wait(30)
                assert worker.stop() == 0
            assert events(log)[-2:] == ["handed back", "worker stopped"]
            waiting = shop.rows(
                "select attempts, count(*) as images from likeness.images"
                " where queued_at is not null and claimed_by is null group by attempts"
            )
            assert waiting == [{"attempts": 0, "images": 4}]
