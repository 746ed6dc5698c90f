"""The script for fish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from surface import everything

from shells import HEADER, WORDS, commands

if TYPE_CHECKING:
    from surface import Argument, Command, Option

FUNCTIONS = Path(__file__).with_name("functions.fish")


def script(root: Command) -> str:
    """`share/fish/vendor_completions.d/llmo.fish`."""
    found = everything(root)
    valued = sorted({name for c in found for o in c.options if o.takes_value for name in o.names})
    groups = [command.path[0] for command in found if command.children and command.path]
    lines = [
        HEADER.format("fish"),
        "",
        f"set -g __llmo_valued {' '.join(valued)}",
        f"set -g __llmo_groups {' '.join(groups)}",
        "",
        FUNCTIONS.read_text("utf-8"),
        "complete -c llmo -f",
    ]
    for command in found:
        at = f"-n {_quoted(' '.join(('__llmo_at', *command.path)))}"
        lines += ["", f"# {command.name}"]
        if command.children:
            lines += [f"complete -c llmo {at} -a {name} -d {_quoted(about)}" for name, about in commands(command)]
        lines += [line for option in command.options for line in _option(at, option)]
        lines += [f"complete -c llmo {at} {_values(a)}" for a in command.arguments if _values(a)]
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _option(at: str, option: Option) -> list[str]:
    short = [f"-s {name[1:]}" for name in option.names if not name.startswith("--")]
    long = [f"-l {name[2:]}" for name in option.names if name.startswith("--")]
    files = option.values in {"file", "directory"}
    value = f" {'-r' if files else '-x'} {_values(option)}".rstrip() if option.takes_value else ""
    # `--stream` and `--no-stream` are one option of the program and two lines here.
    spelled = [" ".join([*short, *long[:1]]), *long[1:]]
    return [f"complete -c llmo {at} {names} -d {_quoted(option.help)}{value}" for names in spelled if names]


def _values(what: Option | Argument) -> str:
    """Each word with a description, if an empty one: without it fish repeats that of the option behind each."""
    if what.values in {"file", "directory"}:
        return "-F"
    if what.values == "choice":
        return "-k -a " + _quoted(f"(__llmo_choose {' '.join(what.choices)})")
    if what.values not in WORDS:
        return ""
    words = WORDS[what.values]
    calls = [f"__llmo_names {words.of} {' '.join(words.lists)}"]
    if words.fixed:
        fixed = (f"{name}\\t{about}\\n" for name, about in words.fixed.items())
        calls.insert(0, f"printf {_quoted(''.join(fixed))}")
    if words.files:
        # Not -F: fish would mix the names into the files.
        calls.append(f"__llmo_files {words.files.removeprefix('*')}".rstrip())
    return "-k -a " + _quoted(f"({'; '.join(calls)})")
