"""How well mailings are recognised, and at what cost: ``python -m tests.bench.campaign``.

Three parts. *Generated*: mailings of personalised copies among unrelated mails go through the
whole normaliser and the whole intake; pairwise precision and recall, of lures and of kits, and
which mailings were parted or glued. *Real* (``--mail DIR``): each real mail against copies of it,
changed in one way each; how many stay with it. *Cost*: microseconds of processor time a mail and
rows read, at growing numbers of campaigns in the store.
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gateway import campaign
from gateway.edges.registry import open_registry
from gateway.edges.store import campaigns, open_store
from gateway.model import Fingerprint
from gateway.report import normalise
from tests.mailings import Sent, mailings, unrelated
from tests.mutations import MUTATIONS
from tests.simulator import World

BATCH = 200


@dataclass(frozen=True)
class Score:
    """How many pairs of mails were put together, belong together, and both."""

    put: int
    true: int
    both: int

    @property
    def precision(self) -> float:
        """Of the pairs put together, how many belong together."""
        return self.both / self.put if self.put else 1.0

    @property
    def recall(self) -> float:
        """Of the pairs that belong together, how many were put together."""
        return self.both / self.true if self.true else 1.0


def score(found: Sequence[str | None], truth: Sequence[str]) -> Score:
    """Compare what was found with the truth; None and empty are like nothing."""

    def pairs(keys: Iterable[object]) -> int:
        return sum(n * (n - 1) // 2 for n in Counter(keys).values())

    said = [key if key is not None else f"alone {place}" for place, key in enumerate(found)]
    told = [key or f"alone {place}" for place, key in enumerate(truth)]
    return Score(pairs(said), pairs(told), pairs(zip(said, told, strict=True)))


def taken(world: World, mails: Sequence[Sent]) -> tuple[list[str | None], list[str | None]]:
    """The campaign of each mail after the whole intake, and its kit."""
    names: dict[str, str | None] = {}
    kits: dict[str, str | None] = {}
    for start in range(0, len(mails), BATCH):
        world.take("FR", *(mail.source for mail in mails[start : start + BATCH]))
    rows = world.rows(
        "FR", "SELECT r.source_sha256, r.campaign, c.kit FROM report r"
        " LEFT JOIN campaign c ON c.id = r.campaign"
    )  # fmt: skip
    for digest, name, made_with in rows:
        names[str(digest)] = None if name is None else str(name)
        kits[str(digest)] = None if not made_with else str(made_with)
    digests = [sha256(mail.source).hexdigest() for mail in mails]
    return [names[one] for one in digests], [kits[one] for one in digests]


def generated(seed: int, number: int, copies: int, others: int) -> None:
    """Print how well generated mailings are recognised."""
    mails = [*mailings(seed, number, copies), *unrelated(seed, others)]
    random.Random(seed).shuffle(mails)
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place), "FR")
        names, kits = taken(world, mails)
        world.close()
    truth = [mail.mailing for mail in mails]
    lures = score(names, truth)
    print(f"generated: {number} mailings of {copies} copies, {others} other mails, seed {seed}")
    print(f"  lures  precision {lures.precision:.2%}  recall {lures.recall:.2%}")
    sent = [place for place, mail in enumerate(mails) if mail.mailing]
    made = score([kits[place] for place in sent], [mails[place].kit for place in sent])
    print(f"  kits   precision {made.precision:.2%}  recall {made.recall:.2%}")
    for name in sorted(set(truth) - {""}):
        parts = Counter(found for found, said in zip(names, truth, strict=True) if said == name)
        if parts.most_common(1)[0][1] < 0.97 * copies:
            print(f"  parted: {name} {[n for _, n in parts.most_common(6)]}")
    for found in set(names) - {None}:
        inside = Counter(said for other, said in zip(names, truth, strict=True) if other == found)
        if len(inside) > 1 or inside[""] > 1:
            print(f"  glued:  {dict(inside.most_common(5))}")


def kept(folder: Path, seed: int = 1, every: int = 1) -> dict[str, tuple[int, int]]:
    """Of real mails that say something, how many changed copies stay with theirs, by change.

    Only each mail at a multiple of ``every`` is looked at.
    """
    locate = open_registry().locate
    found: dict[str, tuple[int, int]] = {}
    marks: list[tuple[bytes, Fingerprint]] = []
    for path in sorted(folder.rglob("*.eml"))[::every]:
        source = path.read_bytes() if path.is_file() else b""
        mark = normalise(source, locate).fingerprint if source else None
        if mark is not None and campaign.comparable(mark):
            marks.append((source, mark))
    for name, change in MUTATIONS.items():
        dice = random.Random(f"{name} {seed}")
        stayed = tried = 0
        for source, mark in marks:
            changed = change(source, dice)
            other = normalise(changed, locate).fingerprint if changed else None
            if other is None:
                continue
            tried += 1
            stayed += other.exact == mark.exact or campaign.likeness(other, mark) > 0
        found[name] = (stayed, tried)
    return found


def cost(sizes: Sequence[int]) -> None:
    """Print what the lookup and entering of a mail costs while the store grows."""
    dice = random.Random(5)
    boiler = [dice.getrandbits(32) for _ in range(400)]
    with tempfile.TemporaryDirectory() as place:
        store = open_store(Path(place) / "entente.db", create=True)
        size = 0
        for most in sizes:
            while size < most:
                batch = [_drawn(dice, boiler) for _ in range(min(1_000, most - size))]
                with store.write() as db:
                    campaigns.keep(db, campaign.gather(batch, *campaigns.near(db, batch)), size)
                size += len(batch)
            batch = [_drawn(dice, boiler) for _ in range(BATCH)]
            spent = float("inf")
            for _ in range(3):
                began = time.process_time()
                with store.read() as db:
                    shelf, leaders = campaigns.near(db, batch)
                    campaign.gather(batch, shelf, leaders)
                spent = min(spent, time.process_time() - began)
            print(f"  {size:7} campaigns: {spent / BATCH * 1e6:5.0f} us to gather a new mail")
        store.close()


def _drawn(dice: random.Random, boiler: Sequence[int]) -> Fingerprint:
    """A new mail; a third of its marks are text that very many mails share."""
    marks = {*dice.sample(boiler, 16), *(dice.getrandbits(32) for _ in range(32))}
    codes = tuple(sorted(dice.sample(range(65_536), 28)))
    exact = f"{dice.getrandbits(128):032x}"
    return Fingerprint(
        exact=exact, marks=tuple(sorted(marks)), words=300, lead=codes, topic=codes[:6]
    )


def main() -> None:
    """Print every part that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mail", type=Path, help="a folder of real mails")
    parser.add_argument("--mailings", type=int, default=60)
    parser.add_argument("--copies", type=int, default=100)
    parser.add_argument("--others", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    chosen = parser.parse_args()
    if chosen.mailings:
        generated(chosen.seed, chosen.mailings, chosen.copies, chosen.others)
    if chosen.mail:
        print(f"real mails of {chosen.mail}, changed:")
        for name, (stayed, tried) in kept(chosen.mail).items():
            print(f"  {name:18} {stayed} of {tried} stay together, {stayed / tried:.2%}")
    if chosen.sizes:
        print("cost, of processor time:")
        cost(chosen.sizes)


if __name__ == "__main__":
    main()
