"""Asking again after an answer that does not match: within the time of the call, and never at the cost of what came."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from llmo.engine.structured import Structured
from llmo.errors import BudgetExceeded, Unavailable
from llmo.requests.validator import Validator
from llmo.types.events import Finish, Text, Usage
from tests import virtual
from tests.fakes import A, Note, Scripted, Stage

if TYPE_CHECKING:
    from llmo.engine.results import Result

NUMBER = {"type": "number"}


def play(*answers: Any, account: Note | None = None, repair: int = 1, **job: Any) -> tuple[Result, Any, int, float]:
    """A structured answer: its result, its data, how many requests it took, how long."""
    provider = Scripted(*answers)

    async def main() -> tuple[Result, Any, float]:
        stage = Stage({A: provider}, account=account or Note([]))
        running = Structured(stage.engine(), stage.job(**job), Validator(NUMBER), repair=repair)
        result = await running.run()
        return result, result.data, asyncio.get_running_loop().time()

    result, data, took = virtual.run(main())
    return result, data, len(provider.requests), took


def said(text: str, after: float = 0.0) -> tuple[Any, ...]:
    """An answer that takes its time."""
    return (after, Text(text), Usage(1, 2), Finish("stop"))


@pytest.mark.parametrize(
    ("first", "second", "requests", "took", "kind"),
    [
        pytest.param(20.0, 30.0, 2, 50.0, None, id="in time"),
        pytest.param(40.0, 30.0, 2, 60.0, "invalid_output", id="cut by the clock"),
        pytest.param(59.0, 30.0, 2, 60.0, "invalid_output", id="hardly begun"),
    ],
)
def test_a_repair_has_the_rest_of_the_time(
    first: float, second: float, requests: int, took: float, kind: str | None
) -> None:
    """
    `--timeout` is the time of the call, not of each of its requests.
    """
    result, data, asked, ended = play(said("ten", first), said("10", second))

    assert (requests, took, kind) == (asked, ended, result.error and result.error.kind)
    assert (("10", 10) if kind is None else ("ten", None)) == (result.text, data)


@pytest.mark.parametrize(
    "failure", [Unavailable("down", status=503, may_be_billed=False), BudgetExceeded("budget x is used up")]
)
def test_a_repair_that_fails_takes_no_answer_away(failure: Exception) -> None:
    """
    What did not match is paid for: it is kept as invalid, with all attempts and the reason.
    """
    account = Note([], limit=1) if isinstance(failure, BudgetExceeded) else Note([])
    result, data, _, _ = play(said("ten"), (failure,), account=account, retries=0)

    assert ("invalid_output", "ten", None) == (result.error and result.error.kind, result.text, data)
    assert f"it could not be repaired: {failure}" in result.warnings
    assert (2, ["ok", failure.kind]) == (len(result.attempts), [one.outcome for one in result.attempts])  # type: ignore[attr-defined]  # both are ours


@pytest.mark.parametrize(
    ("answers", "repair", "warnings"),
    [
        pytest.param(["1"], 1, [], id="none was needed"),
        pytest.param(["ten"], 0, [], id="none was asked for"),
        pytest.param(["ten", "10"], 1, ["the first answer did not match the schema, and was repaired"], id="repaired"),
        pytest.param(
            ["ten", "x", "10"],
            3,
            ["the first answer did not match the schema, and was repaired at attempt 2"],
            id="later",
        ),
        pytest.param(
            ["ten", "x"], 1, ["the first answer did not match the schema, and neither did its repair"], id="in vain"
        ),
        pytest.param(
            ["ten", "x", "y"],
            2,
            ["the first answer did not match the schema, and neither did any of its 2 repairs"],
            id="twice",
        ),
        pytest.param(["ten", "x", None], 2, ["it could not be repaired: down"], id="failed"),
    ],
)
def test_a_warning_says_what_the_repairs_came_to(answers: list[str | None], repair: int, warnings: list[str]) -> None:
    """
    Nothing is called repaired that does not match.
    """
    down = (Unavailable("down", status=503, may_be_billed=False),)
    result, _, asked, _ = play(*(down if one is None else said(one) for one in answers), repair=repair, retries=0)

    assert (warnings, len(answers)) == (list(result.warnings), asked)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param(["10"], (10, None, 0), id="as it stands"),
        pytest.param(["```json\n10\n```"], (10, "local", 0), id="in a fence"),
        pytest.param(["ten", "10"], (10, "model", 1), id="asked again"),
        pytest.param(["ten", "```\n10\n```"], (10, "model", 1), id="asked again, in a fence"),
        pytest.param(["ten", "x", "10"], (10, "model", 2), id="asked twice"),
        pytest.param(["ten", "x", "y"], (None, None, 2), id="in vain"),
    ],
)
def test_a_result_says_how_it_came_to_match(answers: list[str], expected: tuple[Any, ...]) -> None:
    """
    What can be read without asking again is not asked for, and its text stays as it came.
    """
    result, data, asked, _ = play(*(said(one) for one in answers), repair=2)

    assert expected == (data, result.repaired, result.repairs)
    assert (len(answers), answers[-1]) == (asked, result.text)


def test_a_repair_that_nobody_could_pay_for_is_not_counted() -> None:
    """
    It was never sent; one that failed at the provider was.
    """
    refused, _, _, _ = play(said("ten"), account=Note([], limit=1))
    failed, _, _, _ = play(said("ten"), (Unavailable("down", status=503, may_be_billed=False),), retries=0)

    assert (0, 1) == (refused.repairs, failed.repairs)
