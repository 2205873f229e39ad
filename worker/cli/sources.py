"""Owns the commands about sources: `explain` judges a URL, `credentials` opens a server to us."""

import asyncio
from typing import TYPE_CHECKING

import click

from worker.cli.session import open_session

if TYPE_CHECKING:
    from worker.db import Connection, Row
    from worker.gate import Rules
    from worker.settings import Settings


@click.command()
@click.argument("url")
@click.option("--supplier", help="Judge by this supplier's rules as well.")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def explain(url: str, supplier: str | None, wants_json: bool) -> None:
    """Say whether the worker would fetch URL, and if not, why.

    Looks the host up, and connects to nothing else.
    """
    from worker import gate
    from worker.cli.rows import as_json
    from worker.settings import load_settings

    settings = load_settings()
    rules = _rules_of(settings, supplier) if supplier else gate.ANY
    answer = asyncio.run(gate.explain(url, gate.Gate(settings), rules))
    if wants_json:
        click.echo(as_json(answer))
    else:
        click.secho(answer["message"], fg="green" if answer["allowed"] else "red")
        click.echo(f"reason: {answer['reason']}")


@click.command()
@click.argument("supplier")
@click.option("--username", help="User name for its servers (FTP, HTTP Basic).")
@click.option("--host", "hosts", multiple=True, help="Host that is told.  [its allowed_hosts]")
@click.option("--remove", is_flag=True, help="Forget them.")
def credentials(supplier: str, username: str | None, hosts: tuple[str, ...], remove: bool) -> None:
    """Set or forget the password of SUPPLIER's servers.

    Asks for it, and tells it and the user name to those servers alone.
    """
    from worker.settings import load_settings

    if (username is None) != remove:
        raise click.UsageError("give either --username or --remove")
    with open_session(load_settings(), "credentials") as connection:
        # Nobody types a password for a supplier that is not there.
        _find(connection, supplier)
        # Never an argument: other users of this machine can read those.
        password = None if remove else click.prompt("Password", hide_input=True, default="")
        row = connection.execute(
            "select likeness.set_supplier_credentials(%s, %s, %s, %s) as hosts",
            [supplier, username, password, list(hosts)],
        ).fetchone()
    told = ", ".join(row["hosts"]) if row else ""
    click.echo(f"Forgotten for {supplier}." if remove else f"Set for {supplier}: told to {told}.")


def _rules_of(settings: "Settings", supplier: str) -> "Rules":
    from worker.gate import Rules

    with open_session(settings, "explain") as connection:
        row = _find(connection, supplier)
    return Rules(
        tuple(row["allowed_hosts"]), tuple(row["allowed_ports"]), tuple(row["allowed_schemes"])
    )


def _find(connection: "Connection", supplier: str) -> "Row":
    from worker.errors import NotFound

    row = connection.execute(
        "select allowed_hosts, allowed_ports, allowed_schemes from likeness.suppliers"
        " where name = %s",
        [supplier],
    ).fetchone()
    if row is None:
        raise NotFound(
            f"There is no supplier {supplier!r}; the table likeness.suppliers lists them."
        )
    return row
