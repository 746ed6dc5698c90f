"""How many tokens a request will be: a guess for choosing, and a bound for holding money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from unicodedata import normalize

from llmo.config.kinds import KINDS
from llmo.requests import content
from llmo.routing import images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.types.jsontext import Json
    from llmo.types.messages import Message, Request

PER_MESSAGE = 16
"""Special tokens and role name around a turn: ChatML, Llama 3, Gemma and Mistral need at most eight."""
PER_REQUEST = 256
"""What a template adds to every request: gpt-oss's own system message is the longest known, about 230 bytes."""
OWN_SYSTEM = 512
"""The same without a system message: Mistral Small's default one is the longest known, about 450 tokens."""
PER_SCHEMA = 1024
"""Instructions around a schema; Anthropic documents up to 530 tokens for its tool prompt."""
PER_OBJECT = 64
"""`additionalProperties`, `required` or `description`, where an object of a schema had none."""
PER_TOOLS = 2048
"""Instructions around tools: those of Cohere's Command templates are the longest known, about 5,000 bytes of prose."""
PER_TOOL = 64
"""Marks around each: TypeScript for gpt-oss, XML for Qwen3-Coder, which are else no wider than indented JSON."""
SCHEMAS = ("response_format", "format", "output_config", "output_format", "json_schema", "guided_json")
"""Options that bring a schema, with words around it where a server has no grammar."""
PREDICTIONS = ("prediction", "speculation")
"""OpenAI's name and Fireworks' for a text that the answer may repeat."""
TOOLS = ("tools", "functions")


def estimate(text: str) -> int:
    """
    About how many tokens a text is: four ASCII characters each, three bytes of anything else.

    Right within a third for prose and code in common tokenizers; never use it to hold money.
    """
    if text.isascii():
        return -(-len(text) // 4)
    ascii_only = len(text.encode("ascii", "ignore"))
    others = len(text.encode("utf-8", "surrogatepass")) - ascii_only
    return -(-(3 * ascii_only + 4 * others) // 12)


def bound(request: Request, kind: str) -> int:
    """
    More tokens than any tokenizer makes of a request.

    A byte-level tokenizer (OpenAI, Llama 3, Qwen, DeepSeek, Claude) never makes more tokens than
    UTF-8 bytes, nor does SentencePiece with byte fallback (Llama 2, Mistral, Gemma) but for one
    leading space. Normalising first can lengthen a text (U+FDFA becomes 18 characters), so
    the longer form counts. Options, tools and schemas count as the widest JSON that a template
    writes of them (`llmo.requests.content`). What templates add is in the constants above, what images are in
    `llmo.routing.images`.
    """
    return bound_of(request.messages, kind) + bound_beside(request, kind)


def bound_of(messages: Sequence[Message], kind: str) -> int:
    """Of that bound what messages add; where they are texts and nothing else, `kind` does not matter."""
    total = (1 + PER_MESSAGE) * len(messages)
    for message in messages:
        total += _bytes(message.text) if message.verbatim is None else _verbatim(message, kind)
        for image in message.images:
            total += images.bound(image.data, kind)
    return total


def bound_beside(request: Request, kind: str) -> int:
    """Of that bound the rest; of the messages it depends only on whether one is the system's."""
    stops = sum(map(_bytes, request.params.stop))
    return stops + _template(request, kind) + _schema(request.schema) + _options(request)


def guess(request: Request) -> int:
    """About how many tokens a request is, tools and schema too, images not."""
    return guess_of(request.messages) + guess_beside(request)


def guess_of(messages: Sequence[Message]) -> int:
    """Of that guess what messages add."""
    total = 0
    for message in messages:
        total += estimate(content.texts(message))
    return total


def guess_beside(request: Request) -> int:
    """Of that guess the rest, which depends on no message."""
    schema = () if request.schema is None else (request.schema,)
    return sum(map(estimate, request.params.stop)) + sum(map(_guessed, (*content.parts(request), *schema)))


@content.cached_by_identity
def _guessed(part: Mapping[str, Json]) -> int:
    return estimate(content.measure(part).text)


def predicted(request: Request) -> int:
    """More tokens than a prediction has: those that an answer does not use are billed as output."""
    options = content.options(request)
    return sum(content.width(options[name]) for name in PREDICTIONS if name in options)


def _verbatim(message: Message, kind: str) -> int:
    """Of a message as it stands every byte counts; an image that llmo has not read may be the largest there is."""
    value, unread = content.without_images(message)
    return content.width(value) + unread * images.bound(b"", kind)


def _bytes(text: str) -> int:
    if text.isascii():
        return len(text)
    return max(len(form.encode("utf-8", "surrogatepass")) for form in (text, normalize("NFKC", text)))


def _template(request: Request, kind: str) -> int:
    if (most := KINDS[kind].template_tokens) is not None:
        return most
    return PER_REQUEST if any(message.role == "system" for message in request.messages) else OWN_SYSTEM


@content.cached_by_identity
def _schema(schema: Mapping[str, Json] | None) -> int:
    if schema is None:
        return 0
    # A provider's subset closes every object and requires every property: names come twice
    # (`llmo.providers.http.schemas`).
    names = [node.name for node in content.nodes(schema) if node.name is not None]
    closed = PER_OBJECT * sum(isinstance(node.value, Mapping) for node in content.nodes(schema))
    return content.width(schema) + content.width(names) + closed + PER_SCHEMA


def _options(request: Request) -> int:
    """Which of them a server puts before the model nobody knows: every byte counts."""
    parts = content.parts(request)
    if not parts:
        return 0
    tools = sum(len(content.items(part.get(name))) for part in parts for name in TOOLS)
    schemas = sum(name in part for part in parts for name in SCHEMAS)
    preambles = (PER_TOOLS if tools else 0) + PER_TOOL * tools + PER_SCHEMA * schemas
    return preambles + sum(content.measure(part).width for part in parts)
