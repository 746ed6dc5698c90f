"""Rules texts out in one pass, so that what is slower needs to look at few of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from llmo.types.surrogates import is_whole

if TYPE_CHECKING:
    from collections.abc import Callable

PAYS, LOADS = 1 << 15, 1 << 19
"""Characters of all texts after which compiling the patterns has saved its own time, and that of loading pydantic."""


class Sieve:
    """
    Says of most texts that none of some patterns is in them.

    The patterns are those of Rust's `regex`, which comes with pydantic: it looks for a hundred in one pass, in less
    time than Python takes for two words. Rust knows other letters, digits and spaces than Python where a pattern has a
    class for those of all scripts: spell such classes out.
    """

    __slots__ = ("_compiled", "_seen", "patterns")

    def __init__(self, *patterns: str) -> None:
        self.patterns = patterns
        self._seen = 0
        self._compiled: Callable[[str], bool] | None = None

    def passes(self, text: str) -> bool:
        """Whether a text may have one of the patterns; False only if it has none."""
        if self._compiled is None:
            self._seen += len(text)
            if self._seen < (PAYS if "pydantic_core" in sys.modules else LOADS):
                return True
            self._compiled = _compiled(self.patterns)
        # Half of a surrogate pair makes a text none for Rust.
        return self._compiled(text) or not is_whole(text)


def _compiled(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    from pydantic_core import SchemaValidator

    return SchemaValidator({"type": "str", "pattern": "|".join(patterns)}).isinstance_python
