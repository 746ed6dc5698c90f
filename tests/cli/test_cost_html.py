"""The page of `llmo cost --html`, in a real browser."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from llmo.ledger.records import Call, Settlement
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from llmo.types.events import Usage
from llmo.types.money import DOLLAR
from tests import peers
from tests.patience import LONG

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Llmo

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SIZE = (600, 900)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=600,900")
PROFILE = """
timezone = "UTC"
[providers.openai]
kind = "openai"
[[budgets]]
name = "month <of> tests"
limit_usd = "10"
window = "total"
"""


class Clock:
    def __init__(self) -> None:
        self.time = SystemClock().now()

    def now(self) -> float:
        return self.time


@pytest.fixture
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(peers.missing("chromium"))
    return found


@pytest.fixture
def page(llmo: Llmo) -> Path:
    """The page of two weeks with everything that it can show."""
    (llmo.home / "p.toml").write_text(PROFILE)
    clock = Clock()
    book, now = SQLiteLedger(llmo.home / "data" / "ledger.db", clock, "UTC"), clock.time
    for number in range(60):
        clock.time = now - number % 14 * 86_400
        model, task = ("gpt-5", "gpt-5-mini", "<i>odd</i>")[number % 3], ("simple", "complex")[number % 2]
        call = Call(id=str(number), run="r", provider="openai", model=model, task=task)
        book.hold(call, None if number == 5 else DOLLAR)
        usage = Usage(5000, 800, cached_input_tokens=2000, reasoning_tokens=64)
        cost = None if number == 5 else DOLLAR * (number % 7) // 50
        book.settle(
            str(number),
            Settlement(cost=cost, source="computed", usage=usage, duration_s=1 + number % 5, first_token_s=0.4),
        )
    book.close()
    run = llmo("-P", "p.toml", "cost", "--html", "cost.html", "--since", "30d")
    assert 0 == run.code, run.stderr
    return llmo.home / "cost.html"


def chromium(browser: str, home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [browser, *FLAGS, f"--user-data-dir={home / 'browser'}", *args],
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


def test_the_page_stands_alone(page: Path) -> None:
    """
    No script, no address, nothing to fetch; what models are called is text.
    """
    text = page.read_text("utf-8")

    assert [] == re.findall(r"<script|<link|<img|https?:|url\(|@import|\son\w+=", text)
    assert "<i>odd</i>" not in text
    assert "&lt;i&gt;odd&lt;/i&gt;" in text
    assert len(text) < 200_000


def test_a_browser_shows_every_part(page: Path, browser: str) -> None:
    """
    Headlines, a piece for each day and model, legends, times, savings, budgets.
    """
    shown = chromium(browser, page.parent, "--dump-dom", page.as_uri()).stdout

    assert [
        "Budgets",
        "Spending by day",
        "By model",
        "By task",
        "Time",
        "Saved by prompt caching",
        "All groups",
    ] == re.findall("<h2>(.*?)</h2>", shown)
    assert 14 <= shown.count("<rect") <= 42
    assert "≥ $" in shown
    assert "(1 call unpriced)" in shown
    assert "month &lt;of&gt; tests (total)" in shown
    assert shown.count("95 % in") == 3
    assert re.search(r"\$[\d.]+ in total, at prices of 20\d\d-\d\d-\d\d", shown)
    assert "NaN" not in shown


def test_a_browser_paints_it(page: Path, browser: str) -> None:
    """
    The colours of the chart are on the screen, next to each other, in light and dark.
    """
    for dark in (False, True):
        picture = page.parent / f"{dark}.png"
        more = ("--force-dark-mode", "--blink-settings=preferredColorScheme=0") if dark else ()
        chromium(browser, page.parent, *more, f"--screenshot={picture}", page.as_uri())
        width, height, pixels = _pixels(picture)
        found = set(pixels)

        assert SIZE == (width, height)
        assert {(0x44, 0x77, 0xAA), (0xEE, 0x66, 0x77), (0x22, 0x88, 0x33)} <= found
        assert ((0x16, 0x18, 0x1C) if dark else (255, 255, 255)) == pixels[0]


def _pixels(path: Path) -> tuple[int, int, list[tuple[int, ...]]]:
    """A PNG without alpha or with, eight bits, as Chromium writes it."""
    data, at, body = path.read_bytes(), 8, b""
    width, height, kind = 0, 0, 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        name, chunk = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if name == b"IHDR":
            width, height, _, kind = struct.unpack_from(">IIBB", chunk)
        body += chunk if name == b"IDAT" else b""
        at += size + 12
    each = {2: 3, 6: 4}[kind]
    raw, before, pixels = zlib.decompress(body), bytearray(width * each), []
    for row in range(height):
        begin = row * (width * each + 1)
        before = _line(raw[begin], bytearray(raw[begin + 1 : begin + 1 + width * each]), before, each)
        pixels += [tuple(before[x : x + 3]) for x in range(0, width * each, each)]
    return width, height, pixels


def _line(how: int, line: bytearray, above: bytearray, each: int) -> bytearray:
    """Undo a PNG filter."""
    for x in range(len(line)):
        left = line[x - each] if x >= each else 0
        corner = above[x - each] if x >= each else 0
        guess: Any = (0, left, above[x], (left + above[x]) // 2, _paeth(left, above[x], corner))[how]
        line[x] = (line[x] + guess) & 255
    return line


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
