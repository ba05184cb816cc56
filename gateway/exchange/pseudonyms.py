"""The key that leads from a reporter's account to the pseudonym is destroyed. Verb: ``destroy``.

The law: the database says first which key counts from now on, and an import that still holds
another one stops; so nothing is entered under a pseudonym of a destroyed key.
"""

from gateway.edges import keyring
from gateway.edges.store import ledger, settings
from gateway.edges.store.records import micros
from gateway.edges.store.settings import PseudonymKey
from gateway.exchange.gateway import Gateway

SALT_BYTES = 32
_MOST = 1000


def destroy(gateway: Gateway, because: str) -> PseudonymKey:
    """Overwrite the key of pseudonyms with a new one; pseudonyms until now lead to nobody.

    They still count reporters. The gateway that was handed in holds the old key until it is
    opened anew. Killed half-way, it is simply done again.

    Raises:
        HomeUnusable: the key's file cannot be written.
    """
    secret = gateway.draw(keyring.SECRET_BYTES)
    at = micros(gateway.now())
    key = PseudonymKey(check=keyring.check(secret), since=at)
    with gateway.store.write() as db:
        settings.set_pseudonyms(db, key)
        said = {"because": because[:_MOST], "new": key.check}
        ledger.append(db, at, "pseudonyms-destroyed", said, gateway.draw(SALT_BYTES))
    gateway.keys.destroy_reporters(secret)
    return key
