"""Private is sticky: what made a conversation so once, keeps it on this machine; and who is let through by name."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmo as library
from llmo.errors import ConfigError, UsageError
from llmo.routing import personal_numbers
from llmo.storage.history import History, PrivacyReason
from llmo.types.clock import SystemClock
from llmo.types.messages import Message
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Llmo, Run

CARD = "my card is 4111 1111 1111 1111"
SAID = {"id": "c-1", "model": "m", "choices": [{"index": 0, "message": {"content": "Hi."}, "finish_reason": "stop"}]}
PRIVATE = "not on this machine, but the request is private"


class Cloud:
    """llmo with a provider on this machine and one elsewhere, which is a forwarder and so never local."""

    def __init__(self, llmo: Llmo, server: RawServer) -> None:
        self.llmo, self.server = llmo, server
        self.env = {"CLOUD_KEY": "key-of-cloud"}
        self.path = llmo.home / "p.toml"
        self.write()

    def write(self, more: str = "") -> None:
        """The profile."""
        self.path.write_text(
            'model = "here/echo"\n'
            '[providers.here]\nkind = "offline"\nlocal = true\n'
            f'[providers.cloud]\nkind = "litellm-proxy"\nbase_url = "{self.server.url}/v1"\napi_key_env = "CLOUD_KEY"\n'
            f"{more}\n",
            "utf-8",
        )

    def __call__(self, *args: str, **how: Any) -> Run:
        return self.llmo("-P", self.path, *args, env=self.env, **how)

    @property
    def bodies(self) -> list[str]:
        """What the cloud got."""
        return [one.body.decode() for one in self.server.requests]


@pytest.fixture
def cloud(llmo: Llmo) -> Iterator[Cloud]:
    with RawServer([whole(SAID)]) as server:
        yield Cloud(llmo, server)


def ask_flag(cloud: Cloud) -> Run:
    return cloud("ask", "--private", "--json", "the plan is secret")


def ask_profile(cloud: Cloud) -> Run:
    cloud.write("[privacy]\nlocal_only = true")
    run = cloud("ask", "--json", "the plan is secret")
    cloud.write()
    return run


def ask_card(cloud: Cloud) -> Run:
    run = cloud("ask", "--json", CARD)
    cloud.write("[privacy]\ndetect = []")
    return run


def ask_later(cloud: Cloud) -> Run:
    cloud("ask", "hello")
    run = cloud("ask", "-c", "--private", "--json", "the plan is secret")
    assert run.code == 0, run
    return cloud("ask", "-c", "--json", "and more")


@pytest.mark.parametrize("begun", [ask_flag, ask_profile, ask_card, ask_later])
@pytest.mark.parametrize("how", ["continue", "name"])
def test_a_private_conversation_stays_on_this_machine(cloud: Cloud, begun: Callable[[Cloud], Run], how: str) -> None:
    """
    Whatever made it so: the flag, the profile, what was found in it (although the profile looks no longer), a later turn.
    """
    first = begun(cloud)
    on = ("-c",) if how == "continue" else ("--conversation", first.json["conversation"])
    run = cloud("ask", *on, "-m", "cloud/m", "--json", "go on")
    again = cloud("ask", *on, "--json", "and here?")

    assert (0, 4, "config", []) == (first.code, run.code, run.json["error"]["kind"], cloud.bodies), run
    assert PRIVATE in run.json["error"]["message"]
    assert (0, "here") == (again.code, again.json["provider"])


def test_the_message_names_the_conversation(cloud: Cloud) -> None:
    """
    One line says why, one what to do.
    """
    name = ask_flag(cloud).json["conversation"]
    run = cloud("ask", "-c", "-q", "-m", "cloud/m", "go on")

    assert run.stderr.splitlines() == [
        f"llmo: no model on this machine can answer: cloud/m: {PRIVATE} (conversation {name} is private)",
        "hint: mark a provider local = true, start Ollama, or start a new conversation",
    ]


def test_earlier_turns_are_looked_at(cloud: Cloud) -> None:
    """
    Of a conversation of which nothing is known, as those of an older llmo: the card is in its first turn.
    """
    cloud("ask", CARD)
    with contextlib.closing(sqlite3.connect(cloud.llmo.home / "data" / "history.db")) as db:
        db.executescript("DROP TABLE private; PRAGMA user_version = 1;")
    run = cloud("ask", "-c", "-m", "cloud/m", "--json", "go on")

    assert (4, []) == (run.code, cloud.bodies), run
    assert f"{PRIVATE} (card number in the prompt)" in run.json["error"]["message"]


def test_an_open_conversation_goes_anywhere(cloud: Cloud) -> None:
    """
    One that never was private is sent as before.
    """
    cloud("ask", "hello")
    run = cloud("ask", "-c", "-m", "cloud/m", "--no-stream", "--json", "go on")

    assert (0, "Hi.", 1) == (run.code, run.json["text"], len(cloud.bodies)), run
    assert "hello" in cloud.bodies[0]


ROWS = json.dumps({"text": CARD}) + "\n"


@pytest.mark.parametrize(
    ("args", "stdin"),
    [
        pytest.param(("ask", CARD, "-m", "cloud/m", "--no-stream"), None, id="ask"),
        pytest.param(("batch", "-", "-m", "cloud/m"), ROWS, id="batch"),
        pytest.param(("ask", CARD, "--compare", "-m", "cloud/m", "-m", "here/echo", "--no-stream"), None, id="compare"),
    ],
)
def test_detected_data_goes_to_the_provider_that_is_named(cloud: Cloud, args: tuple[str, ...], stdin: Any) -> None:
    """
    With --allow-private-to it is sent, without it is not.
    """
    closed = cloud(*args, stdin=stdin)
    before = cloud.bodies
    run = cloud(*args, "--allow-private-to", "cloud", stdin=stdin)

    assert ([], 0, 1) == (before, run.code, len(cloud.bodies)), (closed, run)
    assert "4111" in cloud.bodies[0]


def test_route_says_who_may_have_it(cloud: Cloud) -> None:
    """
    The plan is that of `ask`.
    """
    plain = cloud("route", CARD, "-m", "cloud/m", "--json").json
    allowed = cloud("route", CARD, "-m", "cloud/m", "--json", "--allow-private-to", "cloud").json

    assert [(None, True), (1, True)] == [(one["candidates"][0]["rank"], one["private"]) for one in (plain, allowed)]
    assert "requested with -m, private data may go there" == allowed["candidates"][0]["why"]


def test_a_conversation_with_private_data_needs_the_word_each_time(cloud: Cloud) -> None:
    """
    Allowed once is not allowed for good, and not for another provider.
    """
    first = cloud("ask", CARD, "-m", "cloud/m", "--no-stream", "--allow-private-to", "cloud", "--json")
    without = cloud("ask", "-c", "go on", "-m", "cloud/m", "--json")
    other = cloud("ask", "-c", "go on", "-m", "cloud/m", "--allow-private-to", "here", "--json")
    run = cloud("ask", "-c", "go on", "-m", "cloud/m", "--no-stream", "--allow-private-to", "cloud", "--json")

    assert [0, 4, 4, 0] == [one.code for one in (first, without, other, run)], (without, run)
    assert len(cloud.bodies) == 2


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        pytest.param(("ask", "x", "--private"), 2, "--private and --allow-private-to cannot be combined", id="flag"),
        pytest.param(
            ("batch", "rows", "--private"), 2, "--private and --allow-private-to cannot be combined", id="batch"
        ),
        pytest.param(
            ("ask", "-c", "x"),
            4,
            "nothing may be sent to cloud: the request is private (conversation",
            id="conversation",
        ),
        pytest.param(("ask", "x", "--allow-private-to", "clout"), 4, "unknown provider: clout", id="unknown"),
    ],
)
def test_nobody_is_let_through_what_was_asked_for(cloud: Cloud, args: tuple[str, ...], code: int, said: str) -> None:
    """
    --allow-private-to is for what was detected: against a flag or a private conversation it is an error.
    """
    ask_flag(cloud)
    run = cloud(*args, "-m", "cloud/m", "--allow-private-to", "cloud")

    assert (code, True, []) == (run.code, said in run.stderr, cloud.bodies), run


def test_the_profile_can_forbid_it(cloud: Cloud) -> None:
    """
    `local_only` is as --private is.
    """
    cloud.write("[privacy]\nlocal_only = true")
    run = cloud("ask", CARD, "-m", "cloud/m", "--allow-private-to", "cloud")

    assert (4, []) == (run.code, cloud.bodies), run
    assert "nothing may be sent to cloud: the request is private (privacy.local_only of the profile)" in run.stderr


def test_programs_can_name_a_provider(cloud: Cloud) -> None:
    """
    `allow_private_to` of the client; all turns of a conversation are looked at, and private=True wins.
    """
    turns = [
        {"role": "user", "content": CARD},
        {"role": "assistant", "content": "ok"},
        {"role": "user", "content": "on"},
    ]
    env = cloud.llmo.env(cloud.env)
    with library.Client(cloud.path, env=env) as client:
        with pytest.raises(ConfigError, match=PRIVATE):
            client.ask(turns, model="cloud/m")
        with pytest.raises(UsageError, match="private and allow_private_to cannot be combined"):
            client.ask(turns, model="cloud/m", private=True, allow_private_to="cloud")
        assert [] == cloud.bodies
        assert "here" == getattr(client.ask(turns, model=["cloud/m", "here/echo"]).target, "provider", None)
        list(client.stream(turns, model="cloud/m", allow_private_to=["cloud"]))

    assert len(cloud.bodies) == 1


def test_history_keeps_why_and_forgets_with_the_texts(tmp_path: Path) -> None:
    """
    Reasons add up and are never taken back; a pruned conversation leaves none behind.
    """
    history = History(tmp_path / "h.db", SystemClock())

    def add(private: PrivacyReason | None) -> PrivacyReason | None:
        history.append("c", [Message("user", "x")], target="a/b", retention_days=0, private=private)
        return history.privacy_reason("c")

    said = [
        add(None),
        add(PrivacyReason(asked=False, kinds=("IBAN",))),
        add(PrivacyReason(asked=True, kinds=("API key",))),
    ]
    said.append(add(None))
    history.prune(SystemClock().now() + 1)

    both = PrivacyReason(asked=True, kinds=("IBAN", "API key"))
    assert [None, PrivacyReason(asked=False, kinds=("IBAN",)), both, both] == said
    assert history.privacy_reason("c") is None


def test_a_history_of_a_newer_program_is_left_alone(llmo: Llmo) -> None:
    """
    It may say what this one does not understand, so nothing of it is sent.
    """
    llmo("ask", "hello", "-P", "offline")
    with contextlib.closing(sqlite3.connect(llmo.home / "data" / "history.db")) as db:
        db.execute("PRAGMA user_version = 99")
    run = llmo("ask", "-c", "hello", "-P", "offline")

    assert (4, True) == (run.code, "written by a newer llmo" in run.stderr), run


@settings(max_examples=300)
@given(st.text(alphabet="0123456789 .-/_\u2013\u0664\u00b2x\n"))
def test_runs_of_digits_are_found_fast_where_a_plain_pattern_finds_them(text: str) -> None:
    """Also digits of other scripts, which only a text with more than ASCII has."""
    plain = re.compile(rf"\d+(?:{personal_numbers._SIGN}{{1,2}}\d+)*")
    found = personal_numbers._ASCII_RUN if text.isascii() else personal_numbers._RUN

    assert [run.span() for run in plain.finditer(text)] == [run.span() for run in found.finditer(text)]
