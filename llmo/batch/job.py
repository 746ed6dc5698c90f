"""One batch: its inputs, prompts and outputs, each created on first use."""

from __future__ import annotations

from functools import cached_property, lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from llmo.batch.input import rows
from llmo.batch.input.hash_table import Places
from llmo.batch.input.head import ROWS, SECONDS, Sampled, automatic_id, check, checked
from llmo.batch.input.identity import AUTOMATIC_ID, Identity
from llmo.batch.input.reading import Reading
from llmo.batch.input.reading import rows as read_rows
from llmo.batch.input.requests import RequestBuilder
from llmo.batch.input.stream import RowStream
from llmo.batch.input.template import Template
from llmo.batch.output import comparison, export
from llmo.batch.output.appended import SAVED
from llmo.batch.output.lines import entries
from llmo.batch.resume import manifest
from llmo.batch.resume.feed import Feed
from llmo.batch.resume.recorded import Recorded, paid
from llmo.batch.seal import Seal
from llmo.batch.spec import ALL, KeptFields
from llmo.batch.stats import RunStats
from llmo.config.kinds import KINDS
from llmo.errors import LlmoError, UsageError
from llmo.routing.outline import OUTLINES
from llmo.routing.refusals import require_candidates
from llmo.types.dataclass import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from llmo.batch.input.head import Head
    from llmo.batch.input.requests import RowRequest
    from llmo.batch.input.rows import Row
    from llmo.batch.input.stream import Waiting
    from llmo.batch.resume.feed import Work
    from llmo.batch.resume.manifest import Manifest
    from llmo.batch.spec import BatchSpec
    from llmo.config.profile import Profile
    from llmo.engine.answer_cache import AnswerCache
    from llmo.ledger.backend import Ledger
    from llmo.requests.validator import Validator
    from llmo.routing.plan import Plan
    from llmo.routing.planner import Planner, Selection
    from llmo.types.attempts import AttemptRecord
    from llmo.types.jsontext import Json


@dataclass
class BatchJob:
    """
    Everything that a run needs, created on first use.

    `stdin` has the rows of standard input, None if nothing was piped. `notify` gets messages for the user, a line
    each; `attempted` the id of a row and an attempt that failed; `confirm` asks the user a question, and returns False
    if nobody can answer. `open_cache` opens the answers that earlier requests got, where they are to be used again.
    `sealed_rows` are all rows, where it is known without reading them that they are done.
    """

    spec: BatchSpec
    profile: Profile
    planner: Planner
    ledger: Ledger
    stdin: BinaryIO | None = None
    open_cache: Callable[[], AnswerCache | None] = lambda: None
    notify: Callable[[str], None] = lambda _: None
    attempted: Callable[[str, AttemptRecord], None] = lambda _row, _attempt: None
    confirm: Callable[[str], bool] = lambda _: False
    stats: RunStats = field(default_factory=RunStats)
    recorded: Recorded = field(default_factory=Recorded)
    doubtful: frozenset[str] = frozenset()
    sealed_rows: int | None = None
    _later: dict[str, None] = field(default_factory=dict)

    def check(self) -> None:
        """Check everything that can be checked before anything is paid for. Raises `LlmoError`."""
        self._output_is_of_this_shape()
        assert self.seal
        if self.spec.schema is not None:
            assert self.validator
        if not self.spec.inputs and not self.head.rows:
            raise rows.no_input()
        if self.spec.check_all:
            for _ in check(self.picked(), self.builder, self.head.id_field):
                pass
        self.feed().measure()
        self._keep_is_known()
        if self.template and not self.template.fields and len(self.head.rows) > 1:
            self.notify("warning: the prompt names no field of the rows: all rows send the same prompt")
        self._someone_answers()

    @property
    def unit(self) -> str:
        """What is counted: rows, or the answers of a comparison."""
        return "answers" if self.spec.output.compared_targets else "rows"

    @cached_property
    def journal(self) -> Path | None:
        """Where lines are appended, None for a stream; decided once, whatever happens to the files later."""
        return self.spec.output.journal

    @cached_property
    def template(self) -> Template | None:
        """The prompt's template."""
        spec = self.spec
        if spec.template is not None:
            return Template(spec.template.rstrip("\n"), spec.template_name, spec.template_line)
        return None if spec.prompt is None else Template(spec.prompt, "--prompt")

    @cached_property
    def validator(self) -> Validator | None:
        """Validates answers against the schema."""
        from llmo.requests.validator import checked

        return None if self.spec.schema is None else checked(self.spec.schema)

    @cached_property
    def choice(self) -> dict[str, Json]:
        """The part of the selection that belongs to the key of a request."""
        chosen, profile = self.spec.selection, self.profile
        # A comparison may gain or lose a model: its answers have keys of their own.
        models = () if self.spec.output.compared_targets else chosen.models or (profile.model,)
        return {
            "models": [profile.aliases.get(model, model) for model in models],
            "task": chosen.task or profile.task,
            "private": chosen.private,
        }

    @cached_property
    def builder(self) -> RequestBuilder:
        """Makes requests of rows."""
        spec = self.spec
        return RequestBuilder(
            template=self.template,
            system=spec.system,
            params=spec.params,
            schema=spec.schema,
            choice=self.choice,
            compared_targets=spec.output.compared_targets,
        )

    @cached_property
    def sources(self) -> list[rows.Input]:
        """The inputs."""
        spec = self.spec
        if spec.files and not spec.inputs:
            raise rows.no_input()
        if spec.files:
            written = spec.output.written
            saved = [path.with_name(f"{path.name}{SAVED}") for path in written]
            return rows.files(spec.inputs, without=[path for path in (*written, *saved) if path.exists()])
        return rows.inputs(spec.inputs or (rows.STDIN,), self.stdin, format=spec.input_format, again=spec.reads_all)

    @cached_property
    def seal(self) -> Seal:
        """Tells whether inputs and output are as they were when all was answered; made before they are read."""
        return Seal(self.spec, self.choice, self.sources)

    @property
    def repeatable(self) -> bool:
        """Whether the input can be read more than once."""
        return not any(source.once for source in self.sources)

    @cached_property
    def _sampled(self) -> Sampled | None:
        sample = self.spec.sample
        return None if sample is None else Sampled(islice(read_rows(self.sources), self.spec.limit), sample)

    def picked(self) -> RowStream:
        """A new pass over the rows that --limit and --sample leave."""
        reading = Reading(self.sources)
        if self._sampled is not None:
            return RowStream(reading, self._sampled(reading), limit=self.spec.sample)
        return RowStream(reading, limit=self.spec.limit)

    @cached_property
    def stream(self) -> RowStream:
        """The pass that the run makes."""
        return self.picked()

    @cached_property
    def head(self) -> Head:
        """The first rows, checked."""
        first = self.stream.head(ROWS, SECONDS)
        field = self.spec.id_field
        if field is None:
            field = automatic_id(first) if self._id_field_before is None else self._id_field_before
        return checked(first, self.builder, field or None, whole=self.stream.ended)

    @property
    def _id_field_before(self) -> str | None:
        """The field by which the rows of this output were named, empty for none, None where nobody knows."""
        if self.before is None or self.spec.restart:
            return None
        if self.before.id_field is None and self.journal is not None:
            # Older versions looked at every row for a field, and did not write down what they found.
            first = next(entries(self.journal), None)
            return "" if first is not None and AUTOMATIC_ID.fullmatch(first.name) else None
        return self.before.id_field

    @cached_property
    def before(self) -> Manifest | None:
        """What is remembered of the run that began this output."""
        target = self.spec.output.target
        if target is None or self.journal is None or not self.journal.exists():
            return None
        return manifest.read(manifest.beside(target, "json"))

    @cached_property
    def answers(self) -> Places | None:
        """Where the answers of this output are, by the keys of their requests; None without deduplication."""
        return Places() if self.spec.dedupe else None

    @cached_property
    def keep(self) -> KeptFields:
        """Which input fields the output repeats."""
        names = self.spec.output.keep
        return KeptFields((ALL,) if ALL in names else names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Kept fields as columns of a table: of the rows that were read until now."""
        return tuple({**dict.fromkeys(self.head.columns), **self._later}) if self._all_kept else self.keep.names

    @property
    def _all_kept(self) -> bool:
        return self.keep.names == (ALL,)

    def read_recorded(self) -> None:
        """Read what the output holds now."""
        assert self.journal is not None
        self.recorded = Recorded()
        self.recorded.read(self.journal)
        if self.spec.dedupe:
            self.answers = Places(paid(self.journal, self.spec.retry_errors))

    def feed(self, failed: Callable[[Mapping[str, Json] | str], None] = lambda _: None) -> Feed:
        """The rows that are still to be sent: the pass that the run makes, once."""
        tables = self._all_kept and self.spec.output.shape != "jsonl"
        return self._feed(
            self.stream,
            stats=self.stats,
            failed=failed,
            total=self._total,
            # Where a pause waits for the next row of a pipe, they are looked through at once.
            answers=self.answers if self.repeatable else None,
            columns=self._later if tables else None,
            doubtful=frozenset() if self.spec.retry_errors == "unknown" else self.doubtful,
        )

    def forecast_feed(self, rows: Iterable[Row | Waiting] | None = None, stats: RunStats | None = None) -> Feed:
        """
        The rows that are still to be sent, to count them: of a new pass, or of these rows.

        A pipe that was not copied is read instead of being run.
        """
        again = self.picked() if self.repeatable else self.stream
        return self._feed(again if rows is None else rows, stats=stats or RunStats())

    def _total(self) -> tuple[int, bool]:
        return self.stream.total() if self.sealed_rows is None else (self.sealed_rows, False)

    def _feed(self, rows: Iterable[Row | Waiting], **more: Any) -> Feed:
        return Feed(
            rows=rows if self.sealed_rows is None else (),
            builder=self.builder,
            identity=Identity(self.head.id_field, self.recorded.table),
            recorded=self.recorded,
            retry=self.spec.retry_errors,
            **{"failed": lambda _: None, **more},
        )

    @cached_property
    def _choice(self) -> Selection:
        chosen = self.spec.selection
        compared = bool(self.spec.output.compared_targets)
        chosen = replace(chosen, many=True, pieces=() if self.template is None else self.template.pieces)
        return replace(chosen, models=(), first_only=True) if compared else chosen

    def plan(self, asked: RowRequest | Work) -> Plan:
        """Who answers a row."""
        return self.planner.plan(asked.request, self._choice if asked.model is None else self._choice_of(asked.model))

    @cached_property
    def _choice_of(self) -> Callable[[str], Selection]:
        """What a row's own model makes of the choice: the same object for the same model, whose plans are repeated."""

        def chosen(model: str) -> Selection:
            return self._choice if self._choice.models else replace(self._choice, models=(self._known(model),))

        return lru_cache(OUTLINES)(chosen)

    def _known(self, model: str) -> str:
        """The name of a row's own model in this profile: OpenAI's batch lines give it without a provider."""
        providers = self.profile.providers
        if model in self.profile.aliases or model.partition("/")[0] in providers:
            return model
        if any(model in provider.models for provider in providers.values()):
            return model
        name = next((name for name, provider in providers.items() if KINDS[provider.kind].batch_lines), None)
        return model if name is None else f"{name}/{model}"

    def _keep_is_known(self) -> None:
        known = self.head.columns
        for name in self.keep.names:
            if name != ALL and known and name not in known:
                raise UsageError(f"unknown field to keep: {name}", hint=f"known fields: {', '.join(map(str, known))}")

    def _output_is_of_this_shape(self) -> None:
        """Refuse to replace a comparison with single answers, or single answers with a comparison."""
        output, target = self.spec.output, self.spec.output.target
        if output.compared_targets and output.shape not in ("jsonl", "csv"):
            raise UsageError(f"--compare cannot write {output.shape}", hint="use jsonl or csv")
        export.writable(output.shape)
        if target is None or not target.is_file() or not target.stat().st_size:
            return
        if output.shape != "jsonl":
            if output.replaces and not (self.spec.restart and self.spec.assume_yes):
                hint = "use another -o, or --restart -y to replace it"
                raise UsageError(f"not an output of llmo batch: {target}", hint=hint)
            return
        if comparison.is_comparison(target) != bool(output.compared_targets):
            what = "no comparison" if output.compared_targets else "a comparison"
            raise UsageError(f"holds {what}: {target}", hint="write to another file")

    def _someone_answers(self) -> None:
        """Raise when no model can answer any of the first rows: then the rows are not to blame."""
        for compared_target in self.spec.output.compared_targets or (None,):
            failures = [
                self._unanswered(asked) for asked in self.head.first if asked.compared_target == compared_target
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
