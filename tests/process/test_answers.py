"""What servers really answer, through the whole program: exit codes, what is printed, what is booked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.process.conftest import explained
from tests.servers.raw import RawServer, whole


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        pytest.param("400 Bad Request", 1, "bad_request", id="400"),
        pytest.param("401 Unauthorized", 4, "credentials", id="401"),
        pytest.param("402 Payment Required", 1, "quota_exhausted", id="402"),
        pytest.param("403 Forbidden", 4, "credentials", id="403"),
        pytest.param("404 Not Found", 1, "model_not_found", id="404"),
        pytest.param("422 Unprocessable Entity", 1, "bad_request", id="422"),
    ],
)
def test_a_4xx_is_final_whatever_its_body_calls_it(raw: Any, status: str, code: int, kind: str) -> None:
    """
    `api_error` in a 4xx is not retried, and exits by what the status says.
    """
    with RawServer([whole({"error": {"message": "no", "type": "api_error"}}, status=status)]) as server:
        run = raw(server.url)("ask", "hello", "--json")

    assert (run.code, run.json["ok"], run.json["error"]["kind"]) == (code, False, kind)
    assert (len(server.requests), run.json["cost"]["usd"]) == (1, "0")
    assert explained(run)[0].startswith(f"llmo: peer answered {status[:3]}: no")
