"""
The proxy of LiteLLM itself, in front of aimock.

Found through `LLMO_TEST_LITELLM` (a venv's `bin/litellm`), or in the cache directory that `.ci/run` installs it into. It
takes seconds to start and a third of a gigabyte, so one serves a whole session.

What it does to an upstream, seen with 1.106.2: a cut stream becomes an error event and no [DONE], a malformed one an
empty answer that ends well, usage that nobody counted is guessed, a wrong key is a 400 where there is no database.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.patience import LONG
from tests.servers.raw import unused_port

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llmo-tests" / "litellm"
CONFIG = """
model_list:
  - model_name: mock
    litellm_params: {{model: openai/gpt-4o-mini, api_key: none, mock_response: "Hello from the mock model."}}
  - model_name: m
    litellm_params: {{model: openai/gpt-4o-mini, api_base: {upstream}/v1, api_key: none}}
  - model_name: always-busy
    litellm_params: {{model: openai/always-busy, api_base: {upstream}/v1, api_key: none}}
  - model_name: unpriced
    litellm_params: {{model: openai/nobody-knows, api_base: {upstream}/v1, api_key: none}}
  - model_name: own
    litellm_params: {{model: openai/own, api_base: {upstream}/v1, api_key: none, input_cost_per_token: 0, output_cost_per_token: 0}}
litellm_settings: {{num_retries: 0}}
general_settings: {{master_key: os.environ/LITELLM_MASTER_KEY}}
files_settings: [{{custom_llm_provider: openai, api_base: {upstream}/v1, api_key: none}}]
router_settings: {{num_retries: 0, disable_cooldowns: true}}
"""


@dataclass(frozen=True)
class Proxy:
    """A running proxy, and the key that it takes."""

    url: str
    key: str = field(repr=False)


def command() -> Path | None:
    """The program, or None when it is missing."""
    named = os.environ.get("LLMO_TEST_LITELLM")
    program = Path(named) if named else CACHE / "bin" / "litellm"
    return program if program.is_file() else None


def serve(program: Path, upstream: str) -> Iterator[Proxy]:
    """Run it on a free port of 127.0.0.1 until the generator is closed."""
    key, port = f"sk-{secrets.token_hex(24)}", unused_port()
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "config.yaml"
        config.write_text(CONFIG.format(upstream=upstream), "utf-8")
        args = [
            str(program),
            "--config",
            str(config),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--telemetry",
            "False",
        ]
        log = Path(directory) / "log"
        with (
            log.open("wb") as out,
            subprocess.Popen(
                args, stdout=out, stderr=out, env=_env(key, directory, upstream), cwd=directory
            ) as process,
        ):
            try:
                _wait(process, f"http://127.0.0.1:{port}", log)
                yield Proxy(f"http://127.0.0.1:{port}", key)
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                process.kill()


def _env(key: str, home: str, upstream: str) -> dict[str, str]:
    return {
        # What it passes batches on to, whose models are in no list of its own.
        "OPENAI_API_BASE": f"{upstream}/v1",
        "OPENAI_BASE_URL": f"{upstream}/v1",
        "OPENAI_API_KEY": "none",
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home,
        "LANG": "C.UTF-8",
        "LITELLM_MASTER_KEY": key,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_OFFLINE_MODE": "true",
        "LITELLM_LOG": "ERROR",
    }


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{url}/health/readiness", timeout=2):
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
    raise AssertionError(f"the proxy did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
