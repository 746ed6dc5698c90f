"""Man pages: `llmo.1`, one for each command, and the files of section 5."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import settings
from roff import block, bold, entries, escaped, filled, inline, italic, joined, sections

from llmo import __version__
from llmo.cli.help import EXAMPLES, GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from surface import Command, Option

DATE = "2026-11-29"
PROSE = Path(__file__).parent / "prose"
FIRST = ("NAME", "SYNOPSIS", "DESCRIPTION")
LAST = ("EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO")
"""Between them stands what the program says, then what only one page has."""
MANUALS = {"1": "User Commands", "5": "File Formats"}
NEEDED = {"1": {*FIRST, *LAST}, "5": {"NAME", "DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO"}}


def pages(root: Command) -> dict[str, str]:
    """Text by file name."""
    generated = {f"llmo-{one.path[0]}.1": _of_command(one, shared=root.options) for one in root.children}
    generated |= {"llmo.1": _overview(root), "llmo-profile.5": settings.sections(), "llmo-batch-format.5": {}}
    texts = {path.name.removesuffix(".md"): path.read_text("utf-8") for path in PROSE.glob("*.md")}
    if odd := texts.keys() ^ generated.keys():
        raise SystemExit(f".ci/prose: one file for each page: {', '.join(sorted(odd))}")
    return {name: _page(name, generated[name], sections(texts[name])) for name in generated}


def _page(file: str, generated: dict[str, list[str]], written: dict[str, list[str]]) -> str:
    name, _, number = file.rpartition(".")
    if missing := NEEDED[number] - {*generated, *written}:
        raise SystemExit(f".ci/prose/{file}.md: no {', '.join(sorted(missing))}")
    found = dict.fromkeys([*FIRST, *generated, *written])
    order = [one for one in found if one not in LAST] + [one for one in LAST if one in found]
    title = f'.TH {escaped(name.upper())} {number} {DATE} "llmo {__version__}" "{MANUALS[number]}"'
    parts = [[r".\" Written by .ci/generate.py from the program and .ci/prose/: do not edit.", title, ".nh", ".ad l"]]
    for heading in order:
        said, more = generated.get(heading, []), written.get(heading, [])
        first, second = (more, said) if number == "5" else (said, more)
        if lines := [*first, *([".PP"] if first and second and second[0][0] != "." else []), *second]:
            parts.append([f'.SH "{heading}"' if " " in heading else f".SH {heading}", *lines])
    return joined(parts)


def _overview(root: Command) -> dict[str, list[str]]:
    commands = [(f"{bold(f'llmo-{one.path[0]}')}(1)", escaped(one.help)) for one in root.children]
    return {
        "NAME": _name("llmo", root.help),
        "SYNOPSIS": [".SY llmo", r".RI [ options ]", ".I command", r".RI [ arguments ]", ".YS"],
        "COMMANDS": entries(commands),
        "OPTIONS": ["They may stand before or after the name of the command.", *_options(root.options)],
        "EXAMPLES": _examples(root),
    }


def _of_command(command: Command, *, shared: tuple[Option, ...]) -> dict[str, list[str]]:
    found = {"NAME": _name(f"llmo-{command.path[0]}", command.help), "SYNOPSIS": _synopsis(command), "DESCRIPTION": []}
    for child in command.children:
        told = [*filled(escaped(child.help)), *_arguments(child), *_options(_own(child, shared))]
        found[child.path[-1].upper()] = told
    if arguments := _arguments(command):
        found["ARGUMENTS"] = arguments
    if own := _own(command, shared):
        found["OPTIONS"] = _grouped(own)
    found["GLOBAL OPTIONS"] = [
        "The options of", ".BR llmo (1)", "may stand here as well; streams and environment are described there."
    ]  # fmt: skip
    return found | {"EXAMPLES": _examples(command)}


def _own(command: Command, shared: tuple[Option, ...]) -> tuple[Option, ...]:
    names = {option.names for option in shared}
    return tuple(option for option in command.options if option.names not in names)


def _name(name: str, about: str) -> list[str]:
    return filled(f"{escaped(name)} \\- {escaped(about[:1].lower() + about[1:].rstrip('.'))}")


def _synopsis(command: Command) -> list[str]:
    lines = []
    for one in command.children or (command,):
        words = [f'.SY "{escaped(one.name)}"', r".RI [ options ]"]
        for argument in one.arguments:
            dots = " \\|.\\|.\\|." if argument.repeats else ""
            words.append(
                f".I {escaped(argument.metavar)}" if argument.required else f".RI [ {escaped(argument.metavar)} ]{dots}"
            )
        lines += [*words, ".YS"]
    return lines


def _arguments(command: Command) -> list[str]:
    return entries((italic(one.metavar), escaped(one.help)) for one in command.arguments if one.help)


def _options(options: Iterable[Option]) -> list[str]:
    return entries((_spelled(option), escaped(option.help)) for option in options)


def _grouped(options: Iterable[Option]) -> list[str]:
    """The options under the headings of the help."""
    groups: dict[str, list[Option]] = {group: [] for group in GROUPS}
    for option in options:
        groups[option.group].append(option)
    return [line for name, found in groups.items() if found for line in (f".SS {name}", *_options(found))]


def _spelled(option: Option) -> str:
    names = ", ".join(map(bold, option.names))
    return f"{names}{' ' * option.takes_value}{italic(option.metavar)}" if option.metavar else names


def _examples(command: Command) -> list[str]:
    """Those of the help."""
    lines: list[str] = []
    for text, line in EXAMPLES[" ".join(command.path)]:
        said = filled(inline(f"{text[:1].upper()}{text[1:]}:"))
        lines += [*([".PP"] if lines else []), *said, *block([line])]
    return lines
