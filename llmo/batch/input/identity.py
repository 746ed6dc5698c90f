"""
Who a row is, and what it asks.

The id says which row this is, wherever it stands in the input; the key says what would be sent
for it. Both are what resume compares, the position never is.
"""

from __future__ import annotations

import json
import re
import sys
from hashlib import blake2b
from typing import TYPE_CHECKING

from llmo.batch.input.hash_table import Counts
from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.batch.input.hash_table import HashTable
    from llmo.batch.input.rows import Row
    from llmo.types.jsontext import Json
    from llmo.types.messages import Message, Request, Role

SIZE = 16
ANSWER_MARK = "@"
"""Between the id of a row and a target: the id of that target's answer in a comparison."""
AUTOMATIC = ("custom_id", "id")
"""Fields that are the id when all of the first rows have one and no other field is named."""
AUTOMATIC_ID = re.compile(rf"[0-9a-f]{{32}}(-\d+)?({ANSWER_MARK}.*)?")
"""What an id looks like that is made of a row's content."""

WORD = (1 << 64) - 1
WIDE = sys.hash_info.width == WORD.bit_length() and sys.hash_info.algorithm.startswith("siphash")
"""Whether Python's own hashes of texts are as good; they take a tenth of the time."""


def canonical(value: object) -> bytes:
    """One spelling for equal JSON values."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def content_id(row: Row) -> str:
    """An id for rows that have none: the same for the same fields."""
    return blake2b(canonical(row.content), digest_size=SIZE).hexdigest()


def field_id(row: Row, field: str) -> str | None:
    """The id that a field holds, None if there is none."""
    value = row.fields.get(field)
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def key_bits(key: str) -> int:
    """The beginning of a key as 64 bits, for tables: the same in every process."""
    return int(key[:16], 16)


def short(text: str) -> int:
    """An id or a key as 64 bits, for tables: others in every process."""
    return hash(text) & WORD if WIDE else lasting(text)


def lasting(text: str) -> int:
    """The same 64 bits of a text for ever."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def answer_id(row: str, target: str) -> str:
    """The id of a target's answer to a row, in a comparison."""
    return f"{row}{ANSWER_MARK}{target}"


def answer_key(row: str, target: str) -> str:
    """The key of a target's answer; applied again it is the key of the row."""
    mask = int.from_bytes(blake2b(target.encode(), digest_size=SIZE).digest())
    return f"{int(row, 16) ^ mask:032x}"


class Identity:
    """Gives every row of one pass its id; equal rows without an id are counted."""

    def __init__(self, field: str | None, known: HashTable | None = None) -> None:
        """`known` are ids whose hashes are in memory already, see `Counts`."""
        self._field = field
        self._seen = Counts(known)

    def __call__(self, row: Row) -> tuple[str, UsageError | None]:
        """The id of the next row, and what is wrong with it: then it is named by its content."""
        found = None if self._field is None else field_id(row, self._field)
        name = content_id(row) if found is None else found
        before = self._seen.add(short(name))
        if self._field is None:
            return (f"{name}-{before + 1}" if before else name), None
        if found is None:
            return name, row.fault or no_id(row, self._field)
        return (content_id(row), twice((row,), name)) if before else (name, None)


class Keys:
    """Hashes requests; what all rows share is hashed once, also the messages `before` their prompts."""

    def __init__(
        self,
        *,
        choice: Mapping[str, Json],
        params: Mapping[str, Json],
        schema: Mapping[str, Json] | None,
        before: Sequence[Message] = (),
    ) -> None:
        self._start = blake2b(canonical([choice, params, schema]), digest_size=SIZE)
        self._begun = self._start.copy()
        for message in before:
            self._begun.update(_spelled(message.role, message.text))
        self._begun.update(_begun("user"))

    def prompt(self, text: str) -> str:
        """The key of a request that has only this message behind those."""
        state = self._begun.copy()
        state.update(_measured(text))
        return state.hexdigest()

    def __call__(self, request: Request, own: Mapping[str, Json] | None = None) -> str:
        """The key of a request; `own` is what only this row asks for beyond its messages."""
        state = self._start.copy()
        if own:
            state.update(canonical(own))
        for message in request.messages:
            state.update(_spelled(message.role, message.text))
        return state.hexdigest()


def _spelled(role: Role, text: str) -> bytes:
    """A message as it is hashed."""
    return _begun(role) + _measured(text)


def _begun(role: Role) -> bytes:
    return b"\0%b " % role.encode()


def _measured(text: str) -> bytes:
    spelled = text.encode("utf-8", "surrogatepass")
    return b"%d\0%b" % (len(spelled), spelled)


def no_id(row: Row, field: str) -> UsageError:
    """The error for a row without the id field."""
    known = ", ".join(map(str, row.fields))
    return UsageError(
        f"no id: {row.where}: {field}", hint=f"use a field with text or a whole number; fields of this row: {known}"
    )


def twice(rows: Sequence[Row], name: str) -> UsageError:
    """The error for an id that two rows share."""
    places = ", ".join(row.where for row in rows)
    return UsageError(f"duplicate id: {name}: {places}", hint="use --id-field with a field that is unique in every row")
