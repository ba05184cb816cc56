"""A pool of child processes that read hostile mail, so that no mail can end or stall this one.

Each child (``reader_child``) works under limits of processor time and memory. If one dies, its
mails are read again one by one in another; the mail that ends its child again is reported as
unread with the reason, and its source is kept like any other. The law: every source comes out
exactly once, in the order in which it went in, and memory does not grow with their number.
Verb: ``Reader.read``.
"""

import hashlib
import os
import selectors
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import msgspec

from gateway.edges.blobs import pack
from gateway.edges.clock import ticking
from gateway.edges.mailboxes import Source, Unread
from gateway.edges.reader_child import OUT_OF_MEMORY, Answer, Orders, Ready
from gateway.edges.reader_pipe import Child
from gateway.edges.registry import Sources
from gateway.errors import EntenteError, OurError, ReaderUnusable
from gateway.model import Complaint, Report
from gateway.report import BARE, Settings

MAILS = 16
"""Mails in one batch: enough that the pipe costs little, few enough to read again."""
OCTETS = 512 * 1024
"""A batch is closed when it holds so many bytes; so it fits into a pipe of 1 MiB."""
AHEAD = 2
"""Batches that a child holds: the one it reads, and the next, so that it never waits."""
STARTS = 3
"""Children that may die in a row before they are ready; then something is wrong with us."""
START_SECONDS = 120.0
"""Seconds within which a child must be ready, on however loaded a machine."""
PATIENCE_SECONDS = 30.0
"""Seconds beside twice the processor time of one mail after which a silent child is ended: it was
stopped, or its machine is far too busy. Its mails are then read one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A source and what was found in it; ``packed`` is the source as blobs keep it."""

    source: Source
    report: Report
    packed: bytes


class _Batch:
    """Some sources in a row, and their results as they come."""

    def __init__(self, items: list[Source | Unread]) -> None:
        self.results: list[Read | Unread | None] = [
            item if isinstance(item, Unread) else None for item in items
        ]
        self.sources = {place: item for place, item in enumerate(items) if isinstance(item, Source)}

    @property
    def done(self) -> bool:
        """Whether every source has its result."""
        return not self.sources

    def settle(self, place: int, report: Report, packed: bytes) -> None:
        """Give one source its result."""
        source = self.sources.pop(place)
        self.results[place] = Read(source=source, report=report, packed=packed)


@dataclass(slots=True, kw_only=True)
class _Task:
    """What a child is given at once: sources of one batch, by their places in it."""

    batch: _Batch
    places: list[int]
    deaths: int = 0


class Reader:
    """Reads complaints in child processes. Use it in a ``with`` statement; it is not shared
    between threads.

    Args:
        settings: limits and borders, as for ``report.normalise``.
        sources: address tables beside those that are built in.
        processes: how many children at most; as many as there are processors by default. One is
            started only when there is work for it.
    """

    def __init__(
        self, settings: Settings, sources: Sources | None = None, processes: int | None = None
    ) -> None:
        self._settings = settings
        self._orders = Orders(settings=settings, sources=sources or Sources())
        self._most = max(1, processes or len(os.sched_getaffinity(0)))
        self._selector = selectors.DefaultSelector()
        self._children: list[Child[_Task]] = []
        self._waiting: deque[_Task] = deque()
        self._failed_starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all children at once; what they were reading is not answered."""
        while self._children:
            self._end(self._children[-1])
        self._selector.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the children that live now, for a supervisor."""
        return tuple(child.process.pid for child in self._children)

    def read(self, sources: Iterable[Source | Unread]) -> Iterator[Read | Unread]:
        """Every source with its Report, in the order of the sources; an Unread passes through.

        The children go on reading ahead, within bounds, while the caller works on a result.

        Raises:
            TableInvalid: an address table cannot be used.
            ReaderUnusable: the children cannot be started.
        """
        batches = _batches(sources)
        order: deque[_Batch] = deque()
        ended = False
        try:
            while True:
                while not ended and len(order) < self._most * (AHEAD + 1):
                    batch = next(batches, None)
                    if batch is None:
                        ended = True
                        break
                    order.append(batch)
                    if batch.sources:
                        self._waiting.append(_Task(batch=batch, places=list(batch.sources)))
                self._assign()
                self._turn(wait=bool(order) and not order[0].done)
                if order and order[0].done:
                    resting = ticking()
                    yield from _results(order.popleft())
                    self._postpone(ticking() - resting)
                elif ended and not order:
                    return
        finally:
            self._waiting.clear()
            for child in [child for child in self._children if child.tasks]:
                self._end(child)

    def _assign(self) -> None:
        """Hand waiting tasks to the children, each time to the one with the fewest."""
        while self._waiting:
            idle = min(self._children, key=lambda child: len(child.tasks), default=None)
            if (idle is None or idle.tasks) and len(self._children) < self._most:
                idle = self._start()
            if idle is None or len(idle.tasks) >= AHEAD:
                return
            task = self._waiting.popleft()
            if idle.ready and not idle.tasks:
                idle.deadline = ticking() + self._patience
            idle.give(task, [task.batch.sources[place].content for place in task.places])
            self._watch(idle)

    def _postpone(self, seconds: float) -> None:
        """Do not blame the children for the time in which nobody listened to them."""
        for child in self._children:
            child.deadline += seconds

    def _start(self) -> Child[_Task]:
        """A new child, which gets its orders; it is ready when it says so."""
        child = Child[_Task](self._orders, ticking() + START_SECONDS)
        self._children.append(child)
        self._selector.register(child.reading, selectors.EVENT_READ, child)
        self._selector.register(child.writing, selectors.EVENT_WRITE, child)
        return child

    def _watch(self, child: Child[_Task]) -> None:
        """Ask to be told of room in the pipe only while there is something to write."""
        watched = child.writing in self._selector.get_map()
        if child.unsent and not watched:
            self._selector.register(child.writing, selectors.EVENT_WRITE, child)
        elif watched and not child.unsent:
            self._selector.unregister(child.writing)

    def _turn(self, *, wait: bool) -> None:
        """Move what can be moved through the pipes; wait for it if nothing else can be done."""
        first = min((child.deadline for child in self._children), default=0.0)
        left = max(0.0, first - ticking()) if wait else 0.0
        for key, events in self._selector.select(min(left, START_SECONDS)):
            child: Child[_Task] = key.data
            if child not in self._children:
                continue
            if events & selectors.EVENT_WRITE:
                child.write()
                self._watch(child)
            elif not (child.read() and self._hear(child)):
                self._mourn(child)
        now = ticking()
        for child in [child for child in self._children if child.deadline <= now]:
            child.overdue = True
            child.process.kill()
            self._mourn(child)

    def _hear(self, child: Child[_Task]) -> bool:
        """Take in every frame that a child has sent completely; false if it talks nonsense."""
        try:
            while (frame := child.frame()) is not None:
                if not child.ready:
                    self._welcome(child, child.greeting(frame))
                    continue
                task = child.tasks[0]
                answers = list(zip(task.places, child.answers(frame), strict=True))
                child.tasks.popleft()
                for place, answer in answers:
                    task.batch.settle(place, self._reported(task, place, answer), answer.packed)
                child.deadline = ticking() + self._patience if child.tasks else float("inf")
        except (msgspec.MsgspecError, ValueError, IndexError):
            # A mail may have got hold of it; what it says is worth nothing, and it is replaced.
            return False
        return True

    def _welcome(self, child: Child[_Task], said: Ready) -> None:
        """Let a child that is ready begin.

        Raises:
            OurError: what keeps it from beginning, in its own words.
        """
        if said.code:
            kinds = {kind.code: kind for kind in _descendants(OurError)}
            raise kinds.get(said.code, ReaderUnusable)(said.detail, hint=said.hint)
        self._failed_starts = 0
        child.ready = True
        child.deadline = ticking() + self._patience if child.tasks else float("inf")

    @property
    def _patience(self) -> float:
        return PATIENCE_SECONDS + 2 * self._settings.limits.seconds

    def _mourn(self, child: Child[_Task]) -> None:
        """Take the work of a child that died, or that had to be ended, back.

        Raises:
            ReaderUnusable: no child lives long enough to be ready.
        """
        tasks = list(child.tasks)
        self._end(child)
        if not child.ready:
            self._failed_starts += 1
            if self._failed_starts >= STARTS:
                raise ReaderUnusable(
                    f"a child process ended with status {child.process.returncode} at its start",
                    hint="reading.memory_bytes may be too small for the address tables",
                )
        elif tasks:
            suspect = tasks.pop(0)
            self._waiting.extendleft(reversed(tasks))
            self._judge(suspect, child)
            return
        self._waiting.extendleft(reversed(tasks))

    def _judge(self, suspect: _Task, child: Child[_Task]) -> None:
        """Read a batch again one by one; give a mail up when it ended enough children."""
        if len(suspect.places) > 1:
            alone = [_Task(batch=suspect.batch, places=[place]) for place in suspect.places]
            self._waiting.extendleft(reversed(alone))
            return
        why, enough = self._cause(child)
        suspect.deaths += 1
        if suspect.deaths < enough:
            self._waiting.appendleft(suspect)
            return
        (place,) = suspect.places
        content = suspect.batch.sources[place].content
        suspect.batch.settle(place, _unparseable(content, why), pack(content))

    def _cause(self, child: Child[_Task]) -> tuple[str, int]:
        """Why a child ended, and how many such ends of its own are enough to blame one mail."""
        limits, status = self._settings.limits, child.process.returncode
        if child.overdue:
            return f"reading it took more than {self._patience:g} s", 2
        if status == -signal.SIGPROF:
            # The timer counts for one mail alone, so once is proof.
            return f"reading it took more than {limits.seconds:g} s of processor time", 1
        if status == OUT_OF_MEMORY:
            megabytes = limits.memory_bytes // 1_048_576
            return f"reading it needed more than {megabytes} MiB of memory", 2
        return f"reading it ended the process with status {status}", 3

    def _reported(self, task: _Task, place: int, answer: Answer) -> Report:
        """The Report of an answer; one of its failure where the reading itself failed."""
        if answer.report is not None:
            return answer.report
        return _unparseable(task.batch.sources[place].content, answer.failed)

    def _end(self, child: Child[_Task]) -> None:
        """End a child and forget it."""
        self._children.remove(child)
        for pipe in (child.reading, child.writing):
            if pipe in self._selector.get_map():
                self._selector.unregister(pipe)
        child.end()


def _batches(sources: Iterable[Source | Unread]) -> Iterator[_Batch]:
    """The sources in bunches of bounded number and size; a larger mail makes its own."""
    items: list[Source | Unread] = []
    octets = 0
    for source in sources:
        size = len(source.content) if isinstance(source, Source) else 0
        if items and octets + size > OCTETS:
            yield _Batch(items)
            items, octets = [], 0
        items.append(source)
        octets += size
        if len(items) >= MAILS:
            yield _Batch(items)
            items, octets = [], 0
    if items:
        yield _Batch(items)


def _results(batch: _Batch) -> Iterator[Read | Unread]:
    """The results of a batch that is done."""
    for result in batch.results:
        assert result is not None
        yield result


def _unparseable(content: bytes, why: str) -> Report:
    """The Report of a source that could not be read; it has the digest that it is kept under."""
    return Report(
        source_sha256=hashlib.sha256(content).hexdigest(),
        source_size=len(content),
        complaint=Complaint(form=BARE),
        problems=(why,),
    )


def _descendants(kind: type[EntenteError]) -> Iterator[type[EntenteError]]:
    """Every error class below ``kind``."""
    for below in kind.__subclasses__():
        yield below
        yield from _descendants(below)
