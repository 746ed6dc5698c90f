"""Every example runs as it stands, with the stand-in `offline`; with a real model nothing else changes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import peers
from tests.patience import LONG
from tests.servers import postgres
from tests.servers.batch_service import BatchServer

if TYPE_CHECKING:
    from tests.conftest import Llmo

ROOT = Path(__file__).parent.parent
FOLDERS = sorted(path for path in (ROOT / "examples").iterdir() if path.is_dir())
SCRIPTS = sorted(path.relative_to(ROOT) for path in ROOT.glob("examples/*/*.sh"))


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A copy of the examples, in a folder where they may write."""
    return Path(shutil.copytree(ROOT / "examples", tmp_path / "examples"))


def run(llmo: Llmo, cwd: Path, *command: str | Path, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """A command of a user, under the profile `offline`."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=llmo.env({"LLMO_PROFILE": "offline", **env}),
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LONG,
        check=False,
    )


def rows(path: Path) -> list[dict[str, Any]]:
    """The lines of an output."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_index_has_every_example() -> None:
    """
    And its links lead somewhere.
    """
    index = (ROOT / "examples/README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)]+)\)", index)

    assert [folder.name for folder in FOLDERS] == sorted({link.partition("/")[0] for link in links if "/" in link})
    assert [] == [link for link in links if not (ROOT / "examples" / link).is_file()]


@pytest.mark.parametrize("path", SCRIPTS, ids=str)
def test_a_script_says_what_it_does_and_has_a_cap(path: Path) -> None:
    """
    Its first lines are its manual; what asks a model with the user's own profile cannot spend more than it says.
    """
    text = (ROOT / path).read_text("utf-8")
    asks = re.search(r"^[^#\n]*\bllmo (ask|batch)\b", text, re.MULTILINE)

    assert re.match(r"#!/bin/sh\n# [A-Z]", text)
    assert not asks or "--max-cost" in text or "export LLMO_PROFILE=offline" in text


@pytest.mark.parametrize("path", SCRIPTS, ids=str)
def test_a_script_is_sound(path: Path) -> None:
    """
    shellcheck reads it without a word.
    """
    if not shutil.which("shellcheck"):
        pytest.skip(peers.missing("shellcheck"))
    done = subprocess.run(
        ["shellcheck", "-s", "sh", path], cwd=ROOT, capture_output=True, text=True, timeout=LONG, check=False
    )

    assert (0, "") == (done.returncode, done.stdout)


def test_the_session_is_a_tour(llmo: Llmo, examples: Path) -> None:
    """
    Ask, pipe in, pipe out, batch over files, cost.
    """
    done = run(llmo, examples, "sh", "session/run.sh", LLMO_PROFILE="")

    assert 0 == done.returncode, done
    assert "You said: Name three rivers of Europe." in done.stdout


def test_support_messages_are_classified_once_each(llmo: Llmo, examples: Path) -> None:
    """
    Half of the rows, then the rest: each once, each with what the schema asks for.
    """
    done = run(llmo, examples, "sh", "support/run.sh")
    found = rows(examples / "support/classified.jsonl")

    assert 0 == done.returncode, done
    assert [f"m-{n:03d}" for n in range(1, 62)] == sorted(row["id"] for row in found)
    assert {"ok"} == {row["status"] for row in found}


def test_product_texts_are_translated_overnight(llmo: Llmo, examples: Path, tmp_path: Path) -> None:
    """
    Submitted in the evening, there in the morning, each bought once.
    """
    with BatchServer(polls=4) as service:
        profile = tmp_path / "p.toml"
        profile.write_text(
            'model = "peer/m"\n[providers.peer]\nkind = "openai"\napi_key_env = "PEER_KEY"\n'
            f'base_url = "{service.url}/v1"\n[[prices]]\nmodel = "*"\ninput_usd = "1"\noutput_usd = "2"\n'
        )
        env = {"LLMO_PROFILE": str(profile), "PEER_KEY": "sk-0123456789abcdefghij"}
        evening = run(llmo, examples, "sh", "overnight/run.sh", **env)
        before = rows(examples / "overnight/german.jsonl")
        service.polls = 0
        morning = run(llmo, examples, "sh", "overnight/run.sh", **env)

    assert (0, 0) == (evening.returncode, morning.returncode), (evening, morning)
    assert "6 rows in 1 batch have no answer yet" in evening.stderr
    assert [] == before
    assert [f"p-0{n}" for n in range(1, 7)] == sorted(row["id"] for row in rows(examples / "overnight/german.jsonl"))
    assert [1] * 6 == list(service.bought.values())


def test_a_commit_message_is_written_from_what_is_staged(llmo: Llmo, examples: Path, tmp_path: Path) -> None:
    """
    With a hint; without anything staged it says so.
    """
    work = repository(llmo, tmp_path)
    script = examples / "commit-message/run.sh"
    nothing = run(llmo, work, "sh", script)
    (work / "new.txt").write_text("hello\n", "utf-8")
    run(llmo, work, "git", "add", "new.txt")
    done = run(llmo, work, "sh", script, "for the docs")

    assert (1, "nothing is staged: git add first\n") == (nothing.returncode, nothing.stderr)
    assert 0 == done.returncode, done
    assert "Write the commit message of this change. for the docs" in done.stdout
    assert "diff --git a/new.txt" in done.stdout


def test_the_commit_hook_writes_a_message_and_never_stops_a_commit(llmo: Llmo, examples: Path, tmp_path: Path) -> None:
    """
    A message of the user's own stays, and so does Git's text where no model answers.
    """
    work, folder = repository(llmo, tmp_path), llmo.home / "config/templates"
    folder.mkdir(parents=True)
    shutil.copy(examples / "commit-message/commit.md", folder)
    hook = work / ".git/hooks/prepare-commit-msg"
    hook.parent.mkdir(exist_ok=True)
    shutil.copy(examples / "commit-message/prepare-commit-msg.sh", hook)
    hook.chmod(0o755)

    def commit(*flags: str, **env: str) -> str:
        (work / "file.txt").write_text(f"{flags}{env}\n", "utf-8")
        run(llmo, work, "git", "add", "file.txt")
        done = run(llmo, work, "git", "commit", *flags, **env)
        assert 0 == done.returncode, done
        return run(llmo, work, "git", "log", "-1", "--format=%B").stdout

    assert "You said: Write the commit message" in commit(GIT_EDITOR="true")
    assert "mine\n\n" == commit("-m", "mine")
    assert "typed\n\n" == commit(GIT_EDITOR="sh -c 'echo typed >\"$1\"' -", LLMO_PROFILE="nowhere")


def repository(llmo: Llmo, tmp_path: Path) -> Path:
    """An empty repository."""
    if not shutil.which("git"):
        pytest.skip("git is not here")
    work = tmp_path / "work"
    work.mkdir()
    for command in (("init", "-q"), ("config", "user.email", "a@b.example"), ("config", "user.name", "A")):
        run(llmo, work, "git", *command)
    return work


def test_a_log_is_triaged_and_only_new_events_are_paid(llmo: Llmo, examples: Path) -> None:
    """
    Lines that differ in time and numbers are one event; the next night asks for what it did not have.
    """
    log = (examples / "log-triage/app.log").read_text("utf-8")
    first = run(llmo, examples, "sh", "log-triage/run.sh")
    more = log + log.replace("web-1", "web-7") + "2026-11-29T01:00:00Z web-1 ERROR out of memory\n"
    second = run(llmo, examples, "sh", "log-triage/run.sh", "-", "triage.jsonl", stdin=more)
    found = rows(examples / "triage.jsonl")

    assert (0, 0) == (first.returncode, second.returncode), (first, second)
    assert " 2 x  worker-N ERROR cannot write /srv/export/N-N.csv: No space left on device" in first.stdout
    assert " 4 x  worker-N ERROR cannot write /srv/export/N-N.csv: No space left on device" in second.stdout
    assert (9, 9) == (len(found), len({row["id"] for row in found}))
    assert {"severity", "component", "cause", "action"} == set(found[0]["data"])


def test_a_folder_is_translated_and_only_changed_files_again(llmo: Llmo, examples: Path) -> None:
    """
    Into the same tree; another call with nothing changed sends nothing.
    """
    script = ("sh", "translate-folder/run.sh", "translate-folder/docs", "French", "out")
    first = run(llmo, examples, *script)
    (examples / "translate-folder/docs/install.md").write_text("# Changed\n", "utf-8")
    second = run(llmo, examples, *script)

    assert (0, 0) == (first.returncode, second.returncode), (first, second)
    assert 2 + 1 == llmo("cost", "--json").json["total"]["calls"]
    assert "You said: # Changed" in (examples / "out/install.md").read_text("utf-8")
    assert (examples / "out/care/clean.md").is_file()


def test_images_get_captions(llmo: Llmo, examples: Path) -> None:
    """
    As Markdown with alternative texts.
    """
    done = run(llmo, examples, "sh", "image-captions/run.sh")

    assert 0 == done.returncode, done
    assert ["chart.png", "sun.png"] == re.findall(
        r"^!\[.+\]\(<image-captions/images/(.+)>\)$", done.stdout, re.MULTILINE
    )
    assert [{"alt", "caption", "keywords"}] * 2 == [set(row["data"]) for row in rows(examples / "captions.jsonl")]


def test_routes_are_explored_without_sending(llmo: Llmo, examples: Path) -> None:
    """
    Each prompt by task, strategy and privacy; a card number stays on this machine.
    """
    done = run(llmo, examples, "sh", "route-exploration/run.sh")
    own = run(llmo, examples, "sh", "route-exploration/run.sh", "offline")
    plain, cheapest, private = (
        re.findall(r"^(?:simple|general|complex) +(\S+)", part, re.MULTILINE)
        for part in done.stdout.partition("#  model")[0].split("== llmo route ")[1:]
    )

    assert (0, 0) == (done.returncode, own.returncode), (done, own)
    assert {"budget/small", "frontier/large", "local/tiny"} == set(plain)
    assert ["local/tiny"] * 8 == cheapest == private
    assert "local/tiny" == plain[-1]
    assert 0 == llmo("cost", "--json").json["total"]["calls"]


def test_two_machines_spend_one_budget(llmo: Llmo, examples: Path) -> None:
    """
    Until it refuses both; the report has what each spent, and they never passed it together.
    """
    postgres.available()
    url = postgres.fresh()
    done = run(llmo, examples, "sh", "team-budget/run.sh", url, LLMO_PROFILE="")
    told = run(
        llmo, examples, "llmo", "-P", "team-budget/team.toml", "cost", "--by", "tag:who", "--json", LLMO_LEDGER=url
    )
    postgres.shared().give_back(url)

    assert (0, []) == (done.returncode, [line for line in done.stderr.splitlines() if "internal" in line])
    assert "budget team does not cover offline/echo" in done.stderr
    found = json.loads(told.stdout)
    assert ["ada", "ben"] == [one["tag:who"] for one in found["groups"]]
    assert 0 < float(found["total"]["cost_usd"]) <= 0.02


@pytest.mark.skipif(find_spec("langchain_core") is None, reason=peers.missing("langchain"))
def test_a_chain_answers_each_message(llmo: Llmo, examples: Path) -> None:
    """
    Its own, or those of the command line.
    """
    own = run(llmo, examples, sys.executable, "langchain/chain.py")
    given = run(llmo, examples, sys.executable, "langchain/chain.py", "Where is my refund?")

    assert (0, 0) == (own.returncode, given.returncode), (own, given)
    assert 3 == own.stdout.count("You said: ")
    assert given.stdout.startswith("> Where is my refund?\nYou said: Where is my refund?")
