"""Experiments with wants, agreements of researchers, replies of vendors"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import vrm.kernel.db

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

_REF = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = vrm.kernel.db.MomentType
_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')


def upgrade() -> None:
    op.create_table(
        'experiments',
        sa.Column('id', _REF, nullable=False),
        sa.Column('code', sa.String(32), nullable=False),
        sa.Column('title', sa.String(500), nullable=False),
        sa.Column('ethics', sa.Enum('real', 'study', name='ethics', native_enum=False, create_constraint=True, length=20), nullable=False),
        sa.Column('plan', _DOCUMENT, nullable=False),
        sa.Column('digest', sa.String(64), nullable=False),
        sa.Column('account_id', _REF, nullable=True),
        sa.Column('registered_at', _MOMENT(), nullable=False),
        sa.Column('started_at', _MOMENT(), nullable=True),
        sa.Column('ended_at', _MOMENT(), nullable=True),
        sa.Column('ended_because', sa.String(500), nullable=True),
        sa.CheckConstraint('started_at IS NULL OR started_at >= registered_at', name=op.f('ck_experiments_registered_first')),
        sa.CheckConstraint('(ended_at IS NULL) = (ended_because IS NULL)', name=op.f('ck_experiments_ended_because')),
        sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_experiments_account_id'), ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_experiments')),
        sa.UniqueConstraint('code', name=op.f('uq_experiments_code')),
    )
    where = sa.text('started_at IS NOT NULL AND ended_at IS NULL')
    op.create_index('ix_experiments_running', 'experiments', ['id'], sqlite_where=where, postgresql_where=where)
    op.create_table(
        'assignments',
        sa.Column('intent_id', _REF, nullable=False),
        sa.Column('experiment_id', _REF, nullable=False),
        sa.Column('arm', sa.String(64), nullable=False),
        sa.Column('block', sa.String(500), nullable=False),
        sa.Column('place', sa.Integer(), nullable=False),
        sa.Column('opening', sa.Text(), nullable=False),
        sa.Column('channel', sa.String(64), nullable=True),
        sa.Column('dealt_at', _MOMENT(), nullable=False),
        sa.ForeignKeyConstraint(['experiment_id'], ['experiments.id'], name=op.f('fk_assignments_experiment_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['intent_id'], ['intents.id'], name=op.f('fk_assignments_intent_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('intent_id', name=op.f('pk_assignments')),
        sa.UniqueConstraint('experiment_id', 'block', 'place', name=op.f('uq_assignments_experiment_id_block_place')),
    )
    op.create_table(
        'consents',
        sa.Column('experiment_id', _REF, nullable=False),
        sa.Column('vendor_id', _REF, autoincrement=False, nullable=False),
        sa.Column('agreed_at', _MOMENT(), nullable=False),
        sa.ForeignKeyConstraint(['experiment_id'], ['experiments.id'], name=op.f('fk_consents_experiment_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('experiment_id', 'vendor_id', name=op.f('pk_consents')),
    )
    op.create_table(
        'deviations',
        sa.Column('id', _REF, nullable=False),
        sa.Column('experiment_id', _REF, nullable=False),
        sa.Column('at', _MOMENT(), nullable=False),
        sa.Column('sentence', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['experiment_id'], ['experiments.id'], name=op.f('fk_deviations_experiment_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_deviations')),
    )
    op.create_index(op.f('ix_deviations_experiment_id'), 'deviations', ['experiment_id'])
    op.create_table(
        'research_accesses',
        sa.Column('id', _REF, nullable=False),
        sa.Column('account_id', _REF, nullable=False),
        sa.Column('affiliation', sa.String(500), nullable=False),
        sa.Column('purpose', sa.Text(), nullable=False),
        sa.Column('agreement', sa.Text(), nullable=False),
        sa.Column('agreed_at', _MOMENT(), nullable=False),
        sa.Column('approved_at', _MOMENT(), nullable=True),
        sa.Column('approved_by', _REF, nullable=True),
        sa.Column('ended_at', _MOMENT(), nullable=True),
        sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_research_accesses_account_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['approved_by'], ['accounts.id'], name=op.f('fk_research_accesses_approved_by'), ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_research_accesses')),
    )
    op.create_index('ix_research_accesses_account', 'research_accesses', ['account_id', 'id'])
    op.create_table(
        'research_replies',
        sa.Column('vendor_id', _REF, nullable=False),
        sa.Column('body', sa.Text(), nullable=False),
        sa.Column('at', _MOMENT(), nullable=False),
        sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name=op.f('fk_research_replies_vendor_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('vendor_id', name=op.f('pk_research_replies')),
    )


def downgrade() -> None:
    for table in ('research_replies', 'research_accesses', 'deviations', 'consents', 'assignments', 'experiments'):
        op.drop_table(table)
