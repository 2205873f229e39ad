"""Owns `likeness match`: it runs what match_products() decides, and shows what it did and why."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from worker.cli.session import open_session

if TYPE_CHECKING:
    from worker.matching import Matching

_WORDS = {
    "linked": "linked",
    "suggested": "put before a person, likely",
    "in_review": "put before a person, unlikely",
    "created": "became canonical products",
    "left": "left unmatched",
    "skipped": "left for the next run (an import or a reviewer has them in hand)",
}
_SHOWN = 3
_INDENT = " " * 13
_DRY_RUN = (
    "A run may create fewer: what is like a product of an earlier supplier by its name is linked"
    " to what that one became."
)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--limit", type=click.IntRange(1), help="Look at no more than so many products.")
@click.option("--supplier", help="Only products of this supplier.")
@click.option(
    "--create-missing",
    is_flag=True,
    help="Make canonical products of what has no likely candidate; looks at all that is unlinked.",
)
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def match(
    dry_run: bool, limit: int | None, supplier: str | None, create_missing: bool, wants_json: bool
) -> None:
    """Let products that are the same thing share their pictures.

    Looks at products that came or changed since the last run: by barcode, then by name. What is
    sure is linked, what is likely waits for a person (GET /api/match-queue). Safe to run beside
    imports, and to kill: the next run goes on.
    """
    from dataclasses import asdict

    from worker import matching
    from worker.cli.rows import as_json
    from worker.settings import load_settings

    with open_session(load_settings(), "match") as connection:
        total = matching.count_unmatched(connection, supplier, is_create=create_missing)
        with _progress(min(total, limit or total)) as progress:
            result = matching.match(
                connection,
                supplier=supplier,
                limit=limit,
                dry_run=dry_run,
                create_missing=create_missing,
                progress=progress,
            )
    if wants_json:
        click.echo(as_json({"dry_run": dry_run, "queued": result.queued} | asdict(result)))
        return
    _print(result, dry_run=dry_run)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr (on a terminal)."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("match", total=total)
        yield lambda done: bar.update(task, completed=done)


def _print(result: "Matching", *, dry_run: bool) -> None:
    would = " (nothing was changed)" if dry_run else ""
    click.echo(f"looked at: {result.products:,} products{would}")
    for name, words in _WORDS.items():
        if count := getattr(result, name):
            click.echo(f"{count:>9,}  {words}")
    for action in dict.fromkeys(row["action"] for row in result.sample):
        click.echo()
        for row in [row for row in result.sample if row["action"] == action][:_SHOWN]:
            named = f"{row['supplier']} {row['sku']}: {row['name']}"
            _tell(f"{action} {row['confidence']:.2f}  ", named)
            if row["candidate"]:
                _tell(_INDENT, f"{row['candidate']} (#{row['canonical_product_id']})")
            _tell(_INDENT, row["reason"])
    if dry_run and result.created:
        click.echo()
        _tell("", _DRY_RUN)


def _tell(before: str, text: str) -> None:
    """A paragraph that a terminal of 80 columns holds."""
    from textwrap import wrap

    lines = wrap(text, 79, initial_indent=before, subsequent_indent=" " * len(before))
    click.echo("\n".join(lines or [before.rstrip()]))
