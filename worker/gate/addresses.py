"""Owns the table of addresses that no source may live at, and the verdict on one address.

The standard library's ``is_global`` is no guard: it passes several forms that carry an IPv4 address
inside, and its answers change between patch levels. IPv6 is judged by what is allowed (the global
unicast range less the blocks in this table), so that a form nobody thought of is refused.
"""

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class _Block(NamedTuple):
    first: int
    last: int
    name: str
    network: str


def _blocks(table: str) -> tuple[_Block, ...]:
    blocks = []
    for line in table.strip().splitlines():
        text, name = line.split(maxsplit=1)
        network = ipaddress.ip_network(text)
        first, last = int(network.network_address), int(network.broadcast_address)
        blocks.append(_Block(first, last, name, text))
    return tuple(blocks)


_IPV4 = _blocks("""
    255.255.255.255/32   the broadcast address
    0.0.0.0/8            "this network"
    10.0.0.0/8           private
    100.64.0.0/10        shared address space of carriers
    127.0.0.0/8          loopback
    168.63.129.16/32     a cloud's own platform service
    169.254.0.0/16       link-local, where clouds keep their metadata service
    172.16.0.0/12        private
    192.0.0.0/24         reserved for protocol assignments
    192.0.2.0/24         reserved for documentation
    192.88.99.0/24       a retired relay of 6to4
    192.168.0.0/16       private
    198.18.0.0/15        reserved for benchmarks
    198.51.100.0/24      reserved for documentation
    203.0.113.0/24       reserved for documentation
    224.0.0.0/4          multicast
    240.0.0.0/4          reserved
""")
# The narrower block comes first.
_IPV6 = _blocks("""
    ::/128               the unspecified address
    ::1/128              loopback
    ::/96                a retired IPv4-compatible form
    ::ffff:0:0:0/96      an IPv4-translated form
    64:ff9b:1::/48       a local NAT64 prefix
    100::/64             the discard prefix
    2001::/32            a Teredo tunnel
    2001:2::/48          reserved for benchmarks
    2001:10::/28         an ORCHID, which is no place
    2001:20::/28         an ORCHID, which is no place
    2001:30::/28         an identifier of a drone, which is no place
    2001::/23            reserved for protocol assignments
    2001:db8::/32        reserved for documentation
    2002::/16            a 6to4 tunnel
    3ffe::/16            a retired test network
    3fff::/20            reserved for documentation
    5f00::/16            a segment routing identifier
    fc00::/7             unique local, the private range of IPv6
    fe80::/10            link-local
    fec0::/10            site-local, a retired private range
    ff00::/8             multicast
""")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFF_FFFF


def parse_address(text: str) -> Address:
    """The address that a literal means; a mapped IPv4 address is that IPv4 address.

    Raises ValueError for anything else, short and octal spellings of IPv4 included.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def refusal(address: Address, admitted: Iterable[Network] = ()) -> str | None:
    """Why an address may not be reached, as the end of a sentence; None when it may.

    ``admitted`` are networks that a setting opens, whatever the table says of them.
    """
    words = _class_of(address)
    if words is None or any(address in network for network in admitted):
        return None
    return words


def _class_of(address: Address) -> str | None:
    if isinstance(address, ipaddress.IPv4Address):
        return _find(_IPV4, address)
    if address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & _LOW_32_BITS)
        return _carrying("NAT64", inner)
    if found := _find(_IPV6, address):
        inner_text = _embedded_ipv4(address)
        return f"{found}, carrying {inner_text}" if inner_text else found
    if address not in _GLOBAL_UNICAST:
        return f"outside the public range of IPv6 ({_GLOBAL_UNICAST})"
    if (int(address) >> 32) & 0xFDFF_FFFF == 0x5EFE:
        return _carrying("ISATAP", ipaddress.IPv4Address(int(address) & _LOW_32_BITS))
    return None


def _find(blocks: tuple[_Block, ...], address: Address) -> str | None:
    number = int(address)
    for block in blocks:
        if block.first <= number <= block.last:
            return f"{block.name} ({block.network})"
    return None


def _carrying(form: str, inner: ipaddress.IPv4Address) -> str | None:
    found = _find(_IPV4, inner)
    return f"{form} of {inner}, which is {found}" if found else None


def _embedded_ipv4(address: ipaddress.IPv6Address) -> str | None:
    if address.sixtofour:
        return str(address.sixtofour)
    if address.teredo:
        return str(address.teredo[1])
    if int(address) >> 32 == 0 and int(address) > 1:
        return str(ipaddress.IPv4Address(int(address)))
    return None
