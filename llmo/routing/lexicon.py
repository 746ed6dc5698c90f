"""The words that show what a prompt asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LONGEST_PHRASE = 4
"""Words of the longest phrase."""
STEM = 4
"""Letters that the beginning of a word has at least, where it stands for the word."""
WIDE = "\u2e80"
"""Where the writings begin that have no spaces."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """
    What a prompt may ask for, by the words that show it.

    `words` has whole words and phrases, `heads` the words that a phrase begins with, `stems` the beginnings of words
    by their first letters, `signs` what is found in Chinese and Japanese, by its first letter. `relations` are words
    that tie one quantity to another.
    """

    words: Mapping[str, str]
    heads: frozenset[str]
    stems: Mapping[str, Sequence[Sequence[str]]]
    signs: Mapping[str, Sequence[Sequence[str]]]
    relations: frozenset[str]

    def find(self, words: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Each concept that words show, with the place of the word."""
        for at, word in enumerate(words):
            if word[0] >= WIDE:
                yield from self._in_run(word, at)
                continue
            if (concept := self.words.get(word)) is not None:
                yield at, concept
            else:
                yield from ((at, concept) for stem, concept in self.stems.get(word[:STEM], ()) if word.startswith(stem))
            if word in self.heads:
                yield from self._phrases(words, at)

    def _in_run(self, run: str, at: int) -> Iterator[tuple[int, str]]:
        for offset, letter in enumerate(run):
            for sign, concept in self.signs.get(letter, ()):
                if run.startswith(sign, offset):
                    yield at + offset, concept

    def _phrases(self, words: Sequence[str], at: int) -> Iterator[tuple[int, str]]:
        for end in range(at + 2, at + LONGEST_PHRASE + 1):
            if (concept := self.words.get(" ".join(words[at:end]))) is not None:
                yield at, concept
