"""How long wrong pictures are shown, and at what cost: the freshness policy beside fixed ones.

Suppliers are simulated (changing_supplier.py), time is moved by the seam `likeness.clock`; what is
asked when is decided by the real functions in a real Postgres: plan_checks(), queue_checks(),
claim_images(), finish_images(), merge_feed(). Beside them, on the same suppliers: all pictures
every day, and each picture when it is seven days old. Those two fetch without conditions, hear the
feeds' news like ours, wait out outages at no cost and ask the moment they end.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from scripts.bench.changing_supplier import (
    MIXES,
    Answer,
    Picture,
    Shown,
    Supplier,
    Tally,
    draw_suppliers,
    sha256_of,
)
from worker.db import Connection, connect
from worker.embedded import EmbeddedPostgres
from worker.feeds import import_feed
from worker.migrate import migrate
from worker.settings import Settings

BEGIN = datetime(2030, 3, 1, tzinfo=UTC)
# The day's plan at 02:00; feeds come at 05:00.
PLAN_HOUR, FEED_HOUR = 2, 5
STEP_HOURS = 0.25
UNMODIFIED_BYTES = 300
RENDITIONS = [
    {"preset": name, "format": "webp", "recipe": "simulated", "width": side, "height": side}
    for name, side in (("thumb", 200), ("medium", 800))
]


@dataclass(frozen=True)
class Scenario:
    """One set of suppliers."""

    seed: int
    pictures: int
    days: int
    mix: str
    is_together: bool = True
    has_news: bool = True

    def draw(self) -> list[Supplier]:
        return draw_suppliers(
            self.seed, self.pictures, self.days, self.mix, is_together=self.is_together
        )

    def feed_hours(self) -> list[float]:
        return [day * 24.0 + FEED_HOUR for day in range(self.days)] if self.has_news else []


def run_fixed(scenario: Scenario, age_days: int, *, is_conditional: bool = False) -> Tally:
    """Each picture is asked for when it is so old; the feeds' news count as age."""
    tally = Tally()
    hours = scenario.days * 24.0
    for supplier in scenario.draw():
        news = [(hour, supplier.news(hour - 24, hour)) for hour in scenario.feed_hours()]
        for picture in supplier.pictures:
            shown = Shown(picture, picture.version_at(0.0))
            known = supplier.answer(picture, 0.0)
            told = [hour for hour, changed in news if picture.sku in changed]
            # Daily at 02:00; the older ages begin on different days.
            first = PLAN_HOUR + 24.0 * (picture.number % age_days)
            regular = [first + 24.0 * age_days * k for k in range(scenario.days // age_days + 1)]
            for asked_at in sorted([*regular, *told]):
                # In an outage it waits, for free, until the server is back.
                hour = asked_at
                while supplier.is_down(hour):
                    hour += STEP_HOURS
                if hour >= hours:
                    continue
                validators = (known.etag, known.changed_at) if is_conditional else (None, None)
                answer = supplier.answer(picture, hour, *validators)
                tally.requests += 1
                tally.bytes += answer.bytes or UNMODIFIED_BYTES
                if not answer.is_unmodified:
                    known = answer
                    _show(shown, answer.version, max(hour, shown.since), tally)
            shown.settle(hours, tally)
    return tally


def _show(shown: Shown, version: int, hour: float, tally: Tally) -> None:
    shown.settle(hour, tally)
    if shown.version != version:
        tally.found += 1
        shown.version = version


class Mirror:
    """Likeness itself: its database, and a worker that asks the simulated suppliers."""

    def __init__(self, connection: Connection, scenario: Scenario, budget: float) -> None:
        self._connection = connection
        self._scenario = scenario
        self._budget_percent = budget * 100
        self._suppliers = scenario.draw()
        self._shown: dict[int, Shown] = {}
        self._of_image: dict[int, tuple[Supplier, Shown]] = {}
        self.tally = Tally()

    def run(self) -> Tally:
        """All days; returns what they cost."""
        self._at(-1.0)
        self._import_all()
        self._at(0.0)
        self._work(0.0)
        self.tally.requests = self.tally.bytes = self.tally.found = 0
        steps = round(self._scenario.days * 24 / STEP_HOURS)
        for step in range(1, steps):
            hour = step * STEP_HOURS
            self._at(hour)
            if hour % 24 == PLAN_HOUR:
                self._plan()
            if hour in self._scenario.feed_hours():
                self._hear_news(hour)
            self._value("select count(*) from likeness.tend_queue()")
            self._value(
                "select likeness.queue_checks(%s, %s)", self._budget_percent, 1_000_000_000_000
            )
            self._work(hour)
        for shown in self._shown.values():
            shown.settle(self._scenario.days * 24.0, self.tally)
        return self.tally

    def _plan(self) -> None:
        is_done = False
        while not is_done:
            is_done = self._value(
                "select is_done from likeness.plan_checks(%s, %s)",
                self._budget_percent,
                1_000_000_000_000,
            )
        self._value("select count(*) from likeness.detect_placeholders()")

    def _import_all(self) -> None:
        for supplier in self._suppliers:
            options = {"host_max_in_flight": 10_000, "host_min_interval": "0"}
            self._value(
                "select likeness.save_supplier(%s, %s)", supplier.trait.name, json.dumps(options)
            )
            self._import(supplier, -1.0)
            for shown in (Shown(p, p.version_at(0.0)) for p in supplier.pictures):
                self._shown[shown.picture.number] = shown
        for row in self._rows("select id, source_url from likeness.images"):
            shown = self._shown[int(row["source_url"].rsplit("/", 1)[1])]
            supplier = next(s for s in self._suppliers if s.trait.name in row["source_url"])
            self._of_image[row["id"]] = (supplier, shown)

    def _hear_news(self, hour: float) -> None:
        for supplier in self._suppliers:
            if supplier.trait.has_news:
                self._import(supplier, hour)

    def _import(self, supplier: Supplier, hour: float) -> None:
        name = supplier.trait.name
        lines = [
            json.dumps(
                {
                    "sku": sku,
                    "name": f"Product {sku}",
                    "images": [f"http://{name}.test/{p.number}" for p in pictures],
                    **self._news_of(supplier, pictures, hour),
                }
            )
            for sku, pictures in supplier.products.items()
        ]
        feed = "\n".join(lines).encode()
        result = import_feed(self._connection, [feed], supplier=name, name="simulated")
        if result.rejected or result.dataset_id is None:
            sys.exit(f"the feed was refused: {result.rejects[:1]}")
        self._value("select queued from likeness.activate_dataset(%s)", result.dataset_id)

    def _news_of(self, supplier: Supplier, pictures: list[Picture], hour: float) -> dict[str, str]:
        if not (supplier.trait.has_news and self._scenario.has_news):
            return {}
        latest = max(picture.changed_at(hour) for picture in pictures)
        return {"media_changed_at": _clock(latest).isoformat()}

    def _work(self, hour: float) -> None:
        while claims := self._rows(
            "select * from likeness.claim_images('bench/1', 500, '1 hour', 500)"
        ):
            outcomes = [self._fetch(claim, hour) for claim in claims]
            sha256s = sorted({o["sha256"] for o in outcomes if o.get("sha256")})
            answers = {
                row["sha256"]: row["answer"]
                for row in self._rows(
                    "select sha256, answer from likeness.begin_blobs('bench/1', %s)", sha256s
                )
            }
            for outcome in outcomes:
                is_new = answers.get(outcome.get("sha256", "")) == "yours"
                outcome |= {"is_reused": not is_new}
                if is_new:
                    outcome["blob"] = _blob(outcome)
            self._value(
                "select count(*) from likeness.finish_images('bench/1', %s::jsonb)",
                json.dumps(outcomes),
            )
            self._note_what_is_shown([claim["image_id"] for claim in claims], hour)

    def _fetch(self, claim: dict[str, Any], hour: float) -> dict[str, Any]:
        """What the worker does with a claim (worker/pipeline.py), the network aside."""
        supplier, shown = self._of_image[claim["image_id"]]
        since = claim["last_modified"] and _hour(parsedate_to_datetime(claim["last_modified"]))
        answer = self._ask(supplier, shown.picture, hour, claim["etag"], since)
        said_unmodified = answer.is_unmodified
        if said_unmodified and claim["is_audit"]:
            answer = self._ask(supplier, shown.picture, hour, None, None)
        outcome: dict[str, Any] = {
            "image_id": claim["image_id"],
            "claim_no": claim["claim_no"],
            "is_conditional": bool(claim["etag"] or claim["last_modified"]),
            "said_unmodified": said_unmodified,
            "fetch_ms": 20,
        }
        if answer.is_down:
            return outcome | {
                "is_completed": False,
                "reason": "connection-refused",
                "failure_text": "down",
                "is_retryable": True,
                "is_host_fault": True,
            }
        outcome |= {"is_completed": True, "etag": answer.etag, "last_modified": _date(answer)}
        if not answer.is_unmodified:
            outcome |= {
                "sha256": sha256_of(shown.picture, answer.version),
                "source_bytes": answer.bytes,
            }
        return outcome

    def _ask(
        self,
        supplier: Supplier,
        picture: Picture,
        hour: float,
        etag: str | None,
        since: float | None,
    ) -> Answer:
        answer = supplier.answer(picture, hour, etag, since)
        self.tally.requests += 1
        self.tally.bytes += answer.bytes or UNMODIFIED_BYTES
        return answer

    def _note_what_is_shown(self, image_ids: list[int], hour: float) -> None:
        rows = self._rows(
            "select id, blob_sha256 from likeness.images where id = any(%s)", image_ids
        )
        for row in rows:
            _, shown = self._of_image[row["id"]]
            for version in {shown.picture.version_at(hour), shown.version, 0}:
                if row["blob_sha256"] == sha256_of(shown.picture, version):
                    _show(shown, version, max(hour, shown.since), self.tally)
                    break
            else:
                # Nothing is shown: nothing wrong either.
                shown.settle(hour, self.tally)

    def _at(self, hour: float) -> None:
        self._value("select set_config('likeness.clock', %s, false)", _clock(hour).isoformat())

    def _rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        return self._connection.execute(query.encode(), arguments).fetchall()

    def _value(self, query: str, *arguments: object) -> Any:
        return next(iter(self._rows(query, *arguments)[0].values()))


def _blob(outcome: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": "jpeg",
        "width": 1000,
        "height": 1000,
        "bytes": outcome["source_bytes"],
        "has_original": False,
        "renditions": RENDITIONS,
    }


def _clock(hour: float) -> datetime:
    return BEGIN + timedelta(hours=hour)


def _hour(moment: datetime) -> float:
    return (moment - BEGIN).total_seconds() / 3600


def _date(answer: Answer) -> str | None:
    if answer.changed_at is None:
        return None
    return format_datetime(_clock(answer.changed_at), usegmt=True)


@contextmanager
def start_postgres() -> Iterator[EmbeddedPostgres]:
    """A Postgres of our own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="likeness-freshness-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()


def run_ours(postgres: EmbeddedPostgres, scenario: Scenario, budget: float, number: int) -> Tally:
    """The scenario in a database of its own."""
    name = f"likeness_{number}"
    postgres.create_database(name)
    conninfo = postgres.conninfo(name)
    migrate(conninfo)
    settings = Settings(database_url=SecretStr(conninfo), log_level="error")
    with connect(settings, "bench") as connection:
        # Nothing here outlives the run.
        connection.execute("set synchronous_commit = off")
        return Mirror(connection, scenario, budget).run()


def compare(
    postgres: EmbeddedPostgres, scenario: Scenario, budgets: Sequence[float], number: int
) -> dict[str, Any]:
    """One scenario under all policies: rows of figures by the name of the policy."""
    daily = run_fixed(scenario, 1)
    rows = {
        "daily": daily,
        "daily_conditional": run_fixed(scenario, 1, is_conditional=True),
        "age_7_days": run_fixed(scenario, 7),
    }
    for turn, budget in enumerate(budgets):
        began = time.perf_counter()
        rows[f"ours_{budget * 100:g}_percent"] = run_ours(
            postgres, scenario, budget, number * 100 + turn
        )
        print(f"  {budget:.1%}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return {name: _figures(tally, daily) for name, tally in rows.items()}


def _figures(tally: Tally, daily: Tally) -> dict[str, float]:
    return {
        "wrong_picture_hours": round(tally.wrong_hours),
        "requests": tally.requests,
        "bytes": tally.bytes,
        "placeholder_hours": round(tally.placeholder_hours),
        "wrong_hours_to_daily_ratio": round(tally.wrong_hours / max(1, daily.wrong_hours), 3),
        "requests_to_daily_ratio": round(tally.requests / daily.requests, 3),
        "bytes_to_daily_ratio": round(tally.bytes / daily.bytes, 3),
    }


def _print(title: str, rows: dict[str, dict[str, float]]) -> None:
    print(f"\n{title}")
    print(
        f"{'policy':<20}{'wrong hours':>12}{'to daily':>10}{'requests':>10}{'to daily':>10}"
        f"{'GB':>8}{'to daily':>10}{'placeholder h':>15}"
    )
    for name, row in rows.items():
        print(
            f"{name:<20}{row['wrong_picture_hours']:>12,}{row['wrong_hours_to_daily_ratio']:>10.2f}"
            f"{row['requests']:>10,}{row['requests_to_daily_ratio']:>10.2f}"
            f"{row['bytes'] / 1e9:>8.2f}{row['bytes_to_daily_ratio']:>10.2f}"
            f"{row['placeholder_hours']:>15,}"
        )


def _summary(results: dict[str, dict[str, dict[str, float]]]) -> dict[str, Any]:
    """The scenarios, and the worst of the policy at a quarter of the daily check's requests."""
    at_a_quarter = [
        row["wrong_hours_to_daily_ratio"]
        for rows in results.values()
        for name, row in rows.items()
        if name.startswith("ours") and 0.2 <= row["requests_to_daily_ratio"] <= 0.25
    ]
    return {
        "worst_wrong_hours_to_daily_ratio_at_a_quarter": max(at_a_quarter, default=None),
        "is_less_stale_than_daily_at_a_quarter": bool(at_a_quarter) and max(at_a_quarter) < 1,
        "scenarios": results,
    }


def main() -> None:
    """Parse the command line, run, print tables and, last, one JSON object."""
    parser = argparse.ArgumentParser(prog="scripts/bench/freshness", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--pictures", type=int, help="pictures (default 5000; quick 1000)")
    parser.add_argument("--days", type=int, help="simulated days (default 30; quick 14)")
    parser.add_argument("--seed", type=int, action="append", help="may be given again")
    parser.add_argument("--mix", choices=sorted(MIXES), action="append", help="may be given again")
    parser.add_argument("--budget", type=float, action="append", help="requests a picture and day")
    parser.add_argument("--no-news", action="store_true", help="no feed tells of changes")
    parser.add_argument("--apart", action="store_true", help="each picture changes by itself")
    options = parser.parse_args()
    pictures = options.pictures or (1000 if options.quick else 5000)
    days = options.days or (14 if options.quick else 30)
    scenarios = [
        Scenario(seed, pictures, days, mix, not options.apart, not options.no_news)
        for mix in options.mix or ["shop"]
        for seed in options.seed or [1]
    ]
    # What feeds tell of is fetched beyond the budget: with it, this is a quarter.
    budgets = options.budget or ([0.245] if options.quick else [0.10, 0.245, 0.50])
    results = {}
    with start_postgres() as postgres:
        for number, scenario in enumerate(scenarios):
            rows = compare(postgres, scenario, budgets, number)
            name = f"{scenario.mix}, seed {scenario.seed}"
            _print(f"{name}: {pictures} pictures, {days} days", rows)
            results[name] = rows
    if options.json:
        print(json.dumps(_summary(results) | {"pictures": pictures, "days": days}))


if __name__ == "__main__":
    main()
