"""
No text makes a pattern take more than its share of time: whoever sends 80 KB waits no longer than for 80 KB.

Counted is work, not time: the CPU that eight times the text takes, against that of the text. A pattern that scans
a run from each of its places takes sixty-four times as much, on any machine.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil
import re
import time
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import llmo
from llmo.errors import Rejected
from llmo.providers.http.error_mapping import ErrorBody, classify
from llmo.routing import privacy
from llmo.types import named_secrets, redact
from llmo.types.key_shapes import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llmo.config.profile import Detector

SMALL, TIMES = 2_000, 8
MOST = 26
"""As many times the work may be; between 8, which is right, and 64, which is not, with room for both."""
FREE_S = 0.02
"""CPU seconds that a large text may always take: less can't be measured well, and harms nobody."""
PUMPS = (
    *(
        "a",
        "a+",
        "a@",
        "a.",
        "@a.",
        "a@b.-",
        "a_",
        "a-",
        "é",
        " ",
        "\t",
        "\n",
        "\r\n",
        "=",
        ":",
        '"',
        "'",
        "\\",
        "{",
        "[",
    ),
    *(
        "1",
        "1 ",
        "1-",
        "1.",
        "A1",
        "AA11 ",
        "QUJD",
        "0m",
        "limit 1",
        "-",
        "#",
        "`",
        ">",
        "*",
        "\x1b]",
        "\x1b[",
        "\x1b[0;",
    ),
    *(
        "-----BEGIN ",
        "-----BEGIN A ",
        "-----BEGIN PRIVATE KEY-----",
        "sk-",
        "sk-a",
        "eyJ",
        "eyJaaaaaaaa",
        "-eyJaaaaaaaa.",
    ),
    *("password", "password:", "pwd: ", "api_key", "api_key=", "api key ", "bearer ", "?key=", "Error", "ErrorError: "),
)


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    """Every pattern for text that a module of llmo keeps, by where it stands."""
    found: dict[str, re.Pattern[str]] = {}
    for module in pkgutil.walk_packages(llmo.__path__, "llmo."):
        try:
            names = vars(importlib.import_module(module.name))
        except ModuleNotFoundError:  # an extra that is not installed here
            continue
        for name, value in names.items():
            for number, one in enumerate(_within(value)):
                found.setdefault(one.pattern, one)
                found[f"{module.name}.{name}.{number}"] = found.pop(one.pattern)
    return {name: one for name, one in found.items() if isinstance(one.pattern, str)}


def _within(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _within(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _within(one)


def _work(do: Callable[[str], object], text: str) -> float:
    """CPU seconds, the least of three tries."""

    def once() -> float:
        began = time.process_time()
        do(text)
        return time.process_time() - began

    gc.collect()
    return min(once() for _ in range(3))


def _superlinear(do: Callable[[str], object], pump: str) -> float | None:
    """How many times the work eight times the text is, None when that is fair."""
    small, large = ((pump * (size // len(pump) + 1))[:size] + "\x00!" for size in (SMALL, SMALL * TIMES))
    began = time.process_time()
    do(large)
    if time.process_time() - began < FREE_S:
        return None
    ratio = _work(do, large) / max(_work(do, small), 1e-6)
    return ratio if ratio > MOST else None


def _pumps(pattern: str) -> tuple[str, ...]:
    """The words of a pattern, over and over, are what makes it begin and fail most often."""
    words = dict.fromkeys(re.findall(r"[A-Za-z@=:_-]{3,}", pattern))
    return (*PUMPS, *(f"{word}{end}" for word in words for end in ("", " a")))


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_takes_linear_time(name: str) -> None:
    """
    Searching a text of any shape, built of the pattern's own words too, takes time proportional to its length.
    """
    pattern = patterns()[name]
    slow = {
        pump: ratio for pump in _pumps(pattern.pattern) if (ratio := _superlinear(lambda t: pattern.sub("", t), pump))
    }

    assert slow == {}


NAMED = tuple(dict.fromkeys(re.findall(r"[\w-]{2,}", " ".join((*named_secrets.NAMES, *(one.prefix for one in KEYS))))))
"""The names and beginnings that detectors stop at: most work is where they stand in a row."""


@pytest.mark.parametrize(
    "pump",
    [
        *PUMPS,
        *(
            "password = a1",
            "the password for a ",
            "password: a|",
            "x://a:b",
            "-u a:",
            "user a pass ",
            "mysql a -p",
            "$6$a",
        ),
        *(
            "1 1",
            "12 ",
            "4111 ",
            "123-45-",
            "DE89 ",
            "ssn 1",
            "dni 1",
            "passport A1",
            "A1B2",
            "+49 1",
            "0171/",
            "1 Aa ",
        ),
        *("a\u200b", "\uff53\uff4b\uff0d", "\uff11\uff12", "\ufdfa"),
    ],
)
def test_looking_for_private_data_takes_linear_time(pump: str) -> None:
    """
    All detectors together, with their checksums; and masking.
    """
    assert _superlinear(lambda text: privacy.find(text, EVERYTHING), pump) is None
    assert _superlinear(redact.masked, pump) is None


@pytest.mark.parametrize("end", ["", " ", "=", ": a1"])
def test_names_of_secrets_in_a_row_take_linear_time(end: str) -> None:
    """
    Each of them, over and over.
    """
    slow = [name for name in NAMED if _superlinear(lambda text: privacy.find(text, EVERYTHING), f"{name}{end}")]

    assert slow == []


CONTACT: tuple[Detector, ...] = ("contact",)
EVERYTHING: tuple[Detector, ...] = ("secrets", "pii", "contact")
_EMAIL_OF_OLD = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")


@given(st.text(alphabet="aé0_.+-@ \n", max_size=24))
def test_every_address_that_was_found_is_still_found(text: str) -> None:
    """
    The linear pattern for e-mail finds one exactly where the slow one did.
    """
    found = "email address" in privacy.find(text, CONTACT)

    assert found == bool(_EMAIL_OF_OLD.search(text))


def test_numbers_of_thousands_of_digits_in_an_error_are_no_crash() -> None:
    """
    Python refuses to read them, and a server may send them.
    """
    said = ErrorBody(f"request too large: limit {'1' * 5000}, requested {'2' * 5000}", ("tokens",), 429)

    assert classify(said) is Rejected
