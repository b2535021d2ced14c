"""Wants that are held, reports, prints of new accounts' wants, suspended accounts and vendors; audit rows name nobody"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db
from vrm.migrations.checks import allow

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_TOPICS = (
    'lead.created', 'lead.updated', 'lead.withdrawn', 'lead.revealed', 'message.created', 'digest', 'channel.off',
    'channel.challenge', 'test', 'letter.sign-in', 'letter.verify', 'letter.ask-entry', 'letter.ask-vanished',
    'letter.answered', 'letter.channel-off',
)  # fmt: skip
_MORE = ('letter.moderation',)
_COLUMNS = (
    ('accounts', 'trusted_at', vrm.kernel.db.MomentType()),
    ('vendors', 'suspended_at', vrm.kernel.db.MomentType()),
    ('vendors', 'suspended_because', sa.String(length=500)),
    ('intents', 'held_at', vrm.kernel.db.MomentType()),
)


def _set(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=20)


def upgrade() -> None:
    allow('notifications', 'topic', 'topic', _TOPICS + _MORE)
    for table, column, kind in _COLUMNS:
        op.add_column(table, sa.Column(column, kind, nullable=True))
    op.create_table(
        'holds',
        sa.Column('id', _ID, nullable=False),
        sa.Column('intent_id', _ID, nullable=False),
        sa.Column('held_at', vrm.kernel.db.MomentType(), nullable=False),
        sa.Column('held_by', _set('heldby', 'operator', 'lookalikes', 'new-account'), nullable=False),
        sa.Column('why', sa.String(length=500), nullable=False),
        sa.Column('was_paused', sa.Boolean(), nullable=False),
        sa.Column('answer', sa.Text(), nullable=False),
        sa.Column('answered_at', vrm.kernel.db.MomentType(), nullable=True),
        sa.Column('ended_at', vrm.kernel.db.MomentType(), nullable=True),
        sa.Column('to_tell', _set('holdword', 'held', 'released', 'removed'), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_holds')),
        sa.ForeignKeyConstraint(['intent_id'], ['intents.id'], name=op.f('fk_holds_intent_id'), ondelete='CASCADE'),
    )
    now_held = sa.text('ended_at IS NULL')
    op.create_index(
        'uq_holds_intent_id', 'holds', ['intent_id'], unique=True, sqlite_where=now_held, postgresql_where=now_held
    )
    to_tell = sa.text('to_tell IS NOT NULL')
    op.create_index('ix_holds_to_tell', 'holds', ['id'], sqlite_where=to_tell, postgresql_where=to_tell)
    op.create_table(
        'prints',
        sa.Column('band', sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column('intent_id', _ID, nullable=False),
        sa.Column('made_at', vrm.kernel.db.MomentType(), nullable=False),
        sa.PrimaryKeyConstraint('band', 'intent_id', name=op.f('pk_prints')),
        sa.ForeignKeyConstraint(['intent_id'], ['intents.id'], name=op.f('fk_prints_intent_id'), ondelete='CASCADE'),
        sqlite_with_rowid=False,
    )
    op.create_index('ix_prints_made_at', 'prints', ['made_at'])
    op.create_table(
        'reports',
        sa.Column('id', _ID, nullable=False),
        sa.Column('at', vrm.kernel.db.MomentType(), nullable=False),
        sa.Column('account_id', _ID, nullable=True),
        sa.Column('intent_id', _ID, nullable=True),
        sa.Column('vendor_id', _ID, nullable=True),
        sa.Column(
            'reason', _set('reason', 'spam', 'fraud', 'illegal', 'offensive', 'personal', 'other'), nullable=False
        ),
        sa.Column('words', sa.Text(), nullable=False),
        sa.Column('closed_at', vrm.kernel.db.MomentType(), nullable=True),
        sa.Column('ruling', _set('ruling', 'dismissed', 'acted'), nullable=True),
        sa.Column('told_at', vrm.kernel.db.MomentType(), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_reports')),
        sa.CheckConstraint('intent_id IS NOT NULL OR vendor_id IS NOT NULL', name=op.f('ck_reports_subject')),
        sa.CheckConstraint('(closed_at IS NULL) = (ruling IS NULL)', name=op.f('ck_reports_closed_has_ruling')),
        sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_reports_account_id'), ondelete='SET NULL'),
        sa.ForeignKeyConstraint(['intent_id'], ['intents.id'], name=op.f('fk_reports_intent_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name=op.f('fk_reports_vendor_id'), ondelete='CASCADE'),
    )
    for name, where in (
        ('ix_reports_open', 'closed_at IS NULL'),
        ('ix_reports_to_tell', 'closed_at IS NOT NULL AND told_at IS NULL AND account_id IS NOT NULL'),
    ):
        op.create_index(name, 'reports', ['id'], sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    # Who was here before does not begin small.
    op.execute('UPDATE accounts SET trusted_at = created_at')
    # Rows of before named people by their addresses.
    op.execute(
        "UPDATE audits SET subject = 'account:' || (SELECT id FROM accounts WHERE accounts.email = audits.subject)"
        ' WHERE subject IN (SELECT email FROM accounts)'
    )
    op.execute("UPDATE audits SET subject = '(a mailbox)' WHERE subject LIKE '%@%'")


def downgrade() -> None:
    for table in ('reports', 'prints', 'holds'):
        op.drop_table(table)
    op.execute("DELETE FROM notifications WHERE topic = 'letter.moderation'")
    # What is suspended or held stays silent: it is paused as well.
    for table, column, _kind in reversed(_COLUMNS):
        op.drop_column(table, column)
    allow('notifications', 'topic', 'topic', _TOPICS)
