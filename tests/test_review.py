"""A privacy reviewer's questions, by commands: what crossed and why, what is kept."""

import base64
import dataclasses
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from gateway import redact
from gateway.cli import entente
from gateway.edges import keyring
from gateway.edges.store import peers
from gateway.errors import HomeUnusable, KeyUnusable
from gateway.exchange import intake, pseudonyms, purge
from gateway.exchange.crossed import crossed
from gateway.exchange.hold import hold
from gateway.exchange.judge import judge
from gateway.exchange.person import Kept, of_person, of_reporter
from gateway.exchange.refer import refer
from gateway.exchange.withdraw import withdraw
from gateway.model import Category
from gateway.retention import Class
from tests.simulator import World, address, mail, texts

WHO = "Josephine.Brightwater@example.org"


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """Two gateways that know each other: FR, where mail comes in, and US, where it came from."""
    made = World(tmp_path, "FR", "US")
    made.befriend("FR", "US")
    yield made
    made.close()


def letter(**headers: str) -> bytes:
    """A mail to somebody else, with more header fields or another body."""
    body = headers.pop("body", "win a prize now")
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head, _, _ = mail(address("US")).partition(b"MIME-Version")
    return head + lines.encode() + b"Content-Type: text/plain\r\n\r\n" + body.encode() + b"\r\n"


def places(kept: Kept) -> dict[str, tuple[str, ...]]:
    return {trace.place: trace.found for trace in kept.traces}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLANTED = {
    "in the header": letter(X_Original_To=WHO),
    "in another case": letter(X_Original_To=WHO.upper()),
    "in VERP": letter(Return_Path=f"<bounce-{WHO.lower().replace('@', '=')}@bulk.example>"),
    "in base64": letter(X_Track=b64(f"id=7;{WHO.lower()}")),
    "in hex": letter(X_Track=WHO.lower().encode().hex()),
    "as MD5": letter(X_Track=hashlib.md5(WHO.lower().encode()).hexdigest()),
    "as SHA-256": letter(X_Track=hashlib.sha256(WHO.lower().encode()).hexdigest()),
    "in the body": letter(body=f"This was sent to {WHO}."),
    "in a soft line break": letter(
        Content_Transfer_Encoding="quoted-printable",
        body=f"This was sent to {WHO[:10]}=\r\n{WHO[10:]}.",
    ),
    "in a wrapped base64 body": letter(
        body="\r\n".join(
            coded[n : n + 20]
            for coded in [b64(f"This was sent to {WHO.lower()} only.")]
            for n in range(0, len(coded), 20)
        )
    ),
    "as entities": letter(body="".join(f"&#{ord(sign)};" for sign in WHO.lower())),
}


@pytest.mark.parametrize("source", PLANTED.values(), ids=PLANTED)
def test_a_person_is_found_in_what_is_kept_of_one_mail_and_in_no_other(world, source):
    world.take("FR", mail(address("US"), texts(2)[1], number=2))
    world.take("FR", source)
    ((wanted,),) = world.rows("FR", "SELECT id FROM report ORDER BY id DESC LIMIT 1")
    kept = of_person(world.at["FR"], WHO)
    assert {trace.report for trace in kept.traces} == {wanted}
    assert "original" in places(kept)
    assert kept.looked_at["original"] == 2
    assert of_person(world.at["FR"], "somebody.else@example.org").traces == ()


def test_it_is_said_where_of_which_class_until_when_and_where_it_went(world):
    fr = world.at["FR"]
    source = mail(address("US")).replace(b"reader@example.org", WHO.encode())
    world.take("FR", source)
    world.drain()
    kept = of_person(fr, WHO)
    by = {trace.place: trace for trace in kept.traces}
    assert set(by) == {"report", "original", "message sent"}
    assert by["message sent"].found == ("token",)
    assert "recipients" in by["report"].found
    assert "origin" in by["report"].found
    assert {by[place].kind for place in by} == {Class.REPORT, Class.ORIGINAL, Class.MESSAGE}
    days = {place: (by[place].until - world.clock()).days for place in by}
    assert days == {"report": 365, "original": 180, "message sent": 1_095}
    for trace in kept.traces:
        (went,) = trace.abroad
        assert (went.peer, went.kind, went.fate) == (world.at["US"].me, "report", "accepted")
    hidden = redact.token(WHO, fr.keys.redaction(world.at["US"].me)).encode()
    ((token,),) = world.rows("FR", "SELECT token FROM sent WHERE kind = 'report'")
    payload = token.split(b".")[1]
    assert hidden in base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
    assert of_person(world.at["US"], WHO).traces == ()


def test_a_person_is_found_by_name_in_reasons_that_staff_wrote(world):
    fr = world.at["FR"]
    world.take("FR", mail(address("US")))
    world.drain()
    ((report_id, case_id),) = world.rows("FR", "SELECT id, case_id FROM report")
    hold(fr, str(case_id), "asked for by Ms Brightwater-Jones")
    judge(fr, str(case_id), Category.PHISHING, "so says Ms Brightwater-Jones")
    withdraw(fr, str(report_id), "Ms brightwater-jones complained")
    world.drain()
    found = places(of_person(fr, "Brightwater-Jones"))
    assert set(found) == {
        "remark on a report",
        "message sent",
        "judgement by hand",
        "journal",
        "reason of a hold",
    }
    theirs = places(of_person(world.at["US"], "Brightwater-Jones"))
    assert set(theirs) == {"remark on a report", "message received"}


def test_the_sender_and_the_staff_of_a_peer_are_found_too(world):
    world.take("FR", mail(address("US")))
    world.drain()
    theirs = places(of_person(world.at["US"], "prize@example.com"))
    assert theirs == {"message received": ("address",)}
    staff = places(of_person(world.at["FR"], "abuse@us.example.org"))
    assert {"record of a peer", "statement of a peer"} <= set(staff)


def test_a_short_address_is_not_found_inside_a_longer_one(world):
    world.take("FR", mail(address("US")))
    assert of_person(world.at["FR"], "x@example.org").traces == ()
    world.take("FR", letter(X_Original_To="<x@example.org>"))
    assert set(places(of_person(world.at["FR"], "x@example.org"))) == {"report", "original"}


def test_what_is_held_is_said_to_be_held(world):
    world.take("FR", letter(X_Original_To=WHO))
    ((case_id,),) = world.rows("FR", "SELECT id FROM case_file")
    hold(world.at["FR"], str(case_id), "a court asks")
    kept = of_person(world.at["FR"], WHO)
    assert {(trace.held, trace.until) for trace in kept.traces} == {(True, None)}


def test_without_originals_it_says_that_they_were_not_read(world):
    world.take("FR", letter(body=f"only here: {WHO}"))
    kept = of_person(world.at["FR"], WHO, originals=False)
    assert kept.traces == ()
    assert "originals" in kept.left_out


def test_a_search_stands_in_the_journal_without_the_name(world, tmp_path):
    world.take("FR", mail(address("US")), reporter=world.at["FR"].keys.pseudonym("account-4711"))
    of_person(world.at["FR"], "Nobody.Known@example.org")
    of_reporter(world.at["FR"], "account-4711")
    rows = world.rows("FR", "SELECT content FROM journal WHERE kind = 'searched' ORDER BY seq")
    said = [msgspec.json.decode(content) for (content,) in rows]
    assert [(one["what"], one["found"]) for one in said] == [("person", 0), ("reporter", 1)]
    keys = world.at["FR"].keys
    assert said[0]["who"] == keys.sought(" nobody.known@EXAMPLE.org")
    everything = b"".join(p.read_bytes() for p in (tmp_path / "FR").rglob("*") if p.is_file())
    for text in (b"obody.", b"account-4711"):
        assert text not in everything
    assert hashlib.sha256(b"nobody.known@example.org").hexdigest().encode() not in everything


def test_a_reporter_is_found_by_the_account_and_not_after_the_time_is_over(world):
    fr = world.at["FR"]
    pseudonym = fr.keys.pseudonym("account-4711")
    world.take("FR", mail(address("US")), reporter=pseudonym)
    world.take("FR", mail(address("US"), texts(2)[1], number=2), reporter="b" * 32)
    world.drain()
    (trace,) = of_reporter(fr, "account-4711").traces
    assert trace.found == ("pseudonym", "what was read of the mail", "the mail itself")
    assert (trace.until - world.clock()).days == 365
    assert [went.fate for went in trace.abroad] == ["accepted"]
    assert of_reporter(fr, "account-4712").traces == ()
    later = dataclasses.replace(fr, now=lambda: world.clock() + timedelta(days=366))
    purge.purge(later)
    assert of_reporter(fr, "account-4711").traces == ()


def test_a_reporter_whose_mail_is_gone_is_found_by_the_pseudonym_alone(world):
    fr = world.at["FR"]
    world.take("FR", mail(address("US")), reporter=fr.keys.pseudonym("account-4711"))
    later = dataclasses.replace(fr, now=lambda: world.clock() + timedelta(days=181))
    purge.purge(later)
    (trace,) = of_reporter(fr, "account-4711").traces
    assert trace.found == ("pseudonym", "what was read of the mail")


# The end of the pseudonyms.


def test_after_the_key_is_destroyed_nobody_recognises_a_reporter_and_counts_stay(world, tmp_path):
    fr = world.at["FR"]
    origin = address("US")
    old = fr.keys.pseudonym("account-4711")
    secret = (fr.keys.directory / keyring.REPORTERS).read_bytes()
    world.take("FR", mail(origin, number=1), reporter=old)
    pseudonyms.destroy(fr, "the law of 2027")
    keys = keyring.load(fr.keys.directory)
    world.replace("FR", dataclasses.replace(fr, keys=keys))
    new = keys.pseudonym("account-4711")
    assert new != old
    everything = b"".join(p.read_bytes() for p in (tmp_path / "FR").rglob("*") if p.is_file())
    assert secret.strip() not in everything
    assert of_reporter(world.at["FR"], "account-4711").traces == ()
    assert world.rows("FR", "SELECT reports, reporters FROM case_file") == [(1, 1)]
    assert world.take("FR", mail(origin, number=1), reporter=new).new == 0
    assert world.take("FR", mail(origin, number=2), reporter=new).new == 1
    assert world.rows("FR", "SELECT reports, reporters FROM case_file") == [(2, 2)]
    ((content,),) = world.rows("FR", "SELECT content FROM journal WHERE kind LIKE 'pseudonyms%'")
    assert msgspec.json.decode(content)["because"] == "the law of 2027"


def test_an_import_that_still_has_the_old_key_stops_and_enters_nothing(world):
    fr = world.at["FR"]
    old = fr.keys.pseudonym("account-4711")
    pseudonyms.destroy(fr, "the law")
    with pytest.raises(KeyUnusable, match="destroyed") as caught:
        world.take("FR", mail(address("US")), reporter=old)
    assert "again" in caught.value.hint
    with pytest.raises(KeyUnusable):
        intake.fresh(fr, ["0" * 64], old)
    assert world.rows("FR", "SELECT count(*) FROM report") == [(0,)]
    assert world.take("FR", mail(address("US"))).new == 1  # Nobody is named.


def test_a_destruction_that_was_interrupted_is_done_by_doing_it_again(world, monkeypatch):
    fr = world.at["FR"]

    def refuse(_self: object, _secret: bytes) -> None:
        raise HomeUnusable("the disk went away")

    with monkeypatch.context() as patch:
        patch.setattr(keyring.Keyring, "destroy_reporters", refuse)
        with pytest.raises(HomeUnusable):
            pseudonyms.destroy(fr, "the law")
    with pytest.raises(KeyUnusable) as caught:
        world.take("FR", mail(address("US")), reporter=fr.keys.pseudonym("a"))
    assert "entente keys destroy-pseudonyms" in caught.value.hint
    pseudonyms.destroy(fr, "the law")
    world.replace("FR", dataclasses.replace(fr, keys=keyring.load(fr.keys.directory)))
    name = world.at["FR"].keys.pseudonym("a")
    assert world.take("FR", mail(address("US")), reporter=name).new == 1


# What crossed.


def test_what_left_is_listed_with_its_reason_label_fields_and_receipt(world):
    fr, us = world.at["FR"], world.at["US"]
    world.take("FR", mail(address("US")))
    world.drain()
    found = crossed(fr, world.clock() - timedelta(days=1), world.clock() + timedelta(days=1))
    (one,) = found.sets
    ((report_id, case_id),) = world.rows("FR", "SELECT id, case_id FROM report")
    ((digest, receipt),) = world.rows(
        "FR", "SELECT lower(hex(digest)), receipt FROM sent WHERE kind = 'report'"
    )
    assert (one.peer, one.kind, one.fate) == (us.me, "report", "accepted")
    assert (one.report, one.case) == (report_id, case_id)
    assert (one.digest, one.receipt) == (digest, receipt)
    assert one.why.endswith("is registered in US, which Association US serves")
    assert one.label == "TLP:AMBER"
    assert "iodef.Incident.EventData.System.Service.EmailData.EmailSubject" in one.fields
    assert any(field.endswith("EmailHeaderField[From]") for field in one.fields)
    assert not any(field.endswith("[To]") for field in one.fields)
    assert one.delivered_at is not None
    sums = {(s.peer, s.kind, s.fate): s.number for s in found.sums}
    assert sums[us.me, "report", "accepted"] == 1
    assert {kind for _, kind, _ in sums} == {"report", "head"}


def test_what_never_left_is_not_counted_and_what_may_have_is(world):
    fr = world.at["FR"]
    world.take("FR", mail(address("US")), mail(address("US", 2), texts(2)[1], number=2))
    ((first,), _) = world.rows("FR", "SELECT id FROM report ORDER BY id")
    day = timedelta(days=1)
    assert crossed(fr, world.clock() - day, world.clock() + day).sums == ()
    with fr.store.read() as db:
        peer = peers.register(db).peer(world.at["US"].me)
    assert peer is not None
    assert refer(fr, peer).reports == 2
    withdraw(fr, str(first), "a mistake")
    assert ("cancelled",) in world.rows("FR", "SELECT state FROM sent")
    world.cable.lose_answers = 1
    world.drain("FR")
    found = crossed(fr, world.clock() - day, world.clock() + day)
    assert [one.kind for one in found.sets] == ["report"]
    assert found.sets[0].report != first


def test_a_period_holds_what_was_signed_in_it(world):
    begin = world.clock()
    for number, text in enumerate(texts(3)):
        world.take("FR", mail(address("US", number), text, number=number))
        world.drain()
        world.clock.turn(days=10)
    fr, day = world.at["FR"], timedelta(days=1)

    def number(since: int, until: int) -> int:
        return len(crossed(fr, begin + since * day, begin + until * day).sets)

    assert [number(0, 1), number(0, 11), number(10, 20), number(21, 30)] == [1, 2, 1, 0]
    first = crossed(fr, begin, world.clock(), most=2)
    rest = crossed(fr, begin, world.clock(), most=2, after=first.sets[-1].jti)
    everything = crossed(fr, begin, world.clock()).sets
    assert (len(first.sets), len(rest.sets)) == (2, 1)
    assert (*first.sets, *rest.sets) == everything
    assert first.sums == rest.sums


def test_a_withdrawal_says_its_own_reason_and_a_moved_case_says_so(world):
    fr, day = world.at["FR"], timedelta(days=1)
    world.take("FR", mail(address("US")))
    world.drain()
    ((report_id,),) = world.rows("FR", "SELECT id FROM report")
    withdraw(fr, str(report_id), "counted twice")
    world.drain()
    with fr.store.write() as db:
        db.exec_driver_sql("UPDATE case_file SET peer = NULL, reason = 'nobody serves it now'")
    found = {one.kind: one for one in crossed(fr, world.clock() - day, world.clock() + day).sets}
    assert found["withdrawal"].why == "counted twice"
    assert "then" in found["report"].why
    assert "nobody serves it now" in found["report"].why


def test_after_a_purge_the_crossings_are_still_counted_and_proved(world):
    fr = world.at["FR"]
    world.take("FR", mail(address("US")))
    world.drain()
    begin = world.clock() - timedelta(days=1)
    before = crossed(fr, begin, world.clock() + timedelta(days=1))
    purge.purge(dataclasses.replace(fr, now=lambda: world.clock() + timedelta(days=4_000)))
    after = crossed(fr, begin, world.clock() + timedelta(days=1))
    assert after.sums == before.sums
    assert [(one.jti, one.digest, one.receipt) for one in after.sets] == [
        (one.jti, one.digest, one.receipt) for one in before.sets
    ]
    assert [(one.label, one.fields, one.why) for one in after.sets] == [
        (None, (), "no longer kept")
    ]


# The commands.


def run(home: Path, *words: str, code: int = 0, given: str | None = None) -> str:
    done = CliRunner().invoke(entente, ["--home", str(home), *words], input=given)
    assert done.exit_code == code, done.output
    return done.output


def test_the_reviewers_questions_are_answered_by_commands(world, tmp_path):
    home = tmp_path / "FR"
    source = mail(address("US")).replace(b"reader@example.org", WHO.encode())
    world.take("FR", source, reporter=world.at["FR"].keys.pseudonym("account-4711"))
    world.drain()
    ((case_id,),) = world.rows("FR", "SELECT id FROM case_file")
    left = run(home, "crossed")
    assert "because " in left
    assert "TLP:AMBER" in left
    assert msgspec.json.decode(run(home, "crossed", world.at["US"].me, "--json"))["sets"]
    month = f"{world.clock():%Y-%m}"
    assert msgspec.json.decode(run(home, "crossed", "--since", month, "--json"))["sets"]
    assert not msgspec.json.decode(run(home, "crossed", "--until", "2020-01", "--json"))["sets"]
    run(home, "crossed", "https://nobody.example.org", code=1)
    run(home, "crossed", "--since", "yesterday", code=2)
    kept = run(home, "person", WHO)
    assert "went abroad: report" in kept
    assert "until " in kept
    assert msgspec.json.decode(run(home, "person", "--reporter", "account-4711", "--json"))[
        "traces"
    ]
    assert "Nothing is kept" in run(home, "person", "x@example.org", "--without-originals")
    run(home, "person", code=2)
    run(home, "person", WHO, "--reporter", "x", code=2)
    assert "is held" in run(home, "hold", str(case_id), "--because", "a court asks")
    assert "a court asks" in run(home, "holds")
    assert msgspec.json.decode(run(home, "holds", "--json"))[0]["subject"] == case_id
    run(home, "hold", "nothing", "--because", "x", code=1)
    assert "held: entente holds" in run(home, "person", WHO)
    run(home, "release", str(case_id), "--because", "closed")
    run(home, "release", str(case_id), "--because", "closed", code=1)
    assert "180" in run(home, "retention")
    classes = msgspec.json.decode(run(home, "retention", "--json"))
    assert {one["class"]: one["days"] for one in classes}["journal"] == 3_650
    assert "Nothing was changed" in run(home, "purge", "--dry-run")
    assert "entente check" in run(home, "purge", "--reconsider")


def test_the_key_of_pseudonyms_is_destroyed_only_by_who_says_yes_twice(world, tmp_path):
    home = tmp_path / "FR"
    path = home / "keys" / keyring.REPORTERS
    before = path.read_bytes()
    words = ("keys", "destroy-pseudonyms", "--because", "the law")
    run(home, *words, code=1, given="y\nn\n")
    run(home, *words, code=1, given="n\n")
    assert path.read_bytes() == before
    run(home, *words, given="y\ny\n")
    once = path.read_bytes()
    assert once != before
    assert msgspec.json.decode(run(home, *words, "--yes", "--json"))["since"]
    assert path.read_bytes() != once
    run(home, "retention")


def test_a_period_that_ends_before_it_begins_is_refused(tmp_path):
    home = tmp_path / "FR"
    World(tmp_path, "FR").close()
    call = ["--home", str(home), "crossed", "--since", "2026-11-24", "--until", "2026-11-20"]
    done = CliRunner().invoke(entente, call)
    assert done.exit_code == 2
    assert "does not lie before --until" in done.output
