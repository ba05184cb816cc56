"""How alike two mails are by their fingerprints, and which campaign a mail belongs to.

Two mails tell one lure only if their words are alike *and* what the reader meets first is: how
the body opens, what the subject says. The more of that is alike, the less of the words need be:
the rest may be padding or cover text. So the long text that a kit puts under every lure joins
nothing, neither does a foot; and no subject joins alone, where bodies open differently.
Verbs: ``likeness``, ``choose``.
"""

from collections.abc import Mapping, Sequence

from gateway.campaign.sketch import MARKS
from gateway.model import Fingerprint

JOIN, PADDED, COVERED = 0.5, 0.25, 0.15
"""Estimated Jaccard similarities of all words: enough where one thing that is met first is alike;
where two are, and some words may be padding; where a long opening is, and most may be a cover."""
LEAD, PART, NEARLY = 0.45, 0.3, 0.8
"""Similarities of openings: alike by themselves; beside one subject or brand; nearly equal."""
FIRST, FIRSTS = 0.4, 8
"""How alike the first words of an opening must be, and how many they are: fewer long words than
stand in two sentences, so that no opening counts that only runs into a text below it."""
TOPIC, FEW = 0.7, 3
"""How alike subjects must be, and how many long words make one: "your account" is everybody's."""
SOME, LONG = 8, 20
"""How many codes of an opening can be nearly equal to another by no chance: beside words that
are somewhat alike, and beside a cover."""


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
    # Most mails that are compared share a few common marks only, which costs little to see.
    most = max(len(one.marks), len(other.marks))
    if len(set(one.marks).intersection(other.marks)) < COVERED * most:
        return 0.0
    words = similarity(one.marks, other.marks)
    named = not set(one.brand).isdisjoint(other.brand)
    if words < COVERED or (one.brand and other.brand and not named):
        return 0.0
    lead = _shared(one.lead, other.lead)
    length = min(len(one.lead), len(other.lead))
    first = _shared(one.lead[:FIRSTS], other.lead[:FIRSTS]) >= FIRST
    topic = _one_topic(one, other)
    if words >= JOIN:
        opens = first and lead >= LEAD
        two = [topic, named, lead >= PART].count(True) > 1
        alike = opens or two or _only_topic(one, other)
    elif words >= PADDED:
        alike = (topic and (first or lead >= PART)) or (lead >= NEARLY and length >= SOME)
    else:
        alike = lead >= NEARLY and length >= LONG
    return words if alike else 0.0


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
    """Whether the subjects say the same, in words enough."""
    return min(len(one.topic), len(other.topic)) >= FEW and (
        _shared(one.topic, other.topic) >= TOPIC
    )


def _only_topic(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether the subjects say the same, of mails whose bodies say nothing."""
    return not one.lead and not other.lead and _shared(one.topic, other.topic) >= TOPIC
