"""How good answers were, as their reader said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.storage.archive import Archive

if TYPE_CHECKING:
    from llmo.storage.archive import Rating, SavedTurn
    from llmo.storage.history import History


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
