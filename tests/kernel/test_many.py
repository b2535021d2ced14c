"""Many ids in one parameter, on both stores."""

from sqlalchemy import select

from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.many import one_of


def test_one_statement_finds_any_number_of_rows(store: Store, ana: Account, ben: Account) -> None:
    query = select(Account.id).where(one_of(Account.id, "ids")).order_by(Account.id)
    with store.read() as session:
        for ids in ([], [ana.id], {ben.id, ana.id, 10**12}):
            found = session.scalars(query, {"ids": ids}).all()
            assert found == sorted(set(ids) & {ana.id, ben.id})
