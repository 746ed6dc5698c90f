"""
aimock, a mock written by others, that speaks the OpenAI, Anthropic and Ollama dialects.

Found through `LLMO_TEST_AIMOCK` (its `cli.js`), the cache directory that `.ci/run` installs it into, or `aimock` on
PATH. What it answers stands in `fixtures.json`; the first match wins, and `userMessage` matches a part of the
message. Its counters (`sequenceIndex`) are kept per `X-Test-Id` header.

Not a proof for: usage of Ollama (its counts are always 0), Ollama's error shape, usage of Anthropic without a `usage`
in the fixture, cuts without `latency`.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

FIXTURES = Path(__file__).with_name("fixtures.json")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llmo-tests" / "aimock"
CLI = "node_modules/@copilotkit/aimock/dist/cli.js"


@dataclass(frozen=True)
class Aimock:
    """A running server."""

    url: str

    def journal(self, test_id: str) -> list[dict[str, Any]]:
        """Every request that came with this `X-Test-Id`, in order, as the server saw it."""
        with urllib.request.urlopen(f"{self.url}/__aimock/journal?testId={test_id}", timeout=LONG) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found


def command() -> list[str] | None:
    """How to start it, or None when it or node is missing."""
    named = os.environ.get("LLMO_TEST_AIMOCK")
    script = Path(named) if named else CACHE / CLI
    node = shutil.which("node")
    if node and script.is_file():
        return [node, str(script)]
    found = shutil.which("aimock")
    return [found] if found else None


def serve(start: list[str]) -> Iterator[Aimock]:
    """Run it on a free port of 127.0.0.1 until the generator is closed."""
    args = [*start, "--port", "0", "--fixtures", str(FIXTURES), "--log-level", "info", "--journal-max", "0"]
    with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=_forward, args=(process.stdout, lines), daemon=True)
        reader.start()
        try:
            yield Aimock(_address(lines))
        finally:
            process.terminate()
            process.wait(10)
            reader.join(10)


def _forward(source: IO[str], lines: queue.SimpleQueue[str]) -> None:
    # Keeps the pipe empty for as long as the server lives: it logs every request.
    for line in source:
        lines.put(line)
    lines.put("")


def _address(lines: queue.SimpleQueue[str]) -> str:
    seen = []
    while line := lines.get(timeout=LONG):
        seen.append(line)
        if found := re.search(r"listening on (http://\S+)", line):
            return found[1]
    raise AssertionError("aimock did not start: " + "".join(seen))
