"""Owns feeds: a supplier's file becomes products and pictures, or a line in the rejects file.

Bytes → text (`text`) → records (`records`, whose columns `header` knows) → rows (`rows`, with
`values` and `pictures`) → COPY and merge (`imports`). What a row becomes is decided in SQL.
"""

from worker.feeds.imports import ImportResult, import_feed, import_feed_stream, import_file
from worker.feeds.records import FeedFormat, Flaw

__all__ = ["FeedFormat", "Flaw", "ImportResult", "import_feed", "import_feed_stream", "import_file"]
