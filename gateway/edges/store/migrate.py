"""Bringing an older database up to date, by Alembic; loaded only where there is something to do.

The law: a database of a newer version is refused, never touched. Verb: ``upgrade``.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from gateway.errors import StoreUnusable


def upgrade(engine: Engine, path: Path) -> None:
    """Run the migrations that the database lacks, in one transaction.

    Args:
        engine: the open database.
        path: its file, for the error's words.

    Raises:
        StoreUnusable: the database was written by a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    with engine.begin() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        known = {revision.revision for revision in script.walk_revisions()}
        if current is not None and current not in known:
            raise StoreUnusable(
                f"{path} was written by a newer version of Entente (revision {current})",
                hint="install that version again, or restore the backup made before the upgrade",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
