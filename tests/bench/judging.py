"""What a judgement costs: ``python -m tests.bench.judging --mail DIR``.

CPU microseconds a mail, in the order of the road, so that the processor's caches are as cold as
they are there. The folded text is shared with the fingerprint, and so timed by itself.
"""

import argparse
import time
from pathlib import Path

from gateway import campaign, category
from gateway.config import ReadingLimits
from gateway.errors import Unparseable
from gateway.formats import mail


def main() -> None:
    """Read every mail under DIR, judge it, and print the mean cost of each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mail", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    spent = {"fold": 0.0, "judge": 0.0}
    number = 0
    for _ in range(chosen.rounds):
        for path in sorted(chosen.mail.rglob("*.eml")):
            try:
                read = mail.read(path.read_bytes(), ReadingLimits())
            except Unparseable:
                continue
            began = time.process_time()
            campaign.fold(read.text[: category.LETTERS])
            folded = time.process_time()
            category.judge(read.message, read.text)
            spent["fold"] += folded - began
            spent["judge"] += time.process_time() - folded
            number += 1
    for name, seconds in spent.items():
        print(f"{name:6} {seconds / max(number, 1) * 1e6:6.0f} us of CPU a mail ({number} mails)")


if __name__ == "__main__":
    main()
