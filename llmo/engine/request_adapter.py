"""
A request as one target can take it: parameters left out, a schema asked for in words.

Nothing is left out in silence. Who may leave what out is decided in the plan; what a server refuses
all the same is learned from its answer, which cost nothing.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from llmo.config.kinds import KINDS
from llmo.errors import ProviderError, Rejected
from llmo.requests import chat_body
from llmo.types import jsontext
from llmo.types.dataclass import replace
from llmo.types.parameters import given, left_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.errors import LlmoError
    from llmo.routing.plan import Candidate
    from llmo.types.jsontext import Json
    from llmo.types.messages import Message, Parameter, Params, Request

SCHEMA = "Answer with nothing but JSON that meets this JSON Schema: "
KEPT = 64
_LIMITED: dict[tuple[int, int | None], tuple[Params, Params]] = {}
"""What `limited` made, with what of: an identity is only unique as long as its object is there."""
_REFUSING = re.compile(
    r"unsupported|not supported|n[o']t support|un(?:known|recognized|expected)|not (?:permitted|allowed)"
    r"|deprecated|does not take|invalid (?:parameter|argument)"
)
_NAMES: Mapping[Parameter, str] = {"temperature": "temperature", "seed": "seed", "stop": "stop(?:_sequences)?"}


def expressed(request: Request, candidate: Candidate) -> Request:
    """The request with what the candidate does not take left out, and the schema in words where it has no field."""
    if candidate.dropped:
        request = replace(request, params=_without(request.params, candidate.dropped))
        request = chat_body.without_fields(request, candidate.dropped)
    if request.schema is not None and not candidate.native_schema:
        request = replace(request, messages=_told(request.messages, request.schema), schema=None)
        request = chat_body.without_fields(request, ("response_format",))
    if request.body is not None and not KINDS[candidate.facts.kind].chat_completions:
        request = chat_body.translated(request, candidate.facts.kind)
    return request


def limited(params: Params, limit: int | None) -> Params:
    """The parameters with this output limit: the same object each time, so that equal requests show as such."""
    if params.max_tokens == limit:
        return params
    found = _LIMITED.get((id(params), limit))
    if found is None:
        if len(_LIMITED) >= KEPT:
            _LIMITED.clear()
        found = _LIMITED[id(params), limit] = (params, replace(params, max_tokens=limit))
    return found[1]


def _without(params: Params, names: tuple[Parameter, ...]) -> Params:
    return replace(
        params,
        max_tokens=None if "max_tokens" in names else params.max_tokens,
        temperature=None if "temperature" in names else params.temperature,
        seed=None if "seed" in names else params.seed,
        stop=() if "stop" in names else params.stop,
        extra={} if "option" in names else params.extra,
    )


def _told(messages: tuple[Message, ...], schema: Mapping[str, Json]) -> tuple[Message, ...]:
    """The last turn with the schema at its end; a repair brings it already."""
    *before, last = messages
    words = jsontext.write(schema)
    if words in last.text:
        return messages
    return (*before, chat_body.with_text(last, f"{SCHEMA}{words}"))


def refused(error: LlmoError, request: Request, candidate: Candidate, *, lenient: bool) -> Parameter | None:
    """
    What a server's refusal is about, when the request may be asked without it.

    Plain servers say all sorts of things of a field for schemas that they do not know, so any refusal
    of a request that has one may mean it; a parameter must be named.
    """
    if not isinstance(error, ProviderError):
        return None
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR and "response_format" in error.message:
        # llama-cpp-python 0.3 says so of a field that it knows with other values.
        return "schema" if request.schema is not None and candidate.native_schema else None
    if not isinstance(error, Rejected) or error.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
        return None
    if lenient and (named := _named(error.message.lower(), request.params, candidate)):
        return named
    return "schema" if request.schema is not None and candidate.native_schema else None


def _named(message: str, params: Params, candidate: Candidate) -> Parameter | None:
    if not _REFUSING.search(message):
        return None
    for name in given(params):
        if name in _NAMES and name not in candidate.dropped and re.search(rf"\b{_NAMES[name]}\b", message):
            return name
    return None


def known(candidate: Candidate, refused: frozenset[Parameter], request: Request, *, lenient: bool) -> Candidate:
    """The candidate without what its server refused before."""
    asked = {*(given(request.params) if lenient else ()), *(("schema",) if request.schema is not None else ())}
    for parameter in sorted(asked & refused):
        candidate = adapted(candidate, parameter)
    return candidate


def adapted(candidate: Candidate, parameter: Parameter) -> Candidate:
    """The candidate asked without a parameter that its server refused."""
    candidate = replace(candidate, learned=(*candidate.learned, parameter))
    if parameter == "schema":
        note = f"{candidate.target} refused the schema field: sent the schema in the prompt"
        return replace(candidate, native_schema=False, notes=(*candidate.notes, note))
    note = left_out((parameter,), candidate.target)
    return replace(candidate, dropped=(*candidate.dropped, parameter), notes=(*candidate.notes, note))
