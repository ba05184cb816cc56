"""The yardstick: the same fields, redaction and proof for each mail, made the obvious way.

The standard library's modern parser, regular expressions for links, one IODEF document, one
signature, one POST and one commit a mail, on the same machine against the same server.
"""

import hashlib
import re
import sqlite3
import time
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import requests

from gateway import app, incident, redact, seal
from gateway.edges.registry import open_registry
from gateway.exchange.outbound import Saying, sealed
from gateway.formats import iodef_json
from gateway.model import CaseId, Kind, Origin, Report, ReportId, Tlp, evolve
from gateway.report import normalise
from tests.bench.pair import Pair

_LINK = re.compile(r"https?://[^\s\"'<>]+")


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, _tag, attrs):
        self.found += [value for name, value in attrs if name in {"href", "src"} and value]

    def handle_data(self, data):
        self.text.append(data)


def parsed(source: bytes) -> dict[str, object]:
    """The fields of a mail by ``policy.default``: subject, people, links, attachments, text."""
    mail = message_from_bytes(source, policy=policy.default)
    links: list[str] = []
    attachments = []
    for part in mail.walk():
        content = part.get_payload(decode=True) or b""
        if part.get_content_type() == "text/html":
            reader = _Links()
            reader.feed(content.decode("utf-8", "replace"))
            links += reader.found
        elif part.get_content_type() == "text/plain":
            links += _LINK.findall(content.decode("utf-8", "replace"))
        elif part.get_filename():
            attachments.append((part.get_filename(), hashlib.sha256(content).hexdigest()))
    people = [str(mail[name]) for name in ("To", "Cc", "Delivered-To") if mail[name]]
    headers = [(name, str(value)) for name, value in mail.items()]
    for name in {address for text in people for address in re.findall(r"[\w.+-]+@[\w.-]+", text)}:
        token = hashlib.sha256(name.encode()).hexdigest()[:16]
        links = [re.sub(re.escape(name), token, link, flags=re.IGNORECASE) for link in links]
        headers = [(n, re.sub(re.escape(name), token, v, flags=re.IGNORECASE)) for n, v in headers]
    return {"subject": mail["Subject"], "links": links, "files": attachments, "headers": headers}


def obvious(pair: Pair, mails: list[Path]) -> float:
    """Do ``mails`` the obvious way; reports a second."""
    gateway = app.open_gateway(pair.homes[0])
    two = app.open_gateway(pair.homes[1])
    locate = open_registry().locate
    secret = gateway.keys.door(two.me)
    port = two.config.serve.port
    store = sqlite3.connect(pair.homes[0] / "obvious.db")
    store.execute("PRAGMA synchronous=FULL")
    store.execute("CREATE TABLE report (id TEXT PRIMARY KEY, fields TEXT, source BLOB, jti TEXT)")
    # What follows the parse is ours, prepared outside the clock where it is not the obvious part.
    made = [(path.read_bytes(), normalise(path.read_bytes(), locate)) for path in mails]
    requests.packages.urllib3.disable_warnings()
    began = time.perf_counter()
    for number, (source, report) in enumerate(made):
        fields = parsed(source)
        saying = _saying(gateway, report, number)
        posting = sealed(gateway, two.me, saying, gateway.now())
        store.execute(
            "INSERT INTO report VALUES (?, ?, ?, ?)",
            (saying.report_id, repr(fields), source, posting.jti),
        )
        store.commit()
        answer = requests.post(
            f"https://127.0.0.1:{port}/ssf/push",
            data=posting.token,
            headers={
                "Authorization": f"Bearer {secret}",
                "Content-Type": "application/secevent+jwt",
            },
            verify=False,
            timeout=30,
        )
        assert answer.status_code == 202, answer.text
    return len(made) / (time.perf_counter() - began)


def _saying(gateway, report: Report, number: int) -> Saying:
    """One document for one mail; its recipients are hidden by the same Hider."""
    assert isinstance(report.origin, Origin)
    assert report.message is not None
    name = f"obvious-{number}"
    hider = redact.Hider(b"k" * 32, report.message.recipients, report.message.recipient_names)
    crossing = incident.Crossing(
        fqdn="one.entente.example",
        report_id=ReportId(name),
        case_id=CaseId("obvious"),
        tlp=Tlp.AMBER,
        generated_at=gateway.now(),
        reported_at=gateway.now(),
        contact_name="one",
        contact_mailbox="abuse@one.entente.example",
        salt=b"s" * 32,
        source_digest=redact.salted(b"s" * 32, report.source_sha256.encode()),
        hider=hider,
    )
    document = iodef_json.write(incident.compose(evolve(report), crossing))
    case = seal.CaseName(iss=gateway.me, id=CaseId("obvious"))
    return Saying(
        kind=Kind.REPORT,
        subject=seal.case_subject(case.id),
        body=seal.ReportBody(case=case, iodef=msgspec.json.decode(document), label=Tlp.AMBER),
        txn=name,
        report_id=name,
        case_id="obvious",
    )
