"""The doors between two gateways: forged SETs, strangers, and peers that answer nonsense."""

import json
from collections.abc import Iterator

import pytest

from gateway import seal
from gateway.edges.wire import Answer
from gateway.errors import AnswerInvalid, CheckFailed, Unreachable
from gateway.exchange import identity
from gateway.exchange.examine import examine
from gateway.exchange.outbound import Saying
from gateway.exchange.push import push
from gateway.exchange.sync import sync
from gateway.gate import Again
from gateway.gate.checks import refusal
from gateway.model import Kind, SetId
from tests import forgeries
from tests.simulator import JSON, World, address, mail, texts


@pytest.fixture(scope="module")
def doors(tmp_path_factory) -> Iterator[World]:
    """Two gateways whose doors every forgery is tried on; nothing of it may leave a trace."""
    made = World(tmp_path_factory.mktemp("doors"), "FR", "US")
    made.befriend("FR", "US")
    yield made
    made.close()


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """Two gateways that know each other."""
    made = World(tmp_path, "FR", "US")
    made.befriend("FR", "US")
    yield made
    made.close()


def good(world: World, jti: str = "good-1") -> bytes:
    """A small SET of FR's for US that would be taken."""
    body = seal.HeadBody(epoch=1, place=0, digest=b"\x00" * 32)
    subject = seal.stream_subject("a stream")
    return world.token("FR", "US", Saying(kind=Kind.HEAD, subject=subject, body=body, jti=jti))


def tricks(world: World) -> list[forgeries.Forgery]:
    token, signer = good(world), world.at["FR"].keys.message
    return [
        *forgeries.header_tricks(token, signer),
        *forgeries.algorithm_tricks(token, signer),
        *forgeries.shape_tricks(token),
        *forgeries.claim_tricks(token, signer, int(world.clock().timestamp())),
        *forgeries.crossed(token, signer),
    ]


def right(name: str, said: dict[str, str]) -> bool:
    """Whether this is what the check of that name says."""
    check = refusal(name).check
    return said["err"] == check.code and said["description"].startswith(f"{check.number} ")


def test_every_forged_set_is_refused_by_its_number_when_it_comes_alone(doors):
    wrong = []
    for what, token, name in tricks(doors):
        if not token or len(token) > 100_000:
            continue  # The door refuses such a body before it is a SET.
        answer = doors.call_one("FR", "US", token)
        said = json.loads(answer.body)
        if answer.status != refusal(name).check.status or not right(name, said):
            wrong.append((what, name, answer.status, said))
    assert wrong == []
    assert doors.rows("US", "SELECT count(*) FROM received") == [(0,)]


def test_every_forged_set_is_refused_by_its_number_among_others(doors):
    """All of them in calls of many; those that text cannot carry are tried alone above."""
    wrong = []
    found = [(w, t, n) for w, t, n in tricks(doors) if t.isascii()]
    for start in range(0, len(found), 100):
        some = {f"s-{start + k}": trick for k, trick in enumerate(found[start : start + 100])}
        answer = doors.call("FR", "US", {name: token for name, (_, token, _) in some.items()})
        assert answer.status == 202
        said = json.loads(answer.body)
        assert said["ack"] == []
        for name, (what, _, check_name) in some.items():
            refused = said["setErrs"].get(name)
            # What is to come again later is neither taken nor refused.
            unsaid = refusal(check_name).check.again is Again.LATER
            if (refused is None) != unsaid or not (refused is None or right(check_name, refused)):
                wrong.append((what, check_name, refused))
    assert wrong == []
    assert doors.rows("US", "SELECT count(*) FROM received") == [(0,)]


def test_a_bad_set_among_good_ones_does_not_keep_them_back(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(3)))
    world.cable.cut = True
    sync(world.at["FR"])
    sets = world.waiting("FR")
    names = list(sets)
    spoiled = sets | {names[1]: sets[names[1]][:-4] + b"AAAA", "s-9": b"no SET at all"}
    said = json.loads(world.call("FR", "US", spoiled).body)
    assert sorted(said["ack"]) == sorted([names[0], names[2]])
    assert set(said["setErrs"]) == {names[1], "s-9"}
    assert world.rows("US", "SELECT count(*) FROM report") == [(2,)]
    world.cable.cut = False
    world.drain()
    assert world.rows("US", "SELECT count(*) FROM report") == [(3,)]
    assert [state for state, *_ in world.reports_sent("FR")] == ["accepted"] * 3


def test_another_content_under_a_known_name_is_refused_and_kept_as_evidence(world):
    first = good(world)
    assert world.call_one("FR", "US", first).status == 202
    body = seal.HeadBody(epoch=1, place=7, digest=b"\x07" * 32)
    subject = seal.stream_subject("a stream")
    other = Saying(kind=Kind.HEAD, subject=subject, body=body, jti="good-1")
    answer = world.call_one("FR", "US", world.token("FR", "US", other))
    assert answer.status == 400
    assert json.loads(answer.body)["description"].startswith("27 ")
    assert world.rows("US", "SELECT jti FROM conflict") == [("good-1",)]
    assert world.call_one("FR", "US", first).status == 202


@pytest.mark.parametrize("path", ["/ssf/push", "/ssf/push-many"])
def test_every_stranger_gets_the_same_answer(world, path):
    us = world.at["US"].me
    secret = world.headers("FR", "US")["Authorization"].removeprefix("Bearer ")
    answers = set()
    for shown in (
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {secret}",
        f"Bearer {secret}x",
        f"Bearer {secret[:-1]}",
        f"Bearer {secret.upper()}",
        "Bearer \u00e9",
        f"Bearer {secret} {secret}",
    ):
        headers = {"Content-Type": "text/plain"}
        if shown is not None:
            headers["Authorization"] = shown
        answer = world.cable.again(us, us + path, b"x", headers)
        kept = tuple(h for h in answer.headers if h[0] != "date")
        answers.add((answer.status, answer.body.split(b'"incident"')[0], kept))
    assert len(answers) == 1
    assert answers.pop()[0] == 401


def test_a_dismissed_peer_is_a_stranger(world):
    token = good(world)
    identity.dismiss(world.at["US"], world.at["FR"].me, "the agreement ended")
    assert world.call_one("FR", "US", token).status == 401


def test_a_peer_cannot_speak_for_another_one(tmp_path):
    world = World(tmp_path, "FR", "US", "DE")
    for pair in (("FR", "US"), ("DE", "US")):
        world.befriend(*pair)
    said = json.loads(world.call("DE", "US", {"good-1": good(world)}).body)
    assert said["ack"] == []
    assert world.rows("US", "SELECT count(*) FROM received") == [(0,)]
    world.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(status=200, headers=JSON, body=b"garbage"), AnswerInvalid),
        (Answer(status=200, headers=JSON, body=b""), AnswerInvalid),
        (Answer(status=200, headers=JSON, body=b"[]"), AnswerInvalid),
        (Answer(status=200, headers=JSON, body=b"null"), AnswerInvalid),
        (Answer(status=200, headers=JSON, body=b'{"ack":{}}'), AnswerInvalid),
        (Answer(status=200, headers=JSON, body=b'{"setErrs":{"x":null}}'), AnswerInvalid),
        (Answer(status=202, headers=JSON, body=b"{}"), AnswerInvalid),
        (Answer(status=202, headers=JSON, body=b'{"ack":["someone-elses"]}'), AnswerInvalid),
        (Answer(status=202, headers=(), body=b'{"ack":[]}'), AnswerInvalid),
        (Answer(status=204, headers=(), body=b""), AnswerInvalid),
        (Answer(status=401, headers=JSON, body=b"{}"), AnswerInvalid),
        (Answer(status=404, headers=JSON, body=b"{}"), AnswerInvalid),
        (Answer(status=500, headers=(), body=b"<html>"), Unreachable),
        (Answer(status=503, headers=(), body=b""), Unreachable),
        (Unreachable("no route"), Unreachable),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, Answer) else None,
)
def test_after_an_answer_that_says_nothing_every_set_still_waits(world, answer, error):
    world.take("FR", *(mail(address("US"), text) for text in texts(2)))
    world.cable.answers = [answer]
    (line,) = sync(world.at["FR"])
    assert type(line.pushed.error) is error
    assert line.pushed.waiting == 2
    assert world.reports_sent("FR") == [("sent", 0, 0)] * 2
    world.drain()
    assert world.reports_sent("FR") == [("accepted", 1, 1)] * 2
    assert world.rows("US", "SELECT count(*) FROM report") == [(2,)]


def test_an_answer_that_names_some_of_the_sets_leaves_the_others_waiting(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(2)))
    world.cable.cut = True
    sync(world.at["FR"])
    first, second = world.waiting("FR")
    refused = {
        "ack": [first],
        "setErrs": {second: {"err": "invalid_request"}, "other": {"err": ""}},
    }
    world.cable.cut = False
    world.cable.answers = [Answer(status=202, headers=JSON, body=json.dumps(refused).encode())]
    done = push(world.at["FR"], world.at["US"].me)
    assert (done.delivered, done.rejected, done.error) == (1, 1, None)
    assert [state for state, *_ in world.reports_sent("FR")] == ["delivered", "rejected"]


def test_a_later_report_may_take_the_place_of_an_earlier_one(world):
    """The same incident in a new SET that says what it supersedes: one report, at one case."""
    world.take("FR", mail(address("US")))
    sync(world.at["FR"])
    ((token,),) = world.rows("FR", "SELECT token FROM sent WHERE kind = 'report'")
    claims = json.loads(forgeries.decode(bytes(token).split(b".")[1]))
    ((_, event),) = claims["events"].items()
    event["supersedes"] = {"iss": world.at["FR"].me, "jti": claims["jti"]}
    claims["jti"] = "again-1"
    renewed = seal.close(claims, world.at["FR"].keys.message).token
    said = json.loads(world.call("FR", "US", {"again-1": renewed}).body)
    assert said["ack"] == ["again-1"]
    assert world.rows("US", "SELECT state FROM report") == [("filed",)]
    assert world.rows("US", "SELECT reports FROM case_file") == [(1,)]
    query = "SELECT verdict FROM received WHERE kind = 'report' ORDER BY jti = 'again-1'"
    assert world.rows("US", query) == [("superseded",), ("accepted",)]
    claims["jti"] = "again-2"
    event["supersedes"]["jti"] = "again-1"
    again = seal.close(claims, world.at["FR"].keys.message).token
    assert json.loads(world.call("FR", "US", {"again-2": again}).body)["ack"] == ["again-2"]
    assert world.rows("US", "SELECT reports FROM case_file") == [(1,)]


def test_the_same_incident_in_another_set_is_refused_as_known(world):
    world.take("FR", mail(address("US")))
    sync(world.at["FR"])
    ((token,),) = world.rows("FR", "SELECT token FROM sent WHERE kind = 'report'")
    claims = json.loads(forgeries.decode(bytes(token).split(b".")[1])) | {"jti": "again-1"}
    renewed = seal.close(claims, world.at["FR"].keys.message).token
    assert world.call("FR", "US", {"again-1": renewed}).status == 202
    ((verdict, code),) = world.rows("US", "SELECT verdict, code FROM received WHERE jti='again-1'")
    assert (verdict, code) == (refusal("known-already").check.verdict, "known_already")
    assert world.rows("US", "SELECT count(*) FROM report") == [(1,)]


def test_nobody_but_its_author_withdraws_a_report(tmp_path):
    world = World(tmp_path, "FR", "US", "DE")
    for pair in (("FR", "US"), ("DE", "US")):
        world.befriend(*pair)
    world.take("FR", mail(address("US")))
    world.drain()
    ((jti,),) = world.rows("FR", "SELECT jti FROM sent WHERE kind = 'report'")
    meant = SetId(issuer=world.at["FR"].me, jti=str(jti))
    saying = Saying(
        kind=Kind.WITHDRAWAL,
        subject=seal.set_subject(meant),
        body=seal.WithdrawalBody(follows=meant, reason="not mine"),
        txn="t",
        jti="w",
    )
    world.call("DE", "US", {"w": world.token("DE", "US", saying)})
    assert world.rows("US", "SELECT state FROM report") == [("filed",)]
    assert world.rows("US", "SELECT verdict FROM received WHERE jti = 'w'") == [("refused",)]
    world.close()


def test_an_altered_set_in_our_own_store_is_found(world):
    world.take("FR", mail(address("US")))
    world.drain()
    assert examine(world.at["US"])
    with world.at["US"].store.write() as db:
        db.exec_driver_sql("UPDATE received SET digest = zeroblob(32) WHERE kind = 'report'")
    with pytest.raises(CheckFailed, match="not what its digest says"):
        examine(world.at["US"])


def test_many_reports_are_composed_while_earlier_ones_are_on_their_way(world):
    world.take("FR", *(mail(address("US"), number=number) for number in range(450)))
    counts = []
    world.cable.meanwhile = lambda: counts.append(len(world.waiting("FR")))
    (line,) = sync(world.at["FR"])
    assert (line.referred.reports, line.pushed.delivered, line.pushed.calls) == (450, 451, 4)
    assert counts == [200]
    assert world.rows("US", "SELECT count(*) FROM report") == [(450,)]


def test_everything_is_composed_though_the_peer_is_down(world):
    world.take("FR", *(mail(address("US"), number=number) for number in range(450)))
    world.cable.cut = True
    (line,) = sync(world.at["FR"])
    assert (line.referred.reports, line.pushed.delivered) == (450, 0)
    assert type(line.pushed.error) is Unreachable
    assert len(world.waiting("FR")) == 450


def test_an_expired_statement_asks_for_a_new_one_and_an_ended_peer_for_nothing(world):
    world.clock.turn(days=400)
    with pytest.raises(CheckFailed, match="has expired") as failed:
        examine(world.at["FR"])
    assert "peers add" in failed.value.hint
    identity.dismiss(world.at["FR"], world.at["US"].me, "it is closed")
    assert "our statement and those of 0 peers hold" in examine(world.at["FR"])
