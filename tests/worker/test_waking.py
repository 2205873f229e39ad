"""Idle workers are woken by what is queued: one of them takes it, the others only look.

``LIKENESS_TEST_IDLE_WORKERS`` is how many are idle; 50 for a full run, which prints how long a
picture waits for its claim.
"""

import os
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from tests.shop import Shop
from tests.worker_process import worker_process
from worker.demo.pictures import draw_samples
from worker.demo.supplier import serve_samples
from worker.settings import Settings

WORKERS = int(os.environ.get("LIKENESS_TEST_IDLE_WORKERS", "3"))
PICTURES = 8


def _calls(shop: Shop, function: str) -> int:
    """How often workers called a function, once no more of their sessions' counts arrive."""
    seen, calls = -1, 0
    while seen != calls or seen < 0:
        seen = calls
        time.sleep(1.2)  # sessions tell their counts once a second, if something changed
        rows = shop.rows(
            "select calls from pg_stat_user_functions"
            " where schemaname = 'likeness' and funcname = %s",
            function,
        )
        calls = sum(row["calls"] for row in rows)
    return calls


@pytest.mark.slow
def test_one_of_many_idle_workers_claims_what_is_queued(
    settings: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    changes = {
        "allowed_private_networks": "127.0.0.0/8",
        "log_format": "json",
        "render_processes": 1,
        "second_wave": False,
    }
    here = Settings.model_validate(settings.model_dump(exclude_unset=True) | changes)
    samples = [s for s in draw_samples() if not s.sku.startswith("BAD")][:PICTURES]
    name = Identifier(connection.info.dbname)
    connection.execute(SQL("alter database {} set track_functions = 'all'").format(name))
    waits = []
    with serve_samples(samples) as base, ExitStack() as stack:
        shop = Shop(connection, prefix=base)
        workers = [
            stack.enter_context(worker_process(here, tmp_path / f"worker{n}.log"))
            for n in range(WORKERS)
        ]
        for worker in workers:
            worker.await_ready()
        # updated_at is the claim's time, until the picture is finished.
        shop.execute("create table public.claimed (image_id bigint, at timestamptz)")
        shop.execute(_NOTE_CLAIMS)
        shop.execute(
            "create trigger images__note_claim after update of status on likeness.images"
            " for each row when (new.status = 'processing') execute function public.note_claim()"
        )
        before = _calls(shop, "claim_images")
        looks = _calls(shop, "look_at_queue")
        for sample in samples:
            began = shop.now()
            product = shop.add_product(sample.sku, sample.path)
            while shop.image(product)["status"] != "completed":
                workers[0].assert_alive()
                time.sleep(0.02)
            claimed_at = shop.value("select max(at) from public.claimed")
            waits.append((claimed_at - began).total_seconds() * 1000)
        claims = _calls(shop, "claim_images") - before
        looks = _calls(shop, "look_at_queue") - looks
        assert [worker.stop() for worker in workers] == [0] * WORKERS
    print(
        f"{WORKERS} idle workers, {PICTURES} pictures one by one: {claims} claims, {looks} looks,"
        f" from enqueue to claim {statistics.median(waits):.1f} ms (median)"
    )
    # Per picture the claim that gets it and those that find the queue dry, never one a worker.
    assert PICTURES <= claims <= PICTURES * 4, (claims, looks)


_NOTE_CLAIMS = """
create function public.note_claim() returns trigger language plpgsql as $$
begin
  insert into public.claimed values (new.id, clock_timestamp());
  return null;
end
$$
"""
