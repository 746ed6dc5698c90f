"""The history for people and programs: lists of conversations and answers, and whole conversations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from llmo.render.tables import aligned
from llmo.render.wrapping import columns
from llmo.types.format import dollars
from llmo.types.money import usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.storage.archive import ConversationSummary, SavedTurn

SHORT = 8
"""Characters of an id in a list: the end of it, which is random."""
NARROW = 72
"""Columns below which a table has no room for models."""
FEWEST = 12
"""Columns that the text has at least."""
AGES = ((604_800, "w"), (86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def conversations(rows: Sequence[ConversationSummary], *, now: float, width: int | None, bold: bool) -> str:
    """A table of conversations; without a `width` (in columns) ids and texts are not shortened to it."""
    cells = [
        (
            _id(one.id, width),
            age(now - one.at),
            one.target or "",
            cost(one),
            str(one.turns),
            ratings(one),
            line(one.first),
        )
        for one in rows
    ]
    return _fitted(("ID", "AGE", "MODEL", "COST", "TURNS", "RATED", "PROMPT"), cells, width=width, bold=bold)


def answers(turns: Sequence[SavedTurn], *, now: float, width: int | None, bold: bool) -> str:
    """A table of the turns of a conversation."""
    cells = [
        (_id(one.id, width), age(now - one.at), one.target or one.role, _price(one), one.rating or "", line(one.text))
        for one in turns
    ]
    return _fitted(("ID", "AGE", "MODEL", "COST", "RATED", "TEXT"), cells, width=width, bold=bold)


def age(seconds: float) -> str:
    """A length of time in its largest unit; the future is now."""
    for size, unit in AGES:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"


def cost(one: ConversationSummary) -> str:
    """What a conversation cost: at least, if that is not known of every answer."""
    if not one.unpriced:
        return dollars(one.cost)
    return f"≥ {dollars(one.cost, down=True)}" if one.cost else "unknown"


def ratings(one: ConversationSummary) -> str:
    """How the answers of a conversation were rated: in a word where that is one."""
    if one.good + one.bad == 1:
        return "good" if one.good else "bad"
    return ", ".join(f"{number} {name}" for number, name in ((one.good, "good"), (one.bad, "bad")) if number)


def line(text: str) -> str:
    """A text in one line."""
    return " ".join(text.split())


def clipped(text: str, width: int) -> str:
    """The beginning of a text in at most so many columns."""
    if columns(text) <= width:
        return text
    taken = 0
    for at, char in enumerate(text):
        taken += columns(char)
        if taken > width - 1:
            return text[:at] + "…"
    return text


def summary_object(one: ConversationSummary) -> dict[str, Any]:
    """A conversation of a list as JSON."""
    return {
        "id": one.id,
        "began_at": _iso(one.began),
        "last_at": _iso(one.at),
        "turns": one.turns,
        "model": one.target,
        "cost_usd": usd(one.cost),
        "unpriced_answers": one.unpriced,
        "private": one.private,
        "rated": {"good": one.good, "bad": one.bad},
        "prompt": one.first,
    }


def turn_object(one: SavedTurn) -> dict[str, Any]:
    """A turn as JSON; what is known of answers only is null for others."""
    return {
        "id": one.id,
        "role": one.role,
        "at": _iso(one.at),
        "model": one.target,
        "cost_usd": None if one.cost is None else usd(one.cost),
        "error": one.error,
        "rating": one.rating,
        "text": one.text,
    }


def conversation_object(name: str, turns: Sequence[SavedTurn]) -> dict[str, Any]:
    """A conversation with its turns as JSON."""
    return {"id": name, "turns": [turn_object(one) for one in turns]}


def markdown(name: str, turns: Sequence[SavedTurn]) -> str:
    """A conversation as a Markdown document; its texts stand as they are."""
    parts = [f"# Conversation {name}\n"]
    for one in turns:
        about = [_iso(one.at)]
        if one.cost is not None:
            about.append(dollars(one.cost))
        if one.error is not None:
            about.append(f"incomplete: {one.error}")
        if one.rating is not None:
            about.append(f"rated {one.rating}")
        text = one.text.rstrip("\n")
        parts.append(f"## {one.target or one.role} · {' · '.join(about)}\n\n{text}\n")
    return "\n".join(parts)


def _id(name: str, width: int | None) -> str:
    return name if width is None else name[-SHORT:]


def _price(one: SavedTurn) -> str:
    return dollars(one.cost) if one.role == "assistant" else ""


def _fitted(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, width: int | None, bold: bool) -> str:
    """The table with its last column cut to what is left, or to its beginning where nobody says how wide it may be."""
    if not any(row[head.index("RATED")] for row in rows):
        head, rows = _without(("RATED",), head, rows)
    if width is not None and width < NARROW:
        head, rows = _without(("MODEL", "TURNS"), head, rows)
    taken = sum(max(columns(row[n]) for row in (head, *rows)) + 2 for n in range(len(head) - 1))
    room = NARROW if width is None else max(FEWEST, width - taken)
    cut = [(*row[:-1], clipped(row[-1], room)) for row in rows]
    return aligned(head, cut, right=("COST", "TURNS"), bold=bold)


def _without(
    names: tuple[str, ...], head: tuple[str, ...], rows: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    keep = [n for n, name in enumerate(head) if name not in names]
    return tuple(head[n] for n in keep), [tuple(row[n] for n in keep) for row in rows]


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
