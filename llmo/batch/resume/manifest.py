"""What is remembered of a run beside its output: its name in the ledger, and what it was made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from llmo.storage.files import replaced
from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """
    `made_of` are short hashes by name (template, model, …), to say why rows have changed.

    `id_field` is the field that names rows, empty if their contents do; None of an older run, which did not say. `seal`
    is what the files were like once all of `rows` were answered, see `llmo.batch.seal`.
    """

    run: str
    made_of: Mapping[str, str] = field(default_factory=dict)
    id_field: str | None = None
    seal: str | None = None
    rows: int = 0

    def write(self, path: Path) -> None:
        """Replace the file at once."""
        body = {"version": VERSION, "run": self.run, "made_of": dict(self.made_of), "id_field": self.id_field}
        if self.seal is not None:
            body |= {"seal": self.seal, "rows": self.rows}
        text = json.dumps(body, indent=1)
        with replaced(path, durable=False) as out:
            out.write(f"{text}\n".encode())

    def differs(self, other: Manifest) -> list[str]:
        """The names whose hashes differ."""
        names = dict.fromkeys([*self.made_of, *other.made_of])
        return [name for name in names if self.made_of.get(name) != other.made_of.get(name)]


def beside(output: Path, what: str) -> Path:
    """A file of ours next to an output."""
    return output.with_name(f"{output.name}.llmo.{what}")


def read(path: Path) -> Manifest | None:
    """The manifest, None if it is missing or unreadable; it only serves explanations."""
    try:
        found = json.loads(path.read_text("utf-8"))
        run, made_of, id_field = found["run"], dict(found["made_of"]), found.get("id_field")
        seal, rows = found.get("seal"), found.get("rows")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(run, str) or not run:
        return None
    sealed = isinstance(seal, str) and type(rows) is int and rows > 0
    return Manifest(
        run=run,
        made_of=made_of,
        id_field=id_field if isinstance(id_field, str) else None,
        seal=seal if sealed else None,
        rows=rows if sealed else 0,
    )
