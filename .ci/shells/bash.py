"""The script for bash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from surface import everything

from shells import HEADER, MODELS, PROFILES, TASKS, quoted

if TYPE_CHECKING:
    from surface import Argument, Command, Option

FUNCTIONS = """\
_llmo_offer() { # values on stdin, one a line
  local value
  while IFS= read -r value; do
    [[ $value == "$cur"* ]] && printf -v value '%q' "$value" && COMPREPLY+=("$value")
  done
}

_llmo_run() {
  command llmo ${profile:+-P "$profile"} "$@" 2>/dev/null
}

_llmo() {
  local line=${COMP_LINE:0:COMP_POINT} words=() cur path='' profile='' option='' word i
  local commands options valued
  # Split at blanks only: bash's own words are broken at every colon and equals sign.
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=${words[${#words[@]} - 1]}
  COMPREPLY=()

  _llmo_table
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    word=${words[i]}
    if [[ -n $option ]]; then
      [[ $option == -P || $option == --profile ]] && profile=$word
      option=''
    elif [[ $word == --profile=* ]]; then
      profile=${word#*=}
    elif [[ $word == -* ]]; then
      [[ " $valued " == *" $word "* ]] && option=$word
    elif [[ -n $commands ]]; then
      path=${path:+$path }$word
      _llmo_table
    fi
  done

  if [[ -z $option && $cur == --*=* ]]; then
    option=${cur%%=*}
    cur=${cur#*=}
  fi
  if [[ -n $option ]]; then
    _llmo_value
  elif [[ $cur == -* ]]; then
    _llmo_nothing_else
    IFS=' ' read -ra words <<<"$options"
    _llmo_offer < <(printf '%s\\n' "${words[@]}")
  elif [[ -n $commands ]]; then
    _llmo_nothing_else
    IFS=' ' read -ra words <<<"$commands"
    _llmo_offer < <(printf '%s\\n' "${words[@]}")
  else
    _llmo_argument
  fi
  # Readline replaces what stands after the last colon.
  if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
  fi
}

_llmo_nothing_else() { # no file names where none belong
  compopt +o default 2>/dev/null
}
"""


def script(root: Command) -> str:
    """`share/bash-completion/completions/llmo`."""
    return "\n".join([HEADER.format("bash"), "", FUNCTIONS, *_table(root), "", *_values(root), ""])


def _table(root: Command) -> list[str]:
    lines = ["_llmo_table() { # what may follow $path", "  case $path in"]
    for command in everything(root):
        names = " ".join(name for option in command.options for name in option.names)
        valued = " ".join(name for option in command.options if option.takes_value for name in option.names)
        children = " ".join(child.path[-1] for child in command.children)
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
        for argument in command.arguments:
            arguments.setdefault(_offer(argument), []).append(quoted(path))
    return [
        *_case("_llmo_value", '"$path:$option"', cases),
        "",
        *_case("_llmo_argument", "$path", arguments),
        "",
        "complete -o default -F _llmo llmo",
    ]


def _case(function: str, subject: str, cases: dict[str, list[str]]) -> list[str]:
    lines = [f"{function}() {{", f"  case {subject} in"]
    for action, patterns in sorted(cases.items(), key=lambda item: item[1]):
        if action:
            lines += [f"    {' | '.join(patterns)})", f"      {action}", "      ;;"]
    return [*lines, "    *) _llmo_nothing_else ;;", "  esac", "}"]


OFFERS = {
    "choice": "_llmo_nothing_else; _llmo_offer < <(printf '%s\\n' {choices})",
    "task": f"_llmo_offer < <(printf '%s\\n' {TASKS})",
    "model": f"_llmo_nothing_else; _llmo_offer < <(echo auto; _llmo_run {MODELS})",
    "provider": f"_llmo_nothing_else; _llmo_offer < <(_llmo_run {MODELS} | cut -d/ -f1 | sort -u)",
    "profile": f"_llmo_offer < <(_llmo_run {PROFILES} | sed 's/^..//; s/  (built-in)$//')",
    "file": ": # file names, by readline",
    "directory": ": # file names, by readline",
}


def _offer(what: Option | Argument) -> str:
    return OFFERS.get(what.values, "").replace("{choices}", " ".join(what.choices))
