"""A library that prints does not spoil the result."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from llmo.providers.litellm.stdout import quiet

if TYPE_CHECKING:
    import pytest


def chatty(name: str) -> ModuleType:
    """A module of some package with a function that prints."""
    module = ModuleType(name)
    exec("def talk(text): print(text)", module.__dict__)
    return module


def test_only_the_package_is_diverted(capsys: pytest.CaptureFixture[str]) -> None:
    """
    What others print meanwhile goes where they meant it to go.
    """
    inside, outside = chatty("noisy.deep.down"), chatty("noisyneighbour")
    before = sys.stdout
    with quiet("noisy"):
        inside.talk("banner")
        outside.talk("hello")
        print("result")
        assert sys.stdout.encoding == before.encoding
    inside.talk("later")

    assert sys.stdout is before
    assert capsys.readouterr() == ("hello\nresult\nlater\n", "banner\n")


def test_calls_may_overlap(capsys: pytest.CaptureFixture[str]) -> None:
    """
    The last one to leave puts standard output back.
    """
    inside, before = chatty("noisy"), sys.stdout
    first, second = quiet("noisy"), quiet("noisy")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    inside.talk("banner")
    second.__exit__(None, None, None)

    assert sys.stdout is before
    assert capsys.readouterr() == ("", "banner\n")
