"""Whether a subscription listens, with its vendor, in one column of its own; which words matched, in the reasons"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

_LIVE = 'ended_at IS NULL AND paused_at IS NULL'
_PROBED = (
    'vendor_id', 'min_budget', 'currency', 'condition', 'min_quantity', 'lead_days', 'language', 'reach_km', 'x',
    'y', 'z', 'has_words', 'region_id', 'id',
)
_VENDORS_SILENT = 'paused_at IS NOT NULL OR closed_at IS NOT NULL'


def upgrade() -> None:
    op.add_column('subscriptions', sa.Column('silent_at', vrm.kernel.db.MomentType()))
    op.execute(
        'UPDATE subscriptions SET silent_at = coalesce(ended_at, paused_at,'
        ' (SELECT coalesce(vendors.paused_at, vendors.closed_at) FROM vendors WHERE vendors.id = vendor_id))'
    )
    _probe('silent_at IS NULL', ('silent_at',))
    op.drop_index('ix_vendors_silent', 'vendors')


def downgrade() -> None:
    # Which words matched was not kept.
    if op.get_bind().dialect.name == 'sqlite':
        op.execute(
            "UPDATE leads SET reasons = (SELECT json_group_array(json_array(json_extract(value, '$[0]'),"
            " json_extract(value, '$[1]'), json_extract(value, '$[2]'))) FROM json_each(reasons))"
            " WHERE EXISTS (SELECT 1 FROM json_each(reasons) WHERE json_array_length(value) > 3)"
        )
    else:
        op.execute(
            'UPDATE leads SET reasons = (SELECT jsonb_agg(jsonb_build_array(each -> 0, each -> 1, each -> 2))'
            ' FROM jsonb_array_elements(reasons) each)'
            ' WHERE EXISTS (SELECT 1 FROM jsonb_array_elements(reasons) each WHERE jsonb_array_length(each) > 3)'
        )
    _partial('ix_vendors_silent', 'vendors', ['id'], _VENDORS_SILENT)
    _probe(_LIVE, ('ended_at', 'paused_at'))
    op.drop_column('subscriptions', 'silent_at')


def _probe(listens: str, said_by: tuple[str, ...]) -> None:
    for name in ('ix_subscriptions_probe_words', 'ix_subscriptions_probe'):
        op.drop_index(name, 'subscriptions')
    columns = [*_PROBED, *said_by]
    plain = ['category_id', 'place', *columns, 'anchor']
    _partial('ix_subscriptions_probe', 'subscriptions', plain, f'{listens} AND anchor IS NULL')
    words = ['anchor', 'category_id', 'place', *columns]
    _partial('ix_subscriptions_probe_words', 'subscriptions', words, f'{listens} AND anchor IS NOT NULL')


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
