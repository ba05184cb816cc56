"""The journal by itself: its chain, the tree over it, and the signed head."""

import hashlib
import random

import pytest

from gateway import journal
from gateway.errors import CheckFailed
from gateway.journal import Entry, Head
from gateway.model import PeerId, evolve
from gateway.trust import PublicJwk
from tests import keys

ME = PeerId("https://fr.example.org")


def chain(number: int) -> list[Entry]:
    """A journal of so many entries."""
    made: list[Entry] = []
    for n in range(number):
        last = made[-1] if made else None
        made.append(journal.enter(last, n, "reported", b"content %d" % n, b"%032d" % n))
    return made


def tree(leaves: list[bytes]) -> bytes:
    """The root as RFC 9162 §2.1.1 defines it, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()


@pytest.mark.parametrize("number", range(34))
def test_the_tree_is_that_of_the_standard_and_proves_each_of_its_leaves(number):
    heads = [entry.head for entry in chain(number)]
    root = journal.root(journal.grow((), 0, heads))
    assert root == tree(heads)
    paths = journal.path(heads, range(number))
    for place, head in enumerate(heads):
        assert journal.root_by_path(head, place, number, paths[place]) == root
        for wrong in {place - 1, place + 1} & set(range(number)):
            assert journal.root_by_path(head, wrong, number, paths[place]) != root
        assert journal.root_by_path(head, place, number, (*paths[place], b"x" * 32)) is None


def test_a_tree_that_grows_in_steps_is_the_tree_that_grew_at_once():
    chance = random.Random(3)
    heads = [entry.head for entry in chain(300)]
    frontier, size = (), 0
    while size < len(heads):
        step = chance.randint(1, 40)
        frontier = journal.grow(frontier, size, heads[size : size + step])
        size = min(size + step, len(heads))
        assert journal.root(frontier) == tree(heads[:size])
        assert len(frontier) == size.bit_count()


def test_a_proof_in_a_journal_of_100000_entries_has_17_digests():
    heads = [n.to_bytes(32, "big") for n in range(100_000)]
    assert len(journal.path(heads, [77_777])[77_777]) == 17


def test_an_untouched_chain_has_no_fault():
    made = chain(9)
    assert list(journal.follow(made)) == []
    gone = [evolve(entry, content=None, salt=None) for entry in made]
    assert list(journal.follow(gone)) == []


@pytest.mark.parametrize(
    ("where", "kind", "edit"),
    [
        ("journal entry 4", "altered", lambda j: [*j[:3], evolve(j[3], content=b"x"), *j[4:]]),
        ("journal entry 4", "altered", lambda j: [*j[:3], evolve(j[3], salt=None), *j[4:]]),
        ("journal entry 4", "altered", lambda j: [*j[:3], evolve(j[3], at=99), *j[4:]]),
        ("journal entry 4", "altered", lambda j: [*j[:3], evolve(j[3], kind="x"), *j[4:]]),
        ("journal entry 4", "altered", lambda j: [*j[:3], evolve(j[3], head=b"h" * 32), *j[4:]]),
        ("journal entry 4", "removed", lambda j: [*j[:3], *j[4:]]),
        ("journal entries 4 to 6", "removed", lambda j: [*j[:3], *j[6:]]),
        ("journal entry 1", "removed", lambda j: j[1:]),
        (
            "journal entry 3",
            "swapped",
            lambda j: [*j[:2], evolve(j[7], seq=3), *j[3:7], evolve(j[2], seq=8), *j[8:]],
        ),
    ],
)
def test_each_edit_of_the_chain_is_named(where, kind, edit):
    faults = list(journal.follow(edit(chain(9))))
    assert (where, kind) in [(fault.where, fault.kind) for fault in faults]


def test_a_signed_head_says_what_was_signed_and_nothing_else_passes():
    signer = keys.signer("message", "ES256")
    known = {signer.kid: keys.public("message", "ES256")}
    said = Head(issuer=ME, at=1_700_000_000, size=5, head=b"h" * 32, root=b"r" * 32)
    token = journal.sign(said, signer)
    assert journal.read_head(token, known) == said
    others: dict[str, PublicJwk] = {signer.kid: keys.public("another", "ES256")}
    for wrong, believed in ((token, others), (token, {}), (token[:-6] + b"AAAAAA", known)):
        with pytest.raises(CheckFailed):
            journal.read_head(wrong, believed)
    for place in range(0, len(token), 7):
        byte = b"A" if token[place : place + 1] != b"A" else b"B"
        with pytest.raises(CheckFailed):
            journal.read_head(token[:place] + byte + token[place + 1 :], known)
