"""A question: a prompt with its options, validated once for the Python API and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from llmo.config import parameters
from llmo.errors import UsageError
from llmo.routing.planner import Selection
from llmo.types.dataclass import dataclass, field
from llmo.types.messages import Message, Params, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from llmo.types.jsontext import Json
    from llmo.types.messages import Role, Strategy
    from llmo.types.money import Pico

Prompt: TypeAlias = "str | Sequence[Message | Mapping[str, str]]"
Dollars: TypeAlias = "Decimal | str | int"

ROLES: Mapping[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class Options(TypedDict, total=False):
    """
    Options of a call; those left out come from the profile.

    `model` is `provider/model`, an alias, or a chain of them; `task` picks the chain of a task and `strategy` its
    order; `fallback=False` tries only the first candidate. `private` never leaves this machine; without it, detected
    private data may go to the providers in `allow_private_to`. `schema` is a JSON Schema that the answer must match.
    `max_cost` caps all attempts of this call in dollars. `timeout` is the total number of seconds, `retries` the
    attempts per candidate after the first. `tags` are stored with every attempt. `extra` is sent to the provider
    unchanged. `fit` lowers `max_tokens` to what the budget allows, and `lenient` leaves out parameters that a model
    does not support; both warn where there would be an error otherwise.
    """

    model: str | Sequence[str] | None
    task: str | None
    strategy: Strategy | None
    system: str | None
    schema: Mapping[str, Any] | None
    max_tokens: int | None
    temperature: float | None
    seed: int | None
    stop: str | Sequence[str] | None
    extra: Mapping[str, Any] | None
    tags: Mapping[str, str] | None
    max_cost: Dollars | None
    private: bool
    allow_private_to: str | Sequence[str] | None
    timeout: float | None
    retries: int | None
    fallback: bool
    fit: bool
    lenient: bool


@dataclass(frozen=True, slots=True)
class Spelling:
    """How options are written by the caller, so that error messages use the names the user knows."""

    name: Callable[[str], str]
    private: str
    """How a user asks for privacy."""


KEYWORDS = Spelling(str, "private=True")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    A validated question.

    `cap` is the most that it may cost, in picodollars; `timeout` and `retries` come from the profile if None. `restart`
    allows an answer whose stream ended early to start over, for callers that show nothing before the end.
    """

    request: Request
    choice: Selection
    tags: Mapping[str, str] = field(default_factory=dict)
    cap: Pico | None = None
    timeout: float | None = None
    retries: int | None = None
    restart: bool = False


def question(
    prompt: Prompt,
    options: Options,
    spelling: Spelling = KEYWORDS,
    *,
    stream: bool = True,
    restart: bool = False,
) -> Question:
    """Validate a prompt and its options. Raises `UsageError` for an empty prompt or an invalid value."""
    unknown = options.keys() - Options.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword argument: {', '.join(sorted(unknown))}")
    _exclude(options, spelling)
    messages = _messages(prompt, options.get("system"))
    timeout, retries = clocks(options, spelling)
    return Question(
        request=Request(messages, params(options, spelling), _schema(options.get("schema")), stream=stream),
        choice=selection(options, spelling),
        tags=_tags(options),
        cap=cap(options.get("max_cost"), spelling),
        timeout=timeout,
        retries=retries,
        restart=restart,
    )


def check(options: Options, spelling: Spelling = KEYWORDS) -> None:
    """Validate options without a prompt. Raises `UsageError`."""
    params(options, spelling)
    clocks(options, spelling)
    _exclude(options, spelling)
    cap(options.get("max_cost"), spelling)


def params(options: Options, spelling: Spelling = KEYWORDS) -> Params:
    """Return the generation parameters. Raises `UsageError`."""
    name = spelling.name
    return Params(
        max_tokens=parameters.whole("max_tokens", options.get("max_tokens"), name("max_tokens")),
        temperature=parameters.real("temperature", options.get("temperature"), name("temperature")),
        seed=parameters.whole("seed", options.get("seed"), name("seed")),
        stop=parameters.stops(options.get("stop"), name("stop")),
        extra=parameters.options(options.get("extra"), name("extra")),
    )


def selection(options: Options, spelling: Spelling = KEYWORDS) -> Selection:
    """Return what the planner needs to know."""
    private = options.get("private", False)
    return Selection(
        models=_several(options.get("model")),
        task=options.get("task"),
        strategy=options.get("strategy"),
        private=private,
        because=spelling.private if private else "",
        allowed=_several(options.get("allow_private_to")),
        first_only=not options.get("fallback", True),
        fit=options.get("fit", False),
        lenient=options.get("lenient", False),
        capped=options.get("max_cost") is not None,
        tags=_tags(options),
    )


def clocks(options: Options, spelling: Spelling = KEYWORDS) -> tuple[float | None, int | None]:
    """Return the timeout in seconds and the number of retries, None where the profile decides. Raises `UsageError`."""
    name = spelling.name
    timeout = parameters.real("timeout", options.get("timeout"), name("timeout"))
    return timeout, parameters.whole("retries", options.get("retries"), name("retries"))


def cap(amount: Dollars | None, spelling: Spelling = KEYWORDS) -> Pico | None:
    """Return a cap in picodollars. Raises `UsageError` unless it is above 0."""
    return None if amount is None else parameters.cap(str(amount), spelling.name("max_cost"))


def _exclude(options: Options, spelling: Spelling) -> None:
    if options.get("private") and options.get("allow_private_to"):
        name = spelling.name
        raise UsageError(f"{name('private')} and {name('allow_private_to')} cannot be combined")


def _tags(options: Options) -> dict[str, str]:
    return {str(key): str(value) for key, value in (options.get("tags") or {}).items()}


def _schema(given: Mapping[str, Any] | None) -> Mapping[str, Json] | None:
    if given is None:
        return None
    from llmo.requests.validator import checked

    return checked(given).schema


def _messages(prompt: Prompt, system: str | None) -> tuple[Message, ...]:
    turns = (Message("user", prompt),) if isinstance(prompt, str) else tuple(map(_message, prompt))
    if system is not None:
        turns = (Message("system", system), *(turn for turn in turns if turn.role != "system"))
    if not any(turn.text.strip() or turn.images for turn in turns if turn.role != "system"):
        raise UsageError("nothing to send: the prompt is empty")
    return turns


def _message(given: Message | Mapping[str, str]) -> Message:
    if isinstance(given, Message):
        if given.role not in ROLES.values() and given.verbatim is None:
            raise UsageError(f"unknown role: {given.role}", hint=f"roles: {', '.join(ROLES)}")
        return given
    role, text = ROLES.get(given.get("role", "")), given.get("content")
    if role is None:
        raise UsageError(f"unknown role: {given.get('role')}", hint=f"roles: {', '.join(ROLES)}")
    if not isinstance(text, str):
        raise UsageError(f"content of a message is not text: {type(text).__name__}", hint="use llmo.Message for images")
    return Message(role, text)


def _several(given: str | Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)
