"""The file that geoip2fast ships: read as its own library reads it, and never run."""

import gzip
import ipaddress
import json
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import hosting
from gateway.edges import geolocations as edge
from gateway.edges.geolocations import Geolocations, open_geolocations
from gateway.edges.registry import open_registry
from gateway.errors import TableInvalid


@pytest.fixture
def chance():
    return random.Random(20260617)


def added(tmp_path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


ASKED = """
import json, os, sys, geoip2fast
file = os.path.join(os.path.dirname(geoip2fast.__file__), "geoip2fast-asn-ipv6.dat.gz")
library = geoip2fast.GeoIP2Fast(geoip2fast_data_file=file)
found = map(library.lookup, json.load(sys.stdin))
json.dump([[x.country_code, x.cidr, x.asn_name, x.asn_cidr] for x in found], sys.stdout)
"""


def test_our_reading_of_geoip2fast_agrees_with_its_own(chance):
    built_in = open_registry(lazily=True)
    addresses = [str(ipaddress.IPv4Address(chance.getrandbits(32))) for _ in range(4000)]
    for country in ("FR", "US", "JP", "BR", "ZA"):
        addresses += [built_in.draw(country, chance, version=6) for _ in range(300)]
    run = subprocess.run(
        [sys.executable, "-c", ASKED],
        input=json.dumps(addresses),
        capture_output=True,
        text=True,
        check=True,
    )
    ours, named = open_geolocations(), 0
    for address, (code, cidr, name, network) in zip(addresses, json.loads(run.stdout), strict=True):
        said = ours.say(hosting.parse(address))
        # The library gives 99, 08 or -- for what it does not know or holds to be special.
        assert (said.claim.country if said.claim else None) == hosting.country(code)
        assert said.claim is None or said.claim.prefix == cidr
        # It names the network below an address where none is announced: we name none.
        inside = network and ipaddress.ip_address(address) in ipaddress.ip_network(network)
        expected = name if inside and name != "<unknown>" else None
        assert said.as_name == (expected or None)
        named += said.as_name is not None
    assert named > 2000


def test_opening_the_tables_changes_nothing_around_us(tmp_path):
    planted = b"cos\nsystem\n(S'touch planted'\ntR."
    added(tmp_path, "geoip2fast-asn-ipv6.dat.gz", planted)
    code = (
        "import os, sys; before = dict(os.environ)\n"
        "from gateway.edges.registry import open_registry\n"
        "open_registry()\n"
        "assert dict(os.environ) == before and 'geoip2fast' not in sys.modules"
    )
    root = str(Path(edge.__file__).parents[2])
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        pickle.dumps((120, {}, 0, [])),
        pickle.dumps((999, {}, 0, [[]] * 10)),
        pickle.dumps((120, {}, 0, [["x"]] * 10)),
        pickle.dumps(Path()),
        b"cos\nsystem\n(S'true'\ntR.",
    ],
)
def test_a_geolocation_file_that_is_none_is_refused_and_runs_nothing(tmp_path, content):
    path = added(tmp_path, "x.dat.gz", gzip.compress(content) if content != b"no gzip" else content)
    with pytest.raises(TableInvalid):
        Geolocations(path).load()


class Harmful:
    """Makes a directory as soon as it is unpickled by a reader that trusts."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def geolocations(tmp_path, content: object) -> Geolocations:
    return Geolocations(added(tmp_path, "x.dat.gz", gzip.compress(pickle.dumps(content))))


def test_nothing_in_a_geolocation_file_is_ever_run(tmp_path):
    trap = tmp_path / "trap"
    with pytest.raises(TableInvalid, match="has no place in a table"):
        geolocations(tmp_path, (120, {}, 0, [Harmful(trap)])).load()
    assert not trap.exists()


def test_geolocations_finer_than_a_64_are_left_out_and_gaps_are_gaps(tmp_path):
    v6 = [int(ipaddress.ip_address(text)) for text in ("2001:200::", "2001:200:1::")]
    starts, lengths = [[2 << 24, 3 << 24], v6], [[12, 24], [48, 96]]
    codes, names = ["FR:France", "JP:Japan", "99:none"], ["<unknown>", "ONE", "TWO"]
    rows = [
        [],
        [],
        codes,
        names,
        starts,
        starts,
        [[0, 2], [1, 0]],
        [[1, 0], [2, 1]],
        *[lengths] * 2,
    ]
    found = geolocations(tmp_path, (120, {"info": "X-20240618"}, 4, rows))

    def said(text: str) -> tuple[str | None, str | None]:
        fact = found.say(hosting.parse(text))
        return (fact.claim.country if fact.claim else None), fact.as_name

    assert found.as_of == "2024-06-18"
    assert said("2.15.255.255") == ("FR", "ONE")
    assert said("2.16.0.0") == said("1.255.255.255") == said("3.0.0.1") == (None, None)
    assert said("2001:200::1") == ("JP", "TWO")
    assert said("2001:200:1::1") == said("2001:200:2::1") == said("2000::1") == (None, None)


def cached(path: Path) -> list[Path]:
    return sorted(path.rglob("*")) if path.exists() else []


def mapped(found: Geolocations) -> bool:
    return isinstance(found.load().countries[4].starts, memoryview)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    place = tmp_path_factory.mktemp("home") / "cache"
    assert not mapped(open_geolocations(place))
    return place


def test_what_was_decoded_once_is_mapped_afterwards_and_says_the_same(cache, chance):
    first, second = open_geolocations(), open_geolocations(cache)
    assert mapped(second)
    addresses = [ipaddress.IPv4Address(chance.getrandbits(32)) for _ in range(3000)]
    addresses += [ipaddress.IPv6Address(2**125 + chance.getrandbits(122)) for _ in range(3000)]
    assert [first.say(a) for a in addresses] == [second.say(a) for a in addresses]
    assert second.say(hosting.parse("198.41.0.4")).as_name


def test_the_cache_is_for_its_owner_alone(cache):
    assert cache.stat().st_mode & 0o777 == 0o700
    (file,) = cached(cache)
    assert file.stat().st_mode & 0o777 == 0o600


SMALL = (
    120,
    {"info": "X-20240618"},
    4,
    [[], [], ["FR:France"], ["ONE", "ZWÖLF"]]
    + [[[2 << 24], [2**125]]] * 2
    + [[[0], [0]], [[0], [1]]]
    + [[[12], [32]]] * 2,
)


def small(tmp_path) -> tuple[Path, Path]:
    path = added(tmp_path, "x.dat.gz", gzip.compress(pickle.dumps(SMALL)))
    place = tmp_path / "cache"
    assert not mapped(Geolocations(path, place))
    assert mapped(Geolocations(path, place))
    return path, place / edge.CACHED


def test_a_cache_that_lost_or_changed_a_byte_is_made_again(tmp_path):
    path, file = small(tmp_path)
    sound = file.read_bytes()
    wrong = [sound[:length] for length in range(0, len(sound), 7)]
    wrong += [sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :] for at in range(len(sound))]
    for content in wrong:
        file.write_bytes(content)
        found = Geolocations(path, file.parent)
        assert found.say(hosting.parse("2.1.2.3")).claim.country == "FR"
        assert found.say(hosting.parse("2000::1")).as_name == "ZWÖLF"
        assert file.read_bytes() == sound


def test_a_cache_of_another_version_of_the_file_is_made_again(tmp_path):
    path, file = small(tmp_path)
    before = file.read_bytes()
    renamed = pickle.dumps(SMALL).replace(b"FR:France", b"BE:France")
    path.write_bytes(gzip.compress(renamed))
    found = Geolocations(path, file.parent)
    assert found.say(hosting.parse("2.1.2.3")).claim.country == "BE"
    assert file.read_bytes() != before


def test_a_cache_that_others_could_have_written_is_not_believed(tmp_path):
    path, file = small(tmp_path)
    for mode in (0o620, 0o602):
        file.chmod(mode)
        assert not mapped(Geolocations(path, file.parent))
        assert file.stat().st_mode & 0o777 == 0o600
    foreign = file.rename(tmp_path / "foreign")
    file.symlink_to(foreign)
    assert not mapped(Geolocations(path, file.parent))
    assert not file.is_symlink()


def test_where_no_cache_can_be_kept_the_file_is_read_all_the_same(tmp_path):
    path = added(tmp_path, "x.dat.gz", gzip.compress(pickle.dumps(SMALL)))
    for place in (path / "below-a-file", tmp_path / "missing" / "cache"):
        found = Geolocations(path, place)
        assert found.say(hosting.parse("2.1.2.3")).claim.country == "FR"
        assert not place.exists()
