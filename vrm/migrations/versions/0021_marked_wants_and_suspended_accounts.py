"""Wants that are made for one vendor, with what was found of them; accounts that are suspended"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db
from vrm.migrations.checks import allow

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_HELD_BY = ('operator', 'lookalikes', 'new-account')


def upgrade() -> None:
    op.add_column('accounts', sa.Column('suspended_at', vrm.kernel.db.MomentType(), nullable=True))
    op.add_column('accounts', sa.Column('suspended_because', sa.String(length=500), nullable=True))
    op.add_column('intents', sa.Column('canary_for', _ID, nullable=True))
    marked = sa.text('canary_for IS NOT NULL')
    op.create_index('ix_intents_canaries', 'intents', ['canary_for'], sqlite_where=marked, postgresql_where=marked)
    op.create_table(
        'traces',
        sa.Column('id', _ID, nullable=False),
        sa.Column('intent_id', _ID, nullable=False),
        sa.Column('at', vrm.kernel.db.MomentType(), nullable=False),
        sa.Column(
            'kind',
            sa.Enum('mail', 'read', 'answer', name='tracekind', native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column('who', sa.String(length=500), nullable=False),
        sa.Column('said', sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_traces')),
        sa.ForeignKeyConstraint(['intent_id'], ['intents.id'], name=op.f('fk_traces_intent_id'), ondelete='CASCADE'),
    )
    op.create_index('ix_traces_intent_id', 'traces', ['intent_id', 'id'])
    allow('holds', 'held_by', 'heldby', (*_HELD_BY, 'suspension'))


def downgrade() -> None:
    # Still held, and by whom is what an older broker can say.
    op.execute("UPDATE holds SET held_by = 'operator' WHERE held_by = 'suspension'")
    allow('holds', 'held_by', 'heldby', _HELD_BY)
    op.drop_table('traces')
    # A marked want would become one that everybody hears of.
    op.execute("UPDATE intents SET closed_at = coalesce(closed_at, created_at), outcome = coalesce(outcome, 'withdrawn') WHERE canary_for IS NOT NULL")
    op.drop_index('ix_intents_canaries', table_name='intents')
    op.drop_column('intents', 'canary_for')
    op.drop_column('accounts', 'suspended_because')
    op.drop_column('accounts', 'suspended_at')
