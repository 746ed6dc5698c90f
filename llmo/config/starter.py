"""The text of a new profile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llmo.config import defaults
from llmo.config.kinds import KINDS
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_NAME = re.compile(r"[!-~]+")
"""A server may list anything; what a person cannot type is not proposed."""
_NOT_CHAT = re.compile(
    r"(?i)embed|whisper|tts|dall-e|image|audio|moderation|rerank|realtime|transcri|babbage|davinci|sora|search"
)
"""What servers list beside the models that answer prompts."""
_HEAD = """\
# A profile of llmo. Test it with `llmo profile check --probe`.
# All settings: `man llmo-profile`, or `llmo profile schema`.

model = "auto"        # without -m: provider/model, an alias, or auto (by task)
timeout = 120         # seconds for one call, with its retries and fallbacks
retries = 2           # more attempts per model after the first
store_texts = true    # keep prompts and answers; costs are always kept
retention_days = 90   # days after which they are deleted
"""
_NOTHING = """
# No provider was found. Without [providers], llmo looks again at every start:
# set OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENROUTER_API_KEY, or start Ollama
# and run `llmo models --refresh`.
"""
_PROVIDERS = """
# --- Providers: rpm, tpm (per minute) and concurrency set limits of your own.
# Any server that speaks OpenAI's API can be one:
#   [providers.vllm]
#   kind = "openai"
#   base_url = "http://127.0.0.1:8000/v1"

"""
_PROVIDERS_FOUND = """
# --- Found by `llmo profile init`

"""
_TASKS = """
# --- Tasks: who answers: primary, then secondary, then [fallback].
#   simple: clean-up, extraction; complex: reasoning; general: everything else

"""
_BUDGETS = """
# --- Budgets are checked before a request. window: run, day, week, month, total
#   match = { provider = "openai" } counts only those; also model, task, tag.KEY
"""
_BUDGET = """\
{off}[[budgets]]
{off}name = "daily"
{off}limit_usd = "{usd}"
{off}window = "day"
"""
_REST = """
# --- Aliases: llmo ask -m fast
#   [aliases]
#   fast = "ollama/llama3.1"

# --- Privacy: requests in which this is found stay on this machine.
#   [] turns it off; "contact" adds e-mail addresses and phone numbers
[privacy]
detect = ["secrets", "pii"]
"""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a new profile says: tables of providers, `tasks` and `fallback`, and dollars a day (None: no limit)."""

    providers: Mapping[str, Mapping[str, Any]]
    chain: Mapping[str, Any]
    daily_usd: str | None = None


def text(draft: Draft) -> str:
    """A commented profile."""
    import tomli_w

    parts = [_HEAD, _PROVIDERS if draft.providers else _NOTHING]
    if draft.providers:
        parts += [tomli_w.dumps({"providers": draft.providers}), _TASKS, _lists(draft.chain)]
    return "".join([*parts, _BUDGETS, _budget(draft.daily_usd), _REST])


def extended(old: str, tree: Mapping[str, Any], draft: Draft) -> str:
    """
    The text of a profile with what it does not have yet, at its end; what is there stays as it is.

    `tree` is the text as parsed TOML. Tasks are added only to a profile that leaves providers and tasks to llmo.
    """
    import tomli_w

    added = {name: table for name, table in draft.providers.items() if not has(tree, name, table)}
    parts = [_PROVIDERS_FOUND + tomli_w.dumps({"providers": added})] if added else []
    if added and not {"providers", "tasks", "fallback"} & tree.keys():
        parts.append(_TASKS + _lists(draft.chain))
    if draft.daily_usd and "budgets" not in tree:
        parts.append(_BUDGETS + _budget(draft.daily_usd))
    line = "\r\n" if "\r\n" in old else "\n"
    end = "" if not old or old.endswith("\n") else line
    return old + end + "".join(parts).replace("\n", line)


def has(tree: Mapping[str, Any], name: str, table: Mapping[str, Any]) -> bool:
    """Whether a profile has this provider already, under whatever name."""
    own = tree.get("providers")
    there = own if isinstance(own, dict) else {}
    return name in there or any(_same(other, table, there_as) for there_as, other in there.items())


def _same(one: object, found: Mapping[str, Any], name: str) -> bool:
    if not isinstance(one, dict) or one.get("kind", name) != found["kind"]:
        return False
    keys = [table.get("api_key_env") for table in (one, found)]
    return (keys[0] == keys[1]) if any(keys) else one.get("base_url") == found.get("base_url")


def provider(name: str, env: Mapping[str, str]) -> dict[str, Any]:
    """The table of a provider that is named after its type; of a key it has the variable."""
    kind = KINDS[name]
    told = env.get(kind.url_env or "")
    found = {
        "kind": name,
        "base_url": kind.read_url(told) if told else None,
        "api_key_env": kind.key_env if env.get(kind.key_env or "") else None,
    }
    return {key: value for key, value in found.items() if value}


def proposed(use: Collection[str], models: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The tasks and the fallback for the providers in `use`; `models` are what each has, where that is known."""
    chat = {name: list(filter(_answers, found)) for name, found in models.items()}
    local = [f"{name}/{chat[name][0]}" for name in use if KINDS[name].discovered and chat.get(name)]
    tree = defaults.chain(local, set(use))
    rest = [f"{name}/{chat.get(name, [])[0]}" for name in use if KINDS[name].gateway and chat.get(name)]
    rest += [f"{name}/auto" for name in use if KINDS[name].programs]
    for task in tree["tasks"].values():
        known = [_known(target, chat) for target in (*task["primary"], *task["secondary"])]
        steps = list(dict.fromkeys([*filter(None, known), *rest])) or local
        task["primary"], task["secondary"] = steps[:1], steps[1:]
    return tree


def _answers(model: str) -> bool:
    """Whether a model answers prompts, as far as its name tells."""
    return bool(_NAME.fullmatch(model)) and not _NOT_CHAT.search(model)


def _known(target: str, chat: Mapping[str, Sequence[str]]) -> str | None:
    """The target, or another model of its provider if that has said what it has and this is not among it."""
    name, _, model = target.partition("/")
    found = chat.get(name)
    if found is None or model in found or KINDS[name].routing:
        return target
    return f"{name}/{found[0]}" if found else None


def _lists(chain: Mapping[str, Any]) -> str:
    """Tables whose lists take a line each."""
    import tomli_w

    def on_one_line(found: re.Match[str]) -> str:
        return f"[{', '.join(line.strip().removesuffix(',') for line in found[1].splitlines())}]"

    return re.sub(r"\[\n((?: .*\n)+)\]", on_one_line, tomli_w.dumps(_without_empty(chain)))


def _budget(daily_usd: str | None) -> str:
    return _BUDGET.format(off="" if daily_usd else "#   ", usd=daily_usd or "2.00")


def _without_empty(tree: Mapping[str, Any]) -> dict[str, Any]:
    filled = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in tree.items()}
    return {key: value for key, value in filled.items() if value}
