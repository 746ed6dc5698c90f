"""What is printed and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmo import privacy
from llmo.redact import masked, remember

if TYPE_CHECKING:
    from llmo.config import Detector


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


def test_a_remembered_value_is_masked_as_json_and_addresses_spell_it() -> None:
    """
    A key of no known form, in whatever wrapping a server echoes it.
    """
    remember('q"7/zz+correct')

    said = r'a q"7/zz+correct b "q\"7/zz+correct" c ?x=q%227%2Fzz%2Bcorrect'
    assert masked(said) == 'a **** b "****" c ?x=****'
