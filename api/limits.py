"""Owns how often one client may ask for what costs something.

A client is its IPv4 address or the /64 network of its IPv6 one, of which a household has 2 to the
64 addresses. Behind proxies that are named, it is who they say it is.
"""

import ipaddress

from litestar.handlers.base import BaseRouteHandler

from api.access import Connection
from api.counting import SPAN_SECONDS, Verdict
from api.problems import problem
from api.services import Services
from api.telemetry import add_header
from worker.settings import Network

LAZY_PER_MINUTE = 10
_TAKE = "select * from likeness.take_permit('lazy', %s, %s, make_interval(secs => %s))"
_LONGEST_CHAIN = 20
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


async def lazy_limit(connection: Connection, _: BaseRouteHandler) -> None:
    """A guard: 10 a minute and client, counted in the database over all API processes."""
    services: Services = connection.app.state.services
    client = client_of(connection)
    row = await services.row(_TAKE, client, LAZY_PER_MINUTE, SPAN_SECONDS)
    assert row
    _tell(connection, "lazy", LAZY_PER_MINUTE, Verdict(**row))


async def proxy_limit(connection: Connection, _: BaseRouteHandler) -> None:
    """A guard: so many pictures a minute and client, counted in this process."""
    services: Services = connection.app.state.services
    limit = services.proxy_limit
    _tell(connection, "proxy", limit.most, limit.take(client_of(connection)))


def _tell(connection: Connection, name: str, most: int, verdict: Verdict) -> None:
    """The fields of the IETF's RateLimit draft on every answer; 429 where nothing is left."""
    add_header(connection.scope, "ratelimit-policy", f'"{name}";q={most};w={SPAN_SECONDS}')
    add_header(
        connection.scope, "ratelimit", f'"{name}";r={verdict.remaining};t={verdict.wait_seconds}'
    )
    if not verdict.is_allowed:
        raise problem(
            "rate-limited",
            f"At most {most} a minute: come back in {verdict.wait_seconds} s.",
            headers={"retry-after": str(verdict.wait_seconds)},
        )


def client_of(connection: Connection) -> str:
    """Who asks, as far as a limit is concerned."""
    services: Services = connection.app.state.services
    peer = connection.client.host if connection.client else ""
    forwarded = connection.headers.getall("x-forwarded-for", [])
    return name_client(peer, ",".join(forwarded), services.settings.trusted_proxies)


def name_client(peer: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """The client behind trusted proxies: the last address that none of them has.

    What stands before it in X-Forwarded-For was written by the client itself.
    """
    address = _address(peer)
    if address is None:
        return peer
    for part in reversed(forwarded.split(",")[-_LONGEST_CHAIN:]):
        if not any(address in network for network in trusted):
            break
        named = _address(part.strip())
        if named is None:
            break
        address = named
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _address(text: str) -> Address | None:
    """An address with or without a port, a zone or the brackets of IPv6."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
