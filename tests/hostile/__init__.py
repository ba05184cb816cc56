"""Hostile mails with a size knob, for the tests of every reader: each is a function of a length.

What they have in common: an honest reader's obvious loop takes quadratic time, recurses, unpacks
more than there is room for, or raises something that nobody catches.
"""

from tests.hostile.archives import ARCHIVES
from tests.hostile.headers import HEADERS
from tests.hostile.making import Maker
from tests.hostile.pages import PAGES
from tests.hostile.parts import PARTS

MAILS: dict[str, Maker] = HEADERS | PARTS | PAGES | ARCHIVES
"""By a name in words: a function that makes a mail of about so many bytes."""
