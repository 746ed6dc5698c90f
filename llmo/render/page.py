"""One self-contained page of HTML: no scripts, no fonts, nothing fetched."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
:root { color-scheme: light dark }
table { border-collapse: collapse; margin: 1.5rem 0 } td, th { padding: .25rem .75rem; border-bottom: 1px solid #8884 }
th { text-align: left } td { font-variant-numeric: tabular-nums }
.bar { display: grid; grid-template-columns: 16rem 1fr 14rem; gap: .75rem; align-items: center; margin: .25rem 0 }
.bar i { display: block; height: 1rem; background: #4a7dbd; border-radius: 2px; min-width: 1px }
"""


def page(title: str, line: str, sections: Sequence[str]) -> str:
    """The whole document."""
    body = "\n".join(section for section in sections if section)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1><p>{escape(line)}</p>\n{body}\n</body></html>\n"
    )


def chart(rows: Sequence[tuple[str, int, str]]) -> str:
    """Bars: a label, a length, and what to write beside it."""
    most = max((length for _, length, _ in rows), default=0) or 1
    return "\n".join(
        f'<div class="bar"><span>{escape(label)}</span><i style="width:{100 * length / most:.2f}%"></i>'
        f"<span>{escape(value)}</span></div>"
        for label, length, value in rows
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain table."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>\n{body}</table>"
