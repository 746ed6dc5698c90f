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
