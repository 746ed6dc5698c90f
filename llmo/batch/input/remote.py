"""Inputs by URL, through fsspec where it is installed. What is secret in a URL is never shown."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, BinaryIO

from llmo.errors import UsageError
from llmo.errors.installing import install_command
from llmo.types.redact import masked

if TYPE_CHECKING:
    from collections.abc import Callable

URL = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z][A-Za-z0-9+.-]+)*://")
"""Of two letters or more: one is a drive. Protocols may be chained, as in `simplecache::s3://`."""
PIECE = 1 << 16


class Fetched(io.RawIOBase):
    """A file of fsspec, whose every failure is an `OSError` without secrets."""

    def __init__(self, file: Any, name: str) -> None:
        self._file, self._name = file, name

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """Whether the server can be asked for a part."""
        return bool(self._file.seekable())

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As of any file."""
        return int(self._tried(self._file.seek, offset, whence))

    def tell(self) -> int:
        """As of any file."""
        return int(self._file.tell())

    def readinto(self, buffer: Any, /) -> int:
        """What comes, at most a buffer."""
        room = memoryview(buffer)
        piece = self._tried(self._file.read, len(room))
        room[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Let go of the connection."""
        if not self.closed:
            self._file.close()
        super().close()

    def _tried(self, act: Callable[..., Any], *args: Any) -> Any:
        try:
            return act(*args)
        except Exception as exc:  # noqa: BLE001 - each protocol is a library with errors of its own
            raise OSError(reason(exc, self._name)) from None


def is_url(name: str) -> bool:
    """Whether an input is named by a URL."""
    return URL.match(name) is not None


def shown(name: str) -> str:
    """A URL without its user, password, query and fragment, which may all be secrets."""
    found = URL.match(name)
    if found is None:
        return name
    rest = name[found.end() :]
    place = re.split("[?#]", rest, maxsplit=1)[0]
    # A password may hold a slash, and even an @.
    public = re.sub(r"^[^@]*:[^@]*@", "", re.sub(r"^[^/]*@", "", place))
    return masked(f"{found[0]}{'…@' if public != place else ''}{public}{'?…' if rest != place else ''}")


def path(name: str) -> str:
    """The part of a shown URL that has the name of the file."""
    return name.removesuffix("?…")


def opener(name: str) -> Callable[[], BinaryIO]:
    """Opens a URL anew each time; raises `UsageError` when that needs a library, `OSError` when it fails."""
    try:
        from fsspec.core import url_to_fs  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise UsageError(f"reading a URL needs fsspec: {shown(name)}", hint=install_command("fsspec")) from None

    def opened() -> BinaryIO:
        try:
            # Not `fsspec.open`, for which a question mark is a pattern.
            system, place = url_to_fs(name)
            return io.BufferedReader(Fetched(system.open(place, "rb"), name), PIECE)
        except ImportError as exc:
            missing = f"reading {shown(name)} needs another package"
            raise UsageError(missing, hint=" ".join(str(exc).split())) from None
        except Exception as exc:  # noqa: BLE001 - as above
            raise OSError(reason(exc, name)) from None

    return opened


def reason(exc: Exception, name: str) -> str:
    """Why it failed; only the kind of failure where the text may repeat a secret of the URL."""
    # fsspec calls everything that a server refuses a missing file.
    status = getattr(exc, "status", getattr(exc.__cause__, "status", None))
    if isinstance(status, int):
        return f"the server returned HTTP {status}"
    if isinstance(exc, FileNotFoundError):
        return "no such file" if exc.__cause__ is None else f"not reachable ({type(exc.__cause__).__name__})"
    text = " ".join(str(exc).split())
    kind = type(exc).__name__
    if not text or shown(name) != name:
        return kind
    return masked(f"{kind}: {text.replace(name, shown(name))}")
