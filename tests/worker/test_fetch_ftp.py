"""Owns the tests of fetching over FTP and FTPS, from a real server and from one that lies."""

import asyncio
import hashlib
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Certificate, make_certificate
from tests.ftp_origin import FtpServer, LyingFtp, ftp_server
from tests.real_parts import free_port
from worker.errors import FetchFault
from worker.fetch import Fetched, Fetcher, Source
from worker.settings import Settings

pytestmark = pytest.mark.ftp

PICTURE = b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 4000
CHANGED_AT = 1_700_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the servers serve: a picture in a folder, a page, and an empty file."""
    served = tmp_path / "served"
    (served / "shop").mkdir(parents=True)
    picture = served / "shop" / "a b.jpg"
    picture.write_bytes(PICTURE)
    os.utime(picture, (CHANGED_AT, CHANGED_AT))
    (served / "page.jpg").write_bytes(b"<html>no</html>")
    (served / "empty.jpg").touch()
    return served


@pytest.fixture
def server(folder: Path) -> Iterator[FtpServer]:
    with ftp_server(folder) as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "shop.example")


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    """A listener at an address that no setting opens; nobody may connect to it."""
    with socket.create_server(("127.0.0.2", 0)) as listener:
        listener.setblocking(False)
        yield listener
        with pytest.raises(BlockingIOError):
            listener.accept()


def settings(port: int, **overrides: Any) -> Settings:
    values: dict[str, Any] = {
        "allowed_private_networks": "127.0.0.1/32",
        "allowed_ports": (21, port),
        "fetch_deadline_seconds": 5.0,
        "fetch_max_bytes": 5_000_000,
        **overrides,
    }
    return Settings(**values)


def fetch_all(used: Settings, *sources: Source, **options: Any) -> list[Fetched | FetchFault]:
    """What becomes of the sources, one after the other, with one fetcher."""

    async def fetch() -> list[Fetched | FetchFault]:
        fetcher = Fetcher(used, **options)
        outcomes: list[Fetched | FetchFault] = []
        for source in sources:
            try:
                outcomes.append(await fetcher.fetch(source))
            except FetchFault as fault:
                outcomes.append(fault)
        await fetcher.aclose()
        return outcomes

    return asyncio.run(fetch())


def fetched(used: Settings, source: Source, **options: Any) -> Fetched:
    (outcome,) = fetch_all(used, source, **options)
    assert isinstance(outcome, Fetched), outcome
    return outcome


def fault(used: Settings, source: Source, **options: Any) -> FetchFault:
    (outcome,) = fetch_all(used, source, **options)
    assert isinstance(outcome, FetchFault), outcome
    return outcome


async def to_this_machine(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def test_a_picture_comes_whole_with_validators(server: FtpServer) -> None:
    got = fetched(settings(server.port), Source(server.url("shop/a%20b.jpg")))
    assert got.data == PICTURE
    assert got.sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert (got.format, got.http_status) == ("jpeg", None)
    assert got.last_modified == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert got.etag == f'"20231114221320-{len(PICTURE)}"'
    assert got.final_url == server.url("shop/a%20b.jpg")


def test_what_has_not_changed_is_not_sent_again(server: FtpServer, folder: Path) -> None:
    source = Source(server.url("shop/a%20b.jpg"))
    first = fetched(settings(server.port), source)
    by_etag = replace(source, etag=first.etag, last_modified=first.last_modified)
    by_time = replace(source, last_modified=first.last_modified)
    outcomes = fetch_all(settings(server.port), by_etag, by_time)
    assert [getattr(one, "not_modified", one) for one in outcomes] == [True, True]
    assert sum(command.startswith("RETR") for command in server.commands) == 1
    (folder / "shop" / "a b.jpg").write_bytes(PICTURE + b"more")
    assert fetched(settings(server.port), by_etag).data == PICTURE + b"more"


def test_a_session_is_used_again(server: FtpServer) -> None:
    sources = [Source(server.url(path)) for path in ("shop/a%20b.jpg", "none.jpg", "empty.jpg")]
    fetch_all(settings(server.port), *sources, sources[0])
    assert server.logins == 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("none.jpg", "not-found"),
        ("page.jpg", "not-an-image"),
        ("empty.jpg", "empty-body"),
        ("shop/../../etc/passwd", "blocked-by-policy"),
        ("shop/%2e%2e/a.jpg", "blocked-by-policy"),
        ("a%0d%0aDELE%20b", "bad-url"),
    ],
)
def test_a_file_that_is_no_picture_has_its_reason(
    server: FtpServer, path: str, reason: str
) -> None:
    found = fault(settings(server.port), Source(server.url(path)))
    assert (found.reason, found.retryable, found.host_fault) == (reason, False, False)


def test_the_byte_cap_holds(server: FtpServer) -> None:
    found = fault(settings(server.port, fetch_max_bytes=1000), Source(server.url("shop/a%20b.jpg")))
    assert found.reason == "too-large"
    assert not [command for command in server.commands if command.startswith("RETR")]


def test_credentials_are_those_of_the_source_and_are_never_shown(folder: Path) -> None:
    with ftp_server(folder, users={"ann": "topsecret"}) as server:
        source = Source(server.url("shop/a%20b.jpg"), username="ann", password="topsecret")
        wrong = replace(source, password="nearlysecret")
        good, bad, anonymous = fetch_all(
            settings(server.port), source, wrong, Source(server.url("shop/a%20b.jpg"))
        )
    assert isinstance(good, Fetched)
    assert (getattr(bad, "reason", bad), getattr(anonymous, "reason", None)) == ("forbidden",) * 2
    assert "secret" not in f"{bad} {source!r} {good!r}"


def test_a_password_that_the_server_repeats_is_not_shown() -> None:
    with LyingFtp(b"", {"PASS": "530 wrong: topsecret is not the password of ann"}) as server:
        source = Source(server.url("a.jpg"), username="ann", password="topsecret")
        found = fault(settings(server.port), source)
    assert found.reason == "forbidden"
    assert "topsecret" not in f"{found} {found.__cause__}"


def test_ftps_encrypts_both_connections_and_verifies_the_name(
    folder: Path, certificate: Certificate
) -> None:
    with ftp_server(folder, certificate=certificate.file) as server:
        options = {"tls": certificate.for_client(), "resolve": to_this_machine}
        good = Source(server.url("shop/a%20b.jpg", "ftps", "shop.example"))
        bad = Source(server.url("shop/a%20b.jpg", "ftps", "other.example"))
        outcomes = fetch_all(settings(server.port), good, bad, good, **options)
        assert "PROT P" in server.commands
        assert server.logins == 1
    assert isinstance(outcomes[0], Fetched)
    assert isinstance(outcomes[2], Fetched)
    assert outcomes[0].data == PICTURE
    assert isinstance(outcomes[1], FetchFault)
    assert (outcomes[1].reason, str(outcomes[1])[:18]) == (
        "connection-failed",
        "TLS: other.example",
    )


def test_a_server_without_tls_gets_no_password_over_ftps(server: FtpServer) -> None:
    source = Source(server.url("a.jpg", "ftps"), username="ann", password="topsecret")
    found = fault(settings(server.port), source)
    assert found.reason == "ftp-error"
    assert not [command for command in server.commands if command.startswith(("USER", "PASS"))]


# The gate.


@pytest.mark.parametrize(
    "replies",
    [
        {"PASV": "227 Entering Passive Mode (127,0,0,2,{high},{low})"},
        {"PASV": "227 Entering Passive Mode (169,254,169,254,{high},{low})"},
        {"PASV": "227 Entering Passive Mode (10,0,0,1,0,22)"},
        {"PASV": "227 Entering Passive Mode (127,0,0,1,0,22)"},
        {"PASV": "502 what?", "EPSV": "229 Extended (|1|127.0.0.2|{port}|)"},
        {"PASV": "502 what?", "EPSV": "229 Extended (|2|::1|{port}|)"},
        {"PASV": "502 what?", "EPSV": "229 Extended (|||22|)"},
    ],
)
def test_a_data_connection_goes_to_the_server_itself_or_nowhere(
    elsewhere: socket.socket, replies: dict[str, str]
) -> None:
    port = elsewhere.getsockname()[1]
    chosen = {
        verb: reply.format(port=port, high=port // 256, low=port % 256)
        for verb, reply in replies.items()
    }
    with LyingFtp(PICTURE, chosen) as server:
        found = fault(settings(server.port), Source(server.url("a.jpg")))
        assert (found.reason, found.retryable) == ("blocked-by-policy", False)
        assert "the FTP server 127.0.0.1 sends its data from" in str(found)
        assert server.data_connections == 0
        assert not [command for command in server.commands if command.startswith("RETR")]


@pytest.mark.parametrize("answers", [["127.0.0.2"], ["127.0.0.1", "127.0.0.2"]])
def test_a_control_connection_goes_to_a_checked_address_or_nowhere(
    server: FtpServer, elsewhere: socket.socket, answers: list[str]
) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return answers

    source = Source(server.url("a.jpg", host="shop.example"))
    found = fault(settings(server.port), source, resolve=resolve)
    assert found.reason == "blocked-by-policy"
    assert server.commands == []


def test_a_control_host_that_changes_its_answer_is_looked_up_once_per_session(
    server: FtpServer,
) -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    source = Source(server.url("shop/a%20b.jpg", host="shop.example"))
    other = replace(source, username="ann", password="x")
    good, bad = fetch_all(settings(server.port), source, other, resolve=rebinding)
    assert isinstance(good, Fetched)
    assert getattr(bad, "reason", None) == "blocked-by-policy"
    assert len(asked) == 2


# Servers that misbehave.


def test_a_server_that_knows_only_the_least_is_understood() -> None:
    with LyingFtp(PICTURE) as server:
        got = fetched(settings(server.port), Source(server.url("a.jpg")))
    assert (got.data, got.etag, got.last_modified) == (PICTURE, None, None)


def test_a_server_that_knows_only_epsv_is_understood() -> None:
    with LyingFtp(PICTURE, {"PASV": "502 what?", "EPSV": "229 Extended (|||{port}|)"}) as server:
        assert fetched(settings(server.port), Source(server.url("a.jpg"))).data == PICTURE


def test_a_server_behind_nat_that_names_the_address_of_its_lan_is_understood() -> None:
    replies = {
        "PASV": "227 Entering Passive Mode (10,1,2,3,200,1)",
        "EPSV": "229 Extended (|||{port}|)",
    }
    with LyingFtp(PICTURE, replies) as server:
        assert fetched(settings(server.port), Source(server.url("a.jpg"))).data == PICTURE


@pytest.mark.parametrize(
    ("replies", "reason", "retryable"),
    [
        ({"WELCOME": "421 too many users"}, "ftp-error", True),
        ({"WELCOME": "220-" + "x" * 9000}, "ftp-error", True),
        ({"WELCOME": "220-hello\r\n" + "and welcome\r\n" * 9000}, "ftp-error", True),
        ({"PASS": "530 no"}, "forbidden", False),
        ({"RETR": "550 a.jpg: Permission denied"}, "forbidden", False),
        ({"RETR": "550 no such file"}, "not-found", False),
        ({"RETR": "450 busy"}, "ftp-error", True),
        ({"RETR": "553 bad name"}, "ftp-error", False),
        ({"RETR": "500 \x1b[2Jwhat?"}, "ftp-error", False),
        ({"PASV": "227 nonsense"}, "ftp-error", True),
        ({"PASV": "227 Passive (999,0,0,1,200,1)"}, "ftp-error", True),
        ({"PASV": "502 what?", "EPSV": "502 what?"}, "ftp-error", False),
        ({"SIZE": "213 99999999"}, "too-large", False),
        ({"SIZE": f"213 {len(PICTURE) + 1}"}, "truncated-body", True),
        ({"DONE": "426 connection broke"}, "truncated-body", True),
        ({"DONE": "551 disk error"}, "truncated-body", True),
    ],
)
def test_a_bad_reply_has_its_reason(replies: dict[str, str], reason: str, retryable: bool) -> None:
    with LyingFtp(PICTURE, replies) as server:
        found = fault(settings(server.port), Source(server.url("a.jpg")))
    assert (found.reason, found.retryable, found.host_fault) == (reason, retryable, retryable)
    assert str(found).isprintable()


def test_a_transfer_that_never_ends_is_cut_by_the_deadline() -> None:
    with LyingFtp(PICTURE, holds=True) as server:
        began = time.monotonic()
        found = fault(
            settings(server.port, fetch_deadline_seconds=0.3), Source(server.url("a.jpg"))
        )
        assert (found.reason, found.host_fault) == ("deadline", True)
        assert time.monotonic() - began < 3


def test_a_silent_server_is_left_before_the_deadline() -> None:
    with LyingFtp(PICTURE, holds=True) as server:
        found = fault(settings(server.port), Source(server.url("a.jpg")), silence_seconds=0.1)
    assert (found.reason, found.host_fault) == ("timeout", True)


def test_a_refused_connection_is_told() -> None:
    port = free_port()
    found = fault(settings(port), Source(f"ftp://127.0.0.1:{port}/a.jpg"))
    assert (found.reason, found.host_fault) == ("connection-refused", True)


def test_a_session_that_the_server_closed_is_opened_anew(server: FtpServer) -> None:
    source = Source(server.url("shop/a%20b.jpg"))

    async def fetch_after_hang_up() -> list[bytes]:
        fetcher = Fetcher(settings(server.port))
        first = await fetcher.fetch(source)
        ((_, session),) = fetcher._ftp._idle
        session._client.control.shutdown(socket.SHUT_RDWR)
        second = await fetcher.fetch(source)
        await fetcher.aclose()
        return [first.data, second.data]

    assert asyncio.run(fetch_after_hang_up()) == [PICTURE, PICTURE]
    assert server.logins == 2


def test_a_stream_over_ftp_has_the_same_guards(server: FtpServer) -> None:
    async def stream(path: str) -> tuple[str | None, bytes]:
        fetcher = Fetcher(settings(server.port))
        try:
            async with fetcher.stream(Source(server.url(path))) as streamed:
                data = b"".join([chunk async for chunk in streamed.chunks])
                return streamed.content_type, data
        finally:
            await fetcher.aclose()

    assert asyncio.run(stream("shop/a%20b.jpg")) == ("image/jpeg", PICTURE)
    with pytest.raises(FetchFault, match="a web page"):
        asyncio.run(stream("page.jpg"))
