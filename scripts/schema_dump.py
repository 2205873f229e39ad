"""Owns the text of sql/schema.sql: what the migrations add up to, as a server has it.

It is there to be read and to be compared: a review sees what a migration does to the tables, and
a test sees a snapshot that nobody brought up to date. Functions, views and triggers are left out:
each has a file of its own that always shows it as it is.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from worker.embedded import EmbeddedPostgres
from worker.migrate import migrate

SNAPSHOT = Path(__file__).resolve().parents[1] / "sql" / "schema.sql"
_HEADER = """\
-- What sql/migrations add up to. Made by scripts/dump_schema; not edited by hand.
-- Functions, views and triggers are not here: each has a file of its own beside this one.

"""
_TITLE = re.compile(r"^-- Name: (?P<name>.+); Type: (?P<type>.+); Schema: .*\n", re.MULTILINE)
_HAVE_FILES = {"FUNCTION", "PROCEDURE", "VIEW", "TRIGGER"}


def dump(bin_dir: Path, conninfo: str) -> str:
    """The tables of the schema `likeness` as SQL, the same for the same schema.

    ``bin_dir`` holds the pg_dump to use; another major version writes another text.
    """
    command: list[str | Path] = [bin_dir / "pg_dump", "--schema-only", "--schema=likeness"]
    answer = subprocess.run(
        [*command, "--no-owner", "--dbname", conninfo], check=True, capture_output=True, text=True
    )
    return _HEADER + normalise(answer.stdout)


def normalise(text: str) -> str:
    """Keep of a dump what migrations make, and nothing that differs from run to run."""
    titles = list(_TITLE.finditer(text))
    ends = [title.start() for title in titles[1:]] + [len(text)]
    views = {title["name"] for title in titles if title["type"] == "VIEW"}
    kept = [
        _without_frame(text[title.end() : end])
        for title, end in zip(titles, ends, strict=True)
        if not _has_a_file(title["type"], title["name"], views)
    ]
    return "\n\n".join(kept) + "\n"


def _has_a_file(kind: str, name: str, views: set[str]) -> bool:
    if kind not in {"COMMENT", "ACL"}:
        return kind in _HAVE_FILES
    # The name of a comment or a grant tells what it is about: `COLUMN images.status`.
    about, _, subject = name.partition(" ")
    return about in _HAVE_FILES or subject.partition(".")[0] in views


def _without_frame(block: str) -> str:
    # pg_dump frames each title with empty comments, and closes with a token of the run.
    lines = block.splitlines()
    return "\n".join(line for line in lines if not re.match(r"--|\\unrestrict ", line)).strip()


def main(arguments: list[str]) -> int:
    """Write the snapshot, or compare it (``--check``): 1 when it is not current."""
    with tempfile.TemporaryDirectory(prefix="likeness-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres", durable=False)
        postgres.start()
        try:
            migrate(postgres.conninfo("postgres"))
            text = dump(postgres.bin_dir, postgres.conninfo("postgres"))
        finally:
            postgres.stop()
    if "--check" not in arguments:
        SNAPSHOT.write_text(text)
        return 0
    if SNAPSHOT.exists() and SNAPSHOT.read_text() == text:
        return 0
    sys.stderr.write("sql/schema.sql is not current: run scripts/dump_schema\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
