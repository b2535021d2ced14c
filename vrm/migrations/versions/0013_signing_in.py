"""Sessions of browsers in place of an epoch; codes of an app, recovery codes and passkeys"""

import sqlalchemy as sa
from alembic import op

import vrm.kernel.db

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def _account(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    name = op.f(f'fk_{table}_account_id')
    return (
        sa.Column('account_id', _ID, nullable=False),
        sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=name, ondelete='CASCADE'),
    )


def upgrade() -> None:
    moment = vrm.kernel.db.MomentType()
    op.create_table(
        'browser_sessions',
        sa.Column('id', _ID, nullable=False),
        sa.Column('code', sa.String(32), nullable=False),
        *_account('browser_sessions'),
        sa.Column('secret_hash', sa.String(64), nullable=False),
        sa.Column('agent', sa.String(64), nullable=False),
        sa.Column('began_at', moment, nullable=False),
        sa.Column('proved_at', moment, nullable=False),
        sa.Column('last_seen_at', moment, nullable=False),
        sa.Column('ended_at', moment, nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_browser_sessions')),
        sa.UniqueConstraint('code', name=op.f('uq_browser_sessions_code')),
        sa.UniqueConstraint('secret_hash', name=op.f('uq_browser_sessions_secret_hash')),
    )
    op.create_index(op.f('ix_browser_sessions_account_id'), 'browser_sessions', ['account_id'])
    op.create_table(
        'totps',
        *_account('totps'),
        sa.Column('sealed', sa.String(2000), nullable=False),
        sa.Column('confirmed_at', moment, nullable=False),
        sa.Column('last_step', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('account_id', name=op.f('pk_totps')),
    )
    op.create_table(
        'recovery_codes',
        sa.Column('id', _ID, nullable=False),
        *_account('recovery_codes'),
        sa.Column('secret_hash', sa.String(64), nullable=False),
        sa.Column('spent_at', moment, nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_recovery_codes')),
        sa.UniqueConstraint('secret_hash', name=op.f('uq_recovery_codes_secret_hash')),
    )
    op.create_index(op.f('ix_recovery_codes_account_id'), 'recovery_codes', ['account_id'])
    op.create_table(
        'passkeys',
        sa.Column('id', _ID, nullable=False),
        *_account('passkeys'),
        sa.Column('credential_id', sa.LargeBinary(1023), nullable=False),
        sa.Column('public_key', sa.LargeBinary(), nullable=False),
        sa.Column('sign_count', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(64), nullable=False),
        sa.Column('created_at', moment, nullable=False),
        sa.Column('last_used_at', moment, nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_passkeys')),
        sa.UniqueConstraint('credential_id', name=op.f('uq_passkeys_credential_id')),
    )
    op.create_index(op.f('ix_passkeys_account_id'), 'passkeys', ['account_id'])
    # Cookies that named an epoch open nothing any more: everybody signs in once.
    op.drop_column('accounts', 'session_epoch')


def downgrade() -> None:
    op.add_column('accounts', sa.Column('session_epoch', sa.Integer(), nullable=False, server_default='0'))
    if op.get_bind().dialect.name != 'sqlite':
        op.alter_column('accounts', 'session_epoch', server_default=None)
    for table in ('passkeys', 'recovery_codes', 'totps', 'browser_sessions'):
        op.drop_table(table)
