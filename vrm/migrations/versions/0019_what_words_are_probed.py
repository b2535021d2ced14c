"""On SQLite, what is probed of subscriptions with words holds the words too"""

from alembic import op

import sqlalchemy as sa

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None

_PROBED = [
    'anchor', 'category_id', 'place', 'vendor_id', 'min_budget', 'currency', 'condition', 'min_quantity', 'lead_days',
    'language', 'reach_km', 'x', 'y', 'z', 'has_words', 'region_id', 'id', 'silent_at',
]
_WHERE = sa.text('silent_at IS NULL AND anchor IS NOT NULL')


def upgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        op.drop_index('ix_subscriptions_probe_words', 'subscriptions')
        op.create_index('ix_subscriptions_probe_said', 'subscriptions', [*_PROBED, 'required'], sqlite_where=_WHERE)


def downgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        op.drop_index('ix_subscriptions_probe_said', 'subscriptions')
        op.create_index('ix_subscriptions_probe_words', 'subscriptions', _PROBED, sqlite_where=_WHERE)
