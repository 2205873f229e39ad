"""Owns the commands that run programs: `up` for all of them, `worker` and `api` for one."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from worker.up import Started


@click.command()
@click.option("--host", help="Address that the API listens on.  [LIKENESS_API_HOST]")
@click.option("--port", type=int, help="Port that the API listens on.  [LIKENESS_API_PORT]")
@click.option(
    "--workers", type=click.IntRange(0), default=1, show_default=True, help="Worker processes."
)
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the data is kept.  [LIKENESS_STATE_DIR]",
)
def up(host: str | None, port: int | None, workers: int, state_dir: Path | None) -> None:
    """Run everything on this machine until Ctrl-C.

    Postgres and a local object store come with it; with LIKENESS_DATABASE_URL or LIKENESS_S3_* set,
    that server is used instead.
    """
    from worker.log import configure_logging, warn_of_unknown_variables
    from worker.settings import load_settings
    from worker.up import run_up

    settings = load_settings(api_host=host, api_port=port, state_dir=state_dir)
    configure_logging(settings, "up")
    warn_of_unknown_variables()
    run_up(settings, workers=workers, say=_say_ready)


def _say_ready(started: "Started") -> None:
    settings = started.settings
    store = settings.s3_endpoint or settings.state_dir / "objects"
    lines = [("web", settings.api_url), ("pictures", store)]
    if started.postgres:
        lines += [
            ("database", f"likeness psql, or: psql '{started.conninfo}'"),
            ("data", started.postgres.data_dir),
        ]
    else:
        lines += [("database", "the server of LIKENESS_DATABASE_URL; likeness psql")]
    lines += [("key", started.key_file or "LIKENESS_SERVICE_KEY"), ("stop", "Ctrl-C")]
    click.secho(f"Likeness is ready ({started.seconds:.1f} s).", fg="green", bold=True)
    for name, value in lines:
        click.echo(f"  {name:<9} {value}")


@click.command()
@click.option("--check", is_flag=True, help="Run none; exit 0 if this machine's worker is alive.")
def worker(check: bool) -> None:
    """Run one worker, which fetches, renders and stores pictures.

    It runs until it is stopped. Any number may run, on any number of machines.
    """
    from worker.log import configure_logging, warn_of_unknown_variables
    from worker.settings import load_settings

    settings = load_settings()
    configure_logging(settings, "worker")
    if check:
        from worker.cli.heartbeat import require_heartbeat

        click.echo(f"{require_heartbeat(settings)} is alive")
        return
    from worker.tasks import run_worker

    warn_of_unknown_variables()
    run_worker(settings)


@click.command()
@click.option("--host", help="Address to listen on.  [LIKENESS_API_HOST]")
@click.option("--port", type=int, help="Port to listen on.  [LIKENESS_API_PORT]")
@click.option("--fd", type=int, hidden=True, help="A listening socket that was inherited.")
def api(host: str | None, port: int | None, fd: int | None) -> None:
    """Run the HTTP API until it is stopped."""
    import socket

    from api.server import serve
    from worker.log import configure_logging, warn_of_unknown_variables
    from worker.settings import load_settings
    from worker.up import read_service_key

    settings = load_settings(api_host=host, api_port=port)
    configure_logging(settings, "api")
    warn_of_unknown_variables()
    settings = settings.model_copy(update={"service_key": read_service_key(settings)})
    serve(settings, None if fd is None else [socket.socket(fileno=fd)])
