import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ReadingLimits
from gateway.formats import html

LIMITS = ReadingLimits()


def text(page: str) -> str:
    return html.read(page, None, LIMITS).text


def references(page: str) -> list[str]:
    return list(html.read(page, None, LIMITS).references)


@pytest.mark.parametrize(
    "hidden",
    [
        "<div style='display:none'>hidden</div>",
        "<div style='DISPLAY : NONE !important'>hidden</div>",
        "<p hidden>hidden</p>",
        "<span style='visibility:hidden'>hidden</span>",
        "<span style='font-size:0px'>hidden</span>",
        "<span style='font:0/0 a'>hidden</span>",
        "<span style='font-size:1px'>hidden</span>",
        "<span style='font-size:.05em'>hidden</span>",
        "<font size=0>hidden</font>",
        "<div style='opacity:0'>hidden</div>",
        "<div style='max-height:0;overflow:hidden'>hidden</div>",
        "<div style='mso-hide:all'>hidden</div>",
        "<div style='text-indent:-9999px'>hidden</div>",
        "<div style='display:none'><div><b>hidden</b></div>hidden</div>",
        "<script>hidden</script>",
        "<style>hidden{}</style>",
        "<title>hidden</title>",
        "<!-- hidden -->",
        "<textarea>hidden</textarea>",
        "<select><option>hidden</select>",
        "<template>hidden</template>",
    ],
)
def test_text_that_nobody_sees_is_left_out(hidden):
    assert text(f"<body>before {hidden} after</body>").split() == ["before", "after"]


@pytest.mark.parametrize(
    "shown",
    [
        "<div style='font-size:0'><span style='font-size:14px'>shown</span></div>",
        "<div style='opacity:0.9'>shown</div>",
        "<div style='opacity:1.0'>shown</div>",
        "<div style='max-height:0.5em'>shown</div>",
        "<p style='font:14px/20px arial'>shown</p>",
        "<p style='font-family:a;font-size:110%'>shown</p>",
        "<p style='line-height:0'>shown</p>",
        "<noscript>shown</noscript>",
        "<p>sh\u200bo\u00adw\u2060n</p>",
        "<img alt=shown src=x>",
        "<p>s&#104;own",
        "shown",
    ],
)
def test_text_that_a_reader_sees_is_kept(shown):
    assert text(shown) == "shown"


def test_blocks_make_lines_and_inline_elements_do_not():
    page = "<p>one <b>t</b>wo\n three<br>four<table><tr><td>five</td><td>six</td></tr></table>"
    assert text(page) == "one two three\nfour\nfive six"


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ("<font size=0 style='font-size:12px'>one</font> two", "one two"),
        ("<font size=0>hidden<font size=0 style='font-size:9px'>one</font></font> two", "one two"),
        ("o<span style='font-size:0'> </span>ne", "one"),
        ("one<span style='font-size:0'>hidden<br>hidden</span>two", "one\ntwo"),
        ("one<span style='font-size:0'>a<b hidden>b</b><p>c</p></span><p>two", "one\ntwo"),
        ("<p style='font-size:0'>a<i style='font-size:2em'>one<u style='font-size:0'>b</u> two",
         "one two"),
    ],
)  # fmt: skip
def test_what_has_no_size_leaves_no_sign_but_its_lines(page, seen):
    assert text(page) == seen


def test_hidden_text_ends_where_its_element_ends_even_if_its_children_were_left_open():
    assert text("<div style='display:none'><p>a<p>b<i>c</div>shown") == "shown"


def test_every_place_of_a_link_is_looked_at():
    page = """
    <html><head><base href="http://base.example/dir/"><meta http-equiv=Refresh
      content="0; URL='http://refresh.example/'"><link href=http://sheet.example/>
    <script src=http://script.example/></script></head>
    <body background=http://ground.example/><a href=page.html>x</a>
    <a href="http://entity.example/?a=1&amp;b=2">x</a><img src=//picture.example/
      srcset="http://small.example/ 1x, http://large.example/ 2x">
    <form action=http://form.example/><button formaction=http://button.example/></button></form>
    <td style="background:url( 'http://style.example/' )"></td>
    <area href="http://area.example/"><object data=http://object.example/></object>
    <!--[if mso]><a href="http://outlook.example/">x</a><![endif]-->
    <!-- http://comment.example/ --> text http://text.example/.
    </body>"""
    assert references(page) == [
        "http://refresh.example/", "http://sheet.example/", "http://script.example/",
        "http://ground.example/", "http://base.example/dir/page.html", "http://entity.example/?a=1&b=2",
        "http://picture.example/", "http://small.example/", "http://large.example/",
        "http://form.example/", "http://button.example/", "http://style.example/",
        "http://area.example/", "http://object.example/", "http://outlook.example/",
        "http://text.example/",
    ]  # fmt: skip


def test_links_in_elements_that_are_not_shown_come_last():
    page = (
        "<div style='display:none'><a href=http://innocent.example/>x</a></div>"
        "<a href=http://lure.example/>x</a>"
    )
    assert references(page) == ["http://lure.example/", "http://innocent.example/"]
    page = (
        "<p style='display:none'><a href=http://innocent.example/>x</a></p>"
        "<!--[if mso]> http://lure.example/ <![endif]-->"
    )
    assert references(page) == ["http://lure.example/", "http://innocent.example/"]


def test_a_link_broken_by_lines_and_tabs_is_mended():
    assert references("<a href='ht\ntp://a.exa\tmple/'>x</a>") == ["http://a.example/"]


@pytest.mark.parametrize(
    ("content", "charset", "expected"),
    [
        ("é".encode("latin-1"), "iso-8859-1", "é"),
        ("é".encode(), "utf-8", "é"),
        ("é".encode(), None, "é"),
        ("é".encode("latin-1"), None, "é"),
        ("Привет".encode("koi8-r"), "KOI8-R", "Привет"),
        (b"<meta charset=koi8-r>" + "Привет".encode("koi8-r"), None, "Привет"),
        ("日本".encode("iso-2022-jp"), "iso-2022-jp", "日本"),
        ("日本".encode("utf-16"), "utf-16", "日本"),
        ("é".encode(), "no-such-charset", "é"),
        ("é".encode(), "idna", "é"),
        (b"a\0b", "utf-8", "a b"),
        (b"\xef\xbb\xbfa", "utf-8", "a"),
        (b'<?xml version="1.0" encoding="utf-16"?><p>a</p>', None, "a"),
        (b"", None, ""),
        (b"<", None, "<"),
    ],
)
def test_a_page_is_read_in_its_charset(content, charset, expected):
    assert html.read(content, charset, LIMITS).text == expected


def test_nothing_behind_deep_nesting_or_many_attributes_goes_unseen():
    attributes = " ".join(f"a{n}=1" for n in range(50_000))
    for before in ("<div>" * 20_000, "<table><tr><td>" * 5_000, f"<p {attributes}>"):
        page = html.read(f"{before}<a href=http://end.example/>end</a>", None, LIMITS)
        assert page.references == ("http://end.example/",)
        assert page.text == "end"


def test_what_is_beyond_a_limit_is_said_to_be_cut():
    limits = ReadingLimits(part_chars=1_000, text_chars=50, links_looked_at=3)
    assert html.read("<p>" + "x " * 100, None, limits).cut
    assert html.read(" " * 2_000, None, limits).cut
    assert html.read("<a href=http://a.example/>" * 4, None, limits).cut
    assert not html.read("<a href=http://a.example/>x</a>" * 3, None, limits).cut
    assert len(html.read("<p>" + "x " * 100, None, limits).text) == 50


TAGS = [
    "<div>", "</div>", "<p style='font-size:0'>", "<a href='http://a.example/'>", "</a>", "<td>",
    "<!--", "-->", "<![CDATA[", "<script>", "</script>", "&#0;", "&amp", "<br/>", "x", "\0", "'",
    '"', "<style>", "<b", ">", "<title>", "\ud800", "<meta http-equiv=refresh content='", "é",
]  # fmt: skip


@given(st.lists(st.sampled_from(TAGS) | st.text(max_size=8), max_size=60).map("".join))
def test_no_page_at_all_breaks_the_reading(page):
    result = html.read(page, None, LIMITS)
    result.text.encode()
    assert "\n\n" not in result.text


@given(st.binary(max_size=300), st.sampled_from([None, "utf-8", "utf-16", "utf-7", "hz", "idna"]))
def test_no_bytes_at_all_break_the_reading(content, charset):
    html.read(content, charset, LIMITS).text.encode()
