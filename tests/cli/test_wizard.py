"""`llmo profile init`: what it finds, asks, writes, and leaves alone."""

from __future__ import annotations

import json
import shlex
import stat
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Llmo

REPLIES = {
    "/api/tags": {"models": [{"name": "nomic-embed-text"}, {"name": "llama3.2:latest"}]},
    "/v1/models": {"object": "list", "data": [{"id": "dall-e-2"}, {"id": "gpt-6-luna"}, {"id": "gpt-6-sol"}]},
}


class Server(BaseHTTPRequestHandler):
    """Ollama and an OpenAI-compatible server in one; a key with `bad` in it is refused."""

    def do_GET(self) -> None:
        refused = "bad" in f"{self.headers.get('authorization')}{self.headers.get('x-api-key')}"
        known = REPLIES.get(self.path.partition("?")[0])
        body = json.dumps({"error": {"message": "no such key"}} if refused else known or {}).encode()
        self.send_response(401 if refused else 200 if known else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


NOBODY = {"OLLAMA_HOST": "127.0.0.1:1", "PATH": "/nowhere"}
"""No Ollama and no Cursor of this machine is in the way."""


def openai(url: str, **more: str) -> dict[str, str]:
    return NOBODY | {"OPENAI_API_KEY": "sk-hidden0000", "OPENAI_BASE_URL": f"{url}/v1"} | more


def file_of(llmo: Llmo, name: str = "default") -> Path:
    return llmo.home / "config" / "profiles" / f"{name}.toml"


def write(llmo: Llmo, text: str) -> Path:
    path = file_of(llmo)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


class Talk:
    """A wizard on a terminal."""

    def __init__(self, llmo: Llmo, env: dict[str, str], *args: str) -> None:
        command = [*llmo.command[1:], "profile", "init", *args]
        self.child = pexpect.spawn(llmo.command[0], command, env=llmo.env(env), timeout=LONG, encoding="utf-8")

    def says(self, question: str, answer: str) -> None:
        self.child.expect_exact(question)
        self.child.sendline(answer)

    def end(self) -> tuple[int | None, str]:
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus, self.child.before or ""


def test_init_writes_what_is_found(llmo: Llmo, url: str) -> None:
    """
    `--yes` asks nothing; the file is private, valid, commented, and holds no key. A refused key is not used.
    """
    env = openai(url, OLLAMA_HOST=url, ANTHROPIC_API_KEY="sk-bad-hidden1", ANTHROPIC_BASE_URL=url)
    run = llmo("profile", "init", "--yes", env=env)
    path = file_of(llmo)
    text = path.read_text()
    made = tomllib.loads(text)

    assert (run.code, run.stdout) == (0, f"{path}\n")
    assert run.stderr == (
        "found openai: OPENAI_API_KEY is set; 3 models\n"
        "found anthropic: ANTHROPIC_API_KEY is set, but anthropic returned HTTP 401: no such key\n"
        f"found ollama: at {url}; 2 models\n"
        "not found: OPENROUTER_API_KEY, LITELLM_PROXY_URL, cursor-agent on PATH\n"
        "next: llmo profile check --probe\n"
    )
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)] == [0o600, 0o700]
    assert ("hidden" in text, "# " in text) == (False, True)
    assert made["providers"] == {
        "openai": {"kind": "openai", "base_url": f"{url}/v1", "api_key_env": "OPENAI_API_KEY"},
        "ollama": {"kind": "ollama", "base_url": url},
    }
    assert made["tasks"] == {
        "simple": {"primary": ["ollama/llama3.2:latest"], "secondary": ["openai/gpt-6-luna"]},
        "complex": {"primary": ["openai/gpt-6-sol"]},
        "general": {"primary": ["openai/gpt-6-luna"]},
    }
    assert llmo("profile", "check", env=env).code == 0
    assert llmo("models", "--names", "--provider", "openai", env=env).stdout.split()[0] == "openai/gpt-6-luna"


def test_without_a_probe_nobody_is_contacted(llmo: Llmo) -> None:
    """
    Keys count as they are; every model has a price, so a daily limit is written.
    """
    env = NOBODY | {"OPENAI_API_KEY": "sk-hidden0000", "ANTHROPIC_API_KEY": "sk-hidden1111"}
    run = llmo("profile", "init", "--yes", "--no-probe", env=env)
    made = tomllib.loads(file_of(llmo).read_text())

    assert run.stderr.splitlines()[:2] == [
        "found openai: OPENAI_API_KEY is set",
        "found anthropic: ANTHROPIC_API_KEY is set",
    ]
    assert made["budgets"] == [{"name": "daily", "limit_usd": "2.00", "window": "day"}]
    assert made["tasks"]["complex"] == {"primary": ["anthropic/claude-sonnet-5-5"], "secondary": ["openai/gpt-6-sol"]}
    assert "hidden" not in file_of(llmo).read_text()


@pytest.mark.parametrize(
    ("daily", "code", "budgets"),
    [
        pytest.param("7.5", 0, [{"name": "daily", "limit_usd": "7.50", "window": "day"}], id="an amount"),
        pytest.param("0", 0, None, id="none"),
        pytest.param("-1", 2, None, id="negative"),
        pytest.param("nan", 2, None, id="not a number"),
    ],
)
def test_a_daily_limit_by_flag(llmo: Llmo, daily: str, code: int, budgets: object) -> None:
    """
    It counts instead of the proposal; a wrong one is refused before anything is done.
    """
    run = llmo("profile", "init", "--yes", "--no-probe", f"--daily={daily}", env=NOBODY | {"OPENAI_API_KEY": "sk-x"})
    path = file_of(llmo)

    assert (run.code, path.exists()) == (code, code == 0)
    assert code or tomllib.loads(path.read_text()).get("budgets") == budgets


def test_a_proxy_gives_every_task_a_model(llmo: Llmo, url: str) -> None:
    """
    Of a LiteLLM proxy it is the first that answers prompts; an address with a password is refused, not written.
    """
    env = NOBODY | {"LITELLM_PROXY_URL": url.replace("//", "//me:hidden@"), "LITELLM_PROXY_API_KEY": "hidden"}
    plain = llmo("profile", "init", "--yes", env=NOBODY | {"LITELLM_PROXY_URL": url})
    made = tomllib.loads(file_of(llmo).read_text())
    secret = llmo("profile", "init", "--yes", "--force", "--no-probe", env=env)

    assert plain.stderr.splitlines()[0] == "found litellm-proxy: LITELLM_PROXY_URL is set; 3 models"
    assert {tuple(task["primary"]) for task in made["tasks"].values()} == {("litellm-proxy/gpt-6-luna",)}
    assert (secret.code, tomllib.loads(file_of(llmo).read_text())) == (4, made)
    assert "hidden" not in secret.stderr


def test_nothing_found_is_a_profile_that_says_so(llmo: Llmo) -> None:
    """
    Valid, and with what to do next.
    """
    run = llmo("profile", "init", "--yes", env=NOBODY)

    assert "not found: OPENAI_API_KEY, ANTHROPIC_API_KEY, OPENROUTER_API_KEY, LITELLM_PROXY_URL" in run.stderr
    assert "# No provider was found." in file_of(llmo).read_text()
    assert llmo("profile", "check", env=NOBODY).code == 0


def test_a_hostile_list_of_models_reaches_neither_terminal_nor_file(llmo: Llmo, url: str, monkeypatch: Any) -> None:
    """
    Names that nobody could type are passed over; what is left is written as TOML text.
    """
    names = ["", "a b", "\x1b]52;c;x\x07", 'x"]\n[privacy]\nlocal_only = false', 'ok"\\', "x" * 300]
    monkeypatch.setitem(REPLIES, "/api/tags", {"models": [{"name": name} for name in names]})
    run = llmo("profile", "init", "--yes", env=NOBODY | {"OLLAMA_HOST": url})
    made = tomllib.loads(file_of(llmo).read_text())

    assert (run.code, made["fallback"]["local"]) == (0, ['ollama/ok"\\'])
    assert "\x1b" not in file_of(llmo).read_text() + run.stderr


def test_two_at_once_write_one_profile(llmo: Llmo) -> None:
    """
    The second finds the file changed or complete; no half of either is left.
    """
    env = NOBODY | {"OPENAI_API_KEY": "sk-x"}
    runs = [llmo.start("profile", "init", "--yes", "--no-probe", env=env) for _ in range(3)]
    codes = sorted(llmo.finish(run).code for run in runs)

    assert codes[0] == 0
    assert set(codes) <= {0, 4}
    assert set(tomllib.loads(file_of(llmo).read_text())["providers"]) == {"openai"}
    assert [one.name for one in file_of(llmo).parent.iterdir()] == ["default.toml"]


def test_a_server_that_does_not_answer_is_waited_for_briefly(llmo: Llmo) -> None:
    """
    It is used all the same: it may only be slow today.
    """
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        run = llmo("profile", "init", "--yes", env=openai(f"http://127.0.0.1:{silent.getsockname()[1]}"))

    assert run.stderr.splitlines()[0] == "found openai: OPENAI_API_KEY is set, but no response within 4 s"
    assert set(tomllib.loads(file_of(llmo).read_text())["providers"]) == {"openai"}


def test_the_wizard_asks_and_shows_the_file_first(llmo: Llmo, url: str) -> None:
    """
    Providers, models of the tasks, a limit; an answer that is none is asked for again.
    """
    env = openai(url, OLLAMA_HOST=url, ANTHROPIC_API_KEY="sk-bad", ANTHROPIC_BASE_URL=url)
    talk = Talk(llmo, env)
    for question, answer in [
        ("Use openai? [Y/n] ", ""),
        ("Use anthropic? [y/N] ", ""),
        ("Use ollama? [Y/n] ", "perhaps"),
        ("please answer y or n, not perhaps\r\nUse ollama? [Y/n] ", "y"),
        ("Use these models for the three kinds of tasks? [Y/n] ", "n"),
        ("simple: [ollama/llama3.2:latest, openai/gpt-6-luna] ", "opnai/x"),
        ("not provider/model: opnai/x; did you mean openai?", "openai/gpt-6-sol, ollama/other"),
        ("complex: [openai/gpt-6-sol] ", ""),
        ("general: [openai/gpt-6-luna] ", ""),
        ("Daily limit in dollars, or none: ", "much"),
        ("not an amount in dollars, such as 2.50, or none: much", "$2.50"),
    ]:
        talk.says(question, answer)
    talk.child.expect_exact('limit_usd = "2.50"')
    assert not file_of(llmo).exists()
    talk.says(f"Write {file_of(llmo)}? [Y/n] ", "")
    code, _ = talk.end()
    made = tomllib.loads(file_of(llmo).read_text())

    assert (code, set(made["providers"])) == (0, {"openai", "ollama"})
    assert made["tasks"]["simple"] == {"primary": ["openai/gpt-6-sol"], "secondary": ["ollama/other"]}
    assert made["budgets"] == [{"name": "daily", "limit_usd": "2.50", "window": "day"}]


@pytest.mark.parametrize("answers", [0, 1, 2, 3])
def test_ctrl_c_leaves_nothing_behind(llmo: Llmo, answers: int) -> None:
    """
    At any question: exit code 130, and no file, not even a part of one.
    """
    talk = Talk(llmo, NOBODY | {"OPENAI_API_KEY": "sk-x"}, "--no-probe")
    questions = ["Use openai? [Y/n] ", "of tasks? [Y/n] ", "or none: [2.00] ", "? [Y/n] "]
    for question in questions[:answers]:
        talk.says(question, "")
    talk.child.expect_exact(questions[answers])
    talk.child.sendintr()
    code, rest = talk.end()

    assert (code, list((llmo.home / "config").rglob("*.toml*"))) == (130, [])
    assert rest.endswith("\r\n"), "the shell's prompt begins a line"


def test_no_means_no(llmo: Llmo) -> None:
    """
    Whoever does not want the file after all keeps none.
    """
    talk = Talk(llmo, NOBODY | {"OPENAI_API_KEY": "sk-x"}, "--no-probe", "--daily", "1")
    talk.says("Use openai? [Y/n] ", "")
    talk.says("of tasks? [Y/n] ", "")
    talk.says("default.toml? [Y/n] ", "n")
    code, rest = talk.end()

    assert (code, "nothing was written" in rest, file_of(llmo).exists()) == (0, True, False)


OWN = "# mine\r\ntimeout = 7  # short\r\n[providers.work]\r\nkind = 'openai'\r\napi_key_env = 'OPENAI_API_KEY'"


@pytest.mark.parametrize(
    ("args", "env", "named"),
    [
        (["--name", "work"], {}, "-P work "),
        (["--name", "default"], {"LLMO_PROFILE": "offline"}, "-P default "),
        (["--name", "work"], {"LLMO_PROFILE": "work"}, ""),
        (["-P", "./my own.toml"], {}, "-P 'my own.toml' "),
    ],
)
def test_the_next_command_checks_the_profile_that_was_written(
    llmo: Llmo, args: list[str], env: dict[str, str], named: str
) -> None:
    """
    It is named where another one is the active one, and the command runs as it is printed.
    """
    run = llmo("profile", "init", "--yes", "--no-probe", *args, env=NOBODY | env)
    *_, last = run.stderr.splitlines()
    check = llmo(*shlex.split(last.removeprefix("next: llmo ")), env=NOBODY | env)

    assert (run.code, last) == (0, f"next: llmo profile check {named}--probe")
    assert f"({run.stdout.strip()})" in check.stdout.splitlines()[0]


def test_a_second_run_adds_what_is_new_and_keeps_what_is_there(llmo: Llmo) -> None:
    """
    Byte for byte, line ends too; a provider that has the same key under another name is there already.
    """
    path = write(llmo, OWN)
    env = NOBODY | {"OPENAI_API_KEY": "sk-x", "ANTHROPIC_API_KEY": "sk-y"}
    run = llmo("profile", "init", "--yes", "--no-probe", "--daily", "3", env=env)
    text = path.read_bytes().decode()
    again = llmo("profile", "init", "--yes", "--no-probe", env=env)

    assert run.code == 0
    assert text.startswith(OWN)
    assert "\n" not in text.replace("\r\n", "")
    assert set(tomllib.loads(text)["providers"]) == {"work", "anthropic"}
    assert tomllib.loads(text)["budgets"][0]["limit_usd"] == "3"
    assert f"--- {path}" in run.stderr
    assert "+[providers.anthropic]" in run.stderr
    assert (again.code, "nothing to add: the profile stays as it is" in again.stderr) == (0, True)
    assert path.read_bytes().decode() == text
    assert llmo("profile", "check", env=env).code == 0


def test_a_profile_with_tasks_keeps_them(llmo: Llmo) -> None:
    """
    A provider that no task uses yet is told with the command that changes that; budgets of one's own stay.
    """
    path = write(llmo, 'budgets = []\n[tasks.mine]\nprimary = ["offline/echo"]\n')
    run = llmo("profile", "init", "--yes", "--no-probe", "--daily", "3", env=NOBODY | {"OPENAI_API_KEY": "sk-x"})
    made = tomllib.loads(path.read_text())

    assert (set(made["tasks"]), made["budgets"], set(made["providers"])) == ({"mine"}, [], {"openai"})
    assert "no task uses openai yet" in run.stderr
    assert "--daily is ignored: the profile has budgets of its own" in run.stderr


def test_the_wizard_shows_what_it_changes(llmo: Llmo) -> None:
    """
    The difference, and a question; no leaves the file alone.
    """
    path = write(llmo, OWN)
    talk = Talk(llmo, NOBODY | {"ANTHROPIC_API_KEY": "sk-y"}, "--no-probe")
    talk.says("Use anthropic? [Y/n] ", "")
    talk.says("or none: [none] ", "")
    talk.child.expect_exact("+[providers.anthropic]")
    talk.says(f"Change {path}? [Y/n] ", "n")
    code, _ = talk.end()

    assert (code, path.read_bytes().decode()) == (0, OWN)


def test_force_starts_over_and_keeps_the_old_file(llmo: Llmo) -> None:
    """
    Also one that is not valid, which is otherwise refused with its line.
    """
    path = write(llmo, 'timeout = "x"\n')
    refused = llmo("profile", "init", "--yes", "--no-probe", env=NOBODY)
    forced = llmo("profile", "init", "--yes", "--no-probe", "--force", env=NOBODY)

    assert (refused.code, refused.stderr) == (
        4,
        (
            f'llmo: {path}:1: timeout: expected a number, got "x"\n'
            "hint: correct them first, or start over with --force\n"
        ),
    )
    assert (forced.code, path.with_name("default.toml.bak").read_text()) == (0, 'timeout = "x"\n')
    assert "timeout = 120" in path.read_text()


def test_what_cannot_be_added_to_is_left_alone(llmo: Llmo) -> None:
    """
    An inline table takes no more: the file stays, and the message says what to do.
    """
    path = write(llmo, "providers = { offline = {} }\n")
    run = llmo("profile", "init", "--yes", "--no-probe", env=NOBODY | {"OPENAI_API_KEY": "sk-x"})

    assert (run.code, path.read_text()) == (4, "providers = { offline = {} }\n")
    assert run.stderr.endswith("hint: nothing was written; replace the profile with --force\n")


def test_init_needs_a_terminal_to_ask(llmo: Llmo) -> None:
    """
    In a pipe there is nobody to answer.
    """
    run = llmo("profile", "init", stdin="y\n", env=NOBODY)

    assert (run.code, run.stderr) == (
        2,
        "llmo: cannot ask questions without a terminal\nhint: use --yes to accept what is found\n",
    )
    assert not file_of(llmo).exists()
