"""The documents say what is there: commands, settings, errors, dependencies."""

import ast
import importlib.util
import inspect
import re
import shlex
import sys
import tomllib
from pathlib import Path

import click
import pytest

from gateway import config, errors, gate, protocol
from gateway.cli import entente

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "gateway" / "docs"
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "keys" / "README.md", *sorted(DOCS.rglob("*.md"))]
INSTALLS = (
    "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/entente demo",
    "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
)
NAMED_OTHERWISE = {"lxml-stubs": "lxml", "types-gunicorn": "gunicorn", "types-requests": "requests"}
TOOLS = {"mypy", "pytest-timeout", "ruff"}
"""Test dependencies that are run, not imported."""
SILENT = {
    "entente case list --most",
    "entente import --format",
    "entente inspect --format",
    "entente peers add --category",
    "entente peers add --max-tlp",
}
"""Options whose names are all they say so far. It only ever gets shorter."""
READ_NOT_IMPORTED = {"geoip2fast": "gateway/edges/geolocations.py"}
"""Dependencies of which only a file is read, and who reads it."""


def _commands(command=entente, words=("entente",)):
    """Every command that does something, with the words that call it."""
    if isinstance(command, click.Group):
        for name in command.list_commands(None):
            yield from _commands(command.get_command(None, name), (*words, name))
    else:
        yield " ".join(words), command


COMMANDS = dict(_commands())


def _blocks(page):
    """The lines of a page's indented or fenced code."""
    fenced = False
    # A line that ends in a backslash goes on in the next one, as in a shell.
    for line in re.sub(r"\\\n\s*", "", page.read_text()).splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()


def _calls():
    """Each call of the command line in the code of our pages, as a list of words."""
    for page in PAGES:
        for line in _blocks(page):
            for part in re.split(r"&&|\|", line):
                call = part.strip()
                if re.match(r"(?:\.venv/bin/)?entente [a-z-]", call):
                    words = shlex.split(call, comments=True)
                    yield pytest.param([w for w in words[1:] if w != "&"], id=call)


@pytest.mark.parametrize("words", list(_calls()))
def test_every_command_in_the_documents_can_be_called_so(words):
    command, rest = entente, list(words)
    while rest[0].startswith("--home"):
        rest = rest[2:]
    while isinstance(command, click.Group):
        assert rest[0] in command.list_commands(None), f"there is no {' '.join(words)}"
        command = command.get_command(None, rest.pop(0))
    options = {name: o for o in command.params for name in o.opts if isinstance(o, click.Option)}
    given = [word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"]
    assert set(given) <= set(options), f"{words} has no {set(given) - set(options)}"
    needed = {o.opts[0] for o in options.values() if o.required}
    assert needed <= set(given), f"{words} lacks {needed - set(given)}"
    wanted = [p for p in command.params if isinstance(p, click.Argument) and p.required]
    taking = sum(1 for name in given if not options[name].is_flag)
    assert len([w for w in rest if not w.startswith("-") or w == "-"]) - taking >= len(wanted)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_says_what_it_does_and_stands_in_the_readme(name):
    assert COMMANDS[name].help, "it says nothing of itself"
    assert re.search(rf"`{re.escape(name)}[ `]", README), "the README does not name it"


def test_every_option_says_what_it_does():
    silent = {
        f"{name} {option.opts[0]}"
        for name, command in COMMANDS.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    }
    assert silent <= SILENT


def test_the_readme_shows_the_demo_as_it_is():
    """Each heading of the output in the README is one that the demo writes, in the same order."""
    source = (ROOT / "gateway" / "edges" / "demo" / "screen.py").read_text()
    titles = re.findall(r'_title\(f?"([^"{]+)', source)
    shown = re.findall(r"^\d\. (.+)$", README, re.MULTILINE)
    assert len(shown) > 5
    found = [next((t for t in titles if one.startswith(t.strip())), None) for one in shown]
    assert None not in found, shown
    assert sorted(found, key=titles.index) == found


def test_the_two_commands_of_the_readme_stand_there_word_for_word():
    lines = list(_blocks(ROOT / "README.md"))
    assert [line for line in lines if line.startswith("python3 -m venv")] == list(INSTALLS)


def _settings():
    """The parsed body of each class of settings in config."""
    tree = ast.parse(inspect.getsource(config))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield pytest.param(node, id=node.name)


@pytest.mark.parametrize("node", list(_settings()))
def test_every_setting_says_what_it_means(node):
    assert ast.get_docstring(node)
    for field, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign):
            name = ast.unparse(field.target)
            if ast.unparse(field.annotation) in vars(config) and hasattr(config.Config, name):
                kind = getattr(config, ast.unparse(field.annotation))
                if inspect.isclass(kind):
                    continue  # A section: its class says what it is.
            assert isinstance(after, ast.Expr), f"{node.name}.{name} is not explained"


def _errors():
    return [e for e in vars(errors).values() if inspect.isclass(e) and issubclass(e, Exception)]


@pytest.mark.parametrize("error", _errors())
def test_every_error_says_when_it_is_raised_and_has_a_public_sentence(error):
    assert vars(error).get("__doc__"), "no docstring of its own"
    assert error.sentence.endswith(".")


def test_no_two_errors_share_a_code():
    said = [error.code for error in _errors() if "code" in vars(error)]
    assert len(said) == len(set(said))


def test_the_page_of_the_gate_is_made_from_the_gate():
    assert (DOCS / "gate.md").read_text() == gate.as_page()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_our_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{target} is not there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page):
    for path in re.findall(r"`((?:gateway|schemas|keys|tests)/[\w./-]+\.\w+)`", page.read_text()):
        assert (ROOT / path).is_file(), path


def test_decisions_are_numbered_without_a_gap():
    numbers = [int(path.name[:4]) for path in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _declared(lines):
    return {re.match(r"[A-Za-z0-9._-]+", line)[0].lower() for line in lines}


def _imported(top):
    """The packages of others that the code under ``top`` imports."""
    found = set()
    for path in (ROOT / top).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module).partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"gateway", "tests"}


DEPENDENCIES = _declared(PROJECT["dependencies"])
TEST_DEPENDENCIES = _declared(PROJECT["optional-dependencies"]["test"])


def test_what_is_imported_is_what_is_declared():
    assert _imported("gateway") == DEPENDENCIES - set(READ_NOT_IMPORTED)


def test_what_the_tests_import_is_what_they_declare():
    stubs = set(NAMED_OTHERWISE)
    assert {NAMED_OTHERWISE[stub] for stub in stubs} <= DEPENDENCIES
    assert _imported("tests") - DEPENDENCIES == TEST_DEPENDENCIES - stubs - TOOLS


@pytest.mark.parametrize("name", list(READ_NOT_IMPORTED))
def test_what_is_not_imported_is_read(name):
    assert name in (ROOT / READ_NOT_IMPORTED[name]).read_text()
    assert importlib.util.find_spec(name)


def test_every_dependency_has_its_reason_beside_it():
    text = (ROOT / "pyproject.toml").read_text()
    for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]:
        assert re.search(rf'"{re.escape(line)}", +# \w', text), line


def test_the_licence_is_there():
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "gateway" / "LICENSE").read_text()[:300]


@pytest.mark.parametrize("kind", list(protocol.RULES))
def test_every_event_type_stands_in_the_profile_as_the_code_has_it(kind):
    rule = protocol.RULES[kind]
    lines = (ROOT / "gateway" / "docs" / "profile.md").read_text().splitlines()
    (row,) = [line for line in lines if line.startswith(f"| {kind} |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == f"`{rule.uri}`"
    assert cells[2] == rule.subject
    assert cells[3] == (", ".join(sorted(rule.follows)) or "-")
    assert cells[4] == ("yes" if rule.receipted else "no")
    assert (cells[5] == "acted on") == (kind in protocol.SPOKEN)
