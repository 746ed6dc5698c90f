"""Functions that make values of a dataclass, written for its fields: see `llmo.types.dataclass`."""

from __future__ import annotations

import sys
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MISSING: Any = object()
FIELDS, OPTIONS = "__llmo_fields__", "__llmo_options__"
OPEN, MAKE, COPY = "__llmo_open__", "__llmo_make__", "__llmo_copy__"
"""
Where a class keeps its fields by name, the inherited ones first, what `dataclass` was told, and if it is frozen and has
slots, the class that its values are of while they are filled, its `maker`, and what begins to copy one.
"""
BECOME = vars(object)["__class__"].__set__
FACTORY = type("Factory", (), {"__repr__": lambda _: "<factory>"})()
"""What signatures show for a default that is made anew."""
MANY = 6
"""From how many fields on values of a frozen class are filled while they are of another class, which must be made."""


class Field:
    """What is declared of one field; its defaults are `MISSING` where there are none."""

    __slots__ = ("annotation", "default", "default_factory", "init", "kw_only", "name", "repr")

    name: str
    annotation: str
    kw_only: bool

    def __init__(
        self,
        *,
        default: Any = MISSING,
        default_factory: Any = MISSING,
        init: bool = True,
        repr: bool = True,  # noqa: A002 - its name in dataclasses
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.init = init
        self.repr = repr


def fields_of(of: Any) -> dict[str, Field]:
    """The fields of a class or a value, by name."""
    found: dict[str, Field] = getattr(of, FIELDS)
    return found


def written(cls: type, head: str, lines: Iterable[str], known: Mapping[str, Any]) -> Any:
    """The method of `cls` that starts with `head`; its text may use the names of its module and those `known`."""
    name = head.partition("(")[0]
    body = "\n  ".join(lines)
    made: dict[str, Any] = {}
    text = f"def made({', '.join(known)}):\n def {head}:\n  {body}\n return {name}"
    exec(text, vars(sys.modules[cls.__module__]), made)  # noqa: S102 - of the names that a class declares
    method = made["made"](**known)
    method.__qualname__ = f"{cls.__qualname__}.{name}"
    return method


def init(cls: type, name: str) -> Any:
    """The method that fills a new value."""
    known: dict[str, Any] = {"set_": object.__setattr__}
    parameters, values = _parameters(cls, known)
    lines = _assignments(cls, values, known)
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    method = written(cls, f"{name}({', '.join(['self', *parameters])})", lines or ["pass"], known)
    fields = fields_of(cls).items()
    method.__annotations__ = {**{key: one.annotation for key, one in fields if one.init}, "return": None}
    return method


def make(cls: type, name: str) -> Any:
    """What makes a value of a class, which is frozen and has slots, without calling the class."""
    known = {"own_": cls, "open_": getattr(cls, OPEN), "new_": object.__new__, "become_": BECOME}
    parameters, values = _parameters(cls, known)
    lines = ["self = new_(open_)", *(f"self.{key} = {value}" for key, value in values.items()), "become_(self, own_)"]
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    return staticmethod(written(cls, f"{name}({', '.join(parameters)})", [*lines, "return self"], known))


def copy(cls: type, name: str) -> Any:
    """What makes a value of a class from another one with some fields changed; None where there is no such field."""
    fields = fields_of(cls).items()
    names = frozenset(key for key, one in fields if one.init)
    known = {"own_": cls, "open_": getattr(cls, OPEN), "new_": object.__new__, "become_": BECOME, "names_": names}
    lines = ["if not changes_.keys() <= names_: return None", "self = new_(open_)"]
    for key, one in fields:
        if one.init:
            lines.append(f"self.{key} = old_.{key}")
        elif one.default_factory is not MISSING:
            lines.append(f"self.{key} = {_value(key, one, known)}")
    lines += ["for key_ in changes_: setattr(self, key_, changes_[key_])", "become_(self, own_)"]
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    return staticmethod(written(cls, f"{name}(old_, changes_)", [*lines, "return self"], known))


def _parameters(cls: type, known: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The parameters with which a value is made, and what each field is set to; both may use names among `known`."""
    known["factory_"] = FACTORY
    # Parameters that need their name come last, wherever their fields stand.
    fields = dict(sorted(fields_of(cls).items(), key=lambda item: item[1].kw_only))
    parameters: list[str] = []
    values: dict[str, str] = {}
    for key, one in fields.items():
        if one.init:
            if one.kw_only and "*" not in parameters:
                parameters.append("*")
            parameters.append(key + _default(key, one, known))
        if one.init or one.default_factory is not MISSING:
            values[key] = _value(key, one, known)
    return parameters, values


def _default(key: str, one: Field, known: dict[str, Any]) -> str:
    """What stands behind a parameter's name; a value for it is put among those `known`."""
    if one.default_factory is not MISSING:
        return "=factory_"
    if one.default is MISSING:
        return ""
    known[f"default_{key}_"] = one.default
    return f"=default_{key}_"


def opened(cls: type, _name: str) -> type:
    """A class with the slots of one that is frozen, for values that are being filled."""
    body = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(cls)(cls.__name__, (cls,), body)


def _value(key: str, one: Field, known: dict[str, Any]) -> str:
    """What a field is set to."""
    if one.default_factory is MISSING:
        return key
    known[f"new_{key}_"] = one.default_factory
    return f"new_{key}_() if {key} is factory_ else {key}" if one.init else f"new_{key}_()"


def _assignments(cls: type, values: Mapping[str, str], known: dict[str, Any]) -> list[str]:
    if not getattr(cls, OPTIONS).get("frozen"):
        return [f"self.{key} = {value}" for key, value in values.items()]
    slots = {key: slot for key in values if type(slot := getattr(cls, key, None)) is MemberDescriptorType}
    if len(values) >= MANY and len(slots) == len(values):
        return _opened(cls, values, known)
    # A slot's own setter takes two thirds of the time of `object.__setattr__`.
    known.update((f"set_{key}_", slot.__set__) for key, slot in slots.items())
    return [
        f"set_{key}_(self, {value})" if key in slots else f"set_(self, {key!r}, {value})"
        for key, value in values.items()
    ]


def _opened(cls: type, values: Mapping[str, str], known: dict[str, Any]) -> list[str]:
    """
    Assignments to a value that is of an open class meanwhile.

    Each then takes a twentieth of the time of a slot's setter. One of a class that inherits may have other slots.
    """
    known |= {"own_": cls, "open_": getattr(cls, OPEN), "become_": BECOME, "names_": tuple(values)}
    return [
        "if self.__class__ is own_:",
        " become_(self, open_)",
        *(f" self.{key} = {value}" for key, value in values.items()),
        " become_(self, own_)",
        "else:",
        f" for name_, value_ in zip(names_, ({', '.join(values.values())})): set_(self, name_, value_)",
    ]
