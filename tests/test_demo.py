"""The demo: run as anyone runs it, and its parts that can go wrong by themselves."""

import os
import pty
import random
import re
import signal
import ssl
import subprocess
import sys
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from cryptography import x509

from gateway import report
from gateway.edges.demo import mails, processes
from gateway.edges.demo.authority import Authority
from gateway.edges.registry import open_registry
from gateway.errors import HomeUnusable
from gateway.model import Country
from gateway.report import Settings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PARTNERS = (Country("NL"), Country("DE"))
COMMAND = [sys.executable, "-m", "gateway.cli", "demo"]


@pytest.fixture(scope="module")
def registry():
    return open_registry()


def environment(folder: Path) -> dict[str, str]:
    """Ours, with a folder for temporary files of its own and a known width."""
    return {**os.environ, "TMPDIR": str(folder), "COLUMNS": "80"}


def servers_beneath(folder: Path) -> list[int]:
    """The processes that name ``folder`` on their command line."""
    return [
        process.info["pid"]
        for process in psutil.process_iter(["pid", "cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or ())
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    ended = subprocess.run(
        [*COMMAND, "--exit"], capture_output=True, text=True, timeout=240, check=False,
        stdin=subprocess.DEVNULL, env=environment(folder),
    )  # fmt: skip
    return ended, folder


def test_the_demo_ends_well_and_says_nothing_on_standard_error(run) -> None:
    ended, _ = run
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""


def test_nothing_is_left_of_the_demo(run) -> None:
    _, folder = run
    assert servers_beneath(folder) == []
    assert list(folder.iterdir()) == []


def test_every_association_shows_country_fingerprint_and_page(run) -> None:
    ended, _ = run
    assert re.findall(r"^ +(FR|NL|DE) +Demo association", ended.stdout, re.MULTILINE)
    assert len(re.findall(r"fingerprint +(?:[0-9a-f]{4} ?){10}", ended.stdout)) == 3
    assert len(set(re.findall(r"page +(https://127\.0\.0\.1:\d+/)", ended.stdout))) == 3


def test_one_report_is_followed_to_a_verified_receipt(run) -> None:
    ended, _ = run
    assert re.search(r"One report followed, from FR to (NL|DE)", ended.stdout)
    assert "✓ verified" in ended.stdout
    assert len(re.findall(r"its SHA-256 +[0-9a-f]{64}$", ended.stdout, re.MULTILINE)) == 2
    # A long link is folded over lines.
    assert "@redacted.invalid" in re.sub(r"\s+", "", ended.stdout)


def test_the_table_by_country_adds_up(run) -> None:
    ended, _ = run
    row = re.search(
        r"^ +all +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$", ended.stdout, re.MULTILINE
    )
    assert row is not None, ended.stdout
    reports, cases, accepted, refused, waiting, home = map(int, row.groups())
    assert reports == accepted + home == 360
    assert refused == waiting == 0
    assert 0 < cases < reports
    assert accepted > 150


def test_what_went_nowhere_has_its_reasons(run) -> None:
    ended, _ = run
    for reason in ("no peer there yet", "our own country", "no proof of origin"):
        assert reason in ended.stdout


def test_an_altered_set_is_refused_by_the_signature_check(run) -> None:
    ended, _ = run
    assert re.search(r"refused at check 16 signature", ended.stdout)
    assert "0 SETs of it were kept" in ended.stdout


def test_a_repeated_import_adds_nothing(run) -> None:
    ended, _ = run
    assert "360 mails came, 0 were added" in ended.stdout
    assert "Nothing left this machine" in ended.stdout


def test_the_screen_keeps_to_its_width(run) -> None:
    ended, _ = run
    assert max(map(len, ended.stdout.splitlines())) <= 80
    assert not [line for line in ended.stdout.splitlines() if line != line.rstrip()]


def test_on_a_terminal_it_stays_answers_a_browser_and_ends_with_ctrl_c(tmp_path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    own = tmp_path / "own.eml"
    own.write_bytes(b"From: a@example.org\r\nSubject: mine\r\n\r\nhello\r\n")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "--mail", str(own)], stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment(folder) | {"TERM": "dumb"}, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said = ""
    try:
        while "remove everything" not in said:
            said += os.read(ours, 65_536).decode()
        pages = re.findall(r"https://127\.0\.0\.1:\d+/", said)
        assert [browse(page).count("Demo association") > 0 for page in pages] == [True] * 3
        assert servers_beneath(folder)
        process.send_signal(signal.SIGINT)
        with suppress(OSError):  # the terminal is gone when the demo is
            while os.read(ours, 65_536):
                pass
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert "241 mails came, 0 were added" in said
    assert "One report followed, from NL to" in said
    assert servers_beneath(folder) == []
    assert list(folder.iterdir()) == []


def browse(page: str) -> str:
    """A page as a browser gets it whose owner has accepted the throw-away authority."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with urllib.request.urlopen(page, context=context, timeout=60) as answer:
        return answer.read().decode()


def test_a_demo_that_is_told_to_end_leaves_nothing(tmp_path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--exit"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        stdin=subprocess.DEVNULL, env=environment(tmp_path) | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    for line in process.stdout:
        if "Three associations" in line:
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert servers_beneath(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_start_says_why(tmp_path) -> None:
    with processes.Servers() as servers:
        servers.start(tmp_path)
        with pytest.raises(HomeUnusable) as caught:
            servers.wait()
    assert "entente init" in caught.value.detail


def test_the_folder_goes_even_when_something_fails() -> None:
    def fail() -> None:
        raise ValueError("x")

    with suppress(ValueError), processes.folder() as folder:
        (folder / "a").write_text("b")
        fail()
    assert not folder.exists()


def test_free_ports_differ() -> None:
    assert len(set(processes.free_ports(5))) == 5


def test_a_certificate_names_its_host_and_address(tmp_path) -> None:
    Authority().issue("fr.entente.example", "127.0.0.1", tmp_path)
    leaf = x509.load_pem_x509_certificate((tmp_path / "tls-certificate.pem").read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["fr.entente.example"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert (tmp_path / "tls-key.pem").stat().st_mode & 0o077 == 0


def written(registry, seed: int) -> list[mails.Mail]:
    chance = random.Random(seed)
    return list(
        mails.write(registry, chance, own=Country("FR"), partners=PARTNERS, count=60, now=NOW)
    )


def test_every_mail_differs_and_its_origin_is_found_past_the_forged_lines(registry) -> None:
    made = written(registry, 7)
    assert len({mail.content for mail in made}) == len(made) == 60
    for mail in made:
        trace = re.search(rb"\(unknown \[([0-9.]+)\]\)", mail.content)
        found = report.normalise(mail.content, registry.locate, Settings()).origin
        if trace is None or trace[1].startswith(b"10."):
            assert found is None
        else:
            assert found is not None
            assert found.address == trace[1].decode()


def test_the_same_chance_writes_the_same_mails(registry) -> None:
    assert written(registry, 3) == written(registry, 3) != written(registry, 4)


@pytest.mark.parametrize("text", mails.TEXTS, ids=lambda text: text.subject)
def test_every_text_is_judged_as_it_was_meant(registry, text) -> None:
    for mail in (m for seed in range(6) for m in written(registry, seed)):
        start = text.subject.partition("{")[0].encode()
        if b"\r\nSubject: " + start in mail.content and start:
            read = report.normalise(mail.content, registry.locate, Settings())
            assert read.judgement.value == text.meant
