"""The script for fish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from surface import everything

from shells import HEADER, MODELS, PROFILES, TASKS

if TYPE_CHECKING:
    from surface import Argument, Command, Option

FUNCTIONS = """\
function __llmo_path --description 'The command and subcommand before the cursor'
    set -l words (commandline -opc)
    set -e words[1]
    set -l path
    set -l value no
    for word in $words
        if test $value = yes
            set value no
        else if string match -q -- '-*' $word
            contains -- $word $__llmo_valued; and set value yes
        else if test -z "$path"; or contains -- "$path" $__llmo_groups
            set -a path $word
        end
    end
    string join ' ' -- $path
end

function __llmo_at --description 'Whether this command is being completed'
    set -l path (__llmo_path)
    test "$path" = "$argv"
end

function __llmo_run --description 'Ask llmo for values, with the profile of this line'
    set -l words (commandline -opc)
    set -l profile
    for i in (seq (count $words))
        contains -- $words[$i] -P --profile; and test $i -lt (count $words); and set profile -P $words[(math $i + 1)]
    end
    command llmo $profile $argv 2>/dev/null
end
"""


def script(root: Command) -> str:
    """`share/fish/vendor_completions.d/llmo.fish`."""
    commands = everything(root)
    valued = sorted({name for c in commands for o in c.options if o.takes_value for name in o.names})
    groups = [command.path[0] for command in commands if command.children and command.path]
    lines = [
        HEADER.format("fish"),
        "",
        f"set -g __llmo_valued {' '.join(valued)}",
        f"set -g __llmo_groups {' '.join(groups)}",
        "",
        FUNCTIONS,
        "complete -c llmo -f",
    ]
    for command in commands:
        at = f"-n {_quoted(' '.join(('__llmo_at', *command.path)))}"
        lines += ["", f"# {command.name}"]
        lines += [f"complete -c llmo {at} -a {c.path[-1]} -d {_quoted(c.help)}" for c in command.children]
        lines += [line for option in command.options for line in _option(at, option)]
        lines += [f"complete -c llmo {at} {_values(a)}" for a in command.arguments if _values(a)]
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _option(at: str, option: Option) -> list[str]:
    short = [f"-s {name[1:]}" for name in option.names if not name.startswith("--")]
    long = [f"-l {name[2:]}" for name in option.names if name.startswith("--")]
    files = option.values in {"file", "directory", "profile"}
    value = f" {'-r' if files else '-x'} {_values(option)}".rstrip() if option.takes_value else ""
    # `--stream` and `--no-stream` are one option of the program and two lines here.
    spelled = [" ".join([*short, *long[:1]]), *long[1:]]
    return [f"complete -c llmo {at} {names} -d {_quoted(option.help)}{value}" for names in spelled if names]


VALUES = {
    "choice": "-a {choices}",
    "task": f"-a {_quoted(TASKS)}",
    "model": f"-a {_quoted(f'auto (__llmo_run {MODELS})')}",
    "provider": "-a " + _quoted(f"(__llmo_run {MODELS} | string replace -r '/.*' '' | sort -u)"),
    "profile": "-F -a " + _quoted(f"(__llmo_run {PROFILES} | string replace -r '^..(.*?)(  \\(built-in\\))?$' '$1')"),
    "file": "-F",
    "directory": "-F",
}


def _values(what: Option | Argument) -> str:
    return VALUES.get(what.values, "").replace("{choices}", _quoted(" ".join(what.choices)))
