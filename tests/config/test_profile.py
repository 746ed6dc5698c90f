"""Profiles as they are read: precedence, origins, and every problem with its place."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from textwrap import dedent

import pytest

from llmo.config import cache, ollama
from llmo.config.credentials import why_not_ready
from llmo.config.load import load
from llmo.errors import ConfigError

KINDS = "openai, anthropic, ollama, openrouter, litellm, litellm-proxy, cursor, offline"
SECRET = "keys do not belong in the profile: use api_key_env, api_key_cmd or api_key_keyring"
ADDRESS = "expected an address that starts with http:// or https://"


@pytest.fixture
def env(tmp_path):
    return {
        "LLMO_CONFIG_DIR": str(tmp_path / "config"),
        "LLMO_CACHE_DIR": str(tmp_path / "cache"),
        "PATH": str(tmp_path / "bin"),
    }


@pytest.fixture
def profile(tmp_path):
    """Write a profile file; its path."""

    def write(text, name="p.toml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode())
        return str(path)

    return write


def refusal(path, env, **more):
    """The lines of the error, the file's name cut out of them."""
    with pytest.raises(ConfigError) as caught:
        load(str(path), env=env, **more)
    return caught.value.message.replace(str(path), "p.toml").split("\n")


FILE = """
    timeout = 10
    retries = 1
    [providers.openai]
    kind = "openai"
    base_url = "https://file/v1"
"""


def test_flag_over_environment_over_file_over_built_in(env, profile):
    """
    The highest source that says something wins, and is named as the origin.
    """
    path = profile(FILE)
    env |= {"LLMO_RETRIES": "3", "LLMO_TIMEOUT": "20"}
    loaded = load(path, env=env, overrides={"timeout": 30.0, "task": None})

    assert (30.0, 3, "https://file/v1", 90) == (
        loaded.profile.timeout,
        loaded.profile.retries,
        loaded.profile.providers["openai"].base_url,
        loaded.profile.retention_days,
    )
    assert {
        "timeout": "flag --timeout",
        "retries": "environment LLMO_RETRIES",
        "providers.openai.kind": f"profile {path}:4",
        "providers.openai.base_url": f"profile {path}:5",
        "tasks.simple.primary": "built-in",
    } == {
        key: loaded.origins[key]
        for key in ("timeout", "retries", "providers.openai.kind", "providers.openai.base_url", "tasks.simple.primary")
    }


def test_a_warm_start_gives_the_same(env, profile):
    """
    What comes from the cache is what validation gave, origins and header values included.
    """
    path = profile(FILE + '    headers = { "X-Team" = "search" }\n    models = ["a"]\n')
    cold = load(path, env=env)
    warm = load(path, env=env)

    assert (cold.profile, cold.origins) == (warm.profile, warm.origins)


def test_a_warm_start_imports_no_pydantic(env, profile):
    """
    The second start with the same sources does not validate again.
    """
    path = profile(FILE)
    load(path, env=env)
    code = f"import sys; from llmo.config.load import load; load({path!r}, env={env!r}); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert set() == {"pydantic", "pydantic_settings", "tomllib", "tomlkit", "zoneinfo"} & set(run.stdout.split())


def test_an_edited_checkout_makes_profiles_anew(tmp_path, monkeypatch):
    """
    It has no new version: the key of the cache changes with each module of the room.
    """
    (tmp_path / "a.py").touch()
    before = cache.fingerprint(["p"], tmp_path)
    os.utime(tmp_path / "a.py", ns=(0, 0))

    assert before != cache.fingerprint(["p"], tmp_path)
    assert (cache.ROOM / "kinds.py").is_file()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda env, path: path.write_text("timeout = 11"), id="file"),
        pytest.param(lambda env, path: env.update(LLMO_TIMEOUT="11"), id="environment"),
    ],
)
def test_a_change_is_seen_at_once(env, tmp_path, profile, change):
    """
    No start takes a value from the cache that its sources no longer say.
    """
    path = tmp_path / profile("timeout = 10")
    load(str(path), env=env)
    change(env, path)

    assert load(str(path), env=env).profile.timeout == 11.0


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:-20]), id="torn"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes().replace(b"10.0", b"99.0")), id="changed"),
        pytest.param(lambda file: file.write_bytes(b"\xff"), id="rubbish"),
        pytest.param(lambda file: file.unlink(), id="lost"),
        pytest.param(lambda file: file.chmod(0o644), id="others may have read or written it"),
    ],
)
def test_a_broken_cache_is_passed_over(env, tmp_path, profile, damage):
    """
    Whatever happens to the cache, the profile is right.
    """
    path = profile("timeout = 10")
    load(path, env=env)
    [file] = (tmp_path / "cache" / "profiles").iterdir()
    damage(file)

    assert load(path, env=env).profile.timeout == 10.0


def test_a_cache_that_cannot_be_written_is_no_matter(env, profile, tmp_path):
    """
    A profile loads where the cache directory is a file.
    """
    env["LLMO_CACHE_DIR"] = profile("", name="cache")

    assert load(profile("timeout = 10"), env=env).profile.timeout == 10.0


def test_the_cache_holds_no_header_value(env, tmp_path, profile):
    """
    Header values may be secrets, from the file or from the environment: none is stored a second time.
    """
    path = profile(FILE + '    headers = { "X-Key" = "hidden-in-file" }\n')
    env["LLMO_PROVIDERS__OPENAI__HEADERS"] = '{"X-Other": "hidden-in-env"}'
    loaded = load(path, env=env)
    kept = b"".join(file.read_bytes() for file in (tmp_path / "cache" / "profiles").iterdir())

    assert {"X-Key": "hidden-in-file", "X-Other": "hidden-in-env"} == loaded.profile.providers["openai"].headers
    assert load(path, env=env).profile == loaded.profile
    assert b"hidden" not in kept


def test_the_cache_does_not_grow_without_end(env, tmp_path, profile):
    """
    Old files go when new ones come.
    """
    for seconds in range(1, 71):
        load(profile("retries = 1"), env=env, overrides={"timeout": seconds})

    assert len(list((tmp_path / "cache" / "profiles").iterdir())) == 64


def test_every_problem_at_once_with_its_line(env, profile):
    """
    A file with many mistakes is mended in one go: each is a line with place, key, and what is expected.
    """
    path = profile("""
        timeout = "30"
        retries = -1
        retires = 3
        store_texts = 1
        timezone = "Europe/Berln"
        max_tokens = 2.5

        [providers.openai]
        kind = "opnai"
        base-url = "https://x"
        api_key = "sk-verysecret0000"
        [providers.b]
        kind = "openai"
        base_url = "ftp://x"
        models = "gpt"
        headers = { A = 1 }
        api_key_env = "sk-verysecret0000"
        [providers.c]
        rpm = 1
        [tasks.simple]
        primary = [
          "opena/x",  # comment
          "fastt",
          3,
        ]
        [aliases]
        fast = "nowhere/x"
        [[budgets]]
        name = "a"
        [[budgets]]
        name = "a"
        limit_usd = 5.0
        [[budgets]]
        name = "c"
        limit_usd = "NaN"
        window = "dya"
        match = { provder = "x" }
        [[prices]]
        model = "x/*"
        input_usd = "cheap"
        output_usd = "-1"
    """)

    assert [
        'p.toml:1: timeout: expected a number, got "30"',
        "p.toml:2: retries: expected at least 0, got -1",
        "p.toml:3: retires: unknown key; did you mean retries?",
        "p.toml:4: store_texts: expected true or false, got 1",
        "p.toml:5: timezone: unknown time zone: Europe/Berln; did you mean Europe/Berlin?",
        "p.toml:6: max_tokens: expected a whole number, got 2.5",
        f"p.toml:9: providers.openai.kind: unknown kind: opnai; did you mean openai? (kinds: {KINDS})",
        "p.toml:10: providers.openai.base-url: unknown key; did you mean base_url?",
        f"p.toml:11: providers.openai.api_key: unknown key; {SECRET}",
        f'p.toml:14: providers.b.base_url: {ADDRESS}, got "ftp://x"',
        'p.toml:15: providers.b.models: expected a list of strings, got "gpt"',
        "p.toml:16: providers.b.headers.A: expected a string, got a number",
        "p.toml:17: providers.b.api_key_env: expected the name of an environment variable, such as OPENAI_API_KEY",
        f"p.toml:18: providers.c.kind: missing, one of {KINDS}",
        "p.toml:22: tasks.simple.primary.0: unknown provider: opena; did you mean openai?",
        'p.toml:23: tasks.simple.primary.1: expected provider/model or an alias, got "fastt"; did you mean fast?',
        "p.toml:24: tasks.simple.primary.2: expected a string, got 3",
        "p.toml:27: aliases.fast: unknown provider: nowhere (providers: offline, openai, b, c)",
        "p.toml:28: budgets.0: a budget needs limit_usd or limit_calls",
        "p.toml:31: budgets.1.name: two budgets are named a",
        'p.toml:32: budgets.1.limit_usd: expected dollars in quotes, as "2.50", got 5.0 without quotes',
        'p.toml:35: budgets.2.limit_usd: expected an amount in dollars from 0 to 1,000,000, such as 2.50, got "NaN"',
        'p.toml:36: budgets.2.window: expected one of run, day, week, month, total, got "dya"; did you mean day?',
        "p.toml:37: budgets.2.match.provder: unknown key; did you mean provider? (keys: provider, model, task, tag.KEY)",
        'p.toml:40: prices.0.input_usd: expected an amount in dollars from 0 to 10,000, such as 2.50, got "cheap"',
        'p.toml:41: prices.0.output_usd: expected an amount in dollars from 0 to 10,000, such as 2.50, got "-1"',
    ] == refusal(path, env)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a = = 1", "p.toml:1:5: not valid TOML: invalid value", id="no value"),
        pytest.param("# one\nx = 1\nx = 2\ny = 3", "p.toml:3:6: not valid TOML: cannot overwrite a value", id="twice"),
        pytest.param('# one\n\nx = "', "p.toml:3: not valid TOML: unterminated string", id="end"),
        pytest.param(b"\nx = '\xff'", "p.toml:2: not valid UTF-8", id="encoding"),
        pytest.param(f"x = {'[' * 5000}", "p.toml: not valid TOML: nested too deeply or a number too long", id="deep"),
        pytest.param(f"x = {'9' * 5000}", "p.toml: not valid TOML: nested too deeply or a number too long", id="long"),
        pytest.param("timeout = nan", "p.toml:1: timeout: expected a number, got nan", id="nan"),
        pytest.param("timeout = inf", "p.toml:1: timeout: expected a number, got inf", id="inf"),
        pytest.param("timeout = true", "p.toml:1: timeout: expected a number, got true", id="true is no number"),
        pytest.param("timeout = 1999-01-01", "p.toml:1: timeout: expected a number, got a date or time", id="date"),
        pytest.param("model = 3", "p.toml:1: model: expected a string, got 3", id="number for text"),
        pytest.param("providers = 3", "p.toml:1: providers: expected a table, got 3", id="number for a table"),
        pytest.param(
            "budgets = {}", "p.toml:1: budgets: expected a list of tables, got a table", id="table for a list"
        ),
        pytest.param("budgets = [3]", "p.toml:1: budgets.0: expected a table, got 3", id="item"),
        pytest.param("zzz = 3", None, id="no key is near"),
        pytest.param(
            '[providers."a/b"]\nkind = "offline"',
            'p.toml:1: providers."a/b": a provider\'s name must not be empty or contain a slash: models are named provider/model',
            id="slash in a name",
        ),
        pytest.param(
            '[providers.x]\nkind = "openai"\nbase_url = "https://me:pw-hidden@h/v1"',
            "p.toml:3: providers.x.base_url: an address must not contain a user name or password; keys do not belong in the profile: "
            "use api_key_env, api_key_cmd or api_key_keyring",
            id="password in an address",
        ),
        pytest.param('task = "simpel"', "p.toml:1: task: unknown task: simpel; did you mean simple?", id="task"),
        pytest.param('model = "fast"', None, id="alias that is none"),
        pytest.param(
            '[[budgets]]\nname = "a"\nlimit_calls = -1',
            "p.toml:3: budgets.0.limit_calls: expected at least 0, got -1",
            id="negative calls",
        ),
        pytest.param(
            '[[budgets]]\nname = "a"\nlimit_usd = "1e40"',
            'p.toml:3: budgets.0.limit_usd: expected an amount in dollars from 0 to 1,000,000, such as 2.50, got "1e40"',
            id="more money than there is",
        ),
        pytest.param(
            '[[budgets]]\nname = "a"\nlimit_calls = 1\nmatch = { provider = "opneai" }',
            "p.toml:4: budgets.0.match.provider: unknown provider: opneai; did you mean openai?",
            id="a budget that would count nothing",
        ),
    ],
)
def test_one_problem_is_one_line(env, profile, text, message):
    """
    Place, key, what was expected and what was found.
    """
    lines = refusal(profile(text), env)

    assert 1 == len(lines)
    assert message is None or [message] == lines


@pytest.mark.parametrize("limit", [pytest.param(limit, id=limit) for limit in ('limit_usd = "0"', "limit_calls = 0")])
def test_a_budget_of_nothing_is_a_budget(env, profile, limit):
    """
    Zero is a limit: nothing passes.
    """
    path = profile(f'[[budgets]]\nname = "none"\n{limit}')

    assert [budget.name for budget in load(path, env=env).profile.budgets] == ["none"]


def test_secrets_in_the_wrong_place_are_not_repeated(env, profile):
    """
    Whoever writes a key into the profile does not find it again in a log of CI.
    """
    path = profile("""
        [providers.x]
        kind = "openai"
        api_key = "hidden"
        api_key_env = "hidden-key"
        base_url = "https://u:hidden@h"
        headers = "Bearer hidden"
    """)

    assert "hidden" not in "\n".join(refusal(path, env))


def test_environment_problems_name_the_variable(env):
    """
    A variable that is no setting, or holds no value of its type, is an error like one in the file.
    """
    env |= {"LLMO_TIMEOT": "3", "LLMO_RETRIES": "x", "LLMO_PROVIDERS__OPENAI__BASEURL": "x", "OPENAI_BASE_URL": "h:1"}
    env |= {"LLMO_PROVIDERS__MINE__RPM": "5", "LLMO_PROVIDERS__OPENAI__RPM__X": "1"}

    assert [
        "environment LLMO_PROVIDERS__OPENAI__BASEURL: no such setting; did you mean LLMO_PROVIDERS__OPENAI__BASE_URL?",
        "environment LLMO_PROVIDERS__OPENAI__RPM__X: no such setting",
        "environment LLMO_TIMEOT: no such setting; did you mean LLMO_TIMEOUT?",
        'environment LLMO_RETRIES: retries: expected a whole number, got "x"',
        f"environment LLMO_PROVIDERS__MINE__RPM: providers.mine.kind: missing, one of {KINDS}",
        f'environment OPENAI_BASE_URL: providers.openai.base_url: {ADDRESS}, got "h:1"',
    ] == refusal("default", env)


@pytest.mark.parametrize(
    ("variable", "value", "read"),
    [
        pytest.param("LLMO_TIMEOUT", "30", lambda p: p.timeout == 30.0, id="number"),
        pytest.param("LLMO_STORE_TEXTS", "off", lambda p: p.store_texts is False, id="switch"),
        pytest.param("LLMO_PRIVACY__DETECT", "[]", lambda p: p.privacy.detect == (), id="list"),
        pytest.param("LLMO_PROVIDERS__MY_VLLM__RPM", "7", lambda p: p.providers["my-vllm"].rpm == 7, id="punctuation"),
        pytest.param(
            "LLMO_PROVIDERS__OPENAI__BASE_URL",
            "https://e/v1",
            lambda p: (p.providers["openai"].kind, p.providers["openai"].base_url) == ("openai", "https://e/v1"),
            id="a new provider called as its kind",
        ),
        pytest.param("LLMO_ALIASES", '{"f": "my-vllm/x"}', lambda p: p.aliases == {"f": "my-vllm/x"}, id="table"),
        pytest.param("LLMO_TIMEOUT", "", lambda p: p.timeout == 120.0, id="empty is unset"),
        pytest.param("LLMO_TEST_ANYTHING", "x", lambda p: p.timeout == 120.0, id="the tests' own"),
    ],
)
def test_environment_variables_are_settings(env, profile, variable, value, read):
    """
    Nested names are joined by `__`; lists and tables are JSON.
    """
    path = profile('[providers.my-vllm]\nkind = "openai"\nbase_url = "http://127.0.0.1:1/v1"')

    assert read(load(path, env=env | {variable: value}).profile)


def test_vendors_addresses_move_the_provider_that_is_called_as_its_kind(env, profile):
    """
    `OPENAI_BASE_URL` wins over the file's address of `[providers.openai]`, and leaves other servers alone.
    """
    path = profile(FILE + '[providers.vllm]\nkind = "openai"\nbase_url = "http://v/v1"\n'.replace("[", "    ["))
    env |= {"OPENAI_BASE_URL": "https://env/v1"}
    loaded = load(path, env=env)
    again = load(path, env=env | {"LLMO_PROVIDERS__OPENAI__BASE_URL": "https://own/v1"})

    assert {"openai": "https://env/v1", "vllm": "http://v/v1", "offline": None} == {
        name: provider.base_url for name, provider in loaded.profile.providers.items()
    }
    assert "environment OPENAI_BASE_URL" == loaded.origins["providers.openai.base_url"]
    assert "https://own/v1" == again.profile.providers["openai"].base_url


def test_a_name_is_a_file_in_the_config_directory(env, profile, tmp_path, monkeypatch):
    """
    A name never means a file of the working directory; a path has a separator or ends in .toml.
    """
    profile("timeout = 1", name="config/profiles/work.toml")
    profile("timeout = 2", name="work.toml")
    monkeypatch.chdir(tmp_path)

    assert [1.0, 2.0, 2.0, 1.0] == [
        load("work", env=env).profile.timeout,
        load("./work.toml", env=env).profile.timeout,
        load("work.toml", env=env).profile.timeout,
        load(None, env=env | {"LLMO_PROFILE": "work"}).profile.timeout,
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("wrok", "did you mean work?"),
        ("zzz", "a path has a slash or ends in .toml; known profiles: default, offline, work"),
    ],
)
def test_an_unknown_profile_is_told_with_the_known(env, profile, tmp_path, name, hint):
    """
    A name that is no profile is an error with the nearest name, or all that are.
    """
    profile("", name="config/profiles/work.toml")
    with pytest.raises(ConfigError) as caught:
        load(name, env=env)

    assert (f"unknown profile: {name}", hint) == (caught.value.message, caught.value.hint)
    assert ["no such profile file: p.toml"] == refusal(tmp_path / "no.toml", env)


def test_a_directory_is_no_profile(env, tmp_path):
    """
    What cannot be read is said in one line.
    """
    assert ["cannot read the profile: p.toml: is a directory"] == refusal(tmp_path, env)


def test_a_file_of_a_built_in_name_wins(env, profile):
    """
    `default` and `offline` need no file; one of that name adds to what is built in.
    """
    profile("timeout = 1", name="config/profiles/offline.toml")
    loaded = load("offline", env=env)

    assert (1.0, {"offline"}) == (loaded.profile.timeout, set(loaded.profile.providers))


def test_offline_has_a_chain_for_every_task(env):
    """
    The built-in offline profile answers whatever the task.
    """
    profile = load("offline", env=env).profile

    assert {"simple": ("offline/echo",), "complex": ("offline/echo",), "general": ("offline/echo",)} == {
        name: task.primary for name, task in profile.tasks.items()
    }
    assert None is why_not_ready("offline", profile.providers["offline"], env)


def chain(loaded):
    """The targets of each task, in order."""
    fallback = loaded.profile.fallback
    return {
        name: [*task.primary, *task.secondary, *fallback.openrouter, *fallback.litellm, *fallback.local]
        for name, task in loaded.profile.tasks.items()
    }


def test_default_uses_what_is_there(env):
    """
    Keys in the environment and remembered models of Ollama make the chain; simple tasks stay at home.
    """
    ollama.remember("http://127.0.0.1:11434", ["nomic-embed-text:latest", "llama3.2:latest"], env, now=1.0)
    env |= {"OPENAI_API_KEY": "sk-x", "ANTHROPIC_API_KEY": "sk-y"}

    assert {
        "simple": [
            "ollama/llama3.2:latest",
            "openai/gpt-6-luna",
            "anthropic/claude-haiku-5-5",
            "ollama/llama3.2:latest",
        ],
        "complex": ["anthropic/claude-sonnet-5-5", "openai/gpt-6-sol", "ollama/llama3.2:latest"],
        "general": ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "ollama/llama3.2:latest"],
    } == chain(load(None, env=env))


def test_default_without_anything_says_what_is_missing(env):
    """
    Nothing configured: the chain stands, and each candidate says why it is not ready.
    """
    loaded = load(None, env=env)
    targets = {target.partition("/")[0] for targets in chain(loaded).values() for target in targets}

    assert {"openai", "anthropic", "openrouter"} == targets
    assert {"OPENAI_API_KEY is not set", "ANTHROPIC_API_KEY is not set"} <= {
        why_not_ready(name, loaded.profile.providers[name], env) for name in targets
    }


def test_default_finds_programs_and_proxies(env, tmp_path):
    """
    `cursor-agent` on PATH and the address of a LiteLLM proxy are providers.
    """
    program = tmp_path / "bin" / "cursor-agent"
    program.parent.mkdir()
    program.touch(0o755)
    loaded = load(None, env=env | {"LITELLM_PROXY_URL": "http://127.0.0.1:4000"})

    assert {"cursor", "litellm-proxy"} <= set(loaded.profile.providers)
    assert "http://127.0.0.1:4000" == loaded.profile.providers["litellm-proxy"].base_url


def test_a_file_without_providers_keeps_those_that_are_found(env, profile):
    """
    `llmo profile set timeout 30` on a fresh machine must not switch detection off.
    """
    env |= {"OPENAI_API_KEY": "sk-x"}
    loaded = load(profile("timeout = 30"), env=env)

    assert chain(load(None, env=env)) == chain(loaded)


def test_a_file_with_providers_has_only_those_and_offline(env, profile):
    """
    Who lists one provider is not sent to another, but may try `-m offline/…`; without tasks its models are the chain.
    """
    env |= {"OPENAI_API_KEY": "sk-x", "ANTHROPIC_API_KEY": "sk-y"}
    path = profile('[providers.vllm]\nkind = "openai"\nbase_url = "http://127.0.0.1:1/v1"\nmodels = ["m", "n"]')
    loaded = load(path, env=env)

    assert {"vllm", "offline"} == set(loaded.profile.providers)
    assert not [key for key in loaded.origins if key.startswith("providers.offline")]
    assert {"simple": ["vllm/m"], "complex": ["vllm/m"], "general": ["vllm/m"]} == chain(loaded)


def test_a_chain_may_name_a_kind_without_a_table(env, profile):
    """
    `anthropic/…` in a chain needs no `[providers.anthropic]`: the kind's defaults are all it would say.
    """
    loaded = load(profile('[tasks.simple]\nprimary = ["anthropic/claude-x"]\n[providers.openai]'), env=env)

    assert {"anthropic": "anthropic", "openai": "openai", "offline": "offline"} == {
        name: provider.kind for name, provider in loaded.profile.providers.items()
    }


def test_windows_line_ends_and_byte_order_mark(env, profile):
    """
    Files of Windows editors are read, and lines are counted right.
    """
    path = profile(b"\xef\xbb\xbfretries = 1\r\n\r\ntimeout = 'x'\r\n")

    assert ['p.toml:3: timeout: expected a number, got "x"'] == refusal(path, env)


def test_flags_are_checked_too(env):
    """
    A value of the command line that the profile cannot take names its flag.
    """
    assert ["flag --timeout: timeout: expected more than 0, got -1"] == refusal(
        "default", env, overrides={"timeout": -1}
    )


def test_pure_built_in_equals_its_validation(env):
    """
    The profile that skips validation is the one that validation would give.
    """
    fast = load(None, env=env)
    slow = load(None, env=env | {"LLMO_TIMEOUT": "120"})

    assert asdict(fast.profile) == asdict(slow.profile)
