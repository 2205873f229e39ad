"""The demo as a person sees it: its words in a terminal, its gallery in a real browser."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Error, Page, sync_playwright

from tests.real_parts import free_port

SUMMARY = (
    "26 completed, 1 of them reused, 4 failed"
    " (corrupt-image 1, not-an-image 1, not-found 1, too-many-pixels 1)"
)


def demo(tmp_path: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = os.environ | {
        "LIKENESS_STATE_DIR": str(tmp_path / "state"),
        "LIKENESS_API_PORT": str(free_port()),
        "COLUMNS": "80",
        "NO_COLOR": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "worker", "demo", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: "subprocess.Popen[str]", last: str) -> list[str]:
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith(last):
            return lines
    raise AssertionError("\n".join(lines))


@contextmanager
def browser_page(program: Path, width: int) -> Iterator[Page]:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=quiet)
        page = browser.new_page(viewport={"width": width, "height": 900})
        yield page
        browser.close()


@pytest.mark.slow
def test_the_demo_ends_with_the_right_count(tmp_path: Path) -> None:
    process = demo(tmp_path, "--once")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    lines = output.rstrip().splitlines()
    assert lines[-1] == SUMMARY
    assert any(
        re.match(r"MUG-101 +completed +grid +/i/demo/MUG-101/0/grid +\d+ kB", x) for x in lines
    )
    assert any(re.match(r"BAD-HTML +failed +grid +not-an-image", x) for x in lines)
    table = lines[[x.startswith("product") for x in lines].index(True) : -1]
    assert max(map(len, table)) <= 80


def _note(errors: list[str], error: Error) -> None:
    errors.append(str(error))


def pictures_of(page: Page) -> list[dict[str, Any]]:
    """Each card: its status word, and how wide the picture in it really is (0: none, or broken)."""
    found: list[dict[str, Any]] = page.eval_on_selector_all(
        "#cards > li",
        """cards => cards.map(card => ({
             status: card.className.replace('card', '').trim(),
             width: card.querySelector('img')?.naturalWidth ?? 0,
             text: card.innerText,
           }))""",
    )
    return found


# In place of the first one; whether it is higher than its frame.
_SHOW_A_TALL_PICTURE = """async () => {
  const image = document.querySelector('.frame img');
  image.parentElement.querySelectorAll('source').forEach(source => source.remove());
  const canvas = Object.assign(document.createElement('canvas'), {width: 100, height: 400});
  image.removeAttribute('width');
  image.removeAttribute('height');
  image.src = canvas.toDataURL();
  await image.decode();
  return image.offsetHeight > image.closest('.frame').clientHeight;
}"""


@pytest.mark.slow
@pytest.mark.browser
def test_the_gallery_shows_every_picture_in_a_real_browser(tmp_path: Path, chromium: Path) -> None:
    process = demo(tmp_path)
    try:
        assert process.stdout
        lines = read_until(process, "26 completed")
        [address] = [line.split()[1] for line in lines if line.startswith("Gallery: ")]
        for width in (390, 1280):
            with browser_page(chromium, width) as page:
                errors: list[str] = []
                page.on("pageerror", partial(_note, errors))
                page.goto(address)
                # Pictures below the fold are loaded when they are scrolled to.
                for card in page.query_selector_all("#cards > li"):
                    card.scroll_into_view_if_needed()
                page.wait_for_function(
                    "[...document.querySelectorAll('#cards img')].every(i => i.complete)"
                )
                cards = pictures_of(page)
                page.screenshot(path=tmp_path / f"gallery-{width}.png", full_page=True)
                is_cropped = page.evaluate(_SHOW_A_TALL_PICTURE)
                scrolls = page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not errors
            assert not is_cropped
            assert not scrolls, f"the page is wider than {width} px"
            assert len(cards) == 30
            shown = [card for card in cards if card["status"] == "cached"]
            assert len(shown) == 26
            assert all(card["width"] > 0 for card in shown)
            assert sorted(card["status"] for card in cards if card not in shown) == ["failed"] * 4
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)
