"""What every transport shares: addresses, proxies, and the words for a call that failed."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from llmo.errors import ConfigError, TimedOut, Unavailable
from llmo.providers.transports import transport
from llmo.providers.transports.transport import HttpRequest
from tests import virtual

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

CALL = HttpRequest("POST", "https://user:pw@h.example:8443/v1/chat?key=1", {})
SHOWN = "https://h.example:8443/v1/chat"


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("https://h/v1", "https://h/v1", id="plain"),
        pytest.param(CALL.url, SHOWN, id="user-and-query"),
        pytest.param("https://a@b@h/#key", "https://h/", id="two-marks-and-a-fragment"),
        pytest.param("https://u:p@[h/x?key=1", "[h/x", id="broken"),
    ],
)
def test_an_address_is_shown_without_secrets(url: str, shown: str) -> None:
    """
    Users write keys into any part of it.
    """
    assert transport.shown(url) == shown


@pytest.mark.parametrize(
    "url", ["", "h", "ftp://h", "https://", "https://h:0", "https://h:x", "https://[h", "http://h /", "http://h\n"]
)
def test_what_is_no_address_is_a_matter_of_the_profile(url: str) -> None:
    """
    The hint shows one.
    """
    with pytest.raises(ConfigError, match="not an http address") as caught:
        transport.split(url)

    assert caught.value.hint == "use a base_url such as https://host/v1"


@pytest.mark.parametrize(
    ("url", "names", "found"),
    [
        pytest.param("http://h/", {"http_proxy": "http://p:1"}, "http://p:1", id="http"),
        pytest.param("https://h/", {"http_proxy": "http://p:1"}, None, id="of-the-other-scheme"),
        pytest.param("https://h/", {"https_proxy": "p:1"}, "http://p:1", id="no-scheme"),
        pytest.param("https://h/", {"all_proxy": "socks5://p:1"}, "socks5://p:1", id="for-all"),
        pytest.param(
            "https://h/", {"https_proxy": "http://p:1", "all_proxy": "http://q:1"}, "http://p:1", id="own-first"
        ),
        pytest.param("https://h/", {"https_proxy": "http://p:1", "no_proxy": "h"}, None, id="exempt"),
        pytest.param(
            "https://h/", {"https_proxy": "http://p:1", "no_proxy": "g"}, "http://p:1", id="another-is-exempt"
        ),
        pytest.param("https://127.0.0.1/", {"https_proxy": "http://p:1"}, None, id="here"),
        pytest.param("https://h/", {}, None, id="none"),
    ],
)
def test_a_proxy_is_the_environments(
    url: str, names: dict[str, str], found: str | None, env: pytest.MonkeyPatch
) -> None:
    """
    What counts as this machine goes through none.
    """
    for name, value in names.items():
        env.setenv(name, value)

    assert transport.proxy(HttpRequest("GET", url, {})) == found
    assert transport.proxy(HttpRequest("GET", url, {}, direct=True)) is None


@pytest.mark.parametrize(
    ("pieces", "limit", "expected"),
    [
        ([b"abc"], 3, b"abc"),
        ([b"abc"], 2, b"ab"),
        ([b"ab", b"cd"], 9, b"abcd"),
        ([b"ab", b"cd", b"ef"], 3, b"abc"),
        ([b"ab", b"cd", b"ef"], 4, b"abcd"),
        ([], 3, b""),
    ],
)
def test_a_body_is_gathered_up_to_its_limit(pieces: list[bytes], limit: int, expected: bytes) -> None:
    """
    What follows is not read at all, and the stream is closed.
    """
    read: list[bytes] = []
    closed = []

    async def chunks() -> AsyncGenerator[bytes]:
        try:
            for piece in pieces:
                read.append(piece)
                yield piece
        finally:
            closed.append(True)

    assert virtual.run(transport.gathered(chunks(), limit)) == expected
    assert closed == [True]
    assert len(b"".join(read[:-1])) < limit


def caused(outer: BaseException, inner: BaseException) -> BaseException:
    try:
        raise outer from inner
    except type(outer) as exc:
        return exc


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        pytest.param(ValueError("it  broke\n here."), "it broke here", id="one-line"),
        pytest.param(caused(RuntimeError("outer"), ValueError("inner")), "inner", id="innermost"),
        pytest.param(caused(RuntimeError("outer"), ValueError()), "outer", id="innermost-is-silent"),
        pytest.param(ValueError(), "ValueError", id="silent"),
        pytest.param(
            OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"),
            os.strerror(errno.ECONNREFUSED).lower(),
            id="system",
        ),
        pytest.param(OSError("odd"), "odd", id="system-without-a-number"),
        pytest.param(socket.gaierror(-2, "Name or service not known"), "Name or service not known", id="name"),
        pytest.param(
            ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1002)"),
            "[SSL: WRONG_VERSION_NUMBER] wrong version number",
            id="tls",
        ),
    ],
)
def test_a_failure_is_named_by_its_innermost_cause(cause: BaseException, words: str) -> None:
    """
    Libraries wrap it in words of their own.
    """
    assert transport.reason(cause) == words


@pytest.mark.parametrize(
    ("words", "named", "hint"),
    [
        pytest.param("[SSL: CERTIFICATE_VERIFY_FAILED]", None, "set SSL_CERT_FILE to its file", id="certificate"),
        pytest.param("certificate verify failed", None, "set SSL_CERT_FILE to its file", id="certificate-in-words"),
        pytest.param("WRONG_VERSION_NUMBER", None, f"try http:// instead of https:// in {SHOWN}", id="no-tls"),
        pytest.param("RECORD_LAYER_FAILURE", None, f"try http:// instead of https:// in {SHOWN}", id="no-tls-either"),
        pytest.param("refused", "http://u:pw@p:1", "through the proxy http://p:1; NO_PROXY exempts hosts", id="proxy"),
        pytest.param("refused", None, f"is the server running, and is {SHOWN} its address?", id="anything"),
    ],
)
def test_a_call_that_never_left_says_what_to_look_at(
    words: str, named: str | None, hint: str, env: pytest.MonkeyPatch
) -> None:
    """
    It cost nothing, and no secret is shown.
    """
    if named:
        env.setenv("https_proxy", named)
    found = transport.unreachable(CALL, ValueError(words))

    assert (type(found), found.message, found.may_be_billed) == (
        Unavailable,
        f"cannot connect to {SHOWN}: {words}",
        False,
    )
    assert hint in (found.hint or "")
    assert "pw" not in f"{found.message} {found.hint}"


def test_clocks_and_cuts_say_what_may_have_been_paid(env: pytest.MonkeyPatch) -> None:
    """
    Only what never left surely cost nothing.
    """
    late, silent = transport.connect_timeout(CALL), transport.silent(CALL, 2.5)
    cut, address = transport.cut(CALL, ValueError("reset")), transport.bad_address(CALL)
    env.setenv("https_proxy", "ftp://u:pw@p:1")
    proxy = transport.bad_proxy(CALL)

    assert (type(late), late.message, late.may_be_billed) == (TimedOut, f"no connection to {SHOWN} within 10 s", False)
    assert (type(silent), silent.message, silent.may_be_billed) == (TimedOut, f"no data from {SHOWN} for 2.5 s", True)
    assert (type(cut), cut.message, cut.may_be_billed) == (Unavailable, f"connection to {SHOWN} broke: reset", True)
    assert address.message == f"cannot be called: {SHOWN}"
    assert proxy.message == "unusable proxy: ftp://p:1"
    assert [exc.hint for exc in (late, silent)] == [
        "raise connect_timeout of the provider to wait longer",
        "raise idle_timeout of the provider to wait longer",
    ]


def test_a_call_shows_neither_headers_nor_body() -> None:
    """
    They hold the key and the prompt.
    """
    shown = repr(HttpRequest("POST", "https://h", {"authorization": "Bearer k"}, b"prompt"))

    assert "Bearer" not in shown
    assert "prompt" not in shown


def test_connections_are_kept_alive() -> None:
    """
    A dead NAT entry gets noticed while a model thinks.
    """
    options = transport.socket_options()

    assert options[0] == (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        assert (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60) in options
        assert (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5) in options


def test_certificates_are_checked() -> None:
    """
    Against those that the system trusts, or certifi's.
    """
    context = transport.certificates()

    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname is True
