"""The decision: whether what a peer says may have its effect here, and the verdict if not.

It carries RFC 8417 §2.2, RFC 9493 §3, RFC 8727 §2 and RFC 7970 §3.3.1 with our profile.
The law here: the answer depends only on the SET and on what the context knows, so it can be
made again later; whatever fails ends in a verdict that a receipt can state. The verb is
``decide``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from gateway import incident, protocol, seal
from gateway.errors import AddressInvalid, DocumentInvalid
from gateway.formats import iodef_json, iodef_rules
from gateway.gate.checks import Check, Refusal, refusal
from gateway.hosting import Locate
from gateway.model import (
    Country,
    Hosting,
    HostingClaim,
    Kind,
    Noun,
    Opened,
    PeerId,
    SetId,
    Tlp,
    Verdict,
)
from gateway.protocol import By, Rule, Subject
from gateway.seal import Body, ReportBody
from gateway.trust import Peer

_NOT_PUBLIC = frozenset(
    {"private", "shared", "reserved", "documentation", "multicast", "embedded", "loopback"}
)


class Known(Noun):
    """A SET that passed between us and this peer before, whoever sent it."""

    kind: Kind
    issuer: PeerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a decision rests on besides the SET.

    ``countries`` are those we answer for; ``locate`` says where an address is hosted;
    ``find`` gives a SET that passed between us and this peer, never one of another peer's;
    ``report`` gives the SET in which this peer's report of that id was accepted.
    """

    me: PeerId
    peer: Peer
    now: datetime
    countries: frozenset[Country]
    locate: Locate
    find: Callable[[SetId], Known | None]
    report: Callable[[str], SetId | None]
    spoken: frozenset[Kind] = protocol.SPOKEN


class Admitted(Noun):
    """A SET that passed every check. Only ``decide`` makes one.

    ``label`` is the stricter of the SET's and its document's; ``meant`` the SET that this one
    is about or follows, if any; ``hosting`` what our own tables say of the reported address.
    """

    opened: Opened
    kind: Kind
    body: Body
    label: Tlp
    meant: SetId | None = None
    reported: incident.Reported | None = None
    hosting: Hosting | None = None


class Decision(Noun):
    """A SET that has no effect here, or not yet: the verdict with the check that says why.

    ``claims`` are our own about the reported address, where the verdict is ``misrouted``;
    ``waits_for`` is the SET whose arrival lets a held one be decided.
    """

    verdict: Verdict
    check: Check
    why: str = ""
    claims: tuple[HostingClaim, ...] = ()
    waits_for: SetId | None = None


def decide(opened: Opened, context: Context) -> Admitted | Decision:
    """Whether ``opened`` has its effect here.

    Args:
        opened: from ``validate``, and no repeat.
        context: what we know of the peer, the matter and the address.

    Returns:
        Admitted, or the Decision with the first of checks 31 to 43 that fails. The last one,
        44, is made by the calendar of what was held.
    """
    waits_for: SetId | None = None
    hosting: Hosting | None = None
    try:
        kind, rule, body = _said(opened, context)
        meant = _meant(opened, rule, body)
        reported, label = _document(opened, rule, body, context)
        _check_side(opened, rule, meant, body)
        if meant is not None:
            known = context.find(meant)
            if known is None:
                waits_for = meant
                raise refusal("follows-unknown", f"{meant.issuer} {meant.jti}")
            _check_step(opened, rule, known)
        if reported is not None:
            _check_first(kind, body, context.report(reported.report_id))
            hosting = _located(reported.address, context)
            _check_hosting(hosting, context)
    except Refusal as refused:
        return Decision(
            verdict=refused.check.verdict or Verdict.REFUSED,
            check=refused.check,
            why=refused.why,
            claims=() if hosting is None else hosting.claims,
            waits_for=waits_for,
        )
    return Admitted(
        opened=opened,
        kind=kind,
        body=body,
        label=label,
        meant=meant,
        reported=reported,
        hosting=hosting,
    )


def _said(opened: Opened, context: Context) -> tuple[Kind, Rule, Body]:
    """The kind, its rule and the body of the event (checks 31 to 33)."""
    kind = opened.kind
    if kind is None or kind not in context.spoken:
        raise refusal("event-unknown", opened.event_uri)
    if "enclosed" in opened.event or "hops" in opened.event:
        raise refusal("passing-on")
    rule = protocol.RULES[kind]
    if rule.txn and opened.txn is None:
        raise refusal("body-invalid", "txn is missing")
    try:
        return kind, rule, seal.read_body(kind, opened.event)
    except DocumentInvalid as error:
        raise refusal("body-invalid", str(error)) from error


def _meant(opened: Opened, rule: Rule, body: Body) -> SetId | None:
    """The SET that this one is about or follows (check 34 for the subject)."""
    subject, follows = opened.subject, getattr(body, "follows", None)
    if rule.subject is not Subject.SET:
        named = subject.get("id")
        if subject["format"] != "opaque" or not isinstance(named, str):
            raise refusal("subject-wrong", "no opaque id")
        if isinstance(body, ReportBody) and named != body.case.id:
            raise refusal("subject-wrong", "sub_id is not the case")
        return follows if isinstance(follows, SetId) else None
    issuer, jti = subject.get("iss"), subject.get("jti")
    if subject["format"] != "jwt_id" or not isinstance(issuer, str) or not isinstance(jti, str):
        raise refusal("subject-wrong", "no jwt_id")
    meant = SetId(issuer=PeerId(issuer), jti=jti)
    if follows not in (None, meant):
        raise refusal("subject-wrong", "follows and sub_id name different SETs")
    return meant


def _document(
    opened: Opened, rule: Rule, body: Body, context: Context
) -> tuple[incident.Reported | None, Tlp]:
    """What the document inside reports, and the label that holds (checks 35 to 38)."""
    stated: Tlp = getattr(body, "label", None) or Tlp.AMBER_STRICT
    if not rule.document or not isinstance(body, ReportBody):
        return None, stated
    try:
        document = iodef_json.take(body.iodef)
        iodef_rules.check_times(document, context.now)
        reported = incident.read(document)
    except DocumentInvalid as error:
        raise refusal("document-invalid", str(error)) from error
    if body.case.iss != opened.issuer or reported.case_id != body.case.id:
        raise refusal("inconsistent", "the case")
    if reported.issuer != urlsplit(opened.issuer).hostname:
        raise refusal("inconsistent", f"the IncidentID is of {reported.issuer!r:.300}")
    label = incident.stricter(stated, reported.tlp)
    agreement = context.peer.agreement
    if label is Tlp.RED:
        raise refusal("label-not-allowed")
    if incident.stricter(label, agreement.max_tlp) is not agreement.max_tlp:
        raise refusal("not-agreed", f"{label} is stricter than {agreement.max_tlp}")
    if reported.category not in agreement.categories:
        raise refusal("not-agreed", f"category {reported.category}")
    return reported, label


def _check_side(opened: Opened, rule: Rule, meant: SetId | None, body: Body) -> None:
    """Refuse a step that this side may not make, whatever is known here (check 39).

    A peer that names a SET of a third one learns nothing: nothing is looked up for it.
    """
    if meant is None:
        if rule.must_follow:
            raise refusal("step-illegal", "it names no SET that it follows")
    elif not rule.follows:
        raise refusal("step-illegal", f"{opened.kind} follows nothing")
    elif rule.by is By.AUTHOR and meant.issuer != opened.issuer:
        raise refusal("step-illegal", "only who sent it may do this")
    elif rule.by is By.RECEIVER and meant.issuer == opened.issuer:
        raise refusal("step-illegal", "only who received it may do this")
    supersedes = body.supersedes if isinstance(body, ReportBody) else None
    if supersedes is not None and supersedes.issuer != opened.issuer:
        raise refusal("step-illegal", "it supersedes what another sent")


def _check_step(opened: Opened, rule: Rule, known: Known) -> None:
    """Refuse a step that cannot follow what is known (check 39)."""
    if known.kind not in rule.follows:
        raise refusal("step-illegal", f"{opened.kind} cannot follow {known.kind}")


def _check_first(kind: Kind, body: Body, before: SetId | None) -> None:
    """Refuse a report that came before, unless this SET stands in its place (check 41)."""
    if kind is not Kind.REPORT or before is None:
        return
    if not isinstance(body, ReportBody) or body.supersedes != before:
        raise refusal("known-already", f"in {before.jti}")


def _located(address: str, context: Context) -> Hosting:
    """Where our own tables place the reported address."""
    try:
        return context.locate(address)
    except AddressInvalid as error:
        raise refusal("document-invalid", str(error)) from error


def _check_hosting(hosting: Hosting, context: Context) -> None:
    """Refuse what is not ours to act on (checks 42 and 43); doubt lets it pass."""
    if hosting.none in _NOT_PUBLIC:
        raise refusal("origin-not-public", hosting.none or "")
    if hosting.country is None or hosting.disputed:
        return
    if hosting.country not in context.countries:
        raise refusal("hosted-elsewhere", f"{hosting.address} is in {hosting.country}")
