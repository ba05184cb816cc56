"""How the work for a hostile mail grows with its size: the exponent, by least squares."""

import math
import time
from collections.abc import Callable, Sequence

from tests.hostile.making import Maker

SIZES = (32_000, 64_000, 128_000, 256_000)
"""Bytes of the mails compared: large enough that what each mail costs at least does not count."""


def seconds(read: Callable[[bytes], object], source: bytes, repeats: int) -> float:
    """Processor seconds of the quickest of some readings; another's load only makes it slower."""
    quickest = math.inf
    for _ in range(repeats):
        begun = time.process_time()
        read(source)
        quickest = min(quickest, time.process_time() - begun)
    return quickest


def exponent(
    read: Callable[[bytes], object], make: Maker, sizes: Sequence[int] = SIZES, repeats: int = 1
) -> float:
    """The slope of the logarithm of the time over that of the size: 1 is linear, 2 quadratic."""
    sources = [make(size) for size in sizes]
    across = [math.log(len(source)) for source in sources]
    up = [math.log(max(seconds(read, source, repeats), 1e-6)) for source in sources]
    middle, height = sum(across) / len(across), sum(up) / len(up)
    spread = sum((x - middle) ** 2 for x in across)
    if spread == 0:
        return 0.0  # a mail that cannot grow
    return sum((x - middle) * (y - height) for x, y in zip(across, up, strict=True)) / spread
