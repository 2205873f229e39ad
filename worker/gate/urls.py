"""Owns the rules of a source's URL: what it may be made of, and which parts are handed on.

The URL is taken apart once, by a grammar narrower than any client's, and put together again from
the checked parts: no second parser can read another host out of it.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import quote, unquote

import idna

from worker.errors import FetchFault

MAX_URL_CHARACTERS = 2000
DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 21}
SCHEMES = tuple(DEFAULT_PORTS)

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
_SHAPE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(?:#.*)?", re.S)
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_NUMERIC = re.compile(r"(^|\.)([0-9]+|0x[0-9a-f]*)$")
_ENCODED_CONTROL = re.compile(r"%(?:0[0-9a-f]|1[0-9a-f]|7f)", re.I)
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that passed the rules, in parts; ``path`` holds the query too, percent-encoded."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What must stay the same for credentials to travel along."""
        return (self.scheme, self.host, self.port)

    @property
    def authority(self) -> str:
        """Host, and port where it is not the scheme's own, as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def bad_url(text: str) -> FetchFault:
    """The URL makes no sense; permanent."""
    return FetchFault("bad-url", f"URL check: {text}.")


def blocked(text: str) -> FetchFault:
    """The URL makes sense and a rule forbids it; permanent."""
    return FetchFault("blocked-by-policy", f"Blocked by policy: {text}.")


def parse_url(url: str, schemes: tuple[str, ...] = SCHEMES) -> Target:
    """Take a URL apart. Raises FetchFault: ``bad-url`` or ``blocked-by-policy``."""
    text = url.strip(" ")
    if len(text) > MAX_URL_CHARACTERS:
        raise bad_url(f"it has {len(text)} characters, more than {MAX_URL_CHARACTERS}")
    if found := _UNPRINTABLE.search(text):
        raise bad_url(f"it holds the character U+{ord(found[0]):04X}, which no URL may hold")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise bad_url("it is not absolute, as in https://host/path")
    scheme = shape[1].lower()
    if scheme not in schemes:
        raise blocked(f"the scheme {scheme} is not among {', '.join(schemes)}")
    # Clients disagree where a host ends, so that an @ before the first slash may hide another one.
    if "@" in text[len(scheme) + 3 :].partition("/")[0]:
        raise blocked("the URL holds a user name or an @ before its path")
    host, port = _parse_authority(shape[2])
    target = Target(scheme, host, port or DEFAULT_PORTS[scheme], _parse_path(shape[3]))
    if scheme in ("ftp", "ftps"):
        ftp_path(target)
    return target


def _parse_authority(authority: str) -> tuple[str, int | None]:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise bad_url(f"{authority!r} is no host and port")
    port = int(parts[2]) if parts[2] else None
    if port is not None and not 0 < port <= 65535:
        raise bad_url(f"there is no port {port}")
    return parse_host(parts[1]), port


def parse_host(text: str) -> str:
    """A host as it is looked up: lower case, no dot at the end, IDNA, IPv6 without brackets."""
    if text.startswith("["):
        try:
            # A zone (%eth0) is refused: it names a network card of this machine.
            return str(ipaddress.IPv6Address(text[1:-1].replace("%", "zone")))
        except ValueError:
            raise bad_url(f"{text} is no IPv6 address") from None
    name = (text if text.isascii() else _to_ascii(text)).lower().removesuffix(".")
    if not _NAME.fullmatch(name):
        raise bad_url(f"{text!r} is no host name")
    return _dotted(name) if _NUMERIC.search(name) else name


def _dotted(name: str) -> str:
    """IPv4 in its one good spelling: ``127.1``, ``0x7f000001`` and ``0177.0.0.1`` are addresses."""
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        raise bad_url(f"{name} is neither an IPv4 address nor a host name") from None


def _to_ascii(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise bad_url(f"{name!r} is no host name") from None


def _parse_path(rest: str) -> str:
    path, mark, query = rest.partition("?")
    if _ENCODED_CONTROL.search(path):
        raise bad_url("its path holds an encoded control character")
    return (_encode(path) or "/") + mark + _encode(query)


def _encode(text: str) -> str:
    if text.isascii() and text.isalnum():
        return text
    return quote(_LONE_PERCENT.sub("%25", text), safe="/%:;=?@!$&'()*+,-._~[]")


def ftp_path(target: Target) -> str:
    """The file that an FTP URL names, decoded, relative to the login folder.

    A second slash at its start makes it absolute, as RFC 1738 has it.
    """
    # Names in an old encoding travel as the bytes that they are.
    path = unquote(target.path.partition(";type=")[0], errors="surrogateescape")[1:]
    if any(ord(character) < 32 for character in path):
        raise bad_url("its path holds a control character")
    if ".." in re.split(r"[/\\]", path):
        raise blocked("the path leaves its folder by way of '..'")
    if path.strip("/") == "" or path.endswith("/"):
        raise bad_url("it names a folder and no file")
    return path


def is_listed(host: str, listed: tuple[str, ...]) -> bool:
    """Whether a host is among ``listed``; an empty list holds every host.

    ``example.com`` is that host alone; ``.example.com`` (or ``*.example.com``) is that host and all
    below it. An address is listed by itself alone.
    """
    is_address = ":" in host or _NUMERIC.search(host) is not None
    for entry in listed:
        suffix = entry.strip().lower().removeprefix("*")
        name = suffix.strip(".[]")
        if host == name:
            return True
        if suffix.startswith(".") and name and not is_address and host.endswith(f".{name}"):
            return True
    return not listed
