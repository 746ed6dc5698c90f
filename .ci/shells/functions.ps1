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
