"""Programs that providers run: where they are, told without starting one."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.config.profile import ProviderConfig

CURSOR = ("cursor-agent", "agent")
"""One program under two names; others call themselves `agent` too. `cursor` is the editor: never that."""
_PLACES = ("~/.local/bin", "~/.cursor/bin")
"""Where Cursor's installer puts it, which a cron job or a CI step has not on PATH."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to start; `proven` is False when it must first be asked what it is."""

    command: tuple[str, ...]
    proven: bool = True


def cursor(config: ProviderConfig, env: Mapping[str, str]) -> Program | str:
    """The command line of Cursor, else why there is none."""
    if config.command:
        name, *rest = config.command
        found = shutil.which(_expanded(name, env), path=env.get("PATH", ""))
        return Program((os.path.abspath(found), *rest)) if found else f"{name} is not on PATH"  # noqa: PTH100 - `..` of a link stays
    # An empty part would mean the working directory, where anybody's repository may stand.
    places = os.pathsep.join(filter(None, [env.get("PATH"), *(_expanded(place, env) for place in _PLACES)]))
    for name in CURSOR:
        if found := shutil.which(name, path=places):
            return Program((os.path.abspath(found),), proven=name == CURSOR[0])  # noqa: PTH100 - as above
    return f"{CURSOR[0]} is not on PATH"


def _expanded(path: str, env: Mapping[str, str]) -> str:
    home = env.get("HOME")
    return home + path[1:] if home and path.startswith("~/") else path
