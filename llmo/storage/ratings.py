"""How good answers were, as their reader said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.storage.archive import Archive
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from llmo.storage.archive import Rating, SavedTurn
    from llmo.storage.history import History


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """An answer: the user's turns up to it, when and by whom it was given, and what is known of it."""

    prompts: tuple[str, ...]
    at: float
    target: str
    rating: Rating | None
    error: str | None


def rate(history: History, name: str, rating: Rating) -> SavedTurn:
    """
    Keep the rating of an answer, or of the last one of a conversation, instead of an earlier one; the answer.

    Raises `UsageError` for an id that means no answer.
    """
    _, turns = Archive(history).find(name)
    answer = next((one for one in reversed(turns) if one.role == "assistant"), None)
    if answer is None:
        raise UsageError(f"not an answer: {name}", hint="list the turns with: llmo history list --conversation ID")
    with history.transaction() as db:
        # Only while it is there: another process may have deleted it meanwhile.
        found = db.execute("INSERT OR REPLACE INTO ratings SELECT id, ? FROM turns WHERE id = ?", (rating, answer.id))
        gone = not found.rowcount
    if gone:
        raise UsageError(f"deleted meanwhile: {name}")
    return answer


def answers(history: History) -> list[SavedAnswer]:
    """All answers of all conversations, oldest first."""
    prompts: dict[str, tuple[str, ...]] = {}
    found = []
    with history.transaction() as db:
        rows = db.execute(
            "SELECT t.conversation, t.role, t.text, t.at, t.target, r.rating, i.error FROM turns AS t"
            " LEFT JOIN ratings AS r ON r.turn = t.id LEFT JOIN incomplete AS i ON i.turn = t.id ORDER BY t.id"
        )
        for conversation, role, text, at, target, rating, error in rows:
            before = prompts.get(conversation, ())
            if role == "user":
                prompts[conversation] = (*before, text)
            elif role == "assistant" and before and target is not None:
                found.append(SavedAnswer(before, at, target, rating, error))
    return found
