"""Owns what must hold after anything: the health checks of the schema, history, known objects."""

from collections import Counter

from psycopg import Connection
from psycopg.rows import DictRow

from worker.pixels.renditions import EXTENSIONS
from worker.storage import ObjectStore, original_key, rendition_key


def assert_checks_are_quiet(connection: Connection[DictRow]) -> None:
    """Every view check_* of the schema returns no rows."""
    views = connection.execute(
        "select viewname from pg_views where schemaname = 'likeness' and viewname like 'check_%'"
    ).fetchall()
    assert views
    loud = {
        view["viewname"]: rows
        for view in views
        if (
            rows := connection.execute(
                f"select * from likeness.{view['viewname']}".encode()
            ).fetchall()
        )
    }
    assert not loud, loud


def assert_history_is_single(connection: Connection[DictRow]) -> None:
    """Each picture that shows something has exactly one row of history, the others none."""
    rows = connection.execute(
        "select i.id, i.blob_sha256 is not null as shows, count(h.id) as n"
        " from likeness.images i left join likeness.image_history h on h.image_id = i.id"
        " group by i.id"
    ).fetchall()
    assert not [row for row in rows if row["n"] != int(row["shows"])]


def assert_store_and_database_agree(connection: Connection[DictRow], store: ObjectStore) -> None:
    """Every object belongs to bytes that the database knows; every rendition it lists exists."""
    blobs = connection.execute("select * from likeness.blobs").fetchall()
    known = {blob["sha256"] for blob in blobs}
    stored = {entry.key for entry in store.list()}
    assert not [key for key in stored if key.split("/")[2] not in known]
    wanted = {
        rendition_key(blob["sha256"], r["recipe"], EXTENSIONS[r["format"]])
        for blob in blobs
        for r in blob["renditions"]
    } | {original_key(blob["sha256"]) for blob in blobs if blob["has_original"]}
    assert not wanted - stored


def states(connection: Connection[DictRow]) -> dict[str, tuple[str, str | None, str | None]]:
    """Per sku: status, failure reason and bytes of its first picture."""
    rows = connection.execute(
        "select p.sku, i.status, i.failure_reason, i.blob_sha256"
        " from likeness.products p join likeness.images i on i.product_id = p.id"
        " where i.position = 0"
    ).fetchall()
    return {row["sku"]: (row["status"], row["failure_reason"], row["blob_sha256"]) for row in rows}


def count_states(connection: Connection[DictRow]) -> Counter[str]:
    """How many pictures are in which status."""
    return Counter(status for status, _, _ in states(connection).values())
