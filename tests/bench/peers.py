"""
llmo batch beside other tools, in one run against one server: `python tests/bench/peers.py VENVS [NAME …]`.

The server is that of tests/bench/batch.py, which answers after 50 ms and limits nobody, so nobody is told 429. Each
tool is installed from the package index into a virtual environment of its own below VENVS, once; one that can't be
installed or run is named with the reason. Printed are rows a second, CPU a row (both without starting up: a run of
one row is subtracted), and the peak of resident memory. OpenAI's script of the cookbook is no package, and left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
LATENCY, FLIGHT = 0.05, 64
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
BARE = "import sys; sys.path.insert(0, {here!r}); import asyncio, batch; asyncio.run(batch.bare({base!r}, 64, {rows}))"
XARGS = "{bin}/llm logs off && {bin}/llm logs path >path; jq -r '.input | @json' rows.jsonl | xargs -P 8 -n 1 {bin}/llm --no-stream -n -m m >texts"
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
    home = venvs / tool.packages[0]
    if not (home / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([home / "bin/python", "-m", "pip", "install", "-q", *tool.packages], check=True)
        (home / "done").touch()
    return home / "bin"


def run(tool: Tool, programs: Path, port: int, rows: int) -> Used:
    """One run; ends the process that measures when the tool fails."""
    base = f"http://127.0.0.1:{port}/whole/{LATENCY}/v1"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lines = (json.dumps({"id": f"r{n}", "input": f"{n} {PROMPT}"}) + "\n" for n in range(rows))
        folder.joinpath("rows.jsonl").write_text("".join(lines))
        folder.joinpath("bench.toml").write_text(PROFILE.format(base=base))
        folder.joinpath("extra-openai-models.yaml").write_text(f"- model_id: m\n  model_name: m\n  api_base: {base}\n")
        env = os.environ | {f"LLMO_{kind}_DIR": f"{place}/{kind}" for kind in ("CONFIG", "DATA", "CACHE")}
        env |= {"BENCH_API_KEY": "k", "BENCH_BASE_URL": base, "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": base}
        env |= {
            "LLM_USER_PATH": place,
            "TELEMETRY_ENABLED": "false",
            "HOME": place,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        if tool.name == "llmo batch":
            command = [sys.executable, *LLMO.format().split()]
        elif tool.shell:
            command = ["sh", "-ec", tool.script.format(bin=programs, base=base)]
        else:
            script = tool.script.format(here=str(HERE), base=base, rows=rows) if tool.script is BARE else tool.script
            command = [str(programs / "python"), "-c", script, base]
        began = time.monotonic()
        with folder.joinpath("said").open("wb") as said:
            child = subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            _, status, usage = os.wait4(child.pid, 0)
        took = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise RuntimeError(folder.joinpath("said").read_text("utf-8", "replace").strip().splitlines()[-1][:200])
    return Used(took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main() -> None:
    """Measure and print a table."""
    venvs, names = Path(sys.argv[1]).absolute(), sys.argv[2:]
    server = [sys.executable, str(HERE / "batch.py"), "--serve"]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port, best = int(process.stdout.readline()), None
        print("| tool | rows/s | of bare | CPU a row | of bare | peak |\n|---|--:|--:|--:|--:|--:|")
        for tool in TOOLS:
            if names and tool.name not in names:
                continue
            try:
                programs = installed(tool, venvs)
                one, all_of_them = run(tool, programs, port, 1), run(tool, programs, port, tool.rows)
            except (subprocess.CalledProcessError, RuntimeError, OSError) as exc:
                print(f"| {tool.name} | not measured: {exc} | | | | |", flush=True)
                continue
            rate = (tool.rows - 1) / (all_of_them.took - one.took)
            cpu = (all_of_them.cpu - one.cpu) / (tool.rows - 1) * 1e6
            best = best or (rate, cpu)
            print(
                f"| {tool.name} | {rate:,.0f} | {rate / best[0]:.2f} | {cpu:,.0f} µs | {cpu / best[1]:.1f} "
                f"| {all_of_them.peak:.0f} MiB |",
                flush=True,
            )
        process.terminate()


if __name__ == "__main__":
    main()
