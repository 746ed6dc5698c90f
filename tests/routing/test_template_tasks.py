"""Rows of a template: its instruction decides, and what a row adds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from llmo.batch.input.template import Template
from llmo.routing.classifier import Thresholds, classify
from llmo.routing.planner import Selection
from llmo.routing.template_tasks import TemplateTasks
from llmo.types.messages import Message, Request
from tests.routing.test_outline import planner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.routing.plan import Task

MAIL = (
    "Dear team, my name is Ann Lee from Boston and I am writing about order 4711, which has still not arrived. Could you "
    "please explain what went wrong, and advise me what to do? Best regards, Ann Lee."
)
LOG = "2026-01-02 10:00:01 INFO started\n2026-01-02 10:00:02 ERROR prove that it failed\n"


def tasks(template: str, values: Sequence[str]) -> list[str | None]:
    """The task of a prompt for each value, None where the template does not tell."""
    made = Template(template)
    of = TemplateTasks(made.pieces)
    found = [of.classify(made.render({"text": value})) for value in values]
    return [None if one is None else one.task for one in found]


@pytest.mark.parametrize(
    ("template", "task"),
    [
        ("Extract the name and the order number as JSON: {{ text }}", "simple"),
        ("{{ text }}\n\nTranslate this to French.", "simple"),
        ("Übersetze ins Englische:\n\n{{ text }}", "simple"),
        ("把下面的文字翻译成英文。\n{{ text }}", "simple"),
        ("次の文章を英語に翻訳してください。\n\n{{ text }}", "simple"),
        ("Prove the following theorem rigorously, and discuss the edge cases: {{ text }}", "complex"),
    ],
)
def test_the_instruction_decides_whatever_is_put_in(template: str, task: str) -> None:
    """
    A mail that asks for advice, a log, a proof or nothing at all are material.
    """
    assert tasks(template, [MAIL, MAIL * 40, LOG * 20, "Prove that 2 is prime", "", "x"]) == [task] * 6


@pytest.mark.parametrize("template", ["{{ text }}", "Q: {{ text }}\nA:", "Hello! {{ text }} Thanks."])
def test_a_template_that_asks_nothing_leaves_it_to_the_row(template: str) -> None:
    """
    As if there were none.
    """
    assert tasks(template, ["Prove that 2 is prime", MAIL]) == [None, None]


def test_prompts_of_others_are_not_told() -> None:
    """
    Texts that the template cannot have made.
    """
    of = TemplateTasks(("Translate this: ", " And that: ", " Thanks"))
    known = of.classify("Translate this: a And that: b Thanks")

    assert known is not None
    assert known.task == "simple"
    assert sum(known.scores.values()) == pytest.approx(1, abs=0.001)
    assert 0 <= known.difficulty <= 1
    assert [of.classify(text) for text in ("", "Translate this: a", "x Thanks", "Translate this:  Thanks")] == [
        None
    ] * 4


def test_the_thresholds_of_the_profile_count() -> None:
    """
    With the same words as for any prompt.
    """
    of = TemplateTasks(("Translate this: ", ""), Thresholds(simple=1.0))
    found = of.classify("Translate this: a")

    assert found is not None
    assert (found.task, "not simple by the thresholds of the profile" in found.reason) == ("general", True)


def test_what_a_row_adds_is_little_where_the_instruction_is_the_same() -> None:
    """
    A prompt whose material is told by a colon is the same for both.
    """
    pieces = ("Extract all dates from this text as a list:\n\n", "")
    of, prompt = TemplateTasks(pieces), f"{pieces[0]}{LOG}"
    one, other = of.classify(prompt), classify(prompt)

    assert one is not None
    assert (one.task, one.reason) == (other.task, other.reason)
    assert one.scores == pytest.approx(other.scores, abs=0.05)


def test_a_plan_of_a_row_is_told_by_its_template() -> None:
    """
    And a template with loops, or without a field, by its text.
    """
    made, prompt = planner(), f"Extract the name:\n\n{MAIL}"
    choice = Selection(models=("openai/gpt-4o",), pieces=Template("Extract the name:\n\n{{ text }}").pieces)

    def task(text: str, choice: Selection) -> Task:
        return made.plan(Request((Message("user", text),)), choice).task

    assert (task(prompt, choice).name, task(MAIL, choice)) == ("simple", task(MAIL, Selection(models=choice.models)))
    assert [Template(text).pieces for text in ("{% if a %}x{% endif %}", "{{ a.b }}")] == [(), ()]
    assert Template("plain").pieces == ("plain",)


def test_odd_values_are_no_crash() -> None:
    """
    Pieces within values, halves of characters, megabytes.
    """
    rng, of = random.Random(7), TemplateTasks(("Translate: ", "\n--\n", "\n"))
    signs = ["Translate: ", "\n--\n", "\n", "\ud800", "中", "\0", "a" * 5000, " ", "```"]
    for _ in range(300):
        of.classify("".join(rng.choice(signs) for _ in range(rng.randrange(8))))
    assert of.classify(f"Translate: {'x ' * 10**6}\n--\nb\n") is not None
