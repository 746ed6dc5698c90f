"""Models: prices, context windows, abilities, shutdown dates; shipped with the program, no network."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from llmo.catalog import table
from llmo.catalog.listings import NO_LIST
from llmo.catalog.prices import FLAT, FREE, Price
from llmo.config.addresses import CLOUD
from llmo.config.kinds import KINDS
from llmo.config.patterns import means_target
from llmo.types.dataclass import dataclass, field, replace
from llmo.types.money import parse_usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from llmo.catalog.listing import ListedModel
    from llmo.catalog.listings import ModelList, ModelLists
    from llmo.config.profile import PriceConfig, ProviderConfig
    from llmo.types.messages import Ability, Billing, Target
    from llmo.types.money import Pico


PATH = Path(__file__).parent.parent / "data" / "catalog.jsonl"
FILE = "prices.json"
"""The user's own table, in the cache directory."""
CAN: dict[str, Ability] = {"v": "vision", "s": "schema", "t": "tools", "r": "reasoning"}
"""Abilities as the table writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """
    What is known of a model at one provider; None is unknown, never zero.

    `vendor` is the table's name of its host, `price_date` the day that the price is of, `priced_by`
    its origin as it is stored with a call. `by_source` is what each source of the table says where they
    disagree: the price itself is then the dearer of them, rate by rate.
    """

    id: str
    price: Price | None = None
    billing: Billing = "metered"
    context: int | None = None
    max_output: int | None = None
    abilities: frozenset[Ability] | None = None
    shutdown: str | None = None
    name: str | None = None
    vendor: str | None = None
    price_date: str | None = None
    priced_by: str | None = None
    origin: tuple[str, ...] = ()
    by_source: Mapping[str, Price] = field(default_factory=lambda: MappingProxyType({}))

    def retired(self, now: float) -> bool:
        """Whether its shutdown date has come, in UTC; `now` in seconds since the epoch."""
        return self.shutdown is not None and self.shutdown[:10] <= datetime.fromtimestamp(now, UTC).date().isoformat()


class Catalog:
    """
    The shipped table, then what providers have listed since, then the profile's prices: the last one wins.

    Entries are resolved for the instant `now`: prices may be dated or depend on the hour.
    """

    def __init__(
        self,
        overrides: Sequence[PriceConfig] = (),
        *,
        now: float,
        path: Path = PATH,
        lists: ModelLists | None = None,
        installed: Path | None = None,
    ) -> None:
        """`installed` is where the user's own table may be; it replaces the shipped one when it is newer."""
        self._overrides = [(one.model, _profile_price(one)) for one in overrides]
        self._now = datetime.fromtimestamp(now, UTC)
        self._path = path
        self._installed = installed
        self._lists = lists
        self._found: dict[tuple[str | None, str], Model] = {}

    @cached_property
    def _data(self) -> dict[str, Any]:
        data = table.read(self._path.read_bytes())
        if self._installed is not None and self._installed.exists():
            from llmo.catalog.custom_table import newer

            return newer(self._installed, data["date"]) or data
        return data

    @cached_property
    def _table(self) -> table.PriceTable:
        return table.PriceTable(self._data["vendors"])

    @property
    def date(self) -> str:
        """The day that the prices were taken from their source."""
        return str(self._data["date"])

    @property
    def version(self) -> str:
        """The sources and their versions."""
        return self._versions(self._data["sources"])

    def _versions(self, sources: Iterable[str]) -> str:
        return " ".join(f"{source}-{self._data['sources'][source]}" for source in sources)

    def find(self, target: Target, provider: ProviderConfig, base_url: str | None = None) -> Model:
        """
        What is known of a target.

        A price comes from the profile, from the provider type (own hardware, flat plan, `offline`), from the
        provider's list, or from the table when that is newer and the address is a vendor's own, or the provider
        is named after the vendor of its type (`openai` behind a company's gateway). At any other address a
        model's name proves nothing: the price is unknown unless the profile gives it.
        """
        known = self._listed(target, provider, base_url)
        billing = _billing(target.model, provider, base_url)
        price = next((price for pattern, price in self._overrides if means_target(pattern, str(target))), None)
        if price is None:
            price = _own_price(billing, provider) or known.price
        elif billing == "local":
            billing = "metered"
        if billing == "subscription":
            price = FLAT
        if KINDS[provider.kind].routing and billing == "metered":
            price = self._with_routing(price, target, provider, base_url)
        return self._dated(replace(known, id=target.model, price=price, billing=billing))

    def _listed(self, target: Target, provider: ProviderConfig, base_url: str | None) -> Model:
        """The table's entry, completed by what the provider itself has listed since."""
        kind = KINDS[provider.kind]
        vendor, name = self._vendor_and_name(target, provider, base_url)
        for suffix in kind.same_price:
            name = name.removesuffix(suffix)
        known = self._known(vendor, name)
        if known.price is None and kind.free_suffix and name.endswith(kind.free_suffix):
            known = replace(known, price=Price(input=0, output=0))
        day, models = self._list_of(target.provider, base_url or provider.base_url or "")
        listed = models.get(name)
        return known if listed is None else _merged(known, listed, day, newer=day >= self.date)

    def listed(self, provider: str, address: str) -> Mapping[str, ListedModel]:
        """The models that a provider at this address listed when it was last asked."""
        return self._list_of(provider, address).models

    def _list_of(self, provider: str, address: str) -> ModelList:
        return NO_LIST if self._lists is None else self._lists.of(provider, address)

    def _with_routing(
        self, price: Price | None, target: Target, provider: ProviderConfig, url: str | None
    ) -> Price | None:
        """What may be charged under the table `routing`: models that may step in, prices that no host may pass."""
        routing = provider.routing
        if routing.max_price_prompt_usd is not None and routing.max_price_completion_usd is not None:
            most = (_rate(routing.max_price_prompt_usd), _rate(routing.max_price_completion_usd))
            cap = (*most, parse_usd(routing.max_price_request_usd))
            limit = Price(input=cap[0], output=cap[1], request=cap[2], source="limit")
            return replace(price or limit, cap=cap)
        alone = replace(provider, routing=replace(routing, models=()))
        others = [self.find(replace(target, model=model), alone, url).price for model in routing.models]
        known = [other for other in others if other is not None]
        # One model of unknown price that may step in makes the price of all unknown.
        return replace(price, others=tuple(known)) if price and len(known) == len(others) else None

    def _dated(self, model: Model) -> Model:
        source = model.price.source if model.price else None
        if source == "table":
            disputed = "dearer of " if model.by_source else ""
            by = f"{disputed}{self._versions(model.origin or self._data['sources'])} {self.date}"
            return replace(model, price_date=self.date, priced_by=by)
        if source == "refreshed":
            return replace(model, priced_by=f"refreshed {model.price_date}", origin=(), by_source={})
        return replace(model, price_date=None, priced_by=source, origin=(), by_source={})

    def vendor(self, provider: ProviderConfig, base_url: str | None = None) -> str | None:
        """Whose models a provider serves, None when its address does not tell."""
        url, home = base_url or provider.base_url, KINDS[provider.kind].vendor
        if home is not None and not provider.local:
            return self._table.vendor_at(url) if url else home
        return None

    def known(self, vendor: str) -> Iterator[Model]:
        """The chat models of a vendor that have a price, by names that can be asked for."""
        facts = self._table.vendors.get(vendor)
        for entry in facts["models"] if facts else ():
            asked = self._table.find(vendor, entry["id"])
            if "prices" in entry and entry.get("chat", True) and asked and asked[0] is entry:
                yield self._model(entry, vendor, own=True)

    def _vendor_and_name(
        self, target: Target, provider: ProviderConfig, base_url: str | None
    ) -> tuple[str | None, str]:
        kind = KINDS[provider.kind]
        if kind.vendor_in_model:
            prefix, slash, rest = target.model.partition("/")
            vendor = self._table.vendor_called(prefix.lower()) if slash else None
            return vendor, rest
        vendor = self.vendor(provider, base_url)
        if vendor is None and not provider.local and target.provider == kind.vendor:
            vendor = kind.vendor
        return vendor, target.model

    def _known(self, vendor: str | None, name: str) -> Model:
        if (vendor, name) not in self._found:
            found = self._table.find(vendor, name) if vendor else None
            known = self._model(found[0], vendor, own=found[1]) if vendor and found else Model(id=name, vendor=vendor)
            self._found[vendor, name] = known
        return self._found[vendor, name]

    def _model(self, entry: table.Record, vendor: str, *, own: bool) -> Model:
        by = entry.get("by") or self._table.vendors[vendor].get("by", "g")
        return Model(
            id=entry["id"],
            price=table.price(entry, self._now, own=own),
            context=entry.get("context"),
            max_output=entry.get("output"),
            abilities=frozenset(map(CAN.__getitem__, entry["can"])) if "can" in entry else None,
            shutdown=entry.get("shutdown"),
            name=entry.get("name"),
            vendor=vendor,
            origin=tuple(table.SOURCES[letter] for letter in by),
            by_source=table.by_source(entry),
        )


def _merged(known: Model, listed: ListedModel, day: str, *, newer: bool) -> Model:
    """What the table knows, completed by the provider's own list; of two prices the newer one."""
    fresh = listed.price is not None and (newer or known.price is None)
    return replace(
        known,
        price=listed.price if fresh else known.price,
        price_date=day if fresh else None,
        context=known.context or listed.context,
        max_output=known.max_output or listed.max_output,
        abilities=known.abilities if listed.abilities is None else listed.abilities,
        shutdown=listed.shutdown or known.shutdown,
    )


def _billing(model: str, provider: ProviderConfig, base_url: str | None) -> Billing:
    kind = KINDS[provider.kind]
    if kind.cloud_billing and ((kind.key_host or "") in (base_url or provider.base_url or "") or model.endswith(CLOUD)):
        return kind.cloud_billing
    if kind.profile_prices and any(map(parse_usd, (provider.offline.input_usd, provider.offline.output_usd))):
        return "metered"
    return "local" if provider.local and kind.billing == "metered" else kind.billing


def _own_price(billing: Billing, provider: ProviderConfig) -> Price | None:
    if billing == "local":
        return FREE
    if KINDS[provider.kind].profile_prices:
        return Price(
            input=_rate(provider.offline.input_usd), output=_rate(provider.offline.output_usd), source="profile"
        )
    return None


def _profile_price(config: PriceConfig) -> Price:
    return Price(
        input=_rate(config.input_usd),
        output=_rate(config.output_usd),
        cached_input=None if config.cached_input_usd is None else _rate(config.cached_input_usd),
        cache_write=None if config.cache_write_usd is None else _rate(config.cache_write_usd),
        source="profile",
    )


def _rate(per_million: str) -> Pico:
    return -(-parse_usd(per_million) // 1_000_000)
