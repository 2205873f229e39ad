"""Suppliers and datasets: what may be said of them, and that the rest is refused in words."""

import json
from typing import Any, get_args, get_type_hints

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from api.feeds import SupplierRequest
from tests.shop import Shop
from worker.fetch.http import request_headers
from worker.fetch.source import Source

Db = Connection[DictRow]
SAVE = "select likeness.save_supplier(%s, %s::jsonb)"


@pytest.fixture
def shop(connection: Db) -> Shop:
    return Shop(connection)


def suppliers(shop: Shop) -> list[dict[str, Any]]:
    return shop.rows("select * from likeness.suppliers order by id")


BAD: dict[str, list[Any]] = {
    "host_max_in_flight": [0, -1, 32768, 1.5, "many", None, [2], 10**30],
    "host_min_interval": ["soon", "infinity", "-1 s", "2 days", "", None, ["1 s"], {}, True],
    "hide_origin": ["perhaps", None, 2, []],
    "match_feeds": ["perhaps", None],
    "while_pending": ["wait", "", None, "Proxy"],
    "on_big_change": ["ask", None],
    "low_matches": ["drop", None],
    "placeholder_products": [-1, None, 2**31],
    "allowed_schemes": [[], ["gopher"], ["http", None], "http", None],
    "allowed_hosts": [[None], [""], ["a b"], "a.test", None],
    "allowed_ports": [[0], [65536], [None], ["http"], 80, None],
    "formats": [["svg"], [None], "jpeg", None],
    "request_headers": [[], "Accept: image/png", None, {"X": 1}, {"X": None}, {"X": ["a"]}],
    "priority": [-1, 2, None],
    "max_attempts": [0, 21, None],
}


@pytest.mark.parametrize(
    ("option", "value"), [(option, value) for option, values in BAD.items() for value in values]
)
def test_an_option_that_cannot_be_is_named_and_nothing_is_changed(
    shop: Shop, option: str, value: object
) -> None:
    before = suppliers(shop)
    for name in ("acme", "new"):
        with pytest.raises(psycopg.Error, match=option) as caught:
            shop.execute(SAVE, name, json.dumps({"max_attempts": 5} | {option: value}))
        assert caught.value.sqlstate == "LK004"
    assert suppliers(shop) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host_max_in_flight": 0}, "a whole number from 1 to 32767, not 0"),
        ({"host_min_interval": "soon"}, '0 to 1 day such as "250 milliseconds", not "soon"'),
        ({"while_pending": "wait"}, 'proxy or direct or none, not "wait"'),
        ({"hide_origin": None}, "true or false, not null"),
        ({"allowed_ports": [80, 0]}, "ports from 1 to 65535, and '0' is none"),
        ({"allowed_hosts": ["a.test", None]}, "allowed_hosts names null, which is no host"),
        ({"allowed_schemes": []}, "a list of http, https, ftp, ftps, and at least one"),
        ({"request_headers": {"X-A": 1}}, "values are strings, and 'X-A' has none"),
    ],
)
def test_a_refusal_says_what_was_given_and_what_is_allowed(
    shop: Shop, options: dict[str, object], said: str
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        shop.execute(SAVE, "acme", json.dumps(options))
    assert said in str(caught.value)


def test_a_refusal_does_not_repeat_the_value_of_a_header(shop: Shop) -> None:
    for headers in ({"Authorization": "secret\n"}, {"Authorization": ["secret"]}, ["secret"]):
        with pytest.raises(psycopg.Error) as caught:
            shop.execute(SAVE, "acme", json.dumps({"request_headers": headers}))
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", [None, "", "  ", "\t\n", "a" * 201])
def test_a_supplier_needs_a_name(shop: Shop, name: str | None) -> None:
    before = suppliers(shop)
    with pytest.raises(psycopg.Error, match="name must have 1 to 200 characters") as caught:
        shop.execute(SAVE, name, "{}")
    assert caught.value.sqlstate == "LK004"
    assert suppliers(shop) == before


@pytest.mark.parametrize("options", [None, "null", "[]", "1", '"hide_origin"'])
def test_options_are_an_object(shop: Shop, options: str | None) -> None:
    with pytest.raises(psycopg.Error, match="options must be an object") as caught:
        shop.execute(SAVE, "new", options)
    assert caught.value.sqlstate == "LK004"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"hide_origin": True, "while_pending": "direct"}),
        ({"hide_origin": True}, {"while_pending": "direct"}),
        ({"while_pending": "direct"}, {"hide_origin": True}),
    ],
)
def test_a_hidden_origin_is_never_direct(
    shop: Shop, first: dict[str, object], second: dict[str, object]
) -> None:
    shop.execute(SAVE, "acme", json.dumps(first))
    with pytest.raises(psycopg.Error, match="hidden origin is never direct") as caught:
        shop.execute(SAVE, "acme", json.dumps(second))
    assert caught.value.sqlstate == "LK004"


def test_one_call_may_hide_an_origin_that_was_direct(shop: Shop) -> None:
    shop.execute(SAVE, "acme", '{"while_pending": "direct"}')
    shop.execute(SAVE, "acme", '{"hide_origin": true, "while_pending": "none"}')
    assert suppliers(shop)[0]["while_pending"] == "none"


OURS = [
    *("Host", "connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Upgrade"),
    *("Content-Length", "Transfer-Encoding", "TE", "Trailer", "Expect"),
    *("Accept-Encoding", "Range", "If-Range", "If-None-Match", "If-Modified-Since"),
]


@pytest.mark.parametrize("header", OURS)
def test_a_header_that_each_request_has_of_its_own_is_no_option(shop: Shop, header: str) -> None:
    with pytest.raises(psycopg.Error, match=f"cannot set '{header}'") as caught:
        shop.execute(SAVE, "acme", json.dumps({"request_headers": {header: "x"}}))
    assert caught.value.sqlstate == "LK004"


def test_the_worker_sends_none_of_the_refused_headers_as_they_were_set() -> None:
    source = Source(
        url="http://a.test/", headers=dict.fromkeys(OURS, "x"), etag="e", last_modified="m"
    )
    assert "x" not in {value.decode() for _, value in request_headers(source)}


def test_what_the_api_lists_is_what_a_supplier_may_have(shop: Shop) -> None:
    hints = get_type_hints(SupplierRequest, include_extras=True)
    for option in ("while_pending", "on_big_change", "low_matches"):
        for value in get_args(get_args(hints[option])[0]):
            shop.execute(SAVE, "acme", json.dumps({option: value}))
    formats = list(get_args(get_args(get_args(hints["formats"])[0])[0]))
    shop.execute(SAVE, "acme", json.dumps({"formats": formats}))
    assert suppliers(shop)[0]["formats"] == formats


def test_the_edges_of_what_is_allowed_are_allowed(shop: Shop) -> None:
    low = {"priority": 0, "max_attempts": 1, "host_max_in_flight": 1, "host_min_interval": "0"}
    high = {"priority": 1, "max_attempts": 20, "host_max_in_flight": 32767}
    more: dict[str, object] = {"host_min_interval": "1 day", "allowed_ports": [1, 65535]}
    more |= {"placeholder_products": 0, "formats": [], "allowed_hosts": [], "request_headers": {}}
    for options in (low, high | more):
        shop.execute(SAVE, "acme", json.dumps(options))
        [row] = suppliers(shop)
        ours = set(options) - {"host_min_interval"}
        assert {name: row[name] for name in ours} == {name: options[name] for name in ours}
    assert row["host_min_interval"].days == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("'acme', ''", "name must have"),
        ("'acme', ' '", "name must have"),
        ("'acme', null", "name must have"),
        ("'acme', 'd', ''", "image_url_prefix must"),
        ("'acme', 'd', 'pictures/'", "image_url_prefix must"),
        ("'acme', 'd', 'file:///etc'", "image_url_prefix must"),
        ("'acme', 'd', priority => 2", "priority of a dataset must"),
        ("'acme', 'd', priority => -1", "priority of a dataset must"),
        ("'acme', 'd', priority => null", "priority of a dataset must"),
    ],
)
def test_a_dataset_that_makes_no_sense_is_refused(shop: Shop, arguments: str, said: str) -> None:
    with pytest.raises(psycopg.Error, match=said) as caught:
        shop.execute(f"select likeness.create_dataset({arguments})")
    assert caught.value.sqlstate == "LK004"


@pytest.mark.parametrize("scheme", ["http", "HTTPS", "ftp", "ftps"])
def test_a_prefix_may_have_any_scheme_that_pictures_have(shop: Shop, scheme: str) -> None:
    assert shop.value("select likeness.create_dataset('acme', 'd', %s)", f"{scheme}://a.test/x")
