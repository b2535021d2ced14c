"""The language in which a vendor's channels are written to"""

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('vendors', sa.Column('locale', sa.String(length=64), server_default='', nullable=False))


def downgrade() -> None:
    op.drop_column('vendors', 'locale')
