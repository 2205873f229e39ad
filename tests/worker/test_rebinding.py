"""Names that change their mind: a real DNS server answers otherwise the second time.

127.0.0.2, which a setting opens, plays the public address. 127.0.0.1 and ::1 stay blocked, and a
server listens there on the same port, so that a connection to them would succeed and be counted.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import origin as behave
from tests.ftp_origin import ftp_server
from tests.name_server import NameServer
from tests.origin import Origin, head
from worker.errors import FetchFault
from worker.fetch import Fetched, Fetcher, Source
from worker.settings import Settings

PICTURE = b"\xff\xd8\xff\xe0" + bytes(2000)
PUBLIC, PRIVATE, PRIVATE_V6 = "127.0.0.2", "127.0.0.1", "::1"
NAME = "shop.example"
_FAREWELL = b"over"


class Trap:
    """Servers at the blocked addresses; counts whoever connects."""

    def __init__(self, port: int) -> None:
        self.connections = 0
        self._listeners = [
            socket.create_server((PRIVATE, port)),
            socket.create_server((PRIVATE_V6, port), family=socket.AF_INET6),
        ]
        self._threads = [
            threading.Thread(target=self._accept, args=[one], daemon=True)
            for one in self._listeners
        ]
        for thread in self._threads:
            thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                self.connections += 1
                if connection.recv(len(_FAREWELL)) == _FAREWELL:
                    self.connections -= 1
                    return

    def close(self) -> None:
        """Count those who wait to be accepted as well: our own farewell is the last in line."""
        for listener in self._listeners:
            with socket.create_connection(listener.getsockname()[:2]) as last:
                last.sendall(_FAREWELL)
        for thread, listener in zip(self._threads, self._listeners, strict=True):
            thread.join(timeout=10)
            listener.close()


@pytest.fixture
def origin() -> Iterator[Origin]:
    """The server that the name leads to at first; each of its connections ends after an answer."""
    whole = head(content_type="image/jpeg", content_length=len(PICTURE), connection="close")
    with Origin({"/a.jpg": behave.raw(whole + PICTURE)}, host=PUBLIC) as server:
        yield server


@pytest.fixture
def trap(origin: Origin) -> Iterator[Trap]:
    trap = Trap(origin.port)
    yield trap
    trap.close()
    assert trap.connections == 0


def fetch_all(names: NameServer, port: int, *sources: Source) -> list[Fetched | FetchFault]:
    """What becomes of the sources, one after the other, with one fetcher."""

    async def fetch() -> list[Fetched | FetchFault]:
        fetcher = Fetcher(
            Settings(allowed_private_networks=f"{PUBLIC}/32", allowed_ports=(port,)),
            resolve=names.resolve,
        )
        outcomes: list[Fetched | FetchFault] = []
        for source in sources:
            try:
                outcomes.append(await fetcher.fetch(source))
            except FetchFault as fault:
                outcomes.append(fault)
        await fetcher.aclose()
        return outcomes

    return asyncio.run(fetch())


def reason(outcome: Fetched | FetchFault) -> str:
    return outcome.reason if isinstance(outcome, FetchFault) else "fetched"


def test_the_trap_counts_a_connection(origin: Origin) -> None:
    trap = Trap(origin.port)
    for address in (PRIVATE, PRIVATE_V6):
        socket.create_connection((address, origin.port)).close()
    trap.close()
    assert trap.connections == 2


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(
    origin: Origin, trap: Trap
) -> None:
    with NameServer({NAME: [[PUBLIC], [PRIVATE]]}) as names:
        [outcome] = fetch_all(names, origin.port, Source(origin.url("/a.jpg", NAME)))
        assert reason(outcome) == "fetched"
        assert names.look_ups(NAME) == 1
    assert origin.requests[0].headers["host"] == f"{NAME}:{origin.port}"


@pytest.mark.parametrize("then", [[PRIVATE], [PRIVATE_V6], ["10.0.0.1"], ["::ffff:127.0.0.1"]])
def test_a_name_that_turns_private_is_refused_at_the_next_connection(
    origin: Origin, trap: Trap, then: list[str]
) -> None:
    source = Source(origin.url("/a.jpg", NAME))
    with NameServer({NAME: [[PUBLIC], then]}) as names:
        outcomes = fetch_all(names, origin.port, source, source, source)
        assert list(map(reason, outcomes)) == ["fetched", "blocked-by-policy", "blocked-by-policy"]
        assert names.look_ups(NAME) == 3
    assert origin.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        [PUBLIC, PRIVATE],
        [PRIVATE, PUBLIC],
        [PUBLIC, PRIVATE_V6],
        [PRIVATE_V6, PUBLIC],
        [PUBLIC, "64:ff9b::127.0.0.1"],
        [PRIVATE],
    ],
)
def test_one_private_answer_refuses_the_name(origin: Origin, trap: Trap, answer: list[str]) -> None:
    with NameServer({NAME: [answer]}) as names:
        [outcome] = fetch_all(names, origin.port, Source(origin.url("/a.jpg", NAME)))
    assert reason(outcome) == "blocked-by-policy"
    assert origin.connections == 0


def test_an_alias_is_judged_by_where_it_leads(origin: Origin, trap: Trap) -> None:
    answers = {"good.example": [[PUBLIC]], "bad.example": [[PRIVATE]]}
    aliases = {NAME: "good.example", "cdn.example": "bad.example"}
    with NameServer(answers, aliases) as names:
        urls = [origin.url("/a.jpg", name) for name in (NAME, "cdn.example")]
        outcomes = fetch_all(names, origin.port, *map(Source, urls))
    assert list(map(reason, outcomes)) == ["fetched", "blocked-by-policy"]


@pytest.mark.parametrize("to", ["/a.jpg", "http://shop.example:{port}/a.jpg"])
def test_a_name_that_turns_private_between_redirects_is_refused(
    origin: Origin, trap: Trap, to: str
) -> None:
    moved = head(302, location=to.format(port=origin.port), content_length=0, connection="close")
    origin.routes["/from"] = behave.raw(moved)
    with NameServer({NAME: [[PUBLIC], [PRIVATE]]}) as names:
        [outcome] = fetch_all(names, origin.port, Source(origin.url("/from", NAME)))
    assert reason(outcome) == "blocked-by-policy"
    assert [request.path for request in origin.requests] == ["/from"]


def test_a_name_that_turns_private_between_the_question_and_the_fetch_is_refused(
    origin: Origin, trap: Trap
) -> None:
    origin.routes["/a.jpg"] = behave.raw(
        head(content_type="image/jpeg", content_length=2004, connection="close")
    )
    source = Source(origin.url("/a.jpg", NAME), head_first=True)
    with NameServer({NAME: [[PUBLIC], [PRIVATE]]}) as names:
        [outcome] = fetch_all(names, origin.port, source)
    assert reason(outcome) == "blocked-by-policy"
    assert [request.method for request in origin.requests] == ["HEAD"]


def test_a_connection_that_dies_while_it_waits_is_not_replaced_by_a_private_one(
    origin: Origin, trap: Trap
) -> None:
    # The answer does not say that the connection ends, and the next request finds it closed.
    whole = head(content_type="image/jpeg", content_length=len(PICTURE)) + PICTURE
    origin.routes["/a.jpg"] = behave.in_turn(behave.raw(whole, hang_up=False), behave.raw())
    source = Source(origin.url("/a.jpg", NAME))
    with NameServer({NAME: [[PUBLIC], [PRIVATE]]}) as names:
        outcomes = fetch_all(names, origin.port, source, source)
        assert names.look_ups(NAME) == 2
    assert list(map(reason, outcomes)) == ["fetched", "blocked-by-policy"]
    assert len(origin.requests) == 2


def test_a_name_that_nobody_knows_is_told_from_one_that_is_blocked(
    origin: Origin, trap: Trap
) -> None:
    with NameServer({"empty.example": [[]]}) as names:
        urls = [origin.url("/a.jpg", name) for name in (NAME, "empty.example")]
        outcomes = fetch_all(names, origin.port, *map(Source, urls))
    assert list(map(reason, outcomes)) == ["unresolvable", "unresolvable"]


@pytest.mark.ftp
@pytest.mark.parametrize(
    ("answers", "reasons"),
    [
        ([[PUBLIC], [PRIVATE]], ["fetched", "blocked-by-policy"]),
        ([[PUBLIC], [PUBLIC, PRIVATE_V6]], ["fetched", "blocked-by-policy"]),
        ([[PRIVATE, PUBLIC], [PUBLIC]], ["blocked-by-policy", "fetched"]),
    ],
)
def test_an_ftp_host_that_turns_private_is_refused_at_the_next_session(
    tmp_path: Path, answers: Sequence[Sequence[str]], reasons: list[str]
) -> None:
    (tmp_path / "a.jpg").write_bytes(PICTURE)
    users = {"ann": "x", "bob": "x"}
    with ExitStack() as stack:
        names = stack.enter_context(NameServer({NAME: answers}))
        server = stack.enter_context(ftp_server(tmp_path, users, host=PUBLIC))
        trap = Trap(server.port)
        stack.callback(trap.close)
        # Another user is another session, so another connection.
        url = server.url("a.jpg", host=NAME)
        sources = [Source(url, username=user, password="x") for user in users]
        outcomes = fetch_all(names, server.port, *sources)
    assert list(map(reason, outcomes)) == reasons
    # The data connections went where the control connection went, and asked no name.
    assert names.look_ups(NAME) == 2
    assert trap.connections == 0
