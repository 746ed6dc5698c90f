"""`llmo profile …` as its user sees it."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
import tomllib

import jsonschema_rs
import pytest

KINDS = "openai, anthropic, ollama, openrouter, litellm, litellm-proxy, cursor, offline"
NOBODY = {"OLLAMA_HOST": "127.0.0.1:1"}
"""No Ollama of this machine is in the way."""


def file_of(llmo, name="default"):
    return llmo.home / "config" / "profiles" / f"{name}.toml"


def write(llmo, text, name="default"):
    path = file_of(llmo, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_show_tells_origins_and_no_secrets(llmo):
    """
    Every effective value with where it comes from; keys and header values are masked.
    """
    path = write(
        llmo,
        'timeout = 9\n[providers.openai]\nkind = "openai"\nheaders = { X-Key = "hidden" }\n'
        'models = ["m"]\napi_key_env = "MINE"\n',
    )
    run = llmo("profile", "show", "--json", env={"MINE": "hidden-key", "LLMO_RETRIES": "4"})
    table = llmo("profile", "show", env={"MINE": "hidden-key", "LLMO_RETRIES": "4"})

    assert ("default", str(path)) == (run.json["name"], run.json["source"])
    assert {
        "timeout": {"value": 9.0, "origin": f"profile {path}:1"},
        "retries": {"value": 4, "origin": "environment LLMO_RETRIES"},
        "max_tokens": {"value": None, "origin": "built-in"},
        "providers.openai.headers.X-Key": {"value": "****", "origin": f"profile {path}:4"},
        "providers.openai.api_key": {"value": "****", "origin": "environment MINE"},
        "tasks.simple.primary": {"value": ["openai/m"], "origin": "built-in"},
    }.items() <= run.json["values"].items()
    assert [f"timeout                         9.0                 profile {path}:1"] == [
        line for line in table.stdout.splitlines() if line.startswith("timeout")
    ]
    assert "hidden" not in run.stdout + table.stdout


def test_a_terminal_shows_the_file_once_and_its_lines_beside_the_values(llmo):
    """
    Where the path would stand in every row.
    """
    path = write(llmo, "timeout = 9\nretries = 4\n")
    shown = llmo("profile", "show", tty=True, env={"COLUMNS": "200", "NO_COLOR": "1"}).stdout.splitlines()

    assert {("timeout", "9.0", "line 1"), ("retries", "4", "line 2")} <= {
        tuple(re.split(r"  +", line)) for line in shown
    }
    assert [f"lines are of {path}"] == [line for line in shown if str(path) in line]


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("command", [("profile", "show"), ("route", "hi")])
def test_tables_fit_their_terminal(llmo, columns, command):
    """
    Long names and reasons are wrapped where there is no room for them.
    """
    write(llmo, f'[providers.{"long" * 9}]\nkind = "openai"\nmodels = ["{"a-long-name-" * 9}"]\n')
    shown = llmo(*command, tty=True, env={"COLUMNS": str(columns), "NO_COLOR": "1"}).stdout

    assert max(map(len, shown.splitlines()), default=0) <= columns, shown


def test_check_names_every_problem(llmo):
    """
    All problems, a line each, exit code 4; the JSON has them one by one and agrees.
    """
    path = write(llmo, 'timeout = "30"\n[providers.x]\nkind = "opnai"\nbase-url = 1\n')
    run = llmo("profile", "check")
    as_json = llmo("profile", "check", "--json")
    lines = [
        f'{path}:1: timeout: expected a number, got "30"',
        f"{path}:3: providers.x.kind: unknown kind: opnai; did you mean openai? (kinds: {KINDS})",
        f"{path}:4: providers.x.base-url: unknown key; did you mean base_url?",
    ]

    assert (4, "", "llmo: " + "\n".join(lines) + "\n") == (run.code, run.stdout, run.stderr)
    assert (4, False, "config", "\n".join(lines)) == (
        as_json.code,
        as_json.json["ok"],
        as_json.json["error"]["kind"],
        as_json.json["error"]["message"],
    )
    assert {"where": f"{path}:1", "key": "timeout", "message": 'expected a number, got "30"'} == as_json.json[
        "problems"
    ][0]


def test_check_says_ok_and_what_is_missing(llmo):
    """
    A valid profile is ok whether or not its keys are there; who lacks one is named.
    """
    write(llmo, '[providers.openai]\nkind = "openai"\n[providers.vllm]\nkind = "openai"\nbase_url = "http://h/v1"\n')
    run = llmo("profile", "check")

    assert (0, f"ok: default ({file_of(llmo)})\nopenai: not ready: OPENAI_API_KEY is not set\nvllm: ready\n", "") == (
        run.code,
        run.stdout,
        run.stderr,
    )


def test_check_looks_whether_a_server_on_this_machine_runs(llmo):
    """
    Nothing is sent to it, and one that is off does not make the profile wrong.
    """
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        on = f"http://127.0.0.1:{server.getsockname()[1]}"
        profile = f'[providers.off]\nkind = "ollama"\nbase_url = "http://127.0.0.1:1"\n[providers.on]\nkind = "ollama"\nbase_url = "{on}"\n'
        write(llmo, profile)
        run = llmo("profile", "check")

    assert (0, ["off: not ready: nothing listens at http://127.0.0.1:1", "on: ready"]) == (
        run.code,
        run.stdout.splitlines()[1:],
    )


def test_check_tells_of_a_key_that_is_not_sent(llmo):
    """
    A gateway in the profile does not get the vendor's key by itself, and check says how it would.
    """
    write(llmo, '[providers.openai]\nkind = "openai"\nbase_url = "https://gateway/v1"\n')
    run = llmo("profile", "check", env={"OPENAI_API_KEY": "sk-x"})

    assert "openai: ready: OPENAI_API_KEY is sent there only if api_key_env names it" == run.stdout.splitlines()[1]


def test_probe_asks_each(llmo):
    """
    Who answers is ready; one that was configured and does not is exit code 4.
    """
    write(llmo, '[providers.dead]\nkind = "openai"\nbase_url = "http://127.0.0.1:1/v1"\n[providers.offline]\n')
    run = llmo("profile", "check", "--probe", "--json")
    offline = llmo("-P", "offline", "profile", "check", "--probe")

    assert (4, False, [("dead", False), ("offline", True)]) == (
        run.code,
        run.json["ok"],
        sorted((one["name"], one["ready"]) for one in run.json["providers"]),
    )
    assert "http://127.0.0.1:1/v1/models" in next(p["message"] for p in run.json["providers"] if p["name"] == "dead")
    assert (0, "ok: offline (built-in)") == (offline.code, offline.stdout.splitlines()[0])


def test_probe_of_nothing_is_no_success(llmo):
    """
    When nobody is ready, the exit code says so, with what to do.
    """
    run = llmo("profile", "check", "--probe", env=NOBODY)

    assert (4, "not ok: default (built-in)") == (run.code, run.stdout.splitlines()[0])
    assert "hint: no provider is ready: set a key, start Ollama, or try -P offline\n" == run.stderr


def test_path_is_what_would_be_read(llmo):
    """
    The path goes to stdout whether the file is there or not.
    """
    run = llmo("profile", "path")
    named = llmo("-P", "./ci.toml", "profile", "path")

    assert (0, f"{file_of(llmo)}\n", 'no profile file; using the built-in profile "default"\n') == (
        run.code,
        run.stdout,
        run.stderr,
    )
    assert "ci.toml\n" == named.stdout


def test_list_marks_the_one_in_use(llmo):
    """
    Built-in profiles and files, in one list.
    """
    write(llmo, "", "work")
    run = llmo("-P", "work", "profile", "list")
    as_json = llmo("profile", "list", "--json", env={"LLMO_PROFILE": "work"})

    assert "  default  (built-in)\n  offline  (built-in)\n* work\n" == run.stdout
    assert {"name": "work", "path": str(file_of(llmo, "work")), "built_in": False, "active": True} == as_json.json[2]


def test_set_keeps_comments(llmo):
    """
    Everything around the one value stays as it was.
    """
    before = '# mine\ntimeout = 10  # short\n\n[providers.openai]  # work\nkind = "openai"\n'
    path = write(llmo, before)
    run = llmo("profile", "set", "timeout", "30")

    assert (0, "", f"changed {path}\n") == (run.code, run.stdout, run.stderr)
    assert before.replace("10", "30") == path.read_text()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("key", "value", "then"),
    [
        pytest.param("model", "auto", {"model": "auto"}, id="text"),
        pytest.param("model", '"auto"', {"model": "auto"}, id="quoted text"),
        pytest.param("store_texts", "false", {"store_texts": False}, id="switch"),
        pytest.param("privacy.detect", '["pii"]', {"privacy": {"detect": ["pii"]}}, id="list"),
        pytest.param("fallback.local", '["ollama/x"]', {"fallback": {"local": ["ollama/x"]}}, id="new table"),
        pytest.param(
            "budgets",
            '[{ name = "a", limit_usd = "1" }]',
            {"budgets": [{"name": "a", "limit_usd": "1"}]},
            id="list of tables",
        ),
        pytest.param(
            'providers."my.host".kind', "offline", {"providers": {"my.host": {"kind": "offline"}}}, id="quoted key"
        ),
    ],
)
def test_set_makes_the_file(llmo, key, value, then):
    """
    From nothing: the file, its directory, the tables on the way.
    """
    run = llmo("profile", "set", key, value)

    assert (0, f"created {file_of(llmo)}") == (run.code, run.stderr.splitlines()[0])
    assert then == tomllib.loads(file_of(llmo).read_text())


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        pytest.param("timeout", "abc", 'timeout: expected a number, got "abc"', id="type"),
        pytest.param("timeout", "-1", "timeout: expected more than 0, got -1", id="bound"),
        pytest.param("timout", "3", "timout: unknown key; did you mean timeout?", id="key"),
        pytest.param("providers.x.api_key", "sk", "providers.x.api_key: unknown key; keys do not belong", id="secret"),
        pytest.param("privacy.detect", "pii", 'privacy.detect: expected a list of strings, got "pii"', id="list"),
        pytest.param("budgets.0.limit_usd", "2", "budgets.0: no such item", id="item"),
        pytest.param("tasks.simple.primary", '["nope/x"]', "tasks.simple.primary.0: unknown provider: nope", id="name"),
        pytest.param("a b", "1", "not a key: a b", id="no key"),
        pytest.param("timeout = 1\nretries", "1", "not one key: timeout = 1", id="two keys"),
        pytest.param("aliases", "{}\ntimeout = 3", "aliases: expected a table", id="smuggled"),
    ],
)
def test_set_writes_nothing_that_is_wrong(llmo, key, value, message):
    """
    A key or value that the profile cannot take leaves the file alone.
    """
    before = "timeout = 10\n"
    path = write(llmo, before + "budgets = []\n")
    run = llmo("profile", "set", key, value)

    assert (4, "") == (run.code, run.stdout)
    assert run.stderr.startswith(f"llmo: {message}")
    assert before + "budgets = []\n" == path.read_text()


def test_set_mends_a_file_step_by_step(llmo):
    """
    One of two mistakes can be mended; the other is named.
    """
    path = write(llmo, 'timeout = "a"\nretries = "b"\n')
    run = llmo("profile", "set", "timeout", "3")

    assert (0, f'still invalid: {path}:2: retries: expected a whole number, got "b"\nchanged {path}\n') == (
        run.code,
        run.stderr,
    )


def test_set_follows_a_link(llmo, tmp_path):
    """
    A profile that is a link into a folder of dotfiles stays one.
    """
    target = tmp_path / "dotfiles.toml"
    target.write_text("timeout = 1\n")
    path = write(llmo, "")
    path.unlink()
    path.symlink_to(target)
    llmo("profile", "set", "timeout", "2")

    assert (True, "timeout = 2\n") == (path.is_symlink(), target.read_text())


def test_many_sets_at_once_lose_nothing(llmo):
    """
    Processes that change one file at the same time: each change is there, and no reader saw half a file.
    """
    path = write(llmo, "# kept\n")
    keys = ["retries", "timeout", "retention_days", "max_tokens", "aliases.a", "aliases.b"]
    values = ["3", "4", "5", "6", "offline/x", "offline/y"]
    runs = [llmo.start("profile", "set", key, value) for key, value in zip(keys, values, strict=True)]
    while any(run.poll() is None for run in runs):
        tomllib.loads(path.read_text())
    codes = [llmo.finish(run).code for run in runs]

    assert [0] * 6 == codes
    assert {
        "retries": 3,
        "timeout": 4,
        "retention_days": 5,
        "max_tokens": 6,
        "aliases": {"a": "offline/x", "b": "offline/y"},
    } == tomllib.loads(path.read_text())
    assert [path.name] == [entry.name for entry in path.parent.iterdir()]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_takes_nothing(llmo):
    """
    Not writable: one line, exit code 4.
    """
    path = write(llmo, "")
    path.parent.chmod(0o500)
    run = llmo("profile", "set", "timeout", "2")

    assert (4, f"llmo: cannot write the profile: {path}: permission denied\n") == (run.code, run.stderr)


def test_a_config_directory_that_is_a_file(llmo):
    """
    What stands in the way is named in one line.
    """
    (llmo.home / "config").write_text("")
    run = llmo("profile", "set", "timeout", "2")

    assert (4, f"llmo: cannot read the profile: {file_of(llmo)}: not a directory\n") == (run.code, run.stderr)


def test_schema_is_a_schema_and_takes_the_template(llmo):
    """
    JSON Schema 2020-12; what `init` writes is valid by it, a typo is not.
    """
    schema = llmo("profile", "schema").json
    llmo("profile", "init", "--yes", "--no-probe", env=NOBODY | {"OPENAI_API_KEY": "sk-x"})
    validator = jsonschema_rs.Draft202012Validator(schema, offline=True)

    assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]
    assert (
        "Seconds that one call may take, retries and fallbacks included."
        == schema["properties"]["timeout"]["description"]
    )
    validator.validate(tomllib.loads(file_of(llmo).read_text()))
    assert not validator.is_valid({"timout": 3})


def test_help_imports_nothing_heavy(llmo):
    """
    `llmo profile --help` costs typer and nothing else.
    """
    code = (
        "import sys\nfrom llmo.cli import main\ntry: main(['profile', '--help'])\nexcept SystemExit: pass\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=llmo.env())

    assert set() == {"pydantic", "pydantic_settings", "tomlkit", "httpx", "asyncio"} & set(run.stderr.split())
