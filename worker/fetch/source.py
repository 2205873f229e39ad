"""Owns what goes into a fetch and what comes out of it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from worker.gate import Rules, is_listed


class Permit(Protocol):
    """Says when a request may be sent: see worker.slots."""

    async def wait(self, url: str) -> None:
        """Return when a request for ``url`` may be written, and not after."""
        ...

    def use(self) -> None:
        """The request is being written."""
        ...

    def heard(self) -> None:
        """The request was answered, or its connection broke."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A picture at its supplier, and the supplier's own rules.

    ``etag`` and ``last_modified`` are those of the bytes that we have; with either, the answer may
    be "not modified". ``head_first`` asks before it fetches: it saves a transfer where the server
    knows no conditional requests or the file may be too large. The credentials are for FTP, or
    Basic ones for HTTP; they go to the host of ``url``, if ``credential_hosts`` lists it or
    is empty, and to no other. Each request waits for its ``permit``.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    allowed_ports: tuple[int, ...] = ()
    allowed_schemes: tuple[str, ...] = ()
    etag: str | None = None
    last_modified: str | None = None
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    credential_hosts: tuple[str, ...] = ()
    head_first: bool = False
    permit: Permit | None = field(default=None, repr=False, compare=False)

    @property
    def rules(self) -> Rules:
        return Rules(self.allowed_hosts, self.allowed_ports, self.allowed_schemes)

    def told_to(self, host: str) -> "Source":
        """The same source, without credentials where this host must not learn them."""
        if self.username is None or is_listed(host, self.credential_hosts):
            return self
        return replace(self, username=None, password=None)

    @property
    def is_conditional(self) -> bool:
        return self.etag is not None or self.last_modified is not None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole picture file, or the news that it has not changed (``data`` is empty then).

    ``format`` is by content; ``content_type`` is only what the header said. ``http_status`` is
    None for FTP. The validators are to be kept and passed to the next fetch. Of a body that was
    ``is_close_delimited`` nobody said where it ends, so it may be a part of the file.
    """

    data: bytes = field(repr=False)
    sha256: str
    format: str | None
    content_type: str | None
    etag: str | None
    last_modified: str | None
    not_modified: bool
    final_url: str
    http_status: int | None
    milliseconds: float
    is_close_delimited: bool = False


@dataclass(frozen=True, slots=True)
class Streamed:
    """A picture on its way: its kind is known and allowed, its bytes follow in ``chunks``.

    ``content_type`` is by content and safe to pass on; ``length`` is what the source promised.
    """

    format: str | None
    content_type: str | None
    length: int | None
    etag: str | None
    last_modified: str | None
    not_modified: bool
    chunks: AsyncIterator[bytes]


class Answer(Protocol):
    """What a source answered, over whichever protocol, with its body still to come."""

    final_url: str
    http_status: int | None
    content_type: str | None
    etag: str | None
    last_modified: str | None
    length: int | None
    is_close_delimited: bool
    not_modified: bool

    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives, without Content-Encoding. Raises FetchFault."""
        ...

    async def aclose(self) -> None:
        """Give the connection back or, where the body was not read to its end, close it."""
        ...
