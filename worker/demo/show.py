"""Owns what the demo does and says: a whole system, a feed, a progress bar, a table, a gallery."""

import http.client
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from worker.db import Connection, connect, query_errors
from worker.demo.pictures import draw_samples
from worker.demo.supplier import serve_samples, write_feed
from worker.errors import CannotStart, FeedError
from worker.feeds import import_file
from worker.running import Running, find_running
from worker.settings import Settings, child_environment, load_settings

SAMPLE_SUPPLIER = "demo"
_READY_SECONDS = 120.0
_LOOPBACK = "127.0.0.0/8"
_CONTEXT = "grid"
_SHOWN = b"""
  select p.sku, i.status, i.position, i.source_bytes, i.failure_reason,
         (select (r ->> 'bytes')::bigint
            from jsonb_array_elements(b.renditions) r
           where r ->> 'preset' = 'thumb' and r ->> 'format' = 'webp') as shown_bytes
    from likeness.images i
    join likeness.products p on p.id = i.product_id
    left join likeness.blobs b on b.sha256 = i.blob_sha256
   where i.run_id = %s
   order by p.id, i.position"""


@dataclass(frozen=True)
class Feed:
    """What is shown: a feed file, whose it is, and where its pictures are."""

    path: Path
    supplier: str
    prefix: str | None


def run_demo(settings: Settings, feed: Path | None, prefix: str | None, *, once: bool) -> None:
    """Show the sample supplier's feed, or ``feed``, on its way to a browser.

    Raises CannotStart when the system does not come up, FeedError when the feed cannot be read.
    """
    began = time.monotonic()
    console = Console(highlight=False, soft_wrap=True)
    with ExitStack() as stack:
        if feed is None:
            state_dir = _fresh_folder(settings.state_dir.absolute() / "demo")
            shown = stack.enter_context(_sample_feed())
        else:
            state_dir = settings.state_dir.absolute()
            shown = Feed(feed, feed.stem, prefix)
        # The sample is served here, and so may a person's own feed be.
        keeps_networks = feed is not None and settings.allowed_private_networks
        networks = None if keeps_networks else _LOOPBACK
        settings = load_settings(
            state_dir=state_dir, api_port=_free_port(settings), allowed_private_networks=networks
        )
        console.print(f"Starting Postgres, the API and a worker in {state_dir}")
        running = stack.enter_context(_system(settings))
        console.print(f"Ready after {time.monotonic() - began:.1f} s: {running.url}")
        connection = stack.enter_context(connect(settings, "demo"))
        stack.enter_context(query_errors())
        run_id = _queue(console, settings, connection, shown)
        first = _watch(connection, run_id, began)
        if first is not None:
            console.print(f"First picture {first:.1f} s after the start of this command")
        console.print(_table(connection, run_id, shown.supplier, running.url))
        if not once:
            address = f"{running.url}/gallery?supplier={quote(shown.supplier)}"
            console.print(f"Gallery: {address}  (Ctrl-C stops everything)")
        console.print(_summary(connection, run_id))
        if not once:
            _wait_for_interrupt()


def _fresh_folder(folder: Path) -> Path:
    """Empty: the sample begins at the beginning each time. A running demo keeps its folder."""
    if folder.exists() and find_running(folder) is None:
        shutil.rmtree(folder)
    return folder


@contextmanager
def _sample_feed() -> Iterator[Feed]:
    samples = list(draw_samples())
    with serve_samples(samples) as base, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.csv"
        path.write_bytes(write_feed(samples))
        yield Feed(path, SAMPLE_SUPPLIER, f"{base}/pictures/")


def _free_port(settings: Settings) -> int:
    """The port of the settings, or 0 (any) where another program has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.api_host, settings.api_port))
        except OSError:
            return 0
    return settings.api_port


@contextmanager
def _system(settings: Settings) -> Iterator[Running]:
    """`likeness up` on the settings' state directory, its log in a file there."""
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    log_path = settings.state_dir / "demo.log"
    with (
        log_path.open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "worker", "up"],
            env=child_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield _await_ready(process, settings.state_dir, log_path)
        finally:
            process.terminate()


def _await_ready(process: "subprocess.Popen[bytes]", state_dir: Path, log_path: Path) -> Running:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = log_path.read_text(errors="replace").strip().splitlines()
            raise CannotStart("likeness up ended:\n  " + "\n  ".join(said[-8:]))
        running = find_running(state_dir)
        if running and _is_ready(running.url):
            return running
        time.sleep(0.05)
    raise CannotStart(f"likeness up is not ready after {_READY_SECONDS:.0f} s; see {log_path}")


def _is_ready(url: str) -> bool:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _queue(console: Console, settings: Settings, connection: Connection, feed: Feed) -> int:
    result = import_file(settings, feed.path, supplier=feed.supplier, prefix=feed.prefix)
    console.print(
        f"Imported {feed.path.name}: {result.products_new + result.products_changed} products,"
        f" {result.images_new + result.images_changed} pictures, {result.rejected} rows rejected"
    )
    if result.dataset_id is None:
        raise FeedError(f"no row of {feed.path} could be used: {result.rejects[0]}")
    row = _row(connection, "select * from likeness.activate_dataset(%s)", result.dataset_id)
    return int(row["run_id"])


def _watch(connection: Connection, run_id: int, began: float) -> float | None:
    """A bar until nothing moves any more; returns seconds from ``began`` to the first picture."""
    first = None
    columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[counts]}")) as progress:
        bar = progress.add_task("pictures", total=None, counts="")
        while True:
            row = _row(connection, "select * from likeness.run_status where run_id = %s", run_id)
            counts = f"{row['stored']} new, {row['reused']} reused, {row['failed']} failed"
            done = row["wanted"] - row["remaining"]
            progress.update(bar, total=row["wanted"], completed=done, counts=counts)
            if first is None and row["stored"]:
                first = time.monotonic() - began
            if row["status"] == "finished" or not _is_moving(connection, run_id):
                return first
            time.sleep(0.1)


def _is_moving(connection: Connection, run_id: int) -> bool:
    """Whether pictures of the run are waiting or in hand; those to be tried later are not."""
    query = """
      select exists (
        select from likeness.images
         where run_id = %s
           and (claimed_by is not null or (queued_at is not null and retry_at is null))
      ) as is_moving"""
    return bool(_row(connection, query, run_id)["is_moving"])


def _table(connection: Connection, run_id: int, supplier: str, url: str) -> Table:
    """One row a picture: what a shop's grid shows, what it costs less, or why there is none."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in ("product", "status", "context"):
        table.add_column(column, no_wrap=True)
    table.add_column(f"URL below {url}", overflow="fold")
    table.add_column("saved", justify="right", no_wrap=True)
    table.add_column("reason", no_wrap=True)
    for row in connection.execute(_SHOWN, [run_id]):
        path = f"/i/{quote(supplier)}/{quote(row['sku'], safe='')}/{row['position']}/{_CONTEXT}"
        is_shown = row["shown_bytes"] is not None
        saved = (row["source_bytes"] - row["shown_bytes"]) / 1000 if is_shown else None
        table.add_row(
            row["sku"],
            f"[{'green' if is_shown else 'red'}]{row['status']}",
            _CONTEXT,
            f"[link={url}{path}]{path}" if is_shown else "",
            f"{saved:.0f} kB" if saved is not None else "",
            row["failure_reason"] or "",
        )
    return table


def _summary(connection: Connection, run_id: int) -> str:
    row = _row(connection, "select * from likeness.run_status where run_id = %s", run_id)
    reasons = connection.execute(
        "select failure_reason, count(*) as n from likeness.images"
        " where run_id = %s and status = 'failed' group by 1 order by 1",
        [run_id],
    )
    named = ", ".join(f"{reason['failure_reason']} {reason['n']}" for reason in reasons)
    completed = row["stored"] + row["reused"]
    later = f", {row['remaining']} to be tried again later" if row["remaining"] else ""
    return (
        f"{completed} completed, {row['reused']} of them reused, {row['failed']} failed"
        f"{f' ({named})' if named else ''}{later}"
    )


def _row(connection: Connection, query: str, *arguments: object) -> dict[str, Any]:
    row = connection.execute(query.encode(), arguments).fetchone()
    assert row is not None
    return row


def _wait_for_interrupt() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
