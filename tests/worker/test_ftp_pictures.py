"""FTP sources all the way: a real server, a feed, a worker process, pictures, and a refresh."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from psycopg import Connection
from psycopg.rows import DictRow

from tests.ftp_origin import FtpServer, ftp_server
from tests.worker_process import await_settled, worker_process
from worker.feeds import import_file
from worker.settings import Settings
from worker.storage import open_store

Db = Connection[DictRow]
COLOURS = ("crimson", "teal", "gold")

pytestmark = pytest.mark.ftp


def draw(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (900, 700), colour).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for colour in COLOURS:
        (folder / f"{colour} cap.jpg").write_bytes(draw(colour))
    return folder


@pytest.fixture
def public(folder: Path) -> Iterator[FtpServer]:
    with ftp_server(folder) as server:
        yield server


@pytest.fixture
def private(folder: Path) -> Iterator[FtpServer]:
    with ftp_server(folder, {"ann": "topsecret"}) as server:
        yield server


@pytest.fixture
def settings(settings: Settings) -> Settings:
    opened = {"allowed_private_networks": "127.0.0.0/8", "log_format": "json"}
    return Settings(**settings.model_dump(exclude_unset=True), **opened)  # type: ignore[arg-type]


def bring_in(settings: Settings, connection: Db, supplier: str, server: FtpServer) -> None:
    """Import a feed of ftp:// addresses and set it going."""
    feed = settings.state_dir.parent / f"{supplier}.csv"
    with feed.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["sku", "name", "image"])
        for colour in COLOURS:
            rows.writerow([colour, f"{colour} cap", server.url(f"{colour}%20cap.jpg")])
    result = import_file(settings, feed, supplier=supplier)
    connection.execute("select likeness.activate_dataset(%s)", [result.dataset_id])


def pictures(connection: Db, supplier: str) -> list[dict[str, Any]]:
    return connection.execute(
        "select i.* from likeness.images i join likeness.products p on p.id = i.product_id"
        " join likeness.suppliers s on s.id = p.supplier_id where s.name = %s order by p.sku",
        [supplier],
    ).fetchall()


def refresh(settings: Settings, connection: Db, supplier: str) -> dict[str, Any]:
    """Queue every picture again and work it off; returns the run."""
    log = settings.state_dir.parent / "worker.log"
    [row] = connection.execute("insert into likeness.runs (label) values ('again') returning id")
    ids = [picture["id"] for picture in pictures(connection, supplier)]
    with worker_process(settings, log) as worker:
        connection.execute("select likeness.queue_images(%s, 0::smallint, %s)", [ids, row["id"]])
        await_settled(connection, worker)
        assert worker.stop() == 0
    [found] = connection.execute("select * from likeness.runs where id = %s", [row["id"]])
    return found


def retrieved(server: FtpServer) -> int:
    return sum(command.startswith("RETR ") for command in server.commands)


@pytest.mark.slow
def test_pictures_on_ftp_servers_are_mirrored_and_confirmed(
    settings: Settings, connection: Db, public: FtpServer, private: FtpServer, folder: Path
) -> None:
    log = settings.state_dir.parent / "worker.log"
    with worker_process(settings, log) as worker:
        connection.execute("select likeness.ensure_supplier('closed')")
        connection.execute(
            "select likeness.set_supplier_credentials('closed', 'ann', 'topsecret', '{127.0.0.1}')"
        )
        bring_in(settings, connection, "open", public)
        bring_in(settings, connection, "closed", private)
        await_settled(connection, worker)
        assert worker.stop() == 0

    store = open_store(settings)
    for supplier, server in (("open", public), ("closed", private)):
        found = pictures(connection, supplier)
        assert [picture["status"] for picture in found] == ["completed"] * 3
        for picture in found:
            assert picture["source_etag"]
            assert picture["source_last_modified"].endswith("GMT")
        assert retrieved(server) == 3
    rows = connection.execute("select sha256, renditions from likeness.blobs").fetchall()
    assert len(rows) == 3  # the same bytes on both servers
    assert sum(1 for _ in store.list("v/")) >= 6
    assert {"USER ann"} == {line for line in private.commands if line.startswith("USER")}

    # Nothing has changed: the servers are asked for time and size alone.
    run = refresh(settings, connection, "closed")
    assert (run["status"], run["wanted"], run["reused"], run["stored"]) == ("finished", 3, 3, 0)
    assert retrieved(private) == 3
    assert [picture["status"] for picture in pictures(connection, "closed")] == ["completed"] * 3

    # One has: it alone is fetched again.
    (folder / "teal cap.jpg").write_bytes(draw("navy"))
    run = refresh(settings, connection, "closed")
    assert (run["reused"], run["stored"]) == (2, 1)
    assert retrieved(private) == 4

    assert "topsecret" not in log.read_text()


def test_an_ftp_server_that_wants_a_password_is_not_guessed_at(
    settings: Settings, connection: Db, private: FtpServer
) -> None:
    connection.execute("select likeness.ensure_supplier('closed')")
    connection.execute(
        "select likeness.set_supplier_credentials('closed', 'ann', 'topsecret', '{ftp.test}')"
    )
    with worker_process(settings, settings.state_dir.parent / "worker.log") as worker:
        bring_in(settings, connection, "closed", private)
        await_settled(connection, worker)
        assert worker.stop() == 0
    found = pictures(connection, "closed")
    # The feed names a host that the password is not for: it was not told.
    assert {picture["failure_reason"] for picture in found} == {"forbidden"}
    assert not [line for line in private.commands if "topsecret" in line or "ann" in line]
