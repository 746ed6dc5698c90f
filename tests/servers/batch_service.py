"""
The batch services of OpenAI and Anthropic, as strict as theirs: what those refuse is refused here, at the same point.

It counts what is created. A batch takes `polls` looks until it has ended, then with the word that `endings` has for it.
`at` may do something at a request, before it is carried out and before it is answered: kill whoever asked.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

SAFE = re.compile(r"[a-zA-Z0-9_-]{1,64}")
CHAT = frozenset(
    {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "stop", "seed", "response_format"}
)
MESSAGES = frozenset({"model", "messages", "max_tokens", "system", "temperature", "stop_sequences", "output_config"})
CREATED = {"input_file_id", "endpoint", "completion_window", "metadata", "output_expires_after"}
MOST_LINES, MOST_BYTES = 50_000, 200_000_000


class RefusedError(Exception):
    """What is answered in place of a result: status and body."""

    def __init__(self, message: str, status: int = 400, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"type": "error", "error": {"type": kind, "message": message, "code": None, "param": None}}


@dataclass
class Batch:
    """One batch of either service."""

    id: str
    lines: list[dict[str, Any]]
    metadata: dict[str, str] = field(default_factory=dict)
    looks: int = 0
    cancelled: bool = False
    ending: str = "completed"
    faults: list[dict[str, Any]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [str(line["custom_id"]) for line in self.lines]


def said(line: dict[str, Any]) -> str:
    """What the user says in a request."""
    body = line.get("body") or line["params"]
    return str(body["messages"][-1]["content"])


class BatchServer:
    """
    Both services, at `/v1/…`.

    `outcome` of a request is an answer to its last message, a status with an error's body, or a word: `expired`,
    `missing`, `twice`. `endings` are taken by batches in order, `completed` after them. `tokens` is how many may be
    enqueued. `garble` changes a file of results before it is sent.
    """

    def __init__(self, *, polls: int = 1) -> None:
        self.polls = polls
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Batch] = {}
        self.endings: list[str] = []
        self.faults: list[list[dict[str, Any]]] = []
        self.outcome: Callable[[str], str | tuple[int, dict[str, Any]]] = lambda text: f"echo: {text}"
        self.garble: Callable[[bytes], bytes] = lambda body: body
        self.at: Callable[[str, str, str], None] = lambda _method, _path, _when: None
        self.requests: list[str] = []
        self.lives: list[dict[str, Any]] = []
        self.results_host: str | None = None
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def bought(self) -> Counter[str]:
        """How often each message was given to a batch that was created."""
        return Counter(said(line) for batch in self.batches.values() for line in batch.lines if not batch.faults)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16

            def log_message(self, *_: object) -> None:
                pass

            def _serve(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(size)
                if len(body) < size:
                    return
                service.at(self.command, self.path, "before")
                try:
                    with service._lock:
                        service.requests.append(f"{self.command} {self.path}")
                        found = service._answer(self.command, self.path, dict(self.headers.items()), body)
                    status, answer = 200, found if isinstance(found, bytes) else json.dumps(found).encode()
                except RefusedError as exc:
                    status, answer = exc.status, json.dumps(exc.body).encode()
                service.at(self.command, self.path, "after")
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = _serve  # noqa: N815 - http.server's names

        return Handler

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bytes | dict[str, Any]:
        low = {name.lower(): value for name, value in headers.items()}
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = parts.path
        if path.startswith("/v1/messages"):
            if not low.get("x-api-key") or not low.get("anthropic-version"):
                raise RefusedError("x-api-key and anthropic-version are required", 401, "authentication_error")
            return self._anthropic(method, path.removeprefix("/v1/messages"), query, body)
        if not low.get("authorization", "").startswith("Bearer "):
            raise RefusedError("no key", 401, "authentication_error")
        return self._openai(method, path.removeprefix("/v1"), query, low, body)

    # OpenAI.

    def _openai(  # noqa: C901, PLR0911 - a case an endpoint
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> bytes | dict[str, Any]:
        match method, path.strip("/").split("/"):
            case "POST", ["files"]:
                return self._upload(headers["content-type"], body)
            case "GET", ["files", name, "content"]:
                return self.garble(self._found(self.files, name))
            case "POST", ["batches"]:
                return self._create(json.loads(body))
            case "GET", ["batches"]:
                return self._page(query.get("after", ""), int(query.get("limit", "20")), self._shown)
            case "GET", ["batches", name]:
                batch = self._found(self.batches, name)
                batch.looks += 1
                return self._shown(batch)
            case "POST", ["batches", name, "cancel"]:
                batch = self._found(self.batches, name)
                if self._over(batch):
                    raise RefusedError("Cannot cancel a batch that has ended", 409)
                batch.cancelled = True
                return self._shown(batch)
            case "POST", ["chat", "completions"]:
                asked = json.loads(body)
                self.lives.append(asked)
                return self._completion({"body": asked})
        raise RefusedError(f"no such endpoint: {path}", 404)

    def _upload(self, content_type: str, body: bytes) -> dict[str, Any]:
        form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
        fields = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        if fields["purpose"].get_content().strip() != "batch":
            raise RefusedError("purpose must be batch")
        file = fields["file"]
        if not str(file.get_filename()).endswith(".jsonl"):
            raise RefusedError("the file must end in .jsonl")
        begin = body.index(b"\r\n\r\n", body.index(b'name="file"')) + 4
        content = body[begin : body.rindex(b"\r\n--")]
        if len(content) > MOST_BYTES:
            raise RefusedError("the file is too large", 413)
        name = f"file-{len(self.files)}"
        self.files[name] = content
        return {"id": name, "object": "file", "bytes": len(content), "status": "processed"}

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(asked) - CREATED:
            raise RefusedError(f"Unrecognized request argument supplied: {unknown.pop()}")
        if asked["completion_window"] != "24h" or asked["endpoint"] != "/v1/chat/completions":
            raise RefusedError("unsupported endpoint or window")
        metadata = asked.get("metadata", {})
        if (
            any(not isinstance(v, str) or len(v) > 512 or len(k) > 64 for k, v in metadata.items())
            or len(metadata) > 16
        ):
            raise RefusedError("invalid metadata")
        content = self._found(self.files, asked["input_file_id"])
        batch = Batch(f"batch_{len(self.batches)}", [json.loads(line) for line in content.splitlines()], metadata)
        batch.faults = self.faults.pop(0) if self.faults else list(self._wrong(batch))
        batch.ending = "failed" if batch.faults else self.endings.pop(0) if self.endings else "completed"
        self.batches[batch.id] = batch
        return self._shown(batch)

    def _wrong(self, batch: Batch) -> Iterator[dict[str, Any]]:  # noqa: C901 - a case a rule
        if len(batch.lines) > MOST_LINES:
            yield {"code": "too_many_requests", "message": "more than 50,000 lines", "line": None}
        names: set[str] = set()
        models = {str(line["body"].get("model")) for line in batch.lines}
        for number, line in enumerate(batch.lines, 1):
            body = line.get("body", {})
            why = None
            if set(line) != {"custom_id", "method", "url", "body"}:
                why = "unknown or missing field"
            elif line["custom_id"] in names:
                why = "duplicate_custom_id"
            elif line["method"] != "POST" or line["url"] != "/v1/chat/completions":
                why = "the url does not match the endpoint"
            elif set(body) - CHAT or not body.get("messages"):
                why = f"unknown parameter: {', '.join(set(body) - CHAT)}"
            elif len(models) > 1:
                why = "mismatched_model"
            names.add(line["custom_id"])
            if why:
                yield {"code": "invalid_request", "message": why, "line": number, "param": None}

    def _over(self, batch: Batch) -> bool:
        return batch.looks >= self.polls or batch.cancelled

    def _shown(self, batch: Batch) -> dict[str, Any]:
        over = self._over(batch)
        word = "in_progress"
        if over:
            word = "cancelled" if batch.cancelled and batch.ending == "completed" else batch.ending
        shown: dict[str, Any] = {"id": batch.id, "object": "batch", "status": word, "metadata": batch.metadata}
        shown |= {"output_file_id": None, "error_file_id": None, "created_at": 1, "errors": None}
        shown["request_counts"] = {"total": len(batch.lines), "completed": 0, "failed": 0}
        if over and word == "failed":
            shown["errors"] = {"object": "list", "data": batch.faults}
        elif over:
            good, bad = self._results(batch, word)
            for name, lines in (("output", good), ("error", bad)):
                if lines:
                    self.files[f"{name}-{batch.id}"] = b"".join(lines)
                # OpenAI sends either of the two where there is no such file.
                shown[f"{name}_file_id"] = f"{name}-{batch.id}" if lines else "" if name == "output" else None
            shown["request_counts"] |= {"completed": len(good), "failed": len(bad)}
        return shown

    def _results(self, batch: Batch, word: str) -> tuple[list[bytes], list[bytes]]:
        good, bad = [], []
        for number, line in enumerate(reversed(batch.lines)):
            made: dict[str, Any] = {"id": f"batch_req_{number}", "custom_id": line["custom_id"], "error": None}
            outcome = self.outcome(said(line))
            if outcome == "missing":
                continue
            if outcome == "expired" or (word != "completed" and outcome == f"echo: {said(line)}" and number % 2):
                code = "batch_cancelled" if word == "cancelled" else "batch_expired"
                made |= {"response": None, "error": {"code": code, "message": "This request was not executed"}}
                bad.append(json.dumps(made).encode() + b"\n")
                continue
            if isinstance(outcome, tuple):
                made["response"] = {"status_code": outcome[0], "request_id": "req", "body": outcome[1]}
                bad.append(json.dumps(made).encode() + b"\n")
                continue
            made["response"] = {"status_code": 200, "request_id": f"req_{number}", "body": self._completion(line)}
            good += [json.dumps(made).encode() + b"\n"] * (2 if outcome == "twice" else 1)
        return good, bad

    def _completion(self, line: dict[str, Any]) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.outcome(said(line))}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "c", "object": "chat.completion", "model": "m-2026", "choices": [choice], "usage": usage}

    # Anthropic.

    def _anthropic(self, method: str, path: str, query: dict[str, str], body: bytes) -> bytes | dict[str, Any]:
        match method, path.strip("/").split("/"):
            case "POST", ["batches"]:
                return self._told(self._taken(json.loads(body)))
            case "GET", ["batches"]:
                return self._page(query.get("after_id", ""), int(query.get("limit", "20")), self._told)
            case "GET", ["batches", name]:
                batch = self._found(self.batches, name)
                batch.looks += 1
                return self._told(batch)
            case "GET", ["batches", name, "results"]:
                return self.garble(b"".join(self._lines(self._found(self.batches, name))))
            case "POST", ["batches", name, "cancel"]:
                batch = self._found(self.batches, name)
                if self._over(batch):
                    raise RefusedError("cannot cancel a batch that has ended", 400)
                batch.cancelled = True
                return self._told(batch)
        raise RefusedError(f"no such endpoint: {path}", 404, "not_found_error")

    def _taken(self, asked: dict[str, Any]) -> Batch:
        if set(asked) != {"requests"} or not asked["requests"]:
            raise RefusedError("requests: field required, and nothing else")
        names = [line.get("custom_id") for line in asked["requests"]]
        if len(names) > 100_000 or len(set(names)) < len(names):
            raise RefusedError("too many requests, or a custom_id that is not unique")
        for line in asked["requests"]:
            if set(line) != {"custom_id", "params"} or not SAFE.fullmatch(line["custom_id"]):
                raise RefusedError("requests.0.custom_id: must match ^[a-zA-Z0-9_-]{1,64}$")
        batch = Batch(f"msgbatch_{len(self.batches)}", asked["requests"])
        batch.ending = self.endings.pop(0) if self.endings else "completed"
        self.batches[batch.id] = batch
        return batch

    def _told(self, batch: Batch) -> dict[str, Any]:
        ended, counts = (
            self._over(batch),
            dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0),
        )
        if ended:
            for line in self._lines(batch):
                counts[json.loads(line)["result"]["type"]] += 1
        else:
            counts["processing"] = len(batch.lines)
        url = f"{self.results_host or self.url}/v1/messages/batches/{batch.id}/results"
        told: dict[str, Any] = {"id": batch.id, "type": "message_batch", "request_counts": counts}
        return told | {"processing_status": "ended" if ended else "in_progress", "results_url": url if ended else None}

    def _lines(self, batch: Batch) -> Iterator[bytes]:
        over = "canceled" if batch.cancelled else "expired" if batch.ending == "expired" else None
        for number, line in enumerate(reversed(batch.lines)):
            outcome, params = self.outcome(said(line)), line["params"]
            result: dict[str, Any]
            if outcome == "missing":
                continue
            if outcome == "expired" or (over and number % 2):
                result = {"type": over or "expired"}
            elif unknown := set(params) - MESSAGES or {"model", "max_tokens", "messages"} - set(params):
                error = {"type": "invalid_request_error", "message": f"{unknown.pop()}: not permitted or missing"}
                result = {"type": "errored", "error": {"type": "error", "error": error, "request_id": "req"}}
            elif isinstance(outcome, tuple):
                result = {"type": "errored", "error": {"type": "error", **outcome[1], "request_id": "req"}}
            else:
                usage = {"input_tokens": 10, "output_tokens": 5, "service_tier": "batch"}
                message = {
                    "id": "msg",
                    "type": "message",
                    "role": "assistant",
                    "model": "m-2026",
                    "stop_reason": "end_turn",
                }
                message |= {"content": [{"type": "text", "text": outcome}], "usage": usage}  # type: ignore[dict-item]
                result = {"type": "succeeded", "message": message}
            written = json.dumps({"custom_id": line["custom_id"], "result": result}).encode() + b"\n"
            yield written
            if outcome == "twice":
                yield written

    # Both.

    def _found(self, where: dict[str, Any], name: str) -> Any:
        if name not in where:
            raise RefusedError(f"not found: {name}", 404, "not_found_error")
        return where[name]

    def _page(self, after: str, limit: int, show: Callable[[Batch], dict[str, Any]]) -> dict[str, Any]:
        newest = list(reversed(self.batches.values()))
        begin = next((n for n, batch in enumerate(newest, 1) if batch.id == after), 0)
        page = newest[begin : begin + limit]
        more = begin + limit < len(newest)
        return {"data": [show(one) for one in page], "has_more": more, "last_id": page[-1].id if page else None}
