"""The command `likeness`: what it prints for people and for scripts, its errors and exit codes."""

import json
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from tests.shop import Shop, fault
from tests.sources import ROOT
from worker.cli import COMMANDS, likeness
from worker.errors import LikenessError, NotFound, StaleSchema
from worker.storage import open_store

HEAVY = ("psycopg", "pydantic", "rich", "uvicorn", "httpx", "PIL", "numpy", "procrastinate", "api")


def run(settings: Any, *arguments: str, typed: str = "", **variables: str) -> Result:
    """Run a command in this process; errors that main() would print are raised."""
    env = {
        "LIKENESS_DATABASE_URL": settings.database_url.get_secret_value(),
        "LIKENESS_STATE_DIR": str(settings.state_dir),
        "COLUMNS": "80",
        **variables,
    }
    result = CliRunner().invoke(likeness, arguments, env=env, input=typed)
    if isinstance(result.exception, LikenessError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def run_program(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "worker", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


# The program.


def test_help_imports_nothing_heavy() -> None:
    script = f"import sys, worker.cli; print([n for n in {HEAVY!r} if n in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_help_lists_every_command_within_80_columns() -> None:
    answer = run_program("--help", COLUMNS="80")
    assert answer.returncode == 0
    assert max(map(len, answer.stdout.splitlines())) <= 80
    assert [c.name for c in COMMANDS if f"  {c.name} " not in answer.stdout] == []


@pytest.mark.parametrize("group", [(), ("key",), ("webhook",)])
def test_no_summary_of_a_command_is_cut_at_80_columns(group: tuple[str, ...]) -> None:
    lines = run_program(*group, "--help", COLUMNS="80").stdout.splitlines()
    assert [line for line in lines[1:] if line.endswith("...")] == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_and_option_says_what_it_is(command: Any) -> None:
    assert command.help
    assert [o.name for o in command.params if o.param_type_name == "option" and not o.help] == []


def test_an_error_is_a_sentence_on_stderr_and_exit_code_1(tmp_path: Path) -> None:
    answer = run_program("status", LIKENESS_STATE_DIR=str(tmp_path))
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.startswith("Error: No database: nothing runs on the state directory")
    assert answer.stderr.count("\n") == 1


def test_a_bad_setting_is_named_with_its_variable() -> None:
    answer = run_program("status", LIKENESS_API_PORT="many")
    assert answer.returncode == 1
    assert "LIKENESS_API_PORT" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIKENESS_FRESHNESS_CRON", "at two"),
        ("LIKENESS_CLEANUP_CRON", ""),
        ("LIKENESS_CLEANUP_DAYS", "inf"),
        ("LIKENESS_FRESHNESS_BYTES_A_DAY", "0"),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_of_before_anything_runs(
    name: str, value: str
) -> None:
    answer = run_program("worker", **{name: value})
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"Error: Bad settings:\n  {name}: ")
    assert "Traceback" not in answer.stderr


def test_a_server_that_does_not_answer_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    answer = run_program("status", LIKENESS_DATABASE_URL=f"host={tmp_path} dbname=likeness")
    assert answer.returncode == 1
    assert answer.stderr.startswith("Error: Cannot reach the database")
    assert "Traceback" not in answer.stderr


S3 = {
    "LIKENESS_S3_ENDPOINT": "http://127.0.0.1:9",
    "LIKENESS_S3_ACCESS_KEY": "key",
    "LIKENESS_S3_SECRET_KEY": "secret",
}


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        (
            {**S3, "LIKENESS_S3_SECRET_KEY": ""},
            "LIKENESS_S3_ENDPOINT is set, so LIKENESS_S3_ACCESS",
        ),
        ({**S3, "LIKENESS_S3_BUCKET": "A Bucket"}, "LIKENESS_S3_BUCKET: "),
        (
            {**S3, "LIKENESS_S3_PUBLIC_ENDPOINT": "https://foo.amazonaws.com"},
            "LIKENESS_S3_PUBLIC_ENDPOINT or ",
        ),
        ({"LIKENESS_DATABASE_URL": "host=/nowhere dbname=likeness"}, "Cannot reach the database: "),
    ],
)
def test_an_api_that_cannot_start_says_why_in_a_line_and_an_error(
    database: str, variables: dict[str, str], says: str
) -> None:
    answer = run_program("api", **{"LIKENESS_DATABASE_URL": database, **variables})
    assert answer.returncode == 1
    logged, said = answer.stderr.splitlines()[0], answer.stderr.partition("\n")[2]
    assert json.loads(logged)["event"] == "cannot start"
    assert json.loads(logged)["reason"].startswith(says)
    assert said.startswith(f"Error: {says}")
    assert "Traceback" not in answer.stderr


def test_programs_refuse_an_endpoint_that_is_no_url() -> None:
    for program in ("api", "worker"):
        answer = run_program(program, **{**S3, "LIKENESS_S3_ENDPOINT": "minio:9000"})
        assert answer.returncode == 1
        assert answer.stderr.startswith("Error: Bad settings:\n  LIKENESS_S3_ENDPOINT: must be ")
        assert answer.stderr.count("\n") == 2


def test_a_worker_without_its_database_says_so_in_one_sentence(tmp_path: Path) -> None:
    answer = run_program("worker", LIKENESS_DATABASE_URL=f"host={tmp_path} dbname=likeness")
    assert answer.returncode == 1
    assert answer.stderr.startswith("Error: Cannot reach the database: ")
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("program", ["api", "worker", "up", "migrate"])
def test_a_variable_that_no_setting_knows_is_told_of_with_the_nearest(
    program: str, tmp_path: Path
) -> None:
    answer = run_program(
        program,
        LIKENESS_DATABASE_URL=f"host={tmp_path} dbname=likeness",
        LIKENESS_STATE_DIR=str(tmp_path),
        LIKENESS_API_PORT="0",
        LIKENESS_CORS_ORIGNS="https://shop.example",
    )
    [line] = [line for line in answer.stderr.splitlines() if "ORIGNS" in line]
    assert json.loads(line)["level"] == "warning"
    assert (
        json.loads(line)["variables"] == "LIKENESS_CORS_ORIGNS: did you mean LIKENESS_CORS_ORIGINS?"
    )
    assert "shop.example" not in line


def test_an_unknown_option_is_a_usage_error() -> None:
    assert run_program("status", "--no-such-option").returncode == 2


# The database.


def test_a_command_on_an_old_schema_names_the_command_that_mends_it(
    empty_database: str, settings: Any
) -> None:
    with pytest.raises(StaleSchema, match="likeness migrate"):
        run(settings, "status", LIKENESS_DATABASE_URL=empty_database)


def test_migrate_says_what_it_applied_and_then_that_nothing_is_left(
    empty_database: str, settings: Any
) -> None:
    first = run(settings, "migrate", LIKENESS_DATABASE_URL=empty_database)
    assert "applied 0001_" in first.stdout
    second = run(settings, "migrate", LIKENESS_DATABASE_URL=empty_database)
    assert second.stdout == "The database is up to date.\n"


def test_psql_finds_our_tables_by_name_and_passes_its_arguments_on(database: str) -> None:
    answer = run_program(
        "psql", "-Atc", "select count(*) from suppliers", LIKENESS_DATABASE_URL=database
    )
    assert (answer.returncode, answer.stdout.strip()) == (0, "0")


# Reports.


def add_failed_image(connection: psycopg.Connection[Any], path: str) -> int:
    """A product with one picture at a relative address, which cannot be fetched."""
    row = connection.execute(
        "insert into likeness.suppliers (name) values ('acme') returning id"
    ).fetchone()
    assert row
    dataset = connection.execute(
        "insert into likeness.datasets (supplier_id, name) values (%s, 'spring') returning id",
        [row["id"]],
    ).fetchone()
    assert dataset
    product = connection.execute(
        "insert into likeness.products (supplier_id, dataset_id, sku) values (%s, %s, 'A1')"
        " returning id",
        [row["id"], dataset["id"]],
    ).fetchone()
    assert product
    connection.execute(
        "insert into likeness.images (product_id, position, role, source_url)"
        " values (%s, 0, 'hero', %s)",
        [product["id"], path],
    )
    return int(dataset["id"])


def test_status_of_an_empty_database_says_what_to_do_next(settings: Any) -> None:
    assert "likeness import" in run(settings, "status").stdout


def test_status_shows_failures_with_what_to_do_within_80_columns(
    settings: Any, connection: psycopg.Connection[Any]
) -> None:
    dataset = add_failed_image(connection, "images/a.jpg")
    run(settings, "activate", str(dataset))
    shown = run(settings, "status").stdout
    assert "Failures" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_status_shows_every_section_within_80_columns_and_breaks_no_host(
    settings: Any, connection: psycopg.Connection[Any]
) -> None:
    hosts = ["localhost:8555", "pictures.acme-supplies.example.com:10443"]
    shop = Shop(connection, is_active=False)
    for number, host in enumerate(hosts * 4):
        shop.add_product(f"p{number}", f"http://{host}/{number}.jpg")
    shop.activate()
    worker = shop.value("select likeness.register_worker('a-machine-with-a-name')")
    for claim in shop.claim(worker, 4):
        shop.finish(worker, fault(claim, "not-found"))
    shop.claim(worker, 1)
    shop.execute("select likeness.pause_queue('the store moves')")
    shown = run(settings, "status").stdout
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    for title in ("The queue is paused", "Done when", "Throughput", "Workers", "Hosts"):
        assert title in shown
    [line] = [line for line in lines if "localhost:8555" in line]
    assert "at its limit" in line or "ready" in line or "between calls" in line
    assert len([line for line in lines if "pictures.acme-" in line]) == 1
    assert f"{worker}" in shown


def test_status_shows_alerts_with_what_to_do_within_80_columns(
    settings: Any, connection: psycopg.Connection[Any]
) -> None:
    shop = Shop(connection)
    shop.execute("select likeness.note_storage(bytes => 90, blobs => 1, quota_bytes => 100)")
    shop.execute("select likeness.watch_alerts()")
    [alert] = shop.rows("select * from likeness.alerts")
    shown = run(settings, "status").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert alert["rule"] in shown
    words = [word for word in alert["hint"].split() if len(word) < 40]
    assert [word for word in words if word not in shown.split()] == []


def test_status_says_which_rows_it_leaves_out_and_json_has_them(
    settings: Any, connection: psycopg.Connection[Any]
) -> None:
    shop = Shop(connection)
    for number in range(10):
        shop.add_product(f"p{number}", f"http://h{number}.test/a.jpg")
    shown = run(settings, "status").stdout
    assert "The first 8. All: select * from likeness.host_health;" in shown
    assert "likeness.failures_by_reason;" not in shown
    assert len(json.loads(run(settings, "status", "--json").stdout)["hosts"]) == 10


def test_status_watch_fits_its_window_and_says_what_it_leaves_out(
    settings: Any, connection: psycopg.Connection[Any]
) -> None:
    shop = Shop(connection)
    for number in range(10):
        shop.add_product(f"p{number}", f"http://h{number}.test/a.jpg")
    shop.value("select likeness.register_worker('w')")
    window, inside = pty.openpty()
    termios.tcsetwinsize(inside, (24, 80))
    variables = {
        "LIKENESS_DATABASE_URL": settings.database_url.get_secret_value(),
        "LIKENESS_STATE_DIR": str(settings.state_dir),
        "TERM": "xterm",
    }
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")} | variables
    watch = subprocess.Popen(
        [sys.executable, "-m", "worker", "status", "--watch"],
        cwd=ROOT,
        env=environment,
        stdout=inside,
        stderr=inside,
    )
    try:
        seen = b""
        while b"likeness status" not in seen:
            seen += os.read(window, 65536)
    finally:
        watch.kill()
        watch.wait()
        os.close(inside)
        os.close(window)
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.decode()).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert any(line.strip() == "Queue" for line in lines)
    assert re.fullmatch(r"\d+ more tables need a higher window, or: likeness status", lines[-1])


def test_status_as_json_has_every_section_and_every_column(
    settings: Any, connection: psycopg.Connection[Any]
) -> None:
    dataset = add_failed_image(connection, "images/a.jpg")
    run(settings, "activate", str(dataset))
    report = json.loads(run(settings, "status", "--json").stdout)
    assert set(report) == {
        *("control", "queue", "eta", "runs", "throughput", "workers", "periodic", "hosts"),
        *("suppliers", "freshness", "alerts", "failures"),
    }
    assert report["failures"][0]["reason"] == "relative-url-without-prefix"
    assert report["failures"][0]["hint"]


def test_check_of_a_healthy_system_ends_with_0(settings: Any) -> None:
    open_store(settings).ensure_ready()
    result = run(settings, "check")
    assert result.exit_code == 0
    assert "All is well" in result.stdout


def test_check_says_what_is_wrong_with_the_store_and_ends_with_1(settings: Any) -> None:
    result = run(settings, "check")
    assert result.exit_code == 1
    assert f"store: {open_store(settings).health()[0]}" in result.stdout


def test_check_runs_every_check_view_and_ends_with_1_when_one_has_rows(
    settings: Any, connection: psycopg.Connection[Any]
) -> None:
    connection.execute(
        "create view likeness.check_made_up as"
        " select n as image_id, 'turn it off and on' as hint from generate_series(1, 5) n"
    )
    connection.execute("comment on view likeness.check_made_up is 'It is off.'")
    result = run(settings, "check")
    assert result.exit_code == 1
    assert "check_made_up: 5 rows. It is off." in result.stdout
    assert "do: turn it off and on" in result.stdout
    found = json.loads(run(settings, "check", "--json").stdout)
    assert found["ok"] is False
    assert [c["rows"] for c in found["checks"] if c["name"] == "check_made_up"] == [5]


def test_check_is_loud_about_private_networks_that_are_open(settings: Any) -> None:
    open_store(settings).ensure_ready()
    result = run(settings, "check", LIKENESS_ALLOWED_PRIVATE_NETWORKS="10.0.0.0/8")
    assert result.exit_code == 0
    assert "LIKENESS_ALLOWED_PRIVATE_NETWORKS opens 10.0.0.0/8" in result.stdout


# Feeds and sources.


def write_feed(folder: Path) -> Path:
    feed = folder / "spring.csv"
    feed.write_text("sku,name,image\nA1,Lamp,a.jpg\n,Nameless,b.jpg\nA2,Chair,c.jpg\n")
    return feed


def test_import_lands_good_rows_and_tells_where_the_bad_ones_are(
    settings: Any, tmp_path: Path
) -> None:
    feed = write_feed(tmp_path)
    shown = run(settings, "import", str(feed), "--supplier", "acme").stdout
    assert "products: 2 new" in shown
    assert "rejected: 1 rows" in shown
    assert "line 3, sku" in shown
    rejects = (tmp_path / "spring.csv.rejects.csv").read_text().splitlines()
    assert len(rejects) == 2
    assert rejects[1].startswith("3,sku,")


def test_import_as_json_names_the_dataset_that_activate_takes(
    settings: Any, tmp_path: Path
) -> None:
    feed = write_feed(tmp_path)
    options = ("--supplier", "acme", "--prefix", "http://pictures.test/x/")
    answer = json.loads(run(settings, "import", str(feed), *options, "--json").stdout)
    assert (answer["products_new"], answer["images_new"], answer["rejected"]) == (2, 2, 1)
    queued = run(settings, "activate", str(answer["dataset_id"])).stdout
    assert queued == f"Dataset {answer['dataset_id']} is active: 2 pictures queued.\n"


def test_import_and_activate_in_one_go(settings: Any, tmp_path: Path) -> None:
    feed = write_feed(tmp_path)
    options = ("--supplier", "acme", "--prefix", "http://pictures.test/x/", "--activate")
    assert "2 pictures queued" in run(settings, "import", str(feed), *options).stdout


def test_a_feed_without_one_good_row_ends_with_1(settings: Any, tmp_path: Path) -> None:
    feed = tmp_path / "bad.csv"
    feed.write_text("sku,name,image\n,Nameless,b.jpg\n")
    assert run(settings, "import", str(feed), "--supplier", "acme").exit_code == 1


def test_activate_counts_what_is_queued(settings: Any, connection: psycopg.Connection[Any]) -> None:
    add_failed_image(connection, "http://pictures.test/a.jpg")
    answer = json.loads(run(settings, "activate", "--supplier", "acme", "--json").stdout)
    assert (answer["queued"], answer["failed"]) == (1, 0)


def test_activate_of_a_dataset_that_is_not_there_says_so(settings: Any) -> None:
    with pytest.raises(NotFound, match="no dataset 4711"):
        run(settings, "activate", "4711")


def test_activate_wants_one_way_to_name_the_dataset(settings: Any) -> None:
    assert run(settings, "activate").exit_code == 2


def test_explain_refuses_a_loopback_address_with_its_reason(settings: Any) -> None:
    result = run(settings, "explain", "http://127.0.0.1/a.jpg", "--json")
    answer = json.loads(result.stdout)
    assert (answer["allowed"], answer["reason"]) == (False, "blocked-by-policy")
    assert (answer["host"], answer["addresses"]) == ("127.0.0.1", ["127.0.0.1"])


def test_explain_judges_by_the_rules_of_a_supplier(
    settings: Any, connection: psycopg.Connection[Any]
) -> None:
    connection.execute(
        "insert into likeness.suppliers (name, allowed_hosts) values ('acme', '{other.test}')"
    )
    shown = run(settings, "explain", "http://8.8.8.8/a.jpg", "--supplier", "acme").stdout
    assert "not among the allowed hosts other.test" in shown
    with pytest.raises(NotFound, match="'nobody'"):
        run(settings, "explain", "http://8.8.8.8/a.jpg", "--supplier", "nobody")


def test_explain_judges_by_the_schemes_of_a_supplier(
    settings: Any, connection: psycopg.Connection[Any]
) -> None:
    connection.execute(
        "insert into likeness.suppliers (name, allowed_schemes) values ('acme', '{https}')"
    )
    shown = run(settings, "explain", "http://8.8.8.8/a.jpg", "--supplier", "acme").stdout
    assert "the scheme http is not among https" in shown


def test_no_password_is_asked_for_a_supplier_that_is_not_there(settings: Any) -> None:
    with pytest.raises(NotFound, match="acme"):
        run(settings, "credentials", "acme", "--username", "ann", typed="")


def test_credentials_are_asked_for_set_and_forgotten(
    settings: Any, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("insert into likeness.suppliers (name) values ('acme')")
    arguments = ("credentials", "acme", "--username", "ann", "--host", "ftp.acme.test")
    result = run(settings, *arguments, typed="topsecret\n")
    assert "Set for acme: told to ftp.acme.test." in result.stdout
    assert "topsecret" not in result.output
    query = "select username, password, hosts from likeness.supplier_credentials"
    assert connection.execute(query).fetchall() == [
        {"username": "ann", "password": "topsecret", "hosts": ["ftp.acme.test"]}
    ]
    assert "Forgotten for acme." in run(settings, "credentials", "acme", "--remove").stdout
    assert connection.execute(query).fetchall() == []
    assert run(settings, "credentials", "acme").exit_code == 2
