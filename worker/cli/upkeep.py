"""Owns the commands that put many pictures right at once: `rollback`, `cleanup`, `backfill`.

Each says first what it would do.
"""

from typing import TYPE_CHECKING, Any

import click

from worker.cli.session import open_session

if TYPE_CHECKING:
    from datetime import datetime

    from worker.db import Connection
    from worker.settings import Settings

_EXAMPLES = 5
_NO_TIME_LIMIT_SECONDS = float(365 * 86400)


@click.command()
@click.option("--supplier", help="Whose pictures.")
@click.option("--since", help="They show again what they showed just before: 2030-01-01T06:00Z.")
@click.option("--yes", "is_meant", is_flag=True, help="Do it; otherwise it only says what it is.")
@click.option("--release", type=int, metavar="ID", help="Let the bytes of a rollback come again.")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def rollback(
    supplier: str | None, since: str | None, is_meant: bool, release: int | None, wants_json: bool
) -> None:
    """Put a supplier's pictures back to what they showed at a time.

    What is taken away is not taken again from its source, until the source has something else or
    --release ID. To undo a rollback, roll back to just before it.
    """
    from worker.settings import load_settings

    if (release is None) == (supplier is None) or (supplier is None) != (since is None):
        raise click.UsageError("give either --supplier and --since, or --release")
    with open_session(load_settings(), "rollback") as connection:
        if release is not None:
            found = _one(connection, "select likeness.release_rollback(%s) as images", release)
            _show(found, wants_json, f"{found['images']:,} pictures are fetched afresh.")
            return
        assert supplier is not None
        moment = _moment(since)
        examples = [] if is_meant else _examples(connection, supplier, moment)
        found = _one(
            connection,
            "select * from likeness.rollback_supplier(%s, %s, %s)",
            supplier,
            moment,
            not is_meant,
        )
    _show(found | ({} if is_meant else {"examples": examples}), wants_json, _told(found))
    if not wants_json and not is_meant:
        for row in examples:
            then, now = (str(row[key])[:12] for key in ("earlier_sha256", "shown_sha256"))
            click.echo(f"  {row['sku']}  {now} -> {then}")
        click.secho("Nothing was changed: add --yes to do it.", fg="yellow")


def _moment(text: str | None) -> "datetime":
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise click.UsageError(f"--since is a time as 2030-01-01T06:00Z: {error}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _told(found: dict[str, Any]) -> str:
    """What a rollback did or would do, in words."""
    done = found["rollback_id"] is not None
    lines = [f"{found['restored']:,} pictures {'show' if done else 'would show'} the earlier ones."]
    kept = {
        "new": "showed nothing then and keep what they have",
        "gone": "cannot go back: the earlier bytes were deleted",
        "removed": "were removed by a feed: import the earlier one",
    }
    lines += [f"{found[name]:,} {says}." for name, says in kept.items() if found[name]]
    if done:
        lines.append(f"To let them come again: likeness rollback --release {found['rollback_id']}")
    return "\n".join(lines)


def _examples(connection: "Connection", supplier: str, since: "datetime") -> list[dict[str, Any]]:
    return connection.execute(
        "select p.sku, r.image_id, r.shown_sha256, r.earlier_sha256, r.earlier_at"
        " from likeness.suppliers s, likeness.plan_rollback(s.id, %s) r, likeness.products p"
        " where s.name = %s and p.id = r.product_id and r.action = 'restore'"
        " order by p.id limit %s",
        [since, supplier, _EXAMPLES],
    ).fetchall()


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what there is to do.")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def cleanup(dry_run: bool, wants_json: bool) -> None:
    """Release the pictures of products that left long ago.

    After LIKENESS_CLEANUP_DAYS. What another product shows stays; the rest goes with garbage
    collection once history lets it. The workers do this every month. Safe to run, and to kill,
    at any time.
    """
    from datetime import timedelta

    from worker.settings import load_settings

    settings = load_settings()
    with open_session(settings, "cleanup") as connection:
        if dry_run:
            found = _one(
                connection,
                "select * from likeness.plan_cleanup(%s)",
                timedelta(days=settings.cleanup_days),
            )
            says = (
                f"{found['products']:,} products would release {found['images']:,} pictures;"
                f" {found['blobs']:,} of them are shown nowhere else ({found['bytes']:,} bytes)."
            )
            _show(found, wants_json, says)
            return
    counts = _clean_up(settings)
    says = "{products:,} products released {images:,} pictures.".format(**counts)
    _show(counts, wants_json, says)


def _clean_up(settings: "Settings") -> dict[str, Any]:
    import asyncio

    from worker import periodic, upkeep
    from worker.errors import Refused
    from worker.log import configure_logging

    async def run() -> periodic.Counts | None:
        await periodic.register(settings, [upkeep.CLEANUP])
        return await periodic.run(
            settings,
            upkeep.CLEANUP,
            lambda turn: upkeep.clean_up(settings, turn),
            worker=f"{settings.worker_name} (by hand)",
            is_scheduled=False,
            seconds=_NO_TIME_LIMIT_SECONDS,
        )

    configure_logging(settings, "cleanup")
    counts = asyncio.run(run())
    if counts is None:
        raise Refused("A worker is cleaning up just now: likeness status shows how it goes.")
    return {"products": 0, "images": 0} | dict(counts)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be queued, and how long.")
@click.option("--supplier", help="Only the products of this supplier.")
@click.option("--per-wave", type=click.IntRange(min=1), help="Pictures a wave.  [what a day does]")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def backfill(dry_run: bool, supplier: str | None, per_wave: int | None, wants_json: bool) -> None:
    """Queue the pictures of all active products that have none.

    In waves of a day each. Best priority first, first pictures before further ones. Says when
    each wave will be done, by the rate that was measured and the limits of the hosts.
    """
    from rich.console import Console

    from worker.cli.rows import as_json, as_table
    from worker.settings import load_settings

    with open_session(load_settings(), "backfill") as connection:
        waves = connection.execute(
            "select * from likeness.backfill_images(dry_run => %s, supplier => %s, per_wave => %s)",
            [dry_run, supplier, per_wave],
        ).fetchall()
    total = sum(wave["images"] for wave in waves)
    if wants_json:
        click.echo(as_json({"images": total, "is_queued": not dry_run, "waves": waves}))
        return
    if waves:
        columns = ("wave", "starts_at", "done_at", "images", "per_minute", "basis")
        Console().print(as_table("Backfill", waves, columns))
    verb = "would be queued" if dry_run else "are queued"
    click.echo(f"{total:,} pictures {verb}." if waves else "No active product waits for a picture.")


def _one(connection: "Connection", query: str, *arguments: object) -> dict[str, Any]:
    row = connection.execute(query.encode(), arguments).fetchone()
    assert row
    return row


def _show(result: dict[str, Any], wants_json: bool, says: str) -> None:
    from worker.cli.rows import as_json

    click.echo(as_json(result) if wants_json else says)
