"""Owns the commands that say how things are: `status` shows, `check` judges."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from worker.cli.rows import as_json, as_table
from worker.cli.session import open_session

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType

    from worker.db import Connection
    from worker.settings import Settings

_WATCH_SECONDS = 2.0
# Rows of each table in JSON, where no window is to be spared.
_MOST_JSON = 1000


class _Section(NamedTuple):
    """One table of `status`: the first rows of a statement, a few of its columns.

    JSON has all columns. ``whole`` shows the rows that are left out.
    """

    title: str
    statement: str
    columns: tuple[str, ...]
    most: int = 50
    whole: str = ""


# The most urgent first: a low window shows no more than the first tables.
_SECTIONS: Mapping[str, _Section] = {
    "control": _Section(
        "The queue is paused",
        "select paused_at, coalesce(reason, '') as reason,"
        " 'select likeness.resume_queue();' as hint from likeness.queue_control where is_paused",
        ("paused_at", "reason", "hint"),
    ),
    "alerts": _Section(
        "Alerts",
        "select a.*, concat_ws(' ', a.rule, a.subject) as alert,"
        " to_char(a.since_at, 'MM-DD HH24:MI') as since,"
        " trim_scale(round(a.value::numeric, 3)) || ' ' || a.unit || ' (above '"
        " || trim_scale(round(a.threshold::numeric, 3)) || '). ' || a.hint as what"
        " from likeness.alerts a",
        ("alert", "since", "what"),
        whole="select * from likeness.alerts;",
    ),
    "queue": _Section(
        "Queue",
        "select * from likeness.queue_status",
        ("state", "images", "oldest_queued_at", "last_change_at"),
    ),
    "eta": _Section(
        "Done when",
        "select * from likeness.eta where remaining > 0",
        ("scope", "remaining", "per_minute", "done_at", "hint"),
        most=4,
        whole="select * from likeness.eta;",
    ),
    "throughput": _Section(
        "Throughput, the last minutes",
        "select t.*, to_char(minute_at, 'HH24:MI') as minute from likeness.throughput t limit 3",
        ("minute", "settled", "stored", "reused", "failed", "retried", "fetched"),
    ),
    "failures": _Section(
        "Failures",
        "select * from likeness.failures_by_reason",
        ("reason", "failed", "to_be_retried", "hint"),
        most=6,
        whole="select * from likeness.failures_by_reason;",
    ),
    "workers": _Section(
        "Workers",
        "select w.*, date_trunc('second', likeness.clock() - seen_at)::text as seen_ago"
        " from likeness.worker_status w where status <> 'stopped'",
        ("worker", "status", "in_hand", "finished", "seen_ago"),
        most=8,
        whole="select * from likeness.worker_status;",
    ),
    "hosts": _Section(
        "Hosts",
        "select h.*, h.in_flight as in_hand, h.latency_ms as ms, b.least_duration,"
        " coalesce(b.waiting, 0) as waiting"
        " from likeness.host_health h left join likeness.host_backlog b on b.host = h.host"
        " order by h.status in ('paused', 'blocked') desc, b.waiting desc nulls last,"
        " h.fetches desc",
        ("host", "status", "waiting", "in_hand", "fetches", "faults", "ms"),
        most=8,
        whole="select * from likeness.host_health;",
    ),
    "runs": _Section(
        "Latest runs",
        "select r.*, remaining as left, per_second as per_s from likeness.run_status r limit 3",
        ("run_id", "status", "wanted", "stored", "reused", "failed", "left", "per_s"),
    ),
    "periodic": _Section(
        "Periodic work",
        "select p.*, date_trunc('second', p.lasted)::text as took,"
        " case when p.is_overdue then 'overdue since ' else '' end"
        " || to_char(p.next_run_at, 'MM-DD HH24:MI') as next_run,"
        " concat_ws(' ', (select string_agg(c.key || '=' || c.value, ' ')"
        " from jsonb_each_text(p.counts) c where c.value not in ('0', 'true')), p.error) as did"
        " from likeness.periodic_work p",
        ("task", "status", "started_at", "took", "next_run", "did"),
    ),
    "freshness": _Section(
        "Freshness checks",
        "select f.*, date_trunc('second', f.lag)::text as late, f.checks_a_day as day_checks"
        " from likeness.freshness_status f where f.images > 0",
        ("images", "due", "late", "queued", "day_checks", "changed", "failed", "next_check_at"),
    ),
    "suppliers": _Section(
        "How often suppliers change their pictures",
        "select s.*, s.changes_a_month as a_month from likeness.supplier_freshness s",
        ("supplier", "images", "checks", "changes", "a_month", "validators"),
        most=8,
        whole="select * from likeness.supplier_freshness;",
    ),
}

# What `check` shows of a check that found many rows.
_EXAMPLES = 3

Report = dict[str, list[dict[str, Any]]]


@click.command()
@click.option("--watch", is_flag=True, help=f"Again every {_WATCH_SECONDS:.0f} s until Ctrl-C.")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object (a line, with --watch).")
def status(watch: bool, wants_json: bool) -> None:
    """Show the queue, when it is done, failures, workers, hosts.

    And runs, alerts, periodic work and what is known of suppliers.
    """
    from worker.settings import load_settings

    with open_session(load_settings(), "status") as connection:
        try:
            if wants_json:
                _print_json(connection, watch=watch)
            else:
                _print_tables(connection, watch=watch)
        except KeyboardInterrupt:
            # How a person ends --watch.
            return


def _print_json(connection: "Connection", *, watch: bool) -> None:
    click.echo(as_json(_report(connection, _MOST_JSON)))
    while watch:
        time.sleep(_WATCH_SECONDS)
        click.echo(as_json(_report(connection, _MOST_JSON)))


def _print_tables(connection: "Connection", *, watch: bool) -> None:
    from rich.console import Console, Group
    from rich.live import Live

    console = Console()
    if not watch:
        console.print(Group(*_tables(_report(connection))))
        return
    with Live(_fit(console, _report(connection)), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(_WATCH_SECONDS)
            live.update(_fit(console, _report(connection)), refresh=True)


def _report(connection: "Connection", most: int | None = None) -> Report:
    # For people one row more than is shown, to know whether there are more.
    return {
        name: connection.execute(
            f"select * from ({section.statement}) s limit %s".encode(),  # noqa: S608 - our own words
            [most or section.most + 1],
        ).fetchall()
        for name, section in _SECTIONS.items()
    }


def _tables(report: Report) -> "list[RenderableType]":
    shown: list[RenderableType] = []
    for name, section in _SECTIONS.items():
        rows = report[name]
        if rows:
            table = as_table(section.title, rows[: section.most], section.columns)
            if len(rows) > section.most:
                table.caption = f"The first {section.most}. All: {section.whole}"
                table.caption_justify = "left"
            shown.append(table)
    return shown or ["Nothing yet: likeness import FILE --supplier NAME"]


def _fit(console: "Console", report: Report) -> "Group":
    """As many tables as the window is high enough for, the last line saying how many are not."""
    from rich.console import Group

    tables = _tables(report)
    left = console.height - 2
    shown: list[RenderableType] = []
    for table in tables:
        left -= len(console.render_lines(table, pad=False))
        if left < 0 and shown:
            break
        shown.append(table)
    missing = len(tables) - len(shown)
    if missing:
        shown.append(f"{missing} more tables need a higher window, or: likeness status")
    return Group(*shown)


@click.command()
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def check(wants_json: bool) -> None:
    """Look for what is wrong, and say what to do. Exit code 1 when something is."""
    from worker.settings import load_settings
    from worker.storage import open_store

    settings = load_settings()
    with open_session(settings, "check") as connection:
        checks = [_run_check(connection, name, says) for name, says in _find_checks(connection)]
        alerts = connection.execute("select * from likeness.alerts").fetchall()
    result = {
        "ok": True,
        "checks": checks,
        "alerts": alerts,
        "store": open_store(settings).health(),
        "warnings": _warnings(settings),
    }
    is_bad = result["store"] or alerts or any(found["rows"] for found in checks)
    result["ok"] = not is_bad
    click.echo(as_json(result)) if wants_json else _print_findings(result)
    if not result["ok"]:
        raise SystemExit(1)


def _find_checks(connection: "Connection") -> list[tuple[str, str]]:
    rows = connection.execute(
        "select c.relname as name, coalesce(obj_description(c.oid, 'pg_class'), '') as says"
        " from pg_class c where c.relnamespace = 'likeness'::regnamespace and c.relkind = 'v'"
        r" and c.relname like 'check\_%' order by c.relname"
    ).fetchall()
    return [(row["name"], row["says"]) for row in rows]


def _run_check(connection: "Connection", name: str, says: str) -> dict[str, Any]:
    from psycopg.sql import SQL, Identifier

    view = Identifier("likeness", name)
    rows = connection.execute(
        SQL("select count(*) over () as rows_found, c.* from {} c limit {}").format(view, _EXAMPLES)
    ).fetchall()
    found = rows[0]["rows_found"] if rows else 0
    examples = [{k: v for k, v in row.items() if k != "rows_found"} for row in rows]
    return {"name": name, "says": says, "rows": found, "examples": examples}


def _warnings(settings: "Settings") -> list[str]:
    """What is allowed by the settings and yet should not go unnoticed."""
    warnings = []
    if settings.allowed_private_networks:
        networks = ", ".join(map(str, settings.allowed_private_networks))
        warnings.append(
            f"LIKENESS_ALLOWED_PRIVATE_NETWORKS opens {networks}: a feed can make the worker call"
            " servers in there. Unset it where feeds come from outside."
        )
    if settings.s3_endpoint and settings.s3_endpoint.startswith("http://"):
        warnings.append(
            "LIKENESS_S3_ENDPOINT is plain http: pictures pass the network unprotected."
        )
    return warnings


def _print_findings(result: Mapping[str, Any]) -> None:
    for found in result["checks"]:
        _print_check(found)
    for alert in result["alerts"]:
        _print_alert(alert)
    for sentence in result["store"]:
        click.secho(f"store: {sentence}", fg="red")
    for sentence in result["warnings"]:
        click.secho(f"warning: {sentence}", fg="yellow", bold=True)
    if result["ok"]:
        click.secho(f"All is well ({len(result['checks'])} checks and the store).", fg="green")


def _print_alert(alert: Mapping[str, Any]) -> None:
    about = f" of {alert['subject']}" if alert["subject"] else ""
    measured = f"{alert['value']:,.6g} {alert['unit']}, threshold {alert['threshold']:,.6g}"
    click.secho(f"alert {alert['rule']}{about}: {alert['says']} {measured}.", fg="red")
    click.echo(f"  do: {alert['hint']}")


def _print_check(found: Mapping[str, Any]) -> None:
    if not found["rows"]:
        return
    click.secho(f"{found['name']}: {found['rows']:,} rows. {found['says']}", fg="red")
    hints: Sequence[str] = list(dict.fromkeys(row["hint"] for row in found["examples"]))
    for row in found["examples"]:
        shown = "  ".join(f"{k}={v}" for k, v in row.items() if k != "hint" and v is not None)
        click.echo(f"  {shown}")
    for hint in hints:
        click.echo(f"  do: {hint}")
