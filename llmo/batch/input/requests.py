"""What each row asks: its request, and the key that says whether it has changed."""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from llmo.batch.input import openai_rows
from llmo.batch.input.identity import Keys, answer_key, content_id
from llmo.batch.input.template import own_prompt
from llmo.errors import UsageError
from llmo.types.dataclass import dataclass, replace
from llmo.types.messages import Message, Params, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from llmo.batch.input.rows import Row
    from llmo.batch.input.template import Template
    from llmo.types.jsontext import Json
    from llmo.types.messages import Image

NOTHING: tuple[None, tuple[RowRequest, ...]] = (None, ())


@dataclass(slots=True)
class RowRequest:
    """
    A row's request; `model` is what the row itself names, `compared_target` whom it is asked for a comparison.

    A row with a `fault` is no request: it is never sent. Most rows of a resumed run are skipped by their keys, so that
    `made` may be what makes the request once it is asked for.
    """

    made: Request | Callable[[], Request]
    key: str
    model: str | None = None
    compared_target: str | None = None
    fault: UsageError | None = None

    @property
    def request(self) -> Request:
        """What is sent."""
        if not isinstance(self.made, Request):
            self.made = self.made()
        return self.made


class RequestBuilder:
    """Makes requests of rows; for each of `compared_targets` when models are compared."""

    def __init__(  # noqa: PLR0913 - all that a request is made of
        self,
        *,
        compared_targets: Sequence[str] = (),
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
        self.compared_targets = tuple(compared_targets)
        self._keys = Keys(choice=choice, params=_spelled(params), schema=schema, before=self._system)
        self._checked: dict[int, tuple[Row, tuple[RowRequest, ...]]] = {}

    def __call__(self, row: Row) -> RowRequest:
        """The request of a row. Raises `UsageError` naming the row."""
        if row.fault is not None:
            raise row.fault
        if self._template is None and openai_rows.recognised(row.fields):
            return self._as_it_stands(row)
        prompt = self._template.render(row.fields, row) if self._template else own_prompt(row)
        if row.image is not None:
            request = self._request(prompt, row.image)
            return RowRequest(request, self._keys(request, {"images": _hashes(request.messages)}))
        if not prompt or prompt.isspace():
            raise UsageError(f"empty prompt: {row.where}", hint="remove the row")
        return RowRequest(partial(self._request, prompt), self._keys.prompt(prompt))

    def _request(self, prompt: str, *images: Image) -> Request:
        plain = self._plain
        return Request((*self._system, Message("user", prompt, images)), plain.params, plain.schema, plain.stream)

    def all(self, row: Row) -> tuple[RowRequest, ...]:
        """The requests of a row: one, or one for each compared target."""
        asked = self(row)
        if not self.compared_targets:
            return (asked,)
        return tuple(
            replace(asked, key=answer_key(asked.key, one), model=one, compared_target=one)
            for one in self.compared_targets
        )

    def late(self, row: Row, fault: UsageError | None = None) -> tuple[RowRequest, ...]:
        """The same for a row that nobody may have checked: what is wrong with it is its own, and in `fault`."""
        if fault is None:
            of, checked = self._checked.pop(row.index, NOTHING)
            if of is row:
                return checked
            try:
                return self.all(row)
            except UsageError as exc:
                fault = exc
        asked = RowRequest(Request((), stream=False), content_id(row), fault=fault)
        return tuple(
            replace(asked, key=answer_key(asked.key, one), compared_target=one) for one in self.compared_targets
        ) or (asked,)

    def keep(self, row: Row, requests: tuple[RowRequest, ...]) -> None:
        """Remember the requests of a row that was checked, until `late` is asked for them."""
        self._checked[row.index] = row, requests

    def _as_it_stands(self, row: Row) -> RowRequest:
        own, model = openai_rows.request(row, schema=self._plain.schema)
        request = openai_rows.overlaid(own, self._plain)
        params = _spelled(replace(request.params, extra=openai_rows.beside(request)))
        mine: dict[str, Json] = {
            "params": params,
            "schema": request.schema,
            "model": model,
            "images": _hashes(own.messages),
        }
        # Keys of plain lines are those of earlier versions: what they paid for is not paid again.
        if any(m.verbatim is not None for m in own.messages) or request.schema is not None:
            mine["as"] = [[m.verbatim for m in own.messages], (request.body or {}).get("response_format")]
        request = replace(request, messages=(*self._system, *own.messages))
        return RowRequest(request, self._keys(request, mine), model)


def _hashes(messages: Sequence[Message]) -> list[Json]:
    """What distinguishes the images of messages."""
    return [blake2b(image.data).hexdigest() for message in messages for image in message.images]


def _spelled(params: Params) -> dict[str, Json]:
    return {
        "max_tokens": params.max_tokens,
        "temperature": params.temperature,
        "seed": params.seed,
        "stop": params.stop,
        "extra": dict(params.extra),
    }
