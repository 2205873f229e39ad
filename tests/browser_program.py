"""Owns the finding of a real browser on this machine."""

import os
import shutil
from pathlib import Path


def find_chromium() -> Path | None:
    """The browser's program: LIKENESS_TEST_CHROMIUM, else one on PATH."""
    named = os.environ.get("LIKENESS_TEST_CHROMIUM")
    names = ["chromium", "chromium-browser", "google-chrome"]
    found = named or next(filter(None, map(shutil.which, names)), None)
    return Path(found) if found else None
