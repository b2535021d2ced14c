"""Columns whose values are sealed at rest: plain where the program reads them, unreadable in the file and its backups.

The key is no part of the store: whoever opens it says with `use` what seals it.
"""

import json
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import JSON, Dialect, Engine, String, TypeDecorator
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from vrm.kernel.sealing import SealBroken, Sealer

_SEALERS: WeakKeyDictionary[Dialect, Sealer] = WeakKeyDictionary()  # An engine has a dialect of its own.
_MARK = "sealed"
_TOKEN = "gAAAAA"  # noqa: S105 - How every Fernet token begins until 2106.


def use(engine: Engine, sealer: Sealer) -> None:
    """From now on this seals, and opens, what goes through the engine. Without one nothing is sealed."""
    _SEALERS[engine.dialect] = sealer


def sealer_of(engine: Engine) -> Sealer | None:
    """What seals here."""
    return _SEALERS.get(engine.dialect)


def _open(dialect: Dialect, purpose: str, sealed: str) -> str:
    sealer = _SEALERS.get(dialect)
    if sealer is None:
        raise SealBroken("The store was opened without its secret key, and this is sealed with it.")
    return sealer.open(purpose, sealed)


class SealedDocument(TypeDecorator[dict[str, Any]]):
    """A small JSON object. One that holds nothing beside the names in `open_names` is kept as it is."""

    impl = JSON
    cache_ok = True

    def __init__(self, purpose: str, open_names: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.purpose = purpose
        self.open_names = open_names

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(postgresql.JSONB() if dialect.name == "postgresql" else JSON())

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> dict[str, Any] | None:
        sealer = _SEALERS.get(dialect)
        if value is None or sealer is None or self.open_names.issuperset(value):
            return value
        return {_MARK: sealer.seal(self.purpose, json.dumps(value, ensure_ascii=False))}

    def process_result_value(self, value: Any, dialect: Dialect) -> dict[str, Any] | None:
        token = self.token_in(value)
        if token is None:
            opened: dict[str, Any] | None = value
        else:
            opened = json.loads(_open(dialect, self.purpose, token))
        return opened

    def token_in(self, kept: Any) -> str | None:
        """The sealed text in what the store keeps; None when it is kept as it is."""
        return str(kept[_MARK]) if isinstance(kept, dict) and kept.keys() == {_MARK} else None

    def must_be_sealed(self, kept: Any) -> bool:
        """Whether what the store keeps open should not be."""
        return isinstance(kept, dict) and not self.open_names.issuperset(kept)


class SealedText(TypeDecorator[str]):
    """A secret that we made ourselves, and so know not to look like a sealed one."""

    impl = String
    cache_ok = True

    def __init__(self, purpose: str, length: int = 2_000) -> None:
        super().__init__(length)
        self.purpose = purpose

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        sealer = _SEALERS.get(dialect)
        return value if value is None or sealer is None else sealer.seal(self.purpose, value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        token = self.token_in(value)
        opened: str | None = value
        return opened if token is None else _open(dialect, self.purpose, token)

    def token_in(self, kept: Any) -> str | None:
        """As in SealedDocument."""
        return kept if isinstance(kept, str) and kept.startswith(_TOKEN) else None

    def must_be_sealed(self, kept: Any) -> bool:
        """As in SealedDocument."""
        return isinstance(kept, str)
