"""The line of those who wait goes by kilometres, no more by levels of the tree"""

from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Whoever waits is given a place anew. Of whoever was told before, nobody measured how near it is.
    op.execute("UPDATE leads SET turn = NULL WHERE withheld = 'cap'")
    op.execute("UPDATE leads SET turn = substr(turn, 1, 1) || '9' || substr(turn, 3) WHERE turn IS NOT NULL")


def downgrade() -> None:
    op.execute("UPDATE leads SET turn = NULL WHERE withheld = 'cap'")
