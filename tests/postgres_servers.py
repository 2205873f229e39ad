"""Owns the Postgres servers of a test session: the newest from the wheel, the oldest from Debian.

Both listen on a Unix socket alone and forget their data: a test server that crashes is made anew.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from worker.embedded import EmbeddedPostgres

OLDEST_BIN = Path("/usr/lib/postgresql/15/bin")


@dataclass(frozen=True)
class Server:
    """A running server, with the attributes by which pytest-postgresql knows one."""

    host: str
    port: int
    user: str
    bin_dir: Path
    version: str
    password: str | None = None
    options: str = ""
    maintenance_dbname: str = "postgres"
    template_dbname: str | None = None

    def conninfo(self, dbname: str) -> str:
        return make_conninfo(host=self.host, port=self.port, user=self.user, dbname=dbname)


@contextmanager
def newest() -> Iterator[Server]:
    """The wheel's server, started by the code that `likeness up` starts it with."""
    with short_folder() as folder:
        postgres = EmbeddedPostgres(folder / "data", durable=False)
        postgres.start()
        try:
            yield _describe(postgres.conninfo("postgres"), postgres.bin_dir)
        finally:
            postgres.stop()


@contextmanager
def oldest() -> Iterator[Server]:
    """The oldest supported server, from the system's packages."""
    with short_folder() as folder:
        account = _unprivileged()
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = folder / "data"
        _run(account, OLDEST_BIN / "initdb", "-D", data, "-U", "postgres", "--auth=trust",
             "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")  # fmt: skip
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        options += " -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
        log = folder / "log"
        _run(account, OLDEST_BIN / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            conninfo = make_conninfo(host=str(folder), port=5432, user="postgres")
            yield _describe(conninfo, OLDEST_BIN)
        finally:
            _run(account, OLDEST_BIN / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop")


def version_of(program: Path) -> str:
    """What ``postgres --version`` says, without its first word."""
    answer = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    return answer.stdout.strip().removeprefix("postgres (PostgreSQL) ")


@contextmanager
def short_folder() -> Iterator[Path]:
    # A socket's path has at most 107 characters, so pytest's own long folders will not do.
    folder = Path(tempfile.mkdtemp(prefix="likeness-", dir=_memory()))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory() -> Path | None:
    # A clone of the template is three hundred files: ten times quicker where no disk is.
    shm = Path("/dev/shm")
    roomy = shm.is_dir() and shutil.disk_usage(shm).free > 1 << 30
    return shm if roomy and os.access(shm, os.W_OK) else None


def _unprivileged() -> pwd.struct_passwd | None:
    # Postgres refuses to run as root.
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _run(account: pwd.struct_passwd | None, program: Path, *arguments: str | Path) -> None:
    # A server that inherits a pipe would hold it open for ever, so the output goes to a file.
    with tempfile.TemporaryFile() as output:
        answer = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            check=False,
        )
        if answer.returncode:
            output.seek(0)
            raise RuntimeError(f"{program.name} failed:\n{output.read().decode()}")


def _describe(conninfo: str, bin_dir: Path) -> Server:
    where = conninfo_to_dict(conninfo)
    with psycopg.connect(conninfo, dbname="postgres") as connection:
        version = connection.info.parameter_status("server_version") or "unknown"
    return Server(
        host=str(where["host"]),
        port=int(where.get("port") or 5432),
        user=str(where.get("user") or "postgres"),
        bin_dir=bin_dir,
        version=version,
    )
