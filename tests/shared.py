"""Material that stands beside the project on a development machine: real mail, official schemas.

Nothing of it is needed to use the project. A test that wants it asks here and is skipped, saying
so, where it is absent; ``ENTENTE_SHARED`` may name another place.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("ENTENTE_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def shared(*parts: str) -> Path:
    """The path of ``parts`` under the shared folder; skips the test where it is not there."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} stands beside the project only on a development machine")
    return path
