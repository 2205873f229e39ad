"""Owns `likeness key`: service keys are made, listed and revoked here, as the database's owner."""

from datetime import timedelta

import click

from worker.keys import SCOPES


@click.group()
def key() -> None:
    """Make, list and revoke service keys.

    A key opens what its scopes say: feeds, mirror, pictures, match, or admin for everything. The
    API refuses a revoked key within seconds.
    """


@key.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="Repeatable."
)
@click.option("--days", type=click.IntRange(1, 36_500), help="How long it holds.  [for ever]")
def create(name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a key called NAME and print it, once: only its hash is kept."""
    from worker.cli.session import open_session
    from worker.keys import make_key
    from worker.settings import as_owner, load_settings

    text, parts = make_key()
    with open_session(as_owner(load_settings()), "key") as connection:
        connection.execute(
            "select likeness.create_service_key(%s, %s, %s, %s, likeness.clock() + %s)",
            [
                parts.key_id,
                name,
                list(dict.fromkeys(scopes)),
                parts.digest,
                timedelta(days=days) if days else None,
            ],
        )
    click.echo(text)
    click.secho("Keep it: it cannot be shown again.", fg="yellow", err=True)


@key.command("list")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object a line.")
def list_keys(wants_json: bool) -> None:
    """List the keys and when they were last used (to ten minutes)."""
    from worker.cli.rows import as_json
    from worker.cli.session import open_session
    from worker.settings import as_owner, load_settings

    with open_session(as_owner(load_settings()), "key") as connection:
        rows = connection.execute("select * from likeness.service_key_status").fetchall()
    if not rows and not wants_json:
        click.echo("There is none: likeness key create NAME")
    for row in rows:
        if wants_json:
            click.echo(as_json(row))
            continue
        used = f"{row['last_used_at']:%Y-%m-%d %H:%M}" if row["last_used_at"] else "never"
        until = f"until {row['expires_at']:%Y-%m-%d}" if row["expires_at"] else ""
        click.echo(
            f"{row['name']}  {row['key_id']}  {row['state']}  {','.join(row['scopes'])}"
            f"  used: {used}  {until}".rstrip()
        )


@key.command()
@click.argument("name")
def revoke(name: str) -> None:
    """End the key called NAME.

    Its public part (the middle of the key) does as well.
    """
    from worker.cli.session import open_session
    from worker.settings import as_owner, load_settings

    with open_session(as_owner(load_settings()), "key") as connection:
        connection.execute("select likeness.revoke_service_key(%s)", [name])
    click.echo(f"Revoked {name}.")
