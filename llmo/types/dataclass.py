"""
Dataclasses that write a method when it is first used.

`dataclasses` compiles half a dozen functions for each class, which takes half a millisecond, and imports `inspect`: a
third of a short command, which meets eighty classes, makes values of thirty and compares few. Type checkers are told
that these are the ones of `dataclasses`, whose `fields`, `replace`, `asdict` and `is_dataclass` take them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from llmo.types import constructors
from llmo.types.constructors import COPY, FIELDS, MAKE, OPEN, OPTIONS, Field, fields_of, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from dataclasses import KW_ONLY, MISSING, dataclass, field, fields, is_dataclass, replace
else:
    from llmo.types.constructors import MISSING

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["KW_ONLY", "MISSING", "dataclass", "field", "fields", "is_dataclass", "maker", "replace"]

FEW = 8
"""Replaced values of a class for which no function is written that copies them."""
_REPLACED: dict[type, int] = {}
COMPARED = {"__eq__": "==", "__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}


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
    yield "__init__", Later(constructors.init)
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
        yield OPEN, Later(constructors.opened)
        yield MAKE, Later(constructors.make)
        yield COPY, Later(constructors.copy)


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


def _comparison(cls: type, name: str) -> Any:
    mine, theirs = (_values(cls, of) for of in ("self", "other"))
    lines = (
        "if other.__class__ is not self.__class__:",
        " return NotImplemented",
        f"return {mine} {COMPARED[name]} {theirs}",
    )
    return written(cls, f"{name}(self, other)", lines, {})


def _hash(cls: type, name: str) -> Any:
    return written(cls, f"{name}(self)", [f"return hash({_values(cls, 'self')})"], {})


def _values(cls: type, of: str) -> str:
    return f"({''.join(f'{of}.{key}, ' for key in fields_of(cls))})"


def _repr(cls: type, name: str) -> Any:
    from reprlib import recursive_repr

    shown = ", ".join(f"{key}={{self.{key}!r}}" for key, one in fields_of(cls).items() if one.repr)
    lines = [f'return self.__class__.__qualname__ + f"({shown})"']
    return recursive_repr()(written(cls, f"{name}(self)", lines, {}))


def _fixed(self: object, name: str, *value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r} of {type(self).__name__}")


def _state(self: object) -> list[Any]:
    return [getattr(self, key) for key in fields_of(type(self))]


def _restore(self: object, state: list[Any]) -> None:
    for key, value in zip(fields_of(type(self)), state, strict=True):
        object.__setattr__(self, key, value)


def _of_dataclasses(cls: type, name: str) -> Any:
    """An attribute that `dataclasses` would give the class, from a class with the same fields that it did make."""
    import dataclasses

    fields = fields_of(cls)
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
    cls = type(value)
    times = _REPLACED.get(cls, 0)
    if times < FEW:
        _REPLACED[cls] = times + 1
    elif COPY in vars(cls) and (made := getattr(cls, COPY)(value, changes)) is not None:
        return made
    kept = {key: getattr(value, key) for key, one in fields_of(cls).items() if one.init and key not in changes}
    return cls(**kept, **changes)


def _list(of: Any) -> tuple[Field, ...]:
    """As `dataclasses.fields`, but without types."""
    return tuple(fields_of(of).values())


def _is_dataclass(of: Any) -> bool:
    return hasattr(of, FIELDS)


if not TYPE_CHECKING:
    KW_ONLY, dataclass, field, fields, is_dataclass, replace = None, _dataclass, Field, _list, _is_dataclass, _replace
