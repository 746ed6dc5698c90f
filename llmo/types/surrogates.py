"""Halves of surrogate pairs: JSON can spell them, Python's texts can hold them, and UTF-8 can't say them."""

from __future__ import annotations


def is_whole(text: str) -> bool:
    """Whether a text has no half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def whole(text: str) -> str:
    """The text as UTF-8 can say it: halves that belong together joined, lone ones replaced."""
    return text if is_whole(text) else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
