"""llmo as a process, in a home of its own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests import peers
from tests.patience import LONG
from tests.servers import aimock as peer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from tests.servers.aimock import Aimock

ROOT = Path(__file__).parent.parent
# Examples take as long as they take; a run in CI is the same each time.
settings.register_profile(
    "llmo",
    settings.get_profile("ci" if "CI" in os.environ else "default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("llmo")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One process more than there are processors: many tests wait for a clock of a real process."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else (os.cpu_count() or 1) + 1


@dataclass(frozen=True)
class Run:
    """A finished llmo: on a terminal (`tty=True`) everything is in `stdout`, as the terminal got it."""

    args: tuple[str, ...]
    code: int
    raw: bytes = field(repr=False)
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """stdout as one JSON value."""
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[Any]:
        """stdout as JSON lines."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Llmo:
    """
    Runs the installed program: `llmo("ask", "hello", stdin=…)`.

    stdin is /dev/null unless text or bytes (a pipe) or a path (a file) is given. The environment is
    clean: a home of its own, no key, no profile; `env` adds to it.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        script = Path(sys.executable).with_name("llmo")
        self.command = (str(script),) if script.exists() else (sys.executable, "-m", "llmo")

    def env(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of a run."""
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "LLMO_CONFIG_DIR": str(self.home / "config"),
            "LLMO_DATA_DIR": str(self.home / "data"),
            "LLMO_CACHE_DIR": str(self.home / "cache"),
        } | dict(extra or {})

    def start(self, *args: str | Path, env: Mapping[str, str] | None = None, **popen: Any) -> subprocess.Popen[bytes]:
        """Begin a run and leave it running, for signals; both outputs are pipes."""
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        streams |= {"cwd": self.home, "text": False} | popen
        process: subprocess.Popen[bytes] = subprocess.Popen(
            [*self.command, *map(str, args)], env=self.env(env), **streams
        )
        return process

    def __call__(
        self,
        *args: str | Path,
        stdin: str | bytes | Path | None = None,
        env: Mapping[str, str] | None = None,
        tty: bool = False,
        timeout: float = LONG,
        cwd: Path | None = None,
    ) -> Run:
        if tty:
            return self._on_terminal(args, env, timeout, cwd or self.home)
        popen: dict[str, Any] = {"cwd": cwd or self.home}
        with contextlib.ExitStack() as stack:
            given = None
            if isinstance(stdin, Path):
                popen["stdin"] = stack.enter_context(stdin.open("rb"))
            elif stdin is not None:
                popen["stdin"] = subprocess.PIPE
                given = stdin.encode() if isinstance(stdin, str) else stdin
            return self.finish(self.start(*args, env=env, **popen), given, timeout)

    def finish(self, process: subprocess.Popen[bytes], stdin: bytes | None = None, timeout: float = LONG) -> Run:
        """Wait for a run that `start` began."""
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            pytest.fail(f"llmo did not end in {timeout} s: {process.args!r}\n{_text(out)}\n{_text(err)}")
        return Run(_shown(process.args), process.returncode, out or b"", _text(out), _text(err))

    def _on_terminal(
        self, args: tuple[str | Path, ...], env: Mapping[str, str] | None, timeout: float, cwd: Path
    ) -> Run:
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        popen = {"stdin": slave, "stdout": slave, "stderr": slave, "cwd": cwd, "start_new_session": True}
        process = self.start(*args, env=env, **popen)
        os.close(slave)
        try:
            out = _drain(master, process, time.monotonic() + timeout)
        finally:
            os.close(master)
        return Run(_shown(process.args), process.wait(timeout), out, _text(out).replace("\r\n", "\n"), "")


def _drain(master: int, process: subprocess.Popen[bytes], deadline: float) -> bytes:
    out = b""
    while True:
        if time.monotonic() > deadline:
            process.send_signal(signal.SIGKILL)
            pytest.fail(f"llmo did not end on a terminal: {process.args!r}\n{_text(out)}")
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux: EIO is the end of a terminal whose other side is closed
            return out
        if not piece:
            return out
        out += piece


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "backslashreplace")


def _shown(args: Any) -> tuple[str, ...]:
    return ("llmo", *map(str, args[1:]))


def pytest_configure() -> None:
    """Refuse names in LLMO_TEST_REQUIRE that mean nothing."""
    peers.required()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what would skip for a peer that must be there."""
    report = yield
    peers.refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for whole files."""
    report = yield
    peers.refuse(report)
    return report


@pytest.fixture
def llmo(tmp_path: Path) -> Llmo:
    """The program, with an empty home."""
    home = tmp_path / "home"
    home.mkdir()
    return Llmo(home)


@pytest.fixture(scope="session")
def _aimock() -> Iterator[Aimock]:
    command = peer.command()
    if command is None:
        pytest.skip(peers.missing("aimock"))
    yield from peer.serve(command)


@pytest.fixture
def aimock(_aimock: Aimock) -> Aimock:
    """A running aimock."""
    return _aimock
