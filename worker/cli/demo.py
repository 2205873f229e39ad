"""Owns `likeness demo`."""

from pathlib import Path

import click


@click.command()
@click.argument("feed", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--prefix", help="Base that relative picture paths of FEED are joined to.")
@click.option("--once", is_flag=True, help="End when all pictures are settled; no gallery.")
def demo(feed: Path | None, prefix: str | None, once: bool) -> None:
    """Watch pictures go from a supplier's server to a browser.

    Without FEED, a sample supplier with drawn pictures (and some broken ones) is served on this
    machine. FEED is a CSV or JSON lines file of your own.
    """
    from worker.demo.show import run_demo
    from worker.settings import load_settings

    run_demo(load_settings(), feed, prefix, once=once)
