#!/usr/bin/env python3
"""Checks a bundle of Entente without a line of Entente: python3 verify_bundle.py FILE

It needs Python 3.11 and its "cryptography" package, and no network. It prints JSON: whether the
bundle holds (exit code 0, else 1), for each SET its digest and its receipts with the time (seconds
since 1970) and verdict, and the key of each association: compare these, all rests on them.
"""

# fmt: off
import base64
import hashlib
import json
import re
import sys
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

RECEIPT = "https://schemas.entente.example/event/receipt/1"
ENTRY = {"seq": int, "at": int, "kind": str, "before": str, "digest": str,
         "salt": (str, type(None)), "content": (str, type(None)), "proof": list}
PARTS = {"statements": list, "sets": list, "entries": list, "head": str}
BUNDLE = {"format": str, "manifest": str, **PARTS}
MANIFEST = {"iss": str, "iat": int, "about": str, "words": list, "gone": list, **PARTS}
SET = {"iss": str, "aud": str, "jti": str, "iat": int, "events": dict}
STATEMENT = {"iss": str, "sub": str, "iat": int, "exp": int, "jwks": dict, "metadata": dict}
HEAD = {"iss": str, "iat": int, "size": int, "head": str, "root": str}

def need(holds: object, words: str) -> None:
    if not holds:
        raise ValueError(words)

def shaped(value: Any, members: dict[str, Any], words: str, more: bool = False) -> dict[str, Any]:
    """``value`` as an object with these members of these types, and no others unless ``more``."""
    need(type(value) is dict and (more or value.keys() == members.keys()), words)
    for name, kind in members.items():
        kinds = kind if type(kind) is tuple else (kind,)
        need(name in value and type(value[name]) in kinds, f"{words}: {name}")
    return value

def raw(text: Any, length: int | None = None) -> bytes:
    """The bytes that base64url without padding spells, in its one spelling."""
    need(type(text) is str and re.fullmatch(r"[A-Za-z0-9_-]+", text), "no base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(b64(data) == text and length in (None, len(data)), "no base64url in its one spelling")
    return data

def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))

def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()

def sane(value: Any, depth: int) -> None:
    """Refuses what two readers of JSON might read differently."""
    if type(value) in (dict, list):
        need(depth > 0, "nested too deeply")
        for one in [*value, *value.values()] if type(value) is dict else value:
            sane(one, depth - 1)
    elif type(value) is str:
        value.encode()
    elif type(value) is int:
        need(abs(value) < 2**53, "a number that is too large")

def parse(data: bytes, depth: int = 32) -> Any:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len(dict(found)) == len(found), "a member stands twice")
        return dict(found)
    value = json.loads(data.decode(), object_pairs_hook=pairs, parse_constant=int)
    sane(value, depth)
    return value

def public(jwk: Any) -> tuple[str, Any]:
    """The algorithm and the public key of a JWK."""
    shaped(jwk, {"kty": str, "crv": str, "x": str, "kid": str}, "a key", more=True)
    if (jwk["kty"], jwk["crv"]) == ("EC", "P-256"):
        x, y = raw(jwk["x"], 32), raw(jwk.get("y"), 32)
        return "ES256", ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\4" + x + y)
    need((jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519"), "a key of another kind")
    return "Ed25519", ed25519.Ed25519PublicKey.from_public_bytes(raw(jwk["x"], 32))

def thumb(jwk: dict[str, Any]) -> str:
    names = ("crv", "kty", "x", "y") if jwk["kty"] == "EC" else ("crv", "kty", "x")
    return sha(compact({n: jwk[n] for n in names}).encode()).hex()

def opened(token: Any, typ: str, most: int) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, signed bytes and signature of a token; not believed yet."""
    need(type(token) is str and token.isascii() and len(token) <= most, "no token")
    need(token.count(".") == 2 and token.index(".") <= 512, "no token of three parts")
    head, body, tail = token.split(".")
    header = shaped(parse(raw(head), 3), dict.fromkeys(("alg", "kid", "typ"), str), "a header")
    need(re.fullmatch(r"[A-Za-z0-9_.~:-]{1,128}", header["kid"]), "a token's kid")
    claims = parse(raw(body))
    need(header["typ"] == typ and type(claims) is dict, f"no token of the type {typ}")
    return header, claims, f"{head}.{body}".encode(), raw(tail, 64)

def check(header: dict[str, Any], jwk: Any, signed: bytes, signature: bytes) -> None:
    alg, key = public(jwk)
    need(header["alg"] == alg, "the algorithm is not that of the key")
    if alg == "ES256":
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    else:
        key.verify(signature, signed)

def statements(tokens: list[Any]) -> tuple[dict[tuple[str, str, str], Any], list[str]]:
    """Every message and log key by use, issuer and kid; who stands at the beginning, in words."""
    keys, held, words = {}, {}, []
    for token in tokens:
        header, claims, signed, signature = opened(token, "entity-statement+jwt", 64_000)
        shaped(claims, STATEMENT, "a statement", more=True)
        issuer, about = claims["iss"], claims["metadata"].get("spam_exchange_gateway")
        need(issuer == claims["sub"] and type(about) is dict, "a statement about oneself")
        need(0 < claims["exp"] - claims["iat"] <= 400 * 86_400, "a statement's lifetime")
        federation = {jwk["kid"]: jwk for jwk in listed(claims["jwks"])}
        need(signing := federation.get(header["kid"]), "a statement not signed by its own key")
        check(header, signing, signed, signature)
        before, known = held.get(issuer, (-1, {thumb(signing)}))
        need(claims["iat"] > before and thumb(signing) in known, "a statement does not follow")
        if issuer not in held:
            words.append(f"{issuer} holds " + re.sub("(.{4})(?=.)", r"\1 ", thumb(signing)[:40]))
        held[issuer] = claims["iat"], known | {thumb(jwk) for jwk in federation.values()}
        for use, name in (("message", "jwks"), ("log", "log_jwks")):
            for jwk in listed(about[name]) if about.get(name) is not None else []:
                key = (use, issuer, jwk["kid"])
                need(thumb(keys.setdefault(key, jwk)) == thumb(jwk), "two keys have one name")
                keys[key] = jwk
    return keys, words

def listed(found: Any) -> list[dict[str, Any]]:
    need(type(found) is dict and type(found.get("keys")) is list and found["keys"], "no keys")
    names = {jwk["kid"] for jwk in found["keys"] if public(jwk)}
    need(len(names) == len(found["keys"]), "two keys of one name")
    return found["keys"]

def believed(token: Any, typ: str, use: str, keys: dict[Any, Any], most: int) -> tuple[Any, ...]:
    """The claims of a token that a key of this use signed, the key, and what was signed."""
    header, claims, signed, signature = opened(token, typ, most)
    jwk = keys.get((use, str(claims.get("iss")), header["kid"]))
    need(jwk, f"no statement introduces the {use} key {header['kid']}")
    check(header, jwk, signed, signature)
    return claims, jwk, signed

def root(head: bytes, place: int, size: int, proof: list[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2), level by level."""
    found, last, rest = sha(b"\0" + head), size - 1, list(proof)
    while last:
        if place & 1 or place < last:
            other = rest.pop(0)
            found = sha(b"\1" + (other + found if place & 1 else found + other))
        place, last = place >> 1, last >> 1
    need(not rest, "a proof is too long")
    return found

def verify(data: bytes) -> dict[str, Any]:
    need(len(data) <= 64_000_001 and data.isascii() and b"\\" not in data, "no bundle")
    bundle = shaped(parse(data.removesuffix(b"\n"), 4), BUNDLE, "the bundle")
    need(compact(bundle).encode() + b"\n" == data, "another spelling")
    need(list(bundle) == list(BUNDLE) and bundle["format"] == "entente-bundle-1", "the bundle")
    for entry in bundle["entries"]:
        need(list(shaped(entry, ENTRY, "an entry")) == list(ENTRY), "an entry")
    keys, words = statements(bundle["statements"])
    said, _, _ = believed(bundle["manifest"], "entente-bundle+jwt", "log", keys, 4_000_000)
    maker = shaped(said, MANIFEST, "the manifest")["iss"]
    named = {name: [b64(sha(str(token).encode())) for token in bundle[name]]
             for name in ("statements", "sets")}
    named["entries"] = [b64(sha(compact(entry).encode())) for entry in bundle["entries"]]
    named["head"] = b64(sha(bundle["head"].encode()))
    need(all(said[name] == named[name] for name in named), "other parts than the manifest names")
    need({type(line) for line in said["words"]} <= {str}, "the manifest's words")
    found, bodies = {}, []
    for gone in said["gone"]:
        shaped(gone, dict.fromkeys(("iss", "aud", "jti", "digest"), str), "a SET that is gone")
        need((gone["iss"], gone["jti"]) not in found, "a SET stands twice")
        found[gone["iss"], gone["jti"]] = dict(gone, event="", receipts=[], entry=None)
    for token in bundle["sets"]:
        claims, jwk, signed = believed(token, "secevent+jwt", "message", keys, 100_000)
        shaped(claims, SET, "a SET", more=True)
        need(len(claims["events"]) == 1 and maker in (claims["iss"], claims["aud"]), "a SET")
        ((event, body),) = claims["events"].items()
        name, at, revoked = (claims["iss"], claims["jti"]), claims["iat"], jwk.get("revoked")
        need(type(body) is dict and name not in found and 0 <= at < 2**33, "a SET stands twice")
        need(jwk.get("iat", at) <= at <= jwk.get("exp", at), "a SET out of its key's time")
        need(not revoked or at < revoked["revoked_at"], "a SET of a key that was revoked")
        found[name] = {"iss": name[0], "aud": claims["aud"], "jti": name[1], "event": event,
                       "digest": b64(sha(signed)), "receipts": [], "entry": None}
        bodies.append((found[name], body))
    for receipt, body in [pair for pair in bodies if pair[0]["event"] == RECEIPT]:
        lines, met = shaped(body, {"receipts": dict}, "a receipt", more=True)["receipts"], 0
        for jti, line in lines.items():
            shaped(line, {"digest": str, "received_at": int, "verdict": str}, "a line", more=True)
            meant = found.get((receipt["aud"], jti))
            if meant is None or meant["aud"] != receipt["iss"]:
                continue
            need(meant["digest"] == line["digest"], f"a receipt is for another SET than {jti}")
            need(0 <= line["received_at"] < 2**33, "a receipt of no time")
            meant["receipts"].append({"receipt": receipt["jti"], "verdict": line["verdict"],
                                      "received_at": line["received_at"]})
            met += 1
        need(met, f"the receipt {receipt['jti']} is for none of these SETs")
    journal(bundle, keys, maker, found)
    return {"maker": maker, "about": said["about"], "keys": words,
            "sets": [found[name] for name in sorted(found)]}

def journal(bundle: Any, keys: dict[Any, Any], maker: str, found: dict[Any, Any]) -> None:
    head, _, _ = believed(bundle["head"], "entente-journal-head+jwt", "log", keys, 4_000)
    shaped(head, HEAD, "the signed head")
    need(head["iss"] == maker, "the head of another journal")
    signed_root, _, seen = raw(head["root"], 32), raw(head["head"], 32), set()
    for entry in bundle["entries"]:
        seq, digest = entry["seq"], raw(entry["digest"], 32)
        need(seq not in seen and 1 <= seq <= head["size"], f"entry {seq} has no place")
        seen.add(seq)
        salt, content = (text and raw(text) for text in (entry["salt"], entry["content"]))
        need((salt is None) == (content is None) and "" not in (salt, content), "a content's salt")
        need(content is None or sha(salt + content) == digest, "another content")
        line = f"{seq}|{entry['at']}|{entry['kind']}|".encode()
        after = sha(raw(entry["before"], 32) + line + digest)
        path = [raw(text, 32) for text in entry["proof"]]
        need(root(after, seq - 1, head["size"], path) == signed_root, f"entry {seq} is not in it")
        said = {"peer": "", "sets": []} if content is None else parse(content)
        shaped(said, {"peer": str, "sets": list}, "an entry", more=True)
        sent = entry["kind"] == "referred"
        names = (maker, said["peer"]) if sent else (said["peer"], maker)
        for pair in said["sets"]:
            need(type(pair) is list and list(map(type, pair)) == [str, str], "an entry's SETs")
            meant = found.get((names[0], pair[0]))
            if meant is not None and meant["aud"] == names[1]:
                need(not sent or raw(meant["digest"], 32).hex() == pair[1], "an entry's digest")
                meant["entry"] = seq

def main() -> int:
    try:
        with open(sys.argv[1], "rb") as file:
            said = {"holds": True, **verify(file.read(64_000_002))}
    except (InvalidSignature, LookupError, TypeError, ValueError, OSError, RecursionError) as error:
        said = {"holds": False, "why": str(error) or "a signature does not hold"}
    print(json.dumps(said, indent=1))
    return 0 if said["holds"] else 1

if __name__ == "__main__":
    sys.exit(main())
