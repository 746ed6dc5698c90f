"""
What a prompt is about, read with simple rules: the passage it works on, its language, what it names.

A stand-in for reading, not a model: enough for answers that look like answers. All of it takes time in proportion to
the text, of which only the last part is read.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

READ = 20_000
"""Characters of a prompt, from its end, that are read."""
FOUND = 3
"""Words that a list of keywords has."""
SENTENCES = 10
"""How far to look for one that says something."""
_FENCE = re.compile(r"^(?:-{3,}|={3,}|`{3,}|~{3,}|\"{3})[^\n]{0,40}$", re.MULTILINE)
_INTRODUCED = re.compile(r"\A[^:：\n]{1,400}+[:：]\s++(?=\S)")  # noqa: RUF001 - the marks of Chinese and Japanese
_SENTENCE = re.compile(r"[^\n]{2,}?(?:[.!?…](?=[\s\"'»”)]|$)|[。！？]|$)", re.MULTILINE)  # noqa: RUF001 - the marks of Chinese and Japanese
_WORD = re.compile(r"\w[\w'\u2019-]*")
_SHAPES = {
    "email": re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b"),
    "url": re.compile(r"\bhttps?://[^\s<>\"')\]]{1,500}"),
    "date": re.compile(r"\b\d{4}-\d{2}-\d{2}\b"),
    "phone": re.compile(r"(?<![\w-])\+?\d{1,4}(?:[ /-]\d{2,5}){2,4}\b"),
    "id": re.compile(r"\b(?=[A-Za-z/-]{0,6}\d)[A-Za-z]{0,4}[-/]?\d[\d/-]{1,16}\d\b"),
    "name": re.compile(r"(?<![.!?。] )\b[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]{1,20} [A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]{1,20}\b"),
}
_NUMBER = re.compile(r"(?<![\w.,/-])-?\d{1,9}(?:\.\d{1,6})?(?![\w/-]|[.,]\d)")
_CURRENCY = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₺": "TRY", "zł": "PLN"}

_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff\u3400-\u4dbf]")),
    ("fa", re.compile(r"[پچژگیک]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("uk", re.compile(r"[іїєґІЇЄҐ]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("vi", re.compile(r"[ăđơưạảấầẩậắằặẹẻẽếềểệịọỏốồổộớờởợụủứừửựỳỵỷỹ]")),
)
"""Scripts, the telling ones first: Japanese has Chinese characters too, and Persian Arabic ones."""
_SHARE = {"ja": 20, "fa": 20, "uk": 150, "vi": 40}
"""One of how many letters must be of the script, where a few are enough."""
_LETTERS = {
    "ß": "de",
    "ñ": "es",
    "¿": "es",
    "ã": "pt",
    "õ": "pt",
    "ł": "pl",
    "ą": "pl",
    "ę": "pl",
    "ś": "pl",
    "å": "sv",
    "ş": "tr",
    "ğ": "tr",
    "\u0131": "tr",
    "ø": "da",
}
_COMMON = {
    "en": "the and is are was you to of in it that this for with not have my can i please how what where do be on at",
    "de": "der die das und ist nicht ich sie es ein eine mit auf für zu den von im bitte wie wir noch hat dem seit",
    "fr": "le la les et est je ne pas vous de des un une que pour dans sur mon ce à au du avec bonjour merci plus",
    "es": "el la los las y es no que de un una por para con me mi se está hola cómo pero lo del en gracias puedo",
    "it": "il lo la gli e è non che di un una per con mi sono ho del della grazie come ma si buongiorno anche ogni",
    "pt": "o a os as e é não que de um uma por para com meu minha está olá como mas do da em oi obrigado só já",
    "nl": "de het een en is niet ik u van op voor met te dat kan naar mijn maar bij nog hoe beste wordt om dan",
    "pl": "i w nie się na jest to z że do o dzień dobry proszę jak ale mi po za czy mój tym bez jej ich już od",
    "sv": "och att det är jag en ett inte på för med som har hej kan min men till av om hur tack ni den vad",
    "tr": "ve bir bu ne için ile çok merhaba mi değil ama var yok ben daha gibi henüz lütfen bana oldu",
    "da": "og at det er jeg en et ikke på for med som har hej kan min men til af om hvor tak den hvad også der",
    "id": "dan yang di ini itu saya tidak untuk dengan dari bisa apa ada sudah akan ke pada terima kasih anda belum",
}
_HINTS = {
    word: [code for code, words in _COMMON.items() if word in words.split()]
    for word in {word for words in _COMMON.values() for word in words.split()}
}


class Subject:
    """The passage that a prompt works on, and what stands in it."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt[-READ:]

    @cached_property
    def text(self) -> str:
        """The last part between lines of marks, else what an introduction with a colon leads to, else all."""
        fences = list(_FENCE.finditer(self.prompt))
        if len(fences) > 1:
            inner = self.prompt[fences[-2].end() : fences[-1].start()].strip()
            if inner or not self.prompt[fences[-1].end() :].strip():
                return inner
        introduced = _INTRODUCED.match(self.prompt)
        return self.prompt[introduced.end() if introduced else 0 :].strip()

    @cached_property
    def lowered(self) -> str:
        """The same without capitals."""
        return self.text.lower()

    @cached_property
    def words(self) -> list[str]:
        """Its words, without capitals."""
        return _WORD.findall(self.lowered)

    @cached_property
    def sentence(self) -> str:
        """Its first sentence that says something, in one line; a greeting if that is all, empty without text."""
        found = (" ".join(m[0].strip(" \t#>*-").split()) for m in _SENTENCE.finditer(self.text))
        some = [one for one in islice(found, SENTENCES) if _WORD.search(one)]
        return next((one for one in some if not one.endswith(",") and _says_something(one)), some[0] if some else "")

    @cached_property
    def language(self) -> str:
        """ISO 639-1 code of its language by script and common words; `en` when nothing tells."""
        letters = sum(map(str.isalpha, self.text)) or 1
        for code, script in _SCRIPTS:
            if len(script.findall(self.lowered)) > letters / _SHARE.get(code, 4):
                return code
        votes = Counter(code for word in self.words for code in _HINTS.get(word, ()))
        votes.update(_LETTERS[letter] for letter in self.lowered if letter in _LETTERS)
        return votes.most_common(1)[0][0] if votes else "en"

    @cached_property
    def keywords(self) -> list[str]:
        """Its longest words, each once, in their order; words of four letters and more."""
        usual = set(_HINTS)
        plain = dict.fromkeys(w for w in self.words if len(w) > 3 and w not in usual and not w.isdecimal())  # noqa: PLR2004
        chosen = set(sorted(plain, key=len, reverse=True)[:FOUND])
        return [word for word in plain if word in chosen]

    @cached_property
    def numbers(self) -> list[str]:
        """Numbers as they are written."""
        return _NUMBER.findall(self.text)

    @cached_property
    def currency(self) -> str | None:
        """The currency that it names or has a sign of."""
        named = re.search(r"\b(?:EUR|USD|GBP|CHF|JPY|PLN|SEK|INR|TRY|KRW|CNY)\b", self.text)
        return named[0] if named else next((code for sign, code in _CURRENCY.items() if sign in self.text), None)

    def find(self, shape: str) -> str | None:
        """The first that looks like an `email`, a `url`, a `date`, a `phone`, an `id` or a `name`."""
        found = _SHAPES[shape].search(self.text)
        return found[0] if found else None

    def mentions(self, names: Iterable[str]) -> str | None:
        """
        The name that it mentions last as a word of its own, else one that begins like one of its words.

        `deliver`, `delivery` and `delivered` begin alike: the first five letters and all but the last three of a name.
        """
        places = [(place, name) for name in names if (place := self._place(name.lower())) >= 0]
        if places:
            return max(places)[1]
        for word in self.words:
            for name in names:
                stem = name.lower()[: max(5, len(name) - 3)]
                if len(stem) >= 5 and word.startswith(stem):  # noqa: PLR2004 - as the docstring says
                    return name
        return None

    def _place(self, name: str) -> int:
        """Where a name is mentioned last, -1 if nowhere; scripts without spaces have no borders of words."""
        if not name:
            return -1
        border = r"\b" if name[0].isascii() and name[-1].isascii() else ""
        found = -1
        if name in self.lowered:
            for match in re.finditer(rf"{border}{re.escape(name)}{border}", self.lowered):
                found = match.start()
        return found


def _says_something(sentence: str) -> bool:
    """Whether it has four words, or as many letters where words are not set apart."""
    return len(sentence.split()) > 3 or (not sentence.isascii() and len(sentence) > 11)  # noqa: PLR2004
