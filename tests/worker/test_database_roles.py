"""Tests that the API and a worker do their work as a role that can alter nothing."""

from pathlib import Path

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow
from pydantic import SecretStr

from tests.api.serving import client_of, free_port, running
from tests.worker_process import await_settled, worker_process
from worker.demo.pictures import draw_samples
from worker.demo.supplier import serve_samples
from worker.errors import SettingsError
from worker.migrate import APP_ROLE, let_programs_log_in
from worker.settings import Settings, as_owner

KEY = "a-service-key-for-tests"


@pytest.fixture
def programs(settings: Settings) -> Settings:
    """Settings of programs that log in as likeness_app."""
    assert settings.database_url
    owner = settings.database_url.get_secret_value()
    let_programs_log_in(owner)
    return settings.model_copy(
        update={
            "database_url": SecretStr(make_conninfo(owner, user=APP_ROLE)),
            "owner_database_url": None,
            "service_key": SecretStr(KEY),
            "api_port": free_port(),
            "allowed_private_networks": Settings(
                allowed_private_networks="127.0.0.0/8"
            ).allowed_private_networks,
        }
    )


@pytest.mark.slow
def test_the_api_and_a_worker_do_all_their_work_as_a_role_that_alters_nothing(
    programs: Settings, connection: Connection[DictRow], tmp_path: Path
) -> None:
    samples = [sample for sample in draw_samples() if not sample.sku.startswith("BAD")][:6]
    with (
        serve_samples(samples) as base,
        running(programs),
        client_of(programs) as client,
        worker_process(programs, tmp_path / "worker.log") as worker,
    ):
        client.headers["authorization"] = f"Bearer {KEY}"
        lines = [f"{sample.sku},{base.rstrip('/')}{sample.path}" for sample in samples]
        feed = "\n".join(["sku,image_url", *lines])
        answer = client.post(
            "/api/products/import?supplier=acme&activate=true", content=feed.encode()
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["activation"]["queued"] == len(samples)
        product = connection.execute("select min(id) as id from likeness.products").fetchone()
        assert product
        lazy = client.post("/api/process-product-image-lazy", json={"product_id": product["id"]})
        assert lazy.status_code in (200, 202), lazy.text
        await_settled(connection, worker)
        users = connection.execute(
            "select distinct usename from pg_stat_activity where datname = current_database()"
            " and (application_name like 'likeness api%' or application_name like 'likeness w%')"
        ).fetchall()
        assert users == [{"usename": APP_ROLE}]
        assert worker.stop() == 0
    states = connection.execute("select distinct status from likeness.images").fetchall()
    assert states == [{"status": "completed"}]
    said = (tmp_path / "worker.log").read_text()
    assert "permission denied" not in said


def test_a_connection_of_the_programs_cannot_become_the_owner(programs: Settings) -> None:
    assert programs.database_url
    with psycopg.connect(programs.database_url.get_secret_value(), autocommit=True) as session:
        for statement in (
            "alter table likeness.images add column x int",
            "reset role; alter table likeness.images add column x int",
            "set role none; alter table likeness.images add column x int",
            "set role postgres",
            "copy (select 1) to program 'true'",
            "select pg_read_file('/etc/passwd')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement.encode())


def test_the_password_of_the_programs_is_kept_hashed(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    assert settings.database_url
    let_programs_log_in(settings.database_url.get_secret_value(), "it's a $ecret")
    row = connection.execute(
        "select rolcanlogin, rolsuper, rolpassword from pg_authid where rolname = %s", (APP_ROLE,)
    ).fetchone()
    assert row
    assert (row["rolcanlogin"], row["rolsuper"]) == (True, False)
    assert row["rolpassword"].startswith("SCRAM-SHA-256$")


def test_a_role_that_may_not_give_passwords_is_told_what_to_do(programs: Settings) -> None:
    assert programs.database_url
    with pytest.raises(SettingsError, match="LIKENESS_APP_PASSWORD"):
        let_programs_log_in(programs.database_url.get_secret_value(), "another")


def test_the_owner_is_the_programs_database_unless_another_is_named() -> None:
    plain = Settings(database_url=SecretStr("host=a"))
    assert as_owner(plain).database_url == SecretStr("host=a")
    both = plain.model_copy(update={"owner_database_url": SecretStr("host=b")})
    assert as_owner(both).database_url == SecretStr("host=b")
