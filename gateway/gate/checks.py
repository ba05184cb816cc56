"""Refusing by number and name, and the peer-facing page of all checks.

It carries RFC 8935 §2.3 and §2.4 as far as a refusal is worded for the peer.
The law here: what a peer reads comes from the table alone; the detail is for our own staff.
The verbs are ``check``, ``refusal``, ``describe`` and ``as_page``.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gateway import errors
from gateway.gate.table import CHECKS, Again, Check, Stage

__all__ = [
    "CHECKS",
    "Again",
    "Check",
    "Refusal",
    "Stage",
    "as_page",
    "check",
    "describe",
    "refusal",
]

_BY_NAME: Mapping[str, Check] = MappingProxyType({check.name: check for check in CHECKS})


class Refusal(errors.PeerError):
    """What a peer sent failed the check that this names; its text is fit for that peer.

    Args:
        check: the line of the table.
        detail: what exactly went wrong, for our own staff only.
    """

    code = "refused_by_gate"
    sentence = "The SET was refused."

    def __init__(self, check: Check, detail: str = "") -> None:
        super().__init__(f"{describe(check)} ({detail})" if detail else describe(check))
        self.check = check
        self.why = detail


def check(name: str) -> Check:
    """The check of that name.

    Raises:
        errors.NotFound: there is none.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise errors.NotFound(f"there is no check {name}") from None


def describe(check: Check) -> str:
    """What the peer is told: number, name and sentence, nothing of ours."""
    return f"{check.number} {check.name}: {check.sentence}"


def refusal(name: str, detail: str = "") -> Refusal:
    """The refusal by the check of that name, ready to be raised."""
    return Refusal(_BY_NAME[name], detail)


_HEAD = """# What a SET has to pass

This page is made from `gateway/gate/table.py`; a test keeps it true. The number and the name of
a check stand at the front of the `description` that we answer, and keep their meaning for ever.

*Again* says what the sender does next: `never` send this SET again (mend by a new one that
`supersedes` it), send the same one `later`, or ask a `person`. A check of the decision is answered
202 and stated in the signed receipt; every other one is unsigned, and no proof of anything.
"""


def as_page() -> str:
    """The peer-facing table of all checks, in Markdown."""
    lines = [_HEAD]
    for stage, title in (
        (Stage.DOOR, "Door: the call"),
        (Stage.VALIDATION, "Validation: the token"),
        (Stage.DECISION, "Decision: what it says"),
    ):
        lines.append(f"## {title}\n")
        lines.append("| no | name | status | answer | again | meaning | section |")
        lines.append("|---|---|---|---|---|---|---|")
        lines.extend(_row(line) for line in CHECKS if line.stage is stage)
        lines.append("")
    return "\n".join(lines)


def _row(line: Check) -> str:
    """One line of the page."""
    answer = f"`{line.code}`" if line.verdict is None else f"{line.verdict}, `{line.code}`"
    return (
        f"| {line.number} | {line.name} | {line.status} | {answer} | {line.again} "
        f"| {line.sentence} | {line.section} |"
    )
