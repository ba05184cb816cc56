from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import config
from gateway.config import Config, Policy, Sections, Serve
from gateway.errors import ConfigInvalid

LEAST = 'id = "https://entente.example.org"\ncountry = "FR"\nname = "Signal"\n'


def complaint(text: str | bytes) -> str:
    with pytest.raises(ConfigInvalid) as caught:
        config.read(text.encode() if isinstance(text, str) else text)
    assert caught.value.hint
    return caught.value.detail


def test_three_lines_are_enough() -> None:
    read = config.read(LEAST.encode())
    assert (read.peer_id, read.home_country, read.name) == (
        "https://entente.example.org",
        "FR",
        "Signal",
    )
    assert (read.serve.host, read.serve.port) == ("127.0.0.1", 8443)
    assert read.serve.max_call_bytes == 4_000_000
    assert read.exchange.seconds == 60


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('colour = "red"\n' + LEAST, "unknown key colour"),
        (LEAST + "[serve]\nbnid = 1\n", "unknown key serve.bnid"),
        (LEAST + "[reading]\nsize = 1\n", "unknown key reading.size"),
        (LEAST + "[origin]\nborder = []\n", "unknown key origin.border"),
        (LEAST + "[hosting]\ntable = []\n", "unknown key hosting.table"),
        (LEAST + "[exchange]\nretries = 1\n", "unknown key exchange.retries"),
        (LEAST + "[policy]\nwaiting = 1\n", "unknown key policy.waiting"),
        (LEAST + "[mirror]\n", "unknown key mirror"),
    ],
)
def test_an_unknown_key_stops_the_start_and_is_named(text, key) -> None:
    assert complaint(text).endswith(key)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (LEAST.replace("https", "http"), "https"),
        (LEAST.replace("FR", "EU"), "country"),
        (LEAST.replace("FR", "fr"), "country"),
        (LEAST.replace('name = "Signal"\n', ""), "name"),
        (LEAST.replace("Signal", ""), "name"),
        (LEAST.replace("Signal", "a\\u001b[2J"), "name"),
        (LEAST + 'mailbox = "nobody"\n', "mailbox"),
        (LEAST + '[serve]\nbind = "entente.example.org:443"\n', "serve"),
        (LEAST + '[serve]\nbind = "127.0.0.1:70000"\n', "serve"),
        (LEAST + '[serve]\nthreads = "8"\n', "serve.threads"),
        (LEAST + "[serve]\nthreads = 0\n", "serve.threads"),
        (LEAST + "[serve]\nstatus_page = 1\n", "serve.status_page"),
        (LEAST + "[exchange]\nbatch = 501\n", "exchange.batch"),
        (LEAST + "[exchange]\nseconds = 0\n", "exchange.seconds"),
        (LEAST + "[exchange]\nseconds = inf\n", "exchange.seconds"),
        (LEAST + "[exchange]\nseconds = nan\n", "exchange.seconds"),
        (LEAST + "[reading]\ndepth = 0\n", "reading.depth"),
        (LEAST + "[reading]\ndepth = 99999999999999999999999\n", "depth"),
        (LEAST + "[hosting]\ntables = [1]\n", "hosting.tables"),
        (LEAST + '[policy]\ncategories = ["spam", "legitimate"]\n', "legitimate never goes abroad"),
        (LEAST + '[policy]\ncategories = ["rubbish"]\n', "policy.categories"),
        (LEAST + "[policy]\nreporters = 0\n", "policy.reporters"),
        (LEAST + "[policy]\noldest_days = 0\n", "policy.oldest_days"),
        (LEAST + "[policy]\nwaiting_minutes = -1\n", "policy.waiting_minutes"),
    ],
)
def test_a_value_out_of_range_stops_the_start_and_its_key_is_named(text, key) -> None:
    assert key in complaint(text)


@pytest.mark.parametrize("text", [b"", b"id = ", b"\xff\xfe", b"a = 1\na = 2", b"[[[[", b"x" * 99])
def test_what_is_no_toml_is_refused_as_ours(text) -> None:
    assert "entente.toml" in complaint(text)


@given(st.binary(max_size=200))
def test_no_bytes_bring_anything_but_settings_or_our_own_refusal(text) -> None:
    with suppress(ConfigInvalid):
        assert isinstance(config.read(text), Config)


@pytest.mark.parametrize(
    "text",
    [
        "https://entente.example.org",
        "https://127.0.0.1:8443",
        "https://[::1]:8443",
        "https://example.org/entente/fr",
    ],
)
def test_an_identifier_is_kept_as_it_stands(text) -> None:
    assert config.identifier(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "entente.example.org",
        "http://example.org",
        "HTTPS://example.org",
        "https://Example.org",
        "https://example.org/",
        "https://example.org/a/",
        "https://example.org//a",
        "https://example.org/a/../b",
        "https://example.org?x",
        "https://example.org#x",
        "https://user@example.org",
        "https://example.org:443",
        "https://example.org:99999",
        "https://example.org:",
        "https://exa mple.org",
        "https://example.org\n",
        "https://exämple.org",
        "https://a..b",
        "https://" + "a" * 300,
    ],
)
def test_a_second_spelling_of_an_identifier_is_refused(text) -> None:
    with pytest.raises(ValueError):
        config.identifier(text)


def test_the_file_of_a_new_installation_says_every_setting_and_reads_back() -> None:
    serve = Serve(bind="127.0.0.1:0", threads=3, certificate="/etc/ssl/é.pem")
    text = config.example(
        "https://a.example.org",
        "BE",
        'A "quoted" \\ näme',
        mailbox="desk@example.org",
        sections=Sections(serve=serve),
    )
    read = config.read(text.encode())
    assert read.name == 'A "quoted" \\ näme'
    assert read.serve == serve
    assert read.mailbox == "desk@example.org"
    uncommented = "\n".join(
        line.removeprefix("# ")
        if line.startswith(("# [", "# b", "# f", "# t", "# s", "# a"))
        else line
        for line in text.splitlines()
    )
    again = config.read(uncommented.encode())
    assert again.exchange == Config(id=read.id, country="BE", name="x").exchange
    assert again.origin.borders == (".mx.example.org",)
    assert again.origin.forwarders == ("lists.example.org",)


def test_the_policy_of_a_new_installation_is_careful_and_can_be_written_out() -> None:
    careful = config.read(config.example("https://a.example.org", "BE", "A").encode()).policy
    assert (careful.reporters, careful.oldest_days, careful.waiting_minutes) == (1, 14, 15)
    assert "legitimate" not in careful.categories
    assert "other" in careful.categories
    told = Policy(categories=("spam",), reporters=2, oldest_days=3, waiting_minutes=0)
    text = config.example("https://a.example.org", "BE", "A", sections=Sections(policy=told))
    assert config.read(text.encode()).policy == told


@given(st.text(min_size=1, max_size=50).filter(str.isprintable))
def test_any_name_that_can_be_shown_survives_the_file(name) -> None:
    assert config.read(config.example("https://a.example.org", "BE", name).encode()).name == name


def test_a_new_installation_is_not_begun_with_values_that_would_stop_it() -> None:
    with pytest.raises(ConfigInvalid):
        config.example("http://a.example.org", "BE", "A")


def test_settings_do_not_change_once_they_are_read() -> None:
    with pytest.raises(AttributeError):
        config.read(LEAST.encode()).name = "other"
    assert msgspec.structs.fields(Config)
