"""`llmo route --diff`: what another profile changes in a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Llmo

HERE = """
[providers.here]
kind = "offline"
[providers.here.offline]
input_usd = "1"
output_usd = "4"
[providers.there]
kind = "openai"
api_key_env = "KEY_THAT_IS_NOT_SET"
"""
OLD = f"""
{HERE}
[tasks.simple]
primary = ["here/echo", "here/gone", "there/gpt-4o"]
[tasks.complex]
primary = ["here/echo"]
"""
NEW = f"""
max_tokens = 100
{HERE}
[providers.free]
kind = "offline"
[tasks.simple]
primary = ["free/echo", "here/echo", "there/gpt-4o"]
[tasks.general]
primary = ["here/echo"]
"""
PROMPT = "Translate to French: good morning"


@pytest.fixture
def profiles(llmo: Llmo) -> tuple[Path, Path]:
    """Two files."""
    old, new = llmo.home / "old.toml", llmo.home / "new.toml"
    old.write_text(OLD, "utf-8")
    new.write_text(NEW, "utf-8")
    return old, new


def changes(body: Any) -> dict[str, str]:
    """What happened to each candidate."""
    return {f"{one['provider']}/{one['model']}": one["change"] for one in body["candidates"]}


def test_each_candidate_says_what_another_profile_changes(llmo: Llmo, profiles: tuple[Path, Path]) -> None:
    """
    Added, removed, moved, or only its cost; the first model and the limit as they were and as they would be.
    """
    old, new = profiles
    run = llmo("-P", old, "route", PROMPT, "--diff", "-P", new, "--json")

    assert (0, "") == (run.code, run.stderr)
    assert changes(run.json) == {
        "free/echo": "added",
        "here/echo": "moved",
        "here/gone": "removed",
        "there/gpt-4o": "cost",
    }
    assert {"from": "here/echo", "to": "free/echo"} == run.json["first"]
    assert {"from": 4096, "to": 100} == run.json["max_output"]
    assert run.json["profiles"] == {
        "from": {"name": "old", "source": str(old)},
        "to": {"name": "new", "source": str(new)},
    }


def test_each_side_is_the_plan_of_its_profile(llmo: Llmo, profiles: tuple[Path, Path]) -> None:
    """
    What `route` says with either alone is what the comparison says.
    """
    body = llmo("-P", profiles[0], "route", PROMPT, "--diff", "-P", profiles[1], "--json").json
    alone = [llmo("route", PROMPT, "-P", one, "--json").json for one in profiles]

    for side, plan in zip(("from", "to"), alone, strict=True):
        ranks = {(one["provider"], one["model"]): (one["rank"], one["why"]) for one in plan["candidates"]}
        assert ranks == {
            (one["provider"], one["model"]): (one["rank"][side], one["why"][side])
            for one in body["candidates"]
            if one["why"][side] is not None
        }
        assert plan["task"] == body["task"][side]
        assert plan["candidates"][0]["cost"]["estimate_usd"] == body["cost"]["estimate_usd"][side]


def test_the_table_names_both_profiles_and_only_what_is_different(llmo: Llmo, profiles: tuple[Path, Path]) -> None:
    """
    The profile in use stands first: that of the environment, unless -P was given twice.
    """
    old, new = profiles
    run = llmo("route", "--diff", "-P", new, PROMPT, env={"LLMO_PROFILE": str(old)})
    same = llmo("-P", old, "route", "--diff", "-P", old, PROMPT)

    lines = [line.split() for line in run.stdout.splitlines()]
    assert ["old", "new"] == lines[0]
    assert ["first", "here/echo", "free/echo"] in lines
    assert any(line[:3] == ["here/gone", "2", "removed:"] for line in lines)
    assert "strategy" not in run.stdout
    assert same.stdout.endswith("\nno difference\n")


def test_a_candidate_that_is_out_says_why(llmo: Llmo, profiles: tuple[Path, Path]) -> None:
    """
    A budget of the other profile refuses what this one sends.
    """
    old, new = profiles
    new.write_text(OLD + '[[budgets]]\nname = "none"\nlimit_usd = "0"\n', "utf-8")
    run = llmo("-P", old, "route", "--diff", "-P", new, PROMPT)
    body = llmo("-P", old, "route", "--diff", "-P", new, PROMPT, "--json").json

    assert changes(body) == {"here/echo": "out", "here/gone": "out", "there/gpt-4o": "none"}
    assert "out: budget none: " in run.stdout
    assert {"from": "here/echo", "to": None} == body["first"]


def test_a_provider_of_the_same_name_that_is_another_one_is_a_difference(
    llmo: Llmo, profiles: tuple[Path, Path]
) -> None:
    """
    The same model at another address is not the same target.
    """
    old, new = profiles
    new.write_text(OLD.replace("KEY_THAT_IS_NOT_SET", "KEY_THAT_IS_NOT_SET_EITHER"), "utf-8")
    body = llmo("-P", old, "route", "--diff", "-P", new, PROMPT, "--json").json

    assert changes(body) == {"here/echo": "none", "here/gone": "none", "there/gpt-4o": "provider"}
    assert body["changed"] is True


def test_rows_are_compared_each_for_itself(llmo: Llmo, profiles: tuple[Path, Path]) -> None:
    """
    With --json one object a row in order; the table lists those with another task or first model.
    """
    old, new = profiles
    rows = f"{PROMPT}\n\n" + '{"prompt": "Prove that there are infinitely many primes"}\n'
    args = ("-P", old, "route", "--diff", "-P", new, "--rows", "-")
    bodies, table = llmo(*args, "--json", stdin=rows).lines, llmo(*args, stdin=rows).stdout

    assert [("simple", "simple"), ("complex", "general")] == [(b["task"]["from"], b["task"]["to"]) for b in bodies]
    assert table.startswith("old → new\n")
    assert ["2", "complex", "→", "general", "here/echo"] == table.splitlines()[4].split()[:5]
    assert "\n2 of 2 prompts with another task or first model; estimate $0.0" in table


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        pytest.param(("route", "--diff", "x"), 2, "llmo: --diff requires another profile", id="none"),
        pytest.param(("route", "--diff", "-P", "nowhere.toml", "x"), 4, "llmo: no such profile file", id="missing"),
        pytest.param(
            ("-P", "old.toml", "route", "--diff", "-P", "new.toml", "-m", "free/echo", "x"),
            4,
            "llmo: profile old: unknown provider: free",
            id="a model that only one has",
        ),
        pytest.param(
            ("-P", "old.toml", "route", "--diff", "-P", "new.toml"), 2, "llmo: nothing to send", id="no prompt"
        ),
        pytest.param(
            ("-P", "old.toml", "route", "--diff", "-P", "new.toml", "--rows", "no.jsonl"),
            2,
            "llmo: --rows: no such file",
            id="no rows",
        ),
    ],
)
def test_what_cannot_be_compared_is_one_clear_line(
    llmo: Llmo, profiles: tuple[Path, Path], args: tuple[str, ...], code: int, told: str
) -> None:
    """
    It says which profile it is about.
    """
    assert profiles
    run = llmo(*args)

    assert (code, "") == (run.code, run.stdout)
    assert run.stderr.startswith(told)
