"""Circles around a point, words, numbers, days and languages of wants that subscriptions ask for; rates of exchange.

Revision ID: 0006
Revises: 0005
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db
from vrm.kernel import stems

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_NEAR = ('near_km', 'near_lat', 'near_lon', 'near_x', 'near_y', 'near_z')
_FILTERS = ('min_quantity', 'lead_days')
_CIRCLE = ('lat', 'lon', 'x', 'y', 'z')
_LIVE = 'ended_at IS NULL AND paused_at IS NULL'
_BATCH = 1000


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, 'subscriptions', columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _checked(table: str, name: str, kind: sa.types.TypeEngine[Any], words: str) -> sa.Column[Any]:
    # SQLite adds a column only with the check inside it, which is then its own.
    return sa.Column(name, kind, sa.CheckConstraint(words, name=f'ck_{table}_{name}'))


def upgrade() -> None:
    op.create_table(
        'rates',
        sa.Column('currency', sa.String(3), primary_key=True),
        sa.Column('per_euro', sa.Float(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
    )
    op.create_table(
        'intent_places',
        sa.Column('intent_id', _ID, sa.ForeignKey('intents.id', name='fk_intent_places_intent_id', ondelete='CASCADE'), primary_key=True),
        sa.Column('region_id', _ID, sa.ForeignKey('regions.id', name='fk_intent_places_region_id'), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index('ix_intent_places_region', 'intent_places', ['region_id', 'intent_id'])
    op.create_table(
        'subscription_words',
        sa.Column('subscription_id', _ID, sa.ForeignKey('subscriptions.id', name='fk_subscription_words_subscription_id', ondelete='CASCADE'), primary_key=True),
        sa.Column('needle', sa.String(500), primary_key=True),
        sa.Column('excluded', sa.Boolean(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.add_column('intents', _checked('intents', 'near_km', sa.Float(), 'near_km IS NULL OR near_km > 0'))
    for name in _NEAR[1:]:
        op.add_column('intents', sa.Column(name, sa.Float()))
    op.add_column('intents', sa.Column('said', sa.Text(), nullable=False, server_default=''))
    _render()
    for name in _CIRCLE:
        op.add_column('subscriptions', sa.Column(name, sa.Float()))
    op.add_column('subscriptions', _checked('subscriptions', 'reach_km', sa.Float(), '(reach_km IS NULL) = (x IS NULL)'))
    op.add_column('subscriptions', sa.Column('place', sa.BigInteger(), nullable=False, server_default='0'))
    op.execute('UPDATE subscriptions SET place = region_id')
    for name in ('required', 'excluded'):
        op.add_column('subscriptions', sa.Column(name, vrm.kernel.db.Document, nullable=False, server_default='[]'))
    for name in ('words_in', 'language'):
        op.add_column('subscriptions', sa.Column(name, sa.String(64)))
    op.add_column('subscriptions', sa.Column('anchor', sa.BigInteger()))
    op.add_column('subscriptions', sa.Column('has_words', sa.Boolean(), nullable=False, server_default=sa.false()))
    for name in _FILTERS:
        op.add_column('subscriptions', _checked('subscriptions', name, sa.Integer(), f'{name} IS NULL OR {name} > 0'))
    op.drop_index('ix_subscriptions_probe', 'subscriptions')
    probed = [
        'vendor_id', 'min_budget', 'currency', 'condition', 'min_quantity', 'lead_days', 'language', 'reach_km', 'x',
        'y', 'z', 'has_words', 'region_id', 'id', 'ended_at', 'paused_at', 'anchor',
    ]
    _partial('ix_subscriptions_probe', ['category_id', 'place', *probed], f'{_LIVE} AND anchor IS NULL')
    words = ['anchor', 'category_id', 'place', *probed[:-1]]
    _partial('ix_subscriptions_probe_words', words, f'{_LIVE} AND anchor IS NOT NULL')


def _render() -> None:
    """What the wants say that may still be looked through."""
    intents = sa.table('intents', *(sa.column(name) for name in ('id', 'title', 'body', 'said', 'closed_at')))
    written = sa.select(intents.c.id, intents.c.title, intents.c.body).where(intents.c.closed_at.is_(None))
    write = sa.update(intents).where(intents.c.id == sa.bindparam('at')).values(said=sa.bindparam('as_said'))
    last = 0
    while rows := op.get_bind().execute(written.where(intents.c.id > last).order_by(intents.c.id).limit(_BATCH)).all():
        last = rows[-1].id
        op.get_bind().execute(write, [{'at': row.id, 'as_said': stems.said(row.title, row.body)} for row in rows])


def downgrade() -> None:
    # What nobody can keep to any more comes to an end, rather than to bring what was not asked for.
    op.execute(
        'UPDATE subscriptions SET paused_at = changed_at WHERE paused_at IS NULL AND (reach_km IS NOT NULL OR has_words'
        ' OR anchor IS NOT NULL OR language IS NOT NULL OR min_quantity IS NOT NULL OR lead_days IS NOT NULL)'
    )
    op.drop_index('ix_subscriptions_probe_words', 'subscriptions')
    op.drop_index('ix_subscriptions_probe', 'subscriptions')
    before = [
        'category_id', 'region_id', 'vendor_id', 'min_budget', 'currency', 'condition', 'id', 'ended_at', 'paused_at',
    ]
    _partial('ix_subscriptions_probe', before, _LIVE)
    for name in (
        *reversed(_FILTERS), 'has_words', 'anchor', 'language', 'words_in', 'excluded', 'required', 'place', 'reach_km',
        *reversed(_CIRCLE),
    ):
        op.drop_column('subscriptions', name)
    op.drop_column('intents', 'said')
    for name in (*reversed(_NEAR[1:]), 'near_km'):
        op.drop_column('intents', name)
    for table in ('subscription_words', 'intent_places', 'rates'):
        op.drop_table(table)
