"""
llmo: prompt language models from a terminal and run batch jobs over files, through one router.

For programs: `llmo.Client`, `llmo.AsyncClient`; nothing is imported before it is used.
"""

from llmo.types.version import __version__

__all__ = ["Answer", "AsyncClient", "Client", "Image", "LlmoError", "Message", "ToolCall", "__version__"]

# Not typing's: its import would be the longest part of `llmo --version`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from llmo.client.answers import Answer
    from llmo.client.client import AsyncClient, Client
    from llmo.errors import LlmoError
    from llmo.types.events import ToolCall
    from llmo.types.messages import Image, Message

_HOMES = {
    "Answer": "llmo.client.answers",
    "AsyncClient": "llmo.client.client",
    "Client": "llmo.client.client",
    "Image": "llmo.types.messages",
    "LlmoError": "llmo.errors",
    "Message": "llmo.types.messages",
    "ToolCall": "llmo.types.events",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
