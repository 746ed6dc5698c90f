"""What is printed and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmo.routing import privacy
from llmo.types import redact
from llmo.types.redact import masked, masked_json, remember, watch

if TYPE_CHECKING:
    from llmo.config.profile import Detector


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test rests on what another one remembered."""
    monkeypatch.setattr(redact, "_known", {})
    monkeypatch.setattr(redact, "_environments", [])


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("key sk-abcdefgh12345678 is wrong", "key sk-**** is wrong"),
        ("Authorization: Bearer abcdefgh1234", "Authorization: Bearer****"),
        ("my own s3cr3tvalue here", "my own **** here"),
        ("a short sk-1 and words", "a short sk-1 and words"),
    ],
)
def test_keys_are_masked(given: str, shown: str) -> None:
    """
    By their shape, and by their value where it is known.
    """
    assert masked(given, "s3cr3tvalue", None) == shown


SECRETS: tuple[Detector, ...] = ("secrets",)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param("api_key=abcdef123456 tail", "api_key=**** tail", id="assignment"),
        pytest.param("OPENAI_API_KEY=abcdefgh", "OPENAI_API_KEY=****", id="variable"),
        pytest.param("x-api-key:abcdefghijk", "x-api-key:****", id="header without a space"),
        pytest.param("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic****", id="basic"),
        pytest.param('{"apiKey": "hunter2hunter2", "a": 1}', '{"apiKey": "****", "a": 1}', id="JSON"),
        pytest.param(r"{\"api_key\": \"secretvalue9\"}", r"{\"api_key\": \"****\"}", id="JSON in JSON"),
        pytest.param("https://x/v1?key=abcdefg123&alt=sse", "https://x/v1?key=****&alt=sse", id="address"),
        pytest.param("xai-abcdefgh12345678 x", "xai-**** x", id="xAI"),
        pytest.param("ghs_abcdefgh12345678 x", "ghs_**** x", id="GitHub"),
        pytest.param(f"token {JWT}.", "token ****.", id="JWT"),
        pytest.param(
            "a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b",
            "a -----BEGIN RSA PRIVATE KEY-----**** b",
            id="private key",
        ),
        pytest.param("-----BEGIN PRIVATE KEY-----\nMIIE", "-----BEGIN PRIVATE KEY-----****", id="half a private key"),
        pytest.param(
            'api_key: required; {"max_tokens": 1024, "input_tokens": 12345678}; bearer token missing',
            'api_key: required; {"max_tokens": 1024, "input_tokens": 12345678}; bearer token missing',
            id="words stay",
        ),
        pytest.param(
            "providers.x.api_key: unknown key; password: wrong, try again",
            "providers.x.api_key: unknown key; password: wrong, try again",
            id="what is said of a key stays",
        ),
        pytest.param("authorization: token abcdefgh12 x", "authorization: token**** x", id="scheme in lower case"),
        pytest.param("api_key: secretvalue", "api_key:****", id="one word"),
        pytest.param('"api_key": "correct horse"', '"api_key": "****"', id="quoted words"),
    ],
)
def test_what_a_name_or_a_form_gives_away_is_masked(given: str, shown: str) -> None:
    """
    In assignments, headers, JSON and addresses, whatever the value looks like; the words around it stay.
    """
    assert masked(given) == shown


@pytest.mark.parametrize(
    "key",
    [
        *("sk-" + "a1" * 12, "sk-ant-" + "a1" * 12, "gsk_" + "a1" * 20, "xai-" + "a1" * 20, "pplx-" + "a1" * 20),
        *("ghp_" + "a1" * 18, "ghs_" + "a1" * 18, "hf_" + "a1" * 17, "glpat-" + "a1" * 10, "AKIA" + "A1" * 8),
        *("AIza" + "a1" * 18, "xoxb-" + "a1" * 10, "github_pat_" + "a1" * 20, JWT, "api_key = 'a1b2c3d4e5f6a7b8c9'"),
        *("password: hunter22", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc"),
    ],
)
def test_what_is_masked_is_private_too(key: str) -> None:
    """
    One list: a key that is hidden in messages does not leave this machine, and the other way round.
    """
    text = f"my key: {key} end"

    assert (masked(text) != text, bool(privacy.find(text, SECRETS))) == (True, True)


@pytest.mark.parametrize(
    "key",
    [
        *("sk-" + "a1" * 10, "pk-" + "a1" * 16, "rk-" + "a1" * 16, "gsk_" + "a1" * 16, "xai-" + "a1" * 16),
        *("pplx-" + "a1" * 16, "csk-" + "a1" * 16, "nvapi-" + "a_" * 20, "tgp_v1_" + "a-" * 15, "AIza" + "a1-_B" * 7),
        *("ya29." + "a-" * 15, "hf_" + "aB" * 15, "r8_" + "aB" * 16, "fw_" + "aB" * 11, "key_" + "a1" * 32),
        *("crsr_" + "a1" * 16, "lsv2_pt_" + "a_" * 16, "lsv2_sk_" + "a1" * 16, "gho_" + "aB" * 15, "ghu_" + "aB" * 15),
        *("ghr_" + "aB" * 15, "github_pat_" + "a_" * 15, "glpat-" + "a-" * 10, "xoxa-" + "1-" * 5, "xoxp-" + "1-" * 5),
        *("xoxe-" + "1-" * 5, "xoxr-" + "1-" * 5, "xoxs-" + "1-" * 5, "xapp-" + "1-" * 10, "ASIA" + "A1" * 8),
        *("sk_live_" + "aB" * 10, "rk_test_" + "aB" * 10, "npm_" + "aB" * 18, "pypi-" + "a-" * 25),
    ],
)
def test_a_key_of_the_shortest_form_that_its_vendor_gives_is_found_and_masked(key: str) -> None:
    """
    Whole: only its prefix may be shown; one letter before it makes it a word.
    """
    shown = masked(f"say {key} here")

    assert privacy.find(f"say {key} here", SECRETS)
    assert shown.endswith("**** here")
    assert key[-6:] not in shown
    assert not privacy.find(f"say x{key} here", SECRETS)


def test_a_remembered_value_is_masked_as_json_and_addresses_spell_it() -> None:
    """
    A key of no known form, in whatever wrapping a server echoes it.
    """
    remember('q"7/zz+correct')

    said = r'a q"7/zz+correct b "q\"7/zz+correct" c ?x=q%227%2Fzz%2Bcorrect'
    assert masked(said) == 'a **** b "****" c ?x=****'


def test_a_remembered_value_that_escapes_change_at_its_ends_is_masked_whole() -> None:
    """
    No character of it is left, and where a value holds another one the longer is hidden as one.
    """
    remember(
        "zebra-123",
        "abc-zebra-123",
        '"quoted/ends"',
        "/a/b/c/d/e/f",
        "alike-first",
        "alike-first-and-longer",
        "exactly8",
    )

    assert masked(r'"\"quoted/ends\"" and %2Fa%2Fb%2Fc%2Fd%2Fe%2Ff.') == '"****" and ****.'
    assert masked("of abc-zebra-123 and zebra-123") == "of **** and ****"
    assert masked("alike-first-and-longer, alike-first; exactly8") == "****, ****; ****"
    assert (masked("pin 1234 is", "1234"), masked("pin 123 is", "123")) == ("pin **** is", "pin 123 is")


def test_what_an_environment_calls_secret_is_masked() -> None:
    """
    By the names of its variables, whenever it became known; everything else of it may be shown.
    """
    watch({"ACME_API_KEY": "one-of-no-form", "HOME": "/home/somebody"})
    watch({"ACME_PASSWORD_2": "two-of-no-form"})

    assert masked("one-of-no-form /home/somebody two-of-no-form") == "**** /home/somebody ****"


def test_json_is_masked_at_any_depth() -> None:
    """
    Texts in objects and lists; numbers and names stay.
    """
    key = "sk-abcdefgh12345678"

    assert masked_json({"a": key, "n": 7, "b": [key, ("x", key), None]}) == {
        "a": "sk-****",
        "n": 7,
        "b": ["sk-****", ["x", "sk-****"], None],
    }


def test_each_kind_of_secret_is_named() -> None:
    """
    In a fixed order, whatever comes first.
    """
    text = f"password: hunter22 sk-{'a1' * 12} -----BEGIN PRIVATE KEY----- token={'a1B2c3D4' * 4}"

    assert privacy.find(text, SECRETS) == ("private key", "API key", "password", "access token")
