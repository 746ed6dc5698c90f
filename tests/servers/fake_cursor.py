"""
Stands in for Cursor's CLI: `fake_cursor.py CASE LOG`, then the arguments of the real one.

Every run adds a line to LOG: arguments, standard input, environment, working directory, process ids. CASE names
what it does; the shapes are those of captured runs of 2026. Reads standard input to its end unless told otherwise.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

SESSION = "c0ffee00-0000-4000-8000-000000000000"
VERSION = "2026.09.18-ab12cd3"
MODELS = """\x1b[1mAvailable models\x1b[0m

auto - Auto (current, default)
gpt-6-sol-high - GPT-6 Sol High
claude-sonnet-5-5[thinking=true] - Sonnet 5.5
not a model

Tip: use --model <id> (or /model <id> in interactive mode) to switch.
"""
USAGE = {"inputTokens": 8274, "outputTokens": 39, "cacheReadTokens": 8000, "cacheWriteTokens": 0}
TIME = 1786427200353


def say(**message: Any) -> None:
    print(json.dumps(message | {"session_id": SESSION}, ensure_ascii=False), flush=True)


def words(text: str, **fields: Any) -> None:
    say(type="assistant", message={"role": "assistant", "content": [{"type": "text", "text": text}]}, **fields)


def think(text: str) -> None:
    say(type="thinking", subtype="delta", text=text, timestamp_ms=TIME)
    say(type="thinking", subtype="completed", timestamp_ms=TIME)


def result(text: str, **fields: Any) -> None:
    done = {"type": "result", "subtype": "success", "duration_ms": 2002, "is_error": False, "result": text}
    say(**(done | {"request_id": "R-1", "usage": USAGE} | fields))


def tool(subtype: str, number: int = 1, kind: str = "shell", **payload: Any) -> None:
    call = {f"{kind}ToolCall": {"args": {"command": "git status"}, **payload}}
    say(type="tool_call", subtype=subtype, call_id=f"tool_{number}\nfc_{number}", tool_call=call, timestamp_ms=TIME)


def init() -> None:
    say(type="system", subtype="init", apiKeySource="login", cwd=os.getcwd(), model="Auto", permissionMode="default")  # noqa: PTH109


def answer(text: str = "Three rivers: Rhine, Rhône, Volga.") -> None:
    """In pieces when asked for, and each piece repeated as the real one does."""
    init()
    think("hm")
    if "--stream-partial-output" in sys.argv:
        half = len(text) // 2
        words(text[:half], timestamp_ms=TIME)
        words(text[half:], timestamp_ms=TIME)
    words(text)
    result(text)


def fail(text: str, code: int = 1) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(code)


def forever() -> NoReturn:
    while True:
        signal.pause()


def deaf() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def offspring(log: dict[str, Any], *, detached: bool) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()"
    with contextlib.ExitStack() as stack:
        null = stack.enter_context(open(os.devnull, "w"))  # noqa: PTH123
        child = subprocess.Popen([sys.executable, "-c", code], stdout=null, stderr=null, start_new_session=detached)
    log["pids"].append(child.pid)


def play(case: str, log: dict[str, Any]) -> None:  # noqa: C901, PLR0912, PLR0915 - one case after the other
    match case:
        case "answer":
            answer()
        case "json":
            answer('{"answer": 42}')
        case "echo":
            answer(log["stdin"])
        case "lingers" | "lingers-deaf":
            if case == "lingers-deaf":
                deaf()
            answer()
            forever()
        case "exit-1-after-success":
            answer()
            sys.exit(1)
        case "stderr-flood":
            for _ in range(64):
                print("debug " + "x" * 16384, file=sys.stderr)
            answer()
        case "stderr-flood-error":
            for _ in range(64):
                print("debug " + "x" * 16384, file=sys.stderr)
            fail('ActionRequiredError: AI Model Not Found Model name is not valid: "x"')
        case "long-line":
            init()
            tool("started", kind="read")
            tool("completed", kind="read", result={"success": {"content": "y" * 200 * 1024}})
            words("L" * 300_000)
            result("L" * 300_000)
        case "acts":
            init()
            words("Let me look. ")
            tool("started")
            tool("completed", result={"rejected": {}})
            tool("started", 2, "edit")
            tool("completed", 2, "edit", result={"success": {}})
            words("All done.")
            result("Let me look. All done.")
        case "acts-silently":
            init()
            tool("started")
            forever()
        case "plain-error":
            print("Named models unavailable: your free plan can only use Auto. Upgrade to continue.")
        case "plain-unknown":
            print("Something odd happened.")
        case "is-error":
            init()
            result("The provider hung up", is_error=True)
        case "not-success":
            init()
            result("max turns", subtype="error_max_turns")
        case "empty":
            init()
            result("")
        case "no-result":
            init()
            words("Half an ans", timestamp_ms=TIME)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "silent-exit":
            sys.exit(1)
        case "no-usage":
            init()
            words("Hi.")
            say(type="result", subtype="success", result="Hi.")
        case "odd-usage":
            init()
            words("Hi.")
            result("Hi.", usage={"input_tokens": 229, "output_tokens": 4, "cache_read_tokens": 2158})
        case "noise":
            print("npm notice: a new version is there")
            answer()
        case "bad-model":
            fail('ActionRequiredError: AI Model Not Found Model name is not valid: "x"')
        case "untrusted":
            fail("Workspace Trust Required: pass --trust to continue")
        case "untrusted-unless-told":
            if "--trust" not in sys.argv:
                fail("Workspace Trust Required: pass --trust to continue")
            answer()
        case "not-logged-in":
            fail("Error: Authentication required. Please run 'cursor-agent login' first, or set CURSOR_API_KEY.")
        case "usage-limit":
            fail("ConnectError: [resource_exhausted] You've hit your usage limit. Upgrade your plan.")
        case "exhausted":
            fail("ConnectError: [resource_exhausted] Error")
        case "hang":
            init()
            forever()
        case "hang-after-words" | "hang-deaf" | "hang-with-child" | "hang-with-detached-child":
            if case == "hang-deaf":
                deaf()
            init()
            words("Half an ans", timestamp_ms=TIME)
            forever()


def main() -> None:
    case, path, *arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print("grok 1.4.0" if case == "grok" else VERSION)
        return
    if arguments == ["models"]:
        print(MODELS)
        return
    log: dict[str, Any] = {
        "argv": arguments,
        "env": dict(os.environ),
        "cwd": os.getcwd(),  # noqa: PTH109
        "pids": [os.getpid(), os.getppid()],
    }
    log["files"] = os.listdir()  # noqa: PTH208
    log["stdin"] = "" if case == "no-reading" else sys.stdin.read()
    if case.startswith("hang-with"):
        offspring(log, detached=case.endswith("detached-child"))
    with Path(path).open("a") as file:
        file.write(json.dumps(log) + "\n")
    if case == "no-reading":
        fail("Authentication required")
    play(case, log)


if __name__ == "__main__":
    main()
