"""What each row asks: its request, and the key that says whether it has changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from llmo.batch import compare, openai_rows
from llmo.batch.identity import Keys
from llmo.batch.template import own_prompt
from llmo.errors import UsageError
from llmo.types import Message, Params, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.batch.rows import Row
    from llmo.batch.template import Template
    from llmo.types import Json


@dataclass(frozen=True, slots=True)
class Asked:
    """A row's request; `model` is what the row itself names, `rival` whom it is asked for a comparison."""

    request: Request
    key: str
    model: str | None = None
    rival: str | None = None


class Asking:
    """Makes requests of rows; for each of `rivals` when models are compared."""

    def __init__(  # noqa: PLR0913 - all that a request is made of
        self,
        *,
        rivals: Sequence[str] = (),
        template: Template | None,
        system: str | None,
        params: Params,
        schema: Mapping[str, Json] | None,
        choice: Mapping[str, Json],
    ) -> None:
        self._template = template
        self._system = (Message("system", system),) if system else ()
        self._plain = Request((), params, schema, stream=False)
        self._choice = choice
        self.rivals = tuple(rivals)
        self._keys = Keys(choice=choice, params=_spelled(params), schema=schema)

    def __call__(self, row: Row) -> Asked:
        """The request of a row. Raises `UsageError` naming the row."""
        if self._template is None and openai_rows.recognised(row.fields):
            return self._as_it_stands(row)
        prompt = self._template.render(row.fields, row.where) if self._template else own_prompt(row)
        if not prompt.strip():
            raise UsageError(f"empty prompt: {row.where}", hint="leave the row out")
        plain = self._plain
        request = Request((*self._system, Message("user", prompt)), plain.params, plain.schema, stream=False)
        return Asked(request, self._keys(request))

    def all(self, row: Row) -> tuple[Asked, ...]:
        """The requests of a row: one, or one for each rival."""
        asked = self(row)
        if not self.rivals:
            return (asked,)
        return tuple(replace(asked, key=compare.key(asked.key, one), model=one, rival=one) for one in self.rivals)

    def _as_it_stands(self, row: Row) -> Asked:
        own, model = openai_rows.request(row)
        params = openai_rows.merged(own.params, self._plain.params)
        schema = self._plain.schema or own.schema
        request = replace(own, messages=(*self._system, *own.messages), params=params, schema=schema)
        pictures = [blake2b(image.data).hexdigest() for m in own.messages for image in m.images]
        mine: dict[str, Json] = {"params": _spelled(params), "schema": schema, "model": model, "images": pictures}
        return Asked(request, self._keys(request, mine), model)


def _spelled(params: Params) -> dict[str, Json]:
    return {
        "max_tokens": params.max_tokens,
        "temperature": params.temperature,
        "seed": params.seed,
        "stop": params.stop,
        "extra": dict(params.extra),
    }
