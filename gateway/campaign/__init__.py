"""Which Messages are one mailing: a fingerprint of each, and the campaign it belongs to.

Two levels stand side by side. The *lure* is what the victim is told; mails with one lure are one
campaign, though each copy be personalised. The *kit* is what a mail was made with; different
lures made with one kit stay different campaigns. The law: pure functions, no randomness, the same
result in every process and release. Verbs: ``fingerprint`` a mail, ``choose`` its campaign,
``gather`` a batch into campaigns.
"""

from gateway.campaign.gathering import Founded, Gathered, Shelf, gather, sought
from gateway.campaign.kit import OPENING
from gateway.campaign.likeness import choose, comparable, likeness, similarity
from gateway.campaign.sketch import fingerprint
from gateway.campaign.words import fold

__all__ = [
    "OPENING",
    "Founded",
    "Gathered",
    "Shelf",
    "choose",
    "comparable",
    "fingerprint",
    "fold",
    "gather",
    "likeness",
    "similarity",
    "sought",
]
