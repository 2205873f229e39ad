"""Owns how often one client may ask for what costs something.

Counted in this process alone. A client is its IPv4 address or the /64 network of its IPv6 one, of
which a household has 2 to the 64 addresses.
"""

import ipaddress

from litestar.middleware.rate_limit import CacheObject, RateLimitConfig, RateLimitMiddleware

from api.parameters import AnyRequest

LAZY_PER_MINUTE = 10
STORE = "rate_limit"


class _Limiter(RateLimitMiddleware):
    """Adds Retry-After where nothing remains."""

    def create_response_headers(self, cache_object: CacheObject) -> dict[str, str]:
        headers = super().create_response_headers(cache_object)
        if headers[self.config.rate_limit_remaining_header_key] == "0":
            reset = max(1, int(headers[self.config.rate_limit_reset_header_key]))
            headers["Retry-After"] = str(reset)
        return headers


def client_of(request: AnyRequest) -> str:
    """Who asks, as far as a limit is concerned."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def lazy_limit() -> RateLimitConfig:
    """10 a minute and client."""
    return RateLimitConfig(
        rate_limit=("minute", LAZY_PER_MINUTE),
        identifier_for_request=client_of,
        middleware_class=_Limiter,
        store=STORE,
    )
