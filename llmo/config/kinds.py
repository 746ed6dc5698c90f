"""
Everything about a provider type that is data: one row each.

A new type is one row here and one folder in `llmo/providers/`. The rest of the program asks the row; no other module
compares a type by its name.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from llmo.config import ollama

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.types.jsontext import Json
    from llmo.types.messages import Billing, Parameter
    from llmo.types.money import Pico

ALL: frozenset[Parameter] = frozenset({"max_tokens", "temperature", "seed", "stop", "option", "image", "schema"})
OFFLINE = "offline"
"""The type, and the name of a provider that every profile has: it needs nothing and costs nothing."""
EMPTY: Mapping[str, Any] = MappingProxyType({})


class ProviderKind(NamedTuple):
    """
    One provider type; what a row leaves out is as at a metered cloud that speaks HTTP.

    A tuple, as a dataclass of this many fields costs a millisecond of every start.
    """

    implementation: str
    """`module:Class`, imported when the first provider of this type is made."""

    base_url: str | None = None
    """Where it is when neither the profile nor the environment says so."""
    url_env: str | None = None
    """The vendor's own variable for the address; it moves the provider that is named after its type."""
    read_url: Callable[[str], str] = str
    """Makes an address of what `url_env` holds."""
    needs_url: bool = False
    """Whether there is no provider without an address from the user."""
    key_env: str | None = None
    """The vendor's own variable for the key, sent without being asked to `key_host` and nowhere else."""
    key_host: str | None = None
    """The vendor's host; None: any provider named after this type, for it is the user's own proxy or program."""
    key_follows: bool = False
    """Whether the key goes along to the address in `url_env`."""
    needs_key: bool = False
    """Whether `key_host` answers nobody without a key; compatible servers elsewhere may."""
    programs: tuple[str, ...] = ()
    """The program it runs, under each of its names; only the first is proof of what it is."""
    program_places: tuple[str, ...] = ()
    """Where that program's installer puts it, which a cron job or a CI step does not have on PATH."""
    extra: str | None = None
    """The extra of llmo that must be installed, called like the package that it brings."""
    discovered: bool = False
    """Whether it may run on this machine unasked: it is asked for its models, and remembered with them."""

    http: bool = True
    """Whether it uses llmo's own transports."""
    connect: float = 10.0
    """Seconds until a connection must stand."""
    idle: float = 120.0
    """Seconds of silence allowed between bytes."""
    first: float = 600.0
    """Seconds before the first byte of an answer: reasoning models think, and Ollama loads a model, without one."""
    concurrency: int = 64
    """Requests in flight at once when the profile is silent; 1 where more would only wait in another line."""
    splits_tokens: bool = False
    """Whether its limits count input when it comes and output as it is written, instead of a request's limit."""
    gateway: bool = False
    """Whether it only passes errors on: the work behind a 500 may have been done, and billed."""
    records_costs: bool = False
    """Whether it can be asked later what a call cost."""
    sends_to: Literal["nobody", "address", "others"] = "address"
    """Where a prompt ends up: nowhere, at its address, or somewhere that the address does not tell."""

    parameters: frozenset[Parameter] = ALL
    """What its requests can express; a schema that is not among them is asked for in words."""
    reserved: Mapping[str, str] = EMPTY
    """Options of this type alone that llmo sets itself, each with what to do instead."""
    shared_option: str | None = None
    """The option whose object llmo adds to: the highest price, or the output limit."""
    chat_completions: bool = False
    """Whether it takes the body of an OpenAI chat completion as it stands."""
    carried: frozenset[str] = frozenset()
    """Fields of such a body with the same name and meaning in its own dialect."""
    carried_user: tuple[str, str] | None = None
    """Where its own dialect has the field `user`: an object and a key in it."""
    carried_json: Mapping[str, Json] = EMPTY
    """The options that ask for JSON of any shape in its own dialect."""
    ordered_parts: bool = False
    """Whether its own dialect keeps the order of texts and images in a message."""
    batches: str | None = None
    """`module:Class` of the vendor's own batch service, which answers within a day at a lower price."""
    batch_lines: bool = False
    """Whether model names in OpenAI's batch lines, which have no provider, mean this one."""

    template_tokens: int | None = None
    """The most that its chat template adds to a request; None: as of all that may stand behind it."""
    sizes_window: bool = False
    """Whether a request says how large its context window is to be, as `num_ctx`."""
    image_tokens: Literal["claude", "any"] = "any"
    """Which formula bounds the tokens of an image."""

    billing: Billing = "metered"
    """How its calls are billed; `local = true` in the profile makes metered ones free."""
    cloud_billing: Billing | None = None
    """How calls are billed that it hands on to its vendor's cloud, where it does that."""
    vendor: str | None = None
    """Whose prices hold at its own address, as the price table calls them."""
    vendor_in_model: bool = False
    """Whether model names begin with the vendor to whose host, and at whose prices, they go."""
    profile_prices: bool = False
    """Whether its own table in the profile says what a token costs."""
    use_prices: Mapping[str, Pico] = EMPTY
    """Picodollars a use of a server's own tool, where the price table has none."""
    routing: bool = False
    """Whether it has the table `routing`: models that may step in, and prices that no host may pass."""
    same_price: tuple[str, ...] = ()
    """Suffixes of model names that only order hosts: the price is that of the name without."""
    free_suffix: str | None = None
    """The suffix of model names that cost nothing."""


KINDS: Mapping[str, ProviderKind] = {
    "openai": ProviderKind(
        implementation="llmo.providers.openai.provider:OpenAI",
        base_url="https://api.openai.com/v1",
        url_env="OPENAI_BASE_URL",
        key_env="OPENAI_API_KEY",
        key_host="api.openai.com",
        key_follows=True,
        needs_key=True,
        chat_completions=True,
        batches="llmo.providers.openai.batches:OpenAIBatches",
        batch_lines=True,
        vendor="openai",
    ),
    "anthropic": ProviderKind(
        splits_tokens=True,
        implementation="llmo.providers.anthropic.provider:Anthropic",
        batches="llmo.providers.anthropic.batches:AnthropicBatches",
        base_url="https://api.anthropic.com",
        url_env="ANTHROPIC_BASE_URL",
        key_env="ANTHROPIC_API_KEY",
        key_host="api.anthropic.com",
        key_follows=True,
        needs_key=True,
        idle=90.0,
        parameters=ALL - {"seed"},
        reserved={"system": "use --system"},
        carried=frozenset({"top_p", "top_k"}),
        carried_user=("metadata", "user_id"),
        ordered_parts=True,
        template_tokens=64,  # a handful, without tools
        image_tokens="claude",
        vendor="anthropic",
        # $10 per 1,000 searches (platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool, pricing)
        use_prices={"web_search": 10_000_000_000},
    ),
    "ollama": ProviderKind(
        sizes_window=True,
        implementation="llmo.providers.ollama.provider:Ollama",
        base_url="http://127.0.0.1:11434",
        url_env="OLLAMA_HOST",
        read_url=ollama.address,
        key_env="OLLAMA_API_KEY",
        key_host="ollama.com",
        needs_key=True,
        discovered=True,
        connect=5.0,
        first=3600.0,
        concurrency=1,  # one instance of a model
        shared_option="options",
        carried=frozenset(
            ("top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "tools")
        ),
        carried_json={"format": "json"},
        billing="local",
        cloud_billing="subscription",
    ),
    "openrouter": ProviderKind(
        implementation="llmo.providers.openrouter.provider:OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        key_env="OPENROUTER_API_KEY",
        key_host="openrouter.ai",
        needs_key=True,
        records_costs=True,
        sends_to="others",
        reserved={"models": "set models in the routing table of the provider, so that the budget covers them"},
        shared_option="provider",
        chat_completions=True,
        vendor="openrouter",
        routing=True,
        same_price=(":floor", ":exacto"),  # not `:nitro`, which admits a dearer tier
        free_suffix=":free",
    ),
    "litellm": ProviderKind(
        implementation="llmo.providers.litellm.provider:LiteLLM",
        extra="litellm",
        http=False,
        sends_to="others",
        reserved={
            "timeout": "use --timeout, or idle_timeout of the provider",
            "drop_params": "llmo never drops parameters silently",
            **dict.fromkeys(("metadata", "callbacks", "caching", "cache", "max_budget"), "not for a call of llmo"),
            **dict.fromkeys(("input_cost_per_token", "output_cost_per_token"), "not for a call of llmo"),
        },
        chat_completions=True,
        vendor_in_model=True,
    ),
    "litellm-proxy": ProviderKind(
        implementation="llmo.providers.litellm_proxy.provider:LiteLLMProxy",
        url_env="LITELLM_PROXY_URL",
        needs_url=True,
        key_env="LITELLM_PROXY_API_KEY",
        gateway=True,
        sends_to="others",
        chat_completions=True,
    ),
    "cursor": ProviderKind(
        implementation="llmo.providers.cursor.provider:Cursor",
        key_env="CURSOR_API_KEY",
        programs=("cursor-agent", "agent"),  # others call themselves `agent` too; `cursor` is the editor: never that
        program_places=("~/.local/bin", "~/.cursor/bin"),
        http=False,
        idle=300.0,
        concurrency=1,  # one flat plan
        sends_to="others",
        parameters=frozenset(),
        billing="subscription",
    ),
    OFFLINE: ProviderKind(
        implementation="llmo.providers.offline.provider:Offline",
        http=False,
        sends_to="nobody",
        chat_completions=True,  # it takes anything
        billing="local",
        profile_prices=True,
    ),
}


def taking(parameter: Parameter) -> tuple[str, ...]:
    """The types whose requests can express a parameter."""
    return tuple(name for name, kind in KINDS.items() if parameter in kind.parameters)


def taking_chat_completions() -> tuple[str, ...]:
    """The types that take the body of an OpenAI chat completion as it stands."""
    return tuple(name for name, kind in KINDS.items() if kind.chat_completions)
