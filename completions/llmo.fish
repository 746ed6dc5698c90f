# Completion of llmo for fish. Written by .ci/generate.py from the program: do not edit.

set -g __llmo_valued --allow-private-to --as-if --billed --by --cache --concurrency --confirm-over --conversation --define --errors --export --file --html --id-field --import --input-format --keep --limit --max --max-cost --max-failures --max-price --max-tokens --min-context --model --name --option --output --output-format --profile --progress --prompt --provider --prune --refresh-prices --repair --reparse --report --retries --rows --rpm --run --sample --schema --seed --sha256 --share --since --sort --stop --strategy --supports --system --tag --task --temperature --template --timeout --tpm --until -D -P -f -j -m -o -s -t
set -g __llmo_groups profile

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
            set -a path $word
        end
    end
    string join ' ' -- $path
end

function __llmo_at --description 'Whether this command is being completed'
    set -l path (__llmo_path)
    test "$path" = "$argv"
end

function __llmo_run --description 'Ask llmo for values, with the profile of this line'
    set -l words (commandline -opc)
    set -l profile
    for i in (seq (count $words))
        contains -- $words[$i] -P --profile; and test $i -lt (count $words); and set profile -P $words[(math $i + 1)]
    end
    command llmo $profile $argv 2>/dev/null
end

complete -c llmo -f

# llmo
complete -c llmo -n '__llmo_at' -a ask -d 'Send one prompt and stream the answer.'
complete -c llmo -n '__llmo_at' -a batch -d 'Run a prompt over many rows or files; the same command again goes on where it stopped.'
complete -c llmo -n '__llmo_at' -a route -d 'Show which model would answer, and why; sends nothing.'
complete -c llmo -n '__llmo_at' -a cost -d 'Show what was spent.'
complete -c llmo -n '__llmo_at' -a models -d 'List models with prices, context and readiness.'
complete -c llmo -n '__llmo_at' -a profile -d 'Create, show, check and change profiles.'
complete -c llmo -n '__llmo_at' -l version -d 'Show the version and exit.'
complete -c llmo -n '__llmo_at' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at' -s h -l help -d 'Show help and exit.'

# llmo ask
complete -c llmo -n '__llmo_at ask' -s m -l model -d 'provider/model, an alias or auto; repeat for a chain.' -x -a 'auto (__llmo_run models --names)'
complete -c llmo -n '__llmo_at ask' -s t -l task -d 'simple, complex, general, a task of the profile, or auto.' -x -a 'simple complex general auto'
complete -c llmo -n '__llmo_at ask' -l strategy -d 'How candidates are ordered.' -x -a 'profile cheapest fastest balanced'
complete -c llmo -n '__llmo_at ask' -l private -d 'Never leave this machine.'
complete -c llmo -n '__llmo_at ask' -l allow-private-to -d 'Let detected private data go there; repeatable.' -x
complete -c llmo -n '__llmo_at ask' -l no-fallback -d 'First candidate only.'
complete -c llmo -n '__llmo_at ask' -l max-cost -d 'Hard cap in dollars for this command.' -x
complete -c llmo -n '__llmo_at ask' -l fit -d 'Lower --max-tokens to what the budget allows.'
complete -c llmo -n '__llmo_at ask' -l max-tokens -d 'Limit of output tokens.' -x
complete -c llmo -n '__llmo_at ask' -l temperature -d 'Sampling temperature.' -x
complete -c llmo -n '__llmo_at ask' -l seed -d 'Sampling seed.' -x
complete -c llmo -n '__llmo_at ask' -l stop -d 'Stop at this text; repeatable.' -x
complete -c llmo -n '__llmo_at ask' -l timeout -d 'Seconds for one call, retries included; or 2m.' -x
complete -c llmo -n '__llmo_at ask' -l retries -d 'Attempts per candidate after the first.' -x
complete -c llmo -n '__llmo_at ask' -l tag -d 'KEY=VALUE stored with every call; repeatable.' -x
complete -c llmo -n '__llmo_at ask' -l lenient -d 'Leave out parameters that a model does not take, with a warning.'
complete -c llmo -n '__llmo_at ask' -l allow-unpriced -d 'Let a model without a known price run under a budget.'
complete -c llmo -n '__llmo_at ask' -s s -l system -d 'System prompt; @FILE reads a file.' -x
complete -c llmo -n '__llmo_at ask' -s f -l file -d 'Text or image to send along; repeatable.' -r -F
complete -c llmo -n '__llmo_at ask' -l template -d 'Prompt template: a path, or a name in the templates folder.' -r -F
complete -c llmo -n '__llmo_at ask' -s D -l define -d 'Value of a template\'s field.' -x
complete -c llmo -n '__llmo_at ask' -l schema -d 'JSON Schema that the answer must match.' -r -F
complete -c llmo -n '__llmo_at ask' -s o -l option -d 'KEY=VALUE sent to the provider as it is; repeatable.' -x
complete -c llmo -n '__llmo_at ask' -s n -l no-stdin -d 'Do not read standard input.'
complete -c llmo -n '__llmo_at ask' -s c -l continue -d 'Continue the last conversation.'
complete -c llmo -n '__llmo_at ask' -l conversation -d 'Continue this conversation.' -x
complete -c llmo -n '__llmo_at ask' -l no-log -d 'Keep no texts of this call.'
complete -c llmo -n '__llmo_at ask' -l cache -d 'Take the answer to the same request of at most this age.' -x
complete -c llmo -n '__llmo_at ask' -l compare -d 'Ask every -m at once and show the answers beside each other.'
complete -c llmo -n '__llmo_at ask' -l dry-run -d 'Show the plan, send nothing.'
complete -c llmo -n '__llmo_at ask' -l stream -d 'Show the answer as it comes (default) or at its end.'
complete -c llmo -n '__llmo_at ask' -l no-stream -d 'Show the answer as it comes (default) or at its end.'
complete -c llmo -n '__llmo_at ask' -l markdown -d 'Render markdown (default on a terminal) or show the text as it is.'
complete -c llmo -n '__llmo_at ask' -l raw -d 'Render markdown (default on a terminal) or show the text as it is.'
complete -c llmo -n '__llmo_at ask' -l json -d 'Print one JSON object, also on failure.'
complete -c llmo -n '__llmo_at ask' -l ndjson -d 'Print events as JSON lines.'
complete -c llmo -n '__llmo_at ask' -l strict -d 'Exit 6 when the token limit cut the answer.'
complete -c llmo -n '__llmo_at ask' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at ask' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at ask' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at ask' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at ask' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at ask' -s h -l help -d 'Show help and exit.'

# llmo batch
complete -c llmo -n '__llmo_at batch' -s m -l model -d 'provider/model, an alias or auto; repeat for a chain.' -x -a 'auto (__llmo_run models --names)'
complete -c llmo -n '__llmo_at batch' -s t -l task -d 'simple, complex, general, a task of the profile, or auto.' -x -a 'simple complex general auto'
complete -c llmo -n '__llmo_at batch' -l strategy -d 'How candidates are ordered.' -x -a 'profile cheapest fastest balanced'
complete -c llmo -n '__llmo_at batch' -l private -d 'Never leave this machine.'
complete -c llmo -n '__llmo_at batch' -l allow-private-to -d 'Let detected private data go there; repeatable.' -x
complete -c llmo -n '__llmo_at batch' -l no-fallback -d 'First candidate only.'
complete -c llmo -n '__llmo_at batch' -l max-cost -d 'Hard cap in dollars for this command.' -x
complete -c llmo -n '__llmo_at batch' -l fit -d 'Lower --max-tokens to what the budget allows.'
complete -c llmo -n '__llmo_at batch' -l max-tokens -d 'Limit of output tokens.' -x
complete -c llmo -n '__llmo_at batch' -l temperature -d 'Sampling temperature.' -x
complete -c llmo -n '__llmo_at batch' -l seed -d 'Sampling seed.' -x
complete -c llmo -n '__llmo_at batch' -l stop -d 'Stop at this text; repeatable.' -x
complete -c llmo -n '__llmo_at batch' -l timeout -d 'Seconds for one call, retries included; or 2m.' -x
complete -c llmo -n '__llmo_at batch' -l retries -d 'Attempts per candidate after the first.' -x
complete -c llmo -n '__llmo_at batch' -l tag -d 'KEY=VALUE stored with every call; repeatable.' -x
complete -c llmo -n '__llmo_at batch' -l lenient -d 'Leave out parameters that a model does not take, with a warning.'
complete -c llmo -n '__llmo_at batch' -l allow-unpriced -d 'Let a model without a known price run under a budget.'
complete -c llmo -n '__llmo_at batch' -l prompt -d 'Prompt with {{ field }} of the row.' -x
complete -c llmo -n '__llmo_at batch' -l template -d 'File with such a prompt.' -r -F
complete -c llmo -n '__llmo_at batch' -s s -l system -d 'System prompt; @FILE reads a file.' -x
complete -c llmo -n '__llmo_at batch' -l files -d 'Each input is a file, a pattern or a directory; a file is a row.'
complete -c llmo -n '__llmo_at batch' -l input-format -d 'What the inputs hold; auto: by their names and keys.' -x -a 'auto jsonl csv tsv lines parquet openai-batch'
complete -c llmo -n '__llmo_at batch' -l id-field -d 'Field that names a row (else custom_id or id).' -x
complete -c llmo -n '__llmo_at batch' -l limit -d 'Only the first N rows.' -x
complete -c llmo -n '__llmo_at batch' -l sample -d 'N rows by chance, the same ones each time.' -x
complete -c llmo -n '__llmo_at batch' -l schema -d 'JSON Schema that each answer must match.' -r -F
complete -c llmo -n '__llmo_at batch' -l repair -d 'Times an answer that does not match it is sent back.' -x
complete -c llmo -n '__llmo_at batch' -l option -d 'KEY=VALUE sent to the provider as it is; repeatable.' -x
complete -c llmo -n '__llmo_at batch' -s o -l output -d 'File that rows are appended to.' -r -F
complete -c llmo -n '__llmo_at batch' -l output-format -d 'Shape of the output (else by its name, else jsonl).' -x -a 'jsonl csv parquet openai-batch'
complete -c llmo -n '__llmo_at batch' -l errors -d 'Failed rows apart, ready to be an input.' -r -F
complete -c llmo -n '__llmo_at batch' -l keep -d 'Input field to copy to the output; \'*\' is all; repeatable.' -x
complete -c llmo -n '__llmo_at batch' -l ordered -d 'Rows in the order of the input.'
complete -c llmo -n '__llmo_at batch' -l progress -d 'How progress is shown on stderr.' -x -a 'auto bar log none'
complete -c llmo -n '__llmo_at batch' -l report -d 'Write a summary of the run as JSON.' -r -F
complete -c llmo -n '__llmo_at batch' -l json -d 'With --dry-run: print one JSON object.'
complete -c llmo -n '__llmo_at batch' -s j -l concurrency -d 'Rows in flight: a number, or auto.' -x
complete -c llmo -n '__llmo_at batch' -l rpm -d 'Requests a minute, at most.' -x
complete -c llmo -n '__llmo_at batch' -l tpm -d 'Tokens a minute, at most.' -x
complete -c llmo -n '__llmo_at batch' -l share -d 'Share of the limits to use; the rest is for others.' -x
complete -c llmo -n '__llmo_at batch' -l retry-errors -d 'Of failed rows, run those =KIND again (without: all, rows in doubt too).'
complete -c llmo -n '__llmo_at batch' -l restart -d 'Throw the output away and begin anew.'
complete -c llmo -n '__llmo_at batch' -l at-most-once -d 'Never send a row again that was in flight at a crash.'
complete -c llmo -n '__llmo_at batch' -l durable -d 'Sync every row to the disk.'
complete -c llmo -n '__llmo_at batch' -l max-failures -d 'Stop after more failed rows than this.' -x
complete -c llmo -n '__llmo_at batch' -l compare -d 'Ask every -m for each row; a line has all answers.'
complete -c llmo -n '__llmo_at batch' -l no-dedupe -d 'Send equal requests each for itself.'
complete -c llmo -n '__llmo_at batch' -l dry-run -d 'Show rows, tokens and cost, send nothing.'
complete -c llmo -n '__llmo_at batch' -l check -d 'Refuse a bad row anywhere before anything is sent.'
complete -c llmo -n '__llmo_at batch' -s y -l yes -d 'Ask nothing.'
complete -c llmo -n '__llmo_at batch' -l confirm-over -d 'Ask when it may cost more.' -x
complete -c llmo -n '__llmo_at batch' -l run -d 'Name of the run in `llmo cost`.' -x
complete -c llmo -n '__llmo_at batch' -l reparse -d 'Hold an output\'s answers against --schema again, without a call.' -r -F
complete -c llmo -n '__llmo_at batch' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at batch' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at batch' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at batch' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at batch' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at batch' -s h -l help -d 'Show help and exit.'
complete -c llmo -n '__llmo_at batch' -F

# llmo route
complete -c llmo -n '__llmo_at route' -s m -l model -d 'provider/model, an alias or auto; repeat for a chain.' -x -a 'auto (__llmo_run models --names)'
complete -c llmo -n '__llmo_at route' -s t -l task -d 'simple, complex, general, a task of the profile, or auto.' -x -a 'simple complex general auto'
complete -c llmo -n '__llmo_at route' -l strategy -d 'How candidates are ordered.' -x -a 'profile cheapest fastest balanced'
complete -c llmo -n '__llmo_at route' -l private -d 'Never leave this machine.'
complete -c llmo -n '__llmo_at route' -l allow-private-to -d 'Let detected private data go there; repeatable.' -x
complete -c llmo -n '__llmo_at route' -l no-fallback -d 'First candidate only.'
complete -c llmo -n '__llmo_at route' -l max-cost -d 'Hard cap in dollars for this command.' -x
complete -c llmo -n '__llmo_at route' -l fit -d 'Lower --max-tokens to what the budget allows.'
complete -c llmo -n '__llmo_at route' -l max-tokens -d 'Limit of output tokens.' -x
complete -c llmo -n '__llmo_at route' -l temperature -d 'Sampling temperature.' -x
complete -c llmo -n '__llmo_at route' -l seed -d 'Sampling seed.' -x
complete -c llmo -n '__llmo_at route' -l stop -d 'Stop at this text; repeatable.' -x
complete -c llmo -n '__llmo_at route' -l timeout -d 'Seconds for one call, retries included; or 2m.' -x
complete -c llmo -n '__llmo_at route' -l retries -d 'Attempts per candidate after the first.' -x
complete -c llmo -n '__llmo_at route' -l tag -d 'KEY=VALUE stored with every call; repeatable.' -x
complete -c llmo -n '__llmo_at route' -l lenient -d 'Leave out parameters that a model does not take, with a warning.'
complete -c llmo -n '__llmo_at route' -l allow-unpriced -d 'Let a model without a known price run under a budget.'
complete -c llmo -n '__llmo_at route' -s s -l system -d 'System prompt; @FILE reads a file.' -x
complete -c llmo -n '__llmo_at route' -s f -l file -d 'Text or image to send along; repeatable.' -r -F
complete -c llmo -n '__llmo_at route' -l template -d 'Prompt template: a path, or a name in the templates folder.' -r -F
complete -c llmo -n '__llmo_at route' -s D -l define -d 'Value of a template\'s field.' -x
complete -c llmo -n '__llmo_at route' -l schema -d 'JSON Schema that the answer must match.' -r -F
complete -c llmo -n '__llmo_at route' -s o -l option -d 'KEY=VALUE sent to the provider as it is; repeatable.' -x
complete -c llmo -n '__llmo_at route' -s n -l no-stdin -d 'Do not read standard input.'
complete -c llmo -n '__llmo_at route' -l json -d 'Print one JSON object.'
complete -c llmo -n '__llmo_at route' -l probe -d 'Ask each provider whether it answers.'
complete -c llmo -n '__llmo_at route' -l rows -d 'Plan each prompt of a file (JSONL or lines; `-`: stdin).' -r -F
complete -c llmo -n '__llmo_at route' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at route' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at route' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at route' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at route' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at route' -s h -l help -d 'Show help and exit.'

# llmo cost
complete -c llmo -n '__llmo_at cost' -l since -d 'From here on: 7d, 24h, 2026-11-01.' -x
complete -c llmo -n '__llmo_at cost' -l until -d 'Up to here; a date counts whole.' -x
complete -c llmo -n '__llmo_at cost' -l run -d 'Only this run.' -x
complete -c llmo -n '__llmo_at cost' -l tag -d 'Only calls with KEY=VALUE; repeatable.' -x
complete -c llmo -n '__llmo_at cost' -l by -d 'day, week, month, provider, model, task, tag:KEY, run, outcome; repeatable.' -x -a 'day week month provider model task run outcome tag:'
complete -c llmo -n '__llmo_at cost' -l json -d 'Print one JSON object.'
complete -c llmo -n '__llmo_at cost' -l csv -d 'Print CSV that no spreadsheet runs.'
complete -c llmo -n '__llmo_at cost' -l plot -d 'Spend over time by model, as bars.'
complete -c llmo -n '__llmo_at cost' -l budgets -d 'Show the status of each budget.'
complete -c llmo -n '__llmo_at cost' -l as-if -d 'What the same tokens would have cost there.' -x -a 'auto (__llmo_run models --names)'
complete -c llmo -n '__llmo_at cost' -l github-summary -d 'Append markdown to $GITHUB_STEP_SUMMARY.'
complete -c llmo -n '__llmo_at cost' -l html -d 'Write one page with charts.' -r -F
complete -c llmo -n '__llmo_at cost' -l check -d 'Exit 3 when any budget is used up.'
complete -c llmo -n '__llmo_at cost' -l max -d 'With --check: exit 3 when more than this was spent.' -x
complete -c llmo -n '__llmo_at cost' -l reconcile -d 'First settle what is in doubt or crashed processes hold.'
complete -c llmo -n '__llmo_at cost' -l billed -d 'With --reconcile: what was billed of what is in doubt.' -x -a 'all received'
complete -c llmo -n '__llmo_at cost' -l prune -d 'Delete texts older than this; money stays.' -x
complete -c llmo -n '__llmo_at cost' -l export -d 'Write every call as a line of JSON; - is stdout.' -r -F
complete -c llmo -n '__llmo_at cost' -l import -d 'Take in calls that --export wrote; again changes nothing.' -r -F
complete -c llmo -n '__llmo_at cost' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at cost' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at cost' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at cost' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at cost' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at cost' -s h -l help -d 'Show help and exit.'

# llmo models
complete -c llmo -n '__llmo_at models' -l provider -d 'Only of this provider; repeatable.' -x -a '(__llmo_run models --names | string replace -r \'/.*\' \'\' | sort -u)'
complete -c llmo -n '__llmo_at models' -l local -d 'Only on this machine.'
complete -c llmo -n '__llmo_at models' -l ready -d 'Only what can be asked now.'
complete -c llmo -n '__llmo_at models' -l max-price -d 'At most this many dollars per million output tokens.' -x
complete -c llmo -n '__llmo_at models' -l min-context -d 'At least this many tokens of context.' -x
complete -c llmo -n '__llmo_at models' -l supports -d 'vision, schema, tools or reasoning; repeatable.' -x -a 'vision schema tools reasoning'
complete -c llmo -n '__llmo_at models' -l sort -d 'Order.' -x -a 'price context name'
complete -c llmo -n '__llmo_at models' -l refresh -d 'Ask each provider; otherwise no network.'
complete -c llmo -n '__llmo_at models' -l refresh-prices -d 'Use this newer price table from now on; needs --sha256.' -r -F
complete -c llmo -n '__llmo_at models' -l sha256 -d 'Checksum of the table, from where you trust it.' -x
complete -c llmo -n '__llmo_at models' -l json -d 'Print a JSON list.'
complete -c llmo -n '__llmo_at models' -l names -d 'Print names, one a line.'
complete -c llmo -n '__llmo_at models' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at models' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at models' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at models' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at models' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at models' -s h -l help -d 'Show help and exit.'

# llmo profile
complete -c llmo -n '__llmo_at profile' -a init -d 'Write a first profile from what is found: keys, Ollama, cursor-agent.'
complete -c llmo -n '__llmo_at profile' -a show -d 'Show effective values with their origin; secrets masked.'
complete -c llmo -n '__llmo_at profile' -a check -d 'Validate the profile; name every problem with its line.'
complete -c llmo -n '__llmo_at profile' -a path -d 'Print the file that would be read.'
complete -c llmo -n '__llmo_at profile' -a list -d 'List profiles; `*` marks the one in use.'
complete -c llmo -n '__llmo_at profile' -a set -d 'Change one value; comments stay.'
complete -c llmo -n '__llmo_at profile' -a schema -d 'Print the JSON Schema of profiles, for editors.'
complete -c llmo -n '__llmo_at profile' -s h -l help -d 'Show help and exit.'

# llmo profile init
complete -c llmo -n '__llmo_at profile init' -s y -l yes -d 'Ask nothing: use what is found.'
complete -c llmo -n '__llmo_at profile init' -l name -d 'Name of the profile.' -x
complete -c llmo -n '__llmo_at profile init' -l force -d 'Replace a profile that is there.'
complete -c llmo -n '__llmo_at profile init' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at profile init' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at profile init' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at profile init' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at profile init' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at profile init' -s h -l help -d 'Show help and exit.'

# llmo profile show
complete -c llmo -n '__llmo_at profile show' -l json -d 'Print JSON.'
complete -c llmo -n '__llmo_at profile show' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at profile show' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at profile show' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at profile show' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at profile show' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at profile show' -s h -l help -d 'Show help and exit.'

# llmo profile check
complete -c llmo -n '__llmo_at profile check' -l probe -d 'Ask each provider whether it answers.'
complete -c llmo -n '__llmo_at profile check' -l json -d 'Print JSON.'
complete -c llmo -n '__llmo_at profile check' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at profile check' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at profile check' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at profile check' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at profile check' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at profile check' -s h -l help -d 'Show help and exit.'

# llmo profile path
complete -c llmo -n '__llmo_at profile path' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at profile path' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at profile path' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at profile path' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at profile path' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at profile path' -s h -l help -d 'Show help and exit.'

# llmo profile list
complete -c llmo -n '__llmo_at profile list' -l json -d 'Print JSON.'
complete -c llmo -n '__llmo_at profile list' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at profile list' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at profile list' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at profile list' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at profile list' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at profile list' -s h -l help -d 'Show help and exit.'

# llmo profile set
complete -c llmo -n '__llmo_at profile set' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at profile set' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at profile set' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at profile set' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at profile set' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at profile set' -s h -l help -d 'Show help and exit.'

# llmo profile schema
complete -c llmo -n '__llmo_at profile schema' -s P -l profile -d 'Profile to use: a name, or a path.' -r -F -a '(__llmo_run profile list | string replace -r \'^..(.*?)(  \\(built-in\\))?$\' \'$1\')'
complete -c llmo -n '__llmo_at profile schema' -s q -l quiet -d 'No progress, no cost line.'
complete -c llmo -n '__llmo_at profile schema' -s v -l verbose -d 'Say what is done and why.'
complete -c llmo -n '__llmo_at profile schema' -l debug -d 'Tracebacks and the wire log, secrets masked.'
complete -c llmo -n '__llmo_at profile schema' -l no-color -d 'No colour.'
complete -c llmo -n '__llmo_at profile schema' -s h -l help -d 'Show help and exit.'
