"""A judgement by hand: before and after sending, turned back, about a case and about one report."""

import base64
import dataclasses
import json
import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from gateway import report
from gateway.cli import entente
from gateway.edges.store import corrections
from gateway.errors import NotFound, StepIllegal
from gateway.exchange.examine import examine
from gateway.exchange.inspect import look
from gateway.exchange.judge import judge
from gateway.exchange.sync import sync
from gateway.exchange.withdraw import withdraw
from gateway.model import Category, Judgement, evolve
from gateway.protocol import Fate
from tests.forgeries import decode
from tests.simulator import AT_ONCE, World, address, mail, texts

SECRET = "the neighbour Ottilie Quandt signed up for it"


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """Two gateways that know each other: FR, where mail comes in, and US, where it came from."""
    made = World(tmp_path, "FR", "US")
    made.befriend("FR", "US")
    yield made
    made.close()


def only(world: World, country: str = "FR") -> str:
    ((name,),) = world.rows(country, "SELECT id FROM case_file")
    return str(name)


def shelf(world: World, country: str = "FR") -> object:
    ((found,),) = world.rows(country, "SELECT shelf FROM case_file")
    return found


def states(world: World) -> list[object]:
    return [state for state, *_ in world.reports_sent("FR")]


def standing(world: World) -> list[tuple[object, ...]]:
    """The reports that stand at US, by state, and how many its case counts."""
    found = world.rows("US", "SELECT state, count(*) FROM report GROUP BY state ORDER BY state")
    return found + world.rows("US", "SELECT reports, reporters FROM case_file")


def test_what_is_judged_legitimate_before_it_is_sent_never_leaves(world):
    world.take("FR", mail(address("US")))
    done = judge(world.at["FR"], only(world), Category.LEGITIMATE, "a club's letter")
    assert (done.reports, done.cancelled, done.withdrawals) == (1, 0, 0)
    assert done.route is not None
    assert done.route.none == "legitimate"
    world.drain()
    assert world.cable.calls == []
    assert shelf(world) == "legitimate"


def test_a_set_that_was_made_and_not_sent_is_cancelled(world):
    world.take("FR", mail(address("US")))
    world.cable.cut = True
    sync(world.at["FR"])
    with world.at["FR"].store.write() as db:
        db.exec_driver_sql("UPDATE sent SET state = 'queued' WHERE kind = 'report'")
    world.cable.cut = False
    done = judge(world.at["FR"], only(world), Category.LEGITIMATE, "x")
    assert (done.cancelled, done.withdrawals) == (1, 0)
    world.drain()
    assert states(world) == [Fate.CANCELLED]
    assert world.rows("US", "SELECT count(*) FROM report") == [(0,)]
    judge(world.at["FR"], only(world), Category.SPAM, "it was not")
    world.drain()
    assert states(world) == [Fate.CANCELLED, Fate.ACCEPTED]
    assert standing(world) == [("filed", 1), (1, 1)]
    # Nobody ever saw the first one, so the second one stands in no place but its own.
    ((token,),) = world.rows("US", "SELECT token FROM received WHERE kind = 'report'")
    assert b"supersedes" not in decode(bytes(token).split(b".")[1])


def test_what_went_abroad_is_taken_back_and_can_be_said_again(world):
    world.take("FR", mail(address("US"), number=1), mail(address("US"), number=2))
    world.drain()
    done = judge(world.at["FR"], only(world), Category.LEGITIMATE, SECRET)
    assert (done.reports, done.cancelled, done.withdrawals, done.abroad) == (2, 0, 2, 0)
    world.drain()
    assert states(world) == [Fate.WITHDRAWN] * 2
    assert standing(world) == [("withdrawn", 2), (0, 0)]
    # Here they stand, and are counted: the complaints were made.
    assert world.rows("FR", "SELECT state, count(*) FROM report") == [("filed", 2)]
    back = judge(world.at["FR"], only(world), Category.PHISHING, "a copy of that letter, forged")
    assert (back.was, back.route.none) == (Category.LEGITIMATE, None)
    world.drain()
    assert states(world) == [Fate.WITHDRAWN] * 2 + [Fate.ACCEPTED] * 2
    assert standing(world) == [("filed", 2), (2, 2)]
    assert world.rows("US", "SELECT DISTINCT category FROM report") == [("phishing",)]
    query = "SELECT verdict, count(*) FROM received WHERE kind = 'report' GROUP BY verdict"
    assert world.rows("US", query) == [("accepted", 2), ("superseded", 2)]
    third = judge(world.at["FR"], only(world), Category.LEGITIMATE, "after all")
    assert third.withdrawals == 2
    world.drain()
    assert standing(world) == [("withdrawn", 2), (0, 0)]
    for country in ("FR", "US"):
        assert examine(world.at[country])


def test_what_is_recalled_under_way_is_said_again_in_its_order(world):
    world.take("FR", mail(address("US")))
    world.cable.cut = True
    sync(world.at["FR"])
    judge(world.at["FR"], only(world), Category.LEGITIMATE, "x")
    judge(world.at["FR"], only(world), Category.SPAM, "y")
    world.cable.cut = False
    world.drain()
    assert states(world) == [Fate.WITHDRAWN, Fate.ACCEPTED]
    assert standing(world) == [("filed", 1), (1, 1)]


def test_the_officers_reason_stays_at_home(world):
    world.take("FR", mail(address("US")))
    judge(world.at["FR"], only(world), Category.MALWARE, SECRET)
    world.drain()
    judge(world.at["FR"], only(world), Category.LEGITIMATE, SECRET)
    world.drain()
    sent = b"".join(bytes(body) for _, _, body, _ in world.cable.calls)
    tokens = world.rows("US", "SELECT token FROM received")
    parts = [part for (token,) in tokens for part in bytes(token).split(b".")[:2]]
    read = b"".join(base64.urlsafe_b64decode(part + b"==") for part in parts)
    assert b"malware" in read
    assert b"judged legitimate" in read
    for word in (b"Ottilie", b"Quandt", b"neighbour"):
        assert word not in sent + read


def test_one_report_is_taken_back_and_the_others_of_its_case_stay(world):
    names = world.take("FR", *(mail(address("US"), number=n) for n in range(3))).reports
    world.drain()
    done = judge(world.at["FR"], names[1], Category.LEGITIMATE, "this one was asked for")
    assert (done.reports, done.withdrawals) == (1, 1)
    world.drain()
    assert shelf(world) is None
    assert standing(world) == [("filed", 2), ("withdrawn", 1), (2, 2)]
    judge(world.at["FR"], names[1], Category.SPAM, "it was not")
    world.drain()
    assert standing(world) == [("filed", 3), (3, 3)]


def test_a_case_whose_every_report_is_legitimate_is_so_too_until_one_is_not(world):
    names = world.take("FR", *(mail(address("US"), number=n) for n in range(2))).reports
    for name in names:
        judge(world.at["FR"], name, Category.LEGITIMATE, "asked for")
    assert shelf(world) == "legitimate"
    world.drain()
    assert world.cable.calls == []
    judge(world.at["FR"], names[0], Category.SPAM, "not this one")
    assert shelf(world) is None
    world.drain()
    assert standing(world) == [("filed", 1), (1, 1)]


def test_a_judgement_of_a_case_leaves_a_report_that_was_judged_by_itself(world):
    names = world.take("FR", *(mail(address("US"), number=n) for n in range(2))).reports
    judge(world.at["FR"], names[0], Category.LEGITIMATE, "asked for")
    judge(world.at["FR"], only(world), Category.PHISHING, "a forged letter")
    world.drain()
    found = dict(world.rows("FR", "SELECT id, category FROM report"))
    assert found == {names[0]: "legitimate", names[1]: "phishing"}
    assert standing(world) == [("filed", 1), (1, 1)]


def test_what_one_report_is_called_does_not_undo_the_judgement_of_its_case(world):
    names = world.take("FR", *(mail(address("US"), number=n) for n in range(2))).reports
    judge(world.at["FR"], only(world), Category.LEGITIMATE, "asked for")
    done = judge(world.at["FR"], names[0], Category.SPAM, "not by this reader")
    assert done.route is not None
    assert done.route.none == "legitimate"
    world.drain()
    assert world.cable.calls == []


def test_a_judgement_by_hand_holds_for_what_comes_later(world):
    world.take("FR", mail(address("US"), number=1))
    judge(world.at["FR"], only(world), Category.LEGITIMATE, "asked for")
    world.take("FR", mail(address("US"), number=2))
    world.drain()
    assert world.cable.calls == []
    assert world.rows("FR", "SELECT DISTINCT category FROM report") == [("legitimate",)]
    judge(world.at["FR"], only(world), Category.MALWARE, "it was not")
    world.take("FR", mail(address("US"), number=3))
    world.drain()
    assert world.rows("US", "SELECT category, count(*) FROM report") == [("malware", 3)]


def test_what_is_called_legitimate_leaves_by_no_door(world):
    """Not even where somebody marked it by mistake, nor for the view of a peer."""
    world.take("FR", mail(address("US")))
    with world.at["FR"].store.write() as db:
        db.exec_driver_sql("UPDATE report SET category = 'legitimate', fate = 'to_refer'")
    world.drain()
    assert world.cable.calls == []
    assert states(world) == []
    why = "stays here: it was judged legitimate, so it accuses nobody"
    assert world.rows("FR", "SELECT fate, why FROM report") == [("kept", why)]
    fr = world.at["FR"]
    read = report.normalise(mail(address("US")), fr.locate)
    wanted = evolve(read, judgement=Judgement(value=Category.LEGITIMATE, why="x"))
    seen = look(fr, "m", wanted, as_sent=world.at["US"].me, content=mail(address("US")))
    assert seen.as_sent is None
    assert "legitimate" in seen.not_sent


def test_a_judgement_lets_go_what_policy_leaves_out(world):
    strict = evolve(AT_ONCE, categories=(Category.PHISHING,))
    fr = world.at["FR"]
    world.replace("FR", dataclasses.replace(fr, config=evolve(fr.config, policy=strict)))
    world.take("FR", mail(address("US")))
    world.drain()
    assert (shelf(world), world.cable.calls) == ("category", [])
    judge(world.at["FR"], only(world), Category.PHISHING, "it asks for an account")
    world.drain()
    assert standing(world) == [("filed", 1), (1, 1)]


def test_what_is_known_abroad_by_another_name_is_said(world):
    world.take("FR", mail(address("US")))
    world.drain()
    done = judge(world.at["FR"], only(world), Category.MALWARE, "x")
    assert (done.abroad, done.withdrawals) == (1, 0)
    assert judge(world.at["FR"], only(world), Category.MALWARE, "again").abroad == 0
    world.drain()
    assert states(world) == [Fate.ACCEPTED]


def test_the_receiver_has_its_own_opinion_and_tells_nobody(world):
    world.take("FR", mail(address("US")))
    world.drain()
    calls = len(world.cable.calls)
    done = judge(world.at["US"], only(world, "US"), Category.LEGITIMATE, "a customer in good order")
    assert (done.reports, done.withdrawals) == (1, 0)
    assert shelf(world, "US") == "own_country"
    world.drain()
    assert states(world) == [Fate.ACCEPTED]
    assert len(world.cable.calls) == calls


def test_every_judgement_is_kept_with_what_stood_before_and_stands_in_the_journal(world):
    world.take("FR", mail(address("US")))
    name = only(world)
    ((machine,),) = world.rows("FR", "SELECT category FROM case_file")
    judge(world.at["FR"], name, Category.LEGITIMATE, "one")
    judge(world.at["FR"], name, Category.SPAM, "two")
    with world.at["FR"].store.read() as db:
        made = corrections.about(db, [name])
    assert [(m.was, m.category, m.because) for m in made] == [
        (machine, "legitimate", "one"),
        ("legitimate", "spam", "two"),
    ]
    assert {m.at for m in made} == {world.clock()}
    rows = world.rows("FR", "SELECT content FROM journal WHERE kind = 'judged' ORDER BY seq")
    assert [json.loads(content)["because"] for (content,) in rows] == ["one", "two"]
    assert examine(world.at["FR"])


def test_a_judgement_that_fails_leaves_nothing(world, monkeypatch):
    world.take("FR", mail(address("US")))
    world.drain()

    def broken(_size: int) -> bytes:
        raise KeyError("on purpose")

    before = world.rows("FR", "SELECT category, shelf FROM case_file")
    with pytest.raises(KeyError):
        judge(
            dataclasses.replace(world.at["FR"], draw=broken), only(world), Category.LEGITIMATE, "x"
        )
    assert world.rows("FR", "SELECT category, shelf FROM case_file") == before
    assert world.rows("FR", "SELECT count(*) FROM correction") == [(0,)]
    assert world.waiting("FR") == {}


@pytest.mark.parametrize("name", ["", "no-such-case"])
def test_what_is_not_there_cannot_be_judged(world, name):
    with pytest.raises(NotFound):
        judge(world.at["FR"], name, Category.SPAM, "x")


def test_a_judgement_needs_a_reason_and_a_report_that_stands(world):
    (name,) = world.take("FR", mail(address("US"))).reports
    with pytest.raises(StepIllegal, match="reason"):
        judge(world.at["FR"], name, Category.SPAM, "  ")
    withdraw(world.at["FR"], name, "mistake")
    with pytest.raises(StepIllegal, match="withdrawn"):
        judge(world.at["FR"], name, Category.SPAM, "x")


def run(tmp_path, *words: str):
    return CliRunner().invoke(entente, ["--home", str(tmp_path / "FR"), *words])


def test_the_command_line_judges_shows_and_lists(world, tmp_path):
    world.take("FR", *(mail(address("US"), text) for text in texts(2)))
    world.drain()
    (name, _) = (str(row[0]) for row in world.rows("FR", "SELECT id FROM case_file ORDER BY id"))
    done = run(tmp_path, "case", "judge", name, "legitimate", "--because", "the club's letter")
    assert done.exit_code == 0, done.output
    assert "1 withdrawals wait for their peers: entente sync" in done.output
    shown = run(tmp_path, "case", "show", name).output
    assert "goes to nobody (legitimate): judged legitimate" in shown
    assert "by its signs: " in shown
    assert re.search(r"judged legitimate by hand on [0-9-]{10} [0-9:]{5} UTC: the club's", shown)
    both = json.loads(run(tmp_path, "case", "show", name, "--json").stdout)
    assert both["case"]["route"]["none"] == "legitimate"
    assert both["judged"]["by_hand"][0]["because"] == "the club's letter"
    (machine,) = both["judged"]["by_machine"].values()
    assert machine["value"] == both["judged"]["by_hand"][0]["was"]
    listed = run(tmp_path, "case", "list", "--json")
    assert [one["category"] for one in json.loads(listed.stdout)].count("legitimate") == 1
    held = run(tmp_path, "case", "list", "--shelf", "legitimate", "--json")
    assert [one["id"] for one in json.loads(held.stdout)] == [name]
    answer = run(tmp_path, "case", "judge", name, "spam", "--because", "no", "--json")
    assert json.loads(answer.stdout)["was"] == "legitimate"


def test_the_command_line_refuses_what_cannot_be_judged(world, tmp_path):
    missing = run(tmp_path, "case", "judge", "nothing", "spam", "--because", "x", "--json")
    assert missing.exit_code == 1
    assert json.loads(missing.stderr)["error"] == "not_found"
    assert run(tmp_path, "case", "judge", "nothing", "rubbish", "--because", "x").exit_code == 2
    assert run(tmp_path, "case", "judge", "nothing", "spam").exit_code == 2


def test_a_sync_says_what_is_held(world, tmp_path):
    world.take("FR", mail(address("US")))
    judge(world.at["FR"], only(world), Category.LEGITIMATE, "x")
    world.cable.cut = True
    said = run(tmp_path, "sync").output
    assert "held here by policy: 1 legitimate; entente case list says why" in said
