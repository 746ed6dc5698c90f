"""What processes of this user tell each other: each replaces a file of its own, and reads those of the others."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from llmo.storage.files import replace

if TYPE_CHECKING:
    from pathlib import Path

OLD_S = 600.0
"""A file that was not replaced for so long is of a process that was killed."""
LARGE = 4096
"""Bytes that are read of one: nobody of ours writes more."""


class Notices:
    """The notices about one thing, `name`, in a directory; `own` is the file of this process."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory, self._name = directory, name
        self.own = f"{name}.{os.getpid()}-{secrets.token_hex(4)}"

    def swap(self, mine: bytes) -> list[bytes]:
        """Leave a notice in place of the last one, and return those of others. Raises `OSError`."""
        replace(self._directory / self.own, mine, durable=False)
        found = []
        with os.scandir(self._directory) as entries:
            for entry in entries:
                # Under a name with a dot before it are those that were not written to the end.
                if entry.name.lstrip(".").startswith(f"{self._name}.") and entry.name != self.own:
                    with suppress(OSError):
                        found.append(self._read(entry))
        return found

    def _read(self, entry: os.DirEntry[str]) -> bytes:
        if time.time() - entry.stat().st_mtime > OLD_S:
            os.unlink(entry.path)  # noqa: PTH108 - a path as text, once a second
            return b""
        with open(entry.path, "rb") as file:  # noqa: PTH123 - the same
            return file.read(LARGE)
