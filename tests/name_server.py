"""Owns a real DNS server on loopback whose answers change as told, and the resolver that asks it.

Rebinding lives in the gap between two look-ups, so the names are looked up over UDP, each time
anew, as with a time to live of 0.
"""

import asyncio
import ipaddress
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self, cast

from dnslib import AAAA, CNAME, QTYPE, RCODE, RR, A, DNSRecord

_RECORDS = {"A": A, "AAAA": AAAA}
_SECONDS = 5.0


class NameServer:
    """Answers for names that have ``answers``: the first one at the first look-up, and so on.

    An answer is addresses, in order; the last one holds ever after. A name that is in ``aliases``
    is one for another name.
    """

    def __init__(
        self,
        answers: Mapping[str, Sequence[Sequence[str]]],
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.port = 0
        self.asked: Counter[tuple[str, str]] = Counter()
        self._answers = answers
        self._aliases = aliases or {}
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._started.result(timeout=10)[2]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        loop, stopped, _ = self._started.result()
        loop.call_soon_threadsafe(stopped.set)
        self._thread.join(timeout=10)

    async def _serve(self) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Answering(self), local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]
        self._started.set_result((loop, stopped, port))
        await stopped.wait()
        transport.close()

    def answer(self, packet: bytes) -> bytes:
        """The reply to one question."""
        question = DNSRecord.parse(packet)
        reply = question.reply()
        name, kind = str(question.q.qname).rstrip("."), QTYPE[question.q.qtype]
        turn = self.asked[name, kind]
        self.asked[name, kind] += 1
        if name in self._aliases:
            reply.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME(self._aliases[name]), ttl=0))
            name = self._aliases[name]
        if name not in self._answers:
            reply.header.rcode = RCODE.NXDOMAIN
            return cast(bytes, reply.pack())
        turns = self._answers[name]
        for address in turns[min(turn, len(turns) - 1)]:
            if kind in _RECORDS and (":" in address) == (kind == "AAAA"):
                raw = tuple(ipaddress.ip_address(address).packed)
                record = RR(name, getattr(QTYPE, kind), rdata=_RECORDS[kind](raw), ttl=0)
                reply.add_answer(record)
        return cast(bytes, reply.pack())

    def look_ups(self, name: str) -> int:
        """How many times a name was looked up."""
        return self.asked[name, "A"]

    async def resolve(self, host: str, port: int) -> list[str]:
        """Ask this server over UDP for both kinds of address. Raises OSError."""
        found = [await self._ask(host, kind) for kind in _RECORDS]
        return [address for addresses in found for address in addresses]

    async def _ask(self, host: str, kind: str) -> list[str]:
        loop = asyncio.get_running_loop()
        question = DNSRecord.question(host, kind)
        transport, asking = await loop.create_datagram_endpoint(
            _Asking, remote_addr=("127.0.0.1", self.port)
        )
        try:
            transport.sendto(question.pack())
            reply = DNSRecord.parse(await asyncio.wait_for(asking.reply, _SECONDS))
        finally:
            transport.close()
        if reply.header.id != question.header.id:
            raise OSError("the reply is to another question")
        if reply.header.rcode != RCODE.NOERROR:
            raise OSError(f"the name service says {RCODE[reply.header.rcode]}")
        return [str(record.rdata) for record in reply.rr if QTYPE[record.rtype] == kind]


class _Answering(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(self._server.answer(data), addr)


class _Asking(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.reply.done():
            self.reply.set_result(data)
