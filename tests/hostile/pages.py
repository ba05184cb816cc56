"""Hostile pages and links: what hangs parsers of HTML, and links in every disguise."""

from tests.hostile.making import HEAD, Maker, body, page

DISGUISES = (
    "http://127.1/", "http://0x7f.1/", "http://2130706433/", "http://017700000001/",
    "http://0x7f000001/", "http://127.0.0.1.:80/", "http://[::1]/", "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[::127.0.0.1]/",
    "http://[fe80::1%25eth0]/", "http://[2001:0:7f00:1::]/", "http://[::]/", "http://0/",
    "http://\u2460\u2461\u2466.0.0.1/", "http://\uff11\uff12\uff17.0.0.1/",
    "http://a.example@127.0.0.1/", "http://a.example:80@b.example/", "http://a.example%40b.example/",
    "http:\\\\a.example\\x", "http:/\\a.example/", "http:a.example", "http:////a.example//",
    "//a.example/x", "\\\\a.example\\x", "ht\ntp://a.exa\tmple/", "http://a.example%00.b.example/",
    "http://a.example%2fb/", "http://a%2eexample/", "http://%61.example/", "http://a.example#@b/",
    "http://a.example?@b.example/", "http://#a.example/", "http://?/", "http:///", "http://:80/",
    "http://a.example:0/", "http://a.example:65536/", "http://a.example:99999999999/",
    "http://a.example:080/", "http://a.example:x/", "http://a.example./", "http://a.example../",
    "http://.a.example/", "http://a..example/", "http://xn--80ak6aa92e.example/",
    "http://xn--a/", "http://\u0430\u0440\u0440\u04cf\u0435.example/", "http://stra\xdfe.example/",
    "http://a\u00ad.example/", "http://a\u3002example/", "http://\u200b/", "http://a_b.example/",
    "http://1.2.3/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://1.1.1.256/",
    "http://0x/", "http://08.1.1.1/", "http://[1::2::3]/", "http://[a", "http://]/",
    "javascript:alert(1)", "data:text/html,x", "file:///etc/hostname", "gopher://a.example/",
    "ftp://a.example/x", "HTTPS://A.EXAMPLE/X", "http&#58;//a.example/", "http&colon;//a.example/",
    "&#104;ttp://a.example/", "http://a.example/&amp;amp;amp;amp;amp;x", "http://user:@a.example/",
    "http://a.example/\u202egpj.exe", "http://" + "a." * 126 + "example/",
    "http://" + "a" * 64 + ".b/",
    "http://a.example/" + "x" * 5_000, "www.a.example", "WWW.A.EXAMPLE/x", "hxxp://a.example/",
)  # fmt: skip
"""Links as hostile mails spell them, among them every spelling of a loopback address."""


def _disguises(size: int) -> bytes:
    anchors = "".join(f'<a href="{link}">x</a> {link}\n' for link in DISGUISES).encode()
    top = HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    return top + anchors * (size // len(anchors)) + anchors[: size % len(anchors)]


def _different_links(size: int) -> bytes:
    links = b"".join(b"<a href=http://h%d.example/%d>x</a>" % (n, n) for n in range(size // 40))
    return HEAD + b"Content-Type: text/html\r\n\r\n" + links


def _attributes(size: int) -> bytes:
    named = b" ".join(b"a%d=1" % n for n in range(size // 8))
    return HEAD + b"Content-Type: text/html\r\n\r\n<p " + named + b">end"


def _styles(size: int) -> bytes:
    styled = b"".join(b'<p style="a:%d;font-size:0">x' % n for n in range(size // 30))
    return HEAD + b"Content-Type: text/html\r\n\r\n" + styled


def _in_turns(open_: bytes, close: bytes) -> Maker:
    """As many elements opened as are then closed, with text inside and behind each."""
    pair = len(open_) + len(close) + 4
    top = HEAD + b"Content-Type: text/html\r\n\r\n"
    return lambda size: (
        top + (open_ + b"a ") * (size // pair) + (close + b"b ") * (size // pair) + b"end"
    )


PAGES: dict[str, Maker] = {
    "tags": page(b"<a "),
    "unended attributes": page(b'<a b="'),
    "unended attributes in turns": page(b"<a b='<a b=\""),
    "comments": page(b"<!--"),
    "comments that almost end": page(b"--!", b"<!--"),
    "conditional comments": page(b"<!--[if mso]><a href=http://a.example/>x</a><![endif]-->"),
    "conditional comments of hyphens": page(b"<!--[if mso]> - -- http:// -->"),
    "sections": page(b"<![CDATA["),
    "declarations": page(b"<!DOCTYPE html ["),
    "instructions": page(b"<?xml "),
    "less-than signs": page(b"<"),
    "end tags": page(b"</p>"),
    "end tags of nothing": page(b"</"),
    "nested blocks": page(b"<div>"),
    "nested tables": page(b"<table><tr><td>"),
    "nested fonts": page(b"<font>"),
    "nested fonts with a size": page(b"<font size=0 style=font-size:9px>x"),
    "nested lists": page(b"<ul><li>x"),
    "nested forms of emphasis": page(b"<b><i><u>"),
    "emphasis ended out of turn": page(b"<b><i>x</b>y</i>"),
    "paragraphs in anchors": page(b"<a href=http://a.example/><p>x"),
    "selections": page(b"<select><option>x"),
    "elements never seen": page(b"<script>x</script><style>y</style><title>z</title>"),
    "an element never seen": page(b"<b>x", b"<textarea>"),
    "pages in pages": page(b"<iframe srcdoc='<iframe>'>"),
    "drawings in drawings": page(b"<svg><math>"),
    "hidden blocks opened and closed": _in_turns(b"<div style=display:none>", b"</div>"),
    "sizes opened and closed": _in_turns(
        b"<p style=font-size:0><b style=font-size:9px>", b"</b></p>"
    ),
    "sizes in turns": page(b"<i style=font-size:0>a<br></i>b"),
    "attributes of one element": _attributes,
    "one attribute": page(b"a", b'<p title="'),
    "one style": page(b"font:0;", b'<p style="'),
    "one style of spaces": page(b" : ", b'<p style="font-size'),
    "addresses in one style": page(b"url( url('", b'<p style="'),
    "styles": page(b'<p style="font-size:0;opacity:0000000000;font:font:font:">'),
    "different styles": _styles,
    "images with a text": page(b"<img alt='x y'>"),
    "an image with a long text": page(b"x y ", b"<img alt='"),
    "sets of images": page(b"http://a.example/x 1x, ", b"<img srcset='"),
    "refreshes": page(b"<meta http-equiv=refresh content='0;url= url= '>"),
    "a refresh of digits": page(b"0 .", b"<meta http-equiv=refresh content='"),
    "bases": page(b"<base href=http://a.example/><a href=x>y</a>"),
    "references from a base": page(b"<a href=../x/../y>", b"<base href=http://a.example/a/b/>"),
    "dots from a base": page(b"../", b"<base href=http://a.example/><a href='"),
    "data links": page(b'<img src="data:image/png;base64,AAAA">'),
    "one data link": page(b"AAAA", b'<img src="data:image/png;base64,'),
    "links of a page": page(b"<a href=http://a.example/x>x</a>"),
    "different links": _different_links,
    "links in every disguise": _disguises,
    "one link of ampersands": page(b"&amp;", b'<a href="http://a.example/?'),
    "one link of percent signs": page(b"%25", b'<a href="http://'),
    "one link of at signs": page(b"@", b'<a href="http://'),
    "one link of dots": page(b".", b'<a href="http://a'),
    "one link of colons": page(b":", b'<a href="http://['),
    "one link of letters beyond ASCII": page("\u0430.".encode(), b'<a href="http://'),
    "one link of digits": page(b"1", b'<a href="http://'),
    "one link of line breaks": page(b"\r\n\t", b'<a href="http://a.example/'),
    "entities without a semicolon": page(b"&amp&lt&nbsp&notit"),
    "numbered entities": page(b"&#0;&#1;&#x110000;&#xd800;&#128512;"),
    "endless entities": page(b"9", b"&#"),
    "ampersands": page(b"&"),
    "NULs in tags": page(b"<a\0 hr\0ef=http://a.example/>"),
    "controls in text": page(b"\x01 \x1e\x85"),
    "a page in UTF-16": body(
        "<p>x".encode("utf-16-le"), b"Content-Type: text/html; charset=utf-16\r\n"
    ),
    "a page that is called plain": body(b"<p>x", before=b"<html>"),
    "a page cut in lines": page(b"<a\r\nhref=\r\nhttp://a.example/\r\n>x"),
    "links without an end": body(b"http://"),
    "links of numbers": body(b"http://1.0x2.3/ "),
    "links of brackets": body(b"http://a.example/((((())))) "),
    "one link of brackets": body(b"(", before=b"http://a.example/"),
    "links to www": body(b"www."),
    "links to www apart": body(b"www.a.example "),
    "beginnings of links": body(b"https:/ http:\\ ftp:/ "),
}  # fmt: skip
"""By a name in words: a function that makes a mail of about so many bytes."""
