"""
Passwords and tokens that only their name gives away: `PASSWORD=…`, `"api_key": "…"`, `the password is …`.

A name is looked for wherever it stands, and a bounded stretch after it is read as what it is set to. Source code names
more passwords than it holds, so that a value must look like one: expressions, types, placeholders and prose do not.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from llmo.types.secrets import compiled
from llmo.types.sieve import Sieve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PASSWORDS = (
    *("password", "passwd", "passphrase", "pwd", "passwort", "kennwort", "contraseña", "contrasena", "mot de passe"),
    *("mdp", "wachtwoord", "senha", "hasło", "lösenord", "пароль", "密码", "密碼", "口令", "パスワード", "비밀번호"),
)
_SHORT = ("pass", "pw")
"""Parts of other words: they count where a name begins with them or has them after an underscore."""
_TOKENS = ("token", "secret", "credential", "key", "_auth", '"auth"', "session", "sessid", "密钥", "キー")
_COMMON = ("pass", "pw", "auth", "sess")
"""Parts of several names: most texts have none of them, and are looked through once for all."""


def _grouped(words: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Names by what they have in common."""
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(next((part for part in _COMMON if part in word), word), []).append(word)
    return groups


_PASSWORD_GROUPS, _TOKEN_GROUPS = _grouped((*_PASSWORDS, *_SHORT)), _grouped(_TOKENS)
NAMES = (*_PASSWORDS, *_SHORT, *_TOKENS)
# What may stand before a lone `key` that opens something; a cache has keys too.
_OPENING = (
    *("api", "access", "secret", "private", "auth", "encryption", "signing", "signature", "master", "consumer"),
    *("license", "subscription", "account", "storage", "shared", "application", "app", "service", "aws", "azure"),
    *("client", "deploy", "hmac", "webhook", "jwt", "sign", "encrypt", "crypt", "session", "functions", "admin"),
    *("rest", "live", "prod", "xi"),
)
_PAGES = ("next", "page", "continuation", "sync", "pagination", "eos", "pad", "bos", "stop", "cancellation")

_SPACE = r"[ \t]{0,8}"
_VALUE = (
    rf"{_SPACE}(?P<value>\"(?P<double>[^\"\n]{{1,256}})\"|'(?P<single>[^'\n]{{1,256}})'|`(?P<back>[^`\n]{{1,256}})`"
    r"|(?P<bare>[^\s\"'`]{1,256}))(?P<next>[ \t]{0,4}.?)"
)
_ASSIGNED = (
    rf"(?P<rest>[\w-]{{0,24}})[\"'`\])]{{0,3}}{_SPACE}(?:(?P<equal>(?:=>|:=|[:=](?!=)))"
    rf"|:{_SPACE}[A-Za-z_][\w.\[\]| ]{{0,40}}=(?!=)|[ ]value=){_VALUE}"
)
# What a sentence says: `the password for the server is …`, `PASSWORD '…'` of SQL, `<password>…</password>`.
_TOLD = (
    r"(?:[ ](?:for|of|to|on|für|de|del|du|pour|para)(?:[ ][\w.@'-]{1,30}){1,4}?)?"
    r"(?:(?<=[\w.@'-]):(?=[ ])"
    r"|[ ](?:is|was|lautet|ist|est|es|é|è|wordt)(?:[ ](?:now|currently|jetzt))?"
    r"(?:[ ](?:set|changed|reset)[ ]to)?:?(?=[ ])"
    rf"|是|为|は|가|는|[ ](?=['\"`][^'\"`\s]{{4,256}}['\"`])|>(?=[^<>\s]{{4,256}}</)){_VALUE}"
)
_BESIDE = r"[ ][\"']?(?P<bare>[^\s\"']{1,256})"
# What is a password by its place, whatever it is called: a part of what is matched, and the whole.
_PLACES = (
    ("://", r"://[^\s:/@\"'<>]{0,128}:(?P<password>[^\s@/\"'<>]{3,256})@[\w.\[-]"),
    ("-u", r"(?:-u|--user|--proxy-user)[ =][\"']?[\w.@+-]{1,128}:(?P<password>[^\s\"']{4,256})"),
    ("sshpass", r"sshpass -p[ ]?[\"']?(?P<password>[^\s\"']{4,256})"),
    ("mysql", r"mysql(?:dump|admin)?[ ][^\n|;]{0,80}?[ ]-p(?P<password>[^\s-]\S{3,256})"),
    ("sudo -S", r"echo[ ][\"']?(?P<password>[^\s\"'|]{4,256})[\"']?[ ]?\|[ ]?sudo -S"),
    ("login", r"login[ \t]{1,4}\S{1,128}\s{1,8}password[ \t]{1,4}(?P<password>\S{4,256})"),
    (
        "user",
        (
            r"(?i)user(?:name)?[ =:]{1,3}[\w.@-]{1,64},?[ ]{1,4}(?:and[ ])?(?:pass(?:word)?|pwd|pw)[ =:]{1,3}"
            r"(?P<password>(?=[A-Za-z]{0,30}\d)\S{6,256})"
        ),
    ),
    ("identified by", r"identified by[ ]['\"](?P<password>[^'\"\s]{4,256})"),
    ("IDENTIFIED BY", r"IDENTIFIED BY[ ]['\"](?P<password>[^'\"\s]{4,256})"),
    ("SecureString", r"ConvertTo-SecureString (?:-String )?['\"](?P<password>[^'\"$\s][^'\"\n]{3,256})"),
    ("jdbc:oracle", r"jdbc:oracle:[a-z]{1,8}:\w{1,64}/(?P<password>[^\s@/]{4,256})@"),
    (":5432:", r"[\w.*-]:5432:[\w.*-]{1,64}:[\w.*-]{1,64}:(?P<password>\S{4,256})"),
    ("WIFI:", r"WIFI:[^\n]{0,128}?P:(?P<password>[^;\s]{8,64})"),
)
_PIN = r"(?i)(?<![\w-])pin(?:[ -]?(?:code|number|nummer))?(?:[ ]?[:=]|[ ](?:is|ist|est|es|è))[ ]?\d{4,8}(?![\w.])"
_HASH = r"\$(?:2[aby]|5|6|y|argon2id?)\$"
_BEARER = r"(?i:bearer)[ ]{1,4}(?P<token>[\w.~+/=-]{16,4096})"
_BASIC = r"(?i:authorization)[\"']?[ ]?[:=][ ]?[\"']?(?i:basic)[ ]{1,4}[A-Za-z0-9+/]{12,}={0,2}"
_OTP = r"otpauth://[th]otp/"
# The last two are looked for in texts in lower case.
ANY_PLACE = Sieve(_HASH, *(re.escape(stem) for stem, _ in _PLACES))
ANY_PASSWORD = Sieve("pin", *map(re.escape, _PASSWORD_GROUPS))
ANY_TOKEN = Sieve("bearer", "basic", "otpauth://", *map(re.escape, _TOKEN_GROUPS))

_PLACEHOLDER = (
    r"(?i)^(?:[<{\[(%*]|\$[({]|\$[a-z_]+$|\.\.\.|x{3,}|-+$|\W+$|(.)\1{3,}$)|\*{3,}|x{4,}|\.\.\.|…|your[_-]"
    r"|^my[_-]?(?:password|secret|key|token|pass)|placeholder|changeme|change_me|change-me|redacted|^example$"
    r"|replace[_-]?me|dummy|\bfake|^(?:none|null|nil|true|false|undefined|void|required|optional|missing|invalid|empty"
    r"|unknown|default|string|str|bytes|text|char|varchar|object|password|passwd|passwort|passphrase|secret|secrets|token"
    r"|pass|pwd|user|username|admin|test|testing|foobar|incorrect|wrong|protected|hidden|input|prompt|forgotten|expired"
    r"|hash|hashed|private|public|self|this|here|below|above)[\d!.;,]?$"
)
_CALL = r"^[A-Za-z_][\w.]*(?:\(|\[|\.[A-Za-z_]|->|::)|^[&*@!][A-Za-z_]|^f?[\"']"
_RANDOM = r"^[A-Za-z0-9+/=_.~%:-]{16,4096}$"
_UUID = r"(?i)^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
COLUMNS, ROWS, WIDE = 8, 4, 512
"""Places of a name where a table is looked for, its rows that are read, and the characters on both sides."""
_LEAST_PART = 10
_LEAST_ENTROPY = 3.0
"""Bits a character: words and numbers in a row have less, keys of 16 characters and more have 3.2 and more."""


def has_password(text: str) -> bool:
    """Whether a password is set, told, or part of an address in a text."""
    if ANY_PLACE.passes(text) and (_is_at_its_place(text) or re.search(rf"{_HASH}[./\w$=,+]{{20}}", text)):
        return True
    lowered = text.lower()
    if not ANY_PASSWORD.passes(lowered):
        return False
    if "pin" in lowered and re.search(_PIN, text):
        return True
    text = aligned(text, lowered)
    names = _present(lowered, _PASSWORD_GROUPS)
    if any(_in_column(text, lowered, word) for word in names if word not in _SHORT):
        return True
    return any(_sets_password(text, lowered, at, word) for at, word in _words(lowered, names))


def has_token(text: str) -> bool:
    """Whether something that looks random is set to a name that tells a key, or sent as a bearer's token."""
    lowered = text.lower()
    if not ANY_TOKEN.passes(lowered):
        return False
    if "bearer" in lowered and any(_is_token(found["token"]) for found in re.finditer(_BEARER, text)):
        return True
    if ("basic" in lowered and re.search(_BASIC, text)) or ("otpauth://" in lowered and re.search(_OTP, lowered)):
        return True
    text = aligned(text, lowered)
    return any(_sets_token(text, lowered, at, word) for at, word in _words(lowered, _present(lowered, _TOKEN_GROUPS)))


def aligned(text: str, lowered: str) -> str:
    """
    The text, whose places are those of its lower case.

    Lowering changes the length of a text that has a dotted capital I; its case then decides nothing.
    """
    return text if len(text) == len(lowered) else lowered


def _present(lowered: str, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """The names that a text has."""
    return [word for common, words in groups.items() if common in lowered for word in words if word in lowered]


def _words(lowered: str, words: Sequence[str]) -> Iterator[tuple[int, str]]:
    for word in words:
        at = lowered.find(word)
        while at >= 0:
            yield at, word
            at = lowered.find(word, at + len(word))


def _sets_password(text: str, lowered: str, at: int, word: str) -> bool:
    end = at + len(word)
    short = word in _SHORT
    if short and lowered[at - 1 : at].isalpha():
        return False
    phrase = word == "passphrase"
    if found := compiled(_ASSIGNED).match(text, end):
        plain = text[at:end].isupper() and found["equal"] == "="
        return not (short and found["rest"]) and _is_value(found, plain=plain, phrase=phrase)
    if short:
        return False
    if found := compiled(_TOLD).match(text, end):
        return _is_value(found, plain=False, phrase=phrase)
    if text[max(0, at - 16) : at].rpartition(" ")[2].startswith("--") or not word.isascii():
        found = compiled(_BESIDE).match(text, end)
    return found is not None and _is_password(found["bare"], bare=True) and not found["bare"].isalpha()


def _is_value(found: re.Match[str], *, plain: bool, phrase: bool) -> bool:
    value = _quoted(found)
    if value is not None:
        return _is_password(value.replace(" ", "-") if phrase else value)
    return _is_bare_password(found, plain=plain)


def _quoted(found: re.Match[str]) -> str | None:
    return found["double"] or found["single"] or found["back"]


def _is_bare_password(found: re.Match[str], *, plain: bool) -> bool:
    """
    What is not quoted is an expression in source code, and may be a password in any other text.

    Letters alone are one only in the `plain` form of an environment: `PASSWORD=swordfish`.
    """
    value, following = found["bare"] or "", found["next"].strip()[:1]
    told = "equal" not in found.re.groupindex or found["equal"] == ":"
    argument = value.endswith((",", ")")) and not (told and (following or value.endswith(")")))
    if not plain and (argument or following in {"(", "[", "."}):
        return False
    value = re.split("[;&<]", value)[0].rstrip(".,!?)")
    return (plain or not value.isalpha() or _jumbled(value)) and _is_password(value, bare=True)


def _is_password(value: str, *, bare: bool = False, least: int = 6) -> bool:
    value = value.strip()
    if len(value) < least or compiled(_PLACEHOLDER).search(value) or (bare and compiled(_CALL).match(value)):
        return False
    if any(char.isspace() for char in value):  # a label, an error, a sentence
        return False
    if value.isalpha():
        return value.isascii() and not value.istitle() and (not _camel(value) or _jumbled(value))
    if not any(char.isdigit() for char in value):
        return not _words_only(value)
    return any(char.isalpha() for char in value) and not (bare and _snake(value))


def _is_at_its_place(text: str) -> bool:
    """Whether something stands where only passwords do."""
    return any(
        stem in text and any(_is_placed(found["password"]) for found in re.finditer(pattern, text))
        for stem, pattern in _PLACES
    )


def _is_placed(value: str) -> bool:
    """Whether a value is a password where only passwords stand; there, letters in any case may be one."""
    named = any(word in value.lower() for word in ("pass", "pwd", "secret", "token"))
    return _is_password(value, least=4) or (len(value) >= _LEAST_PART and value.isalpha() and not named)


def _in_column(text: str, lowered: str, word: str) -> bool:
    """Whether a table of values has a column of that name, and a password in it."""
    at = lowered.find(word)
    for _ in range(COLUMNS if at >= 0 else 0):
        around = text[text.rfind("\n", max(0, at - WIDE), at) + 1 : at + WIDE]
        head, *rows = [line.strip(" |\r") for line in around.split("\n")[: ROWS + 1]]
        sign = next((sign for sign in ";\t,|" if sign in head), None)
        names = [name.strip(" \"'").lower() for name in head.split(sign)] if sign else []
        if word in names and all(re.fullmatch(r"[\w -]{1,32}", name) for name in names):
            place = names.index(word)
            for cells in (row.split(sign) for row in rows):
                value = cells[place].strip(" \"'") if len(cells) == len(names) else ""
                if any(map(str.isdigit, value)) and _is_password(value, bare=True):
                    return True
        if (at := lowered.find(word, at + len(word))) < 0:
            break
    return False


def _jumbled(value: str) -> bool:
    """Whether letters are as no name has them: large and small ones among each other, a third large or more."""
    large = sum(map(str.isupper, value))
    return len(value) >= _LEAST_PART and large * 3 >= len(value) and large * 5 <= len(value) * 4


def _camel(value: str) -> bool:
    return not value.islower() and not value.isupper() and bool(re.search("[a-z][A-Z][a-z]", value))


def _words_only(value: str) -> bool:
    """Words with signs between them, as paths, names and formats have: `user.password`, `new_password`, `%s:%s`."""
    return all(len(part) == 0 or part.isalpha() for part in re.split(r"[._/:%{}<>\[\]()+-]", value))


def _snake(value: str) -> bool:
    return value.isidentifier() and "_" in value and value.islower()


def _sets_token(text: str, lowered: str, at: int, word: str) -> bool:
    before = lowered[max(0, at - 16) : at].rstrip("_- ")
    if (word == "key" and not before.endswith(_OPENING)) or (word == "token" and before.endswith(_PAGES)):
        return False
    end = at + len(word)
    if found := compiled(_ASSIGNED).match(text, end):
        quoted = _quoted(found)
        value = quoted or (found["bare"] or "").rstrip(",;.)")
        chosen = word == "secret" and (quoted or text[at:end].isupper())
        return _is_token(value) or bool(
            chosen and any(map(str.isdigit, value)) and _is_password(value, bare=not quoted)
        )
    found = compiled(_TOLD).match(text, end) or compiled(_BESIDE).match(text, end)
    return found is not None and _is_token((found["bare"] or _quoted(found) or "").rstrip(",;.)"))


def _is_token(value: str) -> bool:
    value = value.strip()
    if compiled(_UUID).match(value):
        return True
    if not compiled(_RANDOM).match(value) or compiled(_PLACEHOLDER).search(value) or "://" in value:
        return False
    if re.search("(?:Private|Public|Secret|Access)(?:Key|Token)", value):  # a class that holds one
        return False
    if not any(char.isdigit() for char in value) or not any(char.isalpha() for char in value):
        return False
    if re.match(r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$", value) and not re.search(r"\d\w*\d", value):
        return False
    longest = max(re.split("[^A-Za-z0-9]+", value), key=len)
    return len(longest) >= _LEAST_PART and _mixed(value) and _entropy(value) >= _LEAST_ENTROPY


def _mixed(value: str) -> bool:
    """Digits among letters, not at the end of a word: `sha256`, `model-2024`."""
    return len(re.findall(r"\d+", value)) >= 2 or bool(re.search(r"\d[A-Za-z]", value))  # noqa: PLR2004 - more than one


def _entropy(value: str) -> float:
    counts = [value.count(char) for char in set(value)]
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
