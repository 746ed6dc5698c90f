"""
A LangChain chat model over `llmo.Client`, with llmo's routing, budgets and ledger (extra `langchain`).

    from llmo.langchain import ChatLlmo

    model = ChatLlmo(model="openai/gpt-5-mini", max_cost="2.00")
    model.invoke("Hello", config={"metadata": {"team": "maps"}}).response_metadata["cost_usd"]

Not supported: `bind_tools`, since an llmo request has no tools of its own. If `extra` carries a provider's own tools,
their calls are returned as `tool_calls` of the message, but tool results cannot be sent. Also not supported: audio,
video, PDF and images by URL, since llmo sends text and images and fetches nothing. Unsupported content raises an error
that names it; nothing is dropped silently.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any

try:
    from langchain_core.exceptions import OutputParserException
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
    from langchain_core.runnables import RunnableLambda
    from langchain_core.runnables.config import ensure_config
    from langchain_core.utils.pydantic import is_basemodel_subclass
except ModuleNotFoundError as exc:
    from llmo.errors.installing import install_command

    raise ModuleNotFoundError(f"{exc}: {install_command('langchain-core')}", name=exc.name) from None
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr

from llmo.client.client import AsyncClient, Client
from llmo.client.question import Options
from llmo.errors import InvalidOutput, UsageError
from llmo.langchain.convert import facts, json_schema, ledger_tags, turns
from llmo.routing import tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import LangSmithParams, LanguageModelInput
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable, RunnableConfig

    from llmo.client.answers import Answer

TOOLS = frozenset({"tools", "tool_choice", "functions", "function_call", "parallel_tool_calls"})
METHODS = ("json_schema", "function_calling", "json_mode")
DECIDING = ("llmo_profile", "model", "task", "temperature", "max_tokens", "seed", "stop", "private", "fallback")
RENAMED = {"max_retries": "retries", "json_schema": "schema"}


class _Lazy:
    """The client of a model, created on first use; copies and pickles of the model create their own."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._client: Client | None = None

    def of(self, model: ChatLlmo) -> Client:
        with self._lock:
            if self._client is None:
                self._client = Client(model.llmo_profile, max_cost=model.max_cost, concurrency=model.concurrency)
            return self._client

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def __deepcopy__(self, memo: dict[int, Any]) -> _Lazy:
        return _Lazy()

    def __reduce__(self) -> tuple[type[_Lazy], tuple[()]]:
        return (_Lazy, ())


class ChatLlmo(BaseChatModel):
    """
    A chat model routed by llmo.

    All options can also be set per call: `model.invoke("…", model="fast", max_cost="0.01", private=True)`. The tags
    (`key=value`, or a word) and scalar metadata of a run's config are stored with its calls in the ledger, like
    `ledger_tags`. Errors are `llmo.errors`.
    """

    model: str | list[str] = "auto"
    """`provider/model`, an alias, a chain of them, or auto (chosen by task)."""
    llmo_profile: str | None = Field(default_factory=lambda: os.environ.get("LLMO_PROFILE"))
    """Name or path of a profile."""
    task: str | None = None
    """The task whose chain is used."""
    temperature: float | None = None
    """Sampling temperature."""
    max_tokens: int | None = None
    """Limit of output tokens."""
    seed: int | None = None
    """Sampling seed."""
    stop: list[str] | None = None
    """Stop sequences."""
    timeout: float | None = None
    """Seconds for one call, including retries and fallbacks."""
    max_retries: int | None = None
    """Attempts per candidate after the first."""
    fallback: bool = True
    """Whether to try the next candidate when one fails."""
    private: bool = False
    """Never leave this machine."""
    max_cost: str | None = None
    """Cap in dollars for everything that this model object spends."""
    concurrency: int | None = None
    """Concurrent requests per provider; see `llmo.Client`."""
    ledger_tags: dict[str, str] = Field(default_factory=dict)
    """Stored with every call."""
    streaming: bool = False
    """Whether `invoke` streams too, for callbacks that receive tokens as they arrive."""
    api_key: SecretStr | None = Field(default=None, exclude=True, repr=False)
    """Ignored; accepted because LangChain passes it to every model. Keys belong to the providers of the profile."""

    model_config = ConfigDict(extra="forbid")
    _lazy: _Lazy = PrivateAttr(default_factory=_Lazy)

    @property
    def client(self) -> Client:
        """The client behind this model."""
        return self._lazy.of(self)

    def close(self) -> None:
        """Settle calls in flight and close connections; a later call opens them again."""
        self._lazy.close()

    @property
    def _llm_type(self) -> str:
        return "llmo"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """Parameters that affect the answer, for traces and for the key of LangChain's cache."""
        return {name: value for name in DECIDING if (value := getattr(self, name)) is not None}

    def get_num_tokens(self, text: str) -> int:
        """Estimate the number of tokens; the model, and so its tokenizer, is chosen per call."""
        return tokens.estimate(text)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        found = super()._get_ls_params(stop=stop, **kwargs)
        asked = kwargs.get("model") or self.model
        found["ls_model_name"] = asked if isinstance(asked, str) else ",".join(asked)
        return found

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """Build the key of LangChain's cache, without tags of the ledger."""
        kwargs.pop("ledger_tags", None)
        return super()._get_llm_string(stop=stop, **kwargs)

    # LangChain passes a run's tags only to some of its hooks; these methods see all of them.
    def invoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> AIMessage:  # noqa: A002 - LangChain's word
        """Add the tags of the run, then do what LangChain does."""
        return super().invoke(input, config, **self._tagged(config, kwargs))

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's word
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Add the tags of the run, then do what LangChain does."""
        return await super().ainvoke(input, config, **self._tagged(config, kwargs))

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's word
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Add the tags of the run, then do what LangChain does."""
        return super().stream(input, config, **self._tagged(config, kwargs))

    def astream(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's word
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Add the tags of the run, then do what LangChain does."""
        return super().astream(input, config, **self._tagged(config, kwargs))

    def _tagged(self, config: RunnableConfig | None, given: dict[str, Any]) -> dict[str, Any]:
        whole = ensure_config(config)
        names = [*(self.tags or ()), *(whole.get("tags") or ())]
        found = ledger_tags(names, {**(self.metadata or {}), **(whole.get("metadata") or {})})
        tags = {**found, **(given.get("ledger_tags") or {})}
        return {**given, "ledger_tags": tags} if tags else given

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _result(self.client.ask(turns(messages), **self._options(stop, kwargs, run_manager)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        options = self._options(stop, kwargs, run_manager)
        return _result(await AsyncClient.beside(self.client).ask(turns(messages), **options))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with self.client.stream(turns(messages), **self._options(stop, kwargs, run_manager)) as stream:
            for piece in stream:
                yield _piece(piece)
            yield _last(stream.result)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        options = self._options(stop, kwargs, run_manager)
        async with AsyncClient.beside(self.client).stream(turns(messages), **options) as stream:
            async for piece in stream:
                yield _piece(piece)
            yield _last(stream.result)

    def _options(
        self,
        stop: list[str] | None,
        given: dict[str, Any],
        run: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None,
    ) -> Options:
        """Merge the options of the call over those of the model. Raises `UsageError` for unsupported ones."""
        given.pop("stream", None)
        if tools := TOOLS & given.keys():
            raise UsageError(
                f"llmo does not support bind_tools: {', '.join(sorted(tools))}",
                hint="with_structured_output gives data",
            )
        found = ledger_tags(run.tags, run.metadata) if run else {}
        tags = {**self.ledger_tags, **found, **(given.pop("ledger_tags", None) or {})}
        own = {name: getattr(self, name) for name in ("model", "task", "temperature", "max_tokens", "seed", "timeout")}
        own |= {"retries": self.max_retries, "fallback": self.fallback, "private": self.private}
        asked = {RENAMED.get(name, name): value for name, value in given.items()}
        if unknown := asked.keys() - Options.__annotations__.keys():
            raise UsageError(
                f"unknown parameter: {', '.join(sorted(unknown))}", hint="pass provider parameters in extra={…}"
            )
        options: Any = {**own, "stop": stop or self.stop, **asked, "tags": tags}
        chosen: Options = options
        return chosen

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """
        Return a runnable whose answers match a JSON Schema, a Pydantic class or a TypedDict.

        Every `method` works the same way: the provider's structured output where available, validation by llmo
        whatever `strict` says, one repair, then `InvalidOutput`.
        """
        method = kwargs.pop("method", None) or METHODS[0]
        kwargs.pop("strict", None)
        if method not in METHODS or kwargs:
            raise ValueError(f"not supported: {kwargs or method}; methods: {', '.join(METHODS)}")
        told = {"kwargs": {"method": method}, "schema": schema}
        model = self.bind(json_schema=json_schema(schema), ls_structured_output_format=told)
        parser: JsonOutputParser = JsonOutputParser()
        if isinstance(schema, type) and is_basemodel_subclass(schema):
            parser = PydanticOutputParser(pydantic_object=schema)
        return _with_raw(model, parser) if include_raw else model | parser


def _with_raw(
    model: Runnable[LanguageModelInput, AIMessage], parser: JsonOutputParser
) -> Runnable[LanguageModelInput, dict[str, Any]]:
    """Return the raw message along with the parsed value, or with the error if it cannot be parsed."""

    def read(raw: AIMessage) -> dict[str, Any]:
        try:
            return {"raw": raw, "parsed": parser.invoke(raw), "parsing_error": None}
        except OutputParserException as exc:
            return {"raw": raw, "parsed": None, "parsing_error": exc}

    def unfit(exc: InvalidOutput) -> dict[str, Any]:
        return {"raw": AIMessage(content=exc.text), "parsed": None, "parsing_error": exc}

    def ask(given: LanguageModelInput, config: RunnableConfig) -> dict[str, Any]:
        try:
            return read(model.invoke(given, config))
        except InvalidOutput as exc:
            return unfit(exc)

    async def aask(given: LanguageModelInput, config: RunnableConfig) -> dict[str, Any]:
        try:
            return read(await model.ainvoke(given, config))
        except InvalidOutput as exc:
            return unfit(exc)

    return RunnableLambda(ask, aask)


def _result(answer: Answer) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=AIMessage(content=answer.text, **facts(answer)))])


def _piece(text: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text))


def _last(answer: Answer) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content="", chunk_position="last", **facts(answer)))
