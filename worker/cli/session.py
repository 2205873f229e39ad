"""Owns a command's session with the database: opened from the settings, never on an old schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.db import Connection
    from worker.settings import Settings


@contextmanager
def open_session(settings: "Settings", program: str) -> "Iterator[Connection]":
    """A connection to a database of this version. Raises a LikenessError that says what to do."""
    from worker import db
    from worker.migrate import require_current_schema

    with db.reach(settings, program) as connection, db.query_errors():
        require_current_schema(connection)
        yield connection
