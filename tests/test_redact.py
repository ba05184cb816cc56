"""Hiding recipients and recognising them again."""

import base64
import codecs
import gzip
import hashlib
import zlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import redact
from gateway.errors import KeyUnusable, MustNotLeave
from gateway.redact import DOMAIN, WORD, Hider, guard, recognise, salted, token
from gateway.redact.disguises import lowered, of
from gateway.redact.unfolding import unfold

KEY = b"k" * 32
OTHER = b"o" * 32
ADDRESS = "Jean.Dupont@Example.org"
LOW = ADDRESS.lower()
TOKEN = token(ADDRESS, KEY)
HIDER = Hider(KEY, [ADDRESS, "bob@corp.example"], ["Jean Dupont"])


def b64(text, alphabet=base64.b64encode):
    return alphabet(text.encode()).decode()


def b64_of(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


DISGUISES = {
    "clear": ADDRESS,
    "lower case": LOW,
    "upper case": ADDRESS.upper(),
    "VERP": "bounce+jean.dupont=example.org@bulk.example",
    "VERP by hash sign": "b-jean.dupont#example.org@bulk.example",
    "plus-tag": "jean.dupont+shop@example.org",
    "percent-encoded at sign": "http://t.example/?e=jean.dupont%40example.org",
    "percent-encoded twice": f"http://t.example/?e={quote(quote(LOW, safe=''), safe='')}",
    "percent-encoded wholly": "".join(f"%{byte:02X}" for byte in LOW.encode()),
    "percent-encoded in part": "http://t.example/?e=je%61n.d%75pont@example.org&x=1",
    "quoted-printable at sign": "jean.dupont=40example.org",
    "entity at sign": "jean.dupont&#64;example.org",
    "entities": "".join(f"&#{ord(sign)};" for sign in LOW),
    "words": "jean.dupont at example.org",
    "subdomain": "http://jean.dupont.example.org.t.example/",
    "base64": b64(LOW),
    "base64 as given": b64(ADDRESS),
    "base64 shifted by one": b64("x" + LOW),
    "base64 shifted by two": b64("xy" + LOW + "zz"),
    "base64 in JSON": b64('{"id":7,"e":"' + LOW + '"}'),
    "base64url": b64("??>" + LOW + "??>", base64.urlsafe_b64encode),
    "hex": LOW.encode().hex(),
    "HEX": LOW.encode().hex().upper(),
    "MD5": hashlib.md5(LOW.encode()).hexdigest(),
    "MD5 as given": hashlib.md5(ADDRESS.encode()).hexdigest(),
    "SHA-1": hashlib.sha1(LOW.encode()).hexdigest(),
    "SHA-256": hashlib.sha256(LOW.encode()).hexdigest().upper(),
    "SHA-256 in base64": base64.b64encode(hashlib.sha256(LOW.encode()).digest()).decode(),
    "rot13": codecs.encode(LOW, "rot13"),
    "reversed": LOW[::-1],
    "short local part": "x-bob=corp.example@bulk.example",
    "short local part percent-encoded": "http://t.example/bob%40corp.example",
}
ALONE = {
    "local part": "u=jean.dupont",
    "local part in a file name": "Invoice_jean.dupont.pdf",
    "local part with other separators": "Dear jean_dupont,",
    "part of the local part": "Hello Jean, you won",
    "display name": "JEAN DUPONT: last warning",
    "local part in a link's host": "http://jean-dupont.example.org.t.example/",
    "local part in a tracker's host": "http://jean-dupont.t.example/",
    "short local part": "u=bob&x=1",
    "percent-encoded local part": "http://t.example/?u=%62%6F%62",
}
NAMES = ("jean", "dupont", "bob")


@pytest.mark.parametrize("text", DISGUISES.values(), ids=DISGUISES)
def test_an_address_is_hidden_in_every_disguise(text):
    assert HIDER.leaks(f"before {text} after".encode())
    hidden = HIDER.hide(f"before {text} after")
    assert not HIDER.leaks(hidden.encode())
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")
    assert TOKEN in hidden or token("bob@corp.example", KEY) in hidden
    assert not any(name in hidden.lower() for name in NAMES)


@pytest.mark.parametrize("text", ALONE.values(), ids=ALONE)
def test_what_names_a_recipient_without_the_domain_is_hidden(text):
    hidden = HIDER.hide(text)
    assert not any(name in hidden.lower() for name in NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "Your parcel is waiting",
        "bobby@corp.example.net and bobbin",
        "http://mail.dupont.example/login?x=1",
        "<1234@jean.example>",
        "dupontel",
        "abc %3D %20 100% of it",
    ],
)
def test_what_names_nobody_stays(text):
    assert HIDER.hide(text) is text
    assert not HIDER.leaks(text.encode())


@pytest.mark.parametrize("role", ["info", "contact", "Postmaster", "sales"])
def test_a_role_is_hidden_with_its_domain_only(role):
    hider = Hider(KEY, [f"{role}@corp.example"])
    assert hider.hide(f"For {role}: news") == f"For {role}: news"
    assert role not in hider.hide(f"To {role}@corp.example")


def test_the_rest_of_a_link_stays():
    link = "http://login.bulk.example/a/b?c=1&e=amVhbi5kdXBvbnRAZXhhbXBsZS5vcmc=&d=2#top"
    hidden = f"http://login.bulk.example/a/b?c=1&e={TOKEN}&d=2#top"
    assert HIDER.hide(link) == hidden


def test_a_query_value_goes_whole():
    value = b64("id=12;" + LOW + ";list=7", base64.urlsafe_b64encode)
    assert HIDER.hide(f"http://t.example/?q={value}&d=2") == f"http://t.example/?q={TOKEN}&d=2"


def test_several_texts_are_hidden_in_one_call():
    assert HIDER.hide(f"a\0{LOW}\0b") == f"a\0{TOKEN}@{DOMAIN}\0b"


LINE = (
    "from mail.dupont.example (mail.dupont.example [192.0.2.25]) by mx.example.org (Postfix) "
    "with ESMTPS id 4F9ZkQ2 for {}; Sat, 14 Mar 2026 11:59:00 +0000"
)


def test_a_received_line_keeps_its_hosts_and_loses_recipient_and_queue_id():
    hidden = HIDER.hide_line(LINE.format(f"<{ADDRESS}>"))
    assert "from mail.dupont.example (mail.dupont.example [192.0.2.25]) by mx.example.org" in hidden
    assert f"id {WORD} for <{TOKEN}@{DOMAIN}>; Sat" in hidden


@pytest.mark.parametrize("clause", ["<alias@else.example>", "alias@else.example", "alias"])
def test_an_unknown_recipient_of_a_received_line_goes_too(clause):
    hidden = HIDER.hide_line(LINE.format(clause))
    assert "alias" not in hidden
    assert hidden.endswith("; Sat, 14 Mar 2026 11:59:00 +0000")


def test_an_envelope_sender_in_a_received_line_loses_the_recipient():
    line = LINE.format("<x@y.example>") + " (envelope-from <b-jean.dupont=example.org@b.example>)"
    assert HIDER.hide_line(line).endswith(f"(envelope-from <b-{TOKEN}@b.example>)")


def test_the_same_person_has_the_same_token_for_the_same_peer():
    assert token(LOW, KEY) == TOKEN == token("jean.dupont+tag@example.org", KEY)
    assert token(LOW, OTHER) != TOKEN
    assert token("jane.dupont@example.org", KEY) != TOKEN


@given(st.lists(st.emails(), min_size=1, max_size=5, unique_by=lambda a: token(a, KEY)), st.data())
def test_only_the_holder_of_the_key_recognises_a_token(recipients, data):
    chosen = data.draw(st.sampled_from(recipients))
    hidden = token(chosen, KEY)
    assert recognise(hidden, recipients, KEY) == chosen
    assert recognise(f"{hidden}@{DOMAIN}", recipients, KEY) == chosen
    assert recognise(hidden, recipients, OTHER) is None


def encoded(address, how):
    low = lowered(address)
    return {
        "clear": address,
        "verp": address.replace("@", "="),
        "percent": quote(address, safe=""),
        "base64": b64(address),
        "hex": low.encode().hex(),
        "md5": hashlib.md5(low.encode()).hexdigest(),
    }[how]


@given(
    st.emails(),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    st.sampled_from(["clear", "verp", "percent", "base64", "hex", "md5"]),
)
def test_nothing_that_was_hidden_is_found_again(address, before, after, how):
    local, _, domain = address.rpartition("@")
    if "+" in local:
        address = f"{local.partition('+')[0] or local}@{domain}"
    hider = Hider(KEY, [address])
    hidden = hider.hide(f"{before} {encoded(address, how)} {after}")
    assert not hider.leaks(hidden.encode())


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=3), st.text(max_size=20))
def test_any_text_can_be_hidden_and_any_recipient_looked_for(text, recipients, name):
    hider = Hider(KEY, recipients, [name])
    hider.hide(text)
    hider.hide_line(text)
    hider.leaks(text.encode("utf-8", "replace"))


@given(st.text(max_size=100))
def test_lower_case_keeps_every_place(text):
    assert len(lowered(text)) == len(text)


def test_a_hostile_text_costs_no_more_than_its_size():
    # 200,000 characters full of near misses end in time, or the run's timeout says so.
    for piece in (
        "jean.dupont+",
        "jean.dupont%40",
        "%6a",
        "bob=",
        "a" * 50,
        "=" * 50,
        "%25",
        "jean.",
    ):
        text = piece * (200_000 // len(piece)) + " %41"
        HIDER.hide(text)
        HIDER.hide_line(text)
        HIDER.leaks(text.encode())


def test_an_outgoing_document_that_names_a_recipient_is_stopped():
    clean = b'{"a":"b"}'
    assert guard(clean, HIDER, 100) is clean
    with pytest.raises(MustNotLeave, match="recipient 0: address") as stopped:
        guard(f'{{"a":"{LOW}"}}'.encode(), HIDER, 100)
    assert "dupont" not in stopped.value.detail
    with pytest.raises(MustNotLeave, match="bytes"):
        guard(b"x" * 101, HIDER, 100)


def test_an_xml_document_is_looked_at_without_its_entities():
    assert HIDER.leaks(b"<a>jean.dupont&#x40;example.org</a>")
    hider = Hider(KEY, ["a&b@corp.example"])
    assert hider.leaks(b"<a>a&amp;b@corp.example</a>")


def test_a_weak_key_or_salt_is_refused():
    with pytest.raises(KeyUnusable):
        Hider(b"short", [])
    with pytest.raises(KeyUnusable):
        salted(b"short", b"source")


def test_the_only_digest_of_a_mail_that_travels_is_salted():
    salt = bytes(range(32))
    assert salted(salt, b"mail") == hashlib.sha256(salt + b"mail").digest()


def test_what_is_no_address_is_looked_for_as_a_word():
    assert [known.domain for known in of("undisclosed")] == [""]
    hider = Hider(KEY, ["jdupont", "", "@", "<>"])
    assert "jdupont" not in hider.hide("Hello jdupont!")


def test_the_module_says_what_it_can():
    assert len(TOKEN) == redact.TOKEN_CHARS


# What is encoded, and encoded again.


def gz(text):
    return base64.urlsafe_b64encode(gzip.compress(text.encode(), mtime=0)).decode()


NESTED = {
    "base64 of base64": b64(b64(LOW)),
    "base64 of base64 of base64": b64(b64(b64(LOW))),
    "base64 in quoted-printable": "".join(f"={byte:02X}" for byte in b64(LOW).encode()),
    "base64url percent-encoded": "".join(f"%{byte:02x}" for byte in b64(LOW).encode()),
    "base64 of a percent-encoded link": b64("http://x.example/?e=" + quote(LOW, safe="")),
    "hex of base64": b64(LOW).encode().hex(),
    "base64 of hex": b64(LOW.encode().hex()),
    "base64 of mixed case": b64("jEAN.dUPONT@eXAMPLE.oRG"),
    "base64 of the address backwards": b64(LOW[::-1]),
    "base64 of a digest in JSON": b64('{"h":"' + hashlib.md5(LOW.encode()).hexdigest() + '"}'),
    "gzip": gz(f'{{"to":"{LOW}"}}'),
    "gzip of base64": gz(b64(LOW)),
    "zlib": b64_of(zlib.compress(LOW.encode())),
    "base32": base64.b32encode(LOW.encode()).decode().rstrip("="),
    "base32 in lower case": base64.b32encode(LOW.encode()).decode().lower().rstrip("="),
    "local part in base64": b64("jean.dupont"),
    "JSON escapes": "".join(f"\\u{ord(sign):04x}" for sign in LOW),
    "SHA-512 of upper case": hashlib.sha512(ADDRESS.upper().encode()).hexdigest(),
    "MD5 with line feed": hashlib.md5(f"{LOW}\n".encode()).hexdigest(),
    "MD5 after letters": f"abc{hashlib.md5(LOW.encode()).hexdigest()}def",
    "SHA-1 in base64url": b64_of(hashlib.sha1(LOW.encode()).digest()),
    "MD5 of the local part": hashlib.md5(b"jean.dupont").hexdigest(),
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_what_is_encoded_is_hidden_and_would_be_found_in_outgoing_bytes(text):
    link = f"http://t.example/c?e={text}&z=1"
    assert HIDER.leaks(link.encode())
    hidden = HIDER.hide(link)
    assert hidden.startswith("http://t.example/c?")
    assert hidden.endswith("&z=1")
    assert TOKEN in hidden or WORD in hidden
    assert not HIDER.leaks(hidden.encode())


def test_a_first_try_hides_what_is_plain_and_its_leaks_are_found():
    quick = HIDER.quick()
    assert LOW not in quick.hide(LOW)
    assert quick.hide(b64(LOW)) == b64(LOW)
    assert quick.leaks(b64(LOW).encode())


def test_a_text_that_unfolds_without_end_is_trusted_by_nobody():
    bombs = [gz(f"{number}" + "a" * 60_000) for number in range(8)]
    unfolded = unfold(" ".join(bombs))
    assert unfolded.cut
    assert sum(map(len, unfolded.views)) < 2_000_000
    assert HIDER.leaks(" ".join(bombs).encode())
    assert HIDER.hide(" ".join(bombs)) != " ".join(bombs)


@pytest.mark.parametrize(
    "piece",
    ["YWFh", "%2541", "=41", "&#97;", "H4sIAAAA", "eJwDAAAAAAE", "6a65616e", "mfrgg", "\\u0041"],
)
def test_encoded_runs_without_end_cost_no_more_than_their_size(piece):
    text = piece * (60_000 // len(piece))
    HIDER.hide(text)
    HIDER.leaks(text.encode())


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("anna@xn--bcher-kva.example", "anna@bücher.example"),
        ("zoë@corp.example", b64("zoë@corp.example")),
        ("zoë@corp.example", quote("zoë@corp.example")),
        ("zoe\u0308@corp.example", "zoë@corp.example"),
    ],
)
def test_an_address_beyond_ascii_is_hidden_in_each_of_its_spellings(address, shown):
    hider = Hider(KEY, [address])
    hidden = hider.hide(f"http://t.example/?e={shown}")
    assert hidden == f"http://t.example/?e={token(address, KEY)}" or "@redacted.invalid" in hidden


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Zoé Müller", "Zoe Muller, last warning"),
        ("王伟", "亲爱的王伟您好"),
        ("Jo Li", "JO LI: pay"),
    ],
)
def test_a_name_is_hidden_with_and_without_accents_and_in_any_script(name, text):
    assert WORD in Hider(KEY, [], [name]).hide(text)


@pytest.mark.parametrize(
    "text",
    [
        "c=K-48213377&d=1",
        "Contract K-48213377",
        "call 030 5550 1234",
        "t=%2B493055501234",
        "+49-30-55501234",
    ],
)
def test_a_number_by_which_the_sender_knows_somebody_is_hidden(text):
    hider = Hider(KEY, [], [], ["K-48213377", "+49 30 5550 1234"])
    hidden = hider.hide(text)
    assert "48213377" not in hidden
    assert "1234" not in hidden


@pytest.mark.parametrize("text", ["K-482133771", "192.0.2.25", "2026-03-14", "x48213377"])
def test_another_number_stays(text):
    assert Hider(KEY, [], [], ["K-48213377", "+49 30 5550 1234"]).hide(text) == text


def test_two_peers_never_share_a_token():
    addresses = [f"reader{number}@example.org" for number in range(50_000)]
    tokens = {token(address, key) for address in addresses for key in (KEY, OTHER)}
    assert len(tokens) == 100_000
