"""The demo's screen: what happened, in words and small tables that fit 80 columns.

The law: nothing is computed here; what comes from a mail is shown and never obeyed.
Verb: ``Screen``.
"""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.status import Status
from rich.table import Table
from rich.text import Text

from gateway.edges.demo.figures import Altered, CountryLine, Followed, Shelf
from gateway.model import Country, Noun, PeerId

_WIDEST = 100
_NAMES = {
    "own_country": "our own country",
    "no_peer": "no peer there yet",
    "disputed": "registries disagree",
    "unknown_country": "country unknown",
    "private_address": "no public address",
    "no_origin": "no proof of origin",
    "not_agreed": "not agreed with the peer",
    "misrouted": "sent back by the peer",
    "legitimate": "judged legitimate",
    "category": "category not sent",
    "too_old": "too old to send",
    "too_few_reporters": "too few reporters",
    "waiting": "waits for second thoughts",
    "unparseable": "no mail in it",
}


class Who(Noun):
    """One association as the screen introduces it."""

    id: PeerId
    name: str
    country: Country
    fingerprint: str
    page: str


class Screen:
    """The screen; made once for a demo."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, markup=False)
        self._out.width = min(self._out.width, _WIDEST)
        self._number = 0

    def busy(self, text: str) -> Status:
        """Say what is going on, on a terminal, until the block ends."""
        return self._out.status(Text(text, style="dim"), spinner="dots")

    def opening(self, text: str, promise: str) -> None:
        """What this is."""
        self._out.print(Text.assemble(("Entente demo", "bold"), f"  {text}"))
        self._out.print(Text(promise, style="dim"))

    def who(self, associations: Sequence[Who]) -> None:
        """Country, name, fingerprint and page of each association."""
        self._title("Three associations, each with its own home, keys and server process")
        grid = Table.grid(padding=(0, 2))
        for one in associations:
            grid.add_row(
                Text(one.country, style="bold cyan"),
                Text.assemble(
                    (one.name, "bold"),
                    ("\nfingerprint  ", "dim"),
                    one.fingerprint,
                    ("\nknown as     ", "dim"),
                    one.id,
                    ("\npage         ", "dim"),
                    (one.page, f"underline link {one.page}"),
                ),
            )
        self._print(grid)

    def followed(self, one: Followed, sender: Who, receiver: Who, *, kept: str) -> None:
        """One report on its way from the mail to the receipt."""
        self._title(f"One report followed, from {sender.country} to {receiver.country}")
        report, hosting = one.report, one.report.hosting
        origin, message = report.origin, report.message
        if origin is None or hosting is None or message is None:
            return
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        judged = f"{report.judgement.value}: {report.judgement.why}" if report.judgement else "-"
        grid.add_row("subject", Text(shown(message.subject or "-"), style="bold"))
        grid.add_row("judged", shown(judged))
        grid.add_row("origin", Text(origin.address, style="bold green"))
        proof = Text(shown(origin.line))
        proof.highlight_words([origin.address], "green")
        grid.add_row("its proof", proof)
        for number, claimed in enumerate(origin.claimed[:2]):
            line = Text(shown(claimed.line), style="dim")
            line.highlight_words([claimed.address], "red")
            grid.add_row("only claims" if number == 0 else "", line)
        grid.add_row("lies in", f"{hosting.prefix}, registered in {hosting.country}")
        grid.add_row("says who", f"{one.decided.source}, {one.decided.as_of or 'no date'}")
        grid.add_row(f"goes to {receiver.country}", f"because {shown(one.case.route.reason)}")
        grid.add_row("stays here", kept + (", ".join(map(shown, one.fields)) or "-"))
        if one.link:
            grid.add_row("link read", shown(one.link[0]))
            grid.add_row("link sent", Text(shown(one.link[1]), style="yellow"))
        grid.add_row("signed SET", one.jti)
        grid.add_row("its SHA-256", one.digest)
        grid.add_row("receipt", one.receipt)
        grid.add_row("its SHA-256", one.receipt_digest)
        verified = Text.assemble(
            ("✓ verified", "bold green"),
            f": {receiver.country} signed it over the digest of our SET",
        )
        grid.add_row("", verified)
        self._print(grid)

    def none_followed(self) -> None:
        """No report crossed a border."""
        self._title("One report followed")
        self._print(Text("No report crossed a border this time; what stayed at home is below."))

    def by_country(self, lines: Sequence[CountryLine], peers: Mapping[str, str]) -> None:
        """The table by the sender's country."""
        self._title("Where the mails came from, all three associations together")
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", show_footer=True, pad_edge=False)
        table.add_column("country", "all")
        names = ("reports", "cases", "accepted", "refused", "waiting", "home")
        sums = {name: sum(getattr(line, name) for line in lines) for name in names}
        for name in ("reports", "cases"):
            table.add_column(name, f"{sums[name]:,}", justify="right")
        table.add_column("peer", "")
        for name in names[2:]:
            title = "at home" if name == "home" else name
            table.add_column(title, f"{sums[name]:,}", justify="right")
        for line in lines:
            cells = [f"{getattr(line, name):,}" if getattr(line, name) else "·" for name in names]
            style = {"accepted": "green", "refused": "red", "waiting": "yellow"}
            told = [
                Text(cell, style="dim" if cell == "·" else style.get(name, ""))
                for name, cell in zip(names, cells, strict=True)
            ]
            peer = peers.get(line.country)
            whose = Text(peer) if peer else Text("none", style="dim")
            table.add_row(line.country or "unknown", *told[:2], whose, *told[2:])
        self._print(table)

    def nowhere(self, shelves: Sequence[Shelf]) -> None:
        """What was sent nowhere, by reason."""
        self._title("What went nowhere, and why")
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
        table.add_column("reason", no_wrap=True)
        table.add_column("reports", justify="right")
        table.add_column("cases", justify="right")
        table.add_column("for example", style="dim")
        for shelf in shelves:
            counts = [f"{shelf.reports:,}", f"{shelf.cases:,}"]
            table.add_row(_NAMES.get(shelf.code, shelf.code), *counts, shown(shelf.reason))
        self._print(table)

    def refused(self, one: Altered, whom: Who, answer: str, *, taken: int) -> None:
        """The SET that was altered, and how it was answered."""
        self._title("One byte changed in flight")
        self._print(
            Text.assemble(
                f"SET {one.jti}, byte {one.place:,}: '{one.was}' became '{one.now}'. It was posted"
                f" to {whom.country} with the right secret.\n",
                ("✗ refused at check ", "bold red"),
                (shown(answer), "bold"),
                f"\n{taken} SETs of it were kept; the untouched one stands as accepted.",
            )
        )

    def again(self, *, came: int, added: int) -> None:
        """The repeated import."""
        self._title("The same mails imported again")
        self._print(Text(f"{came:,} mails came, {added} were added: each is known by its digest."))

    def times(self, lines: Sequence[str]) -> None:
        """How long it took."""
        self._title("Time")
        for line in lines:
            self._print(Text(line))

    def next(self, commands: Sequence[tuple[str, str]], note: str) -> None:
        """What to try next."""
        self._title("Try next")
        for command, why in commands:
            # A command is never broken by us: it must survive being copied.
            self._out.print(Text.assemble("  ", (command, "bold cyan")), soft_wrap=True)
            self._out.print(Text(f"      {why}", style="dim"))
        if note:
            self._out.print()
            self._out.print(Text(note, style="dim"))

    def say(self, text: str) -> None:
        """A line of its own."""
        self._out.print(Text(text))

    def _title(self, text: str) -> None:
        self._number += 1
        self._out.print()
        self._out.print(Text.assemble((f"{self._number}. ", "dim"), (text, "bold")))

    def _print(self, what: Table | Text) -> None:
        with self._out.capture() as captured:
            self._out.print(Padding(what, (0, 0, 0, 3)))
        # Tables are filled up to the edge; nobody wants those spaces in a file or a README.
        for line in captured.get().rstrip().splitlines():
            self._out.file.write(f"{line.rstrip()}\n")


def shown(text: str) -> str:
    """A text from outside on one line, clipped; what cannot be seen is shown as an escape."""
    clipped = text if len(text) <= 400 else text[:400] + "…"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in clipped)
