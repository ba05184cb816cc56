"""Generated reports, crossings and documents for the tests of the interchange document."""

import string
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from gateway import incident, model, redact
from gateway.model import (
    Attachment,
    CaseId,
    Category,
    Claimed,
    Complaint,
    Confidence,
    Country,
    Fingerprint,
    Hosting,
    HostingClaim,
    Judgement,
    Link,
    Mailbox,
    Message,
    Origin,
    Report,
    ReportId,
    Tlp,
)

KEY = b"a key per peer, kept by us alone"
SALT = bytes(range(32))
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
LINE = (
    "from mail.bulk.example (mail.bulk.example [192.0.2.25]) by mx.provider.example (Postfix) "
    "with ESMTPS id 4F9ZkQ2 for <jean.dupont@example.org>; Sat, 14 Mar 2026 11:59:00 +0000"
)


def a_report(**changes: object) -> Report:
    """One whole report; ``changes`` go to the report itself."""
    message = Message(
        sha256="ab" * 32,
        size=4_321,
        subject="Jean Dupont, your parcel is waiting",
        sender=Mailbox(name="Parcel desk", address="desk@bulk.example"),
        envelope_sender="bounce+jean.dupont=example.org@bulk.example",
        date=NOON - timedelta(minutes=2),
        message_id="<1234@bulk.example>",
        headers=(
            ("Received", LINE),
            ("From", "Parcel desk <desk@bulk.example>"),
            ("To", "Jean Dupont <jean.dupont@example.org>"),
            ("Reply-To", "=?utf-8?q?P=C3=A2ques?= <reply@bulk.example>"),
            ("Message-ID", "<1234@bulk.example>"),
            ("Date", "Sat, 14 Mar 2026 11:58:00 +0000"),
            ("X-Mailer", "BulkMail 3.1"),
        ),
        recipients=("jean.dupont@example.org",),
        recipient_names=("Jean Dupont",),
        links=(
            Link(url="http://login.bulk.example/?u=jean.dupont%40example.org", host="x.example"),
            Link(url="http://192.0.2.80/a", host="192.0.2.80", country=Country("FR")),
        ),
        links_total=7,
        attachments=(
            Attachment(name="parcel.zip", media_type="application/zip", size=99, sha256="cd" * 32),
            Attachment(name="jean.dupont.html", media_type="text/html", size=7, sha256="ef" * 32),
        ),
        attachments_total=2,
    )
    origin = Origin(
        address="192.0.2.25",
        port=40_123,
        border="mx.provider.example",
        line=LINE,
        line_number=0,
        confidence=Confidence.HIGH,
        stamped_at=NOON - timedelta(minutes=1),
        corroborated_by=("Received-SPF",),
        claimed=(
            Claimed(address="198.51.100.7", line="from [198.51.100.7] by mail.bulk.example"),
            Claimed(address="2001:db8::7", line="from [IPv6:2001:db8::7] by mail.bulk.example"),
        ),
    )
    hosting = Hosting(
        address="192.0.2.25",
        country=Country("FR"),
        network="AS64500",
        prefix="192.0.2.0/24",
        asn=64_500,
        as_name="Example Hosting, SARL",
        claims=(
            HostingClaim(
                country=Country("FR"),
                kind="registration",
                source="registry table, compact",
                as_of="2026-03-01",
                prefix="192.0.2.0/24",
            ),
            HostingClaim(country=None, kind="geolocation", source="geo", as_of="2026-02-01"),
        ),
        confidence=Confidence.MEDIUM,
    )
    report = Report(
        source_sha256="ab" * 32,
        source_size=4_321,
        complaint=Complaint(form="mail"),
        message=message,
        origin=origin,
        hosting=hosting,
        judgement=Judgement(value=Category.PHISHING, why="asks for a password"),
        fingerprint=Fingerprint(exact="12" * 32, marks=(1, 2), words=3),
    )
    return model.evolve(report, **changes)


def hider_of(report: Report) -> redact.Hider:
    """The Hider of the report's own recipients."""
    assert report.message is not None
    return redact.Hider(KEY, report.message.recipients, report.message.recipient_names)


def crossing_of(report: Report, **changes: object) -> incident.Crossing:
    """What the report needs to cross."""
    members: dict[str, object] = {
        "fqdn": "desk.association.example",
        "report_id": ReportId("019577aa-0000-7000-8000-000000000001"),
        "case_id": CaseId("019577aa-0000-7000-8000-0000000000ca"),
        "tlp": Tlp.AMBER,
        "generated_at": NOON,
        "reported_at": NOON - timedelta(seconds=30),
        "contact_name": "The Association",
        "contact_mailbox": "desk@association.example",
        "salt": SALT,
        "source_digest": redact.salted(SALT, b"the source"),
        "hider": hider_of(report),
    }
    return incident.Crossing(**(members | changes))


# Strategies.

texts = st.text(max_size=60)
"""Any text at all, control characters and lone surrogates included."""
plain = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=60
)
"""Texts that may stand in a document."""
ids = st.text(string.ascii_letters + string.digits + "-._:", min_size=1, max_size=40)
moments = st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
zoned = st.builds(datetime.astimezone, moments, offsets)
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
media_types = st.sampled_from(["text/plain", "application/zip", "image/png", "application/pdf"])
countries = st.sampled_from([Country("FR"), Country("DE"), Country("JP")])
prefixes = st.one_of(
    st.integers(0, 2**24 - 1).map(lambda n: f"{n >> 16}.{n >> 8 & 255}.{n & 255}.0/24"),
    st.integers(0, 2**32 - 1).map(lambda n: f"2001:{n >> 16:x}::/48".replace(":0::", "::")),
)


@st.composite
def reports(draw: st.DrawFn, text: st.SearchStrategy[str] = plain) -> Report:
    """A report whose texts are ``text`` and hold no recipient."""
    links = draw(st.lists(text.map(lambda url: Link(url=url, host="x.example")), max_size=4))
    attachments = draw(
        st.lists(
            st.builds(
                Attachment,
                name=st.none() | text,
                media_type=media_types,
                size=st.integers(0, 2**40),
                sha256=digests,
            ),
            max_size=3,
        )
    )
    names = st.sampled_from(["From", "Reply-To", "X-Mailer", "Date", "To", "X-Other"])
    message = Message(
        sha256=draw(digests),
        size=draw(st.integers(1, 10**9)),
        subject=draw(st.none() | text),
        sender=None,
        envelope_sender=draw(st.none() | text),
        date=None,
        message_id=None,
        headers=tuple(draw(st.lists(st.tuples(names, text), max_size=5))),
        links=tuple(links),
        links_total=draw(st.integers(0, 10**6)),
        attachments=tuple(attachments),
        attachments_total=draw(st.integers(0, 10**6)),
    )
    origin = Origin(
        address=draw(addresses),
        port=draw(st.none() | st.integers(1, 65_535)),
        border=draw(st.none() | text),
        line=draw(text),
        line_number=0,
        confidence=draw(st.sampled_from(Confidence)),
        stamped_at=draw(st.none() | moments),
        forwarded=draw(st.booleans()),
        corroborated_by=tuple(draw(st.lists(text, max_size=2))),
        claimed=tuple(
            Claimed(address=address, line="") for address in draw(st.lists(addresses, max_size=3))
        ),
    )
    claim = st.builds(
        HostingClaim,
        country=st.none() | countries,
        kind=st.sampled_from(["registration", "geolocation", "as"]),
        source=text,
        as_of=st.just("2026-01-01"),
        prefix=st.none() | st.just("192.0.2.0/24"),
    )
    hosting = Hosting(
        address=origin.address,
        country=draw(st.none() | countries),
        network=draw(text),
        prefix=draw(st.none() | st.just("198.51.100.0/24") | st.just("2001:db8::/32")),
        asn=draw(st.none() | st.integers(1, 2**32 - 1)),
        as_name=draw(st.none() | text),
        claims=tuple(draw(st.lists(claim, max_size=3))),
        confidence=draw(st.sampled_from(Confidence)),
    )
    return Report(
        source_sha256=draw(digests),
        source_size=draw(st.integers(1, 10**9)),
        complaint=Complaint(form="mail"),
        message=message,
        origin=origin,
        hosting=hosting,
        judgement=Judgement(value=draw(st.sampled_from(Category)), why="because"),
    )


@st.composite
def documents(draw: st.DrawFn):
    """Any document of the profile, made from any report; its times keep their offsets."""
    report = draw(reports(texts))
    tlp = draw(st.sampled_from([tlp for tlp in Tlp if tlp is not Tlp.RED]))
    changes = {
        "report_id": draw(ids),
        "case_id": draw(ids),
        "tlp": tlp,
        "generated_at": draw(zoned),
        "reported_at": draw(zoned),
        "contact_name": draw(plain),
    }
    return incident.compose(report, crossing_of(report, **changes))
