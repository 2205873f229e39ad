"""Owns the commands about suppliers' feeds: `import` brings one in, `activate` sets it going."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.session import open_session
from worker.errors import NotFound

if TYPE_CHECKING:
    from worker.db import Connection, Row
    from worker.feeds import ImportResult

_CHUNK_BYTES = 1 << 18
# How many rejected rows a person sees; the file has them all.
_SHOWN_REJECTS = 5


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--supplier", required=True, help="Whose feed it is; made when it is new.")
@click.option("--prefix", help="Base that relative picture paths are joined to.")
@click.option("--name", help="What people call this dataset.  [the file's name]")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Where rows that cannot be used are written to.  [FILE.rejects.csv]",
)
@click.option("--activate", "and_activate", is_flag=True, help="Queue the pictures at once.")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def import_command(
    file: Path,
    supplier: str,
    prefix: str | None,
    name: str | None,
    rejects: Path | None,
    and_activate: bool,
    wants_json: bool,
) -> None:
    """Bring products and their pictures in from FILE.

    CSV, JSON lines or a JSON array. Importing the same feed again changes nothing. Rows that
    cannot be used are written to the rejects file with their line and the reason, while the
    good ones land.
    """
    from worker import feeds
    from worker.cli.rows import as_json
    from worker.settings import load_settings

    rejects = rejects or file.with_name(f"{file.name}.rejects.csv")
    with open_session(load_settings(), "import") as connection:
        with _progress(file) as (chunks, progress):
            result = feeds.import_feed(
                connection,
                chunks,
                supplier=supplier,
                prefix=prefix,
                name=name or file.name,
                rejects_path=rejects,
                progress=progress,
            )
        activation: Row = {}
        if and_activate and result.dataset_id is not None:
            activation = _activate(connection, result.dataset_id)
    if wants_json:
        click.echo(as_json({**asdict(result), **activation}))
        raise SystemExit(0 if result.dataset_id is not None else 1)
    _print_import(result, rejects)
    if result.dataset_id is None:
        click.secho("No row could be used.", fg="red")
        raise SystemExit(1)
    if activation:
        click.echo(_describe(result.dataset_id, activation))
    else:
        click.echo(f"dataset:  {result.dataset_id} (likeness activate {result.dataset_id})")


@contextmanager
def _progress(file: Path) -> Iterator[tuple[Iterator[bytes], Callable[[int], None]]]:
    """The file in pieces and a bar on stderr that moves as they are read (on a terminal)."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with file.open("rb") as source, Progress(console=console, disable=not console.is_terminal) as p:
        bar = p.add_task(file.name, total=file.stat().st_size)
        chunks = iter(lambda: source.read(_CHUNK_BYTES), b"")
        yield chunks, lambda done: p.update(bar, completed=done)


def _print_import(result: "ImportResult", rejects: Path) -> None:
    click.echo(
        f"products: {result.products_new:,} new, {result.products_changed:,} changed,"
        f" {result.products_unchanged:,} as they were"
    )
    click.echo(
        f"pictures: {result.images_new:,} new, {result.images_changed:,} changed,"
        f" {result.images_removed:,} removed"
    )
    if result.rejected or result.rejected_pictures:
        click.secho(
            f"rejected: {result.rejected:,} rows, {result.rejected_pictures:,} pictures of rows"
            f" that landed: {rejects}",
            fg="yellow",
        )
        for flaw in result.rejects[:_SHOWN_REJECTS]:
            click.echo(f"  line {flaw.line}, {flaw.column}: {flaw.reason}")


@click.command()
@click.argument("dataset", type=int, required=False)
@click.option("--supplier", help="The latest dataset of this supplier, instead of a number.")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def activate(dataset: int | None, supplier: str | None, wants_json: bool) -> None:
    """Queue the pictures of a dataset's active products.

    DATASET is the number that `likeness import` printed. A second call queues only what has still
    to be fetched.
    """
    from worker.cli.rows import as_json
    from worker.settings import load_settings

    if (dataset is None) == (supplier is None):
        raise click.UsageError("Name either a DATASET or a --supplier.")
    with open_session(load_settings(), "activate") as connection:
        number = dataset if dataset is not None else _latest_dataset(connection, supplier)
        row = _activate(connection, number)
    click.echo(as_json({"dataset_id": number, **row}) if wants_json else _describe(number, row))


def _activate(connection: "Connection", dataset: int) -> "Row":
    row = connection.execute("select * from likeness.activate_dataset(%s)", [dataset]).fetchone()
    assert row
    return row


def _latest_dataset(connection: "Connection", supplier: str | None) -> int:
    row = connection.execute(
        "select d.id from likeness.datasets d join likeness.suppliers s on s.id = d.supplier_id"
        " where s.name = %s and d.status <> 'retired' order by d.id desc limit 1",
        [supplier],
    ).fetchone()
    if row is None:
        raise NotFound(
            f"The supplier {supplier!r} has no dataset: likeness import FILE --supplier {supplier}"
        )
    return int(row["id"])


def _describe(number: int, row: "Row") -> str:
    failed = f", {row['failed']:,} refused (likeness status says why)" if row["failed"] else ""
    return f"Dataset {number} is active: {row['queued']:,} pictures queued{failed}."
