"""What a run is made of: plain values, decided before anything is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.batch.resume import manifest, parts
from llmo.engine.provider_limits import RateOverrides
from llmo.storage.files import successor
from llmo.types.dataclass import dataclass, field
from llmo.types.messages import Params

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from llmo.batch.input.readers import Format
    from llmo.batch.output.export import Shape
    from llmo.routing.planner import Selection
    from llmo.types.jsontext import Json
    from llmo.types.money import Pico

BESIDE = ("json", "jsonl", "intents", "old.jsonl")
"""Files of a run beside its output, by the end of their names."""
REPAIRS = 1
"""Times that an answer which does not match the schema is sent back."""
ALL = "*"
"""In `keep`: every field."""


@dataclass(slots=True)
class KeptFields:
    """Which input fields the output repeats."""

    names: tuple[str, ...]

    def __call__(self, fields: Mapping[str, Json]) -> Mapping[str, Json] | None:
        """The fields to repeat, None of none."""
        if not self.names:
            return None
        return fields if self.names == (ALL,) else {name: fields.get(name) for name in self.names}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """
    Where lines go, and in which form.

    Without a `target` they go to standard output. With `compared_targets` a line has all their answers to a row.
    `keep` names the input fields that lines repeat; `errors` is a file for failed rows alone, `report` one for what the
    run came to.
    """

    target: Path | None = None
    shape: Shape = "jsonl"
    compared_targets: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    ordered: bool = False
    errors: Path | None = None
    report: Path | None = None

    @property
    def journal(self) -> Path | None:
        """Where lines are appended: the output itself, or beside an output of another shape. None for a stream."""
        target = self.target
        if target is None or (target.exists() and not target.is_file()):
            return None
        return target if self.shape == "jsonl" and not self.compared_targets else manifest.beside(target, "jsonl")

    @property
    def replaces(self) -> bool:
        """Whether a table is there that no run has written: this one would replace it at its end."""
        if self.shape == "jsonl" or self.target is None or self.journal is None or self.journal.exists():
            return False
        return self.target.exists() and self.target.stat().st_size > 0

    @property
    def beside(self) -> list[Path]:
        """Files that a run makes next to its output."""
        if self.target is None or self.journal is None:
            return []
        made = [manifest.beside(self.target, what) for what in BESIDE]
        return [*made, *map(successor, (self.target, *made[:2])), *parts.folder(self.target).glob("*")]

    @property
    def written(self) -> list[Path]:
        """Every file that a run writes."""
        return [path for path in (self.target, self.errors, self.report, *self.beside) if path is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSpec:
    """
    One run.

    `inputs` are names of files, `-` standard input, none the same; with `files` each of them is a row, or a pattern or
    a directory of rows. `prompt` is a template, `template` the text of a file that holds one, from `template_line` on;
    without either a row is its own prompt. `check_all` refuses a bad row anywhere before anything is sent. `run` names
    the run in the ledger.
    Without a `concurrency` it is what the providers allow; `max_failures` stops the run, as does `max_failures_percent`
    of all rows. Where it may cost more than `confirm_over` someone is asked, unless `assume_yes`.
    """

    inputs: tuple[str, ...] = ()
    files: bool = False
    input_format: Format | None = None
    id_field: str | None = None
    limit: int | None = None
    sample: int | None = None
    check_all: bool = False

    prompt: str | None = None
    template: str | None = None
    template_name: str = "template"
    template_line: int = 1
    system: str | None = None
    params: Params = field(default_factory=Params)
    schema: Mapping[str, Json] | None = None
    repair: int = REPAIRS
    selection: Selection
    timeout: float
    retries: int

    output: OutputSpec

    run: str | None = None
    retry_errors: str | None = None
    restart: bool = False
    at_most_once: bool = False
    durable: bool = False
    dedupe: bool = True
    max_failures: int | None = None
    max_failures_percent: int | None = None
    confirm_over: Pico | None = None
    assume_yes: bool = False

    concurrency: int | None = None
    rpm: float | None = None
    tpm: float | None = None
    share: float = 1.0

    @property
    def reads_all(self) -> bool:
        """Whether all of the input is read before anything is sent, and then once more."""
        confirms = self.confirm_over is not None and not self.assume_yes
        return self.check_all or self.sample is not None or confirms

    @property
    def rates(self) -> RateOverrides:
        """What is asked for in place of the providers' own limits."""
        return RateOverrides(rpm=self.rpm, tpm=self.tpm, share=self.share, concurrency=self.concurrency)

    def allowed_failures(self, total: int, *, estimated: bool = False) -> int | None:
        """How many of so many rows may fail, of a hundred at least where their number is a guess; None for all."""
        total = max(total, 100) if estimated else total
        if self.max_failures_percent is not None:
            return self.max_failures_percent * total // 100
        return self.max_failures
