"""What a terminal prints and does not obey, and what it does not hide; a pipe gets the exact bytes."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.render.screen import Screen, escaped, styled, visible
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Llmo, Run

TAGS = "".join(chr(0xE0000 + ord(char)) for char in "rm -rf")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param("\x1b]0;title\x07", "␛]0;title␇", id="title"),
        pytest.param("\x1b]52;c;aGk=\x1b\\", "␛]52;c;aGk=␛\\", id="clipboard"),
        pytest.param("\x1b]8;;http://evil\x07text\x1b]8;;\x07", "␛]8;;http://evil␇text␛]8;;␇", id="hidden link"),
        pytest.param("\x9b2J", "\ufffd2J", id="C1"),
        pytest.param("\x7f", "␡", id="DEL"),
        pytest.param("safe\roverwritten", "safeoverwritten", id="carriage return"),
        pytest.param("a\u202eb\u2066c\u061cd\u200fe", "a\ufffdb\ufffdc\ufffdd\ufffde", id="order of reading"),
        pytest.param("a\u200bb\u200cc\u200dd\u2060e\ufefff", "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf", id="no width"),
        pytest.param(f"hi{TAGS}", "hi" + "\ufffd" * 6, id="tags"),
        pytest.param("a\ufe0fb\U000e0101c😀\U000e0101", "a\ufffdb\ufffdc😀\ufffd", id="selectors that select nothing"),
        pytest.param("😀\ufe0f\ufe0f", "😀\ufe0f\ufffd", id="selectors in a row"),
        pytest.param("a\u2028b\u2029c\ufff9d", "a\ufffdb\ufffdc\ufffdd", id="separators and annotation"),
        pytest.param("a\u3164b\u115fc\uffa0d", "a\ufffdb\ufffdc\ufffdd", id="letters without a shape"),
        pytest.param("Donau\xaddampf", "Donau\xaddampf", id="soft hyphen in a word"),
        pytest.param("rm\xad -rf", "rm\ufffd -rf", id="soft hyphen elsewhere"),
        pytest.param("half \ud83d", "half \ufffd", id="half a character"),
    ],
)
def test_a_terminal_prints_and_does_not_obey(given: str, shown: str) -> None:
    """
    A model can't move the cursor, set the title, write the clipboard, turn the order or hide a text.
    """
    assert visible(given) == shown


WORDS = {
    "ASCII": "tab\tline\nand ~!@#$%^&*()",
    "emoji": "🎉 👨‍👩‍👧‍👦 ❤️‍🔥 🏳️‍🌈 👩🏽‍💻 1️⃣ ☺️ 🇩🇪 ©️",
    "Hebrew with a mark": "שלום\u200f! עברית",
    "Persian": "می‌خواهم نمی‌دانم",
    "Hindi": "क्‍ष क्‌ष",
    "Malayalam": "അവന്‍ പറഞ്ഞു",
    "Khmer": "ភាសា\u200bខ្មែរ",
    "Japanese with a variant": "葛\U000e0100城 辻\ufe00",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ\u180e\u1820 ᠪᠢ\u180bᠴ",
    "mathematics": "∩︀ x ≤ y",
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in WORDS.items()])
def test_what_people_write_stays(text: str) -> None:
    """
    Joiners, marks and selectors are part of scripts and emoji; JSON keeps them too.
    """
    assert (text, text) == (visible(text), escaped(text))


PARTS = st.sampled_from(
    [*"ab \n\t\x1b[0m\x9b\r", "\u200d", "\u200c", "\u200b", "\u200f", "\u202e", "\ufe0f", "\xad", "\u180e", "\U000e0041",
     "👨", "🏽", "❤", "ش", "ק", "क", "\u094d", "ខ", "ᠮ", "葛", "\U000e0100", "1", "\ud83d"]
)  # fmt: skip
ALL_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\u2060-\u206f\ufff9-\ufffb\U000e0000-\U000e007f]"
)


@given(st.lists(PARTS, max_size=30).map("".join), st.lists(st.integers(0, 30), max_size=6))
def test_pieces_read_as_the_whole(text: str, cuts: list[int]) -> None:
    """
    Wherever a text is cut: in a sequence, in a family of emoji, between a letter and its joiner.
    """
    at = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    screen = Screen()
    pieces = [screen.feed(text[begin:end]) for begin, end in pairwise(at)]

    assert "".join([*pieces, screen.end()]) == visible(text)


@given(st.one_of(st.text(), st.lists(PARTS).map("".join)))
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    """
    In no text, and again it is the same.
    """
    shown = visible(text)

    assert (None, shown) == (ALL_HIDDEN.search(shown), visible(shown))


@given(st.one_of(st.text(), st.lists(PARTS).map("".join)))
def test_json_on_a_terminal_is_the_same_json(text: str) -> None:
    """
    Escaped, not replaced: nothing is lost, and nothing is obeyed.
    """
    shown = escaped(json.dumps({text: [text]}, ensure_ascii=False))

    assert ({text: [text]}, None) == (json.loads(shown), ALL_HIDDEN.search(shown))


def test_colours_of_our_own_stay() -> None:
    """
    Styles pass where llmo has drawn; every other sequence is shown.
    """
    assert styled("\x1b[1mhead\x1b[0m \x1b[2J\x1b]0;x\x07") == "\x1b[1mhead\x1b[0m ␛[2J␛]0;x␇"


EVIL = f"<\x1b]0;pwned\x07\x9b31m\u202eabc\u200b{TAGS}\x7f\r\u2028>"
"""What no terminal may get as it is: a title, a colour by C1, an override, hidden text."""
ENTITIES = "&#x202e;turned &#x200b;&#xE0041; &#x1b;[31m &#155;2J [text](http://evil.example/\u202e)"
HOSTILE = re.compile("\x1b\\]|\x07|\x9b|\x7f|\u202e|\u200b|\u2028|[\U000e0000-\U000e007f]")


def answer(text: str) -> bytes:
    said = {"message": {"content": text}, "index": 0, "finish_reason": "stop"}
    return whole({"id": "c", "model": f"m{EVIL}", "choices": [said]})


class Terminal:
    """llmo on a terminal, with a provider whose every word is hostile."""

    def __init__(self, llmo: Llmo, server: RawServer) -> None:
        self.llmo = llmo
        self.path = llmo.home / "p.toml"
        self.path.write_text(
            f'model = "peer/m"\n[providers.peer]\nkind = "openai"\nbase_url = "{server.url}/v1"\nlocal = true\n'
            f'models = ["m", "x{chr(0x202E)}y"]\n[[budgets]]\nname = "b{chr(0x202E)}"\nlimit_usd = "5"\n',
            "utf-8",
        )

    def __call__(self, *args: str, **how: Any) -> Run:
        return self.llmo("-P", self.path, *args, **how)


@pytest.fixture
def terminal(llmo: Llmo) -> Iterator[Terminal]:
    with RawServer([answer(EVIL)]) as server:
        yield Terminal(llmo, server)


ASK = ("ask", "--no-stream", "--tag", f"k={EVIL}".replace("\x7f", ""), f"prompt {EVIL}")
COMMANDS = [
    pytest.param(ASK, id="ask"),
    pytest.param((*ASK, "--raw"), id="raw"),
    pytest.param((*ASK, "--json"), id="json"),
    pytest.param((*ASK, "--ndjson"), id="ndjson"),
    pytest.param((*ASK, "--dry-run"), id="dry run"),
    pytest.param((*ASK, "--dry-run", "--json"), id="dry run as JSON"),
    pytest.param(("ask", "--compare", "-m", "peer/m", "-m", "peer/x\u202ey", "x"), id="compare"),
    pytest.param(("ask", "--compare", "-m", "peer/m", "-m", "peer/x\u202ey", "x", "--json"), id="compare as JSON"),
    pytest.param(("ask", "-m", f"nobody{EVIL}", "x"), id="unknown model"),
    pytest.param(("ask", "-m", f"nobody{EVIL}", "x", "--json"), id="unknown model as JSON"),
    pytest.param((f"--{EVIL}",), id="unknown flag"),
    pytest.param(("batch", "rows.jsonl"), id="batch"),
    pytest.param(("batch", "rows.jsonl", "--output-format", "csv"), id="batch as CSV"),
    pytest.param(("batch", "rows.jsonl", "--output-format", "openai-batch"), id="batch as OpenAI's"),
    pytest.param(("batch", "rows.jsonl", "--dry-run"), id="batch dry run"),
    pytest.param(("batch", "rows.jsonl", "--dry-run", "--json"), id="batch dry run as JSON"),
    pytest.param(("route", f"prompt {EVIL}"), id="route"),
    pytest.param(("route", f"prompt {EVIL}", "--json"), id="route as JSON"),
    pytest.param(("models",), id="models"),
    pytest.param(("models", "--json"), id="models as JSON"),
    pytest.param(("models", "--names"), id="names"),
    pytest.param(("cost", "--by", "tag:k"), id="cost"),
    pytest.param(("cost", "--by", "tag:k", "--json"), id="cost as JSON"),
    pytest.param(("cost", "--by", "tag:k", "--csv"), id="cost as CSV"),
    pytest.param(("cost", "--by", "tag:k", "--plot", "--budgets"), id="cost drawn"),
    pytest.param(("cost", "--export", "-"), id="export"),
    pytest.param(("profile", "show"), id="profile"),
    pytest.param(("profile", "show", "--json"), id="profile as JSON"),
    pytest.param(("profile", "check", "--probe"), id="check"),
    pytest.param(("profile", "check", "--json"), id="check as JSON"),
    pytest.param(("--debug", "ask", "x"), id="debug"),
]


@pytest.mark.parametrize("args", COMMANDS)
def test_no_command_lets_a_stranger_drive_the_terminal(terminal: Terminal, args: tuple[str, ...]) -> None:
    """
    Answers, names of models and tags, prompts, budgets, errors: nothing of a stranger's reaches it as it came.
    """
    (terminal.llmo.home / "rows.jsonl").write_text(json.dumps({"text": f"row {EVIL}"}) + "\n", "utf-8")
    if args[0] == "cost":
        terminal(*ASK)
    run = terminal(*args, tty=True)

    assert not HOSTILE.search(run.stdout), run
    assert run.stdout


def test_json_on_a_terminal_can_be_read_again(terminal: Terminal) -> None:
    """
    What was escaped is the answer, character by character.
    """
    run = terminal("ask", "x", "--json", "--no-stream", "-q", tty=True)

    assert EVIL == run.json["text"]


def test_a_pipe_gets_the_exact_text(terminal: Terminal) -> None:
    """
    As text and as JSON.
    """
    plain = terminal("ask", "x", "--no-stream")
    assert (EVIL, EVIL) == (plain.raw.decode(), terminal("ask", "x", "--no-stream", "--json").json["text"])


def test_entities_of_markdown_are_looked_at_after_they_are_read(llmo: Llmo) -> None:
    """
    `&#x202e;` is an override only when the markdown has been rendered.
    """
    with RawServer([answer(ENTITIES)]) as server:
        run = Terminal(llmo, server)("ask", "x", "--no-stream", "-q", tty=True)

    assert "turned" in run.stdout
    assert not HOSTILE.search(run.stdout), run
    assert "\x1b[31m" not in run.stdout
    assert "\x1b]8" not in run.stdout


def test_an_error_of_a_server_is_shown_not_obeyed(llmo: Llmo) -> None:
    """
    On stderr as well.
    """
    with RawServer([whole({"error": {"message": f"no {EVIL}"}}, status="400 Bad Request")]) as server:
        run = Terminal(llmo, server)("ask", "x", "--no-stream", tty=True)

    assert "no" in run.stdout
    assert not HOSTILE.search(run.stdout), run


def test_a_long_block_of_markdown_is_not_read_at_each_of_its_lines(tmp_path: Path) -> None:
    """
    Counted by what the parser is given: a few times the block, not once for each line of it.
    """
    from llmo.render.stream import Markdown

    read = 0

    class Parser:
        def parse(self, text: str, env: object = None) -> list[Any]:
            del env
            nonlocal read
            read += len(text)
            return []

    with (tmp_path / "out").open("w") as out:
        writer = Markdown(out, color=False, width=80, terminal=False)
        writer._parser = Parser()  # type: ignore[assignment]
        for _ in range(5000):
            writer.text("a line of a block of code\n")
    size = 5000 * len("a line of a block of code\n")

    assert read < 80 * size
