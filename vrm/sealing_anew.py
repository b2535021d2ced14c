"""Whatever is kept open that should be sealed, or is sealed with an old key → sealed with the present one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, select, type_coerce, update

from vrm.kernel.db import Store
from vrm.kernel.factors import Totp
from vrm.kernel.sealed import SealedDocument, SealedText, sealer_of
from vrm.kernel.sealing import Sealer
from vrm.models import Base

_AT_ONCE = 500  # Rows that are locked together.


@dataclass(frozen=True, slots=True)
class _Place:
    """A column that is sealed."""

    column: Column[Any]
    kind: SealedDocument | SealedText

    def __str__(self) -> str:
        return f"{self.column.table.name}.{self.column.name}"


def seal_anew(store: Store) -> Mapping[str, int]:
    """Go through every sealed column, in small transactions: how many values were sealed, by table.column.

    SealBroken when something was sealed with a key that nobody named; what was done until then stays done.
    """
    sealer = sealer_of(store.engine)
    return {} if sealer is None else {str(place): _anew(store, place, sealer) for place in _places()}


def _places() -> Iterator[_Place]:
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, SealedDocument | SealedText):
                yield _Place(column, column.type)
            elif column is Totp.__table__.c.sealed:  # Sealed by hand.
                yield _Place(column, SealedText("totp"))


def _anew(store: Store, place: _Place, sealer: Sealer) -> int:
    column, kind, dialect = place.column, place.kind, store.engine.dialect
    (key,) = column.table.primary_key.columns
    raw = kind.load_dialect_impl(dialect)
    found = select(key, type_coerce(column, raw)).order_by(key).limit(_AT_ONCE).with_for_update()
    count = last = 0
    while True:
        with store.write() as session:
            rows = session.execute(found.where(key > last)).all()
            for id_, kept in rows:
                if _is_due(kind, kept, sealer):
                    plain: Any = kind.process_result_value(kept, dialect)
                    anew = kind.process_bind_param(plain, dialect)
                    change = update(column.table).where(key == id_)
                    session.execute(change.values({column: type_coerce(anew, raw)}))
                    count += 1
        if not rows:
            return count
        last = rows[-1][0]


def _is_due(kind: SealedDocument | SealedText, kept: Any, sealer: Sealer) -> bool:
    token = kind.token_in(kept)
    return kind.must_be_sealed(kept) if token is None else not sealer.is_present(kind.purpose, token)
