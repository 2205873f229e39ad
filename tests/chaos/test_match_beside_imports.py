"""Matching beside imports and activations of the same suppliers: no deadlock, all is matched."""

import random
import threading
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from tests.invariants import assert_checks_are_quiet
from tests.shop import Shop
from worker import db, matching
from worker.db import query_errors
from worker.feeds import import_feed
from worker.settings import Settings

pytestmark = pytest.mark.slow

STORES = ("one", "two")
PRODUCTS, IMPORTS = 120, 6


def feed(supplier: str, turn: int) -> bytes:
    """Every time some names, pictures and statuses are others."""
    dice = random.Random(f"{supplier} {turn}")
    lines = ["sku,name,gtin,status,image"]
    for number in range(PRODUCTS):
        body = f"40063813{number:04}"
        total = sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(reversed(body)))
        status = "inactive" if dice.random() < 0.1 else "active"
        image = f"{number}-{dice.randrange(3)}.jpg" if dice.random() < 0.8 else ""
        name = f"Thing number {number} {dice.choice(('red', 'blue'))}"
        lines.append(f"{supplier}{number},{name},{body}{-total % 10},{status},{image}")
    return "\n".join(lines).encode()


def bring(settings: Settings, supplier: str, errors: list[BaseException]) -> None:
    try:
        with db.connect(settings, f"import {supplier}") as connection:
            for turn in range(IMPORTS):
                result = import_feed(
                    connection,
                    [feed(supplier, turn)],
                    supplier=supplier,
                    prefix="http://pictures.test/",
                )
                with query_errors():
                    connection.execute(
                        "select * from likeness.activate_dataset(%s)", [result.dataset_id]
                    )
    except BaseException as error:  # noqa: BLE001 - told by the test
        errors.append(error)


def match_on(settings: Settings, is_over: threading.Event, errors: list[BaseException]) -> None:
    try:
        with db.connect(settings, "match") as connection:
            while not is_over.is_set():
                matching.match(connection, create_missing=True, batch=20)
    except BaseException as error:  # noqa: BLE001 - told by the test
        errors.append(error)


def test_imports_and_matching_never_stand_in_each_others_way(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    errors: list[BaseException] = []
    is_over = threading.Event()
    imports = [threading.Thread(target=bring, args=(settings, s, errors)) for s in STORES]
    matchers = [threading.Thread(target=match_on, args=(settings, is_over, errors)) for _ in (1, 2)]
    for thread in (*imports, *matchers):
        thread.start()
    for thread in imports:
        thread.join()
    is_over.set()
    for thread in matchers:
        thread.join()
    assert not errors, errors

    matching.match(connection, create_missing=True)
    rows = connection.execute(
        b"select count(*) as products, count(p.canonical_product_id) as linked,"
        b" count(distinct p.canonical_product_id) as things from likeness.products p"
    ).fetchall()
    assert rows == [{"products": 2 * PRODUCTS, "linked": 2 * PRODUCTS, "things": PRODUCTS}]
    shop = Shop(connection, "one")
    waiting: list[dict[str, Any]] = shop.rows(
        "select p.canonical_product_id, count(distinct p.id) as products from likeness.images i"
        " join likeness.products p on p.id = i.product_id where i.queued_at is not null"
        " group by p.canonical_product_id having count(distinct p.id) > 1"
    )
    # Of each thing one store's pictures are wanted, and not both.
    assert waiting == []
    shop.at(shop.value("select likeness.clock() + interval '1 hour'"))
    assert_checks_are_quiet(connection)
