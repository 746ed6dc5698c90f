"""What is read of the history as a whole: its conversations in a list, found by their words, or turn by turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from llmo.storage import search_index
from llmo.storage.history import abbreviated, unknown
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    import sqlite3

    from llmo.storage.history import History
    from llmo.types.money import Pico

Rating = Literal["good", "bad"]
BEGINNING = 400
"""Characters of a prompt that a list gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTurn:
    """
    One text of a conversation.

    `target` and `cost` (picodollars) are known of answers, the latter not always; `error` is the kind of the error that
    ended an incomplete one; `rating` is what its reader said of it.
    """

    id: str
    role: str
    text: str
    at: float
    target: str | None
    cost: Pico | None
    error: str | None
    rating: Rating | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSummary:
    """
    A conversation in a list.

    `cost` is the sum over answers of known cost, in picodollars; `unpriced` is the number of the others. `target`
    answered last. `first` is the beginning of the first prompt. `good` and `bad` are the numbers of answers rated so.
    """

    id: str
    began: float
    at: float
    turns: int
    target: str | None
    cost: Pico
    unpriced: int
    first: str
    private: bool
    good: int = 0
    bad: int = 0


class Archive:
    """The conversations of a history, latest first."""

    def __init__(self, history: History) -> None:
        self._history = history

    def summaries(self, query: str = "") -> list[ConversationSummary]:
        """All conversations, or those that have every word of a query (see `search_index.terms`)."""
        with self._history.transaction() as db:
            found = search_index.conversations(db, self._history.index_path, query) if query.strip() else None
            return [one for one in _summaries(db) if found is None or one.id in found]

    def prompts(self, most: int) -> list[str]:
        """The latest prompts of all conversations, latest last."""
        with self._history.transaction() as db:
            rows = db.execute("SELECT text FROM turns WHERE role = 'user' ORDER BY id DESC LIMIT ?", (most,))
            return [row[0] for row in rows][::-1]

    def turns(self, conversation: str) -> list[SavedTurn]:
        """The turns of a conversation, in order."""
        with self._history.transaction() as db:
            return _turns(db, conversation)

    def find(self, name: str | None) -> tuple[str, list[SavedTurn]]:
        """
        The conversation that is named by an id or an unambiguous part of it, with its turns; the last one without name.

        The id of a turn finds that turn, with the prompt before it if it is an answer. Raises `UsageError`.
        """
        if name is None:
            last = self._history.last()
            return last, self.turns(last)
        with self._history.transaction() as db:
            homes = dict(db.execute("SELECT id, conversation FROM turns"))
            conversation = abbreviated(name, dict.fromkeys(homes.values()))
            turn = None if conversation else abbreviated(name, homes)
            if turn is not None:
                conversation = homes[turn]
            if conversation is None:
                raise unknown(name)
            found = _turns(db, conversation)
        return conversation, found if turn is None else _exchange(found, turn)


def _exchange(turns: list[SavedTurn], turn: str) -> list[SavedTurn]:
    at = next(n for n, one in enumerate(turns) if one.id == turn)
    asked = at > 0 and turns[at].role == "assistant" and turns[at - 1].role == "user"
    return turns[at - 1 if asked else at : at + 1]


def _summaries(db: sqlite3.Connection) -> list[ConversationSummary]:
    rows = db.execute(
        "SELECT t.conversation, min(t.at), max(t.at), count(*),"
        " (SELECT target FROM turns WHERE conversation = t.conversation AND target IS NOT NULL"
        " ORDER BY id DESC LIMIT 1),"
        " ifnull(sum(s.pico), 0), sum(t.role = 'assistant' AND s.pico IS NULL),"
        " (SELECT substr(text, 1, ?) FROM turns WHERE conversation = t.conversation AND role = 'user'"
        " ORDER BY id LIMIT 1),"
        " EXISTS (SELECT 1 FROM private AS p WHERE p.conversation = t.conversation),"
        " sum(r.rating IS 'good'), sum(r.rating IS 'bad')"
        " FROM turns AS t LEFT JOIN spent AS s ON s.turn = t.id LEFT JOIN ratings AS r ON r.turn = t.id"
        " GROUP BY t.conversation ORDER BY max(t.id) DESC",
        (BEGINNING,),
    )
    return [
        ConversationSummary(
            id=name,
            began=began,
            at=at,
            turns=turns,
            target=target,
            cost=cost,
            unpriced=unpriced,
            first=first or "",
            private=bool(private),
            good=good,
            bad=bad,
        )
        for name, began, at, turns, target, cost, unpriced, first, private, good, bad in rows
    ]


def _turns(db: sqlite3.Connection, conversation: str) -> list[SavedTurn]:
    rows = db.execute(
        "SELECT t.id, t.role, t.text, t.at, t.target, s.pico, i.error, r.rating FROM turns AS t"
        " LEFT JOIN spent AS s ON s.turn = t.id LEFT JOIN incomplete AS i ON i.turn = t.id"
        " LEFT JOIN ratings AS r ON r.turn = t.id"
        " WHERE t.conversation = ? ORDER BY t.id",
        (conversation,),
    )
    return [
        SavedTurn(id=turn, role=role, text=text, at=at, target=target, cost=cost, error=error, rating=rating)
        for turn, role, text, at, target, cost, error, rating in rows
    ]
