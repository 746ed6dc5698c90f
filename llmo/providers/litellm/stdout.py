"""Keep a chatty library off standard output, which belongs to the result."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Divided:
    """Standard output for everybody but one package, whose words go to standard error."""

    def __init__(self, real: TextIO, package: str) -> None:
        self.real, self.package, self.users = real, package, 0

    def write(self, text: str) -> int:
        """Pass on what others write, at the place they meant."""
        caller = sys._getframe(1).f_globals.get("__name__", "")  # noqa: SLF001 - the documented way to the caller
        chatty = caller == self.package or caller.startswith(f"{self.package}.")
        return (sys.stderr if chatty else self.real).write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@contextmanager
def quiet(package: str) -> Iterator[None]:
    """Divert what a package prints for as long as anybody is inside; calls may overlap."""
    if not isinstance(sys.stdout, _Divided):
        sys.stdout = _Divided(sys.stdout, package)
    divided = sys.stdout
    assert isinstance(divided, _Divided)
    divided.users += 1
    try:
        yield
    finally:
        divided.users -= 1
        if not divided.users and sys.stdout is divided:
            sys.stdout = divided.real
