"""The HTML of a mail: the text that a reader would see, and every link in it.

The HTML living standard as far as mail programs follow it; parsed once, by lxml, without building
a tree: a tree of hostile HTML takes quadratic time for attributes and ends at a depth of some
hundreds, so that everything behind would go unseen.
The law: linear time, one pass, nothing fetched, nothing raised for content. Verb: ``read``.
"""

import contextlib
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from lxml import etree

from gateway.config import ReadingLimits
from gateway.formats import links
from gateway.formats.headers import text_of

# Attributes that lead somewhere when the mail is opened or clicked.
_LEADING = frozenset(
    {"href", "src", "action", "formaction", "background", "data", "poster", "xlink:href", "cite",
     "longdesc", "lowsrc", "dynsrc", "ping", "codebase", "classid", "manifest", "usemap"}
)  # fmt: skip
_SETS = frozenset({"srcset", "imagesrcset"})
# What may lead somewhere or hide something; most elements have none of these.
_TELLING = _LEADING | _SETS | {"http-equiv", "hidden", "size", "type"}
# Elements whose content nobody sees. The parser leaves out their end now and then, so each is left
# at the latest where the element around it ends.
_UNSEEN = frozenset(
    {"script", "style", "head", "title", "template", "textarea", "select", "datalist",
     "object", "iframe", "noframes", "noembed", "svg", "math", "audio", "video", "xml"}
)  # fmt: skip
_BLOCKS = frozenset(
    {"p", "div", "br", "tr", "table", "li", "ul", "ol", "dl", "dt", "dd", "h1", "h2", "h3", "h4",
     "h5", "h6", "hr", "blockquote", "pre", "center", "form", "section", "article", "header",
     "footer", "body", "address", "caption", "fieldset", "main", "nav", "aside", "tbody"}
)  # fmt: skip
_CELLS = frozenset({"td", "th", "option", "button"})
# What elements put between texts. These very objects are known again by identity, however the
# mail's own text is spelt. A line break of the source is mere space.
_MARK = "\x01"
_BREAK = f" {_MARK} "
_GAP = "  "
_BETWEEN = dict.fromkeys(_BLOCKS, _BREAK) | dict.fromkeys(_CELLS, _GAP) | dict.fromkeys(_UNSEEN, "")

_NOT_SHOWN = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|mso-hide:all|opacity:0{0,4}\.?0{1,4}(?![\d.])"
    r"|max-height:0(?![.\d])|text-indent:-\d{3}|(?:left|top):-\d{4}|clip:rect\(0"
)
_FONT_SIZE = re.compile(
    r"font(?:-size)?:(\d{1,4}(?:\.\d{1,4})?|\.\d{1,4})(px|pt|em|rem|ex|mm|%)?(?:[;!/]|$)"
)
_STYLE_URL = re.compile(r"url\(\s*['\"]?([^'\"()\s]{1,4096})", re.IGNORECASE)
_STYLE_CHARS = 4_096
_REFRESH = re.compile(r"[\d.\s]*+[;,]?+\s*+(?:url\s*+=)?+\s*+['\"]?([^'\"\s]+)", re.IGNORECASE)
# Characters that leave no mark: a word with them inside looks like the word without.
_NO_WIDTH = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]+"
)
_CONTROLS = bytes(32 if byte < 32 and byte not in {9, 10, 13} else byte for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What was read of an HTML part.

    ``text`` is what a reader sees; ``references`` are as they are spelt, made absolute where the
    page names its base; ``cut`` says whether a limit was reached.
    """

    text: str
    references: tuple[str, ...]
    cut: bool = False


def visible(text: str) -> str:
    """``text`` as it looks: signs without width left out, white space folded, lines kept."""
    if not text.isascii():
        text = _NO_WIDTH.sub("", text)
    return "\n".join(filter(None, map(" ".join, map(str.split, text.split("\n")))))


def read(content: bytes | str, charset: str | None, limits: ReadingLimits) -> Page:
    """The visible text of an HTML part and the references in it, hidden ones among them.

    Links are looked for in attributes, style, meta refresh, comments for one mail program, and in
    the visible text itself. Text in elements that are not shown or have no size is left out.

    Args:
        content: the decoded bytes of the part, or its text.
        charset: its MIME charset; where missing, the one that the page itself names.
        limits: how many characters are parsed and how much text is kept.
    """
    if isinstance(content, bytes):
        page = text_of(content[: limits.part_chars * 4], charset or _own_charset(content))
    else:
        page = content
    cut = len(page) > limits.part_chars
    source = page[: limits.part_chars].encode("utf-8", "replace").translate(_CONTROLS)
    reader = _Reader(limits)
    parser = etree.HTMLParser(
        target=reader,  # type: ignore[arg-type]  # the stub allows bytes, lxml gives text
        recover=True,
        no_network=True,
        encoding="utf-8",
    )
    # What was read before the parser gave up stands; an empty page ends here as well.
    with contextlib.suppress(etree.LxmlError, ValueError):
        etree.fromstring(source, parser)
    text = reader.shown()
    found = [*reader.found(), *links.find(text[: limits.text_chars], limits.links_looked_at)]
    cut = cut or reader.full or len(text) > limits.text_chars
    return Page(text=text[: limits.text_chars], references=tuple(found), cut=cut)


_META_CHARSET = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w:.-]{1,40})", re.IGNORECASE
)


def _own_charset(content: bytes) -> str | None:
    found = _META_CHARSET.search(content, 0, 4_096)
    return found[1].decode("ascii", "replace") if found else None


class _Style(NamedTuple):
    """What a style says that matters here; ``sizeless`` is ``None`` where it says no size."""

    hidden: bool
    sizeless: bool | None
    leads: bool


def _style(style: str) -> _Style | None:
    """What a style says of its element being seen or leading somewhere; ``None`` if nothing."""
    lowered = style.lower()
    leads = "url(" in lowered
    lowered = lowered[:_STYLE_CHARS].replace(" ", "")
    hidden = _NOT_SHOWN.search(lowered) is not None
    size = _FONT_SIZE.search(lowered) if "font" in lowered else None
    sizeless = None
    if size:
        tiny = 0.1 if size[2] in {"em", "rem", "ex"} else 1.5 if size[2] != "%" else 5.0
        sizeless = float(size[1]) < tiny
    if not (hidden or sizeless or leads):
        return None if sizeless is None else _OF_A_SIZE
    return _Style(hidden, sizeless, leads)


_OF_A_SIZE = _Style(hidden=False, sizeless=False, leads=False)
# One mail's elements, and one campaign's mails, repeat few styles; short ones are remembered.
_usual_style = lru_cache(maxsize=8_192)(_style)
_USUAL = 256


class _Reader:
    """Takes the parser's events; knows at each moment whether what comes is seen.

    A page has hundreds of events, so each does the least. The parser hands its text to ``data``,
    which is the list's own ``append``; so text that nobody sees gets into the list too, and is
    taken out where the unseen stretch ends.
    """

    def __init__(self, limits: ReadingLimits) -> None:
        self.most = limits.links_looked_at
        self.text: list[str] = []
        self.data = self.text.append
        self.references: list[str] = []
        self.buried: list[str] = []  # those in elements that are not shown
        self.base: str | None = None
        self.depth = 0
        self.unseen_at = 0  # the depth of the outermost unseen element; 0 where all is seen
        self.veiled = False  # whether that element is hidden by its style
        self.sizes: list[tuple[int, bool]] = []  # (depth, whether text from here on has no size)
        self.sizeless = False
        self.turns_at = 0  # the depth whose end changes one of the above
        self.quiet_from = -1  # where in ``text`` the present unseen stretch begins
        self.full = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.depth += 1
        if attributes:
            spelt = attributes.get("style")
            style = None
            if spelt:
                style = _usual_style(spelt) if len(spelt) <= _USUAL else _style(spelt)
                if style is _OF_A_SIZE and not self.sizeless and tag != "font":
                    style = None
            if style is not None or not _TELLING.isdisjoint(attributes):
                self._told(tag, attributes, style)
        if self.unseen_at:
            return
        between = _BETWEEN.get(tag)
        if between:
            self.data(between)
        elif between is not None:
            self._unseen()
        elif tag == "img" and "alt" in attributes and not self.sizeless:
            self.data(f" {attributes['alt'][:500]} ")

    def end(self, tag: str) -> None:
        depth = self.depth
        self.depth = depth - 1
        if depth == self.turns_at:
            self._turned(depth)
        if tag in _BLOCKS and not self.unseen_at:
            self.data(_BREAK)

    def comment(self, text: str) -> None:
        # Outlook shows what stands in its conditional comments.
        if text.lstrip()[:3].lower() == "[if":
            self._refer(links.find(text, self.most))

    def close(self) -> None:
        """The parser asks for a result; it is read from the attributes instead."""

    def shown(self) -> str:
        """The text that a reader sees, white space folded, one line for each block."""
        self.unseen_at, self.sizeless = 0, False
        self._heard()
        text = " ".join("".join(self.text).split())
        if not text.isascii() and _NO_WIDTH.search(text):
            text = " ".join(_NO_WIDTH.sub("", text).split())
        text = text.replace(f" {_MARK}", _MARK).replace(f"{_MARK} ", _MARK)
        return "\n".join(filter(None, text.split(_MARK)))

    def found(self) -> Iterator[str]:
        """The references made absolute: those shown in their order, then those not shown.

        Hidden links are often filler that names the innocent, so they come last and are clipped
        first.
        """
        for reference in (*self.references, *self.buried):
            yield links.absolute(reference, self.base)

    def _unseen(self) -> None:
        """The element that begins is not seen, nor what is in it."""
        self.unseen_at = self.turns_at = self.depth
        if self.quiet_from < 0:
            self.quiet_from = len(self.text)

    def _sized(self) -> None:
        """Text from here on has the size that was stated last."""
        self.turns_at = self.sizes[-1][0] if self.sizes else 0
        self.sizeless = bool(self.sizes) and self.sizes[-1][1]
        if self.sizeless and self.quiet_from < 0:
            self.quiet_from = len(self.text)
        self._heard()

    def _turned(self, depth: int) -> None:
        """The unseen element at this depth, or the one that set a size there, has ended."""
        if depth == self.unseen_at:
            self.unseen_at, self.veiled = 0, False
        while self.sizes and self.sizes[-1][0] >= depth:
            self.sizes.pop()
        self._sized()

    def _heard(self) -> None:
        """Where an unseen stretch has ended, take its text out; breaks between blocks stay."""
        begin = self.quiet_from
        if begin >= 0 and not self.unseen_at and not self.sizeless:
            self.quiet_from = -1
            self.text[begin:] = [
                piece for piece in self.text[begin:] if piece is _BREAK or piece is _GAP
            ]

    def _refer(self, references: Iterable[str]) -> None:
        for reference in references:
            if len(self.references) + len(self.buried) >= self.most:
                self.full = True
                return
            (self.buried if self.veiled else self.references).append(reference)

    def _told(self, tag: str, attributes: Mapping[str, str], style: _Style | None) -> None:
        """Take in what the attributes say: whether the element is seen, and where it leads."""
        if not self.unseen_at and self._hidden(tag, attributes, style):
            self._unseen()
            self.veiled = True
        if tag == "base":
            if self.base is None and "href" in attributes:
                self.base = attributes["href"]
            return
        for name, value in attributes.items():
            if name in _LEADING:
                if value[:5].lower() not in {"data:", "cid:"}:
                    self._refer([value])
            elif name in _SETS:
                self._refer(
                    [candidate.split()[0] for candidate in value.split(", ") if candidate.split()]
                )
            elif name == "style" and style is not None and style.leads:
                self._refer(_STYLE_URL.findall(value))
        if tag == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            target = _REFRESH.match(attributes.get("content", ""))
            if target:
                self._refer([target[1]])

    def _hidden(self, tag: str, attributes: Mapping[str, str], style: _Style | None) -> bool:
        """Whether an element is not shown; also follows the size that text has from here on."""
        if "hidden" in attributes or (tag == "input" and attributes.get("type") == "hidden"):
            return True
        sizeless = None
        if tag == "font" and attributes.get("size", "").strip() in {"0", "0px"}:
            sizeless = True
        if style is not None:
            if style.hidden:
                return True
            sizeless = sizeless if style.sizeless is None else style.sizeless
        if sizeless is not None and sizeless != self.sizeless:
            self.sizes.append((self.depth, sizeless))
            self._sized()
        return False


# lxml asks for the signature of ``start`` for every parser; so it need not be worked out each time.
_Reader.start.__signature__ = inspect.signature(_Reader.start)  # type: ignore[attr-defined]
