"""Owns a small shop for SQL tests: suppliers, datasets, products and pictures in few words."""

import json
import time
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

RENDITIONS = [
    {"preset": "thumb", "format": "webp", "recipe": "aaaaaaaaaaaa", "width": 200, "height": 150},
    {"preset": "medium", "format": "webp", "recipe": "bbbbbbbbbbbb", "width": 800, "height": 600},
]


class Shop:
    """One supplier with an active dataset, on a connection."""

    def __init__(
        self,
        connection: Connection[DictRow],
        supplier: str = "acme",
        *,
        prefix: str | None = "http://pictures.test/p",
        is_active: bool = True,
        max_in_flight: int = 100,
        min_interval: timedelta = timedelta(0),
    ) -> None:
        self.connection = connection
        self.supplier_id: int = self.value("select likeness.ensure_supplier(%s)", supplier)
        self.execute(
            "update likeness.suppliers set host_max_in_flight = %s, host_min_interval = %s"
            " where id = %s",
            max_in_flight,
            min_interval,
            self.supplier_id,
        )
        self.dataset_id: int = self.value(
            "insert into likeness.datasets (supplier_id, name, image_url_prefix)"
            " values (%s, 'test', %s) returning id",
            self.supplier_id,
            prefix,
        )
        if is_active:
            self.activate()

    def execute(self, query: str, *arguments: object) -> None:
        self.connection.execute(query.encode(), arguments)

    def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        return self.connection.execute(query.encode(), arguments).fetchall()

    def value(self, query: str, *arguments: object) -> Any:
        return next(iter(self.rows(query, *arguments)[0].values()))

    def activate(self) -> dict[str, Any]:
        return self.rows("select * from likeness.activate_dataset(%s)", self.dataset_id)[0]

    def add_product(self, sku: str, *sources: str, name: str = "", status: str = "active") -> int:
        """A product with its pictures; returns its id."""
        product_id: int = self.value(
            "insert into likeness.products (supplier_id, dataset_id, sku, name, status)"
            " values (%s, %s, %s, %s, %s) returning id",
            self.supplier_id,
            self.dataset_id,
            sku,
            name or f"Product {sku}",
            status,
        )
        for position, source in enumerate(sources):
            self.execute(
                "insert into likeness.images (product_id, position, role, source_url)"
                " values (%s, %s, %s, %s)",
                product_id,
                position,
                "gallery" if position else "hero",
                source,
            )
        return product_id

    def image(self, product_id: int, position: int = 0) -> dict[str, Any]:
        return self.rows(
            "select * from likeness.images where product_id = %s and position = %s",
            product_id,
            position,
        )[0]

    def claim(self, worker: str = "w/1", batch: int = 16, **more: object) -> list[dict[str, Any]]:
        names = "".join(f", {name} => %s" for name in more)
        return self.rows(
            f"select * from likeness.claim_images(%s, %s{names})", worker, batch, *more.values()
        )

    def finish(self, worker: str, *outcomes: dict[str, Any]) -> list[bool]:
        rows = self.rows(
            "select * from likeness.finish_images(%s, %s::jsonb)", worker, json.dumps(outcomes)
        )
        return [row["is_accepted"] for row in rows]

    def complete(
        self, claim: dict[str, Any], sha256: str = "a" * 64, worker: str = "w/1", **more: object
    ) -> bool:
        """Store bytes for a claim and finish it well."""
        self.rows("select * from likeness.begin_blobs(%s, array[%s])", worker, sha256)
        return self.finish(worker, completed(claim, sha256) | more)[0]

    def at(self, moment: datetime | None) -> None:
        """Move this session's clock; None: back to the real one."""
        self.execute(
            "select set_config('likeness.clock', %s, false)", moment.isoformat() if moment else ""
        )

    def now(self) -> datetime:
        moment: datetime = self.value("select likeness.clock()")
        return moment


def completed(claim: dict[str, Any], sha256: str) -> dict[str, Any]:
    return {
        "image_id": claim["image_id"],
        "claim_no": claim["claim_no"],
        "is_completed": True,
        "is_reused": False,
        "sha256": sha256,
        "source_bytes": 1000,
        "fetch_ms": 5,
        "blob": {
            "format": "jpeg",
            "width": 1000,
            "height": 750,
            "bytes": 1000,
            "has_original": True,
            "phash": "1",
            "placeholder": "cA==",
            "renditions": RENDITIONS,
        },
    }


def fault(claim: dict[str, Any], reason: str, **more: object) -> dict[str, Any]:
    return {
        "image_id": claim["image_id"],
        "claim_no": claim["claim_no"],
        "is_completed": False,
        "reason": reason,
        "failure_text": f"{reason} in a test",
        "is_retryable": False,
        "is_host_fault": False,
        **more,
    }


def wait_until_blocked(connection: Connection[DictRow], other: Connection[DictRow]) -> None:
    """Return once the other session waits for a lock."""
    deadline = time.monotonic() + 20
    while not connection.execute(
        "select from pg_locks where pid = %s and not granted", [other.info.backend_pid]
    ).fetchall():
        assert time.monotonic() < deadline, "the other session never waited"
        time.sleep(0.01)
