"""What counts as private data, and what doesn't."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.config.profile import PrivacyConfig
from llmo.routing import contact_data, personal_numbers, privacy
from llmo.routing.privacy import find
from llmo.types import named_secrets, sieve
from llmo.types.sieve import Sieve
from tests.routing.planted import PLANTED, written

if TYPE_CHECKING:
    from llmo.config.profile import Detector

EVERYTHING: tuple[Detector, ...] = ("secrets", "pii", "contact")
DEFAULT = PrivacyConfig().detect


@pytest.mark.parametrize(("kind", "template"), PLANTED)
def test_private_data_is_found_in_the_forms_that_people_paste(kind: str, template: str) -> None:
    """
    In the middle of a prompt, at its beginning and at its end; contact data only where the profile asks for it.
    """
    text = written(template)
    by_default = () if kind in contact_data.KINDS else (kind,)

    for around in (f"Please look at this:\n{text}\nThanks", text):
        found = find(around, EVERYTHING)
        assert kind in found, around
        assert set(by_default) <= set(find(around, DEFAULT)) <= set(found) - set(contact_data.KINDS)
        assert find(around, ()) == ()


@pytest.mark.parametrize(
    "text",
    [
        *("plain words and 123456789", "order number 4111 1111 1111 1112", "to DE88 3704 0044 0532 0130 00"),
        *(
            "0000 0000 0000 0000",
            "9999999999999995",
            "build 20240101123456789",
            "1234567890123456789012345678901234567890",
        ),
        *("ssn 000-45-6789 or 666-45-6789 or 900-45-6789 or 123-00-6789", "call 555-1234", "version 10.20.30.40"),
        *("tel 12345678901, steuer 12345678901", "BSN 111222334", "CPF 390.533.447-06", "my sin is pride 123456789"),
        *(
            "I lost my password",
            "password: str = Field(...)",
            "password = getpass.getpass()",
            "password=self.password,",
        ),
        *(
            "def login(user: str, password: str) -> None:",
            "password = os.environ['DB_PASSWORD']",
            "PASSWORD=$DB_PASSWORD",
        ),
        *(
            "password: <your password>",
            "password: ********",
            "PASSWORD=changeme",
            'label: "Password"',
            "password: Optional[str]",
        ),
        *("if password == stored_password:", "The password must be at least 8 characters.", "password is required"),
        *('<input type="password" name="password">', "passwordless login", "mot de passe oublié ?", "bypass=hunter2x"),
        *(
            "api_key=os.environ['X_API_KEY']",
            "api_key: str | None = None",
            "token = tokenizer.decode(ids)",
            "max_tokens=4096",
        ),
        *(
            "next_token=CAESEAoGCgQIAhACEAE1234567890",
            "cache_key = 'a1b2c3d4e5f6a7b8c9d0'",
            "key: gpt-4o-mini-2024-07-18",
        ),
        *("Authorization: Bearer $TOKEN", "Authorization: Bearer <token>", "https://user:password@example.com/"),
        *(
            "sk-toggleable__control-label-arrow",
            "task-force-of-the-century-and-more",
            "risk-adjusted-return-on-capital",
        ),
        *(
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ann",
            "pin 42",
        ),
        *(
            "commit 3f2a9c4e5b6d7f8091a2b3c4d5e6f70819202122",
            "uuid 123e4567-e89b-42d3-a456-426614174000",
            "sha256 " + "0f" * 32,
        ),
        *(
            "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
            "SELECT * FROM t WHERE pin = 1",
            "AKIA",
        ),
        *(
            "private_key: PKCS7PrivateKeyTypes,",
            'f"otpauth://{kind}/{label}?secret={key}"',
            "user, password, salt = line.split()\nsha256, md5, crc32 = hashes",
            "name,password,role\nann,,admin\n",
            "postgres://user:myPassword@host/db",
            "passwordField: UIPasswordTextView",
        ),
    ],
)
def test_what_only_looks_like_private_data_is_none(text: str) -> None:
    """
    Names of secrets, placeholders, code, numbers without the right check digit or the word that tells them.
    """
    assert find(text, DEFAULT) == ()


def test_source_code_is_hardly_ever_private() -> None:
    """
    Of the files of the standard library, which speak of passwords and tokens on every tenth page, one in a hundred at most.
    """
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("**/*.py"))[::3]
    texts = [one.read_text("utf-8", "replace") for one in files if "site-packages" not in one.parts]
    flagged = [text for text in texts if find(text, DEFAULT)]

    assert len(texts) > 100
    assert len(flagged) <= len(texts) / 100


def test_kinds_come_in_a_fixed_order_whatever_the_text() -> None:
    """
    Secrets, then numbers, then contact data, each once.
    """
    text = (
        "a@b.org 123-45-6789 123-45-6789 DE89370400440532013000 4111111111111111 password: hunter22"
        f" sk-{'a1' * 12} -----BEGIN PRIVATE KEY-----"
    )

    assert find(text, EVERYTHING) == (
        *("private key", "API key", "password"),
        *("card number", "IBAN", "social security number", "email address"),
    )


@pytest.mark.parametrize("detectors", [("secrets",), ("pii",), ("contact",)])
def test_a_detector_finds_what_is_its_own(detectors: tuple[Detector, ...]) -> None:
    """
    And nothing of the others.
    """
    kinds = {"secrets": "password", "pii": "card number", "contact": "email address"}
    text = "password: hunter22, 4111 1111 1111 1111, ann@example.org"

    assert find(text, detectors) == (kinds[detectors[0]],)


PIECES = (
    *(
        "pin: 1234",
        "-u ann:hunter2x",
        "token=",
        "password is ",
        "bearer ",
        "$2a$10$",
        "sk-",
        "AKIA",
        "eyJ",
        "A1b2C3d4E5f6",
    ),
    *(
        "ssn ",
        "nie ",
        "NO93",
        "12",
        "345678",
        "4111 1111 1111 1111",
        "-",
        "\u2013",
        " ",
        "é",
        '"',
        "\ud800",
        "hunter22",
    ),
)


def _without_sieves(text: str) -> tuple[str, ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sieve, "passes", lambda *_: True)
        return find(text, EVERYTHING)


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), st.sampled_from(PLANTED), st.integers(0, 40))
def test_no_sieve_rules_out_what_would_be_found(pieces: str, planted: tuple[str, str], at: int) -> None:
    """
    In such pieces alone, and in the midst of what was pasted.
    """
    pasted = written(planted[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sieve, "LOADS", 0)
        patch.setattr(sieve, "PAYS", 0)
        for text in (pieces, f"{pasted[:at]}{pieces}{pasted[at:]}"):
            assert _without_sieves(text) == find(text, EVERYTHING)


@given(st.lists(st.sampled_from(["1", "23", "456", " ", "- ", "\u2013", "a", "é"]), max_size=8).map("".join))
def test_the_sieve_for_numbers_passes_every_run_that_is_looked_at(text: str) -> None:
    """
    Those of six characters, and those beside a letter.
    """
    runs = [(one.start(), one.end()) for one in personal_numbers._RUN.finditer(text)]
    looked_at = any(
        end - begin >= 6 or text[begin - 1 : begin].isalpha() or text[end : end + 1].isalpha() for begin, end in runs
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sieve, "LOADS", 0)
        patch.setattr(sieve, "PAYS", 0)
        assert personal_numbers._ANY.passes(text) or not looked_at


def test_the_sieves_for_letters_and_digits_know_those_that_python_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Of all characters: which are invisible, which are digits, and which have a letter of a telling name in lower case.
    """
    monkeypatch.setattr(sieve, "LOADS", 0)
    monkeypatch.setattr(sieve, "PAYS", 0)
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    letters = {letter for one in named_secrets.NAMES for letter in one if letter.isalpha()}
    lowered = [(char, char.lower()) for char in every if not letters.isdisjoint(char.lower())]
    text = "".join(every)

    assert all(privacy._ANY_INVISIBLE.passes(one) for one in privacy._INVISIBLE.findall(text))
    assert all(privacy._ANY_DIGIT.passes(one) for one in privacy._DIGIT.findall(text))
    # A dotted capital I is an i and a dot in lower case: no name ends in an i.
    assert ["\u0130"] == [char for char, lower in lowered if not Sieve(f"^(?i:{lower[0]})$").passes(char)]
    assert not [one for one in named_secrets.NAMES if one.endswith("i")]
