"""
Card numbers and IBANs, known by prefix, length and checksum, whatever groups they are written in.

The check digits of all groups come from sums that are made once, and nothing of a text is kept when it is over.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate

from llmo.types.secrets import compiled

_PIECES = re.compile(r"(\D+)")
_BEGINS = frozenset("23456")
"""The first digits of cards."""
_SHORTEST_CARD, _LONGEST_CARD, _LEAST_GROUP, _MOST_GROUPS = 13, 19, 2, 8
_ONES = bytes(max(0, char - ord("0")) for char in range(256))
"""The values of digits."""
_TWOS = bytes(sum(divmod(2 * value, 10)) for value in range(128)) * 2
"""What a digit counts for that is doubled: its own digits are added."""
# Issuer ranges of ISO/IEC 7812: Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay, Maestro, Mir.
_ISSUER = (
    r"4(?:\d{12}|\d{15}|\d{18})$|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}$|3[47]\d{13}$"
    r"|(?:30[0-5]|309|36\d|38\d|39\d)\d{11}$|(?:6011|64[4-9]\d|65\d\d)\d{12,15}$|35(?:2[89]|[3-8]\d)\d{12,15}$"
    r"|62\d{14,17}$|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}$|220[0-4]\d{12}$"
)

# Lengths of the IBAN registry of ISO 13616, release 99.
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FO FI GL NL SD FK",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU XK MN",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
_CLOSED = str.maketrans("", "", " .-")
_AS_DIGITS = {ord(char): str(int(char, 36)) for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_ACCOUNT = r"[A-Za-z]{2}\d{2}(?:[ .-]{0,2}[A-Za-z0-9]){11,32}"


def alnum(text: str, at: int) -> bool:
    """Whether an ASCII letter or digit stands at a place of a text."""
    return 0 <= at < len(text) and text[at].isascii() and text[at].isalnum()


def has_card(run: str, *, inside: tuple[bool, bool]) -> bool:
    """
    Whether groups of digits beside each other, with one sign between them all, are a card's number.

    The first and the last group don't count where they are `inside` a word.
    """
    pieces = _PIECES.split(run)[2 * inside[0] :]
    groups = pieces[: len(pieces) - inside[1] : 2]
    digits = "".join(groups)
    if len(digits) < _SHORTEST_CARD:
        return False
    ends, sums = [0, *accumulate(map(len, groups))], (_sums(digits, 0), _sums(digits, 1))
    for first, begin in enumerate(ends[:-1]):
        if digits[begin] in _BEGINS:
            most = min(first + _MOST_GROUPS, len(groups)) + 1
            low = bisect_left(ends, begin + _SHORTEST_CARD, first, most)
            for last in range(low, bisect_right(ends, begin + _LONGEST_CARD, low, most)):
                end = ends[last]
                of = sums[end % 2]
                if not (of[end] - of[begin]) % 10 and _is_card(digits[begin:end], pieces[2 * first : 2 * last - 1]):
                    return True
    return False


def _sums(digits: str, doubled: int) -> list[int]:
    """
    The checksum of ISO/IEC 7812-1 of so many digits from the first on, where every other one is doubled.

    It starts with the second digit from the right: `doubled` says whether its place is even or odd.
    """
    values = bytearray(digits.encode().translate(_ONES))
    values[doubled::2] = values[doubled::2].translate(_TWOS)
    return list(accumulate(values, initial=0))


def _is_card(digits: str, pieces: list[str]) -> bool:
    """Whether a number with the right check digit, written in such groups and signs, is of a known issuer."""
    if not compiled(_ISSUER).match(digits) or len(set(digits)) == 1:
        return False
    return len(set(pieces[1::2])) <= 1 and min(map(len, pieces[::2])) >= _LEAST_GROUP


class Accounts:
    """The IBANs of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._others: set[str] = set()

    def has(self, at: int) -> bool:
        """Whether one begins at a place, with two letters."""
        text = self._text
        length = _IBAN_LENGTHS.get(text[max(at, 0) : at + 2].upper())
        if not length or alnum(text, at - 1):
            return False
        written = text[at : at + 3 * length]
        if written in self._others:
            return False
        if _is_iban(written, length):
            return True
        self._others.add(written)
        return False


def _is_iban(written: str, length: int) -> bool:
    """Whether a text begins with an account of so many characters, with the check digits of ISO 13616."""
    account = written.translate(_CLOSED)[:length]
    if len(account) < length or not (account.isascii() and account.isalnum()):
        return False
    found = compiled(_ACCOUNT).match(written)
    if found is None or len(found[0].translate(_CLOSED)) < length:
        return False
    return int((account[4:] + account[:4]).upper().translate(_AS_DIGITS)) % 97 == 1
