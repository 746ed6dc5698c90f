"""Which addresses count as this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmo.config.kinds import KINDS

if TYPE_CHECKING:
    from llmo.config.profile import ProviderConfig

CLOUD = ("-cloud", ":cloud")
"""Suffixes of models that a signed-in Ollama forwards to ollama.com, whichever dialect the request is in."""
# Only what every parser of addresses reads alike: no user, no backslash, no escapes, no letters beyond ASCII.
_PLAIN = re.compile(
    r"https?://(?:\[([0-9a-f]{0,4}:[0-9a-f:.]{1,45}(?:%[\w.-]{1,15})?)\]|([a-z0-9.-]{1,253}))(?::\d{1,5})?(?:[/?]|\Z)",
    re.ASCII | re.IGNORECASE,
)


def loopback(url: str) -> bool:
    """
    Whether an address can only mean this machine: a loopback address, IPv4 or IPv6, or exactly `localhost`.

    No name is looked up, and what could be read in two ways (`127.1`, `2130706433`, `http://127.0.0.1@host`) is no
    loopback address.
    """
    from ipaddress import ip_address

    found = None if "\\" in url else _PLAIN.match(url)
    if found is None:
        return False
    host = (found[1] or found[2]).lower()
    if host == "localhost":
        return True
    try:
        literal = ip_address(host)
    except ValueError:
        return False
    # IPv6 that carries an IPv4 address (::ffff:127.0.0.1) goes where that one goes.
    return (getattr(literal, "ipv4_mapped", None) or literal).is_loopback


def listens(url: str, *, seconds: float = 0.3) -> bool:
    """Whether anything accepts a connection at an address; blocks for at most so long, and sends nothing."""
    import socket
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        socket.create_connection((parts.hostname or "", port), timeout=seconds).close()
    except (OSError, ValueError):
        return False
    return True


def on_this_machine(config: ProviderConfig, address: str, model: str) -> bool:
    """Whether a prompt stays on this machine, or goes where the profile allows it to (`local = true`)."""
    kind = KINDS[config.kind]
    if kind.sends_to == "nobody":
        return True
    if model.lower().endswith(CLOUD):
        return False
    if kind.vendor_in_model and not address:
        return False  # each of its models goes to a host of its own
    if config.local is not None:
        return config.local
    return kind.sends_to == "address" and loopback(address)
