"""Owns one FTP or FTPS session: ftplib's client, made safe against the server it talks to.

Both connections pass the gate: the control connection goes to a checked address, and the data
connection to that same address and an unprivileged port, whatever the server names. A blocked call
is ended from outside by shutting its sockets down, which no slow server can prevent.
"""

import contextlib
import ftplib
import re
import socket
import ssl
from datetime import UTC, datetime

from worker.errors import FetchFault
from worker.fetch.faults import connect_fault, host_fault
from worker.gate import Target, blocked, parse_address

_CHUNK_BYTES = 1 << 18
_MAX_REPLIES_BYTES = 64 * 1024
_FIRST_UNPRIVILEGED_PORT = 1024
_EPSV = re.compile(r"\((\S)(\d?)\1([^|)]*)\1(\d{1,5})\1\)")


class _Client(ftplib.FTP_TLS):
    """ftplib's client, with replies of bounded length and data connections that are checked."""

    secure = False
    _replies_bytes = 0

    @property
    def control(self) -> socket.socket:
        """The control connection. EOFError when there is none any more."""
        if self.sock is None:
            raise EOFError
        return self.sock

    def getline(self) -> str:
        line = super().getline()
        self._replies_bytes += len(line)
        if self._replies_bytes > _MAX_REPLIES_BYTES:
            raise ftplib.error_proto("its replies do not end")
        return line

    def putline(self, line: str) -> None:
        if "\r" in line or "\n" in line:
            raise blocked("an FTP command would hold a line break")
        self._replies_bytes = 0
        # Names of files in an old encoding come as escaped bytes and leave as those bytes.
        self.control.sendall(f"{line}\r\n".encode("utf-8", "surrogateescape"))

    def makepasv(self) -> tuple[str, int]:
        control = parse_address(self.control.getpeername()[0])
        host, port = self._ask_for_port()
        if host and parse_address(host) != control:
            port = self._ask_again(host)
        if port < _FIRST_UNPRIVILEGED_PORT:
            raise blocked(f"the FTP server {self.host} sends its data from port {port}")
        return self.control.getpeername()[0], port

    def _ask_again(self, host: str) -> int:
        """The port of a server that names another address, as one behind NAT names its LAN's."""
        lied = blocked(f"the FTP server {self.host} sends its data from another address, {host}")
        announced = parse_address(host)
        if announced.is_loopback or announced.is_link_local:
            raise lied
        try:
            # Of today's servers that know EPSV, which names a port and no address.
            host, port = _parse_epsv(self.sendcmd("EPSV"))
        except ftplib.Error:
            raise lied from None
        if host:
            raise lied
        return port

    def _ask_for_port(self) -> tuple[str, int]:
        if self.af == socket.AF_INET:
            try:
                return ftplib.parse227(self.sendcmd("PASV"))
            except ftplib.error_perm:
                pass  # a server of today's kind that knows EPSV alone
        return _parse_epsv(self.sendcmd("EPSV"))

    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self.secure:
            # Servers insist that the data connection proves to be of the same session.
            assert isinstance(self.sock, ssl.SSLSocket)
            proof = self.sock.session
            return self.context.wrap_socket(
                connection, server_hostname=self.host, session=proof
            ), size
        return connection, size


def _parse_epsv(reply: str) -> tuple[str, int]:
    found = _EPSV.search(reply)
    if reply[:3] != "229" or found is None:
        raise ftplib.error_reply(reply)
    return found[3], int(found[4])


class Session:
    """One logged-in control connection; its methods block and run in a thread."""

    def __init__(self, target: Target, tls: ssl.SSLContext, silence_seconds: float) -> None:
        self.host = target.host
        self.idle_since = 0.0
        self._port = target.port
        self._password = ""
        self._is_secure = target.scheme == "ftps"
        self._silence_seconds = silence_seconds
        # Replies come in any encoding; Latin-1 reads all of them.
        self._client = _Client(context=tls, encoding="latin-1")
        self._data: socket.socket | None = None
        self._is_aborted = False

    def open(self, addresses: list[str], seconds: float, user: str, password: str) -> None:
        self._password = password
        self._connect(addresses, seconds)
        client = self._client
        client.host = self.host  # what TLS verifies; the address is connected to already
        client.login(user, password, secure=self._is_secure)
        if self._is_secure:
            client.prot_p()
            client.secure = True
        client.voidcmd("TYPE I")

    def _connect(self, addresses: list[str], seconds: float) -> None:
        last = OSError("no address")
        for address in addresses:
            try:
                self._client.connect(address, self._port, timeout=seconds / len(addresses))
            except (OSError, EOFError) as error:
                last = error if isinstance(error, OSError) else OSError("it hung up at once")
                self._client.close()
                continue
            self._client.timeout = self._silence_seconds
            self._client.control.settimeout(self._silence_seconds)
            self._raise_if_aborted()
            return
        raise connect_fault(self.host, self._port, last)

    def size_and_time(self, path: str) -> tuple[int | None, datetime | None]:
        """SIZE and MDTM, where the server knows them."""
        size = self._ask(f"SIZE {path}", r"213 (\d{1,18})")
        changed = self._ask(f"MDTM {path}", r"213 (\d{14})")
        return int(size) if size else None, _parse_time(changed)

    def _ask(self, command: str, pattern: str) -> str | None:
        try:
            reply = re.match(pattern, self._client.sendcmd(command))
        except ftplib.error_perm:
            return None  # the server does not know the command, or RETR will say what is wrong
        return reply[1] if reply else None

    def retrieve(self, path: str) -> None:
        self._data, _ = self._client.ntransfercmd(f"RETR {path}")
        self._data.settimeout(self._silence_seconds)
        self._raise_if_aborted()

    def read(self) -> bytes:
        """Up to _CHUNK_BYTES; empty at the end, which the server has confirmed then."""
        assert self._data is not None
        pieces: list[bytes] = []
        size = 0
        while size < _CHUNK_BYTES and (piece := self._data.recv(1 << 16)):
            pieces.append(piece)
            size += len(piece)
        if not size:
            self._data.close()
            self._data = None
            self._confirm_end()
        return b"".join(pieces)

    def _confirm_end(self) -> None:
        try:
            self._client.voidresp()
        except ftplib.Error as error:
            raise host_fault(
                "truncated-body", f"Body: {self.host} gave up: {_first_line(error)}."
            ) from error

    @property
    def is_between_files(self) -> bool:
        return self._data is None and not self._is_aborted

    def fault_of(self, error: Exception) -> FetchFault:
        """What an error of ftplib or of a socket means; a password that came back is left out."""
        host, text = self.host, _first_line(error)
        if self._password:
            text = text.replace(self._password, "***")
        match error:
            case FetchFault():
                return error
            case ssl.SSLError():
                return host_fault("connection-failed", f"TLS: {host}: {error.reason or text}.")
            case TimeoutError():
                return host_fault("timeout", f"FTP: {host} was silent for too long.")
            case EOFError():
                return host_fault("connection-failed", f"FTP: {host} closed the connection.")
            case ftplib.error_perm():
                return _refusal(host, text)
            case ftplib.Error() | ValueError():
                return host_fault("ftp-error", f"FTP: {host} answered {text}.")
        return host_fault("connection-failed", f"FTP: the connection to {host} broke ({text}).")

    def abort(self) -> None:
        """End whatever call is under way; from any thread."""
        self._is_aborted = True
        for connection in (self._data, self._client.sock):
            if connection is not None:
                _shut_down(connection)

    def close(self) -> None:
        """Let go of the sockets, in the thread that used them."""
        self._is_aborted = True
        if self._data is not None:
            self._data.close()
        self._client.close()

    def _raise_if_aborted(self) -> None:
        if self._is_aborted:
            self.close()
            raise ConnectionAbortedError("aborted")


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        # Below TLS, whose own shutdown would wait for the peer.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _parse_time(text: str | None) -> datetime | None:
    try:
        return datetime.strptime(text or "", "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _first_line(error: Exception) -> str:
    """What a server said, short and printable."""
    line = str(error).partition("\n")[0][:200]
    return "".join(character if character.isprintable() else "?" for character in line)


def _refusal(host: str, text: str) -> FetchFault:
    is_denied = re.search(r"denied|permission|not allowed|forbidden", text, re.IGNORECASE)
    if text.startswith(("530", "532")) or (text.startswith("550") and is_denied):
        return FetchFault("forbidden", f"FTP: {host} refuses access ({text}).")
    if text.startswith("550"):
        return FetchFault("not-found", f"FTP: {host} has no such file ({text}).")
    return FetchFault("ftp-error", f"FTP: {host} answered {text}.")
