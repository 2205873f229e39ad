"""Owns the decision whether a source may be called: its URL, and every address behind its name.

The caller connects to the addresses that come out of here and to nothing else. A name that was
checked and is then looked up once more can answer differently the second time.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from worker.errors import FetchFault
from worker.gate.addresses import Address, Network, parse_address, refusal
from worker.gate.urls import SCHEMES, Target, bad_url, blocked, ftp_path, is_listed, parse_url
from worker.settings import Settings

__all__ = [
    "ANY",
    "Address",
    "Explanation",
    "Gate",
    "Network",
    "Resolver",
    "Rules",
    "Target",
    "bad_url",
    "blocked",
    "explain",
    "ftp_path",
    "is_listed",
    "parse_address",
    "refusal",
    "resolve_by_system",
]

FIRST_FREE_PORT = 1024
# Databases, caches, brokers and control planes: a request to one of them is an attack.
SERVICE_PORTS = frozenset(
    {1433, 1521, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 4369, 5432, 5433, 5671, 5672}
    | {5900, 5984, 6000, 6379, 6380, 6443, 7000, 7001, 8500, 9042, 9092, 9200, 9300, 10250, 10255}
    | {11211, 15672, 26379, 27017, 27018, 50000}
)

_LOOPBACK = ipaddress.IPv4Address("127.0.0.1")

# Looks a host up: its addresses as text, in the order to try. Raises OSError.
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Rules:
    """What one supplier's URLs may be; empty: any host, any scheme, the ports of the setting."""

    hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    schemes: tuple[str, ...] = ()


ANY = Rules()


class Explanation(TypedDict):
    """What the gate makes of a URL: ``reason`` is a code, ``message`` a sentence."""

    allowed: bool
    reason: str
    host: str | None
    addresses: list[str]
    message: str


async def resolve_by_system(host: str, port: int) -> list[str]:
    """Ask the operating system: its files, its name service."""
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in answers]


class Gate:
    """URL rules and address rules of one set of settings."""

    def __init__(self, settings: Settings, resolve: Resolver = resolve_by_system) -> None:
        self._admitted = _with_all_of_loopback(settings.allowed_private_networks)
        self._ports = settings.allowed_ports
        self._resolve = resolve

    def check_url(self, url: str, rules: Rules = ANY, schemes: tuple[str, ...] = SCHEMES) -> Target:
        """The URL in checked parts. Raises FetchFault: ``bad-url`` or ``blocked-by-policy``."""
        admitted = tuple(one for one in schemes if not rules.schemes or one in rules.schemes)
        target = parse_url(url, admitted)
        ports = rules.ports or self._ports
        if target.port not in ports and (rules.ports or not self._is_own_server(target)):
            listed = ", ".join(map(str, ports))
            raise blocked(f"port {target.port} of {target.host} is not among {listed}")
        if not is_listed(target.host, rules.hosts):
            listed = ", ".join(rules.hosts)
            raise blocked(f"the host {target.host} is not among the allowed hosts {listed}")
        return target

    def _is_own_server(self, target: Target) -> bool:
        """Whether the URL names, by address, a server of a network that a setting opened.

        Servers inside a company and of tests listen where they like; those that speak no HTTP or
        FTP stay closed all the same.
        """
        if target.port < FIRST_FREE_PORT or target.port in SERVICE_PORTS:
            return False
        try:
            address = parse_address("127.0.0.1" if target.host == "localhost" else target.host)
        except ValueError:
            return False
        return self.opens(address)

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses to connect to, looked up and checked. Raises FetchFault."""
        addresses = await self.look_up(host, port)
        self.check_addresses(host, addresses)
        return [str(address) for address in addresses]

    async def look_up(self, host: str, port: int) -> list[Address]:
        """The addresses behind a host, not yet checked. Raises FetchFault: ``unresolvable``."""
        try:
            return [parse_address(host)]
        except ValueError:
            pass  # a name
        try:
            answers = await self._resolve(host, port)
        except OSError as error:
            raise _unresolvable(host, error.strerror or str(error)) from error
        if not answers:
            raise _unresolvable(host, "it has no address")
        return list(dict.fromkeys(parse_address(answer) for answer in answers))

    def check_addresses(self, host: str, addresses: Iterable[Address]) -> None:
        """Raise FetchFault unless all are allowed; one that is not public refuses the host."""
        for address in addresses:
            if words := refusal(address, self._admitted):
                is_literal = host == str(address)
                subject = "the address" if is_literal else f"{host} leads to"
                raise blocked(f"{subject} {address}{'' if is_literal else ', which'} is {words}")

    def opens(self, address: Address) -> bool:
        """Whether an address is allowed by a setting alone."""
        return refusal(address) is not None and refusal(address, self._admitted) is None


def _with_all_of_loopback(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    # Who opens 127.0.0.1 means this machine, and `localhost` is ::1 as well.
    if any(_LOOPBACK in network for network in networks):
        return (*networks, ipaddress.IPv6Network("::1/128"))
    return networks


def _unresolvable(host: str, why: str) -> FetchFault:
    return FetchFault(
        "unresolvable",
        f"Could not resolve {host}: {why}.",
        retryable=True,
        host_fault=True,
    )


async def explain(url: str, gate: Gate, rules: Rules = ANY) -> Explanation:
    """What the gate makes of a URL, without connecting to anything but the name service."""
    host: str | None = None
    addresses: list[Address] = []
    try:
        host = parse_url(url).host
        target = gate.check_url(url, rules)
        addresses = await gate.look_up(target.host, target.port)
        gate.check_addresses(target.host, addresses)
    except FetchFault as fault:
        return _explanation(False, fault.reason, host, addresses, str(fault))
    opened = [str(address) for address in addresses if gate.opens(address)]
    found = ", ".join(map(str, addresses))
    message = f"Allowed: {host} " + (
        "is an address that may be called" if host == found else f"leads to {found}"
    )
    if opened:
        message += f"; LIKENESS_ALLOWED_PRIVATE_NETWORKS opens {', '.join(opened)}"
    reason = "allowed-by-setting" if opened else "allowed"
    return _explanation(True, reason, host, addresses, f"{message}.")


def _explanation(
    allowed: bool, reason: str, host: str | None, addresses: Iterable[Address], message: str
) -> Explanation:
    return Explanation(
        allowed=allowed,
        reason=reason,
        host=host,
        addresses=[str(address) for address in addresses],
        message=message,
    )
