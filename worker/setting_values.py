"""Owns what the values of settings may be where their types do not say: addresses of all kinds.

Each function takes a value, and gives it back or raises a ValueError whose message ends the
sentence "LIKENESS_X: ...". Where a value may hold a password, no message quotes it.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_BASE = "must be an absolute URL such as https://pictures.example/base, without user, query or #"
_SERVER = "must be the URL of an S3 server such as http://127.0.0.1:9000, without user or path"
_CONNINFO = (
    "must be a Postgres URL such as postgresql://user:password@host:5432/likeness, or"
    " 'host=... dbname=...'; in a URL, write other characters of a password than letters and digits"
    " as %40 for @"
)
# As browsers write it in the header Origin; * stands for any part of it.
_ORIGIN = re.compile(r"[a-z*][a-z0-9*+.-]*://([a-z0-9*_.-]+|\[[0-9a-f:.]+\])(:([0-9]{1,5}|\*))?/?")


def database(value: str) -> str:
    """A conninfo or URL that libpq can read."""
    # Here, since whatever prints its help reads settings of no database.
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(value)
    except ProgrammingError:
        raise ValueError(_CONNINFO) from None
    # A password with / or @ in it goes to pieces, and later messages would name the pieces.
    port, host = str(parts.get("port") or ""), str(parts.get("host") or "")
    if not re.fullmatch(r"[0-9,]*", port) or "@" in host[1:]:
        raise ValueError(_CONNINFO)
    return value


def address(value: str) -> str:
    """An absolute http(s) URL."""
    if _http(value) is None:
        raise ValueError("must be an absolute URL such as https://id.example/keys")
    return value


def base(value: str) -> str:
    """An absolute http(s) URL that paths are added to."""
    parts = _http(value)
    if parts is None or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(_BASE)
    return value


def server(value: str) -> str:
    """An http(s) URL that names a server and nothing on it."""
    parts = _http(value.rstrip("/"))
    if parts is None or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(_SERVER)
    return value


def link(value: str) -> str:
    """What a page may be sent to: an absolute http(s) URL, or a path of the API's own host."""
    is_path = value.startswith("/") and not value.startswith(("//", "/\\"))
    if not (is_path and _is_plain(value)) and _http(value) is None:
        raise ValueError("must be an absolute URL such as https://shop.example/none.svg, or a path")
    return value


def origin(value: str) -> str:
    """An origin of pages, where * stands for any part of its host, or * alone for all."""
    if value != "*" and _ORIGIN.fullmatch(value) is None:
        raise ValueError(
            f"{value} is no origin: one reads https://shop.example or https://*.shop.example:8443,"
            " in small letters; * alone is all of them"
        )
    return value


def network(value: str) -> Network:
    """A network in CIDR notation."""
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"{value} is not a network: one reads like 192.168.10.0/24") from None
    raise ValueError(f"{value} is not a network: did you mean {meant}?")


def _http(value: str) -> SplitResult | None:
    """The parts of an http(s) URL with a host; None where it is anything else."""
    try:
        parts = urlsplit(value)
        is_sound = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        return None
    return parts if is_sound and parts.scheme in ("http", "https") and _is_plain(value) else None


def _is_plain(value: str) -> bool:
    return value.isprintable() and " " not in value and "\\" not in value
