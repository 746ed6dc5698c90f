"""What the man pages say beyond the options, facts that no signature holds: `*word*` is bold, `_word_` italic."""

from __future__ import annotations

DATE = "2026-11-29"

DESCRIPTION = """\
llmo sends prompts to language models. *llmo ask* sends one prompt, *llmo batch* one for each row of a file. All of
them go through one router with fallbacks and hard budgets.

A profile is a TOML file with your models, keys, limits and budgets; see *llmo-profile*(1). Two profiles are built in.
_default_ finds the keys in the environment, a running Ollama and a LiteLLM proxy. _offline_ needs no network and no
key: its answers are deterministic, for trying things out and for tests.
"""

STREAMS = """\
Standard output carries only the result: the answer, the JSON or the table. Progress, the cost line, warnings and
errors go to standard error. A pipe gets the exact bytes of the answer. A terminal shows control characters and
zero-width text as visible marks, and JSON escapes them. In CSV, a value that a spreadsheet would run as a formula is
prefixed with an apostrophe.

An error is one line, *llmo: what: why*. A second line, *hint:*, names the next step where there is one. With *--json*
the object is also printed on failure, and it agrees with the exit status.
"""

EXIT = (
    (0, "success"),
    (1, "the request failed permanently: a bad request, a refusal, or no candidate can answer"),
    (2, "usage error: unknown option, empty prompt or missing file"),
    (3, "budget: the request was refused before sending, or a run stopped because its budget is used up"),
    (4, "profile, configuration or credentials"),
    (5, "temporary: rate limited, overloaded, unreachable or timed out; try the same command later"),
    (6, "the answer is incomplete: cut off, paused, ended in a tool call, or hit the token limit with *--strict*"),
    (7, "*llmo batch* finished, but some rows failed"),
    (130, "interrupted by SIGINT; what was received is kept and recorded"),
    (143, "ended by SIGTERM; what was received is kept and recorded"),
    (129, "ended by SIGHUP (the terminal was closed), likewise; use *nohup* to keep it running"),
)

ENVIRONMENT = (
    ("LLMO_PROFILE", "profile to use without *-P*"),
    ("LLMO_CONFIG_DIR, LLMO_DATA_DIR, LLMO_CACHE_DIR", "directories of the profiles, the ledger and the caches"),
    ("LLMO_TIMEOUT, LLMO_PROVIDERS__OPENAI__BASE_URL, …", "any setting of the profile; two underscores replace a dot"),
    ("OPENAI_API_KEY, ANTHROPIC_API_KEY, OPENROUTER_API_KEY", "API keys, with the names that the vendors' tools use"),
    ("OPENAI_BASE_URL, ANTHROPIC_BASE_URL, OLLAMA_HOST, LITELLM_PROXY_URL", "addresses of the providers"),
    ("NO_COLOR", "disable color, whatever its value"),
)

COMMANDS = {
    "ask": """\
The prompt and standard input are joined by a blank line, prompt first. Standard input is read only if it is a pipe or
a file, or with *-*. Use *-n* in loops that read from standard input themselves. An empty prompt exits with 2, and
nothing is sent.

*--edit* opens *$VISUAL* or *$EDITOR* with the prompt. What was saved is sent; an empty text, or an editor that fails,
sends nothing.

*-c* says on standard error which conversation it continues. *llmo-history*(1) lists them.

*llmo ask* does not run tools. When the model calls a tool that *-o tools=...* declared, *--json* and *--ndjson* print
the call as *tool_calls*. Without these options *ask* names the tool and exits with 6.

On a terminal, words appear as they come. A finished paragraph, list, table or block of code is then printed once in its
final form, and nothing above it changes. Code starts in the first column and is not wrapped, so that you can copy it. A
block that is taller than the window, or that is open while you resize it, may stay as Markdown source. Until the first
word, a line on standard error shows the model and the elapsed time; *-q* hides it. Keys that you press meanwhile reach
the shell afterwards. *--raw* prints the text as it comes, and so does a terminal that cannot move its cursor
(*TERM=dumb*). A pipe gets the exact bytes, piece by piece.

A request under a dollar limit needs an output limit. Without *--max-tokens* llmo uses the limit of the model, or what
the remaining budget allows, but at least 1,024 tokens. If other llmo processes hold the money, *ask* waits for it, up
to *--timeout*.
""",
    "batch": """\
Each row gets one line in the output, written before the row counts as done. Run the same command again to resume:
rows that are done are not sent again, rows that changed are. *--max-cost* and the budgets of the profile cover all
rows, retries and fallbacks, and all other llmo processes that run at the same time.

Rows are read as they are needed. The first ones (1,000, or what can be read in 0.3 seconds) are checked before anything
is sent: an error in them is exit status 2. A later row that cannot be read or sent, has no id or repeats one, gets a
line of status *error*, and the run continues. A row's id is *--id-field*, else *custom_id* or *id* if all of the first
rows have it, else a hash of the row and a number for rows that are equal. An output keeps the kind of id that it was
begun with. Until all is read, the number of rows is an estimate from the size of the input; of a pipe it is not known.

*--check*, *--sample* and *--confirm-over* read all rows first, and then once more; a pipe is copied to a temporary file
for that, so it must end. *--limit* N reads no more than N rows. *--sample* N picks the same rows each time.
*--confirm-over* asks on the terminal; without one the run is refused with exit status 2 if it may cost more, unless
*-y* is given.

*--run* NAME names the run in the ledger. Runs of the same name share the cap of *--max-cost*: what an earlier one spent
counts. Without *--run*, a resumed run keeps the name that it was begun with.

On standard output, a table (*--output-format csv*) has the columns of the first rows; a file has those of all rows.
Answers that identical rows may need later are kept in an unnamed temporary file, unless *--no-dedupe* is given.

Identical requests are sent once, and each of their rows gets its line with a cost of 0. With *--cache*, answers of
earlier runs and of *llmo ask --cache* are used as well; they take nothing from a cap. Only complete answers are kept.
*--dry-run* and *--confirm-over* count such rows as if they were sent.

A terminal shows a progress bar, anything else a line every 30 seconds or 5 %. The summary names each kind of failure
with an example and the command that retries it.
""",
    "route": """\
Prints the plan of *llmo ask* with the same options: the task, the candidates in order with the reason for each, the
expected and the worst-case cost, and the budgets. A candidate that *ask* would refuse now has no rank, and the plan
names the budget that refuses it. Nothing is sent.
""",
    "chat": """\
Each prompt is sent with all of the conversation before it. Standard input that is not a terminal is read line by line,
and the chat ends at the first failure, with its exit status.

A line that ends in a backslash goes on in the next one. Three double quotes begin a prompt of several lines, which
three more end. On a terminal Alt-Enter begins a new line, pasted lines stay together, and the arrow keys recall the
prompts of all saved conversations. Ctrl-C stops the answer and keeps what was received; at the prompt it discards
the line. Ctrl-D leaves.

A line that begins with a slash is a command: */model* _MODEL_ changes the model, */system* _TEXT_ the system prompt,
*/edit* opens *$EDITOR*, */cost* shows what the chat cost, */save* _FILE_ writes it as Markdown, */new* begins another
conversation, */help* lists them all. Begin a prompt with a space to send a slash as it is.

*--max-cost* is one cap for the whole chat. A conversation that was private once stays private.
""",
    "history": """\
Prompts and answers are saved for *retention_days* (90), unless *store_texts* is off or *--no-log* is given. Their
costs are in the ledger, which keeps no texts.

*llmo history* alone lists conversations, and *llmo history* _QUERY_ those in which all words of _QUERY_ occur. A word
matches the beginning of words, whatever its capitals and accents. Double quotes within the query keep words together.
To search for the name of a subcommand, write *llmo history list show*.

An id may be shortened to any part of its beginning or end that means one conversation, of four characters or more. A
terminal shows the last eight characters, a pipe whole ids. *llmo ask --conversation* accepts the same.

*delete* overwrites the texts in the file of the history, and deletes cached answers with the same text. It asks first;
without a terminal it needs *--yes*. A cost that is not known of every answer reads *≥ $1.20*.
""",
    "cost": """\
The ledger records every attempt, what it cost, and how that is known. A total that includes calls of unknown price
reads *≥ $1.20 (2 calls unpriced)*.

A provider may still bill for an answer that was cut off. That amount is *in doubt*: it counts against budgets, but
not as spent. *--reconcile* settles it, and the reservations of crashed processes. It asks OpenRouter for its record
and books everything else as spent. *--billed received* books only what was received.

*--by* groups by day, week, month, provider, model, task, run, outcome or *tag:KEY*.

*--export* writes every call in the period as a JSON line, and *--import* adds such lines to this ledger. Calls that
are already there are not counted twice. A call that was in flight during the export is completed by a later one.
""",
    "models": """\
Lists models from the profile, the built-in price table and the last *--refresh*. Only *--refresh* uses the network.

The price table combines two price lists. Where they disagree about a model, the higher rate counts, and the last
column (*sources_disagree* in JSON) shows both. An entry *[[prices]]* in the profile overrides them.
*--refresh-prices* installs a newer price table from a file. It requires a checksum, because the sources of prices are
not signed.
""",
    "completion": """\
*install* puts the script of a shell into a directory of yours and says what is left to do. It edits no startup file.
Run it again after an upgrade, or with *--uninstall* to remove the script. bash loads it through the package
bash-completion, fish by itself. zsh and PowerShell need a line in _.zshrc_ or _$PROFILE_, which *install* prints.

Tab starts no Python. It reads lists of names in the cache directory: models (those of ready providers first, with
price and context where the shell shows them), aliases, profiles, tasks, providers, keys, runs, tags and conversations.
The first Tab writes the lists, and then every llmo command updates them when the profile or the known models have
changed. A profile that is newer than its list makes the next Tab ask llmo. Names with line breaks, control characters
or invisible characters are not offered.
""",
    "profile": """\
A profile in the working directory is never used automatically; name it with *-P*.
""",
}

SECTIONS = {
    "batch": {
        "INPUT FORMATS": """\
*.jsonl*, *.ndjson*
A row is an object, or a string (field _text_). Blank lines are skipped.

*.csv*
A row is a record, under the names of the header. The delimiter is a comma, semicolon, tab or bar: the one that splits
the rows as it splits the header. A first line *sep=;* sets it.

*.tsv*
As CSV, with tabs.

*.parquet*
A row is a record (extra *parquet*). Dates and decimals become text, maps become objects.

*.txt*, and standard input that is not JSON lines
A row is a line that is not blank, field _text_.

*--files*
A row is a file, with the fields _path_, _name_ and _text_. PNG, JPEG, GIF and WebP are sent as images. PDF is refused.
In directories, hidden files, pipes and sockets are skipped.

OpenAI batch lines
Recognized by the keys *custom_id*, *method*, *url* and *body*. The body is sent unchanged.

*.gz*, *.zst*
Any of these except Parquet, compressed. The first bytes tell, also on standard input. zstd needs the extra *zstd*
before Python 3.14.

_PROTOCOL_*://...*
Any of these by URL (extra *remote*). User, password and query of the URL are never printed.
""",
        "BROKEN ROWS": """\
In the first rows
The run ends with 2 before anything is sent. A row is broken if it is no JSON, has more or fewer fields than the header,
is not UTF-8, has NUL bytes, or is longer than 64 MB.

Later
It becomes a row with the status _error_ and its line, and the run continues.

A damaged compressed file
The rows before the damage are sent. One row with the status _error_ names the last good line.
""",
        "OUTPUT FORMATS": """\
*jsonl*
One object per row, written when the row is finished.

*csv*, *parquet*
A table, written when the run ends. *--keep* adds columns.

*openai-batch*
The lines of OpenAI's batch output and of *vllm run-batch*. An answer has a _response_, a row without one an _error_. An
answer that does not match the schema has both.
""",
        "SCHEMAS": """\
Free repair
JSON in a code fence, between words, after thoughts or with trailing commas is read without another request; _repaired_
is *local*. Text with several JSON values, or with one that is cut off, is never guessed at.

*--repair* _N_
An answer that does not match is sent back, at most _N_ times (default 1; 0 for never). Each is a paid request under the
same budgets. _repaired_ is *model* when one succeeds.

*--reparse* _OUT_
The answers in _OUT_ are validated again without a request. Their text never changes.
""",
    },
}
"""More sections of a page, by command and heading: a term in one line, and what is to be said of it."""

EXAMPLES = {
    "": (("use it in a pipeline", 'git diff | llmo ask "Write a commit message." | tee message.txt'),),
    "ask": (
        ("use only local models", 'llmo ask --private -f notes.txt "Summarize."'),
        (
            "compare two models",
            'llmo ask --compare -m openai/gpt-6 -m ollama/llama3.1 "Why is the sky blue?"',
        ),
    ),
    "cost": (
        ("settle amounts in doubt and show the budgets", "llmo cost --reconcile --budgets"),
        ("write a report with charts", "llmo cost --since 2026-11-01 --plot --html november.html"),
        ("import the ledger of a CI job", "llmo cost --import calls.jsonl"),
    ),
}
"""More examples than the two of the help, by command."""
