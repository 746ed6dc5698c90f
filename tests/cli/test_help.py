"""What `--help` says: short phrases in groups, and examples that work."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from llmo.cli.app import Sections, program
from llmo.cli.declared import COMMANDS
from llmo.cli.help import EXAMPLES, GROUPS, group
from llmo.types.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo


def commands(one: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its path."""
    yield path, one
    for name in one.list_commands(None) if hasattr(one, "list_commands") else ():
        yield from commands(one.get_command(None, name), (*path, name))


ALL = list(commands(program()))
OPTIONS = [
    pytest.param(param, id=" ".join(("llmo", *path, param.opts[-1])))
    for path, one in ALL
    for param in one.params
    if not getattr(param, "hidden", False)
]


@pytest.mark.parametrize("param", OPTIONS)
def test_an_option_is_explained_by_a_short_phrase(param: Any) -> None:
    """
    At most 60 characters, no sentence, no full stop, and in a group that the help knows.
    """
    assert (True, False) == (0 < len(param.help) <= 60, param.help.endswith("."))
    assert re.match(r"[a-z]|JSON|SHA", param.help), param.help
    assert group(param) in GROUPS


@pytest.mark.parametrize("param", OPTIONS)
def test_a_value_is_named_in_upper_case(param: Any) -> None:
    """
    FILE, N, KEY=VALUE.
    """
    assert param.metavar is None or re.fullmatch(r"\[=KIND\]|@?[A-Z]+([|=]@?[A-Z]+)*", param.metavar)


@pytest.mark.parametrize(("path", "one"), [pytest.param(*found, id=" ".join(("llmo", *found[0]))) for found in ALL])
def test_help_ends_with_two_examples(llmo: Llmo, path: tuple[str, ...], one: Any) -> None:
    """
    Each under a comment that says what it does, in a line that fits 80 columns.
    """
    assert isinstance(one, Sections)
    run = llmo(*path, "--help")
    *_, heading, first, second, third, fourth = run.stdout.splitlines()

    assert (0, "Examples:") == (run.code, heading)
    assert [True, True] == [line.startswith("  # ") for line in (first, third)]
    assert [True, True] == [len(line) <= 80 and "llmo" in line for line in (second, fourth)]


@pytest.mark.parametrize("command", [(), ("ask",), ("batch",), ("models",), ("history", "export")])
def test_help_is_as_wide_as_the_terminal(llmo: Llmo, command: tuple[str, ...]) -> None:
    """
    From 40 columns on; a wide one has each option in a line, and a very wide one is not filled.
    """

    def widest(columns: int) -> int:
        text = llmo(*command, "--help", env={"COLUMNS": str(columns)}).stdout.partition("Examples:")[0]
        return max(map(len, text.splitlines()))

    narrow, usual, wide, huge = map(widest, (40, 80, 100, 100_000))

    assert (True, True, True) == (narrow <= 40, usual <= 80, wide <= 100)
    assert wide == huge


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path])
def test_an_example_is_of_its_command(path: str) -> None:
    """
    `llmo ask`'s examples call `llmo ask`.
    """
    for _, line in EXAMPLES[path]:
        assert f"llmo {path}" in line
        assert shlex.split(line)


@pytest.mark.parametrize("path", sorted({path[:-1] for path, _ in commands(program()) if path}), ids=" ".join)
def test_a_list_of_commands_cuts_nothing_off(llmo: Llmo, path: tuple[str, ...]) -> None:
    """
    What is too long for a line goes on in the next one.
    """
    assert "..." not in llmo(*path, "--help", env={"COLUMNS": "80"}).stdout.replace("]...", "")


def test_the_list_of_commands_says_what_their_own_help_says() -> None:
    """
    One summary for each command.
    """
    assert COMMANDS == {path[0]: one.help for path, one in ALL if len(path) == 1}


@pytest.mark.parametrize(
    ("args", "first"),
    [
        pytest.param((), "Usage: llmo [OPTIONS] COMMAND [ARGS]...", id="nothing"),
        pytest.param(("help",), "Usage: llmo [OPTIONS] COMMAND [ARGS]...", id="help"),
        pytest.param(("help", "ask"), "Usage: llmo ask [OPTIONS] [PROMPT]...", id="help of a command"),
        pytest.param(("help", "profile", "set"), "Usage: llmo profile set [OPTIONS] {KEY} {VALUE}", id="deeper"),
        pytest.param(("profile",), "Usage: llmo profile [OPTIONS] COMMAND [ARGS]...", id="a group"),
        pytest.param(("-V",), f"llmo {__version__}", id="version"),
    ],
)
def test_whoever_looks_for_help_finds_it(llmo: Llmo, args: tuple[str, ...], first: str) -> None:
    """
    On standard output, as a success.
    """
    run = llmo(*args)

    assert (0, first, "") == (run.code, run.stdout.splitlines()[0], run.stderr)


def test_a_prompt_need_not_be_quoted(llmo: Llmo) -> None:
    """
    Its words are joined; a lone - is standard input.
    """
    said = [llmo("ask", *words, "-P", "offline", stdin="piped").stdout for words in (("what", "is  it"), ("-",))]

    assert ["You said: what is it piped", "You said: piped"] == [text.splitlines()[0] for text in said]
