"""
Lines of CSV that a spreadsheet shows and does not run.

A cell that begins as a formula does gets an apostrophe before it (OWASP, "CSV Injection"); numbers stay numbers. Cells
with a separator of any locale are quoted, or a part of one would begin a cell. What must be exact is JSON Lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_RUNS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-]?[0-9][0-9., ]*(?:[eE][+-]?[0-9]+)?%?")
_QUOTED = re.compile(r'[",;\t\r\n|]')


def line(values: Iterable[object]) -> str:
    """One line with its end; None is an empty cell."""
    return ",".join(map(_cell, values)) + "\n"


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if isinstance(value, str) and text.startswith(_RUNS) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if _QUOTED.search(text) else text
