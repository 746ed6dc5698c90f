"""The address of Ollama, and the models that it had when last asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmo.storage.paths import cache_dir
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE = "ollama-models.json"
"""In the cache directory."""
PORT = 11434
LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, never bound
PORTS = range(1, 65536)
LARGEST = 8 << 20
"""Bytes of a list of models."""
_BARE_V6 = re.compile(r"(?<![0-9a-fA-F:.])[0-9a-fA-F.]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*(%\w+)?")


def address(value: str) -> str:
    """
    The base URL that a value of `OLLAMA_HOST` means, by Ollama's own rules (envconfig/config.go).

    A scheme without a port means that scheme's port, not 11434; addresses that a server binds to
    (`0.0.0.0`, `::`) are reached over loopback.
    """
    value = value.strip().strip("\"'").strip()
    scheme, found, rest = value.partition("://")
    if not found:
        scheme, rest = "http", value
    default = {"http": 80, "https": 443}.get(scheme, PORT) if found else PORT
    authority, slash, path = rest.partition("/")
    host, port = _split(authority)
    if not found and host == "ollama.com":
        scheme, default = "https", 443
    number = int(port) if port.isascii() and port.isdigit() and int(port[:6]) in PORTS else default
    host = LOOPBACK.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}{_port(scheme, number)}{slash}{path}".rstrip("/")


def _split(authority: str) -> tuple[str, str]:
    if authority.startswith("["):
        host, _, rest = authority[1:].partition("]")
        return host, rest.removeprefix(":")
    if _BARE_V6.fullmatch(authority):
        return authority, ""
    host, _, port = authority.rpartition(":") if ":" in authority else (authority, "", "")
    return host, port


def _port(scheme: str, number: int) -> str:
    return "" if (scheme, number) in {("http", 80), ("https", 443)} else f":{number}"


def remembered(base_url: str, env: Mapping[str, str]) -> tuple[str, ...]:
    """The models at this address when discovery last asked; none when it never did."""
    try:
        found = jsontext.read((cache_dir(env) / FILE).read_bytes())
        if found["base_url"].rstrip("/") != base_url.rstrip("/"):
            return ()
        return tuple(name for name in found["models"] if isinstance(name, str) and name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()  # a cache: what cannot be read is as good as absent


def remember(base_url: str, models: Sequence[str], env: Mapping[str, str], *, now: float) -> None:
    """Store what discovery found for the next start."""
    from llmo.storage.files import replace

    body = {"base_url": base_url, "models": list(models), "at": now}
    replace(cache_dir(env) / FILE, jsontext.write(body).encode(), durable=False)


def discover(base_url: str, *, seconds: float = 2.0) -> tuple[str, ...] | None:
    """
    The models of a running Ollama; None when nothing at the address answers like one.

    Blocks, each step for at most `seconds`; for use before there is a provider.
    """
    from http.client import HTTPConnection, HTTPException, HTTPSConnection
    from urllib.parse import urlsplit

    parts = urlsplit(base_url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET", f"{parts.path}/api/tags")
        reply = connection.getresponse()
        found = jsontext.read(reply.read(LARGEST)) if reply.status == 200 else {}  # noqa: PLR2004 - the one good status
        return tuple(model["name"] for model in found["models"] if isinstance(model["name"], str))
    except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return None
    finally:
        connection.close()
