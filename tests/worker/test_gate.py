"""Owns the tests of the gate: each address and URL is written here as text, and decided on alone.

Nothing is connected to. What the fetcher does with the decision is tested in test_fetch.py.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from worker.errors import FetchFault
from worker.gate import Gate, Resolver, Rules, explain
from worker.settings import Settings

BLOCKED = """
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.0.1
    169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1
    192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255
    240.0.0.1 255.255.255.255 168.63.129.16 10.255.255.255
    :: ::1 100::1 2001:db8::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 febf::1 fec0::1 feff::1 ff02::1
    ff0e::1 ::2 3fff::1 5f00::1 2001:2::1 2001:10::1 2001:20::1 2001:3f:ffff::1 2001:1ff::1 3ffe::1
    ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:7f00:1 ::ffff:0.0.0.0 ::10.0.0.1 ::127.0.0.1
    ::8.8.8.8 ::ffff:0:8.8.8.8 ::ffff:0:10.0.0.1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe
    64:ff9b::127.0.0.1 64:ff9b:1::10.0.0.1 64:ff9b:1::8.8.8.8 64:ff9b:0:1::1 2002:a00:1::
    2002:a9fe:a9fe:: 2002:7f00:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2
    2606:4700::5efe:10.0.0.1 2606:4700::200:5efe:192.168.0.1 4000::1 1000::1 e000::1
""".split()  # noqa: SIM905 - as the list of vectors is written
PUBLIC = """
    8.8.8.8 1.1.1.1 1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255
    128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0
    192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
    198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
    2606:4700:4700::1111 2001:4860:4860::8888 2001:200::1 2001:db7:ffff::1 2001:db9::1 2003::1
    2a00:1450:4001::1 3ffd::1 64:ff9b::8.8.8.8 ::ffff:8.8.8.8 2606:4700::5efe:8.8.8.8
""".split()  # noqa: SIM905 - as the list of vectors is written


def settings(networks: str = "") -> Settings:
    return Settings(allowed_private_networks=networks)


def answering(*addresses: str) -> Resolver:
    """A name service that knows one answer."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


async def never(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host} was looked up")


def verdict(gate: Gate, url: str, rules: Rules = Rules()) -> FetchFault | list[str]:  # noqa: B008
    """What the gate says of a URL: the addresses to connect to, or the fault."""

    async def decide() -> FetchFault | list[str]:
        try:
            target = gate.check_url(url, rules)
            return await gate.resolve(target.host, target.port)
        except FetchFault as fault:
            return fault

    return asyncio.run(decide())


def refused(gate: Gate, url: str, reason: str = "blocked-by-policy", **rules: Any) -> str:
    """The message with which a URL is refused for that reason."""
    found = verdict(gate, url, Rules(**rules))
    assert isinstance(found, FetchFault), f"{url} leads to {found}"
    assert found.reason == reason, str(found)
    assert not (found.retryable or found.host_fault) or reason == "unresolvable"
    return str(found)


def as_host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("address", BLOCKED)
def test_a_literal_that_is_not_public_is_blocked(address: str) -> None:
    message = refused(Gate(settings(), never), f"http://{as_host(address)}/a.jpg")
    canonical = ipaddress.ip_address(address)
    mapped = getattr(canonical, "ipv4_mapped", None)
    assert str(mapped or canonical) in message


@pytest.mark.parametrize("address", BLOCKED)
def test_a_name_that_leads_to_such_an_address_is_blocked(address: str) -> None:
    message = refused(Gate(settings(), answering(address)), "https://cdn.example/a.jpg")
    assert message.startswith("Blocked by policy: cdn.example leads to ")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address: str) -> None:
    assert isinstance(verdict(Gate(settings(), never), f"http://{as_host(address)}/a.jpg"), list)
    assert isinstance(verdict(Gate(settings(), answering(address)), "ftp://cdn.example/a"), list)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1", "loopback (127.0.0.0/8)"),
        ("169.254.169.254", "link-local, where clouds keep their metadata service"),
        ("10.0.0.1", "private (10.0.0.0/8)"),
        ("::10.0.0.1", "carrying 10.0.0.1"),
        ("64:ff9b::10.0.0.1", "NAT64 of 10.0.0.1, which is private"),
        ("2002:a00:1::", "a 6to4 tunnel (2002::/16), carrying 10.0.0.1"),
        ("4000::1", "outside the public range of IPv6"),
    ],
)
def test_the_message_names_the_class_of_the_address(address: str, words: str) -> None:
    assert words in refused(Gate(settings(), never), f"http://{as_host(address)}/")


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "017700000001", "0x7f.1"),
        *(
            "localhost",
            "LOCALHOST.",
            "localhost:80",
            "[::1]",
            "[::ffff:7f00:1]",
            "[::ffff:127.0.0.1]",
        ),
        *(
            "\uff11\uff12\uff17.0.0.1",
            "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
            "[0:0:0:0:0:0:0:1]",
        ),
    ],
)
def test_every_spelling_of_this_machine_is_blocked(host: str) -> None:
    message = refused(Gate(settings()), f"http://{host}/")
    assert "loopback (" in message or host == "0"
    assert any(address in message for address in ("127.0.0.1", "::1", "0.0.0.0"))


@pytest.mark.parametrize(
    "answers",
    [
        ("8.8.8.8", "10.0.0.1"),
        ("10.0.0.1", "8.8.8.8"),
        ("8.8.8.8", "fd00::1"),
        ("2606:4700:4700::1111", "::ffff:10.0.0.1"),
        ("8.8.8.8", "1.1.1.1", "127.0.0.1"),
    ],
)
def test_one_private_answer_blocks_the_name(answers: tuple[str, ...]) -> None:
    refused(Gate(settings(), answering(*answers)), "https://cdn.example/a.jpg")


def test_the_addresses_come_out_as_they_were_checked_and_once_each() -> None:
    answers = answering("8.8.8.8", "::ffff:1.1.1.1", "8.8.8.8", "2606:4700::1")
    found = verdict(Gate(settings(), answers), "https://cdn.example/a.jpg")
    assert found == ["8.8.8.8", "1.1.1.1", "2606:4700::1"]


def test_a_name_without_an_answer_is_unresolvable_and_may_be_tried_again() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for resolve in (unknown, answering()):
        found = verdict(Gate(settings(), resolve), "https://cdn.example/a.jpg")
        assert isinstance(found, FetchFault)
        assert (found.reason, found.retryable, found.host_fault) == ("unresolvable", True, True)
        assert str(found).startswith("Could not resolve cdn.example: ")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://allowed.example@10.0.0.1/", "blocked-by-policy"),
        ("http://allowed.example\\@10.0.0.1/", "bad-url"),
        ("http://allowed.example#@10.0.0.1/", "blocked-by-policy"),
        ("http://allowed.example?@10.0.0.1/", "blocked-by-policy"),
        ("http://10.0.0.1\\.allowed.example/", "bad-url"),
        ("http://user:pw@allowed.example/", "blocked-by-policy"),
        ("http://@allowed.example/", "blocked-by-policy"),
        ("http://allowed.example.evil.example/", "blocked-by-policy"),
        ("http://evil-allowed.example/", "blocked-by-policy"),
        ("http://evilallowed.example/", "blocked-by-policy"),
        ("http://example/", "blocked-by-policy"),
        ("http://8.8.8.8/", "blocked-by-policy"),
        ("//10.0.0.1/x", "bad-url"),
        ("/x.jpg", "bad-url"),
        ("x.jpg", "bad-url"),
        ("", "bad-url"),
        ("file:///etc/passwd", "blocked-by-policy"),
        ("gopher://allowed.example/", "blocked-by-policy"),
        ("s3://other/key", "blocked-by-policy"),
        ("data:image/png;base64,AAAA", "bad-url"),
        ("javascript://allowed.example/%0aalert(1)", "blocked-by-policy"),
        ("http:allowed.example/", "bad-url"),
        ("http:///allowed.example/", "bad-url"),
        ("http://allowed.example/a\r\nHost: evil.example", "bad-url"),
        ("http://allowed.example/a\nb", "bad-url"),
        ("http://allowed.example/a\0b", "bad-url"),
        ("http://allowed.example/a%0d%0aHost:%20evil", "bad-url"),
        ("http://allowed.example/a%00.jpg", "bad-url"),
        ("http://allowed.example\t/", "bad-url"),
        ("http://allowed .example/", "bad-url"),
        ("http://allowed.example%2f@evil.example/", "blocked-by-policy"),
        ("http://allowed.example%00.evil.example/", "bad-url"),
        ("http://allowed.example\uff0f.evil.example/", "bad-url"),
        ("http://allowed..example/", "bad-url"),
        ("http://[fe80::1%25eth0]/", "bad-url"),
        ("http://[::1/", "bad-url"),
        ("http://::1/", "bad-url"),
        ("http://[8.8.8.8]/", "bad-url"),
        ("http://256.1.1.1/", "bad-url"),
        ("http://1.2.3.4.5/", "bad-url"),
        ("http://0x/", "bad-url"),
        ("http://4294967296/", "bad-url"),
        ("http://allowed.example:22/", "blocked-by-policy"),
        ("http://allowed.example:25/", "blocked-by-policy"),
        ("http://allowed.example:6379/", "blocked-by-policy"),
        ("http://allowed.example:0/", "bad-url"),
        ("http://allowed.example:65536/", "bad-url"),
        ("http://allowed.example:8\u066080/", "bad-url"),
        ("http://allowed.example:80:80/", "bad-url"),
        ("http://allowed.example/" + "a" * 2000, "bad-url"),
        ("http://" + "a" * 64 + ".allowed.example/", "bad-url"),
        ("ftp://allowed.example/a/../../etc/passwd", "blocked-by-policy"),
        ("ftp://allowed.example/%2e%2e/%2e%2e/etc/passwd", "blocked-by-policy"),
        ("ftp://allowed.example/a%2f..%2fb", "blocked-by-policy"),
        ("ftp://allowed.example/a%5c..%5cb", "blocked-by-policy"),
        ("ftp://allowed.example/a%0d%0aDELE%20b", "bad-url"),
        ("ftp://allowed.example/a%0aDELE%20b", "bad-url"),
        ("ftp://allowed.example/folder/", "bad-url"),
        ("ftp://user:pw@allowed.example/a.jpg", "blocked-by-policy"),
        ("ftps://allowed.example/../a.jpg", "blocked-by-policy"),
    ],
)
def test_a_crooked_url_is_refused_before_any_look_up(url: str, reason: str) -> None:
    refused(Gate(settings(), never), url, reason, hosts=("allowed.example",))


def test_a_password_in_a_url_does_not_come_back_in_the_message() -> None:
    message = refused(Gate(settings(), never), "http://user:topsecret@allowed.example/")
    assert "topsecret" not in message


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://cdn.example/a.jpg", "http://cdn.example/a.jpg"),
        ("HTTP://CDN.Example.:80", "http://cdn.example/"),
        ("https://cdn.example:443/a?b=c/d", "https://cdn.example/a?b=c/d"),
        ("https://cdn.example:8443/a", "https://cdn.example:8443/a"),
        (" https://cdn.example/a b.jpg ", "https://cdn.example/a%20b.jpg"),
        ("https://cdn.example/100%.jpg", "https://cdn.example/100%25.jpg"),
        ("https://cdn.example/a%20b%2Fc", "https://cdn.example/a%20b%2Fc"),
        ("https://cdn.example/é.jpg?t=ü#top", "https://cdn.example/%C3%A9.jpg?t=%C3%BC"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("https://cdn.example?a=b", "https://cdn.example/?a=b"),
        ("https://cdn.example/w_300,h_300/@2x/a.jpg", "https://cdn.example/w_300,h_300/@2x/a.jpg"),
        ("http://[2606:4700::1111]:8080/a", "http://[2606:4700::1111]:8080/a"),
        ("ftp://cdn.example/folder/a.jpg", "ftp://cdn.example/folder/a.jpg"),
        ("ftps://cdn.example:21/a.jpg", "ftps://cdn.example/a.jpg"),
        ("http://134744072/a", "http://8.8.8.8/a"),
        ("http://under_score.example/a", "http://under_score.example/a"),
    ],
)
def test_an_honest_url_comes_out_in_one_spelling(url: str, expected: str) -> None:
    assert Gate(settings(), never).check_url(url).url == expected


@pytest.mark.parametrize(
    ("host", "listed", "is_allowed"),
    [
        ("allowed.example", "allowed.example", True),
        ("ALLOWED.example.", "allowed.EXAMPLE", True),
        ("cdn.allowed.example", "allowed.example", False),
        ("cdn.allowed.example", ".allowed.example", True),
        ("allowed.example", ".allowed.example", True),
        ("cdn.allowed.example", "*.allowed.example", True),
        ("a.b.allowed.example", ".allowed.example", True),
        ("evilallowed.example", ".allowed.example", False),
        ("allowed.example.evil.example", ".allowed.example", False),
        ("8.8.8.8", "8.8.8.8", True),
        ("8.8.8.8", ".8.8", False),
        ("8.8.8.8", "8", False),
        ("[2606:4700::1111]", "2606:4700::1111", True),
        ("other.example", "allowed.example", False),
        ("other.example", "", False),
    ],
)
def test_a_host_is_allowed_by_its_own_name_or_by_a_suffix_that_begins_with_a_dot(
    host: str, listed: str, is_allowed: bool
) -> None:
    found = verdict(Gate(settings(), answering("8.8.8.8")), f"http://{host}/", Rules((listed,)))
    assert isinstance(found, list) == is_allowed


def test_a_supplier_may_have_ports_of_its_own() -> None:
    gate = Gate(settings(), answering("8.8.8.8"))
    assert isinstance(verdict(gate, "http://cdn.example:8081/", Rules(ports=(8081,))), list)
    refused(gate, "http://cdn.example/", ports=(8081,))


def test_a_setting_opens_a_private_network_and_nothing_beside_it() -> None:
    gate = Gate(settings("10.1.0.0/16,fd00:1::/32"), never)
    for address in ("10.1.2.3", "[::ffff:10.1.2.3]", "[fd00:1::5]"):
        assert isinstance(verdict(gate, f"http://{address}/"), list)
    for address in ("10.2.0.1", "127.0.0.1", "[fd00:2::5]", "[64:ff9b::10.1.2.3]", "[::10.1.2.3]"):
        refused(gate, f"http://{address}/")


def test_an_opened_network_may_stand_beside_public_answers() -> None:
    gate = Gate(settings("10.1.0.0/16"), answering("8.8.8.8", "10.1.0.1"))
    assert verdict(gate, "http://cdn.example/") == ["8.8.8.8", "10.1.0.1"]


def explained(url: str, gate: Gate, rules: Rules = Rules()) -> dict[str, Any]:  # noqa: B008
    return dict(asyncio.run(explain(url, gate, rules)))


def test_explain_tells_what_an_allowed_host_leads_to() -> None:
    assert explained("https://cdn.example/a.jpg", Gate(settings(), answering("8.8.8.8"))) == {
        "allowed": True,
        "reason": "allowed",
        "host": "cdn.example",
        "addresses": ["8.8.8.8"],
        "message": "Allowed: cdn.example leads to 8.8.8.8.",
    }


def test_explain_tells_which_address_of_a_name_is_in_the_way() -> None:
    found = explained("https://cdn.example/", Gate(settings(), answering("8.8.8.8", "10.0.0.1")))
    assert (found["allowed"], found["reason"]) == (False, "blocked-by-policy")
    assert found["addresses"] == ["8.8.8.8", "10.0.0.1"]
    assert "10.0.0.1, which is private" in found["message"]


def test_explain_says_when_only_a_setting_opens_the_way() -> None:
    found = explained("http://127.0.0.1:8080/a", Gate(settings("127.0.0.0/8"), never))
    assert (found["allowed"], found["reason"]) == (True, "allowed-by-setting")
    assert "LIKENESS_ALLOWED_PRIVATE_NETWORKS" in found["message"]


def test_explain_names_the_host_that_a_rule_refuses() -> None:
    found = explained("https://b.example/", Gate(settings(), never), Rules(("a.example",)))
    assert (found["allowed"], found["host"], found["addresses"]) == (False, "b.example", [])
    assert "not among the allowed hosts a.example" in found["message"]


def test_explain_answers_for_a_url_that_is_none() -> None:
    found = explained("photos/a.jpg", Gate(settings(), never))
    assert (found["allowed"], found["reason"], found["host"]) == (False, "bad-url", None)


def test_a_server_of_an_opened_network_may_listen_where_it_likes() -> None:
    gate = Gate(settings("127.0.0.0/8"), never)
    for url in ("http://127.0.0.1:43210/", "http://localhost:8123/", "http://[::1]:9999/"):
        assert gate.check_url(url).port > 8000


@pytest.mark.parametrize("port", [22, 25, 5432, 6379, 11211])
def test_a_service_that_is_no_web_server_stays_closed_on_an_opened_network(port: int) -> None:
    gate = Gate(settings("127.0.0.0/8"), never)
    with pytest.raises(FetchFault, match=f"port {port}"):
        gate.check_url(f"http://127.0.0.1:{port}/")


def test_an_opened_network_opens_no_port_of_any_other_host() -> None:
    gate = Gate(settings("127.0.0.0/8"), never)
    for url in ("http://10.0.0.1:43210/", "http://cdn.example:43210/", "http://8.8.8.8:43210/"):
        with pytest.raises(FetchFault, match="port 43210"):
            gate.check_url(url)


def test_who_opens_the_loopback_address_opens_localhost() -> None:
    gate = Gate(settings("127.0.0.0/8"), answering("127.0.0.1", "::1"))
    assert asyncio.run(gate.resolve("localhost", 8123)) == ["127.0.0.1", "::1"]
