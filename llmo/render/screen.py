"""
What reaches a terminal: nothing that it would obey instead of print, and nothing that prints as nothing.

A model, a server or a file may send control sequences, marks that turn the order of what is read, and text made of
characters without a width, which carries instructions that nobody sees. Joiners stay where a script or an emoji needs
them. A pipe gets the exact bytes: whoever writes to one doesn't come here.
"""

from __future__ import annotations

import re
from unicodedata import bidirectional, combining

MARK = "\ufffd"
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x0D: "", 0x7F: "␡"}
"""C0 and DEL as pictures of themselves; a carriage return would write over its line."""
# C0 but tab and newline, DEL, C1; then what is not shown: format characters, fillers, selectors, annotations, tags.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_STYLE = re.compile(r"(\x1b\[[0-9;]{0,40}m)")
_JOINERS = "\u200b\u200c\u200d"
_BIDI_MARKS = "\u061c\u200e\u200f"
_SOFT_HYPHEN, _MONGOLIAN_SEPARATOR = "\xad", "\u180e"
_WAITING = frozenset(_JOINERS + _BIDI_MARKS + _SOFT_HYPHEN + _MONGOLIAN_SEPARATOR)
"""Whether these stay depends on what follows."""
# Ranges, first and last: patterns of them would take longer to compile than most commands take.
# Scripts whose spelling or line breaking uses joiners: Arabic to Tibetan, Myanmar, Khmer, Mongolian, Meetei, Brahmi's.
_JOINED = (
    "\u0620\u08ff \u0900\u0fff \u1000\u109f \u1780\u18af \u1900\u1cff \ua840\ua8ff \ua930\uaa7f \uaae0\uabff"
    " \ufb50\ufdff \ufe70\ufefc \U00010a00\U00010aff \U00011000\U00011fff"
)
_EMOJI = (
    "\xa9\xa9 \xae\xae \u203c\u203c \u2049\u2049 \u2122\u2122 \u2139\u2139 \u2190\u21ff \u2300\u23ff \u2460\u24ff"
    " \u25a0\u27bf \u2934\u2935 \u2b00\u2bff \u3030\u3030 \u303d\u303d \u3297\u3297 \u3299\u3299 \U0001f000\U0001faff"
)
_IDEOGRAPH = "\u3400\u9fff \uf900\ufaff \U00020000\U0003ffff"
_SELECTED = "09 ## ** \u2010\u2027 \u2030\u205e \u2070\u2bff \u3001\u303f \uff01\uff65"
_VIRAMA = 9
"""Canonical combining class of the sign that silences a vowel."""


def visible(text: str) -> str:
    """A whole text that a terminal prints and does not obey. What comes in pieces: `Screen`."""
    return _shown(text, 0, len(text)) if _HIDDEN.search(text) else text


def styled(text: str) -> str:
    """The same for what llmo itself has drawn: its colours stay, no other sequence does."""
    return "".join(part if n % 2 else visible(part) for n, part in enumerate(_STYLE.split(text)))


def escaped(json: str) -> str:
    """JSON for a terminal: what must not be printed is escaped, so that it is the same JSON."""
    if not _HIDDEN.search(json):
        return json
    pieces, at = [], 0
    for found in _HIDDEN.finditer(json):
        place = found.start()
        if not _kept(json, place):
            pieces += [json[at:place], _code(found[0])]
            at = place + 1
    return "".join([*pieces, json[at:]])


class Screen:
    """A text that comes in pieces, made visible as the whole would be; at most one character waits for the next."""

    def __init__(self) -> None:
        self._before = ""
        """What was handed on last, as it came: joiners look back."""
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be printed by now."""
        text = self._before + self._held + piece
        begin = len(self._before)
        stop = len(text) - (text[-1:] in _WAITING and len(text) > begin)
        return self._take(text, begin, stop)

    def end(self) -> str:
        """What still waited."""
        text = self._before + self._held
        return self._take(text, len(self._before), len(text))

    def _take(self, text: str, begin: int, stop: int) -> str:
        self._before, self._held = text[max(0, stop - 2) : stop], text[stop:]
        return _shown(text, begin, stop)


def _shown(text: str, begin: int, stop: int) -> str:
    pieces, at = [], begin
    for found in _HIDDEN.finditer(text, begin, stop):
        place = found.start()
        if not _kept(text, place):
            pieces += [text[at:place], _PICTURES.get(ord(found[0]), MARK)]
            at = place + 1
    return "".join([*pieces, text[at:stop]])


def _code(char: str) -> str:
    code = ord(char)
    if code <= 0xFFFF:  # noqa: PLR2004 - the basic plane
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _kept(text: str, at: int) -> bool:
    """Whether a hidden character is where people write one: alone, between what it is for."""
    char, before, after = text[at], _seen(text[at - 1 : at]), _seen(text[at + 1 : at + 2])
    if char in _JOINERS:
        return _joins(text, at, after)
    if char in _BIDI_MARKS:
        return any(bidirectional(one) in ("R", "AL") for one in (before, after) if one)
    if char == _SOFT_HYPHEN:
        return before.isalpha() and after.isalpha()
    if "\u180b" <= char <= "\u180f":
        return "\u1820" <= before <= "\u18af"
    if "\ufe00" <= char <= "\ufe0f":
        return any(_among(before, kind) for kind in (_EMOJI, _IDEOGRAPH, _SELECTED, _JOINED))
    return "\U000e0100" <= char <= "\U000e01ef" and _among(before, _IDEOGRAPH)


def _among(char: str, ranges: str) -> bool:
    return bool(char) and any(one[0] <= char <= one[1] for one in ranges.split())


def _seen(neighbour: str) -> str:
    return "" if _HIDDEN.match(neighbour) else neighbour


def _joins(text: str, at: int, after: str) -> bool:
    char, before = text[at], text[at - 1 : at]
    if char == "\u200d":
        base = text[at - 2 : at - 1] if before == "\ufe0f" else before
        if _among(base, _EMOJI) and _among(after, _EMOJI):
            return True
    before = _seen(before)
    silent = bool(before) and combining(before) == _VIRAMA and char != "\u200b"
    return _among(before, _JOINED) and (silent or _among(after, _JOINED))
