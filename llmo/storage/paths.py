"""Where configuration, data and caches live: `LLMO_…_DIR`, else what the platform says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

PRIVATE = 0o700


def config_dir(env: Mapping[str, str] | None = None) -> Path:
    """Profiles."""
    return _directory("config", env)


def data_dir(env: Mapping[str, str] | None = None) -> Path:
    """The ledger and the history."""
    return _directory("data", env)


def cache_dir(env: Mapping[str, str] | None = None) -> Path:
    """Files that may be deleted at any time."""
    return _directory("cache", env)


def ensure_private(directory: Path) -> Path:
    """Create a directory and its missing parents for this user only; an existing one is left alone."""
    if not directory.is_dir():
        if directory.parent != directory:
            ensure_private(directory.parent)
        directory.mkdir(mode=PRIVATE, exist_ok=True)
    return directory


def expanded(path: str | Path) -> Path:
    """A path with `~` as the home it means; one of a user that is not here stays, and is no file."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser fails for such a user


def _directory(purpose: Literal["config", "data", "cache"], env: Mapping[str, str] | None) -> Path:
    given = (os.environ if env is None else env).get(f"LLMO_{purpose.upper()}_DIR")
    if given:
        return expanded(given).absolute()
    import platformdirs

    found: Path = getattr(platformdirs, f"user_{purpose}_path")("llmo", appauthor=False)
    return found
