"""The script for zsh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from surface import everything

from shells import HEADER, MODELS, PROFILES, TASKS, quoted

if TYPE_CHECKING:
    from surface import Argument, Command, Option

FUNCTIONS = """\
_llmo_run() {
  local -a profile
  local at=${typed[(I)(-P|--profile)]}
  ((at)) && profile=(-P ${typed[at + 1]})
  command llmo $profile "$@" 2>/dev/null
}

_llmo_offer_models() {
  local -a names=(auto ${(f)"$(_llmo_run MODELS)"})
  compadd -a names
}

_llmo_offer_providers() {
  local -aU names=(${${(f)"$(_llmo_run MODELS)"}%%/*})
  compadd -a names
}

_llmo_offer_profiles() {
  local -a names=(${${${(f)"$(_llmo_run PROFILES)"}#??}%  \\(built-in\\)})
  compadd -a names
  _files -g '*.toml'
}
"""


def script(root: Command) -> str:
    """`share/zsh/site-functions/_llmo`: autoloaded, or sourced."""
    tools = FUNCTIONS.replace("MODELS", MODELS).replace("PROFILES", PROFILES)
    lines = ["#compdef llmo", HEADER.format("zsh"), "", tools]
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
    lines += [
        "  local context state state_descr curcontext=$curcontext",
        "  local -a line",
        "  typeset -A opt_args",
        "  _arguments -C -s -S \\",
        *_continued([*specs, "'1:command:->command'", "'*::argument:->arguments'"]),
        "  case $state in",
        "  command)",
        "    local -a commands=(",
        *(f"      {quoted(f'{child.path[-1]}:{child.help}')}" for child in command.children),
        "    )",
        "    _describe -t commands command commands",
        "    ;;",
        "  arguments)",
        "    case ${line[1]} in",
        *(f"    {child.path[-1]}) {_name(child)} ;;" for child in command.children),
        "    esac",
        "    ;;",
        "  esac",
    ]
    return [*lines, "}"]


def _name(command: Command) -> str:
    return "_".join(("_llmo", *command.path)).replace("-", "_")


def _continued(specs: list[str]) -> list[str]:
    return [f"    {spec} \\" for spec in specs[:-1]] + [f"    {specs[-1]}"]


def _option(option: Option) -> str:
    if option.metavar.startswith("[="):
        return f"{option.names[-1]}=-'[{option.help}]::{option.metavar.strip('[=]')}: '"
    help_ = option.help.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("'", "'\\''")
    value = f":{option.metavar.replace(':', chr(92) + ':')}:{_action(option)}" if option.takes_value else ""
    spelled = [name + ("" if not value else "=" if name.startswith("--") else "+") for name in option.names]
    names = "{" + ",".join(spelled) + "}" if len(spelled) > 1 else spelled[0]
    before = "'*'" if option.repeats else f"'({' '.join(option.names)})'" if len(spelled) > 1 else ""
    return f"{before}{names}'[{help_}]{value}'"


def _argument(argument: Argument) -> str:
    before = "*" if argument.repeats else "" if argument.required else ":"
    metavar = argument.metavar.replace(":", "\\:")
    # A message, the action for no values, would keep zsh from inserting an option in the argument's place.
    return f"'{before}:{metavar}:{_action(argument).strip() or '()'}'"


ACTIONS = {
    "choice": "({choices})",
    "task": f"({TASKS})",
    "model": "_llmo_offer_models",
    "provider": "_llmo_offer_providers",
    "profile": "_llmo_offer_profiles",
    "file": "_files",
    "directory": "_files -/",
}


def _action(what: Option | Argument) -> str:
    return ACTIONS.get(what.values, " ").replace("{choices}", " ".join(what.choices))
