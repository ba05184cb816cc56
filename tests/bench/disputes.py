"""How often a country is in doubt: ``python -m tests.bench.disputes TRUTH.tsv [TABLE...]``.

TRUTH.tsv names one address a line in its column ``origin``; each TABLE is a further table of
registrations (delegated-extended file, compact table, or MMDB). It prints, for the built-in table
alone and with each further one and all of them beside it, how many addresses have registrations
that contradict each other, by which rule that is settled, and how many end as disputed.
"""

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gateway.edges.registry import Sources, open_registry
from gateway.model import Hosting

MOST = 0.02
"""The part of the origins that may end as disputed."""


def fate(found: Hosting) -> str:
    """What the registrations about an address come to, in a word."""
    if found.disputed:
        return "disputed"
    return found.settled or found.none or "agreed"


def count(origins: Sequence[str], tables: Sequence[str]) -> "Counter[str]":
    """How many of ``origins`` come to what with ``tables`` beside the built-in one."""
    registry = open_registry(Sources(tables=tuple(tables)), lazily=True)
    return Counter(fate(registry.locate(origin)) for origin in origins)


def main() -> None:
    """Count and print; the exit status is 1 where too many are disputed."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with Path(sys.argv[1]).open(newline="") as file:
        origins = [row["origin"] for row in csv.DictReader(file, delimiter="\t")]
    tables = sys.argv[2:]
    sets: list[list[str]] = [[], *([table] for table in tables)]
    if len(tables) > 1:
        sets.append(tables)
    worst = 0.0
    for some in sets:
        counted = count(origins, some)
        part = counted["disputed"] / len(origins)
        worst = max(worst, part)
        named = ", ".join(f"{word} {number}" for word, number in counted.most_common())
        beside = " + ".join(Path(table).name for table in some) or "alone"
        print(f"built-in table {beside}: {len(origins)} origins: {named}; disputed {part:.2%}")
    print(f"at most {worst:.2%} disputed ({MOST:.0%} allowed)")
    sys.exit(worst > MOST)


if __name__ == "__main__":
    main()
