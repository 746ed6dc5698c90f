"""Converts between LangChain and llmo: messages, tags, schemas and the metadata of answers."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, ChatMessage, HumanMessage, SystemMessage
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass

from llmo.client.question import ROLES
from llmo.errors import UsageError
from llmo.types.messages import Image, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from langchain_core.messages import BaseMessage
    from langchain_core.messages.ai import UsageMetadata

    from llmo.client.answers import Answer
    from llmo.types.events import Usage
    from llmo.types.messages import Role

OWN_TAGS = ("seq:step:", "map:key:", "langsmith:")
"""Tags that LangChain adds to the steps of a chain."""
OWN_METADATA = ("ls_", "lc_", "langgraph_", "checkpoint", "__")
"""Metadata that LangChain, LangSmith and LangGraph add by themselves."""


def turns(messages: Sequence[BaseMessage]) -> list[Message]:
    """Convert a conversation. Raises `UsageError` naming content that llmo cannot send."""
    return [_turn(message) for message in messages]


def _turn(message: BaseMessage) -> Message:
    role = _role(message)
    texts: list[str] = []
    images: list[Image] = []
    for known in message.content_blocks:
        block: Mapping[str, Any] = known
        kind = block["type"]
        if kind == "text":
            texts.append(block["text"])
        elif kind == "image" and role == "user":
            images.append(_image(block, len(images) + 1))
        # Reasoning is not part of what the model said.
        elif kind != "reasoning":
            raise UsageError(f"llmo cannot send this part of a {message.type} message: {kind}")
    return Message(role, "\n".join(texts), tuple(images))


def _role(message: BaseMessage) -> Role:
    if isinstance(message, SystemMessage):
        return "system"
    if isinstance(message, HumanMessage):
        return "user"
    if isinstance(message, AIMessage) and not message.tool_calls:
        return "assistant"
    if isinstance(message, ChatMessage) and message.role in ROLES:
        return ROLES[message.role]
    what = f"role {message.role}" if isinstance(message, ChatMessage) else message.type
    raise UsageError(f"llmo sends no tools and no such message: {what}", hint="system, human and AI messages are sent")


def _image(block: Mapping[str, Any], number: int) -> Image:
    if "base64" not in block:
        raise UsageError("llmo fetches no images", hint="send the image as base64")
    media_type = str(block.get("mime_type") or "image/png")
    if not media_type.startswith("image/"):
        raise UsageError(f"image {number} is no image: {media_type}")
    try:
        data = base64.b64decode(block["base64"], validate=True)
    except (TypeError, ValueError):
        raise UsageError(f"image {number} is not base64") from None
    return Image(f"image {number}", media_type, data)


def ledger_tags(tags: Iterable[str] | None, metadata: Mapping[str, Any] | None) -> dict[str, str]:
    """Convert a run's tags (`key=value`, or a word, which becomes `word=true`) and its scalar metadata."""
    found = {
        key: str(value)
        for key, value in (metadata or {}).items()
        if isinstance(value, str | int | float) and not key.startswith(OWN_METADATA)
    }
    for tag in tags or ():
        if not tag.startswith(OWN_TAGS):
            key, equals, value = tag.partition("=")
            found[key] = value if equals else "true"
    return found


def json_schema(schema: dict[str, Any] | type) -> dict[str, Any]:
    """Return the JSON Schema of a Pydantic class (of either version), a TypedDict or a tool, or a schema unchanged."""
    if isinstance(schema, dict) and not {"function", "parameters", "input_schema"} & schema.keys():
        return schema
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        of = getattr(schema, "model_json_schema", None) or schema.schema  # type: ignore[attr-defined]
        made: dict[str, Any] = of()
        return made
    return dict(convert_to_json_schema(schema))


def facts(answer: Answer) -> dict[str, Any]:
    """Return the fields of a message that describe its answer, besides the text."""
    target = answer.target
    read = [call for call in answer.tool_calls if isinstance(call.arguments, dict)]
    text = [call for call in answer.tool_calls if not isinstance(call.arguments, dict)]
    return {
        "tool_calls": [{"name": call.name, "args": call.arguments, "id": call.id} for call in read],
        "invalid_tool_calls": [
            {"name": call.name, "args": str(call.arguments), "id": call.id, "error": "not a JSON object"}
            for call in text
        ],
        "usage_metadata": answer.usage and _usage(answer.usage),
        "additional_kwargs": {"reasoning_content": answer.reasoning} if answer.reasoning else {},
        "response_metadata": {
            "model_name": str(target or ""),
            "model_provider": "llmo",
            "provider": target.provider if target else "",
            "served_model": answer.served_model,
            "task": answer.task,
            "finish_reason": answer.finish_reason,
            "complete": answer.complete,
            "cost_usd": None if answer.cost is None else f"{answer.cost:f}",
            "cost_source": answer.cost_source,
            "id": answer.id,
            "attempts": len(answer.attempts),
            "warnings": list(answer.warnings),
        },
    }


def _usage(usage: Usage) -> UsageMetadata:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "input_token_details": {"cache_read": usage.cached_input_tokens, "cache_creation": usage.cache_write_tokens},
        "output_token_details": {"reasoning": usage.reasoning_tokens},
    }
