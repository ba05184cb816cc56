"""What an installation has to remember of itself, by name. In the caller's transaction."""

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import schema as t
from gateway.model import Noun

_PSEUDONYMS = "pseudonyms"


class PseudonymKey(Noun):
    """Which key makes the pseudonyms since an older one was destroyed.

    ``check`` tells the key from another one; ``since`` is in microseconds since 1970, UTC.
    """

    check: str
    since: int


def pseudonyms(db: Connection) -> PseudonymKey | None:
    """The key that makes the pseudonyms now; None where none was ever destroyed."""
    s = t.setting.c
    found = db.scalar(sa.select(s.value).where(s.name == _PSEUDONYMS))
    return msgspec.json.decode(found, type=PseudonymKey) if found is not None else None


def set_pseudonyms(db: Connection, key: PseudonymKey) -> None:
    """Say which key makes the pseudonyms from now on."""
    s, value = t.setting.c, msgspec.json.encode(key).decode()
    changed = db.execute(t.setting.update().where(s.name == _PSEUDONYMS).values(value=value))
    if changed.rowcount == 0:
        db.execute(t.setting.insert().values(name=_PSEUDONYMS, value=value))
