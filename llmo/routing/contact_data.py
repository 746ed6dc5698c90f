"""
How to reach a person: e-mail addresses, phone numbers, postal addresses.

They are in every mail and in many source files, so that they are looked for only when the profile says so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

EMAIL, PHONE, ADDRESS = "email address", "phone number", "postal address"
KINDS = (EMAIL, PHONE, ADDRESS)

# What stands before the @ is looked at from there: from its beginning, each of its places would be one.
_EMAIL = re.compile(r"\w[.+-]*@[\w-]+(?:\.[\w-]+)+\b")
_SIGNS = r"[ .()/\u2010-\u2013-]"
_INTERNATIONAL = re.compile(rf"(?:\+|\b00)[1-9]\d{{0,2}}(?:{_SIGNS}{{0,3}}\d){{6,12}}(?!\d)")
_AMERICAN = re.compile(r"(?:\(\d{3}\) ?|\b\d{3}[-.])\d{3}[-.]\d{4}(?![\w-])")
_NATIONAL = re.compile(rf"(?<![\w.])\(?0\d{{1,5}}(?:{_SIGNS}{{1,2}}\d{{2,8}}){{1,5}}(?![\w])")
_TOLD = re.compile(
    r"(?i)(?:phone|mobile|cell|call|text|tel|telefon|telephone|handy|whatsapp|fax|téléphone|teléfono|móvil|portable"
    r"|电话|手机|電話)(?:[ ](?:me|us|him|her|is|at|no|nr|number|on|them|now)){0,4}[.:#]?[ ]{0,4}"
    rf"[(+]?\d(?:{_SIGNS}{{0,2}}\d){{6,14}}(?!\d)"
)
_LEAST_PHONE, _MOST_PHONE = 9, 15

_STREETS = (
    "(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Terrace|Way|Square|Sq|Parkway"
    "|Crescent|Close)"
)
_NAME = r"[A-ZÀ-ÖØ-Þ][\wÀ-ÿ'-]{0,30}\.?"
_ENGLISH = re.compile(
    rf"\b\d{{1,5}}[A-Za-z]?[ ](?:[NSEW]\.?[ ])?(?:{_NAME}[ ]|\d{{1,3}}(?:st|nd|rd|th)[ ]){{1,4}}{_STREETS}\b"
)
_GERMAN = re.compile(
    r"\b[A-ZÄÖÜ][\wäöüß-]{1,40}(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer|laan|straat|gatan|vej)"
    r"[ ]\d{1,4}[ ]?[a-z]?\b"
    rf"|\b{_NAME}[ ](?:Straße|Strasse|Str\.|Weg|Platz|Allee|Gasse)[ ]\d{{1,4}}[ ]?[a-z]?\b"
)
_ROMANCE = re.compile(
    r"(?i)\b\d{1,4}(?:[ ]?(?:bis|ter))?,?[ ](?:rue|avenue|boulevard|place|chemin|impasse|quai|allée)"
    r"[ ](?:d[eu]s?|de[ ]la|d'|l')?[ ]?[\wÀ-ÿ'-]{2,30}"
    r"|\b(?:calle|avenida|avda\.?|plaza|paseo|via|viale|piazza|corso|rua|travessa)"
    r"[ ](?:[\wÀ-ÿ'.-]{1,30},?[ ]){1,5}(?:n[º°o.]{1,2}[ ]?)?\d{1,4}\b"
)
_HAN = r"[\u4e00-\u9fff]"
_ASIAN = re.compile(
    rf"〒 ?\d{{3}}-?\d{{4}}|{_HAN}{{1,8}}[市縣県区區]{_HAN}{{1,12}}(?:路|街|道|巷|弄)\d{{1,5}}(?:号|號)"
    r"|\d{1,4}丁目\d{1,4}"
)
_ZIP = re.compile(
    r"\b[A-Z][a-z]+,[ ](?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]"
    r"|T[NX]|UT|V[AT]|W[AIVY])[ ]\d{5}(?:-\d{4})?\b"
)
_ADDRESSES = (_ENGLISH, _GERMAN, _ROMANCE, _ASIAN, _ZIP)


def find(text: str) -> Iterator[str]:
    """Kinds of contact data in a text, each once. The text has been folded."""
    if "@" in text and _EMAIL.search(text):
        yield EMAIL
    if any(digit in text for digit in "0123456789"):
        if any(_is_phone(found[0]) for found in _phones(text)):
            yield PHONE
        if any(pattern.search(text) for pattern in _ADDRESSES):
            yield ADDRESS


def _phones(text: str) -> Iterator[re.Match[str]]:
    for pattern in (_INTERNATIONAL, _AMERICAN, _NATIONAL, _TOLD):
        yield from pattern.finditer(text)


def _is_phone(written: str) -> bool:
    """As many digits as a number of ITU-T E.164 has; a date with dots has eight."""
    return _LEAST_PHONE - 2 * written[:1].isalpha() <= sum(map(str.isdigit, written)) <= _MOST_PHONE
