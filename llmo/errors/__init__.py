"""
Every failure of llmo, and the exit code it ends in.

    LlmoError
      UsageError               2  usage             wrong flags, empty prompt, missing file
      BudgetExceeded           3  budget_exceeded   refused before sending
        Unbounded              3  budget_exceeded   it buys what has no known price
      ConfigError              4  config            profile, provider, alias
      CredentialsError         4  credentials       no key
      Locked                   5  unavailable       another program keeps the ledger to itself
      InvalidOutput            1  invalid_output    the answer does not match the schema
      Cancelled      130/143/129  cancelled         SIGINT, SIGTERM, SIGHUP
      ProviderError               one attempt at one target failed
        Rejected               1  bad_request       400, 413, 422: the request itself
        Refused                1  content_refused   the provider's policy
        ContextTooLong         1  context_too_long
        ModelNotFound          1  model_not_found   404
        Unauthorized           4  credentials       401, 403
        Withheld               4  config            a private request would have left this machine
        QuotaExhausted         1  quota_exhausted   credit, plan or spend limit at the provider
        RateLimited            5  rate_limited      429
        Unavailable            5  unavailable       5xx, overload, no connection
          Broken               5  unavailable       it failed and nobody knows why: not tried again there
        TimedOut               5  timeout           one of the three clocks
          OutOfTime            5  timeout           the user's own, which says little about the provider
        Unprocessed            5  cancelled         a batch was cancelled before this row, which cost nothing
        Expired                5  timeout           a batch expired before this row, which cost nothing
        Incomplete             6  incomplete        the stream ended without its terminal marker
          Unfinished           6  incomplete        the model stopped and waits for something: not tried again

`retry` and `fall back` follow facts of the failure, see `llmo.engine.retry`. `may_be_billed` is False
only where the provider surely did no work (4xx, connect failure, 429): everything else keeps
its hold booked. Anything that is not an `LlmoError` is a bug and shows as `internal`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.types.attempts import AttemptRecord

ErrorKind = Literal[
    "usage",
    "config",
    "credentials",
    "budget_exceeded",
    "rate_limited",
    "quota_exhausted",
    "unavailable",
    "timeout",
    "bad_request",
    "content_refused",
    "context_too_long",
    "model_not_found",
    "incomplete",
    "invalid_output",
    "cancelled",
    "internal",
]


class Exit(IntEnum):
    """Exit codes, stable: scripts and CI branch on them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    BUDGET = 3
    CONFIG = 4
    TEMPORARY = 5
    INCOMPLETE = 6
    ROWS_FAILED = 7
    SIGINT = 130
    SIGTERM = 143
    SIGHUP = 129


class LlmoError(Exception):
    """
    A failure that is explained to the user in one line, and perhaps a hint.

    Raised by `llmo.Client`, it has the `attempts` that were made and the `text` that came before it.
    """

    kind: ClassVar[ErrorKind] = "internal"
    exit: Exit = Exit.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.attempts: tuple[AttemptRecord, ...] = ()
        self.text = ""

    def __reduce__(self) -> tuple[object, ...]:
        """As it is, for another process: what a class takes to be made need not be what it keeps."""
        return _as_it_was, (type(self), self.args), self.__dict__


def _as_it_was(made: type[LlmoError], args: tuple[object, ...]) -> LlmoError:
    return made.__new__(made, *args)


class UsageError(LlmoError):
    """The command line or an input file cannot be used as given."""

    kind = "usage"
    exit = Exit.USAGE


class ConfigError(LlmoError):
    """The profile or the environment is wrong."""

    kind = "config"
    exit = Exit.CONFIG


class Locked(LlmoError):
    """Another program keeps the ledger to itself; nothing was sent, and it may work later."""

    kind = "unavailable"
    exit = Exit.TEMPORARY


class CredentialsError(LlmoError):
    """A key is needed and there is none."""

    kind = "credentials"
    exit = Exit.CONFIG


class BudgetExceeded(LlmoError):
    """A hold would pass a limit; nothing was sent."""

    kind = "budget_exceeded"
    exit = Exit.BUDGET


class Unbounded(BudgetExceeded):
    """The request buys something whose price is unknown, and a limit of dollars holds; nothing was sent."""

    def __init__(self, names: Sequence[str], target: object) -> None:
        super().__init__(
            f"a dollar limit cannot cover {', '.join(names)} at {target}: billed separately, at an unknown price",
            hint="remove it, or allow it with --allow-unpriced (its extra cost is not reserved)",
        )


class InvalidOutput(LlmoError):
    """A complete answer that does not match the schema, after the repair try."""

    kind = "invalid_output"


class Cancelled(LlmoError):
    """The user stopped the program."""

    kind = "cancelled"
    exit = Exit.SIGINT

    def __init__(self, message: str = "interrupted", *, exit: Exit = Exit.SIGINT) -> None:  # noqa: A002 - the word of this module
        super().__init__(message)
        self.exit = exit


class ProviderError(LlmoError):
    """
    One attempt failed at the provider.

    `retry_after` is in seconds, None when the provider gave none. `status` is the HTTP
    status or None (no answer, subprocess). `code` is the provider's own word for it.
    """

    may_be_billed: bool = True
    temporary: ClassVar[bool] = False

    def __init__(  # noqa: PLR0913 - facts of one failure, all but the message optional
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        may_be_billed: bool | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        if may_be_billed is not None:
            self.may_be_billed = may_be_billed


class Rejected(ProviderError):
    """The provider will never take this request."""

    kind = "bad_request"
    may_be_billed = False


class Refused(ProviderError):
    """The provider's policy stopped the request before it was answered."""

    kind = "content_refused"
    may_be_billed = False


class ContextTooLong(ProviderError):
    """The prompt does not fit this model; a larger one may take it."""

    kind = "context_too_long"
    may_be_billed = False


class ModelNotFound(ProviderError):
    """The provider does not know the model, or hides it from this key."""

    kind = "model_not_found"
    may_be_billed = False


class Withheld(ProviderError):
    """Nothing was sent: the request is private, and the provider is not on this machine."""

    kind = "config"
    exit = Exit.CONFIG
    may_be_billed = False


class Unauthorized(ProviderError):
    """The provider refused the key."""

    kind = "credentials"
    exit = Exit.CONFIG
    may_be_billed = False


class QuotaExhausted(ProviderError):
    """Out of credit or over a spend limit: waiting does not help, never retried."""

    kind = "quota_exhausted"
    may_be_billed = False


class RateLimited(ProviderError):
    """Too fast for now."""

    kind = "rate_limited"
    exit = Exit.TEMPORARY
    may_be_billed = False
    temporary = True


class Unavailable(ProviderError):
    """Overloaded, broken or unreachable; `may_be_billed` is False when the request never left."""

    kind = "unavailable"
    exit = Exit.TEMPORARY
    temporary = True


class Broken(Unavailable):
    """Failed for a reason that nobody knows; each try may cost, so the target is not tried again."""

    temporary = False


class TimedOut(ProviderError):
    """The connect, idle or total clock ran out."""

    kind = "timeout"
    exit = Exit.TEMPORARY
    temporary = True


class Unprocessed(ProviderError):
    """A deferred batch ended before it came to this row."""

    kind = "cancelled"
    exit = Exit.TEMPORARY
    may_be_billed = False
    temporary = True


class Expired(ProviderError):
    """A deferred batch ran out of its time before it came to this row."""

    kind = "timeout"
    exit = Exit.TEMPORARY
    may_be_billed = False
    temporary = True


class OutOfTime(TimedOut):
    """The total time that the user allows was over before the answer was."""


class Incomplete(ProviderError):
    """The answer broke off: no terminal marker, or an error after the first words."""

    kind = "incomplete"
    exit = Exit.INCOMPLETE


class Unfinished(Incomplete):
    """
    The model ended its turn and waits for what llmo does not do: to be called again, or the result of a tool.

    The same request would end, and cost, the same.
    """
