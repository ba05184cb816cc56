"""What may not stay goes, byte for byte; what proves remains; and nothing else is lost by it."""

import base64
import contextlib
import dataclasses
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import zstandard
from sqlalchemy.engine import Connection

from gateway import app, seal
from gateway.edges import blobs
from gateway.edges.store import Store
from gateway.errors import NotFound, StepIllegal
from gateway.exchange import identity, purge
from gateway.exchange.examine import examine
from gateway.exchange.gateway import Gateway
from gateway.exchange.hold import hold, release
from gateway.exchange.judge import judge
from gateway.exchange.proof import prove
from gateway.exchange.withdraw import withdraw
from gateway.model import Category, evolve
from tests.simulator import World, address, mail, registry, texts
from tests.test_store import every_connection

ROOT = Path(__file__).resolve().parents[1]
LONG = 4_000
"""Days after which the date of everything is past."""
REPORTER = "account-4711-of-zebedee"
STAFF = "officer quillfeather"


class Planted:
    """One recipient of a mail of its own, as the mail names them."""

    def __init__(self, number: int) -> None:
        self.first, self.last = f"Zebedee{number}x", f"Quuxington{number}x"
        self.local = f"{self.first}.{self.last}".lower()
        self.address = f"{self.local}@reader-{number}.example.org"
        self.sender = f"swindler-{number}q@bulk-{number}.example.net"
        self.origin = address("US", number)

    def mail(self, text: str) -> bytes:
        """A mail that names them in many places and in several encodings."""
        coded = base64.urlsafe_b64encode(self.address.encode()).decode()
        digest = hashlib.md5(self.address.encode()).hexdigest()
        return (
            f"Delivered-To: {self.address}\r\n"
            f"Received: from relay.example.com (relay.example.com [{self.origin}])\r\n"
            f"\tby mx.example.org (Postfix) with ESMTP id 4F0BC1C763\r\n"
            f"\tfor <{self.address}>; Mon, 03 Mar 2025 08:00:00 +0000\r\n"
            f"From: Prize <{self.sender}>\r\n"
            f"To: {self.first} {self.last} <{self.address}>\r\n"
            f"Subject: {self.first}, you have been chosen\r\n"
            f"List-Unsubscribe: <https://bulk.example/u?e={coded}&m={digest}>\r\n"
            "Date: Mon, 03 Mar 2025 08:00:00 +0000\r\n"
            f"Message-ID: <{self.local}.1@bulk.example>\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "\r\n"
            f"Dear {self.first} {self.last},\r\n{text}\r\n"
            f"https://bulk.example/click?who={self.address}\r\n"
        ).encode()

    def values(self) -> list[str]:
        """Everything that names this recipient, the sender, or both."""
        return [self.address, self.local, self.first, self.last, self.sender, self.origin]


def forms(value: str) -> dict[str, bytes]:
    """What the bytes of a value look like, plainly and in the encodings that trackers use."""
    found: dict[str, bytes] = {}
    for spelling in dict.fromkeys((value, value.lower())):
        raw = spelling.encode()
        found |= {
            f"{spelling} plain": raw,
            f"{spelling} UTF-16": spelling.encode("utf-16-le"),
            f"{spelling} UTF-16 big": spelling.encode("utf-16-be"),
            f"{spelling} hex": raw.hex().encode(),
        }
        for shift, skipped in ((0, 0), (1, 2), (2, 3)):
            core = base64.b64encode(b"\0" * shift + raw)
            core = core[skipped : (shift + len(raw)) * 8 // 6]
            found[f"{spelling} base64 {shift}"] = core
            found[f"{spelling} base64url {shift}"] = core.replace(b"+", b"-").replace(b"/", b"_")
        for name in ("md5", "sha1", "sha256"):
            digest = hashlib.new(name, raw).digest()
            found[f"{spelling} {name}"] = digest
            found[f"{spelling} {name} hex"] = digest.hex().encode()
            found[f"{spelling} {name} base64"] = base64.b64encode(digest)[:20]
    return found


def home_bytes(home: Path) -> bytes:
    """Every byte of every file and every file's name, compressed ones also unpacked."""
    parts = []
    for path in sorted(home.rglob("*")):
        parts.append(str(path.relative_to(home)).encode())
        if path.is_file():
            content = path.read_bytes()
            parts.append(content)
            if content.startswith(b"\x28\xb5\x2f\xfd"):
                parts.append(zstandard.ZstdDecompressor().decompress(content))
    return b"\n".join(parts)


def traces(home: Path, values: list[str]) -> list[str]:
    """In which form which of ``values`` still stands in the home; letter case is nothing."""
    content = home_bytes(home)
    low = content.lower()
    found = []
    for value in values:
        for name, form in forms(value).items():
            exact = "base64" in name or not form.isascii()
            if len(form) >= 6 and (form in content if exact else form.lower() in low):
                found.append(name)
    return found


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """Two gateways that know each other: FR, where mail comes in, and US, where it came from."""
    made = World(tmp_path, "FR", "US")
    made.befriend("FR", "US")
    yield made
    made.close()


def exchanged(world: World, number: int = 6) -> list[Planted]:
    """Planted persons whose mails came in at FR, went to US, and came back as receipts."""
    people = [Planted(n) for n in range(1, number + 1)]
    pseudonym = world.at["FR"].keys.pseudonym(REPORTER)
    for person, text in zip(people, texts(number), strict=True):
        world.take("FR", person.mail(text), reporter=pseudonym)
    world.drain()
    return people


def ahead(world: World, country: str, days: int) -> Gateway:
    """The gateway of ``country`` with a clock that runs ahead."""
    by = timedelta(days=days)
    return dataclasses.replace(world.at[country], now=lambda: world.clock() + by)


def line(done: purge.Purged, what: str) -> purge.Line:
    return next(one for one in done.lines if one.what == what)


FIGURES = (
    "SELECT country, category, state, count(*) FROM report GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    "SELECT strftime('%Y-%m', seen_at / 1000000, 'unixepoch'), count(*) FROM report GROUP BY 1",
    "SELECT id, country, network, category, peer, reports, reporters FROM case_file ORDER BY id",
    "SELECT case_id, count(*), count(DISTINCT reporter) FROM case_reporter GROUP BY 1 ORDER BY 1",
    "SELECT id, source_sha256, recorded_at, seen_at, case_id FROM report ORDER BY id",
    "SELECT peer, jti, place, digest, state, receipt, proved_at FROM sent ORDER BY peer, place",
    "SELECT issuer, jti, digest, verdict FROM received ORDER BY issuer, jti",
    "SELECT sha256, size, salted FROM original ORDER BY sha256",
    "SELECT seq, at, digest, head FROM journal WHERE kind NOT IN ('purged', 'rows') ORDER BY seq",
    "SELECT peer, direction, number, digest FROM stream ORDER BY peer, direction",
)


def figures(world: World, country: str) -> list[object]:
    return [world.rows(country, query) for query in FIGURES]


def test_after_a_purge_nothing_that_named_a_person_is_left_anywhere(world, tmp_path):
    people = exchanged(world)
    fr, us = world.at["FR"], world.at["US"]
    ((taken_back,),) = world.rows("FR", "SELECT id FROM report ORDER BY id LIMIT 1")
    withdraw(fr, str(taken_back), f"a mistake, says {STAFF}")
    ((held,),) = world.rows("FR", "SELECT id FROM report ORDER BY id DESC LIMIT 1")
    hold(fr, str(held), f"the court asked {STAFF}")
    judge(fr, str(held), Category.PHISHING, f"{STAFF} looked at it")
    world.drain()
    release(fr, str(held), f"closed by {STAFF}")
    planted = [value for person in people for value in person.values()]
    planted += [REPORTER, STAFF, fr.keys.pseudonym(REPORTER)]
    before = {"FR": figures(world, "FR"), "US": figures(world, "US")}
    kept = world.rows("FR", "SELECT jti, token, receipt FROM sent WHERE kind = 'report'")

    found = traces(tmp_path / "FR", planted)
    for value in [*planted[:-3], STAFF, planted[-1]]:
        assert any(form.startswith((value, value.lower())) for form in found), value
    for form in ("base64", "md5", "plain"):
        assert any(form in name for name in found), form
    assert traces(tmp_path / "US", [people[0].origin, people[0].sender])

    world.clock.turn(days=LONG)
    assert purge.purge(fr).log_empty
    assert purge.purge(us).log_empty
    assert traces(tmp_path / "FR", planted) == []
    assert traces(tmp_path / "US", planted) == []
    assert {"FR": figures(world, "FR"), "US": figures(world, "US")} == before

    world.befriend("FR", "US")  # Their statements end after a year; new ones replace them.
    assert examine(fr)
    assert examine(us)
    assert world.rows(
        "FR", "SELECT count(*) FROM journal WHERE content IS NULL AND kind != 'rows'"
    ) != [(0,)]
    proved(world, kept)


def proved(world: World, kept: list[tuple[object, ...]]) -> None:
    """What a partner kept verifies against our digest, and our receipt names that digest."""
    fr, us = world.at["FR"], world.at["US"]
    statements = {}
    for one in (fr, us):
        with one.store.read() as db:
            rows = db.exec_driver_sql("SELECT token FROM statement WHERE peer = ?", (one.me,))
            statements[one.me] = rows.scalars().first()
    for jti, token, receipt in kept:
        proof = prove(token, statements[fr.me], world.clock())
        assert world.rows(
            "FR", f"SELECT lower(hex(digest)), token FROM sent WHERE jti = '{jti}'"
        ) == [(proof.digest, None)]
        ((theirs,),) = world.rows("FR", f"SELECT token FROM received WHERE jti = '{receipt}'")
        prove(theirs, statements[us.me], world.clock())
        said = base64.urlsafe_b64encode(bytes.fromhex(proof.digest)).rstrip(b"=")
        assert said in seal.open_token(theirs).payload


def test_a_purge_before_any_date_changes_nothing(world):
    exchanged(world)
    before = figures(world, "FR")
    done = purge.purge(world.at["FR"])
    assert done.rows == 0
    assert figures(world, "FR") == before
    assert world.rows("FR", "SELECT count(*) FROM journal WHERE kind = 'purged'") == [(0,)]


def test_each_class_goes_on_its_own_day_and_not_before(world):
    exchanged(world)
    went, day = {}, 0
    for then in (179, 181, 364, 366, 729, 731, 1_094, 1_096, 3_649, 3_651):
        world.clock.turn(days=then - day)
        day = then
        went[day] = [one.what for one in purge.purge(world.at["FR"]).lines if one.rows]
    assert went == {
        179: ["cases"],  # The mails are of March 2025, and a case is as old as its mails.
        181: ["originals"],
        364: [],
        366: ["reports", "reporters", "complainants"],
        729: [],
        731: ["fingerprints", "texts"],
        1_094: [],
        1_096: ["sent"],
        3_649: [],
        3_651: ["journal"],
    }


def test_a_dry_run_says_what_a_purge_then_does_and_changes_nothing(world):
    exchanged(world)
    fr = world.at["FR"]
    ((case_id,),) = world.rows("FR", "SELECT case_id FROM report ORDER BY id LIMIT 1")
    hold(fr, str(case_id), "a court asks")
    world.clock.turn(days=LONG)
    before = figures(world, "FR"), world.rows("FR", "SELECT count(*) FROM detail")
    foreseen = purge.foresee(fr)
    assert (figures(world, "FR"), world.rows("FR", "SELECT count(*) FROM detail")) == before
    assert not foreseen.done
    done = purge.purge(fr)
    assert [one for one in done.lines if one.what != "leftovers"] == list(foreseen.lines)
    assert line(done, "leftovers").rows == 0
    assert line(done, "reports").held == 1
    assert line(done, "originals").rows == 5


def test_every_batch_stands_in_the_journal_and_names_nobody(world, monkeypatch):
    exchanged(world)
    fr = world.at["FR"]
    monkeypatch.setattr(purge, "BATCH", 4)
    world.clock.turn(days=400)
    purge.purge(fr)
    rows = world.rows("FR", "SELECT content FROM journal WHERE kind = 'purged' ORDER BY seq")
    said = [msgspec.json.decode(content) for (content,) in rows]
    assert [one["rows"] for one in said if one["what"] == "reports"] == [4, 2]
    assert [one["rows"] for one in said if one["what"] == "originals"] == [4, 2]
    ids = [str(id_) for (id_,) in world.rows("FR", "SELECT id FROM report ORDER BY id")]
    first = next(one for one in said if one["what"] == "reports")
    digests = {hashlib.sha256("\n".join(some).encode()).hexdigest() for some in (ids[:4], ids[-4:])}
    assert first["sha256_of_ids"] in digests
    pseudonym = fr.keys.pseudonym(REPORTER)
    assert all(pseudonym not in str(one) for one in said)


def test_what_is_held_survives_with_its_original_and_goes_after_the_release(world, tmp_path):
    people = exchanged(world)
    fr = world.at["FR"]
    rows = world.rows("FR", "SELECT id, source_sha256, case_id FROM report ORDER BY id")
    (report_id, first, _), (_, second, case_id), *_ = rows
    hold(fr, str(report_id), "the report")
    hold(fr, str(case_id), "the case")
    with pytest.raises(StepIllegal, match="already"):
        hold(fr, str(case_id), "again")
    world.clock.turn(days=LONG)
    purge.purge(fr)
    mine = {str(first), str(second)}
    kept = {path.stem for path in (tmp_path / "FR" / "originals").rglob("*.zst")}
    assert kept == mine
    assert {row[0] for row in world.rows("FR", "SELECT report_id FROM detail")} == {
        report_id,
        rows[1][0],
    }
    left = "SELECT count(*) FROM sent WHERE kind = 'report' AND token IS NOT NULL"
    assert world.rows("FR", left) == [(2,)]
    assert world.rows(
        "FR", "SELECT count(*) FROM journal WHERE content IS NULL AND kind != 'rows'"
    ) != [(0,)]
    reported = "SELECT count(*) FROM journal WHERE kind = 'reported' AND content IS NULL"
    assert world.rows("FR", reported) == [(0,)]
    assert traces(tmp_path / "FR", [people[0].address])
    assert traces(tmp_path / "FR", people[5].values()[:5]) == []
    release(fr, str(report_id), "over")
    release(fr, str(case_id), "over")
    with pytest.raises(NotFound, match="not held"):
        release(fr, str(case_id), "again")
    purge.purge(fr)
    assert not list((tmp_path / "FR" / "originals").rglob("*.zst"))
    assert traces(tmp_path / "FR", [value for one in people for value in one.values()]) == []


def test_a_report_that_joins_a_held_case_is_held_too(world, tmp_path):
    origin = address("US")
    fr = world.at["FR"]
    world.take("FR", mail(origin, number=1))
    ((case_id,),) = world.rows("FR", "SELECT id FROM case_file")
    hold(fr, str(case_id), "a court asks")
    world.take("FR", mail(origin, number=2))
    assert world.rows("FR", "SELECT count(*) FROM case_file") == [(1,)]
    world.clock.turn(days=LONG)
    assert line(purge.purge(fr), "originals").held == 2
    assert len(list((tmp_path / "FR" / "originals").rglob("*.zst"))) == 2


def test_only_a_case_or_a_report_can_be_held(world):
    with pytest.raises(NotFound, match="no case or report"):
        hold(world.at["FR"], "nothing", "because")


def test_a_hold_stands_in_the_journal_with_its_reason(world):
    exchanged(world, 1)
    ((case_id,),) = world.rows("FR", "SELECT id FROM case_file")
    hold(world.at["FR"], str(case_id), "file 12/2026")
    release(world.at["FR"], str(case_id), "closed")
    rows = world.rows(
        "FR", "SELECT kind, content FROM journal WHERE kind <> 'rows' ORDER BY seq DESC LIMIT 2"
    )
    assert [(kind, msgspec.json.decode(content)) for kind, content in reversed(rows)] == [
        ("held", {"subject": case_id, "because": "file 12/2026"}),
        ("released", {"subject": case_id, "because": "closed"}),
    ]


def test_the_same_mail_from_another_reporter_brings_the_original_back(world):
    fr = world.at["FR"]
    source = mail(address("US"))
    world.take("FR", source, reporter="a" * 32)
    ((digest,),) = world.rows("FR", "SELECT sha256 FROM original")
    ((salted,),) = world.rows("FR", "SELECT salted FROM original")
    world.clock.turn(days=200)
    purge.purge(fr)
    with pytest.raises(NotFound):
        fr.blobs.fetch(str(digest))
    assert world.take("FR", source, reporter="b" * 32).new == 1
    assert fr.blobs.fetch(str(digest)) == source
    ((again, salt),) = world.rows("FR", "SELECT salted, salt FROM original")
    assert again != salted
    assert hashlib.sha256(bytes(salt) + source).digest() == again
    assert examine(fr)
    world.clock.turn(days=179)
    assert line(purge.purge(fr), "originals").rows == 0
    world.clock.turn(days=2)
    assert line(purge.purge(fr), "originals").rows == 1


def test_a_later_report_of_a_kept_original_keeps_it_longer_and_its_salt(world):
    fr = world.at["FR"]
    source = mail(address("US"))
    world.take("FR", source, reporter="a" * 32)
    before = world.rows("FR", "SELECT salt, salted FROM original")
    world.clock.turn(days=100)
    world.take("FR", source, reporter="b" * 32)
    assert world.rows("FR", "SELECT salt, salted FROM original") == before
    world.clock.turn(days=100)
    assert line(purge.purge(fr), "originals").rows == 0
    world.clock.turn(days=81)
    assert line(purge.purge(fr), "originals").rows == 1


def test_counts_of_a_case_go_on_after_its_reporters_were_forgotten(world):
    fr, origin = world.at["FR"], address("US")
    for number, who in enumerate(("a", "b", "b")):
        world.take("FR", mail(origin, number=number), reporter=who * 32)
    world.clock.turn(days=366)
    purge.purge(fr)
    assert world.rows("FR", "SELECT reports, reporters FROM case_file") == [(3, 2)]
    world.take("FR", mail(origin, number=7), reporter="c" * 32)
    assert world.rows("FR", "SELECT reports, reporters FROM case_file") == [(4, 3)]
    names = {str(name) for (name,) in world.rows("FR", "SELECT reporter FROM case_reporter")}
    assert "c" * 32 in names
    assert not names & {"a" * 32, "b" * 32}
    assert len(names) == 3


def test_a_mail_whose_reporter_was_forgotten_is_not_counted_again(world):
    source = mail(address("US"))
    world.take("FR", source, reporter="a" * 32)
    world.clock.turn(days=366)
    purge.purge(world.at["FR"])
    assert world.take("FR", source, reporter="a" * 32).new == 0


def test_a_mailing_that_comes_back_after_its_fingerprint_went_is_taken_in(world):
    origin = address("US")
    world.take("FR", mail(origin, number=1))
    world.clock.turn(days=731)
    went = {one.what: one.rows for one in purge.purge(world.at["FR"]).lines if one.rows}
    assert (went["fingerprints"], went["texts"]) == (1, 1)
    for table in ("campaign", "campaign_mark", "campaign_exact"):
        assert world.rows("FR", f"SELECT count(*) FROM {table}") == [(0,)]
    assert world.take("FR", mail(origin, number=2), mail(origin, number=3)).new == 2
    assert world.rows("FR", "SELECT reports FROM case_file") == [(3,)]
    assert purge.purge(world.at["FR"]).rows == 0


def test_what_was_never_delivered_expires_and_is_never_sent(world):
    fr = world.at["FR"]
    world.take("FR", mail(address("US")))
    world.cable.cut = True
    world.drain("FR")
    ((_, state),) = world.rows("FR", "SELECT jti, state FROM sent")
    assert state == "sent"
    world.clock.turn(days=1_096)
    purge.purge(fr)
    assert world.rows("FR", "SELECT state, token, place FROM sent") == [("expired", None, 1)]
    world.cable.cut = False
    world.befriend("FR", "US")
    calls = len(world.cable.calls)
    world.drain("FR")
    assert len(world.cable.calls) == calls


def test_a_receipt_after_the_purge_still_proves_what_was_sent(world):
    world.take("FR", mail(address("US")))
    world.drain("FR")
    purge.purge(ahead(world, "FR", 1_200))
    assert world.rows("FR", "SELECT token FROM sent WHERE kind = 'report'") == [(None,)]
    world.drain("US")
    world.drain()
    assert world.reports_sent("FR") == [("accepted", 1, 1)]


def test_a_withdrawal_after_the_purge_has_a_reason_that_goes_in_its_turn(world):
    exchanged(world, 1)
    fr = world.at["FR"]
    ((report_id,),) = world.rows("FR", "SELECT id FROM report")
    for country in ("FR", "US"):
        purge.purge(ahead(world, country, 1_200))
    withdraw(fr, str(report_id), f"says {STAFF}")
    world.drain()
    assert world.rows("US", "SELECT state FROM report") == [("withdrawn",)]
    world.clock.turn(days=1_200)
    for country in ("FR", "US"):
        purge.purge(world.at[country])
        for table in ("report", "sent", "received"):
            assert world.rows(country, f"SELECT why FROM {table} WHERE why LIKE '%{STAFF}%'") == []


def test_a_purge_empties_the_contacts_of_a_peer_after_the_end(world):
    fr, us = world.at["FR"], world.at["US"].me
    identity.dismiss(fr, us, "the treaty ended")
    world.clock.turn(days=364)
    assert line(purge.purge(fr), "contacts").rows == 0
    ((record,),) = world.rows("FR", "SELECT record FROM peer")
    assert b"abuse@us.example.org" in record
    world.clock.turn(days=2)
    assert line(purge.purge(fr), "contacts").rows == 1
    ((record,),) = world.rows("FR", "SELECT record FROM peer")
    assert b"abuse@us.example.org" not in record
    assert b"Association US" in record


def test_new_settings_count_for_what_stands_after_it_is_reconsidered(world):
    exchanged(world)
    fr = world.at["FR"]
    shorter = evolve(fr.config, retention=evolve(fr.config.retention, originals=10, reports=20))
    world.replace("FR", dataclasses.replace(fr, config=shorter))
    world.clock.turn(days=15)
    assert purge.purge(world.at["FR"]).rows == 0
    assert purge.reconsider(world.at["FR"]) == 12
    assert purge.reconsider(world.at["FR"]) == 0
    went = {one.what: one.rows for one in purge.purge(world.at["FR"]).lines if one.rows}
    assert went == {"originals": 6}
    world.clock.turn(days=6)
    went = {one.what: one.rows for one in purge.purge(world.at["FR"]).lines if one.rows}
    assert went == {"reports": 6}


def test_what_a_killed_import_left_on_disk_is_swept_and_what_is_at_work_is_not(world, tmp_path):
    fr = world.at["FR"]
    world.take("FR", mail(address("US")))
    originals = tmp_path / "FR" / "originals"
    content = mail(address("US"), number=2)
    digest = hashlib.sha256(content).hexdigest()
    fr.blobs.keep({digest: blobs.pack(content)})
    half = originals / digest[0] / f".{digest}.zst.77.new"
    half.write_bytes(b"half of a mail")
    assert line(purge.purge(fr), "leftovers").rows == 1
    assert half.exists()
    assert len(list(originals.rglob("*.zst"))) == 1
    os.utime(half, (0, half.stat().st_mtime - 90_000))
    assert line(purge.purge(fr), "leftovers").rows == 1
    assert not half.exists()
    assert examine(fr)


def test_a_purge_makes_room_on_a_full_disk(world):
    exchanged(world)
    fr = world.at["FR"]
    world.clock.turn(days=400)
    with every_connection("PRAGMA max_page_count=1"):
        assert line(purge.purge(fr), "reports").rows == 6
        assert fr.store.sound() == []


class Between(Store):
    """A store whose next write transactions are preceded by something that others do."""

    def __init__(self, store: Store, *before: Callable[[], object]) -> None:
        super().__init__(store._engine, store.path, store._notary)
        self._before = list(before)

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """As ``Store.write``."""
        if self._before:
            self._before.pop(0)()
        with super().write() as db:
            yield db


def test_a_mail_that_a_purge_removed_in_the_middle_of_its_import_is_kept_again(world):
    fr = world.at["FR"]
    source = mail(address("US"))
    world.take("FR", source, reporter="a" * 32)
    later = ahead(world, "FR", 200)
    between = Between(fr.store, lambda: purge.purge(later))
    world.replace("FR", dataclasses.replace(fr, store=between))
    assert world.take("FR", source, reporter="b" * 32).new == 1
    assert fr.blobs.fetch(hashlib.sha256(source).hexdigest()) == source
    assert examine(fr)


def test_a_mail_that_comes_in_again_in_the_middle_of_its_purge_stays(world):
    fr = world.at["FR"]
    source = mail(address("US"))
    world.take("FR", source, reporter="a" * 32)
    world.clock.turn(days=200)

    def again() -> None:
        if not world.rows("FR", "SELECT 1 FROM original WHERE salt IS NULL"):
            return
        if not world.rows("FR", f"SELECT 1 FROM report WHERE reporter = '{'b' * 32}'"):
            world.take("FR", source, reporter="b" * 32)

    purge.purge(dataclasses.replace(fr, store=Between(fr.store, *[again] * 40)))
    assert world.rows("FR", "SELECT count(*) FROM report") == [(2,)]
    assert fr.blobs.fetch(hashlib.sha256(source).hexdigest()) == source
    assert examine(fr)


# Real processes.


def command(home: Path, *words: str, code: str = "pass") -> subprocess.Popen[str]:
    """A real ``entente`` on ``home``; ``code`` runs before it."""
    program = f"import sys; {code}; from gateway.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "--home", str(home), *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def done(running: subprocess.Popen[str]) -> str:
    out, err = running.communicate()
    assert running.returncode == 0, err
    return out


def purged_batches(home: Path) -> int:
    with contextlib.closing(sqlite3.connect(home / "entente.db", timeout=30)) as db:
        return db.execute("SELECT count(*) FROM journal WHERE kind = 'purged'").fetchone()[0]


SMALL_BATCHES = "from gateway.exchange import purge; purge.BATCH = 10"


def test_a_purge_killed_again_and_again_is_finished_by_the_next_one(tmp_path):
    world = World(tmp_path, "FR")
    home = tmp_path / "FR"
    world.clock.turn(days=-500)
    for start in range(0, 300, 100):
        some = range(start, start + 100)
        world.take("FR", *(mail(address("US", n % 5), number=n) for n in some), reporter="a" * 32)
    world.close()
    kills = 0
    for _ in range(4):
        before = purged_batches(home)
        running = command(home, "purge", code=SMALL_BATCHES)
        while running.poll() is None and purged_batches(home) < before + 4:
            pass
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            kills += 1
        running.communicate()
    assert kills > 1
    done(command(home, "purge", code=SMALL_BATCHES))
    gateway = app.open_gateway(home, registry=registry())
    with gateway.store.read() as db:
        said = db.exec_driver_sql("SELECT content FROM journal WHERE kind = 'purged'").scalars()
        rows = [msgspec.json.decode(content) for content in said]
        for what in ("reports", "reporters", "originals"):
            assert sum(one["rows"] for one in rows if one["what"] == what) == 300
        assert db.exec_driver_sql("SELECT count(*) FROM report").scalar() == 300
        assert db.exec_driver_sql("SELECT count(*) FROM detail").scalar() == 0
    assert not list((home / "originals").rglob("*.zst"))
    assert examine(gateway)
    gateway.store.close()


def laid(folder: Path, number: int) -> list[bytes]:
    """So many mails of as many campaigns, each in a file."""
    folder.mkdir()
    mails = [mail(address("US", n % 5), text, number=n) for n, text in enumerate(texts(number))]
    for n, content in enumerate(mails):
        (folder / f"{n:05}.eml").write_bytes(content)
    return mails


def test_a_purge_of_everything_while_a_real_import_runs_loses_no_report(tmp_path):
    world = World(tmp_path / "homes", "FR")
    home = tmp_path / "homes" / "FR"
    mails = laid(tmp_path / "mails", 300)
    running = command(home, "import", str(tmp_path / "mails"), "--reporter", REPORTER)
    later = ahead(world, "FR", 500)
    went = 0
    while running.poll() is None:
        went += line(purge.purge(later), "reports").rows
    done(running)
    went += line(purge.purge(later), "reports").rows
    assert went == len(mails)
    assert world.rows("FR", "SELECT count(*) FROM report") == [(300,)]
    assert world.rows("FR", "SELECT sum(reports) FROM case_file") == [(300,)]
    assert world.rows("FR", "SELECT count(*) FROM detail") == [(0,)]
    assert not list((home / "originals").rglob("*.zst"))
    assert examine(world.at["FR"])
    world.close()


def test_originals_reported_again_while_they_are_purged_are_all_there_afterwards(tmp_path):
    world = World(tmp_path / "homes", "FR")
    home = tmp_path / "homes" / "FR"
    mails = laid(tmp_path / "mails", 300)
    world.clock.turn(days=-200)
    world.take("FR", *mails, reporter="a" * 32)
    world.clock.turn(days=200)
    running = command(home, "import", str(tmp_path / "mails"), "--reporter", REPORTER)
    went = 0
    while running.poll() is None:
        went += line(purge.purge(world.at["FR"]), "originals").rows
    done(running)
    assert world.rows("FR", "SELECT count(*) FROM report") == [(600,)]
    for content in mails:
        assert world.at["FR"].blobs.fetch(hashlib.sha256(content).hexdigest()) == content
    assert went
    assert examine(world.at["FR"])
    world.close()


def test_the_command_says_what_it_did_in_words_and_in_json(tmp_path):
    world = World(tmp_path, "FR")
    home = tmp_path / "FR"
    world.clock.turn(days=-200)
    world.take("FR", mail(address("US")))
    world.close()
    foreseen = msgspec.json.decode(done(command(home, "purge", "--dry-run", "--json")))
    assert foreseen["rows"] == 1
    assert len(list((home / "originals").rglob("*.zst"))) == 1
    said = msgspec.json.decode(done(command(home, "purge", "--json")))
    assert said["rows"] == 1
    assert said["purge"]["log_empty"]
    assert (home / "entente.db-wal").exists() is False
    out = done(command(home, "purge"))
    assert "entente check" in out
    refused = command(home, "purge", "--dry-run", "--rebuild")
    assert "--dry-run" in refused.communicate()[1]
    assert refused.returncode == 2
