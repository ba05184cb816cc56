"""Forwarders, lists, shared services and clients of one's own provider: said, and not forged."""

import json
import random
from collections import Counter

import pytest
from click.testing import CliRunner

from gateway import trace
from gateway.cli import entente
from gateway.edges.registry import open_registry
from gateway.model import Confidence, Origin
from tests import hand_overs
from tests.bench import origin as bench
from tests.chains import locate
from tests.hand_overs import VICTIM, r
from tests.shared import shared
from tests.test_trace import SENDER, mail, origin_of

SEEDS = range(5)


def found(headers, forwarders=()) -> Origin:
    origin = trace.find(headers, locate, (), forwarders)
    assert isinstance(origin, Origin), origin
    return origin


def answers(origin: Origin) -> tuple:
    service = origin.service
    return (
        origin.address,
        tuple(passage.by for passage in origin.passages),
        origin.likelier and origin.likelier.address,
        service and service.name,
        tuple((said.about, said.value) for said in service.said) if service else (),
        origin.submitted,
    )


def expected(mail: hand_overs.HandOver) -> tuple:
    return (
        mail.origin,
        mail.passages,
        mail.likelier,
        mail.service,
        mail.said,
        mail.submitted,
    )


@pytest.mark.parametrize("number", range(len(hand_overs.NAMES)), ids=hand_overs.NAMES)
def test_every_kind_of_hand_over_is_said_with_the_sender_before_it(number):
    for seed in SEEDS:
        case = list(hand_overs.hand_overs(random.Random(seed)))[number]
        origin = found(case.headers, case.forwarders)
        assert answers(origin) == expected(case)
        assert origin.forwarded == bool(case.passages)
        if case.passages:
            assert origin.confidence is Confidence.LOW
            assert all(passage.evidence for passage in origin.passages)
        if origin.likelier is not None:
            assert origin.likelier.confidence is not Confidence.HIGH
            assert origin.likelier.address in origin.likelier.line


@pytest.mark.parametrize("number", range(len(hand_overs.NAMES)), ids=hand_overs.NAMES)
def test_lines_and_headers_below_what_is_believed_change_no_answer(number):
    for seed in SEEDS:
        rng = random.Random(seed)
        case = list(hand_overs.hand_overs(rng))[number]
        if case.entry is None:
            continue
        places = [p for p, (name, _) in enumerate(case.headers) if name == "Received"]
        cut = places[case.entry] + 1
        for _, _, forged in (*hand_overs.by_strangers(rng), *hand_overs.by_accounts(rng)):
            headers = (*case.headers[:cut], *forged, *case.headers[cut:])
            changed = answers(found(headers, case.forwarders))
            assert VICTIM not in changed
            assert changed == expected(case)


def test_what_a_stranger_writes_never_makes_the_mail_forwarded():
    for how, sender, headers in hand_overs.by_strangers(random.Random(1)):
        origin = found(headers)
        assert (origin.address, origin.forwarded, origin.likelier) == (sender, False, None), how
        assert any("no recognised forwarder" in remark for remark in origin.remarks), how


def test_what_an_account_holder_writes_never_makes_the_mail_forwarded():
    for how, service, headers in hand_overs.by_accounts(random.Random(1)):
        origin = found(headers)
        assert (origin.address, origin.forwarded, origin.likelier) == (service, False, None), how
        assert VICTIM not in str(origin.service), how


def test_a_newsletters_list_id_is_no_talk_of_forwarding():
    line = f"from x (x.example.org [{SENDER}]) by mx.example.net (Postfix)"
    origin = found((*mail(line), ("List-Id", "<news.example.org>")))
    assert (origin.forwarded, origin.remarks) == (False, ())


@pytest.mark.parametrize(
    "header",
    [
        ("Return-Path", "<SRS0=ab=cd=example.org=joe@example.net>"),
        ("Return-Path", "<joe+caf_=ann=example.org@example.net>"),
        ("X-Forwarded-To", "ann@example.org"),
        ("Resent-From", "joe@example.net"),
    ],
)
def test_talk_of_forwarding_by_an_unknown_host_is_only_remarked(header):
    line = f"from x (x.example.org [{SENDER}]) by mx.example.net (Postfix)"
    origin = found((*mail(line), header))
    assert (origin.address, origin.forwarded) == (SENDER, False)
    assert header[0] in origin.remarks[0]


def test_seals_that_the_reporters_provider_found_whole_make_the_sender_more_certain():
    case = next(hand_overs.hand_overs(random.Random(3)))
    assert found(case.headers).likelier.confidence is Confidence.MEDIUM
    unchecked = found(case.headers[1:])
    assert unchecked.likelier.confidence is Confidence.LOW
    other = [
        (name, value.replace(str(case.likelier), VICTIM) if value.startswith("i=2; mx") else value)
        for name, value in case.headers
    ]
    assert found(other).likelier.confidence is Confidence.LOW


def test_the_list_that_handed_the_mail_on_is_named():
    cases = {case.kind: case for case in hand_overs.hand_overs(random.Random(4))}
    assert found(cases["kept list"].headers).passages[0].listed == "talk.freelists.org"


def test_a_greeting_in_the_name_of_a_service_makes_no_service():
    origin = origin_of(
        f"from mail-x.google.com ({SENDER}) by A.mail.protection.outlook.com (10.1.1.1) with X"
    )
    assert origin.service is None


def test_a_service_is_known_by_its_own_autonomous_system():
    def world(address: str):
        place = locate(address)
        return type(place)(
            address=address, country=None, network="AS11377", as_name="SENDGRID", none=place.none
        )

    headers = (
        *mail(f"from o1.example.org ({SENDER}) by A.mail.protection.outlook.com (10.1.1.1) with X"),
        ("Return-Path", "<bounces+1718567-ab12-reader=example.net@em1.example.org>"),
    )
    origin = trace.find(headers, world)
    assert isinstance(origin, Origin)
    assert "SENDGRID" in origin.service.known_by
    assert [(s.about, s.value, s.where) for s in origin.service.said] == [
        ("account", "1718567", "Return-Path")
    ]


@pytest.mark.parametrize(
    ("host", "header", "value", "said"),
    [
        ("a.mcsv.net", "X-MC-User", "5da25878ff2e", ("account", "5da25878ff2e")),
        ("a.mtasv.net", "Feedback-ID", "s1-_:s1:a84921:postmark", ("account", "84921")),
        ("a.sendinblue.com", "Feedback-ID", "192.0.2.1:77_-1:77:Sendinblue", ("account", "77")),
        ("relay5.mail.gandi.net", "X-GND-Sasl", "joe@example.fr", ("account", "joe@example.fr")),
        ("a.qq.com", "X-Originating-IP", f"[{VICTIM}]", ("client", VICTIM)),
        ("a.emailsrvr.com", "X-PHP-Script", f"a.org/a.php for {VICTIM}", ("client", VICTIM)),
        ("a.emailsrvr.com", "X-Authenticated-Sender", "h.example.org: joe", ("account", "joe")),
    ],
)
def test_a_services_header_names_the_account_where_it_stands_once(host, header, value, said):
    line = f"from {host} ({host} [{SENDER}]) by mx.example.net (Postfix) with ESMTP id 1"
    once = found((*mail(line), (header, value)))
    assert said in [(one.about, one.value) for one in once.service.said]
    assert once.address == SENDER
    assert found((*mail(line), (header, value), (header, value))).service.said == ()
    assert found(((header, value), *mail(line))).service.said == ()
    assert origin_of(line.replace(host, "x.example.org"), **{header: value}).service is None


def test_a_service_that_hides_its_account_is_said_to():
    cases = {case.kind: case for case in hand_overs.hand_overs(random.Random(4))}
    origin = found(cases["webmail to itself, client hidden"].headers)
    assert origin.remarks[0].startswith("Google names in this mail neither")


def test_a_client_of_the_own_provider_counts_only_down_an_unbroken_run_of_its_lines():
    top = r(
        f"from mail-sor-f41.google.com (mail-sor-f41.google.com. [{SENDER}]) by mx.google.com"
        " with SMTPS id 1"
    )
    client = r(f"from [{VICTIM}] by smtp.google.com with ESMTPSA id 3")
    for between in (
        r("from x by y.example.org with SMTP"),
        r("from 7746355822 named unknown by gmailapi.google.com with HTTPREST"),
        r("from x (x.example.org [198.19.5.5]) by smtp-relay.gmail.com with ESMTPS id 2"),
    ):
        assert found((top, between, client)).address == SENDER
    stranger = (top[0], top[1].replace("(mail-sor-f41.google.com.", "(evil.example.org."))
    assert found((stranger, client)).address == SENDER


def test_headers_below_the_line_of_entry_are_no_signs_of_forwarding():
    google = f"from mail-x.google.com (mail-x.google.com [{SENDER}]) by mx.example.net (Postfix)"
    relay = "from x (x.example.org [198.19.5.5]) by smtp-relay.google.com with ESMTPS id 2"
    below = (("X-Forwarded-To", "a@example.org"), ("Delivered-To", "a@example.org"))
    origin = found((*mail(google, relay), *below))
    assert not origin.forwarded
    assert [said.value for said in origin.service.said] == ["198.19.5.5"]


def test_the_lines_of_a_forwarder_end_at_the_first_that_another_wrote():
    origin = found(
        mail(
            f"from fwd.example.org (fwd.example.org [{SENDER}]) by mx.example.net (Postfix)",
            "by fwd.example.org with SMTP id 1",
            "by evil.example.com with SMTP id 2",
            f"from v (v.example.com [{VICTIM}]) by fwd.example.org (Postfix) with ESMTP",
        ),
        ("fwd.example.org",),
    )
    assert (origin.forwarded, origin.likelier) == (True, None)


def test_a_machine_of_the_service_is_not_taken_for_its_client():
    origin = origin_of(
        f"from a.mx.aol.com (a.mx.aol.com [{SENDER}]) by mx.example.net (Postfix)",
        "from b.mx.aol.com (b.mx.aol.com [198.19.5.5]) by a.mx.aol.com (v1) with ESMTP",
    )
    assert (origin.service.name, origin.service.said) == ("Yahoo and AOL", ())


def test_the_forwarders_of_real_mail_are_recognised():
    samples = bench.samples(shared("mail"), shared("mail", "truth.tsv"))
    registry = open_registry().locate
    known = ("webnote.net", "lugh.tuatha.org", "64.161.22.236")
    seen = Counter()
    for sample in samples:
        origin = trace.find(sample.headers, registry, (), known)
        assert isinstance(origin, Origin)
        assert origin.address == sample.origin
        seen.update(passage.by for passage in origin.passages[:1])
        if origin.forwarded:
            assert origin.likelier is not None, sample.path
            assert origin.likelier.address != origin.address
    assert seen == {
        "Google": 9,
        "Microsoft": 3,
        "mail.webnote.net": 9,
        "lugh.tuatha.org": 2,
        "xent.com": 2,
    }


def test_inspect_says_who_forwarded_the_mail_and_whose_account_it_is(tmp_path):
    cases = {case.kind: case for case in hand_overs.hand_overs(random.Random(5))}
    forwarded, client = cases["gmail forwarding"], cases["hosters' relay"]
    said = inspected(tmp_path, forwarded.headers)
    assert "  forwarded by Google: 209.85.222.47 is Google, by the networks" in said
    assert "  by that forwarder's line: from m.hop.example.org" in said
    assert ", confidence medium" in said
    said = inspected(tmp_path, client.headers)
    assert "  an account at MailChannels (relay), known by the name ivory.relay" in said
    assert "  MailChannels says, in Received: account acme" in said
    origin = json.loads(inspected(tmp_path, forwarded.headers, "--json"))["origin"]
    assert (origin["forwarded"], origin["passages"][0]["by"]) == (True, "Google")
    assert {"address", "port", "border", "line", "confidence", "claimed"} <= set(origin)


def inspected(tmp_path, headers, *options: str) -> str:
    """What the command says of a mail, with its addresses moved into public networks."""
    block = "".join(f"{name}: {value}\n" for name, value in headers)
    path = tmp_path / "mail.eml"
    path.write_text(f"{block}Subject: x\n\nHello\n".replace("198.19.", "193.19."))
    done = CliRunner().invoke(entente, ["inspect", str(path), *options])
    assert done.exit_code == 0, done.output
    return done.output


def test_signs_in_any_number_are_clipped():
    line = f"from lists.debian.org (lists.debian.org [{SENDER}]) by mx.example.net (Postfix)"
    many = (("Mailing-List", f"list number {number}") for number in range(5_000))
    assert len(found((*mail(line), *many)).passages[0].evidence) == 11


def test_forwarders_in_a_loop_are_followed_a_few_times_only():
    one = f"from fwd.example.org (fwd.example.org [{SENDER}]) by mx.example.net (Postfix)"
    again = f"from fwd.example.org (evil.example.com [{SENDER}]) by fwd.example.org (Postfix)"
    origin = found(mail(one, *[again] * 90), (f"{SENDER}/32",))
    assert len(origin.passages) == 5


def test_a_forwarder_setting_is_not_met_by_a_greeting():
    line = f"from fwd.example.org (evil.example.com [{SENDER}]) by mx.example.net (Postfix)"
    older = f"from v (v.example.com [{VICTIM}]) by fwd.example.org (Postfix) with ESMTP"
    origin = found(mail(line, older), ("fwd.example.org",))
    assert (origin.address, origin.forwarded) == (SENDER, False)
