"""
Rows as lines of OpenAI's batch output (platform.openai.com/docs/guides/batch), which `vllm run-batch` writes too.

An answer has a `response` with the body of a chat completion, what got none has an `error`. An answer that does not
match its schema has both: it is paid for, and it is not good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Mapping

FINISH = {"refusal": "stop", None: "length"}
"""Reasons that only llmo has; an answer that never ended was cut."""


def line(row: Mapping[str, Any], created: int) -> dict[str, Any]:
    """A row of llmo as such a line; `created` is a Unix time."""
    failure = row["error"]
    answered = row["text"] is not None and row["status"] != "error"
    return {
        "id": f"llmo_{row['index']}_{row['key']}",
        "custom_id": row["id"],
        "response": _response(row, created) if answered else None,
        "error": failure and {"code": failure["kind"], "message": failure["message"]},
    }


def _response(row: Mapping[str, Any], created: int) -> dict[str, Any]:
    finish = row["finish_reason"]
    body = {
        "id": f"chatcmpl-{row['key']}",
        "object": "chat.completion",
        "created": created,
        "model": row["model"],
        "choices": [
            {"index": 0, "message": _message(row), "logprobs": None, "finish_reason": FINISH.get(finish, finish)}
        ],
        "usage": _usage(row["usage"]),
        "system_fingerprint": None,
    }
    return {"status_code": 200, "request_id": row["key"], "body": body}


def _message(row: Mapping[str, Any]) -> dict[str, Any]:
    made = [_call(call) for call in row.get("tool_calls") or ()]
    refused = row["finish_reason"] == "refusal"
    return {
        "role": "assistant",
        "content": None if refused or (made and not row["text"]) else row["text"],
        "refusal": row["text"] if refused else None,
        **({"tool_calls": made} if made else {}),
    }


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """The call of a tool, whose arguments are text here."""
    said = call["arguments"]
    arguments = said if isinstance(said, str) else jsontext.write(said)
    return {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": arguments}}


def _usage(used: Mapping[str, int] | None) -> dict[str, Any] | None:
    return (
        None
        if used is None
        else {
            "prompt_tokens": used.get("input_tokens", 0),
            "completion_tokens": used.get("output_tokens", 0),
            "total_tokens": used.get("input_tokens", 0) + used.get("output_tokens", 0),
            "prompt_tokens_details": {"cached_tokens": used.get("cached_input_tokens", 0)},
            "completion_tokens_details": {"reasoning_tokens": used.get("reasoning_tokens", 0)},
        }
    )
