"""The demo's processes: one ``entente serve`` for each association, and a folder for all.

The law: every process started here is ended here, by its own id, however the demo ends; and the
folder goes with them. Verbs: ``folder``, ``free_ports``, ``Servers``, ``stay``.
"""

import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

from gateway.edges.clock import ticking
from gateway.edges.files import ours
from gateway.errors import HomeUnusable

LOOPBACK: Final = "127.0.0.1"
READY_SECONDS: Final = 60.0
"""How long a server may take to start, on however loaded a machine."""
END_SECONDS: Final = 15.0
"""How long a server may take to finish its calls before it is ended by force."""


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder that only this user can open; it is removed at the end.

    A request to end (SIGTERM, SIGHUP) leaves the block like any error, so that all is cleared.

    Raises:
        StorageFull, HomeUnusable: it cannot be made.
    """
    names = (signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.signal(name, _end) for name in names}
    try:
        with ExitStack() as stack:
            with ours(Path(tempfile.gettempdir())):
                made = tempfile.TemporaryDirectory(
                    prefix="entente-demo-", ignore_cleanup_errors=True
                )
            yield Path(stack.enter_context(made))
    finally:
        for name, meaning in before.items():
            signal.signal(name, meaning)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def free_ports(count: int) -> list[int]:
    """As many ports of this machine as asked for, that nobody listened on just now."""
    with ExitStack() as stack:
        taken = [
            stack.enter_context(socket.create_server((LOOPBACK, 0), backlog=1))
            for _ in range(count)
        ]
        return [listener.getsockname()[1] for listener in taken]


class Servers:
    """The servers that were started. Use it in a ``with`` statement."""

    def __init__(self) -> None:
        self._processes: list[tuple[Path, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the servers."""
        return tuple(process.pid for _, process in self._processes)

    def start(self, home: Path) -> None:
        """Start ``entente serve`` for the installation at ``home``; ``wait`` says when it answers.

        Raises:
            HomeUnusable: the system does not let us.
        """
        log = home / "serve.log"
        with ours(log), log.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "--home", str(home), "serve"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
            )
        self._processes.append((log, process))

    def wait(self) -> None:
        """Return when every server has said that it answers.

        Raises:
            HomeUnusable: one of them ended or kept silent; the detail is what it said.
        """
        until = ticking() + READY_SECONDS
        for log, process in self._processes:
            if not _announced(process, until - ticking()):
                with ours(log):
                    said = log.read_text(errors="replace").strip() or "it said nothing"
                raise HomeUnusable(
                    f"a server of the demo did not start: {said[-500:]}", hint="run it again"
                )

    def stop(self) -> None:
        """End every server: politely, and after a while by force."""
        for _, process in self._processes:
            process.terminate()
        for _, process in self._processes:
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._processes.clear()


def _announced(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process says in time where it listens; it does so in one line."""
    if process.stdout is None:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(max(0.0, seconds)):
            return False
    return process.stdout.readline().startswith(b"listening on ")


def stay() -> None:
    """Wait until somebody interrupts (Ctrl-C) or asks us to end."""
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        return
