"""
Options that go to a provider as they are: which are llmo's own to set, and which buy something of their own.

The one rule for flags, profile, `llmo.Client` and the rows of a batch, on every kind of provider. Names are compared as
careless servers read them: Go's JSON ignores case, Gemini's spelling has no underscores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import normalize

from llmo.catalog.prices import STANDARD
from llmo.config.kinds import KINDS
from llmo.requests.content import items

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmo.types.jsontext import Json
    from llmo.types.messages import Message

LIMIT = "use --max-tokens"
ELSEWHERE = "the profile says where a request goes"
CHAIN = "name the models with -m: money is held for them"
_LIMITS = (
    *("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "max_tokens_to_sample"),
    *("num_predict", "n_predict", "max_gen_len", "max_generation_tokens", "max_output_len", "max_length"),
)
_ROUTES = ("api_key", "api_base", "base_url", "extra_headers", "extra_query", "custom_llm_provider")
_CHAINS = ("models", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks")
_RETRIES = ("num_retries", "max_retries", "model_list", "mock_response")
ANYWHERE: Mapping[str, str] = {
    **dict.fromkeys(_LIMITS, LIMIT),
    "extra_body": "give what is in it as options of their own",
    "generation_config": "use --max-tokens and the other flags",
    "inference_config": "use --max-tokens and the other flags",
    "max_price": "set max_price_prompt_usd and max_price_completion_usd in the table routing of the provider",
}
"""Refused at any depth."""
TOP: Mapping[str, str] = {
    "model": "use -m",
    "messages": "the prompt makes them",
    "stream": "use --stream or --no-stream",
    "stream_options": "llmo sets them",
    **dict.fromkeys(_ROUTES, ELSEWHERE),
    **dict.fromkeys(_CHAINS, CHAIN),
    **dict.fromkeys(_RETRIES, "llmo retries and falls back itself"),
}
"""Refused as fields of the request."""
_THINKING = ("budget_tokens", "thinking_budget", "max_thinking_tokens", "reasoning_budget", "max_reasoning_tokens")
_DATA = (
    *("tools", "functions", "tool_choice", "function_call", "response_format", "format", "prediction", "metadata"),
    *("schema", "json_schema", "input_schema", "parameters", "properties", "guided_json", "structured_outputs"),
    *("logit_bias", "chat_template_kwargs", "documents", "trace", "messages"),
)
"""What the user calls things in there is nobody's option."""
_BUYING = re.compile(
    r"search|mcp|plugin|webfetch|browsing|connector|datasource|vectorstore|codeinterpreter|codeexecution|computeruse"
    r"|imagegen|imageconfig|safetymodel|guardrail|inferencegeo|contextmanagement|compoundcustom|bestof|candidatecount|numreturnsequences"
    r"|cachedcontent|previousresponse|assistantid|threadid|toolresources"
)
_BUYING_TOP = frozenset(
    ("n", "speed", "modalities", "audio", "voice", "container", "prompt", "conversation", "skills", "chattemplate")
)
_FREE: Mapping[str, tuple[Json, ...]] = {
    "n": (1, "1"),
    "bestof": (1, "1"),
    "candidatecount": (1, "1"),
    "numreturnsequences": (1, "1"),
    "speed": ("standard",),
    "inferencegeo": ("global", "not_available"),
    "modalities": (["text"],),
}
_FUNCTIONS = ("function", "custom", None)
_READABLE = (None, "text", "refusal", "image_url")
"""Types of parts whose tokens are bounded, by their bytes or as images."""
_SEARCHING = re.compile(r"search-(?:preview|api)|deep-research|(?:^|/)compound(?:-|$)")


class Reserved(NamedTuple):
    """An option that may not be sent: where it stands, what to do instead, and why."""

    path: str
    hint: str
    why: str = "can't be set as an option"

    def __str__(self) -> str:
        return f"{self.path} {self.why}"


class _Field(NamedTuple):
    path: str
    name: str
    value: Json
    above: str


def reserved(kind: str, options: Mapping[str, Json], limit: int | None = None) -> Reserved | None:
    """The first option that would undo what llmo sets; `limit` is the output limit, when it is known."""
    top, shared = _top(kind), KINDS[kind].shared_option
    for field in _fields(options):
        if not field.above and field.name in top:
            return Reserved(field.path, top[field.name])
        # OpenRouter's name for a budget of thinking, which is part of the output.
        if field.name in _PLAIN_THINKING or (field.name, field.above) == ("maxtokens", "reasoning"):
            if limit is not None and _above(field.value, limit):
                return Reserved(field.path, "raise --max-tokens", f"is above the output limit of {limit:,}")
        elif field.name in _PLAIN_ANYWHERE:
            return Reserved(field.path, _PLAIN_ANYWHERE[field.name])
        if (shared, "") == (field.name, field.above) and not (
            isinstance(field.value, Mapping) and field.path == shared  # joined with llmo's own in this spelling only
        ):
            return Reserved(field.path, "llmo puts what money is held for into it", "must be an object")
    return None


def bought(options: Mapping[str, Json]) -> tuple[str, ...]:
    """Where options buy what tokens don't tell: server tools, searches, more answers, dearer hardware, old context."""
    found: list[str] = []
    for field in _fields(options):
        top = not field.above
        if field.name == "tools" and top:
            found += _server_tools(field)
        elif (_BUYING.search(field.name) or (top and field.name in _BUYING_TOP)) and not _free(field):
            found.append(field.path)
    return tuple(found)


def foreign(messages: Sequence[Message]) -> tuple[str, ...]:
    """Parts of messages whose tokens no byte of the request tells: sound, video, documents, what is only named."""
    found: list[str] = []
    for n, message in enumerate(messages):
        given = message.verbatim or {}
        content = given.get("content")
        if given.get("audio") is not None:
            found.append(f"messages[{n}].audio")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            kind = part.get("type") if isinstance(part, Mapping) else None
            if kind not in _READABLE:
                found.append(f"messages[{n}].content[{number}].type {kind}")
    return tuple(found)


def searching(model: str) -> bool:
    """Whether a model searches the web by itself, at a fee that its price per token leaves out."""
    return "online" in model.split(":")[1:] or _SEARCHING.search(model) is not None


def tier(options: Mapping[str, Json]) -> str | None:
    """The service tier that is asked for, None for one at the standard price."""
    asked = [value for name, value in options.items() if plain(name) == "servicetier"]
    return next((str(value) for value in asked if str(value or "") not in STANDARD), None)


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A name as a server without care for case and marks reads it."""
    return re.sub(r"[\W_]", "", normalize("NFKC", name).casefold())


@cache
def _top(kind: str) -> Mapping[str, str]:
    """What may not be a field of a request to this type, with what to do instead."""
    return {**_PLAIN_TOP, **{plain(name): hint for name, hint in KINDS[kind].reserved.items()}}


def _fields(options: Mapping[str, Json]) -> Iterator[_Field]:
    """Every named value, but nothing inside what is data."""
    waiting = list(_inside(options, "", ""))[::-1]
    while waiting:
        field = waiting.pop()
        yield field
        if field.name not in _PLAIN_DATA:
            waiting += list(_inside(field.value, field.path, field.name))[::-1]


def _inside(value: Json, path: str, above: str) -> Iterator[_Field]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield _Field(f"{path}.{name}" if path else str(name), plain(str(name)), inner, above)
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _inside(inner, f"{path}[{number}]", above)


def _server_tools(field: _Field) -> Iterator[str]:
    """Tools that run at the provider; a function is only told of."""
    for number, tool in enumerate(items(field.value)):
        named = tool if isinstance(tool, Mapping) else {}
        kind = named.get("type")
        if kind not in _FUNCTIONS or (kind is None and not {"function", "input_schema"} & named.keys()):
            yield f"{field.path}[{number}]" + (f".type {kind}" if isinstance(kind, str) else "")


def _free(field: _Field) -> bool:
    """Whether a value buys nothing; an empty object does (`web_search_options={}` searches)."""
    value = field.value
    return value is None or value is False or value in ("", []) or value in _FREE.get(field.name, ())


def _above(value: Json, limit: int) -> bool:
    try:
        return float(value) > limit  # type: ignore[arg-type]  # whatever is no number is the server's to refuse
    except OverflowError:
        return True
    except (TypeError, ValueError):
        return False


_PLAIN_TOP = {plain(name): hint for name, hint in TOP.items()}
_PLAIN_ANYWHERE = {plain(name): hint for name, hint in ANYWHERE.items()}
_PLAIN_THINKING = frozenset(map(plain, _THINKING))
_PLAIN_DATA = frozenset(map(plain, _DATA))
