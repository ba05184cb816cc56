"""Where an installation lives: one directory with settings, keys, database and kept mail.

The law: a home stands complete or not at all, and only its owner may look inside. Verbs:
``create``, ``open_home``.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway import config
from gateway.config import Config
from gateway.edges import keyring
from gateway.edges.files import PRIVATE_DIRECTORY, keep, ours, settle
from gateway.errors import ConfigInvalid, HomeExists, HomeMissing

SETTINGS: Final = "entente.toml"
_MOST_SETTINGS_BYTES = 1_000_000
_INIT = "make one: entente init --id URL --country CC --name NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The places inside an installation. Made by ``create`` and ``open_home``."""

    path: Path

    @property
    def settings(self) -> Path:
        """The settings, ``entente.toml``."""
        return self.path / SETTINGS

    @property
    def keys(self) -> Path:
        """The directory of private keys and secrets."""
        return self.path / "keys"

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.path / "entente.db"

    @property
    def originals(self) -> Path:
        """The directory of original mail, by digest."""
        return self.path / "originals"

    @property
    def statements(self) -> Path:
        """The directory of every entity statement that was ever accepted."""
        return self.path / "statements"

    @property
    def cache(self) -> Path:
        """The directory of what can be made again at any time; it need not exist."""
        return self.path / "cache"

    @property
    def table(self) -> Path:
        """The table of registrations that the installation made for itself; it need not exist."""
        return self.path / "tables" / "registrations.table"

    def within(self, name: str) -> Path:
        """A path of the settings: from the home, unless it is absolute."""
        return self.path / name


def create(path: Path, settings: str, *, fill: Callable[[Home], None] | None = None) -> Home:
    """Make a new installation at ``path``, which may not exist or must be an empty directory.

    Args:
        path: where it shall live.
        settings: the text of ``entente.toml``, as ``config.example`` writes it.
        fill: what else belongs into a home before it counts, such as the database.

    Raises:
        ConfigInvalid: the settings cannot be used.
        HomeExists: something already stands there; it is left as it is.
        StorageFull, HomeUnusable: the system refuses; nothing is left behind.
    """
    config.read(settings.encode())
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - a link at the end must not be followed away
    with ours(whole):
        if whole.is_symlink() or (whole.exists() and (not whole.is_dir() or any(whole.iterdir()))):
            raise HomeExists(f"{path} is not empty", hint="choose another --home, or use this one")
        whole.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".entente-new-", dir=whole.parent))
    made = Home(path=beside)
    try:
        with ours(whole):
            for directory in (made.keys, made.originals, made.statements):
                directory.mkdir(mode=PRIVATE_DIRECTORY)
        keyring.create(made.keys)
        keep(made.settings, settings.encode())
        if fill is not None:
            fill(made)
        with ours(whole):
            settle(beside)
            _take_place(beside, whole)
    except BaseException:
        with suppress(OSError):
            shutil.rmtree(beside)
        raise
    return Home(path=whole)


def _take_place(beside: Path, whole: Path) -> None:
    """Rename in one step; the system refuses where somebody was faster."""
    try:
        beside.rename(whole)
    except OSError as error:
        if whole.exists():
            raise HomeExists(f"{whole} was made by somebody else just now") from error
        raise
    settle(whole.parent)


def open_home(path: Path) -> tuple[Config, Home]:
    """The settings and the places of the installation at ``path``.

    Raises:
        HomeMissing: there is no installation there.
        ConfigInvalid: ``entente.toml`` is missing or cannot be used.
        HomeUnusable: the system refuses.
    """
    home = Home(path=Path(os.path.abspath(path)))  # noqa: PTH100 - as in create
    with ours(home.path):
        if not home.path.is_dir():
            raise HomeMissing(f"there is no installation at {path}", hint=_INIT)
    with ours(home.settings):
        if not home.settings.is_file():
            if not home.keys.exists() and not home.database.exists():
                raise HomeMissing(f"there is no installation at {path}", hint=_INIT)
            raise ConfigInvalid(f"{home.settings} is missing", hint="restore it from a backup")
        with home.settings.open("rb") as file:
            text = file.read(_MOST_SETTINGS_BYTES)
    return config.read(text), home
