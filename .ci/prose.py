"""What the man pages say beyond the options, facts that no signature holds: `*word*` is bold, `_word_` italic."""

from __future__ import annotations

DATE = "2026-11-22"

DESCRIPTION = """\
llmo sends prompts to language models, one at a time (*llmo ask*) or one for each row of a file (*llmo batch*), through
one router with fallbacks and hard budgets.

Which models, keys, limits and budgets there are stands in a profile, a TOML file; see *llmo-profile*(1). Two profiles
are built in: _default_ finds the keys in the environment, a running Ollama and a LiteLLM proxy; _offline_ answers
without a network or a key, deterministically, for trying out and for tests.
"""

STREAMS = """\
Standard output carries the result and nothing else: the answer, the JSON, the table. Progress, the cost line, warnings
and errors go to standard error. A pipe gets the exact bytes of the answer; on a terminal control characters and
text without a width are shown, never obeyed or hidden, and JSON has them escaped. In CSV a text that a spreadsheet
would run as a formula has an apostrophe before it.

An error is one line, *llmo: what: why*, and where there is one a line *hint: what to do*. With *--json* the object
is printed also on failure, and agrees with the exit status.
"""

EXIT = (
    (0, "done"),
    (1, "the request failed for good: a bad request, a refusal, every candidate failed for reasons that stay"),
    (2, "wrong usage: unknown flag, empty prompt, missing file"),
    (3, "budget: refused before sending, or a run stopped because its budget is used up"),
    (4, "profile, configuration or credentials"),
    (5, "temporary: rate limited, overloaded, unreachable or timed out; the same command may work later"),
    (6, "the answer is incomplete: it was cut, paused or called a tool, or met the token limit with *--strict*"),
    (7, "*llmo batch* finished, and some rows failed"),
    (130, "interrupted by SIGINT; what was received is kept and booked"),
    (143, "ended by SIGTERM, likewise"),
    (129, "ended by SIGHUP: the terminal was closed, likewise; *nohup* keeps it running"),
)

ENVIRONMENT = (
    ("LLMO_PROFILE", "the profile to use when *-P* is not given"),
    ("LLMO_CONFIG_DIR, LLMO_DATA_DIR, LLMO_CACHE_DIR", "where profiles, the ledger and caches are kept"),
    ("LLMO_TIMEOUT, LLMO_PROVIDERS__OPENAI__BASE_URL, …", "any setting of the profile, two underscores for a dot"),
    ("OPENAI_API_KEY, ANTHROPIC_API_KEY, OPENROUTER_API_KEY", "keys of the vendors, as their own tools read them"),
    ("OPENAI_BASE_URL, ANTHROPIC_BASE_URL, OLLAMA_HOST, LITELLM_PROXY_URL", "addresses"),
    ("NO_COLOR", "no colour, whatever its value"),
)

COMMANDS = {
    "ask": """\
The prompt and standard input are joined by a blank line, prompt first. Standard input is read only when it is a pipe
or a file, or with *-*; *-n* turns it off, for loops that read from it themselves. Nothing to send is exit status 2,
and nothing is paid.

When the model calls a tool that *-o tools=...* described, *--json* and *--ndjson* give the call as *tool_calls*; *ask*
runs no tools, and without these options it says so with exit status 6.

Under a dollar limit an answer needs an output limit. Without *--max-tokens* it is the model's own, or what the money
left buys, at least 1,024 tokens. Money that other llmo processes hold is waited for, at most *--timeout*.
""",
    "batch": """\
Each row gets one line of the output, written before the row counts as done. The same command again resumes: what is
done is not sent and not paid again, rows that changed are. *--max-cost* and the budgets of the profile hold over
all rows, retries and fallbacks, and over all other llmo processes at the same time.
""",
    "route": """\
Prints the plan of *llmo ask* with the same options: the task, the candidates in order with the reason for each, the
cost expected and in the worst case, the budgets. A candidate that *ask* would refuse now has no rank, and the budget
that refuses it is named. Sends nothing.
""",
    "cost": """\
Every attempt is in the ledger with what it cost and how that is known. A total with calls of unknown price reads
*≥ $1.20 (2 calls unpriced)*.

What may still be billed for an answer that broke off is *in doubt*: it counts against budgets and is no part of what is
spent. *--reconcile* settles it, and what crashed processes held: OpenRouter is asked for its record, the rest is booked
as spent. *--billed received* books only what was received.

*--export* writes every call of the span as a line of JSON, *--import* takes such lines into this ledger; a call that is
there already is not counted again, and one that was in flight when it was exported gets its end from a later export.
""",
    "models": """\
Reads the profile, the shipped price table and what *--refresh* found last; only *--refresh* uses the network.
The table is made of two price lists. Where they disagree about a model, the dearer rate counts, and the last column
(*sources_disagree* in JSON) shows what each of them says; a *[[prices]]* entry of the profile decides.
*--refresh-prices* takes a newer price table from a file, by its checksum: no source of prices is signed, so none is
fetched.
""",
    "profile": """\
A profile is never picked up from the working directory by itself; name it with *-P*.
""",
}

EXAMPLES = {
    "": (
        ("Ask, without a key:", 'llmo -P offline ask "Name three rivers."'),
        ("Pipe in, pipe out:", 'git diff | llmo ask "Write a commit message." | tee message.txt'),
        ("What did this month cost?", "llmo cost --since 2026-11-01 --by model"),
    ),
    "ask": (
        ("Only local models:", 'llmo ask --private -f notes.txt "Summarise."'),
        (
            "Which is better, faster, cheaper?",
            'llmo ask --compare -m openai/gpt-6 -m ollama/llama3.1 "Why is the sky blue?"',
        ),
        ("An answer for a program:", 'llmo ask --json --schema person.json "Ada Lovelace, born 1815" | jq .data'),
    ),
    "batch": (
        ("Classify a table:", "llmo batch in.csv --template prompt.txt --schema s.json -o out.jsonl"),
        (
            "Summarise files, for two dollars at most:",
            "llmo batch --files 'docs/*.md' --prompt 'Summarise {{ text }}' \\\n  --max-cost 2 -o out.jsonl",
        ),
    ),
    "route": (("Why this model?", 'llmo route "Prove that there are infinitely many primes."'),),
    "cost": (
        ("Settle what is in doubt, and show the budgets:", "llmo cost --reconcile --budgets"),
        ("Fail when a day costs more than it may:", "llmo cost --check --max 2.50 --since 1d"),
        ("This month, day by day and model by model:", "llmo cost --since 2026-11-01 --plot --html november.html"),
        ("Bring the ledger of a CI job home:", "llmo cost --import calls.jsonl"),
    ),
    "models": (("Cheap models that see:", "llmo models --supports vision --max-price 1 --sort price"),),
    "profile": (("Begin with what is there:", "llmo profile init --yes"),),
}
