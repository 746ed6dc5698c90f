"""How many tokens a request will be: a guess for choosing, and a bound for holding money."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from unicodedata import normalize

from llmo import images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types import Json, Request

PER_MESSAGE = 16
"""Special tokens and role name around a turn: ChatML, Llama 3, Gemma and Mistral need at most eight."""
PER_REQUEST = 256
"""What a template adds to every request: gpt-oss's own system message is the longest known, about 230 bytes."""
OWN_SYSTEM = 512
"""The same without a system message: Mistral Small's default one is the longest known, about 450 tokens."""
ANTHROPIC = 64
"""Claude's API adds a handful of tokens to a request without tools."""
PER_SCHEMA = 1024
"""Instructions around a schema; Anthropic documents up to 530 tokens for its tool prompt."""


def estimate(text: str) -> int:
    """
    About how many tokens a text is: four ASCII characters each, three bytes of anything else.

    Right within a third for prose and code in common tokenizers; never use it to hold money.
    """
    ascii_only = len(text.encode("ascii", "ignore"))
    others = len(text.encode("utf-8", "surrogatepass")) - ascii_only
    return -(-(3 * ascii_only + 4 * others) // 12)


def bound(request: Request, kind: str) -> int:
    """
    More tokens than any tokenizer makes of a request.

    A byte-level tokenizer (OpenAI, Llama 3, Qwen, DeepSeek, Claude) never makes more tokens than
    UTF-8 bytes, nor does SentencePiece with byte fallback (Llama 2, Mistral, Gemma) but for one
    leading space. Normalising first can lengthen a text (U+FDFA becomes 18 characters), so
    the longer form counts. What templates add is in the constants above,
    what images are in `llmo.images`.
    """
    texts = sum(_bytes(message.text) + 1 + PER_MESSAGE for message in request.messages)
    pictures = sum(images.bound(image.data, kind) for message in request.messages for image in message.images)
    return texts + pictures + _template(request, kind) + _schema(request.schema) + sum(map(_bytes, request.params.stop))


def _bytes(text: str) -> int:
    if text.isascii():
        return len(text)
    return max(len(form.encode("utf-8", "surrogatepass")) for form in (text, normalize("NFKC", text)))


def _template(request: Request, kind: str) -> int:
    if kind == "anthropic":
        return ANTHROPIC
    return PER_REQUEST if any(message.role == "system" for message in request.messages) else OWN_SYSTEM


def _schema(schema: Mapping[str, Json] | None) -> int:
    # Written out as widely as a template might write it.
    return 0 if schema is None else len(json.dumps(schema, indent=2)) + PER_SCHEMA
