"""Owns the simulated suppliers of the freshness bench: what they show when, and what they answer.

All that happens is drawn beforehand from a seed, so that every policy meets the same suppliers.
Times are in hours since the beginning; what was before it is negative.
"""

import hashlib
import math
import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FOREVER = math.inf

# Share of the products and changes a day of each, by the name of the mix.
MIXES: Mapping[str, Sequence[tuple[float, float]]] = {
    # Most pictures never change; a few are drawn anew each day or every few hours.
    "shop": ((0.72, 0.0), (0.18, 1 / 120), (0.06, 1 / 25), (0.03, 1 / 2), (0.01, 3.0)),
    "skewed": ((0.90, 0.0), (0.06, 1 / 60), (0.02, 1 / 7), (0.02, 2.0)),
    "lively": ((0.50, 1 / 365), (0.30, 1 / 60), (0.12, 1 / 14), (0.06, 1 / 3), (0.02, 2.0)),
    "even": ((1.0, 1 / 30),),
}


@dataclass(frozen=True)
class Trait:
    """How a supplier's server and feed behave."""

    name: str
    share: float
    validators: str  # honest, etag, absent, lying, noisy
    has_news: bool  # its feed says when a product's pictures changed
    outages: tuple[tuple[float, float], ...] = ()


TRAITS = (
    Trait("honest-1", 0.20, "honest", True),
    Trait("honest-2", 0.15, "honest", False, ((240.0, 276.0),)),
    Trait("etag-1", 0.15, "etag", True),
    Trait("etag-2", 0.10, "etag", False),
    Trait("absent-1", 0.10, "absent", True),
    Trait("absent-2", 0.10, "absent", False),
    Trait("lying", 0.10, "lying", False, ((400.0, 412.0),)),
    Trait("noisy", 0.10, "noisy", False),
)


@dataclass
class Picture:
    """One picture: when its source showed which version. Version 0 is a placeholder."""

    number: int
    sku: str
    bytes: int
    times: list[float] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)

    def version_at(self, hour: float) -> int:
        return self.versions[bisect_right(self.times, hour) - 1]

    def changed_at(self, hour: float) -> float:
        return self.times[bisect_right(self.times, hour) - 1]


@dataclass(frozen=True)
class Answer:
    """What a request gets: a version with its validators, or the news that nothing changed."""

    is_down: bool = False
    is_unmodified: bool = False
    version: int = 0
    etag: str | None = None
    changed_at: float | None = None
    bytes: int = 0


@dataclass
class Supplier:
    """A supplier with its pictures, product by product in the order of its feed."""

    trait: Trait
    products: dict[str, list[Picture]]

    @property
    def pictures(self) -> list[Picture]:
        return [picture for pictures in self.products.values() for picture in pictures]

    def is_down(self, hour: float) -> bool:
        return any(begin <= hour < end for begin, end in self.trait.outages)

    def answer(
        self, picture: Picture, hour: float, etag: str | None = None, since: float | None = None
    ) -> Answer:
        """Answer a request that carries these validators, or none."""
        if self.is_down(hour):
            return Answer(is_down=True)
        validators = self.trait.validators
        if validators == "lying" and (etag or since is not None):
            return Answer(is_unmodified=True, etag=etag, changed_at=-1000.0)
        version = picture.version_at(hour)
        now_etag: str | None = None
        now_changed: float | None = None
        if validators == "lying":
            now_etag, now_changed = f'"{picture.number}"', -1000.0
        elif validators == "noisy":
            now_etag = f'"{picture.number}-{hour:.4f}"'
        elif validators != "absent":
            now_etag = f'"{picture.number}-{version}"'
            if validators == "honest":
                now_changed = picture.changed_at(hour)
            if etag == now_etag:
                return Answer(is_unmodified=True, etag=now_etag, changed_at=now_changed)
        return Answer(False, False, version, now_etag, now_changed, picture.bytes)

    def news(self, begin: float, end: float) -> dict[str, float]:
        """SKU and time of the last change of each product that changed in between."""
        if not self.trait.has_news:
            return {}
        latest = {
            sku: max(time for picture in pictures for time in picture.times if time <= end)
            for sku, pictures in self.products.items()
        }
        return {sku: time for sku, time in latest.items() if time > begin}


def sha256_of(picture: Picture, version: int) -> str:
    """The hash of a version; all placeholders of a supplier are the same bytes."""
    name = f"{picture.number}-{version}" if version else "coming soon"
    return hashlib.sha256(name.encode()).hexdigest()


def draw_suppliers(
    seed: int, pictures: int, days: int, mix: str, *, is_together: bool = True
) -> list[Supplier]:
    """Suppliers with so many pictures between them, and all that happens to these.

    ``is_together``: products have one to four pictures, of which a re-shoot changes most, and now
    and then a supplier does a whole row of products anew. Otherwise each picture is a product of
    its own and changes by itself.
    """
    rng = random.Random(seed)  # noqa: S311 - what is drawn must be the same each time
    suppliers = []
    number = 0
    for trait in TRAITS:
        products: dict[str, list[Picture]] = {}
        wanted = round(pictures * trait.share)
        while wanted > 0:
            count = min(wanted, rng.choice((1, 2, 3, 4)) if is_together else 1)
            wanted -= count
            sku = f"p{number}"
            products[sku] = []
            for _ in range(count):
                size = int(min(2_000_000, max(5_000, rng.lognormvariate(11.5, 0.7))))
                products[sku].append(Picture(number, sku, size))
                number += 1
        suppliers.append(Supplier(trait, products))
    hours = days * 24.0
    for supplier in suppliers:
        _draw_changes(rng, supplier, MIXES[mix], hours, is_together=is_together)
    return suppliers


def _draw_changes(
    rng: random.Random,
    supplier: Supplier,
    mix: Sequence[tuple[float, float]],
    hours: float,
    *,
    is_together: bool,
) -> None:
    changes: dict[int, set[float]] = {picture.number: set() for picture in supplier.pictures}
    skus = list(supplier.products)
    rates = _deal_rates(rng, mix, len(skus))
    for sku, rate in zip(skus, rates, strict=True):
        pictures = supplier.products[sku]
        for time in _poisson(rng, rate / 24, -200 * 24.0, hours):
            chosen = [p for p in pictures if rng.random() < 0.8] or [rng.choice(pictures)]
            for picture in chosen:
                changes[picture.number].add(time)
    if is_together:
        # A row of products done anew: one such day in a month, for a tenth of the products.
        for time in _poisson(rng, 1 / (30 * 24), -200 * 24.0, hours):
            length = max(1, len(skus) // 10)
            begin = rng.randrange(len(skus))
            for sku in skus[begin : begin + length]:
                for picture in supplier.products[sku]:
                    changes[picture.number].add(time + rng.random())
    for picture in supplier.pictures:
        _tell_story(rng, picture, sorted(changes[picture.number]), hours)


def _tell_story(rng: random.Random, picture: Picture, changes: list[float], hours: float) -> None:
    """Versions by time; two in a hundred pictures are a placeholder for some days."""
    picture.times = [-rng.uniform(210, 900) * 24, *changes]
    picture.versions = list(range(1, len(picture.times) + 1))
    if rng.random() < 0.02:
        begin = rng.uniform(24, hours - 24)
        end = begin + rng.uniform(24, 120)
        before = picture.version_at(begin)
        kept = [
            (time, version)
            for time, version in zip(picture.times, picture.versions, strict=True)
            if not begin <= time <= end
        ]
        # Half of them come back as they were.
        after = before if rng.random() < 0.5 else len(picture.versions) + 1
        story = sorted([*kept, (begin, 0), (end, after)])
        picture.times = [time for time, _ in story]
        picture.versions = [version for _, version in story]


def _deal_rates(
    rng: random.Random, mix: Sequence[tuple[float, float]], products: int
) -> list[float]:
    rates = [rate for share, rate in mix for _ in range(round(share * products))]
    rates = (rates + [mix[0][1]] * products)[:products]
    rng.shuffle(rates)
    return rates


def _poisson(rng: random.Random, rate: float, begin: float, end: float) -> list[float]:
    times: list[float] = []
    time = begin
    while rate > 0:
        time += rng.expovariate(rate)
        if time >= end:
            break
        times.append(time)
    return times


@dataclass
class Shown:
    """What a policy shows of one picture, and what that was worth."""

    picture: Picture
    version: int
    since: float = 0.0

    def settle(self, until: float, tally: "Tally") -> None:
        """Count the hours since the last time; then the policy shows ``version`` or another."""
        picture, begin = self.picture, self.since
        index = bisect_right(picture.times, begin) - 1
        while begin < until:
            following = picture.times[index + 1] if index + 1 < len(picture.times) else FOREVER
            end = min(until, following)
            true = picture.versions[index]
            if self.version == 0:
                tally.placeholder_hours += end - begin
            elif true not in (0, self.version):
                tally.wrong_hours += end - begin
            begin = end
            index += 1
        self.since = until


@dataclass
class Tally:
    """What a policy cost and what it got wrong.

    A picture-hour is wrong while the source has a picture that is not the one shown. While the
    source has only a placeholder, any real picture is right.
    """

    wrong_hours: float = 0.0
    placeholder_hours: float = 0.0
    requests: int = 0
    bytes: int = 0
    found: int = 0
