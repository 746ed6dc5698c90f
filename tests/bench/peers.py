"""
llmo batch beside other tools, in one run against one server: `python tests/bench/peers.py VENVS [NAME …]`.

The server is that of tests/bench/batch.py, which answers after 50 ms and limits nobody, so nobody is told 429. Each
tool is installed from the package index into a virtual environment of its own below VENVS, once; one that can't be
installed or run is named with the reason. OpenAI's script of the cookbook is no package: it is downloaded to VENVS, or
put there by hand as cookbook.py. Tools that count tokens with tiktoken get the encoding that LiteLLM brings along, so
that nothing is downloaded while they run.

Printed is a table in Markdown: rows a second, CPU a row (both without starting up: a run of one row is subtracted), and
the peak of resident memory of the largest process. `--scale 0.1` sends a tenth of the rows; `--write` puts the table
into tests/bench/README.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
LATENCY = 0.05
LEAST = 9
"""Rows of a run at the least."""
BEGIN, END = "<!-- table of peers.py -->", "<!-- end -->"
PROMPT = "Describe the picture in one short paragraph. " * 6
PROFILE = """
model = "bench/m"
[providers.bench]
kind = "openai"
base_url = "{base}"
api_key_env = "BENCH_API_KEY"
concurrency = 64
[[prices]]
model = "bench/*"
input_usd = "1"
output_usd = "2"
[[budgets]]
name = "bench"
limit_usd = "1000000"
"""
LITELLM = """
import json, sys, litellm
rows = [json.loads(line)["input"] for line in open("rows.jsonl")]
litellm.suppress_debug_info = True
found = litellm.batch_completion("openai/m", [[{"role": "user", "content": row}] for row in rows],
                                 max_workers=64, api_base=sys.argv[1], api_key="k")
assert all(one.choices[0].message.content for one in found)
"""
INSPECT = """
import json, sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.solver import generate
rows = [Sample(input=json.loads(line)["input"]) for line in open("rows.jsonl")]
(log,) = eval(Task(dataset=rows, solver=generate()), model="openai-api/bench/m", max_connections=64,
              max_samples=64, display="none", log_dir="logs")
assert log.status == "success"
"""
CURATOR = """
import json, sys
from bespokelabs import curator
class Model(curator.LLM):
    def prompt(self, row): return row["input"]
    def parse(self, row, response): return {"text": response}
rows = [json.loads(line) for line in open("rows.jsonl")]
limits = {"base_url": sys.argv[1], "max_requests_per_minute": 10**7, "max_tokens_per_minute": 10**10,
          "max_concurrent_requests": 64, "api_key": "k"}
found = Model(model_name="m", backend="openai", backend_params=limits)(rows)
assert len(getattr(found, "dataset", found)) == len(rows)
"""
COOKBOOK = """
import asyncio, importlib.util, json, logging, sys
spec = importlib.util.spec_from_file_location("cookbook", "{venvs}/cookbook.py")
cookbook = sys.modules["cookbook"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cookbook)
cookbook.api_endpoint_from_url = lambda _: "chat/completions"  # it takes only https
with open("requests.jsonl", "w") as file:
    for line in open("rows.jsonl"):
        turns = [{{"role": "user", "content": json.loads(line)["input"]}}]
        file.write(json.dumps({{"model": "m", "messages": turns}}) + "\\n")
asyncio.run(cookbook.process_api_requests_from_file(
    requests_filepath="requests.jsonl", save_filepath="out.jsonl", request_url=sys.argv[1] + "/chat/completions",
    api_key="k", max_requests_per_minute=1e9, max_tokens_per_minute=1e12, token_encoding_name="cl100k_base",
    max_attempts=1, logging_level=logging.ERROR))
assert sum("choices" in json.loads(line)[1] for line in open("out.jsonl")) == sum(1 for _ in open("rows.jsonl"))
"""
COOKBOOK_URL = (
    "https://raw.githubusercontent.com/openai/openai-cookbook/main/examples/api_request_parallel_processor.py"
)
BARE = "import sys; sys.path.insert(0, {here!r}); import asyncio, batch; asyncio.run(batch.bare({base!r}, 64, {rows}))"
# One request goes first: eight at once would all create the tables of its log.
XARGS = (
    "{bin}/llm logs off && {bin}/llm --no-stream -n -m m first >texts && "
    "jq -r '.input | @json' rows.jsonl | xargs -P 8 -n 1 {bin}/llm --no-stream -n -m m >>texts"
)
BATCHLLM = "{bin}/batchllm run rows.jsonl -o out.jsonl -m m -c 64 --base-url {base} --api-key k"
LLMO = (
    "-m llmo -q -P bench.toml batch rows.jsonl --prompt {{{{input}}}} -j 64 --progress none -y --restart -o out.jsonl"
)


class Tool(NamedTuple):
    """What is installed, what is run (a script for Python, or words for the shell), and with how many rows."""

    name: str
    packages: tuple[str, ...]
    script: str
    rows: int
    shell: bool = False


TOOLS = (
    Tool("bare aiohttp", (), BARE, 8000),
    Tool("llmo batch", (), "", 8000),
    Tool("batchllm-ai", ("batchllm-ai",), BATCHLLM, 1000, shell=True),
    Tool("litellm batch_completion", ("litellm",), LITELLM, 500),
    Tool("inspect_ai", ("inspect_ai", "openai"), INSPECT, 500),
    Tool("bespokelabs-curator", ("bespokelabs-curator",), CURATOR, 500),
    Tool("OpenAI cookbook's script", ("aiohttp", "tiktoken"), COOKBOOK, 2000),
    Tool("xargs -P 8 llm", ("llm",), XARGS, 17, shell=True),
)


class Used(NamedTuple):
    """Seconds by the clock and of the CPU, and MiB at the peak."""

    took: float
    cpu: float
    peak: float


def installed(tool: Tool, venvs: Path) -> Path:
    """The folder of the tool's programs."""
    if not tool.packages:
        return Path(sys.executable).parent
    if tool.script is COOKBOOK and not (venvs / "cookbook.py").exists():
        urllib.request.urlretrieve(COOKBOOK_URL, venvs / "cookbook.py")
    home = venvs / ("cookbook" if tool.script is COOKBOOK else tool.packages[0])
    if not (home / "done").exists():
        for words in (
            [sys.executable, "-m", "venv", str(home)],
            [str(home / "bin/python"), "-m", "pip", "install", *tool.packages],
        ):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                why = next(
                    (one for one in done.stderr.splitlines()[::-1] if one.startswith("ERROR")), done.stderr[-200:]
                )
                raise RuntimeError(f"cannot be installed: {why}")
        (home / "done").touch()
    return home / "bin"


def version(tool: Tool, programs: Path) -> str:
    """Of the tool's package, as it is installed."""
    name = {BARE: "aiohttp", "": "llmo"}.get(tool.script, tool.packages[0] if tool.packages else "")
    known = "import llmo as m; print(m.__version__)"
    known = known if name == "llmo" else f"import importlib.metadata as m; print(m.version({name!r}))"
    asked = [str(programs / "python"), "-c", known]
    found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return f"with {name} {found}" if tool.script in (BARE, COOKBOOK) else found


def encodings(venvs: Path) -> str:
    """Where LiteLLM keeps the encoding that tiktoken would download."""
    return str(next(venvs.glob("*/lib/python*/site-packages/litellm/litellm_core_utils/tokenizers"), venvs))


def run(tool: Tool, programs: Path, venvs: Path, port: int, rows: int) -> Used:
    """One run; raises `RuntimeError` with what the tool said last when it fails."""
    base = f"http://127.0.0.1:{port}/whole/{LATENCY}/v1"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lines = (json.dumps({"id": f"r{n}", "input": f"{n} {PROMPT}"}) + "\n" for n in range(rows))
        folder.joinpath("rows.jsonl").write_text("".join(lines))
        folder.joinpath("bench.toml").write_text(PROFILE.format(base=base))
        folder.joinpath("extra-openai-models.yaml").write_text(f"- model_id: m\n  model_name: m\n  api_base: {base}\n")
        began = time.monotonic()
        with folder.joinpath("said").open("wb") as said:
            child = subprocess.Popen(
                command(tool, programs, venvs, base, rows),
                env=environment(place, base, venvs),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
            _, status, usage = os.wait4(child.pid, 0)
        took = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            words = folder.joinpath("said").read_text("utf-8", "replace").strip().splitlines() or [""]
            raise RuntimeError(f"exit {child.returncode}: {words[-1][:200]}")
    return Used(took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def environment(place: str, base: str, venvs: Path) -> dict[str, str]:
    """Everything of a tool in a folder of its own, the server as its OpenAI, and no network."""
    env = os.environ | {f"LLMO_{kind}_DIR": f"{place}/{kind}" for kind in ("CONFIG", "DATA", "CACHE")}
    env |= {"BENCH_API_KEY": "k", "BENCH_BASE_URL": base, "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": base}
    env |= {"HOME": place, "LLM_USER_PATH": place, "CURATOR_CACHE_DIR": place, "TIKTOKEN_CACHE_DIR": encodings(venvs)}
    return env | {"TELEMETRY_ENABLED": "false", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1"}


def command(tool: Tool, programs: Path, venvs: Path, base: str, rows: int) -> list[str]:
    """What is run."""
    if tool.name == "llmo batch":
        return [sys.executable, *LLMO.format().split()]
    if tool.shell:
        return ["sh", "-ec", tool.script.format(bin=programs, base=base)]
    formatted = tool.script in (BARE, COOKBOOK)
    script = tool.script.format(here=str(HERE), base=base, rows=rows, venvs=venvs) if formatted else tool.script
    return [str(programs / "python"), "-c", script, base]


def line(tool: Tool, venvs: Path, port: int, rows: int, bare: list[float]) -> str:
    """The row of a tool; `bare` are the rates of the first one, filled by it."""
    try:
        programs = installed(tool, venvs)
        # The first start reads the program from the disk.
        _, one, all_of_them = (run(tool, programs, venvs, port, count) for count in (1, 1, rows))
        name = f"{tool.name} ({version(tool, programs)})"
    except (subprocess.CalledProcessError, RuntimeError, OSError) as exc:
        return f"| {tool.name} | not measured: {' '.join(str(exc).split())} | | | | | |"
    if all_of_them.took <= one.took:
        return f"| {name} | not measured: {rows} rows take no longer than one | | | | | |"
    rate = (rows - 1) / (all_of_them.took - one.took)
    cpu = (all_of_them.cpu - one.cpu) / (rows - 1) * 1e6
    if not bare:
        bare += [rate, cpu]
    figures = f"{rows:,} | {rate:,.0f} | {rate / bare[0]:.2f} | {cpu:,.0f} µs | {cpu / bare[1]:.1f}"
    return f"| {name} | {figures} | {all_of_them.peak:.0f} MiB |"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("venvs", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_intermixed_args()
    venvs, bare = asked.venvs.absolute(), list[float]()
    venvs.mkdir(parents=True, exist_ok=True)
    today = dt.datetime.now(dt.UTC).date()
    said = f"`python tests/bench/peers.py {' '.join(['VENVS', shlex.join(sys.argv[2:])]).strip()}`, {today}, Python "
    table = [f"{said}{platform.python_version()}, {os.cpu_count()} CPUs", ""]
    table += ["| tool | rows | rows/s | of bare | CPU a row | of bare | peak |", "|---|--:|--:|--:|--:|--:|--:|"]
    print("\n".join(table), flush=True)
    server = [sys.executable, str(HERE / "batch.py"), "--serve"]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        for tool in TOOLS:
            if not asked.names or tool.name in asked.names:
                table.append(line(tool, venvs, port, max(LEAST, round(tool.rows * asked.scale)), bare))
                print(table[-1], flush=True)
        process.terminate()
    if asked.write:
        write("\n".join(table))


def write(table: str) -> None:
    """Replace the table that is there."""
    path = HERE / "README.md"
    before, begin, rest = path.read_text("utf-8").partition(BEGIN)
    path.write_text(f"{before}{begin}\n{table}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
