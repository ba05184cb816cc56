"""Mailings are recognised on the whole road: generated ones by their truth, real ones by change.

The same figures at full size: ``python -m tests.bench.campaign``.
"""

import random
import threading

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from gateway import campaign
from gateway.campaign import gathering
from gateway.cli import entente
from gateway.edges.store import campaigns, open_store
from gateway.model import Fingerprint
from gateway.report import normalise
from tests.bench.campaign import kept, score, taken
from tests.mailings import copy, lures, mailings, unrelated
from tests.mutations import MUTATIONS
from tests.shared import shared
from tests.simulator import World, address, mail, registry, texts


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, "FR")
    yield made
    made.close()


def test_generated_mailings_are_recognised_among_unrelated_mail(world):
    mails = [*mailings(7, 60, 10), *unrelated(7, 300)]
    random.Random(7).shuffle(mails)
    names, kits = taken(world, mails)
    lures_found = score(names, [one.mailing for one in mails])
    assert lures_found.precision >= 0.995
    assert lures_found.recall >= 0.95
    sent = [place for place, one in enumerate(mails) if one.mailing]
    kits_found = score([kits[place] for place in sent], [mails[place].kit for place in sent])
    assert kits_found.precision >= 0.995
    assert kits_found.recall >= 0.6


def test_the_same_mails_in_another_order_are_recognised_as_well(world):
    mails = [*mailings(8, 12, 10), *unrelated(8, 60)][::-1]
    found = score(taken(world, mails)[0], [one.mailing for one in mails])
    assert found.precision >= 0.995
    assert found.recall >= 0.95


LEAST = {"5 % of the words": 0.97, "10 % of the words": 0.9}


def test_real_mail_that_is_changed_stays_with_its_mailing():
    found = kept(shared("mail"), every=5)
    shares = {name: stayed / tried for name, (stayed, tried) in found.items()}
    assert set(shares) == set(MUTATIONS)
    assert {n: s for n, s in shares.items() if s < LEAST.get(n, 0.98)} == {}
    assert min(tried for _, tried in found.values()) > 60


def test_different_mailings_of_one_kit_and_network_are_different_cases(world):
    one, *_, other = [made for made in lures(7, 4) if made.kind in {"html", "plain"}]
    assert one.kit == other.kit
    dice = random.Random(3)
    world.take("FR", *(copy(made, dice).source for made in (one, other) for _ in range(5)))
    query = "SELECT count(DISTINCT campaign), count(DISTINCT case_id) FROM report"
    assert world.rows("FR", query) == [(2, 2)]


def test_two_imports_at_once_do_not_found_a_mailing_twice(world):
    dice = random.Random(4)
    made = next(one for one in lures(5, 12) if one.kind == "html")
    batches = [[copy(made, dice).source for _ in range(10)] for _ in range(4)]
    ready = threading.Barrier(len(batches))

    def take(batch):
        ready.wait()
        world.take("FR", *batch)

    threads = [threading.Thread(target=take, args=(batch,)) for batch in batches]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    counted = "SELECT count(*), count(DISTINCT campaign), count(DISTINCT case_id) FROM report"
    assert world.rows("FR", counted) == [(40, 1, 1)]


def drawn(dice, boiler=(), own=48):
    """A fingerprint of chance; ``boiler`` are marks that it shares with others."""
    marks = tuple(sorted({*boiler, *(dice.getrandbits(32) for _ in range(own))}))
    codes = tuple(dice.sample(range(65_536), 20))
    return Fingerprint(
        exact=f"{dice.getrandbits(128):032x}", marks=marks, words=300, lead=codes, topic=codes[:5]
    )


@pytest.fixture
def store(tmp_path):
    made = open_store(tmp_path / "entente.db", create=True)
    yield made
    made.close()


def kept_in(store, batch, at):
    with store.write() as db:
        gathered = campaign.gather(batch, *campaigns.near(db, batch))
        campaigns.keep(db, gathered, at)
    return gathered


def test_what_is_read_for_a_batch_does_not_grow_with_the_store(store):
    dice = random.Random(1)
    boiler = [dice.getrandbits(24) for _ in range(40)]
    read = []
    for at in range(8):
        batch = [drawn(dice, dice.sample(boiler, 24), 24) for _ in range(200)]
        with store.read() as db:
            shelf, leaders = campaigns.near(db, batch)
        read.append((shelf.size, len(leaders)))
        kept_in(store, batch, at)
    most = max(read[1:3])
    assert read[-1][0] <= 1.2 * most[0] <= 1.2 * len(boiler) * gathering.KEPT + 100
    assert read[-1][1] <= 1.2 * most[1]
    with store.read() as db:
        per_mark = "SELECT max(n) FROM (SELECT count(*) AS n FROM campaign_mark GROUP BY mark)"
        assert db.execute(sa.text(per_mark)).scalar() <= gathering.KEPT


def test_a_batch_is_looked_up_with_few_statements(store):
    dice = random.Random(2)
    kept_in(store, [drawn(dice) for _ in range(200)], 1)
    batch = [drawn(dice) for _ in range(200)]
    said = []
    with store.read() as db:
        sa.event.listen(db, "before_cursor_execute", lambda *given: said.append(given[2]))
        campaigns.near(db, batch)
    assert len(said) <= 1 + 200 * gathering.SOUGHT // 900 + 2


def test_a_campaign_is_found_by_its_rare_marks_after_many_share_the_others(store):
    dice = random.Random(3)
    boiler = [dice.getrandbits(24) for _ in range(24)]
    first = drawn(dice, boiler, 24)
    gathered = kept_in(store, [first], 1)
    for at in range(2, 8):
        kept_in(store, [drawn(dice, boiler, 24) for _ in range(60)], at)
    changed = list(first.marks)
    changed[5] += 1
    copy_ = Fingerprint(
        exact="11" * 16, marks=tuple(changed), words=300, lead=first.lead, topic=first.topic
    )
    found = kept_in(store, [copy_], 9)
    assert found.campaigns == {copy_.exact: gathered.campaigns[first.exact]}


def test_in_whichever_batches_mails_come_they_end_in_the_same_campaigns(tmp_path):
    dice, locate = random.Random(9), registry().locate
    mails = [*mailings(9, 8, 6), *unrelated(9, 30)]
    dice.shuffle(mails)
    marks = [normalise(one.source, locate).fingerprint for one in mails]
    marks = list({mark.exact: mark for mark in marks}.values())
    found = []
    for size in (1, 7, len(marks)):
        store = open_store(tmp_path / f"{size}.db", create=True)
        names = {}
        for start in range(0, len(marks), size):
            names |= kept_in(store, marks[start : start + size], start).campaigns
        found.append(names)
        store.close()
    assert found[0] == found[1] == found[2]


def test_inspect_and_case_show_name_the_kit(world, tmp_path):
    made = [one for one in lures(7, 4) if one.kind == "html"]
    dice = random.Random(6)
    sources = [copy(one, dice).source for one in made[:2]]
    path = tmp_path / "one.eml"
    path.write_bytes(sources[0])
    runner, home = CliRunner(), str(tmp_path / "FR")
    said = runner.invoke(entente, ["--home", home, "inspect", "--json", str(path)])
    assert said.exit_code == 0, said.output
    world.take("FR", *sources)
    ((kit, number),) = world.rows("FR", "SELECT kit, count(*) FROM campaign GROUP BY kit")
    assert number == 2
    assert f'"kit":"{kit}"' in said.output.replace(": ", ":")
    ((case, *_), _) = world.rows("FR", "SELECT id FROM case_file ORDER BY id")
    shown = runner.invoke(entente, ["--home", home, "case", "show", str(case)])
    assert f"made with kit {kit}, as are 1 other campaigns" in shown.output
    told = runner.invoke(entente, ["--home", home, "case", "show", str(case), "--json"])
    assert f'"made_with":{{"kit":"{kit}","others":1}}' in told.output.replace(": ", ":").replace(
        ", ", ","
    )


def test_unrelated_texts_are_cases_of_their_own(world):
    world.take("FR", *(mail(address("US"), text) for text in texts(30)))
    assert world.rows("FR", "SELECT count(DISTINCT campaign) FROM report") == [(30,)]


def test_a_mail_without_words_belongs_to_no_campaign(world):
    world.take("FR", mail(address("US"), " .").replace(b"You have been chosen", b"Hi"))
    assert world.rows("FR", "SELECT count(*) FROM report WHERE campaign IS NULL") == [(1,)]
