"""Drain the stream to a peer: SETs go out in the order of their places, and fates come back.

It carries the transmitter's side of RFC 8935 §2 and of the multi-push draft. The law: an
attempt is written down before it is made, and a SET is delivered only by an answer that names
it; everything else leaves it waiting. Verb: ``push``.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from gateway import seal, strict_json
from gateway.edges.store import peers, streams
from gateway.edges.store.peers import Enrolment
from gateway.edges.store.records import micros
from gateway.edges.store.streams import Posting
from gateway.edges.wire import Answer, Target
from gateway.errors import (
    AnswerInvalid,
    EntenteError,
    JsonInvalid,
    KeyUnusable,
    NotFound,
    PeerError,
    Unreachable,
)
from gateway.exchange.gateway import Gateway
from gateway.exchange.outbound import Saying, post, step
from gateway.model import Kind, Noun, PeerId
from gateway.protocol import Step

ONE_TYPE = "application/secevent+jwt"
MANY_TYPE = "application/secevents+json"
_TAKEN = frozenset({200, 202})
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504, 507})


class Pushed(Noun):
    """What a drain did; ``error`` is why it stopped before the stream was empty."""

    peer: PeerId
    delivered: int = 0
    rejected: int = 0
    waiting: int = 0
    calls: int = 0
    error: EntenteError | None = None


class _Refused(Noun):
    """What a receiver says of one SET that it does not take (RFC 8935 §2.3)."""

    err: str
    description: str = ""


class _Verdicts(Noun):
    """The receiver's answer to many SETs."""

    ack: tuple[str, ...] = ()
    setErrs: dict[str, _Refused] = msgspec.field(default_factory=dict)  # noqa: N815 - the draft's


def target(enrolment: Enrolment) -> Target:
    """How the peer is called, as it is enrolled."""
    peer = enrolment.peer
    return Target(peer=peer.id, base=peer.id, ca=enrolment.ca or None, addresses=peer.addresses)


def push(gateway: Gateway, peer: PeerId, meanwhile: Callable[[], object] = bool) -> Pushed:
    """Send ``peer`` everything that waits for it; stops at the first call that fails.

    Args:
        gateway: our own.
        peer: to whom.
        meanwhile: done once while each answer is awaited, such as composing what goes next.

    Raises:
        NotFound: there is no such peer.
    """
    with gateway.store.read() as db:
        enrolment = next((e for e in peers.enrolments(db) if e.peer.id == peer), None)
    if enrolment is None:
        raise NotFound(f"{peer} is not on record", hint="entente peers list")
    done = Pushed(peer=peer)
    while True:
        with gateway.store.write() as db:
            most = min(gateway.config.exchange.batch, enrolment.peer.limits.call_sets)
            batch = _fitting(streams.queued(db, peer, most), enrolment)
            step(db, batch, Step.ATTEMPT, streams.ONCE_MORE)
        if not batch:
            return done
        try:
            outcome = _call(gateway, enrolment, batch, meanwhile)
        except (Unreachable, PeerError, KeyUnusable) as error:
            return msgspec.structs.replace(done, error=error, waiting=_waiting(gateway, peer))
        done = _settle(gateway, peer, outcome, done)
        if not outcome:
            silent = AnswerInvalid("the answer names none of the SETs that were sent")
            return msgspec.structs.replace(done, error=silent, waiting=_waiting(gateway, peer))


def _fitting(waiting: Sequence[Posting], enrolment: Enrolment) -> list[Posting]:
    """As many of the first postings as one call to the peer may carry, by count and bytes."""
    endpoints, limits = enrolment.peer.endpoints, enrolment.peer.limits
    if endpoints.push_many is None:
        return list(waiting[:1])
    batch: list[Posting] = []
    size = 32
    for posting in waiting:
        # Each SET stands as a member: its jti, four quotation marks, a colon and a comma.
        size += len(posting.token or b"") + len(posting.jti) + 8
        if batch and size > limits.call_bytes:
            break
        batch.append(posting)
    return batch


def _call(
    gateway: Gateway,
    enrolment: Enrolment,
    batch: Sequence[Posting],
    meanwhile: Callable[[], object],
) -> Mapping[str, _Refused | None]:
    """Make one call; for each SET that the answer names, why it was refused or None."""
    peer = enrolment.peer
    secret = gateway.keys.door(peer.id)
    headers = {"Accept": "application/json"}
    if secret is not None:
        headers["Authorization"] = f"Bearer {secret}"
    if peer.endpoints.push_many is not None:
        headers["Content-Type"] = MANY_TYPE
        sets = {posting.jti: (posting.token or b"").decode("ascii") for posting in batch}
        body = msgspec.json.encode({"sets": sets})
        awaited = gateway.wire.begin(target(enrolment), peer.endpoints.push_many, body, headers)
        meanwhile()
        return _many(awaited(), {posting.jti for posting in batch})
    if peer.endpoints.push is None:
        raise AnswerInvalid(f"{peer.id} names no endpoint to push to")
    headers["Content-Type"] = ONE_TYPE
    body = batch[0].token or b""
    awaited = gateway.wire.begin(target(enrolment), peer.endpoints.push, body, headers)
    meanwhile()
    return _one(awaited(), batch[0])


def _many(answer: Answer, sent: set[str]) -> Mapping[str, _Refused | None]:
    if answer.status not in _TAKEN:
        raise _failed(answer)
    try:
        members = strict_json.read_object(answer.body_as("application/json"))
        found = msgspec.convert(members, _Verdicts)
    except (JsonInvalid, msgspec.ValidationError) as error:
        raise AnswerInvalid(f"the answer says nothing that can be used: {error}") from error
    outcome: dict[str, _Refused | None] = {jti: None for jti in found.ack if jti in sent}
    outcome |= {jti: refused for jti, refused in found.setErrs.items() if jti in sent}
    return outcome


def _one(answer: Answer, posting: Posting) -> Mapping[str, _Refused | None]:
    if answer.status == 202:
        return {posting.jti: None}
    if answer.status != 400:
        raise _failed(answer)
    try:
        members = strict_json.read_object(answer.body_as("application/json"))
        return {posting.jti: msgspec.convert(members, _Refused)}
    except (JsonInvalid, msgspec.ValidationError) as error:
        raise AnswerInvalid(f"the refusal cannot be read: {error}") from error


def _failed(answer: Answer) -> EntenteError:
    if answer.status in _LATER:
        return Unreachable(f"the peer's server answered {answer.status}; it is tried again")
    if answer.status in {401, 403}:
        return AnswerInvalid(
            f"the peer's door stayed shut ({answer.status})",
            hint="agree on the bearer secret with the peer again: entente peers add",
        )
    return AnswerInvalid(f"the peer's server answered {answer.status}")


def _settle(
    gateway: Gateway,
    peer: PeerId,
    outcome: Mapping[str, _Refused | None],
    done: Pushed,
) -> Pushed:
    """Write the fates that an answer tells, and count the delivered ones into the stream."""
    at = micros(gateway.now())
    with gateway.store.write() as db:
        now = streams.postings(db, peer, list(outcome))
        taken = [p for p in now.values() if outcome[p.jti] is None]
        first = [p for p in taken if p.delivered_at is None]
        step(db, taken, Step.ACKNOWLEDGE, {"delivered_at": at})
        counted = [p.digest for p in first if p.kind != Kind.HEAD]
        if counted:
            streams.advance(db, peer, "out", counted)
        rejected = [(p, r) for p in now.values() if (r := outcome[p.jti]) is not None]
        for posting, refused in rejected:
            why = f"{refused.err}: {refused.description}"[:1000]
            step(db, [posting], Step.REJECT, {"why": why})
    return msgspec.structs.replace(
        done,
        delivered=done.delivered + len(first),
        rejected=done.rejected + len(rejected),
        calls=done.calls + 1,
    )


def _waiting(gateway: Gateway, peer: PeerId) -> int:
    """How many SETs still wait for delivery."""
    with gateway.store.read() as db:
        fates = streams.fates(db, peer)
    return sum(n for (_, state), n in fates.items() if state in streams.WAITING)


def announce_head(gateway: Gateway, peer: PeerId) -> None:
    """Append a ``head`` to the stream, so that the receiver can find what it misses.

    The digest is the sum, modulo 2^256, of the digests of all SETs that were delivered, heads
    left out: it does not depend on the order in which they came.
    """
    with gateway.store.write() as db:
        place = streams.place(db, peer, "out")
        if place.number == 0:
            return
        body = seal.HeadBody(epoch=place.epoch, place=place.number, digest=place.digest)
        subject = seal.stream_subject(f"{gateway.me} {peer}")
        saying = Saying(kind=Kind.HEAD, subject=subject, body=body)
        post(gateway, db, peer, [saying], gateway.now())
