"""Finds the programs that providers run, without starting one."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from llmo.config.kinds import KINDS
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.config.profile import ProviderConfig


@dataclass(frozen=True, slots=True)
class Program:
    """A command to start; `proven` is False when its identity must be checked first."""

    command: tuple[str, ...]
    proven: bool = True


def find(config: ProviderConfig, env: Mapping[str, str]) -> Program | str:
    """The command of the program that a provider runs, else why there is none."""
    if config.command:
        name, *rest = config.command
        found = shutil.which(_expanded(name, env), path=env.get("PATH", ""))
        return Program((os.path.abspath(found), *rest)) if found else f"{name} is not on PATH"  # noqa: PTH100 - `..` of a link stays
    # An empty part would mean the working directory, where anybody's repository may stand.
    kind = KINDS[config.kind]
    more = (_expanded(place, env) for place in kind.program_places)
    places = os.pathsep.join(filter(None, [env.get("PATH"), *more]))
    for name in kind.programs:
        if found := shutil.which(name, path=places):
            return Program((os.path.abspath(found),), proven=name == kind.programs[0])  # noqa: PTH100 - as above
    return f"{kind.programs[0]} is not on PATH"


def _expanded(path: str, env: Mapping[str, str]) -> str:
    home = env.get("HOME")
    return home + path[1:] if home and path.startswith("~/") else path
