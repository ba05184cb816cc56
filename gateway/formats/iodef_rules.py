"""The rules of the interchange document that no schema states.

Carries RFC 7970 §4.3 and §5.1: extension twins, addresses that are what their category says,
times that can be. The law: a document that passed here may be read without asking again.
Verbs: ``check`` a document, ``check_times`` against a clock.
"""

import ipaddress
from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import UNSET, UnsetType

from gateway.errors import DocumentInvalid
from gateway.formats.iodef_document import (
    Address,
    Document,
    EventData,
    Extension,
    Incident,
)

SKEW = timedelta(seconds=60)
"""How far ahead of our clock a GenerationTime may lie."""


def check(document: Document) -> Document:
    """The same document, after the rules that no schema states.

    Extension twins (RFC 7970 §5.1), addresses that parse and match their category, one source
    whose Node begins with an address, whole numbers and booleans where a dtype says so.

    Raises:
        DocumentInvalid: naming the rule that is broken.
    """
    incident = document.incidents[0]
    _twin("restriction", incident.restriction, incident.ext_restriction)
    event = incident.events[0]
    if sum(system.category == "source" for system in event.systems) != 1:
        raise DocumentInvalid("there must be exactly one System of category source")
    for system in event.systems:
        for address in system.node.addresses:
            _check_address(address)
        if not system.node.addresses[0].category.endswith("-addr"):
            raise DocumentInvalid("the first Address of a Node must be its IP address")
        if system.category == "source" and not system.services:
            raise DocumentInvalid("the source System has no Service")
    _check_digests(event)
    for extension in _extensions(incident, event):
        _check_extension(extension)
    return document


def check_times(document: Document, now: datetime) -> None:
    """Whether the document was made in the past, as far as two clocks can agree.

    Raises:
        DocumentInvalid: its GenerationTime lies more than ``SKEW`` ahead of ``now``.
    """
    if document.incidents[0].generation_time > now + SKEW:
        raise DocumentInvalid("GenerationTime lies in the future")


def _twin(name: str, value: str | UnsetType, extension: str | UnsetType) -> None:
    if (value == "ext-value") != (extension is not UNSET):
        raise DocumentInvalid(f"{name} and ext-{name} do not fit each other")


def _check_address(address: Address) -> None:
    family, _, kind = address.category.partition("-")
    try:
        if family == "asn":
            fits = address.value == str(int(address.value)) and 0 < int(address.value) < 2**32
        elif kind == "addr":
            known = ipaddress.ip_address(address.value)
            fits = f"ipv{known.version}" == family and "%" not in address.value
        else:
            network = ipaddress.ip_network(address.value)
            fits = f"ipv{network.version}" == family and str(network) == address.value
    except ValueError:
        fits = False
    if not fits:
        raise DocumentInvalid(f"an Address is no {address.category}")


def _check_extension(extension: Extension) -> None:
    value = extension.value
    if extension.dtype == "boolean":
        fits = value in ("true", "false")
    elif extension.dtype == "integer":
        fits = value.isascii() and value.isdigit() and len(value) <= 16
    else:
        fits = True
    if not fits:
        raise DocumentInvalid(f"{extension.name} is no {extension.dtype}")


def _check_digests(event: EventData) -> None:
    """The digest of a mail is salted, always; that of a file is one of its contents."""
    for system in event.systems:
        for service in system.services:
            hashed = service.email_data.hash_data[0]
            if hashed.scope != "email-hash" or hashed.hash_target is UNSET:
                raise DocumentInvalid("the digest of EmailData must be a salted email-hash")
    for record in event.records:
        for listed in record.file_data:
            for file in listed.files:
                if file.hash_data.scope != "file-contents":
                    raise DocumentInvalid("the digest of a File must be of file-contents")


def _extensions(incident: Incident, event: EventData) -> Iterator[Extension]:
    yield from incident.additional
    for system in event.systems:
        yield from system.additional
        for service in system.services:
            yield from service.email_data.header_fields
    for record in event.records:
        yield from record.record_items
        yield from record.additional
