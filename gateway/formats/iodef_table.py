"""How each class of the interchange document stands in XML: the one table of ``iodef``.

Carries the element order of RFC 7970 §3 and the differences that RFC 8727 §2 and §3.3 list: Flow,
Record and the impacts are wrapped in one form and not in the other. The law: what is not in this
table is neither written nor read.
"""

from dataclasses import dataclass, field
from typing import Final

from gateway.formats.iodef_document import NAMESPACE

DSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
"""The namespace that RFC 7970 §3.26.1 takes its digests from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How one class stands in XML: attributes, then text, then children in the schema's order.

    ``text`` is the JSON member that is the element's text, ``numbers`` the members that are
    whole numbers, ``names`` the texts that may be padded with white space in XML.
    """

    attributes: tuple[str, ...] = ()
    text: str | None = None
    children: tuple["Child", ...] = ()
    numbers: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A member that is an element: its JSON name, its tag, its shape, what stands around it.

    ``wrapper`` is an element that only XML has, ``once`` whether there is but one, ``inside`` an
    object that only JSON has.
    """

    name: str
    shape: Shape = field(default_factory=Shape)
    tag: str = ""
    many: bool = True
    wrapper: str | None = None
    once: bool = False
    inside: str | None = None


_LEAF: Final = Shape(text="")
_NUMBER: Final = Shape(text="", numbers=frozenset({""}))
_NAME: Final = Shape(text="", names=frozenset({""}))
LANGUAGE: Final = Shape(attributes=("lang",), text="value")
METHOD: Final = Shape(attributes=("Algorithm",))
_PADDED: Final = frozenset({"value", "id"})


def _one(name: str, shape: Shape = _LEAF) -> Child:
    return Child(name=name, shape=shape, many=False)


def _many(name: str, shape: Shape, wrapper: str | None = None) -> Child:
    return Child(name=name, shape=shape, wrapper=wrapper)


_INCIDENT_ID: Final = Shape(attributes=("name",), text="id", names=_PADDED)
_EXTENSION: Final = Shape(attributes=("name", "dtype"), text="value")
_HASH: Final = Shape(
    children=(
        Child(name="DigestMethod", tag=f"{{{DSIG}}}DigestMethod", shape=METHOD, many=False),
        Child(name="DigestValue", tag=f"{{{DSIG}}}DigestValue", shape=_NAME, many=False),
    )
)
_HASH_DATA: Final = Shape(
    attributes=("scope",), children=(_one("HashTargetID"), _many("Hash", _HASH))
)
_EMAIL_DATA: Final = Shape(
    children=(
        _one("EmailFrom"),
        _one("EmailSubject"),
        _one("EmailX-Mailer"),
        _many("EmailHeaderField", _EXTENSION),
        _many("HashData", _HASH_DATA),
    )
)
_SERVICE: Final = Shape(
    attributes=("ip-protocol",),
    numbers=frozenset({"ip-protocol"}),
    children=(_one("Port", _NUMBER), _one("EmailData", _EMAIL_DATA)),
)
COUNTER: Final = Shape(
    attributes=("type", "ext-type", "unit"), text="value", numbers=frozenset({"value"})
)
_ADDRESS: Final = Shape(attributes=("category",), text="value", names=_PADDED)
_SYSTEM: Final = Shape(
    attributes=("category", "spoofed"),
    children=(
        _one("Node", Shape(children=(_many("Address", _ADDRESS),))),
        _many("Service", _SERVICE),
        _many("Counter", COUNTER),
        _many("AdditionalData", _EXTENSION),
    ),
)
_FILE: Final = Shape(
    children=(
        _one("FileName"),
        _one("FileSize", _NUMBER),
        _one("FileType"),
        _one("HashData", _HASH_DATA),
    )
)
_RECORD: Final = Shape(
    children=(
        _many("RecordItem", _EXTENSION),
        _many("FileData", Shape(children=(_many("File", _FILE),))),
        _many("AdditionalData", _EXTENSION),
    )
)
_EVENT: Final = Shape(
    children=(
        _one("DetectTime", _NAME),
        _many("System", _SYSTEM, wrapper="Flow"),
        Child(name="RecordData", shape=_RECORD, wrapper="Record", once=True),
    )
)
CONFIDENCE: Final = Shape(attributes=("rating",))
_ASSESSMENT: Final = Shape(
    attributes=("occurrence",),
    children=(
        _many("IncidentCategory", LANGUAGE),
        Child(
            name="Impact",
            tag=f"{{{NAMESPACE}}}SystemImpact",
            shape=Shape(attributes=("type",)),
            inside="SystemImpact",
        ),
        _one("Confidence", CONFIDENCE),
    ),
)
_CONTACT: Final = Shape(
    attributes=("role", "type"),
    children=(
        _many("ContactName", LANGUAGE),
        _many("Email", Shape(children=(_one("EmailTo"),))),
    ),
)
_INCIDENT: Final = Shape(
    attributes=("purpose", "restriction", "ext-restriction"),
    children=(
        _one("IncidentID", _INCIDENT_ID),
        _many("RelatedActivity", Shape(children=(_many("IncidentID", _INCIDENT_ID),))),
        _one("ReportTime", _NAME),
        _one("GenerationTime", _NAME),
        _many("Assessment", _ASSESSMENT),
        _many("Contact", _CONTACT),
        _many("EventData", _EVENT),
        _many("AdditionalData", _EXTENSION),
    ),
)
DOCUMENT: Final = Shape(
    attributes=("version", "lang", "format-id"), children=(_many("Incident", _INCIDENT),)
)
