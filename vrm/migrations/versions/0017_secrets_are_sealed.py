"""Room for sealed secrets of hubs; `vrm db upgrade` seals what is there, in this column and in the others"""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('hub_leases') as batch:
        batch.alter_column('secret', existing_type=sa.String(length=32), type_=sa.String(length=2000))


def downgrade() -> None:
    # An older version cannot open what is sealed. Such channels are removed, and must be added again; the hub is asked
    # anew; letters with a secret in them end, and can be asked for again.
    def sealed(column: str) -> str:
        return f"json_extract({column}, '$.sealed')" if op.get_bind().dialect.name == 'sqlite' else f"{column}->>'sealed'"

    op.execute("DELETE FROM hub_leases WHERE length(secret) > 32")
    op.execute(
        "UPDATE channels SET target = '{}', ended_at = COALESCE(ended_at, created_at) "
        f"WHERE {sealed('target')} IS NOT NULL"
    )
    op.execute(
        "UPDATE notifications SET params = '{}', done_at = COALESCE(done_at, due_at), "
        f"result = COALESCE(result, 'cancelled') WHERE {sealed('params')} IS NOT NULL"
    )
    with op.batch_alter_table('hub_leases') as batch:
        batch.alter_column('secret', existing_type=sa.String(length=2000), type_=sa.String(length=32))
