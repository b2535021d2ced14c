"""From where on what happened is kept, and whether the order was begun anew by a restore"""

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ('forgotten', 'timeline'):
        op.add_column('event_clocks', sa.Column(name, sa.BigInteger(), nullable=False, server_default='0'))
        if op.get_bind().dialect.name != 'sqlite':
            op.alter_column('event_clocks', name, server_default=None)


def downgrade() -> None:
    for name in ('timeline', 'forgotten'):
        op.drop_column('event_clocks', name)
