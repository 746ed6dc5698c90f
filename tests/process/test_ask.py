"""`llmo ask` against aimock, in each of the three dialects."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.process.conftest import KEY, explained

if TYPE_CHECKING:
    from tests.process.conftest import Peer

LONG = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi"
    " psi omega"
)


def prompt_of(request: dict[str, Any]) -> str:
    """The last user message as the server read it."""
    content = request["body"]["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def test_an_answer_is_all_of_stdout(peer: Peer) -> None:
    """
    A pipe gets the answer, exit code 0, and the server one request.
    """
    run = peer("ask", "hello")

    assert (0, "Hello from aimock.") == (run.code, run.stdout.rstrip("\n")), run
    assert ["hello"] == [prompt_of(request) for request in peer.received()]


def test_the_prompt_comes_before_stdin(peer: Peer) -> None:
    """
    Both are sent, with a blank line between.
    """
    run = peer("ask", "say hello to", stdin="the crew\n")

    assert (0, ["say hello to\n\nthe crew"]) == (run.code, [prompt_of(r).rstrip("\n") for r in peer.received()]), run


def test_json_says_everything_that_was_promised(peer: Peer) -> None:
    """
    One object with the fields of the contract, in their order.
    """
    prompt = "counted for anthropic" if peer.kind == "anthropic" else "counted"
    run = peer("ask", prompt, "--json", "-m", "peer/m")
    assert run.code == 0, run

    answer = run.json
    assert [
        *("ok", "id", "text", "data", "tool_calls", "provider", "model", "served_model", "task", "finish_reason"),
        *("complete", "usage", "cost", "timing", "attempts", "conversation", "cached", "warnings"),
    ] == list(answer)
    assert (True, "Counted.", None, "peer", "m", "stop", True, False) == tuple(
        answer[name] for name in ("ok", "text", "data", "provider", "model", "finish_reason", "complete", "cached")
    )
    assert [("peer", "m", "ok", None)] == [
        tuple(a[name] for name in ("provider", "model", "outcome", "error")) for a in answer["attempts"]
    ]
    if peer.kind != "ollama":  # aimock counts nothing in Ollama's dialect
        assert (12, 3) == (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"])
        assert ("0.000018", "computed") == (answer["cost"]["usd"], answer["cost"]["source"])


def test_ndjson_ends_with_the_object_of_json(peer: Peer) -> None:
    """
    Events as they come: the plan, attempts, text, and one last result.
    """
    run = peer("ask", "hello", "--ndjson")
    assert run.code == 0, run

    events = run.lines
    assert ("route", "result") == (events[0]["event"], events[-1]["event"])
    assert {"route", "attempt", "text", "result"} == {event["event"] for event in events}
    assert "Hello from aimock." == "".join(e["text"] for e in events if e["event"] == "text") == events[-1]["text"]


def test_a_busy_provider_is_asked_again(peer: Peer) -> None:
    """
    429 with Retry-After, then 200: two requests, one answer, both attempts told.
    """
    run = peer("ask", "rate-limit-once", "--json", "--max-tokens", "20")

    assert (0, True, "recovered") == (run.code, run.json["ok"], run.json["text"]), run
    assert ["rate_limited", "ok"] == [attempt["outcome"] for attempt in run.json["attempts"]]
    assert len(peer.received()) == 2


@pytest.mark.parametrize(
    ("prompt", "model", "code", "kind", "requests"),
    [
        pytest.param("always-401", "m", 4, "credentials", 1, id="wrong-key"),
        pytest.param("always-500", "m", 5, "unavailable", 3, id="server-error"),
        pytest.param("hello", "always-busy", 5, "rate_limited", 3, id="rate-limited"),
        pytest.param("hello", "no-such-model", 1, "model_not_found", 1, id="unknown-model"),
        pytest.param("disconnect", "m", 5, "unavailable", 3, id="disconnected"),
    ],
)
def test_a_failure_has_its_code_and_its_object(  # noqa: PLR0913 - a table
    peer: Peer, *, prompt: str, model: str, code: int, kind: str, requests: int
) -> None:
    """
    Exit code, kind and number of requests (retries = 2 is three attempts); nothing on stdout but the object.
    """
    run = peer("ask", prompt, "-m", f"peer/{model}", "--json", "--max-tokens", "20")

    assert (code, False, kind) == (run.code, run.json["ok"], run.json["error"]["kind"]), run
    assert (requests, requests) == (len(run.json["attempts"]), len(peer.received()))
    explained(run)


def test_a_failure_without_json_leaves_stdout_empty(peer: Peer) -> None:
    """
    The line is on stderr.
    """
    run = peer("ask", "always-401")

    assert (4, "") == (run.code, run.stdout)
    assert "always-401" not in explained(run)[0]


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        pytest.param("out-of-quota", "quota_exhausted", id="quota"),
        pytest.param("too-long", "context_too_long", id="context"),
    ],
)
def test_what_a_retry_can_not_mend_is_tried_once(openai: Peer, prompt: str, kind: str) -> None:
    """
    An empty account and a prompt that is too long end at once, exit code 1.
    """
    run = openai("ask", prompt, "--json")

    assert (1, kind, 1) == (run.code, run.json["error"]["kind"], len(openai.received())), run


def test_an_answer_that_breaks_off_is_incomplete(peer: Peer) -> None:
    """
    What came is shown, exit code 6, no second request, and it is not free.
    """
    run = peer("ask", "cut-stream")

    assert (6, True) == (run.code, run.stdout.startswith("This ")), run
    assert len(peer.received()) == 1
    explained(run)


def test_an_answer_that_breaks_off_says_so_in_json(peer: Peer) -> None:
    """
    The object has the partial text, the kind, and an estimated cost.
    """
    run = peer("ask", "cut-stream", "--json", "--no-fallback", "--retries", "0")

    assert (6, False, "incomplete") == (run.code, run.json["ok"], run.json["error"]["kind"]), run
    assert run.json["text"].startswith("This ")
    assert len(peer.received()) == 1


def test_an_answer_that_is_no_json_is_a_failure(peer: Peer) -> None:
    """
    200 and garbage: a clear line, no success.
    """
    run = peer("ask", "malformed", "--json")

    assert (True, False) == (run.code in {1, 5, 6}, run.json["ok"]), run
    explained(run)


def test_the_token_limit_is_an_error_only_when_strict(peer: Peer) -> None:
    """
    Without --strict the answer counts and a warning is given.
    """
    if peer.kind == "ollama":
        pytest.skip("aimock ends every Ollama answer with stop")
    loose = peer("ask", "length", "--json")
    strict = peer("ask", "length", "--json", "--strict")

    assert (0, "length") == (loose.code, loose.json["finish_reason"]), loose
    assert (6, "incomplete", "cut by the token lim") == (strict.code, strict.json["error"]["kind"], strict.json["text"])


def test_another_model_answers_for_a_busy_one(peer: Peer) -> None:
    """
    Its Retry-After is a moment, so it is asked once more; then the chain goes on. JSON and stderr name both.
    """
    run = peer("ask", "hello", "-m", "peer/always-busy", "-m", "peer/m", "--json")

    assert (0, "m", ["rate_limited", "rate_limited", "ok"]) == (
        run.code,
        run.json["model"],
        [attempt["outcome"] for attempt in run.json["attempts"]],
    ), run
    assert ["always-busy", "always-busy", "m"] == [request["body"]["model"] for request in peer.received()]


def test_only_the_first_candidate_with_no_fallback(openai: Peer) -> None:
    """
    --no-fallback leaves the others alone.
    """
    run = openai("ask", "hello", "-m", "peer/always-busy", "-m", "peer/m", "--no-fallback", "--retries", "0", "--json")

    assert (5, ["always-busy"]) == (run.code, [request["body"]["model"] for request in openai.received()]), run


def test_parameters_are_sent_only_when_given(openai: Peer) -> None:
    """
    Unset ones are not in the request at all.
    """
    openai("ask", "hello")
    openai(
        "ask", "hello", "--temperature", "0.5", "--seed", "7", "--stop", "END", "--max-tokens", "9", "-o", "top_p=0.1"
    )
    plain, full = (request["body"] for request in openai.received())

    assert set() == {"temperature", "seed", "stop", "top_p", "tools", "response_format"} & plain.keys()
    assert (0.5, 7, 9, 0.1) == (full["temperature"], full["seed"], full["max_tokens"], full["top_p"])
    assert full["stop"] in ("END", ["END"])


def test_a_cap_refuses_before_anything_is_sent(peer: Peer) -> None:
    """
    Exit code 3, the numbers in the message, no request.
    """
    run = peer("ask", "hello", "--max-cost", "0.000001", "--max-tokens", "100", "--json")
    assert (3, "budget_exceeded", []) == (run.code, run.json["error"]["kind"], peer.received()), run

    assert "0.000001" in explained(run)[0]


def test_a_model_of_unknown_price_is_refused_under_a_cap(openai: Peer) -> None:
    """
    Unless --allow-unpriced says otherwise.
    """
    openai.with_profile(openai.path.read_text("utf-8").partition("[[prices]]")[0])
    refused = openai("ask", "hello", "--max-cost", "1", "--json")
    assert (3, "budget_exceeded", []) == (refused.code, refused.json["error"]["kind"], openai.received()), refused

    allowed = openai("ask", "hello", "--max-cost", "1", "--allow-unpriced", "--json")
    assert (0, None, "unknown") == (allowed.code, allowed.json["cost"]["usd"], allowed.json["cost"]["source"]), allowed


def test_an_interrupted_answer_is_kept_and_booked(peer: Peer) -> None:
    """
    Ctrl-C after the first words: exit code 130, they are on stdout, the ledger has the call.
    """
    process = peer.start("ask", "slow")
    first = os.read(process.stdout.fileno(), 100)
    process.send_signal(signal.SIGINT)
    run = peer.llmo.finish(process)

    assert (130, b"one t") == (run.code, (first + run.raw)[:5]), run
    assert "Traceback" not in run.stderr
    assert (1, True, "0") == booked(peer)


def test_termination_is_its_own_code(openai: Peer) -> None:
    """
    SIGTERM likewise: 143.
    """
    process = openai.start("ask", "slow", "--json")
    while not openai.received():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    run = openai.llmo.finish(process)

    assert (143, "cancelled") == (run.code, run.json["error"]["kind"]), run


def test_a_reader_that_leaves_is_no_error(peer: Peer) -> None:
    """
    `llmo ask … | head -c 5`: silence, and what was spent is booked.
    """
    process = peer.start("ask", "long answer", "-q")
    assert os.read(process.stdout.fileno(), 5) == LONG[:5].encode()
    process.stdout.close()
    process.stdout = None
    run = peer.llmo.finish(process)

    assert (0, "") == (run.code, run.stderr), run
    assert (1, True, "0") == booked(peer)


def booked(peer: Peer) -> tuple[int, bool, str]:
    """Calls in the ledger, whether they cost something, and what is still held."""
    run = peer("cost", "--json")
    assert run.code == 0, run
    total = run.json["total"]
    return total["calls"], float(total["cost_usd"]) > 0, total["held_usd"]


def test_control_characters_pass_a_pipe_and_not_a_terminal(openai: Peer) -> None:
    """
    Exact bytes in a pipe; on a terminal no escape of the model's arrives.
    """
    piped = openai("ask", "colour")
    shown = openai("ask", "colour", tty=True)

    assert b"\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 end" == piped.raw.rstrip(b"\n")
    assert (0, True) == (shown.code, "red" in shown.stdout), shown
    assert [b"\x1b]52", b"\x1b[31mred"] == [bad for bad in (b"\x1b]52", b"\x1b[31mred") if bad not in shown.raw], shown


def test_a_terminal_gets_the_answer_and_a_cost_line(openai: Peer) -> None:
    """
    Who answered, tokens and cost; -q drops the line.
    """
    loud = openai("ask", "counted", tty=True)
    quiet = openai("ask", "counted", "-q", tty=True)

    assert (0, True, True) == (loud.code, "Counted." in loud.stdout, "peer/m" in loud.stdout), loud
    assert "0.000018" in loud.stdout
    assert (0, True, False) == (quiet.code, "Counted." in quiet.stdout, "peer/m" in quiet.stdout), quiet


def test_an_answer_meets_its_schema(openai: Peer) -> None:
    """
    `data` is the parsed answer.
    """
    schema = json.dumps({"type": "object", "properties": {"category": {"enum": ["billing"]}}, "required": ["category"]})
    run = openai("ask", "as json", "--schema", schema, "--json")

    assert (0, {"category": "billing"}) == (run.code, run.json["data"]), run


def test_an_answer_that_misses_its_schema_is_repaired_once(openai: Peer) -> None:
    """
    Two requests, then exit code 1 with the raw text.
    """
    schema = json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
    run = openai("ask", "as json", "--schema", schema, "--json")

    assert (1, "invalid_output", 2) == (run.code, run.json["error"]["kind"], len(openai.received())), run
    assert "An answer from aimock." == run.json["text"]


def test_a_conversation_goes_on(openai: Peer) -> None:
    """
    -c sends what was said before.
    """
    openai("ask", "hello")
    run = openai("ask", "and again, hello", "-c")
    assert run.code == 0, run

    messages = openai.received()[-1]["body"]["messages"]
    assert [("user", "hello"), ("assistant", "Hello from aimock."), ("user", "and again, hello")] == [
        (message["role"], message["content"]) for message in messages
    ]


@pytest.mark.parametrize("flag", ["--debug", "-v"])
def test_the_key_is_never_shown(peer: Peer, flag: str) -> None:
    """
    Not even where everything is told.
    """
    good, bad = peer(flag, "ask", "hello"), peer(flag, "ask", "always-401", "--json")

    assert (0, False, False) == (good.code, KEY in good.stdout + good.stderr, KEY in bad.stdout + bad.stderr)


def test_a_question_alone_on_a_terminal_is_usage(openai: Peer) -> None:
    """
    Nothing typed, nothing piped: exit code 2, nothing sent.
    """
    run = openai("ask", tty=True)

    assert (2, []) == (run.code, openai.received()), run
