"""Inputs by URL: read as files are, and nothing secret in their names is ever shown."""

from __future__ import annotations

import gzip
import io
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.input import remote
from llmo.batch.input.reading import rows
from llmo.batch.input.rows import files, inputs
from llmo.batch.output import export
from llmo.errors import UsageError
from llmo.errors.installing import install_command
from tests import peers

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = b"".join(b'{"id": "r%d", "text": "row %d"}\n' % (n, n) for n in range(3))
SECRETS = ("hunter2", "s3cr3t", "maria")


@contextmanager
def serving(data: bytes, *, status: int = 200, ranges: bool = True, cut: int | None = None) -> Iterator[str]:
    """A server of one file; `cut` is after how many bytes it hangs up."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            asked = self.headers.get("Range") if ranges else None
            piece, code = data, status
            if asked and status == 200:
                first, last = asked.removeprefix("bytes=").split("-")
                piece, code = data[int(first) : int(last) + 1], 206
            self.send_response(code)
            if code == 206:
                self.send_header("Content-Range", f"bytes {first}-{int(first) + len(piece) - 1}/{len(data)}")
            if ranges:
                self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(piece)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(piece[:cut])

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("https://host/a.csv", "https://host/a.csv"),
        ("https://maria:hunter2@host/a.csv", "https://…@host/a.csv"),
        ("https://maria:hun/ter2@host/a.csv", "https://…@host/a.csv"),
        ("https://maria:hun@ter2@host/a.csv", "https://…@host/a.csv"),
        ("https://host/a.csv?X-Amz-Signature=s3cr3t", "https://host/a.csv?…"),
        ("https://host/a.csv#s3cr3t", "https://host/a.csv?…"),
        ("s3://bucket/a.jsonl.gz", "s3://bucket/a.jsonl.gz"),
        ("simplecache::s3://bucket/a", "simplecache::s3://bucket/a"),
        ("zip://a.csv::https://maria:hunter2@host/x.zip?s3cr3t", "zip://…@host/x.zip?…"),
        ("C://a.csv", "C://a.csv"),
        ("rows.csv", "rows.csv"),
    ],
)
def test_a_url_is_shown_without_its_secrets(name: str, expected: str) -> None:
    """The user is one too."""
    assert expected == remote.shown(name)
    assert remote.is_url(name) == (name not in ("rows.csv", "C://a.csv"))


@pytest.mark.parametrize("ranges", [True, False], ids=["in parts", "in one piece"])
@pytest.mark.parametrize(
    ("name", "data"), [("a.jsonl", ROWS), ("a.jsonl.gz?token=s3cr3t", gzip.compress(ROWS, mtime=0)), ("a", ROWS)]
)
def test_rows_come_from_a_server(name: str, data: bytes, ranges: bool) -> None:
    """With and without a compressed name, whatever the server can do; and as often as they are read."""
    pytest.importorskip("fsspec", reason=peers.missing("fsspec"))
    with serving(data, ranges=ranges) as url:
        found = inputs([f"{url}/{name}"], None)
        for _ in range(2):
            read = list(rows(found))
            assert ["row 0", "row 1", "row 2"] == [row.fields["text"] for row in read]
    assert read[1].where == remote.shown(f"{url}/{name}") + ":2"
    assert "s3cr3t" not in read[1].where


def test_parquet_comes_from_a_server() -> None:
    """Its parts are asked for as they are needed."""
    pytest.importorskip("fsspec", reason=peers.missing("fsspec"))
    pa: Any = pytest.importorskip("pyarrow", reason=peers.missing("pyarrow"))
    parquet: Any = pytest.importorskip("pyarrow.parquet", reason=peers.missing("pyarrow"))
    out = io.BytesIO()
    parquet.write_table(pa.table({"a": [1, 2]}), out)
    with serving(out.getvalue()) as url:
        assert [{"a": 1}, {"a": 2}] == [row.fields for row in rows(inputs([f"{url}/a.parquet"], None))]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_server_that_refuses_is_one_line_without_secrets(status: int) -> None:
    """The address, and what it said."""
    pytest.importorskip("fsspec", reason=peers.missing("fsspec"))
    with serving(b"no", status=status) as url, pytest.raises(UsageError) as caught:
        inputs([url.replace("//", "//maria:hunter2@") + "/a.jsonl?sig=s3cr3t"], None)
    message = f"{caught.value.message} {caught.value.hint}"

    assert caught.value.message.startswith("cannot read http://…@127.0.0.1:"), message
    assert f"the server returned HTTP {status}" in message
    assert [] == [secret for secret in SECRETS if secret in message]
    assert "\n" not in message


def test_a_server_that_is_not_there_or_hangs_up_is_one_line_without_secrets() -> None:
    """The rows that came are read; the rest of the run can be resumed."""
    pytest.importorskip("fsspec", reason=peers.missing("fsspec"))
    with serving(ROWS) as url:
        pass
    for secret in ("", "?sig=s3cr3t"):
        with pytest.raises(UsageError) as caught:
            inputs([f"{url}/a.jsonl{secret}"], None)
        assert caught.value.message.startswith("cannot read http://127.0.0.1:")
        assert caught.value.message.endswith(": not reachable (ClientConnectorError)")
        assert "s3cr3t" not in caught.value.message
    with serving(ROWS, ranges=False, cut=len(ROWS) // 2) as url, pytest.raises(UsageError) as caught:
        list(rows(inputs([f"{url}/a.jsonl?sig=s3cr3t"], None)))

    assert caught.value.message.startswith("cannot read http://127.0.0.1:")
    assert "s3cr3t" not in caught.value.message


def test_a_protocol_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own, or fsspec itself."""
    pytest.importorskip("fsspec", reason=peers.missing("fsspec"))
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)

    def said(name: str) -> tuple[str, str | None]:
        with pytest.raises(UsageError) as caught:
            inputs([name], None)
        return caught.value.message, caught.value.hint

    assert said("s3://bucket/a.jsonl") == (
        "reading s3://bucket/a.jsonl needs another package",
        "Install s3fs to access S3",
    )
    assert said("nonsense://x/a.jsonl")[0].startswith("cannot read nonsense://x/a.jsonl: ")
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    assert said("https://maria:hunter2@host/a.jsonl") == (
        "reading a URL needs fsspec: https://…@host/a.jsonl",
        install_command("fsspec"),
    )


def test_outputs_and_folders_are_local() -> None:
    """A name that would become something else is refused before anything is paid."""

    def said(act: Any) -> tuple[str, str | None]:
        with pytest.raises(UsageError) as caught:
            act()
        return caught.value.message, caught.value.hint

    assert said(lambda: export.local("-o", "s3://maria:hunter2@bucket/out.jsonl")) == (
        "-o cannot write to a URL: s3://…@bucket/out.jsonl",
        "write to a local file, and copy it when the run has ended",
    )
    assert said(lambda: export.local("--errors", "d.x/out.jsonl.GZ")) == (
        "--errors cannot write a compressed file: d.x/out.jsonl.GZ",
        "use d.x/out.jsonl, and compress it when the run has ended",
    )
    assert said(lambda: files(["https://maria:hunter2@host/x"]))[0] == "--files takes local paths: https://…@host/x"


def test_the_command_that_resumes_shows_no_secret(llmo: Any) -> None:
    """What is printed may end in a log."""
    pytest.importorskip("fsspec", reason=peers.missing("fsspec"))
    with serving(ROWS) as url:
        (llmo.home / "p.toml").write_text(
            '[providers.offline]\nkind = "offline"\noffline = {fail = "unavailable", fail_every = 1}\n'
        )
        run = llmo(
            *("batch", f"{url}/a.jsonl?sig=s3cr3t", "-P", "./p.toml", "-m", "offline/echo", "--retries", "0"),
            *("--max-failures", "0", "-j", "1", "-o", "out.jsonl"),
        )

    assert "/a.jsonl?…" in run.stderr, run
    assert "s3cr3t" not in run.stderr + run.stdout + (llmo.home / "out.jsonl").read_text("utf-8")
