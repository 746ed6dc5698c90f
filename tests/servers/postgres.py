"""
A PostgreSQL server of the tests: in a directory of its own, on a Unix socket and on 127.0.0.1.

It ends with the process that started it, however that one ends: the shell around it waits for the end of its input.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import peers
from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = """
listen_addresses = '127.0.0.1'
shared_buffers = 16MB
max_connections = 100
fsync = off
full_page_writes = off
autovacuum = off
log_min_messages = fatal
"""
ACCESS = "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
WATCHED = '"$@" & server=$!; read -r _; kill -QUIT $server 2>/dev/null; wait $server'


def binary(name: str) -> Path | None:
    """A program of PostgreSQL: on PATH, or where Debian keeps those of servers."""
    if found := shutil.which(name):
        return Path(found).resolve()
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return places[-1] if places else None


def lacking() -> str:
    """The reason to skip where there is no PostgreSQL, or no psycopg; empty where there is."""
    if binary("initdb") is None:
        return peers.missing("postgresql")
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return peers.missing("psycopg")
    return ""


def available() -> None:
    """Skip where there is no PostgreSQL, or no psycopg."""
    if reason := lacking():
        pytest.skip(reason, allow_module_level=True)


class Server:
    """A server that tests start, stop, freeze and start again."""

    def __init__(self, *, config: str = "") -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="llmo-pg-", dir="/tmp"))
        self._user: dict[str, Any] = {}
        if os.getuid() == 0:  # it refuses to run as root
            user = pwd.getpwnam("postgres" if "postgres" in {one.pw_name for one in pwd.getpwall()} else "nobody")
            self._user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.directory, user.pw_uid, user.pw_gid)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._free: list[str] = []
        data = self.directory / "data"
        self._run("initdb", "-D", str(data), "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-N")
        for name, text in (("postgresql.auto.conf", CONFIG + config), ("pg_hba.conf", ACCESS)):
            (data / name).write_text(text)
        self.start()

    def url(self, database: str = "postgres") -> str:
        """The address of a database, over the socket."""
        return f"postgresql://postgres@/{database}?host={self.directory}&port={self.port}"

    def fresh(self) -> str:
        """A database without calls; `give_back` makes it one for the next test."""
        if self._free:
            return self._free.pop()
        return self.unused()

    def unused(self) -> str:
        """A database in which no ledger was ever opened; it is not used again."""
        self._made += 1
        self.sql(f"CREATE DATABASE llmo_{self._made}")
        return self.url(f"llmo_{self._made}")

    def give_back(self, url: str) -> None:
        """Empty a database."""
        import psycopg

        with psycopg.connect(url, autocommit=True) as db:
            if db.execute("SELECT to_regclass('llmo.calls')").fetchone() != (None,):
                db.execute("".join(f"DELETE FROM llmo.{table};" for table in TABLES))
        self._free.append(url)

    def sql(self, *statements: str, url: str | None = None) -> list[Any]:
        """Run statements; the rows of the last one, if it has any."""
        import psycopg

        with psycopg.connect(url or self.url(), autocommit=True) as db:
            for statement in statements:
                cursor = db.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        import psycopg

        command = [str(binary("postgres")), "-D", str(self.directory / "data"), "-p", str(self.port)]
        command += ["-k", str(self.directory)]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", WATCHED, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,
                **self._user,
            )
        until = time.monotonic() + LONG
        while True:
            try:
                psycopg.connect(self.url()).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise AssertionError((self.directory / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stop it as a crash does: nobody is asked."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait(LONG)
        self._process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It neither answers nor ends its connections."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        pids = self._backends()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            os.killpg(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _backends(self) -> list[int]:
        """Its processes: each has a process group of its own."""
        head = int((self.directory / "data" / "postmaster.pid").read_text().split()[0])
        found = [head]
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[1]) == head:
                    found.append(int(stat.parent.name))
        return found

    def _run(self, name: str, *args: str) -> None:
        command = [str(binary(name)), *args]
        subprocess.run(command, check=True, capture_output=True, cwd=self.directory, **self._user)


TABLES = ("calls", "counters", "breakers", "warned", "daily")


@functools.cache
def shared() -> Server:
    """The server of this process; skips where there can be none."""
    import atexit

    available()
    server = Server()
    atexit.register(server.close)
    return server


def fresh() -> str:
    """A database without calls on the shared server."""
    return shared().fresh()
