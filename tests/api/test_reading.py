"""Where the resolver reads, with a replica that comes and goes."""

import httpx
import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import SecretStr

from api import display, reading
from tests.api.serving import client_of, free_port, running
from tests.api.shop import Shop
from worker import db
from worker.settings import Settings


def _status(client: httpx.Client, product: int) -> str:
    answer = client.get(f"/api/products/{product}/display-url")
    assert answer.status_code == 200
    return str(answer.json()["status"])


def test_the_resolver_reads_the_replica_and_nothing_else_does(
    shop: Shop, api_settings: Settings, empty_database: str
) -> None:
    # A stand-in that can be told apart: whatever is asked, it says "failed".
    with psycopg.connect(empty_database, autocommit=True) as replica:
        replica.execute("create schema likeness")
        replica.execute(
            "create function likeness.display_answer(bigint[], text, text)"
            " returns table (items text, wanted bigint[], retry_after int, has_unknown boolean)"
            ' language sql begin atomic select \'{"status":"failed"}\'::text, null::bigint[],'
            " null::int, false; end"
        )
    product = shop.pending()
    settings = api_settings.model_copy(update={"read_database_url": SecretStr(empty_database)})
    with running(settings), client_of(settings) as client:
        assert _status(client, product) == "failed"
        assert client.get("/readyz").status_code == 200


def test_the_resolver_is_not_planned_anew_for_every_product(
    shop: Shop, api_settings: Settings, connection: Connection[DictRow]
) -> None:
    product = shop.pending()
    with running(api_settings), client_of(api_settings) as client:
        assert _status(client, product) == "pending"
        [session] = connection.execute(
            "select application_name as name from pg_stat_activity"
            " where datname = current_database() and query like '%from likeness.display_answer(%'"
            "   and pid <> pg_backend_pid()"
        ).fetchall()
    name = session["name"].removeprefix("likeness ")
    with db.connect(api_settings, name) as reading_session:
        for _ in range(10):
            reading_session.execute(display._ANSWER, ("{1}", "grid", ""), prepare=True)
        [plans] = reading_session.execute(
            "select generic_plans, custom_plans from pg_prepared_statements"
            " where statement like '%display_answer%'"
        ).fetchall()
    assert plans == {"generic_plans": 10, "custom_plans": 0}


def test_the_database_answers_while_the_replica_is_away(
    shop: Shop, api_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_REPLICA_TIMEOUT_SECONDS", 0.2)
    product = shop.pending()
    nobody = f"postgresql://127.0.0.1:{free_port()}/nothing"
    settings = api_settings.model_copy(update={"read_database_url": SecretStr(nobody)})
    with running(settings), client_of(settings) as client:
        assert {_status(client, product) for _ in range(3)} == {"pending"}


def test_one_request_in_a_while_tries_a_replica_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("api.reading.time.monotonic", lambda: now[0])
    reader = reading.Reader(None, None, 1)  # type: ignore[arg-type]
    assert [reader._is_worth_a_try() for _ in range(2)] == [True, True]
    reader._away_until = 105.0
    assert not reader._is_worth_a_try()
    now[0] = 106.0
    assert [reader._is_worth_a_try() for _ in range(3)] == [True, False, False]
