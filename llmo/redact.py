"""What may be printed or stored: keys masked, control characters made visible."""

from __future__ import annotations

import re

_SECRETS = re.compile(
    r"\b(sk-|pk-|rk-|ghp_|gho_|github_pat_|xox[abprs]-|AKIA|AIza|hf_|glpat-|gsk_)[A-Za-z0-9_\-]{8,}"
    r"|(?i:\b(bearer|x-api-key:?|api[_-]?key[=:]))\s+?\S{8,}"
)

# C0 without tab and newline, DEL and C1: what a terminal could take as a command. Bidirectional
# overrides reorder what is read, so they are shown too. A carriage return would overwrite its line.
_CONTROL: dict[int, str | None] = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n\r"}
_CONTROL |= {0x0D: None, 0x7F: "␡"} | dict.fromkeys(range(128, 160), "�")
_CONTROL |= dict.fromkeys((*range(8234, 8239), *range(8294, 8298)), "�")


def visible(text: str) -> str:
    """Text that a terminal prints and does not obey; works chunk by chunk."""
    return text.translate(_CONTROL)


def masked(text: str, *secrets: str | None) -> str:
    """Text without anything that looks like a key, nor any of `secrets`."""
    for secret in secrets:
        if secret and len(secret) >= 4:  # noqa: PLR2004 - shorter ones would mask ordinary words
            text = text.replace(secret, "****")
    return _SECRETS.sub(lambda m: f"{m.group(1) or m.group(2)}****", text)
