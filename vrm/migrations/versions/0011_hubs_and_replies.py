"""Blogs have a pace of their own and a hub; posts can be insisted on and told where their want is"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = vrm.kernel.db.MomentType()


def upgrade() -> None:
    op.create_table('hub_leases',
        sa.Column('blog_id', _ID, nullable=False),
        sa.Column('code', sa.String(length=32), nullable=False),
        sa.Column('hub', sa.String(length=2000), nullable=False),
        sa.Column('topic', sa.String(length=2000), nullable=False),
        sa.Column('secret', sa.String(length=32), nullable=False),
        sa.Column('ask_at', _MOMENT, nullable=True),
        sa.Column('asked_at', _MOMENT, nullable=True),
        sa.Column('failures', sa.Integer(), nullable=False),
        sa.Column('until', _MOMENT, nullable=True),
        sa.Column('heard_at', _MOMENT, nullable=True),
        sa.Column('trouble', sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(['blog_id'], ['blogs.id'], name=op.f('fk_hub_leases_blog_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('blog_id', name=op.f('pk_hub_leases')),
        sa.UniqueConstraint('code', name=op.f('uq_hub_leases_code')),
    )
    owed = sa.text('ask_at IS NOT NULL')
    op.create_index('ix_hub_leases_due', 'hub_leases', ['ask_at'], sqlite_where=owed, postgresql_where=owed)
    op.add_column('blogs', sa.Column('pace_s', sa.Integer(), server_default='900', nullable=False))
    op.add_column('blogs', sa.Column('reply_to_posts', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('entries', sa.Column('insisted_at', _MOMENT, nullable=True))
    op.add_column('entries', sa.Column('reply_code', sa.String(length=32), nullable=True))
    op.add_column('entries', sa.Column('reply_at', _MOMENT, nullable=True))
    op.add_column('entries', sa.Column('reply_tries', sa.Integer(), server_default='0', nullable=False))
    op.add_column('entries', sa.Column('replied_at', _MOMENT, nullable=True))
    op.add_column('entries', sa.Column('reply_note', sa.String(length=500), nullable=True))
    op.create_index('uq_entries_reply_code', 'entries', ['reply_code'], unique=True)
    owed = sa.text('reply_at IS NOT NULL')
    op.create_index('ix_entries_to_reply', 'entries', ['reply_at'], sqlite_where=owed, postgresql_where=owed)


def downgrade() -> None:
    op.drop_index('ix_entries_to_reply', 'entries')
    op.drop_index('uq_entries_reply_code', 'entries')
    for column in ('reply_note', 'replied_at', 'reply_tries', 'reply_at', 'reply_code', 'insisted_at'):
        op.drop_column('entries', column)
    op.drop_column('blogs', 'reply_to_posts')
    op.drop_column('blogs', 'pace_s')
    op.drop_index('ix_hub_leases_due', 'hub_leases')
    op.drop_table('hub_leases')
