"""What is kept of every run with an output, or in batches of a vendor: enough to list it, show it and go on with it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from llmo.errors import UsageError
from llmo.ledger import processes
from llmo.ledger.processes import Owner
from llmo.storage import files
from llmo.storage.paths import data_dir
from llmo.types import jsontext
from llmo.types.dataclass import dataclass, field, replace
from llmo.types.ids import ulid
from llmo.types.nearest import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

VERSION = 1
Engine = Literal["local", "deferred"]
NAME, OPEN = "run.json", "open"
"""The record of a run; a file that is there while rows of it are in batches."""
SAFE = re.compile(r"[0-9A-Za-z]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """
    A run; `id` is its folder, `name` its name in the ledger.

    `command` is what was typed, in the directory `cwd`, `began` seconds since the epoch. `output` is a path, None for
    standard output. `profile` is what -P named. `owner` is the process that works on it, or has. `exit` is the code in
    which a run of this machine ended and `rows` how many had their lines then; None before its end, and after a crash.
    """

    id: str
    name: str
    engine: Engine
    command: tuple[str, ...] = ()
    cwd: str = ""
    output: str | None = None
    inputs: tuple[str, ...] = ()
    profile: str | None = None
    began: float = 0.0
    owner: Owner = field(default_factory=processes.me)
    rows: int | None = None
    exit: int | None = None

    @property
    def running(self) -> bool:
        """Whether a process works on it."""
        return processes.lives(self.owner)

    @property
    def from_stdin(self) -> bool:
        """Whether its rows came from standard input, which nobody can read again."""
        return not self.inputs or "-" in self.inputs

    def mine(self) -> RunRecord:
        """The same, worked on by this process."""
        return replace(self, owner=processes.me())


class Registry:
    """The folders of runs, `ID` each, in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Registry:
        """The one of this user."""
        return cls(data_dir(env) / "runs")

    def folder(self, identifier: str) -> Path:
        """Where a run keeps what it needs."""
        return self.directory / identifier

    def write(self, record: RunRecord, *, durable: bool = True) -> None:
        """Store a record. Raises `UsageError`."""
        body = {"version": VERSION, **asdict(record), "owner": list(record.owner)}
        path = self.folder(record.id) / NAME
        try:
            files.replace(path, jsontext.write(body).encode() + b"\n", durable=durable)
        except OSError as exc:
            raise UsageError(f"cannot write {path}: {exc.strerror}") from None

    def read(self, identifier: str) -> RunRecord | None:
        """A record by its whole id; None for one that is missing, broken or of a later version."""
        if not SAFE.fullmatch(identifier):
            return None
        try:
            body = json.loads((self.folder(identifier) / NAME).read_text("utf-8"))
            return _record(identifier, body)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def all(self) -> Iterator[RunRecord]:
        """All records, latest first."""
        try:
            names = sorted((path.name for path in self.directory.iterdir()), reverse=True)
        except OSError:
            return
        for name in names:
            if (found := self.read(name)) is not None:
                yield found

    def find(self, asked: str) -> RunRecord:
        """The run of an id, of the beginning of one, or of a name. Raises `UsageError` for none and for several."""
        known = list(self.all())
        exact = [one for one in known if asked in (one.id, one.name)]
        found = exact[:1] or [one for one in known if asked and one.id.startswith(asked.upper())]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"not clear which run: {asked}", hint=", ".join(one.id for one in found[:5]))
        names = list(dict.fromkeys(name for one in known for name in (one.id, one.name)))
        raise UsageError(f"no such run: {asked}", hint=suggestion(asked, names, "runs") if known else "llmo runs list")

    def named(self, name: str, output: Path, engine: Engine) -> RunRecord | None:
        """The latest run of a name and an engine that writes to an output."""
        for one in self.all():
            if (one.engine, one.name, one.output) == (engine, name, str(output.absolute())):
                return one
        return None

    def prune(self, until: float) -> None:
        """
        Remove runs that began before an instant, with their answers; those that still have batches stay.

        An id begins with its instant, so nothing is read of later ones.
        """
        oldest = ulid(until)[:10]
        try:
            names = [path.name for path in self.directory.iterdir() if path.name[:10] < oldest]
        except OSError:
            return
        for name in names:
            record = self.read(name)
            if record is not None and not record.running and not (self.folder(name) / OPEN).exists():
                shutil.rmtree(self.folder(name), ignore_errors=True)


def _record(identifier: str, body: dict[str, Any]) -> RunRecord:
    if body["version"] != VERSION:
        raise ValueError
    pid, started, boot = body["owner"]
    engine = body["engine"]
    if engine not in ("local", "deferred"):
        raise ValueError
    return RunRecord(
        id=identifier,
        name=str(body["name"]),
        engine=engine,
        command=tuple(map(str, body["command"])),
        cwd=str(body["cwd"]),
        output=None if body["output"] is None else str(body["output"]),
        inputs=tuple(map(str, body["inputs"])),
        profile=None if body["profile"] is None else str(body["profile"]),
        began=float(body["began"]),
        owner=Owner(int(pid), str(started), str(boot)),
        rows=_number(body, "rows"),
        exit=_number(body, "exit"),
    )


def _number(body: dict[str, Any], name: str) -> int | None:
    found = body.get(name)
    return None if found is None else int(found)
