"""Owns the commands about webhooks: who hears of events."""

import click

from worker.cli.session import open_session


@click.group()
def webhook() -> None:
    """Have events, such as alerts, posted to an address."""


@webhook.command()
@click.argument("url")
@click.option("--event", "events", multiple=True, help="alert.opened, alert.* ...  [all]")
@click.option("--pause", is_flag=True, help="Keep it, but tell it nothing new.")
def add(url: str, events: tuple[str, ...], pause: bool) -> None:
    """Post events to URL, or change which.

    Prints the secret that signs them.
    """
    from worker.settings import load_settings

    with open_session(load_settings(), "webhook") as connection:
        row = connection.execute(
            "select signing_secret from likeness.save_webhook(%s, %s, is_active => %s)",
            [url, list(events) or ["*"], not pause],
        ).fetchone()
    assert row
    click.echo(f"secret: {row['signing_secret']}")


@webhook.command("list")
@click.option("--json", "wants_json", is_flag=True, help="One JSON object.")
def list_all(wants_json: bool) -> None:
    """List webhooks, what waits for them and what they answered."""
    from rich.console import Console

    from worker.cli.rows import as_json, as_table
    from worker.settings import load_settings

    with open_session(load_settings(), "webhook") as connection:
        rows = connection.execute("select * from likeness.webhook_status").fetchall()
    if wants_json:
        click.echo(as_json({"webhooks": rows}))
        return
    if not rows:
        click.echo("There is none: likeness webhook add URL")
        return
    columns = ("url", "status", "waiting", "delivered", "failed", "last_error")
    Console().print(as_table("Webhooks", rows, columns))


@webhook.command()
@click.argument("url")
def remove(url: str) -> None:
    """Forget a webhook and what waits for it."""
    from worker.settings import load_settings

    with open_session(load_settings(), "webhook") as connection:
        connection.execute("select likeness.remove_webhook(%s)", [url])
    click.echo("Forgotten.")


@webhook.command()
@click.argument("url", required=False)
def retry(url: str | None) -> None:
    """Try deliveries again that were given up, of one webhook or of all."""
    from worker.settings import load_settings

    with open_session(load_settings(), "webhook") as connection:
        row = connection.execute("select likeness.retry_deliveries(%s) as n", [url]).fetchone()
    assert row
    click.echo(f"{row['n']:,} deliveries are tried again.")
