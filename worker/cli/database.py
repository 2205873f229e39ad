"""Owns the commands about the database itself: `migrate` and `psql`."""

import os
import shutil

import click


@click.command()
def migrate() -> None:
    """Bring the database to the version of this program.

    Safe to run at any time and from several machines at once.
    """
    import psycopg

    from worker.errors import LikenessError
    from worker.log import configure_logging, warn_of_unknown_variables
    from worker.migrate import let_programs_log_in
    from worker.migrate import migrate as apply
    from worker.running import locate_database
    from worker.settings import as_owner, load_settings

    settings = load_settings()
    configure_logging(settings, "migrate")
    warn_of_unknown_variables()
    try:
        conninfo = locate_database(as_owner(settings))
        applied = apply(conninfo)
        if settings.app_password:
            let_programs_log_in(conninfo, settings.app_password.get_secret_value())
    except psycopg.errors.RaiseException as error:
        # The database is not fit for it.
        reason, hint = error.diag.message_primary, error.diag.message_hint
        raise LikenessError(f"Cannot migrate: {reason}. Do: {hint}") from error
    except psycopg.OperationalError as error:
        # Also a lock that another session holds for too long.
        raise LikenessError(f"Cannot migrate: {str(error).strip()}") from error
    for name in applied:
        click.echo(f"applied {name}")
    click.echo("The database is up to date.")


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the database.

    ARGUMENTS go to psql: likeness psql -c '…'.
    """
    from psycopg.conninfo import make_conninfo

    from worker.embedded import find_programs
    from worker.running import locate_database
    from worker.settings import load_settings

    conninfo = make_conninfo(
        locate_database(load_settings()),
        application_name="likeness psql",
        options="-c search_path=likeness,procrastinate,public",
    )
    # The system's own edits lines; the one in the wheel is there where no other is.
    program = shutil.which("psql") or str(find_programs() / "psql")
    os.execv(program, [program, "--dbname", conninfo, *arguments])  # noqa: S606
