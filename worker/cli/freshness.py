"""Owns the command that fetches pictures again: `refresh`."""

from typing import Any

import click

from worker.cli.rows import as_json
from worker.cli.session import open_session


@click.command()
@click.option("--product", "products", type=int, multiple=True, help="Id of a product; repeatable.")
@click.option("--supplier", help="All pictures of a supplier, by its name.")
@click.option("--dataset", type=int, help="All pictures of a dataset, by its id.")
@click.option(
    "--if-changed", is_flag=True, help="Ask politely: only what the source calls changed."
)
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def refresh(
    products: tuple[int, ...],
    supplier: str | None,
    dataset: int | None,
    if_changed: bool,
    wants_json: bool,
) -> None:
    """Fetch pictures again, whatever their sources' validators say.

    What they show stays until the new bytes are there. Needs a worker; `likeness status` shows how
    far the run is.
    """
    from worker.settings import load_settings

    if not products and supplier is None and dataset is None:
        raise click.UsageError("Say what to refresh: --product, --supplier or --dataset.")
    with open_session(load_settings(), "refresh") as connection:
        row = connection.execute(
            "select * from likeness.refresh_images(%s::bigint[], %s, %s, %s, label => %s)",
            [list(products) or None, supplier, dataset, not if_changed, _label(supplier, dataset)],
        ).fetchone()
    assert row
    click.echo(as_json(row) if wants_json else _sentence(row))


def _label(supplier: str | None, dataset: int | None) -> str:
    return " ".join(
        ["refresh", *([supplier] if supplier else []), *([f"dataset {dataset}"] if dataset else [])]
    )


def _sentence(row: dict[str, Any]) -> str:
    more = [
        f"{row[name]:,} {what}"
        for name, what in (("in_hand", "in hand already"), ("failed", "without a usable address"))
        if row[name]
    ]
    return ", ".join([f"run {row['run_id']}: {row['queued']:,} pictures queued", *more])
