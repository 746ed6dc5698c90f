"""One self-contained page of HTML: no scripts, no fonts, nothing fetched."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLE = """
:root { color-scheme: light dark; --line: #8883; --text: #222; --dim: #666; --back: #fff; --card: #f6f7f9 }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e6; --dim: #a0a0a0; --back: #16181c; --card: #20242a } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
  color: var(--text); background: var(--back) }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
p.line { color: var(--dim); margin: .25rem 0 1rem }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem }
.tiles div { background: var(--card); border-radius: 8px; padding: .6rem 1rem; min-width: 8rem }
.tiles b { display: block; font-size: 1.3rem } .tiles span, .note { color: var(--dim); font-size: .87rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
td, th { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
svg { width: 100%; height: auto } svg text { font-size: 11px; fill: var(--dim) } svg .grid { stroke: var(--line) }
svg rect:hover { opacity: .7 }
.legend span { margin-right: 1.2rem; white-space: nowrap; font-size: .87rem }
.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-right: .4rem }
.bar { display: grid; grid-template-columns: 14rem 1fr 20rem; gap: .75rem; align-items: center; margin: .3rem 0 }
.bar span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: .9rem }
.bar span:last-child { white-space: normal }
.bar i { display: block; height: 1rem; background: #4477aa; border-radius: 2px; min-width: 1px }
.bar b { position: relative; height: 1rem } .bar b i { position: absolute; left: 0; top: 0 }
.bar b i.high { height: .3rem; top: .35rem; background: #4477aa88 }
.bar b u { position: absolute; top: -.1rem; width: 2px; height: 1.2rem; background: #ee6677 }
.bar b.meter { background: var(--card); border-radius: 2px }
.bar i.near { background: #cc9a22 } .bar i.over { background: #cc3344 }
@media (max-width: 40rem) { .bar { grid-template-columns: 1fr } }
"""


def page(title: str, line: str, sections: Sequence[str]) -> str:
    """The whole document."""
    body = "\n".join(section for section in sections if section)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f'<body><h1>{escape(title)}</h1><p class="line">{escape(line)}</p>\n{body}\n</body></html>\n'
    )


def section(title: str, body: str, note: str = "") -> str:
    """A part with its headline; empty without a body."""
    if not body:
        return ""
    below = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>\n{body}{below}</section>"


def tiles(facts: Sequence[tuple[str, str]]) -> str:
    """Numbers at a glance."""
    return (
        '<div class="tiles">'
        + "".join(f"<div><b>{escape(v)}</b><span>{escape(k)}</span></div>" for k, v in facts)
        + "</div>"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A plain table, the columns named in `right` flush right."""
    marks = [' class="n"' if name in right else "" for name in head]
    top = "".join(f"<th{mark}>{escape(cell)}</th>" for mark, cell in zip(marks, head, strict=True))
    body = "\n".join(
        "<tr>" + "".join(f"<td{mark}>{escape(cell)}</td>" for mark, cell in zip(marks, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{top}</tr>\n{body}</table></div>'
