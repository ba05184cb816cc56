"""The Origin of a mail, put together: the border, its witnesses, forwarders and services.

Carries no RFC of its own. The law: the origin is the address that handed the mail to the
reporter's provider; what lies behind it stands beside it, each with its own certainty. Verb:
``find``.
"""

from collections.abc import Sequence

from gateway.formats import received
from gateway.model import Claimed, Confidence, Likelier, Origin, Provider
from gateway.trace import accounts, kin, passage, services, witness
from gateway.trace.borders import Settings, kept, settings
from gateway.trace.chain import Chain
from gateway.trace.passage import Followed
from gateway.trace.walk import Locate, Untraced, Walk

MOST_CLAIMS = 20
"""Older addresses that are kept as claims."""
CLAIM_CHARS = 1000
"""Characters of the line that is kept with a claim."""
_WANTED = frozenset({"received"}) | witness.HEADERS | passage.HEADERS | accounts.HEADERS


def find(
    headers: Sequence[tuple[str, str]],
    locate: Locate,
    borders: Sequence[str] = (),
    forwarders: Sequence[str] = (),
) -> Origin | Untraced:
    """The address that handed the mail to the reporter's provider, with the line that proves it.

    Args:
        headers: (name, unfolded raw value) in the order of the mail, newest trace first.
        locate: where an address is; ``Hosting.none`` tells the special addresses.
        borders: the setting of that name: hosts, domains, networks that receive for reporters.
        forwarders: the setting of that name: those that forward mail to our reporters.

    Returns:
        The Origin, or Untraced with its reason. Confidence is *high* where the border is known
        (kept list, settings) or no step over a line had to be inferred, or the provider's own
        headers agree; *medium* where the border was inferred from names and networks or the
        sender seems to be of the border's own organisation, as every client is that
        authenticated there; *low* where the line repeats a greeting, cannot be read surely,
        comes after an unlinked private hop, or is contradicted by the provider's own headers,
        and where a recognised forwarder handed the mail over, who is hardly its sender.

    Raises:
        ConfigInvalid: a setting is neither a name nor a network.
    """
    chain = Chain(headers, _WANTED)
    if not chain.lines:
        return Untraced(reason="the mail has no Received line")
    walk = Walk(chain, locate, settings(borders))
    stop = walk.run()
    if isinstance(stop, Untraced):
        return stop
    inner = walk.submission(stop)
    if inner is not None:
        return _submitted(walk, inner, Confidence.MEDIUM)
    if chain.hop(stop).submitted:
        return _submitted(walk, stop, _confidence(walk, stop, _hear(walk, stop)))
    return _handed_over(walk, stop, settings(forwarders))


def _submitted(walk: Walk, number: int, confidence: Confidence) -> Origin:
    """The Origin that is a client of the border's own provider, which authenticated it."""
    hop = walk.chain.hop(number)
    house = services.of_house(hop.by) if hop.by is not None else None
    service = None
    if house is not None:
        service = Provider(
            name=house.name,
            kind=house.kind,
            known_by=f"the name {hop.by} in the provider's own line",
            said=accounts.of_line(walk.chain.lines[number].text, None),
        )
    return _origin(walk, number, confidence, Followed(), service)


def _handed_over(walk: Walk, number: int, forwarders: Settings) -> Origin:
    """The Origin that handed the mail over from outside, with what lies behind it."""
    chain = walk.chain
    followed = passage.follow(chain, walk.locate, walk.settings, forwarders, number)
    testimony = _hear(walk, number)
    confidence = _confidence(walk, number, testimony)
    service, entry = None, None if followed.passages else followed.entry
    if followed.service is not None:
        service = Provider(
            name=followed.service.name,
            kind=followed.service.kind,
            known_by=followed.known_by,
            said=() if followed.passages else accounts.said(followed.service, chain, number, entry),
        )
    if followed.passages:
        confidence = Confidence.LOW
    return _origin(walk, number, confidence, followed, service, testimony.agree)


def _hear(walk: Walk, number: int) -> witness.Testimony:
    """What the border's own headers say of the address in its line."""
    chain, hop, line = walk.chain, walk.chain.hop(number), walk.chain.lines[number]
    assert hop.address is not None
    last = number + 1 >= len(chain.lines)
    until = chain.end if last else chain.lines[number + 1].place
    return witness.hear(chain.noted, hop.by, line.place, until, hop.address)


def _origin(
    walk: Walk,
    number: int,
    confidence: Confidence,
    followed: Followed,
    service: Provider | None,
    corroborated_by: tuple[str, ...] = (),
) -> Origin:
    """The Origin that the line with this number proves."""
    chain, hop = walk.chain, walk.chain.hop(number)
    line = chain.lines[number]
    assert hop.address is not None
    return Origin(
        address=hop.address,
        port=hop.port,
        border=hop.by,
        line=line.text[: received.BOUND],
        line_number=number,
        confidence=confidence,
        stamped_at=received.stamp(line.text),
        forwarded=bool(followed.passages),
        corroborated_by=corroborated_by,
        claimed=_claims(chain, number),
        submitted=hop.submitted,
        service=service,
        passages=followed.passages,
        likelier=_likelier(walk, followed),
        remarks=(*followed.remarks, *_untold(service, followed)),
    )


def _likelier(walk: Walk, followed: Followed) -> Likelier | None:
    """The address before the last forwarder, by that forwarder's line."""
    if followed.before is None:
        return None
    hop, line = walk.chain.hop(followed.before), walk.chain.lines[followed.before]
    assert hop.address is not None
    known = services.recognise(hop, walk.locate(hop.address))
    service = None
    if known is not None:
        found, known_by = known
        service = Provider(name=found.name, kind=found.kind, known_by=known_by)
    return Likelier(
        address=hop.address,
        by=hop.by,
        line=line.text[: received.BOUND],
        line_number=followed.before,
        confidence=passage.confidence(followed),
        service=service,
    )


def _untold(service: Provider | None, followed: Followed) -> tuple[str, ...]:
    """In words, that a service keeps its customer to itself."""
    if service is None or service.said or followed.passages:
        return ()
    untold = f"{service.name} names in this mail neither the account nor the client that sent it"
    return (f"{untold}; only its staff can",)


def _confidence(walk: Walk, number: int, testimony: witness.Testimony) -> Confidence:
    """How sure the border and the address in its line are; the words stand at ``find``."""
    hop = walk.chain.hop(number)
    if testimony.differ or not hop.recorded or not hop.regular or hop.by is None:
        return Confidence.LOW
    if walk.confidence is Confidence.LOW:
        return Confidence.LOW
    if testimony.agree or kept(hop.by) or walk.settings.named(hop.by):
        return Confidence.HIGH
    if any(kin.akin(name, hop.by) for name in hop.names):
        return Confidence.MEDIUM
    return walk.confidence


def _claims(chain: Chain, border: int) -> tuple[Claimed, ...]:
    """The addresses in the lines below the border, newest first, clipped."""
    claims: list[Claimed] = []
    for number in range(border + 1, len(chain.lines)):
        if len(claims) == MOST_CLAIMS:
            break
        address = chain.hop(number).address
        if address is not None:
            claims.append(Claimed(address=address, line=chain.lines[number].text[:CLAIM_CHARS]))
    return tuple(claims)
