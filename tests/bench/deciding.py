"""What deciding cases again costs: ``python -m tests.bench.deciding -n 100000``.

A sync with nothing due must cost the same whatever the number of cases; what is due costs by the
case. CPU times, with every case in one database on disk.
"""

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

from gateway.config import Policy
from gateway.edges.store import schema as t
from gateway.edges.store.records import micros
from gateway.exchange.deciding import route_again
from gateway.model import evolve
from tests.simulator import World


def _open(world: World, first: int, last: int) -> None:
    """Enter cases that wait."""
    now = micros(world.clock())
    row = {"country": "US", "network": "n", "category": "spam", "shelf": "waiting", "reason": ""}
    row |= {"peer": None, "first_seen": now, "last_seen": now, "opened_at": now}
    row |= {"reports": 1, "reporters": 1}
    with world.at["FR"].store.write() as db:
        rows = [{**row, "id": f"c{n:09}", "campaign": f"x{n}"} for n in range(first, last)]
        db.execute(t.case.insert(), rows)


def _timed(world: World, what: str) -> None:
    began = time.process_time()
    moved = route_again(world.at["FR"])
    print(f"{what}: {moved} decided in {(time.process_time() - began) * 1e3:.1f} ms of CPU")


def main() -> None:
    """Open cases, sync with nothing due at a tenth and at all of them, then with all due."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=100_000)
    number = parser.parse_args().n
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place), "FR", "US")
        world.befriend("FR", "US")
        fr = world.at["FR"]
        careful = evolve(fr.config, policy=Policy(oldest_days=36_500))
        world.replace("FR", dataclasses.replace(fr, config=careful))
        before = 0
        for some in (number // 10, number):
            _open(world, before, some)
            route_again(world.at["FR"])
            _timed(world, f"nothing due among {some}")
            before = some
        world.clock.turn(minutes=15)
        _timed(world, f"all of {number} due")
        world.close()


if __name__ == "__main__":
    main()
