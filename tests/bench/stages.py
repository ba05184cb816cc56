"""Where the time of the road goes: CPU microseconds a report for each stage, in one process.

``python -m tests.bench.stages --mail DIR`` reads mails made of those below DIR stage by stage,
then sends them from one association to another over a wire in memory; ``road`` prints the same
table. Each
stage is called as the road calls it, so the sum of the stages is what a report costs one core,
servers, pipes and TLS left out.
"""

import argparse
import dataclasses
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway import campaign, category, report, trace
from gateway.config import ReadingLimits
from gateway.edges import blobs
from gateway.edges.registry import open_registry
from gateway.edges.store import peers
from gateway.edges.wire import Answer, Target
from gateway.exchange import intake, push, receive, refer
from gateway.exchange.intake import Arrived
from gateway.formats import mail, mime
from tests.bench.mails import material
from tests.bench.pair import befriended

BATCH = 200
SAMPLE = 2_000
"""How many mails are measured."""


class Stages:
    """CPU seconds by stage; whatever runs inside another stage is not counted there."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside: list[float] = []

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Count what the block costs."""
        began = time.process_time()
        self._inside.append(0.0)
        try:
            yield
        finally:
            spent = time.process_time() - began
            self.seconds[name] += spent - self._inside.pop()
            if self._inside:
                self._inside[-1] += spent


class _Memory:
    """A wire that hands every call to the receiver at once."""

    def __init__(self, take: Callable[[Mapping[str, bytes]], Answer]) -> None:
        self._take = take

    def post(self, _to: Target, _url: str, body: bytes, _headers: Mapping[str, str]) -> Answer:
        sets = msgspec.json.decode(body)["sets"]
        return self._take({name: token.encode() for name, token in sets.items()})

    def begin(
        self, to: Target, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Callable[[], Answer]:
        answer = self.post(to, url, body, headers)
        return lambda: answer


def reading(mails: list[bytes], stages: Stages) -> None:
    """Read every mail, stage by stage."""
    locate, limits = open_registry().locate, ReadingLimits()
    for source in mails[:200]:
        report.normalise(source, locate)
    for source in mails:
        with stages.of("read: parts and header"):
            walked = mime.walk(source, limits)
        with stages.of("read: text, links, files"):
            found = mail.compose(walked, limits)
        with stages.of("trace"):
            origin = trace.find(found.message.headers, locate)
        with stages.of("hosting"):
            if not isinstance(origin, trace.Untraced):
                locate(origin.address)
        with stages.of("category"):
            category.judge(found.message, found.text)
        with stages.of("campaign"):
            campaign.fingerprint(found.text, found.message, report._opening(walked))
        with stages.of("pack"):
            blobs.pack(source)


def exchanging(mails: list[bytes], stages: Stages) -> int:
    """File every mail, refer, push and receive what goes abroad; how many did."""
    with tempfile.TemporaryDirectory() as place, befriended(Path(place)) as (one, two):
        arrived = [
            Arrived(report=report.normalise(m, one.locate), content=m, packed=blobs.pack(m))
            for m in mails
        ]
        for at in range(0, len(arrived), BATCH):
            with stages.of("file"):
                intake.accept(one, arrived[at : at + BATCH], "")

        def take(sets: Mapping[str, bytes]) -> Answer:
            with stages.of("receive"):
                receive.receive(two, one.me, sets, named=True)
            body = msgspec.json.encode({"ack": list(sets), "setErrs": {}})
            return Answer(status=202, headers=(("content-type", "application/json"),), body=body)

        sender = dataclasses.replace(one, wire=_Memory(take))
        with sender.store.read() as db:
            peer = peers.register(db).peers[two.me]
        with stages.of("refer: compose, hide, sign"):
            referred = refer.refer(sender, peer)
        with stages.of("push"):
            push.push(sender, two.me)
        return referred.reports


def measure(mails: list[bytes]) -> tuple[dict[str, float], dict[str, float]]:
    """CPU microseconds a report of reading, and of what follows for reports that go abroad."""
    read, sent = Stages(), Stages()
    reading(mails, read)
    number = exchanging(mails, sent)
    filed = sent.seconds.pop("file")
    return (
        {
            name: spent / len(mails) * 1e6
            for name, spent in (*read.seconds.items(), ("file", filed))
        },
        {name: spent / max(number, 1) * 1e6 for name, spent in sent.seconds.items()},
    )


def show(mails: list[bytes]) -> None:
    """Print the table."""
    read, sent = measure(mails)
    for name, spent in (*read.items(), *sent.items()):
        print(f"  {name:28} {spent:6.0f} us CPU/report")
    print(f"  {'all of these':28} {sum(read.values()) + sum(sent.values()):6.0f} us CPU/report")


def main() -> None:
    """Measure the mails of a directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mail", type=Path, required=True)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        material(chosen.mail, SAMPLE, Path(place))
        show([path.read_bytes() for path in sorted(Path(place).iterdir())])


if __name__ == "__main__":
    main()
