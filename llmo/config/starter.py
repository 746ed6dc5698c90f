"""The text of a new profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.config import defaults
from llmo.config.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_HEAD = """\
# A profile of llmo. `llmo profile check --probe` tests it, `llmo profile schema` describes every key.

model = "auto"            # without -m: a target (provider/model), an alias, or auto = by task
timeout = 120             # seconds for one call, retries and fallbacks included
retries = 2               # attempts per candidate after the first
store_texts = true        # prompts and answers in the history; costs are always kept
retention_days = 90       # after that the texts go
"""
_NOTHING = """
# No key, no Ollama and no other provider was found. Without [providers] llmo looks again at every start:
# set OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENROUTER_API_KEY, or start Ollama and run `llmo models --refresh`.
"""
_PROVIDERS = """
# --- Providers: rpm, tpm (per minute) and concurrency are limits of yours.
# Any server that speaks OpenAI's API is one, too:
#   [providers.vllm]
#   kind = "openai"
#   base_url = "http://127.0.0.1:8000/v1"

"""
_TASKS = """
# --- Tasks: each has a chain: primary, secondary, then the fallback below.
#   simple: clean-up, extraction; complex: reasoning, decisions; general: the rest

"""
_BUDGETS = """
# --- Budgets hold before anything is sent. window: run, day, week, month, total
#   match = { provider = "openai" } counts only those; also model, task, tag.KEY
"""
_BUDGET = """\
{off}[[budgets]]
{off}name = "daily"
{off}limit_usd = "{usd}"
{off}window = "day"
"""
_REST = """
# --- Short names: llmo ask -m fast
#   [aliases]
#   fast = "ollama/llama3.1"

# --- Privacy: what is found in a request keeps it on this machine; [] turns it off, "contact" adds e-mail and phone
[privacy]
detect = ["secrets", "pii"]
"""


def text(env: Mapping[str, str], use: Collection[str], *, daily_usd: str | None = None) -> str:
    """A commented profile for the providers in `use`, with a daily budget if one is given."""
    import tomli_w

    parts = [_HEAD, _NOTHING if not use else _PROVIDERS]
    if use:
        parts.append(tomli_w.dumps({"providers": {name: _provider(name, env) for name in use}}))
        chain = defaults.chain(defaults.on_this_machine(use, env), set(use))
        parts += [_TASKS, tomli_w.dumps(_without_empty(chain))]
    parts += [_BUDGETS, _BUDGET.format(off="" if daily_usd else "#   ", usd=daily_usd or "2.00"), _REST]
    return "".join(parts)


def _provider(name: str, env: Mapping[str, str]) -> dict[str, Any]:
    kind = KINDS[name]
    told = env.get(kind.url_env or "")
    found = {
        "kind": name,
        "base_url": kind.read_url(told) if told else None,
        "api_key_env": kind.key_env if env.get(kind.key_env or "") else None,
    }
    return {key: value for key, value in found.items() if value}


def _without_empty(tree: Mapping[str, Any]) -> dict[str, Any]:
    filled = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in tree.items()}
    return {key: value for key, value in filled.items() if value}
