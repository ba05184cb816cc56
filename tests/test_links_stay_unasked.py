"""The hosts of links: a country only where a mail states an address; nothing is asked of anyone.

What a mail shows is never resolved and never fetched, by no part of the normaliser: a program
that reads mails under an audit hook ends as soon as one touches the network or another program.
"""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import report
from gateway.model import Country, Hosting
from tests.hostile import MAILS
from tests.simulator import address, mail, registry

ROOT = Path(__file__).resolve().parents[1]

WATCHED = """
import sys

FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork",
             "os.startfile", "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "ssl.")

def watch(event, arguments):
    if event.startswith(FORBIDDEN):
        sys.stdout.write(f"{event} {arguments!r}")
        sys.stdout.flush()
        import os
        os._exit(9)

from pathlib import Path
from gateway import report
from gateway.edges.registry import open_registry

registry = open_registry()
sys.addaudithook(watch)
if sys.argv[1] == "trap":
    import socket
    socket.getaddrinfo("localhost", 80)
for path in sorted(Path(sys.argv[2]).iterdir()):
    found = report.normalise(path.read_bytes(), registry.locate)
    for link in found.message.links if found.message else ():
        print(link.host, link.country)
"""

LINKS = """\
<html><body><a href="http://login.sender.example/">here</a>
<a href="https://{v4}/login">there</a> <a href="http://[{v6}]:8080/x">and there</a>
<a href="http://user:secret@{v4}/">again</a> <a href="http://{number}/">as a number</a>
<a href="http://192.0.2.7/">an example</a> <a href="http://10.0.0.1/">at home</a>
<img src="http://pixel.sender.example/open.gif?id=1"><link rel=stylesheet href="//css.example/a">
<script src="https://evil.example/a.js"></script><iframe src="http://frame.example/"></iframe>
<form action="http://form.example/post"><input></form> <a href="ftp://files.example/a">file</a>
<a href="mailto:somebody@example.net">write</a>
http://xn--bcher-kva.example/ www.plain.example</body></html>
"""


def watched(directory: Path, how: str = "read") -> subprocess.CompletedProcess[str]:
    """The normaliser at work on the mails of a directory, under the hook."""
    return subprocess.run(
        [sys.executable, "-c", WATCHED, how, str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def letter(v4: str, v6: str) -> bytes:
    number = int.from_bytes(bytes(map(int, v4.split("."))), "big")
    page = LINKS.format(v4=v4, v6=v6, number=number)
    head = mail(address("FR")).partition(b"Content-Type:")[0]
    return head + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + page.encode()


def test_only_links_to_stated_addresses_have_a_country():
    v4, v6 = address("BR", 3), registry().draw(Country("JP"), random.Random(5), version=6)
    found = report.normalise(letter(v4, v6), registry().locate)
    links = {(link.host, link.country) for link in found.message.links}
    assert {(v4, "BR"), (v6, "JP"), ("192.0.2.7", None), ("10.0.0.1", None)} <= links
    named = {country for host, country in links if host.rpartition(".")[2].isalpha()}
    assert named == {None}
    assert len([host for host, _ in links if host.rpartition(".")[2].isalpha()]) > 5


def test_only_addresses_are_ever_located():
    asked = []

    def locate(text: str) -> Hosting:
        asked.append(text)
        return registry().locate(text)

    report.normalise(letter(address("BR", 3), "2a00::7"), locate)
    assert asked
    assert not [text for text in asked if not registry().locate(text)]


def test_a_link_whose_country_is_disputed_has_none():
    v4 = address("BR", 3)

    def locate(text: str) -> Hosting:
        found = registry().locate(text)
        return Hosting(
            address=found.address, country=found.country, network="x", disputed=text == v4
        )

    found = report.normalise(letter(v4, "2a00::7"), locate)
    assert {link.country for link in found.message.links if link.host == v4} == {None}


def test_reading_a_mail_asks_nobody_and_starts_nothing(tmp_path):
    (tmp_path / "a.eml").write_bytes(letter(address("BR", 3), "2a00::7"))
    for at, make in enumerate(MAILS.values()):
        (tmp_path / f"hostile-{at:03}.eml").write_bytes(make(20_000))
    done = watched(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{address('BR', 3)} BR" in done.stdout
    assert "login.sender.example None" in done.stdout


@pytest.mark.parametrize("how", ["trap"])
def test_the_watch_sees_what_it_watches_for(tmp_path, how):
    done = watched(tmp_path, how)
    assert done.returncode == 9
    assert "socket.getaddrinfo" in done.stdout or "socket." in done.stdout
