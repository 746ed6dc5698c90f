"""What is written is never what is read, and no flag is ignored while rows are paid for."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.output import export
from llmo.cli.commands.batch.flags import BatchFlags, InputOptions, OutputOptions, RunOptions
from llmo.cli.commands.batch.run import batch, checked_job
from llmo.cli.context import Context
from llmo.cli.options import SelectionFlags
from llmo.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from llmo.batch.job import BatchJob
    from tests.conftest import Llmo

PROFILE = 'model = "offline/echo"\n[providers.offline]\nkind = "offline"\n'
SCHEMA = {"type": "object"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with everything that a batch reads, its ledger included."""
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n', "utf-8")
    (tmp_path / "prompt.txt").write_text("Say {{ text }}", "utf-8")
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA), "utf-8")
    (tmp_path / "system.txt").write_text("be kind", "utf-8")
    (tmp_path / "p.toml").write_text(PROFILE, "utf-8")
    (tmp_path / "link.jsonl").symlink_to("rows.jsonl")
    (tmp_path / "hard.toml").hardlink_to(tmp_path / "p.toml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(
    place: Path,
    *inputs: str,
    stdin: Any = None,
    stdout: Any = None,
    manner: RunOptions | None = None,
    files: bool = False,
    **output: Any,
) -> BatchJob:
    """A batch with every kind of file, checked."""
    env = {f"LLMO_{what}_DIR": str(place / what.lower()) for what in ("DATA", "CACHE", "CONFIG")}
    ctx = Context(
        env=env, profile_name="p.toml", stdin=stdin or io.TextIOWrapper(io.BytesIO()), stdout=stdout or io.StringIO()
    )
    source = InputOptions(template="prompt.txt", schema="schema.json", system="@system.txt", files=files)
    flags = BatchFlags(
        inputs=inputs or ("rows.jsonl",),
        selection=SelectionFlags(),
        source=source,
        output=OutputOptions(**output),
        manner=manner or RunOptions(),
    )
    return checked_job(ctx, flags)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        pytest.param({"output": "rows.jsonl"}, "-o would overwrite an input: rows.jsonl", id="input"),
        pytest.param({"output": "./link.jsonl"}, "-o would overwrite an input: link.jsonl", id="link"),
        pytest.param({"errors": "rows.jsonl"}, "--errors would overwrite an input: rows.jsonl", id="errors"),
        pytest.param({"report": "p.toml"}, "--report would overwrite the profile: p.toml", id="profile"),
        pytest.param({"report": "hard.toml"}, "--report would overwrite the profile: hard.toml", id="hard link"),
        pytest.param({"report": "prompt.txt"}, "--report would overwrite --template: prompt.txt", id="template"),
        pytest.param({"report": "schema.json"}, "--report would overwrite --schema: schema.json", id="schema"),
        pytest.param({"report": "system.txt"}, "--report would overwrite --system: system.txt", id="system"),
        pytest.param({"report": "data/ledger.db"}, "--report would overwrite the ledger: data/ledger.db", id="ledger"),
        pytest.param(
            {"report": "data/history.db"}, "--report would overwrite the history: data/history.db", id="history"
        ),
        pytest.param({"output": "o.jsonl", "errors": "o.jsonl"}, "--errors would overwrite -o: o.jsonl", id="two"),
        pytest.param({"errors": "x.jsonl", "report": "x.jsonl"}, "--report would overwrite --errors: ", id="others"),
        pytest.param({"output": "o.jsonl", "report": "o.jsonl.llmo.json"}, "-o would overwrite --report: ", id="own"),
        pytest.param({"output": "x.xlsx"}, "unknown output format: x.xlsx", id="xlsx"),
        pytest.param({"output": "x.jsonl.gz"}, "-o cannot write a compressed file: x.jsonl.gz", id="gz"),
        pytest.param({"errors": "x.csv"}, "--errors writes JSON lines: x.csv", id="errors.csv"),
    ],
)
def test_a_file_that_is_read_is_never_written(place: Path, output: dict[str, Any], said: str) -> None:
    """
    Refused before anything is opened: every file is as it was, and none is there that was not.
    """
    before = {path: path.read_bytes() for path in place.iterdir() if path.is_file()}
    with pytest.raises(UsageError) as caught:
        checked(place, **output)

    assert caught.value.message.startswith(said)
    assert before == {path: path.read_bytes() for path in place.iterdir() if path.is_file()}


def test_standard_streams_are_files_too(place: Path) -> None:
    """
    `>> rows.jsonl` would read what it writes, `< rows.jsonl --errors rows.jsonl` empty what it reads.
    """
    with (place / "rows.jsonl").open("a+", encoding="utf-8") as file:
        with pytest.raises(UsageError, match=r"^standard output is redirected to an input: rows\.jsonl"):
            checked(place, stdout=file)
        with pytest.raises(UsageError, match=r"^--errors would overwrite standard input: rows\.jsonl"):
            checked(place, "-", stdin=file, errors="rows.jsonl")


def test_a_device_takes_everything(place: Path) -> None:
    """
    /dev/null may be named twice.
    """
    found = checked(place, output="/dev/null", errors="/dev/null", report="/dev/null")

    assert "jsonl" == found.spec.output.shape


def test_a_table_that_no_run_has_made_is_not_replaced(place: Path) -> None:
    """
    Unless that is said twice; one that a run has made is made again.
    """
    table = place / "mine.csv"
    table.write_text("a,b\n", "utf-8")
    with pytest.raises(UsageError, match=r"^not an output of llmo batch: mine\.csv"):
        checked(place, output="mine.csv")
    with pytest.raises(UsageError, match=r"^not an output of llmo batch: mine\.csv"):
        checked(place, manner=RunOptions(restart=True), output="mine.csv")

    checked(place, manner=RunOptions(restart=True, yes=True), output="mine.csv")
    (place / "mine.csv.llmo.jsonl").touch()
    checked(place, output="mine.csv")
    assert "a,b\n" == table.read_text("utf-8")


def test_a_directory_of_inputs_has_none_of_ours(place: Path) -> None:
    """
    What earlier runs wrote there is no row.
    """
    folder = place / "texts"
    folder.mkdir()
    for name in ("a.txt", "o.jsonl", "o.jsonl.saved", "o.jsonl.llmo.json", "o.jsonl.llmo.old.jsonl", "f.jsonl"):
        (folder / name).write_text("x", "utf-8")
    found = checked(place, "texts", files=True, output="texts/o.jsonl", errors="texts/f.jsonl")

    assert ["texts/a.txt"] == [one.name for one in found.sources]


def test_a_file_on_the_way_to_the_output_is_no_input(place: Path) -> None:
    """
    The output is written beside itself first.
    """
    (place / "x.jsonl.new").write_text('{"text": "a"}\n', "utf-8")
    with pytest.raises(UsageError, match=r"^-o would overwrite an input: x\.jsonl\.new"):
        checked(place, "x.jsonl.new", output="x.jsonl")


@pytest.mark.parametrize("name", ["out.jsonl", "out.NDJSON", "out", "out.txt", "run.log"])
def test_names_of_json_lines(tmp_path: Path, name: str) -> None:
    """
    No ending, .txt and .log are JSON lines too.
    """
    assert "jsonl" == export.shape_of(tmp_path / name)


def test_an_unknown_ending_with_a_format_is_what_the_user_says(place: Path) -> None:
    """
    --output-format wins over the name.
    """
    found = checked(place, output="x.dat", output_format="csv")

    assert "csv" == found.spec.output.shape


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        pytest.param({"source": InputOptions(repair=2)}, "--repair requires --schema", id="repair"),
        pytest.param(
            {"source": InputOptions(files=True, input_format="csv")}, "--files and --input-format", id="format"
        ),
        pytest.param({"manner": RunOptions(restart=True)}, "--restart requires -o FILE", id="restart"),
        pytest.param({"manner": RunOptions(retry_errors="all")}, "--retry-errors requires -o FILE", id="retry"),
        pytest.param({"manner": RunOptions(at_most_once=True)}, "--at-most-once requires -o FILE", id="once"),
        pytest.param({"manner": RunOptions(durable=True)}, "--durable requires -o FILE", id="durable"),
        pytest.param(
            {"manner": RunOptions(reparse="x"), "output": OutputOptions(output="y")},
            "--reparse cannot be combined with -o",
            id="reparse",
        ),
    ],
)
def test_a_flag_that_would_be_ignored_is_refused(place: Path, parts: dict[str, Any], said: str) -> None:
    """
    Nothing is paid for what was not asked.
    """
    whole: dict[str, Any] = {"source": InputOptions(), "output": OutputOptions(), "manner": RunOptions(), **parts}
    flags = BatchFlags(inputs=("rows.jsonl",), selection=SelectionFlags(), **whole)
    with pytest.raises(UsageError) as caught:
        batch(Context(env={}, profile_name="p.toml"), flags)

    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(("x", "-D", "lang=fr"), "-D requires --template", id="no template"),
        pytest.param(
            ("x", "--template", "p.txt", "-D", "lang=fr", "-D", "tnoe=x"), "not used by the template: -D tnoe", id="-D"
        ),
        pytest.param(("x", "--template", "fix.txt"), "not used by the template: the prompt", id="prompt"),
    ],
)
def test_ask_refuses_what_its_template_would_leave_out(llmo: Llmo, args: tuple[str, ...], said: str) -> None:
    """
    A typing error in -D is not paid for.
    """
    (llmo.home / "p.txt").write_text("Say {{ prompt }} in {{ lang }}", "utf-8")
    (llmo.home / "fix.txt").write_text("Say hello", "utf-8")
    run = llmo("-P", "offline", "ask", *args)

    assert (2, "", f"llmo: {said}") == (run.code, run.stdout, run.stderr.splitlines()[0])


def test_cost_never_overwrites_the_ledger(llmo: Llmo) -> None:
    """
    Nor does it write a page over what it exports.
    """
    llmo("-P", "offline", "ask", "hello")
    ledger = (llmo.home / "data" / "ledger.db").read_bytes()
    run = llmo("cost", "--html", "data/ledger.db")
    twice = llmo("cost", "--html", "x", "--export", "x")

    assert (2, "llmo: --html would overwrite the ledger: data/ledger.db") == (run.code, run.stderr.splitlines()[0])
    assert (2, "llmo: --html would overwrite --export: x") == (twice.code, twice.stderr.splitlines()[0])
    assert ledger == (llmo.home / "data" / "ledger.db").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="no /dev/null")
def test_the_whole_program_refuses_too(llmo: Llmo) -> None:
    """
    Exit 2, one line and what to do.
    """
    (llmo.home / "rows.jsonl").write_text('{"text": "a"}\n', "utf-8")
    run = llmo("-P", "offline", "batch", "rows.jsonl", "-o", "x.xlsx")

    assert (2, "", ["rows.jsonl"]) == (run.code, run.stdout, [path.name for path in llmo.home.glob("*.*")])
    assert [
        "llmo: unknown output format: x.xlsx",
        "hint: known extensions: .jsonl, .ndjson, .csv, .parquet; or use --output-format jsonl",
    ] == run.stderr.splitlines()
