"""How often the true origin is found: ``python -m tests.bench.origin DIR TRUTH.tsv``.

DIR holds mails, TRUTH.tsv their paths in it and the true address of each (with a header row). It
prints for each collection (first folder of the path) how many are right in three settings: as
they are, with every header removed in which the provider names the sender, and with each forgery
of ``tests.chains`` added below the border; then the mails that are wrong, and microseconds.
"""

import random
import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from gateway import trace
from gateway.edges.registry import open_registry
from gateway.formats import headers as fields
from gateway.formats import received
from gateway.model import Origin
from tests import chains

TELLING = re.compile(
    r"authentication-results|x-sender-ip|received-spf|x-forefront|x-ms-|x-microsoft|x-exchange"
    r"|x-eop|arc-|x-sid-|x-originating-ip|x-incoming",
    re.IGNORECASE,
)
"""Headers in which a provider names the sender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One mail with its known origin."""

    path: str
    origin: str
    headers: chains.Headers

    @property
    def collection(self) -> str:
        return self.path.partition("/")[0]


def samples(folder: Path, truth: Path) -> list[Sample]:
    """The mails that the table names."""
    rows = [line.split("\t") for line in truth.read_text("utf-8").splitlines()[1:]]
    found = []
    for path, origin in rows:
        source = folder.joinpath(path).read_bytes().replace(b"\r\n", b"\n")
        block, _ = fields.split(source.partition(b"\n\n")[0] + b"\n")
        found.append(Sample(path=path, origin=origin, headers=block))
    return found


def silent(headers: chains.Headers) -> chains.Headers:
    """The headers without those in which the provider names the sender."""
    return tuple((name, value) for name, value in headers if TELLING.match(name) is None)


def right(headers: chains.Headers, origin: str, locate: trace.Locate) -> bool:
    """Whether the origin is found."""
    found = trace.find(headers, locate)
    return isinstance(found, Origin) and found.address == origin


def as_chain(sample: Sample) -> chains.Chain | None:
    """A real mail as a chain that can be forged; None where no line shows its origin."""
    lines = [value for name, value in sample.headers if name.lower() == "received"]
    for number, line in enumerate(lines):
        hop = received.read(line)
        if hop.address == sample.origin:
            inside, inner = hop.by_address, hop.by or "mx.example.net"
            for above in reversed(lines[:number]):
                upper = received.read(above)
                if upper.address is not None:
                    inside, inner = upper.address, upper.name or inner
                    break
            return chains.Chain(
                kind=sample.collection,
                headers=sample.headers,
                origin=sample.origin,
                border=number,
                inside=inside or "10.0.0.1",
                inner=inner,
            )
    return None


def copied(found: list[Sample]) -> list[str]:
    """Real Received lines, to copy from."""
    return [v for one in found for name, v in one.headers if name.lower() == "received"]


def main(folder: str, truth: str) -> None:
    """Print the figures."""
    found = samples(Path(folder), Path(truth))
    locate = open_registry().locate
    lines, rng = copied(found), random.Random(20260303)
    score: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    wrong: list[str] = []

    def count(sample: Sample, setting: str, headers: chains.Headers) -> None:
        ok = right(headers, sample.origin, locate)
        cell = score[sample.collection, setting.partition(":")[0]]
        cell[0] += ok
        cell[1] += 1
        if not ok:
            wrong.append(f"{sample.path} ({setting}) {trace.find(headers, locate)!r:.300}")

    for sample in found:
        count(sample, "as is", sample.headers)
        count(sample, "provider headers removed", silent(sample.headers))
        chain = as_chain(sample)
        if chain is None:
            wrong.append(f"{sample.path}: no line shows {sample.origin}")
            continue
        for name, forged in chains.forgeries(chain, rng, lines):
            count(sample, f"forged: {name}", forged)
    for (collection, setting), (ok, all_) in sorted(score.items()):
        print(f"{collection:10} {setting:26} {ok:6} of {all_:6}  {100 * ok / all_:.2f} %")
    for line in wrong:
        print("wrong:", line)
    started = time.process_time()
    for sample in found:
        trace.find(sample.headers, locate)
    print(f"{(time.process_time() - started) / len(found) * 1e6:.0f} us of processor time per mail")


if __name__ == "__main__":
    main(*sys.argv[1:3])
