"""Hostile mail is harmless: no crash, no hang, no wrong document, work in proportion to size."""

import json

import jsonschema
import pytest

from gateway import incident
from gateway.edges import shipped
from gateway.edges.mailboxes import Source
from gateway.edges.reader import Read, Reader
from gateway.edges.registry import open_registry
from gateway.formats import iodef, iodef_json
from gateway.report import Settings, normalise
from tests.documents import crossing_of
from tests.hostile import MAILS
from tests.hostile.growth import exponent
from tests.hostile.mutating import mutants, seeds

STEEPEST = 1.2
"""What the exponent may be; a reader that looks twice at what it has seen reaches 2."""
JUST_UNDER_A_MEGABYTE = 990_000


@pytest.fixture(scope="module")
def registry():
    return open_registry()


@pytest.mark.parametrize("name", MAILS)
def test_work_grows_no_worse_than_linearly_with_the_size_of_a_hostile_mail(name, registry):
    slope = 0.0
    # Another's load on this machine can bend one measurement, but not a patient one.
    for repeats in (1, 3, 9):
        slope = exponent(
            lambda source: normalise(source, registry.locate), MAILS[name], repeats=repeats
        )
        if slope <= STEEPEST:
            return
    assert slope <= STEEPEST


def test_a_hostile_mail_of_a_megabyte_reaches_no_bound_of_time_or_memory():
    sources = [
        Source(name=name, content=make(JUST_UNDER_A_MEGABYTE), octets=0)
        for name, make in MAILS.items()
    ]
    with Reader(Settings()) as pool:
        for source, result in zip(sources, pool.read(sources), strict=True):
            assert isinstance(result, Read)
            assert result.source is source
            assert not [said for said in result.report.problems if said.startswith("reading it")]


class Checks:
    """What must hold of every document: it can be read again, and both of our schemas take it."""

    def __init__(self):
        members = json.loads(shipped.schema(shipped.REPORT_JSON))
        self.json = jsonschema.Draft202012Validator(members)
        self.xml = iodef.schema(shipped.schema(shipped.REPORT_XSD))

    def document(self, report, *, thorough):
        crossing = crossing_of(report)
        document = incident.compose(report, crossing)
        written = incident.guard(iodef_json.write(document), crossing.hider)
        assert iodef_json.read(written) == document
        as_xml = incident.guard(iodef.write(document), crossing.hider)
        self.xml.check(as_xml)
        assert iodef.read(as_xml) == document
        if thorough:  # it costs as much as all the rest
            self.json.validate(json.loads(written))
        return written, as_xml


@pytest.mark.timeout(7_200)
def test_mutated_mails_become_the_same_valid_report_twice(long_campaign, registry):
    """5,000 mails through the whole normaliser, then again in other processes; 100,000 with
    ``--campaign``."""
    number, many = (100_000, 1_000) if long_campaign else (5_000, 1_000)
    found, checks = seeds(registry), Checks()
    parseable = documents = 0
    with Reader(Settings()) as pool:
        for seed in range(number // many):
            sources = [
                Source(name=f"mutant {place} of seed {seed}", content=content, octets=0)
                for place, content in enumerate(mutants(found, many, seed))
            ]
            for source, again in zip(sources, pool.read(sources), strict=True):
                report = normalise(source.content, registry.locate)
                assert isinstance(again, Read)
                assert again.report == report, source.name
                assert report.problems or report.parseable, source.name
                parseable += report.parseable
                if report.origin is not None:
                    documents += 1
                    checks.document(report, thorough=long_campaign or documents % 10 == 0)
    # Damaged, but not so that nothing would be tried.
    assert parseable > number * 0.9
    assert documents > number * 0.4
