# Completion of llmo for fish. Written by .ci/generate.py from the program: do not edit.

set -g __llmo_valued --allow-private-to --as-if --billed --by --cache --concurrency --confirm-over --conversation --daily --define --engine --errors --eval --export --fallback-after --file --format --html --id-field --import --input-format --keep --limit --max --max-cost --max-failures --max-price --max-tokens --min-context --model --name --option --output --output-format --profile --progress --prompt --provider --prune --refresh-prices --repair --reparse --report --retries --rows --rpm --run --sample --schema --seed --sha256 --share --since --sort --stop --strategy --supports --system --tag --task --temperature --template --timeout --tpm --until -D -P -f -j -m -o -s -t
set -g __llmo_groups runs history templates profile completion

function __llmo_path --description 'The command and subcommand before the cursor'
    set -l words (commandline -opc)
    set -e words[1]
    set -l path
    set -l value no
    for word in $words
        if test $value = yes
            set value no
        else if string match -q -- '-*' $word
            contains -- $word $__llmo_valued; and set value yes
        else if test -z "$path"; or contains -- "$path" $__llmo_groups
            test -z "$path" -a "$word" = help; or set -a path $word
        end
    end
    string join ' ' -- $path
end

function __llmo_at --description 'Whether this command is being completed'
    set -l path (__llmo_path)
    test "$path" = "$argv"
end

function __llmo_profile --description 'What -P says on this line'
    set -l words (commandline -opc)
    set -l profile
    for i in (seq 2 (count $words))
        if contains -- $words[$i] -P --profile; and test $i -lt (count $words)
            set profile $words[(math $i + 1)]
        else if string match -q -- '--profile=*' $words[$i]; or string match -q -- '-P?*' $words[$i]
            set profile (string replace -r -- '^(--profile=|-P)' '' $words[$i])
        end
    end
    string replace -r -- '^~/' "$HOME/" $profile
end

function __llmo_lists --description 'The directory of lists, if they are as new as what they were made of'
    set -l of $argv[1]
    set -l cache ~/.cache/llmo
    if test -n "$LLMO_CACHE_DIR"
        set cache (string replace -r -- '^~/' "$HOME/" $LLMO_CACHE_DIR)
    else if string match -q -- '/*' "$XDG_CACHE_HOME"
        set cache $XDG_CACHE_HOME/llmo
    else if test (uname) = Darwin
        set cache ~/Library/Caches/llmo
    end
    if test $of = profile
        set -l key $argv[2]
        test -n "$key"; or set key $LLMO_PROFILE
        test -n "$key"; or set key default
        if string match -q -- '*/*' $key; or string match -q -- '*.toml' $key
            string match -q -- '/*' $key; or set key $PWD/$key
            string match -qr -- '/\.|//' $key; and set key (path normalize -- $key 2>/dev/null; or echo $key)
        end
        set of profile-(string replace -a -- / %2F (string replace -a -- % %25 $key))
    end
    test -r $cache/completion/$of/stamp -a -r $cache/completion/$of/sources; or return
    set -l sources (string match '*' <$cache/completion/$of/sources)
    set -l written (path mtime -- $cache/completion/$of/stamp 2>/dev/null; or echo 0)
    for changed in (path mtime -- $sources 2>/dev/null)
        test $changed -gt $written -a $written -gt 0; and return
    end
    echo $cache/completion/$of
end

function __llmo_names --description 'Names of lists of the profile, or of the shared ones, and what they are'
    set -l of $argv[1]
    set -e argv[1]
    set -l profile (__llmo_profile)
    set -l lists (__llmo_lists $of $profile)
    if test -z "$lists"
        command -q llmo; or return
        set -l flag
        test -n "$profile"; and set flag -P $profile
        command llmo $flag completion words $argv 2>/dev/null
        return
    end
    for list in $argv
        string match '*' <$lists/$list
    end
end

function __llmo_choose --description 'Words that need no description'
    printf '%s\t\n' $argv
end

function __llmo_files --description 'Files whose names end like this, and directories; none has a description'
    set -l path (string replace -r -- '^(--[a-z-]+=|-[A-Za-z](?=[./~]))' '' (commandline -ct))
    set -l found (string replace -r -- '\t.*' '' (complete -C "__llmo_without_completions $path"))
    set -l files (string match -r -- '^.*'(string escape --style=regex -- "$argv")'$' $found)
    test -n "$argv"; and set -a files (string match -r -- '^.*/$' $found)
    test (count $files) -gt 0; and __llmo_choose $files
end

complete -c llmo -f

# llmo
complete -c llmo -n '__llmo_at' -a ask -d 'Send one prompt and stream the answer'
complete -c llmo -n '__llmo_at' -a chat -d 'Talk with a model, prompt by prompt'
complete -c llmo -n '__llmo_at' -a batch -d 'Run a prompt over many rows or files, and resume where it stopped'
complete -c llmo -n '__llmo_at' -a runs -d 'List, show, fetch, cancel and resume batch runs'
complete -c llmo -n '__llmo_at' -a route -d 'Show which model would answer and why, without sending anything'
complete -c llmo -n '__llmo_at' -a history -d 'List, search, show, rate, export and delete saved conversations'
complete -c llmo -n '__llmo_at' -a templates -d 'List, show and edit prompt templates'
complete -c llmo -n '__llmo_at' -a cost -d 'Show spending and budgets'
complete -c llmo -n '__llmo_at' -a models -d 'List models with prices, context and readiness'
complete -c llmo -n '__llmo_at' -a profile -d 'Create, show, check and change profiles'
complete -c llmo -n '__llmo_at' -a completion -d 'Set up Tab completion in your shell'
complete -c llmo -n '__llmo_at' -a help -d 'show the help of a command'
complete -c llmo -n '__llmo_at' -s V -l version -d 'show the version and exit'
complete -c llmo -n '__llmo_at' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at' -s h -l help -d 'show this help and exit'

# llmo ask
complete -c llmo -n '__llmo_at ask' -s m -l model -d 'provider/model, alias or auto; repeat for a fallback chain' -x -k -a '(printf \'auto\\\\tchoose by the task\\\\n\'; __llmo_names profile aliases ready models)'
complete -c llmo -n '__llmo_at ask' -s t -l task -d 'simple, complex, general, auto or a task of the profile' -x -k -a '(__llmo_names profile tasks)'
complete -c llmo -n '__llmo_at ask' -l strategy -d 'how candidates are ordered' -x -k -a '(__llmo_choose profile cheapest fastest balanced)'
complete -c llmo -n '__llmo_at ask' -l private -d 'use only models on this machine'
complete -c llmo -n '__llmo_at ask' -l allow-private-to -d 'allow private data to go to this provider (repeatable)' -x -k -a '(__llmo_names profile providers)'
complete -c llmo -n '__llmo_at ask' -l no-fallback -d 'try only the first candidate'
complete -c llmo -n '__llmo_at ask' -l max-cost -d 'hard cap in dollars for this command' -x
complete -c llmo -n '__llmo_at ask' -l fit -d 'lower the output limit to what the budget allows'
complete -c llmo -n '__llmo_at ask' -l max-tokens -d 'maximum number of output tokens' -x
complete -c llmo -n '__llmo_at ask' -l temperature -d 'sampling temperature' -x
complete -c llmo -n '__llmo_at ask' -l seed -d 'sampling seed' -x
complete -c llmo -n '__llmo_at ask' -l stop -d 'stop sequence (repeatable)' -x
complete -c llmo -n '__llmo_at ask' -l timeout -d 'time limit per call, retries included (30, 90s, 2m)' -x
complete -c llmo -n '__llmo_at ask' -l retries -d 'retries per candidate after the first attempt' -x
complete -c llmo -n '__llmo_at ask' -l tag -d 'label stored with every call (repeatable)' -x -k -a '(__llmo_names shared tags)'
complete -c llmo -n '__llmo_at ask' -l lenient -d 'drop parameters that a model does not support, and warn'
complete -c llmo -n '__llmo_at ask' -l allow-unpriced -d 'allow models without a known price under a budget'
complete -c llmo -n '__llmo_at ask' -s s -l system -d 'system prompt; @FILE reads it from a file' -x
complete -c llmo -n '__llmo_at ask' -s f -l file -d 'text or image to send with the prompt (repeatable)' -r -F
complete -c llmo -n '__llmo_at ask' -l template -d 'prompt template, by name (llmo templates) or path' -x -k -a '(__llmo_names shared templates; __llmo_files)'
complete -c llmo -n '__llmo_at ask' -s D -l define -d 'value of a template field (repeatable)' -x
complete -c llmo -n '__llmo_at ask' -l schema -d 'JSON Schema that the answer must match' -r -F
complete -c llmo -n '__llmo_at ask' -s o -l option -d 'parameter passed to the provider unchanged (repeatable)' -x
complete -c llmo -n '__llmo_at ask' -s n -l no-stdin -d 'do not read standard input'
complete -c llmo -n '__llmo_at ask' -s c -l continue -d 'continue the last conversation'
complete -c llmo -n '__llmo_at ask' -l conversation -d 'continue this conversation' -x -k -a '(__llmo_names shared conversations)'
complete -c llmo -n '__llmo_at ask' -l no-log -d 'do not save the prompt and the answer'
complete -c llmo -n '__llmo_at ask' -l edit -d 'write the prompt in $EDITOR'
complete -c llmo -n '__llmo_at ask' -l cache -d 'reuse an answer to the same request, up to this age (7d)' -x
complete -c llmo -n '__llmo_at ask' -l compare -d 'send the prompt to every -m and compare the answers'
complete -c llmo -n '__llmo_at ask' -l dry-run -d 'show the plan without sending anything'
complete -c llmo -n '__llmo_at ask' -l stream -d 'print the answer as it arrives (default) or all at once'
complete -c llmo -n '__llmo_at ask' -l no-stream -d 'print the answer as it arrives (default) or all at once'
complete -c llmo -n '__llmo_at ask' -l markdown -d 'render Markdown (default on a terminal) or print raw text'
complete -c llmo -n '__llmo_at ask' -l raw -d 'render Markdown (default on a terminal) or print raw text'
complete -c llmo -n '__llmo_at ask' -l json -d 'print one JSON object, also on failure'
complete -c llmo -n '__llmo_at ask' -l ndjson -d 'print events as JSON lines'
complete -c llmo -n '__llmo_at ask' -l strict -d 'exit with 6 if the token limit cut off the answer'
complete -c llmo -n '__llmo_at ask' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at ask' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at ask' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at ask' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at ask' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at ask' -s h -l help -d 'show this help and exit'

# llmo chat
complete -c llmo -n '__llmo_at chat' -s m -l model -d 'provider/model, alias or auto; repeat for a fallback chain' -x -k -a '(printf \'auto\\\\tchoose by the task\\\\n\'; __llmo_names profile aliases ready models)'
complete -c llmo -n '__llmo_at chat' -s t -l task -d 'simple, complex, general, auto or a task of the profile' -x -k -a '(__llmo_names profile tasks)'
complete -c llmo -n '__llmo_at chat' -l strategy -d 'how candidates are ordered' -x -k -a '(__llmo_choose profile cheapest fastest balanced)'
complete -c llmo -n '__llmo_at chat' -l private -d 'use only models on this machine'
complete -c llmo -n '__llmo_at chat' -l allow-private-to -d 'allow private data to go to this provider (repeatable)' -x -k -a '(__llmo_names profile providers)'
complete -c llmo -n '__llmo_at chat' -l no-fallback -d 'try only the first candidate'
complete -c llmo -n '__llmo_at chat' -l max-cost -d 'hard cap in dollars for this command' -x
complete -c llmo -n '__llmo_at chat' -l fit -d 'lower the output limit to what the budget allows'
complete -c llmo -n '__llmo_at chat' -l max-tokens -d 'maximum number of output tokens' -x
complete -c llmo -n '__llmo_at chat' -l temperature -d 'sampling temperature' -x
complete -c llmo -n '__llmo_at chat' -l seed -d 'sampling seed' -x
complete -c llmo -n '__llmo_at chat' -l stop -d 'stop sequence (repeatable)' -x
complete -c llmo -n '__llmo_at chat' -l timeout -d 'time limit per call, retries included (30, 90s, 2m)' -x
complete -c llmo -n '__llmo_at chat' -l retries -d 'retries per candidate after the first attempt' -x
complete -c llmo -n '__llmo_at chat' -l tag -d 'label stored with every call (repeatable)' -x -k -a '(__llmo_names shared tags)'
complete -c llmo -n '__llmo_at chat' -l lenient -d 'drop parameters that a model does not support, and warn'
complete -c llmo -n '__llmo_at chat' -l allow-unpriced -d 'allow models without a known price under a budget'
complete -c llmo -n '__llmo_at chat' -s c -l continue -d 'continue the last conversation'
complete -c llmo -n '__llmo_at chat' -l conversation -d 'continue this conversation' -x -k -a '(__llmo_names shared conversations)'
complete -c llmo -n '__llmo_at chat' -l no-log -d 'do not save the prompts and answers'
complete -c llmo -n '__llmo_at chat' -s s -l system -d 'system prompt; @FILE reads it from a file' -x
complete -c llmo -n '__llmo_at chat' -s o -l option -d 'parameter passed to the provider unchanged (repeatable)' -x
complete -c llmo -n '__llmo_at chat' -l markdown -d 'render Markdown (default on a terminal) or print raw text'
complete -c llmo -n '__llmo_at chat' -l raw -d 'render Markdown (default on a terminal) or print raw text'
complete -c llmo -n '__llmo_at chat' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at chat' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at chat' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at chat' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at chat' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at chat' -s h -l help -d 'show this help and exit'

# llmo batch
complete -c llmo -n '__llmo_at batch' -s m -l model -d 'provider/model, alias or auto; repeat for a fallback chain' -x -k -a '(printf \'auto\\\\tchoose by the task\\\\n\'; __llmo_names profile aliases ready models)'
complete -c llmo -n '__llmo_at batch' -s t -l task -d 'simple, complex, general, auto or a task of the profile' -x -k -a '(__llmo_names profile tasks)'
complete -c llmo -n '__llmo_at batch' -l strategy -d 'how candidates are ordered' -x -k -a '(__llmo_choose profile cheapest fastest balanced)'
complete -c llmo -n '__llmo_at batch' -l private -d 'use only models on this machine'
complete -c llmo -n '__llmo_at batch' -l allow-private-to -d 'allow private data to go to this provider (repeatable)' -x -k -a '(__llmo_names profile providers)'
complete -c llmo -n '__llmo_at batch' -l no-fallback -d 'try only the first candidate'
complete -c llmo -n '__llmo_at batch' -l max-cost -d 'hard cap in dollars for this command' -x
complete -c llmo -n '__llmo_at batch' -l fit -d 'lower the output limit to what the budget allows'
complete -c llmo -n '__llmo_at batch' -l max-tokens -d 'maximum number of output tokens' -x
complete -c llmo -n '__llmo_at batch' -l temperature -d 'sampling temperature' -x
complete -c llmo -n '__llmo_at batch' -l seed -d 'sampling seed' -x
complete -c llmo -n '__llmo_at batch' -l stop -d 'stop sequence (repeatable)' -x
complete -c llmo -n '__llmo_at batch' -l timeout -d 'time limit per call, retries included (30, 90s, 2m)' -x
complete -c llmo -n '__llmo_at batch' -l retries -d 'retries per candidate after the first attempt' -x
complete -c llmo -n '__llmo_at batch' -l tag -d 'label stored with every call (repeatable)' -x -k -a '(__llmo_names shared tags)'
complete -c llmo -n '__llmo_at batch' -l lenient -d 'drop parameters that a model does not support, and warn'
complete -c llmo -n '__llmo_at batch' -l allow-unpriced -d 'allow models without a known price under a budget'
complete -c llmo -n '__llmo_at batch' -l prompt -d 'prompt template, with {{ field }} for fields of the row' -x
complete -c llmo -n '__llmo_at batch' -l template -d 'prompt template, by name (llmo templates) or path' -x -k -a '(__llmo_names shared templates; __llmo_files)'
complete -c llmo -n '__llmo_at batch' -s s -l system -d 'system prompt; @FILE reads it from a file' -x
complete -c llmo -n '__llmo_at batch' -l files -d 'treat each file as one row (paths, globs, directories)'
complete -c llmo -n '__llmo_at batch' -l input-format -d 'format of the inputs (auto: from their names and keys)' -x -k -a '(__llmo_choose auto jsonl csv tsv lines parquet openai-batch)'
complete -c llmo -n '__llmo_at batch' -l id-field -d 'field with the id of a row (default: custom_id or id)' -x
complete -c llmo -n '__llmo_at batch' -l limit -d 'process only the first N rows' -x
complete -c llmo -n '__llmo_at batch' -l sample -d 'random sample of N rows (reproducible)' -x
complete -c llmo -n '__llmo_at batch' -l schema -d 'JSON Schema that each answer must match' -r -F
complete -c llmo -n '__llmo_at batch' -l repair -d 'paid requests to repair one answer (default: 1)' -x
complete -c llmo -n '__llmo_at batch' -l option -d 'parameter passed to the provider unchanged (repeatable)' -x
complete -c llmo -n '__llmo_at batch' -s o -l output -d 'file to append results to' -r -F
complete -c llmo -n '__llmo_at batch' -l output-format -d 'format of the output (default: from its name, else jsonl)' -x -k -a '(__llmo_choose jsonl csv parquet openai-batch)'
complete -c llmo -n '__llmo_at batch' -l errors -d 'file for failed rows, usable as an input' -r -F
complete -c llmo -n '__llmo_at batch' -l keep -d 'input field to copy to the output; \'*\': all (repeatable)' -x
complete -c llmo -n '__llmo_at batch' -l ordered -d 'write rows in the order of the input'
complete -c llmo -n '__llmo_at batch' -l progress -d 'progress display on standard error' -x -k -a '(__llmo_choose auto bar log none)'
complete -c llmo -n '__llmo_at batch' -l report -d 'write a summary of the run as JSON' -r -F
complete -c llmo -n '__llmo_at batch' -l json -d 'with --dry-run: print one JSON object'
complete -c llmo -n '__llmo_at batch' -s j -l concurrency -d 'rows in flight; auto adapts to rate and latency' -x
complete -c llmo -n '__llmo_at batch' -l rpm -d 'maximum requests per minute' -x
complete -c llmo -n '__llmo_at batch' -l tpm -d 'maximum tokens per minute' -x
complete -c llmo -n '__llmo_at batch' -l share -d 'fraction of the rate limits to use (0 to 1)' -x
complete -c llmo -n '__llmo_at batch' -l retry-errors -d 'retry failed rows; =KIND retries only that error'
complete -c llmo -n '__llmo_at batch' -l restart -d 'discard the existing output and start over'
complete -c llmo -n '__llmo_at batch' -l at-most-once -d 'never resend rows that were in flight during a crash'
complete -c llmo -n '__llmo_at batch' -l durable -d 'sync every row to disk'
complete -c llmo -n '__llmo_at batch' -l max-failures -d 'stop after more than N failed rows, or N%' -x
complete -c llmo -n '__llmo_at batch' -l compare -d 'send each row to every -m and compare the answers'
complete -c llmo -n '__llmo_at batch' -l no-dedupe -d 'do not deduplicate identical requests'
complete -c llmo -n '__llmo_at batch' -l cache -d 'reuse answers up to this age (7d)' -x
complete -c llmo -n '__llmo_at batch' -l dry-run -d 'show rows, tokens and cost without sending anything'
complete -c llmo -n '__llmo_at batch' -l check -d 'validate all rows before sending any'
complete -c llmo -n '__llmo_at batch' -s y -l yes -d 'skip confirmation prompts'
complete -c llmo -n '__llmo_at batch' -l confirm-over -d 'ask for confirmation if the run may cost more' -x
complete -c llmo -n '__llmo_at batch' -l run -d 'name of the run in llmo cost' -x
complete -c llmo -n '__llmo_at batch' -l reparse -d 're-validate the answers in OUT without calling a model' -r -F
complete -c llmo -n '__llmo_at batch' -l engine -d 'where rows are sent from: this process, or a Ray cluster' -x -k -a '(__llmo_choose local ray)'
complete -c llmo -n '__llmo_at batch' -l deferred -d 'send the rows to the vendor\'s half-price batch service'
complete -c llmo -n '__llmo_at batch' -l wait -d 'with --deferred: wait for the answers'
complete -c llmo -n '__llmo_at batch' -l fallback-after -d 'with --wait: then cancel, and send the rest one by one' -x
complete -c llmo -n '__llmo_at batch' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at batch' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at batch' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at batch' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at batch' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at batch' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at batch' -F

# llmo runs
complete -c llmo -n '__llmo_at runs' -a list -d 'List batch runs, latest first, with their state and cost'
complete -c llmo -n '__llmo_at runs' -a show -d 'Show a run: its command, files, batches and cost'
complete -c llmo -n '__llmo_at runs' -a fetch -d 'Fetch what a deferred run has got until now'
complete -c llmo -n '__llmo_at runs' -a cancel -d 'Cancel the batches of a run, or interrupt a run of this machine'
complete -c llmo -n '__llmo_at runs' -a resume -d 'Run the command of a run again, which continues it'
complete -c llmo -n '__llmo_at runs' -s h -l help -d 'show this help and exit'

# llmo runs list
complete -c llmo -n '__llmo_at runs list' -l limit -d 'show at most this many (0: all)' -x
complete -c llmo -n '__llmo_at runs list' -l json -d 'print a JSON list'
complete -c llmo -n '__llmo_at runs list' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at runs list' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at runs list' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at runs list' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at runs list' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at runs list' -s h -l help -d 'show this help and exit'

# llmo runs show
complete -c llmo -n '__llmo_at runs show' -l json -d 'print one JSON object'
complete -c llmo -n '__llmo_at runs show' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at runs show' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at runs show' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at runs show' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at runs show' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at runs show' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at runs show' -k -a '(__llmo_names shared runs)'

# llmo runs fetch
complete -c llmo -n '__llmo_at runs fetch' -s o -l output -d 'file to append results to (default: that of the run)' -r -F
complete -c llmo -n '__llmo_at runs fetch' -l output-format -d 'format of the output (default: from its name)' -x -k -a '(__llmo_choose jsonl csv parquet openai-batch)'
complete -c llmo -n '__llmo_at runs fetch' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at runs fetch' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at runs fetch' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at runs fetch' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at runs fetch' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at runs fetch' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at runs fetch' -k -a '(__llmo_names shared runs)'

# llmo runs cancel
complete -c llmo -n '__llmo_at runs cancel' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at runs cancel' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at runs cancel' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at runs cancel' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at runs cancel' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at runs cancel' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at runs cancel' -k -a '(__llmo_names shared runs)'

# llmo runs resume
complete -c llmo -n '__llmo_at runs resume' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at runs resume' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at runs resume' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at runs resume' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at runs resume' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at runs resume' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at runs resume' -k -a '(__llmo_names shared runs)'

# llmo route
complete -c llmo -n '__llmo_at route' -s m -l model -d 'provider/model, alias or auto; repeat for a fallback chain' -x -k -a '(printf \'auto\\\\tchoose by the task\\\\n\'; __llmo_names profile aliases ready models)'
complete -c llmo -n '__llmo_at route' -s t -l task -d 'simple, complex, general, auto or a task of the profile' -x -k -a '(__llmo_names profile tasks)'
complete -c llmo -n '__llmo_at route' -l strategy -d 'how candidates are ordered' -x -k -a '(__llmo_choose profile cheapest fastest balanced)'
complete -c llmo -n '__llmo_at route' -l private -d 'use only models on this machine'
complete -c llmo -n '__llmo_at route' -l allow-private-to -d 'allow private data to go to this provider (repeatable)' -x -k -a '(__llmo_names profile providers)'
complete -c llmo -n '__llmo_at route' -l no-fallback -d 'try only the first candidate'
complete -c llmo -n '__llmo_at route' -l max-cost -d 'hard cap in dollars for this command' -x
complete -c llmo -n '__llmo_at route' -l fit -d 'lower the output limit to what the budget allows'
complete -c llmo -n '__llmo_at route' -l max-tokens -d 'maximum number of output tokens' -x
complete -c llmo -n '__llmo_at route' -l temperature -d 'sampling temperature' -x
complete -c llmo -n '__llmo_at route' -l seed -d 'sampling seed' -x
complete -c llmo -n '__llmo_at route' -l stop -d 'stop sequence (repeatable)' -x
complete -c llmo -n '__llmo_at route' -l timeout -d 'time limit per call, retries included (30, 90s, 2m)' -x
complete -c llmo -n '__llmo_at route' -l retries -d 'retries per candidate after the first attempt' -x
complete -c llmo -n '__llmo_at route' -l tag -d 'label stored with every call (repeatable)' -x -k -a '(__llmo_names shared tags)'
complete -c llmo -n '__llmo_at route' -l lenient -d 'drop parameters that a model does not support, and warn'
complete -c llmo -n '__llmo_at route' -l allow-unpriced -d 'allow models without a known price under a budget'
complete -c llmo -n '__llmo_at route' -s s -l system -d 'system prompt; @FILE reads it from a file' -x
complete -c llmo -n '__llmo_at route' -s f -l file -d 'text or image to send with the prompt (repeatable)' -r -F
complete -c llmo -n '__llmo_at route' -l template -d 'prompt template, by name (llmo templates) or path' -x -k -a '(__llmo_names shared templates; __llmo_files)'
complete -c llmo -n '__llmo_at route' -s D -l define -d 'value of a template field (repeatable)' -x
complete -c llmo -n '__llmo_at route' -l schema -d 'JSON Schema that the answer must match' -r -F
complete -c llmo -n '__llmo_at route' -s o -l option -d 'parameter passed to the provider unchanged (repeatable)' -x
complete -c llmo -n '__llmo_at route' -s n -l no-stdin -d 'do not read standard input'
complete -c llmo -n '__llmo_at route' -l json -d 'print one JSON object'
complete -c llmo -n '__llmo_at route' -l probe -d 'check whether each provider responds'
complete -c llmo -n '__llmo_at route' -l rows -d 'plan each prompt of a file (JSONL or lines; - for stdin)' -r -F
complete -c llmo -n '__llmo_at route' -l eval -d 'score the classifier on labelled prompts (JSONL)' -r -F
complete -c llmo -n '__llmo_at route' -l diff -d 'show what the profile of -P changes in the plan'
complete -c llmo -n '__llmo_at route' -l calibrate -d 'fit the thresholds of -t auto to rated answers'
complete -c llmo -n '__llmo_at route' -l write -d 'with --calibrate, change the profile'
complete -c llmo -n '__llmo_at route' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at route' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at route' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at route' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at route' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at route' -s h -l help -d 'show this help and exit'

# llmo history
complete -c llmo -n '__llmo_at history' -a list -d 'List or search conversations, latest first'
complete -c llmo -n '__llmo_at history' -a show -d 'Show a conversation, the last one by default, or one answer with its prompt'
complete -c llmo -n '__llmo_at history' -a export -d 'Write conversations as Markdown or JSON lines'
complete -c llmo -n '__llmo_at history' -a delete -d 'Delete conversations; their costs stay in the ledger'
complete -c llmo -n '__llmo_at history' -a rate -d 'Say whether an answer was good or bad'
complete -c llmo -n '__llmo_at history' -s h -l help -d 'show this help and exit'

# llmo history list
complete -c llmo -n '__llmo_at history list' -l conversation -d 'list the turns of this conversation' -x -k -a '(__llmo_names shared conversations)'
complete -c llmo -n '__llmo_at history list' -l limit -d 'show at most this many (0: all)' -x
complete -c llmo -n '__llmo_at history list' -l json -d 'print a JSON list'
complete -c llmo -n '__llmo_at history list' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at history list' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at history list' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at history list' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at history list' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at history list' -s h -l help -d 'show this help and exit'

# llmo history show
complete -c llmo -n '__llmo_at history show' -l json -d 'print one JSON object'
complete -c llmo -n '__llmo_at history show' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at history show' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at history show' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at history show' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at history show' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at history show' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at history show' -k -a '(__llmo_names shared conversations)'

# llmo history export
complete -c llmo -n '__llmo_at history export' -l all -d 'export all conversations'
complete -c llmo -n '__llmo_at history export' -l format -d 'markdown, or json: one object per line' -x -k -a '(__llmo_choose markdown json)'
complete -c llmo -n '__llmo_at history export' -s o -l output -d 'write to this file (default: standard output)' -r -F
complete -c llmo -n '__llmo_at history export' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at history export' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at history export' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at history export' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at history export' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at history export' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at history export' -k -a '(__llmo_names shared conversations)'

# llmo history delete
complete -c llmo -n '__llmo_at history delete' -l all -d 'delete all conversations and cached answers'
complete -c llmo -n '__llmo_at history delete' -s y -l yes -d 'skip confirmation prompts'
complete -c llmo -n '__llmo_at history delete' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at history delete' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at history delete' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at history delete' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at history delete' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at history delete' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at history delete' -k -a '(__llmo_names shared conversations)'

# llmo history rate
complete -c llmo -n '__llmo_at history rate' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at history rate' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at history rate' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at history rate' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at history rate' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at history rate' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at history rate' -k -a '(__llmo_names shared conversations)'
complete -c llmo -n '__llmo_at history rate' -k -a '(__llmo_choose good bad)'

# llmo templates
complete -c llmo -n '__llmo_at templates' -a list -d 'List the templates of the folder'
complete -c llmo -n '__llmo_at templates' -a show -d 'Print a template as it is in its file'
complete -c llmo -n '__llmo_at templates' -a edit -d 'Open a template, or a new one, in $VISUAL or $EDITOR, then check it'
complete -c llmo -n '__llmo_at templates' -a path -d 'Print the path of the folder, or of one template'
complete -c llmo -n '__llmo_at templates' -s h -l help -d 'show this help and exit'

# llmo templates list
complete -c llmo -n '__llmo_at templates list' -l json -d 'print a JSON list'
complete -c llmo -n '__llmo_at templates list' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at templates list' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at templates list' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at templates list' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at templates list' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at templates list' -s h -l help -d 'show this help and exit'

# llmo templates show
complete -c llmo -n '__llmo_at templates show' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at templates show' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at templates show' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at templates show' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at templates show' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at templates show' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at templates show' -k -a '(__llmo_names shared templates; __llmo_files)'

# llmo templates edit
complete -c llmo -n '__llmo_at templates edit' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at templates edit' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at templates edit' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at templates edit' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at templates edit' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at templates edit' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at templates edit' -k -a '(__llmo_names shared templates; __llmo_files)'

# llmo templates path
complete -c llmo -n '__llmo_at templates path' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at templates path' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at templates path' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at templates path' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at templates path' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at templates path' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at templates path' -k -a '(__llmo_names shared templates; __llmo_files)'

# llmo cost
complete -c llmo -n '__llmo_at cost' -l since -d 'start of the period (7d, 24h, 2026-11-01)' -x
complete -c llmo -n '__llmo_at cost' -l until -d 'end of the period; a date includes that whole day' -x
complete -c llmo -n '__llmo_at cost' -l run -d 'only calls of this run' -x -k -a '(__llmo_names shared runs)'
complete -c llmo -n '__llmo_at cost' -l tag -d 'only calls with this tag (repeatable)' -x -k -a '(__llmo_names shared tags)'
complete -c llmo -n '__llmo_at cost' -l by -d 'group by day, model, provider, task, run … (repeatable)' -x -k -a '(printf \'day\\\\t\\\\nweek\\\\t\\\\nmonth\\\\t\\\\nprovider\\\\t\\\\nmodel\\\\t\\\\ntask\\\\t\\\\nrun\\\\t\\\\noutcome\\\\t\\\\nbilling\\\\t\\\\n\'; __llmo_names shared tag-keys)'
complete -c llmo -n '__llmo_at cost' -l json -d 'print one JSON object'
complete -c llmo -n '__llmo_at cost' -l csv -d 'print CSV, safe to open in a spreadsheet'
complete -c llmo -n '__llmo_at cost' -l plot -d 'draw spending over time by model, as bars'
complete -c llmo -n '__llmo_at cost' -l budgets -d 'show the status of each budget'
complete -c llmo -n '__llmo_at cost' -l as-if -d 'cost of the same usage on another model' -x -k -a '(__llmo_names profile aliases ready models)'
complete -c llmo -n '__llmo_at cost' -l github-summary -d 'append Markdown to $GITHUB_STEP_SUMMARY'
complete -c llmo -n '__llmo_at cost' -l html -d 'write an HTML page with charts (-: standard output)' -r -F
complete -c llmo -n '__llmo_at cost' -l check -d 'exit with 3 if a budget is used up'
complete -c llmo -n '__llmo_at cost' -l max -d 'with --check: exit with 3 if more than this was spent' -x
complete -c llmo -n '__llmo_at cost' -l reconcile -d 'settle reservations in doubt or of crashed processes first'
complete -c llmo -n '__llmo_at cost' -l billed -d 'with --reconcile: what was billed of amounts in doubt' -x -k -a '(__llmo_choose all received)'
complete -c llmo -n '__llmo_at cost' -l prune -d 'delete saved texts older than this; costs are kept' -x
complete -c llmo -n '__llmo_at cost' -l export -d 'write every call as a JSON line (-: standard output)' -r -F
complete -c llmo -n '__llmo_at cost' -l import -d 'import calls written by --export (safe to repeat)' -r -F
complete -c llmo -n '__llmo_at cost' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at cost' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at cost' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at cost' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at cost' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at cost' -s h -l help -d 'show this help and exit'

# llmo models
complete -c llmo -n '__llmo_at models' -l provider -d 'only this provider (repeatable)' -x -k -a '(__llmo_names profile providers)'
complete -c llmo -n '__llmo_at models' -l all -d 'also models that were retired'
complete -c llmo -n '__llmo_at models' -l local -d 'only models on this machine'
complete -c llmo -n '__llmo_at models' -l ready -d 'only models that are ready to use'
complete -c llmo -n '__llmo_at models' -l max-price -d 'maximum price in dollars per million output tokens' -x
complete -c llmo -n '__llmo_at models' -l min-context -d 'minimum context window in tokens' -x
complete -c llmo -n '__llmo_at models' -l supports -d 'vision, schema, tools or reasoning (repeatable)' -x -k -a '(__llmo_choose vision schema tools reasoning)'
complete -c llmo -n '__llmo_at models' -l sort -d 'sort order' -x -k -a '(__llmo_choose price context name)'
complete -c llmo -n '__llmo_at models' -l refresh -d 'fetch the model list of each provider'
complete -c llmo -n '__llmo_at models' -l refresh-prices -d 'install a newer price table (requires --sha256)' -r -F
complete -c llmo -n '__llmo_at models' -l sha256 -d 'checksum of the price table, from a trusted source' -x
complete -c llmo -n '__llmo_at models' -l json -d 'print a JSON list'
complete -c llmo -n '__llmo_at models' -l names -d 'print one name per line'
complete -c llmo -n '__llmo_at models' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at models' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at models' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at models' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at models' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at models' -s h -l help -d 'show this help and exit'

# llmo profile
complete -c llmo -n '__llmo_at profile' -a init -d 'Create a profile from the keys, programs and servers found here'
complete -c llmo -n '__llmo_at profile' -a show -d 'Show the effective values and their origin, with secrets masked'
complete -c llmo -n '__llmo_at profile' -a check -d 'Validate the profile and report every problem with its line'
complete -c llmo -n '__llmo_at profile' -a path -d 'Print the path of the profile file'
complete -c llmo -n '__llmo_at profile' -a list -d 'List profiles; * marks the active one'
complete -c llmo -n '__llmo_at profile' -a set -d 'Change one value and keep the comments'
complete -c llmo -n '__llmo_at profile' -a schema -d 'Print the JSON Schema of profiles, for editors'
complete -c llmo -n '__llmo_at profile' -s h -l help -d 'show this help and exit'

# llmo profile init
complete -c llmo -n '__llmo_at profile init' -l name -d 'name of the profile' -x
complete -c llmo -n '__llmo_at profile init' -s y -l yes -d 'skip confirmation prompts and use what is found'
complete -c llmo -n '__llmo_at profile init' -l force -d 'replace an existing profile (kept as NAME.toml.bak)'
complete -c llmo -n '__llmo_at profile init' -l daily -d 'daily budget in dollars (0: none)' -x
complete -c llmo -n '__llmo_at profile init' -l no-probe -d 'do not contact the providers that are found'
complete -c llmo -n '__llmo_at profile init' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at profile init' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at profile init' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at profile init' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at profile init' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at profile init' -s h -l help -d 'show this help and exit'

# llmo profile show
complete -c llmo -n '__llmo_at profile show' -l json -d 'print JSON'
complete -c llmo -n '__llmo_at profile show' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at profile show' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at profile show' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at profile show' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at profile show' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at profile show' -s h -l help -d 'show this help and exit'

# llmo profile check
complete -c llmo -n '__llmo_at profile check' -l probe -d 'check whether each provider responds'
complete -c llmo -n '__llmo_at profile check' -l json -d 'print JSON'
complete -c llmo -n '__llmo_at profile check' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at profile check' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at profile check' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at profile check' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at profile check' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at profile check' -s h -l help -d 'show this help and exit'

# llmo profile path
complete -c llmo -n '__llmo_at profile path' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at profile path' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at profile path' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at profile path' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at profile path' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at profile path' -s h -l help -d 'show this help and exit'

# llmo profile list
complete -c llmo -n '__llmo_at profile list' -l json -d 'print JSON'
complete -c llmo -n '__llmo_at profile list' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at profile list' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at profile list' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at profile list' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at profile list' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at profile list' -s h -l help -d 'show this help and exit'

# llmo profile set
complete -c llmo -n '__llmo_at profile set' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at profile set' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at profile set' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at profile set' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at profile set' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at profile set' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at profile set' -k -a '(__llmo_names profile keys)'

# llmo profile schema
complete -c llmo -n '__llmo_at profile schema' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at profile schema' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at profile schema' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at profile schema' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at profile schema' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at profile schema' -s h -l help -d 'show this help and exit'

# llmo completion
complete -c llmo -n '__llmo_at completion' -a show -d 'Print the completion script of a shell'
complete -c llmo -n '__llmo_at completion' -a install -d 'Put the completion script where the shell looks; edits no file of yours'
complete -c llmo -n '__llmo_at completion' -a words -d 'Print what Tab offers: a name and what it is, with a tab between'
complete -c llmo -n '__llmo_at completion' -s h -l help -d 'show this help and exit'

# llmo completion show
complete -c llmo -n '__llmo_at completion show' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at completion show' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at completion show' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at completion show' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at completion show' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at completion show' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at completion show' -k -a '(__llmo_choose bash zsh fish powershell)'

# llmo completion install
complete -c llmo -n '__llmo_at completion install' -l uninstall -d 'remove it again'
complete -c llmo -n '__llmo_at completion install' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at completion install' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at completion install' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at completion install' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at completion install' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at completion install' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at completion install' -k -a '(__llmo_choose bash zsh fish powershell)'

# llmo completion words
complete -c llmo -n '__llmo_at completion words' -s P -l profile -d 'profile to use, by name or path' -x -k -a '(__llmo_names shared profiles; __llmo_files .toml)'
complete -c llmo -n '__llmo_at completion words' -s q -l quiet -d 'hide progress and the cost line'
complete -c llmo -n '__llmo_at completion words' -s v -l verbose -d 'explain what happens and why'
complete -c llmo -n '__llmo_at completion words' -l debug -d 'show tracebacks and HTTP traffic, secrets masked'
complete -c llmo -n '__llmo_at completion words' -l no-color -d 'disable color'
complete -c llmo -n '__llmo_at completion words' -s h -l help -d 'show this help and exit'
complete -c llmo -n '__llmo_at completion words' -k -a '(__llmo_choose profiles templates runs tags tag-keys conversations aliases ready models tasks providers keys)'
