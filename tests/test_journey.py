"""The whole road between gateways, over a cable that fails in every way we could think of."""

import base64
import dataclasses
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from gateway import gate, seal
from gateway.edges.store import peers
from gateway.errors import KeyUnusable, NotFound
from gateway.exchange import identity
from gateway.exchange.deciding import route_again
from gateway.exchange.examine import examine
from gateway.exchange.outbound import Saying
from gateway.exchange.push import announce_head
from gateway.exchange.refer import refer
from gateway.exchange.sync import sync
from gateway.exchange.withdraw import withdraw
from gateway.model import Kind, SetId, Verdict, evolve
from gateway.seal import ReceiptBody, ReceiptLine
from tests.forgeries import decode
from tests.simulator import World, address, mail, registry, texts


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """Two gateways that know each other: FR, where mail comes in, and US, where it came from."""
    made = World(tmp_path, "FR", "US")
    made.befriend("FR", "US")
    yield made
    made.close()


@pytest.fixture
def strangers(tmp_path) -> Iterator[World]:
    """Two gateways that do not know each other yet."""
    made = World(tmp_path, "FR", "US")
    yield made
    made.close()


def streams(world: World, country: str) -> dict[str, tuple[object, ...]]:
    rows = world.rows(country, "SELECT direction, number, digest FROM stream")
    return {str(direction): tuple(rest) for direction, *rest in rows}


def assert_even(world: World) -> None:
    """Both sides of both streams counted the same SETs, and said so."""
    fr, us = streams(world, "FR"), streams(world, "US")
    assert fr["out"] == us["in"]
    assert us["out"] == fr["in"]


def refer_all(world: World) -> None:
    """Make FR's SETs and leave them in its stream."""
    route_again(world.at["FR"])
    with world.at["FR"].store.read() as db:
        peer = peers.register(db).peer(world.at["US"].me)
    assert peer is not None
    refer(world.at["FR"], peer)


def states(world: World, country: str = "FR") -> list[object]:
    return [state for state, *_ in world.reports_sent(country)]


def assert_arrived_once(world: World, number: int) -> None:
    """``number`` reports are filed at US, each once, and FR can prove it."""
    assert world.rows("US", "SELECT count(*) FROM report WHERE state = 'filed'") == [(number,)]
    assert world.rows("US", "SELECT sum(reports) FROM case_file") == [(number,)]
    assert world.reports_sent("FR") == [("accepted", 1, 1)] * number
    assert_even(world)
    assert examine(world.at["FR"])
    assert examine(world.at["US"])


def receipt(world: World, jti: str, digest: bytes, verdict: Verdict) -> bytes:
    """A receipt of US about a SET of FR's."""
    us, fr = world.at["US"].me, world.at["FR"].me
    line = ReceiptLine(jti=jti, digest=digest, received_at=world.clock(), verdict=verdict)
    body = ReceiptBody(lines=(line,), journal_size=1, journal_head=b"\x01" * 32)
    saying = Saying(
        kind=Kind.RECEIPT, subject=seal.stream_subject(f"{fr} {us}"), body=body, jti="r-1"
    )
    return world.token("US", "FR", saying)


def test_a_report_reaches_the_peer_and_its_receipt_proves_it(world):
    assert world.take("FR", mail(address("US"))).new == 1
    done = sync(world.at["FR"])
    assert [line.pushed.error for line in done] == [None]
    ((here, there),) = world.rows("US", "SELECT foreign_issuer, foreign_id FROM case_file")
    ((ours,),) = world.rows("FR", "SELECT id FROM case_file")
    assert (here, there) == (world.at["FR"].me, ours)
    ((case_id, state),) = world.rows("US", "SELECT case_id, state FROM report")
    assert state == "filed"
    assert case_id not in {None, ours}
    assert states(world) == ["delivered"]
    sync(world.at["US"])
    world.drain()
    assert_arrived_once(world, 1)


def test_importing_the_same_mail_again_adds_nothing(world):
    mails = [mail(address("US"), text, number=n) for n, text in enumerate(texts(3))]
    assert world.take("FR", *mails, mails[0]).new == 3
    again = world.take("FR", *mails)
    assert (again.new, again.repeated) == (0, 3)
    world.drain()
    assert world.take("FR", *mails).new == 0
    world.drain()
    assert_arrived_once(world, 3)


def test_two_cases_abroad_stay_two_cases_here(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(2)))
    world.drain()
    ours = world.rows("FR", "SELECT id FROM case_file ORDER BY id")
    assert len(ours) == 2
    assert world.rows("US", "SELECT foreign_id FROM case_file ORDER BY foreign_id") == ours


def test_reports_of_one_campaign_and_network_are_one_case_at_both_ends(world):
    world.take("FR", *(mail(address("US"), number=n) for n in range(3)))
    world.drain()
    assert world.rows("FR", "SELECT reports FROM case_file") == [(3,)]
    assert world.rows("US", "SELECT reports FROM case_file") == [(3,)]


def test_what_was_said_while_the_cable_was_cut_arrives_once_it_is_healed(world):
    world.cable.cut = True
    for number, text in enumerate(texts(4)):
        world.take("FR", mail(address("US"), text, number=number))
        (line,) = sync(world.at["FR"])
        assert line.pushed.error is not None
        assert line.pushed.waiting == number + 1
    assert states(world) == ["sent"] * 4
    assert world.rows("US", "SELECT count(*) FROM report") == [(0,)]
    world.cable.cut = False
    world.drain()
    assert_arrived_once(world, 4)


def test_a_call_that_comes_twice_has_one_effect(world):
    world.cable.times = 2
    world.take("FR", *(mail(address("US"), text) for text in texts(3)))
    world.drain()
    assert_arrived_once(world, 3)


def test_a_call_recorded_and_played_again_later_has_no_effect(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(3)))
    world.drain()
    before = streams(world, "US"), streams(world, "FR")
    for call in list(world.cable.calls):
        assert world.cable.again(*call).status == 202
    assert (streams(world, "US"), streams(world, "FR")) == before
    assert_arrived_once(world, 3)


def test_an_answer_lost_after_the_peer_committed_leads_to_one_effect(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(3)))
    world.cable.lose_answers = 1
    (line,) = sync(world.at["FR"])
    assert line.pushed.error is not None
    assert states(world) == ["sent"] * 3
    assert world.rows("US", "SELECT count(*) FROM report") == [(3,)]
    (line,) = sync(world.at["FR"])
    assert line.pushed.delivered == 3 + 1
    assert states(world) == ["delivered"] * 3
    world.drain()
    assert_arrived_once(world, 3)


def test_a_receipt_that_overtakes_a_lost_answer_counts_as_delivery(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(3)))
    world.cable.lose_answers = 1
    sync(world.at["FR"])
    sync(world.at["US"])
    assert world.reports_sent("FR") == [("accepted", 1, 1)] * 3
    world.drain()
    assert_arrived_once(world, 3)


def test_a_receipt_that_overtakes_the_answer_on_its_way_is_delivery_counted_once(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(3)))
    world.cable.meanwhile = lambda: sync(world.at["US"])
    sync(world.at["FR"])
    world.drain()
    assert_arrived_once(world, 3)


def test_sets_in_any_order_have_the_same_effect(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(3)))
    refer_all(world)
    waiting = world.waiting("FR")
    for jti in reversed(waiting):
        assert world.call("FR", "US", {jti: waiting[jti]}).status == 202
    world.drain()
    assert_arrived_once(world, 3)


def test_a_receipt_with_another_digest_proves_nothing_and_is_journaled(world):
    world.take("FR", mail(address("US")))
    sync(world.at["FR"])
    ((jti,),) = world.rows("FR", "SELECT jti FROM sent WHERE kind = 'report'")
    token = receipt(world, str(jti), b"\x07" * 32, Verdict.ACCEPTED)
    assert world.call("US", "FR", {"r-1": token}).status == 202
    assert world.reports_sent("FR") == [("delivered", 0, 0)]
    ((content,),) = world.rows("FR", "SELECT content FROM journal WHERE kind = 'receipt-disputed'")
    assert json.loads(content)["wrong"] == [jti]


def test_a_receipt_for_what_was_never_sent_is_journaled(world):
    token = receipt(world, "never", b"\x07" * 32, Verdict.ACCEPTED)
    assert world.call("US", "FR", {"r-1": token}).status == 202
    ((content,),) = world.rows("FR", "SELECT content FROM journal WHERE kind = 'receipt-disputed'")
    assert json.loads(content)["unknown"] == ["never"]


def test_a_contrary_receipt_after_acceptance_moves_nothing(world):
    world.take("FR", mail(address("US")))
    world.drain()
    ((jti, digest),) = world.rows("FR", "SELECT jti, digest FROM sent WHERE kind = 'report'")
    token = receipt(world, str(jti), bytes(digest), Verdict.MISROUTED)
    assert world.call("US", "FR", {"r-1": token}).status == 202
    assert world.reports_sent("FR") == [("accepted", 1, 1)]
    assert world.rows("FR", "SELECT shelf FROM case_file") == [(None,)]


def test_what_the_peer_places_elsewhere_comes_back_as_misrouted(world):
    origin, elsewhere = address("US"), registry().locate(address("BR"))
    placed = dataclasses.replace(world.at["US"], locate=lambda _: elsewhere)
    world.replace("US", placed)
    world.take("FR", mail(origin))
    world.drain()
    assert world.reports_sent("FR") == [("misrouted", 1, 1)]
    ((shelf, peer, reason),) = world.rows("FR", "SELECT shelf, peer, reason FROM case_file")
    assert (shelf, peer) == ("misrouted", None)
    assert "BR" in str(reason)
    assert world.rows("US", "SELECT count(*) FROM report") == [(0,)]
    route_again(world.at["FR"])
    assert world.rows("FR", "SELECT shelf FROM case_file") == [("misrouted",)]
    assert_even(world)


def test_many_misrouted_reports_are_receipted_in_receipts_that_fit(world):
    """The claims of each line make the receipt of one call several times as long."""
    elsewhere = registry().locate(address("BR"))
    many = evolve(elsewhere, claims=(elsewhere.claims * 16)[:12])
    world.replace("US", dataclasses.replace(world.at["US"], locate=lambda _: many))
    world.take("FR", *(mail(address("US"), number=n) for n in range(120)))
    world.drain()
    assert world.reports_sent("FR") == [("misrouted", 1, 1)] * 120


def test_what_is_withdrawn_before_the_first_attempt_is_never_sent(world):
    (name,) = world.take("FR", mail(address("US"))).reports
    refer_all(world)
    done = withdraw(world.at["FR"], name, "reported by mistake")
    assert (done.cancelled, done.withdrawals) == (1, 0)
    world.drain()
    assert states(world) == ["cancelled"]
    assert world.cable.calls == []
    assert world.rows("FR", "SELECT state FROM report") == [("withdrawn",)]


def test_what_is_withdrawn_before_it_is_referred_is_never_sent(world):
    (name,) = world.take("FR", mail(address("US"))).reports
    withdraw(world.at["FR"], name, "reported by mistake")
    world.drain()
    assert states(world) == []
    assert world.cable.calls == []


def test_a_withdrawal_reaches_the_peer_and_is_receipted(world):
    (name,) = world.take("FR", mail(address("US"))).reports
    world.drain()
    done = withdraw(world.at["FR"], name, "reported by mistake")
    assert (done.cancelled, done.withdrawals) == (0, 1)
    world.drain()
    assert_withdrawn(world)


def assert_withdrawn(world: World) -> None:
    """The one report is withdrawn at both ends, and the withdrawal is proved."""
    query = "SELECT state, proved_at IS NOT NULL FROM sent WHERE kind = 'withdrawal'"
    assert world.rows("FR", query) == [("accepted", 1)]
    assert states(world) == ["withdrawn"]
    for country in ("FR", "US"):
        assert world.rows(country, "SELECT state FROM report") == [("withdrawn",)]
        assert world.rows(country, "SELECT reports FROM case_file") == [(0,)]
    query = "SELECT verdict FROM received WHERE kind = 'report'"
    assert world.rows("US", query) == [("withdrawn",)]
    assert_even(world)


@pytest.mark.parametrize("after", ["a lost call", "a lost answer"])
def test_what_is_withdrawn_under_way_is_withdrawn_at_both_ends(world, after):
    (name,) = world.take("FR", mail(address("US"))).reports
    if after == "a lost call":
        world.cable.cut = True
    else:
        world.cable.lose_answers = 1
    sync(world.at["FR"])
    assert states(world) == ["sent"]
    withdraw(world.at["FR"], name, "reported by mistake")
    assert states(world) == ["recalled"]
    world.cable.cut = False
    world.drain()
    assert_withdrawn(world)


def under_way(world: World) -> list[tuple[str, bytes]]:
    """A report and its withdrawal, both still in FR's stream."""
    (name,) = world.take("FR", mail(address("US"))).reports
    world.cable.cut = True
    sync(world.at["FR"])
    withdraw(world.at["FR"], name, "reported by mistake")
    world.cable.cut = False
    report, withdrawal = world.waiting("FR").items()
    return [report, withdrawal]


def test_a_withdrawal_that_comes_before_its_report_is_held_and_then_decided(world):
    report, withdrawal = under_way(world)
    assert world.call("FR", "US", dict([withdrawal])).status == 202
    query = "SELECT verdict FROM received WHERE kind = 'withdrawal'"
    assert world.rows("US", query) == [("held",)]
    sync(world.at["US"])
    assert world.rows("FR", "SELECT state FROM sent WHERE kind = 'withdrawal'") == [("held",)]
    assert world.call("FR", "US", dict([report])).status == 202
    assert world.rows("US", query) == [("accepted",)]
    world.drain()
    assert_withdrawn(world)


def test_the_reason_of_a_withdrawal_names_no_recipient_abroad(world):
    (name,) = world.take("FR", mail(address("US"))).reports
    world.drain()
    withdraw(world.at["FR"], name, "reader@example.org says it was a mistake")
    world.drain()
    assert_withdrawn(world)
    ((why,),) = world.rows("US", "SELECT why FROM report")
    assert str(why).endswith("says it was a mistake")
    for (token,) in world.rows("FR", "SELECT token FROM sent"):
        said = base64.urlsafe_b64decode(bytes(token).split(b".")[1] + b"==")
        assert b"reader@" not in said


def test_what_was_held_for_thirty_days_is_refused_by_a_receipt(world):
    _, withdrawal = under_way(world)
    world.call("FR", "US", dict([withdrawal]))
    world.clock.turn(days=29)
    world.cable.cut = True
    sync(world.at["US"])
    query = "SELECT verdict, code FROM received WHERE kind = 'withdrawal'"
    assert world.rows("US", query) == [("held", "follows_unknown")]
    world.clock.turn(days=2)
    sync(world.at["US"])
    late = gate.check("held-too-long")
    assert world.rows("US", query) == [("expired", late.code)]
    world.cable.cut = False
    sync(world.at["US"])
    ((state, why),) = world.rows("FR", "SELECT state, why FROM sent WHERE kind = 'withdrawal'")
    assert (state, str(why).split()[0]) == ("refused", str(late.number))
    assert sync(world.at["US"])[0].pushed.delivered == 0


def test_a_withdrawal_in_front_of_its_report_in_one_call_takes_it_back(world):
    report, withdrawal = under_way(world)
    assert world.call("FR", "US", dict([withdrawal, report])).status == 202
    world.drain()
    assert_withdrawn(world)


def test_a_withdrawal_of_something_unknown_in_kind_harms_no_other_set(world):
    """What a later version sends is kept as unknown, and may be followed by what we know."""
    fr, us = world.at["FR"].me, world.at["US"].me
    odd = Saying(
        kind=Kind.HEAD,
        subject=seal.stream_subject("x"),
        body=seal.HeadBody(epoch=1, place=1, digest=b"\x00" * 32),
        jti="odd",
    )
    token = world.token("FR", "US", odd)
    claims = json.loads(decode(token.split(b".")[1]))
    claims["events"] = {"https://later.example/event": {}}
    token = seal.close(claims, world.at["FR"].keys.message).token
    assert world.call("FR", "US", {"odd": token}).status == 202
    meant = SetId(issuer=world.at["FR"].me, jti="odd")
    follow = Saying(
        kind=Kind.WITHDRAWAL,
        subject=seal.set_subject(meant),
        body=seal.WithdrawalBody(follows=meant, reason="x"),
        txn="t",
        jti="w",
    )
    answer = world.call("FR", "US", {"w": world.token("FR", "US", follow)})
    assert answer.status == 202
    assert fr != us
    assert world.rows("US", "SELECT verdict FROM received WHERE jti = 'w'") == [("refused",)]


def test_the_heads_are_equal_after_a_drain(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(3)))
    world.take("US", *(mail(address("FR"), text) for text in texts(2)))
    world.drain()
    assert_even(world)
    for country in ("FR", "US"):
        ((head,),) = world.rows(country, "SELECT head FROM stream WHERE direction = 'in'")
        assert json.loads(head)["same"] is True
    announce_head(world.at["FR"], world.at["US"].me)
    world.drain()
    assert_even(world)


def test_when_nothing_is_left_to_say_nothing_is_sent(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(3)))
    world.drain()
    calls = len(world.cable.calls)
    world.drain()
    assert len(world.cable.calls) == calls


def test_what_comes_from_our_own_country_stays_at_home(world):
    world.take("FR", mail(address("FR")))
    world.drain()
    assert world.rows("FR", "SELECT shelf FROM case_file") == [("own_country",)]
    assert world.cable.calls == []


def test_what_had_no_peer_moves_when_one_is_added(strangers):
    world = strangers
    world.take("FR", mail(address("US")))
    assert world.rows("FR", "SELECT shelf FROM case_file") == [("no_peer",)]
    world.befriend("FR", "US")
    assert route_again(world.at["FR"]) == 1
    assert route_again(world.at["FR"]) == 0
    world.drain()
    assert_arrived_once(world, 1)


def test_what_a_dismissed_peer_would_have_got_stays(world):
    world.take("FR", mail(address("US")))
    identity.dismiss(world.at["FR"], world.at["US"].me, "the agreement ended")
    world.drain("FR")
    assert world.rows("FR", "SELECT shelf FROM case_file") == [("no_peer",)]
    assert world.cable.calls == []


def test_three_associations_keep_their_streams_apart(tmp_path):
    world = World(tmp_path, "FR", "US", "DE")
    for pair in (("FR", "US"), ("FR", "DE"), ("US", "DE")):
        world.befriend(*pair)
    world.take("FR", mail(address("US")), mail(address("DE")))
    world.take("DE", mail(address("US")), mail(address("FR")))
    world.drain()
    query = "SELECT issuer FROM report WHERE issuer != :me ORDER BY issuer"
    found = {
        country: world.rows(country, query.replace(":me", f"'{world.at[country].me}'"))
        for country in world.at
    }
    me = {country: gateway.me for country, gateway in world.at.items()}
    assert found == {
        "FR": [(me["DE"],)],
        "DE": [(me["FR"],)],
        "US": [(me["DE"],), (me["FR"],)],
    }
    assert set(states(world, "FR") + states(world, "DE")) == {"accepted"}
    world.close()


def test_a_report_whose_set_would_be_too_long_stays_and_keeps_no_other_back(world):
    (first, second) = world.take("FR", *(mail(address("US"), text) for text in texts(2))).reports
    names = iter(["j" * 99_000])
    short = world.at["FR"].name
    world.replace(
        "FR", dataclasses.replace(world.at["FR"], name=lambda: next(names, "") or short())
    )
    world.drain()
    found = dict(world.rows("FR", "SELECT id, fate FROM report"))
    assert found == {first: "kept", second: "referred"}
    ((why,),) = world.rows("FR", "SELECT why FROM report WHERE fate = 'kept'")
    assert str(why).startswith("stays here: the SET has")
    assert states(world) == ["accepted"]


def test_workers_that_refer_at_the_same_time_refer_each_report_once(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(40)))
    at_once = Barrier(4)

    def work(_: int) -> None:
        at_once.wait()
        refer_all(world)

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(4)))
    assert states(world) == ["queued"] * 40
    assert world.rows("FR", "SELECT count(DISTINCT report_id), max(place) FROM sent") == [(40, 40)]
    world.drain()
    assert_arrived_once(world, 40)


def test_a_peer_whose_secret_cannot_be_read_costs_the_others_nothing(tmp_path):
    world = World(tmp_path, "FR", "DE", "US")
    for pair in (("FR", "DE"), ("FR", "US")):
        world.befriend(*pair)
    world.take("FR", mail(address("DE")), mail(address("US")))
    broken = [
        path
        for path in (tmp_path / "FR").rglob("*")
        if path.is_file() and b"FR-at-DE" in path.read_bytes() and "keys" in str(path)
    ]
    assert len(broken) == 1
    broken[0].write_bytes(b"\xff\x00\n")
    lines = {line.peer: line.pushed.error for line in sync(world.at["FR"])}
    assert isinstance(lines[world.at["DE"].me], KeyUnusable)
    assert lines[world.at["US"].me] is None
    assert world.rows("US", "SELECT count(*) FROM report") == [(1,)]
    world.close()


def test_a_case_without_a_name_is_no_case_of_ours(world):
    world.take("FR", mail(address("US")))
    with pytest.raises(NotFound):
        withdraw(world.at["FR"], "", "a slip of the hand")
    assert world.rows("FR", "SELECT state FROM report") == [("filed",)]
