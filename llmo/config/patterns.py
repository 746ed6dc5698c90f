"""
Names with `*` in a profile: the `match` of budgets, `[[prices]]`, and the checks of both.

`*` stands for any text, the empty one included; every other character for itself. Names of models are compared
without case, as the price table looks them up: `GPT-X` must not slip past a budget.
"""

from __future__ import annotations

import re

ANY = "*"
_CLASS = re.compile(r"\[[^\]=]*(?:\]|$)")
"""A shell's character class; not the settings of Cursor's models, `sonnet[effort=high]`."""


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern matches a name, in time proportional to the name however many `*` there are."""
    first, *rest = pattern.split(ANY)
    if not rest:
        return pattern == name
    *middle, last = rest
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        at = name.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def means_target(pattern: str, target: str) -> bool:
    """Whether a pattern matches `provider/model`."""
    return matches(pattern.lower(), target.lower())


def means_model(pattern: str, provider: str, model: str) -> bool:
    """Whether a pattern matches a model, by its name alone or as `provider/model`."""
    return means_target(pattern, model) or means_target(pattern, f"{provider}/{model}")


def may_begin(pattern: str, prefix: str) -> bool:
    """Whether a pattern matches some name with this prefix, such as `provider/`."""
    pattern, prefix = pattern.lower(), prefix.lower()
    first, star, _ = pattern.partition(ANY)
    return first.startswith(prefix) or (bool(star) and prefix.startswith(first))


def wrong(pattern: str, *, free: bool = False) -> str | None:
    """
    Why a pattern is surely a mistake; None when it may be meant.

    `free` is for text of the user's own (tags), which may be empty or have spaces around it.
    """
    if not free and not pattern.strip():
        return f"expected a name; {ANY} is any"
    if not free and pattern != pattern.strip():
        return "expected a name without spaces around it"
    if "?" in pattern or _CLASS.search(pattern):
        # Read as text they would match nothing, and a budget that counts nothing would look like one that holds.
        return f"? and [ ] are not wildcards, only {ANY} is, and it matches any text"
    return None
