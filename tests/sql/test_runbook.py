"""The runbook's SQL runs as it stands, and finds something to show in a database with trouble."""

import re
from datetime import timedelta

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop, fault
from tests.sources import ROOT

Db = Connection[DictRow]

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
BLOCKS = re.findall(r"^```sql\n(.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL)
# What issue 3 promises to an operator.
PROMISED = [
    *("queue_status", "queue_stuck", "host_backlog", "host_health", "failures_by_reason"),
    *("throughput", "run_status", "eta", "worker_status", "claims", "explain_image"),
    *("pause_host", "resume_host", "pause_queue", "resume_queue", "retry_images", "drain"),
    *("requeue_expired", "set_priority", "set_host_limits"),
    # And issue 7.
    *("alerts", "alert_status", "periodic_work", "image_intervals", "rollback_supplier"),
    *("resolve_display_urls_as_of", "cleanup_products", "backfill_images", "webhook_status"),
]


def statements(block: str) -> list[str]:
    text = re.sub(r"--.*$", "", block, flags=re.MULTILINE)
    return [statement.strip() for statement in text.split(";") if statement.strip()]


@pytest.fixture
def troubled(connection: Db) -> Shop:
    """A shop of two hours ago: something failed, something is held, something waits too long."""
    shop = Shop(connection, prefix="http://cdn.example.com/", is_active=False)
    now = shop.now()
    shop.at(now - timedelta(hours=2))
    for n in range(8):
        shop.add_product(f"K-{1001 + n}", f"{n}.jpg")
    shop.activate()
    worker = shop.value("select likeness.register_worker('a-worker')")
    assert worker == "a-worker/1", "the runbook names this worker"
    shop.at(now - timedelta(minutes=1))
    claims = shop.claim(worker, 5)
    shop.complete(claims[0], worker=worker)
    reasons = ("not-found", "forbidden", "not-found")
    pairs = zip(claims[1:4], reasons, strict=True)
    shop.finish(worker, *(fault(claim, reason) for claim, reason in pairs))
    shop.at(None)
    hold_change(shop, claims[0]["image_id"], worker)
    match_some(shop)
    shop.execute(
        "select likeness.create_service_key('shopshopshop', 'shop', '{feeds}', %s)", bytes(32)
    )
    shop.execute("select * from likeness.take_permit('lazy', '192.0.2.7', 10, '1 minute')")
    open_alert(shop)
    return shop


def match_some(shop: Shop) -> None:
    """Two products that are linked by their barcode, and one that waits for a person."""
    shop.execute(
        "insert into likeness.canonical_products (name, gtin)"
        " values ('Product K-1006', '04006381333931'), ('Enamel kettle', '05000157078865')"
    )
    for sku, gtin in (("K-1006", 1), ("K-1007", 1), ("K-1008", 2)):
        shop.execute(
            "update likeness.products p set gtin = c.gtin, gtin_raw = c.gtin"
            " from likeness.canonical_products c where p.sku = %s and c.id = %s",
            sku,
            gtin,
        )
    shop.execute("select * from likeness.match_products(array(select id from likeness.products))")


def open_alert(shop: Shop) -> None:
    """The store fills up, and some periodic work is known."""
    shop.execute("select likeness.note_storage(bytes => 90, blobs => 1, quota_bytes => 100)")
    shop.execute("select likeness.watch_alerts()")
    shop.execute("select likeness.register_periodic('sweep', '*/5 * * * *', now(), 'Tidies.')")


def hold_change(shop: Shop, image_id: int, worker: str) -> None:
    """Its source gives another picture, which waits for a person and turns out a placeholder."""
    shop.execute("""select likeness.save_supplier('acme', '{"on_big_change": "hold"}')""")
    shop.value("select likeness.queue_images(array[%s::bigint], 3::smallint)", image_id)
    (claim,) = shop.claim(worker, 1)
    assert shop.complete(claim, "b" * 64, worker=worker)
    shop.value("select likeness.mark_placeholder(%s)", "b" * 64)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split(";")[0][:60])
def test_each_statement_of_the_runbook_answers(troubled: Shop, block: str) -> None:
    # As `likeness psql` sets it for its session.
    troubled.execute("set search_path = likeness, procrastinate, public")
    for statement in statements(block):
        assert troubled.rows(statement), statement


@pytest.mark.parametrize("name", PROMISED)
def test_the_runbook_shows_everything_that_an_operator_was_promised(name: str) -> None:
    assert any(re.search(rf"\b{name}\b", block) for block in BLOCKS)
