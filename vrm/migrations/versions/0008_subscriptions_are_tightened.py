"""A subscription made narrower by one press, which one press takes back.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

_REF = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'tightenings',
        sa.Column('id', _REF, nullable=False),
        sa.Column('subscription_id', _REF, nullable=False),
        sa.Column('made_at', vrm.kernel.db.MomentType(), nullable=False),
        sa.Column('before', vrm.kernel.db.Document, nullable=False),
        sa.Column('after', vrm.kernel.db.Document, nullable=False),
        sa.Column('undone_at', vrm.kernel.db.MomentType(), nullable=True),
        sa.ForeignKeyConstraint(
            ['subscription_id'], ['subscriptions.id'], name=op.f('fk_tightenings_subscription_id'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_tightenings')),
    )
    op.create_index(op.f('ix_tightenings_subscription_id'), 'tightenings', ['subscription_id'])


def downgrade() -> None:
    op.drop_table('tightenings')
