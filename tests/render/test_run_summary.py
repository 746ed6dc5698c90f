"""What a batch came to, for a person."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.stats import RunStats
from llmo.render import side_by_side
from llmo.render.run_summary import summary

if TYPE_CHECKING:
    from tests.conftest import Llmo

FLAKY = """
model = "offline/echo"
[providers.offline]
kind = "offline"
[providers.offline.offline]
fail = "{kind}"
fail_every = {every}
"""


def stats() -> RunStats:
    """A run of which everything can be said."""
    found = RunStats(total=1000, skipped=100, copied=3, retries=7, throttled=2, spent=10**12, used=0.97)
    for _ in range(880):
        found.count("ok", None)
    for number in range(12):
        found.count("error", "unavailable", (f"r{number}", number, "HTTP 503:\n  overloaded, " + "x" * 300))
    for number in range(20, 23):
        found.count("invalid", "invalid_output", (f"{number:032x}", number, "label: not one of a, b"))
    found.models["openai/gpt-x"] = Counter(calls=900, cost=10**12, input_tokens=1234, output_tokens=5678)
    for _ in range(100):
        found.latencies.add(1.0)
    return found


def test_a_summary_has_each_kind_of_failure_with_one_message_and_its_command() -> None:
    """
    The most frequent first; a row without an id of its own has its number.
    """
    lines = summary(stats().report(), 100.0, retry=lambda kind: f"retry: llmo batch --retry-errors={kind}")

    assert lines == [
        (
            "llmo: 895 rows in 1 min 40 s (8.9 rows/s): 880 ok, 12 error, 3 invalid; 100 already done; "
            "3 duplicates of another row; 5 left; 7 retries; 2 HTTP 429 responses"
        ),
        f"llmo: failed: 12 unavailable, as r0: HTTP 503: overloaded, {'x' * 178} …",
        "  retry: llmo batch --retry-errors=unavailable",
        "llmo: failed: 3 invalid_output, as row 21: label: not one of a, b",
        "  retry: llmo batch --retry-errors=invalid_output",
        "llmo: openai/gpt-x: 900 calls, 1,234 → 5,678 tokens, $1.00",
        "llmo: cost $1.00; latency 1.0 s p50, 1.0 s p95; 97% of the limit used",
    ]


@pytest.mark.parametrize("width", [10, 40, 80, 120])
def test_lines_are_folded_and_commands_are_not(width: int) -> None:
    """
    Whoever copies a command gets all of it; nothing else is wider than the terminal, and no word is lost.
    """
    report, command = stats().report(), "retry: llmo batch rows.jsonl -o out.jsonl --retry-errors=unavailable"
    whole = summary(report, 100.0, retry=lambda _: command)
    folded = summary(report, 100.0, retry=lambda _: command, width=width)

    assert [line for line in folded if len(line) > width] == [
        line for line in folded if command in line and len(line) > width
    ]
    assert 2 == sum(command in line for line in folded)
    assert "".join("".join(whole).split()) == "".join("".join(folded).split())


@pytest.mark.parametrize("width", [40, 80])
def test_the_standings_of_a_comparison_fit(width: int) -> None:
    """
    Each model with all its figures.
    """
    model = {"ok": 3, "failed": 0, "input_tokens": 6000, "output_tokens": 45_000, "cost_usd": "0.1", "unpriced": 0}
    models = [{"provider": "openrouter", "model": f"vendor/model-{n}", "latency_p50_s": 1.2, **model} for n in range(3)]
    report: dict[str, Any] = {"models": models, "agreement": 0.5, "agreement_rows": 2}
    lines = side_by_side.standings(report, width)

    assert width >= max(map(len, lines))
    assert 3 == sum("openrouter/vendor/model-" in line for line in lines) or width == 80
    assert lines[-1] == "same data in 50.0% of 2 rows"


def test_the_command_of_a_failure_retries_it_and_only_it(llmo: Llmo) -> None:
    """
    As it is printed, whatever the run was started with.
    """
    (llmo.home / "rows.txt").write_text("".join(f"it's row {n}\n" for n in range(12)), "utf-8")
    (llmo.home / "p.toml").write_text(FLAKY.format(kind="unavailable", every=4), "utf-8")
    args = ("-P", "p.toml", "batch", "rows.txt", "-o", "out.jsonl", "-j", "1", "--retries", "0")
    run = llmo(*args, "--retry-errors=timeout", "--prompt", "a {{ text }}", "-y", "--restart")
    (command,) = (line for line in run.stderr.splitlines() if line.startswith("  retry: "))
    (llmo.home / "p.toml").write_text(FLAKY.format(kind="unavailable", every=1000), "utf-8")
    again = llmo(*shlex.split(command)[2:])

    assert (7, 0) == (run.code, again.code)
    assert "llmo: failed: 3 unavailable, as row 4: the offline provider was told to be unavailable" in run.stderr
    assert command.split()[-1] == "--retry-errors=unavailable"
    assert "--restart" not in command
    assert "3 rows in" in again.stderr


def test_failures_that_no_command_retries_have_none(llmo: Llmo) -> None:
    """
    Without an output nothing can be resumed; the file of --errors is named.
    """
    (llmo.home / "p.toml").write_text(FLAKY.format(kind="unavailable", every=2), "utf-8")
    run = llmo("-P", "p.toml", "batch", "--errors", "bad.jsonl", "-j", "1", "--retries", "0", stdin="a\nb\n")

    assert "failed: 1 unavailable, as row 2: " in run.stderr
    assert "retry: " not in run.stderr
    assert "llmo: the failed rows are in bad.jsonl" in run.stderr
