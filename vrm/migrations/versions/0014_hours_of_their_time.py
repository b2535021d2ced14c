"""What a vendor's hours were when; one reply of a vendor to its figures instead of two"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

_REF = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = vrm.kernel.db.MomentType
_WORD = sa.String(64)


def upgrade() -> None:
    op.create_table(
        'calendar_versions',
        sa.Column('vendor_id', _REF, nullable=False),
        sa.Column('since', _MOMENT(), nullable=False),
        sa.Column('zone', _WORD, nullable=False),
        sa.Column('open', vrm.kernel.db.Document, nullable=False),
        sa.Column('holidays', _WORD, nullable=False),
        sa.ForeignKeyConstraint(
            ['vendor_id'], ['vendors.id'], name=op.f('fk_calendar_versions_vendor_id'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('vendor_id', 'since', name=op.f('pk_calendar_versions')),
    )
    # The hours that stand have stood since they were last changed; what was before that nobody knows.
    op.execute(
        'INSERT INTO calendar_versions (vendor_id, since, zone, "open", holidays) '
        'SELECT c.vendor_id, c.changed_at, v.zone, c."open", c.holidays FROM calendars c '
        'JOIN vendors v ON v.id = c.vendor_id'
    )
    op.add_column('vendors', sa.Column('replied_at', _MOMENT(), nullable=True))
    # Who replied in both places said both; the shorter limit of the page is no reason to lose a word.
    op.execute(
        "UPDATE vendors SET reply = CASE WHEN reply IN ('', r.body) THEN r.body "
        "ELSE reply || chr(10) || chr(10) || r.body END, replied_at = r.at "
        "FROM research_replies r WHERE r.vendor_id = vendors.id AND r.body <> ''".replace(
            'chr', 'char' if op.get_bind().dialect.name == 'sqlite' else 'chr'
        )
    )
    op.drop_table('research_replies')


def downgrade() -> None:
    op.create_table(
        'research_replies',
        sa.Column('vendor_id', _REF, nullable=False),
        sa.Column('body', sa.Text(), nullable=False),
        sa.Column('at', _MOMENT(), nullable=False),
        sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name=op.f('fk_research_replies_vendor_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('vendor_id', name=op.f('pk_research_replies')),
    )
    op.execute(
        "INSERT INTO research_replies (vendor_id, body, at) SELECT id, reply, replied_at FROM vendors "
        "WHERE reply <> '' AND replied_at IS NOT NULL"
    )
    op.drop_column('vendors', 'replied_at')
    op.drop_table('calendar_versions')
