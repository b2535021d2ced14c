"""Attempts that are not kept any more stay counted"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def upgrade() -> None:
    op.create_table(
        'attempt_totals',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('verdict', _choice('verdict', 'delivered', 'transient', 'permanent'), nullable=False),
        sa.Column(
            'because',
            _choice('undelivered', 'no-channel', 'bounced', 'refused', 'unreachable', 'switched-off', 'too-late'),
            nullable=True,
        ),
        sa.Column('count', sa.BigInteger(), nullable=False),
        sa.Column('took_ms', sa.BigInteger(), nullable=False),
        sa.Column('within', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_attempt_totals')),
    )


def downgrade() -> None:
    op.drop_table('attempt_totals')
