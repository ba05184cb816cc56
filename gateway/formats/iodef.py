"""The interchange document as XML: IODEF v2 (RFC 7970 §3, §4).

Writing and reading walk one table (``iodef_table``), so ``read(write(document)) == document``,
and ``iodef_json`` says the same. Hostile XML has no way in: no DOCTYPE, no entity, no processing
instruction, no network, only UTF-8.
Verbs: ``write``, ``read``, ``schema`` and its ``check``.
"""

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

from gateway.errors import DocumentInvalid
from gateway.formats import iodef_json
from gateway.formats.iodef_document import NAMESPACE, SHA256, SHA256_JSON, Document
from gateway.formats.iodef_table import (
    CONFIDENCE,
    COUNTER,
    DOCUMENT,
    DSIG,
    LANGUAGE,
    METHOD,
    Child,
    Shape,
)

MOST_BYTES: Final = 262_144
"""An XML document is no larger: the longest JSON one, with its tags and escapes, fits."""
_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA_LOCATION: Final = f"{{{_XSI}}}schemaLocation"
LOCATION: Final = "urn:ietf:params:xml:schema:iodef-2.0"
"""The schema that a document names; a name, which nobody follows (RFC 7970 §4.2)."""
_ENCODING: Final = re.compile(rb"""^<\?xml[^>]{0,80}encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})""")

Members = dict[str, object]


# Outward.


def write(document: Document) -> bytes:
    """The document as UTF-8 XML with its declaration, valid against the schema of RFC 7970 §8."""
    members = iodef_json.plain(document)
    members["version"] = "2.00"
    out = ['<?xml version="1.0" encoding="UTF-8"?>\n<IODEF-Document']
    out.append(f' xmlns="{NAMESPACE}" xmlns:ds="{DSIG}" xmlns:xsi="{_XSI}"')
    out.append(f' xsi:schemaLocation="{NAMESPACE} {LOCATION}"')
    _fill(out, DOCUMENT, "IODEF-Document", members)
    return "".join(out).encode()


def _fill(out: list[str], shape: Shape, tag: str, value: object) -> None:
    """Attributes, content and end of an element whose start tag stands open in ``out``."""
    members = value if isinstance(value, dict) else {shape.text: value}
    for name in shape.attributes:
        if name in members:
            attribute = "xml:lang" if name == "lang" else name
            out.append(f' {attribute}="{_escaped(str(members[name]))}"')
    out.append(">")
    if shape.text is not None:
        out.append(_escaped(str(members[shape.text])))
    for child in shape.children:
        if child.name in members:
            _append(out, child, members[child.name])
    out.append(f"</{tag}>")


def _append(out: list[str], child: Child, value: object) -> None:
    tag = child.inside or child.name
    if child.tag.startswith(f"{{{DSIG}}}"):
        tag = f"ds:{tag}"
    if child.wrapper is not None:
        out.append(f"<{child.wrapper}>")
    for item in value if isinstance(value, list | tuple) else (value,):
        inner = item[child.inside] if child.inside is not None else item
        if child.shape is METHOD:
            inner = {"Algorithm": SHA256}
        out.append(f"<{tag}")
        _fill(out, child.shape, tag, inner)
    if child.wrapper is not None:
        out.append(f"</{child.wrapper}>")


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;")


# Inward.


def read(content: bytes) -> Document:
    """The document that ``content`` holds, checked by model and rules like its JSON form.

    Where prose and schema of RFC 7970 differ both readings are taken: a Confidence with a number
    (§3.12.5), a Counter of type ``count`` (§3.18.3). Comments are dropped before text is read.

    Raises:
        DocumentInvalid: not well-formed, dangerous, too large, or not of our profile.
    """
    root = _parsed(content)
    if root.tag != f"{{{NAMESPACE}}}IODEF-Document":
        raise DocumentInvalid("the root is no IODEF-Document of IODEF v2")
    members = _members(root, DOCUMENT)
    members["version"] = {"2.00": "2.0"}.get(str(members.get("version")), "")
    return iodef_json.take(members)


def _members(element: etree._Element, shape: Shape) -> Members:
    """The JSON members that an element stands for; what its shape does not know is refused."""
    members: Members = {}
    for attribute, text in element.attrib.items():
        if shape is DOCUMENT and attribute == _SCHEMA_LOCATION:
            continue  # It is allowed, and never followed.
        # Only xml:lang is a language; a bare "lang" belongs to no class.
        name = {_LANG: "lang", "lang": ""}.get(str(attribute), str(attribute))
        if name not in shape.attributes:
            raise DocumentInvalid(f"{element.tag} has an unknown attribute {name}")
        members[name] = _value(shape, name, str(text))
    if shape.text is not None:
        if len(element):
            raise DocumentInvalid(f"{element.tag} holds elements where a text belongs")
        members[shape.text] = _value(shape, shape.text, element.text or "")
    else:
        _refuse_text(element)
        for child, found in _children(element, shape):
            _put(members, child, found)
    return _tolerated(members, shape)


def _children(element: etree._Element, shape: Shape) -> Iterator[tuple[Child, etree._Element]]:
    """The children with their places in the shape, which they must follow in order."""
    place = 0
    seen: set[str] = set()
    for found in element:
        while place < len(shape.children) and found.tag != _tag(shape.children[place]):
            place += 1
        if place == len(shape.children):
            raise DocumentInvalid(f"{found.tag} is unknown, or not in its place")
        child = shape.children[place]
        if child.wrapper is None:
            yield child, found
            continue
        if found.attrib or not len(found) or (child.once and child.wrapper in seen):
            raise DocumentInvalid(f"{found.tag} is empty, stands there twice or has an attribute")
        seen.add(child.wrapper)
        _refuse_text(found)
        for inner in found:
            if inner.tag != f"{{{NAMESPACE}}}{child.name}":
                raise DocumentInvalid(f"{inner.tag} is unknown in {found.tag}")
            yield child, inner


def _put(members: Members, child: Child, found: etree._Element) -> None:
    read_members = _members(found, child.shape)
    value: object = read_members
    if child.shape is METHOD:
        if read_members != {"Algorithm": SHA256}:
            raise DocumentInvalid("a digest by another method than SHA-256")
        value = SHA256_JSON
    elif child.shape.text is not None and (
        not child.shape.attributes or (child.shape is LANGUAGE and "lang" not in read_members)
    ):
        # A leaf, or a text in the document's own language, is a plain string in JSON.
        value = read_members[child.shape.text]
    if child.inside is not None:
        value = {child.inside: value}
    if not child.many:
        if child.name in members:
            raise DocumentInvalid(f"{found.tag} stands there twice")
        members[child.name] = value
        return
    listed = members.setdefault(child.name, [])
    assert isinstance(listed, list)
    listed.append(value)


def _tolerated(members: Members, shape: Shape) -> Members:
    """The members as the schema spells them, where the prose of RFC 7970 has another spelling."""
    if shape is COUNTER and members.get("type") == "count" and "ext-type" not in members:
        members["type"], members["ext-type"] = "ext-value", "count"
    if shape is CONFIDENCE:
        members["value"] = 0
    return members


def _value(shape: Shape, name: str, text: str) -> object:
    if name in shape.numbers:
        number = text.strip()
        # xs:float is the schema's type of a count, so "3.0" is one.
        if re.fullmatch(r"[0-9]{1,16}(\.0{1,6})?", number) is None:
            raise DocumentInvalid(f"{name or 'a number'} is no whole number")
        return int(number.partition(".")[0])
    return text.strip() if name in shape.names else text


def _tag(child: Child) -> str:
    return child.tag or f"{{{NAMESPACE}}}{child.wrapper or child.name}"


def _refuse_text(element: etree._Element) -> None:
    """Stray text between elements is refused, but for the number a Confidence may hold."""
    stray = [element.text, *(found.tail for found in element)]
    if element.tag == f"{{{NAMESPACE}}}Confidence":
        stray = [text for text in stray if text and not re.fullmatch(r"\s*[0-9.]{1,16}\s*", text)]
    if any(text and not text.isspace() for text in stray):
        raise DocumentInvalid(f"{element.tag} holds a text where elements belong")


def _parsed(content: bytes) -> etree._Element:
    """The root element of well-formed XML that can do no harm.

    The parser is asked only when the bytes hold nothing that could make it look elsewhere; its
    own switches stand behind that as a second wall.
    """
    if len(content) > MOST_BYTES:
        raise DocumentInvalid(f"the document has more than {MOST_BYTES} bytes")
    body = content.removeprefix(b"\xef\xbb\xbf")
    declared = _ENCODING.match(body)
    if b"\x00" in body or (
        declared is not None and declared[1].upper() not in (b"UTF-8", b"US-ASCII")
    ):
        raise DocumentInvalid("the document is not in UTF-8")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise DocumentInvalid("the document has a DOCTYPE")
    if b"<?" in body.removeprefix(b"<?xml"):
        raise DocumentInvalid("the document has a processing instruction")
    try:
        return etree.fromstring(body, _parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DocumentInvalid(str(error)) from error


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        recover=False,
    )


# The published schema.


class Schema:
    """An XML Schema that documents can be checked against."""

    def __init__(self, compiled: etree.XMLSchema) -> None:
        self._compiled = compiled

    def check(self, content: bytes) -> None:
        """Whether ``content`` is valid XML by this schema.

        Raises:
            DocumentInvalid: with the first thing that the schema does not allow.
        """
        root = _parsed(content)
        if not self._compiled.validate(root):
            raise DocumentInvalid(str(self._compiled.error_log)[:500])


def schema(xsd: bytes) -> Schema:
    """The schema that ``xsd`` holds; it may not refer to files.

    Raises:
        DocumentInvalid: it is no XML Schema.
    """
    try:
        return Schema(etree.XMLSchema(_parsed(xsd)))
    except etree.XMLSchemaParseError as error:
        raise DocumentInvalid(str(error)) from error
