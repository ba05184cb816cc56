"""The whole road, timed: raw mail to the peer's disk and a verified receipt.

``python -m tests.bench.road --mail DIR -n N`` imports N mails (each made different) at one
association, refers and pushes them over real HTTPS to another one in its own process, and takes
its receipts. In the same run a yardstick does the same work the obvious way: the standard
library's parser, one document, one signature, one POST and one commit for each mail.
"""

import argparse
import base64
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from gateway import app
from gateway.edges.store import records, streams
from gateway.exchange.gateway import Gateway
from tests.bench.mails import material
from tests.bench.obvious import obvious
from tests.bench.pair import Pair, standing
from tests.bench.stages import SAMPLE, show

SAMPLED_SECONDS = 0.05
"""How often the memory of a running command is looked at."""


def cpu(process: psutil.Process) -> float:
    """CPU seconds of a process and of its children, ended ones included."""
    return sum(process.cpu_times()[:4])


def own() -> float:
    """CPU seconds of this process and of its ended children."""
    some = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, some))


class Ran(NamedTuple):
    """What a command took: wall and CPU seconds, megabytes at its peak, and what it printed."""

    wall: float
    cpu: float
    peak: float
    said: str


def entente(home: Path, *words: str) -> Ran:
    """Run a command; its memory is that of the process and of those that it started, together.

    It is sampled, because the system's own figure counts what this process held before it became
    the command.
    """
    command = [sys.executable, "-m", "gateway.cli", "--home", str(home), *words, "--json"]
    began, before, peak = time.perf_counter(), own(), 0
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        running = subprocess.Popen(command, stdout=out, stderr=err, text=True)
        seen = psutil.Process(running.pid)
        while True:
            with suppress(psutil.Error):
                family = (seen, *seen.children(recursive=True))
                peak = max(peak, sum(one.memory_info().rss for one in family))
            with suppress(subprocess.TimeoutExpired):
                running.wait(SAMPLED_SECONDS)
                break
        wall, spent = time.perf_counter() - began, own() - before
        out.seek(0)
        err.seek(0)
        said = out.read().strip()
        if running.returncode and "unparseable" not in said:
            sys.exit(err.read())
    return Ran(wall, spent, peak / 1e6, said)


def road(pair: Pair, mails: Path, number: int) -> float:
    """Time the road; reports a second."""
    receiver = psutil.Process(pair.servers[1].pid)
    workers = [receiver, *receiver.children(recursive=True)]
    before = sum(map(cpu, workers))
    stages = {
        "import": entente(pair.homes[0], "import", str(mails)),
        "refer, push": entente(pair.homes[0], "sync"),
        "receipts": entente(pair.homes[1], "sync"),
    }
    for name, ran in stages.items():
        spent = ran.cpu / number * 1e6
        print(f"{name:12} {ran.wall:6.2f} s {spent:6.0f} us CPU/report, peak {ran.peak:4.0f} MB")
        print(f"             {ran.said[:150]}")
    took = sum(map(cpu, workers)) - before
    print(f"receiver's server     {took / number * 1e6:6.0f} us CPU/report")
    sender = app.open_gateway(pair.homes[0])
    peer = app.open_gateway(pair.homes[1]).me
    with sender.store.read() as db:
        fates = streams.fates(db, peer)
    proved = sum(n for (kind, fate), n in fates.items() if (kind, fate) == ("report", "accepted"))
    print(f"proved by verified receipts: {proved} of {number}; fates {dict(fates)}")
    counters(pair, sender)
    wall = sum(ran.wall for ran in stages.values())
    print(f"the road: {number / wall:.0f} reports/s ({wall:.2f} s for {number})")
    return number / wall


def counters(pair: Pair, sender: Gateway) -> None:
    """Print what shows that everything was on, counted in both databases."""
    abroad = app.open_gateway(pair.homes[1])

    def number(gateway: Gateway, query: str) -> int:
        with gateway.store.read() as db:
            return int(db.exec_driver_sql(query).scalar() or 0)

    with sender.store.read() as db:
        query = "SELECT report_id, token FROM sent WHERE kind = 'report' ORDER BY place LIMIT 500"
        sample = {name: bytes(token) for name, token in db.exec_driver_sql(query)}
        links = sum(r.message.links_total for r in records.contents(db, sample).values())
    said = [base64.urlsafe_b64decode(token.split(b".")[1] + b"==") for token in sample.values()]
    hidden = sum(text.count(b"@redacted.invalid") for text in said)
    print(
        f"everything on: {links / len(sample):.1f} links read and {hidden / len(sample):.1f}"
        " addresses hidden a report;"
        f" {number(sender, 'SELECT count(*) FROM original')} originals,"
        f" {number(sender, 'SELECT count(*) FROM campaign')} campaigns,"
        f" {number(sender, 'SELECT count(*) FROM case_file')} cases here;"
        f" {number(abroad, 'SELECT count(*) FROM report')} reports,"
        f" {number(abroad, 'SELECT count(*) FROM case_file')} cases abroad; synchronous"
        f" {number(sender, 'PRAGMA synchronous')} and {number(abroad, 'PRAGMA synchronous')}"
        " (2 is FULL)"
    )


def main() -> None:
    """Run the benchmark and the yardstick, and print both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mail", type=Path, required=True)
    parser.add_argument("-n", type=int, default=2000)
    parser.add_argument("--yardstick", type=int, default=150, help="mails for the obvious way")
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores, {chosen.n} mails made of {chosen.mail}")
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        mails = root / "mails"
        mails.mkdir()
        total = material(chosen.mail, chosen.n, mails)
        print(f"mean size {total / chosen.n / 1000:.1f} kB")
        with standing(root) as pair:
            fast = road(pair, mails, chosen.n)
            slow = obvious(pair, sorted(mails.iterdir())[: chosen.yardstick])
        print(f"the obvious way: {slow:.1f} reports/s; ratio {fast / slow:.1f}")
        print("where the time goes, measured in one process:")
        show([path.read_bytes() for path in sorted(mails.iterdir())[:SAMPLE]])


if __name__ == "__main__":
    main()
