import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats import links

DISGUISES = [
    ("http://example.org", "http://example.org/", "example.org"),
    ("HTTP://EXAMPLE.org/A b", "http://example.org/A%20b", "example.org"),
    ("https://example.org:443/x", "https://example.org/x", "example.org"),
    ("https://example.org:8443/x", "https://example.org:8443/x", "example.org"),
    ("https://example.org./x", "https://example.org/x", "example.org"),
    ("http://bank.example@evil.example/", "http://evil.example/", "evil.example"),
    ("http://a:b@c@evil.example:80/x", "http://evil.example/x", "evil.example"),
    ("http:\\\\evil.example\\p?x\\y", "http://evil.example/p?x%5Cy", "evil.example"),
    ("http://good.example\\@evil.example/", "http://good.example/@evil.example/", "good.example"),
    ("ht\ttp://ex\nample.org/", "http://example.org/", "example.org"),
    ("http:evil.example", "http://evil.example/", "evil.example"),
    ("http:////evil.example/x", "http://evil.example/x", "evil.example"),
    ("//evil.example/y", "http://evil.example/y", "evil.example"),
    ("www.example.org", "http://www.example.org/", "www.example.org"),
    ("http://%65vil.example/", "http://evil.example/", "evil.example"),
    ("http://&#101;vil.example/?a=1&amp;b=2", "http://evil.example/?a=1&b=2", "evil.example"),
    ("http://a.example/&amp;amp;x", "http://a.example/&x", "a.example"),
    ("http://127.1/", "http://127.0.0.1/", "127.0.0.1"),
    ("http://0x7f.1/", "http://127.0.0.1/", "127.0.0.1"),
    ("http://2130706433/x", "http://127.0.0.1/x", "127.0.0.1"),
    ("http://017700000001", "http://127.0.0.1/", "127.0.0.1"),
    ("http://0300.0250.1/", "http://192.168.0.1/", "192.168.0.1"),
    ("http://①②⑦.0.0.1/", "http://127.0.0.1/", "127.0.0.1"),
    ("http://198。51。100。7/", "http://198.51.100.7/", "198.51.100.7"),
    ("http://u@198.51.100.7:8080/#x", "http://198.51.100.7:8080/#x", "198.51.100.7"),
    ("http://[2001:DB8:0:0::1]:8080/", "http://[2001:db8::1]:8080/", "2001:db8::1"),
    ("http://[::ffff:198.51.100.7]/", "http://198.51.100.7/", "198.51.100.7"),
    ("http://bücher.example/ä", "http://xn--bcher-kva.example/%C3%A4", "xn--bcher-kva.example"),
    ("http://faß.example/", "http://xn--fa-hia.example/", "xn--fa-hia.example"),
    ("http://BÜCHER。example/", "http://xn--bcher-kva.example/", "xn--bcher-kva.example"),
    ("http://раypal.example/", "http://xn--ypal-43d9g.example/", "xn--ypal-43d9g.example"),
    ("http://☃.example/", "http://xn--n3h.example/", "xn--n3h.example"),
    ("http://ex\u200bam\u00adple.org/", "http://example.org/", "example.org"),
    ("http://ｅｘａｍｐｌｅ.org/", "http://example.org/", "example.org"),
    ("ftp://files.example/a", "ftp://files.example/a", "files.example"),
    ("http://a_b.example/x?u=a@b.example", "http://a_b.example/x?u=a@b.example", "a_b.example"),
    ("https://e.example/{x}|^`", "https://e.example/%7Bx%7D%7C%5E%60", "e.example"),
    ("https://e.example?x=1", "https://e.example/?x=1", "e.example"),
]

NO_LINKS = [
    "javascript:alert(1)", "data:text/html,x", "cid:part1@example.org", "mailto:a@example.org",
    "tel:123", "file:///etc/passwd", "relative/path", "#top", "", "http://", "http://?x",
    "http://#x", "http://example.org:0/", "http://example.org:65536/", "http://example.org:8a/",
    "http://a..b/", "http://a b/", "http://a%00b.example/", "http://1.2.3.4.5/", "http://256.1.1.1/",
    "http://1.2.3.256/", "http://1.16777216/", "http://1.2.65536/", "http://4294967296/",
    "http://1.2.3.08/", "http://foo.0x4/", "http://[::1", "http://[fe80::1%25eth0]/",
    "http://" + "a." * 200 + "example/", "http://" + "9" * 5000 + "/",
]  # fmt: skip


@pytest.mark.parametrize(("spelling", "url", "host"), DISGUISES)
def test_a_disguised_link_gets_its_one_spelling(spelling, url, host):
    link = links.normalise(spelling)
    assert link is not None
    assert (link.url, link.host) == (url, host)


@pytest.mark.parametrize("spelling", NO_LINKS)
def test_what_no_browser_opens_as_a_page_is_no_link(spelling):
    assert links.normalise(spelling) is None


@pytest.mark.parametrize(("spelling", "url", "host"), DISGUISES)
def test_a_link_in_its_one_spelling_stays_as_it_is(spelling, url, host):
    again = links.normalise(url)
    assert again is not None
    assert (again.url, again.host) == (url, host)


def test_links_are_found_in_text_without_the_signs_of_the_sentence():
    text = (
        "See http://a.example/x(y). And (http://b.example/z), <https://c.example/q?x=1&y=2>; "
        '"HTTP://D.example/w"! www.e.example... not@www.no.example, hxxp://f.example '
        "[http://g.example/] »http://h.example/ü«"
    )
    assert list(links.find(text)) == [
        "http://a.example/x(y)",
        "http://b.example/z",
        "https://c.example/q?x=1&y=2",
        "HTTP://D.example/w",
        "www.e.example",
        "http://g.example/",
        "http://h.example/ü«",
    ]


def test_the_search_for_links_stops_at_its_limit():
    assert len(list(links.find("http://a.example/ " * 50, most=7))) == 7


def test_repeats_are_counted_once_and_the_rest_is_counted_beyond_what_is_kept():
    spelt = [f"http://a.example/{n % 30}" for n in range(90)] + ["cid:x", "HTTP://A.example/1"]
    kept, total = links.gather(spelt, keep=10)
    assert [link.url for link in kept] == [f"http://a.example/{n}" for n in range(10)]
    assert total == 30


def test_a_relative_reference_is_read_from_its_base():
    assert links.absolute("../b?x", "http://a.example/c/d") == "http://a.example/b?x"
    assert links.absolute("//e.example/f", "https://a.example/") == "https://e.example/f"
    assert links.absolute("javascript:x", "http://a.example/") == "javascript:x"
    assert links.absolute("b", None) == "b"
    assert links.absolute("b", "http://[broken") == "b"


@given(st.ip_addresses(v=4))
def test_every_base_of_numbers_means_the_same_address(address):
    number = int(address)
    a, b, c, d = address.packed
    for spelling in (
        str(number),
        hex(number),
        f"0{number:o}",
        f"{a}.{number & 0xFFFFFF}",
        f"0x{a:x}.0{b:o}.{c * 256 + d}",
        f"{a}.{b}.{c}.{d}.",
    ):
        assert links.canonical_host(spelling) == str(address)


@given(st.ip_addresses(v=6))
def test_an_ipv6_host_is_canonical_in_any_spelling(address):
    expected = str(address.ipv4_mapped or address)
    assert links.canonical_host(f"[{address.exploded.upper()}]") == expected


@given(st.text(max_size=60))
def test_no_text_at_all_breaks_the_reading_of_a_host(text):
    host = links.canonical_host(text)
    if host is not None:
        assert host.isascii()
        assert host == host.lower()
        bracketed = f"[{host}]" if ":" in host else host
        assert links.canonical_host(bracketed) == host


@given(st.sampled_from(["http://", "https:", "ftp:/\\", "//", "www.", ""]), st.text(max_size=80))
def test_no_text_at_all_breaks_the_reading_of_a_link(scheme, text):
    link = links.normalise(scheme + text)
    if link is not None:
        assert link.url.isascii()
        assert link.url.startswith(("http://", "https://", "ftp://"))
        if ":" in link.host or link.host.rpartition(".")[2].isdigit():
            assert str(ipaddress.ip_address(link.host)) == link.host
        again = links.normalise(link.url)
        assert again is not None
        assert again.host == link.host
