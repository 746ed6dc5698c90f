"""
Validated profiles of earlier starts, so that a warm start needs no pydantic (about 0.2 s of CPU).

The key is a hash of all that a profile is made of; a file that is missing, damaged, another user's or
another version's is ignored. Header values may be secrets: they are never stored, a warm start
reads them again. Addresses of providers hold no passwords (`llmo.config.checks`), keys never are in a profile. A
profile whose ledger's address has a password is not stored.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmo.storage.paths import cache_dir
from llmo.types.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llmo.config.profile import Profile

KEEP = 64
"""Files kept in the cache; each combination of flags and variables makes one."""
ROOM = Path(__file__).parent


def fingerprint(parts: Iterable[object], room: Path = ROOM) -> str:
    """
    The key of a profile made of `parts`.

    The times of the modules in `room`, which make it, are part of it: an edited checkout has no new version.
    """
    digest = hashlib.sha256(__version__.encode())
    with suppress(OSError), os.scandir(room) as modules:
        times = sorted((module.name, module.stat().st_mtime_ns) for module in modules if module.name.endswith(".py"))
        digest.update(repr(times).encode())
    for part in parts:
        digest.update(b"\0" + repr(part).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def recall(key: str, env: Mapping[str, str]) -> dict[str, Any] | None:
    """`{"profile": …, "origins": …}` as it was stored, None when there is none to trust."""
    try:
        handle = os.open(_path(key, env), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as file:
            if not _is_ours(os.fstat(handle)):
                return None
            check, _, body = file.read().partition(b"\n")
        if check.decode() != hashlib.sha256(body).hexdigest():
            return None
        kept: dict[str, Any] = json.loads(body)
    except (OSError, ValueError):
        return None
    return kept


def _is_ours(status: os.stat_result) -> bool:
    """Anybody else could have written addresses there, to which keys would then be sent."""
    return not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o077)


def keep(key: str, profile: Profile, origins: Mapping[str, str], env: Mapping[str, str]) -> None:
    """Store a valid profile for the next start; a failure to write is ignored."""
    from dataclasses import asdict

    from llmo.config.ledger_address import passwords
    from llmo.storage.files import replace

    if profile.ledger and passwords(profile.ledger):
        return
    tree = asdict(profile)
    for provider in tree["providers"].values():
        provider["headers"] = dict.fromkeys(provider["headers"], "")
    body = json.dumps({"profile": tree, "origins": dict(origins)}).encode()
    with suppress(OSError):
        replace(_path(key, env), hashlib.sha256(body).hexdigest().encode() + b"\n" + body, durable=False)
        _prune(_path(key, env).parent)


def _prune(directory: Path) -> None:
    kept = sorted(directory.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[KEEP:]:
        path.unlink(missing_ok=True)


def _path(key: str, env: Mapping[str, str]) -> Path:
    return cache_dir(env) / "profiles" / f"{key}.json"
