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
from pathlib import Path

import psutil

from gateway import app
from gateway.edges.store import records, streams
from gateway.exchange.gateway import Gateway
from tests.bench.mails import material
from tests.bench.obvious import obvious
from tests.bench.pair import Pair, standing
from tests.bench.stages import SAMPLE, show


def cpu(process: psutil.Process) -> float:
    """CPU seconds of a process and of its children, ended ones included."""
    return sum(process.cpu_times()[:4])


def own() -> float:
    """CPU seconds of this process and of its ended children."""
    some = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, some))


def entente(home: Path, *words: str) -> tuple[float, float, float, str]:
    """Run a command; wall seconds, CPU seconds, peak MB and what it printed."""
    command = [sys.executable, "-m", "gateway.cli", "--home", str(home), *words, "--json"]
    began, before = time.perf_counter(), own()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    if done.returncode and "unparseable" not in done.stdout:
        sys.exit(done.stderr)
    return time.perf_counter() - began, own() - before, peak, done.stdout.strip()


def road(pair: Pair, mails: Path, number: int) -> float:
    """Time the road; reports a second."""
    receiver = psutil.Process(pair.servers[1].pid)
    workers = [receiver, *receiver.children(recursive=True)]
    before = sum(map(cpu, workers))
    imported = entente(pair.homes[0], "import", str(mails))
    print(
        f"import   {imported[0]:7.2f} s  {imported[1] / number * 1e6:7.0f} us CPU/report ",
        f"peak {imported[2]:.0f} MB  {imported[3]}",
    )
    pushed = entente(pair.homes[0], "sync")
    print(
        f"push     {pushed[0]:7.2f} s  {pushed[1] / number * 1e6:7.0f} us CPU/report  {pushed[3]}"
    )
    back = entente(pair.homes[1], "sync")
    spent = back[1] / number * 1e6
    print(f"receipts {back[0]:7.2f} s  {spent:7.0f} us CPU/report  {back[3]}")
    took = sum(map(cpu, workers)) - before
    print(f"receiver's server          {took / number * 1e6:7.0f} us CPU/report")
    sender = app.open_gateway(pair.homes[0])
    peer = app.open_gateway(pair.homes[1]).me
    with sender.store.read() as db:
        fates = streams.fates(db, peer)
    proved = sum(n for (kind, fate), n in fates.items() if (kind, fate) == ("report", "accepted"))
    print(f"proved by verified receipts: {proved} of {number}; fates {dict(fates)}")
    counters(pair, sender)
    wall = imported[0] + pushed[0] + back[0]
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
