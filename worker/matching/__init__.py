"""Owns a matching run: products in batches through match_products(), until none is left.

The database decides. Each batch is a transaction of its own, so that a run may be killed at any
instant and goes on where it was; what an import has in hand is left for the next run.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from worker.db import Connection, Row, query_errors
from worker.errors import NotFound

BATCH = 200
_SHOWN = 10
_NEXT = "select * from likeness.next_unmatched(%s, %s, %s, %s, %s)"
_PLAN = "select * from likeness.plan_matches(%s, %s)"
_MATCH = "select * from likeness.match_products(%s, %s)"
_NAMES = """
select p.id as product_id, s.name as supplier, p.sku, p.name, p.gtin, c.name as candidate
  from unnest(%s::bigint[], %s::bigint[]) d (product_id, canonical_product_id)
  join likeness.products p on p.id = d.product_id
  join likeness.suppliers s on s.id = p.supplier_id
  left join likeness.canonical_products c on c.id = d.canonical_product_id
"""
_TWIN = """
select d.action, d.confidence, d.method, d.reason
  from likeness.decide_barcode(%s, %s, %s, null, %s) d
"""


@dataclass
class Matching:
    """What a run did, or would do. ``skipped`` were in hand elsewhere; they wait for the next run.

    ``sample`` holds the first decisions of each kind, with names.
    """

    products: int = 0
    linked: int = 0
    suggested: int = 0
    in_review: int = 0
    created: int = 0
    left: int = 0
    skipped: int = 0
    sample: list[Row] = field(default_factory=list)

    @property
    def queued(self) -> int:
        """How many wait for a person."""
        return self.suggested + self.in_review

    def add(self, decisions: list[Row], asked: int) -> None:
        """Count a batch."""
        self.products += len(decisions)
        self.skipped += asked - len(decisions)
        for decision in decisions:
            name = _COUNTED[decision["action"]]
            setattr(self, name, getattr(self, name) + 1)


_COUNTED = {
    "link": "linked",
    "suggest": "suggested",
    "review": "in_review",
    "create": "created",
    "leave": "left",
}


def count_unmatched(connection: Connection, supplier: str | None, *, is_create: bool) -> int:
    """How many products a run would look at. Raises NotFound for a supplier that is not there."""
    if supplier is not None:
        known = connection.execute(
            "select 1 from likeness.suppliers where name = %s", [supplier]
        ).fetchone()
        if known is None:
            raise NotFound(f"There is no supplier {supplier!r}.")
    row = connection.execute(
        "select count(*) as n from likeness.products p join likeness.suppliers s"
        " on s.id = p.supplier_id where p.canonical_product_id is null and p.status <> 'deleted'"
        " and (%s or p.matched_at is null) and (%s::text is null or s.name = %s)",
        [is_create, supplier, supplier],
    ).fetchone()
    assert row
    return int(row["n"])


def match(
    connection: Connection,
    *,
    supplier: str | None = None,
    limit: int | None = None,
    dry_run: bool = False,
    create_missing: bool = False,
    batch: int = BATCH,
    is_over: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda done: None,
) -> Matching:
    """Match what waits to be matched, or with ``create_missing`` everything that is not linked.

    ``dry_run`` only says what would happen. ``progress`` is called with the products looked at so
    far. It ends when nothing is left, at the limit, or when ``is_over`` says so.
    """
    result = Matching()
    barcodes: dict[str, Row] = {}
    done, place = 0, (0, 0)
    while not is_over() and (limit is None or done < limit):
        size = batch if limit is None else min(batch, limit - done)
        with query_errors():
            rows = connection.execute(_NEXT, [supplier, *place, size, create_missing]).fetchall()
            if not rows:
                break
            place = (rows[-1]["supplier_id"], rows[-1]["product_id"])
            decisions = _decide(
                connection, [row["product_id"] for row in rows], dry_run, create_missing
            )
        _describe(connection, decisions, result, barcodes if dry_run else None)
        result.add(decisions, len(rows))
        done += len(rows)
        progress(done)
    return result


def _decide(
    connection: Connection, products: list[int], dry_run: bool, create_missing: bool
) -> list[Row]:
    statement = _PLAN if dry_run else _MATCH
    return connection.execute(statement, [products, create_missing]).fetchall()


def _describe(
    connection: Connection, decisions: list[Row], result: Matching, barcodes: dict[str, Row] | None
) -> None:
    """Add names to the sample; in a dry run, see that one barcode is made one product of."""
    wanted = [
        decision
        for decision in decisions
        if (barcodes is not None and decision["action"] == "create")
        or sum(row["action"] == decision["action"] for row in result.sample) < _SHOWN
    ]
    if not wanted:
        return
    keys = [[row[key] for row in wanted] for key in ("product_id", "canonical_product_id")]
    names = {row["product_id"]: row for row in connection.execute(_NAMES, keys).fetchall()}
    for decision in wanted:
        named = names[decision["product_id"]]
        if barcodes is not None and decision["action"] == "create" and named["gtin"]:
            earlier = barcodes.setdefault(named["gtin"], named)
            if earlier is not named:
                decision.update(_as_earlier(connection, named, earlier))
        if sum(row["action"] == decision["action"] for row in result.sample) < _SHOWN:
            result.sample.append(
                {
                    "action": decision["action"],
                    "confidence": round(float(decision["confidence"]), 3),
                    **{key: named[key] for key in ("supplier", "sku", "name", "candidate")},
                    "reason": decision["reason"],
                    "canonical_product_id": decision["canonical_product_id"],
                    "product_id": decision["product_id"],
                }
            )


def _as_earlier(connection: Connection, product: Row, earlier: Row) -> Row:
    """What a run would decide about a product of whose barcode it made an earlier one."""
    row = connection.execute(
        _TWIN, [product[key] for key in ("product_id", "gtin", "name")] + [earlier["name"]]
    ).fetchone()
    assert row
    return {
        **row,
        "reason": f"{row['reason']} ({earlier['supplier']} {earlier['sku']} of this run)",
    }
