"""The script for zsh."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from surface import everything

from shells import HEADER, WORDS, commands, quoted

if TYPE_CHECKING:
    from surface import Argument, Command, Option

FUNCTIONS = Path(__file__).with_name("functions.zsh")


def script(root: Command) -> str:
    """`share/zsh/site-functions/_llmo`: autoloaded, or sourced."""
    lines = ["#compdef llmo", HEADER.format("zsh"), "", FUNCTIONS.read_text("utf-8")]
    for command in reversed(everything(root)):
        lines += [*_function(command), ""]
    lines += [
        "# Autoloaded, this file is the body of the function's first call: without this that Tab would be lost.",
        "if [[ ${funcstack[1]} == _llmo ]]; then",
        '  _llmo "$@"',
        "else",
        "  compdef _llmo llmo",
        "fi",
        "",
    ]
    return "\n".join(lines)


def _function(command: Command) -> list[str]:
    specs = [_option(option) for option in command.options] + [_argument(a) for a in command.arguments]
    lines = [f"{_name(command)}() {{"]
    if not command.path:
        # The whole line: inside a command `words` begins at the command.
        lines += ["  local -a typed=($words)"]
    if not command.children:
        return [*lines, "  _arguments -s -S \\", *_continued(specs), "}"]
    called = [f"    {child.path[-1]}) {_name(child)} ;;" for child in command.children]
    if not command.path:
        called.append(f"    help) _arguments ':command:({' '.join(c.path[-1] for c in command.children)})' ;;")
    lines += [
        "  local context state state_descr curcontext=$curcontext",
        "  local -a line",
        "  typeset -A opt_args",
        "  _arguments -C -s -S \\",
        *_continued([*specs, "'(-)1:command:->command'", "'(-)*::argument:->arguments'"]),
        "  case $state in",
        "  command)",
        "    local -a commands=(",
        *(f"      {quoted(f'{name}:{about}')}" for name, about in commands(command)),
        "    )",
        "    _describe -t commands command commands",
        "    ;;",
        "  arguments)",
        "    case ${line[1]} in",
        *called,
        "    esac",
        "    ;;",
        "  esac",
    ]
    return [*lines, "}"]


def _name(command: Command) -> str:
    return "_".join(("_llmo_at", *command.path)).replace("-", "_") if command.path else "_llmo"


def _continued(specs: list[str]) -> list[str]:
    return [f"    {spec} \\" for spec in specs[:-1]] + [f"    {specs[-1]}"]


def _option(option: Option) -> str:
    if option.metavar.startswith("[="):
        return f"{option.names[-1]}=-'[{option.help}]::{option.metavar.strip('[=]')}: '"
    help_ = option.help.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("'", "'\\''")
    value = f":{_colons(option.metavar)}:{_action(option)}" if option.takes_value else ""
    spelled = [name + ("" if not value else "=" if name.startswith("--") else "+") for name in option.names]
    names = "{" + ",".join(spelled) + "}" if len(spelled) > 1 else spelled[0]
    before = "'*'" if option.repeats else f"'({' '.join(option.names)})'" if len(spelled) > 1 else ""
    return f"{before}{names}'[{help_}]{value}'"


def _argument(argument: Argument) -> str:
    before, action = "*" if argument.repeats else "" if argument.required else ":", _action(argument)
    # A message, the action for no values, would keep zsh from inserting an option in the argument's place.
    return f"'{before}:{_colons(argument.metavar)}:{action if action.strip() else '()'}'"


def _action(what: Option | Argument) -> str:
    """What is called without the options for compadd that a space in front keeps away, or a list of words."""
    if what.values == "choice":
        return f"({_colons(' '.join(what.choices))})"
    if what.values in {"file", "directory"}:
        return "_files" if what.values == "file" else "_files -/"
    if what.values not in WORDS:
        return " "
    words = WORDS[what.values]
    named = f"_llmo_names {words.of} {' '.join(words.lists)}"
    if words.files:
        return f' _llmo_named "{words.files}" {words.of} {" ".join(words.lists)}'
    if not words.fixed:
        return f" {named}"
    fixed = " ".join(f'"{name}\t{about}"' for name, about in words.fixed.items())
    return f"{{ _llmo_described choice {fixed}; {named} }}"


def _colons(text: str) -> str:
    return text.replace(":", "\\:")
