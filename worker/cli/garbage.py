"""Owns the commands that delete bytes: `gc` what nobody shows any more, `purge` what nobody may."""

from typing import TYPE_CHECKING, Any

import click

from worker.cli.session import open_session

if TYPE_CHECKING:
    from worker.db import Connection

_EXAMPLES = 5


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what there is to do.")
@click.option("--sweep", is_flag=True, help="Compare the object store with the database instead.")
@click.option("--adopt", is_flag=True, help="With --sweep: hand unknown objects to the next gc.")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def gc(dry_run: bool, sweep: bool, adopt: bool, wants_json: bool) -> None:
    """Delete bytes that no picture shows any more.

    They are condemned first, and deleted LIKENESS_GARBAGE_GRACE_DAYS later, unless a picture shows
    them again. Safe to run, and to kill, at any time; the workers do it daily.
    """
    from dataclasses import asdict

    from worker import garbage
    from worker.log import configure_logging
    from worker.settings import load_settings
    from worker.storage import open_store

    if adopt and not sweep:
        raise click.UsageError("--adopt goes with --sweep")
    settings = load_settings()
    configure_logging(settings, "gc")
    with open_session(settings, "gc") as connection:
        if sweep:
            found = garbage.compare(connection, open_store(settings))
            adopted = garbage.adopt(connection, found.unknown) if adopt and not dry_run else 0
            _show(asdict(found) | {"adopted": adopted}, wants_json=wants_json)
            if found.missing or found.unknown:
                raise SystemExit(1)
            return
        result: dict[str, Any] = {}
        if not dry_run:
            result |= asdict(garbage.collect(settings, connection, open_store(settings)))
        result |= _backlog(connection, settings.history_days)
        _show(result, wants_json=wants_json)


def _backlog(connection: "Connection", history_days: float) -> dict[str, Any]:
    """Counts and bytes of what is garbage now and of what will be condemned next."""
    unreferenced = connection.execute(
        "select count(*) as blobs, coalesce(sum(b.bytes), 0)::bigint as bytes from likeness.blobs b"
        " where b.status = 'stored' and not likeness.is_referenced(b.sha256,"
        " likeness.clock() - make_interval(secs => %s))",
        [history_days * 86400],
    ).fetchone()
    waiting = connection.execute("select * from likeness.garbage_backlog").fetchall()
    return {"unreferenced": unreferenced} | {
        f"backlog_{row['state'].replace(' ', '_')}": {"blobs": row["blobs"], "bytes": row["bytes"]}
        for row in waiting
    }


@click.command()
@click.argument("sha256")
@click.option("--reason", required=True, help="Why; kept for ever.")
@click.option("--by", "person", help="Who decided; by default the database user.")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def purge(sha256: str, reason: str, person: str | None, wants_json: bool) -> None:
    """Take a picture down everywhere, for good.

    Every place, every size, the original. SHA256 is the hash in its URLs. The same bytes are
    refused whenever they are fetched again.
    """
    from worker import garbage
    from worker.log import configure_logging
    from worker.settings import load_settings
    from worker.storage import open_store

    settings = load_settings()
    configure_logging(settings, "purge")
    with open_session(settings, "purge") as connection:
        row = connection.execute(
            "select * from likeness.purge_blob(%s, %s, coalesce(%s, session_user::text))",
            [sha256.lower(), reason, person],
        ).fetchone()
        assert row
        store = open_store(settings)
        is_done = garbage.delete_bytes(connection, store, sha256.lower())
        if not is_done:
            # A worker may have them in hand: what is there goes now, what it still puts with gc.
            garbage.delete_objects(store, sha256.lower())
    _show({**row, "is_done": is_done or not row["is_known"]}, wants_json=wants_json)
    if wants_json:
        return
    if not row["is_known"]:
        click.echo("Nothing here has these bytes: they are refused from now on. Is the hash right?")
    elif not is_done:
        click.echo("A worker has these bytes in hand now; likeness gc deletes what it leaves.")


def _show(result: dict[str, Any], *, wants_json: bool) -> None:
    from worker.cli.rows import as_json

    if wants_json:
        click.echo(as_json(result))
        return
    for name, value in result.items():
        click.echo(f"{name.replace('_', ' ')}: {_words(value)}")


def _words(value: object) -> str:
    if isinstance(value, dict):
        return f"{value['blobs']:,} pictures, {value['bytes']:,} bytes"
    if isinstance(value, list):
        shown = "".join(f"\n  {key}" for key in value[:_EXAMPLES])
        more = f"\n  ... and {len(value) - _EXAMPLES:,} more" if len(value) > _EXAMPLES else ""
        return f"{len(value):,}{shown}{more}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
