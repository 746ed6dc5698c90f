"""Which providers a profile speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmo.cli.context import Context


def told_of(ctx: Context) -> list[str]:
    """The providers of the profile that a source speaks of: `offline`, which all have, is not listed unasked."""
    from llmo.config.schema import dotted

    heads = {name: f"{dotted(('providers', name))}." for name in ctx.profile.providers}
    return [name for name, head in heads.items() if any(key.startswith(head) for key in ctx.loaded.origins)]
