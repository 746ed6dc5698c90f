"""`Session.run`: a question, what is emitted of it, and what is left when it is stopped."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from llmo.client.question import question
from llmo.client.runtime import Runtime
from llmo.client.session import QuestionEnded, Session, Terms
from llmo.engine.progress import AttemptEnded, AttemptStarted
from llmo.errors import ConfigError
from llmo.types.events import Finish, Text
from tests import virtual

if TYPE_CHECKING:
    from pathlib import Path

    from llmo.client.question import Options
    from llmo.client.session import Emit
    from llmo.engine.progress import Progress

    Event = Progress | QuestionEnded

HELLO = "You said: hello\n\nThat is 1 word. No model was asked."
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
PRICED = 'input_usd = "1"\noutput_usd = "10"\n'


class Desk:
    """A session over one offline provider, in virtual time; `seen` is what was emitted."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = virtual.VirtualClock()
        self.seen: list[Event] = []

    def run(self, offline: str = "", emit: Emit | None = None, stop: float | None = None, **options: object) -> None:
        """Ask, and stop after some seconds."""
        path = self.home / "p.toml"
        path.write_text(f'model = "p/echo"\n[providers.p]\nkind = "offline"\n[providers.p.offline]\n{offline}', "utf-8")
        env = {f"LLMO_{kind}_DIR": str(self.home / kind.lower()) for kind in ("CONFIG", "DATA", "CACHE")}
        session = Session(Runtime(env=env, clock=self.clock, profile_name=str(path)), Terms(run="r"))
        given: Options = options  # type: ignore[assignment]

        async def main() -> None:
            try:
                async with asyncio.timeout(stop):
                    await session.run(question("hello", given), emit or self.seen.append)
            finally:
                await session.close()

        virtual.run(main(), self.clock)

    @property
    def ended(self) -> QuestionEnded:
        """The last that was emitted."""
        last = self.seen[-1]
        assert isinstance(last, QuestionEnded)
        return last


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty home."""
    return Desk(tmp_path)


def kinds(events: list[Event]) -> list[type]:
    """The types of events, repeats left out."""
    return [kind for kind, before in zip(map(type, events), [None, *map(type, events)], strict=False) if kind != before]


def test_the_pieces_come_between_the_marks_of_their_attempt(desk: Desk) -> None:
    """
    Started, text, end of the stream, booked, and the result as the last.
    """
    desk.run()

    marks = [one for one in kinds(desk.seen) if one in {AttemptStarted, Text, Finish, AttemptEnded, QuestionEnded}]
    assert [AttemptStarted, Text, Finish, AttemptEnded, QuestionEnded] == marks
    assert "".join(one.text for one in desk.seen if isinstance(one, Text)) == desk.ended.result.text == HELLO


def test_a_cancelled_question_leaves_what_came(desk: Desk) -> None:
    """
    The partial answer is emitted as the last, and its attempt is booked, before the cancellation passes.
    """
    with pytest.raises(TimeoutError):
        desk.run(f"delay = 1.0\n{PRICED}", stop=2.5)

    result = desk.ended.result
    assert result.text
    assert HELLO.startswith(result.text)
    assert HELLO != result.text
    assert [("cancelled", "estimated")] == [(one.outcome, result.cost_source) for one in result.attempts]


def test_a_writer_that_fails_ends_the_attempt_which_is_booked(desk: Desk) -> None:
    """
    A closed pipe or a full disk is the caller's error: it passes as it is.
    """

    def emit(event: Event) -> None:
        desk.seen.append(event)
        if isinstance(event, Text):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        desk.run(PRICED, emit=emit)

    assert ["cancelled"] == [one.outcome for one in desk.ended.result.attempts]
    assert 1 == sum(isinstance(one, Text) for one in desk.seen)


def test_data_that_matches_its_schema_is_in_the_result(desk: Desk) -> None:
    """
    Checked, and parsed once.
    """
    desk.run(schema=SCHEMA)

    assert (json.loads(desk.ended.result.text), None) == (desk.ended.result.data, desk.ended.result.error)


def test_a_question_that_nobody_may_answer_emits_nothing(desk: Desk) -> None:
    """
    Its plan's error is raised before anything begins.
    """
    with pytest.raises(ConfigError):
        desk.run(model="nobody/x")

    assert [] == desk.seen
