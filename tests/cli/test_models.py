"""`llmo models` as its user sees it."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llmo.catalog.listing import ListedModel
from llmo.catalog.listings import encoded, path_of

PROFILE = """
[providers.openai]
kind = "openai"
[providers.here]
kind = "openai"
base_url = "{url}/v1"
local = true
[providers.listed]
kind = "openai"
base_url = "https://listed.test/v1"
models = ["b", "a"]
[providers.dead]
kind = "openai"
base_url = "http://127.0.0.1:1/v1"
[providers.ollama]
kind = "ollama"
base_url = "{url}"
[aliases]
mine = "dead/named"
[tasks.general]
primary = ["here/one"]
[[prices]]
model = "listed/a"
input_usd = "0.000001"
output_usd = "2"
"""
REPLIES = {
    "/v1/models": {"object": "list", "data": [{"id": "one", "object": "model"}, {"id": "two", "object": "model"}]},
    "/api/tags": {"models": [{"name": "llama3.1:latest"}]},
}


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(REPLIES.get(self.path, {})).encode()
        self.send_response(200 if self.path in REPLIES else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def models(llmo, url):
    path = llmo.home / "config" / "profiles" / "default.toml"
    path.parent.mkdir(parents=True)
    path.write_text(PROFILE.format(url=url))
    return lambda *args, **how: llmo("models", *args, **how)


def test_what_is_known_without_a_network(models):
    """
    Configured models as they are listed, those that the profile names, and the vendor's own from the table.
    """
    names = models("--names").stdout.split()

    assert ["here/one", "listed/b", "listed/a", "dead/named"] == [
        name for name in names if not name.startswith("openai/")
    ]
    assert "openai/gpt-4o" in names


def test_a_refresh_asks_everybody_at_once_and_remembers(models, llmo):
    """
    A dead provider delays nobody and is named; the next call needs no network.
    """
    run = models("--refresh", "--names", "--provider", "here", "--provider", "dead", "--provider", "ollama")

    assert (0, ["here/one", "here/two", "dead/named", "ollama/llama3.1:latest"]) == (run.code, run.stdout.split())
    assert {"here: 2 models", "ollama: 1 model"} == {line for line in run.stderr.splitlines() if "dead" not in line}
    assert "dead: cannot connect to http://127.0.0.1:1/v1/models" in run.stderr
    assert ["here/one", "here/two"] == models("--names", "--provider", "here").stdout.split()
    assert ["llama3.1:latest"] == json.loads((llmo.home / "cache" / "ollama-models.json").read_text())["models"]


def test_an_object_has_exact_prices_and_their_source(models):
    """
    Dollars per million tokens as decimal strings; null where nobody knows.
    """
    found = {one["model"]: one for one in models("--json", "--provider", "listed").json}

    assert ({"input_usd": "0.000001", "output_usd": "2"}, "profile", None) == (
        {key: found["a"]["price"][key] for key in ("input_usd", "output_usd")},
        found["a"]["price_source"],
        found["a"]["price_date"],
    )
    assert (None, None, None) == tuple(found["b"][key] for key in ("price", "context", "supports"))


def test_the_table_has_a_date_and_says_why_a_model_is_not_ready(models):
    """
    Price in, cached and out, context, and what is missing.
    """
    run = models("gpt-4o", "--provider", "openai")

    assert [
        "openai/gpt-4o",
        "$2.50",
        "$1.25",
        "$10.00",
        "128,000",
        "OPENAI_API_KEY",
        "is",
        "not",
        "set",
    ] == run.stdout.splitlines()[1].split()
    assert "prices: dollars per million tokens, table of 20" in run.stdout


def test_models_say_where_the_sources_of_a_price_disagree(llmo):
    """
    Both values in the table and in JSON, with the dearer as the price; an unknown vendor of yesterday has prices too.
    """
    path = llmo.home / "config" / "profiles" / "default.toml"
    path.parent.mkdir(parents=True)
    path.write_text(
        """
[providers.mistral]
kind = "openai"
base_url = "https://api.mistral.ai/v1"
models = ["mistral-medium", "codestral-2508"]
[providers.infra]
kind = "openai"
base_url = "https://api.deepinfra.com/v1/openai"
models = ["zai-org/GLM-5.2"]
"""
    )
    shown, found = llmo("models").stdout, {one["model"]: one for one in llmo("models", "--json").json}
    medium = found["mistral-medium"]

    assert "genai-prices / litellm disagree: input $0.40 / $1.50, output $2.00 / $7.50" in shown
    assert "where sources disagree, the higher rate counts; override it with a [[prices]] entry" in shown
    assert ("1.50", "7.50") == (medium["price"]["input_usd"], medium["price"]["output_usd"])
    assert {
        "genai-prices": {"input_usd": "0.40", "output_usd": "2", "cached_input_usd": "0.04"},
        "litellm": {"input_usd": "1.50", "output_usd": "7.50", "cached_input_usd": "0.15"},
    } == medium["sources_disagree"]
    assert [["genai-prices", "litellm"], None] == [
        found["codestral-2508"][key] for key in ("price_origin", "sources_disagree")
    ]
    assert ["litellm"] == found["zai-org/GLM-5.2"]["price_origin"]
    assert found["zai-org/GLM-5.2"]["price"] is not None


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param(("--local",), ["dead/named", "here/one"], id="on this machine"),
        pytest.param(("--provider", "listed", "--sort", "name"), ["listed/a", "listed/b"], id="by name"),
        pytest.param(("--provider", "listed", "--sort", "price"), ["listed/a", "listed/b"], id="unknown prices last"),
        pytest.param(("--provider", "listed", "--max-price", "2"), ["listed/a"], id="price"),
        pytest.param(("--provider", "listed", "--max-price", "1.99"), [], id="too dear"),
        pytest.param(("--provider", "listed", "--min-context", "1"), [], id="unknown context"),
        pytest.param(("zz", "--provider", "here"), [], id="no letters in that order"),
        pytest.param(("hr one", "--provider", "here"), ["here/one"], id="fuzzy"),
    ],
)
def test_filters(models, flags, expected):
    """
    What is unknown passes no filter.
    """
    assert expected == sorted(models("--names", *flags).stdout.split())


def test_the_best_match_comes_first(models):
    """
    A model's own name before longer ones.
    """
    assert "openai/gpt-4o" == models("gpt-4o", "--names").stdout.split()[0]


def test_ready_models_come_first_and_retired_ones_only_with_all(llmo):
    """
    A model whose day has passed is left out and counted; who asks for an order gets that.
    """
    address = "http://127.0.0.1:1/v1"
    (llmo.home / "p.toml").write_text(
        f'[providers.openai]\nmodels = ["gpt-4o"]\n[providers.here]\nkind = "openai"\nbase_url = "{address}"\n'
    )
    listed = [ListedModel("old-32k", shutdown="2020-01-01"), ListedModel("new", context=9, shutdown="2999-01-01T00:00")]
    kept = path_of(llmo.home / "cache" / "models", "here")
    kept.parent.mkdir(parents=True)
    kept.write_bytes(encoded(listed, address, now=0))
    table = llmo("-P", "p.toml", "models")
    names = llmo("-P", "p.toml", "models", "--names", "--all")
    left = llmo("-P", "p.toml", "models", "--names")
    in_order = llmo("-P", "p.toml", "models", "--names", "--sort", "context")
    only = llmo("-P", "p.toml", "models", "32k")

    assert ["here/new", "openai/gpt-4o"] == [line.split()[0] for line in table.stdout.splitlines()[1:3]]
    assert ("llmo: 1 retired model left out (--all)\n", "") == (table.stderr, names.stderr)
    assert ("here/new\nopenai/gpt-4o\n", "") == (left.stdout, left.stderr)
    assert ["here/old-32k", "here/new", "openai/gpt-4o"] == names.stdout.split()
    assert ["openai/gpt-4o", "here/new"] == in_order.stdout.split()
    assert ("", "llmo: no models match: 32k; 1 retired model left out (--all)\n") == (only.stdout, only.stderr)


def test_a_typo_finds_the_model(llmo):
    """
    One letter missing is no other model.
    """
    run = llmo("models", "sonet", "--names")
    found = run.stdout.split()

    assert 'llmo: no name has "sonet"; these are close' in run.stderr
    assert "these are close" not in llmo("models", "sonnet", "--names").stderr
    assert "anthropic/claude-sonnet-5-5" == found[0]
    assert all("sonnet" in name for name in found)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_list_fits_its_terminal(models, columns):
    """
    No line is broken by the terminal; why a provider is not ready is said once where lines are short.
    """
    run = models("o", tty=True, env={"COLUMNS": str(columns), "NO_COLOR": "1"})
    table = run.stdout.partition("llmo: ")[0]

    assert max(map(len, table.splitlines())) <= columns
    assert "prices: dollars per million" in table
    assert ("not ready: openai: OPENAI_API_KEY" in table) == (columns < 200)


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        pytest.param(("--provider", "x"), 4, "unknown provider: x", id="provider"),
        pytest.param(("--supports", "magic"), 2, "unknown ability: magic", id="ability"),
        pytest.param(("--max-price", "x"), 2, "--max-price: not an amount in dollars: x", id="price"),
    ],
)
def test_errors_name_the_value(models, flags, code, message):
    """
    One line and its exit code.
    """
    run = models(*flags)

    assert code == run.code
    assert message in run.stderr


def test_abilities_and_context_come_from_the_table(models):
    """
    Only those that surely can.
    """
    found = models("gpt-4o", "--supports", "vision", "--min-context", "100000", "--json", "--provider", "openai").json

    assert "gpt-4o" in {one["model"] for one in found}
    assert all("vision" in one["supports"] and one["context"] >= 100_000 for one in found)


def _table(path, date, output=99_000_000, **change):
    """The shipped table with another date and another price."""
    from llmo.catalog.catalog import PATH

    first, *models = PATH.read_text().splitlines()
    prices = json.dumps([{"in": 9_000_000, "out": output}])
    models = [
        f'{{"id":"gpt-5","prices":{prices}}}' if line.startswith('{"id":"gpt-5","match"') else line for line in models
    ]
    path.write_text("\n".join([json.dumps(json.loads(first) | {"date": date} | change), *models]))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_newer_price_table_is_taken_in_by_its_checksum(llmo):
    """
    From then on prices are its own, with its date; taken away, the shipped ones are back.
    """
    digest = _table(llmo.home / "new.json", "2099-01-01")
    env = {"OPENAI_API_KEY": "sk-x"}
    taken = llmo("models", "--refresh-prices", "new.json", "--sha256", digest.upper(), "--names", env=env)
    after = llmo("models", "openai/gpt-5", "--json", env=env).json[0]
    again = llmo("models", "--refresh-prices", "new.json", "--sha256", digest, env=env)
    (llmo.home / "cache" / "prices.json").unlink()
    back = llmo("models", "openai/gpt-5", "--json", env=env).json[0]

    assert (0, True) == (taken.code, "installed the prices of 2099-01-01" in taken.stderr)
    assert ("99", "2099-01-01") == (after["price"]["output_usd"], after["price_date"])
    assert "is not newer than the current one of 2099-01-01" in again.stderr
    assert ("10", False) == (back["price"]["output_usd"], back["price_date"] == "2099-01-01")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda path: (_table(path, "2099-01-01"), "0" * 64)[1], "does not match --sha256", id="other"),
        pytest.param(lambda path: _table(path, "2020-01-01"), "of 2020-01-01 is not newer", id="older"),
        pytest.param(lambda path: _table(path, "soon"), "not an llmo price table", id="no date"),
        pytest.param(
            lambda path: _table(path, "2099-01-01", output=-1), "openai/gpt-5 has a price of -1", id="a price below 0"
        ),
        pytest.param(lambda path: _table(path, "2099-01-01", output=1.5), "has a price of 1.5", id="half a picodollar"),
        pytest.param(
            lambda path: _table(path, "2099-01-01", vendors={"x": {}}), "not an llmo price table", id="no models"
        ),
        pytest.param(
            lambda path: hashlib.sha256(path.write_bytes(b"[]") and b"[]").hexdigest(),
            "not an llmo price table",
            id="a list",
        ),
    ],
)
def test_a_price_table_that_is_not_right_is_refused(llmo, make, said):
    """
    Exit 2; the prices in use stay.
    """
    digest = make(llmo.home / "new.json")
    run = llmo("models", "--refresh-prices", "new.json", "--sha256", digest)

    assert (2, True) == (run.code, said in run.stderr), run
    assert not (llmo.home / "cache" / "prices.json").exists()


def test_prices_are_never_fetched(llmo):
    """
    Without a file and its checksum nothing happens, and it says why.
    """
    run = llmo("models", "--refresh-prices", "new.json")

    assert 2 == run.code
    assert "llmo downloads no price table, because none is signed" in run.stderr
    assert "no such file: new.json" in llmo("models", "--refresh-prices", "new.json", "--sha256", "0").stderr
