import json
import logging
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from io import BytesIO

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import config
from gateway.answers import Tone
from gateway.config import Serve
from gateway.edges import home, serve
from gateway.edges.web import pages
from gateway.edges.web.app import create_app
from gateway.errors import ConfigInvalid
from gateway.gate.checks import CHECKS, Stage, describe
from tests.web_standing import PEER, SECRET, Memory, facts, line, standing

BEARER = {"Authorization": f"Bearer {SECRET}"}
SET = {**BEARER, "Content-Type": "application/secevent+jwt"}
SETS = {**BEARER, "Content-Type": "application/secevents+json"}
TAKERS = ("/ssf/push", "/ssf/push-many")


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def client(memory):
    return create_app(memory, Serve()).test_client()


# One SET (RFC 8935 §2).


def test_a_set_that_is_taken_is_answered_202_with_nothing_in_it(client, memory) -> None:
    answer = client.post("/ssf/push", data=b"a.b.c", headers=SET)
    assert (answer.status_code, answer.data) == (202, b"")
    assert memory.kept == [(PEER, b"a.b.c")]


def test_parameters_and_capitals_of_the_media_type_do_not_matter(client, memory) -> None:
    headers = {**BEARER, "Content-Type": "Application/SecEvent+JWT; charset=utf-8"}
    assert client.post("/ssf/push", data=b"a.b.c", headers=headers).status_code == 202


VALIDATION = [check for check in CHECKS if check.stage is Stage.VALIDATION]


@pytest.mark.parametrize("check", VALIDATION, ids=lambda check: check.name)
def test_a_refused_set_is_answered_with_the_line_of_the_table(client, check) -> None:
    answer = client.post("/ssf/push", data=f"refuse {check.name}".encode(), headers=SET)
    assert answer.status_code == check.status
    assert answer.content_type == "application/json"
    assert answer.headers["Content-Language"] == "en"
    assert answer.json == {"err": check.code, "description": describe(check)}
    assert ("Retry-After" in answer.headers) == (check.status == 503)
    assert b"inner" not in answer.data


def test_a_full_disk_is_503_so_that_the_peer_sends_it_again(client) -> None:
    answer = client.post("/ssf/push", data=b"full", headers=SET)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == "storage_full"
    assert b"db7" not in answer.data


def test_what_nobody_thought_of_shows_an_incident_and_nothing_else(client, caplog) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client.post("/ssf/push", data=b"broken", headers=SET)
    assert answer.status_code == 500
    assert set(answer.json) == {"title", "status", "code", "incident"}
    assert b"inner" not in answer.data
    assert answer.json["incident"] in caplog.text
    assert "secret inner detail" in caplog.text


# Many SETs.


def many(client, sets, **headers):
    body = sets if isinstance(sets, bytes) else json.dumps({"sets": sets}).encode()
    return client.post("/ssf/push-many", data=body, headers={**SETS, **headers})


def test_each_set_of_a_call_has_its_own_answer(client, memory) -> None:
    answer = many(client, {"1": "a.b.c", "2": "bad", "3": "d.e.f"})
    assert (answer.status_code, answer.content_type) == (202, "application/json")
    assert answer.json == {
        "ack": ["1", "3"],
        "setErrs": {"2": {"err": "invalid_key", "description": "14 key: no"}},
    }
    assert [token for _, token in memory.kept] == [b"a.b.c", b"d.e.f"]


def test_a_call_of_no_sets_is_acknowledged(client) -> None:
    assert many(client, {}).json == {"ack": [], "setErrs": {}}


def test_members_that_are_not_known_are_let_be(client) -> None:
    assert many(client, b'{"sets": {"1": "a.b.c"}, "more": [1]}').json["ack"] == ["1"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"sets": []}',
        b'{"sets": {"1": 2}}',
        b'{"sets": {"1": null}}',
        b'{"sets": {"1": "a", "1": "b"}}',
        b'{"sets": {}, "sets": {"1": "a"}}',
        b'{"sets": {"1": "a"}, "x": NaN}',
        b'{"sets": {"1": "\\ud800"}}',
        b'\xef\xbb\xbf{"sets": {}}',
        b'{"sets": {"\xff": "a"}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"sets": {}, "x": ' + b"[" * 40 + b"]" * 40 + b"}",
        b"1" * 10_000,
    ],
)
def test_a_call_with_two_readings_or_none_is_400_and_takes_nothing(client, memory, body) -> None:
    answer = many(client, body)
    assert answer.status_code == 400
    assert answer.json["err"] == "invalid_request"
    assert memory.kept == []


def test_at_most_500_sets_are_taken_in_one_call(client, memory) -> None:
    assert many(client, {str(number): "a" for number in range(500)}).status_code == 202
    assert many(client, {str(number): "b" for number in range(501)}).status_code == 413
    assert {token for _, token in memory.kept} == {b"a"}


def test_a_full_disk_in_a_call_of_many_is_503(client) -> None:
    assert many(client, {"1": "full"}).status_code == 503


# The door.


STRANGE = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer wrong"},
    {"Authorization": SECRET},
    {"Authorization": f"Basic {SECRET}"},
    {"Authorization": f"Bearer {SECRET}, Bearer {SECRET}"},
    {"X-Peer": PEER, "X-Forwarded-For": "127.0.0.1", "X-Client-Cert": "peer"},
]


@pytest.mark.parametrize("path", TAKERS)
@pytest.mark.parametrize("headers", STRANGE, ids=str)
@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"a.b.c", "application/secevent+jwt"),
        (b"", "text/html"),
        (b"x" * 5_000_000, "application/secevents+json"),
    ],
    ids=["small", "empty", "too large"],
)
def test_every_stranger_gets_the_same_401_whatever_comes(
    client, memory, path, headers, body, media
) -> None:
    answer = client.post(path, data=body, headers={**headers, "Content-Type": media})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    live = next(check for check in CHECKS if check.name == "live-peer")
    assert answer.json == {"err": live.code, "description": describe(live)}
    assert memory.kept == []


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/ssf/push", SETS, b"a.b.c", 415),
        ("/ssf/push-many", SET, b'{"sets": {}}', 415),
        ("/ssf/push", BEARER, b"a.b.c", 415),
        ("/ssf/push", {**SET, "Content-Encoding": "gzip"}, b"a.b.c", 415),
        ("/ssf/push", {**SET, "Content-Encoding": "identity"}, b"a.b.c", 202),
        ("/ssf/push", SET, b"x" * 100_000, 202),
        ("/ssf/push", SET, b"x" * 100_001, 413),
        ("/ssf/push-many", SETS, b'{"sets": {}}' + b" " * 3_999_988, 202),
        ("/ssf/push-many", SETS, b'{"sets": {}}' + b" " * 3_999_989, 413),
    ],
)
def test_size_media_type_and_coding_are_checked_behind_the_door(
    client, path, headers, body, status
) -> None:
    assert client.post(path, data=body, headers=headers).status_code == status


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options", "head"])
@pytest.mark.parametrize("path", TAKERS)
def test_other_methods_are_405_as_a_problem_document(client, method, path) -> None:
    answer = getattr(client, method)(path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.content_type == "application/problem+json"


# Statement, page, and everything.


def test_the_statement_is_served_as_it_is(client) -> None:
    answer = client.get("/.well-known/openid-federation")
    assert (answer.status_code, answer.content_type) == (200, "application/entity-statement+jwt")
    assert answer.data.startswith(b"head.0.")


def test_the_page_is_404_where_the_settings_say_so(memory) -> None:
    hidden = create_app(memory, Serve(status_page=False)).test_client()
    for path in ("/", "/static/status.css", "/static/icon.svg"):
        answer = hidden.get(path)
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/", "/static/status.css", "/ssf/push", "/nothing"])
def test_every_answer_forbids_scripts_and_caches(client, path) -> None:
    answer = client.get(path)
    headers = answer.headers
    answer.close()
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def page_of(shown):
    answer = create_app(Memory(shown), Serve()).test_client().get("/")
    assert answer.status_code == 200
    return lxml.html.document_fromstring(answer.text)


def test_the_page_says_who_we_are_and_what_became_of_the_last_exchanges() -> None:
    page = page_of(facts())
    text = " ".join(page.text_content().split())
    assert "Association nationale contre le pourriel" in text
    assert "NzbL sXh8 uDCc" in text
    assert "412 806 reports taken in" in text
    assert "23 Nov 2026, 09:57" in text
    fates = [cell.text_content().strip() for cell in page.xpath("//td[@class='fate']")]
    assert fates[0] == "receipt verified"
    assert fates[3] == "refused: 16 signature"


def test_a_page_without_exchanges_says_so() -> None:
    assert "Nothing has been exchanged yet" in page_of(facts(last=(), counts=())).text_content()


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing() -> None:
    page = page_of(facts())
    assert page.xpath("//script | //iframe | //form | //@style | //@onclick | //style") == []
    loads = page.xpath("//@src | //link/@href")
    assert loads
    assert all(place.startswith("/static/") for place in loads)


def shape(page) -> list[tuple[str, tuple[str, ...]]]:
    return [(element.tag, tuple(element.attrib)) for element in page.iter()]


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "{{ 7 * 7 }}{% for x in y %}",
    "</bdi></td></table><h1>approved</h1>",
    "javascript:alert(1)",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "\x1b[2J\x00\x07",
    "<!--",
    "&lt;b&gt;&#60;",
    "=1+1",
    "x" * 100_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_hostile_text_changes_nothing_but_the_text(text) -> None:
    def filled(words):
        row = line(
            1, outgoing=True, what=words, fate=words, tone=Tone.BAD, peer=words, country=words
        )
        return page_of(
            facts(name=words, id=words, mailbox=words, fingerprint=words[:4], country=words,
                  last=(row,), counts=((words, 1),))
        )  # fmt: skip

    assert shape(filled(text)) == shape(filled("calm"))


@given(st.text(max_size=300))
def test_what_is_shown_has_no_character_that_cannot_be_seen(text) -> None:
    assert pages.shown(text).isprintable()


# A real server, raw bytes.


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with standing(tmp_path_factory.mktemp("web"), header_seconds=2.0, body_seconds=2.0) as running:
        yield running


HEAD = (
    f"POST /ssf/push HTTP/1.1\r\nHost: entente.example.org\r\nAuthorization: Bearer {SECRET}\r\n"
    "Content-Type: application/secevent+jwt\r\n"
).encode()
CLOSE = b"Connection: close\r\n"


def kept(server) -> int:
    request = b"GET /.well-known/openid-federation HTTP/1.1\r\nHost: a\r\n" + CLOSE + b"\r\n"
    return int(server.say(request).rpartition(b"\r\n\r\n")[2].split(b".")[1])


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def test_a_whole_set_is_taken_over_the_wire(server) -> None:
    before = kept(server)
    answer = server.say(HEAD + CLOSE + b"Content-Length: 5\r\n\r\na.b.c")
    assert statuses(answer) == [202]
    assert kept(server) == before + 1


def test_two_calls_over_one_connection_are_two(server) -> None:
    before = kept(server)
    one = HEAD + b"Content-Length: 5\r\n\r\na.b.c"
    last = one.replace(b"\r\n\r\n", b"\r\n" + CLOSE + b"\r\n")
    assert statuses(server.say(one + last)) == [202, 202]
    assert kept(server) == before + 2


BROKEN = {
    "no length": HEAD + CLOSE + b"\r\na.b.c",
    "two lengths": HEAD + CLOSE + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\na.b.c.",
    "two equal lengths": HEAD + CLOSE + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\na.b.c",
    "a list of lengths": HEAD + CLOSE + b"Content-Length: 5, 5\r\n\r\na.b.c",
    "signed length": HEAD + CLOSE + b"Content-Length: +5\r\n\r\na.b.c",
    "negative length": HEAD + CLOSE + b"Content-Length: -5\r\n\r\na.b.c",
    "hexadecimal length": HEAD + CLOSE + b"Content-Length: 0x5\r\n\r\na.b.c",
    "length and chunks": HEAD + CLOSE
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na.b.c\r\n0\r\n\r\n",
    "chunks": HEAD + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n5\r\na.b.c\r\n0\r\n\r\n",
    "broken chunks": HEAD + CLOSE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\na.b.c\r\n",
    "strange coding": HEAD + CLOSE
    + b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\na.b.c",
    "bare LF": HEAD.replace(b"\r\n", b"\n") + b"Content-Length: 5\n\na.b.c",
    "space before the colon": HEAD + CLOSE + b"Content-Length : 5\r\n\r\na.b.c",
    "folded line": HEAD + CLOSE + b"X-A: 1\r\n Content-Length: 5\r\n\r\na.b.c",
    "underscore": HEAD + CLOSE + b"Content_Length: 5\r\n\r\na.b.c",
    "NUL in a header": HEAD + CLOSE + b"X-A: \x00\r\nContent-Length: 5\r\n\r\na.b.c",
    "header of 10 kB": HEAD + CLOSE
    + b"X-A: " + b"a" * 10_000 + b"\r\nContent-Length: 5\r\n\r\na.b.c",
    "60 headers": HEAD + CLOSE + b"X-A: 1\r\n" * 60 + b"Content-Length: 5\r\n\r\na.b.c",
    "HTTP/0.9": b"POST /ssf/push\r\n\r\n",
    "garbage": b"\x16\x03\x01" * 30 + b"\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_frame_is_refused_once_and_takes_nothing(server, name) -> None:
    before = kept(server)
    answer = server.say(BROKEN[name])
    assert len(statuses(answer)) == 1, answer
    assert statuses(answer)[0] in {400, 411, 415, 431, 501}, answer
    assert kept(server) == before


@pytest.mark.parametrize(("came", "status"), [(b"a.b", 400), (b"", 400), (b"a.b.c", 202)])
def test_a_body_is_taken_only_if_it_is_as_long_as_was_said(client, memory, came, status) -> None:
    environ = {"wsgi.input": BytesIO(came), "CONTENT_LENGTH": "5"}
    answer = client.post("/ssf/push", headers=SET, environ_overrides=environ)
    assert answer.status_code == status
    assert len(memory.kept) == (status == 202)


def test_a_body_that_cannot_be_read_is_400(client, memory) -> None:
    class Broken:
        def read(self, _: int) -> bytes:
            raise ConnectionResetError

    environ = {"wsgi.input": Broken(), "CONTENT_LENGTH": "5"}
    answer = client.post("/ssf/push", headers=SET, environ_overrides=environ)
    assert (answer.status_code, answer.json["err"]) == (400, "invalid_request")
    assert memory.kept == []


@pytest.mark.parametrize("path", TAKERS)
def test_a_body_cut_short_is_never_taken_for_a_whole_one(server, path) -> None:
    before = kept(server)
    head = HEAD.replace(b"/ssf/push", path.encode())
    if path.endswith("many"):
        head = head.replace(b"secevent+jwt", b"secevents+json")
    body = b'{"sets":{"1":"a.b.c"}}'
    answer = server.say(head + b"Content-Length: 50\r\n\r\n" + body, end=True)
    assert statuses(answer) in ([400], [])
    assert kept(server) == before


def test_a_body_longer_than_was_said_is_not_a_second_call(server) -> None:
    before = kept(server)
    smuggled = HEAD + CLOSE + b"Content-Length: 5\r\n\r\nx.y.z"
    answer = server.say(HEAD + CLOSE + b"Content-Length: 5\r\n\r\na.b.c" + smuggled)
    assert statuses(answer) == [202]
    assert kept(server) == before + 1


def test_a_stranger_with_a_large_body_is_answered_before_it_is_read(server) -> None:
    head = HEAD.replace(SECRET.encode(), b"nobody") + b"Content-Length: 4000000\r\n\r\n"
    assert statuses(server.say(head + b"x" * 10)) == [401]


@pytest.mark.parametrize("part", [b"", HEAD, HEAD + b"Content-Length: 50\r\n\r\na"])
def test_more_slow_callers_than_threads_do_not_keep_others_out(server, part) -> None:
    # Four threads; six callers send a part and then wait. Each is cut off in time.
    slow = [server.connect() for _ in range(6)]
    try:
        for caller in slow:
            caller.sendall(part)
        assert kept(server) >= 0
        if part:
            for caller in slow:
                with suppress(OSError):
                    assert caller.recv(100) == b""
    finally:
        for caller in slow:
            caller.close()


def test_a_caller_that_never_greets_is_cut_off(server) -> None:
    callers = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(6)]
    try:
        for caller in callers:
            caller.sendall(b"\x16\x03")
        assert kept(server) >= 0
    finally:
        for caller in callers:
            caller.close()


def test_many_callers_at_once_are_all_answered(server) -> None:
    before = kept(server)
    answers: list[list[int]] = []

    def call() -> None:
        whole = HEAD + CLOSE + b"Content-Length: 5\r\n\r\na.b.c"
        answers.extend(statuses(server.say(whole)) for _ in range(10))

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert answers == [[202]] * 80
    assert kept(server) == before + 80


def test_what_the_server_writes_is_for_its_owner_alone(server) -> None:
    request = b"GET /.well-known/openid-federation HTTP/1.1\r\nHost: a\r\n" + CLOSE + b"\r\n"
    assert server.say(request).endswith(b".77")


def test_the_server_ends_in_order_when_it_is_asked_to(tmp_path) -> None:
    with standing(tmp_path) as running:
        assert kept(running) == 0
        running.process.terminate()
        assert running.process.wait(30) == 0


def test_a_server_without_its_certificate_does_not_start(tmp_path) -> None:
    made = home.create(tmp_path / "home", config.example("https://a.example.org", "FR", "A"))
    read, _ = home.open_home(made.path)
    with pytest.raises(ConfigInvalid) as caught:
        serve.serve(lambda: None, read.serve, made, print)
    assert "tls-certificate.pem" in caught.value.detail


def test_a_server_whose_port_is_taken_says_so(tmp_path) -> None:
    with standing(tmp_path) as running:
        made = home.Home(path=tmp_path / "home")
        taken = Serve(bind=f"127.0.0.1:{running.port}")
        with pytest.raises(ConfigInvalid) as caught:
            serve.serve(lambda: None, taken, made, print)
        assert str(running.port) in caught.value.detail


def test_a_server_whose_application_cannot_be_made_says_why_and_ends(tmp_path) -> None:
    with standing(tmp_path):
        pass
    settings = tmp_path / "home" / "entente.toml"
    settings.write_text(settings.read_text().replace('"Signal"', '"nobody"'))
    ended = subprocess.run(
        [sys.executable, "-m", "tests.web_standing", str(tmp_path / "home")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode != 0
    assert "no database" in ended.stderr
    assert "entente init" in ended.stderr
    assert "listening" not in ended.stdout
