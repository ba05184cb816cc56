"""What hostile mail costs: ``python -m tests.bench.hostile [--repeats N] [--largest]``.

For every generator of ``tests.hostile``: how the work of the whole normaliser grows with the size
(the exponent over mails of 8 to 256 kB), and the processor time of one mail just under a
megabyte; then the worst of each. ``--largest`` reads mails just under the limit on one complaint
in a child process as an import does, and shows its peak of memory. The steepest come last.
"""

import argparse
import os
from pathlib import Path

from gateway.config import ReadingLimits
from gateway.edges.mailboxes import Source
from gateway.edges.reader import Read, Reader
from gateway.edges.registry import open_registry
from gateway.report import Settings, normalise
from tests.hostile import MAILS
from tests.hostile.growth import exponent, seconds

SIZES = (8_000, 16_000, 32_000, 64_000, 128_000, 256_000)
MEGABYTE = 990_000
OVERHEAD = 1_000
ATTACHED = ("a bomb in Zstandard", "six codings in one another", "an archive in archives")
ONE_PART = (
    "one line", "UTF-16", "UTF-7", "signs that grow", "NULs", "links of a page", "nested blocks",
    "a forward of links", "feedback in feedback", "base64 of junk", "quoted-printable of spaces",
)  # fmt: skip


def growth(repeats: int) -> None:
    """Print the exponent and the worst time of every generator."""
    locate = open_registry().locate

    def read(source: bytes) -> object:
        return normalise(source, locate)

    rows = []
    for name, make in MAILS.items():
        slope = exponent(read, make, SIZES, repeats)
        source = make(MEGABYTE)
        rows.append((slope, seconds(read, source, 1) * 1e3, len(source), name))
    print("exponent  ms at 1 MB    bytes  generator")
    for slope, took, size, name in sorted(rows):
        print(f"{slope:8.2f} {took:11.1f} {size:8}  {name}")
    print(f"{len(rows)} generators; steepest {max(rows)[0]:.2f} ({max(rows)[3]}); ", end="")
    slowest = max(rows, key=lambda row: row[1])
    print(f"slowest {slowest[1]:.0f} ms at {slowest[2]} bytes ({slowest[3]})")


def largest() -> None:
    """Print the peak memory and the fate of mails just under the limit on one complaint."""
    limits = ReadingLimits()
    print(
        f"mails of up to {limits.source_bytes} bytes, memory limit {limits.memory_bytes >> 20} MiB"
    )
    for name in (*ATTACHED, *ONE_PART):
        content = MAILS[name](int(limits.source_bytes * 0.98))[: limits.source_bytes - OVERHEAD]
        with Reader(Settings(limits=limits), processes=1) as pool:
            (found,) = pool.read([Source(name=name, content=content, octets=len(content))])
            peak = [_peak(pid) for pid in pool.pids]
        assert isinstance(found, Read)
        said = "; ".join(found.report.problems) or "read"
        print(f"{len(content):9} bytes  peak {max(peak, default=0):4} MiB  {name}: {said}")


def _peak(pid: int) -> int:
    """The most address space that a process had, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmPeak")]
    return int(line.split()[1]) >> 10


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="readings of which the best counts")
    parser.add_argument("--largest", action="store_true", help="mails just under the limit instead")
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores")
    if chosen.largest:
        largest()
    else:
        growth(chosen.repeats)


if __name__ == "__main__":
    main()
