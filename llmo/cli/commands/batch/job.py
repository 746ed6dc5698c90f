"""What one `llmo batch` is about: its inputs, its prompts, its outputs, each made when first asked for."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from llmo.batch.input import rows
from llmo.batch.input.hash_table import HashTable
from llmo.batch.input.identity import Identity
from llmo.batch.input.requests import RequestBuilder
from llmo.batch.input.scan import HEAD, Picked, scan
from llmo.batch.input.template import Template
from llmo.batch.output import comparison, export
from llmo.batch.output.appended import SAVED
from llmo.batch.resume import manifest
from llmo.batch.resume.feed import Feed
from llmo.batch.resume.recorded import Recorded
from llmo.batch.stats import RunStats
from llmo.cli import inputs as prompts
from llmo.cli import options, output_files
from llmo.config.kinds import KINDS
from llmo.errors import LlmoError, UsageError
from llmo.routing.refusals import require_candidates
from llmo.storage.files import successor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from llmo.batch.input.requests import RowRequest
    from llmo.batch.input.scan import Scan
    from llmo.batch.output.export import Shape
    from llmo.batch.resume.feed import Work
    from llmo.cli.commands.batch import InputOptions, OutputOptions, RunOptions
    from llmo.cli.context import Context
    from llmo.cli.options import SelectionFlags
    from llmo.requests.validator import Validator
    from llmo.routing.plan import Plan
    from llmo.routing.planner import Selection
    from llmo.types.jsontext import Json
    from llmo.types.messages import Request

STDOUT = (None, "-", "/dev/stdout")
BESIDE = ("json", "jsonl", "intents", "old.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSpec:
    """The command line."""

    inputs: tuple[str, ...]
    selection: SelectionFlags
    source: InputOptions
    output: OutputOptions
    manner: RunOptions


@dataclass(slots=True)
class _Kept:
    """Which input fields the output repeats."""

    names: tuple[str, ...]

    def __call__(self, fields: Mapping[str, Json]) -> Mapping[str, Json] | None:
        """The fields to repeat, None of none."""
        if not self.names:
            return None
        return fields if self.names == ("*",) else {name: fields.get(name) for name in self.names}


@dataclass
class BatchJob:
    """All that a run needs, made when first asked for."""

    ctx: Context
    flags: BatchSpec
    stats: RunStats = field(default_factory=RunStats)
    recorded: Recorded = field(default_factory=Recorded)

    def check(self) -> None:
        """Everything that can be wrong before anything is paid. Raises `LlmoError`."""
        export.lines_only("--errors", self.flags.output.errors)
        output_files.apart(
            self.written,
            self.read,
            stdin=self.ctx.stdin if not self.flags.inputs or rows.STDIN in self.flags.inputs else None,
            stdout=self.ctx.stdout if self.target is None else None,
        )
        output_files.writable("--report", self.flags.output.report)
        self._output_is_of_this_shape()
        if self.flags.source.schema is not None:
            assert self.validator
        self.stats.total = self.total
        if not self.flags.inputs and not self.scan.rows:
            raise UsageError("no input", hint="llmo batch rows.jsonl -o out.jsonl, or pipe rows in")
        self._keep_is_known()
        if self.template and not self.template.fields and self.scan.rows > 1:
            self.ctx.note("llmo: warning: the prompt names no field of the rows: all rows ask the same")
        self._someone_answers()

    @cached_property
    def target(self) -> Path | None:
        """The output file; None for standard output."""
        name = self.flags.output.output
        return None if name in STDOUT else Path(str(name))

    @cached_property
    def shape(self) -> Shape:
        """The output's shape."""
        return self.flags.output.output_format or export.shape_of(self.target)

    @cached_property
    def compared_targets(self) -> tuple[str, ...]:
        """The targets that are compared; none without --compare."""
        if not self.flags.manner.compare:
            return ()
        return tuple(map(str, options.compared_targets(self.flags.selection, self.ctx.profile)))

    @property
    def unit(self) -> str:
        """What is counted: rows, or the answers of a comparison."""
        return "answers" if self.compared_targets else "rows"

    @property
    def total(self) -> int:
        """How many of them there are."""
        return self.scan.rows * max(1, len(self.compared_targets))

    @cached_property
    def journal(self) -> Path | None:
        """Where lines are appended: the output itself, or beside an output of another shape. None for a stream."""
        target = self.target
        if target is None or (target.exists() and not target.is_file()):
            return None
        return target if self.shape == "jsonl" and not self.compared_targets else manifest.beside(target, "jsonl")

    @cached_property
    def template(self) -> Template | None:
        """The prompt's template."""
        source = self.flags.source
        if source.template is not None:
            return Template(prompts.read_text(Path(source.template), "--template").rstrip("\n"), source.template)
        return None if source.prompt is None else Template(source.prompt, "--prompt")

    @cached_property
    def schema(self) -> Mapping[str, Json] | None:
        """The schema of all answers."""
        return prompts.schema(self.flags.source.schema)

    @cached_property
    def validator(self) -> Validator | None:
        """Holds answers against the schema."""
        from llmo.requests.validator import checked

        return None if self.schema is None else checked(self.schema)

    @cached_property
    def choice(self) -> dict[str, Json]:
        """What of the selection makes a request another one."""
        chosen, profile = self.flags.selection, self.ctx.profile
        # A comparison may gain or lose a model: its answers have keys of their own.
        models = [] if self.compared_targets else chosen.model or [profile.model]
        return {
            "models": [profile.aliases.get(model, model) for model in models],
            "task": chosen.task or profile.task,
            "private": chosen.private,
        }

    @cached_property
    def builder(self) -> RequestBuilder:
        """Makes requests of rows."""
        source = self.flags.source
        return RequestBuilder(
            template=self.template,
            system=None if source.system is None else prompts.text_or_file(source.system),
            params=options.params(self.flags.selection, source.option),
            schema=self.schema,
            choice=self.choice,
            compared_targets=self.compared_targets,
        )

    @cached_property
    def sources(self) -> list[rows.Input]:
        """The inputs."""
        names, source = list(self.flags.inputs), self.flags.source
        if not names:
            if self.ctx.stdin_tty or source.files:
                raise UsageError("no input", hint="llmo batch rows.jsonl -o out.jsonl, or pipe rows in")
            names = [rows.STDIN]
        if source.files:
            mine = [one.path for one in self.written]
            saved = [path.with_name(f"{path.name}{SAVED}") for path in mine]
            return rows.files(names, without=[path for path in (*mine, *saved) if path.exists()])
        given = None if source.input_format == "auto" else source.input_format
        return rows.inputs(names, self.ctx.stdin.buffer, format=given)

    @cached_property
    def picked(self) -> Picked:
        """The rows, after --limit and --sample."""
        source = self.flags.source
        return Picked(lambda: rows.rows(self.sources), limit=source.limit, sample=source.sample)

    @cached_property
    def scan(self) -> Scan:
        """The first reading."""
        whole = self.flags.manner.check
        return scan(self.picked, self.builder, self.flags.source.id_field, head=None if whole else HEAD)

    @cached_property
    def same(self) -> HashTable:
        """Keys that more than one row has; none without deduplication."""
        return HashTable() if self.flags.manner.no_dedupe else self.scan.same_keys

    @cached_property
    def keep(self) -> _Kept:
        """Which input fields the output repeats."""
        names = tuple(self.flags.output.keep or ())
        return _Kept(("*",) if "*" in names else names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Kept fields as columns of a table."""
        return self.scan.columns if self.keep.names == ("*",) else self.keep.names

    @property
    def written(self) -> list[output_files.Named]:
        """Every file that this run writes."""
        output = self.flags.output
        found = [output_files.Named("-o", self.target)] if self.target is not None else []
        for flag, name in (("--errors", output.errors), ("--report", output.report)):
            found += [] if name is None else [output_files.Named(flag, Path(name))]
        if self.target is not None and self.journal is not None:
            made = [manifest.beside(self.target, what) for what in BESIDE]
            fresh = list(map(successor, (self.target, *made[:2])))
            found += [output_files.Named("-o", path) for path in (*made, *fresh)]
        return found

    @property
    def read(self) -> list[output_files.Named]:
        """Every file that it reads; those of --files only where they are named one by one."""
        source = self.flags.source
        inputs = [Path(name) for name in self.flags.inputs if name != rows.STDIN]
        return [
            *(output_files.Named("an input", path) for path in inputs if not source.files or path.is_file()),
            *output_files.given("--template", source.template),
            *output_files.given("--schema", source.schema),
            *output_files.given("--system", source.system, mark="@"),
            *output_files.own(self.ctx),
        ]

    def feed(
        self, failed: Callable[[Mapping[str, Json] | str], None] = lambda _: None, stats: RunStats | None = None
    ) -> Feed:
        """The rows that are still to be sent."""
        found = self.scan
        return Feed(
            rows=self.picked,
            builder=self.builder,
            identity=Identity(found.id_field, found.same_rows),
            recorded=self.recorded,
            retry=self.flags.manner.retry_errors,
            stats=stats or self.stats,
            failed=failed,
        )

    @cached_property
    def _choice(self) -> Selection:
        chosen = options.choice(self.flags.selection)
        return replace(chosen, models=(), first_only=True) if self.compared_targets else chosen

    def plan(self, asked: RowRequest | Work) -> Plan:
        """Who answers a row."""
        choice = self._choice
        if asked.model is not None and not choice.models:
            choice = replace(choice, models=(self._known(asked.model),))
        return self.ctx.planner.plan(asked.request, choice)

    def resumed(self) -> str:
        """The command that goes on from here."""
        left = [word for word in sys.argv[1:] if word not in ("--restart", "-y", "--yes")]
        return shlex.join(["llmo", *left])

    def _known(self, model: str) -> str:
        """The name of a row's own model in this profile: OpenAI's batch lines give it without a provider."""
        providers = self.ctx.profile.providers
        if model in self.ctx.profile.aliases or model.partition("/")[0] in providers:
            return model
        if any(model in provider.models for provider in providers.values()):
            return model
        name = next((name for name, provider in providers.items() if KINDS[provider.kind].batch_lines), None)
        return model if name is None else f"{name}/{model}"

    def _keep_is_known(self) -> None:
        known = self.scan.columns
        for name in self.keep.names:
            if name != "*" and known and name not in known:
                raise UsageError(f"unknown field to keep: {name}", hint=f"known fields: {', '.join(map(str, known))}")

    def _output_is_of_this_shape(self) -> None:
        """A comparison would replace an output that has one answer a row, and the other way round."""
        target = self.target
        if self.compared_targets and self.shape not in ("jsonl", "csv"):
            raise UsageError(f"--compare writes no {self.shape}", hint="jsonl and csv have all answers of a row")
        export.writable(self.shape)
        if target is None or not target.is_file() or not target.stat().st_size:
            return
        if self.shape != "jsonl":
            self._is_ours(target)
            return
        if comparison.is_comparison(target) != bool(self.compared_targets):
            what = "no comparison" if self.compared_targets else "a comparison"
            raise UsageError(f"holds {what}: {target}", hint="write to another file")

    def _is_ours(self, target: Path) -> None:
        """Raise for a table that no run has made: the end of this one would replace it."""
        manner, journal = self.flags.manner, self.journal
        if journal is not None and not journal.exists() and not (manner.restart and manner.yes):
            hint = "another -o, or --restart -y to replace it"
            raise UsageError(f"not an output of llmo batch: {target}", hint=hint)

    def _someone_answers(self) -> None:
        """Raise when none of the first rows has anybody to answer it: then it is not the rows."""
        for compared_target in self.compared_targets or (None,):
            failures = [
                self._unanswered(asked) for asked in self.scan.first if asked.compared_target == compared_target
            ]
            if failures and None not in failures:
                assert failures[0] is not None
                raise failures[0]

    def _unanswered(self, asked: RowRequest) -> LlmoError | None:
        try:
            require_candidates(self.plan(asked))
        except LlmoError as exc:
            return exc
        return None


def works(feed: Feed) -> Iterator[Work]:
    """The rows of a feed, without its pauses."""
    return (work for work in feed if work is not None)


def prompt_of(request: Request) -> str:
    """What the user's side of a request says."""
    return next((m.text for m in reversed(request.messages) if m.role == "user"), "")
