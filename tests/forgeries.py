"""SETs that nobody should take: every way we know to alter or forge one, with the check it fails.

Each generator gives (what it is, the bytes, the name of the check that must refuse them).
"""

import base64
import hmac
import json
import re
from collections.abc import Iterator

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from gateway import seal
from gateway.trust import KeySigner, jws
from tests import keys

Forgery = tuple[str, bytes, str]


def encode(data: bytes) -> bytes:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def decode(segment: bytes) -> bytes:
    """The bytes of a segment."""
    return base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))


def signed(header: bytes, payload: bytes, signer: KeySigner) -> bytes:
    """A token with a good signature over any header and payload, given as JSON text."""
    signing_input = encode(header) + b"." + encode(payload)
    return signing_input + b"." + encode(signer.sign(signing_input))


def expected(token: bytes, changed: bytes) -> str:
    """The check that must refuse ``changed``, a single-byte change of the good ``token``.

    It is worked out the slow and lenient way, by other code than the gate's.
    """
    parts = changed.split(b".")
    if len(parts) != 3 or any(not part or respelled(part) != part for part in parts):
        return "shape"
    if len(decode(parts[2])) != 64:
        return "shape"
    if parts[0] != token.split(b".")[0]:
        return header_difference(token, parts[0])
    return "signature"


def header_difference(token: bytes, changed: bytes) -> str:
    """The first check at which a changed header differs from the good one."""
    good = json.loads(decode(token.split(b".")[0]))
    try:
        pairs = json.loads(decode(changed).decode(), object_pairs_hook=list)
    except ValueError:
        return "header"
    if not isinstance(pairs, list) or sorted(name for name, _ in pairs) != sorted(good):
        return "header"
    members = dict(pairs)
    if not all(isinstance(said, str) for said in members.values()):
        return "header"
    if not re.fullmatch(r"[A-Za-z0-9_.~:-]{1,128}", members["kid"], re.ASCII):
        return "header"
    for name, check in (("typ", "type"), ("kid", "key"), ("alg", "algorithm")):
        if members[name] != good[name]:
            return check
    return "signature"


def respelled(part: bytes) -> bytes | None:
    """``part`` decoded and encoded again, or None where that is impossible."""
    raw = decode_or_none(part)
    return None if raw is None else encode(raw)


def single_byte_changes(token: bytes) -> Iterator[tuple[str, bytes]]:
    """Every bit flipped, every byte taken out, every byte doubled."""
    for place in range(len(token)):
        before, byte, after = token[:place], token[place], token[place + 1 :]
        for bit in range(8):
            yield f"bit {bit} of byte {place}", before + bytes([byte ^ 1 << bit]) + after
        yield f"without byte {place}", before + after
        yield f"byte {place} twice", token[: place + 1] + token[place:]


def header_tricks(token: bytes, signer: KeySigner) -> Iterator[Forgery]:
    """Headers that a lenient reader takes, each with a signature that is good (A1 to A4, A6)."""
    payload = decode(token.split(b".")[1])
    good = {"alg": signer.alg, "kid": signer.kid, "typ": "secevent+jwt"}
    for name, value in (
        ("crit", []),
        ("crit", ["b64"]),
        ("b64", False),
        ("jwk", keys.public("attacker").members()),
        ("jku", "https://attacker.example/keys"),
        ("x5u", "https://attacker.example/chain"),
        ("x5c", ["AAAA"]),
        ("x5t", "AAAA"),
        ("cty", "JWT"),
        ("zip", "DEF"),
        ("enc", "A256GCM"),
        ("", ""),
    ):
        changed = json.dumps(good | {name: value}).encode()
        yield f"header with {name} {value}", signed(changed, payload, signer), "header"
    for name, said in good.items():
        without = {member: good[member] for member in good if member != name}
        yield f"no {name}", signed(json.dumps(without).encode(), payload, signer), "header"
        for wrong in (None, 7, [], {}, True, [said]):
            changed = json.dumps(good | {name: wrong}).encode()
            yield f"{name} is {wrong}", signed(changed, payload, signer), "header"
        twice = json.dumps(good)[:-1] + f', "{name}": {json.dumps(said)}}}'
        yield f"{name} twice", signed(twice.encode(), payload, signer), "header"
        escaped = json.dumps(good)[:-1] + f', "\\u{ord(name[0]):04x}{name[1:]}": "x"}}'
        yield f"{name} twice, once escaped", signed(escaped.encode(), payload, signer), "header"
    for typ in ("JWT", "at+jwt", "SECEVENT+JWT", "application/secevent+jwt", "secevent+jwt ", ""):
        changed = json.dumps(good | {"typ": typ}).encode()
        yield f"typ {typ!r}", signed(changed, payload, signer), "type"
    for kid in (
        "../../etc/passwd",
        "x' OR 1=1",
        "a\r\nb",
        "",
        "k" * 129,
        "k\u00e9",
        "k k",
        "k\x00",
    ):
        changed = json.dumps(good | {"kid": kid}).encode()
        check = "header" if len(encode(changed)) <= jws.MAX_HEADER else "shape"
        yield f"kid {kid[:20]!r}", signed(changed, payload, signer), check
    yield (
        "unknown kid",
        signed(json.dumps(good | {"kid": "nobody"}).encode(), payload, signer),
        "key",
    )
    for what, header in (
        ("an array", b"[]"),
        ("no JSON", b"alg=none"),
        ("with a byte order mark", b"\xef\xbb\xbf" + json.dumps(good).encode()),
        ("with rubbish behind", json.dumps(good).encode() + b"x"),
        ("in UTF-16", json.dumps(good).encode("utf-16")),
        ("nested", b'{"alg":' + b"[" * 40 + b"]" * 40 + b"}"),
    ):
        yield f"header {what}", signed(header, payload, signer), "header"
    long = json.dumps(good | {"pad": "x" * 500}).encode()
    yield "a header of 600 bytes", signed(long, payload, signer), "shape"


def algorithm_tricks(token: bytes, signer: KeySigner) -> Iterator[Forgery]:
    """Signatures by another primitive than the key's own, or none at all (A1, A2)."""
    payload = decode(token.split(b".")[1])
    good = {"alg": signer.alg, "kid": signer.kid, "typ": "secevent+jwt"}

    def head(alg: str) -> bytes:
        return encode(json.dumps(good | {"alg": alg}).encode()) + b"." + encode(payload)

    for alg in ("none", "None", "NONE", "nOnE", "nonE", ""):
        yield f"alg {alg!r} unsigned", head(alg) + b".", "shape"
        yield f"alg {alg!r}", head(alg) + b"." + encode(b"\x00" * 64), "algorithm"
    yield "no signature", token.rpartition(b".")[0] + b".", "shape"
    yield (
        "a signature of zeros",
        token.rpartition(b".")[0] + b"." + encode(b"\x00" * 64),
        "signature",
    )
    yield "a short signature", token.rpartition(b".")[0] + b"." + encode(b"\x01" * 32), "shape"
    public = json.dumps(keys.public("message", signer.alg).members()).encode()
    for alg, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
        mac = hmac.new(public, head(alg), digest).digest()
        check = "algorithm" if len(mac) == 64 else "shape"
        yield f"{alg} with the public key", head(alg) + b"." + encode(mac), check
    mac = hmac.new(public, head(signer.alg), "sha512").digest()
    yield "HMAC under the good name", head(signer.alg) + b"." + encode(mac), "signature"
    other = keys.signer("message", "Ed25519" if signer.alg == "ES256" else "ES256")
    for alg in (
        "ES256",
        "Ed25519",
        "EdDSA",
        "ES256K",
        "ES384",
        "ES512",
        "Ed448",
        "es256",
        "ESP256",
    ):
        check = "signature" if alg == signer.alg else "algorithm"
        signing_input = head(alg)
        by_other = signing_input + b"." + encode(other.sign(signing_input))
        yield f"{alg} by a key of another kind", by_other, check
        if alg != signer.alg:
            renamed = signing_input + b"." + encode(signer.sign(signing_input))
            yield f"a good signature called {alg}", renamed, "algorithm"
    private = rsa.generate_private_key(65537, 1024)
    for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
        pad = (
            padding.PKCS1v15() if alg[0] == "R" else padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        )
        raw = private.sign(head(alg), pad, hashes.SHA256())
        yield f"{alg} by an RSA key", head(alg) + b"." + encode(raw), "shape"
    der = ec.generate_private_key(ec.SECP256R1()).sign(head("ES256"), ec.ECDSA(hashes.SHA256()))
    yield "ES256 in DER", head("ES256") + b"." + encode(der), "shape"
    attacker = keys.signer("attacker", signer.alg, signer.kid)
    yield (
        "another key under the good kid",
        seal.close(json.loads(payload), attacker).token,
        "signature",
    )


def shape_tricks(token: bytes) -> Iterator[Forgery]:
    """Second spellings of a good token, and things that are no token (A5)."""
    head, body, tail = token.split(b".")
    yield "padding", token + b"=", "shape"
    yield "padded header", head + b"=" * (-len(head) % 4 or 1) + b"." + body + b"." + tail, "shape"
    for place, segment in enumerate((head, body, tail)):
        for last in range(256):
            spoiled = segment[:-1] + bytes([last])
            if segment[-1] == last or decode_or_none(spoiled) != decode(segment):
                continue
            parts = [head, body, tail]
            parts[place] = spoiled
            yield f"other unused bits in part {place}", b".".join(parts), "shape"
    for white in (b" ", b"\n", b"\r\n", b"\t", b"\x00", b"\xa0", b"\xef\xbb\xbf"):
        yield f"{white!r} in front", white + token, "shape"
        yield f"{white!r} behind", token + white, "shape"
        yield f"{white!r} inside", head + b"." + body[:5] + white + body[5:] + b"." + tail, "shape"
    standard = token.replace(b"-", b"+").replace(b"_", b"/")
    if standard != token:
        yield "the other base64 alphabet", standard, "shape"
    yield "two parts", head + b"." + body, "shape"
    yield "four parts", token + b"." + tail, "shape"
    yield "five parts, as a JWE", token + b".AAAA.AAAA", "shape"
    yield "detached payload", head + b".." + tail, "shape"
    yield "nothing", b"", "shape"
    yield "dots", b"..", "shape"
    flat = {"protected": head.decode(), "payload": body.decode(), "signature": tail.decode()}
    yield "JSON serialisation", json.dumps(flat).encode(), "shape"
    yield "the claims alone", decode(body), "shape"
    yield "too long", head + b"." + b"A" * 100_000 + b"." + tail, "shape"
    yield "the token twice", token + token, "shape"


def decode_or_none(segment: bytes) -> bytes | None:
    """What a lenient reader makes of a segment, if anything."""
    try:
        return base64.b64decode(segment + b"=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None


def claim_tricks(token: bytes, signer: KeySigner, now: int) -> Iterator[Forgery]:
    """Claims that are ambiguous or wrong, all under a good signature (A6 to A9, A12, A13)."""
    head = decode(token.split(b".")[0])
    text = decode(token.split(b".")[1]).decode()
    good = json.loads(text)

    def over(payload: bytes) -> bytes:
        return signed(head, payload, signer)

    def changed(**claims: object) -> bytes:
        kept = {name: said for name, said in (good | claims).items() if said is not ...}
        return over(json.dumps(kept).encode())

    for name in good:
        twice = text[:-1] + f",{json.dumps(name)}:{json.dumps(good[name])}}}"
        yield f"{name} twice", over(twice.encode()), "claims"
    for what, extra in (
        ("NaN", b'"x":NaN'),
        ("Infinity", b'"x":-Infinity'),
        ("a big integer", b'"x":9007199254740993'),
        ("a lone surrogate", b'"x":"\\ud800"'),
        ("invalid UTF-8", b'"x":"\xff"'),
        ("depth 40", b'"x":' + b"[" * 40 + b"]" * 40),
        ("depth 100,000", b'"x":' + b"[" * 60_000),
        ("a control character", b'"x":"\x01"'),
        ("a comment", b'/* */"x":1'),
    ):
        yield what, over(text[:-1].encode() + b"," + extra + b"}"), "claims"
    yield "a byte order mark", over(b"\xef\xbb\xbf" + text.encode()), "claims"
    yield "an array", over(b"[" + text.encode() + b"]"), "claims"
    yield "compressed", over(b"\x1f\x8b" + text.encode()), "claims"
    me, issuer = good["aud"], good["iss"]
    for iss in (
        me,
        "https://other.example",
        issuer + "/",
        issuer.upper(),
        "",
        None,
        7,
        [issuer],
        ...,
    ):
        yield f"iss {iss!r}", changed(iss=iss), "issuer"
    for aud in (
        [me],
        [me, "https://other.example"],
        "https://other.example",
        me + "/push",
        me + "/",
        me.upper(),
        issuer,
        "",
        None,
        True,
        {},
        ...,
    ):
        yield f"aud {aud!r}", changed(aud=aud), "audience"
    for ahead in (61, 3600, 10**8):
        yield f"iat {ahead} s ahead", changed(iat=now + ahead), "not-yet"
    for iat in (
        now - 400 * 86400 - 1,
        0,
        -1,
        2**33,
        2**53 - 1,
        float(now),
        1e300,
        str(now),
        True,
        None,
        [now],
        ...,
    ):
        yield f"iat {iat!r}", changed(iat=iat), "age"
    for name, said in (
        ("exp", now + 300),
        ("exp", True),
        ("sub", "x"),
        ("sub", None),
        ("nbf", now),
    ):
        yield f"with {name} {said!r}", changed(**{name: said}), "forbidden-claim"
    for jti in ("", "a b", "j" * 256, "\u00e9", "a\n", "\x7f", 7, None, ["x"], ...):
        yield f"jti {str(jti)[:20]!r}", changed(jti=jti), "identifier"
    for txn in ("", "a b", "t" * 256, 7, None, {}):
        yield f"txn {str(txn)[:20]!r}", changed(txn=txn), "identifier"
    ((event_uri, event),) = good["events"].items()
    for events in (
        {},
        {event_uri: event, "https://other.example/event": {}},
        {event_uri: None},
        {event_uri: []},
        {event_uri: "x"},
        {"": event},
        {"with space": event},
        [event_uri],
        None,
        ...,
    ):
        yield f"events {str(events)[:40]}", changed(events=events), "event"
    for subject in (None, "x", [], {}, {"format": 7}, {"id": "x"}, ...):
        yield f"sub_id {subject!r}", changed(sub_id=subject), "subject"


def crossed(token: bytes, signer: KeySigner) -> Iterator[Forgery]:
    """Good tokens of another type, signed by the same key (A12)."""
    payload = decode(token.split(b".")[1])
    for typ in ("entity-statement+jwt", "JWT", "at+jwt", "resolve-response+jwt"):
        yield f"a {typ}", jws.write(typ, payload, signer), "type"


def malleated(token: bytes) -> bytes:
    """The same SET under another valid ES256 signature: s replaced by the order minus s."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    signing_input, _, tail = token.rpartition(b".")
    raw = decode(tail)
    s = order - int.from_bytes(raw[32:], "big")
    return signing_input + b"." + encode(raw[:32] + s.to_bytes(32, "big"))
