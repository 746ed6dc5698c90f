"""What README, man pages, completions and examples say is so."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Llmo, Run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


class Block(NamedTuple):
    """A fenced block of README."""

    line: int
    info: str
    text: str


def blocks(language: str) -> list[Block]:
    """All blocks of one language."""
    found = re.finditer(r"^```(?P<info>.+)\n(?P<text>[\s\S]*?)^```$", README, re.MULTILINE)
    all_ = [Block(README.count("\n", 0, m.start()) + 1, m["info"], m["text"]) for m in found]
    return [block for block in all_ if block.info.split()[0] == language]


@cache
def surface() -> dict[tuple[str, ...], Any]:
    """Every command by its path, as the generators see it."""
    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        from surface import everything, surface  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    return {command.path: command for command in everything(surface())}


def calls(script: str) -> Iterator[list[str]]:
    """The words of each call of llmo in a shell script."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = "#"
        words: list[str] = []
        for word in [*lexer, "|"]:
            if set(word) <= set("();<>|&"):
                if words and words[0].split("/")[-1] == "llmo":
                    yield words[1:]
                words = []
            else:
                words.append(word)


def unknown(words: list[str]) -> list[str]:
    """What the program does not have of a call's command and options."""
    commands = surface()
    path: tuple[str, ...] = ()
    wrong = []
    value_of = ""
    for word in words:
        options = {name: option for option in commands[path].options for name in option.names}
        if value_of:
            value_of = ""
        elif re.fullmatch(r"--?[A-Za-z][\w-]*(=.*)?", word):
            name = word.partition("=")[0]
            if name not in options:
                wrong.append(f"{commands[path].name} has no {name}")
            elif options[name].takes_value and "=" not in word:
                value_of = name
        elif commands[path].children:
            path = (*path, word)
            if path not in commands:
                return [*wrong, f"no such command: {' '.join(path)}"]
    return wrong


SHELL = [pytest.param(block, id=f"README:{block.line}") for block in blocks("sh")]
SCRIPTS = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in sorted(ROOT.glob("examples/**/*.sh"))]


@pytest.mark.parametrize("block", SHELL)
def test_readme_names_commands_and_flags_that_exist(block: Block) -> None:
    """
    No block of README calls llmo with a command or an option that it does not have.
    """
    assert [wrong for words in calls(block.text) for wrong in unknown(words)] == []


@pytest.mark.parametrize("path", SCRIPTS)
def test_examples_name_commands_and_flags_that_exist(path: Path) -> None:
    """
    The same for the example scripts.
    """
    assert [wrong for words in calls(path.read_text("utf-8")) for wrong in unknown(words)] == []


def test_readme_names_flags_in_prose_that_exist() -> None:
    """
    An option in running text belongs to some command, but for what is not there yet.
    """
    prose = re.sub(r"^```[\s\S]*?^```$", "", README.partition("\nNot there yet:")[0], flags=re.MULTILINE)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", prose))
    known = {name for command in surface().values() for option in command.options for name in option.names}

    assert named - known == set()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with a copy of the examples."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


def messages() -> list[dict[str, str]]:
    """The rows of the support example."""
    with (ROOT / "examples/support/messages.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def shell(llmo: Llmo, script: list[str], cwd: Path, **env: str) -> Run:
    """Run a shell with llmo on PATH, in the clean home."""
    from tests.conftest import Run as Finished

    done = subprocess.run(
        script, cwd=cwd, env=llmo.env(env), stdin=subprocess.DEVNULL, capture_output=True, timeout=LONG, check=False
    )
    return Finished(tuple(script), done.returncode, done.stdout, done.stdout.decode(), done.stderr.decode())


def test_readme_runs_as_it_is_printed(llmo: Llmo, checkout: Path) -> None:
    """
    From the first block to the last in one shell, on a machine without a key; a block says which exit code it ends with.
    """
    subprocess.run(["git", "init", "-q", checkout], check=True)
    lines = ["set -uo pipefail"]
    for block in blocks("sh"):
        if "offline" in block.info.split():
            code = re.search(r"exit=(\d+)", block.info)
            for line in block.text.replace("\\\n", " ").splitlines():
                lines += [
                    line,
                    f"code=$?; [ $code = {code[1] if code else 0} ] || {{ echo FAILED $code: {shlex.quote(line)} >&2; exit 9; }}",
                ]
    run = shell(llmo, ["bash", "-c", "\n".join(lines)], checkout)

    assert (0, False) == (run.code, "Traceback" in run.stderr), run


def test_readme_shows_the_answer_that_its_prompt_gets(llmo: Llmo) -> None:
    """
    The lines of standard output, and the line that a terminal gets beside them.
    """
    (block,) = blocks("text")
    run = llmo("-P", "offline", "ask", "Name three rivers of Europe.")
    *answer, cost = block.text.splitlines()

    assert run.stdout.splitlines() == answer
    assert re.fullmatch(r"offline/echo · \d+ → \d+ tokens · \$0 \(local\) · .*", cost)


def test_the_picture_of_readme_is_fresh() -> None:
    """
    `python .ci/picture.py` would record the same text, times aside.
    """
    script = [sys.executable, str(ROOT / ".ci/picture.py"), "--check"]
    run = subprocess.run(script, capture_output=True, text=True, timeout=LONG, check=False)

    assert (0, "") == (run.returncode, run.stdout + run.stderr)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_the_links_of_readme_lead_somewhere(target: str) -> None:
    """
    Files of the repository.
    """
    assert (ROOT / target).exists()


def test_the_map_names_files_that_exist() -> None:
    """
    What CONTRIBUTING says lives somewhere does.
    """
    named = re.findall(r"`([\w./{},]+\.py)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    files = [f"/{path.relative_to(ROOT)}" for top in ("llmo", "tests", ".ci") for path in (ROOT / top).rglob("*.py")]

    missing = [name for name in named if not any(path.endswith(f"/{name}") for path in files)]

    assert [] == [name for name in missing if "NAME" not in name]


def test_readme_is_read_in_a_few_minutes() -> None:
    """
    What takes longer to say is in the manual.
    """
    assert len(README.split()) < 1300


def test_the_first_command_of_readme_runs_the_main_job(llmo: Llmo, checkout: Path) -> None:
    """
    The part after the installation, as written: every message gets its line, each meets the schema.
    """
    line = next(block.text for block in blocks("sh") if "pip install -q ." in block.text)
    command = line.split(" && ")[2].replace(".venv/bin/llmo", "llmo").replace("/tmp/", "./")
    run = shell(llmo, ["sh", "-c", command], checkout)
    assert run.code == 0, run

    rows = [json.loads(row) for row in (checkout / "classified.jsonl").read_text("utf-8").splitlines()]
    assert [message["id"] for message in messages()] == sorted(row["id"] for row in rows)
    assert {"ok"} == {row["status"] for row in rows}
    assert {"category", "urgency", "language", "summary"} == set(rows[0]["data"])


def test_readme_has_both_commands_on_one_line_each() -> None:
    """
    A fresh machine is two copied lines away from the main job and from the tests.
    """
    lines = [block.text.strip() for block in blocks("sh") if block.text.startswith("python3 -m venv")]

    assert [False, False] == ["\n" in line for line in lines]
    assert lines[1] in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_readme_counts_its_messages_right() -> None:
    """
    The example is as large and as mixed as README says.
    """
    languages = {message["lang"] for message in messages()}

    assert f"{len(messages())} customer messages in {len(languages)} languages" in README


@pytest.mark.parametrize(
    ("cap", "said"),
    [
        pytest.param("0.05", "all files summarized", id="enough"),
        pytest.param("0.0000001", "stopped at the cap: 0 files done", id="too-little"),
    ],
)
def test_the_ci_example_keeps_its_cap(llmo: Llmo, checkout: Path, cap: str, said: str) -> None:
    """
    Under its cap the step ends well; at the cap it says so and the job goes on.
    """
    files = sorted(str(path) for name in ("ci", "support") for path in checkout.glob(f"examples/{name}/*.*"))
    run = shell(llmo, ["sh", "examples/ci/step.sh", cap, *files], checkout)

    assert (0, True) == (run.code, said in run.stdout), run


def test_completions_and_man_pages_are_fresh() -> None:
    """
    `python .ci/generate.py` would change nothing.
    """
    run = subprocess.run(
        [sys.executable, ROOT / ".ci/generate.py", "--check"], capture_output=True, text=True, timeout=LONG, check=False
    )

    assert (0, "") == (run.returncode, run.stdout + run.stderr)
