"""Raw trees to profiles: by pydantic-settings when something may be wrong, by hand when nothing can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from llmo.config.problems import what
from llmo.config.profile import (
    BudgetConfig,
    FallbackConfig,
    OfflineConfig,
    PriceConfig,
    PrivacyConfig,
    Profile,
    ProviderConfig,
    RoutingConfig,
    TaskConfig,
    ThresholdsConfig,
)
from llmo.types.dataclass import MISSING, fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.config.checks import Finding

T = TypeVar("T")


def validated(data: Mapping[str, Any]) -> tuple[Profile | None, list[Finding]]:
    """The profile that a tree describes, or everything that is wrong with it."""
    from pydantic import ValidationError

    from llmo.config.checks import findings

    found = list(findings(data))
    try:
        settings = _settings(data)
    except ValidationError as exc:
        wrong = [(error["loc"], what(error["loc"], error)) for error in exc.errors(include_url=False)]
        paths = {path for path, _ in wrong}
        return None, wrong + [(path, text) for path, text in found if path not in paths]
    return (None if found else settings), found


def _settings(data: Mapping[str, Any]) -> Profile:
    from typing import get_type_hints

    from pydantic import create_model
    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

    class Merged(PydanticBaseSettingsSource):
        """The layers, merged where each value's origin is known."""

        def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - of the base
            return data.get(field_name), field_name, False

        def __call__(self) -> dict[str, Any]:
            return dict(data)

    class Sourced(BaseSettings):
        model_config = SettingsConfigDict(extra="forbid", allow_inf_nan=False)

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (Merged(settings_cls),)

    hints = get_type_hints(Profile, include_extras=True)
    declared: dict[str, Any] = {field.name: (hints[field.name], _default(field)) for field in fields(Profile)}
    model = create_model("Settings", __base__=Sourced, **declared)()
    return Profile(**{field.name: getattr(model, field.name) for field in fields(Profile)})


def _default(field: Any) -> Any:
    return field.default if field.default is not MISSING else field.default_factory()


def trusted(data: Mapping[str, Any]) -> Profile:
    """The profile of a tree that is known to be valid; raises `TypeError` or `AttributeError` when it is not."""
    return _made(Profile, data)


def _made(kind: Callable[..., T], data: Mapping[str, Any]) -> T:
    return kind(**{key: _INNER.get(key, _plain)(value) for key, value in data.items()})


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _named(kind: Callable[..., T]) -> Callable[[Mapping[str, Any]], dict[str, T]]:
    return lambda data: {name: _made(kind, inner) for name, inner in data.items()}


def _listed(kind: Callable[..., T]) -> Callable[[list[Any]], tuple[T, ...]]:
    return lambda data: tuple(_made(kind, inner) for inner in data)


def _one(kind: Callable[..., T]) -> Callable[[Mapping[str, Any]], T]:
    return lambda data: _made(kind, data)


_INNER: Mapping[str, Callable[[Any], Any]] = {
    "providers": _named(ProviderConfig),
    "offline": _one(OfflineConfig),
    "routing": _one(RoutingConfig),
    "tasks": _named(TaskConfig),
    "fallback": _one(FallbackConfig),
    "budgets": _listed(BudgetConfig),
    "privacy": _one(PrivacyConfig),
    "thresholds": _one(ThresholdsConfig),
    "prices": _listed(PriceConfig),
}


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a profile."""
    from pydantic import TypeAdapter

    described = TypeAdapter(Profile).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described, "title": "llmo profile"}
