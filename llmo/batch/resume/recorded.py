"""What an output already holds, and what that means for each row of the input."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, get_args

from llmo.batch.input.hash_table import HashTable
from llmo.batch.input.identity import key_bits, short
from llmo.batch.output.lines import answers, outcomes
from llmo.errors import ErrorKind
from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Decision = Literal["new", "done", "failed", "changed", "retry"]
KINDS: tuple[str, ...] = (*get_args(ErrorKind), "truncated", "unknown")
"""What `--retry-errors` can name: why a row failed, or that its answer was cut or is in doubt."""
PAUSED = "paused"
"""A `truncated` answer that is a failure all the same: the model stopped before its limit, and would again."""
WORDS = (*KINDS, PAUSED)
PAID = frozenset({"truncated", PAUSED, "invalid_output", "content_refused"})
"""Failures with an answer that is paid for: retried only when they are named."""
CODE_BITS = 8
CODES = (1 << CODE_BITS) - 1
KEY_DIGITS = 14
"""Digits of a key that fit beside a code: 56 bits. The code is 0, or one more than the place in `WORDS`."""


@dataclass(slots=True)
class Recorded:
    """
    The latest outcome of every id in an output; `broken` counts untrusted lines, whose rows run again.

    `plain` says that there are no other outcomes than answers.
    """

    table: HashTable = field(default_factory=HashTable)
    broken: int = 0
    plain: bool = True

    def read(self, path: Path) -> None:
        """Read an output."""
        put = self.table.set
        for name, key, row in outcomes(path, self._distrust):
            code = 0 if row is None else _code(row)
            if code:
                self.plain = False
            put(short(name), int(key[:KEY_DIGITS], 16) << CODE_BITS | code)

    def has(self, row: Mapping[str, Any]) -> bool:
        """Whether this is the outcome of its id, as far as it matters to a later run."""
        return self.table.get(short(row["id"])) == int(row["key"][:KEY_DIGITS], 16) << CODE_BITS | _code(row)

    def note(self, row: Mapping[str, Any]) -> bool:
        """Add the outcome of a row; whether its id had another one."""
        before, code = self.table.get(short(row["id"])), _code(row)
        self.plain = self.plain and not code
        self.table.set(short(row["id"]), int(row["key"][:KEY_DIGITS], 16) << CODE_BITS | code)
        return before is not None

    def _distrust(self, _begin: int, _line: bytes | None) -> None:
        self.broken += 1

    def decide(self, name: str, key: str, retry: str | None) -> Decision:
        """What to do with a row; `retry` is one of `KINDS`, `all`, or None: failed rows that cost nothing but a try."""
        value = self.table.get(short(name))
        if value is None:
            return "new"
        if value == int(key[:KEY_DIGITS], 16) << CODE_BITS:
            return "done"
        if value >> CODE_BITS != int(key[:KEY_DIGITS], 16):
            return "changed"
        return _unchanged(value & CODES, retry)

    def settled(self, retry: str | None) -> int:
        """How many ids would not be sent again if none had changed."""
        if self.plain:
            return len(self.table)
        again = {code for code in range(len(WORDS) + 1) if _unchanged(code, retry) == "retry"}
        return sum(value & CODES not in again for value in self.table.values())


def paid(path: Path, retry: str | None) -> Iterator[tuple[int, int]]:
    """
    The key, as 64 bits, and the place of each paid answer of an output; whoever takes one has to check its line.

    Not of what `retry` names: it is bought again, and no row may get the old one in its place.
    """
    with suppress(OSError):  # taken away meanwhile, which the run finds out before it sends anything
        for begin, key, row in answers(path):
            word = None if row is None or not (code := _code(row)) else WORDS[code - 1]
            if word is None or (word in PAID and not _named(word, retry)):
                yield key_bits(key), begin


def _code(row: Mapping[str, Any]) -> int:
    """Why a row failed, or that its answer was cut or is in doubt, as a number; 0 for an answer."""
    word: str = row["status"]
    if row["error"] is not None and word != "unknown":
        word = PAUSED if word == "truncated" else row["error"]["kind"]
    if word in ("ok", "refused"):
        return 0
    # A kind of a later version is a failure like any other.
    return 1 + WORDS.index(word if word in WORDS else "internal")


def _unchanged(code: int, retry: str | None) -> Decision:
    word = WORDS[code - 1] if code else "ok"
    if _named(word, retry) or (code and word not in PAID and (retry == "all" or (not retry and word != "unknown"))):
        return "retry"
    return "done" if word in ("ok", "truncated") else "failed"


def _named(word: str, retry: str | None) -> bool:
    """Whether `--retry-errors` names this outcome."""
    return retry == ("truncated" if word == PAUSED else word)
