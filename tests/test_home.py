import errno
import os
import stat
from pathlib import Path

import pytest

from gateway import config
from gateway.edges import files, home, keyring
from gateway.errors import (
    ConfigInvalid,
    HomeExists,
    HomeMissing,
    HomeUnusable,
    KeyUnusable,
    StorageFull,
)

SETTINGS = config.example("https://entente.example.org", "FR", "Signal")


def everything(path: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()
    }


def test_a_new_home_is_complete_and_only_its_owner_may_look_inside(tmp_path) -> None:
    made = home.create(tmp_path / "a" / "home", SETTINGS)
    read, opened = home.open_home(tmp_path / "a" / "home")
    assert (opened, read.name) == (made, "Signal")
    keyring.load(made.keys)
    assert made.originals.is_dir()
    assert made.statements.is_dir()
    for path in (made.path, *made.path.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["home"]


def test_an_empty_directory_may_become_a_home(tmp_path) -> None:
    (tmp_path / "home").mkdir()
    assert home.create(tmp_path / "home", SETTINGS).settings.exists()


def test_a_home_that_stands_is_left_as_it_is(tmp_path) -> None:
    home.create(tmp_path / "home", SETTINGS)
    before = everything(tmp_path)
    with pytest.raises(HomeExists):
        home.create(tmp_path / "home", SETTINGS)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_directory_is_not_replaced(tmp_path, make) -> None:
    make(tmp_path / "home")
    with pytest.raises(HomeExists):
        home.create(tmp_path / "home", SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_settings_that_would_stop_the_start_make_no_home(tmp_path) -> None:
    with pytest.raises(ConfigInvalid):
        home.create(tmp_path / "home", SETTINGS + "\nwrong = 1\n")
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_could_not_be_filled_leaves_nothing_behind(tmp_path) -> None:
    def fill(_: home.Home) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        home.create(tmp_path / "home", SETTINGS, fill=fill)
    assert list(tmp_path.iterdir()) == []


def test_what_fills_a_home_is_there_when_it_counts(tmp_path) -> None:
    made = home.create(tmp_path / "home", SETTINGS, fill=lambda new: new.database.touch())
    assert made.database.exists()


def test_of_two_who_make_one_home_the_slower_is_told(tmp_path) -> None:
    def meanwhile(_: home.Home) -> None:
        home.create(tmp_path / "home", SETTINGS)

    with pytest.raises(HomeExists):
        home.create(tmp_path / "home", SETTINGS, fill=meanwhile)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    home.open_home(tmp_path / "home")


def test_no_space_is_said_and_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        home.create(tmp_path / "home", SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch) -> None:
    path = tmp_path / "file"
    files.keep(path, b"old")
    files.keep(path, b"new")
    assert path.read_bytes() == b"new"
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "x")))
    with pytest.raises(HomeUnusable):
        files.keep(path, b"newer")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("file", b"new")]


@pytest.mark.parametrize("what", ["nothing", "a file", "an empty directory"])
def test_where_no_installation_is_the_next_step_is_said(tmp_path, what) -> None:
    path = tmp_path / "home"
    if what == "a file":
        path.touch()
    elif what == "an empty directory":
        path.mkdir()
    with pytest.raises(HomeMissing) as caught:
        home.open_home(path)
    assert "entente init" in caught.value.hint


def test_an_installation_without_its_settings_is_not_taken_for_none(tmp_path) -> None:
    made = home.create(tmp_path / "home", SETTINGS)
    made.settings.unlink()
    with pytest.raises(ConfigInvalid):
        home.open_home(made.path)


def test_a_wrong_key_in_the_settings_stops_the_start(tmp_path) -> None:
    made = home.create(tmp_path / "home", SETTINGS)
    made.settings.write_text(SETTINGS.replace("threads", "treads"))
    with pytest.raises(ConfigInvalid) as caught:
        home.open_home(made.path)
    assert "serve.treads" in caught.value.detail


def test_paths_of_the_settings_begin_at_the_home_unless_they_are_absolute(tmp_path) -> None:
    made = home.Home(path=tmp_path)
    assert made.within("keys/a.pem") == tmp_path / "keys" / "a.pem"
    assert made.within("/etc/a.pem") == Path("/etc/a.pem")


def test_keys_are_not_made_twice_in_one_home(tmp_path) -> None:
    made = home.create(tmp_path / "home", SETTINGS)
    with pytest.raises(KeyUnusable):
        keyring.create(made.keys)
