"""A customer may tell a few vendors at a time; vendors prove their website; a changed want may match no more.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db
from vrm.migrations.checks import allow

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

_MOMENT = vrm.kernel.db.MomentType()


def upgrade() -> None:
    allow('leads', 'withheld', 'withheld', ('blocked', 'cap', 'changed'))
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
    op.execute("UPDATE leads SET withheld = 'blocked' WHERE withheld IN ('cap', 'changed')")
    for name in ('ix_leads_turns', 'ix_leads_waiting', 'ix_leads_line', 'ix_leads_to_line_up'):
        op.drop_index(name, 'leads')
    for name in ('look_at', 'turn_came_at', 'turn', 'unmatched_at'):
        op.drop_column('leads', name)
    allow('leads', 'withheld', 'withheld', ('blocked',))
