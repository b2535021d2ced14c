"""The queue of the distributed engine: Procrastinate's own tables, and triggers that defer jobs. PostgreSQL only"""

from importlib.resources import files
from typing import Any

from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

# Statements after which something of the lane "rows" may be owed. A table that is missing here is swept some seconds later.
_WORK = {
    'intents': 'INSERT OR UPDATE OF opened_at, paused_at, revision',
    'subscriptions': 'INSERT OR UPDATE OF changed_at, paused_at',
    'channels': 'INSERT OR UPDATE OF verified_at, paused_at, switched_off_at',
    'revisions': 'INSERT',
    'messages': 'INSERT',
    'responses': 'INSERT',
    'leads': 'UPDATE OF revealed_at',
    'entries': 'INSERT OR UPDATE OF ask_at',
}
_FUNCTIONS = """
CREATE FUNCTION vrm_defer_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('work', 'work', '{"lane": "rows"}');
    RETURN NULL;
END $$;

-- One job for each 200 of what a statement wrote, so that workers share it.
CREATE FUNCTION vrm_defer_deliver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args)
    SELECT 'deliver', 'deliver', 1, jsonb_build_object('ids', jsonb_agg(id))
    FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / 200 AS batch
          FROM written WHERE done_at IS NULL AND due_at <= now() + interval '1 second') AS numbered
    GROUP BY batch;
    RETURN NULL;
END $$;

CREATE TRIGGER vrm_deliver AFTER INSERT ON notifications REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION vrm_defer_deliver();
"""
# Nothing else of ours begins with these names.
_DROP = """
DROP TABLE procrastinate_periodic_defers, procrastinate_events, procrastinate_jobs, procrastinate_workers CASCADE;
DO $$
DECLARE found record;
BEGIN
    FOR found IN SELECT oid::regprocedure AS name FROM pg_proc
                 WHERE proname LIKE 'procrastinate\\_%' AND pronamespace = current_schema()::regnamespace
    LOOP EXECUTE 'DROP FUNCTION ' || found.name || ' CASCADE'; END LOOP;
    FOR found IN SELECT oid::regtype AS name FROM pg_type
                 WHERE typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c')
                 AND typnamespace = current_schema()::regnamespace
    LOOP EXECUTE 'DROP TYPE ' || found.name || ' CASCADE'; END LOOP;
END $$;
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != 'postgresql':
        return
    # Of the release that setup.cfg pins: a newer one comes with a migration of its own.
    _run((files('procrastinate') / 'sql' / 'schema.sql').read_text(encoding='utf-8'))
    _run(_FUNCTIONS)
    for table, when in _WORK.items():
        _run(
            f'CREATE TRIGGER vrm_work AFTER {when} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION vrm_defer_work()'
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != 'postgresql':
        return
    _run('DROP FUNCTION vrm_defer_work() CASCADE')
    _run('DROP FUNCTION vrm_defer_deliver() CASCADE')
    _run(_DROP)


def _run(statements: str) -> None:
    """Many statements as they stand: no sign in them means a parameter."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
