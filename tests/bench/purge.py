"""How fast a purge is, how long a writer waits meanwhile, and what is left in the file.

Run as ``python -m tests.bench.purge [REPORTS]``: some mails go the whole road, their rows are
multiplied, and everything is purged on the day after its date.
"""

import dataclasses
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

from gateway.exchange import purge
from gateway.exchange.gateway import Gateway
from tests.simulator import World, address, mail, texts

EACH = 200
PSEUDONYM = "a1b2c3d4" * 4
SUBJECT = b"You have been chosen"
COPIES = (
    (
        "INSERT INTO report SELECT id || :n, issuer, source_sha256 || :n, reporter, recorded_at,"
        " seen_at, state, fate, why, origin, country, network, category, campaign, case_id,"
        " delete_after, forget_after FROM report WHERE length(id) = 36"
    ),
    "INSERT INTO detail SELECT report_id || :n, content FROM detail WHERE length(report_id) = 36",
    (
        "INSERT INTO sent SELECT peer, jti || :n, epoch, place + :place, kind, digest, token,"
        " state, why, report_id || :n, case_id, signed_at, attempts, delivered_at, proved_at,"
        " receipt, delete_after FROM sent WHERE length(jti) = 36 AND kind = 'report'"
    ),
    (
        "INSERT INTO original SELECT sha256 || :n, size, salt, salted, stored_at, delete_after"
        " FROM original WHERE length(sha256) = 64"
    ),
)


def main(reports: int) -> None:
    """Print the figures for so many reports."""
    with tempfile.TemporaryDirectory(prefix="entente-bench-") as folder:
        world = World(Path(folder), "FR", "US")
        world.befriend("FR", "US")
        said = texts(EACH)
        mails = [mail(address("US", n % 5), said[n], number=n) for n in range(EACH)]
        world.take("FR", *mails, reporter=PSEUDONYM)
        world.drain()
        gateway = world.at["FR"]
        with gateway.store.write() as db:
            for number in range(1, max(1, reports // EACH)):
                given = {"n": f"-{number:06}", "place": number * 1_000_000}
                for statement in COPIES:
                    db.exec_driver_sql(statement, given)
        later = timedelta(days=1_200)
        _show(dataclasses.replace(gateway, now=lambda: world.clock() + later), Path(folder) / "FR")
        world.close()


def _show(gateway: Gateway, home: Path) -> None:
    gateway.store.empty_log()
    before = (home / "entente.db").stat().st_size
    waits: list[float] = []
    over = threading.Event()
    writer = threading.Thread(target=_write, args=(gateway, waits, over))
    writer.start()
    purge.SMALL = 0  # So that what is left can be counted before the file is written anew.
    began, worked = time.perf_counter(), time.process_time()
    done = purge.purge(gateway)
    took, worked = time.perf_counter() - began, time.process_time() - worked
    over.set()
    writer.join()
    print(f"database before       {before / 1e6:,.0f} MB")
    print(f"emptied               {done.rows:,} rows in {took:.1f} s, {worked:.1f} s of processor")
    print(
        f"another writer waited {sum(waits) / len(waits) * 1e3:.0f} ms, {max(waits):.2f} s at most"
    )
    print(f"left in the file      {_left(home)}")
    began = time.perf_counter()
    gateway.store.rebuild()
    gateway.store.empty_log()
    after = (home / "entente.db").stat().st_size
    print(f"written anew          {after / 1e6:,.0f} MB in {time.perf_counter() - began:.1f} s")
    print(f"left in the file      {_left(home)}")


def _write(gateway: Gateway, waits: list[float], over: threading.Event) -> None:
    """Somebody else who writes a little every hundredth of a second."""
    while not over.is_set():
        began = time.perf_counter()
        with gateway.store.write() as db:
            db.exec_driver_sql("UPDATE setting SET value = value")
        waits.append(time.perf_counter() - began)
        over.wait(0.01)


def _left(home: Path) -> str:
    content = (home / "entente.db").read_bytes()
    return f"{content.count(PSEUDONYM.encode())} pseudonyms, {content.count(SUBJECT)} subjects"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
