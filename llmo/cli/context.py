"""
The context of one run: streams, terminals, environment, clock, and the `llmo.client.runtime` of its profile.

Everything is created on first use, so a command pays only for what it needs. Tests make their own
`Context`; nothing else checks whether a stream is a terminal.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from llmo.client.runtime import Runtime
from llmo.errors import BudgetExceeded
from llmo.render.screen import escaped, styled, visible
from llmo.types import jsontext
from llmo.types.dataclass import dataclass, field
from llmo.types.redact import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.client.session import Session
    from llmo.engine.answer_cache import AnswerCache
    from llmo.engine.provider_limits import RateOverrides
    from llmo.errors import LlmoError


WIDEST = 1000
"""Columns of the widest terminal: COLUMNS is any number, and lines are padded to it."""


class GivesWay(Protocol):
    """Text at the end of the terminal that is erased and written again."""

    def clear(self) -> None:
        """Take it away, so that a line can be written where it stood."""
        ...

    def draw(self) -> None:
        """Write it again below what was written."""
        ...


class ClosedPipe(Exception):
    """The reader of stdout has closed the pipe: `llmo ask … | head -1`."""


def encode() -> None:
    """
    Write UTF-8 to pipes and files whatever the locale; a terminal gets the characters it can show.

    The bytes of a path that is not UTF-8 leave as they came.
    """
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue
        if stream.isatty():
            stream.reconfigure(errors="replace")
        else:
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


@dataclass
class Context(Runtime):
    """One run of the program."""

    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    no_color: bool = False
    profile_before: str | None = None
    """What -P named before it was given again, before and after the command's name."""
    stdin_taken_by: str | None = None
    """What has read standard input, which can be read once."""
    bar: GivesWay | None = None
    """What stands on the last lines of the terminal and gives way to all that is written there."""

    def configure(self, *, profile: str | None, quiet: bool, verbose: bool, debug: bool, no_color: bool) -> None:
        """Apply global options, which may stand before and after the command's name."""
        if profile:
            self.profile_name, self.profile_before = profile, self.profile_name
        self.quiet |= quiet
        self.verbose |= verbose
        self.debug |= debug
        self.no_color |= no_color

    def session(
        self,
        *,
        run: str | None = None,
        max_cost: str | None = None,
        allow_unpriced: bool = False,
        rates: RateOverrides | None = None,
        width: int | None = None,
        lasting: bool = False,
    ) -> Session:
        """
        Return a session under the limits of a command; its warnings and waits are written to stderr.

        `run` is its name in the ledger (default: a new one). One that is `lasting` looks again now and then which
        models are ready. See `llmo.client.session.Terms` for the rest.
        """
        from llmo.client.session import Session, Terms
        from llmo.types.ids import ulid

        terms = Terms(
            run=run or ulid(self.clock.now()),
            max_cost=max_cost,
            allow_unpriced=allow_unpriced,
            rates=rates,
            width=width,
            warn=lambda line: self.err(f"llmo: warning: {line}"),
            tell=lambda line: self.note(f"llmo: {line}"),
        )
        return Session(self, terms, planner=None if lasting else self.planner)

    def answer_cache(self, age: str | None) -> AnswerCache | None:
        """
        Return the cache of `--cache`, opened; None without the flag.

        Raises `UsageError` for an age that is none, and `LlmoError` for a history that can't be used.
        """
        if age is None:
            return None
        from llmo.cli.durations import seconds
        from llmo.engine.answer_cache import AnswerCache
        from llmo.storage.answers import StoredAnswers

        oldest = seconds("--cache", age)
        stored = StoredAnswers(self.history, self.clock)
        return AnswerCache(stored, self.profile.providers, age=oldest, clock=self.clock)

    @cached_property
    def stdout_tty(self) -> bool:
        """Whether stdout is a terminal."""
        return self.stdout.isatty()

    @cached_property
    def stderr_tty(self) -> bool:
        """Whether stderr is a terminal."""
        return self.stderr.isatty()

    @cached_property
    def stdin_tty(self) -> bool:
        """Whether stdin is a terminal."""
        return self.stdin is None or self.stdin.isatty()

    @property
    def color(self) -> bool:
        """Whether a terminal gets color: see https://no-color.org and https://bixense.com/clicolors."""
        env = self.env
        if self.no_color or env.get("NO_COLOR"):
            return False
        return self._color_forced or (env.get("CLICOLOR") != "0" and env.get("TERM") != "dumb")

    @property
    def stdout_color(self) -> bool:
        """Whether tables on stdout have color: on a terminal, or where it is forced. Answers in a pipe never have."""
        return self.color and (self.stdout_tty or self._color_forced)

    @property
    def _color_forced(self) -> bool:
        return self.env.get("CLICOLOR_FORCE", "0") not in ("", "0")

    @property
    def size(self) -> os.terminal_size:
        """The columns and lines of the terminal."""
        return shutil.get_terminal_size((80, 24))

    @property
    def width(self) -> int:
        """The width of the terminal in columns, or what COLUMNS says, as far as that is one."""
        return min(self.size.columns, WIDEST)

    @property
    def table_width(self) -> int | None:
        """Columns that a table on standard output may take; None in a pipe: as many as it needs."""
        return self.width if self.stdout_tty else None

    @property
    def stderr_width(self) -> int:
        """The width that stderr's terminal has now, whatever stdout is and the environment says."""
        try:
            return os.get_terminal_size(self.stderr.fileno()).columns or self.width
        except (OSError, ValueError):
            return self.width

    @property
    def stdout_size(self) -> Callable[[], os.terminal_size] | None:
        """What returns the size of stdout's terminal, or None where the cursor can't be moved by its size."""
        return self._size_of(self.stdout) if self.stdout_tty else None

    @property
    def stderr_size(self) -> Callable[[], os.terminal_size] | None:
        """The same for stderr."""
        return self._size_of(self.stderr) if self.stderr_tty else None

    def _size_of(self, stream: TextIO) -> Callable[[], os.terminal_size] | None:
        env = self.env
        if env.get("TERM") in ("dumb", "unknown") or (os.name == "nt" and not {"WT_SESSION", "TERM"} & set(env)):
            return None
        number = stream.fileno()
        try:
            known = all(os.get_terminal_size(number))
        except OSError:
            return None
        return (lambda: os.get_terminal_size(number)) if known else None

    def out(self, text: str) -> None:
        """Write part of the result; on a terminal, control characters are made visible."""
        self._put(self.stdout, visible(text) if self.stdout_tty else text, tty=self.stdout_tty)

    def show(self, drawn: str) -> None:
        """Write text that llmo has formatted; on a terminal, only its own color codes pass."""
        self._put(self.stdout, styled(drawn) if self.stdout_tty else drawn, tty=self.stdout_tty)

    def _put(self, stream: TextIO, text: str, *, tty: bool) -> None:
        if self.bar is None or not tty:
            stream.write(text)
            return
        self.bar.clear()
        stream.write(text)
        stream.flush()
        if text.endswith("\n"):
            self.bar.draw()

    def json(self, value: Any, *, indent: int | None = None) -> None:
        """Write a value as JSON; on a terminal, control and invisible characters are escaped."""
        self.spelled(jsontext.write(value, indent=indent) + "\n")

    def spelled(self, text: str) -> None:
        """Write text that already is JSON."""
        self._put(self.stdout, escaped(text) if self.stdout_tty else text, tty=self.stdout_tty)

    def draw(self, drawn: str) -> None:
        """Write what a bar consists of to stderr: its own codes and figures, nothing from elsewhere."""
        self.stderr.write(drawn)
        self.stderr.flush()

    def ask(self, question: str) -> None:
        """Write a prompt for input on the same line."""
        self.stderr.write(visible(masked(question)))
        self.stderr.flush()

    def err(self, line: str) -> None:
        """Write a line to stderr, with secrets masked."""
        self._put(self.stderr, visible(masked(line)) + "\n", tty=self.stderr_tty)
        self.stderr.flush()

    def refused(self, message: str) -> None:
        """In GitHub Actions, mark the step as stopped by a budget."""
        if self.env.get("GITHUB_ACTIONS") == "true":
            told = masked(message).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
            self.err(f"::error title=llmo budget::{told}")

    def failed(self, error: LlmoError, *, what: str = "", unsure: str | None = None) -> int:
        """Write an error and its hint to stderr; return the exit code."""
        self.err(f"llmo: {what}{error.message}")
        if hints := [hint for hint in (error.hint, unsure) if hint]:
            self.err(f"hint: {'; '.join(hints)}")
        if isinstance(error, BudgetExceeded):
            self.refused(error.message)
        return int(error.exit)

    def note(self, line: str) -> None:
        """Write a line to stderr unless -q was given."""
        if not self.quiet:
            self.err(line)

    def told(self, line: str) -> None:
        """Write a line of -v to stderr."""
        if self.verbose and not self.quiet:
            self.err(f"llmo: {line}")

    @property
    def wire_log(self) -> Callable[[str], None] | None:
        """Where `--debug` logs requests and responses."""
        return self.err if self.debug else None


class Terminals:
    """Which of stdout and stderr are terminals."""

    def __init__(self) -> None:
        self._open = [number for number in (1, 2) if os.isatty(number)]

    def drop(self) -> bool:
        """Discard output for a terminal that was closed: writing would fail, at the latest when Python exits."""
        gone = [number for number in self._open if not os.isatty(number)]
        for number in gone:
            self._open.remove(number)
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
        return bool(gone)


_CURRENT: list[Context] = []


def current() -> Context:
    """Return the context of this run."""
    if not _CURRENT:
        _CURRENT.append(Context())
    return _CURRENT[0]
