"""Names in other languages, and which edition of the trees is loaded"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('categories', sa.Column('names', vrm.kernel.db.SparseDocument, nullable=True))
    op.add_column('regions', sa.Column('names', vrm.kernel.db.SparseDocument, nullable=True))
    op.add_column('tree_versions', sa.Column('edition', sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column('tree_versions', 'edition')
    op.drop_column('regions', 'names')
    op.drop_column('categories', 'names')
