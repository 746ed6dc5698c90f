"""Keys are shown nowhere and handed to nobody who needs them not."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pytest

import llmo as library
from llmo.config.credentials import api_key
from llmo.config.profile import ProviderConfig
from llmo.errors import LlmoError
from llmo.providers.cursor.provider import environment
from llmo.providers.offline.provider import Unplugged
from llmo.providers.provider import ProviderContext
from llmo.providers.transports.logged import SHOWN, Logged
from llmo.types.redact import remember
from tests import virtual
from tests.servers.raw import RawServer, stream, whole

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.conftest import Llmo, Run

KEY = "plain-key-of-peer-77"
HEADER = "header value q9z8x7"
SHORT = "pin4"
TOKEN = "another-vendors-token"
EVERY = (KEY, HEADER, "q9z8x7", TOKEN)
ECHO = f"you sent {KEY} and {HEADER}; Bearer {KEY}; also {TOKEN}; {json.dumps(KEY)} api_key={'z' * 20}"


def home(llmo: Llmo, server: RawServer, more: str = "") -> tuple[list[str], dict[str, str]]:
    path = llmo.home / "p.toml"
    path.write_text(
        f'model = "peer/m"\nretries = 0\n[providers.peer]\nkind = "openai"\nbase_url = "{server.url}/v1"\nlocal = true\n'
        f'api_key_env = "PEER"\nheaders = {{ "X-Team" = "{HEADER}", "X-Pin" = "{SHORT}" }}\n{more}',
        "utf-8",
    )
    return ["-P", str(path)], {"PEER": KEY, "OTHER_TOKEN": TOKEN}


def chunk(text: str) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return f"data: {json.dumps({'id': 'c', 'model': 'm', 'choices': [choice]})}\n\n"


END = 'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
SAID = stream(chunk(ECHO), END)
CUT = [SAID[: SAID.index(KEY.encode()) + 9], SAID[SAID.index(KEY.encode()) + 9 :]]
FAR = whole({"choices": [], "pad": "x" * (SHOWN - 20) + KEY})
REFUSED = whole({"error": {"message": ECHO, "type": "x"}}, status="400 Bad Request")
ECHOED = {"X_Echo": HEADER, "Set_Cookie": "session=abcdefgh"}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([SAID], id="stream"),
        pytest.param(CUT, id="a key in two pieces"),
        pytest.param([FAR], id="a key where the body is cut"),
        pytest.param([REFUSED], id="error"),
        pytest.param([whole({"error": {"message": "no"}}, status="401 Unauthorized", **ECHOED)], id="headers"),
        pytest.param([whole(f"<html>{ECHO}</html>", Content_Type="text/html")], id="a page"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",), ("--ndjson",)])
def test_debug_shows_no_key(llmo: Llmo, answer: list[bytes], form: tuple[str, ...]) -> None:
    """
    Neither what was sent nor what came back: by name, by value, in halves, and in the traceback.
    """
    with RawServer(answer) as server:
        args, env = home(llmo, server)
        run = llmo(*args, "--debug", "ask", "hello", *form, env=env)

    told = run.stderr if run.code == 0 else run.stderr + run.stdout
    assert [] == [secret for secret in (*EVERY, KEY[:12], "zzzzzz", "abcdefgh") if secret in told], run
    assert "x-pin: ****" in run.stderr.lower()
    assert f"x-pin: {SHORT}" not in run.stderr.lower()
    assert "content-type: application/json" in run.stderr.lower()


def test_an_error_shows_no_key_anywhere(llmo: Llmo) -> None:
    """
    On stderr, in JSON, in a batch's rows and its file of errors, in the report, and to programs.
    """
    with RawServer([REFUSED]) as server:
        args, env = home(llmo, server)
        (llmo.home / "rows.txt").write_text("a\nb\n", "utf-8")
        runs = [
            llmo(*args, "ask", "hello", env=env),
            llmo(*args, "ask", "hello", "--json", env=env),
            llmo(*args, "ask", "hello", "--compare", "-m", "peer/m", "-m", "peer/n", "--json", env=env),
            llmo(*args, "batch", "rows.txt", "-o", "out.jsonl", "--errors", "bad.jsonl", "--report", "r.json", env=env),
            llmo(*args, "batch", "rows.txt", env=env),
            llmo(*args, "models", "--refresh", env=env),
            llmo(*args, "profile", "check", "--probe", "--json", env=env),
        ]
        with library.Client(args[1], env=llmo.env(env)) as client, pytest.raises(LlmoError) as caught:
            client.ask("hello")
    files = [(llmo.home / name).read_text("utf-8") for name in ("out.jsonl", "bad.jsonl", "r.json")]
    told = "\n".join(
        [*(run.stdout + run.stderr for run in runs), *files, str(caught.value), repr(caught.value.attempts)]
    )

    assert [] == [secret for secret in (*EVERY, "zzzzzz") if secret in told]
    assert "you sent ****" in told


def test_a_profile_is_shown_without_its_secrets(llmo: Llmo) -> None:
    """
    Headers, and a key that somebody has put into a command.
    """
    more = '[providers.b]\nkind = "openai"\napi_key_cmd = ["echo", "sk-abcdefgh12345678abcd"]\n'
    with RawServer([REFUSED]) as server:
        args, env = home(llmo, server, more)
        runs: list[Run] = [llmo(*args, "profile", "show", *form, env=env) for form in ((), ("--json",))]

    for run in runs:
        assert (0, []) == (run.code, [s for s in (*EVERY, "12345678abcd") if s in run.stdout]), run
        assert "sk-****" in run.stdout


@pytest.mark.parametrize(
    "line",
    [
        *(
            'headers = "hush-hush"',
            'headers = { "X-A" = 7777777 }',
            'api_key_cmd = "hush-hush"',
            "api_key_keyring = 7777777",
        ),
        *('api_key_env = "hush-hush"', 'api_key = "hush-hush"', 'base_url = "http://me:hush-hush@host/v1"'),
    ],
)
def test_what_is_wrong_in_a_profile_is_not_repeated_where_keys_stand(llmo: Llmo, line: str) -> None:
    """
    People put the key itself there; the place is named, the value is not.
    """
    path = llmo.home / "p.toml"
    path.write_text(f'[providers.p]\nkind = "openai"\n{line}\n', "utf-8")
    runs = [llmo("-P", path, "profile", "check", *form) for form in ((), ("--json",))]

    for run in runs:
        assert (4, True) == (run.code, "providers.p." in run.stderr), run
        assert [] == [value for value in ("hush-hush", "7777777") if value in run.stdout + run.stderr], run


def test_debug_ends_in_the_code_of_the_error(llmo: Llmo) -> None:
    """
    A traceback takes nothing from the line, the hint and the exit code.
    """
    run = llmo("--debug", "ask", "x", "-m", "nope", "-P", "offline", "--json")

    assert (4, "config") == (run.code, run.json["error"]["kind"]), run
    assert "Traceback" in run.stderr
    assert "llmo: unknown model or alias: nope" in run.stderr


PRINTER = [sys.executable, "-c", "import os; print('|'.join(sorted(os.environ)))"]
STORES = {
    "PATH": "/bin",
    "HOME": "/h",
    "GNUPGHOME": "/g",
    "GPG_TTY": "/dev/tty",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x",
    "SSH_AUTH_SOCK": "/s",
    "OP_SERVICE_ACCOUNT_TOKEN": "ops_x",
    "BW_SESSION": "bw",
    "VAULT_TOKEN": "hvs.x",
    "AWS_ACCESS_KEY_ID": "AKIAABCDEFGHIJKLMNOP",
    "AWS_SECRET_ACCESS_KEY": "aws",
    "PASSWORD_STORE_DIR": "/p",
}
VENDORS = dict.fromkeys(
    [
        *(
            "OPENAI_API_KEY",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "OPENROUTER_API_KEY",
            "CURSOR_API_KEY",
            "HF_TOKEN",
        ),
        *(
            "LITELLM_PROXY_API_KEY",
            "LITELLM_MASTER_KEY",
            "REPLICATE_API_TOKEN",
            "GROQ_API_KEY",
            "XAI_API_KEY_2",
            "TEAM",
        ),
        "LLMO_PROVIDERS__OPENAI__HEADERS",
    ],
    "a-key-of-others",
)


def test_a_key_command_inherits_no_other_keys() -> None:
    """
    It has what password stores need, and neither the keys of vendors nor those that the profile names, nor a copy.
    """
    config = ProviderConfig(kind="openai", base_url="http://x/v1", api_key_cmd=tuple(PRINTER))
    env = STORES | VENDORS | {"COPY": "a-key-of-others"}
    printed = api_key("p", config, env, others=["TEAM"])

    assert printed is not None
    assert set(STORES) == set(printed.split("|")) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}


def test_the_profiles_own_variables_are_no_business_of_a_command(llmo: Llmo) -> None:
    """
    Through the program: the key that arrives is what the command saw.
    """
    more = '[providers.b]\nkind = "openai"\nbase_url = "http://127.0.0.1:1/v1"\napi_key_env = "HARMLESS"\n'
    with RawServer([REFUSED]) as server:
        args, env = home(llmo, server, more)
        path = llmo.home / "p.toml"
        path.write_text(path.read_text("utf-8").replace('api_key_env = "PEER"', f"api_key_cmd = {json.dumps(PRINTER)}"))
        llmo(*args, "ask", "x", env=env | {"HARMLESS": "key-of-b", "OPENAI_API_KEY": "k"})

    names = server.requests[0].headers["authorization"].removeprefix("Bearer ").split("|")
    assert ({"HARMLESS", "OPENAI_API_KEY"} & set(names), "HOME" in names) == (set(), True)


def test_an_agent_inherits_nothing_secret() -> None:
    """
    By name or by looks; a proxy's login stays, for it is the way out.
    """
    kept = {"PATH": "/bin", "HTTP_PROXY": "http://u:p@proxy:1", "LANG": "C", "SSH_AUTH_SOCK": "/s"}
    gone = {
        "OPENAI_API_KEY": "k",
        "DB_PASSWORD": "p",
        "GH_TOKEN": "t",
        "MY_LLM": "sk-ant-api03-abcdefghijklmnopqrstuv",
        "DATABASE_URL": "postgres://u:pw@db/x",
        "LLMO_PROVIDERS__A__HEADERS": "{}",
    }
    config = ProviderConfig(kind="cursor")
    link = ProviderContext(name="c", base_url="", api_key="mine", config=config, transport=Unplugged(), env=kept | gone)

    assert kept | {"NO_OPEN_BROWSER": "1", "NO_COLOR": "1", "CURSOR_API_KEY": "mine"} == environment(link)


class Parts(Unplugged):
    """A transport whose reply comes in these pieces."""

    status = 200
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def exchange(self, call: Any) -> Any:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def chunks(self) -> AsyncGenerator[bytes]:
        for piece in self.pieces:
            yield piece

    async def read(self, limit: int) -> bytes:
        return b"".join(self.pieces)[:limit]


@pytest.mark.parametrize("at", range(1, len("say correct-horse-9 now\n")))
def test_a_key_is_said_in_no_two_halves(at: int, tmp_path: Path) -> None:
    """
    Wherever the network cuts it, and the pieces that are passed on are as they came.
    """
    from llmo.providers.transports.transport import HttpRequest

    remember("correct-horse-9")
    text, said = b"say correct-horse-9 now\n", list[str]()

    async def main() -> list[bytes]:
        async with Logged(Parts(text[:at], text[at:]), said.append).exchange(
            HttpRequest("GET", "http://x", {})
        ) as reply:
            return [chunk async for chunk in reply.chunks()]

    assert [text[:at], text[at:]] == virtual.run(main(), virtual.VirtualClock())
    assert "say **** now" == " ".join("".join(said[2:]).replace("<", " ").split())
    assert tmp_path.exists()
