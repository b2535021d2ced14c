"""What customers make of answers: short list, choice, a word afterwards; places and links of offers; templates"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    for name in ('shortlisted_at', 'chosen_at'):
        op.add_column('leads', sa.Column(name, vrm.kernel.db.MomentType(), nullable=True))
    op.add_column('vendors', sa.Column('reply', sa.Text(), nullable=False, server_default=''))
    op.add_column(
        'responses',
        sa.Column('region_id', _BIG, sa.ForeignKey('regions.id', name='fk_responses_region_id'), nullable=True),
        inline_references=True,
    )
    op.add_column('responses', sa.Column('links', vrm.kernel.db.Document, nullable=False, server_default='[]'))
    # Until now nobody could choose a language: every account had the default.
    op.execute("UPDATE accounts SET locale = '' WHERE locale = 'en'")
    op.create_table(
        'exchanges',
        sa.Column('intent_id', _BIG, nullable=False),
        sa.Column('vendor_id', _BIG, nullable=False),
        sa.Column('glad', sa.Boolean(), nullable=False),
        sa.Column('words', sa.String(length=500), nullable=False),
        sa.Column('said_at', vrm.kernel.db.MomentType(), nullable=False),
        sa.ForeignKeyConstraint(
            ['intent_id', 'vendor_id'],
            ['leads.intent_id', 'leads.vendor_id'],
            name=op.f('fk_exchanges_intent_id_vendor_id'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('intent_id', 'vendor_id', name=op.f('pk_exchanges')),
    )
    op.create_index('ix_exchanges_vendor', 'exchanges', ['vendor_id', 'glad'])
    op.create_table(
        'templates',
        sa.Column('id', _BIG, nullable=False),
        sa.Column('vendor_id', _BIG, nullable=False),
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('body', sa.Text(), nullable=False),
        sa.Column('created_at', vrm.kernel.db.MomentType(), nullable=False),
        sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name=op.f('fk_templates_vendor_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_templates')),
        sa.UniqueConstraint('vendor_id', 'name', name=op.f('uq_templates_vendor_id_name')),
    )


def downgrade() -> None:
    op.drop_table('templates')
    op.drop_table('exchanges')
    op.execute("UPDATE accounts SET locale = 'en' WHERE locale = ''")
    with op.batch_alter_table('responses') as table:
        table.drop_column('links')
        table.drop_column('region_id')
    op.drop_column('vendors', 'reply')
    for name in ('chosen_at', 'shortlisted_at'):
        op.drop_column('leads', name)
