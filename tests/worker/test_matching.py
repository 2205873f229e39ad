"""A matching run: the command, what it shows, where it goes on, and the worker that does it."""

import json
from typing import Any

import pytest
from click.testing import CliRunner
from psycopg import Connection
from psycopg.rows import DictRow

from tests.shop import Shop
from worker import matching
from worker.cli import likeness
from worker.errors import NotFound
from worker.settings import Settings

Db = Connection[DictRow]
NAMES = ("Stabilo pen 68 black", "Yellow mustard 250 g", "Cordless drill 18V", "Garden hose 20 m")
GTINS = ("4006381333931", "5000157078865", "036000291452", "075912041731")


def stock(db: Db, supplier: str) -> Shop:
    """A store with four things."""
    shop = Shop(db, supplier)
    for name, gtin in zip(NAMES, GTINS, strict=True):
        product = shop.add_product(gtin, f"{gtin}.jpg", name=name)
        shop.execute(
            "update likeness.products set gtin_raw = %s, gtin = likeness.normalize_gtin(%s)"
            " where id = %s",
            gtin,
            gtin,
            product,
        )
    return shop


def run(settings: Settings, *arguments: str) -> str:
    assert settings.database_url
    env = {
        "LIKENESS_DATABASE_URL": settings.database_url.get_secret_value(),
        "LIKENESS_STATE_DIR": str(settings.state_dir),
    }
    result = CliRunner().invoke(likeness, ["match", *arguments], env=env)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def as_json(settings: Settings, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(settings, *arguments, "--json"))
    return found


def linked(db: Db) -> int:
    row = db.execute("select count(canonical_product_id) as n from likeness.products").fetchone()
    assert row
    return int(row["n"])


def test_a_dry_run_shows_what_would_happen_and_changes_nothing(
    connection: Db, settings: Settings
) -> None:
    stock(connection, "one")
    stock(connection, "two")
    would = as_json(settings, "--dry-run", "--create-missing")
    # What the first store's products would become is known by its barcode.
    assert (would["products"], would["created"], would["linked"]) == (8, 4, 4)
    assert would["dry_run"]
    assert linked(connection) == 0
    did = as_json(settings, "--create-missing")
    assert (did["products"], did["created"], did["linked"]) == (8, 4, 4)
    assert linked(connection) == 8
    again = as_json(settings, "--create-missing")
    assert again["products"] == 0


def test_a_dry_run_lets_no_barcode_link_what_names_contradict(
    connection: Db, settings: Settings
) -> None:
    shop = stock(connection, "one")
    shop.execute("update likeness.products set gtin_raw = %s, gtin = '04006381333931'", GTINS[0])
    for arguments in (("--dry-run",), ()):
        said = as_json(settings, "--create-missing", *arguments)
        assert (said["created"], said["linked"], said["suggested"]) == (1, 0, 3)


def test_what_a_run_says_fits_into_80_columns(connection: Db, settings: Settings) -> None:
    shop = stock(connection, "one")
    shop.execute("update likeness.products set name = name || repeat(' and more of it', 20)")
    for arguments in (("--dry-run", "--create-missing"), ("--create-missing",)):
        shown = run(settings, *arguments)
        assert "more of it" in shown
        assert max(map(len, shown.splitlines())) < 80


def test_a_run_is_limited_and_the_next_one_goes_on(connection: Db, settings: Settings) -> None:
    stock(connection, "one")
    stock(connection, "two")
    assert as_json(settings, "--limit", "3")["products"] == 3
    assert as_json(settings, "--supplier", "two", "--limit", "2")["products"] == 2
    assert as_json(settings)["products"] == 3
    assert as_json(settings)["products"] == 0
    with pytest.raises(NotFound, match="nobody"):
        run(settings, "--supplier", "nobody")


def test_what_a_feed_changes_is_looked_at_again(connection: Db, settings: Settings) -> None:
    shop = stock(connection, "one")
    assert as_json(settings)["left"] == 4
    with connection.transaction():
        connection.execute("select likeness.open_feed(null)")
        connection.execute(
            "insert into pg_temp.feed_rows (line, sku, name, gtin_raw) values (2, %s, %s, %s)",
            [GTINS[0], "Another pen", GTINS[0] + ".0"],
        )
        connection.execute("select * from likeness.fold_feed('one')")
        connection.execute("select * from likeness.merge_feed('one', 'feed')")
    (row,) = shop.rows("select * from likeness.next_unmatched()")
    (product,) = shop.rows("select * from likeness.products where id = %s", row["product_id"])
    assert product["gtin_note"] == "a decimal point was taken off"
    assert as_json(settings)["products"] == 1


def test_a_number_that_a_feed_gives_to_something_else_is_doubtful(
    connection: Db, settings: Settings
) -> None:
    shop = stock(connection, "one")
    assert as_json(settings, "--create-missing")["created"] == 4
    assert shop.rows("select * from likeness.doubtful_links") == []
    with connection.transaction():
        connection.execute("select likeness.open_feed(null)")
        connection.execute(
            "insert into pg_temp.feed_rows (line, sku, name, gtin_raw)"
            " values (2, %s, 'Organic strawberry spread', '0036000291469')",
            [GTINS[0]],
        )
        connection.execute("select * from likeness.fold_feed('one')")
        connection.execute("select * from likeness.merge_feed('one', 'feed')")
    (doubt,) = shop.rows("select * from likeness.doubtful_links")
    assert doubt["sku"] == GTINS[0]
    assert "another barcode and another name" in doubt["why"]
    shop.execute(
        "select likeness.link_match(%s, %s)", doubt["product_id"], doubt["canonical_product_id"]
    )
    assert shop.rows("select * from likeness.doubtful_links") == []


def test_people_are_told_why(connection: Db, settings: Settings) -> None:
    stock(connection, "one")
    connection.execute(
        "insert into likeness.canonical_products (name, gtin)"
        " values ('Organic strawberry spread', likeness.normalize_gtin(%s)),"
        " ('Yellow mustard', likeness.normalize_gtin(%s))",
        GTINS[:2],
    )
    shown = run(settings)
    assert "looked at: 4 products" in shown
    assert "link 1.00  one 5000157078865: Yellow mustard 250 g" in shown
    assert "the barcode agrees, but the names have nothing in common" in shown


def test_workers_match_the_feeds_of_suppliers_who_want_it(connection: Db) -> None:
    shop = stock(connection, "one")
    assert shop.rows("select * from likeness.suppliers_to_match()") == []
    shop.execute("select likeness.save_supplier('one', '{\"match_feeds\": true}')")
    (row,) = shop.rows("select supplier from likeness.suppliers_to_match()")
    assert matching.match(connection, supplier=row["supplier"]).products == 4
    assert shop.rows("select * from likeness.suppliers_to_match()") == []
