"""The flags of `llmo profile init`."""

from __future__ import annotations

from typing import Annotated

from llmo.cli import declared as typer
from llmo.types.dataclass import dataclass


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How the profile is made."""

    yes: Annotated[bool, typer.Option("--yes", "-y", help="skip confirmation prompts and use what is found")] = False
    force: Annotated[bool, typer.Option("--force", help="replace an existing profile (kept as NAME.toml.bak)")] = False
    daily: Annotated[str | None, typer.Option("--daily", help="daily budget in dollars (0: none)", metavar="USD")] = (
        None
    )
    no_probe: Annotated[bool, typer.Option("--no-probe", help="do not contact the providers that are found")] = False
