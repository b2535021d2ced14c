"""A customer may tell a few vendors at a time; vendors prove their website; a changed want may match no more.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = vrm.kernel.db.MomentType()


def _word(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def _leads(*withheld: str) -> sa.Table:
    # SQLite rebuilds the table; what its reflection does not see (checks, WITHOUT ROWID) is said here.
    return sa.Table(
        'leads',
        sa.MetaData(naming_convention={'ck': 'ck_%(table_name)s_%(constraint_name)s'}),
        sa.Column('intent_id', _ID, nullable=False),
        sa.Column('vendor_id', _ID, nullable=False),
        sa.Column('reasons', vrm.kernel.db.Document, nullable=False),
        sa.Column('routed_at', _MOMENT, nullable=False),
        sa.Column('withheld', _word('withheld', *withheld)),
        sa.Column('notified_at', _MOMENT),
        sa.Column('delivered_at', _MOMENT),
        sa.Column('undelivered', _word('undelivered', 'no-channel', 'bounced', 'refused', 'unreachable', 'switched-off', 'too-late')),
        sa.Column('seen_at', _MOMENT),
        sa.Column('seen_by', _word('seenby', 'page', 'post', 'api')),
        sa.Column('responded_at', _MOMENT),
        sa.Column('revealed_at', _MOMENT),
        sa.Column('reveal_announced_at', _MOMENT),
        sa.Column('declined_at', _MOMENT),
        sa.ForeignKeyConstraint(['intent_id'], ['intents.id'], name='fk_leads_intent_id', ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name='fk_leads_vendor_id', ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('intent_id', 'vendor_id', name='pk_leads'),
        sa.Index('ix_leads_inbox', 'vendor_id', 'intent_id'),
        sa.Index('ix_leads_to_announce', 'revealed_at', sqlite_where=sa.text('revealed_at IS NOT NULL AND reveal_announced_at IS NULL')),
        sqlite_with_rowid=False,
    )


def _allow(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """Another set of words for `withheld`."""
    if op.get_bind().dialect.name == 'postgresql':
        op.drop_constraint(op.f('ck_leads_withheld'), 'leads', type_='check')
        op.create_check_constraint('withheld', 'leads', sa.column('withheld').in_(after))
        return
    with op.batch_alter_table(
        'leads', copy_from=_leads(*after), recreate='always', table_kwargs={'sqlite_with_rowid': False}
    ):
        pass


def upgrade() -> None:
    _allow(('blocked',), ('blocked', 'cap'))
    op.add_column('leads', sa.Column('unmatched_at', _MOMENT))
    op.add_column('leads', sa.Column('turn', sa.String(64)))
    op.add_column('leads', sa.Column('turn_came_at', _MOMENT))
    op.add_column('leads', sa.Column('look_at', _MOMENT))
    for name, columns, where in (
        ('ix_leads_to_line_up', ['intent_id'], "withheld = 'cap' AND turn IS NULL"),
        ('ix_leads_line', ['intent_id', 'turn'], "withheld = 'cap'"),
        ('ix_leads_waiting', ['vendor_id'], "withheld = 'cap'"),
        ('ix_leads_turns', ['look_at'], 'look_at IS NOT NULL'),
    ):
        op.create_index(name, 'leads', columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.add_column('vendors', sa.Column('verified_at', _MOMENT))
    for name in ('tell_at_most', 'patience_h'):
        # SQLite adds a column only with the check inside it, which is then its own.
        check = sa.CheckConstraint(f'{name} IS NULL OR {name} > 0', name=op.f(f'ck_intents_{name}'))
        op.add_column('intents', sa.Column(name, sa.Integer(), check))


def downgrade() -> None:
    for name in ('patience_h', 'tell_at_most'):
        op.drop_column('intents', name)
    op.drop_column('vendors', 'verified_at')
    op.execute("UPDATE leads SET withheld = 'blocked' WHERE withheld = 'cap'")
    for name in ('ix_leads_turns', 'ix_leads_waiting', 'ix_leads_line', 'ix_leads_to_line_up'):
        op.drop_index(name, 'leads')
    for name in ('look_at', 'turn_came_at', 'turn', 'unmatched_at'):
        op.drop_column('leads', name)
    _allow(('blocked', 'cap'), ('blocked',))
