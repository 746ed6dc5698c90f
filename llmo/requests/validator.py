"""Validates answers against a JSON Schema, in bounded time whatever a model wrote."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from llmo.errors import UsageError
from llmo.requests import mending
from llmo.requests.schema_outline import Outline, states
from llmo.types import jsontext

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

    from llmo.types.jsontext import Json

LARGEST = 1 << 20
"""Characters of a schema."""
BACKTRACKS = 10_000
"""Steps of a pattern with look-around or back-references, which no linear engine has, before it counts as no match."""
WORK = 10**8
"""Steps of 10 ns for one answer: about a second, during which nothing else runs."""
SEARCHED = 200_000
EXPLAINED = 20_000
"""Times that a part of the schema meets a value while the work is counted, and while errors are collected."""
ERRORS_SHOWN = 5
VALUE_SHOWN, ERROR_SHOWN = 80, 300
MASK = "\0"
"""Replaces the value in messages of jsonschema-rs, which would contain all of it."""


def checked(schema: object) -> Validator:
    """
    What holds answers against a schema.

    Raises `UsageError` when that can't be done: no JSON Schema, a draft or a reference that is not known here (nothing
    is ever retrieved), a pattern that is none, or too large a thing.
    """
    if not isinstance(schema, Mapping):
        raise UsageError(f"a JSON Schema must be an object here: {_clipped(schema, VALUE_SHOWN)}")
    try:
        text = jsontext.exact(dict(schema))
        if len(text) > LARGEST:
            raise UsageError(f"the schema is too large: {len(text):,} characters, the maximum is {LARGEST:,}")
        return _made(text)
    except ValueError as exc:
        raise UsageError(f"the schema is not JSON: {exc}") from None


class Verdict(NamedTuple):
    """
    The data of an answer and its problems; it matches when there are none.

    `mended` data are not the answer's text itself: see `llmo.requests.mending`.
    """

    data: Json
    problems: list[str]
    mended: bool = False


class Validator:
    """Validates answers against one schema; made by `checked`."""

    def __init__(self, schema: dict[str, Any]) -> None:
        import jsonschema_rs as rs

        self.schema: Mapping[str, Json] = schema
        self._outline = Outline(schema, cost=_cost)
        try:
            self._compiled = rs.validator_for(
                schema,
                offline=True,
                validate_formats=True,
                pattern_options=rs.FancyRegexOptions(backtrack_limit=BACKTRACKS),
                mask=MASK,
            )
        except rs.ValidationError as exc:
            raise _unusable(exc) from None

    def check(self, text: str) -> Verdict:
        """Whether an answer matches, and with which data."""
        try:
            data, mended = mending.read(text)
            if "\\ud" in text.lower():
                jsontext.exact(data)
        except ValueError as exc:
            return Verdict(None, [f"not JSON: {_clipped(str(exc), ERROR_SHOWN)}"])
        try:
            return Verdict(data, self._problems(data, text), mended)
        except BaseException as exc:
            # A panic of jsonschema-rs is no Exception. An answer is paid: it is kept, whatever it does to the library.
            if not isinstance(exc, Exception) and type(exc).__module__ != "pyo3_runtime":
                raise
            return Verdict(data, [f"it could not be checked: {_clipped(str(exc), ERROR_SHOWN)}"])

    def _problems(self, data: Json, text: str) -> list[str]:
        outline = self._outline
        if outline.bounds(text) > WORK and not outline.within(data, visits=SEARCHED, work=WORK):
            return ["too large to be checked against this schema"]
        if self._compiled.is_valid(data):
            return []
        if not outline.within(data, visits=EXPLAINED, work=WORK):
            return ["it differs in more places than can be listed"]
        errors = sorted(self._compiled.iter_errors(data), key=lambda error: list(map(_order, error.instance_path)))
        # Branches of a schema say the same again.
        told = dict.fromkeys(map(_explained, errors[:EXPLAINED]))
        return list(told)[:ERRORS_SHOWN] or ["it differs"]


@lru_cache(maxsize=16)
def _made(text: str) -> Validator:
    return Validator(jsontext.read(text))


def _cost(pattern: str) -> int:
    """The most work of a pattern per character of the text, in steps of 10 ns."""
    import jsonschema_rs as rs

    try:
        rs.validator_for({"pattern": pattern}, pattern_options=rs.RegexOptions(), offline=True)
    except ValueError:
        return BACKTRACKS
    # The automaton is made while it reads, unless it grows too large: then every character visits every state.
    size = states(pattern)
    return 10 if size < 1000 else 2 * size  # noqa: PLR2004 - measured: 16 ns per state beyond


def _unusable(exc: ValidationError) -> UsageError:
    """The reason why a schema does not compile."""
    where = "/".join(map(str, exc.instance_path)) or "top level"
    value = _clipped(jsontext.write(exc.instance), VALUE_SHOWN)
    message = exc.message.replace(MASK, value)
    if "meta-schema" in message:
        return UsageError(
            f"unknown $schema: {message.split(chr(39))[1][:VALUE_SHOWN]}",
            hint="use draft 4, 6, 7, 2019-09 or 2020-12; the default is 2020-12",
        )
    if getattr(exc.kind, "format", "") == "regex":
        return UsageError(f"not a regular expression, or too large: {where}: {_clipped(exc.instance, ERROR_SHOWN)}")
    if "not present in a registry" in message:
        return UsageError(f"the schema references something outside of it: {message[:ERROR_SHOWN]}")
    if exc.kind.name == "anyOf":
        message = exc.kind.context[0][0].message.replace(MASK, value)  # type: ignore[attr-defined]
    return UsageError(f"not a JSON Schema: {where}: {message[:ERROR_SHOWN]}")


def _explained(error: ValidationError) -> str:
    where = _clipped("/".join(map(str, error.instance_path)), VALUE_SHOWN) or "top level"
    if error.kind.name == "backtrackLimitExceeded":
        return f"{where}: matching a pattern with lookaround or backreferences takes too long"
    shown = _clipped(jsontext.write(error.instance), VALUE_SHOWN) if MASK in error.message else ""
    return f"{where}: {_clipped(error.message.replace(MASK, shown, 1), ERROR_SHOWN)}"


def _order(step: str | int) -> tuple[int, str]:
    return (step, "") if isinstance(step, int) else (-1, step)


def _clipped(value: object, most: int) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"
