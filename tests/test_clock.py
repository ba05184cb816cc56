import re
import uuid
from datetime import UTC, timedelta

from gateway.edges import clock
from gateway.model import Country


def test_now_is_aware_and_in_utc() -> None:
    assert clock.now().tzinfo is UTC


def test_ticking_never_goes_back() -> None:
    ticks = [clock.ticking() for _ in range(1000)]
    assert ticks == sorted(ticks)


def test_an_id_is_a_uuid_of_version_7_and_says_its_time() -> None:
    before = clock.now()
    made = clock.uuid7()
    after = clock.now()
    read = uuid.UUID(made)
    assert str(read) == made
    assert (read.version, read.variant) == (7, uuid.RFC_4122)
    milliseconds = read.int >> 80
    millisecond = timedelta(milliseconds=1)
    assert before.timestamp() * 1000 - 1 <= milliseconds <= (after + millisecond).timestamp() * 1000


def test_ids_do_not_repeat() -> None:
    assert len({clock.uuid7() for _ in range(20_000)}) == 20_000


def test_a_case_is_named_by_its_country_and_eight_letters_that_can_be_read_aloud() -> None:
    names = {clock.case_id(Country("FR")) for _ in range(2_000)}
    assert len(names) == 2_000
    assert all(re.fullmatch("FR-[0-9A-HJKMNP-TV-Z]{8}", name) for name in names)
    assert set("".join(name[3:] for name in names)) == set(clock.CROCKFORD)


def test_random_bytes_are_as_many_as_asked_for() -> None:
    assert [len(clock.random_bytes(count)) for count in (0, 1, 32)] == [0, 1, 32]
