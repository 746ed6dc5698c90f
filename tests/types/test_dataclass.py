"""Dataclasses that write a method when it is first used: the same classes as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import pkgutil
import sys
from importlib import import_module
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import llmo
from llmo.types import constructors
from llmo.types import dataclass as ours

CLASSES = """
from __future__ import annotations
from functools import cached_property
from typing import ClassVar
from {module} import KW_ONLY, dataclass, field, replace

@dataclass(frozen=True, slots=True)
class Point:
    '''A place.'''
    x: int
    y: int = 0
    note: str = field(default="", repr=False)

@dataclass(frozen=True, slots=True)
class Deep(Point):
    y: int = 7
    z: list[int] = field(default_factory=list)
    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("negative")

@dataclass(frozen=True, slots=True, order=True)
class Version:
    major: int
    minor: int

@dataclass(frozen=True, kw_only=True)
class Named:
    kind: ClassVar[str] = "k"
    name: str
    length: int = field(init=False)
    options: dict[str, int] = field(default_factory=dict)
    default: str | None = None
    def __post_init__(self) -> None:
        object.__setattr__(self, "length", len(self.name))
    @cached_property
    def upper(self) -> str:
        return self.name.upper()

@dataclass(slots=True)
class Counter:
    count: int = 0
    seen: set[str] = field(default_factory=set)

@dataclass(eq=False)
class Acting:
    one: int
    two: tuple[int, ...] = ()
    _: KW_ONLY
    three: str
    four: bool = False

@dataclass(frozen=True, slots=True)
class Empty:
    pass

class Inherited(Acting):
    pass

@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    one: int
    two: str = "2"
    three: list[int] = field(default_factory=list)
    four: float | None = None
    more: tuple[int, ...] = ()
    most: tuple[int, ...] = (1,)
    last: dict[str, int] = field(default_factory=dict)
    five: int = field(init=False)
    def __post_init__(self) -> None:
        object.__setattr__(self, "five", self.one * 5)
        if self.two == "bad":
            raise ValueError(self.two)

@dataclass(frozen=True, slots=True, kw_only=True)
class Wider(Wide):
    six: int = 6

class Loose(Wide):
    other = 0

class Tight(Wide):
    __slots__ = ("other",)
"""
CALLS = [
    "Point(1)", "Point(1, y=2)", "Point(1, 2, 'n')", "Point()", "Point(1, 2, 3, 4)", "Point(1, w=2)", "Point.__match_args__",
    "Point(1) == Point(1)", "Point(1) == Point(2)", "Point(1) == Deep(1)", "Point(1) == 1", "Point(1) != Point(1, 0)",
    "hash(Point(1, 2, 'n'))", "{Point(1): 2}[Point(1)]", "Point(1) < Point(2)", "setattr(Point(1), 'x', 2)",
    "delattr(Point(1), 'x')", "Point.__doc__", "Point(1).__slots__", "Point.x",
    "hasattr(Point(1), '__dict__')", "Deep(3)", "Deep(-1)", "Deep(1).z is Deep(1).z", "Deep(1, z=[2])", "hash(Deep(1))",
    "Deep.__match_args__", "replace(Deep(1, 2), y=5)", "replace(Deep(1), x=-1)", "replace(Point(1), w=1)",
    "sorted([Version(2, 1), Version(1, 9)])", "Version(1, 2) >= Version(1, 2)", "Version(1, 2) < 3", "Version(1, 2) > Version(1, 1)",
    "Named(name='a')", "Named('a')", "Named(name='a', length=2)", "Named(name='a').upper", "Named.default", "Named.kind",
    "replace(Named(name='a'), name='bcd').length", "Named.__match_args__", "Named.options",
    "Counter()", "Counter(2) == Counter(2)", "hash(Counter())", "setattr(Counter(), 'w', 1)", "setattr(Counter(), 'count', 1)",
    "Acting(1, three='3')", "Acting(1, (2,), '3')", "Acting(1)", "Acting(1, three='') == Acting(1, three='')", "Acting.two",
    "hash(Empty())", "Empty() == Empty()", "Empty()", "Empty.__match_args__", "Inherited(1, three='x')", "Inherited.__match_args__",
    "type(hash(Acting(1, three='')))",
    "Wide(one=1)", "Wide(one=1, three=[3]) == Wide(one=1, three=[3])", "Wide(one=1, two='bad')", "Wide(two='bad')", "Wide()",
    "setattr(Wide(one=1), 'one', 2)", "delattr(Wide(one=1), 'one')", "Wide(one=1).three is Wide(one=1).three", "type(Wide(one=1)) is Wide",
    "hasattr(Wide(one=1), '__dict__')", "replace(Wide(one=1), one=2).five", "Wide(one='x')",
    "Wider(one=1)", "Wider(one=1, six=7) == Wide(one=1)", "isinstance(Wider(one=1), Wide)", "setattr(Wider(one=1), 'six', 2)",
    "Loose(one=1)", "Loose(one=1, two='bad')", "Loose(one=2).five", "type(Loose(one=2)) is Loose",
    "replace(Loose(one=1), one=3).five", "type(replace(Loose(one=1), one=3)) is Loose", "replace(Wider(one=1), six=8, three=[4])",
    "replace(Wide(one=1), two='bad')", "replace(Wide(one=1), seven=7)", "Tight(one=1)", "Tight(one=2).five", "Tight(one=1) == Tight(one=1)",
]  # fmt: skip
CHANGES = [
    "Point(1)",
    "Deep(1, z=[2])",
    "Named(name='a')",
    "Counter(3, {'a'})",
    "Acting(1, three='x')",
    "Inherited(1, three='x')",
    "Wide(one=1, three=[3])",
    "Wider(one=1, six=7)",
    "Loose(one=1)",
]

MADE = [
    "Point(1)", "Point(1, y=2)", "Point(1, 2, 'n')", "Point()", "Point(1, 2, 3, 4)", "Point(1, w=2)", "Deep(3)", "Deep(-1)",
    "Deep(1, z=[2])", "Empty()", "Empty(1)", "Wide(one=1)", "Wide(one=1, two='bad')", "Wide(two='bad')",
    "Wide(one=1, three=[3])", "Wide(one=1, five=2)", "Wide(1)", "Wider(one=1)", "Wider(one=1, six=7)",
]  # fmt: skip


def made(module: str) -> ModuleType:
    """The classes above, by `module`."""
    name = f"classes_of_{module.replace('.', '_')}"
    if name not in sys.modules:
        sys.modules[name] = found = ModuleType(name)
        exec(compile(CLASSES.format(module=module), name, "exec", dont_inherit=True), vars(found))
    return sys.modules[name]


OURS, THEIRS = made("llmo.types.dataclass"), made("dataclasses")
OURS.maker = ours.maker  # type: ignore[attr-defined]


def outcome(call: str, module: ModuleType) -> str:
    """What comes of a call, or how it fails."""
    try:
        found = eval(call, vars(module).copy())
    except Exception as exc:  # noqa: BLE001 - compared
        return type(exc).__name__
    return f"{found!r} {type(found).__name__}"


@pytest.mark.parametrize("call", CALLS)
def test_a_value_behaves_as_one_of_the_standard_library(call: str) -> None:
    """
    Made, compared, hashed, printed, changed and refused alike.
    """
    expected = outcome(call, THEIRS).replace(THEIRS.__name__, OURS.__name__)

    # From the ninth time on, values are replaced in another way.
    assert {outcome(call, OURS) for _ in range(ours.FEW + 2)} == {expected}


@pytest.mark.parametrize("call", MADE)
def test_a_maker_makes_what_a_call_of_the_class_does(call: str) -> None:
    """
    Or fails as that does.
    """
    name, _, rest = call.partition("(")
    made = f"maker({name})({rest}"

    for end in ("", " == " + call, ".__class__ is " + name):
        assert outcome(made + end, OURS) == outcome(call + end, OURS)


def test_what_a_maker_makes_is_as_fixed_and_shares_no_default() -> None:
    """
    It can be copied, too.
    """
    one, two = (ours.maker(OURS.Wide)(one=1) for _ in range(2))

    assert one.three is not two.three
    assert one == two == pickle.loads(pickle.dumps(one)) == copy.copy(two)
    for change in (lambda: setattr(one, "one", 2), lambda: delattr(one, "one")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()


@pytest.mark.parametrize("call", CHANGES)
@pytest.mark.parametrize("way", ["copy", "deepcopy", "pickle", "asdict", "replace"])
def test_a_value_is_copied_as_one_of_the_standard_library(call: str, way: str) -> None:
    """
    Also by the functions of `dataclasses`, and before any other use of its class.
    """
    ways: dict[str, Any] = {
        "copy": copy.copy,
        "deepcopy": copy.deepcopy,
        "pickle": lambda value: pickle.loads(pickle.dumps(value)),
        "asdict": dataclasses.asdict,
        "replace": dataclasses.replace,
    }
    copies = [ways[way](eval(call, vars(module).copy())) for module in (THEIRS, OURS)]

    assert repr(copies[0]) == repr(copies[1])
    assert type(copies[0]).__name__ == type(copies[1]).__name__


@pytest.mark.parametrize("name", ["Point", "Deep", "Version", "Named", "Counter", "Acting", "Empty", "Inherited"])
def test_a_class_is_described_as_one_of_the_standard_library(name: str) -> None:
    """
    To whoever reads signatures, hints or fields: help(), pydantic, hypothesis.
    """
    mine: Any = getattr(OURS, name)
    theirs: Any = getattr(THEIRS, name)

    assert str(inspect.signature(theirs)) == str(inspect.signature(mine))
    assert get_type_hints(theirs.__init__) == get_type_hints(mine.__init__)
    assert get_type_hints(theirs) == get_type_hints(mine) | marked(theirs)
    assert [one.name for one in dataclasses.fields(theirs)] == [one.name for one in ours.fields(mine)]
    assert list(map(described, dataclasses.fields(theirs))) == list(map(described, dataclasses.fields(mine)))
    assert theirs.__dataclass_params__.frozen == mine.__dataclass_params__.frozen
    assert dataclasses.is_dataclass(mine)
    assert ours.is_dataclass(mine)
    assert not ours.is_dataclass(int)


def marked(cls: type) -> dict[str, object]:
    """The mark after which parameters need their name, which is no field."""
    return {name: kind for name, kind in get_type_hints(cls).items() if kind is dataclasses.KW_ONLY}


def described(one: dataclasses.Field[Any]) -> tuple[object, ...]:
    """What a field says of itself."""
    factory = one.default_factory if one.default_factory is not dataclasses.MISSING else None
    return one.name, one.type, one.default, factory, one.init, one.repr, one.compare, one.kw_only


@pytest.mark.parametrize("module", ["dataclasses", "llmo.types.dataclass"])
def test_a_default_that_all_values_would_share_is_refused(module: str) -> None:
    """
    When the class is made, not when a list turns up in another value.
    """
    text = f"from __future__ import annotations\nfrom {module} import dataclass\n@dataclass\nclass A:\n a: list = []"

    with pytest.raises(ValueError, match="default_factory"):
        exec(text, {"__name__": __name__})


def test_every_value_of_llmo_can_be_made_as_declared() -> None:
    """
    The methods that no command has used yet are written without a mistake, for each class.
    """
    for found in pkgutil.walk_packages(llmo.__path__, "llmo."):
        if not found.name.startswith(("llmo.langchain", "llmo.__main__")):
            try:
                import_module(found.name)
            except ModuleNotFoundError as missing:
                # The package of an extra that is not installed, such as psycopg.
                if (missing.name or "llmo").startswith("llmo"):
                    raise
    classes = {
        value
        for name, module in sys.modules.items()
        if name.split(".")[0] == "llmo"
        for value in vars(module).values()
        if isinstance(value, type) and constructors.FIELDS in vars(value) and value.__module__ == name
    }

    assert len(classes) > 150
    for cls in classes:
        taken = sorted((one for one in dataclasses.fields(cls) if one.init), key=lambda one: bool(one.kw_only))
        assert [one.name for one in taken] == list(inspect.signature(cls).parameters)
        for name in ("__eq__", "__hash__", "__repr__", "__dataclass_fields__"):
            getattr(cls, name)
