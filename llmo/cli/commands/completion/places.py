"""Where each shell looks for completions of this user, and the scripts that go there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from llmo.errors import ConfigError, LlmoError
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from llmo.cli.context import Context

Shell = Literal["bash", "zsh", "fish", "powershell"]
PACKAGE = Path(__file__).parents[3]
MARK = "Completion of llmo"
"""In one of the first two lines of every script."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The file of a shell in `completions/` and, below `base`, in the home of a user."""

    file: str
    base: str
    """The variable that moves the directory, and where it is by default."""
    default: str
    below: str


_PLACES = {
    "bash": _Place("llmo.bash", "XDG_DATA_HOME", ".local/share", "bash-completion/completions/llmo"),
    "zsh": _Place("_llmo", "XDG_DATA_HOME", ".local/share", "zsh/site-functions/_llmo"),
    "fish": _Place("llmo.fish", "XDG_CONFIG_HOME", ".config", "fish/completions/llmo.fish"),
    "powershell": _Place("llmo.ps1", "XDG_DATA_HOME", ".local/share", "llmo/completion.ps1"),
}


def script(shell: Shell) -> str:
    """The script of a shell, as it came with this llmo. Raises `ConfigError` when the installation lacks it."""
    # In a wheel the scripts are inside the package, in a checkout beside it.
    for folder in (PACKAGE / "completions", PACKAGE.parent / "completions"):
        with suppress(FileNotFoundError):
            return (folder / _PLACES[shell].file).read_text("utf-8")
    raise ConfigError("this installation of llmo has no completion scripts", hint="reinstall it")


def install(ctx: Context, shell: Shell) -> None:
    """Write the script, and the first lists for it; say what is left to do. Raises `ConfigError`."""
    from llmo.cli.tab_words import offered
    from llmo.storage.files import replaced

    path, text = _path(ctx, shell), script(shell)
    state = _state(path, text)
    if state != "same":
        try:
            target = Path(os.path.realpath(path))  # a link stays a link: many keep these in a folder of dotfiles
            target.parent.mkdir(parents=True, exist_ok=True)
            with replaced(target, durable=False) as file:
                file.write(text.encode())
        except OSError as exc:
            raise _failed("write", path, exc) from None
    ctx.note(f"{ {'same': 'unchanged', 'older': 'updated', 'none': 'installed'}[state] }: {path}")
    for line in _left_to_do(ctx, shell, path):
        ctx.note(line)
    with suppress(LlmoError):
        offered(ctx, ("profiles", "ready"))


def remove(ctx: Context, shell: Shell) -> None:
    """Remove what `install` wrote, if it is there. Raises `ConfigError`."""
    path = _path(ctx, shell)
    if _state(path, "") == "none":
        ctx.note(f"not installed: {path}")
        return
    try:
        path.unlink()
    except OSError as exc:
        raise _failed("remove", path, exc) from None
    ctx.note(f"removed: {path}")
    if shell in {"zsh", "powershell"}:
        ctx.note(f"if you added a line for it to {'.zshrc' if shell == 'zsh' else '$PROFILE'}, remove that too")


def _state(path: Path, text: str) -> Literal["none", "same", "older"]:
    """What is at the place. Raises `ConfigError` for a file that llmo did not write."""
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return "none"
    except OSError as exc:
        raise _failed("read", path, exc) from None
    if found == text.encode():
        return "same"
    if MARK.encode() not in b"\n".join(found.split(b"\n", 2)[:2]):
        raise ConfigError(f"not written by llmo: {path}", hint="move it away and run this command again")
    return "older"


def _path(ctx: Context, shell: Shell) -> Path:
    place = _PLACES[shell]
    if shell == "bash" and (own := ctx.env.get("BASH_COMPLETION_USER_DIR", "").split(":")[0]):
        return Path(own) / "completions" / "llmo"
    given = ctx.env.get(place.base, "")
    if Path(given).is_absolute():
        return Path(given) / place.below
    try:
        return Path("~").expanduser() / place.default / place.below
    except RuntimeError:
        raise ConfigError("no home directory", hint=f"set HOME, or use: llmo completion show {shell}") from None


def _failed(verb: str, path: Path, exc: OSError) -> ConfigError:
    return ConfigError(f"cannot {verb} the completion script: {path}: {(exc.strerror or str(exc)).lower()}")


def _left_to_do(ctx: Context, shell: Shell, path: Path) -> list[str]:
    """What the user does, since llmo edits no startup file."""
    if shell == "bash":
        return ["start a new shell; without the package bash-completion, add to ~/.bashrc:", f"  . {_word(path)}"]
    if shell == "fish":
        return ["new fish sessions load it automatically"]
    if shell == "powershell":
        quoted = str(path).replace("'", "''")
        return ["add to your $PROFILE:", f"  . '{quoted}'"]
    if str(path.parent) in ctx.env.get("FPATH", "").split(":"):
        return ["start a new shell; if nothing is completed: rm -f ~/.zcompdump*"]
    return [
        "add to ~/.zshrc, before compinit:",
        f"  fpath=({_word(path.parent)} $fpath)",
        "or, without a compinit there:",
        f"  fpath=({_word(path.parent)} $fpath); autoload -Uz compinit && compinit",
    ]


def _word(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
