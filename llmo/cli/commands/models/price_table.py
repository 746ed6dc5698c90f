"""`llmo models --refresh-prices`: prices that are newer than the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.catalog.catalog import FILE
from llmo.catalog.custom_table import checked
from llmo.cli import files
from llmo.errors import UsageError
from llmo.storage.files import replace
from llmo.storage.paths import cache_dir, ensure_private

if TYPE_CHECKING:
    from llmo.cli.context import Context


def install(ctx: Context, name: str | None, sha256: str | None) -> None:
    """Take a table in, when it is what it should be and newer than what is used. Raises `UsageError`."""
    if name is None or sha256 is None:
        raise UsageError(
            "--refresh-prices and --sha256 must be used together",
            hint="name a file and its checksum; llmo downloads no price table, because none is signed",
        )
    data = files.read_bytes(ctx, name, "--refresh-prices")
    date, used = checked(data, sha256), ctx.catalog.date
    if date <= used:
        raise UsageError(f"the price table of {date} is not newer than the current one of {used}")
    path = cache_dir(ctx.env) / FILE
    ensure_private(path.parent)
    replace(path, data)
    del ctx.catalog
    ctx.note(f"installed the prices of {date}, replacing those of {used}; delete {path} to revert")
