"""
Checks beyond types: names that must exist, amounts, addresses, time zones.

They read the raw tree, so that all problems are found at once, wrong types or not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

from llmo.config import ledger_address, patterns
from llmo.config.kinds import KINDS
from llmo.config.parameters import MOST_PRICE
from llmo.config.problems import SECRET
from llmo.config.profile import MATCHED, TASKS, RoutingConfig
from llmo.config.schema import Path, given
from llmo.types.money import DOLLAR, MOST, parse_usd
from llmo.types.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Finding: TypeAlias = tuple[Path, str]
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CEILINGS = ("max_price_prompt_usd", "max_price_completion_usd", "max_price_request_usd")
_SILENT = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(RoutingConfig()).items()}
_USD = ("input_usd", "output_usd", "cached_input_usd", "cache_write_usd")


def findings(data: Mapping[str, Any]) -> Iterator[Finding]:
    """All problems of a tree beyond its types; parts of the wrong type are skipped."""
    yield from _providers(data)
    yield from _targets(data)
    yield from _budgets(data)
    yield from _prices(data)
    yield from _timezone(data)
    yield from _ledger(data)


def _table(data: object, key: str) -> Mapping[str, Any]:
    value = data.get(key) if isinstance(data, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _list(data: object, key: str) -> Sequence[Any]:
    value = data.get(key) if isinstance(data, Mapping) else None
    return value if isinstance(value, list | tuple) else ()


def _providers(data: Mapping[str, Any]) -> Iterator[Finding]:
    for name, provider in _table(data, "providers").items():
        path: Path = ("providers", name)
        if not name or "/" in name:
            yield path, "a provider's name must not be empty or contain a slash: models are named provider/model"
        yield from _address(provider, path)
        yield from _key(provider, path)
        yield from _amounts(_table(provider, "offline"), (*path, "offline"))
        yield from _routing(provider, (*path, "routing"))


def _routing(provider: object, path: Path) -> Iterator[Finding]:
    table = _table(provider, "routing")
    kind = provider.get("kind") if isinstance(provider, Mapping) else None
    routed = [name for name, row in KINDS.items() if row.routing]
    if kind not in routed and any(value != _SILENT.get(key, value) for key, value in table.items()):
        # Ignored without a word, it would look like privacy that holds.
        yield path, f"only kind {', '.join(routed)} has routing, this is {kind}"
    yield from _amounts(table, path, _CEILINGS)
    for one, other in (_CEILINGS[:2], _CEILINGS[1::-1]):
        if one in table and other not in table:
            yield (*path, one), f"a price limit also needs {other}"


def _address(provider: object, path: Path) -> Iterator[Finding]:
    url = provider.get("base_url") if isinstance(provider, Mapping) else None
    if not isinstance(url, str):
        return
    path = (*path, "base_url")
    found = re.fullmatch(r"(?i:https?)://([^/?#\s]+)([^?#\s]*)([?#]\S*)?", url)
    if not found:
        yield path, f"expected an address that starts with http:// or https://, got {_without_user(url)}"
    elif "@" in found[1]:
        yield path, f"an address must not contain a user name or password; {SECRET}"
    elif found[3]:
        yield path, "an address must not contain ? or #"


def _without_user(url: str) -> str:
    return "text" if "@" in url else given(url)


def _key(provider: object, path: Path) -> Iterator[Finding]:
    name = provider.get("api_key_env") if isinstance(provider, Mapping) else None
    if isinstance(name, str) and not _VARIABLE.fullmatch(name):
        # Not repeated: people put the key itself here.
        yield (*path, "api_key_env"), "expected the name of an environment variable, such as OPENAI_API_KEY"


def targets(data: Mapping[str, Any]) -> Iterator[tuple[Path, object]]:
    """Everything in a tree that names a target."""
    for name, text in _table(data, "aliases").items():
        yield ("aliases", name), text
    tables: list[tuple[Path, object]] = [(("tasks", name), task) for name, task in _table(data, "tasks").items()]
    for path, table in [*tables, (("fallback",), data.get("fallback"))]:
        for key in table if isinstance(table, Mapping) else ():
            for number, text in enumerate(_list(table, key)):
                yield (*path, key, number), text
    if data.get("model", "auto") != "auto":
        yield ("model",), data["model"]


def _targets(data: Mapping[str, Any]) -> Iterator[Finding]:
    for name in _table(data, "aliases"):
        if name == "auto" or "/" in name:
            yield ("aliases", name), "an alias must not contain a slash or be named auto"
    for path, text in targets(data):
        # An alias of an alias would need a rule for circles.
        yield from _target(data, path, text, {} if path[0] == "aliases" else _table(data, "aliases"))
    yield from _task(data)


def _target(data: Mapping[str, Any], path: Path, text: object, aliases: Mapping[str, Any]) -> Iterator[Finding]:
    if not isinstance(text, str) or text in aliases:
        return
    provider, slash, model = text.partition("/")
    known = _table(data, "providers")
    if not (slash and provider and model):
        yield path, f"expected provider/model or an alias, got {given(text)}{nearest(text, tuple(aliases))}"
    elif provider not in known:
        names = ", ".join(known) or "none"
        yield path, f"unknown provider: {provider}{nearest(provider, tuple(known)) or f' (providers: {names})'}"


def _task(data: Mapping[str, Any]) -> Iterator[Finding]:
    task = data.get("task", "auto")
    known = ("auto", *dict.fromkeys((*TASKS, *_table(data, "tasks"))))
    if isinstance(task, str) and task not in known:
        names = ", ".join(known)
        yield ("task",), f"unknown task: {task}{nearest(task, known) or f' (tasks: {names})'}"


def _budgets(data: Mapping[str, Any]) -> Iterator[Finding]:
    names = []
    for number, budget in enumerate(_list(data, "budgets")):
        if not isinstance(budget, Mapping):
            continue
        path: Path = ("budgets", number)
        if not {"limit_usd", "limit_calls"} & budget.keys():
            yield path, "a budget needs limit_usd or limit_calls"
        name = budget.get("name")
        if name in names:
            yield (*path, "name"), f"two budgets are named {name}"
        names.append(name)
        yield from _amounts(budget, path, ("limit_usd",), most=MOST)
        yield from _match(data, _table(budget, "match"), (*path, "match"))


def _match(data: Mapping[str, Any], match: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    for key, value in match.items():
        tag = key.startswith("tag.") and key != "tag."
        if key not in MATCHED and not tag:
            known = f"{nearest(key, MATCHED)} (keys: {', '.join(MATCHED)}, tag.KEY)"
            yield (*path, key), f"unknown key{known}"
        elif isinstance(value, str) and (why := patterns.wrong(value, free=tag) or _idle(data, key, value)):
            yield (*path, key), why if why.startswith("unknown") else f"{why}, got {given(value)}"


def _idle(data: Mapping[str, Any], key: str, pattern: str) -> str | None:
    """Why nothing can match this part: a budget that counts nothing would look like one that is kept."""
    if key not in ("provider", "task"):
        return None  # models and tags may be anything
    own = tuple(_table(data, "providers" if key == "provider" else "tasks"))
    known = tuple(dict.fromkeys((*own, *(KINDS if key == "provider" else TASKS))))
    found = [name for name in known if patterns.matches(pattern, name)]
    if not found:
        listing = f" ({key}s: {', '.join(known)})"
        return f"unknown {key}: {pattern}{nearest(pattern, known) or listing}"
    if key == "provider" and not {*own} & {*found}:
        return _by_kind(data, found)
    return None


def _by_kind(data: Mapping[str, Any], kinds: Sequence[str]) -> str | None:
    """Providers are matched by name; a type's name, where its providers have others, was meant for those."""
    own = _table(data, "providers").items()
    meant = [name for name, one in own if isinstance(one, Mapping) and one.get("kind") in kinds]
    if not meant:
        return None
    return f"unknown provider: {kinds[0]} is a kind, not the name of a provider (of this kind: {', '.join(meant)})"


def _prices(data: Mapping[str, Any]) -> Iterator[Finding]:
    own = _table(data, "providers")
    for number, price in enumerate(_list(data, "prices")):
        path: Path = ("prices", number)
        yield from _amounts(price, path)
        pattern = price.get("model") if isinstance(price, Mapping) else None
        if not isinstance(pattern, str):
            continue
        if why := patterns.wrong(pattern):
            yield (*path, "model"), f"{why}, got {given(pattern)}"
        elif "/" not in pattern and not any(patterns.may_begin(pattern, f"{name}/") for name in (*own, *KINDS)):
            yield (*path, "model"), f"expected provider/model, such as openai/{pattern}, got {given(pattern)}"


def _amounts(table: object, path: Path, keys: tuple[str, ...] = _USD, *, most: int = MOST_PRICE) -> Iterator[Finding]:
    """What is no amount, or more than `most` dollars; by default the highest price that the ledger can multiply."""
    for key in keys:
        text = table.get(key) if isinstance(table, Mapping) else None
        if not isinstance(text, str):
            continue
        try:
            amount = parse_usd(text)
        except (ValueError, ArithmeticError):
            amount = None
        if amount is None or amount > most * DOLLAR:
            yield (*path, key), f"expected an amount in dollars from 0 to {most:,}, such as 2.50, got {given(text)}"


def _ledger(data: Mapping[str, Any]) -> Iterator[Finding]:
    url = data.get("ledger")
    if isinstance(url, str) and (why := ledger_address.problem(url)):
        yield ("ledger",), why


def _timezone(data: Mapping[str, Any]) -> Iterator[Finding]:
    zone = data.get("timezone")
    if not isinstance(zone, str):
        return
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(zone)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        near = nearest(zone, tuple(zoneinfo.available_timezones()))
        yield ("timezone",), f"unknown time zone: {zone}{near or ', expected an IANA name such as Europe/Berlin'}"
