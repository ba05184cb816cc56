import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from gateway import errors, trust
from gateway.model import Category, Country, PeerId, Tlp, evolve
from gateway.trust import jwk, jws
from gateway.trust import statement as statements
from tests import keys

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
A = PeerId("https://spam.a.example")
B = PeerId("https://b.example/gateway")
ME = PeerId("https://me.example")
FR, DE = Country("FR"), Country("DE")
FIELD = 2**255 - 19


def facts(who=A, **changes):
    """The facts of a small association called by the first letter of its host."""
    name = who.removeprefix("https://")
    made = trust.Facts(
        id=who,
        name=f"Association {name}",
        countries=(FR, DE),
        federation_keys=(keys.key(who, f"{name} federation"),),
        message_keys=(keys.key(who, f"{name} message", "Ed25519", not_before=NOW - DAY),),
        reached_by=trust.ReachedBy.STREAM_RECEIPTS,
        expires_at=NOW + 100 * DAY,
        endpoints=trust.Endpoints(push=f"{who}/push", push_many=f"{who}/push-many"),
        contacts=(trust.Contact(role="technical", name="Desk", email="desk@example.org"),),
    )
    return evolve(made, **changes)


def federation(who=A):
    return keys.signer(f"{who.removeprefix('https://')} federation")


def written(said, now=NOW, signer=None):
    return trust.write_statement(said, signer or federation(said.id), now)


def read(said, now=NOW, signer=None):
    return trust.read_statement(written(said, now, signer), now)


def claims_of(said):
    """The claims of a good statement, to be spoiled."""
    return json.loads(jws.split(written(said), 64_000).payload)


def signed(claims, signer=None, typ="entity-statement+jwt"):
    return jws.write(typ, json.dumps(claims).encode(), signer or federation())


def refused(token, slug, now=NOW):
    with pytest.raises(errors.StatementInvalid) as caught:
        trust.read_statement(token, now)
    assert str(caught.value).startswith(f"{slug}:")


# Statements.


def test_what_a_statement_says_is_read_again():
    said = facts()
    token = written(said)
    found = trust.read_statement(token + b"\n", NOW)
    assert found.facts == said
    assert found.issued_at == NOW
    assert found.kid == federation().kid
    assert found.sha256 == hashlib.sha256(token).hexdigest()


@settings(max_examples=30)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200),
    countries=st.lists(st.sampled_from(["FR", "DE", "ES", "SN"]), unique=True),
    limits=st.builds(trust.Limits, set_chars=st.integers(1, 10**6)),
    formats=st.lists(st.text("abc-", min_size=1), max_size=3),
    days=st.integers(1, 399),
)
def test_any_facts_survive_a_statement(name, countries, limits, formats, days):
    said = facts(
        name=name,
        countries=tuple(map(Country, countries)),
        limits=limits,
        formats=tuple(formats),
        expires_at=NOW + days * DAY,
    )
    assert read(said).facts == said


def test_windows_revocations_and_a_mail_address_survive_a_statement():
    windows = ({}, {"not_after": NOW + DAY}, {"not_before": NOW}, {"revoked_at": NOW})
    stated = tuple(keys.key(A, f"key {place}", **said) for place, said in enumerate(windows))
    both = keys.key(A, "both", not_before=NOW, not_after=NOW + DAY)
    said = facts(
        message_keys=(*stated, both),
        endpoints=trust.Endpoints(mail="desk@example.org"),
        limits=trust.Limits(set_chars=1, call_sets=1, call_bytes=1),
    )
    assert read(said).facts == said


def test_the_bounds_of_a_statement_are_inclusive():
    token = written(facts(), NOW)
    assert trust.read_statement(token, NOW - timedelta(seconds=60)).issued_at == NOW
    refused(token, "not-yet", NOW - timedelta(seconds=61))
    long = facts(endpoints=trust.Endpoints(push="https://a.example/" + "p" * 482))
    assert read(long).facts == long


def test_one_key_under_two_names_is_refused():
    claims = claims_of(facts())
    gateway(claims)["jwks"]["keys"].append(gateway(claims)["jwks"]["keys"][0] | {"kid": "other"})
    refused(signed(claims), "duplicate-key")


def test_a_statement_can_be_stored_as_json_and_comes_back():
    found = read(facts())
    stored = msgspec.json.encode(found)
    assert msgspec.json.decode(stored, type=trust.Statement) == found


def test_members_that_we_do_not_know_are_left_alone():
    claims = claims_of(facts())
    claims["trust_marks"] = []
    claims["metadata"]["federation_entity"] = {"organization_name": "x"}
    claims["metadata"]["spam_exchange_gateway"]["colour"] = "blue"
    assert trust.read_statement(signed(claims), NOW).facts == facts()


def test_every_single_byte_change_of_a_statement_is_refused():
    token = written(facts())
    for place in range(len(token)):
        changed = bytearray(token)
        changed[place] ^= 1
        for wrong in (bytes(changed), token[:place] + token[place + 1 :]):
            with pytest.raises(errors.StatementInvalid):
                trust.read_statement(wrong, NOW)


@pytest.mark.parametrize(
    ("slug", "spoil"),
    [
        ("shape", lambda claims: claims.pop("metadata")),
        ("shape", lambda claims: claims["metadata"].pop("spam_exchange_gateway")),
        ("shape", lambda claims: claims.update(iat="now")),
        ("shape", lambda claims: claims.update(exp=True)),
        ("shape", lambda claims: claims.update(exp=1.5e9)),
        ("shape", lambda claims: gateway(claims).update(reached_by="pigeon")),
        ("crit", lambda claims: claims.update(crit=["x"])),
        ("subject", lambda claims: claims.update(sub="https://b.example")),
        ("time", lambda claims: claims.update(iat=-1)),
        ("time", lambda claims: claims.update(exp=2**40)),
        ("not-yet", lambda claims: claims.update(iat=int(NOW.timestamp()) + 61)),
        ("expired", lambda claims: claims.update(exp=int(NOW.timestamp()))),
        ("lifetime", lambda claims: claims.update(exp=claims["iat"] + 401 * 86400)),
        ("lifetime", lambda claims: claims.update(iat=claims["iat"] - 500 * 86400)),
        ("country", lambda claims: gateway(claims).update(countries=["EU"])),
        ("country", lambda claims: gateway(claims).update(countries=["fr"])),
        ("country", lambda claims: gateway(claims).update(countries=["FR", "FR"])),
        ("name", lambda claims: gateway(claims).update(organization_name="")),
        ("limits", lambda claims: gateway(claims).update(limits={"call_sets": 0})),
        ("key-count", lambda claims: gateway(claims)["jwks"].update(keys=[])),
        ("key-count", lambda claims: gateway(claims)["jwks"].update(keys=own(claims) * 25)),
        ("duplicate-kid", lambda claims: claims["jwks"].update(keys=own(claims) * 2)),
        ("key-shared", lambda claims: gateway(claims)["jwks"].update(keys=own(claims))),
        ("key-unknown", lambda claims: own(claims)[0].update(kid="other")),
        ("kid", lambda claims: own(claims)[0].update(kid="../../x")),
        ("kid", lambda claims: own(claims)[0].update(kid="a'--")),
        ("kid", lambda claims: own(claims)[0].update(kid="a\r\nb")),
        ("kid", lambda claims: own(claims)[0].update(kid="k" * 129)),
        ("kid", lambda claims: own(claims)[0].update(kid=7)),
        ("kid", lambda claims: own(claims)[0].pop("kid")),
        ("key-window", lambda claims: own(claims)[0].update(iat=9, exp=9)),
        ("key-window", lambda claims: own(claims)[0].update(iat="x")),
        ("key-window", lambda claims: own(claims)[0].update(revoked=[])),
        ("key-window", lambda claims: own(claims)[0].update(revoked={})),
    ],
)
def test_a_spoiled_statement_is_refused_with_its_reason(slug, spoil):
    claims = claims_of(facts())
    spoil(claims)
    refused(signed(claims), slug)


def gateway(claims):
    return claims["metadata"]["spam_exchange_gateway"]


def own(claims):
    return claims["jwks"]["keys"]


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/push",
        "https://a.example",
        "https://user@a.example/",
        "https://a.example/@b",
        "https://a.example/#x",
        "https://A.example/",
        "https://a.example\\b/",
        "https://::1/",
        "https://[::1]",
        "https://a.example /",
        "https://a.example/\t",
        "file:///etc/passwd",
        "https://" + "a" * 500 + "/",
    ],
)
def test_an_endpoint_that_could_mean_two_places_is_refused(url):
    claims = claims_of(facts())
    gateway(claims)["endpoints"]["push"] = url
    refused(signed(claims), "endpoint")


@pytest.mark.parametrize(
    "text",
    [
        "http://a.example",
        "https://a.example/",
        "https://A.example",
        "https://a.example?x",
        "https://a.example#x",
        "https://u@a.example",
        "https://a.example/b/",
        "https://a.example//b",
        "https://é.example",
        "https://a.example\n",
        "https://-a.example",
        "https://a.example:0",
        "https://" + "a" * 250,
        "",
    ],
)
def test_an_identifier_has_one_spelling(text):
    with pytest.raises(errors.StatementInvalid, match=r"^id:"):
        trust.peer_id(text)


def test_good_identifiers_are_taken():
    for text in ("https://a.example", "https://a.example:8443/x/y", "https://127.0.0.1:5001"):
        assert trust.peer_id(text) == text


def test_a_statement_of_another_type_or_signer_is_refused():
    claims = claims_of(facts())
    refused(signed(claims, typ="secevent+jwt"), "typ")
    refused(signed(claims, typ="JWT"), "typ")
    refused(signed(claims, keys.signer("stranger")), "key-unknown")
    refused(signed(claims, keys.signer("stranger", kid=federation().kid)), "signature")
    refused(signed(claims, keys.signer("stranger", "Ed25519", federation().kid)), "key-algorithm")
    refused(signed(claims)[:-1] + b"!", "shape")
    refused(b"", "shape")
    refused(b"x" * 64_001, "shape")


def test_we_do_not_write_a_statement_that_we_would_not_read():
    with pytest.raises(errors.StatementInvalid, match=r"^expired:"):
        written(facts(expires_at=NOW - DAY))
    with pytest.raises(errors.StatementInvalid, match=r"^key-unknown:"):
        written(facts(), signer=keys.signer("stranger"))


# Keys.


def small_order_points():
    """All points of small order on Ed25519, found by clearing the prime factor from others."""
    found = set()
    y = 2
    while len(found) < 8:
        point = decoded(y)
        y += 1
        if point is not None:
            cleared = jwk._times(jwk._ORDER, point)
            inverse = pow(cleared[2], -1, FIELD)
            found.add((cleared[0] * inverse % FIELD, cleared[1] * inverse % FIELD))
    return found


def decoded(y):
    """The point at ``y`` with its even x, if there is one."""
    square = (y * y - 1) * pow(jwk._D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if (x * x - square) % FIELD:
        x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
    return None if (x * x - square) % FIELD else (x, y, 1, x * y % FIELD)


def okp(raw):
    x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


def key_refused(members, slug):
    with pytest.raises(errors.StatementInvalid) as caught:
        jwk.read(members)
    assert str(caught.value).startswith(f"{slug}:")


def test_every_point_of_small_order_is_refused_in_every_encoding():
    points = small_order_points()
    assert len(points) == 8
    for x, y in points:
        for spelled in {y, y + FIELD}:
            if spelled < 2**255:
                for sign in (0, 1, x & 1):
                    key_refused(okp((spelled | sign << 255).to_bytes(32, "little")), "key-point")


def test_a_point_in_a_second_spelling_is_refused_even_where_it_is_on_the_curve():
    on_curve = [y for y in range(19) if decoded(y) is not None]
    assert len(on_curve) > 5
    for y in on_curve:
        for sign in (0, 1):
            with pytest.raises(errors.StatementInvalid, match="canonical form"):
                jwk.read(okp((y + FIELD | sign << 255).to_bytes(32, "little")))
    x = next(x for x in range(1, 99) if pow(p256_root(x), 2, P256) == p256_square(x))
    good = {"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(p256_root(x))}
    assert jwk.read(good).members() == good
    key_refused(good | {"x": b64(x + P256)}, "key-point")


P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1


def p256_square(x):
    """The square of y at ``x`` on P-256."""
    return (x**3 - 3 * x + jwk._P256_B) % P256


def p256_root(x):
    """A candidate for y at ``x``."""
    return pow(p256_square(x), (P256 + 1) // 4, P256)


def b64(number):
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")


def test_a_point_with_a_part_of_small_order_is_refused():
    good = int.from_bytes(base64.urlsafe_b64decode(keys.public("x", "Ed25519").x + "="), "little")
    sign, y = good >> 255, good & (2**255 - 1)
    x, _, _, _ = decoded(y)
    x = x if x & 1 == sign else FIELD - x
    for torsion in small_order_points() - {(0, 1)}:
        mixed = jwk._add((x, y, 1, x * y % FIELD), (*torsion, 1, torsion[0] * torsion[1] % FIELD))
        inverse = pow(mixed[2], -1, FIELD)
        mx, my = mixed[0] * inverse % FIELD, mixed[1] * inverse % FIELD
        raw = (my | (mx & 1) << 255).to_bytes(32, "little")
        Ed25519PublicKey.from_public_bytes(raw)  # the library takes it; we do not
        key_refused(okp(raw), "key-point")


def test_good_keys_of_both_kinds_are_taken_and_never_a_second_algorithm():
    for alg in ("ES256", "Ed25519"):
        for number in range(20):
            good = keys.public(f"good {number}", alg)
            assert jwk.read(good.members() | {"use": "sig", "key_ops": ["verify"]}) == good
            assert good.alg == alg
            assert good.thumbprint == keys.private(f"good {number}", alg).thumbprint()
            other = "Ed25519" if alg == "ES256" else "ES256"
            key_refused(good.members() | {"alg": other}, "key-algorithm")


def test_private_members_are_refused():
    for alg in ("ES256", "Ed25519"):
        key_refused(keys.private("leaked", alg).as_dict(private=True), "private-member")
    for name in ("d", "k", "p", "q", "dp", "dq", "qi", "oth"):
        key_refused(keys.public("good").members() | {name: "x"}, "private-member")


def test_other_kinds_of_key_are_refused():
    key_refused(RSAKey.generate_key(2048).as_dict(private=False), "key-kind")
    key_refused(OctKey.generate_key(256).as_dict(private=True), "private-member")
    key_refused({"kty": "oct"}, "key-kind")
    for curve in ("P-384", "P-521", "secp256k1"):
        key_refused(ECKey.generate_key(curve).as_dict(private=False), "key-kind")
    for curve in ("X25519", "Ed448", "X448"):
        key_refused(OKPKey.generate_key(curve).as_dict(private=False), "key-kind")
    key_refused({}, "key-kind")
    key_refused({"kty": ["EC"], "crv": "P-256"}, "key-kind")
    key_refused({"kty": "EC", "crv": ["P-256"]}, "key-kind")


def test_keys_for_another_use_are_refused():
    good = keys.public("good").members()
    key_refused(good | {"use": "enc"}, "key-use")
    key_refused(good | {"key_ops": ["sign"]}, "key-use")
    key_refused(good | {"key_ops": ["verify", "encrypt"]}, "key-use")
    key_refused(good | {"alg": "ES384"}, "key-algorithm")
    key_refused(good | {"alg": "none"}, "key-algorithm")
    key_refused(good | {"alg": "EdDSA"}, "key-algorithm")
    okp_key = keys.public("good", "Ed25519")
    assert jwk.read(okp_key.members() | {"alg": "EdDSA"}) == okp_key


def test_points_off_the_curve_and_second_spellings_are_refused():
    good = keys.public("good").members()
    zero, high = "A" * 43, base64.urlsafe_b64encode(b"\xff" * 32).decode().rstrip("=")
    key_refused(good | {"x": good["y"], "y": good["x"]}, "key-point")
    key_refused(good | {"x": zero, "y": zero}, "key-point")
    key_refused(good | {"x": high}, "key-point")
    key_refused(good | {"x": good["x"] + "="}, "key-coordinate")
    key_refused(good | {"x": good["x"][:-1]}, "key-coordinate")
    key_refused(good | {"x": "B" * 43}, "key-coordinate")
    key_refused(good | {"x": "+" * 43}, "key-coordinate")
    key_refused(good | {"x": 7}, "key-coordinate")
    key_refused({"kty": "EC", "crv": "P-256", "x": good["x"]}, "key-coordinate")
    key_refused(okp(b"\xff" * 32), "key-point")
    key_refused(okp((2).to_bytes(32, "little")), "key-point")


def test_a_fingerprint_is_read_out_in_ten_groups_and_belongs_to_one_key():
    one, two = keys.public("one"), keys.public("two")
    said = trust.fingerprint(one)
    assert [len(group) for group in said.split(" ")] == [4] * 10
    assert said == trust.fingerprint(one) != trust.fingerprint(two)
    whole = base64.urlsafe_b64decode(one.thumbprint + "=").hex()
    assert whole.startswith(said.replace(" ", ""))


# The register.


def enrolled(register, said, countries=(FR,), **more):
    return trust.enrol(register, read(said), me=ME, countries=countries, **more)


def test_a_peer_is_enrolled_with_the_countries_granted_to_it():
    empty = trust.Register.of([])
    peer = enrolled(empty, facts())
    register = empty.with_peer(peer)
    assert register.peer(A) == peer
    assert register.for_country(FR) == (peer,)
    assert register.for_country(DE) == ()
    message = facts().message_keys[0]
    assert register.key(A, message.kid) == message
    assert register.key(B, message.kid) is None
    assert peer.receipts
    assert peer.streams
    assert peer.flows
    assert msgspec.json.decode(msgspec.json.encode(peer), type=trust.Peer) == peer


def test_two_peers_of_one_country_are_asked_in_their_order():
    first = enrolled(trust.Register.of([]), facts(A))
    second = evolve(enrolled(trust.Register.of([]), facts(B)), priority=1)
    register = trust.Register.of([first, second])
    assert [peer.id for peer in register.for_country(FR)] == [B, A]


def test_nobody_is_enrolled_twice_or_as_ourselves_or_with_a_country_not_proposed():
    register = trust.Register.of([enrolled(trust.Register.of([]), facts())])
    with pytest.raises(errors.StatementInvalid, match=r"^peer-twice:"):
        enrolled(register, facts())
    with pytest.raises(errors.StatementInvalid, match=r"^ourselves:"):
        enrolled(register, facts(ME, id=ME))
    with pytest.raises(errors.StatementInvalid, match=r"^country:"):
        enrolled(trust.Register.of([]), facts(), countries=(Country("SN"),))
    with pytest.raises(errors.StatementInvalid, match=r"^peer-twice:"):
        trust.Register.of([*register.peers.values(), *register.peers.values()])


def test_a_key_of_one_peer_is_never_that_of_another():
    register = trust.Register.of([enrolled(trust.Register.of([]), facts(A))])
    thief = facts(B, message_keys=facts(A).message_keys)
    with pytest.raises(errors.StatementInvalid, match=r"^key-of-another:"):
        enrolled(register, thief)
    stolen = facts(B, message_keys=facts(A).federation_keys)
    with pytest.raises(errors.StatementInvalid, match=r"^key-of-another:"):
        enrolled(register, stolen)


def on_record(said=None):
    return trust.Register.of([enrolled(trust.Register.of([]), said or facts())])


def test_a_newer_statement_changes_the_peer_and_keeps_what_we_granted():
    agreement = trust.Agreement(max_tlp=Tlp.GREEN, categories=frozenset({Category.SPAM}))
    register = on_record()
    register = register.with_peer(evolve(register.peer(A), agreement=agreement, priority=7))
    new = keys.key(A, "a new message")
    said = facts(name="New name", message_keys=(*facts().message_keys, new))
    peer = trust.renew(register, read(said, NOW + DAY), NOW + DAY)
    assert (peer.name, peer.agreement, peer.priority) == ("New name", agreement, 7)
    assert peer.keys == (*facts().message_keys, new)
    assert register.with_peer(peer).key(A, new.kid) == new


def test_a_key_no_longer_named_retires_and_is_kept_and_never_comes_back():
    old, new = facts().message_keys[0], keys.key(A, "a new message")
    register = on_record()
    peer = trust.renew(register, read(facts(message_keys=(new,)), NOW + DAY), NOW + DAY)
    assert peer.keys == (evolve(old, retired_at=NOW + DAY), new)
    again = read(facts(message_keys=(old, new)), NOW + 2 * DAY)
    with pytest.raises(errors.StatementInvalid, match=r"^key-returned:"):
        trust.renew(register.with_peer(peer), again, NOW + 2 * DAY)
    renamed = evolve(old, kid="another-name")
    again = read(facts(message_keys=(renamed, new)), NOW + 2 * DAY)
    with pytest.raises(errors.StatementInvalid, match=r"^duplicate-key:"):
        trust.renew(register.with_peer(peer), again, NOW + 2 * DAY)


def test_a_key_that_left_keeps_the_day_on_which_it_left():
    new = keys.key(A, "new")
    peer = trust.renew(on_record(), read(facts(message_keys=(new,)), NOW + DAY), NOW + DAY)
    again = read(facts(message_keys=(new,)), NOW + 5 * DAY)
    peer = trust.renew(trust.Register.of([peer]), again, NOW + 5 * DAY)
    assert peer.keys[0].retired_at == NOW + DAY


def test_a_revocation_is_learnt_and_not_taken_back():
    old = facts().message_keys[0]
    gone = evolve(old, revoked_at=NOW)
    peer = trust.renew(on_record(), read(facts(message_keys=(gone,)), NOW + DAY), NOW + DAY)
    assert peer.keys == (gone,)
    for same in (gone, evolve(gone, revoked_at=NOW - DAY)):
        later = read(facts(message_keys=(same,)), NOW + 2 * DAY)
        assert trust.renew(trust.Register.of([peer]), later, NOW + 2 * DAY).keys == (same,)
    for wrong in (old, evolve(old, revoked_at=NOW + DAY)):
        later = read(facts(message_keys=(wrong,)), NOW + 2 * DAY)
        with pytest.raises(errors.StatementInvalid, match=r"^key-returned:"):
            trust.renew(trust.Register.of([peer]), later, NOW + 2 * DAY)


@pytest.mark.parametrize(
    ("slug", "said", "signer", "confirmed"),
    [
        ("kid-reused", "other key", None, False),
        ("federation-key", "new federation", "new", False),
        ("key-shared", "message becomes federation", None, False),
    ],
)
def test_a_statement_that_poisons_the_register_is_refused_whole(slug, said, signer, confirmed):
    old = facts().message_keys[0]
    new = keys.key(A, "new")
    changed = {
        "other key": facts(message_keys=(keys.key(A, "new", kid=old.kid),)),
        "new federation": facts(federation_keys=(new,)),
        "message becomes federation": facts(
            federation_keys=(*facts().federation_keys, old), message_keys=(new,)
        ),
    }[said]
    token = read(changed, NOW + DAY, keys.signer(signer) if signer else None)
    with pytest.raises(errors.StatementInvalid, match=f"^{slug}:"):
        trust.renew(on_record(), token, NOW + DAY, confirmed=confirmed)


def test_a_new_federation_key_needs_the_old_one_or_two_people():
    old, new = facts().federation_keys[0], keys.key(A, "new")
    both = facts(federation_keys=(old, new))
    peer = trust.renew(on_record(), read(both, NOW + DAY), NOW + DAY)
    assert peer.federation_keys == (old, new)
    alone = read(facts(federation_keys=(new,)), NOW + 2 * DAY, keys.signer("new"))
    peer = trust.renew(trust.Register.of([peer]), alone, NOW + 2 * DAY)
    assert peer.federation_keys == (evolve(old, retired_at=NOW + 2 * DAY), new)
    lost = read(facts(federation_keys=(new,)), NOW + DAY, keys.signer("new"))
    assert trust.renew(on_record(), lost, NOW + DAY, confirmed=True).federation_keys[1] == new


def test_a_retired_federation_key_confirms_nothing():
    old, new = facts().federation_keys[0], keys.key(A, "new")
    peer = on_record().peer(A)
    peer = evolve(peer, federation_keys=(evolve(old, retired_at=NOW), new))
    back = read(facts(), NOW + DAY)
    for gone in ({"retired_at": NOW}, {"revoked_at": NOW}):
        peer = evolve(peer, federation_keys=(evolve(old, **gone), new))
        with pytest.raises(errors.StatementInvalid, match=r"^federation-key:"):
            trust.renew(trust.Register.of([peer]), back, NOW + DAY)


def test_another_federation_key_under_the_old_name_confirms_nothing():
    name = facts().federation_keys[0].kid
    said = facts(federation_keys=(keys.key(A, "new", kid=name),))
    taken = read(said, NOW + DAY, keys.signer("new", kid=name))
    with pytest.raises(errors.StatementInvalid, match=r"^federation-key:"):
        trust.renew(on_record(), taken, NOW + DAY)


def test_an_older_or_equal_statement_is_refused_and_a_strangers_too():
    for moment in (NOW - DAY, NOW):
        said = facts(name="Rolled back")
        with pytest.raises(errors.StatementInvalid, match=r"^older:"):
            trust.renew(on_record(), read(said, moment), NOW)
    with pytest.raises(errors.NotFound):
        trust.renew(trust.Register.of([]), read(facts()), NOW)


def test_a_country_that_is_no_longer_proposed_is_no_longer_granted():
    register = trust.Register.of([enrolled(trust.Register.of([]), facts(), (FR, DE))])
    peer = trust.renew(register, read(facts(countries=(DE,)), NOW + DAY), NOW + DAY)
    assert peer.countries == (DE,)


# Windows.

WINDOWS = [
    ({}, 0, 0, True),
    ({"not_before": 0}, 0, 0, True),
    ({"not_before": 1}, 0, 5, False),
    ({"not_after": 1}, 1, 1, True),
    ({"not_after": 1}, 2, 2, False),
    ({"not_after": 1}, 1, 91, True),
    ({"not_after": 1}, 1, 92, False),
    ({"retired_at": 3}, 3, 93, True),
    ({"retired_at": 3}, 3, 94, False),
    ({"retired_at": 3}, 4, 4, False),
    ({"retired_at": 3, "not_after": 9}, 4, 4, False),
    ({"retired_at": 9, "not_after": 3}, 4, 4, False),
    ({"revoked_at": 5}, 1, 4, True),
    ({"revoked_at": 5}, 1, 5, False),
    ({"revoked_at": 5}, 1, 6, False),
]


@pytest.mark.parametrize(("window", "issued", "received", "good"), WINDOWS)
def test_a_key_speaks_only_inside_its_window(window, issued, received, good):
    key = keys.key(A, "windowed", **{name: NOW + day * DAY for name, day in window.items()})
    if good:
        trust.check_window(key, NOW + issued * DAY, NOW + received * DAY)
    else:
        with pytest.raises(errors.SignatureInvalid):
            trust.check_window(key, NOW + issued * DAY, NOW + received * DAY)


# Signers.


def test_a_signer_is_a_private_key_of_a_kind_that_we_use():
    for wrong in (
        OKPKey.import_key({**keys.public("x", "Ed25519").members()}),
        ECKey.generate_key("P-384"),
    ):
        with pytest.raises(errors.KeyUnusable):
            trust.KeySigner(wrong)


def test_the_agreed_constants_of_the_statement_are_what_the_standard_says():
    assert statements.TYP == "entity-statement+jwt"
    assert statements.ENTITY_TYPE == "spam_exchange_gateway"
