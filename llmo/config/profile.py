"""
The profile: every setting, declared once.

Plain frozen dataclasses, so that the rest of the program needs no pydantic; `llmo.config`
validates them (and `LLMO_…` variables) with pydantic-settings, which reads the constraints
and the attribute docstrings from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping  # noqa: TC003 - pydantic evaluates the annotations
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from llmo.config.kinds import KINDS
from llmo.config.parameters import MOST_COUNT, MOST_DAYS, MOST_IN_FLIGHT, MOST_RETRIES, MOST_SECONDS, MOST_TOKENS
from llmo.types.dataclass import dataclass, field
from llmo.types.messages import Strategy, Target

if TYPE_CHECKING:
    KindName = str
else:
    KindName = Literal[tuple(KINDS)]
Window = Literal["run", "day", "week", "month", "total"]
Detector = Literal["secrets", "pii", "contact"]
BudgetEnd = Literal["refuse", "local"]
MATCHED = ("provider", "model", "task")
"""What a budget's `match` looks at, beside `tag.KEY`."""
TASKS = ("simple", "complex", "general")
"""The tasks that every profile knows by name, whether or not it has a chain for them."""


class Exact:
    """
    A value of this type, not one that could be read as it: TOML has types, so `timeout = "30"` is a mistake.

    Bounds are `gt`, `ge`, `le`. pydantic calls the hook by its name; neither it nor annotated-types,
    16 ms of every start, is imported for that.
    """

    def __init__(self, **bounds: int) -> None:
        self.bounds = bounds

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Make the schema of the bare type strict, and bound it."""
        return handler(source) | {"strict": True} | self.bounds


Switch = Annotated[bool, Exact()]
Usd = Annotated[str, "dollars"]
"""A decimal string of US dollars; `llmo.config` checks it."""

STRICT: dict[str, Any] = {"extra": "forbid", "use_attribute_docstrings": True, "allow_inf_nan": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineConfig:
    """How the `offline` provider behaves: deterministic answers without a network."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    reply_file: str | None = None
    """Text file with one scripted reply a line; answered in turn."""
    delay: Annotated[float, Exact(ge=0, le=MOST_SECONDS)] = 0.0
    """Seconds between the words of a streamed answer."""
    first_token_delay: Annotated[float, Exact(ge=0, le=MOST_SECONDS)] = 0.0
    """Seconds before the first word."""
    input_usd: Usd = "0"
    """Price per million input tokens."""
    output_usd: Usd = "0"
    """Price per million output tokens."""
    fail: Literal["none", "rate_limited", "unavailable", "cut", "slow"] = "none"
    """How calls fail."""
    fail_every: Annotated[int, Exact(ge=1, le=MOST_COUNT)] = 1
    """Only every n-th call fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingConfig:
    """How OpenRouter chooses among models and hosts (kind openrouter)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    models: tuple[str, ...] = ()
    """Models that OpenRouter tries, in this order, when the requested one fails."""
    order: tuple[str, ...] = ()
    """Hosts that are tried first, in this order."""
    only: tuple[str, ...] = ()
    """The hosts that may answer; empty: any."""
    ignore: tuple[str, ...] = ()
    """Hosts that may not answer."""
    allow_fallbacks: Switch = True
    """Whether other hosts may answer when those of `order` cannot."""
    sort: Literal["price", "throughput", "latency"] | None = None
    """What hosts are ordered by; `--strategy` cheapest and fastest override it."""
    max_price_prompt_usd: Usd | None = None
    """Most that a million input tokens may cost: costlier hosts are refused, and budgets reserve at this price."""
    max_price_completion_usd: Usd | None = None
    """Most that a million output tokens may cost; needs `max_price_prompt_usd`."""
    max_price_request_usd: Usd = "0"
    """Most that a request may cost on top of its tokens, when the other two prices are set."""
    data_collection: Literal["allow", "deny"] | None = None
    """Whether hosts may store prompts."""
    zdr: Switch = False
    """Only hosts that keep nothing (zero data retention)."""
    require_parameters: Switch = False
    """Only hosts that support every parameter of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderConfig:
    """One provider: an address, a key, its limits."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    kind: KindName
    """Provider type: the API that it speaks."""
    base_url: str | None = None
    """Its address; each provider type has its own default."""
    api_key_env: str | None = None
    """Name of the environment variable with the key."""
    api_key_cmd: tuple[str, ...] = ()
    """Command that prints the key; run without a shell."""
    api_key_keyring: str | None = None
    """Service name in the system keyring, where the user is the name of the provider."""
    models: tuple[str, ...] = ()
    """The models that may be used; empty: any."""
    rpm: Annotated[int, Exact(gt=0, le=MOST_COUNT)] | None = None
    """Requests per minute."""
    tpm: Annotated[int, Exact(gt=0, le=MOST_COUNT)] | None = None
    """Tokens per minute."""
    itpm: Annotated[int, Exact(gt=0, le=MOST_COUNT)] | None = None
    """Input tokens per minute (kind anthropic)."""
    otpm: Annotated[int, Exact(gt=0, le=MOST_COUNT)] | None = None
    """Output tokens per minute (kind anthropic)."""
    concurrency: Annotated[int, Exact(gt=0, le=MOST_IN_FLIGHT)] | None = None
    """Requests in flight at once."""
    enqueued_tokens: Annotated[int, Exact(gt=0, le=MOST_COUNT)] | None = None
    """Input tokens that may wait in its batches at once, for each model (`llmo batch --deferred`)."""
    local: Switch | None = None
    """Counts as this machine: may be used with `--private`, and is free. Unset, a server on this machine does."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers sent with every request."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    """Which field carries the output limit (kind openai)."""
    connect_timeout: Annotated[float, Exact(gt=0, le=MOST_SECONDS)] | None = None
    """Seconds to wait for a connection."""
    idle_timeout: Annotated[float, Exact(gt=0, le=MOST_SECONDS)] | None = None
    """Seconds of silence after which an answer counts as broken."""
    num_ctx: Annotated[int, Exact(gt=0, le=MOST_TOKENS)] | None = None
    """Context length that Ollama loads a model with (kind ollama); without it, what the prompt needs."""
    api_version: str | None = None
    """Value of the header `anthropic-version` (kind anthropic)."""
    command: tuple[str, ...] = ()
    """Program to run, with its first arguments (kind cursor)."""
    max_calls_per_day: Annotated[int, Exact(gt=0, le=MOST_COUNT)] | None = None
    """Calls per day; a limit for a flat plan, which costs no dollars."""
    offline: OfflineConfig = field(default_factory=OfflineConfig)
    """Behavior of kind offline."""
    routing: RoutingConfig = field(default_factory=RoutingConfig)
    """Choices of kind openrouter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskConfig:
    """The first two steps of a task's chain; each entry is `provider/model` or an alias."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    primary: tuple[str, ...] = ()
    """Models that are tried first, in this order."""
    secondary: tuple[str, ...] = ()
    """Models that are tried next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackConfig:
    """Steps three to five of every task's chain."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    openrouter: tuple[str, ...] = ()
    """Third: models at OpenRouter."""
    litellm: tuple[str, ...] = ()
    """Fourth: models through LiteLLM."""
    local: tuple[str, ...] = ()
    """Last: models on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetConfig:
    """A hard limit over a calendar window."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str
    """Shown when the budget refuses a call."""
    limit_usd: Usd | None = None
    """Dollars that may be spent in a window; 0 refuses everything."""
    limit_calls: Annotated[int, Exact(ge=0, le=MOST_COUNT)] | None = None
    """Calls that may be made in a window."""
    window: Window = "total"
    """When it starts over: with each run, day, week or month, or never."""
    match: Mapping[str, str] = field(default_factory=dict)
    """Calls that count, by `provider`, `model`, `task` and `tag.KEY`, with `*` for any text; empty: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyConfig:
    """What may leave this machine."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    local_only: Switch = False
    """Treat every request as with `--private`."""
    detect: tuple[Detector, ...] = ("secrets", "pii")
    """What makes a request private when it is found there: `secrets`, `pii` (personal data); empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdsConfig:
    """How sure the classifier of `-t auto` must be that a prompt is not general; 0.5 is as it was trained."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    simple: Annotated[float, Exact(ge=0, le=1)] = 0.5
    """Share of simple in the scores of simple and general above which a prompt is simple."""
    complex: Annotated[float, Exact(ge=0, le=1)] = 0.5
    """Share of complex in the scores of complex and general above which a prompt is complex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceConfig:
    """A price that overrides the built-in table, in dollars per million tokens."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    model: str
    """A `provider/model`, in which `*` matches any text."""
    input_usd: Usd
    """Input tokens."""
    output_usd: Usd
    """Output tokens, reasoning included."""
    cached_input_usd: Usd | None = None
    """Input tokens read from a cache; without it, the price of input."""
    cache_write_usd: Usd | None = None
    """Input tokens written to a cache; without it, the price of input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Everything that is configured."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    model: str = "auto"
    """Model that is used without `-m`: `provider/model`, an alias, or `auto` (by task)."""
    task: str = "auto"
    """Task that is used without `-t`: its name, or `auto` (by the prompt)."""
    strategy: Strategy = "profile"
    """How candidates are ordered: as written (`profile`), by price, by measured speed, or by both."""
    timeout: Annotated[float, Exact(gt=0, le=MOST_SECONDS)] = 120.0
    """Seconds that one call may take, retries and fallbacks included."""
    retries: Annotated[int, Exact(ge=0, le=MOST_RETRIES)] = 2
    """Attempts per candidate after the first."""
    max_tokens: Annotated[int, Exact(gt=0, le=MOST_TOKENS)] | None = None
    """Output limit in tokens when the command sets none."""
    store_texts: Switch = True
    """Keep prompts and answers in the history."""
    retention_days: Annotated[int, Exact(ge=0, le=MOST_DAYS)] = 90
    """Days after which saved texts are deleted."""
    timezone: str | None = None
    """IANA time zone in which days, weeks and months of budgets begin; without it, the system's."""
    ledger: str | None = None
    """Address of a PostgreSQL database that keeps the ledger; without it, a file of this user."""
    providers: Mapping[str, ProviderConfig] = field(default_factory=dict)
    """Providers by the name that models begin with."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Short names for models."""
    tasks: Mapping[str, TaskConfig] = field(default_factory=dict)
    """simple, complex, general and any of your own."""
    thresholds: ThresholdsConfig = field(default_factory=ThresholdsConfig)
    """When `-t auto` calls a prompt simple or complex."""
    fallback: FallbackConfig = field(default_factory=FallbackConfig)
    """Models appended to the chain of every task."""
    budgets: tuple[BudgetConfig, ...] = ()
    """Limits on dollars or calls; all that match a call must hold."""
    when_budget_ends: BudgetEnd = "refuse"
    """What happens when a budget refuses a call: `refuse` it, or let free models on this machine answer (`local`)."""
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    """What may leave this machine."""
    prices: tuple[PriceConfig, ...] = ()
    """Prices that override the built-in table."""


def parse_target(text: str) -> Target | None:
    """`provider/model`; the model may hold further slashes. None when it has no provider."""
    provider, slash, model = text.partition("/")
    return Target(provider, model) if slash and provider and model else None
