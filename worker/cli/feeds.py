"""Owns the commands about suppliers' feeds: `activate`."""

from typing import TYPE_CHECKING

import click

from worker.cli.session import open_session
from worker.errors import NotFound

if TYPE_CHECKING:
    from worker.db import Connection, Row


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
        row = connection.execute("select * from likeness.activate_dataset(%s)", [number]).fetchone()
    assert row
    click.echo(as_json({"dataset_id": number, **row}) if wants_json else _describe(number, row))


def _latest_dataset(connection: "Connection", supplier: str | None) -> int:
    row = connection.execute(
        "select d.id from likeness.datasets d join likeness.suppliers s on s.id = d.supplier_id"
        " where s.name = %s and d.status <> 'retired' order by d.id desc limit 1",
        [supplier],
    ).fetchone()
    if row is None:
        raise NotFound(f"The supplier {supplier!r} has no dataset: likeness import FILE --supplier")
    return int(row["id"])


def _describe(number: int, row: "Row") -> str:
    failed = f", {row['failed']:,} refused (likeness status says why)" if row["failed"] else ""
    return f"Dataset {number} is active: {row['queued']:,} pictures queued{failed}."
