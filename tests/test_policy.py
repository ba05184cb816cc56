"""When a case goes abroad: at every limit of the policy exactly, with its code and its words."""

import dataclasses
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from gateway import app, report, route
from gateway.config import Policy
from gateway.exchange.deciding import heavier, route_again
from gateway.exchange.examine import examine
from gateway.exchange.inspect import look
from gateway.exchange.sync import sync
from gateway.exchange.withdraw import withdraw
from gateway.model import Category, Country, Nowhere, PeerId, Route, evolve
from gateway.route import Standing
from tests.simulator import AT_ONCE, World, address, mail, registry, texts

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
GOING = Route(peer=PeerId("https://us.example.org"), countries=(Country("US"),), reason="US serves")
PLAIN = Policy(waiting_minutes=0)
SECOND = timedelta(seconds=1)


def standing(**changes: object) -> Standing:
    made = Standing(category=Category.SPAM, reporters=1, newest=NOW, opened_at=NOW)
    return evolve(made, **changes)


@pytest.mark.parametrize(
    ("case", "policy", "code"),
    [
        (standing(newest=NOW - timedelta(days=14)), PLAIN, None),
        (standing(newest=NOW - timedelta(days=14, microseconds=1)), PLAIN, Nowhere.TOO_OLD),
        (standing(newest=NOW - timedelta(days=15)), evolve(PLAIN, oldest_days=15), None),
        (standing(reporters=2), evolve(PLAIN, reporters=2), None),
        (standing(reporters=1), evolve(PLAIN, reporters=2), Nowhere.TOO_FEW_REPORTERS),
        (standing(opened_at=NOW - timedelta(minutes=15)), Policy(), None),
        (standing(opened_at=NOW - timedelta(minutes=15) + SECOND), Policy(), Nowhere.WAITING),
        (standing(), PLAIN, None),
        (standing(category=Category.OTHER), PLAIN, None),
        (standing(category=Category.OTHER), Policy(categories=(Category.SPAM,)), Nowhere.CATEGORY),
        (standing(category=Category.LEGITIMATE), PLAIN, Nowhere.LEGITIMATE),
    ],
)
def test_a_case_goes_at_the_limit_and_not_beyond_it(case, policy, code):
    decided = route.hold(GOING, case, policy, NOW)
    assert decided.none is code
    assert decided.peer == (GOING.peer if code is None else None)


@pytest.mark.parametrize(
    ("case", "policy", "words"),
    [
        (
            standing(newest=NOW - timedelta(days=20)),
            PLAIN,
            (
                "its newest mail came on 2026-02-12 12:00 UTC, more than 14 days"
                " (policy.oldest_days) ago: counted, not sent; a younger one lets it go: US serves"
            ),
        ),
        (
            standing(),
            evolve(PLAIN, reporters=3),
            "1 of 3 reporters (policy.reporters) so far; with the last of them it goes: US serves",
        ),
        (
            standing(),
            Policy(),
            (
                "held until 2026-03-04 12:15:00 UTC for second thoughts (policy.waiting_minutes),"
                " then it goes: US serves"
            ),
        ),
        (
            standing(),
            evolve(PLAIN, categories=(Category.MALWARE,)),
            "policy.categories leaves out spam; called otherwise, it goes: US serves",
        ),
        (
            standing(category=Category.LEGITIMATE),
            PLAIN,
            "judged legitimate, so it accuses nobody; only another judgement by hand lets it go",
        ),
    ],
)
def test_every_hold_says_why_and_what_would_change_it(case, policy, words):
    assert route.hold(GOING, case, policy, NOW).reason == words


def test_what_flows_is_held_by_its_name_only():
    old = standing(newest=NOW - timedelta(days=99), reporters=0, flows=True)
    assert route.hold(GOING, old, Policy(reporters=5), NOW) == GOING
    harmless = evolve(old, category=Category.LEGITIMATE)
    assert route.hold(GOING, harmless, Policy(), NOW).none is Nowhere.LEGITIMATE


@pytest.mark.parametrize("shelf", sorted(set(Nowhere) - route.HELD))
def test_a_case_that_goes_nowhere_keeps_its_shelf(shelf):
    nowhere = Route(none=shelf, reason="x")
    assert route.hold(nowhere, standing(reporters=0), Policy(reporters=9), NOW) == nowhere
    harmless = route.hold(nowhere, standing(category=Category.LEGITIMATE), Policy(), NOW)
    waits = shelf in {Nowhere.NO_PEER, Nowhere.NOT_AGREED}
    assert harmless.none is (Nowhere.LEGITIMATE if waits else shelf)


@pytest.mark.parametrize(
    ("one", "other", "called"),
    [
        (Category.LEGITIMATE, Category.OTHER, Category.OTHER),
        (Category.OTHER, Category.SPAM, Category.SPAM),
        (Category.LEGITIMATE, Category.PHISHING, Category.PHISHING),
        (Category.SPAM, Category.PHISHING, Category.SPAM),
        (Category.SPAM, Category.LEGITIMATE, Category.SPAM),
        (Category.OTHER, Category.LEGITIMATE, Category.OTHER),
    ],
)
def test_what_says_nothing_gives_way_and_a_harmless_copy_shields_no_mailing(one, other, called):
    assert heavier(one, other) is called


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """Two gateways that know each other, and FR with the policy of a new installation."""
    made = World(tmp_path, "FR", "US")
    made.befriend("FR", "US")
    made.clock.time = made.clock.time.replace(microsecond=0)
    follow(made, Policy())
    yield made
    made.close()


def follow(world: World, policy: Policy) -> None:
    """Let FR follow ``policy`` from now on, as after a restart."""
    fr = world.at["FR"]
    world.replace("FR", dataclasses.replace(fr, config=evolve(fr.config, policy=policy)))


def fresh(world: World, text: str = "", *, number: int = 1, **age: float) -> bytes:
    return mail(address("US"), text, number=number, at=world.clock() - timedelta(**age))


def case(world: World) -> tuple[object, ...]:
    """The only case of FR: its shelf, its peer, its reports and its reporters."""
    (row,) = world.rows("FR", "SELECT shelf, peer IS NOT NULL, reports, reporters FROM case_file")
    return row


def arrived(world: World) -> int:
    ((number,),) = world.rows("US", "SELECT count(*) FROM report WHERE state = 'filed'")
    return int(str(number))


def test_a_case_waits_for_second_thoughts_and_goes_by_itself(world, tmp_path):
    world.take("FR", fresh(world))
    assert case(world) == ("waiting", 0, 1, 1)
    world.clock.turn(minutes=15, seconds=-1)
    world.drain()
    assert (case(world)[0], arrived(world)) == ("waiting", 0)
    world.clock.turn(seconds=1)
    # The end of the wait is found by another process, which knows nothing but the database.
    old = world.at["FR"]
    old.store.close()
    opened = app.open_gateway(tmp_path / "FR", registry=registry())
    world.replace("FR", dataclasses.replace(old, store=opened.store))
    world.drain()
    assert (case(world), arrived(world)) == ((None, 1, 1, 1), 1)
    world.take("FR", fresh(world, number=2))
    world.drain()
    assert arrived(world) == 2
    assert examine(world.at["FR"])


def test_the_next_reporter_lifts_the_threshold_and_the_same_one_does_not(world):
    follow(world, Policy(reporters=2, waiting_minutes=0))
    world.take("FR", fresh(world, number=1), reporter="one")
    world.take("FR", fresh(world, number=2), reporter="one")
    world.drain()
    assert (case(world), arrived(world)) == (("too_few_reporters", 0, 2, 1), 0)
    world.take("FR", fresh(world, number=3), reporter="two")
    assert case(world) == (None, 1, 3, 2)
    world.drain()
    assert arrived(world) == 3


def test_reporters_that_came_in_one_batch_unnamed_are_counted_each(world):
    follow(world, Policy(reporters=3, waiting_minutes=0))
    world.take("FR", fresh(world, number=1), fresh(world, number=2))
    (reason,) = world.rows("FR", "SELECT reason FROM case_file")
    assert str(reason[0]).startswith("2 of 3 reporters")
    world.take("FR", fresh(world, number=3))
    world.drain()
    assert arrived(world) == 3


def test_how_many_are_missing_is_said_anew_with_each_reporter(world):
    follow(world, Policy(reporters=3, waiting_minutes=0))
    for number in (1, 2):
        world.take("FR", fresh(world, number=number), reporter=f"r{number}")
        (reason,) = world.rows("FR", "SELECT reason FROM case_file")
        assert str(reason[0]).startswith(f"{number} of 3 reporters")


def test_a_reporter_who_took_the_complaint_back_counts_no_more(world):
    follow(world, Policy(reporters=2, waiting_minutes=0))
    (first,) = world.take("FR", fresh(world, number=1), reporter="one").reports
    withdraw(world.at["FR"], first, "a slip of the hand")
    world.take("FR", fresh(world, number=2), reporter="two")
    assert case(world) == ("too_few_reporters", 0, 1, 1)
    (again,) = world.take("FR", fresh(world, number=3), reporter="two").reports
    withdraw(world.at["FR"], again, "twice")
    assert case(world) == ("too_few_reporters", 0, 1, 1)


def test_what_is_withdrawn_while_it_waits_is_never_sent(world):
    (name,) = world.take("FR", fresh(world)).reports
    withdraw(world.at["FR"], name, "a slip of the hand")
    world.clock.turn(minutes=20)
    world.drain()
    assert world.cable.calls == []


def test_reports_too_old_are_counted_and_never_sent_though_a_younger_one_goes(world):
    follow(world, PLAIN)
    world.take("FR", fresh(world, number=1, days=14, seconds=1), fresh(world, number=2, days=40))
    assert case(world) == ("too_old", 0, 2, 2)
    world.take("FR", fresh(world, number=3, days=14))
    assert case(world) == (None, 1, 3, 3)
    world.take("FR", fresh(world, number=4, days=15))
    world.drain()
    assert arrived(world) == 1
    fates = world.rows("FR", "SELECT fate, why FROM report ORDER BY seen_at")
    assert fates == [("too_old", route.STALE)] * 3 + [("referred", "")]


def test_a_report_that_grows_old_while_it_has_no_peer_is_not_sent_when_one_comes(tmp_path):
    world = World(tmp_path, "FR", "US")
    follow(world, PLAIN)
    old, young = texts(2)
    world.take("FR", fresh(world, old, days=10), fresh(world, young, days=1))
    world.clock.turn(days=5)
    world.befriend("FR", "US")
    world.drain()
    rows = world.rows("FR", "SELECT shelf, peer IS NOT NULL FROM case_file ORDER BY first_seen")
    assert rows == [("too_old", 0), (None, 1)]
    assert arrived(world) == 1
    world.close()


def test_a_stamp_of_the_future_or_none_counts_as_of_the_report(world):
    follow(world, PLAIN)
    one, two = texts(2)
    unstamped = re.sub(rb"(for <reader@example.org>;)[^\r]+", rb"\1 yesterday", fresh(world, two))
    world.take("FR", fresh(world, one, days=-30), unstamped)
    world.drain()
    assert arrived(world) == 2
    assert world.rows("FR", "SELECT count(*) FROM report WHERE seen_at = recorded_at") == [(2,)]


def test_a_harmless_copy_does_not_shield_the_mailing(world):
    follow(world, PLAIN)
    wanted = (
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nwanted\r\n"
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: not-spam\r\n"
        b"User-Agent: x\r\nVersion: 1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    )
    world.take("FR", wanted + fresh(world, number=1) + b"\r\n--b--\r\n")
    assert case(world) == ("legitimate", 0, 1, 1)
    world.take("FR", fresh(world, number=2))
    assert case(world) == (None, 1, 2, 2)
    world.drain()
    assert arrived(world) == 1
    world.take("FR", wanted + fresh(world, number=3) + b"\r\n--b--\r\n")
    rows = world.rows("FR", "SELECT category = 'legitimate', fate FROM report ORDER BY id")
    assert rows == [(1, "kept"), (0, "referred"), (1, "kept")]
    assert case(world) == (None, 1, 3, 3)


def test_a_change_of_policy_is_followed_by_what_is_held_and_by_what_flows(world):
    follow(world, Policy(reporters=2, waiting_minutes=0))
    world.take("FR", fresh(world))
    world.drain()
    assert case(world)[0] == "too_few_reporters"
    follow(world, PLAIN)
    assert route_again(world.at["FR"]) == 1
    assert case(world)[0] is None
    follow(world, evolve(PLAIN, categories=(Category.MALWARE,)))
    assert route_again(world.at["FR"]) == 1
    assert case(world)[0] == "category"
    world.drain()
    assert arrived(world) == 0
    assert world.rows("FR", "SELECT fate FROM report") == [("kept",)]


def statements(world: World, call) -> list[str]:
    """Every statement that ``call`` has FR's database run, but for opening transactions."""
    seen: list[str] = []
    engine = world.at["FR"].store._engine

    def note(_connection, _cursor, statement, *_rest) -> None:
        seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    call()
    sa.event.remove(engine, "before_cursor_execute", note)
    return [one for one in seen if not one.startswith(("BEGIN", "PRAGMA"))]


@pytest.mark.parametrize("number", [3, 60])
def test_a_sync_with_nothing_due_reads_little_and_writes_nothing_whatever_the_number_of_cases(
    world, number
):
    world.take("FR", *(fresh(world, text) for text in texts(number)))
    route_again(world.at["FR"])
    ran = statements(world, lambda: route_again(world.at["FR"]))
    assert len(ran) == 3
    assert all(one.startswith("SELECT") for one in ran)


def test_only_what_is_due_is_decided_and_each_case_once(world):
    early, late = texts(60)[:40], texts(60)[40:]
    world.take("FR", *(fresh(world, text) for text in early))
    world.clock.turn(minutes=10)
    world.take("FR", *(fresh(world, text) for text in late))
    route_again(world.at["FR"])
    world.clock.turn(minutes=5)
    ran = statements(world, lambda: route_again(world.at["FR"]))
    assert len([one for one in ran if one.startswith("UPDATE case_file")]) == 1
    shelves = world.rows("FR", "SELECT shelf, count(*) FROM case_file GROUP BY shelf")
    assert shelves == [(None, 40), ("waiting", 20)]
    (content,) = world.rows(
        "FR", "SELECT content FROM journal WHERE kind <> 'rows' ORDER BY seq DESC LIMIT 1"
    )
    assert len(json.loads(content[0])["cases"]) == 40


def test_the_wait_is_found_by_its_index(world):
    with world.at["FR"].store.read() as db:
        plan = db.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM case_file WHERE shelf = 'waiting'"
            " AND opened_at <= 5 AND (opened_at, id) > (-1, '') ORDER BY opened_at, id LIMIT 500"
        ).all()
    assert "ix_case_file_waiting" in str(plan)


def test_the_receiver_does_not_ask_our_policy(world):
    us = world.at["US"]
    strict = evolve(AT_ONCE, reporters=9, oldest_days=1, categories=(Category.MALWARE,))
    world.replace("US", dataclasses.replace(us, config=evolve(us.config, policy=strict)))
    follow(world, AT_ONCE)
    world.take("FR", fresh(world, days=100))
    world.drain()
    assert arrived(world) == 1


@pytest.mark.parametrize(
    ("policy", "age", "code", "words"),
    [
        (Policy(), 0, None, "which Association US serves; 15 minutes after the report"),
        (PLAIN, 0, None, "which Association US serves"),
        (PLAIN, 20, "too_old", "(policy.oldest_days) ago: counted, not sent"),
        (Policy(reporters=2), 0, "too_few_reporters", "1 of 2 reporters"),
        (Policy(categories=(Category.MALWARE,)), 0, "category", "policy.categories leaves out"),
    ],
)
def test_an_inspection_shows_the_hold(world, policy, age, code, words):
    follow(world, policy)
    fr = world.at["FR"]
    found = look(fr, "m", report.normalise(fresh(world, days=age), fr.locate))
    assert found.route is not None
    assert found.route.none == code
    assert (found.route.peer is None) == (code is not None)
    assert words in found.route.reason


def test_a_sync_of_many_cases_sends_each_once(world):
    world.take("FR", *(fresh(world, text) for text in texts(30)))
    world.clock.turn(minutes=15)
    for _ in range(2):
        sync(world.at["FR"])
    assert arrived(world) == 30


def test_a_case_that_was_let_go_is_not_held_again_by_new_limits(world):
    follow(world, PLAIN)
    world.take("FR", fresh(world, number=1))
    world.drain()
    world.clock.turn(days=20)
    follow(world, Policy(reporters=5))
    route_again(world.at["FR"])
    assert case(world)[0] is None
    world.take("FR", fresh(world, number=2))
    world.drain()
    assert arrived(world) == 2


def test_a_case_that_a_later_mail_shows_to_be_worse_is_called_so_and_decided_again(world):
    follow(world, evolve(PLAIN, categories=(Category.OTHER,)))
    (text,) = texts(1)
    world.take("FR", fresh(world, text))
    assert case(world)[0] is None
    plain = fresh(world, text, number=2)
    head, _, body = plain.partition(b"Content-Type: text/plain; charset=utf-8\r\n\r\n")
    world.take(
        "FR",
        head
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
        + body
        + b"--b\r\nContent-Disposition: attachment; filename=a.exe\r\n\r\nx\r\n--b--\r\n",
    )
    assert case(world) == ("category", 0, 2, 2)
    assert world.rows("FR", "SELECT category FROM case_file") == [("malware",)]
    world.drain()
    assert arrived(world) == 0
