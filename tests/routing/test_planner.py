"""What a planner looks at, and what it leaves alone because nothing depends on it."""

from __future__ import annotations

import pytest

from llmo.catalog.catalog import Catalog
from llmo.config.profile import BudgetConfig, Profile, ProviderConfig, TaskConfig
from llmo.routing.model_names import ModelNames
from llmo.routing.planner import Planner, Selection
from llmo.types.messages import Message, Request
from tests.requests.test_content import Nothing

HARD = Request((Message("user", "Prove that the square root of 2 is irrational, and derive the general case."),))
GIVEN = ("openai/gpt-4o",)
TASKS = BudgetConfig(name="b", limit_usd="1", match={"task": "complex"})
TEAMS = BudgetConfig(name="b", limit_usd="1", match={"tag.team": "a"})


@pytest.mark.parametrize(
    ("choice", "budgets", "told"),
    [
        pytest.param(Selection(models=GIVEN), (), "complex", id="one-request"),
        pytest.param(Selection(models=GIVEN, many=True), (), "general", id="a-row-with-a-model"),
        pytest.param(Selection(models=GIVEN, many=True), (TEAMS,), "general", id="a-budget-of-a-team"),
        pytest.param(Selection(models=GIVEN, many=True), (TASKS,), "complex", id="a-budget-of-a-task"),
        pytest.param(Selection(models=GIVEN, many=True, task="complex"), (), "complex", id="a-task-asked-for"),
        pytest.param(Selection(many=True), (), "complex", id="a-row-without-a-model"),
    ],
)
def test_the_task_of_a_row_is_told_where_something_depends_on_it(
    choice: Selection, budgets: tuple[BudgetConfig, ...], told: str
) -> None:
    """
    The chain of a task, or a budget of one.
    """
    profile = Profile(
        model="auto",
        providers={"openai": ProviderConfig(kind="openai")},
        tasks={name: TaskConfig(primary=("openai/gpt-4o",)) for name in ("simple", "general", "complex")},
        budgets=budgets,
    )
    planner = Planner(ModelNames(profile, {"OPENAI_API_KEY": "k"}, Catalog(now=0)), Nothing())

    assert planner.plan(HARD, choice).task.name == told
