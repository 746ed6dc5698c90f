"""The context that Ollama loads a model with, and the signs that it cut a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.providers.http import fields
from llmo.requests import content
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from llmo.types.messages import Request

SMALLEST = 4096
_ANSWER = 2048
_PER_MESSAGE = 16
_PER_IMAGE = 1600
_DENSE = 3
"""Bytes per token of text that is hard on tokenizers; most text has four and more."""
_AIRY = 8
"""Bytes per token that hardly any text passes."""


def _bytes(request: Request) -> int:
    text = sum(len(message.text.encode("utf-8", "replace")) for message in request.messages)
    return text + sum(len(fields.write(part)) for part in (request.schema, content.options(request)) if part)


def bucket(request: Request) -> int:
    """A power of two that surely holds prompt and answer, so that few sizes occur."""
    images = sum(len(message.images) for message in request.messages)
    prompt = _bytes(request) // _DENSE + _PER_MESSAGE * len(request.messages) + _PER_IMAGE * images
    needed = prompt + (request.params.max_tokens or _ANSWER)
    return max(SMALLEST, 1 << (needed - 1).bit_length())


@dataclass(frozen=True, slots=True)
class Prompt:
    """What was sent, to hold the server's count against."""

    num_ctx: int
    size: int

    @classmethod
    def of(cls, request: Request, num_ctx: int) -> Prompt:
        """The prompt of a request."""
        return cls(num_ctx, _bytes(request))

    def truncated(self, counted: int) -> str | None:
        """
        A warning when the server counted what it counts after cutting a prompt.

        An Ollama that ignores `truncate: false` cuts to num_ctx - (num_ctx - 4 or 5) / 2 tokens
        (ollama #17889, #3839), of the context it really loaded.
        """
        if counted * _AIRY >= self.size and not (counted in _halves(self.num_ctx) and counted * 4 < self.size):
            return None
        if counted not in _halves(self.num_ctx) and counted < SMALLEST // 4:
            # Old servers do not count what their cache held.
            return None
        return (
            f"Ollama probably dropped part of the prompt: it counted {counted} tokens of {self.size} bytes; "
            "raise num_ctx of the provider"
        )


def _halves(num_ctx: int) -> set[int]:
    sizes = {num_ctx} | {1 << power for power in range(11, 19) if 1 << power <= num_ctx}
    return {size - (size - keep) // 2 for size in sizes for keep in (4, 5)}
