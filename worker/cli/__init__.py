"""Owns the command line `likeness`: its commands, and how their errors and exit codes look.

Nothing heavy is imported before a command runs, so that `--help` answers at once.
"""

import sys

import click

from worker.cli import (
    database,
    demo,
    feeds,
    freshness,
    garbage,
    keys,
    matching,
    programs,
    reports,
    sources,
    upkeep,
    webhooks,
)
from worker.errors import LikenessError

COMMANDS = (
    programs.up,
    demo.demo,
    programs.worker,
    programs.api,
    database.migrate,
    database.psql,
    feeds.import_command,
    feeds.activate,
    matching.match,
    reports.status,
    reports.check,
    sources.explain,
    sources.credentials,
    keys.key,
    freshness.refresh,
    upkeep.backfill,
    upkeep.rollback,
    upkeep.cleanup,
    garbage.gc,
    garbage.purge,
    webhooks.webhook,
)


class _InOrder(click.Group):
    """A group that lists its commands in the order in which people meet them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="likeness", prog_name="likeness")
def likeness() -> None:
    """Mirror, match and serve product pictures.

    Start with `likeness up`. Settings are LIKENESS_* variables; .env.example lists them.
    """


for _command in COMMANDS:
    likeness.add_command(_command)


def main() -> None:
    """Run a command; an error that we raise on purpose is one red message and exit code 1."""
    try:
        likeness(prog_name="likeness")
    except LikenessError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        sys.exit(1)
