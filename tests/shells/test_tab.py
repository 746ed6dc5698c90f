"""Tab is pressed in real shells, on a terminal of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests import peers
from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.conftest import Llmo

ROOT = Path(__file__).parents[2]

PROFILE = """
[providers.mine]
kind = "ollama"
models = ["llama3.1:8b", "my model", "$(touch OWNED)", "it's", 'a"b', "-dash", "`touch OWNED`", "größe", "two\\nlines"]

[aliases]
quick = "mine/llama3.1:8b"

[tasks.translate]
primary = ["quick"]
"""

CASES = {
    "llmo as": "llmo ask",
    "llmo profile ini": "llmo profile init",
    "llmo ask --mod": "llmo ask --model",
    "llmo -q rou": "llmo -q route",
    "llmo ask hello --no-fal": "llmo ask hello --no-fallback",
    "llmo ask --strategy che": "llmo ask --strategy cheapest",
    "llmo route -t comp": "llmo route -t complex",
    "llmo -P offline ask -m offline/ec": "llmo -P offline ask -m offline/echo",
    "llmo ask -P off": "llmo ask -P offline",
    "llmo ask -q -P offline -m offline/ec": "llmo ask -q -P offline -m offline/echo",
    "llmo profile set -q tasks.tra": "llmo profile set -q tasks.translate.",
    "llmo ask -m mine/llama3.1:": "llmo ask -m mine/llama3.1:8b",
    "llmo ask -m mine/my": "llmo ask -m mine/my\\ model",
    "llmo ask -m 'mine/my": "llmo ask -m mine/my\\ model",
    'llmo ask -m "mine/my m': "llmo ask -m mine/my\\ model",
    "llmo ask -m mine/my\\ m": "llmo ask -m mine/my\\ model",
    "llmo ask -m mine/\\$": "llmo ask -m mine/$(touch\\ OWNED)",
    'llmo ask -m "mine/\\$': "llmo ask -m mine/$(touch\\ OWNED)",
    "llmo ask -m 'mine/$": "llmo ask -m mine/$(touch\\ OWNED)",
    "llmo ask -m mine/\\`": "llmo ask -m mine/`touch\\ OWNED`",
    "llmo ask -m mine/it": "llmo ask -m mine/it's",
    "llmo ask -m 'mine/it": "llmo ask -m mine/it's",
    "llmo ask -m mine/a": 'llmo ask -m mine/a"b',
    "llmo ask -m mine/-": "llmo ask -m mine/-dash",
    "llmo ask -m mine/gr": "llmo ask -m mine/größe",
    "llmo ask -m mine/tw": "llmo ask -m mine/tw",
    "llmo ask -m qui": "llmo ask -m quick",
    "llmo ask -m au": "llmo ask -m auto",
    "llmo route -t tra": "llmo route -t translate",
    "llmo cost --as-if qui": "llmo cost --as-if quick",
    "llmo cost --by we": "llmo cost --by week",
    "llmo profile set tasks.tra": "llmo profile set tasks.translate.",
    "llmo help rou": "llmo help route",
    "llmo completion install f": "llmo completion install fish",
    "llmo -P other.toml ask -t sum": "llmo -P other.toml ask -t summarize",
    "llmo ask --template rev": "llmo ask --template review",
    "llmo batch --template ./docs/on": "llmo batch --template ./docs/one.txt",
    "llmo templates show rev": "llmo templates show review",
    "llmo ask -P ./docs/../oth": "llmo ask -P ./docs/../other.toml",
    "llmo -P ./docs/../other.toml ask -t sum": "llmo -P ./docs/../other.toml ask -t summarize",
    "llmo models --provider mi": "llmo models --provider mine",
    "llmo batch mess": "llmo batch messages.csv",
    "llmo batch messages.csv --schema ./sch": "llmo batch messages.csv --schema ./schema.json",
}
"""What is typed before Tab, and the line after it."""


def shell(name: str) -> str:
    """Where a shell is, or a skip that says so."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(peers.missing(name))
    return path


@pytest.fixture
def home(llmo: Llmo) -> Path:
    """A home with the completions as an install would place them, a profile and two files."""
    files = {
        ".bashrc": f"PS1='$ '\n. {ROOT}/completions/llmo.bash\n",
        ".zshrc": f"PS1='$ '\nfpath=({ROOT}/completions $fpath)\nautoload -Uz compinit && compinit -u -D\n",
        ".config/fish/config.fish": "function fish_prompt; echo '$ '; end\nfunction fish_greeting; end\n",
        ".config/fish/completions/llmo.fish": (ROOT / "completions/llmo.fish").read_text("utf-8"),
        "config/profiles/default.toml": PROFILE,
        "messages.csv": "id\n",
        "config/templates/review.md": '+++\ndescription = "Review a diff"\n+++\n',
        "docs/one.txt": "hello\n",
        "other.toml": '[tasks.summarize]\nprimary = ["offline/echo"]\n',
        "schema.json": "{}\n",
    }
    for name, text in files.items():
        path = llmo.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return llmo.home


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("bash", "-n", "completions/llmo.bash"), id="bash"),
        pytest.param(("zsh", "-n", "completions/_llmo"), id="zsh"),
        pytest.param(("fish", "-n", "completions/llmo.fish"), id="fish"),
        pytest.param(("shellcheck", "-s", "bash", "completions/llmo.bash"), id="shellcheck"),
    ],
)
def test_scripts_are_sound(command: tuple[str, ...]) -> None:
    """
    The shells, and shellcheck, read the scripts without a word.
    """
    run = subprocess.run(
        [shell(command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=LONG, check=False
    )

    assert (0, "", "") == (run.returncode, run.stdout, run.stderr)


SHELLS = [
    pytest.param(("bash", "--rcfile", ".bashrc", "-i"), id="bash"),
    pytest.param(("zsh", "-i"), id="zsh"),
    pytest.param(("fish", "-i"), id="fish"),
]


@contextmanager
def opened(command: tuple[str, ...], home: Path, env: dict[str, str]) -> Iterator[pexpect.spawn[str]]:
    """A shell on a terminal, at its prompt."""
    env |= {"TERM": "xterm", "PS1": "$ ", "ZDOTDIR": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    session = pexpect.spawn(
        shell(command[0]), [*command[1:]], env=env, cwd=str(home), encoding="utf-8", dimensions=(50, 200), timeout=LONG
    )
    try:
        session.expect_exact("$ ")
        yield session
    finally:
        session.close(force=True)


@pytest.mark.parametrize("command", SHELLS)
def test_tab_completes(llmo: Llmo, home: Path, command: tuple[str, ...]) -> None:
    """
    One session, its first Tab included: commands, options, fixed values, names of models and profiles, files.
    """
    with opened(command, home, llmo.env()) as session:
        completed = {typed: press_tab(session, typed) for typed in CASES}

    assert {typed: words(line) for typed, line in CASES.items()} == completed
    assert not (home / "OWNED").exists()


WARM = {
    "llmo ask -m qui": "llmo ask -m quick",
    "llmo route -t tra": "llmo route -t translate",
    "llmo ask -P off": "llmo ask -P offline",
    "llmo cost --tag team=": "llmo cost --tag team=blue",
    "llmo cost --by tag:": "llmo cost --by tag:team",
    "llmo models --provider mi": "llmo models --provider mine",
    "llmo route --template rev": "llmo route --template review",
}


@pytest.mark.parametrize("command", SHELLS)
def test_a_tab_starts_no_llmo_once_there_are_lists(llmo: Llmo, home: Path, command: tuple[str, ...]) -> None:
    """
    The lists are found by XDG_CACHE_HOME, and those of the profile by LLMO_PROFILE; a newer profile is asked about.
    """
    (home / "work.toml").write_text(PROFILE, "utf-8")
    env = llmo.env({"XDG_CACHE_HOME": str(home / "xdg"), "LLMO_PROFILE": str(home / "work.toml")})
    del env["LLMO_CACHE_DIR"]
    for args in (["ask", "-m", "offline/echo", "--tag", "team=blue", "hi"], ["completion", "words", "ready", "tags"]):
        subprocess.run([*llmo.command, *args], env=env, cwd=home, check=True, capture_output=True, timeout=LONG)
    spy = home / "bin" / "llmo"
    spy.parent.mkdir()
    spy.write_text(f"#!/bin/sh\necho \"$@\" >>'{home}/called'\n", "utf-8")
    spy.chmod(0o700)
    with opened(command, home, env | {"PATH": f"{spy.parent}:{env['PATH']}"}) as session:
        completed = {typed: press_tab(session, typed) for typed in WARM}
        called = [line for line in read(home / "called") if "completion" in line]
        later = (home / "work.toml").stat().st_mtime + 10
        os.utime(home / "work.toml", (later, later))
        press_tab(session, "llmo route -t tra")
        asked = [line for line in read(home / "called") if "completion" in line]

    assert ({typed: words(line) for typed, line in WARM.items()}, []) == (completed, called)
    assert ["completion words tasks"] == asked


@pytest.mark.parametrize("command", SHELLS)
@pytest.mark.parametrize(("typed", "shown"), [("llmo cost --by ", "outcome"), ("llmo ask -m ", "alias of")])
def test_what_is_offered_is_shown(llmo: Llmo, home: Path, command: tuple[str, ...], typed: str, shown: str) -> None:
    """
    At the second Tab in bash, at the first one in zsh and fish, which also say what a model is.
    """
    with opened(command, home, llmo.env()) as session:
        session.send(f"{typed}\t\t" if command[0] == "bash" else f"{typed}\t")
        session.expect_exact("quick" if command[0] == "bash" and shown == "alias of" else shown)

    assert "parse error" not in (session.before or "")


def test_what_has_no_description_is_offered_without_a_dash(llmo: Llmo, home: Path) -> None:
    """
    Zsh draws one for an empty description.
    """
    with opened(("zsh", "-i"), home, llmo.env()) as session:
        session.send("llmo cost --by \t")
        session.expect_exact("week")
        session.expect_exact("outcome" if "outcome" not in (session.before or "") else "\r\n")

    assert "--" not in (session.before or "")


def test_fish_offers_names_before_files(llmo: Llmo, home: Path) -> None:
    """
    Profiles, then files that may be one, and none has the description of the option behind it.
    """
    with opened(("fish", "-i"), home, llmo.env()) as session:
        assert ["llmo", "ask", "--profile=./docs/../other.toml"] == press_tab(
            session, "llmo ask --profile=./docs/../oth"
        )
        session.send("llmo ask -P \t")
        session.expect_exact("other.toml")
        before = session.before or ""

    assert "offline" in before
    assert "profile to use" not in before


def read(path: Path) -> list[str]:
    """The lines of a file that may be missing."""
    return path.read_text("utf-8").splitlines() if path.exists() else []


def press_tab(session: pexpect.spawn[str], typed: str) -> Sequence[str]:
    """Type, press Tab, and let the shell itself say which words the line then has."""
    to_start, to_end = "\x01", "\x05"
    session.send(f"{typed}\t{to_start}printf '<%s>' {to_end} ; echo :E''ND:\r")
    session.expect(r"(<llmo>[^\r\n]*):END:")
    assert isinstance(session.match, re.Match)
    found = re.findall(r"<([^>]*)>", session.match[1])
    session.expect_exact("$ ")
    return found


def words(line: str) -> Sequence[str]:
    """The words of an expected line."""
    return [word.replace("\0", " ") for word in line.replace("\\ ", "\0").split()]
