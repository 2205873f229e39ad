"""Owns the rule that no test leaves this machine: any other connection is an error.

An audit hook sees each connect of this process, whichever library makes it.
"""

import ipaddress
import sys
from typing import Any


def _refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto"}:
        return
    address = arguments[1]
    if not (isinstance(address, tuple) and isinstance(address[0], str)):
        return  # a Unix socket, or no network at all
    if not _is_this_machine(address[0]):
        raise RuntimeError(f"a test tried to reach {address[0]}, which is not this machine")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


sys.addaudithook(_refuse_the_network)
