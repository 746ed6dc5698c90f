"""Man pages: `llmo.1`, and one for each command."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

import prose

from llmo import __version__
from llmo.cli.help import EXAMPLES, GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from surface import Command, Option


def pages(root: Command) -> dict[str, str]:
    """Text by file name."""
    found = {"llmo.1": _overview(root)}
    for command in root.children:
        found[f"llmo-{command.path[0]}.1"] = _page(command, shared=root.options)
    return found


def _overview(root: Command) -> str:
    return _joined(
        _head("llmo", root.help),
        [".SH SYNOPSIS", ".SY llmo", r".RI [ options ]", ".I command", r".RI [ arguments ]", ".YS"],
        [".SH DESCRIPTION", *_paragraphs(prose.DESCRIPTION)],
        [".SH COMMANDS", *_entries((f"{_bold(f'llmo-{c.path[0]}')}(1)", _escaped(c.help)) for c in root.children)],
        [".SH OPTIONS", "They may stand before or after the name of the command.", *_options(root.options)],
        [".SH STREAMS", *_paragraphs(prose.STREAMS)],
        [".SH EXIT STATUS", *_entries((_bold(str(code)), _text(text)) for code, text in prose.EXIT)],
        [".SH ENVIRONMENT", *_entries((_bold(name), _text(text)) for name, text in prose.ENVIRONMENT)],
        _examples(""),
        [".SH SEE ALSO", ",\n".join(f".BR llmo\\-{c.path[0]} (1)" for c in root.children).replace(",\n", " ,\n")],
    )


def _page(command: Command, *, shared: tuple[Option, ...]) -> str:
    name = command.path[0]
    body = [".SH DESCRIPTION", *_paragraphs(prose.COMMANDS.get(name, command.help))]
    sections = [_head(f"llmo-{name}", command.help), _synopsis(command), body]
    if command.children:
        for child in command.children:
            sections.append([f".SH {_escaped(child.path[-1].upper())}", *_paragraphs(child.help)])
            sections.append([*_arguments(child), *_options(_own(child, shared))])
    sections.append(_arguments(command, ".SH ARGUMENTS"))
    if own := _own(command, shared):
        sections.append([".SH OPTIONS", *_grouped(own)])
    for heading, text in prose.SECTIONS.get(name, {}).items():
        terms = (paragraph.partition("\n") for paragraph in text.strip().split("\n\n"))
        sections.append([f".SH {heading}", *_entries((_text(term), _text(said)) for term, _, said in terms)])
    also = ["The options of", ".BR llmo (1)", "may stand here as well; exit status, streams and environment are there."]
    return _joined(*sections, [".SH GLOBAL OPTIONS", *also], _examples(name), [".SH SEE ALSO", ".BR llmo (1)"])


def _own(command: Command, shared: tuple[Option, ...]) -> tuple[Option, ...]:
    names = {option.names for option in shared}
    return tuple(option for option in command.options if option.names not in names)


def _head(name: str, about: str) -> list[str]:
    return [
        r".\" Written by .ci/generate.py from the program: do not edit.",
        f'.TH {name.upper().replace("-", chr(92) + "-")} 1 {prose.DATE} "llmo {__version__}" "User Commands"',
        ".SH NAME",
        *_filled(f"{_escaped(name)} \\- {_escaped(about[:1].lower() + about[1:].rstrip('.'))}"),
    ]


def _synopsis(command: Command) -> list[str]:
    lines = [".SH SYNOPSIS"]
    for one in command.children or (command,):
        words = [f".SY {_escaped(one.name)}".replace(one.name, f'"{one.name}"'), r".RI [ options ]"]
        for argument in one.arguments:
            dots = " \\|.\\|.\\|." if argument.repeats else ""
            words.append(
                f".I {_escaped(argument.metavar)}"
                if argument.required
                else f".RI [ {_escaped(argument.metavar)} ]{dots}"
            )
        lines += [*words, ".YS"]
    return lines


def _arguments(command: Command, heading: str = "") -> list[str]:
    told = [(_italic(a.metavar), _escaped(a.help)) for a in command.arguments if a.help]
    return ([heading] if heading else []) + _entries(told) if told else []


def _options(options: Iterable[Option]) -> list[str]:
    return _entries((_spelled(option), _escaped(option.help)) for option in options)


def _grouped(options: Iterable[Option]) -> list[str]:
    """The options under the headings of the help."""
    groups: dict[str, list[Option]] = {group: [] for group in GROUPS}
    for option in options:
        groups[option.group].append(option)
    return [line for name, found in groups.items() if found for line in (f".SS {name}", *_options(found))]


def _spelled(option: Option) -> str:
    names = ", ".join(map(_bold, option.names))
    return f"{names}{' ' * option.takes_value}{_italic(option.metavar)}" if option.metavar else names


def _bold(text: str) -> str:
    return f"\\fB{_escaped(text)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{_escaped(text)}\\fR"


def _examples(name: str) -> list[str]:
    lines = [".SH EXAMPLES"]
    for text, command in (*EXAMPLES[name], *prose.EXAMPLES.get(name, ())):
        lines += [
            *([".PP"] if len(lines) > 1 else []),
            *_filled(f"{_text(text[:1].upper() + text[1:])}:"),
            ".PP",
            ".in +4n",
            ".EX",
            _escaped(command),
            ".EE",
            ".in",
        ]
    return lines


def _entries(entries: Iterable[tuple[str, str]]) -> list[str]:
    return [line for tag, text in entries for line in (".TP", tag, *_filled(text))]


def _paragraphs(text: str) -> list[str]:
    lines = []
    for n, paragraph in enumerate(text.strip().split("\n\n")):
        lines += [".PP"] if n else []
        lines += _filled(_text(paragraph))
    return lines


def _filled(text: str) -> list[str]:
    """Lines of source that a diff can show; none begins like a macro."""
    lines = textwrap.wrap(text, 76, break_long_words=False, break_on_hyphens=False)
    return [f"\\&{line}" if line[:1] in {".", "'"} else line for line in lines]


def _text(text: str) -> str:
    text = _escaped(text)
    text = re.sub(r"\*(.+?)\*", r"\\fB\1\\fR", text)
    return re.sub(r"(?<![A-Za-z0-9_])_([^_]+?)_(?![A-Za-z0-9_])", r"\\fI\1\\fR", text)


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in text)


def _joined(*sections: list[str]) -> str:
    return "\n".join(line for section in sections for line in section) + "\n"
