"""Owns what a running `likeness up` leaves for the commands beside it: its lock and its state file.

The lock tells whether it runs (the kernel drops it with the process, however that ends); the file
tells where, and is believed only while the lock is held.
"""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from worker.errors import SettingsError
from worker.settings import Settings


class FolderLock:
    """A lock file that says who holds it; held until ``release`` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock, or answer False at once when another process has it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _lock_exclusively(descriptor):
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock up; the file stays, since removing it would let two holders in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> int | None:
        """The pid of the process that holds the lock, or None."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            # A shared lock, so that two commands that ask at once do not see each other.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.pread(descriptor, 32, 0).strip() or 0)
        finally:
            os.close(descriptor)
        return None


@dataclass(frozen=True)
class Running:
    """A running `likeness up`. ``conninfo`` is None where it uses LIKENESS_DATABASE_URL."""

    pid: int
    url: str
    conninfo: str | None


def _lock_exclusively(descriptor: int) -> bool:
    # Another command's look at the lock takes it for a moment; a holder keeps it.
    for _ in range(10):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


def up_lock(state_dir: Path) -> FolderLock:
    """The lock that `likeness up` holds on its state directory."""
    return FolderLock(state_dir / "up.lock")


def announce(state_dir: Path, running: Running) -> None:
    """Write the state file, whole or not at all. The caller holds the lock."""
    path = _state_file(state_dir)
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(running), indent=2) + "\n")
    draft.replace(path)


def withdraw(state_dir: Path) -> None:
    """Remove the state file."""
    _state_file(state_dir).unlink(missing_ok=True)


def find_running(state_dir: Path) -> Running | None:
    """The `likeness up` that runs on this state directory; None where there is none yet."""
    if up_lock(state_dir).holder() is None:
        return None
    try:
        return Running(**json.loads(_state_file(state_dir).read_text()))
    except FileNotFoundError:
        return None


def locate_database(settings: Settings) -> str:
    """The conninfo of the database: LIKENESS_DATABASE_URL, else the server of a running `up`.

    Raises SettingsError that says how to get one.
    """
    if settings.database_url:
        return settings.database_url.get_secret_value()
    folder = settings.state_dir.absolute()
    try:
        running = find_running(folder)
    except PermissionError as error:
        raise SettingsError(
            f"The state directory {folder} belongs to another user ({error.strerror})."
            " Run this as the user who runs `likeness up`, or set LIKENESS_DATABASE_URL."
        ) from error
    if running is None:
        raise SettingsError(
            f"No database: nothing runs on the state directory {folder}."
            " Start `likeness up` there (LIKENESS_STATE_DIR names another directory),"
            " or set LIKENESS_DATABASE_URL to a Postgres server."
        )
    if running.conninfo is None:
        raise SettingsError(
            f"The `likeness up` on {folder} (pid {running.pid}) uses a server that was named by"
            " LIKENESS_DATABASE_URL. Set the same variable here."
        )
    return running.conninfo


def _state_file(state_dir: Path) -> Path:
    return state_dir / "up.json"
