"""What happened, in one order, for programs that follow"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_KINDS = (
    'opened', 'changed', 'hidden', 'paused', 'resumed', 'closed', 'routed', 'in-turn', 'response', 'message',
    'revealed', 'declined',
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        'events',
        sa.Column('id', _ID, nullable=False),
        sa.Column('seq', sa.BigInteger(), nullable=True),
        sa.Column(
            'kind',
            sa.Enum(*_KINDS, name='eventkind', native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column('at', vrm.kernel.db.MomentType(), nullable=False),
        sa.Column('intent_id', _ID, nullable=True),
        sa.Column('vendor_id', _ID, nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_events')),
        sa.UniqueConstraint('seq', name=op.f('uq_events_seq')),
        sa.ForeignKeyConstraint(
            ['intent_id'], ['intents.id'], name=op.f('fk_events_intent_id'), ondelete='CASCADE'
        ),
        sa.ForeignKeyConstraint(
            ['vendor_id'], ['vendors.id'], name=op.f('fk_events_vendor_id'), ondelete='CASCADE'
        ),
    )
    where = sa.text('seq IS NULL')
    op.create_index('ix_events_to_number', 'events', ['id'], sqlite_where=where, postgresql_where=where)
    op.create_table(
        'event_clocks',
        sa.Column('id', _ID, nullable=False),
        sa.Column('last', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_event_clocks')),
    )
    # What is there already begins the order.
    op.execute(
        'INSERT INTO events (kind, at, intent_id, vendor_id) SELECT kind, at, intent_id, vendor_id FROM ('
        "SELECT CASE change WHEN 'amended' THEN 'changed' ELSE change END AS kind, made_at AS at, intent_id, "
        'CAST(NULL AS BIGINT) AS vendor_id, 1 AS place FROM revisions '
        "UNION ALL SELECT DISTINCT 'routed', routed_at, intent_id, CAST(NULL AS BIGINT), 2 FROM leads "
        'WHERE turn_came_at IS NULL '
        "UNION ALL SELECT DISTINCT 'in-turn', turn_came_at, intent_id, CAST(NULL AS BIGINT), 2 FROM leads "
        'WHERE turn_came_at IS NOT NULL '
        "UNION ALL SELECT 'response', at, intent_id, vendor_id, 3 FROM responses "
        "UNION ALL SELECT 'message', at, intent_id, vendor_id, 3 FROM messages "
        "UNION ALL SELECT 'revealed', revealed_at, intent_id, vendor_id, 4 FROM leads WHERE revealed_at IS NOT NULL "
        "UNION ALL SELECT 'declined', declined_at, intent_id, vendor_id, 4 FROM leads WHERE declined_at IS NOT NULL"
        ') AS happened ORDER BY at, place, intent_id, vendor_id'
    )


def downgrade() -> None:
    op.drop_table('event_clocks')
    op.drop_table('events')
