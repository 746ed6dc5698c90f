"""Plain command lines are read without Typer, and read alike."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.models import CommandInfo

from llmo.cli import plain
from llmo.cli.app import SETTINGS, Command, genuine
from llmo.cli.declared import COMMANDS
from llmo.cli.lean_params import lighten
from llmo.cli.options import top

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Llmo

PLAIN = [name for name in COMMANDS if not hasattr(importlib.import_module(f"llmo.cli.commands.{name}"), "app")]
TEXTS = ["", "-", "x", "hello there", "a=b", "=", "3", "-3", "1.5", "1_0", "nan", " 7 ", "all", "cheapest", "--", "-x", "é\udcff", "@f"]  # fmt: skip


def function(name: str) -> Callable[..., Any]:
    """The function of a command, or of the program itself."""
    found: Callable[..., Any] = getattr(importlib.import_module(f"llmo.cli.commands.{name}"), name) if name else top
    return found


@cache
def typers(name: str) -> tuple[Any, dict[str, Any]]:
    """Typer's command, and where it puts the values that it read."""
    seen: dict[str, Any] = {}

    def record(**values: Any) -> None:
        seen.update(values)

    record.parameters = function(name).parameters  # type: ignore[attr-defined]  # of a command
    info = CommandInfo(name=name, cls=Command, callback=genuine(record), context_settings=SETTINGS)
    made = typer.main.get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None)
    return lighten(made), seen


def by_typer(name: str, args: list[str]) -> dict[str, Any]:
    """What Typer reads. Raises whatever it raises."""
    command, seen = typers(name)
    seen.clear()
    command.main(args=args, prog_name="llmo", standalone_mode=False)
    return dict(seen)


def lines(name: str) -> st.SearchStrategy[list[str]]:
    """Options of a command with values that fit, values that do not, none, and words between them."""
    params = typers(name)[0].params
    names = sorted({text for param in params for text in (*param.opts, *param.secondary_opts) if text[0] == "-"})
    text = st.sampled_from(TEXTS)
    option = st.sampled_from([*names, "--nothing", "-h", "-qv"])
    part = st.one_of(
        st.tuples(option, text),
        st.tuples(option),
        st.tuples(text),
        st.builds(lambda one, value: (f"{one}={value}",), option, text),
    )
    return st.lists(part, max_size=5).map(lambda parts: [word for one in parts for word in one])


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_plain_line_is_read_as_typer_reads_it(name: str, data: st.DataObject) -> None:
    """
    Every value of every option; what Typer refuses is not plain.
    """
    args = data.draw(lines(name))
    found = plain.read([name, *args])

    assert found is None or repr(by_typer(name, args)) == repr(found.values)


@settings(max_examples=300, deadline=None)
@given(args=lines(""))
def test_global_options_before_the_command_are_read_as_typer_reads_them(args: list[str]) -> None:
    """
    They end at the first word.
    """
    found = plain.read([*args, "models"])

    assert found is None or by_typer("", args) == {"version": None} | found.before


@pytest.mark.parametrize(
    "line",
    [
        "ask hello",
        "-P offline -q ask hello there -m a -m b --json --max-tokens 30 -f x.txt --no-stream",
        "ask --strategy=cheapest --temperature 0.5 -",
        "route hello --json",
        "cost --json --by model",
        "models --names",
        "models gpt --json",
        "batch in.jsonl -o out.jsonl -m x/y --max-cost 1",
    ],
)
def test_usual_lines_are_plain(line: str) -> None:
    """
    What people type and scripts run does not wait for Typer.
    """
    assert plain.read(line.split()) is not None


@pytest.mark.parametrize("line", ["", "--help", "ask --help", "ask -h", "help ask", "profile list", "nothing", "ask -- x", "ask -qv", "-V"])  # fmt: skip
def test_the_rest_is_left_to_typer(line: str) -> None:
    """
    Help, groups, mistakes and rare spellings.
    """
    assert plain.read(line.split()) is None


def test_a_shell_that_asks_for_completions_gets_them_from_typer(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The variable says so, whatever the line says.
    """
    monkeypatch.setenv("_LLMO_COMPLETE", "complete_bash")

    assert plain.read(["models"]) is None


def test_global_options_before_the_command_count(llmo: Llmo) -> None:
    """
    They are applied before those after it.
    """
    done = llmo("-P", "offline", "-q", "models", "--names")

    assert (0, "offline/echo\n") == (done.code, done.stdout)
