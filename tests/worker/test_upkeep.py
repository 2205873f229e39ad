"""The commands and jobs that put many pictures right: rollback, cleanup, backfill, alerts."""

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop, fault
from worker import periodic, upkeep
from worker.cli import likeness
from worker.settings import Settings
from worker.storage import open_store

GOOD, BAD = "a" * 64, "b" * 64


@pytest.fixture
def shop(connection: Connection[DictRow]) -> Shop:
    return Shop(connection)


def run(settings: Settings, *arguments: str) -> Result:
    assert settings.database_url
    environment = {
        "LIKENESS_DATABASE_URL": settings.database_url.get_secret_value(),
        "LIKENESS_STATE_DIR": str(settings.state_dir),
    }
    return CliRunner().invoke(likeness, arguments, env=environment, catch_exceptions=False)


def bad_day(shop: Shop) -> str:
    """A product that showed GOOD an hour ago and shows BAD; the moment in between."""
    product = shop.add_product("K-1", "1.jpg")
    shop.complete(shop.claim()[0], GOOD)
    shop.execute("update likeness.image_history set shown_at = shown_at - interval '1 hour'")
    shop.execute("select likeness.queue_images(array[%s::bigint])", shop.image(product)["id"])
    shop.complete(shop.claim()[0], BAD)
    return (shop.now() - timedelta(minutes=30)).isoformat()


def shows(shop: Shop) -> str:
    sha256: str = shop.value("select blob_sha256 from likeness.images")
    return sha256


def test_rollback_says_first_what_it_would_do_and_does_it_when_it_is_meant(
    settings: Settings, shop: Shop
) -> None:
    since = bad_day(shop)
    said = run(settings, "rollback", "--supplier", "acme", "--since", since)
    assert "1 pictures would show the earlier ones" in said.stdout
    assert "K-1" in said.stdout
    assert shows(shop) == BAD
    done = run(settings, "rollback", "--supplier", "acme", "--since", since, "--yes", "--json")
    result = json.loads(done.stdout)
    assert result["restored"] == 1
    assert shows(shop) == GOOD
    released = run(settings, "rollback", "--release", str(result["rollback_id"]))
    assert released.stdout == "1 pictures are fetched afresh.\n"


@pytest.mark.parametrize(
    "arguments",
    [(), ("--supplier", "acme"), ("--supplier", "acme", "--since", "yesterday")],
)
def test_rollback_wants_to_know_whose_pictures_and_since_when(
    settings: Settings, shop: Shop, arguments: tuple[str, ...]
) -> None:
    assert run(settings, "rollback", *arguments).exit_code == 2


def leave(shop: Shop) -> None:
    shop.execute(
        "update likeness.products set status = 'inactive',"
        " status_changed_at = now() - interval '91 days'"
    )


def test_cleanup_says_what_it_would_release_and_releases_it(settings: Settings, shop: Shop) -> None:
    bad_day(shop)
    leave(shop)
    said = json.loads(run(settings, "cleanup", "--dry-run", "--json").stdout)
    assert (said["products"], said["images"], said["blobs"]) == (1, 1, 1)
    assert shows(shop) == BAD
    assert run(settings, "cleanup").stdout.splitlines()[-1] == "1 products released 1 pictures."
    assert shows(shop) is None
    row = shop.rows("select * from likeness.periodic_work where task = 'cleanup'")[0]
    assert (row["status"], row["counts"]) == ("finished", {"products": 1, "images": 1})


@pytest.mark.anyio
async def test_a_cleanup_that_is_cut_off_says_that_it_goes_on(
    settings: Settings, shop: Shop
) -> None:
    bad_day(shop)
    leave(shop)
    await periodic.register(settings, [upkeep.CLEANUP])

    async def clean_up(turn: periodic.Turn) -> None:
        await upkeep.clean_up(settings, turn)

    await periodic.run(settings, upkeep.CLEANUP, clean_up, worker="w", is_stopping=lambda: True)
    work = "select status, is_resumed_next from likeness.periodic_work where task = 'cleanup'"
    assert tuple(shop.rows(work)[0].values()) == ("partial", True)
    await periodic.run(settings, upkeep.CLEANUP, clean_up, worker="w")
    assert tuple(shop.rows(work)[0].values()) == ("finished", False)


def test_backfill_shows_its_waves_and_queues_them(settings: Settings, shop: Shop) -> None:
    for number in range(3):
        shop.add_product(f"K-{number}", f"{number}.jpg")
    shop.finish("w/1", *(fault(claim, "not-found") for claim in shop.claim()))
    said = run(settings, "backfill", "--dry-run", "--per-wave", "2")
    assert "3 pictures would be queued." in said.stdout
    assert shop.claim() == []
    done = json.loads(run(settings, "backfill", "--per-wave", "2", "--json").stdout)
    assert [wave["images"] for wave in done["waves"]] == [2, 1]
    assert len(shop.claim()) == 2
    assert "No active product" in run(settings, "backfill").stdout


def test_check_is_loud_about_an_open_alert_and_says_what_to_do(
    settings: Settings, shop: Shop
) -> None:
    open_store(settings).ensure_ready()
    assert run(settings, "check").exit_code == 0
    shop.execute("select likeness.note_storage(81, 1, 100)")
    result = run(settings, "check")
    assert result.exit_code == 1
    assert "alert storage: The object store fills up." in result.stdout
    assert "do: likeness gc" in result.stdout
    assert json.loads(run(settings, "check", "--json").stdout)["alerts"][0]["value"] == 0.81


@pytest.mark.anyio
async def test_alerts_know_the_quota_of_the_settings_and_the_store_is_added_up(
    settings: Settings, shop: Shop
) -> None:
    bad_day(shop)
    with_quota = settings.model_copy(update={"storage_quota_bytes": 1})
    await periodic.register(with_quota, [upkeep.STORAGE, upkeep.ALERTS])

    async def measure(turn: periodic.Turn) -> None:
        await upkeep.measure_storage(with_quota, turn)

    async def watch(turn: periodic.Turn) -> None:
        await upkeep.watch_alerts(with_quota, turn)

    counts: Any = await periodic.run(with_quota, upkeep.STORAGE, measure, worker="w")
    assert counts["blobs"] == 2
    counts = await periodic.run(with_quota, upkeep.ALERTS, watch, worker="w")
    assert counts == {"opened": 1, "closed": 0, "open": 1}


def test_webhooks_are_added_listed_and_removed(settings: Settings, shop: Shop) -> None:
    added = run(settings, "webhook", "add", "https://hook.test/x", "--event", "alert.*")
    assert added.stdout.startswith("secret: ")
    [listed] = json.loads(run(settings, "webhook", "list", "--json").stdout)["webhooks"]
    assert (listed["url"], listed["events"]) == ("https://hook.test/x", ["alert.*"])
    assert "hook.test" in run(settings, "webhook", "list").stdout
    assert run(settings, "webhook", "retry").stdout == "0 deliveries are tried again.\n"
    run(settings, "webhook", "remove", "https://hook.test/x")
    assert "There is none" in run(settings, "webhook", "list").stdout
