"""
Options that are passed on to a provider: which llmo reserves for itself, and which buy something beside tokens.

One rule for flags, the profile, `llmo.Client` and batch rows, on every provider type. Names are compared as lenient
servers read them: Go's JSON ignores case, and Gemini spells names without underscores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import normalize

from llmo.catalog.prices import STANDARD
from llmo.config.kinds import KINDS
from llmo.requests.content import IMAGE_DATA, image_url, items

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llmo.types.jsontext import Json
    from llmo.types.messages import Message

LIMIT = "use --max-tokens"
ELSEWHERE = "set the address in the profile"
CHAIN = "name the models with -m, so that the budget covers them"
_LIMITS = (
    *("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "max_tokens_to_sample"),
    *("num_predict", "n_predict", "max_gen_len", "max_generation_tokens", "max_output_len", "max_length"),
)
_ROUTES = ("api_key", "api_base", "base_url", "extra_headers", "extra_query", "custom_llm_provider")
_CHAINS = ("models", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks")
_RETRIES = ("num_retries", "max_retries", "model_list", "mock_response")
ANYWHERE: Mapping[str, str] = {
    **dict.fromkeys(_LIMITS, LIMIT),
    "extra_body": "pass its contents as separate options",
    "generation_config": "use --max-tokens and the other options",
    "inference_config": "use --max-tokens and the other options",
    "max_price": "set max_price_prompt_usd and max_price_completion_usd in the routing table of the provider",
}
"""Refused at any depth."""
TOP: Mapping[str, str] = {
    "model": "use -m",
    "messages": "they come from the prompt",
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
"""Names inside these are the user's own and no options."""
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
    """An option that may not be sent: its path, what to do instead, and why."""

    path: str
    hint: str
    why: str = "cannot be set as an option"

    def __str__(self) -> str:
        return f"{self.path} {self.why}"


class _Field(NamedTuple):
    path: str
    name: str
    value: Json
    above: str


def reserved(kind: str, options: Mapping[str, Json], limit: int | None = None) -> Reserved | None:
    """The first option that would override what llmo sets; `limit` is the output limit, when it is known."""
    if not options:
        return None
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
            return Reserved(field.path, "llmo adds the limits of the budget to it", "must be an object")
    return None


def purchases(options: Mapping[str, Json]) -> tuple[str, ...]:
    """Paths of options that buy more than tokens: server tools, searches, more answers, dearer hardware, old texts."""
    found: list[str] = []
    for field in _fields(options):
        top = not field.above
        if field.name == "tools" and top:
            found += _server_tools(field)
        elif (_BUYING.search(field.name) or (top and field.name in _BUYING_TOP)) and not _is_free(field):
            found.append(field.path)
    return tuple(found)


def unbounded_parts(messages: Sequence[Message]) -> tuple[str, ...]:
    """Parts of messages whose tokens the request's bytes don't bound: audio, video, documents, references."""
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
            elif isinstance(part, Mapping) and _is_document(image_url(part)):
                found.append(f"messages[{n}].content[{number}].image_url without an image")
    return tuple(found)


def _is_document(url: str | None) -> bool:
    """Whether some hosts read a document, a sound or a video from there."""
    return url is not None and url[:5].lower() == "data:" and IMAGE_DATA.match(url) is None


def searches_by_itself(model: str) -> bool:
    """Whether a model searches the web on its own, for a fee beside its price per token."""
    return "online" in model.split(":")[1:] or _SEARCHING.search(model) is not None


def num_ctx(options: Mapping[str, Json]) -> int | None:
    """The context window that an option has Ollama load, None where none does."""
    inner = options.get("options")
    size = {**options, **(inner if isinstance(inner, Mapping) else {})}.get("num_ctx")
    return size if isinstance(size, int) and size > 0 else None


def service_tier(options: Mapping[str, Json]) -> str | None:
    """The service tier that options ask for; None for one at the standard price."""
    asked = [value for name, value in options.items() if normalized(name) == "servicetier"]
    return next((str(value) for value in asked if str(value or "") not in STANDARD), None)


@lru_cache(maxsize=4096)
def normalized(name: str) -> str:
    """A name as servers read it that ignore case and punctuation."""
    return re.sub(r"[\W_]", "", normalize("NFKC", name).casefold())


@cache
def _top(kind: str) -> Mapping[str, str]:
    """What may not be a field of a request to this type, with what to do instead."""
    return {**_PLAIN_TOP, **{normalized(name): hint for name, hint in KINDS[kind].reserved.items()}}


def _fields(options: Mapping[str, Json]) -> Iterator[_Field]:
    """Every named value, except inside of what the user's own data are."""
    waiting = list(_inside(options, "", ""))[::-1]
    while waiting:
        field = waiting.pop()
        yield field
        if field.name not in _PLAIN_DATA:
            waiting += list(_inside(field.value, field.path, field.name))[::-1]


def _inside(value: Json, path: str, above: str) -> Iterator[_Field]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield _Field(f"{path}.{name}" if path else str(name), normalized(str(name)), inner, above)
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _inside(inner, f"{path}[{number}]", above)


def _server_tools(field: _Field) -> Iterator[str]:
    """Tools that run at the provider; functions run at the user's."""
    for number, tool in enumerate(items(field.value)):
        named = tool if isinstance(tool, Mapping) else {}
        kind = named.get("type")
        if kind not in _FUNCTIONS or (kind is None and not {"function", "input_schema"} & named.keys()):
            yield f"{field.path}[{number}]" + (f".type {kind}" if isinstance(kind, str) else "")


def _is_free(field: _Field) -> bool:
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


_PLAIN_TOP = {normalized(name): hint for name, hint in TOP.items()}
_PLAIN_ANYWHERE = {normalized(name): hint for name, hint in ANYWHERE.items()}
_PLAIN_THINKING = frozenset(map(normalized, _THINKING))
_PLAIN_DATA = frozenset(map(normalized, _DATA))
