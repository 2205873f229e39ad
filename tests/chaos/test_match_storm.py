"""A storm of decisions about what is the same thing, by eight people at once, beside a worker.

``LIKENESS_TEST_STORM_DECISIONS`` is how many; 10000 for a full run. Whatever they decide, in
whatever order: every check is quiet, no two of them deadlock, and every product has its picture.
"""

import hashlib
import os
import random
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from tests.invariants import assert_checks_are_quiet
from tests.shop import Shop, completed, fault
from worker import db
from worker.db import query_errors
from worker.errors import LostClaim, NotFound, Refused
from worker.settings import Settings

pytestmark = pytest.mark.slow

DECISIONS = int(os.environ.get("LIKENESS_TEST_STORM_DECISIONS", "200"))
PEOPLE = 8
PRODUCTS, THINGS, SUPPLIERS = 60, 25, 3
WORDS = ("pen", "ink", "drill", "hose", "mustard", "oatmeal", "lamp", "kettle", "chair", "soap")


class Storm:
    """What all take part in."""

    def __init__(self, settings: Settings, decisions: int) -> None:
        self.settings = settings
        self.left = decisions
        self.lock = threading.Lock()
        self.done: Counter[str] = Counter()
        self.errors: list[BaseException] = []
        self.is_over = threading.Event()

    def take(self) -> bool:
        """Whether there is one more to decide."""
        with self.lock:
            self.left -= 1
            return self.left >= 0 and not self.errors

    def count(self, what: str) -> None:
        with self.lock:
            self.done[what] += 1


class Person:
    """Somebody who decides at random, on a connection of their own."""

    def __init__(self, connection: Connection[DictRow], number: int) -> None:
        self.connection = connection
        self.random = random.Random(number)
        self.name = f"person {number}"

    def pick(self, query: str) -> dict[str, Any] | None:
        rows = self.connection.execute(query.encode()).fetchall()
        return self.random.choice(rows) if rows else None

    def call(self, function: str, *arguments: object) -> None:
        places = ", ".join(["%s"] * len(arguments))
        with query_errors():
            self.connection.execute(f"select likeness.{function}({places})".encode(), arguments)

    def decide(self) -> str:
        what = self.random.choices(
            ("accept", "reject", "create", "link", "unlink", "merge", "undo", "match", "custom"),
            (5, 3, 1, 3, 3, 2, 5, 4, 1),
        )[0]
        try:
            is_done = getattr(self, what)()
        except (Refused, NotFound):
            return f"{what} refused"
        return what if is_done is not False else f"{what}: nothing to do"

    def waiting(self) -> dict[str, Any] | None:
        # Some were decided already, as for a person whose page is old.
        return self.pick(
            "select * from likeness.match_queue order by status = 'waiting' desc, id desc limit 20"
        )

    def candidate(self, item: dict[str, Any]) -> int | None:
        ids: list[int] = [candidate["canonical_product_id"] for candidate in item["candidates"]]
        return self.random.choice([None, *ids])

    def accept(self) -> bool:
        item = self.waiting()
        if item is None or item["canonical_product_id"] is None:
            return False
        self.call("accept_match", item["id"], self.candidate(item), self.name)
        return True

    def reject(self) -> bool:
        item = self.waiting()
        if item is None:
            return False
        self.call("reject_match", item["id"], self.candidate(item), self.name)
        return True

    def create(self) -> bool:
        item = self.waiting()
        if item is None:
            return False
        self.call("create_match", item["id"], "{}", self.name)
        return True

    def link(self) -> bool:
        product = self.pick("select id from likeness.products")
        thing = self.pick("select id from likeness.canonical_products")
        if product is None or thing is None:
            return False
        self.call("link_match", product["id"], thing["id"], self.name)
        return True

    def unlink(self) -> bool:
        product = self.pick(
            "select id from likeness.products where canonical_product_id is not null"
        )
        if product is None:
            return False
        self.call("unlink_match", product["id"], self.name)
        return True

    def merge(self) -> bool:
        one, two = (self.pick("select id from likeness.canonical_products") for _ in range(2))
        if one is None or two is None or one == two:
            return False
        self.call("merge_canonical_products", one["id"], two["id"], self.name)
        return True

    def undo(self) -> bool:
        decision = self.pick("select id from likeness.match_log order by id desc limit 60")
        if decision is None:
            return False
        self.call("undo_match", decision["id"], self.name)
        return True

    def match(self) -> None:
        rows = self.connection.execute(b"select id from likeness.products").fetchall()
        some = self.random.sample([row["id"] for row in rows], 10)
        self.call("match_products", some, self.random.random() < 0.3)

    def custom(self) -> None:
        product = self.pick("select id from likeness.products")
        assert product
        self.connection.execute(
            "update likeness.products set use_custom_image = not use_custom_image where id = %s",
            [product["id"]],
        )


def person(storm: Storm, number: int) -> None:
    try:
        with db.connect(storm.settings, f"person {number}") as connection:
            somebody = Person(connection, number)
            while storm.take():
                storm.count(somebody.decide())
    except BaseException as error:  # noqa: BLE001 - told by the test
        storm.errors.append(error)


def worker(storm: Storm) -> None:
    """Fetches what waits, now and then in vain, until the storm is over and nothing waits."""
    try:
        with db.connect(storm.settings, "worker") as connection:
            dice = random.Random(0)
            while work(connection, dice, storm.is_over) or not storm.is_over.is_set():
                pass
    except BaseException as error:  # noqa: BLE001 - told by the test
        storm.errors.append(error)


def work(connection: Connection[DictRow], dice: random.Random, is_over: threading.Event) -> int:
    claims = connection.execute(b"select * from likeness.claim_images('w/1', 4)").fetchall()
    if not claims:
        is_over.wait(0.02)
    for claim in claims:
        sha256 = hashlib.sha256(str(claim["image_id"]).encode()).hexdigest()
        outcome = completed(claim, sha256)
        if dice.random() < 0.1:
            outcome = fault(claim, "timeout", is_retryable=True)
        try:
            with query_errors():
                connection.execute("select * from likeness.begin_blobs('w/1', array[%s])", [sha256])
                connection.execute(
                    "select * from likeness.finish_images('w/1', %s)",
                    [Jsonb([outcome])],
                )
        except LostClaim:
            continue
    return len(claims)


def fill(connection: Connection[DictRow]) -> list[Shop]:
    """Stores with much the same things, half of them known to the catalogue."""
    dice = random.Random(1)
    shops = [Shop(connection, f"store {n}", max_in_flight=500) for n in range(SUPPLIERS)]
    names = [f"{dice.choice(WORDS)} {dice.choice(WORDS)} {n}" for n in range(THINGS)]
    bodies = [f"40063813{n:04}" for n in range(THINGS)]
    for name, body in list(zip(names, bodies, strict=True))[::2]:
        connection.execute(
            "insert into likeness.canonical_products (name, gtin) values"
            " (%s, lpad(%s || likeness.gtin_check_digit(%s), 14, '0'))",
            [name, body, body],
        )
    for number in range(PRODUCTS):
        thing = dice.randrange(THINGS)
        shop = shops[number % SUPPLIERS]
        pictures = [f"{number}-{n}.jpg" for n in range(dice.choice((0, 1, 1, 2)))]
        product = shop.add_product(str(number), *pictures, name=names[thing])
        if dice.random() < 0.7:
            connection.execute(
                "update likeness.products set gtin = lpad(%s || likeness.gtin_check_digit(%s), 14,"
                " '0') where id = %s",
                [bodies[thing], bodies[thing], product],
            )
    return shops


def settle(shop: Shop) -> None:
    """Nothing waits any more: what failed is tried again, and all is fetched."""
    never = threading.Event()
    never.set()
    dice = random.Random(2)
    for _ in range(20):
        shop.at(shop.now() + timedelta(hours=1))
        shop.execute("select likeness.heal_shared_pictures()")
        shop.execute("select likeness.requeue_expired()")
        shop.execute("select likeness.promote_retries()")
        shop.execute("select likeness.retry_images()")
        # Asked before the work: what fails for good in this round is retried in the next.
        if not shop.value("select count(*) from likeness.images where queued_at is not null"):
            return
        while work(shop.connection, dice, never):
            pass
    raise AssertionError("pictures wait for ever")


def right_pictures(shop: Shop) -> dict[int, str | None]:
    """What each product has to show, told from the tables alone."""
    products = shop.rows("select * from likeness.products order by linked_at nulls first, id")
    first: dict[int, str] = {}
    for image in shop.rows(
        "select product_id, blob_sha256 from likeness.images"
        " where blob_sha256 is not null order by product_id, position desc"
    ):
        first[image["product_id"]] = image["blob_sha256"]
    sources = {
        row["id"]: row["picture_product_id"]
        for row in shop.rows("select id, picture_product_id from likeness.canonical_products")
    }
    expected: dict[int, str | None] = {}
    for product in products:
        own = first.get(product["id"])
        thing = product["canonical_product_id"]
        shared = first.get(sources[thing]) if thing is not None and sources[thing] else None
        expected[product["id"]] = (
            (own or shared) if product["use_custom_image"] else (shared or own)
        )
        givers = [
            p["id"]
            for p in products
            if thing is not None
            and p["canonical_product_id"] == thing
            and not p["use_custom_image"]
            and p["id"] in first
        ]
        # Who is linked to something that has a picture shows it.
        assert (shared is not None) == bool(givers)
        if thing is not None and sources[thing]:
            assert sources[thing] in givers
    return expected


def test_whatever_people_decide_every_product_has_its_right_picture(
    settings: Settings, connection: Connection[DictRow]
) -> None:
    shop = fill(connection)[0]
    storm = Storm(settings, DECISIONS)
    people = [threading.Thread(target=person, args=(storm, n)) for n in range(PEOPLE)]
    fetching = threading.Thread(target=worker, args=(storm,))
    for thread in (*people, fetching):
        thread.start()
    for thread in people:
        thread.join()
    storm.is_over.set()
    fetching.join()
    assert not storm.errors, storm.errors
    print(dict(storm.done))

    settle(shop)
    # Late enough for what a sweep would mend.
    assert_checks_are_quiet(connection)
    expected = right_pictures(shop)
    shown = {
        row["product_id"]: row["sha256"]
        for row in shop.rows(
            "select d.product_id, i.blob_sha256 as sha256"
            " from likeness.resolve_display_urls(%s) d"
            " left join likeness.images i on i.id = d.image_id",
            list(expected),
        )
    }
    assert shown == expected
    # Whoever has pictures of its own, and shows no other's, has fetched them.
    wanting = shop.rows(
        "select p.id from likeness.products p join likeness.images i on i.product_id = p.id"
        " where i.blob_sha256 is null and not likeness.is_spared(p.id)"
    )
    assert wanting == []
    assert storm.done["merge"] > 0
    assert storm.done["undo"] > 0
