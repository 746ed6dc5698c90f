"""What the manual pages say is so, and every tool that shows them is content."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from llmo.batch.output import export
from llmo.batch.output.records import Status
from llmo.errors import Exit
from tests import peers
from tests.patience import LONG
from tests.test_docs import calls, surface, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo

ROOT = Path(__file__).parent.parent
PROSE = sorted((ROOT / ".ci/prose").glob("*.md"))
FILES = sorted((ROOT / "man").glob("man*/*"))
PAGES = [pytest.param(path, id=path.name) for path in FILES]
NEEDED = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"]
NEEDED_BY_FILES = ["NAME", "DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO"]


def page(name: str) -> str:
    """A page as one types what it says."""
    return re.sub(r"\\f[BIR]", "", (ROOT / "man" / f"man{name[-1]}" / name).read_text("utf-8").replace("\\-", "-"))


def section(name: str, heading: str) -> str:
    """The lines of one section."""
    return re.split(r"^\.SH ", page(name).partition(f".SH {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """The fenced blocks of the sources in a language, by page."""
    for path in PROSE:
        for info, text in re.findall(r"^```(\w*)\n([\s\S]*?)^```$", path.read_text("utf-8"), re.MULTILINE):
            if info == language:
                yield path.stem, text


def params(language: str) -> list[object]:
    """The same as parameters of a test."""
    return [pytest.param(text, id=f"{page}-{n}") for n, (page, text) in enumerate(blocks(language))]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "command",
    [
        pytest.param("mandoc -Tlint -W style", id="mandoc"),
        pytest.param("man --warnings -E UTF-8 -l -Tutf8 -Z", id="man"),
        pytest.param("groff -man -ww -z -Tutf8 -K utf8 -rCHECKSTYLE=3", id="groff"),
    ],
)
def test_man_pages_are_clean(path: Path, command: str) -> None:
    """
    No tool has a word to say; man and groff end with 0 whatever they find, so what counts is silence.
    """
    tool, *args = command.split()
    if not shutil.which(tool):
        pytest.skip(peers.missing(tool))
    run = subprocess.run(
        [tool, *args, path], capture_output=True, timeout=LONG, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )

    assert (0, b"") == (run.returncode, run.stderr + (run.stdout if tool == "mandoc" else b""))


@pytest.mark.parametrize("path", PAGES)
def test_each_page_has_the_sections_that_readers_look_for(path: Path) -> None:
    """
    In their usual order, with two examples or more.
    """
    headings = re.findall(r'^\.SH "?([A-Z ]+)"?$', path.read_text("utf-8"), re.MULTILINE)
    needed = NEEDED if path.name.endswith(".1") else NEEDED_BY_FILES

    assert needed == [heading for heading in headings if heading in needed]
    assert section(path.name, "EXAMPLES").count("\n.EX\n") >= 2


@pytest.mark.parametrize("path", PAGES)
def test_no_line_of_prose_begins_with_an_option(path: Path) -> None:
    """
    fish makes completions of manual pages, and offered `--markdown;` for such a line.
    """
    before, found = "", []
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("\\fB\\-") and not before.startswith("."):
            found.append(line)
        before = line

    assert found == []


def test_man_pages_name_every_option() -> None:
    """
    Each command has a page with each of its options.
    """
    missing = []
    shared = (ROOT / "man/man1/llmo.1").read_text("utf-8")
    for path, command in surface().items():
        name = "-".join(("llmo", *path[:1])) + ".1"
        text = ((ROOT / "man/man1" / name).read_text("utf-8") + shared).replace("\\-", "-")
        missing += [f"{name}: {n}" for option in command.options for n in option.names if f"\\fB{n}\\fR" not in text]

    assert missing == []


def test_the_manual_lists_every_exit_code() -> None:
    """
    EXIT STATUS of llmo(1) has all of the program; a command's page none that the program lacks.
    """
    codes = {path.name: re.findall(r"\b\d+\b", section(path.name, '"EXIT STATUS"')) for path in FILES}

    assert sorted(map(int, Exit)) == sorted(
        int(code) for code in re.findall(r"^(\d+)$", section("llmo.1", '"EXIT STATUS"'), re.MULTILINE)
    )
    assert set() == {int(code) for found in codes.values() for code in found} - set(map(int, Exit))


def test_the_pages_that_others_name_are_there() -> None:
    """
    SEE ALSO leads somewhere.
    """
    named = {
        f"{name}.{number}" for path in FILES for name, number in re.findall(r"(llmo[a-z-]*)\((\d)\)", page(path.name))
    }

    assert named == {path.name for path in FILES}


@pytest.mark.parametrize("text", params(""))
def test_the_examples_name_commands_and_flags_that_exist(text: str) -> None:
    """
    Those of the help are checked with the help.
    """
    assert [wrong for words in calls(text) for wrong in unknown(words)] == []


def test_options_named_in_prose_exist() -> None:
    """
    Of some command.
    """
    known = {name for command in surface().values() for option in command.options for name in option.names}
    named = {
        (path.stem, name)
        for path in PROSE
        for name in re.findall(r"`[^`\n]*?(?<![\w-])(--[a-z][a-z0-9-]+)", path.read_text("utf-8"))
    }

    assert sorted(one for one in named if one[1] not in known) == []


@pytest.mark.parametrize("text", params("toml"))
def test_profiles_of_the_manual_are_valid(llmo: Llmo, text: str) -> None:
    """
    A profile copied from a page passes the check.
    """
    profile = llmo.home / "copied.toml"
    profile.write_text(text, "utf-8")
    keys = dict.fromkeys(["OPENROUTER_API_KEY", *re.findall(r"[A-Z_]+_API_KEY", text)], "k")
    run = llmo("profile", "check", "-P", profile, env=keys)

    assert (0, "") == (run.code, run.stderr), run


def test_the_values_shown_for_settings_are_valid(llmo: Llmo) -> None:
    """
    The profile that they are taken from has every setting, or the pages could not be written.
    """
    run = llmo("profile", "check", "-P", ROOT / ".ci/prose/profile.toml", env={"OPENAI_API_KEY": "k"})

    assert (0, "") == (run.code, run.stderr), run


def test_every_setting_has_its_entry() -> None:
    """
    As the schema for editors has them.
    """
    from llmo.config.validation import schema

    found = schema()
    tables = [found, *found["$defs"].values()]
    names = {name for table in tables for name, one in table["properties"].items() if "$ref" not in str(one)}
    text = page("llmo-profile.5")

    assert sorted(name for name in names if not re.search(rf"^{name} = ", text, re.MULTILINE)) == []


def test_the_batch_formats_are_what_a_run_writes(llmo: Llmo) -> None:
    """
    Every field of a line, a table, a comparison and the manifest has a word in llmo-batch-format(5), and every status.
    """
    (llmo.home / "in.jsonl").write_text('{"text": "hello"}\n')
    base = ("-P", "offline", "batch", "in.jsonl", "--keep", "text")
    llmo(*base, "-o", "out.jsonl")
    llmo(*base, "--compare", "-m", "offline/echo", "-m", "offline/echo-large", "-o", "two.jsonl")
    fields = {
        *json.loads((llmo.home / "out.jsonl").read_text()),
        *json.loads((llmo.home / "two.jsonl").read_text()),
        *json.loads((llmo.home / "out.jsonl.llmo.json").read_text()),
        *json.loads((llmo.home / "out.jsonl.llmo.json").read_text())["made_of"],
        *export.COLUMNS,
        *get_args(Status),
    }
    text = (ROOT / ".ci/prose/llmo-batch-format.5.md").read_text("utf-8")

    assert sorted(field for field in fields if f"`{field}`" not in text) == []


def test_the_wheel_has_each_page_where_man_looks() -> None:
    """
    Sections are folders.
    """
    shared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert shared["shared-data"]["man"] == "share/man"
    assert [f"man{path.name[-1]}" for path in FILES] == [path.parent.name for path in FILES]
