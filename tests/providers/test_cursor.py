"""Cursor's CLI: what it says becomes events, and whatever it does, nothing of it is left."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llmo.catalog.listing import ListedModel
from llmo.config.profile import ProviderConfig
from llmo.errors import (
    Broken,
    ContextTooLong,
    Incomplete,
    LlmoError,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Rejected,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from llmo.providers.cursor import provider as cursor
from llmo.providers.cursor.events import CursorDecoder, usage, verdict
from llmo.providers.cursor.provider import arguments, environment, prompt
from llmo.providers.offline.provider import Unplugged
from llmo.providers.provider import ProviderContext
from llmo.providers.registry import factory
from llmo.types.events import Finish, Notice, Reasoning, ServedBy, Text, Usage
from llmo.types.messages import Image, Message, Params, Request
from tests.emitted import heard, ignore, until
from tests.patience import LONG, SILENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.providers.cursor.provider import Cursor
    from llmo.types.events import Event

FAKE = Path(__file__).parents[1] / "servers" / "fake_cursor.py"
ANSWER = "Three rivers: Rhine, Rhône, Volga."
HELLO = Request((Message("user", "hello"),))
WITHIN_MS = LONG * 1000


class Fake:
    """The provider over a fake of the program that plays one case."""

    def __init__(self, case: str, tmp_path: Path, **config: Any) -> None:
        self.log = tmp_path / "log.jsonl"
        made = ProviderConfig(kind="cursor", command=(sys.executable, str(FAKE), case, str(self.log)), **config)
        self.link = link(made)
        self.cursor: Cursor = factory("cursor")(self.link)  # type: ignore[assignment]

    @property
    def runs(self) -> list[dict[str, Any]]:
        """What the program wrote down of itself, run by run."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]

    async def events(self, request: Request = HELLO, model: str = "auto") -> list[Event | LlmoError]:
        return await heard(self.cursor, request, model)

    def play(self, request: Request = HELLO, model: str = "auto") -> list[Event | LlmoError]:
        """All events of one call, and nothing left running."""

        async def main() -> list[Event | LlmoError]:
            try:
                return await self.events(request, model)
            finally:
                await self.cursor.close()

        found = asyncio.run(main())
        assert all(gone(pid) for run in self.runs for pid in run["pids"])
        assert [run["cwd"] for run in self.runs if Path(run["cwd"]).exists()] == []
        return found


def link(config: ProviderConfig, env: Mapping[str, str] | None = None) -> ProviderContext:
    given = dict(os.environ) if env is None else env
    return ProviderContext(name="cursor", base_url="", api_key=None, config=config, transport=Unplugged(), env=given)


def gone(pid: int) -> bool:
    """Whether a process ends in time; waits for that and no longer."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(WITHIN_MS))
    finally:
        os.close(handle)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second from SIGTERM to SIGKILL."""
    monkeypatch.setattr(cursor, "LINGER", (15.0, 0.5))


def text(found: list[Event | LlmoError]) -> str:
    return "".join(event.text for event in found if isinstance(event, Text))


def failure(found: list[Event | LlmoError]) -> ProviderError:
    assert isinstance(found[-1], ProviderError), found
    return found[-1]


def test_an_answer(tmp_path: Path) -> None:
    """
    Text in pieces and once, reasoning, who answered, tokens.
    """
    fake = Fake("answer", tmp_path)
    half = len(ANSWER) // 2

    assert fake.play() == [
        ServedBy(model="Auto"),
        Reasoning("hm"),
        Text(ANSWER[:half]),
        Text(ANSWER[half:]),
        ServedBy(request_id="R-1"),
        Usage(8274, 39, cached_input_tokens=8000),
        Finish("stop"),
    ]


def test_a_whole_answer(tmp_path: Path) -> None:
    """
    Without streaming the answer is one piece.
    """
    found = Fake("answer", tmp_path).play(replace(HELLO, stream=False))

    assert [event for event in found if isinstance(event, Text)] == [Text(ANSWER)]
    assert found[-1] == Finish("stop")


def test_how_it_is_called(tmp_path: Path) -> None:
    """
    The prompt is no argument, the directory is empty, and nobody may act or be asked.
    """
    fake = Fake("answer", tmp_path)
    fake.play(Request((Message("user", "--force -x 'é'\n"),)), "gpt-6-sol-high")
    (run,) = fake.runs

    assert run["argv"] == [
        *("-p", "--output-format", "stream-json", "--stream-partial-output"),
        *("--trust", "--mode", "ask", "--model", "gpt-6-sol-high"),
    ]
    assert run["stdin"] == "--force -x 'é'\n"
    assert run["files"] == []
    assert run["cwd"] != str(Path.cwd())
    assert run["env"]["PWD"] == run["cwd"]
    assert [run["env"][name] for name in ("NO_OPEN_BROWSER", "NO_COLOR")] == ["1", "1"]


def test_no_key_but_its_own_is_handed_on() -> None:
    """
    An agent may run commands, and they would see the environment.
    """
    env = {"HOME": "/h", "OPENAI_API_KEY": "1", "GITHUB_TOKEN": "2", "CURSOR_API_KEY": "3", "CURSOR_CONFIG_DIR": "/c"}
    made = link(ProviderConfig(kind="cursor"), env)
    common = {"HOME": "/h", "CURSOR_CONFIG_DIR": "/c", "NO_OPEN_BROWSER": "1", "NO_COLOR": "1"}

    assert environment(made) == common
    assert environment(replace(made, api_key="k")) == common | {"CURSOR_API_KEY": "k"}


def test_a_long_prompt_arrives(tmp_path: Path) -> None:
    """
    Far more than an argument or a pipe can hold.
    """
    asked = "äöü€ " * 200_000

    assert text(Fake("echo", tmp_path).play(Request((Message("user", asked),)))) == asked


@pytest.mark.parametrize(
    "case",
    [
        pytest.param("exit-1-after-success", id="exit-code"),
        pytest.param("stderr-flood", id="stderr"),
        pytest.param("noise", id="noise"),
        pytest.param("untrusted-unless-told", id="trust"),
        pytest.param("lingers", id="lingers"),
        pytest.param("lingers-deaf", id="lingers-deaf"),
    ],
)
def test_the_result_decides(case: str, tmp_path: Path) -> None:
    """
    A run that reports success has succeeded, whatever else it does.
    """
    found = Fake(case, tmp_path).play()

    assert (text(found), found[-1]) == (ANSWER, Finish("stop"))


def test_a_process_that_lingers_delays_nobody(tmp_path: Path) -> None:
    """
    The next call begins while the last process is still there; closing ends both.
    """
    fake = Fake("lingers", tmp_path)

    def alive() -> list[bool]:
        return [Path(f"/proc/{run['pids'][0]}").exists() for run in fake.runs]

    async def main() -> list[bool]:
        for _ in range(2):
            await fake.events()
        found = alive()
        await fake.cursor.close()
        return found

    assert asyncio.run(main()) == [True, True]
    assert alive() == [False, False]


def test_long_lines(tmp_path: Path) -> None:
    """
    A line holds whole files.
    """
    found = Fake("long-line", tmp_path).play()

    assert text(found) == "L" * 300_000
    assert found[-1] == Finish("stop")


@pytest.mark.parametrize(
    ("stream", "expected"),
    [pytest.param(True, "Let me look. \n\nAll done.", id="streamed"), pytest.param(False, "All done.", id="whole")],
)
def test_a_model_that_acts(stream: bool, expected: str, tmp_path: Path) -> None:
    """
    Each kind of action is warned of once; of an answer that nobody watched the last words count.
    """
    found = Fake("acts", tmp_path).play(replace(HELLO, stream=stream))

    assert text(found) == expected
    assert [event for event in found if isinstance(event, Notice)] == [
        Notice("cursor: the model tried to act instead of only answering: shell"),
        Notice("cursor: the model tried to act instead of only answering: edit"),
    ]


@pytest.mark.parametrize(
    ("case", "kind", "says"),
    [
        pytest.param("plain-error", ModelNotFound, "Named models unavailable", id="plan"),
        pytest.param("plain-unknown", Broken, "cursor failed: Something odd happened", id="plain-unknown"),
        pytest.param("is-error", Broken, "The provider hung up", id="is-error"),
        pytest.param("not-success", Broken, "max turns", id="not-success"),
        pytest.param("empty", Broken, "sent no answer", id="empty"),
        pytest.param("silent-exit", Broken, "cursor ended without an answer: exit code 1", id="silent"),
        pytest.param("crash", Broken, "cursor ended without an answer: signal 11", id="crash"),
        pytest.param("bad-model", ModelNotFound, "Model name is not valid", id="model"),
        pytest.param("stderr-flood-error", ModelNotFound, "Model name is not valid", id="stderr-flood"),
        pytest.param("untrusted", Unauthorized, "Workspace Trust Required", id="untrusted"),
        pytest.param("not-logged-in", Unauthorized, "Authentication required", id="login"),
        pytest.param("no-reading", Unauthorized, "Authentication required", id="no-reading"),
        pytest.param("usage-limit", QuotaExhausted, "usage limit", id="quota"),
        pytest.param("exhausted", Unavailable, "resource_exhausted", id="exhausted"),
        pytest.param("no-result", Incomplete, "the stream ended early: cursor ended", id="cut"),
    ],
)
def test_failures(case: str, kind: type[ProviderError], says: str, tmp_path: Path) -> None:
    """
    Every way to fail is named by what was said, in one line.
    """
    found = failure(Fake(case, tmp_path).play(Request((Message("user", "x" * 300_000),))))

    assert type(found) is kind
    assert says in found.message
    assert len(found.message) < 600
    assert found.message.isprintable()


@pytest.mark.parametrize(
    ("case", "idle", "kind", "says"),
    [
        pytest.param("hang", 0.5, TimedOut, "cursor sent nothing for 0.5 s", id="at-first"),
        pytest.param("hang-after-words", SILENCE, Incomplete, "the stream ended early: cursor sent", id="after-words"),
        pytest.param("hang-deaf", SILENCE, Incomplete, "the stream ended early: cursor sent", id="deaf"),
        pytest.param("hang-with-detached-child", SILENCE, Incomplete, "the stream ended early", id="children"),
        pytest.param(
            "acts-silently", SILENCE / 2, TimedOut, f"cursor sent nothing for {2 * SILENCE:g} s", id="while-acting"
        ),
    ],
)
@pytest.mark.usefixtures("hasty")
def test_silence_has_an_end(case: str, idle: float, kind: type[LlmoError], says: str, tmp_path: Path) -> None:
    """
    Whoever says nothing is ended with all its children; a tool at work may be silent for longer.
    """
    found = failure(Fake(case, tmp_path, idle_timeout=idle).play())

    assert type(found) is kind
    assert found.message.startswith(says)


def test_stopping_early_ends_the_program(tmp_path: Path) -> None:
    """
    Who has read enough ends the program.
    """
    fake = Fake("hang-after-words", tmp_path)

    async def main() -> None:
        await until(Text, fake.cursor, HELLO, "auto")
        await fake.cursor.close()

    asyncio.run(main())

    assert gone(fake.runs[0]["pids"][0])


def test_a_killed_keeper_takes_the_program_along(tmp_path: Path) -> None:
    """
    Whoever kills the keeper does not free the program.
    """
    fake = Fake("hang-after-words", tmp_path)

    async def main() -> list[Event | LlmoError]:
        found: list[Event | LlmoError] = []

        def emit(event: Event) -> None:
            found.append(event)
            if isinstance(event, Text):
                os.kill(fake.runs[0]["pids"][1], signal.SIGKILL)

        try:
            await fake.cursor.send(HELLO, "auto", emit)
        except ProviderError as exc:
            found.append(exc)
        await fake.cursor.close()
        return found

    assert type(failure(asyncio.run(main()))) is Incomplete
    assert all(map(gone, fake.runs[0]["pids"]))
    assert not Path(fake.runs[0]["cwd"]).exists()


def test_missing_and_odd_usage_is_no_usage(tmp_path: Path) -> None:
    """
    Old builds count nothing, others count cached tokens apart: neither can be told in llmo's terms.
    """
    assert usage(None) is None
    assert usage({"inputTokens": 0, "outputTokens": 0}) is None
    assert usage({"input_tokens": 9, "output_tokens": 1, "cache_read_tokens": 7, "cache_write_tokens": 2}) == Usage(
        9, 1, cached_input_tokens=7, cache_write_tokens=2
    )
    for case in ("no-usage", "odd-usage"):
        found = Fake(case, tmp_path).play()
        assert [event for event in found if isinstance(event, Usage)] == []
        assert found[-1] == Finish("stop")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        pytest.param(Params(temperature=0.5), "temperature", id="temperature"),
        pytest.param(Params(max_tokens=5), "max_tokens", id="max_tokens"),
        pytest.param(Params(seed=1), "seed", id="seed"),
        pytest.param(Params(stop=("x",)), "stop", id="stop"),
        pytest.param(Params(extra={"effort": "high"}), "effort", id="option"),
    ],
)
def test_what_it_has_no_flag_for(params: Params, said: str) -> None:
    """
    No parameter is dropped: the error names it and who takes it.
    """
    with pytest.raises(Rejected) as caught:
        prompt(replace(HELLO, params=params), link(ProviderConfig(kind="cursor")))

    assert caught.value.message == f"cursor (cursor) does not support the parameter: {said}"
    assert "openai" in (caught.value.hint or "")


def test_images_and_flags_are_refused(tmp_path: Path) -> None:
    """
    It sees no images, and a model's name is not a way to pass a flag.
    """
    seen = Request((Message("user", "what?", (Image("a.png", "image/png", b"x"),)),))
    with pytest.raises(Rejected, match="image"):
        prompt(seen, link(ProviderConfig(kind="cursor")))

    fake = Fake("answer", tmp_path)
    assert isinstance(asyncio.run(fake.events(HELLO, "--force"))[-1], Rejected)
    assert not fake.log.exists()


def test_everything_is_one_prompt() -> None:
    """
    System text first, then the turns so far, the question, and the schema.
    """
    asked = Request(
        (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Why?")),
        schema={"type": "object"},
    )

    assert prompt(asked, link(ProviderConfig(kind="cursor"))).decode() == (
        "Be brief.\n\nThe conversation so far:\n\nUser: Hi\n\nAssistant: Hello\n\nAnswer this message:\n\nWhy?\n\n"
        'Answer with nothing but JSON that meets this JSON Schema: {"type":"object"}'
    )


def test_the_arguments_of_a_whole_answer() -> None:
    """
    Pieces only for those who watch.
    """
    assert "--stream-partial-output" not in arguments("auto", streamed=False)


def said(words: str, **fields: Any) -> bytes:
    message = {"role": "assistant", "content": [{"type": "text", "text": words}]}
    return json.dumps({"type": "assistant", "message": message, **fields}).encode()


def result(words: str) -> bytes:
    return json.dumps({"type": "result", "subtype": "success", "is_error": False, "result": words}).encode()


ACT = b'{"type":"tool_call","subtype":"started","call_id":"1","tool_call":{"readToolCall":{}}}'


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([said("Yes"), said("Yes"), result("YesYes")], "YesYes", id="whole-twice"),
        pytest.param([said("Yes"), said("Yes, so"), result("YesYes, so")], "YesYes, so", id="whole-longer"),
        pytest.param(
            [said("ha", timestamp_ms=1), said("ha", timestamp_ms=2), said("haha"), result("haha")], "haha", id="pieces"
        ),
        pytest.param(
            [said("a", timestamp_ms=1), said("b", timestamp_ms=2), said("ab", timestamp_ms=3, model_call_id="m")],
            "ab",
            id="repeated-with-a-call",
        ),
        pytest.param(
            [said("a", timestamp_ms=1), said("a", model_call_id="m"), ACT, said("b", timestamp_ms=2), said("ab")],
            "a\n\nb",
            id="repeated-from-the-start",
        ),
        pytest.param([said("a", timestamp_ms=1), said("abc"), result("abc")], "abc", id="a-piece-lost"),
        pytest.param([result("only here")], "only here", id="result-alone"),
        pytest.param([b"[1]", b"null", b"{", b'{"type":7}', said("x"), result("x")], "x", id="nonsense"),
    ],
)
def test_no_word_twice_and_none_lost(lines: list[bytes], expected: str) -> None:
    """
    Builds differ in what they repeat.
    """
    reader = CursorDecoder(link(ProviderConfig(kind="cursor")), streamed=True)
    found: list[Any] = [event for line in lines for event in reader.feed(line)]
    if reader.result is not None:
        found += reader.end()

    assert text(found) == expected


@pytest.mark.parametrize("streamed", [True, False])
def test_a_failed_result_is_told_with_its_tokens(*, streamed: bool) -> None:
    """
    What a run used is known whether it came to an answer or not.
    """
    reader = CursorDecoder(link(ProviderConfig(kind="cursor")), streamed=streamed)
    used = {"inputTokens": 30, "outputTokens": 2}
    line = {"type": "result", "subtype": "error", "is_error": True, "result": "x", "usage": used, "request_id": "R"}
    reader.feed(json.dumps(line).encode())

    with pytest.raises(Broken):
        reader.end()
    assert reader.owed() == [ServedBy(request_id="R"), Usage(30, 2)]
    assert reader.owed() == []


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Error: Not logged in", Unauthorized),
        ("ConnectError: [unauthenticated] Error", Unauthorized),
        ("ConnectError: [permission_denied] no", Unauthorized),
        ("ConnectError: [invalid_argument] Error", Rejected),
        ("ConnectError: [not_found] Error", ModelNotFound),
        ("ConnectError: [resource_exhausted] Error", Unavailable),
        ("api_error: Request failed with status code 401", Unauthorized),
        ("ConnectError: HTTP 402", QuotaExhausted),
        ("ConnectError: HTTP status: 422", Rejected),
        ("You've hit your usage limit", QuotaExhausted),
        ("Cannot use this model: x. Available models: auto", ModelNotFound),
        ("prompt is too long", ContextTooLong),
        ("429 Too Many Requests", RateLimited),
        ("Error: read ECONNRESET", Unavailable),
        ("ENOENT: rename '/h/.cursor/cli-config.json.tmp'", Unavailable),
        ("TypeError: x is not a function", Broken),
    ],
)
def test_words_decide(words: str, kind: type[ProviderError]) -> None:
    """
    Exit codes say nothing; what nobody knows is not tried again.
    """
    assert verdict(words) is kind


def test_models_and_version(tmp_path: Path) -> None:
    """
    The list is read past its colours and tips.
    """
    fake = Fake("answer", tmp_path)

    async def main() -> tuple[Any, str]:
        try:
            return await fake.cursor.models(), await fake.cursor.check()
        finally:
            await fake.cursor.close()

    listed, version = asyncio.run(main())

    assert listed == [
        ListedModel("auto"),
        ListedModel("gpt-6-sol-high"),
        ListedModel("claude-sonnet-5-5[thinking=true]"),
    ]
    assert version == f"{sys.executable} 2026.09.18-ab12cd3"


def _install(directory: Path, name: str, case: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    script = directory / name
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" {case} "{directory}/log.jsonl" "$@"\n', "utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


@pytest.mark.parametrize(
    ("names", "place", "expected"),
    [
        pytest.param({"cursor-agent": "answer", "agent": "grok"}, "bin", "cursor-agent", id="own-name-first"),
        pytest.param({"agent": "answer"}, "bin", "agent", id="proven"),
        pytest.param({"agent": "grok"}, "bin", None, id="another-tool"),
        pytest.param({"cursor-agent": "answer"}, "home/.local/bin", "cursor-agent", id="not-on-path"),
        pytest.param({"cursor": "answer"}, "bin", None, id="the-editor"),
    ],
)
def test_which_program_is_asked(names: dict[str, str], place: str, expected: str | None, tmp_path: Path) -> None:
    """
    `cursor-agent`, else an `agent` that proves to be Cursor's; never the editor.
    """
    made = {name: _install(tmp_path / place, name, case) for name, case in names.items()}
    env = dict(os.environ) | {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path / "home")}
    cursor: Cursor = factory("cursor")(link(ProviderConfig(kind="cursor"), env))  # type: ignore[assignment]

    async def main() -> str:
        try:
            return await cursor.check()
        except Unauthorized as exc:
            return exc.message
        finally:
            await cursor.close()

    said = asyncio.run(main())

    if expected is None:
        assert "is not" in said
    else:
        assert said == f"{made[expected]} 2026.09.18-ab12cd3"


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    """
    It surely cost nothing.
    """
    script = tmp_path / "broken"
    script.write_text("#!/no/such/interpreter\n", "utf-8")
    script.chmod(0o755)
    cursor: Cursor = factory("cursor")(link(ProviderConfig(kind="cursor", command=(str(script),))))  # type: ignore[assignment]

    async def main() -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            await cursor.send(HELLO, "auto", ignore)
        await cursor.close()
        return caught.value

    found = asyncio.run(main())

    assert (type(found), found.may_be_billed) == (Broken, False)
    assert "cannot be started: No such file or directory" in found.message
