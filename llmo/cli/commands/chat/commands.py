"""What a line that begins with a slash does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.render import history as shown
from llmo.storage.paths import expanded
from llmo.types.dataclass import replace
from llmo.types.format import counted, dollars
from llmo.types.nearest import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.cli.commands.chat.talk import Chat
    from llmo.cli.context import Context

ABOUT = {
    "/help": "show this list",
    "/model [MODEL …]": "show or change the model; several are a fallback chain",
    "/system [TEXT]": "show or change the system prompt",
    "/edit [TEXT]": "write the next prompt in $EDITOR",
    "/cost": "show what this chat cost, and the budgets",
    "/save FILE": "write the conversation to a Markdown file",
    "/new": "begin a new conversation",
    "/quit": "leave, as Ctrl-D does",
}
NAMES = [about.partition(" ")[0] for about in ABOUT]
KEYS = 'For a new line: end the line with \\, press Alt-Enter, or put """ before and after all lines.'


class Commands:
    """The commands of a chat."""

    def __init__(self, ctx: Context, chat: Chat) -> None:
        self._ctx, self._chat = ctx, chat
        self._saved: set[Path] = set()
        self._by_name: dict[str, Callable[[str], str | None]] = {
            "/help": self._help,
            "/model": self._model,
            "/system": self._system,
            "/edit": self._edit,
            "/cost": self._cost,
            "/save": self._save,
            "/new": self._new,
        }

    def run(self, line: str) -> str | None:
        """
        Carry out a command; return the prompt to send, if there is one now.

        Raises `LlmoError` if that is not possible, and `EOFError` to leave.
        """
        name, _, rest = line.strip().partition(" ")
        if name in ("/quit", "/exit"):
            raise EOFError
        if name not in self._by_name:
            hint = f"to send it as a prompt, begin with a space; {suggestion(name, NAMES, 'commands')}"
            raise UsageError(f"unknown command: {name}", hint=hint)
        return self._by_name[name](rest.strip())

    def _help(self, _: str) -> None:
        for usage, about in ABOUT.items():
            self._ctx.err(f"  {usage:<18}{about}")
        self._ctx.err(KEYS)

    def _model(self, rest: str) -> None:
        chat = self._chat
        chosen = replace(chat.selection, model=rest.split()) if rest else chat.selection
        plan = chat.planned(chosen)
        chat.selection = chosen
        self._ctx.err("model: " + ", ".join(str(one.target) for one in plan.ranked))

    def _system(self, rest: str) -> None:
        chat = self._chat
        if rest:
            chat.system = rest
            return
        said = next((turn.text for turn in chat.talk.turns if turn.role == "system"), None)
        self._ctx.err(f"system: {chat.system or said or 'none'}")

    def _edit(self, rest: str) -> str:
        from llmo.cli.editor import edited

        text = edited(self._ctx, rest)
        if not text.strip():
            raise UsageError("nothing to send: the prompt is empty")
        self._ctx.err(text)
        return text

    def _cost(self, _: str) -> None:
        self._ctx.err(f"this chat: {cost(self._chat)} for {counted(self._chat.answers, 'answers')}")
        for status in self._chat.session.statuses():
            if status.limit_usd is not None:
                self._ctx.err(f"{status.name}: {dollars(status.spent)} of {dollars(status.limit_usd)}")

    def _save(self, rest: str) -> None:
        from llmo.cli import output_files
        from llmo.storage.files import replaced

        if not rest:
            raise UsageError("/save requires a file", hint="for example: /save rivers.md")
        if not self._chat.turns:
            raise UsageError("nothing to save: there is no answer yet")
        path = expanded(rest)
        output_files.writable("/save", str(path))
        if path.exists() and path.resolve() not in self._saved:
            raise UsageError(f"/save: the file exists: {path}", hint="name a new one")
        with replaced(path) as file:
            file.write(shown.markdown(self._chat.talk.name or "(not saved)", self._chat.turns).encode())
        self._saved.add(path.resolve())
        self._ctx.err(f"wrote {counted(len(self._chat.turns), 'turns')} to {path}")

    def _new(self, _: str) -> None:
        self._chat.restart()
        self._ctx.err("started a new conversation")


def cost(chat: Chat) -> str:
    """What a chat cost: at least, if that is not known of every answer."""
    if not chat.unpriced:
        return dollars(chat.spent)
    return f"≥ {dollars(chat.spent, down=True)} ({counted(chat.unpriced, 'answers')} of unknown cost)"
