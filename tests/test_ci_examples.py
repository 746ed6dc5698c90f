"""The CI files in examples/: valid YAML, and their shell steps do what they say, without a key or a network."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import Llmo

ROOT = Path(__file__).parent.parent
GITHUB, GITLAB = (ROOT / "examples" / "ci" / name for name in ("github.yml", "gitlab.yml"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a job has after the checkout."""
    work = tmp_path / "work"
    shutil.copytree(ROOT / "examples", work / "examples")
    return work


def run(llmo: Llmo, work: Path, script: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One step, as a runner runs it."""
    places = {"LLMO_DATA_DIR": str(work / ".llmo"), "LLMO_PROFILE": str(work / "examples/ci/ci.toml")}
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=work,
        env=llmo.env({**places, **env}),
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


def steps(job: Mapping[str, Any]) -> Iterator[str]:
    """The shell of a GitHub job, installation apart."""
    yield from (step["run"] for step in job["steps"] if "run" in step and step["name"] != "Install")


def test_github_steps_cap_report_and_add_up(llmo: Llmo, checkout: Path, tmp_path: Path) -> None:
    """
    Two jobs with a ledger each; the third takes both in and checks the day.
    """
    jobs = yaml.safe_load(GITHUB.read_text("utf-8"))["jobs"]
    total = tmp_path / "total"
    total.mkdir()
    shutil.copytree(checkout / "examples", total / "examples")
    for part in jobs["summarize"]["strategy"]["matrix"]["part"]:
        shutil.rmtree(checkout / ".llmo", ignore_errors=True)
        env = {"PART": part, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(checkout / f"{part}.md")}
        for script in steps(jobs["summarize"]):
            done = run(llmo, checkout, script, env)
            assert 0 == done.returncode, done
        assert "| small | " in (checkout / f"{part}.md").read_text()
        shutil.move(checkout / f"calls-{part}.jsonl", total)
    summary = {"GITHUB_STEP_SUMMARY": str(total / "summary.md")}
    (script,) = steps(jobs["total"])
    first, again = (run(llmo, total, script, summary) for _ in range(2))

    assert (0, 0) == (first.returncode, again.returncode), first
    calls = sum(len((total / f"calls-{part}.jsonl").read_text().splitlines()) for part in ("support", "ci"))
    assert f"{calls} calls" in (total / "summary.md").read_text()
    assert ", 0 new or completed since" in again.stderr


def test_the_workflow_puts_nothing_from_outside_into_a_script() -> None:
    """
    Expressions stand in `env` and `with`, where a title of a pull request can't become a command.
    """
    jobs = yaml.safe_load(GITHUB.read_text("utf-8"))["jobs"]

    assert [] == [script for job in jobs.values() for script in steps(job) if "${{" in script]
    assert all(
        re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])
        for job in jobs.values()
        for step in job["steps"]
        if "uses" in step
    )


def test_gitlab_steps_cap_and_report(llmo: Llmo, checkout: Path) -> None:
    """
    The script, what follows it, and the page that it offers.
    """
    job = yaml.safe_load(GITLAB.read_text("utf-8"))["summaries"]
    for script in (*job["script"], *job["after_script"]):
        done = run(llmo, checkout, script, {})
        assert 0 == done.returncode, done

    assert all((checkout / path).exists() for path in job["artifacts"]["paths"])
    assert (
        job["cache"]["paths"]
        == [".llmo/"]
        == [job["variables"]["LLMO_DATA_DIR"].removeprefix("$CI_PROJECT_DIR/") + "/"]
    )


@pytest.mark.parametrize(
    ("command", "code", "marked"),
    [
        pytest.param("llmo ask hello --max-cost 0.000001 --max-tokens 9", 3, True, id="ask"),
        pytest.param("llmo ask hello --max-cost 0.000001 --max-tokens 9 --json", 3, True, id="json"),
        pytest.param("echo hello | llmo batch --max-cost 0.000001 --max-tokens 9 --progress none", 3, True, id="batch"),
        pytest.param("llmo ask hello --max-tokens 9 -q && llmo cost --check --max 0", 3, True, id="check"),
        pytest.param("llmo ask hello -m busy/x", 5, False, id="a flaky provider is no budget"),
    ],
)
def test_a_refusal_is_an_annotation(llmo: Llmo, checkout: Path, command: str, code: int, marked: bool) -> None:
    """
    On GitHub, one line on stderr; elsewhere none. The exit code tells a budget from a provider.
    """
    profile = checkout / "examples/ci/ci.toml"
    profile.write_text(
        profile.read_text() + '\n[providers.busy]\nkind = "offline"\n[providers.busy.offline]\nfail = "rate_limited"\n'
    )
    script = f"{command} --retries 0" if "busy" in command else command
    there, here = (run(llmo, checkout, script, env) for env in ({"GITHUB_ACTIONS": "true"}, {}))

    assert (code, code) == (there.returncode, here.returncode), there
    assert marked == bool(re.search(r"^::error title=llmo budget::\S.*$", there.stderr, re.MULTILINE))
    assert "::error" not in there.stdout + here.stdout + here.stderr
