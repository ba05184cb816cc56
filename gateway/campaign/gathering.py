"""A batch of mails goes into campaigns: found by their rarest marks, or founded.

Each campaign is entered under a few marks of its leader, those that the fewest campaigns have;
and a mark keeps a bounded number of campaigns, the newest. So text that thousands of mails share
leads nowhere, and finding costs the same however many campaigns there are. What is forgotten of
an old campaign are its marks; equal text still finds it. The law: pure, and the same whatever
the order of sets. Verb: ``gather``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from gateway.campaign.likeness import choose, comparable
from gateway.model import Fingerprint, Noun

SOUGHT = 32
"""How many of a mail's smallest marks are looked up."""
ENTERED = 12
"""Under how many marks a campaign can be found."""
KEPT = 24
"""How many campaigns one mark leads to; a newer one takes the place of the oldest."""
WEIGHED = 8
"""How many campaigns, those that share most of the rare marks, are compared with a mail."""


class Founded(Noun):
    """A new campaign: its leader, and the marks under which it is entered."""

    leader: Fingerprint
    marks: tuple[int, ...]


class Gathered(Noun):
    """What became of a batch: the campaign of each ``exact``, and what is to be written.

    ``founded`` are the new campaigns by id; ``forgotten`` the (mark, campaign) that gave way.
    """

    campaigns: dict[str, str]
    founded: dict[str, Founded]
    forgotten: tuple[tuple[int, str], ...]


def sought(mark: Fingerprint) -> tuple[int, ...]:
    """The marks of a mail that are looked up."""
    return mark.marks[:SOUGHT]


class Shelf:
    """What is known of the campaigns near a batch; learns those that the batch founds."""

    def __init__(self, postings: Mapping[int, Sequence[str]]) -> None:
        """Begin with the campaigns entered under each mark, oldest first."""
        self._stored = {mark: tuple(names) for mark, names in postings.items()}
        self._listed = {mark: list(names) for mark, names in postings.items()}
        self._near: dict[str, list[str]] = {}
        self._fresh: dict[int, list[str]] = defaultdict(list)
        self.founded: dict[str, Founded] = {}
        self.forgotten: list[tuple[int, str]] = []

    @property
    def size(self) -> int:
        """How many entries of stored campaigns are known: what had to be read."""
        return sum(map(len, self._stored.values()))

    def near(self, mark: Fingerprint) -> list[str]:
        """The stored campaigns to compare ``mark`` with, most promising first."""
        if mark.exact not in self._near:
            self._near[mark.exact] = _promising(mark, self._stored)
        return self._near[mark.exact]

    def fresh(self, mark: Fingerprint) -> dict[str, Fingerprint]:
        """The leaders of those campaigns of this batch that ``mark`` is to be compared with."""
        return {name: self.founded[name].leader for name in _promising(mark, self._fresh)}

    def found(self, mark: Fingerprint) -> str:
        """Found a campaign with ``mark`` as its leader; its id."""
        name = mark.exact
        listed = self._listed
        rarest = sorted(sought(mark), key=lambda one: (len(listed.get(one, ())), one))[:ENTERED]
        for one in rarest:
            names = listed.setdefault(one, [])
            if len(names) >= KEPT:
                self._forget(one, names.pop(0))
            names.append(name)
            self._fresh[one].append(name)
        self.founded[name] = Founded(leader=mark, marks=tuple(sorted(rarest)))
        return name

    def _forget(self, mark: int, name: str) -> None:
        """Take the oldest campaign off a mark: from the store, or from this batch."""
        if name in self.founded:
            kept = self.founded[name]
            marks = tuple(one for one in kept.marks if one != mark)
            self.founded[name] = Founded(leader=kept.leader, marks=marks)
            self._fresh[mark].remove(name)
        else:
            self.forgotten.append((mark, name))


def gather(
    marks: Iterable[Fingerprint], shelf: Shelf, leaders: Mapping[str, Fingerprint]
) -> Gathered:
    """Put each mail of a batch into its campaign, in their order.

    Args:
        marks: the fingerprints whose ``exact`` is not met yet.
        shelf: the campaigns entered under their marks.
        leaders: the leader of each campaign that is near one of them.
    """
    campaigns: dict[str, str] = {}
    for mark in marks:
        if not comparable(mark) or mark.exact in campaigns:
            continue
        candidates = {name: leaders[name] for name in shelf.near(mark) if name in leaders}
        chosen = choose(mark, candidates | shelf.fresh(mark))
        campaigns[mark.exact] = chosen or shelf.found(mark)
    return Gathered(campaigns=campaigns, founded=shelf.founded, forgotten=tuple(shelf.forgotten))


def _promising(mark: Fingerprint, postings: Mapping[int, Sequence[str]]) -> list[str]:
    """The campaigns that share the most of the rarest marks; of equals the smallest ids."""
    weights: dict[str, float] = defaultdict(float)
    for one in sought(mark):
        names = postings.get(one, ())
        for name in names:
            weights[name] += 1 / len(names)
    return sorted(weights, key=lambda name: (-weights[name], name))[:WEIGHED]
