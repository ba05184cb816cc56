"""An installation put together: its home opened, its edges joined into one ``Gateway``.

Verbs: ``create`` (a new home), ``open_gateway`` (an existing one).
"""

from pathlib import Path

from gateway import config, hosting
from gateway.config import Config, Sections
from gateway.edges import clock, home, keyring
from gateway.edges.blobs import Blobs
from gateway.edges.home import Home
from gateway.edges.keyring import Keyring
from gateway.edges.registry import Living, Registry, Sources
from gateway.edges.store import Store, decisions, open_store
from gateway.edges.store.notary import Notary
from gateway.edges.wire import HttpsWire
from gateway.exchange import identity
from gateway.exchange.gateway import Gateway


def create(
    path: Path,
    me: str,
    country: str,
    name: str,
    *,
    mailbox: str = "",
    sections: Sections | None = None,
    registry: Registry | None = None,
) -> Gateway:
    """Make a new installation at ``path`` and open it: settings, keys, database, statement.

    Raises:
        HomeExists: something already stands there.
        ConfigInvalid: one of the values cannot be used.
        StorageFull: there is no space; nothing is left behind.
    """
    settings = config.example(me, country, name, mailbox=mailbox, sections=sections)

    def fill(made: Home) -> None:
        open_store(made.database, create=True).close()

    home.create(path, settings, fill=fill)
    gateway = open_gateway(path, registry=registry)
    identity.introduce(gateway)
    return gateway


def sources(path: Path, store: Store | None = None) -> Sources:
    """What the installation at ``path`` adds to the built-in address tables, decisions included.

    Args:
        path: its home.
        store: its database, where the caller has opened it already.
    """
    settings, place = home.open_home(path)
    if store is not None:
        return _sources(settings, place, store)
    opened = _store(settings, place, keyring.load(place.keys))
    try:
        return _sources(settings, place, opened)
    finally:
        opened.close()


def _store(settings: Config, place: Home, keys: Keyring) -> Store:
    """The database, with the key that signs the head of its journal."""
    notary = Notary(settings.peer_id, keys.log, keys.log.jwk, place.path)
    return open_store(place.database, notary=notary)


def _sources(settings: Config, place: Home, store: Store) -> Sources:
    with store.read() as db:
        holding = decisions.holding(db)
    return Sources(
        tables=tuple(str(place.within(name)) for name in settings.hosting.tables),
        own=str(place.table),
        cache=str(place.cache),
        decisions=holding,
    )


def open_gateway(path: Path, *, registry: Registry | None = None) -> Gateway:
    """Open the installation at ``path``.

    Args:
        path: its home.
        registry: the address tables, where the caller has opened them already.

    Raises:
        HomeMissing, ConfigInvalid, KeyUnusable, StoreUnusable, TableInvalid: what is wrong, and
            what to do about it.
    """
    settings, place = home.open_home(path)
    keys = keyring.load(place.keys)
    store = _store(settings, place, keys)
    found = registry or Living(lambda: _sources(settings, place, store))
    return Gateway(
        config=settings,
        store=store,
        blobs=Blobs(directory=place.originals),
        keys=keys,
        wire=HttpsWire(settings.exchange, hosting.special),
        locate=found.locate,
        now=clock.now,
        draw=clock.random_bytes,
        name=clock.uuid7,
    )
