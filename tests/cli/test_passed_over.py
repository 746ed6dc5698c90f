"""What a person is told when another model answered than the one that comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Llmo

PROFILE = """
[providers.there]
kind = "openai"
api_key_env = "KEY_THAT_IS_NOT_SET"
[providers.here]
kind = "offline"
[tasks.general]
primary = ["there/gpt-4o", "here/echo"]
"""
SAID = "llmo: there/gpt-4o was not asked: KEY_THAT_IS_NOT_SET is not set"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(("ask", "hello"), True, id="the chain's first"),
        pytest.param(("ask", "hello", "-m", "here/echo"), False, id="nobody came before it"),
        pytest.param(("ask", "hello", "--strategy", "cheapest"), False, id="the order was asked for"),
    ],
)
def test_a_terminal_is_told_why_the_first_model_was_not_asked(llmo: Llmo, args: tuple[str, ...], told: bool) -> None:
    """
    In one line beside the answer; programs find it in the plan.
    """
    path = llmo.home / "p.toml"
    path.write_text(PROFILE, "utf-8")
    shown, piped = llmo("-P", path, *args, tty=True), llmo("-P", path, *args)

    assert (shown.code, piped.code) == (0, 0), (shown, piped)
    assert (SAID in f"{shown.stdout}{shown.stderr}".replace("\r\n", "\n")) is told
    assert SAID not in piped.stderr
