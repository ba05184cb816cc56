"""The list of standards says what is true: of each, how far it goes, and whose work it is."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAD = ("standard", "status", "module", "tests", "note")
STATUSES = ("Yes", "Partial", "Planned", "No")
LINES = (ROOT / "gateway" / "docs" / "standards.tsv").read_text().splitlines()
ROWS = [dict(zip(HEAD, line.split("\t"), strict=True)) for line in LINES[1:]]
_CITED = re.compile(r"\bRFCs? ?(\d{3,5})")
_TEXTS = {".py", ".md", ".json", ".xsd", ".html"}


def _by(*statuses):
    return [
        pytest.param(row, id=row["standard"].replace(" ", "-"))
        for row in ROWS
        if row["status"] in statuses
    ]


@cache
def _cited():
    """Each RFC that our code and documents cite, with the files that do."""
    found = {}
    for top in ("gateway", "schemas", "README.md"):
        place = ROOT / top
        for path in [place] if place.is_file() else place.rglob("*"):
            if path.suffix in _TEXTS and path.is_file():
                for number in _CITED.findall(path.read_text()):
                    found.setdefault(f"RFC {number}", set()).add(str(path.relative_to(ROOT)))
    return found


def test_the_list_has_a_head_and_five_columns():
    assert tuple(LINES[0].split("\t")) == HEAD
    assert all(row["standard"] and row["status"] in STATUSES for row in ROWS)


def test_no_standard_stands_twice_and_rfcs_stand_in_order():
    names = [row["standard"] for row in ROWS]
    assert len(names) == len(set(names))
    numbers = [int(name[4:]) for name in names if name.startswith("RFC ")]
    assert numbers == sorted(numbers)


def test_every_rfc_that_is_cited_stands_in_the_list():
    listed = {row["standard"] for row in ROWS}
    missing = {rfc: sorted(where) for rfc, where in _cited().items() if rfc not in listed}
    assert missing == {}


@pytest.mark.parametrize("row", _by("Yes", "Partial"))
def test_what_is_there_has_a_module(row):
    assert row["module"], "nobody owns it"
    assert (ROOT / row["module"]).is_file()


@pytest.mark.parametrize("row", _by("Yes"))
def test_what_is_whole_has_a_test_of_its_module(row):
    """The test file named exists and asks that module, or the package that stands for it."""
    assert row["tests"], "nothing tests it"
    text = (ROOT / row["tests"]).read_text()
    module = Path(row["module"]).with_suffix("")
    name = module.parent.name if module.name == "__init__" else module.name
    assert re.search(rf"\b(?:{name}|{module.parent.name})\b", text), f"{name} is not asked there"


@pytest.mark.parametrize("row", _by("Partial"))
def test_what_is_partial_says_which_part(row):
    assert row["note"]
    assert not row["tests"] or (ROOT / row["tests"]).is_file()


@pytest.mark.parametrize("row", _by("Planned", "No"))
def test_what_is_not_there_names_no_module(row):
    assert (row["module"], row["tests"]) == ("", "")


@pytest.mark.parametrize("row", _by("Yes", "Partial"))
def test_the_owner_of_an_rfc_says_so_in_its_text(row):
    """A citation stands in the owning module or its package, so that both can be found."""
    if not row["standard"].startswith("RFC "):
        return
    owner = ROOT / row["module"]
    places = _cited().get(row["standard"], set())
    near = {str(path.relative_to(ROOT)) for path in owner.parent.glob("*.py")}
    assert str(owner.relative_to(ROOT)) in places or near & places, sorted(places)


def test_the_table_in_the_readme_says_the_same():
    text = (ROOT / "README.md").read_text()
    table = text.partition("| standard | status | note |")[2].partition("\n\n")[0]
    said = re.findall(r"^\| ([^|]+) \| (\w+) \| ?(.*?) ?\|$", table, re.MULTILINE)
    listed = {(row["standard"], row["status"], row["note"]) for row in ROWS}
    assert len(said) > 10
    assert set(said) <= listed
