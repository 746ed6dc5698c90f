"""
What `--help` prints: the options in groups, and examples at the end.

An option names its group with `rich_help_panel`; rich itself is not used. Loaded only when help is printed, and by the
generator of the man pages.
"""

from __future__ import annotations

import shutil
import textwrap
from typing import Any

GROUPS = (
    "Arguments",
    "Options",
    "Model",
    "Input",
    "Conversation",
    "Filter",
    "Output",
    "Budget",
    "Parameters",
    "Request",
    "Run",
    "Deferred",
    "Resume",
    "Ledger",
    "Update",
    "Global",
)
"""The sections in the order of the help; `Options` has what belongs to no group."""

EXAMPLES = {
    "": (
        ("ask a question, without a key", 'llmo -P offline ask "Name three rivers."'),
        ("show what this month cost", "llmo cost --since 2026-11-01 --by model"),
    ),
    "ask": (
        ("write a commit message from a diff", 'git diff | llmo ask "Write a commit message."'),
        ("get JSON for a program", 'llmo ask --json --schema person.json "Ada Lovelace, 1815" | jq .data'),
    ),
    "chat": (
        ("talk with a model of the profile", "llmo chat -m ollama/llama3.1"),
        ("continue the last conversation, for a dollar at most", "llmo chat -c --max-cost 1"),
    ),
    "batch": (
        ("classify the rows of a table", "llmo batch in.csv --template prompt.txt --schema s.json -o out.jsonl"),
        (
            "summarize files, for two dollars at most",
            "llmo batch --files 'docs/*.md' --prompt 'Summarize {{ text }}' --max-cost 2",
        ),
    ),
    "runs": (
        ("list the last runs", "llmo runs"),
        ("get the answers of a deferred run", "llmo runs fetch 01KB8Q -o out.jsonl"),
    ),
    "runs list": (
        ("list all runs", "llmo runs list --limit 0"),
        ("list the runs that are not done", "llmo runs list --json | jq '.[] | select(.state != \"done\")'"),
    ),
    "runs show": (
        ("show a run and its batches", "llmo runs show 01KB8Q"),
        ("get what it cost until now", "llmo runs show 01KB8Q --json | jq -r .cost_usd"),
    ),
    "runs fetch": (
        ("get the answers of a deferred run", "llmo runs fetch 01KB8Q"),
        ("write them as a table", "llmo runs fetch 01KB8Q -o out.csv"),
    ),
    "runs cancel": (
        ("cancel the batches of a run", "llmo runs cancel 01KB8Q"),
        ("cancel a run by its name", "llmo runs cancel nightly"),
    ),
    "runs resume": (
        ("continue a run", "llmo runs resume 01KB8Q"),
        ("continue a run by its name", "llmo runs resume nightly"),
    ),
    "route": (
        ("see which model would answer", 'llmo route "Prove that there are infinitely many primes."'),
        ("plan many prompts", "llmo route --rows prompts.jsonl --json >plans.jsonl"),
    ),
    "history": (
        ("list the last conversations", "llmo history"),
        ("find one by its words", "llmo history rivers"),
    ),
    "history list": (
        ("find conversations about rivers of Europe", "llmo history list rivers europe"),
        ("list the turns of one", "llmo history list --conversation 8Q2ZK4TA"),
    ),
    "history show": (
        ("show the last conversation", "llmo history show"),
        ("show one as JSON", "llmo history show 8Q2ZK4TA --json"),
    ),
    "history rate": (
        ("say that the last answer of a conversation was bad", "llmo history rate 8Q2ZK4TA bad"),
        ("say that an answer was good", "llmo history rate 01KB8Q2ZK4TA good"),
    ),
    "history export": (
        ("save one as Markdown", "llmo history export 8Q2ZK4TA -o rivers.md"),
        ("save all as JSON lines", "llmo history export --all --format json -o history.jsonl"),
    ),
    "history delete": (
        ("delete one", "llmo history delete 8Q2ZK4TA"),
        ("delete all without a question", "llmo history delete --all --yes"),
    ),
    "templates": (
        ("list the templates", "llmo templates"),
        ("write one, and use it", "llmo templates edit review && git diff | llmo ask --template review"),
    ),
    "templates list": (
        ("list the templates", "llmo templates list"),
        ("get their names in a script", "llmo templates list --json | jq -r '.[].name'"),
    ),
    "templates show": (
        ("print a template", "llmo templates show review"),
        ("copy it into a project", "llmo templates show review >review.md"),
    ),
    "templates edit": (
        ("begin or change a template", "llmo templates edit review"),
        ("use another editor this time", "VISUAL=nano llmo templates edit review"),
    ),
    "templates path": (
        ("print the folder", "llmo templates path"),
        ("delete a template", 'rm "$(llmo templates path review)"'),
    ),
    "cost": (
        ("show the last week by day and model", "llmo cost --since 7d --by day --by model"),
        ("fail when a day costs too much", "llmo cost --check --max 2.50 --since 1d"),
    ),
    "models": (
        ("find cheap models with vision", "llmo models --supports vision --max-price 1 --sort price"),
        ("fetch the models of a local Ollama", "llmo models --refresh --provider ollama"),
    ),
    "profile": (
        ("create a profile from what is found", "llmo profile init --yes"),
        ("check it, and whether providers respond", "llmo profile check --probe"),
    ),
    "profile init": (
        ("answer a few questions", "llmo profile init"),
        ("create a second profile without questions", "llmo profile init --yes --name work"),
    ),
    "profile show": (
        ("show where each value comes from", "llmo profile show"),
        ("show another profile as JSON", "llmo profile show -P work --json"),
    ),
    "profile check": (
        ("check the active profile and its providers", "llmo profile check --probe"),
        ("check a file", "llmo profile check -P ./ci.toml"),
    ),
    "profile path": (
        ("show which file is read", "llmo profile path"),
        ("edit it", '$EDITOR "$(llmo profile path)"'),
    ),
    "profile list": (
        ("list all profiles", "llmo profile list"),
        ("get their names in a script", "llmo profile list --json | jq -r '.[].name'"),
    ),
    "profile set": (
        ("set a rate limit", "llmo profile set providers.openai.rpm 500"),
        ("set a list", "llmo profile set tasks.simple.primary '[\"ollama/llama3.1\"]'"),
    ),
    "completion": (
        ("set up bash, zsh, fish or PowerShell", "llmo completion install zsh"),
        ("remove it again", "llmo completion install zsh --uninstall"),
    ),
    "completion show": (
        ("try it in this shell", 'eval "$(llmo completion show bash)"'),
        ("put it elsewhere", "llmo completion show fish >llmo.fish"),
    ),
    "completion install": (
        ("set up bash", "llmo completion install bash"),
        ("remove what it wrote", "llmo completion install bash --uninstall"),
    ),
    "completion words": (
        ("list the models that are ready", "llmo completion words ready"),
        ("choose one with fzf", 'llmo ask -m "$(llmo completion words ready | fzf | cut -f1)" "Hi."'),
    ),
    "profile schema": (
        ("print the schema", "llmo profile schema"),
        ("save it for an editor", "llmo profile schema >llmo.schema.json"),
    ),
}
"""Two for each command, by its path: what it does, and the command."""

FIRST, NARROW = 26, 6
"""Columns of the names; a longer one has a line of its own, on a narrow terminal nearly all."""
SMALL, LEAST, MOST = 60, 30, 100
"""Columns of a terminal: below the first it is narrow; help is never narrower or wider than the others."""


def width() -> int:
    """The columns that help is written in."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, LEAST), MOST)


def options(command: Any, ctx: Any, formatter: Any) -> None:
    """Write the arguments, then the options group by group, all texts in one column."""
    first = FIRST if formatter.width >= SMALL else NARROW
    sections: dict[str, list[tuple[str, str]]] = {group: [] for group in GROUPS}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            # Typer adds the type to an argument's name, and has its own words for --help.
            name = record[0].partition(" <")[0] if param.param_type_name == "argument" else record[0]
            text = "show this help and exit" if param.name == "help" else record[1]
            sections[group(param)].append((_folded(name, formatter.width).ljust(first), text))
    for title, records in sections.items():
        if records:
            with formatter.section(title):
                formatter.write_dl(records, col_max=first)


def _folded(name: str, columns: int) -> str:
    """A name whose choices do not fit, on several lines."""
    if len(name) + 2 <= columns:
        return name
    return "\n    ".join(line.replace("| ", "|") for line in textwrap.wrap(name.replace("|", "| "), columns - 4))


def group(param: Any) -> str:
    """The section of a parameter."""
    if param.param_type_name == "argument":
        return "Arguments"
    if param.name == "help":
        return "Global"
    return str(param.rich_help_panel or "Options")


def examples(ctx: Any, formatter: Any) -> None:
    """Write the examples of a command, each under a comment."""
    with formatter.section("Examples"):
        for about, line in EXAMPLES[ctx.command_path.partition(" ")[2]]:
            formatter.write(f"  # {about}\n  {line}\n")
