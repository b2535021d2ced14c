"""Watched feeds and what was seen there"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = vrm.kernel.db.MomentType()


def upgrade() -> None:
    op.create_table('watches',
        sa.Column('id', _ID, nullable=False),
        sa.Column('code', sa.String(length=32), nullable=False),
        sa.Column('vendor_id', _ID, nullable=True),
        sa.Column('url', sa.String(length=2000), nullable=False),
        sa.Column('title', sa.String(length=500), nullable=False),
        sa.Column('blocked', sa.Text(), nullable=False),
        sa.Column('created_at', _MOMENT, nullable=False),
        sa.Column('next_fetch_at', _MOMENT, nullable=False),
        sa.Column('fetched_at', _MOMENT, nullable=True),
        sa.Column('newest_at', _MOMENT, nullable=True),
        sa.Column('etag', sa.String(length=500), nullable=True),
        sa.Column('last_modified', sa.String(length=500), nullable=True),
        sa.Column('failures', sa.Integer(), nullable=False),
        sa.Column('trouble', sa.String(length=500), nullable=True),
        sa.Column('ended_at', _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name=op.f('fk_watches_vendor_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_watches')),
        sa.UniqueConstraint('code', name=op.f('uq_watches_code')),
    )
    live = sa.text('ended_at IS NULL')
    op.create_index('ix_watches_due', 'watches', ['next_fetch_at'], sqlite_where=live, postgresql_where=live)
    op.create_index('ix_watches_vendor', 'watches', ['vendor_id'])
    op.create_table('sightings',
        sa.Column('id', _ID, nullable=False),
        sa.Column('code', sa.String(length=32), nullable=False),
        sa.Column('watch_id', _ID, nullable=False),
        sa.Column('url', sa.String(length=2000), nullable=False),
        sa.Column('category_id', _ID, nullable=True),
        sa.Column('region_id', _ID, nullable=True),
        sa.Column('seen_at', _MOMENT, nullable=False),
        sa.Column('claimed_at', _MOMENT, nullable=True),
        sa.Column('dismissed_at', _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(['category_id'], ['categories.id'], name=op.f('fk_sightings_category_id')),
        sa.ForeignKeyConstraint(['region_id'], ['regions.id'], name=op.f('fk_sightings_region_id')),
        sa.ForeignKeyConstraint(['watch_id'], ['watches.id'], name=op.f('fk_sightings_watch_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sightings')),
        sa.UniqueConstraint('code', name=op.f('uq_sightings_code')),
        sa.UniqueConstraint('watch_id', 'url', name=op.f('uq_sightings_watch_id_url')),
    )
    op.create_index('ix_sightings_seen_at', 'sightings', ['seen_at'])


def downgrade() -> None:
    op.drop_table('sightings')
    op.drop_table('watches')
