"""`llmo completion`: the words that Tab offers, kept current by every command, and the scripts in their places."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Llmo

PROFILE = """
[providers.mine]
kind = "ollama"
models = ["llama3.1:8b"]

[providers.openai]
kind = "openai"
models = ["gpt-6-sol"]

[aliases]
quick = "mine/llama3.1:8b"

[tasks.translate]
primary = ["quick"]
"""


@pytest.fixture
def profile(llmo: Llmo) -> Path:
    path = llmo.home / "config" / "profiles" / "default.toml"
    path.parent.mkdir(parents=True)
    path.write_text(PROFILE, "utf-8")
    return path


def lists(llmo: Llmo, profile: str = "profile-default") -> Path:
    return llmo.home / "cache" / "completion" / profile


def names(llmo: Llmo, *of: str, args: tuple[str, ...] = ()) -> list[str]:
    """What `completion words` prints, without the descriptions."""
    run = llmo(*args, "completion", "words", *of)
    assert (0, "") == (run.code, run.stderr)
    return [line.partition("\t")[0] for line in run.stdout.splitlines()]


def touch(path: Path, text: str) -> None:
    """Change a file so that every clock sees it."""
    before = path.stat().st_mtime_ns
    path.write_text(text, "utf-8")
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_models_come_with_price_and_context_and_those_that_are_ready_apart(llmo: Llmo, profile: Path) -> None:
    """
    The lists name aliases, tasks, providers and models, and say what each is.
    """
    run = llmo("completion", "words", "aliases", "ready", "models", "tasks", "providers")

    assert [line.split("\t") for line in run.stdout.splitlines()] == [
        ["quick", "alias of mine/llama3.1:8b"],
        ["mine/llama3.1:8b", "local"],
        ["openai/gpt-6-sol", "$2.00 in, $10.00 out per million, 922k context; OPENAI_API_KEY is not set"],
        ["auto", "chosen by the prompt"],
        ["simple", ""],
        ["complex", ""],
        ["general", ""],
        ["translate", "quick"],
        ["mine", "ready"],
        ["offline", "ready"],
        ["openai", "OPENAI_API_KEY is not set"],
    ]


def test_who_never_pressed_tab_gets_no_lists(llmo: Llmo, profile: Path) -> None:
    """
    Other commands refresh lists; they make none.
    """
    llmo("models")

    assert not (llmo.home / "cache" / "completion").exists()


@pytest.mark.parametrize("args", [("models",), ("route", "hi"), ("ask", "-m", "openai/x", "hi")])
def test_any_command_refreshes_the_lists_of_a_changed_profile(llmo: Llmo, profile: Path, args: tuple[str, ...]) -> None:
    """
    The list is as new as the profile, also after a command that failed.
    """
    names(llmo, "aliases")
    touch(profile, PROFILE.replace("quick", "swift"))
    llmo(*args)

    assert "swift\n" == (lists(llmo) / "aliases.names").read_text("utf-8")


def test_current_lists_are_left_alone(llmo: Llmo, profile: Path) -> None:
    """
    A command that finds nothing changed writes nothing.
    """
    names(llmo, "aliases")
    before = {path: path.stat().st_mtime_ns for path in lists(llmo).iterdir()}
    llmo("models")

    assert before == {path: path.stat().st_mtime_ns for path in lists(llmo).iterdir()}


def test_a_refreshed_model_list_is_offered(llmo: Llmo, profile: Path) -> None:
    """
    What `models --refresh` keeps counts as a change.
    """
    touch(profile, PROFILE.replace('models = ["gpt-6-sol"]', ""))
    assert "openai/brand-new" not in names(llmo, "models")
    kept = llmo.home / "cache" / "models" / "openai.json"
    kept.parent.mkdir()
    row = '{"id": "brand-new", "context": null, "max_output": null, "shutdown": null, "abilities": null, "price": null}'
    kept.write_text(f'{{"base_url": "https://api.openai.com/v1", "at": 1, "models": [{row}]}}', "utf-8")
    llmo("models")

    assert "openai/brand-new\n" == (lists(llmo) / "models.names").read_text("utf-8")


@pytest.mark.parametrize("damage", ["broken", "unwritable", "a file"])
def test_lists_are_never_in_the_way_of_a_command(llmo: Llmo, profile: Path, damage: str) -> None:
    """
    A cache that can't be written, a profile that no longer loads: the command says what it would have said.
    """
    names(llmo, "aliases", "profiles")
    touch(profile, PROFILE.replace("quick", "swift"))
    if damage == "broken":
        (lists(llmo) / "stamp").write_bytes(b"\xff\x00")
    elif damage == "unwritable":
        lists(llmo).chmod(0o500)
    else:
        for path in lists(llmo).iterdir():
            path.unlink()
        lists(llmo).rmdir()
        lists(llmo).write_text("", "utf-8")
    run = llmo("-P", "offline", "ask", "hi")
    again = llmo("models", "--names")
    lists(llmo).chmod(0o700)

    assert (0, 0, "") == (run.code, again.code, again.stderr)


def test_lists_of_a_profile_by_path_are_its_own(llmo: Llmo, profile: Path) -> None:
    """
    The directory is named after the absolute path, in the spelling of the shell's working directory.
    """
    (llmo.home / "100%.toml").write_text('[aliases]\nother = "offline/echo"\n', "utf-8")

    assert ["other"] == names(llmo, "aliases", args=("-P", "./config/../100%.toml"))
    assert ["quick"] == names(llmo, "aliases")
    key = f"{llmo.home}/100%.toml".replace("%", "%25").replace("/", "%2F")
    assert "other\n" == (lists(llmo, f"profile-{key}") / "aliases.names").read_text("utf-8")


def test_profiles_are_listed_though_the_one_in_use_is_broken(llmo: Llmo, profile: Path) -> None:
    """
    -P is how one gets away from it.
    """
    touch(profile, "nonsense")

    assert ["default", "offline"] == names(llmo, "profiles")


def test_names_that_a_terminal_would_obey_or_hide_are_not_offered(llmo: Llmo, profile: Path) -> None:
    """
    A line break, an escape sequence, a reversed direction, a tab: what is typed must be what is seen.
    """
    spelled = ["a\\nb", "\\u001b[2Jc", "d\\u202Ee", "f\\tg", "$(rm -rf ~)", " h ", "größe"]
    touch(profile, PROFILE.replace('"llama3.1:8b"', ", ".join(f'"{name}"' for name in spelled)))

    assert ["mine/$(rm -rf ~)", "mine/ h ", "mine/größe"] == names(llmo, "ready")[:3]


def test_runs_tags_and_conversations_are_offered_without_their_texts(llmo: Llmo, profile: Path) -> None:
    """
    A command that has used the ledger adds its run; a prompt is in no list.
    """
    assert [] == names(llmo, "runs", "tags", "tag-keys", "conversations")
    llmo("ask", "-m", "offline/echo", "--tag", "team=blue", "secret words")
    shared = lists(llmo, "shared")
    ledger = sqlite3.connect(llmo.home / "data" / "ledger.db")
    (run,) = ledger.execute("SELECT run FROM calls").fetchone()
    ledger.close()

    assert [run] == names(llmo, "runs")
    assert ["team=blue\n", "tag:team\n", f"{run}\n"] == [
        (shared / f"{name}.names").read_text("utf-8") for name in ("tags", "tag-keys", "runs")
    ]
    assert 1 == len((shared / "conversations").read_text("utf-8").splitlines())
    assert not any("secret" in path.read_text("utf-8") for path in shared.iterdir())


def test_only_the_user_reads_the_lists(llmo: Llmo, profile: Path) -> None:
    """
    They name tags and runs.
    """
    names(llmo, "runs", "aliases")

    assert {0o600} == {path.stat().st_mode & 0o777 for path in (llmo.home / "cache").rglob("*") if path.is_file()}


def test_writers_at_once_leave_whole_lists(llmo: Llmo, profile: Path) -> None:
    """
    Eight processes write at once; each list is one of theirs, and current.
    """
    runs = [llmo.start("completion", "words", "aliases") for _ in range(8)]
    codes = {llmo.finish(run).code for run in runs}

    assert ({0}, "quick\n") == (codes, (lists(llmo) / "aliases.names").read_text("utf-8"))
    assert not [path.name for path in lists(llmo).iterdir() if path.name.startswith(".") and path.name != ".lock"]


def test_an_unknown_list_is_refused(llmo: Llmo) -> None:
    """
    With the nearest name.
    """
    run = llmo("completion", "words", "taks")

    assert (2, "llmo: unknown list: taks\nhint: did you mean tasks?\n") == (run.code, run.stderr)


PLACES = {
    "bash": ".local/share/bash-completion/completions/llmo",
    "zsh": ".local/share/zsh/site-functions/_llmo",
    "fish": ".config/fish/completions/llmo.fish",
    "powershell": ".local/share/llmo/completion.ps1",
}


@pytest.mark.parametrize("shell", PLACES)
def test_install_puts_the_script_where_the_shell_looks(llmo: Llmo, shell: str) -> None:
    """
    Once or twice; and takes it away again.
    """
    path = llmo.home / PLACES[shell]
    script = llmo("completion", "show", shell).stdout
    first, second = llmo("completion", "install", shell), llmo("completion", "install", shell)
    installed = path.read_text("utf-8")
    gone, nothing = (llmo("completion", "install", shell, "--uninstall") for _ in range(2))

    assert script == installed
    assert f"installed: {path}" == first.stderr.splitlines()[0]
    assert f"unchanged: {path}" == second.stderr.splitlines()[0]
    assert f"removed: {path}" == gone.stderr.splitlines()[0]
    assert (f"not installed: {path}\n", False) == (nothing.stderr, path.exists())
    assert [0, 0, 0, 0] == [run.code for run in (first, second, gone, nothing)]


@pytest.mark.parametrize("shell", PLACES)
def test_install_edits_no_startup_file(llmo: Llmo, shell: str) -> None:
    """
    Nothing is written but the script and the lists.
    """
    for name in (".bashrc", ".zshrc"):
        (llmo.home / name).write_text("# mine\n", "utf-8")
    llmo("completion", "install", shell)
    written = {str(p.relative_to(llmo.home)) for p in llmo.home.rglob("*") if p.is_file() and "cache" not in p.parts}

    assert {".bashrc", ".zshrc", PLACES[shell]} == written
    assert "# mine\n" == (llmo.home / ".bashrc").read_text("utf-8") == (llmo.home / ".zshrc").read_text("utf-8")


def test_an_older_script_is_updated_and_somebody_elses_is_not(llmo: Llmo) -> None:
    """
    A link stays a link.
    """
    path, kept = llmo.home / PLACES["bash"], llmo.home / "dotfiles"
    path.parent.mkdir(parents=True)
    kept.write_text("# Completion of llmo for bash. Older.\n", "utf-8")
    path.symlink_to(kept)
    updated = llmo("completion", "install", "bash")
    assert (0, f"updated: {path}", True) == (updated.code, updated.stderr.splitlines()[0], path.is_symlink())
    assert llmo("completion", "show", "bash").stdout == kept.read_text("utf-8")

    kept.write_text("# mine\n", "utf-8")
    refused = [llmo("completion", "install", "bash", *flag) for flag in ((), ("--uninstall",))]
    error = f"llmo: not written by llmo: {path}\nhint: move it away and run this command again\n"
    assert [(4, error)] * 2 == [(run.code, run.stderr) for run in refused]


@pytest.mark.parametrize("directory", ["not a directory", "unwritable"])
def test_a_place_that_cannot_be_written_is_one_line(llmo: Llmo, directory: str) -> None:
    """
    Never a traceback.
    """
    base = llmo.home / ".local"
    if directory == "unwritable":
        base.symlink_to("/proc/self")
    else:
        base.write_text("", "utf-8")
    run = llmo("completion", "install", "bash")

    assert (4, 1) == (run.code, len(run.stderr.splitlines()))
    assert run.stderr.startswith(f"llmo: cannot read the completion script: {base}") or run.stderr.startswith(
        "llmo: cannot write the completion script: "
    )


def test_directories_of_the_environment_are_respected(llmo: Llmo) -> None:
    """
    XDG variables that are absolute; bash-completion's own before them.
    """
    env = {"XDG_DATA_HOME": str(llmo.home / "d"), "XDG_CONFIG_HOME": str(llmo.home / "c")}
    for shell in PLACES:
        llmo("completion", "install", shell, env=env)
    llmo("completion", "install", "bash", env=env | {"BASH_COMPLETION_USER_DIR": str(llmo.home / "b")})

    assert all((llmo.home / path).is_file() for path in ("d/zsh/site-functions/_llmo", "c/fish/completions/llmo.fish"))
    assert all((llmo.home / path / "completions/llmo").is_file() for path in ("d/bash-completion", "b"))


def test_a_shell_that_is_missing_is_asked_for_in_one_line(llmo: Llmo) -> None:
    """
    With the choices.
    """
    run = llmo("completion", "show")

    assert (2, "llmo: missing argument 'SHELL': choose from bash, zsh, fish, powershell") == (
        run.code,
        run.stderr.splitlines()[0],
    )
    assert 2 == len(run.stderr.splitlines())
