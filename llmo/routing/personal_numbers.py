"""
Numbers that name a person or an account: cards, accounts and national ids, by their check digits.

Cards and IBANs are in `llmo.routing.account_numbers`. National ids are short, and one number in eleven or so has the
right check digit: most count only beside a word that says what they are.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import NamedTuple

from llmo.routing.account_numbers import Accounts, alnum, has_card
from llmo.types.named_secrets import aligned
from llmo.types.secrets import compiled
from llmo.types.sieve import Sieve

CARD, IBAN, SSN, NATIONAL, TAX, HEALTH, PASSPORT = (
    "card number",
    "IBAN",
    "social security number",
    "national id",
    "tax id",
    "health insurance number",
    "passport number",
)
KINDS = (CARD, IBAN, SSN, NATIONAL, TAX, HEALTH, PASSPORT)

_SIGN = "[ .\u2013\u2014\u2010\u2011\u2212_/-]"
# A run of digits as a digit and those behind it: then the first one is found as fast as a letter is.
_RUN = re.compile(rf"\d\d*(?:{_SIGN}{{1,2}}\d+)*")
_ASCII_RUN = re.compile(rf"[0-9][0-9]*(?:{_SIGN}{{1,2}}[0-9]+)*")
_NAME = re.compile("[a-z]+")
_BESIDE = "[A-Za-z\u0080-\U0010ffff]"
# A run of six characters, of which the sixth or one of the next two is a digit; or a digit beside a letter.
_ANY = Sieve(f"[0-9](?:[0-9]|{_SIGN}){{4,6}}[0-9]|[0-9]{_BESIDE}|{_BESIDE}[0-9]")


class _Id(NamedTuple):
    """A national id: its kind, the validator of `stdnum` that knows its check, its form, and words beside it."""

    kind: str
    module: str
    form: str
    words: str = ""


# Forms that need no word: of digits in groups of their own, or of letters and digits in fixed places; each with what it
# has at least, a part and a length.
_WRITTEN = (
    ("-", 11, _Id(SSN, "us.ssn", r"\d{3}-\d{2}-\d{4}")),
    ("", 15, _Id(NATIONAL, "fr.nir", r"[12][ .]?\d\d[ .]?[01]\d[ .]?\d\d[ .]?\d{3}[ .]?\d{3}[ .]?\d\d")),
    ("", 17, _Id(NATIONAL, "cn.ric", r"[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dXx]")),
    ("-", 14, _Id(NATIONAL, "kr.rrn", r"\d{6}-[1-8]\d{6}")),
    ("756", 16, _Id(NATIONAL, "ch.ssn", r"756[. ]\d{4}[. ]\d{4}[. ]\d{2}")),
    (".", 14, _Id(NATIONAL, "br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}")),
    (".", 15, _Id(NATIONAL, "be.nn", r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d")),
)
# The letters that stand before the first digit, how long the run of digits there is, and the id.
_LETTERED = (
    (6, (2,), _Id(NATIONAL, "it.codicefiscale", r"(?i)[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]")),
    (4, (6,), _Id(NATIONAL, "mx.curp", r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d")),
    (0, (6, 10), _Id(NATIONAL, "fi.hetu", r"[0-3]\d[01]\d{3}[-+A]\d{3}[0-9A-FHJ-NPR-Y]")),
)
_LED_SIZES = frozenset(size for _, sizes, _ in _LETTERED for size in sizes)
_YEAR = 2
"""Digits of the shortest, the year in an Italian code, which six letters lead to."""

_D9, _D10, _D11, _D12 = (rf"\d(?:[ .-]?\d){{{n - 1}}}" for n in (9, 10, 11, 12))
_NAMED = (
    _Id(SSN, "us.ssn", r"\d{3}[ -]?\d{2}[ -]?\d{4}", "ssn|social security"),
    _Id(TAX, "us.itin", r"9\d\d[ -]?\d{2}[ -]?\d{4}", "itin|taxpayer"),
    _Id(
        NATIONAL,
        "",
        r"(?i:[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\ ?\d\d\ ?\d\d\ ?\d\d\ ?[A-D])",
        "national insurance|nino|ni number|ni no",
    ),
    _Id(HEALTH, "gb.nhs", _D10, "nhs"),
    _Id(TAX, "de.idnr", _D11, "steuer|tax id|tin|idnr|identifikationsnummer"),
    _Id(
        NATIONAL, "", r"\d{2}\ ?\d{6}\ ?[A-Z]\ ?\d{3}", "sozialversicherung|rentenversicherung|versicherungsnummer|svnr"
    ),
    _Id(NATIONAL, "", r"[CFGHJKLMNPRTVWXYZ0-9]{9}\d?", "personalausweis|ausweisnummer"),
    _Id(NATIONAL, "at.vnr", _D10, "svnr|sozialversicherung|versicherungsnummer"),
    _Id(NATIONAL, "fr.nir", r"[12](?:[ .-]?[\dAB]){14}", "sécurité sociale|securite sociale|nir|insee|sécu"),
    _Id(NATIONAL, "es.dni", r"\d{2}\.?\d{3}\.?\d{3}[ -]?[A-Za-z]", "dni|nif|documento"),
    _Id(NATIONAL, "es.nie", r"[XYZxyz][ -]?\d{7}[ -]?[A-Za-z]", "nie|nif|extranjero"),
    _Id(NATIONAL, "nl.bsn", _D9, "bsn|burgerservice|sofi"),
    _Id(NATIONAL, "be.nn", _D11, "rijksregister|registre national|national number|nrn|insz|niss"),
    _Id(TAX, "pt.nif", _D9, "nif|contribuinte|contribuição"),
    _Id(NATIONAL, "pl.pesel", _D11, "pesel"),
    _Id(NATIONAL, "se.personnummer", r"(?:\d\d)?\d{6}[-+ ]?\d{4}", "personnummer|personal identity|personal number"),
    _Id(NATIONAL, "no.fodselsnummer", r"\d{6}[ -]?\d{5}", "fødselsnummer|fodselsnummer|personnummer|national id"),
    _Id(NATIONAL, "dk.cpr", r"\d{6}[ -]?\d{4}", "cpr|personnummer"),
    _Id(NATIONAL, "cz.rc", r"\d{6}[ /]?\d{3,4}", "rodné číslo|rodne cislo|rodné"),
    _Id(NATIONAL, "ro.cnp", r"\d{13}", "cnp|cod numeric"),
    _Id(NATIONAL, "hr.oib", _D11, "oib"),
    _Id(NATIONAL, "bg.egn", _D10, "egn|егн"),
    _Id(NATIONAL, "gr.amka", _D11, "amka|αμκα"),
    _Id(NATIONAL, "ee.ik", _D11, "isikukood|asmens kodas"),
    _Id(NATIONAL, "ie.pps", r"\d{7}[A-Wa-w]{1,2}", "pps"),
    _Id(NATIONAL, "is_.kennitala", r"\d{6}-?\d{4}", "kennitala"),
    _Id(NATIONAL, "tr.tckimlik", _D11, "kimlik|tckn|tc no|t.c."),
    _Id(NATIONAL, "cn.ric", r"\d{6}[ ]?\d{8}[ ]?\d{3}[\dXx]", "身份证|身分证|resident identity|resident id"),
    _Id(NATIONAL, "jp.in_", _D12, "マイナンバー|個人番号|my number"),
    _Id(NATIONAL, "kr.rrn", r"\d{6}[ -]?\d{7}", "주민|resident registration|rrn"),
    _Id(NATIONAL, "in_.aadhaar", _D12, "aadhaar|aadhar|आधार|uidai|uid"),
    _Id(TAX, "in_.pan", r"(?i:[A-Z]{5}\d{4}[A-Z])", "pan"),
    _Id(NATIONAL, "br.cpf", _D11, "cpf"),
    _Id(NATIONAL, "ca.sin", _D9, "sin|social insurance|assurance sociale|nas"),
    _Id(TAX, "au.tfn", r"\d{3}[ -]?\d{3}[ -]?\d{2,3}", "tfn|tax file"),
    _Id(TAX, "nz.ird", r"\d{2,3}[ -]?\d{3}[ -]?\d{3}", "ird"),
    _Id(NATIONAL, "mx.curp", r"(?i:[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d)", "curp"),
    _Id(TAX, "ar.cuit", r"\d{2}[ -]?\d{8}[ -]?\d", "cuit|cuil"),
    _Id(NATIONAL, "cl.rut", r"\d{1,2}\.?\d{3}\.?\d{3}-?[\dKk]", "rut|run"),
    _Id(NATIONAL, "ec.ci", _D10, "cédula|cedula"),
    _Id(NATIONAL, "do.cedula", _D11, "cédula|cedula"),
    _Id(NATIONAL, "za.idnr", r"\d{13}", "south african|sa id|id number|identity number|id no"),
    _Id(NATIONAL, "il.idnr", _D9, "teudat|israeli id|תעודת זהות"),
    _Id(NATIONAL, "my.nric", r"\d{6}-?\d{2}-?\d{4}", "nric|mykad"),
    _Id(NATIONAL, "", r"[STFGMstfgm]\d{7}[A-Za-z]", "nric|fin number|fin no"),
    _Id(NATIONAL, "pk.cnic", r"\d{5}-?\d{7}-?\d", "cnic"),
    _Id(NATIONAL, "th.pin", r"\d(?:[ -]?\d){12}", "บัตรประชาชน|thai id|thai national"),
    _Id(NATIONAL, "id.nik", r"\d{16}", "nik|ktp"),
    _Id(TAX, "ru.inn", r"\d{12}", "инн"),
    _Id(NATIONAL, "", r"[A-Z][12]\d{8}", "身分證|taiwan id"),
    _Id(HEALTH, "", r"[A-Z]\d{9}", "krankenversicherung|versichertennummer|krankenversichertennummer"),
    _Id(
        PASSPORT,
        "",
        r"(?=(?:[A-Z]{0,4}\d){3})[A-Z]{0,2}[0-9CFGHJKLMNPRTVWXYZ]{6,9}",
        "passport|reisepass|passeport|pasaporte|passaporto|护照|護照|パスポート|paspoort|passaporte",
    ),
)
_AFTER, _BEFORE, _LEAST_DIGITS, _LEAST_RUN, _LEAST_BESIDE = 64, 24, 4, 9, 6
"""
Characters beside a word in which its number stands; digits of the shortest number; characters of a run that needs no
word, and of one that needs no letter beside it.
"""


def find(text: str) -> set[str]:
    """Kinds of numbers in a text, which has been folded."""
    found: set[str] = set()
    if not _ANY.passes(text) or sum(map(text.count, "0123456789")) < _LEAST_DIGITS:
        return found
    runs = [run.span() for run in (_ASCII_RUN if text.isascii() else _RUN).finditer(text)]
    accounts = Accounts(text)
    for begin, end in runs:
        size = end - begin
        # Most numbers are too short for all but what letters lead to.
        if size >= _LEAST_RUN or (size in _LED_SIZES and (size > _YEAR or text[begin - 6 : begin].isalpha())):
            _look_in_run(text, begin, end, found)
        if size > 1 and IBAN not in found and text[begin - 1 : begin].isalpha() and accounts.has(begin - 2):
            found.add(IBAN)
    if around := _around(text, runs):
        _look_beside_words(around, found)
    return found


def _look_in_run(text: str, begin: int, end: int, found: set[str]) -> None:
    led, size = begin > 0 and text[begin - 1].isalpha(), end - begin
    for letters, sizes, one in _LETTERED:
        if size in sizes and bool(letters) == led and begin >= letters:
            match = compiled(one.form).match(text, begin - letters)
            if match and _is_one(text, one, match):
                found.add(one.kind)
    if size >= _LEAST_RUN:
        _look_at_forms(text, begin, end, found)


def _look_at_forms(text: str, begin: int, end: int, found: set[str]) -> None:
    """What is told by its own form."""
    run, size = text[begin:end], end - begin
    if CARD not in found and has_card(run, inside=(alnum(text, begin - 1), alnum(text, end))):
        found.add(CARD)
    for part, least, one in _WRITTEN:
        if one.kind not in found and size >= least and part in run:
            matches = compiled(one.form).finditer(text, begin, min(len(text), end + 1))
            if any(_is_one(text, one, match) for match in matches):
                found.add(one.kind)


def _is_one(text: str, one: _Id, found: re.Match[str]) -> bool:
    return _stands_alone(text, found) and _is_valid(one, found[0])


def _stands_alone(text: str, found: re.Match[str]) -> bool:
    """Not a part of a longer number or name."""
    begin, end = found.span()
    if alnum(text, begin - 1) or alnum(text, end):
        return False
    return not (text[begin - 1 : begin] in {"-", ".", "_"} and alnum(text, begin - 2)) and not (
        text[end : end + 1] in {"-", ".", "_"} and alnum(text, end + 1) and text[end + 1].isdigit()
    )


def _around(text: str, runs: list[tuple[int, int]]) -> str:
    """What stands around the numbers that may be an id; looking for words there is all the work of looking for them."""
    parts, done = [], 0
    for begin, end in runs:
        if end - begin >= _LEAST_BESIDE or text[begin - 1 : begin].isalnum() or text[end : end + 1].isalnum():
            if end + _BEFORE + 48 <= done:
                continue
            since, until = max(begin - _AFTER - 48, done), min(end + _BEFORE + 48, len(text))
            if since > done:
                parts.append("\n")
            parts.append(text[since:until])
            done = until
    return "".join(parts)


def _look_beside_words(text: str, found: set[str]) -> None:
    lowered = text.lower()
    text = aligned(text, lowered)
    there, plain = set(_NAME.findall(lowered)), lowered.isascii()
    for word, (first, ids) in _BY_WORD.items():
        at = lowered.find(word) if first in there or not (first or plain) else -1
        while at >= 0 and (left := [one for one in ids if one.kind not in found]):
            end = at + len(word)
            if not (_letter(lowered, at - 1, word[0]) or _letter(lowered, end, word[-1])):
                around = ((end, end + _AFTER), (max(0, at - _BEFORE), at))
                found.update(one.kind for one in left for where in around if _is_in(text, one, *where))
            at = lowered.find(word, end)


def _letter(text: str, at: int, beside: str) -> bool:
    """Whether a word goes on at a place; those of languages without spaces always do."""
    return 0 <= at < len(text) and text[at].isalpha() and (beside.isascii() and text[at].isascii())


def _is_in(text: str, one: _Id, begin: int, end: int) -> bool:
    found = compiled(one.form).finditer(text, begin, min(end, len(text)))
    return any(
        not alnum(text, each.start() - 1) and not alnum(text, each.end()) and _is_valid(one, each[0]) for each in found
    )


def _is_valid(one: _Id, number: str) -> bool:
    if not one.module:
        return True
    validator = import_module(f"stdnum.{one.module}")  # one at a time: there are hundreds
    return bool(validator.is_valid(number) or validator.is_valid(re.sub("[ ./-]", "", number)))


def _by_word() -> dict[str, tuple[str, tuple[_Id, ...]]]:
    """By word its ids, and what must stand alone in a text that has it; empty for what may be a part of others."""
    words: dict[str, list[_Id]] = {}
    for one in _NAMED:
        for word in one.words.split("|"):
            words.setdefault(word, []).append(one)
    return {word: (_NAME.findall(word)[0] if word.isascii() else "", tuple(ids)) for word, ids in words.items()}


_BY_WORD = _by_word()
