"""The known name that a wrong one probably means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean base_url?`, to end a message with; empty if no known name is close."""
    found = close(name, known)
    return f"; did you mean {found}?" if found else ""


def suggestion(name: str, known: Iterable[str], what: str) -> str:
    """A hint: `did you mean simple?`, or all known names after `what`."""
    known = tuple(known)
    found = close(name, known)
    return f"did you mean {found}?" if found else f"{what}: {', '.join(known) or 'none'}"


def close(name: str, known: Iterable[str]) -> str:
    """The known name that is closest, without regard to capitals; empty if none is close."""
    import difflib

    lower = {word.lower(): word for word in known}
    close = difflib.get_close_matches(name.lower(), lower, 1)
    return lower[close[0]] if close else ""
