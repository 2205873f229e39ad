"""Owns the FTP origins of tests: a real server (pyftpdlib), and one that lies as it is told.

The real one shows that we speak the protocol; the other one says what no real server would.
"""

import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

with warnings.catch_warnings():
    # It stands on modules that Python gives up, and brings its own copies where they are gone.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer


@dataclass
class FtpServer:
    """A running server; ``commands`` are those it was sent, arguments included."""

    port: int
    host: str = "127.0.0.1"
    commands: list[str] = field(default_factory=list)
    logins: int = 0

    def url(self, path: str, scheme: str = "ftp", host: str = "") -> str:
        return f"{scheme}://{host or self.host}:{self.port}/{path}"


@contextmanager
def ftp_server(
    folder: Path,
    users: dict[str, str] | None = None,
    certificate: Path | None = None,
    host: str = "127.0.0.1",
) -> Iterator[FtpServer]:
    """A real FTP server of a folder: anonymous, or for users by name and password; or FTPS."""
    authorizer = DummyAuthorizer()
    for user, password in (users or {}).items():
        authorizer.add_user(user, password, str(folder))
    if not users:
        authorizer.add_anonymous(str(folder))
    server = FtpServer(port=0, host=host)
    kind = _handler(server, certificate)
    kind.authorizer = authorizer
    listener = FTPServer((host, 0), kind, ioloop=IOLoop())
    server.port = listener.address[1]
    stopped = threading.Event()
    thread = threading.Thread(target=_serve, args=(listener, stopped), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stopped.set()
        thread.join(timeout=10)


def _handler(server: FtpServer, certificate: Path | None) -> Any:
    class Handler(TLS_FTPHandler if certificate else FTPHandler):  # type: ignore[misc]
        auth_failed_timeout = 0.01

        def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
            server.commands.append(line)
            super().pre_process_command(line, cmd, arg)

        def on_login(self, username: str) -> None:
            server.logins += 1

    if certificate:
        Handler.certfile = str(certificate)
        Handler.tls_control_required = True
        Handler.tls_data_required = True
    return Handler


def _serve(listener: FTPServer, stopped: threading.Event) -> None:
    while not stopped.is_set():
        listener.serve_forever(timeout=0.02, blocking=False)
    listener.close_all()


class LyingFtp:
    """An FTP server of prepared replies, by command; ``data`` is what its data connections send,
    which stay open when it ``holds`` them.

    A reply may name the data port as {port}, and in the two numbers of PASV as {high},{low}.
    """

    def __init__(
        self, data: bytes = b"", replies: dict[str, str] | None = None, *, holds: bool = False
    ) -> None:
        self._replies = {
            "WELCOME": "220 hello",
            "USER": "331 password?",
            "PASS": "230 welcome",
            "TYPE": "200 fine",
            "SIZE": "502 what?",
            "MDTM": "502 what?",
            "PASV": "227 Entering Passive Mode (127,0,0,1,{high},{low})",
            "RETR": "150 here it comes",
            "DONE": "226 done",
            **(replies or {}),
        }
        self._data = data
        self._holds = holds
        self._over = threading.Event()
        self._control = socket.create_server(("127.0.0.1", 0))
        self._passive = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._control.getsockname()[1]
        self.data_connections = 0
        self.commands: list[str] = []
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._serve_control, self._serve_data)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for listener in (self._control, self._passive):
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in self._threads:
            thread.join(timeout=10)

    def url(self, path: str, scheme: str = "ftp") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/{path}"

    def _serve_control(self) -> None:
        while connection := _accept(self._control):
            with connection, connection.makefile("r", newline="\r\n") as lines:
                self._say(connection, "WELCOME")
                try:
                    for line in lines:
                        self._answer(connection, line.rstrip())
                except OSError:
                    continue  # the client has hung up

    def _answer(self, connection: socket.socket, line: str) -> None:
        self.commands.append(line)
        verb = line.partition(" ")[0].upper()
        self._say(connection, verb)
        if verb == "RETR" and self._replies["RETR"].startswith("1"):
            self._say(connection, "DONE")

    def _say(self, connection: socket.socket, verb: str) -> None:
        port = self._passive.getsockname()[1]
        reply = self._replies.get(verb, "502 what?")
        text = reply.format(port=port, high=port // 256, low=port % 256)
        connection.sendall(text.encode("latin-1") + b"\r\n")

    def _serve_data(self) -> None:
        while connection := _accept(self._passive):
            self.data_connections += 1
            with connection, suppress(OSError):  # the client need not read to the end
                connection.sendall(self._data)
                if self._holds:
                    self._over.wait()


def _accept(listener: socket.socket) -> socket.socket | None:
    try:
        return listener.accept()[0]
    except OSError:
        return None  # closed by the test
