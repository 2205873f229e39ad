"""Owns how rows look: a table for a person at 80 columns, JSON for a script."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

Row = Mapping[str, Any]


def as_json(value: object) -> str:
    """JSON on one line; times as ISO 8601, durations in seconds."""
    return json.dumps(value, default=_plain)


def as_table(title: str, rows: Sequence[Row], columns: Sequence[str]) -> "Table":
    """A table of some columns. Where it is too wide, the first (a name) is cut, the last broken."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        is_number = any(isinstance(row[column], int | float | Decimal) for row in rows)
        is_last = column == columns[-1]
        is_end = is_last or column == columns[0]
        table.add_column(
            column.replace("_", " "),
            justify="right" if is_number else "left",
            overflow="fold" if is_last else "ellipsis",
            no_wrap=is_number or not is_end,
        )
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    return table


def _cell(value: object) -> str:
    from rich.markup import escape

    if value is None:
        return ""
    if isinstance(value, datetime):
        is_today = value.date() == datetime.now(value.tzinfo).date()
        return value.strftime("%H:%M:%S" if is_today else "%m-%d %H:%M:%S")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return escape(str(value))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return float(value)
    return str(value)
