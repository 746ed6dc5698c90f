"""Errors of PostgreSQL and of the way to it as errors of llmo, in one line that never has a password."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from llmo.errors import ConfigError, Locked

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECK = "check the server, the network and `ledger` in the profile (llmo profile show)"
_BUSY = (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected, errors.SerializationFailure)
RIGHTS = "see SHARED LEDGER in man llmo-profile for the rights that it needs"
_LACKING = (
    *(errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction, errors.InvalidSchemaName),
    *(errors.DuplicateTable, errors.DuplicateFunction),
)
_ENTRY = (errors.ProgramLimitExceeded, errors.DataError, errors.IntegrityError)
"""What is wrong with one entry, and not with the database."""
_HINTS = {
    "password authentication failed": "set PGPASSWORD, or add a line to ~/.pgpass",
    "no password supplied": "set PGPASSWORD, or add a line to ~/.pgpass",
    "does not exist": "create it, or correct `ledger` in the profile",
    "certificate": "check sslmode and sslrootcert in `ledger` of the profile",
    "SSL": "check sslmode in `ledger` of the profile",
}


class Unreachable(ConfigError):
    """The server can't be reached, or was lost; whatever was not committed before is not stored."""


class Unanswered(psycopg.OperationalError):
    """The server did not answer in time; the connection is of no more use."""


@contextmanager
def explained(name: str) -> Iterator[None]:
    """
    Turn errors of the database `name` into `Unreachable`, `ConfigError` and `Locked`.

    Errors of one entry, such as an amount out of range, and bugs in our own SQL pass unchanged.
    """
    try:
        yield
    except _ENTRY:
        raise
    except _BUSY as exc:
        raise Locked(f"cannot use the ledger now: {name}: another program locks it", hint="try again later") from exc
    except _LACKING as exc:
        raise refused(name, f"it is damaged: {_first(exc)}", "restore a copy, or remove its schema llmo") from exc
    except errors.InsufficientPrivilege as exc:
        raise refused(name, _first(exc), RIGHTS) from exc
    except errors.ReadOnlySqlTransaction as exc:
        raise refused(name, "it is read-only", "use the address of the primary server") from exc
    except (psycopg.OperationalError, psycopg.InterfaceError, errors.IdleInTransactionSessionTimeout) as exc:
        raise lost(name, exc) from exc


def refused(name: str, what: str, hint: str) -> ConfigError:
    """The error for a ledger that can't be used as it is."""
    return ConfigError(f"cannot use the ledger: {name}: {what}", hint=hint)


def lost(name: str, exc: psycopg.Error) -> Unreachable:
    """The error for a server that can't be reached."""
    said = _first(exc)
    hint = next((hint for words, hint in _HINTS.items() if words in said), CHECK)
    return Unreachable(f"cannot use the ledger: {name}: {said}", hint=hint)


def _first(exc: psycopg.Error) -> str:
    """What is said, in one line and without what llmo says itself."""
    lines = [line.strip(" -\t") for line in str(exc).splitlines() if line.strip()] or [type(exc).__name__]
    # Where a name has several addresses, each attempt has a line, and the last one is no worse than the first.
    line = lines[-1] if lines[0].startswith("Multiple connection attempts") else lines[0]
    line = re.sub(r"^connection (failed|is bad): |^consuming input failed: ", "", line)
    line = re.sub(r"^connection to server [^:]* failed: |^(FATAL|ERROR): +", "", line)
    line = re.sub(r"^(FATAL|ERROR): +", "", line)
    return line[:1].lower() + line[1:] if line[1:2].islower() else line
