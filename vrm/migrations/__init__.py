"""The store's shape through time. `upgrade` brings any store to the newest one and loads the trees."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text
from sqlalchemy.schema import SchemaItem

from vrm import trees
from vrm.kernel import rates
from vrm.kernel.db import Store, open_engine
from vrm.kernel.edition import Edition
from vrm.kernel.errors import VrmError
from vrm.kernel.loading import LoadReport, Progress
from vrm.models import Base

_HERE = Path(__file__).parent
_LOCK = 7310_2008  # Any number, the same in every process: one upgrades, the others wait.


def upgrade(
    store: Store,
    now: datetime,
    *,
    to: str = "head",
    edition: Edition | None = None,
    progress: Progress | None = None,
) -> LoadReport | None:
    """Bring the tables to revision `to` and, at the newest, load categories and regions. Safe to repeat.

    `edition` is of the trees, the committed one if not said. Returns what the load changed; None when `to` is an older
    revision.
    """
    with _migrating(store) as connection:
        command.upgrade(_config(connection), to)
    if to != "head":
        return None
    with store.write() as session:
        rates.load(session)
        return trees.upgrade(session, now, edition=edition, progress=progress)


def downgrade(store: Store, to: str) -> None:
    """Take the tables back to revision `to` ("base" is nothing at all)."""
    with _migrating(store) as connection:
        command.downgrade(_config(connection), to)


def current(store: Store) -> str | None:
    """The revision that the tables are at; None for an empty store."""
    with store.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The revision that this version of the code wants."""
    return _scripts().get_current_head()


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    return ScriptDirectory.from_config(config)


def is_ahead(store: Store) -> bool:
    """Whether a later version of this code has changed the tables already, as in the middle of a rolling deploy."""
    at = current(store)
    known = {revision.revision for revision in _scripts().walk_revisions()}
    return at is not None and at not in known


def drift(store: Store) -> list[object]:
    """How the tables differ from the models; empty when the migrations tell the whole story."""
    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": ours(store.dialect)}
        )
        return list(compare_metadata(context, Base.metadata))


def ours(dialect: str) -> Callable[..., bool]:
    """Of a table or an index: whether models and store should agree on it.

    The queue's tables are Procrastinate's own, and some indexes are for the other kind of store.
    """

    def agreed(made: SchemaItem, name: str | None, *_: object) -> bool:
        theirs = (name or "").startswith(("procrastinate_", "idx_procrastinate_"))
        return not theirs and made.info.get("only") in (None, dialect)

    return agreed


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _migrating(store: Store) -> Iterator[Connection]:
    """A transaction in which nobody else migrates, on a connection of its own."""
    engine = open_engine(store.engine.url.render_as_string(hide_password=False))
    if engine.dialect.name == "sqlite":
        # Rebuilding a table drops the old one, which with foreign keys on would empty whatever points to it.
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = OFF"))
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":  # BEGIN IMMEDIATE has locked an SQLite file already.
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield connection
            if engine.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise VrmError("The migration left rows that point nowhere, and was undone; please report this.")
    finally:
        engine.dispose()
