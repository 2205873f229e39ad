"""Barcodes: what is read, what is repaired, what is refused and why; and the whole of upc_dev."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest
from psycopg import Connection
from psycopg.rows import DictRow

Db = Connection[DictRow]

RIGHT = {
    "4006381333931": "04006381333931",
    "036000291452": "00036000291452",
    "96385074": "00000096385074",
    "10614141000415": "10614141000415",
    "9780306406157": "09780306406157",
}
ZEROS = "leading zeros were put back"
REPAIRED = {
    "36000291452": ("00036000291452", ZEROS),
    "3.6000291452E+10": ("00036000291452", f"scientific notation was written out and {ZEROS}"),
    "36000291452.0": ("00036000291452", f"a decimal point was taken off and {ZEROS}"),
    "0-36000-29145-2": ("00036000291452", "other characters were taken out"),
    '="036000291452"': ("00036000291452", "other characters were taken out"),
    '"=""036000291452"""': ("00036000291452", "other characters were taken out"),
    "UPC: 036000291452": ("00036000291452", "other characters were taken out"),
    "\uff10\uff13\uff16\uff10\uff10\uff10\uff12\uff19\uff11\uff14\uff15\uff12": (
        "00036000291452",
        "other characters were taken out",
    ),
    "\u0660\u0663\u0666\u0660\u0660\u0660\u0662\u0669\u0661\u0664\u0665\u0662": (
        "00036000291452",
        "other characters were taken out",
    ),
    "4.006381333931e+012": ("04006381333931", "scientific notation was written out"),
    "\u00a0036000291452\t": ("00036000291452", "other characters were taken out"),
    "00000036000291452": ("00036000291452", "zeros in front were taken off"),
    "(01)00036000291452": ("00036000291452", "other characters were taken out"),
    "https://id.example/01/04006381333931": ("04006381333931", "other characters were taken out"),
    "04252614": ("00042100005264", "UPC-E was written out"),
    "ISBN 0-306-40615-2": ("09780306406157", "ISBN-10 became ISBN-13"),
    "0-8044-2957-X": ("09780804429573", "ISBN-10 became ISBN-13"),
}
REFUSED = {
    "4006381333930": "its check digit is wrong",
    "ISBN 0-306-40615-3": "its check digit is wrong",
    "0000000000000": "it is all zeros",
    "4.00638E+12": "a spreadsheet cut its last digits off (scientific notation)",
    "5.90123412346E+12": "a spreadsheet cut its last digits off (scientific notation)",
    "4.006381E+12": "a spreadsheet cut its last digits off (scientific notation)",
    "111111111111": "it is a placeholder, not a number that was given out",
    "123456789012": "it is a placeholder, not a number that was given out",
    "N/A": "it is a placeholder, not a number that was given out",
    "-": "it is a placeholder, not a number that was given out",
    "212345678901"[:11] + "2": "its check digit is wrong",
    "200000000008"[:11] + "6": "its check digit is wrong",
    "036000291452; 4006381333931": "there is more than one number",
    "red": "it is not a number",
    "12": "it has too few digits",
    "1234567890123456789": "it has too many digits",
}


def check_digit(body: str) -> str:
    total = sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(reversed(body)))
    return str(-total % 10)


def read(db: Db, raw: str | None) -> list[dict[str, object]]:
    return db.execute("select * from likeness.read_gtin(%s)", [raw]).fetchall()


def described(db: Db, raw: str) -> tuple[str | None, str | None]:
    row = db.execute(
        "select likeness.normalize_gtin(%(raw)s) as gtin, likeness.note_gtin(%(raw)s) as note",
        {"raw": raw},
    ).fetchone()
    assert row
    return row["gtin"], row["note"]


@pytest.mark.parametrize(("raw", "gtin"), RIGHT.items())
def test_a_right_barcode_is_taken_as_it_is(connection: Db, raw: str, gtin: str) -> None:
    assert described(connection, raw) == (gtin, None)


@pytest.mark.parametrize(("raw", "expected"), REPAIRED.items())
def test_a_barcode_is_repaired_where_that_is_safe_and_says_so(
    connection: Db, raw: str, expected: tuple[str, str]
) -> None:
    assert described(connection, raw) == expected


@pytest.mark.parametrize(("raw", "reason"), REFUSED.items())
def test_a_barcode_is_refused_with_a_reason(connection: Db, raw: str, reason: str) -> None:
    assert described(connection, raw) == (None, reason)


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        ("02", "restricted circulation"),
        ("04", "restricted circulation"),
        ("20", "restricted circulation"),
        ("29", "restricted circulation"),
        ("05", "coupon"),
        ("98", "coupon"),
        ("99", "coupon"),
        ("0000000", "inside one company"),
        ("000002", "inside one company"),
    ],
)
def test_a_number_that_means_the_same_nowhere_else_is_refused(
    connection: Db, prefix: str, reason: str
) -> None:
    body = (prefix + "639517408263")[:12]
    gtin, note = described(connection, body + check_digit(body))
    assert gtin is None
    assert note
    assert reason in note


@pytest.mark.parametrize("raw", [None, "", "  ", "\u00a0"])
def test_nothing_has_no_reading_and_no_reason(connection: Db, raw: str | None) -> None:
    assert read(connection, raw) == []


def test_without_a_check_digit_only_the_name_can_prove_it(connection: Db) -> None:
    readings = read(connection, "03600029145")
    assert {"gtin": "00036000291452", "grade": 2} in [
        {key: row[key] for key in ("gtin", "grade")} for row in readings
    ]
    assert described(connection, "03600029145")[0] is None


def test_every_way_of_upc_dev_is_read_as_its_kind_says(connection: Db, shared: Path) -> None:
    """Recoverable barcodes lead to their product, hopeless ones to none."""
    folder = shared / "matching" / "upc_dev"
    connection.execute("create temporary table known (id text, gtin text)")
    connection.execute("create temporary table given (id text, raw text)")
    for table, file, column in (("known", "canonical", 1), ("given", "incoming", 1)):
        with (folder / f"{file}.csv").open(encoding="utf-8", newline="") as source:
            rows = [(row[0], row[column]) for row in list(csv.reader(source))[1:]]
        with connection.cursor() as cursor, cursor.copy(f"copy {table} from stdin") as copy:
            for row in rows:
                copy.write_row(row)
    connection.execute("update known set gtin = likeness.normalize_gtin(gtin)")
    found = connection.execute(
        "select g.id, k.id as found, r.grade from given g"
        " cross join lateral likeness.read_gtin(g.raw) r join known k on k.gtin = r.gtin"
    ).fetchall()
    kinds = _column(folder / "kinds.csv")
    truth = _column(folder / "truth.csv")
    hits: dict[str, set[str]] = defaultdict(set)
    for hit in found:
        hits[hit["id"]].add(hit["found"])

    hopeless = {"absent", "instore", "missing", "placeholder", "sci_lossy", "transpose", "typo1"}
    assert not [number for number, kind in kinds.items() if kind in hopeless and hits[number]]
    # A barcode of something else is caught by its name: see test_matching_decisions.
    recoverable = [n for n, kind in kinds.items() if kind not in {*hopeless, "wrong_upc"}]
    assert not [number for number in recoverable if hits[number] - {truth[number]}]
    # The rest are numbers for use inside one company, which the catalogue should not have.
    assert sum(bool(hits[n]) for n in recoverable) / len(recoverable) >= 0.998


def _column(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as source:
        return {row[0]: row[1] for row in list(csv.reader(source))[1:]}
