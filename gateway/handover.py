"""The nouns of a hand-over: who handed a Message to the reporter's provider, and who before.

The law: what is proved, what a recognised forwarder says, what a shared service says of its
customer and what is only claimed stand apart, each under its own name. ``gateway.model`` hands
them on.
"""

from datetime import datetime

from gateway.noun import Confidence, Noun


class Claimed(Noun):
    """An address that a Received line below the border claims; not believed."""

    address: str
    line: str


class Said(Noun):
    """What a shared mail service wrote of its own customer; a claim of that service.

    ``about`` is ``client`` (the address that handed the mail to the service) or ``account`` (the
    service's name for its customer); ``where`` the header that says it.
    """

    about: str
    value: str
    where: str


class Provider(Noun):
    """A large shared mail service: a case about its address is about an account there.

    ``kind`` is ``webmail``, ``bulk`` (newsletters and mail by programs), ``hosting``, ``relay``
    (filters for other systems), ``forwarder`` or ``list``; ``known_by`` says in words how it was
    recognised; ``said`` what it tells of the account, if anything.
    """

    name: str
    kind: str
    known_by: str
    said: tuple[Said, ...] = ()


class Passage(Noun):
    """One hand-over by a recognised forwarder or mailing list.

    ``by`` names it, ``address`` is the one that handed the Message on, ``listed`` the mailing
    list's own identifier (RFC 2919 §2) where there is one, and ``evidence`` says in words by what
    the forwarder and the forwarding were recognised.
    """

    by: str
    address: str
    evidence: tuple[str, ...]
    listed: str | None = None


class Likelier(Noun):
    """The address before the last forwarder: the likelier sender, by that forwarder's own line.

    ``line`` and ``line_number`` are the line that says so, ``by`` the host that wrote it. The
    confidence is at most *medium*: the line is believed because its writer is recognised.
    """

    address: str
    by: str | None
    line: str
    line_number: int
    confidence: Confidence
    service: Provider | None = None


class Origin(Noun):
    """The address that handed the Message to the reporter's provider, with its proof.

    ``line`` is the unfolded Received line that proves it and ``line_number`` its place, 0 being
    the newest; ``border`` the host that wrote it; ``port`` the sender's TCP port where the line
    names one; ``stamped_at`` the time of that line; ``corroborated_by`` the names of the
    provider's own headers that say the same; ``claimed`` the older addresses, newest first.

    ``submitted`` says that the line tells of a client that proved to the border's provider who
    it is. ``forwarded`` says that a recognised forwarder or list handed the Message over: then
    ``passages`` names each, newest first, and ``likelier`` the address before them, where that is
    known. ``service`` is the shared mail service at the address, and ``remarks`` say in words
    what the mail claims without proof and what cannot be known.
    """

    address: str
    port: int | None
    border: str | None
    line: str
    line_number: int
    confidence: Confidence
    stamped_at: datetime | None
    forwarded: bool = False
    corroborated_by: tuple[str, ...] = ()
    claimed: tuple[Claimed, ...] = ()
    submitted: bool = False
    service: Provider | None = None
    passages: tuple[Passage, ...] = ()
    likelier: Likelier | None = None
    remarks: tuple[str, ...] = ()
