"""Runs migrations over the connection that `vrm.migrations` hands in."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from vrm.kernel.db import Document, MomentType
from vrm.migrations import ours
from vrm.models import Base


def render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Our own column types by our own names; False leaves the rest to Alembic."""
    if kind == "type" and isinstance(item, MomentType):
        return "vrm.kernel.db.MomentType()"
    if kind == "type" and item is Document:
        return "vrm.kernel.db.Document"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # SQLite cannot alter most things in place; the table is rebuilt instead.
    render_as_batch=True,
    compare_type=True,
    # SQLite's too, since our engines begin transactions themselves: a migration happens whole or not at all.
    transactional_ddl=True,
    render_item=render,
    include_object=ours(connection.dialect.name),
)
with context.begin_transaction():
    context.run_migrations()
