"""
Secrets and personal data in a prompt: by prefixes and checksums, not by shape alone.

A first set that is nearly free of false alarms; a later one will be measured. What is found
is named, never shown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmo.types import secrets

if TYPE_CHECKING:
    from collections.abc import Collection

    from llmo.config.profile import Detector

_SECRETS = {"private key": secrets.PRIVATE_KEY, "API key": secrets.API_KEY, "password": secrets.PASSWORD}
# What stands before the @ is looked at from there: from its beginning, each of its places would be one.
_EMAIL = re.compile(r"\w[.+-]*@[\w-]+(?:\.[\w-]+)+\b")
_CARD = re.compile(r"\b(?:\d[ -]?){12,18}\d\b")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_DIGITS = re.compile(r"\d(?:[ -]?\d){8}")
"""What a card and a social security number both begin with; looked for in a third of the time of either."""
_LETTERS_AND_DIGITS = re.compile(r"[A-Z]{2}\d{2}")
_SSN = re.compile(r"\b(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}\b")


def find(text: str, detectors: Collection[Detector]) -> tuple[str, ...]:
    """Kinds of private data in a text, in a fixed order; empty when there are none."""
    found = []
    if "secrets" in detectors:
        found += [kind for kind, pattern in _SECRETS.items() if pattern.search(text)]
    if "pii" in detectors:
        found += _personal(text)
    return tuple(found)


def _personal(text: str) -> list[str]:
    found = ["email address"] if "@" in text and _EMAIL.search(text) else []
    numbers = _DIGITS.search(text) is not None
    if numbers and any(_luhn(re.sub(r"\D", "", m[0])) for m in _CARD.finditer(text)):
        found.append("card number")
    if _LETTERS_AND_DIGITS.search(text) and any(_mod97(m[0].replace(" ", "")) for m in _IBAN.finditer(text)):
        found.append("IBAN")
    if numbers and _SSN.search(text):
        found.append("social security number")
    return found


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 check digit."""
    doubled = [sum(divmod(2 * int(d), 10)) for d in digits[-2::-2]]
    return (sum(doubled) + sum(int(d) for d in digits[::-2])) % 10 == 0


def _mod97(iban: str) -> bool:
    """ISO 13616 check digits."""
    return int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1
