"""How the bytes of inputs are opened: compressed, damaged, endless, still being written, or no text at all."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import sys
import threading
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.input import opening
from llmo.batch.input.readers import READERS
from llmo.batch.input.reading import rows
from llmo.batch.input.record import LONGEST_ROW
from llmo.batch.input.rows import inputs
from llmo.errors import UsageError
from llmo.errors.installing import install_command
from tests import peers
from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = b'{"a": 1}\n{"a": 2}\n'


def zstd(data: bytes) -> bytes:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    module: Any = pytest.importorskip(name, reason=peers.missing("backports-zstd"))
    packed: bytes = module.compress(data, options={module.CompressionParameter.checksum_flag: 1})
    return packed


def read(path: Path, data: bytes, **more: Any) -> list[Any]:
    path.write_bytes(data)
    return [row.fields if row.fault is None else row.fault.message for row in rows(inputs([str(path)], None, **more))]


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        pytest.param("a.jsonl", ROWS, [{"a": 1}, {"a": 2}], id="jsonl"),
        pytest.param("a.csv", b"\xef\xbb\xbfx,y\n1,2\n", [{"x": "1", "y": "2"}], id="csv"),
        pytest.param("a.TSV", b"x\ty\n1\t2\n", [{"x": "1", "y": "2"}], id="tsv"),
        pytest.param("a.txt", b"one\r\ntwo", [{"text": "one"}, {"text": "two"}], id="lines"),
        pytest.param("a", b"\n\n" + ROWS, [{"a": 1}, {"a": 2}], id="by its first line"),
        pytest.param("a.jsonl", b"", [], id="empty"),
    ],
)
def test_a_compressed_input_is_read_as_what_it_holds(
    tmp_path: Path, pack: Callable[[bytes], bytes], name: str, data: bytes, expected: list[Any]
) -> None:
    """By its first bytes, whether or not the name says it; members that follow each other are one stream."""
    ending = ".gz" if pack is gzip.compress else ".zst"

    assert expected == read(tmp_path / f"{name}{ending}", pack(data))
    assert expected == read(tmp_path / name, pack(data[:3]) + pack(data[3:]) + b"\0" * 512)
    (piped,) = inputs(["-"], io.BytesIO(pack(data)), format=None if name == "a" else opened(name))
    assert expected == [row.fields for row in rows([piped])]


def opened(name: str) -> Any:
    return {"jsonl": "jsonl", "csv": "csv", "tsv": "tsv", "txt": "lines"}[name.lower().rpartition(".")[2]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", ".csv"),
        ("a.CSV.GZ", ".csv"),
        ("d.x/a.jsonl.zst", ".jsonl"),
        ("a.gz", ""),
        ("d.x/a", ""),
        (".csv", ""),
        ("a.csv.gz.bak", ".bak"),
    ],
)
def test_the_suffix_that_counts_is_the_inner_one(name: str, expected: str) -> None:
    """Compression says nothing of the format."""
    assert expected == opening.suffix(name)


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
@pytest.mark.parametrize("harm", ["cut", "flipped", "garbage"])
@pytest.mark.parametrize("form", ["jsonl", "csv", "lines"])
def test_a_damaged_stream_gives_the_rows_before_it_and_says_where_it_ends(
    tmp_path: Path, pack: Callable[[bytes], bytes], harm: str, form: Any
) -> None:
    """One fault at the end, with the number of the last good line."""
    noise = os.urandom(3 * opening.PIECE).hex()
    lines = [f'"{noise[n : n + 60]}"\n' for n in range(0, len(noise), 60)]
    packed = bytearray(pack("".join(lines).encode()))
    if harm == "cut":
        packed = packed[: len(packed) // 2]
    elif harm == "flipped":
        packed[len(packed) // 2 : len(packed) // 2 + 64] = bytes(64)
    else:
        packed += b"trailing garbage"
    *good, fault = read(tmp_path / "in", bytes(packed), format=form)

    kind = "gzip" if pack is gzip.compress else "zstd"
    assert fault.startswith(f"broken {kind}: {tmp_path / 'in'}: "), fault
    # What was changed inside is known only when the checksum comes: until then its lines are read as they stand.
    if harm != "flipped":
        assert all(isinstance(row, dict) for row in good)
        assert fault.endswith(f" (after line {len(good) + (form == 'csv')})")


def test_a_stream_that_breaks_at_once_is_refused(tmp_path: Path) -> None:
    """There is nothing to send."""
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "in.csv.gz", gzip.compress(b"a,b\n")[:12])

    assert caught.value.message == f"broken gzip: {tmp_path / 'in.csv.gz'}: it ends early"


@pytest.mark.parametrize("form", ["jsonl", "csv", "lines", "file"])
def test_what_unpacks_to_much_more_than_it_is_takes_bounded_memory(form: Any) -> None:
    """A few hundred kilobytes of gzip that would be hundreds of megabytes of one line."""
    packer = zlib.compressobj(9, wbits=31)
    head = b'"x' if form == "jsonl" else b"text\n"
    piece = b"x" * (1 << 20)
    packed = b"".join([packer.compress(head), *(packer.compress(piece) for _ in range(300)), packer.flush()])
    tracemalloc.start()
    try:
        stream = opening.unpacked(io.BytesIO(packed), "bomb")
        found = list(READERS[form](stream, "bomb"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (fault,) = [record.fault for record in found if record.fault is not None]

    assert "more than 64 MiB" in fault.message
    assert peak < 4 * LONGEST_ROW


def test_a_row_of_ten_megabytes_is_a_row(tmp_path: Path) -> None:
    """In every format."""
    long = "é" * 5_000_000
    (row,) = read(tmp_path / "a.jsonl", f'{{"a": "{long}"}}\n'.encode())
    assert row == {"a": long}
    (row,) = read(tmp_path / "a.csv", f"a,b\n{long},1\n".encode())
    assert row == {"a": long, "b": "1"}
    (row,) = read(tmp_path / "a.txt", long.encode())
    assert row == {"text": long}


@pytest.mark.parametrize("form", ["jsonl", "csv", "lines"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_pipe_that_is_still_written_yields_its_rows(form: Any, packed: bool) -> None:
    """No row waits for what follows it: the writer goes on only when the reader has seen the last one."""
    packer = zlib.compressobj(wbits=31)
    read_end, write_end = os.pipe()
    seen = threading.Semaphore(0)
    lines = [b"text,n\n" if form == "csv" else b'"first"\n', *(b"%d,%d\n" % (n, n) for n in range(5))]
    if form == "jsonl":
        lines = [b'"%d"\n' % n for n in range(6)]

    def write() -> None:
        with os.fdopen(write_end, "wb", buffering=0) as pipe:
            for number, line in enumerate(lines):
                pipe.write(packer.compress(line) + packer.flush(zlib.Z_SYNC_FLUSH) if packed else line)
                if number or form != "csv":
                    assert seen.acquire(timeout=LONG)
            pipe.write(packer.flush() if packed else b"")

    writer = threading.Thread(target=write)
    writer.start()
    count = 0
    with os.fdopen(read_end, "rb") as file:
        for record in READERS[form](opening.text(file, "pipe"), "pipe"):
            assert record.fault is None
            count += 1
            seen.release()
    writer.join()

    assert count == len(lines) - (form == "csv")


@pytest.mark.parametrize(
    ("data", "what", "hint"),
    [
        pytest.param(b"%PDF-1.7\n...", "a PDF", "pdftotext", id="pdf"),
        pytest.param(b"PK\x03\x04....", "a ZIP archive or a spreadsheet", "CSV", id="xlsx"),
        pytest.param("a\tb\n".encode("utf-16"), "UTF-16", "iconv -f UTF-16", id="utf-16"),
        pytest.param(b"PAR1....", "Parquet", "--input-format parquet", id="parquet"),
        pytest.param(bz2.compress(b"a\n"), "compressed with bzip2", ".gz and .zst", id="bzip2"),
        pytest.param(gzip.compress(b"%PDF-1.7"), "a PDF", "pdftotext", id="a compressed pdf"),
    ],
)
@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows"])
def test_what_is_no_text_is_refused_by_what_it_is(tmp_path: Path, name: str, data: bytes, what: str, hint: str) -> None:
    """Before a row of it is paid for."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        inputs([str(path)], None)

    assert caught.value.message == f"not text: {path}: it is {what}"
    assert hint in str(caught.value.hint)


def test_a_stream_that_is_compressed_twice_is_refused(tmp_path: Path) -> None:
    """It would be sent as noise."""
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "a.txt", gzip.compress(gzip.compress(b"x")))

    assert caught.value.message.startswith("compressed twice: ")


def test_zstd_without_its_library_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra before Python 3.14."""
    packed = zstd(ROWS)
    for module in ("compression", "backports"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "a.jsonl.zst", packed)

    assert caught.value.hint == install_command("backports.zstd")
