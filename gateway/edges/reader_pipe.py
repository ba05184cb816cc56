"""One child process and the two pipes to it, as its parent holds them.

The law: nothing here waits; the pipes move what they can and say how far they came. Verbs:
``give`` work, ``write`` and ``read`` what fits, ``end`` the process.
"""

import fcntl
import os
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from gateway.edges.reader_child import LENGTH, Answer, Orders, Ready, framed
from gateway.errors import ReaderUnusable

PIPE = 1 << 20
"""Bytes that a pipe holds; the most that an ordinary user may ask for."""
FRAME = 1 << 29
"""Bytes of the largest answer: a packed source at the hard cap, and what was found in it."""
END_SECONDS = 5.0
"""Seconds in which a child that closed its pipe says how it ended."""
# A child is our own code on hostile input: it gets nothing of the environment but what Python
# needs to start, so no secret that stands there can leave through it.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "PYTHONHOME")
_answers = msgspec.msgpack.Decoder(list[Answer]).decode
_greeting = msgspec.msgpack.Decoder(Ready).decode

T = TypeVar("T")


class Child(Generic[T]):
    """A child process with the tasks that it was given and has not answered yet.

    Raises:
        ReaderUnusable: the system starts no process.
    """

    def __init__(self, orders: Orders, deadline: float) -> None:
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *(path for path in sys.path if path)]
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-B", "-m", "gateway.edges.reader_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env=kept | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))},
            )
        except OSError as error:
            raise ReaderUnusable(
                f"no child process can be started: {error.strerror or error}"
            ) from error
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.writing = self.process.stdin.fileno()
        self.reading = self.process.stdout.fileno()
        for pipe in (self.writing, self.reading):
            os.set_blocking(pipe, False)
            with suppress(OSError):
                # Refused where the user's share is used up; a smaller pipe is only slower.
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)
        self.tasks: deque[T] = deque()
        self.unsent: deque[memoryview] = deque((memoryview(framed(orders)),))
        self.ready = False
        self.overdue = False
        self.deadline = deadline
        self._heard = bytearray()
        self._closed = False

    def give(self, task: T, sources: list[bytes]) -> None:
        """Put a task in the queue to the child, and as much as fits into the pipe."""
        self.tasks.append(task)
        self.unsent.append(memoryview(framed(sources)))
        self.write()

    def write(self) -> None:
        """Move what fits into the pipe; that the child died is learned by reading."""
        while self.unsent:
            try:
                sent = os.write(self.writing, self.unsent[0])
            except BlockingIOError:
                return
            except BrokenPipeError:
                self.unsent.clear()
                return
            if sent < len(self.unsent[0]):
                self.unsent[0] = self.unsent[0][sent:]
            else:
                self.unsent.popleft()

    def read(self) -> bool:
        """Take in what the child sent; false if it has ended."""
        try:
            chunk = os.read(self.reading, PIPE)
        except BlockingIOError:
            return True
        self._heard += chunk
        self._closed = not chunk
        return bool(chunk)

    def frame(self) -> bytearray | None:
        """The next frame that has arrived completely, or None.

        Raises:
            ValueError: it would be larger than any answer can be.
        """
        if len(self._heard) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._heard)
        if length > FRAME:
            raise ValueError(f"a frame of {length} bytes")
        end = LENGTH.size + length
        if len(self._heard) < end:
            return None
        frame = self._heard[LENGTH.size : end]
        del self._heard[:end]
        return frame

    def greeting(self, frame: bytearray) -> Ready:
        """What the child said to its orders."""
        return _greeting(frame)

    def answers(self, frame: bytearray) -> list[Answer]:
        """What the child found in the sources of one task."""
        return _answers(frame)

    def end(self) -> None:
        """Kill the process, wait for its end and close the pipes."""
        if self._closed:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(END_SECONDS)
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
