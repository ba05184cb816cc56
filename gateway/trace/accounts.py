"""What a shared mail service says of the account and the client behind a mail.

No RFC defines these headers; each is the habit of one service or of the mail servers that hosters
use. The law: a word is taken only from a recognised service, only below the border's line, and
only where it stands once; it stays a claim of that service and never moves the origin. Verbs:
``said``, ``of_line``.
"""

import re
from functools import lru_cache

from gateway.formats import received
from gateway.formats.received import Hop
from gateway.model import Said
from gateway.trace import kin, services
from gateway.trace.borders import owned
from gateway.trace.chain import Chain
from gateway.trace.services import Kept

_MOST = 200
_ADDRESS = r"\s*\[?(?:IPv6:)?(?P<client>[0-9A-Fa-f.:]{2,45})\]?\s*$"
_ACCOUNT = r"\s*(?P<account>[!-~]{1,200})\s*$"
# Service (or kind of service), header, and what in its value names a client or an account.
_TABLE = (
    ("Amazon SES", "Feedback-ID", r"(?:.*[.:])?(?P<account>[A-Za-z0-9+/]{20,}=*):AmazonSES\s*$"),
    ("SendGrid", "Return-Path", r"<?bounces\+(?P<account>\d{1,12})-"),
    ("Mailchimp", "X-MC-User", _ACCOUNT),
    ("Mailchimp", "X-Mandrill-User", _ACCOUNT),
    ("Brevo", "Feedback-ID", r".*:(?P<account>\d{1,12}):(?:Sendinblue|Brevo)\s*$"),
    ("Postmark", "Feedback-ID", r".*:a(?P<account>\d{1,12}):postmark\s*$"),
    ("Salesforce", "X-Job", r"\s*(?P<account>\d{1,12})_\d+\s*$"),
    ("MailChannels", "X-MailChannels-Auth-Id", _ACCOUNT),
    ("Gandi", "X-GND-Sasl", _ACCOUNT),
    ("Proton", "Feedback-ID", r"\s*(?P<account>\d{1,12}):user:proton\s*$"),
    ("Microsoft", "X-OriginatorOrg", r"\s*(?P<account>[\w-]{1,63}(?:\.[\w-]{1,63}){1,9})\s*$"),
    (services.WEBMAIL, "X-Originating-IP", _ADDRESS),
    (services.HOSTING, "X-Originating-IP", _ADDRESS),
    (services.HOSTING, "X-Authenticated-Sender", r"\s*(?:[\w.-]+: )?(?P<account>[!-~]{1,200})\s*$"),
    (services.HOSTING, "X-Authenticated-User", _ACCOUNT),
    (
        services.HOSTING,
        "X-PHP-Script",
        r"\s*(?P<account>[!-~]{1,200}) for (?P<client>[0-9A-Fa-f.:]{2,45})(?:,|\s|$)",
    ),
)
_RULES = tuple(
    (who, name, name.lower(), re.compile(pattern, re.IGNORECASE)) for who, name, pattern in _TABLE
)
HEADERS = frozenset(lowered for _, _, lowered, _ in _RULES)
"""The headers that are looked at, lower case."""
Rule = tuple[str, str, str, re.Pattern[str]]
_OWN_TENANT = "microsoft"
_LOGIN = re.compile(
    r"\((?:Authenticated sender:|account) (?P<account>[!-'*-~]{1,200})\)"
    r"|^from (?P<project>\d{5,20}) named \S{1,100} by gmailapi\.google\.com\s"
)


@lru_cache(maxsize=256)
def _rules(service: Kept) -> tuple[Rule, ...]:
    """The rules for a service, by its name or its kind."""
    return tuple(rule for rule in _RULES if rule[0] in (service.name, service.kind))


def said(service: Kept, chain: Chain, border: int, entry: int | None) -> tuple[Said, ...]:
    """What the service's headers and lines below the border's line tell of its customer.

    Args:
        service: which one handed the mail over.
        chain: the mail's lines and headers.
        border: the number of the line that proves the hand-over.
        entry: the number of the line in which the service took the mail in; None if unknown.
    """
    found: dict[tuple[str, str], Said] = {}
    at = chain.lines[border].place
    house = kin.organisation(chain.hop(border).by or "")
    for _, name, wanted, pattern in _rules(service):
        if service.name == "Microsoft" and house == _OWN_TENANT:
            # Exchange Online rewrites these in the name of the tenant that receives.
            continue
        values = [(place, value) for place, lowered, value in chain.noted if lowered == wanted]
        if len(values) == 1 and (values[0][0] > at or name == "Return-Path"):
            _take(found, pattern.match(values[0][1][: 2 * _MOST]), name)
    for number in range(border + 1, len(chain.lines) if entry is None else entry + 1):
        hop = chain.hop(number)
        if kin.organisation(hop.by or "") not in service.houses:
            if entry is None:
                break
            continue
        # A machine of the service's own is nobody's client.
        own = any(kin.organisation(name) in service.houses for name in hop.names)
        own = own or (
            hop.address is not None and owned(kin.organisation(hop.by or ""), hop.address)
        )
        for one in of_line(chain.lines[number].text, hop if number == entry and not own else None):
            found.setdefault((one.about, one.value), one)
        if hop.submitted or hop.protocol.startswith("HTTP"):
            # What is older came with the mail.
            break
    return tuple(found.values())


def of_line(line: str, hop: Hop | None) -> tuple[Said, ...]:
    """What one Received line of a service tells: the login that it took, and its client.

    ``hop`` is the line as read, where it is the one in which the mail came to the service.
    """
    told = []
    if hop is not None and hop.address is not None:
        told.append(Said(about="client", value=hop.address, where="Received"))
    login = _LOGIN.search(line[: received.BOUND])
    if login is not None:
        account = login.group("account") or login.group("project")
        told.append(Said(about="account", value=account, where="Received"))
    return tuple(told)


def _take(found: dict[tuple[str, str], Said], match: re.Match[str] | None, name: str) -> None:
    """Keep what the match names; a client that is no address is nothing."""
    for about, value in (match.groupdict() if match is not None else {}).items():
        kept = received.address(value) if about == "client" and value else value
        if kept:
            found.setdefault((about, kept), Said(about=about, value=kept, where=name))
