"""Templates: found by name, with front matter below the flags, listed, shown and edited."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llmo.types.jsontext import read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Llmo, Run

OFF = ("-P", "offline")
SHORT = '+++\nmodel = "offline/echo"\nmax_tokens = 5\nsystem = "Be brief."\n+++\n'


@pytest.fixture
def folder(llmo: Llmo) -> Path:
    """The folder of templates."""
    path = llmo.home / "config/templates"
    path.mkdir(parents=True)
    return path


def editor(llmo: Llmo, text: str) -> dict[str, str]:
    """The environment of an editor that writes a text."""
    (llmo.home / "text").write_text(text, "utf-8")
    (llmo.home / "editor").write_text(f'#!/bin/sh\ncat "{llmo.home}/text" >"$1"\n', "utf-8")
    (llmo.home / "editor").chmod(0o755)
    return {"EDITOR": str(llmo.home / "editor")}


def plan(run: Run) -> tuple[list[str], int]:
    """Who would answer, and how long."""
    found: dict[str, Any] = run.json
    who = [f"{one['provider']}/{one['model']}" for one in found["candidates"] if one["ready"]]
    return who, found["tokens"]["max_output"]


def test_a_name_is_a_template_of_the_folder_and_a_file_here_comes_first(llmo: Llmo, folder: Path) -> None:
    """
    A directory of that name is no template; -v says which file was read.
    """
    (folder / "hi.md").write_text("From the folder: {{ prompt }}", "utf-8")
    (llmo.home / "hi").mkdir()
    named = llmo("ask", "--template", "hi", "x", "-v", *OFF)
    (llmo.home / "hi").rmdir()
    (llmo.home / "hi").write_text("From here: {{ prompt }}", "utf-8")

    assert named.stdout.startswith("You said: From the folder: x\n")
    assert f"llmo: template: {folder / 'hi.md'}\n" in named.stderr
    assert llmo("ask", "--template", "hi", "x", *OFF).stdout.startswith("You said: From here: x\n")


@pytest.mark.parametrize(
    ("name", "hint"), [("revew", "did you mean review?"), ("x" * 300, "there is no file of that name here either")]
)
@pytest.mark.parametrize("command", [("ask", "x", "--template"), ("batch", "--template"), ("templates", "show")])
def test_an_unknown_name_lists_what_there_is(
    llmo: Llmo, folder: Path, command: tuple[str, ...], name: str, hint: str
) -> None:
    """
    A name that no file system takes is only unknown.
    """
    (folder / "review.md").write_text("x", "utf-8")
    run = llmo(*command, name)

    assert (2, f"llmo: no such template: {name}") == (run.code, run.stderr.splitlines()[0])
    assert hint in run.stderr


def test_flags_win_over_front_matter_and_front_matter_over_the_profile(llmo: Llmo, folder: Path) -> None:
    """
    A task that is asked for is not answered by the template's model.
    """
    (folder / "brief.md").write_text(SHORT, "utf-8")
    profile = llmo.home / "p.toml"
    profile.write_text(
        'model = "offline/other"\n[providers.offline]\nkind = "offline"\n[tasks.simple]\nprimary = ["offline/small"]\n',
        "utf-8",
    )
    route = ("route", "hello", "-P", profile, "--json")

    assert (["offline/other"], 4096) == plan(llmo(*route))
    assert (["offline/echo"], 5) == plan(llmo(*route, "--template", "brief"))
    assert (["offline/mine"], 7) == plan(llmo(*route, "--template", "brief", "-m", "offline/mine", "--max-tokens", "7"))
    assert "offline/echo" not in plan(llmo(*route, "--template", "brief", "-t", "simple"))[0]


def test_a_template_with_front_matter_alone_sends_the_prompt_as_it_is(llmo: Llmo, folder: Path) -> None:
    """
    Its system prompt and schema apply, unless a flag names others.
    """
    (folder / "pick.md").write_text('+++\nschema = "pick.json"\nsystem = "@sub/system.txt"\n+++\n', "utf-8")
    (folder / "pick.json").write_text('{"enum": ["yes"]}', "utf-8")
    (folder / "sub").mkdir()
    (folder / "sub/system.txt").write_text("Say yes.", "utf-8")
    run = llmo("ask", "hi", "--template", "pick", "--json", *OFF, stdin="piped")
    turns = llmo("history", "show", "--json").json["turns"]

    assert "yes" == run.json["data"]
    assert [("system", "Say yes."), ("user", "hi\n\npiped")] == [(one["role"], one["text"]) for one in turns[:2]]
    assert llmo("ask", "hi", "--template", "pick", "--schema", '{"enum": [1]}', "--json", *OFF).json["data"] == 1


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.txt", "~/secret.txt", "sub/../../secret.txt"])
@pytest.mark.parametrize("key", ["system", "schema"])
def test_front_matter_names_only_files_beside_the_template(llmo: Llmo, folder: Path, key: str, name: str) -> None:
    """
    A template from elsewhere must not send any file of this user.
    """
    value = f"@{name}" if key == "system" else name
    (folder / "evil.md").write_text(f'+++\n\n{key} = "{value}"\n+++\nhi', "utf-8")
    run = llmo("ask", "--template", "evil", *OFF)

    assert (2, f"llmo: {folder / 'evil.md'}:3: {key}: expected a file beside the template: {name}\n") == (
        run.code,
        run.stderr,
    )


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("modle = 1", ":2: modle: unknown key; did you mean model?"),
        ('schema = "none.json"', ":2: schema: no such file: "),
        ('schema = "{"', ":2: schema is not JSON: "),
        ('schema = {type = "objekt"}', ":2: schema: "),
        ("schema = {when = 1979-05-27}", ":2: schema: the schema is not JSON: "),
        ('system = "@none"', ":2: system: no such file: "),
        ('system = "@a\\u0000b"', ":2: system: not the name of a file: "),
        ('schema = "a\\u0000b"', ":2: schema: not the name of a file: "),
    ],
)
@pytest.mark.parametrize("command", ["ask", "batch"])
def test_bad_front_matter_is_one_line_with_file_and_line(
    llmo: Llmo, folder: Path, command: str, front: str, said: str
) -> None:
    """
    Exit status 2, as for any input that can't be used; nothing is sent.
    """
    (folder / "bad.md").write_text(f"+++\n{front}\n+++\n{{{{ text }}}}", "utf-8")
    run = llmo(command, "--template", "bad", *OFF, stdin='{"text": "a"}\n')

    assert (2, 1) == (run.code, len(run.stderr.splitlines())), run.stderr
    assert run.stderr.startswith(f"llmo: {folder / 'bad.md'}{said}")


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ('model = ["offline/echo", "offlin/x"]', "model: unknown provider: offlin"),
        ('model = "nobody"', "model: unknown model or alias: nobody"),
        ('task = "simpel"', "task: unknown task: simpel"),
    ],
)
@pytest.mark.parametrize("command", ["ask", "batch", "route"])
def test_a_model_that_the_profile_does_not_have_is_named_with_its_line(
    llmo: Llmo, folder: Path, command: str, front: str, message: str
) -> None:
    """
    Exit status 4, as for the flags; a flag that replaces it is enough.
    """
    (folder / "bad.md").write_text(f"+++\n\n{front}\n+++\n{{{{ text }}}}", "utf-8")
    stdin, define = ("a\n", ()) if command == "batch" else ("", ("-D", "text=a"))
    run = llmo(command, "--template", "bad", *define, *OFF, stdin=stdin)
    flagged = llmo(command, "--template", "bad", "-m", "offline/x", "-t", "simple", *define, *OFF, stdin=stdin)

    assert (4, f"llmo: {folder / 'bad.md'}:3: {message}") == (run.code, run.stderr.splitlines()[0])
    assert 0 == flagged.code, flagged.stderr


def test_a_syntax_error_counts_lines_from_the_top_of_the_file(llmo: Llmo, folder: Path) -> None:
    """
    Front matter included.
    """
    (folder / "bad.md").write_text(f"{SHORT}\n\nSay {{{{ prompt", "utf-8")

    assert f"template syntax error: {folder / 'bad.md'}: line 8: " in llmo("ask", "--template", "bad", "x").stderr


def test_a_field_that_ask_does_not_have_can_be_set(llmo: Llmo, folder: Path) -> None:
    """
    A template of batch says `text`, which ask calls `prompt` or `stdin`.
    """
    (folder / "sum.md").write_text("Summarize: {{ text }}", "utf-8")
    run = llmo("ask", "--template", "sum", *OFF, stdin="hello")

    assert (2, "llmo: unknown field: text\nhint: known fields: prompt, stdin; set another with -D NAME=VALUE\n") == (
        run.code,
        run.stderr,
    )


def test_a_batch_sends_rows_again_when_front_matter_changes_them(llmo: Llmo, folder: Path) -> None:
    """
    Its system prompt and parameters are part of what is sent; its description is not.
    """
    (llmo.home / "rows.txt").write_text("a\nb\n", "utf-8")
    batch = ("batch", "rows.txt", "--template", "brief", "-o", "out.jsonl")

    def sent(front: str) -> int:
        (folder / "brief.md").write_text(f"{front}+++\nSay {{{{ text }}}}\n", "utf-8")
        report = ("--report", "report.json")
        assert llmo(*batch, *report).code == 0
        found: dict[str, Any] = read((llmo.home / "report.json").read_text("utf-8"))
        return int(found["done"])

    first = '+++\nmodel = "offline/echo"\nsystem = "Be brief."\n'

    assert 2 == sent(first)
    assert 0 == sent(f'{first}description = "brief"\n')
    assert 2 == sent(first.replace("brief", "long"))
    assert 2 == sent(first.replace("brief", "long") + "max_tokens = 9\n")


def test_a_batch_compares_the_models_of_its_template(llmo: Llmo, folder: Path) -> None:
    """
    As if -m had named them.
    """
    (folder / "two.md").write_text('+++\nmodel = ["offline/echo", "offline/other"]\n+++\nSay {{ text }}', "utf-8")
    run = llmo("batch", "--compare", "--template", "two", "-q", *OFF, stdin="a\n")

    assert ["offline/echo", "offline/other"] == [f"{one['provider']}/{one['model']}" for one in run.lines[0]["answers"]]


def test_templates_are_listed_with_what_is_wrong(llmo: Llmo, folder: Path) -> None:
    """
    A broken one hides no other; what a terminal would obey is shown.
    """
    (folder / "brief.md").write_text(SHORT.replace("+++\n", '+++\ndescription = "short\\u001b[31m"\n', 1), "utf-8")
    (folder / "broken.txt").write_text("+++\nmodle = 1\n+++\n", "utf-8")
    (folder / "plain").write_text("Say {{ prompt }}", "utf-8")
    (folder / "plain.md").write_text("hidden by the one above", "utf-8")
    run = llmo("templates")

    assert [
        ["NAME", "MODEL", "DESCRIPTION"],
        ["brief", "offline/echo", "short␛[31m"],
        ["broken", "broken.txt:2: modle: unknown key; did you mean model?"],
        ["plain"],
        ["plain.md"],
    ] == [line.split(maxsplit=1 if "modle" in line else 2) for line in run.stdout.splitlines()]
    assert ["brief", "broken", "plain", "plain.md"] == [one["name"] for one in llmo("templates", "--json").json]
    assert ["brief", "broken", "plain", "plain.md"] == [
        line.split("\t")[0] for line in llmo("completion", "words", "templates").stdout.splitlines()
    ]


def test_an_empty_list_says_how_to_begin(llmo: Llmo) -> None:
    """
    It is no error, and creates nothing.
    """
    run = llmo("templates")

    assert (0, "") == (run.code, run.stdout)
    assert "create one with: llmo templates edit NAME" in run.stderr
    assert not (llmo.home / "config/templates").exists()


def test_a_template_is_shown_as_it_is_in_its_file(llmo: Llmo, folder: Path) -> None:
    """
    And its path is where it is.
    """
    (folder / "brief.md").write_text(f"{SHORT}Hi", "utf-8")

    assert f"{SHORT}Hi\n" == llmo("templates", "show", "brief").stdout
    assert f"{folder / 'brief.md'}\n" == llmo("templates", "path", "brief").stdout
    assert f"{folder}\n" == llmo("templates", "path").stdout


def test_a_new_template_is_edited_checked_and_used(llmo: Llmo) -> None:
    """
    In a folder of this user alone; one that is left as it began leaves nothing.
    """
    path = llmo.home / "config/templates/fix.md"
    nothing = llmo("templates", "edit", "fix", env={"EDITOR": "true"})

    assert (0, "llmo: nothing was saved\n", False) == (nothing.code, nothing.stderr, path.exists())

    saved = llmo("templates", "edit", "fix", env=editor(llmo, "Fix: {{ stdin }}"))

    assert (0, f"llmo: created {path}\n", 0o700) == (saved.code, saved.stderr, path.parent.stat().st_mode & 0o777)
    assert llmo("ask", "--template", "fix", *OFF, stdin="teh").stdout.startswith("You said: Fix: teh\n")


def test_an_edited_template_that_cannot_be_used_is_kept_and_named(llmo: Llmo, folder: Path) -> None:
    """
    A failed editor leaves a file as the editor left it.
    """
    (folder / "fix.md").write_text("x", "utf-8")
    broken = llmo("templates", "edit", "fix", env=editor(llmo, "+++\nmodle = 1\n+++\n"))
    failed = llmo("templates", "edit", "fix", env={"EDITOR": "false"})

    assert (
        2,
        f"llmo: saved, but it cannot be used: {folder / 'fix.md'}:2: modle: unknown key; did you mean model?\n",
    ) == (
        broken.code,
        broken.stderr,
    )
    assert (2, "llmo: the editor false exited with 1\n") == (failed.code, failed.stderr)


@pytest.mark.parametrize("name", ["", ".hidden", "a" * 300, "none/x"])
def test_a_name_that_no_file_can_have_is_refused(llmo: Llmo, name: str) -> None:
    """
    In one line, without an internal error.
    """
    run = llmo("templates", "edit", name, env={"EDITOR": "true"})

    assert (2, 1) == (run.code, len(run.stderr.splitlines())), run.stderr
    assert "internal" not in run.stderr


def test_names_that_are_not_utf8_come_back_as_they_are(llmo: Llmo, folder: Path) -> None:
    """
    They are bytes of this user's file system.
    """
    path = bytes(folder) + b"/caf\xe9.md"
    with open(path, "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write(b"hi")
    name = "caf\udce9"

    assert path + b"\n" == llmo("templates", "path", name).raw
    assert llmo("templates").code == 0
    assert json.loads(llmo("templates", "--json").stdout)[0]["error"] is None
