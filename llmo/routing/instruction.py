"""What of a prompt asks, and what is only pasted to be worked on."""

from __future__ import annotations

import re

from llmo.types.dataclass import dataclass

HEAD = 4000
TAIL = 2000
"""Characters at both ends that are looked at; what lies between is material, however long."""
PAYLOAD = 12
"""Letters after a colon from which on they are worked on."""
_HARNESS = re.compile(
    r"<(system-reminder|system_reminder|environment_context|environment_details|user_instructions|ide_\w+|"
    r"command-\w+|local-command-\w+|tool_result|function_results|context_files?|attached_files?|file)\b[^<>]*>"
)
"""The opening tags of what coding tools put around the words of a user."""
_FENCE = re.compile(r"^[ \t]*(```|~~~).*$", re.MULTILINE)
_QUOTED = re.compile(r'["“«「『][^"“”«»「」『』\n]{25,}["”»」』]')
_LABEL = re.compile(
    r"\A[ \t#*]*(?:text|message|review|e-?mail|input|article|comment|ticket|document|log|transcript|data|feedback|"
    r"tweet|nachricht|bewertung|eingabe|kommentar|artikel|texte|avis|entrée|commentaire|texto|mensaje|reseña|entrada|"
    r"comentario|文本|评论|输入|原文|文章|テキスト|入力|本文|レビュー)[ \t]*[*]*[:：]",
    re.IGNORECASE,
)
_LOG = re.compile(
    r"\A\s*(?:\[?\d{4}-\d\d-\d\d|\[?\d{1,2}:\d\d\b|[A-Z][a-z]{2} +\d+ \d\d:|\[?(?:INFO|WARN|ERROR|DEBUG|TRACE|FATAL)\b|"
    r'at \w+[.(]|File "|Traceback|\d+\.\d+\.\d+\.\d+|\$ |>)'
)
_CODE = re.compile(
    r"\A(?:(?:def|class|func|fn|import|from|const|var|public|private|static|return|#include|package|SELECT|if|for|while)\b"
    r".*[(:;={]|\s{2,}\S.*[=(:;]|[{}\[\]()];?\s*$|<\w|@\w)"
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """
    The parts of a prompt.

    `asked` are the words of the request and `material` the words that it is about; `code`, `logs` and `rows` count
    pasted lines. All are cut to the ends of a long prompt.
    """

    asked: str
    material: str
    code: int = 0
    logs: int = 0
    rows: int = 0


def read(prompt: str) -> Instruction:
    """Split a prompt into its request and its material, in linear time."""
    text = without_harness(prompt)
    if len(text) > HEAD + TAIL:
        text = f"{text[:HEAD]}\n\n{text[-TAIL:]}"
    asked: list[str] = []
    material: list[str] = []
    text, code = _without_fences(text, material)
    counts = {"code": code, "logs": 0, "rows": 0}
    lines = text.strip().split("\n")
    for line in lines:
        kind = pasted(line) if len(lines) > 1 else None
        if kind:
            counts[kind] += 1
        (material if kind else asked).append(line)
    request, about = _without_payload(asked)
    material.insert(0, about)
    if not request.strip():
        request, material = "\n".join(material), []
    return Instruction(request.strip(), "\n".join(material).strip(), **counts)


def without_harness(prompt: str) -> str:
    """The prompt without the blocks that a coding tool has added; all of it where nothing else is left."""
    if "<" not in prompt:
        return prompt
    kept: list[str] = []
    at = 0
    while (tag := _HARNESS.search(prompt, at)) is not None:
        end = prompt.find(f"</{tag[1]}>", tag.end())
        if end < 0:
            break
        kept.append(prompt[at : tag.start()])
        at = end + len(tag[1]) + 3
    kept.append(prompt[at:])
    rest = "".join(kept)
    return rest if rest.strip() else prompt


def _without_fences(text: str, material: list[str]) -> tuple[str, int]:
    """Take code fences out of a text, and count their lines; one that never closes reaches the end."""
    if "```" not in text and "~~~" not in text:
        return text, 0
    kept: list[str] = []
    marks = list(_FENCE.finditer(text))
    at = lines = 0
    for opening in range(0, len(marks), 2):
        kept.append(text[at : marks[opening].start()])
        last = opening + 1 >= len(marks)
        inside = text[marks[opening].end() : len(text) if last else marks[opening + 1].start()]
        at = len(text) if last else marks[opening + 1].end()
        material.append(inside)
        lines += max(inside.count("\n"), 1)
    kept.append(text[at:])
    return "\n".join(kept), lines


def pasted(line: str) -> str | None:
    """What a line looks like that nobody types: a log, code, a row of a table. None is prose."""
    if not line.strip() or (line.isalnum() and not line.isupper()):
        return None
    if _LOG.match(line):
        return "logs"
    commas = line.count(",") if ", " not in line else 0
    if "\t" in line.strip() or max(line.count("|"), line.count(";"), commas) > 1:
        return "rows"
    if _CODE.match(line) or line.endswith((";", "{", "}", "];", ");")):
        return "code"
    return None


def _without_payload(lines: list[str]) -> tuple[str, str]:
    """The request, and what follows its colon, its label (`Text: …`) or stands in its quotation marks."""
    request: list[str] = []
    payload: list[str] = []
    introduced = False
    for number, line in enumerate(lines):
        if introduced:
            last = number == len(lines) - 1 and not lines[number - 1].strip() and len(line) <= HEAD // 16
            (request if last and number > 1 else payload).append(line)
        elif label := _LABEL.match(line):
            introduced = True
            (payload if number else request).append(line[label.end() :] if number else line)
        else:
            request.append(line)
            introduced = line.rstrip().endswith((":", "："))
    text = "\n".join(request)
    payload.extend(_QUOTED.findall(text))
    text = _QUOTED.sub(' "…" ', text)
    return _cut(text, payload), "\n".join(payload)


def _cut(text: str, payload: list[str]) -> str:
    """The text up to the first colon of its first line; what follows it is worked on more often than asked."""
    line, _, rest = text.partition("\n")
    places = [at for mark in (": ", "：", ":") if (at := line.find(mark)) > 0][:1]
    if not places or len(line) - places[0] < PAYLOAD:
        return text
    payload.append(line[places[0] + 1 :])
    return f"{line[: places[0] + 1]}\n{rest}"
