"""Owns an origin of many hosts that watches how politely it is called, in a process of its own.

``python -m tests.chaos.polite_origin COUNT REPORT`` listens on COUNT addresses of this machine,
each a host of its own, prints its port, and serves until its standard input ends; then it writes
what it saw to REPORT as JSON. A request lasts from its head to the last byte of its answer, a
connection from its opening to its end, each as this process learns of it.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.origins import picture

PICTURES = 5
# Long enough that requests overlap where nobody keeps them apart.
_ANSWER_SECONDS = 0.02


def address(number: int) -> str:
    """The address of a host: any of 127.0.0.0/8 is this machine."""
    return f"127.9.{number // 250}.{number % 250 + 1}"


@dataclass
class Host:
    """What one host saw."""

    requests: int = 0
    in_flight: int = 0
    connections: int = 0
    most_in_flight: int = 0
    most_connections: int = 0
    least_gap_seconds: float | None = None
    began_at: float | None = None

    def begin(self) -> None:
        now = time.monotonic()
        if self.began_at is not None:
            gap = now - self.began_at
            self.least_gap_seconds = min(gap, self.least_gap_seconds or gap)
        self.began_at = now
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def open(self) -> None:
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)


class PoliteOrigin:
    """Answers every path with one of a few pictures; ``/hop/N/…`` redirects to host N."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.port = 0
        self._bodies = [picture(seed) for seed in range(PICTURES)]

    async def listen(self, count: int) -> None:
        for number in range(count):
            where = address(number)
            self.hosts[where] = Host()
            server = await asyncio.start_server(self._connected, where, self.port)
            self.port = server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = self.hosts[writer.get_extra_info("sockname")[0]]
        host.open()
        try:
            while line := await reader.readline():
                host.begin()
                while (await reader.readline()).strip():
                    pass  # headers
                try:
                    await asyncio.sleep(_ANSWER_SECONDS)
                    writer.write(self._answer(line.decode().split()[1]))
                    await writer.drain()
                finally:
                    host.in_flight -= 1
        except OSError:
            pass  # the worker was killed
        finally:
            host.connections -= 1
            with suppress(OSError):
                writer.close()
                await writer.wait_closed()

    def _answer(self, path: str) -> bytes:
        _, kind, number, *_ = path.split("/")
        if kind == "hop":
            to = f"http://{address(int(number))}:{self.port}/p/{number}"
            return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
        body = self._bodies[int(number) % PICTURES]
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def report(self) -> str:
        return json.dumps({where: asdict(host) for where, host in self.hosts.items()})


@dataclass
class Running:
    """The origin's process as a test sees it."""

    port: int
    report: Path
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)


@contextmanager
def polite_origin(count: int, folder: Path) -> Iterator[Running]:
    """``count`` hosts; ``hosts`` of what it yields is filled when the block is left."""
    report = folder / "origin.json"
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.polite_origin", str(count), str(report)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdin
    assert program.stdout
    running = Running(int(program.stdout.readline()), report)
    try:
        yield running
        program.stdin.close()
        assert program.wait(timeout=30) == 0
        running.hosts = json.loads(report.read_text())
    finally:
        if program.poll() is None:
            program.kill()
            program.wait()
        program.stdout.close()


async def _serve(count: int) -> str:
    origin = PoliteOrigin()
    await origin.listen(count)
    print(origin.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    return origin.report()


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(asyncio.run(_serve(int(sys.argv[1]))))
