"""When channels are told, digests, what came in by mail, more kinds of channels"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db
from vrm.migrations.checks import allow, rewrite

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

_KINDS = ('email', 'webhook', 'slack', 'discord', 'telegram', 'teams', 'ntfy')
_NEW_KINDS = ('google-chat', 'webex', 'pushover', 'pushbullet', 'feed')
_TOPICS = (
    'lead.created', 'lead.updated', 'lead.withdrawn', 'lead.revealed', 'message.created', 'channel.challenge', 'test',
    'letter.sign-in', 'letter.verify', 'letter.ask-entry', 'letter.ask-vanished', 'letter.answered', 'letter.channel-off',
)
_NEW_TOPICS = ('digest', 'channel.off')
_VIAS = ('page', 'link', 'api')
_RESULTS = ('delivered', 'failed', 'cancelled')
# A column's CHECK may name columns that were added before it; they go in the opposite order.
_COLUMNS = (
    ('paused_because', 'VARCHAR(500)'),
    ('mode', "VARCHAR(20) DEFAULT 'instant' NOT NULL CONSTRAINT ck_channels_mode "
             "CHECK (mode IN ('instant', 'hourly', 'daily', 'weekly'))"),
    ('digest_hour', 'INTEGER DEFAULT 8 NOT NULL CONSTRAINT ck_channels_digest_hour CHECK (digest_hour BETWEEN 0 AND 23)'),
    ('digest_day', 'INTEGER DEFAULT 0 NOT NULL CONSTRAINT ck_channels_digest_day CHECK (digest_day BETWEEN 0 AND 6)'),
    ('quiet_from', 'INTEGER'),
    ('quiet_until', 'INTEGER CONSTRAINT ck_channels_quiet CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))'),
    ('office_only', 'BOOLEAN DEFAULT {false} NOT NULL'),
    ('backup_after_s', "INTEGER CONSTRAINT ck_channels_backup_is_instant "
                       "CHECK (backup_after_s IS NULL OR mode = 'instant')"),
    ('fetched_at', '{moment}'),
)
_REF = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == 'sqlite'
    words = {'moment': 'BIGINT' if sqlite else 'TIMESTAMP WITH TIME ZONE', 'false': '0' if sqlite else 'false'}
    for name, kind in _COLUMNS:
        op.execute(f'ALTER TABLE channels ADD COLUMN {name} {kind.format(**words)}')
    digest = 'FOREIGN KEY(digest_id) REFERENCES notifications (id) ON DELETE SET NULL'
    op.execute(f"ALTER TABLE notifications ADD COLUMN digest_id {'INTEGER' if sqlite else 'BIGINT'}")
    if sqlite:
        first = 'CONSTRAINT fk_notifications_account_id'
        rewrite('notifications', first, f'CONSTRAINT fk_notifications_digest_id {digest}, {first}')
    else:
        op.execute(f'ALTER TABLE notifications ADD CONSTRAINT fk_notifications_digest_id {digest}')
    allow('channels', 'kind', 'channelkind', _KINDS + _NEW_KINDS)
    allow('notifications', 'topic', 'topic', _TOPICS + _NEW_TOPICS)
    allow('notifications', 'result', 'result', (*_RESULTS, 'bundled'))
    allow('responses', 'via', 'via', (*_VIAS, 'mail'))
    allow('agreements', 'via', 'via', (*_VIAS, 'mail'))
    for name, columns, where in (
        ('ix_notifications_digest', ['digest_id'], 'digest_id IS NOT NULL'),
        ('ix_notifications_lost', ['done_at'], "result = 'failed'"),
    ):
        op.create_index(name, 'notifications', columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_table(
        'calendars',
        sa.Column('vendor_id', _REF, nullable=False),
        sa.Column('open', vrm.kernel.db.Document, nullable=False),
        sa.Column('holidays', sa.String(length=64), nullable=False),
        sa.Column('changed_at', vrm.kernel.db.MomentType(), nullable=False),
        sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name=op.f('fk_calendars_vendor_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('vendor_id', name=op.f('pk_calendars')),
    )
    op.create_table(
        'arrivals',
        sa.Column('id', _REF, nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('at', vrm.kernel.db.MomentType(), nullable=False),
        sa.Column('notification_id', _REF, nullable=True),
        sa.Column('came_to', sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ['notification_id'], ['notifications.id'], name=op.f('fk_arrivals_notification_id'), ondelete='SET NULL'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_arrivals')),
        sa.UniqueConstraint('digest', name=op.f('uq_arrivals_digest')),
    )


def downgrade() -> None:
    op.drop_table('arrivals')
    op.drop_table('calendars')
    op.drop_index('ix_notifications_lost', 'notifications')
    op.drop_index('ix_notifications_digest', 'notifications')
    # What the older version has no word for: its nearest one, or nothing.
    op.execute("UPDATE notifications SET result = 'cancelled' WHERE result = 'bundled'")
    op.execute("DELETE FROM attempts WHERE notification_id IN "
               "(SELECT id FROM notifications WHERE topic IN ('digest', 'channel.off'))")
    op.execute("UPDATE notifications SET digest_id = NULL")
    op.execute("DELETE FROM notifications WHERE topic IN ('digest', 'channel.off')")
    kinds = ', '.join(f"'{kind}'" for kind in _NEW_KINDS)
    theirs = f'SELECT id FROM channels WHERE kind IN ({kinds})'
    op.execute(f'DELETE FROM attempts WHERE notification_id IN (SELECT id FROM notifications WHERE channel_id IN ({theirs}))')
    op.execute(f'DELETE FROM notifications WHERE channel_id IN ({theirs})')
    op.execute(f'DELETE FROM channels WHERE kind IN ({kinds})')
    for table in ('responses', 'agreements'):
        op.execute(f"UPDATE {table} SET via = 'link' WHERE via = 'mail'")
        allow(table, 'via', 'via', _VIAS)
    allow('notifications', 'result', 'result', _RESULTS)
    allow('notifications', 'topic', 'topic', _TOPICS)
    allow('channels', 'kind', 'channelkind', _KINDS)
    if op.get_bind().dialect.name == 'sqlite':
        rewrite('notifications', r'CONSTRAINT fk_notifications_digest_id .*? ON DELETE SET NULL, ', '')
    op.drop_column('notifications', 'digest_id')
    for name, _ in reversed(_COLUMNS):
        op.drop_column('channels', name)
