"""Files that are there whole or as they were before."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from llmo.errors import ConfigError
from llmo.storage.paths import cache_dir, ensure_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def replace(path: Path, content: bytes, *, durable: bool = True) -> None:
    """
    Put `content` at `path` in one step, readable by this user only.

    A link stays a link: profiles are often links into a folder of dotfiles. Raises `OSError`.
    """
    path = Path(os.path.realpath(path))
    ensure_private(path.parent)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp: mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


@contextlib.contextmanager
def exclusive(path: Path, env: Mapping[str, str]) -> Iterator[None]:
    """
    Keep other llmo processes from changing `path` meanwhile, so that no change is lost.

    The lock lies in the cache: beside a profile in somebody's project it would be litter.
    """
    name = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:16]
    lock = cache_dir(env) / "locks" / name
    try:
        ensure_private(lock.parent)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise ConfigError(f"cannot lock the profile: {lock}: {(exc.strerror or str(exc)).lower()}") from None
    try:
        with contextlib.suppress(ImportError):  # Windows has no fcntl: the last writer wins there, never half a file
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
