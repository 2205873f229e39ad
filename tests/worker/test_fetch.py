"""Owns the tests of fetching over HTTP: real connections to real servers that behave badly.

Addresses of loopback stand for the world: 127.0.0.1 is opened by the setting, 127.0.0.2 is not.
"""

import asyncio
import hashlib
import ssl
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests import origin as behave
from tests.certificates import Certificate, make_certificate
from tests.origin import Origin
from tests.real_parts import free_port
from worker.errors import FetchFault
from worker.fetch import Fetched, Fetcher, Source
from worker.fetch.faults import parse_retry_after
from worker.settings import Settings

PICTURE = b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 600
PAGE = b"<!doctype html><title>Not found</title>" + b"<p>sorry</p>" * 200

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine in either event loop: uvloop is what production uses."""
    return asyncio.run if request.param == "asyncio" else uvloop.run


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin({"/a.jpg": behave.answer(PICTURE)}) as server:
        yield server


@pytest.fixture
def elsewhere() -> Iterator[Origin]:
    """A server at an address that no setting opens; it must never see a connection."""
    with Origin({"/a.jpg": behave.answer(PICTURE)}, host="127.0.0.2") as server:
        yield server
        assert server.connections == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "shop.example", "127.0.0.1")


def settings(*servers: Origin, ports: Sequence[int] = (), **overrides: Any) -> Settings:
    values: dict[str, Any] = {
        "allowed_private_networks": "127.0.0.1/32",
        "allowed_ports": (80, 443, *(server.port for server in servers), *ports),
        "fetch_deadline_seconds": 5.0,
        "fetch_max_bytes": 1_000_000,
        **overrides,
    }
    return Settings(**values)


def fetch_all(
    run: Run, used: Settings, *sources: Source, **options: Any
) -> list[Fetched | FetchFault]:
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

    outcomes: list[Fetched | FetchFault] = run(fetch())
    return outcomes


def fetched(run: Run, used: Settings, source: Source, **options: Any) -> Fetched:
    (outcome,) = fetch_all(run, used, source, **options)
    assert isinstance(outcome, Fetched), outcome
    return outcome


def fault(run: Run, used: Settings, source: Source, **options: Any) -> FetchFault:
    (outcome,) = fetch_all(run, used, source, **options)
    assert isinstance(outcome, FetchFault), outcome
    return outcome


def leading_to(*addresses: str) -> Any:
    """A name service in which every name has these addresses."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


def test_a_picture_comes_whole_with_its_hash_and_validators(run: Run, origin: Origin) -> None:
    validators = {"etag": '"v1"', "last-modified": "Tue, 15 Nov 1994 12:45:26 GMT"}
    origin.routes["/a.jpg"] = behave.answer(
        PICTURE, content_type="image/jpeg; charset=x", headers=validators
    )
    got = fetched(run, settings(origin), Source(origin.url("/a.jpg")))
    assert got.data == PICTURE
    assert got.sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert (got.format, got.content_type) == ("jpeg", "image/jpeg; charset=x")
    assert (got.etag, got.last_modified) == ('"v1"', "Tue, 15 Nov 1994 12:45:26 GMT")
    assert (got.http_status, got.not_modified) == (200, False)
    assert got.final_url == origin.url("/a.jpg")
    assert got.milliseconds > 0


def test_the_supplier_sees_its_own_headers_and_ours(run: Run, origin: Origin) -> None:
    headers = {"User-Agent": "shop/1", "X-Store-Id": "7", "Accept-Encoding": "gzip", "Host": "x"}
    fetched(run, settings(origin), Source(origin.url("/a.jpg"), headers=headers))
    seen = origin.requests[0].headers
    assert (seen["user-agent"], seen["x-store-id"]) == ("shop/1", "7")
    assert seen["accept-encoding"] == "identity"
    assert seen["host"] == f"127.0.0.1:{origin.port}"
    assert "cookie" not in seen


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
def test_a_header_with_a_line_break_is_refused(origin: Origin, value: str) -> None:
    source = Source(origin.url("/a.jpg"), headers={"Referer": value})
    assert fault(asyncio.run, settings(origin), source).reason == "blocked-by-policy"
    assert origin.connections == 0


def test_basic_credentials_are_sent_and_never_shown(run: Run, origin: Origin) -> None:
    origin.routes["/a.jpg"] = behave.answer(status=401)
    source = Source(origin.url("/a.jpg"), username="ann", password="topsecret")
    found = fault(run, settings(origin), source)
    assert origin.requests[0].headers["authorization"] == "Basic YW5uOnRvcHNlY3JldA=="
    assert "topsecret" not in f"{found} {source!r}"


@pytest.mark.parametrize(
    ("listed", "is_told"),
    [((), True), (("127.0.0.1",), True), (("shop.example",), False), ((".example",), False)],
)
def test_credentials_go_to_the_hosts_that_they_are_for(
    run: Run, origin: Origin, listed: tuple[str, ...], is_told: bool
) -> None:
    source = Source(
        origin.url("/a.jpg"), username="ann", password="topsecret", credential_hosts=listed
    )
    fetched(run, settings(origin), source)
    assert ("authorization" in origin.requests[0].headers) is is_told


def test_a_redirect_keeps_to_the_schemes_of_the_supplier(run: Run, origin: Origin) -> None:
    origin.routes["/a.jpg"] = behave.redirect("https://127.0.0.1/b.jpg")
    source = Source(origin.url("/a.jpg"), allowed_schemes=("http", "ftp"))
    found = fault(run, settings(origin), source)
    assert found.reason == "blocked-by-policy"
    assert "the scheme https is not among http" in str(found)
    only_https = replace(source, allowed_schemes=("https",))
    assert fault(run, settings(origin), only_https).reason == "blocked-by-policy"
    assert len(origin.requests) == 1


def test_connections_are_used_again(run: Run, origin: Origin) -> None:
    origin.routes["/gone"] = behave.answer(b"no", status=404)
    paths = ["/a.jpg", "/gone", "/a.jpg", "/a.jpg"]
    fetch_all(run, settings(origin), *(Source(origin.url(path)) for path in paths))
    assert (len(origin.requests), origin.connections) == (4, 1)


def test_a_waiting_connection_that_dies_is_replaced(run: Run, origin: Origin) -> None:
    origin.routes["/a.jpg"] = behave.in_turn(
        behave.answer(PICTURE), behave.raw(b""), behave.answer(PICTURE)
    )
    outcomes = fetch_all(run, settings(origin), *[Source(origin.url("/a.jpg"))] * 2)
    assert [type(outcome) for outcome in outcomes] == [Fetched, Fetched]
    assert (len(origin.requests), origin.connections) == (3, 2)


def test_a_fresh_connection_that_dies_is_a_fault_at_once(run: Run, origin: Origin) -> None:
    origin.routes["/a.jpg"] = behave.raw(b"")
    found = fault(run, settings(origin), Source(origin.url("/a.jpg")))
    assert (found.reason, found.retryable, found.host_fault) == ("connection-failed", True, True)
    assert len(origin.requests) == 1


# The gate, with real connections counted.


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.2", "2130706434", "0x7f000002", "0177.0.0.2", "127.2", "[::ffff:127.0.0.2]"),
        *("[::ffff:7f00:2]", "[::127.0.0.2]", "[64:ff9b::127.0.0.2]", "[2002:7f00:2::]"),
    ],
)
def test_no_connection_is_opened_to_a_blocked_literal(
    run: Run, elsewhere: Origin, host: str
) -> None:
    found = fault(run, settings(elsewhere), Source(elsewhere.url("/a.jpg", host)))
    assert found.reason == "blocked-by-policy"


@pytest.mark.parametrize(
    "answers", [("127.0.0.2",), ("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1")]
)
def test_no_connection_is_opened_to_a_name_with_a_blocked_answer(
    run: Run, origin: Origin, elsewhere: Origin, answers: tuple[str, ...]
) -> None:
    used = settings(origin, elsewhere)
    source = Source(f"http://shop.example:{elsewhere.port}/a.jpg")
    found = fault(run, used, source, resolve=leading_to(*answers))
    assert found.reason == "blocked-by-policy"
    assert "127.0.0.2, which is loopback" in str(found)
    assert origin.connections == 0


def test_nothing_of_this_machine_is_reached_without_the_setting(run: Run, origin: Origin) -> None:
    used = settings(origin, allowed_private_networks="")
    hosts = ["127.0.0.1", "localhost", "2130706433", "127.1", "[::ffff:7f00:1]", "LOCALHOST."]
    outcomes = fetch_all(run, used, *(Source(origin.url("/a.jpg", host)) for host in hosts))
    assert [getattr(one, "reason", one) for one in outcomes] == ["blocked-by-policy"] * len(hosts)
    assert origin.connections == 0


def test_a_name_that_changes_its_answer_is_caught_at_its_next_connection(run: Run) -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    with Origin({"/a.jpg": behave.lying_length(PICTURE + b"x", len(PICTURE))}) as origin:
        source = Source(f"http://shop.example:{origin.port}/a.jpg")
        first, second = fetch_all(run, settings(origin), source, source, resolve=rebinding)
    assert isinstance(first, Fetched)
    assert getattr(second, "reason", None) == "blocked-by-policy"
    assert len(asked) == 2, "a connection was opened by a second look-up"


def test_a_dead_address_is_passed_over_for_the_next(run: Run, origin: Origin) -> None:
    used = settings(origin, allowed_private_networks="127.0.0.0/8")
    source = Source(f"http://shop.example:{origin.port}/a.jpg")
    got = fetched(run, used, source, resolve=leading_to("127.0.0.3", "127.0.0.1"))
    assert got.data == PICTURE
    assert origin.requests[0].headers["host"] == f"shop.example:{origin.port}"


def test_a_proxy_of_the_environment_is_not_used(
    run: Run, origin: Origin, elsewhere: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, elsewhere.url("/"))
    assert fetched(run, settings(origin), Source(origin.url("/a.jpg"))).data == PICTURE


def test_blocked_unresolvable_and_refused_are_told_apart(run: Run) -> None:
    port = free_port()

    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    used = settings(ports=[port])
    refused = fault(run, used, Source(f"http://127.0.0.1:{port}/a.jpg"))
    assert refused.reason == "connection-refused"
    assert str(refused) == f"Connect: 127.0.0.1 refused port {port}."
    lost = fault(run, used, Source("http://shop.example/a.jpg"), resolve=unknown)
    assert lost.reason == "unresolvable"
    blocked = fault(run, used, Source("http://127.0.0.2/a.jpg"))
    assert blocked.reason == "blocked-by-policy"
    assert [one.host_fault for one in (refused, lost, blocked)] == [True, True, False]


# TLS.


def test_https_verifies_the_name_and_not_the_address(run: Run, certificate: Certificate) -> None:
    routes = {"/a.jpg": behave.answer(PICTURE)}
    with Origin(routes, tls=certificate.for_server()) as origin:
        good, bad = (
            Source(f"https://{host}:{origin.port}/a.jpg")
            for host in ("shop.example", "other.example")
        )
        outcomes = fetch_all(
            run,
            settings(origin),
            good,
            bad,
            good,
            tls=certificate.for_client(),
            resolve=leading_to("127.0.0.1"),
        )
        assert origin.requests[0].headers["host"] == f"shop.example:{origin.port}"
    assert isinstance(outcomes[0], Fetched)
    assert isinstance(outcomes[2], Fetched)
    assert isinstance(outcomes[1], FetchFault)
    assert outcomes[1].reason == "connection-failed"
    assert "TLS: other.example" in str(outcomes[1])


def test_a_certificate_of_nobody_is_refused(run: Run, certificate: Certificate) -> None:
    with Origin(tls=certificate.for_server()) as origin:
        found = fault(run, settings(origin), Source(origin.url("/a.jpg")))
    assert (found.reason, found.host_fault) == ("connection-failed", True)


def test_a_handshake_that_never_ends_is_a_timeout(run: Run, origin: Origin) -> None:
    # A server of plain HTTP waits for the end of a request that never comes.
    source = Source(f"https://127.0.0.1:{origin.port}/a.jpg")
    used = settings(origin, connect_timeout_seconds=0.2)
    found = fault(run, used, source, tls=ssl.create_default_context())
    assert (found.reason, found.host_fault) == ("timeout", True)
    assert origin.connections == 1


# Redirects.


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/a.jpg", "a.jpg", "//127.0.0.1:{port}/a.jpg", "?q=1"])
def test_a_redirect_is_followed(run: Run, origin: Origin, status: int, location: str) -> None:
    to = location.format(port=origin.port)
    origin.routes["/from"] = behave.in_turn(behave.redirect(to, status), behave.answer(PICTURE))
    got = fetched(run, settings(origin), Source(origin.url("/from")))
    assert got.data == PICTURE
    assert got.final_url == origin.url("/from?q=1" if to == "?q=1" else "/a.jpg")
    assert origin.connections == 1


def test_three_redirects_are_followed_and_no_fourth(run: Run, origin: Origin) -> None:
    for step in range(4):
        origin.routes[f"/{step}"] = behave.redirect(f"/{step + 1}")
    origin.routes["/4"] = behave.answer(PICTURE)
    assert fetched(run, settings(origin), Source(origin.url("/1"))).data == PICTURE
    found = fault(run, settings(origin), Source(origin.url("/0")))
    assert (found.reason, found.retryable) == ("too-many-redirects", False)


def test_a_circle_of_redirects_is_noticed(run: Run, origin: Origin) -> None:
    origin.routes |= {"/x": behave.redirect("/y"), "/y": behave.redirect("/x")}
    found = fault(run, settings(origin), Source(origin.url("/x")))
    assert found.reason == "too-many-redirects"
    assert len(origin.requests) == 2


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.2:{elsewhere}/a.jpg", "blocked-by-policy"),
        ("http://2130706434:{elsewhere}/a.jpg", "blocked-by-policy"),
        ("//127.0.0.2:{elsewhere}/a.jpg", "blocked-by-policy"),
        ("http://shop.example:{elsewhere}/a.jpg", "blocked-by-policy"),
        ("http://[::ffff:127.0.0.2]:{elsewhere}/a.jpg", "blocked-by-policy"),
        ("http://169.254.169.254/latest/meta-data/", "blocked-by-policy"),
        ("http://127.0.0.1:22/", "blocked-by-policy"),
        ("http://user:pw@127.0.0.1/", "blocked-by-policy"),
        ("ftp://127.0.0.1/a.jpg", "blocked-by-policy"),
        ("file:///etc/passwd", "blocked-by-policy"),
        ("gopher://127.0.0.1/", "blocked-by-policy"),
        ("http:\\\\127.0.0.2\\a.jpg", "bad-url"),
        ("/\\127.0.0.2/a.jpg", "bad-url"),
        ("http://[::1", "bad-url"),
        ("", "http-error"),
    ],
)
def test_a_redirect_passes_the_whole_gate(
    run: Run, origin: Origin, elsewhere: Origin, location: str, reason: str
) -> None:
    to = location.format(elsewhere=elsewhere.port)
    origin.routes["/from"] = behave.redirect(to)
    used = settings(origin, elsewhere)
    found = fault(run, used, Source(origin.url("/from")), resolve=leading_to("127.0.0.2"))
    assert (found.reason, found.retryable) == (reason, False)
    assert location == "" or str(found).startswith("Redirected by 127.0.0.1. ")


def test_a_redirect_off_the_list_of_hosts_is_refused(run: Run, origin: Origin) -> None:
    origin.routes["/from"] = behave.redirect(f"http://other.example:{origin.port}/a.jpg")
    source = Source(
        f"http://shop.example:{origin.port}/from", allowed_hosts=("shop.example", ".cdn.example")
    )
    found = fault(run, settings(origin), source, resolve=leading_to("127.0.0.1"))
    assert found.reason == "blocked-by-policy"
    assert "other.example is not among the allowed hosts" in str(found)


def test_https_never_leads_back_to_http(run: Run, origin: Origin, certificate: Certificate) -> None:
    with Origin(tls=certificate.for_server()) as secure:
        secure.routes["/from"] = behave.redirect(origin.url("/a.jpg"))
        origin.routes["/to"] = behave.redirect(secure.url("/b.jpg"))
        secure.routes["/b.jpg"] = behave.answer(PICTURE)
        used, tls = settings(origin, secure), certificate.for_client()
        found = fault(run, used, Source(secure.url("/from")), tls=tls)
        assert fetched(run, used, Source(origin.url("/to")), tls=tls).data == PICTURE
    assert found.reason == "blocked-by-policy"
    assert "back to plain http" in str(found)
    assert [request.path for request in origin.requests] == ["/to"]


def test_credentials_and_cookies_do_not_cross_origins(run: Run, origin: Origin) -> None:
    secrets = {"Cookie": "a=b", "Authorization": "Bearer x", "X-Store-Id": "7", "Referer": "r"}
    with Origin({"/a.jpg": behave.answer(PICTURE)}) as other:
        origin.routes["/from"] = behave.redirect("/again")
        origin.routes["/again"] = behave.redirect(other.url("/a.jpg"))
        source = Source(origin.url("/from"), headers={**secrets, "User-Agent": "shop/1"})
        source = replace(source, etag='"v1"')
        fetched(run, settings(origin, other), source)
    here, there = origin.requests[1].headers, other.requests[0].headers
    assert here["cookie"] == "a=b", "the cookie of the answer was kept, or ours was lost"
    assert here["authorization"] == "Bearer x"
    assert not there.keys() & {name.lower() for name in secrets}
    assert (there["user-agent"], there["if-none-match"]) == ("shop/1", '"v1"')


# Conditional requests.


def test_what_has_not_changed_is_not_sent_again(run: Run, origin: Origin) -> None:
    changed = "Tue, 15 Nov 1994 12:45:26 GMT"
    origin.routes["/a.jpg"] = behave.conditional(PICTURE, etag='"v1"', last_modified=changed)
    source = Source(origin.url("/a.jpg"))
    known = [
        replace(source, etag='"v1"'),
        replace(source, last_modified=changed),
        replace(source, etag='"v0"', last_modified=changed),
    ]
    outcomes = fetch_all(run, settings(origin), *known)
    assert [getattr(one, "not_modified", one) for one in outcomes] == [True, True, False]
    assert isinstance(outcomes[0], Fetched)
    assert (outcomes[0].http_status, outcomes[0].data, outcomes[0].etag) == (304, b"", '"v1"')
    assert origin.connections == 1


def test_304_to_an_unconditional_request_is_an_error(run: Run, origin: Origin) -> None:
    origin.routes["/a.jpg"] = behave.answer(status=304)
    assert fault(run, settings(origin), Source(origin.url("/a.jpg"))).reason == "http-error"


def test_head_first_spares_the_body_of_a_known_picture(run: Run, origin: Origin) -> None:
    origin.routes["/a.jpg"] = behave.answer(PICTURE, headers={"etag": '"v1"'})
    source = Source(origin.url("/a.jpg"), etag='"v1"', head_first=True)
    assert fetched(run, settings(origin), source).not_modified
    assert [request.method for request in origin.requests] == ["HEAD"]


def test_head_first_spares_the_body_of_what_is_too_large(run: Run, origin: Origin) -> None:
    source = Source(origin.url("/a.jpg"), head_first=True)
    assert fault(run, settings(origin, fetch_max_bytes=1000), source).reason == "too-large"
    assert [request.method for request in origin.requests] == ["HEAD"]


@pytest.mark.parametrize("status", [200, 400, 403, 405, 500, 501])
def test_a_head_that_settles_nothing_is_followed_by_a_get(
    run: Run, origin: Origin, status: int
) -> None:
    origin.routes["/a.jpg"] = behave.in_turn(behave.answer(status=status), behave.answer(PICTURE))
    source = Source(origin.url("/a.jpg"), etag='"v1"', head_first=True)
    assert fetched(run, settings(origin), source).data == PICTURE
    assert [request.method for request in origin.requests] == ["HEAD", "GET"]


def test_a_head_that_says_gone_is_believed(run: Run, origin: Origin) -> None:
    origin.routes["/a.jpg"] = behave.answer(status=410)
    source = Source(origin.url("/a.jpg"), head_first=True)
    assert fault(run, settings(origin), source).reason == "gone"
    assert len(origin.requests) == 1


# Statuses.


@pytest.mark.parametrize(
    ("status", "reason", "retryable"),
    [
        (404, "not-found", False),
        (410, "gone", False),
        (401, "forbidden", False),
        (403, "forbidden", False),
        (429, "rate-limited", True),
        (408, "timeout", True),
        (500, "server-error", True),
        (502, "server-error", True),
        (503, "server-error", True),
        (504, "server-error", True),
        (599, "server-error", True),
        (400, "http-error", False),
        (418, "http-error", False),
        (451, "http-error", False),
        (206, "http-error", False),
        (300, "http-error", False),
        (204, "empty-body", False),
    ],
)
def test_a_status_becomes_a_reason(
    run: Run, origin: Origin, status: int, reason: str, retryable: bool
) -> None:
    origin.routes["/a.jpg"] = behave.answer(b"" if status == 204 else b"oh", status=status)
    found = fault(run, settings(origin), Source(origin.url("/a.jpg")))
    assert (found.reason, found.retryable, found.host_fault) == (reason, retryable, retryable)
    assert found.http_status == status
    assert f"127.0.0.1 answered {status}" in str(found)


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(run: Run, origin: Origin) -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    for path, status, wait in [("/s", 429, "120"), ("/d", 503, in_an_hour), ("/n", 404, "120")]:
        origin.routes[path] = behave.answer(status=status, headers={"retry-after": wait})
    outcomes = fetch_all(
        run, settings(origin), *(Source(origin.url(path)) for path in ("/s", "/d", "/n"))
    )
    waits: list[Any] = [getattr(one, "retry_after", one) for one in outcomes]
    assert waits[0] == timedelta(seconds=120)
    assert timedelta(minutes=59) < waits[1] <= timedelta(hours=1)
    assert waits[2] is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("0", timedelta(0)),
        (" 30 ", timedelta(seconds=30)),
        ("999999999999999999999", timedelta(days=1)),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u0663", None),
        ("Wed, 21 Oct 2015 07:28:30 GMT", timedelta(seconds=30)),
        ("Wed, 21 Oct 2015 07:28:30", timedelta(seconds=30)),
        ("Wed, 21 Oct 2015 07:00:00 GMT", timedelta(0)),
        ("Wed, 21 Oct 2099 07:28:00 GMT", timedelta(days=1)),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(
    value: str | None, expected: timedelta | None
) -> None:
    now = datetime(2015, 10, 21, 7, 28, 0, tzinfo=UTC)
    assert parse_retry_after(value, now) == expected


# Bodies.


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("short", behave.lying_length(PICTURE, len(PICTURE) + 1), "truncated-body"),
        ("cut after the head", behave.lying_length(b"", 100), "truncated-body"),
        ("cut chunks", behave.chunked(PICTURE, end=False), "truncated-body"),
        ("cut gzip", behave.gzipped(PICTURE, cut=-12), "truncated-body"),
        ("empty", behave.answer(b""), "empty-body"),
        ("empty chunks", behave.chunked(), "empty-body"),
        ("announced too large", behave.answer(PICTURE * 10), "too-large"),
        ("too large in chunks", behave.chunked(*[PICTURE] * 10), "too-large"),
        ("endless in chunks", behave.endless(PICTURE), "too-large"),
        ("gzip bomb", behave.gzipped(PICTURE + bytes(50_000_000)), "too-large"),
        ("gzip bomb of nothing", behave.gzipped(bytes(50_000_000)), "not-an-image"),
        ("a page", behave.answer(PAGE), "not-an-image"),
        ("an endless page", behave.endless(PAGE, with_length=900_000), "not-an-image"),
        ("an error document", behave.answer(b"<?xml version='1.0'?><Error/>"), "not-an-image"),
        ("a JSON document", behave.answer(b'{"error": 1}'), "not-an-image"),
        ("zeros", behave.answer(bytes(5000)), "not-an-image"),
        (
            "broken gzip",
            behave.answer(b"x" * 99, headers={"content-encoding": "gzip"}),
            "http-error",
        ),
        ("brotli", behave.answer(b"x" * 99, headers={"content-encoding": "br"}), "http-error"),
        ("not HTTP", behave.raw(b"220 smtp.example ESMTP\r\n\r\n"), "connection-failed"),
        ("half a head", behave.raw(b"HTTP/1.1 200 OK\r\nContent-Le"), "connection-failed"),
        ("a huge head", behave.raw(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 99999), "connection-failed"),
        (
            "bad chunks",
            behave.raw(behave.head(transfer_encoding="chunked") + b"zz\r\n", hang_up=False),
            "connection-failed",
        ),
        (
            "two lengths",
            behave.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
            "connection-failed",
        ),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_a_bad_body_fails_with_its_reason(
    run: Run, origin: Origin, name: str, body: behave.Behaviour, reason: str
) -> None:
    origin.routes["/a.jpg"] = body
    found = fault(run, settings(origin), Source(origin.url("/a.jpg")))
    assert found.reason == reason, str(found)
    assert found.retryable == (reason in {"truncated-body", "connection-failed"})
    assert "127.0.0.1" in str(found)


@pytest.mark.parametrize(
    ("body", "is_close_delimited"),
    [
        (behave.answer(PICTURE), False),
        (behave.chunked(PICTURE[:5], PICTURE[5:700], PICTURE[700:]), False),
        (behave.gzipped(PICTURE), False),
        (behave.answer(PICTURE, headers={"content-encoding": "utf-8"}), False),
        (behave.raw(b"HTTP/1.0 200 OK\r\n\r\n" + PICTURE), True),
        (behave.raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" + behave.head() + PICTURE), True),
    ],
    ids=["length", "chunked", "gzip", "no-coding", "until-the-end", "early-hints"],
)
def test_every_honest_way_to_send_a_body_is_understood(
    run: Run, origin: Origin, body: behave.Behaviour, is_close_delimited: bool
) -> None:
    origin.routes["/a.jpg"] = body
    found = fetched(run, settings(origin), Source(origin.url("/a.jpg")))
    assert found.data == PICTURE
    assert found.is_close_delimited == is_close_delimited


def test_a_body_longer_than_announced_does_not_become_the_next_answer(
    run: Run, origin: Origin
) -> None:
    planted = behave.head(content_length=len(PAGE)) + PAGE
    origin.routes["/long"] = behave.lying_length(PICTURE + planted, len(PICTURE))
    first, second = fetch_all(
        run, settings(origin), Source(origin.url("/long")), Source(origin.url("/a.jpg"))
    )
    assert isinstance(first, Fetched)
    assert isinstance(second, Fetched)
    assert first.data == second.data == PICTURE
    assert origin.connections == 2


def test_a_picture_with_a_page_behind_it_is_a_picture(run: Run, origin: Origin) -> None:
    origin.routes["/a.jpg"] = behave.answer(PICTURE + PAGE, content_type="text/html")
    assert fetched(run, settings(origin), Source(origin.url("/a.jpg"))).format == "jpeg"


@pytest.mark.parametrize(
    "slow",
    [
        behave.drip(PICTURE, 0.02),
        behave.drip(PICTURE, 0.02, head_too=True),
        behave.silent(),
        behave.raw(behave.head(103) * 50_000, hang_up=False),
        behave.raw(behave.head(content_length=9000) + PICTURE[:8000], hang_up=False),
    ],
    ids=["drip", "drip-head", "silent", "endless-hints", "stops-halfway"],
)
def test_no_server_outlives_the_deadline(run: Run, origin: Origin, slow: behave.Behaviour) -> None:
    origin.routes["/a.jpg"] = slow
    began = time.monotonic()
    used = settings(origin, fetch_deadline_seconds=0.3)
    found = fault(run, used, Source(origin.url("/a.jpg")))
    assert (found.reason, found.retryable, found.host_fault) == ("deadline", True, True)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("quiet", "stage"),
    [
        (behave.silent(), "Answer"),
        (behave.raw(behave.head(content_length=9000) + PICTURE[:8000], hang_up=False), "Body"),
    ],
    ids=["before", "halfway"],
)
def test_silence_ends_a_fetch_before_its_deadline(
    run: Run, origin: Origin, quiet: behave.Behaviour, stage: str
) -> None:
    origin.routes["/a.jpg"] = quiet
    found = fault(run, settings(origin), Source(origin.url("/a.jpg")), silence_seconds=0.1)
    assert (found.reason, found.host_fault) == ("timeout", True)
    assert str(found).startswith(f"{stage}: 127.0.0.1")


def test_a_slow_look_up_ends_with_the_time_to_connect(run: Run) -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    used = settings(connect_timeout_seconds=0.1)
    found = fault(run, used, Source("http://shop.example/a.jpg"), resolve=never)
    assert (found.reason, str(found)) == (
        "timeout",
        "Resolve: no answer about shop.example in time.",
    )


def test_many_fetches_at_once_do_not_disturb_each_other(run: Run, origin: Origin) -> None:
    origin.routes |= {
        "/drip": behave.drip(PICTURE, 0.01),
        "/short": behave.lying_length(PICTURE, len(PICTURE) + 1),
        "/endless": behave.endless(PICTURE),
    }
    paths = ["/a.jpg", "/drip", "/short", "/a.jpg", "/endless"] * 4

    async def fetch_together() -> list[Fetched | BaseException]:
        fetcher = Fetcher(settings(origin, fetch_deadline_seconds=1.0))
        outcomes = await asyncio.gather(
            *(fetcher.fetch(Source(origin.url(path))) for path in paths), return_exceptions=True
        )
        await fetcher.aclose()
        return outcomes

    expected = ["jpeg", "deadline", "truncated-body", "jpeg", "too-large"] * 4
    outcomes = run(fetch_together())
    assert [one.format if isinstance(one, Fetched) else one.reason for one in outcomes] == expected


# Streams.


async def _stream(used: Settings, source: Source, **options: Any) -> tuple[Any, bytes]:
    fetcher = Fetcher(used)
    try:
        async with fetcher.stream(source, **options) as streamed:
            return streamed, b"".join([chunk async for chunk in streamed.chunks])
    finally:
        await fetcher.aclose()


def test_a_stream_tells_what_it_is_before_its_bytes(run: Run, origin: Origin) -> None:
    origin.routes["/a.jpg"] = behave.answer(PICTURE, content_type="image/png, text/html")
    streamed, data = run(_stream(settings(origin), Source(origin.url("/a.jpg"))))
    assert data == PICTURE
    assert (streamed.format, streamed.content_type) == ("jpeg", "image/jpeg")
    assert streamed.length == len(PICTURE)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (behave.answer(PAGE), "not-an-image"),
        (behave.answer(b"<svg xmlns='x'><script/></svg>"), "unsupported-format"),
        (behave.answer(b"II*\0" + bytes(2000)), "unsupported-format"),
        (behave.answer(b""), "empty-body"),
        (behave.answer(status=404), "not-found"),
        (behave.lying_length(PICTURE, len(PICTURE) + 1), "truncated-body"),
        (behave.endless(PICTURE), "too-large"),
        (behave.drip(PICTURE, 0.02), "deadline"),
    ],
    ids=["page", "svg", "tiff", "empty", "404", "short", "endless", "drip"],
)
def test_a_stream_has_the_same_guards(
    run: Run, origin: Origin, body: behave.Behaviour, reason: str
) -> None:
    origin.routes["/a.jpg"] = body
    used = settings(origin, fetch_deadline_seconds=0.5)
    with pytest.raises(FetchFault) as caught:
        run(_stream(used, Source(origin.url("/a.jpg"))))
    assert caught.value.reason == reason


def test_a_stream_left_early_closes_its_connection(run: Run, origin: Origin) -> None:
    origin.routes["/a.jpg"] = behave.endless(PICTURE)

    async def leave_early() -> bytes:
        fetcher = Fetcher(settings(origin))
        async with fetcher.stream(Source(origin.url("/a.jpg"))) as streamed:
            first = await anext(streamed.chunks)
        await fetcher.aclose()
        return first

    assert run(leave_early()).startswith(PICTURE[:4])


def test_a_stream_passes_on_that_nothing_changed(run: Run, origin: Origin) -> None:
    origin.routes["/a.jpg"] = behave.conditional(PICTURE, etag='"v1"', last_modified="x")
    streamed, data = run(_stream(settings(origin), Source(origin.url("/a.jpg"), etag='"v1"')))
    assert (streamed.not_modified, streamed.format, data) == (True, None, b"")


def test_a_folder_is_served_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a b.jpg").write_bytes(PICTURE)
    with Origin(folder=tmp_path) as origin:
        outcomes = fetch_all(
            asyncio.run,
            settings(origin),
            Source(origin.url("/a b.jpg")),
            Source(origin.url("/none.jpg")),
        )
    assert isinstance(outcomes[0], Fetched)
    assert getattr(outcomes[1], "reason", None) == "not-found"
