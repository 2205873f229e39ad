"""Owns a small catalogue for tests; the queue's own functions move its pictures."""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from worker.storage import ObjectStore, original_key, rendition_key

RECIPES = {"thumb": "0123456789ab", "medium": "ba9876543210"}
SIZES = {"thumb": (200, 150), "medium": (800, 600)}
# The smallest that is a picture by its first bytes; nobody decodes it here.
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(200)


@dataclass
class Shop:
    """One database with its store."""

    connection: Connection[DictRow]
    store: ObjectStore
    worker: str = "test/1"

    def one(self, statement: str, *arguments: object) -> Any:
        """The only value of a statement."""
        row = self.connection.execute(statement, arguments).fetchone()
        assert row is not None
        (value,) = row.values()
        return value

    def supplier(self, name: str, **options: object) -> int:
        found: int = self.one("select likeness.save_supplier(%s, %s)", name, json.dumps(options))
        return found

    def dataset(self, supplier: str, prefix: str | None = "https://origin.example/a/") -> int:
        found: int = self.one("select likeness.create_dataset(%s, 'feed', %s)", supplier, prefix)
        return found

    def dataset_of_new(self, supplier: str) -> int:
        """An active dataset of a supplier that is new."""
        self.supplier(supplier)
        dataset = self.dataset(supplier)
        self.activate(dataset)
        return dataset

    def product(self, dataset: int, sku: str, pictures: tuple[str, ...] = ("a.jpg",)) -> int:
        """A product of a dataset; its pictures wait for the dataset to be active."""
        product: int = self.one(
            "insert into likeness.products (supplier_id, dataset_id, sku, name)"
            " select d.supplier_id, d.id, %s, 'The ' || %s from likeness.datasets d"
            " where d.id = %s returning id",
            sku,
            sku,
            dataset,
        )
        for position, source in enumerate(pictures):
            self.connection.execute(
                "insert into likeness.images (product_id, position, source_url)"
                " values (%s, %s, %s)",
                (product, position, source),
            )
        return product

    def activate(self, dataset: int) -> None:
        self.connection.execute("select likeness.activate_dataset(%s)", (dataset,))

    def pending(self, supplier: str = "acme", sku: str = "A1", **options: Any) -> int:
        """A product whose only picture waits."""
        prefix = options.pop("prefix", "https://origin.example/a/")
        pictures = options.pop("pictures", ("a.jpg",))
        self.supplier(supplier, host_min_interval="0", host_max_in_flight=50, **options)
        dataset = self.dataset(supplier, prefix)
        product = self.product(dataset, sku, pictures)
        self.activate(dataset)
        return product

    def image(self, product: int, position: int = 0) -> int:
        found: int = self.one(
            "select id from likeness.images where product_id = %s and position = %s",
            product,
            position,
        )
        return found

    def claim(self) -> list[DictRow]:
        """Claim what waits; again where the API held a host for a moment, to raise its pictures."""
        deadline = time.monotonic() + 5
        while True:
            claims = self.connection.execute(
                "select image_id, claim_no, fetch_url from likeness.claim_images(%s, 100)",
                (self.worker,),
            ).fetchall()
            ready = self.connection.execute(
                "select from likeness.hosts where ready_at <= likeness.clock() and not paused"
            ).fetchall()
            if claims or not ready or time.monotonic() > deadline:
                return claims

    def complete(
        self, claims: list[DictRow] | None = None, formats: tuple[str, ...] = ("webp",)
    ) -> None:
        """Finish what is claimed, or all that waits, each picture with bytes of its own."""
        for claim in self.claim() if claims is None else claims:
            original = JPEG + claim["fetch_url"].encode()
            self.finish(
                claim,
                is_completed=True,
                sha256=hashlib.sha256(original).hexdigest(),
                source_bytes=len(original),
                blob=self.store_blob(original, formats),
            )

    def fail(self, reason: str = "not-found") -> None:
        """Finish all that waits as failed for good; the text names the origin, as real ones do."""
        for claim in self.claim():
            text = f"{claim['fetch_url']} is not there"
            self.finish(
                claim, is_completed=False, is_retryable=False, reason=reason, failure_text=text
            )

    def finish(self, claim: DictRow, **outcome: object) -> None:
        if outcome.get("sha256"):
            self.connection.execute(
                "select likeness.begin_blobs(%s, array[%s])", (self.worker, outcome["sha256"])
            )
        outcomes = [{"image_id": claim["image_id"], "claim_no": claim["claim_no"], **outcome}]
        row = self.connection.execute(
            "select is_accepted from likeness.finish_images(%s, %s)",
            (self.worker, json.dumps(outcomes)),
        ).fetchone()
        assert row
        assert row["is_accepted"]

    def store_blob(self, original: bytes, formats: tuple[str, ...]) -> dict[str, object]:
        """Put an original and its renditions; answers what a worker would tell of them."""
        sha256 = hashlib.sha256(original).hexdigest()
        self._put(original_key(sha256), original, "image/jpeg")
        renditions = []
        for preset, recipe in RECIPES.items():
            for name in formats:
                body = rendition_body(original, preset, name)
                extension = "jpg" if name == "jpeg" else name
                self._put(rendition_key(sha256, recipe, extension), body, f"image/{name}")
                width, height = SIZES[preset]
                renditions.append(
                    {"preset": preset, "format": name, "recipe": recipe, "width": width,
                     "height": height, "bytes": len(body)}
                )  # fmt: skip
        return {
            "format": "jpeg", "width": 1600, "height": 1200, "bytes": len(original),
            "has_original": True, "phash": 1, "placeholder": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
            "renditions": renditions,
        }  # fmt: skip

    def _put(self, key: str, body: bytes, kind: str) -> None:
        self.store.put(key, body, content_type=kind, cache_control="private")


def rendition_body(original: bytes, preset: str, name: str) -> bytes:
    """Bytes that stand for a rendition, different for each."""
    return hashlib.sha256(original + preset.encode() + name.encode()).digest() * 40
