"""The script for bash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from surface import everything

from shells import HEADER, WORDS, commands, quoted

if TYPE_CHECKING:
    from surface import Argument, Command, Option

FUNCTIONS = Path(__file__).with_name("functions.bash")


def script(root: Command) -> str:
    """`share/bash-completion/completions/llmo`."""
    return "\n".join([HEADER.format("bash"), "", FUNCTIONS.read_text("utf-8"), *_table(root), "", *_values(root), ""])


def _table(root: Command) -> list[str]:
    lines = ["_llmo_table() { # what may follow $path", "  case $path in"]
    for command in everything(root):
        names = " ".join(name for option in command.options for name in option.names)
        valued = " ".join(name for option in command.options if option.takes_value for name in option.names)
        children = " ".join(name for name, _ in commands(command)) if command.children else ""
        lines += [
            f"    {quoted(' '.join(command.path))})",
            f"      commands={quoted(children)}",
            f"      options={quoted(names)}",
            f"      valued={quoted(valued)}",
            "      ;;",
        ]
    return [*lines, "    *)", "      commands='' options='' valued=''", "      ;;", "  esac", "}"]


def _values(root: Command) -> list[str]:
    cases: dict[str, list[str]] = {}
    arguments: dict[str, list[str]] = {}
    for command in everything(root):
        path = " ".join(command.path)
        for option in command.options:
            if option.takes_value:
                cases.setdefault(_offer(option), []).extend(f"'{path}:{name}'" for name in option.names)
        for place, argument in enumerate(command.arguments):
            arguments.setdefault(_offer(argument), []).append(
                f"'{path}:'*" if argument.repeats else f"'{path}:{place}'"
            )
    return [
        *_case("_llmo_value", '"$path:$option"', cases),
        "",
        *_case("_llmo_argument", '"$path:$given"', arguments),
        "",
        "complete -o default -F _llmo llmo",
    ]


def _case(function: str, subject: str, cases: dict[str, list[str]]) -> list[str]:
    lines = [f"{function}() {{", f"  case {subject} in"]
    for action, patterns in sorted(cases.items(), key=lambda item: item[1]):
        if action:
            lines += [f"    {' | '.join(patterns)})", f"      {action}", "      ;;"]
    return [*lines, "    *) _llmo_no_files ;;", "  esac", "}"]


def _offer(what: Option | Argument) -> str:
    if what.values in {"file", "directory"}:
        return ": # file names, by readline"
    if what.values == "choice":
        return f"_llmo_no_files; _llmo_choose {' '.join(what.choices)}"
    if what.values not in WORDS:
        return ""
    words = WORDS[what.values]
    named = f"_llmo_names {words.of} {' '.join(words.lists)}"
    if words.files:
        return f"{named}; _llmo_files {quoted(words.files)}"
    fixed = f"_llmo_choose {' '.join(words.fixed)}; " if words.fixed else ""
    return f"_llmo_no_files; {fixed}{named}"
