"""The whole road between gateways, over a cable that fails in every way we could think of."""

from collections.abc import Iterator

import pytest

from gateway.exchange.sync import sync
from tests.simulator import World, address, mail


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """Two gateways that know each other: FR, where mail comes in, and US, where it came from."""
    made = World(tmp_path, "FR", "US")
    made.befriend("FR", "US")
    yield made
    made.close()


def heads(world: World, country: str) -> dict[str, tuple[object, ...]]:
    rows = world.rows(country, "SELECT direction, number, digest FROM stream")
    return {str(direction): tuple(rest) for direction, *rest in rows}


def assert_even(world: World) -> None:
    """Both sides of both streams counted the same SETs."""
    fr, us = heads(world, "FR"), heads(world, "US")
    assert fr["out"] == us["in"]
    assert us["out"] == fr["in"]


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
    assert world.reports_sent("FR") == [("delivered", 0, 0)]
    sync(world.at["US"])
    assert world.reports_sent("FR") == [("accepted", 1, 1)]
    world.drain()
    assert_even(world)
