"""Bundles, weighed twice: by the gateway, and by a program that shares no line with it."""

import base64
import importlib.util
import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from gateway import bundle, journal, seal
from gateway.bundle import Contents, Gone
from gateway.cli import entente as command_line
from gateway.edges.keyring import FileSigner
from gateway.edges.store import schema
from gateway.errors import CheckFailed, NotFound
from gateway.exchange.exhibit import Exhibited, exhibit
from gateway.exchange.outbound import Saying
from gateway.exchange.weigh import Weighed, in_words, weigh
from gateway.exchange.withdraw import withdraw
from gateway.model import Kind, evolve
from gateway.trust import jws
from tests import forgeries, keys
from tests.simulator import World, address, mail, texts

ALTERED = 320
SECOND = Path(__file__).resolve().parents[1] / "schemas" / "verify_bundle.py"


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    """Three associations; FR has referred reports of two cases to US, and one to DE."""
    made = World(tmp_path_factory.mktemp("bundle"), "FR", "US", "DE")
    made.befriend("FR", "US")
    made.befriend("FR", "DE")
    mails = [mail(address("US"), text, number=n) for n, text in enumerate(texts(3))]
    made.take("FR", *mails, mail(address("DE"), number=7))
    made.drain()
    yield made
    made.close()


def report_at(world: World, country: str, place: int = 0) -> str:
    """A report that FR referred, by the id that it has at ``country``."""
    rows = world.rows(
        "FR", "SELECT report_id FROM sent WHERE kind = 'report' ORDER BY peer DESC, place"
    )
    here = str(rows[place][0])
    if country == "FR":
        return here
    ((there,),) = world.rows(country, f"SELECT id FROM report WHERE source_sha256 = '{here}'")
    return str(there)


def made(world: World, country: str = "FR", place: int = 0) -> Exhibited:
    """The bundle about one report."""
    return exhibit(world.at[country], report_at(world, country, place))


def second(path: Path) -> dict[str, object]:
    """The verdict of the other program, run as a court would run it: alone, with no path to us."""
    done = subprocess.run(
        [sys.executable, "-I", str(SECOND), str(path)], capture_output=True, text=True, check=False
    )
    said = json.loads(done.stdout)
    assert done.returncode == (0 if said["holds"] else 1), done.stderr
    return said


def _module():
    spec = importlib.util.spec_from_file_location("verify_bundle", SECOND)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OTHER = _module()


def quick(data: bytes) -> bool:
    """The verdict of the other program, without a process of its own for each of hundreds."""
    try:
        OTHER.verify(data)
    except (OTHER.InvalidSignature, LookupError, TypeError, ValueError, RecursionError):
        return False  # What its main takes for a verdict, and nothing else.
    return True


def first(data: bytes, world: World) -> Weighed | None:
    """The verdict of the gateway; None where it does not hold."""
    try:
        return weigh(data, world.clock())
    except CheckFailed:
        return None


def same(weighed: Weighed, other: dict[str, object]) -> bool:
    """Whether both have proved the same of every SET."""
    ours = sorted(
        json.loads(msgspec.json.encode(weighed.sets)), key=lambda one: (one["iss"], one["jti"])
    )
    return (weighed.maker, weighed.about, ours) == (other["maker"], other["about"], other["sets"])


@pytest.mark.parametrize("country", ["FR", "US"])
def test_both_prove_the_same_of_a_bundle_made_at_either_end(world, tmp_path, country):
    found = made(world, country)
    path = tmp_path / "bundle.json"
    path.write_bytes(found.data)
    weighed, other = first(found.data, world), second(path)
    assert weighed is not None
    assert other["holds"] is True
    assert same(weighed, other)
    (report,) = [one for one in weighed.sets if one.event.endswith("/report/1")]
    assert [line.verdict for line in report.receipts] == ["accepted"]
    assert report.entry is not None
    assert "received abroad" in in_words(report)
    assert "accepted" in in_words(report)


def test_a_case_with_withdrawals_is_one_bundle(tmp_path):
    world = World(tmp_path, "FR", "US")
    world.befriend("FR", "US")
    same_text = texts(1)[0]
    world.take("FR", *(mail(address("US"), same_text, number=n) for n in range(4)))
    world.drain()
    withdraw(world.at["FR"], report_at(world, "FR", 2), "a mistake")
    world.drain()
    ((case,),) = world.rows("FR", "SELECT id FROM case_file WHERE reports > 1")
    found = exhibit(world.at["FR"], str(case))
    path = tmp_path / "bundle.json"
    path.write_bytes(found.data)
    weighed, other = first(found.data, world), second(path)
    assert weighed is not None
    assert same(weighed, other)
    kinds = [one.event.rpartition("/event/")[2] for one in weighed.sets]
    assert kinds.count("report/1") == 4
    assert kinds.count("withdrawal/1") == 1
    world.close()


def test_originals_reporters_and_recipients_are_not_in_a_bundle(world):
    data = made(world).data
    text = data + b"".join(
        base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
        for token in msgspec.json.decode(data)["sets"]
        for part in token.encode().split(b".")
    )
    assert b"reader@example.org" not in text
    ((digest,),) = world.rows(
        "FR", f"SELECT source_sha256 FROM report WHERE id = '{report_at(world, 'FR')}'"
    )
    assert str(digest).encode() not in text


def test_nothing_was_exchanged_is_said(world):
    world.take("FR", mail(address("FR"), number=40))
    ((name,),) = world.rows("FR", "SELECT id FROM report WHERE country = 'FR' LIMIT 1")
    for unknown in (str(name), "nothing"):
        with pytest.raises(NotFound):
            exhibit(world.at["FR"], unknown)


def test_after_a_purge_the_receipt_still_proves_the_digest(tmp_path):
    world = World(tmp_path, "FR", "US")
    world.befriend("FR", "US")
    world.take("FR", mail(address("US")))
    world.drain()
    with world.at["FR"].store.write() as db:
        db.execute(sa.update(schema.sent).where(schema.sent.c.kind == "report").values(token=None))
    found = made(world)
    weighed = first(found.data, world)
    assert weighed is not None
    assert quick(found.data)
    assert any("was deleted by date" in words for words in found.words)
    (gone,) = [one for one in weighed.sets if not one.event]
    assert [line.verdict for line in gone.receipts] == ["accepted"]
    assert gone.entry is not None
    with world.at["FR"].store.write() as db:
        j = schema.journal
        db.execute(j.update().where(j.c.kind == "referred").values(content=None, salt=None))
    later = made(world)
    assert first(later.data, world) is not None
    assert any("journal entry" in words for words in later.words)
    world.close()


def _bytes_changed(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    kind = chance.choice(["letter", "flip", "cut", "double", "space", "end", "control"])
    head, byte, tail = data[:place], data[place : place + 1], data[place + 1 :]
    if kind == "letter":
        return head + (b"B" if byte == b"A" else b"A") + tail
    if kind == "flip":
        return head + bytes([byte[0] ^ (1 << chance.randrange(8))]) + tail
    if kind == "cut":
        return head + tail
    if kind == "double":
        return head + byte * 2 + tail
    if kind == "space":
        return head + b" " + byte + tail
    if kind == "control":
        return head + chance.choice([b"\0", b"\n", b"\xff", b"\\u0041", b'"']) + tail
    return data[:place]


def _paths(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    yield path
    if isinstance(value, dict | list):
        for name in value if isinstance(value, dict) else range(len(value)):
            yield from _paths(value[name], (*path, name))


def _fields_changed(data: bytes, chance: random.Random) -> bytes:
    """A part of the JSON replaced, removed, added, doubled or swapped; spelled as it has to be."""
    whole = json.loads(data)
    path = chance.choice([p for p in _paths(whole) if p])
    owner = whole
    for name in path[:-1]:
        owner = owner[name]
    name = path[-1]
    kind = chance.choice(["remove", "null", "number", "text", "list", "swap", "double", "rename"])
    if kind == "remove":
        del owner[name]
    elif kind in {"null", "number", "text", "list"}:
        owner[name] = {"null": None, "number": 7, "text": "A", "list": []}[kind]
    elif kind == "swap" and isinstance(owner, list) and len(owner) > 1:
        other = (name + 1) % len(owner)
        owner[name], owner[other] = owner[other], owner[name]
    elif kind == "double" and isinstance(owner, list):
        owner.insert(name, owner[name])
    elif isinstance(owner, dict):
        owner["x"] = owner.pop(name)
    else:
        owner[name] = 1.5
    return json.dumps(whole, separators=(",", ":")).encode() + b"\n"


def test_both_refuse_320_altered_bundles(world):
    """Every one differs from the bundle that was signed, and so does not hold."""
    data = made(world).data
    assert quick(data)
    wrong = []
    for seed in range(ALTERED):
        chance = random.Random(seed)
        altered = (_bytes_changed if seed % 2 else _fields_changed)(data, chance)
        if altered == data:
            altered = data + b"\n"
        verdicts = first(altered, world) is not None, quick(altered)
        if verdicts != (False, False):
            wrong.append((seed, verdicts))
    assert wrong == []


def test_each_byte_of_a_bundle_matters_to_both(world):
    """A stride through the whole file, the last byte too."""
    data = made(world).data
    wrong = []
    for place in [*range(0, len(data), max(1, len(data) // 150)), len(data) - 1]:
        byte = b"A" if data[place : place + 1] != b"A" else b"B"
        altered = data[:place] + byte + data[place + 1 :]
        if (first(altered, world) is not None, quick(altered)) != (False, False):
            wrong.append(place)
    assert wrong == []


def signed_again(world: World, found: Exhibited, signer: FileSigner | None = None, **new) -> bytes:
    """The bundle with other contents, its manifest signed anew: what its maker alone could do."""
    contents = {name: getattr(found, name) for name in Contents.__struct_fields__} | new
    return bundle.write(Contents(**contents), signer or world.at["FR"].keys.log)


def _receipt(world: World, jti: str, digest: bytes) -> bytes:
    line = seal.ReceiptLine(
        jti=jti, digest=digest, received_at=world.clock(), verdict=seal.nouns.Verdict.ACCEPTED
    )
    body = seal.ReceiptBody(lines=(line,), journal_size=1, journal_head=b"h" * 32)
    saying = Saying(kind=Kind.RECEIPT, subject=seal.stream_subject("x"), body=body)
    return world.token("US", "FR", saying)


def _report_jti(found: Exhibited) -> str:
    for token in found.sets:
        claims = json.loads(forgeries.decode(token.split(b".")[1]))
        if any(name.endswith("/report/1") for name in claims["events"]):
            return str(claims["jti"])
    raise AssertionError


def lies(world: World) -> dict[str, Callable[[Exhibited], bytes]]:
    """What a maker who lies could put together with its own keys; None of it may hold."""
    fr, us, de = (world.at[country] for country in ("FR", "US", "DE"))
    theirs = made(world, "US")
    stranger = FileSigner(kid="k", alg="ES256", key=fr.keys.federation.key)

    def again(**new: object) -> Callable[[Exhibited], bytes]:
        return lambda found: signed_again(world, found, **new)

    def forged(found: Exhibited, **claims: object) -> bytes:
        said = json.loads(forgeries.decode(found.sets[0].split(b".")[1])) | claims
        return jws.write(seal.TYP, json.dumps(said).encode(), fr.keys.message)

    head = journal.Head(issuer=fr.me, at=1, size=10**6, head=b"h" * 32, root=b"r" * 32)
    return {
        "a receipt of another SET": lambda f: signed_again(
            world, f, sets=(*f.sets, _receipt(world, _report_jti(f), b"d" * 32))
        ),
        "a receipt of no SET here": lambda f: signed_again(
            world, f, sets=(*f.sets, _receipt(world, "nothing", b"d" * 32))
        ),
        "the head of another journal": again(head=theirs.head),
        "a head of nothing that is there": again(head=journal.sign(head, fr.keys.log)),
        "a head in another's name": lambda f: signed_again(
            world, f, head=journal.sign(_head_of(world, f, issuer=us.me), fr.keys.log)
        ),
        "a head by the message key": again(head=journal.sign(head, fr.keys.message)),
        "the entries of another journal": again(entries=theirs.entries),
        "an entry twice": lambda f: signed_again(world, f, entries=f.entries * 2),
        "an entry of another place": lambda f: signed_again(
            world, f, entries=tuple(msgspec.structs.replace(e, seq=e.seq + 1) for e in f.entries)
        ),
        "an entry of another time": lambda f: signed_again(
            world, f, entries=tuple(msgspec.structs.replace(e, at=e.at + 1) for e in f.entries)
        ),
        "an entry of another kind": lambda f: signed_again(
            world, f, entries=tuple(msgspec.structs.replace(e, kind="x") for e in f.entries)
        ),
        "a content without its salt": lambda f: signed_again(
            world, f, entries=tuple(msgspec.structs.replace(e, salt=None) for e in f.entries)
        ),
        "a salt without its content": lambda f: signed_again(
            world, f, entries=tuple(msgspec.structs.replace(e, content=None) for e in f.entries)
        ),
        "another content": lambda f: signed_again(
            world, f, entries=tuple(msgspec.structs.replace(e, content="e30") for e in f.entries)
        ),
        "a shorter proof": lambda f: signed_again(
            world,
            f,
            entries=tuple(msgspec.structs.replace(e, proof=e.proof[1:]) for e in f.entries),
        ),
        "a longer proof": lambda f: signed_again(
            world,
            f,
            entries=tuple(
                msgspec.structs.replace(e, proof=(*e.proof, "A" * 43)) for e in f.entries
            ),
        ),
        "no statements": again(statements=()),
        "only the peer's statements": lambda f: signed_again(
            world, f, statements=tuple(s for s in f.statements if fr.me.encode() not in _said(s))
        ),
        "statements without the peer's": lambda f: signed_again(
            world, f, statements=tuple(s for s in f.statements if us.me.encode() not in _said(s))
        ),
        "a statement twice": lambda f: signed_again(world, f, statements=f.statements * 2),
        "a SET twice": lambda f: signed_again(world, f, sets=f.sets + f.sets[:1]),
        "a SET that is also gone": lambda f: signed_again(
            world,
            f,
            gone=(Gone(iss=fr.me, aud=us.me, jti=_report_jti(f), digest="A" * 43),),
        ),
        "a SET that is gone under a false digest": lambda f: signed_again(
            world,
            f,
            sets=tuple(s for s in f.sets if _report_jti(f).encode() not in _said(s)[:300]),
            gone=(Gone(iss=fr.me, aud=us.me, jti=_report_jti(f), digest="A" * 43),),
        ),
        "a SET between two others": again(
            sets=(world.token("US", "DE", _head()),), statements=theirs.statements
        ),
        "a SET by the log key": lambda f: signed_again(
            world,
            f,
            sets=(jws.write(seal.TYP, forgeries.decode(f.sets[0].split(b".")[1]), fr.keys.log),),
        ),
        "a SET in the name of the peer": lambda f: signed_again(
            world, f, sets=(*f.sets, forged(f, iss=us.me, aud=fr.me, jti="forged"))
        ),
        "a SET with two events": lambda f: signed_again(
            world, f, sets=(*f.sets, forged(f, jti="two", events={"a": {}, "b": {}}))
        ),
        "a SET with no event": lambda f: signed_again(
            world, f, sets=(*f.sets, forged(f, jti="none", events={}))
        ),
        "a SET of no time": lambda f: signed_again(
            world, f, sets=(*f.sets, forged(f, jti="late", iat=2**40))
        ),
        "a SET that is no SET": lambda f: signed_again(world, f, sets=(*f.sets, f.statements[0])),
        "a manifest by the message key": lambda f: signed_again(world, f, fr.keys.message),
        "a manifest by a stranger": lambda f: signed_again(world, f, stranger),
        "a manifest by another association": lambda f: signed_again(world, f, de.keys.log),
        "a manifest in another's name": again(maker=us.me),
    }


def _head_of(world: World, found: Exhibited, **new: object) -> journal.Head:
    log = world.at["FR"].keys.log
    return evolve(journal.read_head(found.head, {log.kid: log.jwk}), **new)


def _said(token: bytes) -> bytes:
    return forgeries.decode(token.split(b".")[1])


def _head() -> Saying:
    body = seal.HeadBody(epoch=1, place=0, digest=b"\0" * 32)
    return Saying(kind=Kind.HEAD, subject=seal.stream_subject("x"), body=body, jti="h")


def test_both_refuse_what_a_lying_maker_signs(world):
    found = made(world)
    assert quick(signed_again(world, found))
    wrong = {}
    for name, lie in lies(world).items():
        data = lie(found)
        verdicts = first(data, world) is not None, quick(data)
        if verdicts != (False, False):
            wrong[name] = verdicts
    assert wrong == {}


def test_both_agree_on_what_a_smaller_bundle_still_proves(world, tmp_path):
    """Whatever its maker leaves out is not proved, and nothing else is lost."""
    found = made(world)
    jti = _report_jti(found)
    receipts = tuple(s for s in found.sets if jti.encode() not in _said(s)[:300])
    digest = jws.encode(seal.input_digest(next(s for s in found.sets if s not in receipts)))
    gone = Gone(iss=world.at["FR"].me, aud=world.at["US"].me, jti=jti, digest=digest.decode())
    variants = {
        "no entries": ({"entries": ()}, 1, False),
        "no receipts": ({"sets": tuple(s for s in found.sets if s not in receipts)}, 0, True),
        "the SET gone": ({"sets": receipts, "gone": (gone,)}, 1, True),
    }
    for name, (new, number, entry) in variants.items():
        data = signed_again(world, found, **new)
        path = tmp_path / "bundle.json"
        path.write_bytes(data)
        weighed, other = first(data, world), second(path)
        assert weighed is not None, name
        assert same(weighed, other), name
        (report,) = [one for one in weighed.sets if one.jti == jti]
        assert (len(report.receipts), report.entry is not None) == (number, entry), name
        proves = "nothing here proves that it arrived" not in in_words(report)
        assert proves == bool(number), name


def test_the_second_verifier_is_short_and_shares_nothing():
    text = SECOND.read_text()
    assert len(text.splitlines()) < 250
    lines = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    imports = {line.split()[1].split(".")[0] for line in lines}
    assert imports == {"base64", "hashlib", "json", "re", "sys", "typing", "cryptography"}


def test_a_key_of_another_kind_is_believed_by_both():
    """Ed25519 keys, which our own homes do not make but peers may have."""
    signer, jwk = keys.signer("ed", "Ed25519"), keys.public("ed", "Ed25519")
    token = jws.write("t", b'{"iss":"x"}', signer)
    header, _, signed, signature = OTHER.opened(token.decode(), "t", 1000)
    OTHER.check(header, {"kid": signer.kid, **jwk.members()}, signed, signature)
    with pytest.raises(OTHER.InvalidSignature):
        OTHER.check(header, {"kid": signer.kid, **jwk.members()}, signed + b"x", signature)


def entente(*words: str) -> Result:
    """The command line, run in this process."""
    return CliRunner().invoke(command_line, words)


def test_the_commands_write_and_prove_a_bundle(world, tmp_path):
    home = world.at["FR"].store.path.parent
    path = tmp_path / "proof.json"
    done = entente("--home", str(home), "bundle", report_at(world, "FR"), "-o", str(path))
    assert done.exit_code == 0, done.output
    assert "Originals, reporters and recipients are not in it." in done.output
    done = entente("verify", str(path))
    assert done.exit_code == 0, done.output
    assert "received abroad" in done.output
    assert second(path)["holds"] is True
    data = path.read_bytes()
    path.write_bytes(data.replace(b"sets", b"Sets", 1))
    done = entente("verify", str(path))
    assert done.exit_code == 1
    assert "step 1, the file" in done.output


def test_the_journal_is_verified_by_command_at_home_and_as_a_copy(world, tmp_path):
    home = world.at["US"].store.path.parent
    done = entente("--home", str(home), "verify", "journal")
    assert done.exit_code == 0, done.output
    assert "entries follow from one another to the head signed" in done.output
    copy = tmp_path / "copy.db"
    source, target = sqlite3.connect(home / "entente.db"), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.execute("UPDATE report SET country = 'XX'").close()
    target.commit()
    target.close()
    done = entente("verify", "journal", str(copy))
    assert done.exit_code == 1
    assert "is not what was written last" in done.output
    assert "report " in done.output
