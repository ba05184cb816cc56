"""How alike two mails are by their fingerprints, and which campaign a mail belongs to.

Two mails tell one lure only if their words are alike *and* something that the reader meets first
is: how the body opens, or what the subject says. So the long text that a kit puts under every
lure joins nothing; neither does a foot, nor a cover text. Verbs: ``likeness``, ``choose``.
"""

from collections.abc import Mapping, Sequence

from gateway.campaign.sketch import MARKS
from gateway.model import Fingerprint

JOIN = 0.5
"""From this estimated Jaccard similarity of words on, a mail may belong to a campaign's leader."""
LEAD, FIRST = 0.45, 0.4
"""So alike the openings must be, and so alike their first words, or"""
TOPIC = 0.7
"""so alike the subjects."""
FIRSTS = 8
"""How many codes of an opening are its first words: fewer than stand in a mail of one sentence,
whose opening runs into the text that a firm puts under all its mail."""
FEW = 3
"""A subject of fewer long words is no evidence; "your account" is the subject of many lures."""
COVERED = 0.15
"""Where the openings are nearly equal, so alike the words; the rest may be cover text."""
NEARLY = 0.8
LONG = 20
"""Codes of an opening that can be nearly equal to another by no chance."""


def comparable(mark: Fingerprint) -> bool:
    """Whether this fingerprint says anything; one that does not is like no other, not even itself.

    Whoever looks a campaign up by ``exact`` must ask this first: all empty mails are not one
    mailing.
    """
    return bool(mark.exact)


def similarity(marks_a: Sequence[int], marks_b: Sequence[int]) -> float:
    """The estimated Jaccard similarity of two mails by their marks, 0 to 1; 0 if one has none.

    The bottom of the union is a fair sample of the union, and a mark of it that both have is in
    the intersection.
    """
    if not marks_a or not marks_b:
        return 0.0
    one, other = set(marks_a), set(marks_b)
    both = one & other
    if not both:
        return 0.0
    if len(one) < MARKS and len(other) < MARKS:
        return len(both) / len(one | other)
    sample = sorted(one | other)[:MARKS]
    return len(both.intersection(sample)) / len(sample)


def likeness(one: Fingerprint, other: Fingerprint) -> float:
    """How alike two mails are that may be one mailing, 0 to 1; 0 where they are not one."""
    words = similarity(one.marks, other.marks)
    if words < COVERED or _parted(one.brand, other.brand):
        return 0.0
    lead = _shared(one.lead, other.lead)
    if words < JOIN:
        long = min(len(one.lead), len(other.lead)) >= LONG
        return words if long and lead >= NEARLY else 0.0
    first = lead >= LEAD and _shared(one.lead[:FIRSTS], other.lead[:FIRSTS]) >= FIRST
    return words if first or _one_topic(one, other) else 0.0


def choose(mark: Fingerprint, candidates: Mapping[str, Fingerprint]) -> str | None:
    """The campaign that this mail belongs to, or None where it is the first of its own.

    Whoever keeps campaigns looks an equal ``exact`` up before. A mail is compared with the leader
    of each campaign, its first mail, and with no other: so a campaign cannot drift. Of several
    alike the most similar wins, and of equals the smallest id, so that the choice does not depend
    on the order in which they were found.

    Args:
        mark: the mail's fingerprint.
        candidates: the fingerprint of each campaign's leader, by campaign id.
    """
    best, best_score = None, 0.0
    for campaign in sorted(candidates):
        score = likeness(mark, candidates[campaign])
        if score > best_score:
            best, best_score = campaign, score
    return best


def _shared(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """The Jaccard similarity of two sets of codes; 0 if one is empty."""
    both = len(set(one).intersection(other))
    return both / (len(one) + len(other) - both) if both else 0.0


def _one_topic(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether the subjects say the same; a body that says nothing makes few words enough."""
    enough = min(len(one.topic), len(other.topic)) >= FEW or not (one.lead or other.lead)
    return enough and _shared(one.topic, other.topic) >= TOPIC


def _parted(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether both senders name a brand and keep naming it, and not the same one."""
    return bool(one) and bool(other) and set(one).isdisjoint(other)
