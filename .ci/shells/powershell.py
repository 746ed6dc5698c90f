"""The script for PowerShell, 5.1 and newer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from surface import everything

from shells import HEADER, WORDS, commands

if TYPE_CHECKING:
    from surface import Argument, Command, Option

FUNCTIONS = Path(__file__).with_name("functions.ps1")


def script(root: Command) -> str:
    """What `$PROFILE` sources."""
    lines = [HEADER.format("PowerShell"), "", "$global:__llmo_table = @{"]
    for command in everything(root):
        lines += _command(command)
    return "\n".join([*lines, "}", "", FUNCTIONS.read_text("utf-8")])


def _command(command: Command) -> list[str]:
    below = commands(command) if command.children else []
    options = [(name, option) for option in command.options for name in option.names]
    arguments = ", ".join(_quoted(_values(argument)) for argument in command.arguments)
    return [
        f"    {_quoted(' '.join(command.path))} = @{{",
        "        Commands = [ordered]@{",
        *(f"            {_quoted(name)} = {_quoted(about)}" for name, about in below),
        "        }",
        # A list: the keys of a table would take -v and -V for the same.
        "        Options = @(",
        *(f"            , @({_quoted(name)}, {_quoted(one.help)}, {_quoted(_taken(one))})" for name, one in options),
        "        )",
        f"        Arguments = @({arguments})",
        f"        Repeats = ${'true' if any(one.repeats for one in command.arguments) else 'false'}",
        "    }",
    ]


def _taken(option: Option) -> str:
    """Empty for a flag."""
    return _values(option) if option.takes_value else ""


def _values(what: Option | Argument) -> str:
    """`WORD,WORD|DIRECTORY|LIST,LIST`: words that are always there, then lists."""
    if what.values == "choice":
        return f"{','.join(what.choices)}||"
    if what.values not in WORDS:
        return "||"
    words = WORDS[what.values]
    return f"{','.join(words.fixed)}|{words.of}|{','.join(words.lists)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
