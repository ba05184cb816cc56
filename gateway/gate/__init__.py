"""The numbered admission checks: an Envelope becomes Opened, then Admitted, or is refused.

It carries RFC 8935 §2, RFC 8417 §2 and the rules of our profile; the table is ``checks.CHECKS``.
The law here: nothing downstream takes what has not passed, and only ``decide`` makes an
Admitted. The verbs are ``recognise``, ``check_call``, ``check_peer``, ``validate``, ``name``,
``repeat`` and ``decide``, in this order.
"""

from gateway.gate.checks import CHECKS, Again, Check, Refusal, Stage, as_page, check, describe
from gateway.gate.decision import Admitted, Context, Decision, Known, decide
from gateway.gate.door import Call, check_call, check_peer, recognise, secret_digest
from gateway.gate.validation import name, repeat, validate

__all__ = [
    "CHECKS",
    "Admitted",
    "Again",
    "Call",
    "Check",
    "Context",
    "Decision",
    "Known",
    "Refusal",
    "Stage",
    "as_page",
    "check",
    "check_call",
    "check_peer",
    "decide",
    "describe",
    "name",
    "recognise",
    "repeat",
    "secret_digest",
    "validate",
]
