"""
Text of `.ci/prose/` as roff.

It is Markdown, as far as manual pages need it: `# HEADING`, `## Subheading`, paragraphs, lists of `- items`, fenced
blocks, and terms on a line of their own with `: what is said of them` below. `` `word` `` is what one types (bold),
`_word_` what stands for something else (italic); a page such as llmo-ask(1) is bold by itself.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 76
GLUE = "\x01"
"""Stands for a space at which no line ends."""
_INLINE = re.compile(
    r"`(?P<code>[^`]+)`|(?<!\w)_(?P<italic>[^_`]+)_(?!\w)|(?P<page>\bllmo(?:-[a-z-]+)?)\((?P<number>\d)\)"
)


def sections(text: str) -> dict[str, list[str]]:
    """Lines of roff by heading, in order; the heading itself is not among them."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        if heading in found:
            raise SystemExit(f"two sections {heading}")
        found[heading] = body_of(body)
    return found


def body_of(text: str) -> list[str]:
    """Paragraphs, lists, terms and blocks."""
    lines: list[str] = []
    parts = re.split(r"^(```\w*\n[\s\S]*?^```)$", text, flags=re.MULTILINE)
    for part in parts:
        if part.startswith("```"):
            lines += block(part.partition("\n")[2].removesuffix("```").splitlines())
            continue
        for chunk in filter(None, (one.strip("\n") for one in re.split(r"\n{2,}", part))):
            lines += _chunk(chunk.splitlines(), first=not lines or lines[-1].startswith(".SS"))
    return lines


def _chunk(lines: Sequence[str], *, first: bool) -> list[str]:
    if lines[0].startswith("## "):
        return [f".SS {_quoted(lines[0].removeprefix('## '))}", *(_chunk(lines[1:], first=True) if lines[1:] else [])]
    if lines[0].startswith("- "):
        items = " ".join(line.strip() if line.startswith(" ") else f"\n{line}" for line in lines).split("\n- ")[1:]
        return [line for item in items for line in (r".IP \(bu 2", *filled(inline(item.strip())))]
    if len(lines) > 1 and lines[1].startswith(": "):
        return entries([(inline(lines[0]), inline(" ".join(" ".join(lines[1:]).removeprefix(": ").split())))])
    return [*([] if first else [".PP"]), *filled(inline(" ".join(line.strip() for line in lines)))]


def block(lines: Iterable[str]) -> list[str]:
    """Lines as they stand, indented."""
    kept = [_safe(escaped(line)) for line in lines]
    return [".PP", ".in +4n", ".EX", *kept, ".EE", ".in"]


def entries(found: Iterable[tuple[str, str]]) -> list[str]:
    """A list of terms, both parts escaped."""
    return [line for tag, text in found for line in (".TP", tag, *filled(text))]


def filled(text: str) -> list[str]:
    """
    Lines of source that a diff can show; none begins like a macro, and no line but the first with an option.

    fish makes completions of manual pages, and takes such a line for the entry of an option.
    """
    kept = text.replace(" \\fB\\-", f"{GLUE}\\fB\\-")
    lines = textwrap.wrap(kept, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [_safe(line.replace(GLUE, " ")) for line in lines]


def _safe(line: str) -> str:
    return f"\\&{line}" if line[:1] in {".", "'"} else line


def inline(text: str) -> str:
    """One line of prose, escaped, with its fonts."""
    parts: list[str] = []
    end = 0
    for found in _INLINE.finditer(text):
        parts.append(escaped(text[end : found.start()]))
        if found["code"]:
            parts.append(bold(found["code"]))
        else:
            parts.append(italic(found["italic"]) if found["italic"] else f"{bold(found['page'])}({found['number']})")
        end = found.end()
    return "".join([*parts, escaped(text[end:])])


def bold(text: str) -> str:
    """What one types."""
    return f"\\fB{escaped(text)}\\fR"


def italic(text: str) -> str:
    """What stands for something else."""
    return f"\\fI{escaped(text)}\\fR"


def escaped(text: str) -> str:
    """Text that roff shows as it is, hyphens that can be copied as options."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in text)


def _quoted(text: str) -> str:
    return f'"{escaped(text)}"' if " " in text else escaped(text)


def joined(sections: Iterable[Sequence[str]]) -> str:
    """A page."""
    return "\n".join(line for section in sections for line in section) + "\n"
