"""Sentences that their authors let us keep"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('corrections',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('account_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('text', sa.String(length=2000), nullable=False),
    sa.Column('language', sa.String(length=64), nullable=False),
    sa.Column('home', sa.String(length=120), nullable=True),
    sa.Column('understood', vrm.kernel.db.Document, nullable=False),
    sa.Column('meant', vrm.kernel.db.Document, nullable=False),
    sa.Column('said_at', vrm.kernel.db.MomentType(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_corrections_account_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_corrections'))
    )
    with op.batch_alter_table('corrections', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_corrections_account_id'), ['account_id'], unique=False)


def downgrade() -> None:
    op.drop_table('corrections')
