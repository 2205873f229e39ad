"""Owns how a child process starts: as which user, in a session of its own, and never outliving us.

The kernel is asked for the death signal between fork and exec, where a program with threads must
run no Python. So a bare interpreter runs this file by its path, and becomes the child.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_NOBODY_ELSE = "-"


def launch(
    argv: Sequence[str | Path],
    *,
    death_signal: signal.Signals,
    account: pwd.struct_passwd | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    output: int | IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start a program that gets ``death_signal`` (Linux) when this process dies, however it dies.

    ``account`` needs root; ``cwd`` may lie below folders that this account cannot read.
    ``output`` takes stdout and stderr. The child leads a session of its own, so that Ctrl-C reaches
    it through us alone, and ``os.killpg(child.pid, …)`` reaches it and its children.
    """
    identity = f"{account.pw_uid}:{account.pw_gid}" if account else _NOBODY_ELSE
    # The kernel sends the signal when the thread that forked ends, not the process.
    on_main_thread = threading.current_thread() is threading.main_thread()
    number = int(death_signal) if on_main_thread else 0
    interpreter = [sys.executable, "-I", "-S", __file__]
    return subprocess.Popen(
        [*interpreter, str(number), str(os.getpid()), identity, *map(str, argv)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        cwd=cwd,
        env=env,
        pass_fds=pass_fds,
        start_new_session=True,
    )


def _become(death_signal: int, parent: int, identity: str, argv: list[str]) -> None:
    if identity != _NOBODY_ELSE:
        uid, gid = map(int, identity.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user, which clears the death signal.
    if death_signal and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("The process that started this one is gone.")
    # Python ignores these two, and an ignored signal stays ignored across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.execvp(argv[0], argv)  # noqa: S606 - the point of this file


if __name__ == "__main__":
    try:
        _become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
    except OSError as error:
        sys.exit(f"Cannot start {sys.argv[4]}: {error}")
