"""
Where each key of a TOML text stands.

The standard parser tells no positions. This reads a text that the parser has already accepted, so it
only has to find the parts, not to judge them.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Path: TypeAlias = tuple["str | int", ...]

_SKIP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]+")


def positions(text: str) -> dict[Path, int]:
    """The line, from 1, of each key, table and list item of a valid TOML text; the first where it stands twice."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.items: dict[Path, int] = {}
        self._counted = (0, 1)

    def read(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip(_SKIP) < len(self.text):
            table = self._header() if self._sees("[") else self._pair(table)
        return self.lines

    def _header(self) -> Path:
        several = self.text.startswith("[[", self.at)
        brackets = 2 if several else 1
        self.at += brackets
        keys = self._keys()
        self.at += brackets
        path: Path = ()
        for key in keys[:-1]:
            path = self._current((*path, key))
            self._mark(path)
        path = (*path, keys[-1])
        if several:
            self._mark(path)
            self.items[path] = self.items.get(path, -1) + 1
        path = self._current(path)
        self._mark(path)
        return path

    def _current(self, path: Path) -> Path:
        return (*path, self.items[path]) if path in self.items else path

    def _pair(self, table: Path) -> Path:
        line = self._line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self._mark(path, line)
        self.at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)
        return table

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_BLANK)
            keys.append(self._key())
            self._skip(_BLANK)
            if not self._sees("."):
                return keys
            self.at += 1

    def _key(self) -> str:
        import tomllib  # not needed when a profile comes from the cache

        found = _STRING.match(self.text, self.at) or BARE.match(self.text, self.at)
        assert found, self.at
        self.at = found.end()
        raw = found[0]
        return str(tomllib.loads(f"k = {raw}")["k"]) if raw[0] in "\"'" else raw

    def _value(self, path: Path) -> None:
        if self._sees("["):
            self._list(path)
        elif self._sees("{"):
            self._inline(path)
        else:
            found = _STRING.match(self.text, self.at) or _SCALAR.match(self.text, self.at)
            assert found, self.at
            self.at = found.end()

    def _list(self, path: Path) -> None:
        self.at += 1
        number = 0
        while self._skip(_SKIP) and not self._sees("]"):
            self._mark((*path, number))
            self._value((*path, number))
            number += 1
            self._skip(_SKIP)
            self.at += self._sees(",")
        self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while self._skip(_SKIP) and not self._sees("}"):
            self._pair(path)
            self._skip(_SKIP)
            self.at += self._sees(",")
        self.at += 1

    def _sees(self, mark: str) -> bool:
        return self.text.startswith(mark, self.at)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def _mark(self, path: Path, line: int | None = None) -> None:
        self.lines.setdefault(path, line or self._line())

    def _line(self) -> int:
        """Counts from the last position that was asked for, so that a text is read once."""
        before, line = self._counted
        line += self.text.count("\n", before, self.at)
        self._counted = (self.at, line)
        return line
