"""What a supplier's servers are told: who may set it, who may read it, and what a claim carries."""

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop, fault

Db = Connection[DictRow]
SET = "select likeness.set_supplier_credentials(%s, %s, %s, %s)"


@pytest.fixture
def shop(connection: Db) -> Shop:
    return Shop(connection)


def test_a_claim_carries_what_the_supplier_set(shop: Shop) -> None:
    shop.rows(SET, "acme", "ann", "topsecret", ["pictures.test"])
    shop.execute("update likeness.suppliers set allowed_schemes = '{ftps,https}'")
    shop.add_product("a", "a.jpg")
    [claim] = shop.claim()
    assert (claim["username"], claim["password"]) == ("ann", "topsecret")
    assert claim["credential_hosts"] == ["pictures.test"]
    assert claim["allowed_schemes"] == ["ftps", "https"]


def test_the_proxy_is_told_the_same_as_a_claim(shop: Shop) -> None:
    shop.rows(SET, "acme", "ann", "topsecret", ["pictures.test"])
    image = shop.image(shop.add_product("a", "a.jpg"))
    [source] = shop.rows("select * from likeness.image_source(%s)", image["id"])
    assert (source["username"], source["password"]) == ("ann", "topsecret")
    assert source["credential_hosts"] == ["pictures.test"]


def test_credentials_are_for_the_hosts_that_a_supplier_is_held_to(shop: Shop) -> None:
    shop.execute("update likeness.suppliers set allowed_hosts = '{.acme.test}'")
    assert shop.value(SET, "acme", "ann", "x", None) == [".acme.test"]
    assert shop.value(SET, "acme", "ann", "x", ["ftp.acme.test"]) == ["ftp.acme.test"]
    assert shop.value(SET, "acme", None, None, None) == []
    assert shop.rows("select * from likeness.supplier_credentials") == []


@pytest.mark.parametrize(
    ("supplier", "username", "password", "hosts", "sqlstate"),
    [
        ("nobody", "ann", "topsecret", ["a.test"], "LK002"),
        ("acme", "ann", "topsecret", None, "LK004"),
        ("acme", "", "topsecret", ["a.test"], "LK004"),
        ("acme", "ann\r\nDELE x", "topsecret", ["a.test"], "LK004"),
        ("acme", "ann", "topsecret\r\nDELE x", ["a.test"], "LK004"),
    ],
)
def test_credentials_that_make_no_sense_are_refused_without_the_password(
    shop: Shop, supplier: str, username: str, password: str, hosts: list[str] | None, sqlstate: str
) -> None:
    with pytest.raises(psycopg.DatabaseError) as caught:
        shop.rows(SET, supplier, username, password, hosts)
    assert caught.value.sqlstate == sqlstate
    assert "topsecret" not in str(caught.value)


def test_a_reader_sees_no_password_and_the_programs_do(shop: Shop) -> None:
    shop.rows(SET, "acme", "ann", "topsecret", ["pictures.test"])
    allowed = "select has_table_privilege(%s, 'likeness.supplier_credentials', 'select')"
    assert shop.value(allowed, "likeness_app") is True
    assert shop.value(allowed, "likeness_reader") is False
    shop.execute("set role likeness_reader")
    assert shop.value("select count(*) from likeness.suppliers") == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.rows("select password from likeness.supplier_credentials")


@pytest.mark.parametrize(("source_bytes", "expected"), [(None, False), (999, False), (10**6, True)])
def test_a_known_picture_is_asked_about_first_when_it_is_large(
    shop: Shop, source_bytes: int | None, expected: bool
) -> None:
    product = shop.add_product("a", "a.jpg")
    shop.complete(shop.claim()[0], source_bytes=source_bytes)
    shop.execute("select likeness.queue_images(array[%s])", shop.image(product)["id"])
    assert shop.claim()[0]["head_first"] is expected


@pytest.mark.parametrize(
    ("reason", "expected"), [("deadline", True), ("truncated-body", True), ("server-error", False)]
)
def test_a_picture_whose_transfer_did_not_end_is_asked_about_first(
    shop: Shop, reason: str, expected: bool
) -> None:
    shop.add_product("a", "a.jpg")
    [claim] = shop.claim()
    assert claim["head_first"] is False
    shop.finish("w/1", fault(claim, reason, is_retryable=True))
    shop.execute("update likeness.images set retry_at = likeness.clock()")
    shop.execute("select likeness.promote_retries()")
    assert shop.claim()[0]["head_first"] is expected


@pytest.mark.parametrize(
    ("password", "hosts", "said"),
    [
        (None, ["a.test"], "needs a password"),
        ("topsecret", [None], "hosts names null"),
        ("topsecret", ["a.test", ""], "hosts names ''"),
        ("topsecret", ["http://a.test"], "hosts names 'http://a.test'"),
        ("topsecret", ["ann@a.test"], "hosts names 'ann@a.test'"),
    ],
)
def test_a_password_is_for_hosts_and_a_user_has_one(
    shop: Shop, password: str | None, hosts: list[str | None], said: str
) -> None:
    with pytest.raises(psycopg.DatabaseError, match=said) as caught:
        shop.rows(SET, "acme", "ann", password, hosts)
    assert caught.value.sqlstate == "LK004"
    assert "topsecret" not in str(caught.value)
    assert shop.rows("select * from likeness.supplier_credentials") == []
