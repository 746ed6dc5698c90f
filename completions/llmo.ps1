# Completion of llmo for PowerShell. Written by .ci/generate.py from the program: do not edit.

$global:__llmo_table = @{
    '' = @{
        Commands = [ordered]@{
            'ask' = 'Send one prompt and stream the answer'
            'chat' = 'Talk with a model, prompt by prompt'
            'batch' = 'Run a prompt over many rows or files, and resume where it stopped'
            'runs' = 'List, show, fetch, cancel and resume batch runs'
            'route' = 'Show which model would answer and why, without sending anything'
            'history' = 'List, search, show, rate, export and delete saved conversations'
            'templates' = 'List, show and edit prompt templates'
            'cost' = 'Show spending and budgets'
            'models' = 'List models with prices, context and readiness'
            'profile' = 'Create, show, check and change profiles'
            'completion' = 'Set up Tab completion in your shell'
            'help' = 'show the help of a command'
        }
        Options = @(
            , @('-V', 'show the version and exit', '')
            , @('--version', 'show the version and exit', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'ask' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-m', 'provider/model, alias or auto; repeat for a fallback chain', 'auto|profile|aliases,ready,models')
            , @('--model', 'provider/model, alias or auto; repeat for a fallback chain', 'auto|profile|aliases,ready,models')
            , @('-t', 'simple, complex, general, auto or a task of the profile', '|profile|tasks')
            , @('--task', 'simple, complex, general, auto or a task of the profile', '|profile|tasks')
            , @('--strategy', 'how candidates are ordered', 'profile,cheapest,fastest,balanced||')
            , @('--private', 'use only models on this machine', '')
            , @('--allow-private-to', 'allow private data to go to this provider (repeatable)', '|profile|providers')
            , @('--no-fallback', 'try only the first candidate', '')
            , @('--max-cost', 'hard cap in dollars for this command', '||')
            , @('--fit', 'lower the output limit to what the budget allows', '')
            , @('--max-tokens', 'maximum number of output tokens', '||')
            , @('--temperature', 'sampling temperature', '||')
            , @('--seed', 'sampling seed', '||')
            , @('--stop', 'stop sequence (repeatable)', '||')
            , @('--timeout', 'time limit per call, retries included (30, 90s, 2m)', '||')
            , @('--retries', 'retries per candidate after the first attempt', '||')
            , @('--tag', 'label stored with every call (repeatable)', '|shared|tags')
            , @('--lenient', 'drop parameters that a model does not support, and warn', '')
            , @('--allow-unpriced', 'allow models without a known price under a budget', '')
            , @('-s', 'system prompt; @FILE reads it from a file', '||')
            , @('--system', 'system prompt; @FILE reads it from a file', '||')
            , @('-f', 'text or image to send with the prompt (repeatable)', '||')
            , @('--file', 'text or image to send with the prompt (repeatable)', '||')
            , @('--template', 'prompt template, by name (llmo templates) or path', '|shared|templates')
            , @('-D', 'value of a template field (repeatable)', '||')
            , @('--define', 'value of a template field (repeatable)', '||')
            , @('--schema', 'JSON Schema that the answer must match', '||')
            , @('-o', 'parameter passed to the provider unchanged (repeatable)', '||')
            , @('--option', 'parameter passed to the provider unchanged (repeatable)', '||')
            , @('-n', 'do not read standard input', '')
            , @('--no-stdin', 'do not read standard input', '')
            , @('-c', 'continue the last conversation', '')
            , @('--continue', 'continue the last conversation', '')
            , @('--conversation', 'continue this conversation', '|shared|conversations')
            , @('--no-log', 'do not save the prompt and the answer', '')
            , @('--edit', 'write the prompt in $EDITOR', '')
            , @('--cache', 'reuse an answer to the same request, up to this age (7d)', '||')
            , @('--compare', 'send the prompt to every -m and compare the answers', '')
            , @('--dry-run', 'show the plan without sending anything', '')
            , @('--stream', 'print the answer as it arrives (default) or all at once', '')
            , @('--no-stream', 'print the answer as it arrives (default) or all at once', '')
            , @('--markdown', 'render Markdown (default on a terminal) or print raw text', '')
            , @('--raw', 'render Markdown (default on a terminal) or print raw text', '')
            , @('--json', 'print one JSON object, also on failure', '')
            , @('--ndjson', 'print events as JSON lines', '')
            , @('--strict', 'exit with 6 if the token limit cut off the answer', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('||')
        Repeats = $true
    }
    'chat' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-m', 'provider/model, alias or auto; repeat for a fallback chain', 'auto|profile|aliases,ready,models')
            , @('--model', 'provider/model, alias or auto; repeat for a fallback chain', 'auto|profile|aliases,ready,models')
            , @('-t', 'simple, complex, general, auto or a task of the profile', '|profile|tasks')
            , @('--task', 'simple, complex, general, auto or a task of the profile', '|profile|tasks')
            , @('--strategy', 'how candidates are ordered', 'profile,cheapest,fastest,balanced||')
            , @('--private', 'use only models on this machine', '')
            , @('--allow-private-to', 'allow private data to go to this provider (repeatable)', '|profile|providers')
            , @('--no-fallback', 'try only the first candidate', '')
            , @('--max-cost', 'hard cap in dollars for this command', '||')
            , @('--fit', 'lower the output limit to what the budget allows', '')
            , @('--max-tokens', 'maximum number of output tokens', '||')
            , @('--temperature', 'sampling temperature', '||')
            , @('--seed', 'sampling seed', '||')
            , @('--stop', 'stop sequence (repeatable)', '||')
            , @('--timeout', 'time limit per call, retries included (30, 90s, 2m)', '||')
            , @('--retries', 'retries per candidate after the first attempt', '||')
            , @('--tag', 'label stored with every call (repeatable)', '|shared|tags')
            , @('--lenient', 'drop parameters that a model does not support, and warn', '')
            , @('--allow-unpriced', 'allow models without a known price under a budget', '')
            , @('-c', 'continue the last conversation', '')
            , @('--continue', 'continue the last conversation', '')
            , @('--conversation', 'continue this conversation', '|shared|conversations')
            , @('--no-log', 'do not save the prompts and answers', '')
            , @('-s', 'system prompt; @FILE reads it from a file', '||')
            , @('--system', 'system prompt; @FILE reads it from a file', '||')
            , @('-o', 'parameter passed to the provider unchanged (repeatable)', '||')
            , @('--option', 'parameter passed to the provider unchanged (repeatable)', '||')
            , @('--markdown', 'render Markdown (default on a terminal) or print raw text', '')
            , @('--raw', 'render Markdown (default on a terminal) or print raw text', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'batch' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-m', 'provider/model, alias or auto; repeat for a fallback chain', 'auto|profile|aliases,ready,models')
            , @('--model', 'provider/model, alias or auto; repeat for a fallback chain', 'auto|profile|aliases,ready,models')
            , @('-t', 'simple, complex, general, auto or a task of the profile', '|profile|tasks')
            , @('--task', 'simple, complex, general, auto or a task of the profile', '|profile|tasks')
            , @('--strategy', 'how candidates are ordered', 'profile,cheapest,fastest,balanced||')
            , @('--private', 'use only models on this machine', '')
            , @('--allow-private-to', 'allow private data to go to this provider (repeatable)', '|profile|providers')
            , @('--no-fallback', 'try only the first candidate', '')
            , @('--max-cost', 'hard cap in dollars for this command', '||')
            , @('--fit', 'lower the output limit to what the budget allows', '')
            , @('--max-tokens', 'maximum number of output tokens', '||')
            , @('--temperature', 'sampling temperature', '||')
            , @('--seed', 'sampling seed', '||')
            , @('--stop', 'stop sequence (repeatable)', '||')
            , @('--timeout', 'time limit per call, retries included (30, 90s, 2m)', '||')
            , @('--retries', 'retries per candidate after the first attempt', '||')
            , @('--tag', 'label stored with every call (repeatable)', '|shared|tags')
            , @('--lenient', 'drop parameters that a model does not support, and warn', '')
            , @('--allow-unpriced', 'allow models without a known price under a budget', '')
            , @('--prompt', 'prompt template, with {{ field }} for fields of the row', '||')
            , @('--template', 'prompt template, by name (llmo templates) or path', '|shared|templates')
            , @('-s', 'system prompt; @FILE reads it from a file', '||')
            , @('--system', 'system prompt; @FILE reads it from a file', '||')
            , @('--files', 'treat each file as one row (paths, globs, directories)', '')
            , @('--input-format', 'format of the inputs (auto: from their names and keys)', 'auto,jsonl,csv,tsv,lines,parquet,openai-batch||')
            , @('--id-field', 'field with the id of a row (default: custom_id or id)', '||')
            , @('--limit', 'process only the first N rows', '||')
            , @('--sample', 'random sample of N rows (reproducible)', '||')
            , @('--schema', 'JSON Schema that each answer must match', '||')
            , @('--repair', 'paid requests to repair one answer (default: 1)', '||')
            , @('--option', 'parameter passed to the provider unchanged (repeatable)', '||')
            , @('-o', 'file to append results to', '||')
            , @('--output', 'file to append results to', '||')
            , @('--output-format', 'format of the output (default: from its name, else jsonl)', 'jsonl,csv,parquet,openai-batch||')
            , @('--errors', 'file for failed rows, usable as an input', '||')
            , @('--keep', 'input field to copy to the output; ''*'': all (repeatable)', '||')
            , @('--ordered', 'write rows in the order of the input', '')
            , @('--progress', 'progress display on standard error', 'auto,bar,log,none||')
            , @('--report', 'write a summary of the run as JSON', '||')
            , @('--json', 'with --dry-run: print one JSON object', '')
            , @('-j', 'rows in flight; auto adapts to rate and latency', '||')
            , @('--concurrency', 'rows in flight; auto adapts to rate and latency', '||')
            , @('--rpm', 'maximum requests per minute', '||')
            , @('--tpm', 'maximum tokens per minute', '||')
            , @('--share', 'fraction of the rate limits to use (0 to 1)', '||')
            , @('--retry-errors', 'retry failed rows; =KIND retries only that error', '')
            , @('--restart', 'discard the existing output and start over', '')
            , @('--at-most-once', 'never resend rows that were in flight during a crash', '')
            , @('--durable', 'sync every row to disk', '')
            , @('--max-failures', 'stop after more than N failed rows, or N%', '||')
            , @('--compare', 'send each row to every -m and compare the answers', '')
            , @('--no-dedupe', 'do not deduplicate identical requests', '')
            , @('--cache', 'reuse answers up to this age (7d)', '||')
            , @('--dry-run', 'show rows, tokens and cost without sending anything', '')
            , @('--check', 'validate all rows before sending any', '')
            , @('-y', 'skip confirmation prompts', '')
            , @('--yes', 'skip confirmation prompts', '')
            , @('--confirm-over', 'ask for confirmation if the run may cost more', '||')
            , @('--run', 'name of the run in llmo cost', '||')
            , @('--reparse', 're-validate the answers in OUT without calling a model', '||')
            , @('--engine', 'where rows are sent from: this process, or a Ray cluster', 'local,ray||')
            , @('--deferred', 'send the rows to the vendor''s half-price batch service', '')
            , @('--wait', 'with --deferred: wait for the answers', '')
            , @('--fallback-after', 'with --wait: then cancel, and send the rest one by one', '||')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('||')
        Repeats = $true
    }
    'runs' = @{
        Commands = [ordered]@{
            'list' = 'List batch runs, latest first, with their state and cost'
            'show' = 'Show a run: its command, files, batches and cost'
            'fetch' = 'Fetch what a deferred run has got until now'
            'cancel' = 'Cancel the batches of a run, or interrupt a run of this machine'
            'resume' = 'Run the command of a run again, which continues it'
        }
        Options = @(
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'runs list' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--limit', 'show at most this many (0: all)', '||')
            , @('--json', 'print a JSON list', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'runs show' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--json', 'print one JSON object', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|shared|runs')
        Repeats = $false
    }
    'runs fetch' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-o', 'file to append results to (default: that of the run)', '||')
            , @('--output', 'file to append results to (default: that of the run)', '||')
            , @('--output-format', 'format of the output (default: from its name)', 'jsonl,csv,parquet,openai-batch||')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|shared|runs')
        Repeats = $false
    }
    'runs cancel' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|shared|runs')
        Repeats = $false
    }
    'runs resume' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|shared|runs')
        Repeats = $false
    }
    'route' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-m', 'provider/model, alias or auto; repeat for a fallback chain', 'auto|profile|aliases,ready,models')
            , @('--model', 'provider/model, alias or auto; repeat for a fallback chain', 'auto|profile|aliases,ready,models')
            , @('-t', 'simple, complex, general, auto or a task of the profile', '|profile|tasks')
            , @('--task', 'simple, complex, general, auto or a task of the profile', '|profile|tasks')
            , @('--strategy', 'how candidates are ordered', 'profile,cheapest,fastest,balanced||')
            , @('--private', 'use only models on this machine', '')
            , @('--allow-private-to', 'allow private data to go to this provider (repeatable)', '|profile|providers')
            , @('--no-fallback', 'try only the first candidate', '')
            , @('--max-cost', 'hard cap in dollars for this command', '||')
            , @('--fit', 'lower the output limit to what the budget allows', '')
            , @('--max-tokens', 'maximum number of output tokens', '||')
            , @('--temperature', 'sampling temperature', '||')
            , @('--seed', 'sampling seed', '||')
            , @('--stop', 'stop sequence (repeatable)', '||')
            , @('--timeout', 'time limit per call, retries included (30, 90s, 2m)', '||')
            , @('--retries', 'retries per candidate after the first attempt', '||')
            , @('--tag', 'label stored with every call (repeatable)', '|shared|tags')
            , @('--lenient', 'drop parameters that a model does not support, and warn', '')
            , @('--allow-unpriced', 'allow models without a known price under a budget', '')
            , @('-s', 'system prompt; @FILE reads it from a file', '||')
            , @('--system', 'system prompt; @FILE reads it from a file', '||')
            , @('-f', 'text or image to send with the prompt (repeatable)', '||')
            , @('--file', 'text or image to send with the prompt (repeatable)', '||')
            , @('--template', 'prompt template, by name (llmo templates) or path', '|shared|templates')
            , @('-D', 'value of a template field (repeatable)', '||')
            , @('--define', 'value of a template field (repeatable)', '||')
            , @('--schema', 'JSON Schema that the answer must match', '||')
            , @('-o', 'parameter passed to the provider unchanged (repeatable)', '||')
            , @('--option', 'parameter passed to the provider unchanged (repeatable)', '||')
            , @('-n', 'do not read standard input', '')
            , @('--no-stdin', 'do not read standard input', '')
            , @('--json', 'print one JSON object', '')
            , @('--probe', 'check whether each provider responds', '')
            , @('--rows', 'plan each prompt of a file (JSONL or lines; - for stdin)', '||')
            , @('--eval', 'score the classifier on labelled prompts (JSONL)', '||')
            , @('--diff', 'show what the profile of -P changes in the plan', '')
            , @('--calibrate', 'fit the thresholds of -t auto to rated answers', '')
            , @('--write', 'with --calibrate, change the profile', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('||')
        Repeats = $true
    }
    'history' = @{
        Commands = [ordered]@{
            'list' = 'List or search conversations, latest first'
            'show' = 'Show a conversation, the last one by default, or one answer with its prompt'
            'export' = 'Write conversations as Markdown or JSON lines'
            'delete' = 'Delete conversations; their costs stay in the ledger'
            'rate' = 'Say whether an answer was good or bad'
        }
        Options = @(
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'history list' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--conversation', 'list the turns of this conversation', '|shared|conversations')
            , @('--limit', 'show at most this many (0: all)', '||')
            , @('--json', 'print a JSON list', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('||')
        Repeats = $true
    }
    'history show' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--json', 'print one JSON object', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|shared|conversations')
        Repeats = $false
    }
    'history export' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--all', 'export all conversations', '')
            , @('--format', 'markdown, or json: one object per line', 'markdown,json||')
            , @('-o', 'write to this file (default: standard output)', '||')
            , @('--output', 'write to this file (default: standard output)', '||')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|shared|conversations')
        Repeats = $true
    }
    'history delete' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--all', 'delete all conversations and cached answers', '')
            , @('-y', 'skip confirmation prompts', '')
            , @('--yes', 'skip confirmation prompts', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|shared|conversations')
        Repeats = $true
    }
    'history rate' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|shared|conversations', 'good,bad||')
        Repeats = $false
    }
    'templates' = @{
        Commands = [ordered]@{
            'list' = 'List the templates of the folder'
            'show' = 'Print a template as it is in its file'
            'edit' = 'Open a template, or a new one, in $VISUAL or $EDITOR, then check it'
            'path' = 'Print the path of the folder, or of one template'
        }
        Options = @(
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'templates list' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--json', 'print a JSON list', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'templates show' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|shared|templates')
        Repeats = $false
    }
    'templates edit' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|shared|templates')
        Repeats = $false
    }
    'templates path' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|shared|templates')
        Repeats = $false
    }
    'cost' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--since', 'start of the period (7d, 24h, 2026-11-01)', '||')
            , @('--until', 'end of the period; a date includes that whole day', '||')
            , @('--run', 'only calls of this run', '|shared|runs')
            , @('--tag', 'only calls with this tag (repeatable)', '|shared|tags')
            , @('--by', 'group by day, model, provider, task, run … (repeatable)', 'day,week,month,provider,model,task,run,outcome,billing|shared|tag-keys')
            , @('--json', 'print one JSON object', '')
            , @('--csv', 'print CSV, safe to open in a spreadsheet', '')
            , @('--plot', 'draw spending over time by model, as bars', '')
            , @('--budgets', 'show the status of each budget', '')
            , @('--as-if', 'cost of the same usage on another model', '|profile|aliases,ready,models')
            , @('--github-summary', 'append Markdown to $GITHUB_STEP_SUMMARY', '')
            , @('--html', 'write an HTML page with charts (-: standard output)', '||')
            , @('--check', 'exit with 3 if a budget is used up', '')
            , @('--max', 'with --check: exit with 3 if more than this was spent', '||')
            , @('--reconcile', 'settle reservations in doubt or of crashed processes first', '')
            , @('--billed', 'with --reconcile: what was billed of amounts in doubt', 'all,received||')
            , @('--prune', 'delete saved texts older than this; costs are kept', '||')
            , @('--export', 'write every call as a JSON line (-: standard output)', '||')
            , @('--import', 'import calls written by --export (safe to repeat)', '||')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'models' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--provider', 'only this provider (repeatable)', '|profile|providers')
            , @('--all', 'also models that were retired', '')
            , @('--local', 'only models on this machine', '')
            , @('--ready', 'only models that are ready to use', '')
            , @('--max-price', 'maximum price in dollars per million output tokens', '||')
            , @('--min-context', 'minimum context window in tokens', '||')
            , @('--supports', 'vision, schema, tools or reasoning (repeatable)', 'vision,schema,tools,reasoning||')
            , @('--sort', 'sort order', 'price,context,name||')
            , @('--refresh', 'fetch the model list of each provider', '')
            , @('--refresh-prices', 'install a newer price table (requires --sha256)', '||')
            , @('--sha256', 'checksum of the price table, from a trusted source', '||')
            , @('--json', 'print a JSON list', '')
            , @('--names', 'print one name per line', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('||')
        Repeats = $false
    }
    'profile' = @{
        Commands = [ordered]@{
            'init' = 'Create a profile from the keys, programs and servers found here'
            'show' = 'Show the effective values and their origin, with secrets masked'
            'check' = 'Validate the profile and report every problem with its line'
            'path' = 'Print the path of the profile file'
            'list' = 'List profiles; * marks the active one'
            'set' = 'Change one value and keep the comments'
            'schema' = 'Print the JSON Schema of profiles, for editors'
        }
        Options = @(
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'profile init' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--name', 'name of the profile', '||')
            , @('--yes', 'skip confirmation prompts and use what is found', '')
            , @('-y', 'skip confirmation prompts and use what is found', '')
            , @('--force', 'replace an existing profile (kept as NAME.toml.bak)', '')
            , @('--daily', 'daily budget in dollars (0: none)', '||')
            , @('--no-probe', 'do not contact the providers that are found', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'profile show' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--json', 'print JSON', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'profile check' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--probe', 'check whether each provider responds', '')
            , @('--json', 'print JSON', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'profile path' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'profile list' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--json', 'print JSON', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'profile set' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('|profile|keys', '||')
        Repeats = $false
    }
    'profile schema' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'completion' = @{
        Commands = [ordered]@{
            'show' = 'Print the completion script of a shell'
            'install' = 'Put the completion script where the shell looks; edits no file of yours'
            'words' = 'Print what Tab offers: a name and what it is, with a tab between'
        }
        Options = @(
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @()
        Repeats = $false
    }
    'completion show' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('bash,zsh,fish,powershell||')
        Repeats = $false
    }
    'completion install' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('--uninstall', 'remove it again', '')
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('bash,zsh,fish,powershell||')
        Repeats = $false
    }
    'completion words' = @{
        Commands = [ordered]@{
        }
        Options = @(
            , @('-P', 'profile to use, by name or path', '|shared|profiles')
            , @('--profile', 'profile to use, by name or path', '|shared|profiles')
            , @('-q', 'hide progress and the cost line', '')
            , @('--quiet', 'hide progress and the cost line', '')
            , @('-v', 'explain what happens and why', '')
            , @('--verbose', 'explain what happens and why', '')
            , @('--debug', 'show tracebacks and HTTP traffic, secrets masked', '')
            , @('--no-color', 'disable color', '')
            , @('-h', 'show this help and exit', '')
            , @('--help', 'show this help and exit', '')
        )
        Arguments = @('profiles,templates,runs,tags,tag-keys,conversations,aliases,ready,models,tasks,providers,keys||')
        Repeats = $true
    }
}

function global:__llmo_lists([string] $of, [string] $profileName) {
    # The directory of lists; nothing when it is missing, or older than what it was made of.
    $windows = [IO.Path]::DirectorySeparatorChar -eq '\'
    $cache = $env:LLMO_CACHE_DIR
    if (-not $cache) {
        if ($windows) { $cache = Join-Path $env:LOCALAPPDATA 'llmo\Cache' }
        elseif ("$env:XDG_CACHE_HOME".StartsWith('/')) { $cache = Join-Path $env:XDG_CACHE_HOME 'llmo' }
        elseif ($IsMacOS) { $cache = Join-Path $HOME 'Library/Caches/llmo' }
        else { $cache = Join-Path $HOME '.cache/llmo' }
    }
    if ($of -eq 'profile') {
        $key = $profileName
        if (-not $key) { $key = $env:LLMO_PROFILE }
        if (-not $key) { $key = 'default' }
        if ($key.Contains('/') -or ($windows -and $key.Contains('\')) -or $key.EndsWith('.toml')) {
            if (-not [IO.Path]::IsPathRooted($key)) { $key = Join-Path (Get-Location).ProviderPath $key }
            $key = [IO.Path]::GetFullPath($key)
        }
        $key = $key.Replace('%', '%25').Replace('/', '%2F')
        if ($windows) { $key = $key.Replace('\', '%5C').Replace(':', '%3A') }
        $of = "profile-$key"
    }
    $lists = Join-Path (Join-Path $cache 'completion') $of
    $stamp = Join-Path $lists 'stamp'
    if (-not [IO.File]::Exists($stamp)) { return '' }
    $written = [IO.File]::GetLastWriteTimeUtc($stamp)
    foreach ($source in [IO.File]::ReadAllLines((Join-Path $lists 'sources'))) {
        $there = [IO.File]::Exists($source) -or [IO.Directory]::Exists($source)
        if ($there -and [IO.File]::GetLastWriteTimeUtc($source) -gt $written) { return '' }
    }
    return $lists
}

function global:__llmo_names([string] $of, [string[]] $names, [string] $profileName) {
    # Lines of a name, a tab, and what it is.
    $lists = __llmo_lists $of $profileName
    if ($lists) {
        foreach ($name in $names) { [IO.File]::ReadAllLines((Join-Path $lists $name)) }
        return
    }
    $program = Get-Command llmo -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not $program) { return }
    $flags = @()
    if ($profileName) { $flags = @('-P', $profileName) }
    & $program @flags completion words @names 2>$null
}

function global:__llmo_result([string] $line) {
    $name, $about = $line.Split([char[]] "`t", 2)
    if (-not $about) { $about = $name }
    $typed = $name
    # In single quotes nothing has a meaning but the quote itself; typographic ones count as such.
    if ($name -notmatch '^[A-Za-z0-9_./:%+=][A-Za-z0-9_./:%+=-]*$' -and $name -notmatch '^--?[A-Za-z][A-Za-z0-9-]*$') {
        $typed = "'" + [Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($name) + "'"
    }
    [Management.Automation.CompletionResult]::new($typed, $name, 'ParameterValue', $about)
}

Register-ArgumentCompleter -Native -CommandName llmo -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @()
    foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {
        if ($element.Extent.EndOffset -ge $cursorPosition) { break }
        if ($element -is [Management.Automation.Language.StringConstantExpressionAst]) { $words += $element.Value }
        else { $words += $element.Extent.Text }
    }
    $path = ''
    $option = ''
    $profileName = ''
    $given = 0
    $ended = $false
    foreach ($word in $words) {
        $at = $global:__llmo_table[$path]
        if ($option) {
            if ($option -cin '-P', '--profile') { $profileName = $word }
            $option = ''
        }
        elseif (-not $ended -and $word -ceq '--') { $ended = $true }
        elseif (-not $ended -and $word.StartsWith('--profile=')) { $profileName = $word.Substring(10) }
        elseif (-not $ended -and $word.StartsWith('-')) {
            if ($at.Options | Where-Object { $_[0] -ceq $word -and $_[2] }) { $option = $word }
        }
        elseif ($at.Commands.Count -gt 0) {
            if (-not ($path -eq '' -and $word -ceq 'help')) { $path = "$path $word".Trim() }
            if (-not $global:__llmo_table.Contains($path)) { return }
        }
        else { $given += 1 }
    }
    $at = $global:__llmo_table[$path]
    $current = "$wordToComplete".Trim([char[]] "'`"")
    $values = ''
    $found = @()
    if ($option) { $values = ($at.Options | Where-Object { $_[0] -ceq $option })[2] }
    elseif (-not $ended -and $current.StartsWith('-')) {
        $found = @($at.Options | ForEach-Object { "$($_[0])`t$($_[1])" })
    }
    elseif ($at.Commands.Count -gt 0) { $found = @($at.Commands.Keys | ForEach-Object { "$_`t$($at.Commands[$_])" }) }
    elseif ($at.Arguments.Count -gt 0) {
        $values = $at.Arguments[[Math]::Min($given, $at.Arguments.Count - 1)]
        if ($given -ge $at.Arguments.Count -and -not $at.Repeats) { $values = '' }
    }
    if ($values) {
        # Words that are always there, separated by commas; then where lists are, and which; files are PowerShell's own.
        $fixed, $of, $names = $values.Split('|')
        if ($fixed) { $found += $fixed.Split(',') }
        if ($of) { $found += @(__llmo_names $of $names.Split(',') $profileName) }
    }
    $found | Where-Object { $_ -and $_.StartsWith($current, [StringComparison]::Ordinal) } | ForEach-Object { __llmo_result $_ }
}
