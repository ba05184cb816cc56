"""Every check that a SET has to pass, with its number: the rows, and nothing else.

It carries RFC 8935 §2.3 and §2.4, RFC 8936 §2.6, RFC 8417 §2 and the rules of our profile.
The law here: a number once given keeps its meaning for ever, and what a check says to the peer
stands here and nowhere else. ``checks`` looks rows up and refuses by them.
"""

from enum import StrEnum

from gateway.model import Noun, Verdict


class Stage(StrEnum):
    """Where a check stands: at the HTTP request, at the token, or at what it says."""

    DOOR = "door"
    VALIDATION = "validation"
    DECISION = "decision"


class Again(StrEnum):
    """What the sender does next: never this SET again, the same one later, or ask a person."""

    NEVER = "never"
    LATER = "later"
    PERSON = "person"


class Check(Noun):
    """One line of the table.

    ``code`` is, for the door and the validation, the error code of RFC 8935 §2.4; for the
    decision it is the code beside the verdict in the receipt. ``status`` is the HTTP status of
    a single push; in a batch the same code stands in ``setErrs``, except that what is to come
    again later is neither acknowledged nor refused. ``verdict`` is what a receipt says.
    """

    number: int
    name: str
    stage: Stage
    code: str
    again: Again
    sentence: str
    section: str
    status: int = 400
    verdict: Verdict | None = None


def _door(number: int, name: str, status: int, again: Again, sentence: str, section: str) -> Check:
    code = "authentication_failed" if status == 401 else "invalid_request"
    return Check(
        number=number,
        name=name,
        stage=Stage.DOOR,
        code=code,
        again=again,
        sentence=sentence,
        section=section,
        status=status,
    )


def _validation(number: int, name: str, code: str, sentence: str, section: str) -> Check:
    return Check(
        number=number,
        name=name,
        stage=Stage.VALIDATION,
        code=code,
        again=Again.NEVER,
        sentence=sentence,
        section=section,
    )


def _decision(
    number: int, name: str, verdict: Verdict, again: Again, sentence: str, section: str
) -> Check:
    return Check(
        number=number,
        name=name,
        stage=Stage.DECISION,
        code=name.replace("-", "_"),
        again=again,
        sentence=sentence,
        section=section,
        status=202,
        verdict=verdict,
    )


_DOOR = (
    _door(
        1,
        "rate",
        429,
        Again.LATER,
        "Too many calls or too many reports for the agreed quota; call again later.",
        "RFC 6585 §4",
    ),
    _door(2, "size", 413, Again.NEVER, "The call is longer than announced.", "RFC 9110 §15.5.14"),
    _door(
        3,
        "media-type",
        415,
        Again.NEVER,
        "The media type is not the one that this endpoint takes.",
        "RFC 8935 §2.1",
    ),
    _door(
        4,
        "content-coding",
        415,
        Again.NEVER,
        "The body must come without content coding.",
        "RFC 9110 §8.4",
    ),
    _door(
        5,
        "framing",
        400,
        Again.LATER,
        "The length of the body is not stated exactly, or the body was cut short.",
        "RFC 9112 §6.3",
    ),
    _door(
        6,
        "live-peer",
        401,
        Again.PERSON,
        "The caller is not known here, or nothing is exchanged with it now.",
        "RFC 8935 §2.3",
    ),
    _door(
        7,
        "current-statement",
        503,
        Again.LATER,
        "Your entity statement has expired; renew it and send again.",
        "RFC 9110 §15.6.4",
    ),
)

_VALIDATION = (
    _validation(
        11,
        "shape",
        "invalid_request",
        "Not a JWS in compact form with canonical base64url, or longer than 100,000 characters.",
        "RFC 7515 §7.1",
    ),
    _validation(
        12,
        "header",
        "invalid_request",
        "The protected header must have exactly the members alg, kid and typ, once each.",
        "RFC 7515 §4.1",
    ),
    _validation(
        13,
        "type",
        "invalid_request",
        "typ must be secevent+jwt.",
        "RFC 8417 §2.3",
    ),
    _validation(
        14,
        "key",
        "invalid_key",
        "The kid names no message key of the calling peer.",
        "RFC 7515 §4.1.4",
    ),
    _validation(
        15,
        "algorithm",
        "invalid_key",
        "alg is not the algorithm of the key that kid names.",
        "RFC 8725 §3.1",
    ),
    _validation(
        16,
        "signature",
        "authentication_failed",
        "The signature does not fit the key.",
        "RFC 7515 §5.2",
    ),
    _validation(
        17,
        "claims",
        "invalid_request",
        "The claims are no JSON object with one reading: a member twice, an integer beyond "
        "2^53 - 1, a lone surrogate, or nested deeper than 32.",
        "RFC 7519 §4",
    ),
    _validation(
        18,
        "issuer",
        "invalid_issuer",
        "iss must be the calling peer.",
        "RFC 8417 §2.2",
    ),
    _validation(
        19,
        "audience",
        "invalid_audience",
        "aud must be this association's identifier, as one string.",
        "RFC 7519 §4.1.3",
    ),
    Check(
        number=20,
        name="not-yet",
        stage=Stage.VALIDATION,
        code="invalid_request",
        again=Again.LATER,
        sentence="iat lies more than 60 seconds ahead of our clock; send the same SET later.",
        section="RFC 7519 §4.1.6",
        status=503,
    ),
    _validation(
        21,
        "age",
        "invalid_request",
        "iat must be a whole number of seconds, at most 400 days ago.",
        "RFC 7519 §4.1.6",
    ),
    _validation(
        22,
        "forbidden-claim",
        "invalid_request",
        "A SET carries neither exp nor sub nor nbf.",
        "RFC 8417 §2.2",
    ),
    _validation(
        23,
        "identifier",
        "invalid_request",
        "jti, and txn where there is one, must be 1 to 255 visible ASCII characters.",
        "RFC 8417 §2.2",
    ),
    _validation(
        24,
        "event",
        "invalid_request",
        "events must be an object with exactly one member, and that an object.",
        "RFC 8417 §2.2",
    ),
    _validation(
        25,
        "subject",
        "invalid_request",
        "sub_id must be an object with a format.",
        "RFC 9493 §3",
    ),
    _validation(
        26,
        "item-name",
        "invalid_request",
        "The name of the item in the call is not its jti.",
        "RFC 8936 §2.3",
    ),
    _validation(
        27,
        "conflict",
        "invalid_request",
        "This jti came before with other content; both are kept.",
        "RFC 8417 §2.2",
    ),
    _validation(
        28,
        "key-window",
        "invalid_key",
        "The key was not valid for this: outside its time, retired for over 90 days, or revoked.",
        "RFC 8935 §2.4",
    ),
)

_DECISION = (
    _decision(
        31,
        "event-unknown",
        Verdict.UNSUPPORTED,
        Again.NEVER,
        "This kind of event is not handled here.",
        "RFC 8417 §2.2",
    ),
    _decision(
        32,
        "passing-on",
        Verdict.UNSUPPORTED,
        Again.NEVER,
        "Reports passed on for others are not taken here yet.",
        "our profile",
    ),
    _decision(
        33,
        "body-invalid",
        Verdict.REFUSED,
        Again.NEVER,
        "The event lacks a member that its kind needs, or has one that is malformed.",
        "RFC 8417 §2.2",
    ),
    _decision(
        34,
        "subject-wrong",
        Verdict.REFUSED,
        Again.NEVER,
        "sub_id does not name what this kind of event is about, or names it differently.",
        "RFC 9493 §3",
    ),
    _decision(
        35,
        "document-invalid",
        Verdict.REFUSED,
        Again.NEVER,
        "The interchange document does not follow the profile.",
        "RFC 8727 §2",
    ),
    _decision(
        36,
        "inconsistent",
        Verdict.REFUSED,
        Again.NEVER,
        "The SET and the document inside name different cases or issuers.",
        "RFC 7970 §3.4",
    ),
    _decision(
        37,
        "label-not-allowed",
        Verdict.REFUSED,
        Again.NEVER,
        "TLP:RED is not exchanged by machines.",
        "RFC 7970 §3.3.1",
    ),
    _decision(
        38,
        "not-agreed",
        Verdict.REFUSED,
        Again.PERSON,
        "Our agreement does not cover this label or this category.",
        "our profile",
    ),
    _decision(
        39,
        "step-illegal",
        Verdict.REFUSED,
        Again.NEVER,
        "This step cannot follow that SET, or not from this side.",
        "our profile",
    ),
    _decision(
        40,
        "follows-unknown",
        Verdict.HELD,
        Again.LATER,
        "The SET that this one follows has not come yet; it is decided when that arrives.",
        "our profile",
    ),
    _decision(
        41,
        "known-already",
        Verdict.DUPLICATE,
        Again.NEVER,
        "This report came before in another SET.",
        "RFC 7970 §3.4",
    ),
    _decision(
        42,
        "origin-not-public",
        Verdict.REFUSED,
        Again.NEVER,
        "The reported address is private or reserved and belongs to nobody.",
        "RFC 6890 §2.2",
    ),
    _decision(
        43,
        "hosted-elsewhere",
        Verdict.MISROUTED,
        Again.NEVER,
        "Our tables place the reported address in another country; see the claims.",
        "our profile",
    ),
    _decision(
        44,
        "held-too-long",
        Verdict.REFUSED,
        Again.NEVER,
        "The SET that this one follows did not come within 30 days.",
        "our profile",
    ),
)

CHECKS: tuple[Check, ...] = _DOOR + _VALIDATION + _DECISION
"""Every check, in the order in which they are made."""
