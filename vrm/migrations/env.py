"""Runs migrations over the connection that `vrm.migrations` hands in."""

from alembic import context

from vrm.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite cannot alter most things in place; the table is rebuilt instead.
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
