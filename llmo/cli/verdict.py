"""Decides whether a finished answer is good: not cut off by the token limit, and no unanswered tool call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.engine import output_limits
from llmo.engine.response import name
from llmo.errors import Incomplete, Unfinished
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from llmo.engine.results import Result


def judged(result: Result, *, strict: bool, told: bool) -> Result:
    """
    Add a warning if the token limit cut off the answer (an error with --strict), or an error for tool calls.

    Tool calls that are `told`, that is printed as JSON, count as an answer: the reader can run them.
    """
    if result.error is None and (result.tool_calls or result.finish == "tool_calls"):
        return result if told and result.tool_calls else replace(result, error=_called(result, told=told))
    cut = output_limits.cut(result)
    if result.error is not None or cut is None:
        return result
    error = Incomplete(cut, hint=output_limits.longer(result)) if strict else None
    return replace(result, warnings=(*result.warnings, cut), error=error)


def _called(result: Result, *, told: bool) -> Unfinished:
    names = ", ".join(dict.fromkeys(name(call.name) or "an unnamed one" for call in result.tool_calls))
    why = "the response does not contain the call" if told else "ask does not run tools"
    hint = None if told else "use --json to see the calls, or remove tools from the options"
    return Unfinished(f"the model called a tool ({names or 'unnamed'}), but {why}", hint=hint)
