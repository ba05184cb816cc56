"""Everything that is due with our peers, done now. Verb: ``sync``."""

from gateway.edges.store import peers
from gateway.errors import NotFound
from gateway.exchange.deciding import route_again
from gateway.exchange.gateway import Gateway
from gateway.exchange.push import Pushed, announce_head, push
from gateway.exchange.receipts import expire
from gateway.exchange.refer import Referred, Referring
from gateway.model import Noun, PeerId


class Synced(Noun):
    """What one sync did with one peer."""

    peer: PeerId
    referred: Referred
    pushed: Pushed


def sync(gateway: Gateway, only: PeerId | None = None) -> list[Synced]:
    """Route what may have become possible, refer it, and push to every peer, or to ``only``.

    One peer that fails costs the others nothing: its error stands in its own line.

    Raises:
        NotFound: there is no such peer.
    """
    route_again(gateway)
    with gateway.store.read() as db:
        register = peers.register(db)
    if only is not None and register.peer(only) is None:
        raise NotFound(f"{only} is not on record", hint="entente peers list")
    done = []
    for peer in register.peers.values():
        if not peer.flows or not peer.streams or only not in {None, peer.id}:
            continue
        expire(gateway, peer.id)
        referring = Referring(gateway, peer)
        referring.step()
        # Composing costs as much as the peer's receiving, so the next batch is made meanwhile.
        pushed = push(gateway, peer.id, referring.step)
        while referring.step():
            if pushed.error is None:
                pushed = _joined(pushed, push(gateway, peer.id, referring.step))
        if pushed.error is None and pushed.delivered:
            announce_head(gateway, peer.id)
            pushed = _joined(pushed, push(gateway, peer.id))
        done.append(Synced(peer=peer.id, referred=referring.done, pushed=pushed))
    return done


def _joined(one: Pushed, two: Pushed) -> Pushed:
    return Pushed(
        peer=one.peer,
        delivered=one.delivered + two.delivered,
        rejected=one.rejected + two.rejected,
        waiting=two.waiting,
        calls=one.calls + two.calls,
        error=two.error,
    )
