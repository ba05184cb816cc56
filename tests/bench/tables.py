"""What the address tables cost: ``python -m tests.bench.tables``.

It prints milliseconds of processor time for opening them, as every command and every process
that reads mail does, and microseconds for locating an address that is new, and one that is not.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gateway.edges.registry import Registry, Sources, open_registry

TIMES = 15


def spent(work: Callable[[], object]) -> float:
    """Processor seconds of one run of ``work``."""
    before = time.process_time()
    work()
    return time.process_time() - before


def _line(what: str, seconds: list[float], per: float = 1e3, unit: str = "ms") -> None:
    middle, least = statistics.median(seconds) * per, min(seconds) * per
    print(f"{what:52} median {middle:8.2f} {unit}, least {least:8.2f} {unit}")


def addresses(registry: Registry, number: int) -> list[str]:
    """Addresses of many countries, one in four of IPv6."""
    chance = random.Random(1)
    countries = registry.countries()
    found = []
    while len(found) < number:
        version = 6 if len(found) % 4 == 3 else 4
        country = chance.choice(["US", "DE", "BR", "FR", "JP", chance.choice(countries)])
        if registry.main.ranges(country, version):
            found.append(registry.draw(country, chance, version=version))
    return found


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place:
        kept = Sources(cache=str(Path(place) / "cache"))
        _line("opening, nothing kept yet", [spent(open_registry)])
        _line("opening and keeping the decoded form", [spent(lambda: open_registry(kept))])
        _line("opening afterwards", [spent(lambda: open_registry(kept)) for _ in range(TIMES)])
        registry = open_registry(kept)
        some = addresses(registry, 4000)
        new, known = [], []
        for _ in range(5):
            registry.locate.cache_clear()
            new.append(spent(lambda: [registry.locate(a) for a in some]) / len(some))
            known.append(spent(lambda: [registry.locate(a) for a in some]) / len(some))
        _line("locating a new address", new, 1e6, "us")
        _line("locating one that was asked for before", known, 1e6, "us")


if __name__ == "__main__":
    main()
