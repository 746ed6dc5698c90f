"""Values that look right for the name of their field and for the prompt: a language, a summary, an address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.providers.offline.subject import Subject

TITLE = 60
"""Characters of a title."""
LANGUAGES = {
    "ar": "Arabic",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
NEITHER = ("other", "unknown", "none", "neutral", "n/a", "und")
"""Members of an enumeration that say that no other one fits."""
_URGENT = re.compile(r"!!|\b(?:urgent\w*|asap|immediately|at once|right away|sofort|dringend|urgente|acil|critical)\b")
_GOOD = re.compile(
    r"\b(?:thanks?|thank you|great|love\w*|excellent|perfect\w*|happy|danke|merci|gracias|super|wonderful)\b"
)
_BAD = re.compile(
    r"\b(?:not|never|broken|crash\w*|error\w*|fail\w*|bad|worst|wrong|refund\w*|angry|terrible|awful|late|missing|lost)\b"
)
_KINDS = {
    "safety": "burning smoke fire danger dangerous hacked",
    "billing": "charge charged charges invoice invoices refund payment paid bill price subscription receipt",
    "returns": "return returned exchange damaged",
    "delivery": "parcel package shipping shipped ship courier order ordered arrive arrived delivered tracking",
    "account": "password login logged email profile username",
    "technical": "crash crashes crashed error bug app export import update screen broken freezes install",
    "bug": "crash crashes crashed error broken wrong fails failed freezes",
    "feature": "request please wish could add support",
    "praise": "thanks thank love great wonderful excellent",
    "sales": "offer quote discount licence license demo upgrade",
    "question": "how what why where when which who",
}
"""Words that speak for usual categories, the graver ones first."""
_SPLIT = re.compile(r"[^a-zA-Z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_FIXED = {
    ("email", "mail"): ("email", "someone@example.com"),
    ("url", "link", "website", "homepage", "uri"): ("url", "https://example.com/"),
    ("phone", "telephone", "mobile", "fax"): ("phone", "+1 555 0100"),
    ("date", "day", "deadline", "due"): ("date", "2026-01-15"),
    ("id", "number", "order", "invoice", "ticket", "sku", "reference"): ("id", "A-1024"),
    ("name", "author", "person", "customer", "sender", "recipient", "contact", "speaker"): ("name", "Alex Example"),
}
"""Words of field names; what to look for in the prompt, and what to say when it is not there."""
_SAID = {
    "company": "Example Inc.",
    "organization": "Example Inc.",
    "employer": "Example Inc.",
    "city": "Lisbon",
    "country": "Portugal",
    "address": "1 Example Street",
    "street": "1 Example Street",
    "zip": "10000",
    "postcode": "10000",
    "color": "blue",
    "unit": "piece",
    "version": "1.0.0",
    "status": "open",
    "role": "user",
    "time": "09:30",
}


def words(field: str) -> list[str]:
    """The words of a field's name, in `snake_case`, `camelCase` or `kebab-case`."""
    return [part.lower() for part in _SPLIT.split(field) if part]


def text(field: str, subject: Subject) -> str:
    """A text for a field of that name."""
    last = (words(field) or [""])[-1]
    for names, (shape, otherwise) in _FIXED.items():
        if last in names:
            return subject.find(shape) or otherwise
    if last in _SAID:
        return _SAID[last]
    sentence = subject.sentence or field or "text"
    return {
        **dict.fromkeys(("language", "lang", "locale"), subject.language),
        **dict.fromkeys(("title", "headline", "subject", "label"), shortened(sentence.rstrip(".!。"), TITLE)),
        **dict.fromkeys(("keyword", "tag", "topic"), next(iter(subject.keywords), last)),
        "currency": subject.currency or "EUR",
    }.get(last, sentence)


def texts(field: str, subject: Subject) -> Sequence[str]:
    """Several different ones for a list of that name; empty when one will do."""
    named = words(field)
    return subject.keywords if named and named[-1] in ("keywords", "tags", "topics", "labels", "terms") else ()


def member(field: str, members: Sequence[str], subject: Subject) -> str | None:
    """The member of an enumeration that the prompt speaks for, None if none does."""
    if language := _language(members, subject):
        return language
    lowered = {name.lower(): name for name in members}
    if {"low", "high"} <= lowered.keys() or {"positive", "negative"} <= lowered.keys():
        return _graded(field, lowered, subject)
    if found := subject.mentions(members):
        return found
    said = set(subject.words)
    for kind, telling in _KINDS.items():
        if kind in lowered and not said.isdisjoint(telling.split()):
            return lowered[kind]
    return next((lowered[name] for name in NEITHER if name in lowered), None)


def shortened(sentence: str, most: int) -> str:
    """At most that many characters, cut between words where there are any."""
    if len(sentence) <= most:
        return sentence
    cut = sentence[: max(0, most)]
    return cut.rpartition(" ")[0] or cut


def _language(members: Sequence[str], subject: Subject) -> str | None:
    """The language of the prompt, if the members are languages, as codes or as English names."""
    for spelled in ({code: code for code in LANGUAGES}, LANGUAGES):
        known = set(spelled.values())
        fitting = [one for one in members if one in known]
        if len(fitting) > 1 and 2 * len(fitting) >= len(members):
            wanted = spelled[subject.language]
            return wanted if wanted in members else next((one for one in NEITHER if one in members), fitting[0])
    return None


def _graded(field: str, lowered: dict[str, str], subject: Subject) -> str:
    """A degree (low … high) or a mood (positive, negative)."""
    if "high" in lowered:
        rest = [name for name in lowered.values() if name.lower() not in ("high", "low")]
        if _URGENT.search(subject.lowered):
            return lowered["high"]
        return rest[0] if rest and subject.text else lowered["low"]
    good, bad = (len(found.findall(subject.lowered)) for found in (_GOOD, _BAD))
    if good == bad:
        return next((lowered[name] for name in (*NEITHER, "mixed", "positive") if name in lowered), field)
    return lowered["positive" if good > bad else "negative"]
