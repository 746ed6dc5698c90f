"""
Dataclasses that write a method when it is first used.

`dataclasses` compiles half a dozen functions for each class, which takes half a millisecond, and imports `inspect`: a
third of a short command, which meets eighty classes, makes values of thirty and compares few. Type checkers are told
that these are the ones of `dataclasses`, whose `fields`, `replace`, `asdict` and `is_dataclass` take them.
"""

from __future__ import annotations

import sys
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from dataclasses import KW_ONLY, MISSING, dataclass, field, fields, is_dataclass, replace
else:
    MISSING = object()

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["KW_ONLY", "MISSING", "dataclass", "field", "fields", "is_dataclass", "maker", "replace"]

FIELDS, OPTIONS, OPEN, MAKE = "__llmo_fields__", "__llmo_options__", "__llmo_open__", "__llmo_make__"
"""
Where a class keeps its fields by name, the inherited ones first, what `dataclass` was told, and if it is frozen and has
slots, the class that its values are of while they are filled, and its `maker`.
"""
BECOME = vars(object)["__class__"].__set__
FACTORY = type("Factory", (), {"__repr__": lambda _: "<factory>"})()
"""What signatures show for a default that is made anew."""
MANY = 6
"""From how many fields on values of a frozen class are filled while they are of another class, which must be made."""
COMPARED = {"__eq__": "==", "__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}


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


class Later:
    """An attribute of a class that is made when it is first asked for."""

    __slots__ = ("make", "name", "owner")

    owner: type
    name: str

    def __init__(self, make: Callable[[type, str], Any]) -> None:
        self.make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        made = self.make(self.owner, self.name)
        setattr(self.owner, self.name, made)
        return made.__get__(instance, owner) if hasattr(made, "__get__") else made


def _dataclass(cls: type | None = None, **options: bool) -> Any:
    """As in `dataclasses`, with `frozen`, `slots`, `kw_only`, `eq` and `order`; annotations must be strings."""
    if cls is None:
        return lambda cls: _dataclass(cls, **options)
    own = dict(_declared(cls, kw_only=options.get("kw_only", False)))
    fields = {**getattr(cls, FIELDS, {}), **own}
    body = {name: value for name, value in _methods(**options) if cls.__dict__.get(name) is None}
    body |= {FIELDS: fields, OPTIONS: options}
    body["__match_args__"] = tuple(name for name, one in fields.items() if not one.kw_only)
    for name in ("__dataclass_fields__", "__dataclass_params__"):
        body[name] = Later(_of_dataclasses)
    return _slotted(cls, own, body) if options.get("slots") else _filled(cls, own, body)


def maker(cls: Callable[P, T]) -> Callable[P, T]:
    """
    What makes values of a dataclass, a frozen one with slots, as its call does, in a third of the time.

    A call of a class puts its keywords into a dictionary, a call of a function does not: up to 15 of them, where each
    argument without a keyword counts for half a one.
    """
    found: Callable[P, T] = cls.__llmo_make__  # type: ignore[attr-defined]  # see MAKE
    return found


def _declared(cls: type, *, kw_only: bool) -> Iterator[tuple[str, Field]]:
    """The fields that the body of a class declares."""
    for name, annotation in cls.__annotations__.items():
        if annotation == "KW_ONLY":
            kw_only = True
        elif not annotation.startswith("ClassVar"):
            found = cls.__dict__.get(name, MISSING)
            if type(found) is not Field:
                found = Field(default=found)
            if type(found.default).__hash__ is None:
                raise ValueError(f"{cls.__name__}.{name}: a default that can change needs default_factory")
            found.name, found.annotation, found.kw_only = name, annotation, kw_only
            yield name, found


def _methods(
    *, frozen: bool = False, slots: bool = False, kw_only: bool = False, eq: bool = True, order: bool = False
) -> Iterator[tuple[str, Any]]:
    del kw_only
    yield "__init__", Later(_init)
    yield "__repr__", Later(_repr)
    yield "__replace__", _replace
    for name in COMPARED if order else ("__eq__",) if eq else ():
        yield name, Later(_comparison)
    if eq:
        yield "__hash__", Later(_hash) if frozen else None
    if frozen:
        yield "__setattr__", _fixed
        yield "__delattr__", _fixed
    if frozen and slots:
        yield "__getstate__", _state
        yield "__setstate__", _restore
        yield OPEN, Later(_open)
        yield MAKE, Later(_make)


def _slotted(cls: type, own: dict[str, Field], body: dict[str, Any]) -> type:
    """The class once more: its slots must be known when it is made."""
    kept = {name: value for name, value in cls.__dict__.items() if name not in own}
    for name in ("__dict__", "__weakref__"):
        kept.pop(name, None)
    made = type(cls)(cls.__name__, cls.__bases__, {**kept, **body, "__slots__": tuple(own)})
    made.__qualname__ = cls.__qualname__
    return made


def _filled(cls: type, own: dict[str, Field], body: dict[str, Any]) -> type:
    for name, one in own.items():
        if one.default is not MISSING:
            setattr(cls, name, one.default)
        elif name in cls.__dict__:
            delattr(cls, name)
    for name, value in body.items():
        setattr(cls, name, value)
        if type(value) is Later:
            value.__set_name__(cls, name)
    return cls


def _fields(of: Any) -> dict[str, Field]:
    found: dict[str, Field] = getattr(of, FIELDS)
    return found


def _written(cls: type, head: str, lines: Iterable[str], known: Mapping[str, Any]) -> Any:
    """The method of `cls` that starts with `head`; its text may use the names of its module and those `known`."""
    name = head.partition("(")[0]
    body = "\n  ".join(lines)
    made: dict[str, Any] = {}
    text = f"def made({', '.join(known)}):\n def {head}:\n  {body}\n return {name}"
    exec(text, vars(sys.modules[cls.__module__]), made)  # noqa: S102 - of the names that a class declares
    method = made["made"](**known)
    method.__qualname__ = f"{cls.__qualname__}.{name}"
    return method


def _init(cls: type, name: str) -> Any:
    known: dict[str, Any] = {"set_": object.__setattr__}
    parameters, values = _parameters(cls, known)
    lines = _assignments(cls, values, known)
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    method = _written(cls, f"{name}({', '.join(['self', *parameters])})", lines or ["pass"], known)
    fields = _fields(cls).items()
    method.__annotations__ = {**{key: one.annotation for key, one in fields if one.init}, "return": None}
    return method


def _make(cls: type, name: str) -> Any:
    """What makes a value of a class, which is frozen and has slots, without calling the class."""
    known = {"own_": cls, "open_": getattr(cls, OPEN), "new_": object.__new__, "become_": BECOME}
    parameters, values = _parameters(cls, known)
    lines = ["self = new_(open_)", *(f"self.{key} = {value}" for key, value in values.items()), "become_(self, own_)"]
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    return staticmethod(_written(cls, f"{name}({', '.join(parameters)})", [*lines, "return self"], known))


def _parameters(cls: type, known: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The parameters with which a value is made, and what each field is set to; both may use names among `known`."""
    known["factory_"] = FACTORY
    # Parameters that need their name come last, wherever their fields stand.
    fields = dict(sorted(_fields(cls).items(), key=lambda item: item[1].kw_only))
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


def _open(cls: type, _name: str) -> type:
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


def _comparison(cls: type, name: str) -> Any:
    mine, theirs = (_values(cls, of) for of in ("self", "other"))
    lines = (
        "if other.__class__ is not self.__class__:",
        " return NotImplemented",
        f"return {mine} {COMPARED[name]} {theirs}",
    )
    return _written(cls, f"{name}(self, other)", lines, {})


def _hash(cls: type, name: str) -> Any:
    return _written(cls, f"{name}(self)", [f"return hash({_values(cls, 'self')})"], {})


def _values(cls: type, of: str) -> str:
    return f"({''.join(f'{of}.{key}, ' for key in _fields(cls))})"


def _repr(cls: type, name: str) -> Any:
    from reprlib import recursive_repr

    shown = ", ".join(f"{key}={{self.{key}!r}}" for key, one in _fields(cls).items() if one.repr)
    lines = [f'return self.__class__.__qualname__ + f"({shown})"']
    return recursive_repr()(_written(cls, f"{name}(self)", lines, {}))


def _fixed(self: object, name: str, *value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r} of {type(self).__name__}")


def _state(self: object) -> list[Any]:
    return [getattr(self, key) for key in _fields(type(self))]


def _restore(self: object, state: list[Any]) -> None:
    for key, value in zip(_fields(type(self)), state, strict=True):
        object.__setattr__(self, key, value)


def _of_dataclasses(cls: type, name: str) -> Any:
    """An attribute that `dataclasses` would give the class, from a class with the same fields that it did make."""
    import dataclasses

    fields = _fields(cls)
    body: dict[str, Any] = {"__module__": cls.__module__, "__annotations__": {}}
    for key, one in fields.items():
        defaults = {"default": one.default, "default_factory": one.default_factory}
        given: dict[str, Any] = {kind: value for kind, value in defaults.items() if value is not MISSING}
        body["__annotations__"][key] = one.annotation
        body[key] = dataclasses.field(**given, init=one.init, repr=one.repr, kw_only=one.kw_only)
    twin: Any = dataclasses.dataclass(**getattr(cls, OPTIONS))(type(cls.__name__, (), body))
    return getattr(twin, name)


def _replace(value: Any, /, **changes: Any) -> Any:
    """As `dataclasses.replace`."""
    kept = {key: getattr(value, key) for key, one in _fields(value).items() if one.init and key not in changes}
    return type(value)(**kept, **changes)


def _list(of: Any) -> tuple[Field, ...]:
    """As `dataclasses.fields`, but without types."""
    return tuple(_fields(of).values())


def _is_dataclass(of: Any) -> bool:
    return hasattr(of, FIELDS)


if not TYPE_CHECKING:
    KW_ONLY, dataclass, field, fields, is_dataclass, replace = None, _dataclass, Field, _list, _is_dataclass, _replace
