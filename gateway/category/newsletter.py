"""Whether a mail is a newsletter whose sender its reader's own provider vouches for.

Carries one-click unsubscription (RFC 8058 §3) and Authentication-Results (RFC 8601 §2.2, §5). The
law: it says who sent a mail and that it can be left, never that it was asked for; spammers with a
domain of their own pass all of this too. Verb: ``vouched``.
"""

import re

from gateway.model import Message, Origin
from gateway.trace import kin

_SERVER = re.compile(r"\s*([\w.-]{1,255})\s*(?:\d+\s*)?;")
_PASSED = re.compile(
    r"\bdmarc=pass\b[^;]{0,300}?\bheader\.from=\"?@?([A-Za-z0-9.-]{1,255})", re.IGNORECASE
)
_WAY_OUT = re.compile(r"<\s*https://([A-Za-z0-9.-]{1,255})[^<>]*>", re.IGNORECASE)
_ONE_CLICK = "list-unsubscribe=one-click"
_READ = 4_000


def vouched(message: Message, origin: Origin | None) -> str | None:
    """The domain whose newsletter it is: authenticated by the border, with a way out of its own.

    Args:
        message: the mail.
        origin: who handed it over; only what its border's organisation wrote above the border's
            line counts, for everything below came with the mail.
    """
    if origin is None or message.sender is None:
        return None
    house = kin.organisation(origin.border) if origin.border else None
    site = kin.registered(message.sender.address.rpartition("@")[2].lower())
    if house is None or site is None or not _one_click(message, site):
        return None
    lines = 0
    for name, value in message.headers:
        lowered = name.lower()
        if lowered == "received":
            if lines == origin.line_number:
                return None
            lines += 1
        elif lowered == "authentication-results" and _passed(value[:_READ], house) == site:
            return site
    return None


def _one_click(message: Message, site: str) -> bool:
    """Whether one click leaves the list, at a host of the sender's own (RFC 8058 §3.1)."""
    ways: list[str] = []
    asked = False
    for name, value in message.headers:
        lowered = name.lower()
        if lowered == "list-unsubscribe":
            ways += _WAY_OUT.findall(value[:_READ])
        elif lowered == "list-unsubscribe-post":
            asked = "".join(value[:100].split()).lower() == _ONE_CLICK
    return asked and any(kin.registered(host.lower()) == site for host in ways)


def _passed(value: str, house: str) -> str | None:
    """The registered domain that a header of the ``house`` says has passed DMARC."""
    server = _SERVER.match(value)
    if server is None:
        # Exchange Online leaves its own name out.
        if house != "microsoft":
            return None
    elif kin.organisation(server.group(1).lower()) != house:
        return None
    found = _PASSED.search(value)
    return kin.registered(found.group(1).lower()) if found else None
